"""The window and its frame loop: the one thread that calls dearpygui."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor import anything, perform, probe, subpatch_verbs, verbs
from graph_editor.commands import Command
from graph_editor.document import Document
from graph_editor.editor import Editor
from graph_editor.files import Files
from graph_editor.keyboard import Keyboard, is_writing
from graph_editor.patch_files import PatchFiles
from graph_editor.prefs import load as load_preferences
from runtime.registry import discover

ACTIVE, PLAYING, IDLE = 1 / 60, 1 / 30, 1 / 8
"""Seconds per frame: while the mouse or keys are busy, while something plays, and else."""
PERFORMING = ("Play",)
"""Groups of commands that the perform view obeys."""
SWITCH = 0.0005
"""Seconds until a busy thread lets the window's go on: a frame hands over many times, and would wait each time."""
FAULTS = 100
"""Frames in a row that may fail by a fault of ours before the window ends, with the work kept: it may be of one moment."""
BUSY = 1.0
"""Seconds after the last move during which the window counts as busy."""


def main(path: Path | None, *, performing: bool = False) -> int:
    """Opens the window on a patch, or on a new one; gives the exit code."""
    began = time.perf_counter()
    sys.setswitchinterval(SWITCH)
    dpg.create_context()
    preferences = load_preferences()
    dpg.configure_app(manual_callback_management=True)
    dpg.create_viewport(
        title="Glasspatch",
        width=preferences.width,
        height=preferences.height,
        x_pos=0,
        y_pos=0,
        vsync=False,
        min_width=900,
        min_height=600,
        disable_close=True,
    )
    dpg.setup_dearpygui()
    dpg.show_viewport()
    return Window(began, preferences, path, performing).run()


