"""The keyboard: which combination was pressed, and whether somebody is typing a text. Chords are missed by the library's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor.commands import NAMED, Command, bindings

MODIFIERS = {
    "Ctrl": ("mvKey_LControl", "mvKey_RControl"),
    "Shift": ("mvKey_LShift", "mvKey_RShift"),
    "Alt": ("mvKey_LAlt", "mvKey_RAlt"),
}
WRITING = ("mvInputText", "mvInputInt", "mvInputFloat")
"""Items that take letters; sliders and dragged numbers are typed in a dialog."""

EQUALS = dpg.mvKey_Minus + 4
"""The key of = and +, for which the library has no name that holds: its keys lie as in Dear ImGui's list."""


class Keyboard:
    """Calls `run(command)` for a combination. `first` sees every key before; True from it ends the matter."""

    def __init__(self, run: Callable[[Command], None], first: Callable[[int], bool], overrides: dict[str, str]) -> None:
        self._run, self._first = run, first
        self._held: set[str] = set()
        self._was_writing = False
        self._codes: dict[int, str] = {}
        self._modifiers = {getattr(dpg, key): name for name, keys in MODIFIERS.items() for key in keys}
        self.set_overrides(overrides)
        with dpg.handler_registry():
            dpg.add_key_press_handler(callback=self._pressed)
            dpg.add_key_release_handler(callback=self._released)

    def set_overrides(self, overrides: dict[str, str]) -> None:
        """Other keys for commands, by their names."""
        self._bindings = bindings(overrides)
        for keys in self._bindings:
            key = keys.split("+")[-1] or "+"
            for spelt in (NAMED.get(key, key), f"NumPad{key}"):
                code = getattr(dpg, f"mvKey_{spelt}", None)
                if code is not None:
                    self._codes[code] = key
        self._codes[dpg.mvKey_NumPadEnter] = "Return"
        self._codes |= {EQUALS: "+", dpg.mvKey_Add: "+", dpg.mvKey_Subtract: "-"}

    @property
    def held(self) -> set[str]:
        """The modifiers that are held: Ctrl, Shift, Alt."""
        return self._held

    def _pressed(self, _: Any, key: int) -> None:
        if key in self._modifiers:
            self._held.add(self._modifiers[key])
            return
        if self._first(key):
            return
        name = self._codes.get(key)
        if name is None:
            return
        combination = "+".join([*(m for m in MODIFIERS if m in self._held), name])
        command = self._bindings.get(combination)
        # A key arrives a frame after it was pressed: Return has ended the writing by then, and belongs to it all the same.
        if command is not None and (command.writing or not (self._was_writing or is_writing())):
            self._run(command)

    def before_frame(self) -> None:
        """Call right before a frame is rendered, in which keys may be pressed."""
        self._was_writing = is_writing()

    def _released(self, _: Any, key: int) -> None:
        self._held.discard(self._modifiers.get(key, ""))


def is_writing() -> bool:
    """Whether a text or number is being typed, so that letters belong to it."""
    item = dpg.get_focused_item()
    return bool(item) and dpg.does_item_exist(item) and _is_written(item)


def _is_written(item: Any) -> bool:
    kind = dpg.get_item_type(item).rpartition("::")[2]
    if kind in WRITING:
        return bool(dpg.is_item_active(item))
    # Of a field in a group the library says that the group has the focus.
    return kind == "mvGroup" and any(_is_written(child) for child in dpg.get_item_children(item, 1))
