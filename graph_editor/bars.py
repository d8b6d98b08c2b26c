"""The bar above, with what starts and stops, and the line below, with what is going on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import lists, perform, playing, preferences_view, theme
from graph_editor.commands import by_name
from graph_editor.playing import FULL, GAPS, STATES

if TYPE_CHECKING:
    from graph_editor.editor import Editor

ROOMY, NARROW = 1240, 1000
"""Widths of the window in pixels at scale 1 below which buttons, and then the program's name, do without words."""
CELL_GAP = 20
"""Pixels between the cells of the line below."""
DEVICE = 40
"""Letters of the sound device's name."""


class Toolbar:
    """Name of the patch, files, undo; run, live, stop, take, panic; problems, perform view, preferences."""

    def __init__(self, editor: Editor, parent: Any) -> None:
        self._editor, look = editor, editor.look
        self._shown: Any = None
        self._words: dict[Any, tuple[str, str]] = {}
        self._unplaced = 0
        px = look.px
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=px(8)) as self._left:
            mark = dpg.add_text(theme.icon("audio-lines"))
            dpg.bind_item_theme(mark, look.words("accent"))
            dpg.bind_item_font(mark, look.font("title"))
            self._name = dpg.add_text("Glasspatch")
            dpg.bind_item_font(self._name, look.font("title", "semibold"))
            self._menu = self._button(
                "menu", "", "ghost", lambda: lists.menu(editor), "Files, examples, the library, preferences"
            )
            self._title = dpg.add_text("")
            dpg.bind_item_theme(self._title, look.words("muted"))
            with dpg.group() as self._dot:
                dot = dpg.add_text("\u25cf")
                dpg.bind_item_theme(dot, look.words("warn"))
                editor.explain(dot, "There are changes that are not saved")
            for command, icon in (("save", "save"), ("undo", "undo-2"), ("redo", "redo-2")):
                self._command(icon, command)
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=px(8)) as self._middle:
            self._run = self._button(
                "zap", "Run", "primary", lambda: playing.run(editor), "Make everything offline: slices, models (Ctrl+R)"
            )
            self._live = self._button("radio", "Live", "live", lambda: playing.live(editor), "Play (Ctrl+L)")
            self._stop = self._button(
                "square", "Stop", "plain", lambda: playing.stop(editor), "Stop what plays and what runs (Ctrl+.)"
            )
            self._take = self._button("circle-dot", "Take", "plain", lambda: playing.take(editor), "Record a take (Ctrl+T)")
            self._panic = self._button(
                "volume-x",
                "Panic",
                "plain",
                lambda: playing.panic(editor),
                "Fade to silence at once; again: let the sound in (F12)",
            )
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=px(6)) as self._right:
            self._problems = self._button("triangle-alert", "", "ghost", lambda: lists.problems(editor), "All problems (F8)")
            self._perform = self._button(
                "maximize", "Perform", "ghost", lambda: perform.toggle(editor), "Only the controls that you pinned (F11)"
            )
            self._button("circle-help", "", "ghost", lambda: lists.help_overlay(editor), "Help and shortcuts (F1)")
            self._button("settings", "", "ghost", lambda: preferences_view.show(editor), "Preferences")
        self._parent = parent

    def place(self, width: int) -> None:
        """Centres what starts and stops, and moves the rest to the right; where it is narrow, words go and icons stay."""
        px = self._editor.look.px
        roomy = width >= px(ROOMY)
        for item in (self._stop, self._take, self._panic, self._perform):
            icon, words = self._words[item]
            self._label(item, icon, words, short=not roomy)
        dpg.configure_item(self._name, show=width >= px(NARROW))
        left, middle, right = (dpg.get_item_rect_size(group)[0] for group in (self._left, self._middle, self._right))
        x = max((width - middle) // 2, left + px(14 + 16))
        dpg.set_item_pos(self._middle, [x, px(10)])
        dpg.set_item_pos(self._right, [max(width - right - px(12), x + middle + px(8)), px(10)])

    def parts(self) -> dict[str, Any]:
        """The items that it is made of, from the left."""
        return {"left": self._left, "middle": self._middle, "right": self._right}

    def show(self) -> None:
        """Brings words and lights to the state of things."""
        editor, look = self._editor, self._editor.look
        client = editor.client
        taking = client.snapshot.take if client.snapshot and client.state == "playing" else None
        number = len(editor.all_problems())
        now = (
            editor.title(),
            editor.document.is_changed,
            client.state,
            bool(taking),
            editor.is_silent,
            number,
            editor.is_running(),
        )
        if self._unplaced:  # the sizes of new words are known after they were drawn
            self._unplaced -= 1
            self.place(dpg.get_viewport_client_width())
        if now == self._shown:
            return
        self._shown, self._unplaced = now, 3
        title = editor.title()
        dpg.set_value(self._title, title if len(title) <= 26 else title[:25] + "\u2026")
        dpg.configure_item(self._dot, show=editor.document.is_changed)
        words = {"off": "Live", "starting": "Starting", "playing": "Live", "stopping": "Stopping", "dead": "Restart"}[
            client.state
        ]
        dpg.configure_item(self._live, label=f"{theme.icon('radio')}  {words}")
        dpg.bind_item_theme(
            self._live,
            look.button("danger" if client.state == "dead" else "live" if client.state in ("off", "playing") else "plain"),
        )
        dpg.bind_item_theme(self._take, look.button("danger" if taking else "plain"))
        self._words[self._take] = "circle-dot", "End take" if taking else "Take"
        dpg.bind_item_theme(self._panic, look.button("danger" if editor.is_silent else "plain"))
        dpg.configure_item(self._problems, label=f"{theme.icon('triangle-alert')}  {number}" if number else theme.icon("check"))

    def _button(self, icon: str, words: str, kind: str, run: Any, help_text: str) -> Any:
        look = self._editor.look
        item = dpg.add_button(callback=lambda *_: run())
        self._words[item] = icon, words
        self._label(item, icon, words)
        dpg.bind_item_theme(item, look.button(kind))
        dpg.bind_item_font(item, look.font("text", "medium"))
        self._editor.explain(item, help_text)
        return item

    @staticmethod
    def _label(item: Any, icon: str, words: str, *, short: bool = False) -> None:
        dpg.configure_item(item, label=theme.icon(icon) if short or not words else f"{theme.icon(icon)}  {words}")

    def _command(self, icon: str, name: str) -> None:
        command = by_name(name)
        self._button(icon, "", "ghost", lambda: command.run(self._editor), f"{command.words} ({command.keys[0]})")


class Statusbar:
    """Load, gaps, latency, device, autosave, jobs, and how the window itself is doing."""

    LEAST = ("fps", "size", "latency", "device", "saved")
    """The cells that go where there is no room, the first first."""

    def __init__(self, editor: Editor, parent: Any) -> None:
        self._editor, look = editor, editor.look
        self._cells: dict[str, tuple[Any, Any, str]] = {}
        self._next = 0.0
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=look.px(CELL_GAP)):
            for name, icon, words in (
                ("state", "circle-dot", ""),
                ("load", "cpu", "Load"),
                ("gaps", "triangle-alert", "Gaps"),
                ("latency", "timer", "Latency"),
                ("device", "volume-2", ""),
                ("jobs", "layers", "Jobs"),
                ("saved", "hard-drive", "Autosaved"),
                ("size", "workflow", ""),
                ("fps", "gauge", ""),
            ):
                with dpg.group(horizontal=True, horizontal_spacing=look.px(7)) as cell:
                    head = f"{theme.icon(icon)}  {words}" if words else theme.icon(icon)
                    dpg.bind_item_theme(dpg.add_text(head), look.words("faint"))
                    self._cells[name] = cell, dpg.add_text("-"), head
            more = dpg.add_button(label="Jobs...", show=False, callback=lambda *_: lists.jobs(editor))
            dpg.bind_item_theme(more, look.button("small"))
            self._more = more
        for item in (parent,):
            dpg.bind_item_font(item, look.font("small"))

    def parts(self) -> dict[str, Any]:
        """The cells that are shown, by their names."""
        return {name: cell for name, (cell, _, _) in self._cells.items() if dpg.is_item_shown(cell)}

    def show(self) -> None:
        """Brings the cells to what is known, four times a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.25
        editor = self._editor
        snapshot, is_playing = editor.client.snapshot, editor.client.state == "playing"
        self._cell("state", STATES[editor.client.state], {"playing": "good", "dead": "bad"}.get(editor.client.state, "muted"))
        if snapshot is not None and is_playing:
            gaps = sum(snapshot.counters.get(key, 0) for key in GAPS)
            self._cell(
                "load",
                f"{100 * snapshot.load:.0f} %",
                "bad" if snapshot.load > 0.9 else "warn" if snapshot.load > FULL else "text",
            )
            self._cell("gaps", str(gaps), "warn" if gaps else "good")
            slowest = max(snapshot.latencies.values(), default=None)
            self._cell("latency", f"{1000 * slowest:.0f} ms" if slowest is not None else "-")
            device = snapshot.device
            self._cell("device", device if len(device) <= DEVICE else device[: DEVICE - 1] + "\u2026")
        else:
            for name in ("load", "gaps", "latency"):
                self._cell(name, "-", "faint")
            self._cell("device", editor.preferences.device or "the system's own", "faint")
        self._cell("jobs", jobs_in_words(editor), "text" if editor.is_running() else "faint")
        self._cell("saved", editor.files.autosaved_in_words(), "muted")
        patch = editor.document.patch
        self._cell("size", f"{len(patch.nodes)} nodes, {len(patch.links)} wires", "faint")
        self._cell("fps", f"{editor.frames_per_second:.0f} fps", "faint")
        dpg.configure_item(self._more, show=editor.is_running())
        self._fit()

    def _fit(self) -> None:
        """Hides the least of the cells where they would be cut."""
        look = self._editor.look
        widths = {
            name: look.width(f"{head}{dpg.get_value(item)}", "small") + look.px(7 + CELL_GAP)
            for name, (_, item, head) in self._cells.items()
        }
        room = dpg.get_viewport_client_width() - look.px(28) - (look.px(70) if self._editor.is_running() else 0)
        hidden: set[str] = set()
        for name in self.LEAST:
            if sum(width for cell, width in widths.items() if cell not in hidden) > room:
                hidden.add(name)
        for name, (cell, _, _) in self._cells.items():
            dpg.configure_item(cell, show=name not in hidden)

    def _cell(self, name: str, words: str, colour: str = "text") -> None:
        item = self._cells[name][1]
        if dpg.get_value(item) != words:
            dpg.set_value(item, words)
        dpg.bind_item_theme(item, self._editor.look.words(colour))


def jobs_in_words(editor: Editor) -> str:
    """What the jobs are at, in a few words."""
    jobs = editor.client.jobs.values()
    running = next((job for job in jobs if job.phase == "running"), None)
    if running is None:
        failed = sum(job.phase == "failed" for job in jobs)
        return f"{failed} failed" if failed else "none"
    percent = f" {100 * running.fraction:.0f} %" if running.fraction is not None else ""
    return f"{running.node}{percent}"