class Window:
    """The editor with its loop."""

    def __init__(self, began: float, preferences: Any, path: Path | None, performing: bool) -> None:
        self._began = began
        for _ in range(2):  # the viewport has no size before its first frames
            dpg.render_dearpygui_frame()
        self.editor = Editor(Document(), discover("nodes"), preferences)
        self.editor.files = PatchFiles(self.editor, Files())
        self._keyboard = Keyboard(self._command, self._first, preferences.shortcuts)
        self._down = False
        self._last_move, self._last_mouse = time.monotonic(), (0.0, 0.0)
        self._leaving = False
        self._faults = 0
        self._steps, self._steps_before = 0, 0
        """How many steps there were before the button went down, and at the last frame."""
        with dpg.handler_registry():
            dpg.add_mouse_wheel_handler(callback=self._wheel)
            dpg.add_mouse_click_handler(button=dpg.mvMouseButton_Right, callback=self._right)
            dpg.add_mouse_double_click_handler(button=dpg.mvMouseButton_Left, callback=self._double)
        dpg.set_viewport_resize_callback(lambda *_: self.editor.panes.resize())
        dpg.set_exit_callback(lambda *_: self.editor.files.quit())
        self._display_guard = on_lost_display(self._lost)
        self._probe = probe.serve(self.editor)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._leave())
        self._path, self._performing = path, performing

    def _command(self, command: Command) -> None:
        """Runs a command; while performing, edits wait until the patch is seen again, and while something is asked, for the
        answer."""
        editor = self.editor
        if (editor.palette.is_open or editor.dialogs.is_asking) and not command.writing:
            return
        if editor.performing is None or command.group in PERFORMING or command.name in ("perform", "leave"):
            command.run(editor)

    def _leave(self) -> None:
        self._leaving = True

    def _lost(self) -> None:
        self.editor.files.end()
        self.editor.close()
        os._exit(1)

    def run(self) -> int:
        """Until the window is closed."""
        editor = self.editor
        self._frame()
        self._frame()
        editor.canvas.calibrate()
        editor.panes.resize()  # the sizes of the bars' parts are known now
        editor.files.begin(self._path)
        if self._performing:
            perform.begin(editor)
        first = True
        try:
            while dpg.is_dearpygui_running() and not self._leaving and not editor.is_quitting:
                began = time.perf_counter()
                self._frame()
                if first:
                    first = False
                    editor.first_frame = time.perf_counter() - self._began
                    editor.first_frame_at = time.monotonic()
                    verbs.fit(editor)
                wait = self._pace() - (time.perf_counter() - began)
                if wait > 0:
                    time.sleep(wait)
                editor.frames_per_second += 0.1 * (1.0 / max(time.perf_counter() - began, 1e-6) - editor.frames_per_second)
        finally:  # also where a fault of ours ends it: the work comes first
            editor.files.end()
            editor.close()
        dpg.destroy_context()
        return 0

    def _frame(self) -> None:
        began = time.thread_time()
        for job in dpg.get_callback_queue() or ():
            self._call(job)
        mouse = dpg.get_mouse_pos(local=False)
        down = bool(dpg.is_mouse_button_down(dpg.mvMouseButton_Left))
        pressed, released = down and not self._down, self._down and not down
        self._down = down
        if pressed:  # what the press itself has moved came before this
            self._steps = self._steps_before
        if mouse != self._last_mouse or down or pressed or released:
            self._last_mouse, self._last_move = mouse, time.monotonic()
        self.editor.mouse = (float(mouse[0]), float(mouse[1]))
        try:
            self.editor.frame(self.editor.mouse, pressed, released, down)
            self._faults = 0
        except Exception as error:
            self._faults += 1
            if self._faults > FAULTS:
                raise
            self._fault(error)
        self._steps_before = self.editor.document.depth
        if self._probe is not None:
            self._probe.frame()
        self._keyboard.before_frame()
        dpg.render_dearpygui_frame()
        self.editor.frame_cost = time.thread_time() - began

    def _call(self, job: Any) -> None:
        """One callback; what it raises is told and ends nothing."""
        try:
            dpg.run_callbacks([job])
        except Exception as error:
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        traceback.print_exc()
        words = f"a fault of glasspatch itself: {error}"
        if not any(words in told for told in self.editor.dialogs.toasts()):
            self.editor.say(words, wrong=True)

    def _pace(self) -> float:
        if time.monotonic() - self._last_move < BUSY or self.editor.dialogs.is_open or self._probe is not None:
            return ACTIVE
        return PLAYING if self.editor.client.state != "off" or self.editor.is_running() else IDLE

    def _first(self, key: int) -> bool:
        """Keys that belong to what lies on top."""
        self._last_move = time.monotonic()
        return self.editor.palette.key(key) if self.editor.palette.is_open else self.editor.dialogs.key(key)

    def _wheel(self, _: Any, turns: float) -> None:
        canvas = self.editor.canvas
        if canvas.is_over(self.editor.mouse):
            canvas.zoom_by(1 if turns > 0 else -1, self.editor.mouse)

    def _right(self, *_: Any) -> None:
        editor = self.editor
        if editor.dialogs.is_asking or editor.performing is not None:
            return
        field = anything.pointed_at(editor)
        if field is not None:
            anything.for_param(editor, *field)
        elif editor.canvas.is_over(editor.mouse):
            name = editor.canvas.pointed_at(editor.mouse)
            if name is None:
                editor.open_palette(editor.mouse)
            else:
                if name not in editor.canvas.selection:
                    editor.canvas.select({name})
                anything.for_node(editor)

    def _double(self, *_: Any) -> None:
        editor = self.editor
        if editor.dialogs.is_asking or editor.performing is not None or is_writing():
            return
        field = anything.pointed_at(editor)
        if field is not None:
            self._take_back(f"{field[0]}.{field[1].name}")
            anything.write(editor, *field)
        elif editor.canvas.is_over(editor.mouse):
            name, note = editor.canvas.pointed_at(editor.mouse), editor.canvas.notes.at(editor.mouse)
            if name is not None and editor.document.patch.nodes[name].inside is not None:
                editor.canvas.select({name})
                subpatch_verbs.enter(editor)
            elif name is None and note is not None:
                editor.canvas.notes.write(note)

    def _take_back(self, step: str) -> None:
        """The first click of a double click has moved the slider, which nobody meant."""
        document = self.editor.document
        while document.depth > self._steps and document.undo_names()[0] == step:
            document.undo()


def on_lost_display(run: Callable[[], None]) -> object:
    """Calls `run` when the X server is gone: Xlib would end the process on the spot, without a word to Python. Keep what it
    gives: C cannot."""
    found = ctypes.util.find_library("X11") if sys.platform.startswith("linux") else None
    if found is None:
        return None
    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: run())
    ctypes.CDLL(found).XSetIOErrorHandler(handler)
    return handler
