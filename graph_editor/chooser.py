"""Answers by mouse or keyboard: a list to choose from by a part of a word, and a row of buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor.paint import Look

ROWS = 14
"""Choices that are seen at once."""
ENTER = (dpg.mvKey_Return, dpg.mvKey_NumPadEnter)


@dataclass(frozen=True)
class Choice:
    """What stands in a list, with a hint beside it."""

    words: str
    hint: str = ""


def fitting(choices: Sequence[Choice], text: str) -> list[int]:
    """The places of the choices in which every typed word is found, those that begin with the first of them before others."""
    wanted = text.casefold().split()
    found = [place for place, one in enumerate(choices) if all(word in f"{one.words} {one.hint}".casefold() for word in wanted)]
    return sorted(found, key=lambda place: not (wanted and choices[place].words.casefold().startswith(wanted[0])))


class Chooser:
    """A list in a window of its own: type a part of a word, go with the arrows, Enter takes it."""

    def __init__(self, look: Look, parent: Any, width: int, choices: Sequence[Choice], done: Callable[[int], None]) -> None:
        """`done` is given the place of the one that was chosen. `width` in pixels at scale 1."""
        self._look, self._width, self._choices, self._done = look, width - 30, choices, done
        self._found = list(range(len(choices)))
        self._chosen = 0
        self._field = dpg.add_input_text(parent=parent, hint="A part of a word, then Enter", width=-1, callback=self._search)
        self._rows = dpg.add_group(parent=parent)
        dpg.focus_item(self._field)
        self._show()

    def key(self, key: int) -> bool:
        """A key that was pressed; says whether it was for us."""
        if key in (dpg.mvKey_Down, dpg.mvKey_Up):
            self._chosen += 1 if key == dpg.mvKey_Down else -1
            self._show()
        elif key in ENTER:
            if self._found:
                self._done(self._found[self._chosen])
        else:
            return False
        return True

    def _search(self, *_: Any) -> None:
        if not dpg.does_item_exist(self._field):
            return  # closed since
        self._found = fitting(self._choices, dpg.get_value(self._field))
        self._chosen = 0
        self._show()

    def _show(self) -> None:
        look = self._look
        self._chosen = min(max(self._chosen, 0), max(len(self._found) - 1, 0))
        dpg.delete_item(self._rows, children_only=True)
        first = min(max(self._chosen - ROWS + 2, 0), max(len(self._found) - ROWS, 0))
        for place in range(first, min(first + ROWS, len(self._found))):
            one = self._choices[self._found[place]]
            hint = look.width(one.hint, "small") + look.px(14) if one.hint else 0
            with dpg.group(parent=self._rows, horizontal=True, horizontal_spacing=0):
                dpg.add_selectable(
                    label=one.words,
                    default_value=place == self._chosen,
                    width=look.px(self._width) - hint,
                    callback=lambda *_, number=self._found[place]: self._done(number),
                )
                dpg.add_spacer(width=look.px(10))
                item = dpg.add_text(one.hint or " ")
                dpg.bind_item_font(item, look.font("small"))
                dpg.bind_item_theme(item, look.words("faint"))
        if not self._found:
            item = dpg.add_text("nothing is called so", parent=self._rows)
            dpg.bind_item_theme(item, look.words("muted"))


Answer = tuple[str, str, Callable[[], object]]
"""Words, kind of button, what happens."""


class Row:
    """Buttons, one of which Enter presses: the arrows and Tab go from one to the next."""

    def __init__(self, look: Look, parent: Any, answers: Sequence[Answer]) -> None:
        """Makes the buttons side by side in `parent`."""
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=look.px(8)):
            items = [dpg.add_button(label=label, callback=lambda *_, run=run: run()) for label, _, run in answers]
        self.keys = Keys(look, [(item, kind, run) for item, (_, kind, run) in zip(items, answers, strict=True)])


class Keys:
    """Lets the keyboard press one of some buttons, wherever they are."""

    def __init__(self, look: Look, buttons: Sequence[tuple[Any, str, Callable[[], object]]]) -> None:
        """`buttons`: (item, kind, what happens)."""
        self._look, self._buttons, self._chosen = look, buttons, 0
        self._paint()

    def __call__(self, key: int) -> bool:
        """A key that was pressed; says whether it was for us."""
        forth = key in (dpg.mvKey_Right, dpg.mvKey_Down, dpg.mvKey_Tab)
        if key in ENTER:
            self._buttons[self._chosen][2]()
        elif forth or key in (dpg.mvKey_Left, dpg.mvKey_Up):
            self._chosen = (self._chosen + (1 if forth else -1)) % len(self._buttons)
            self._paint()
        else:
            return False
        return True

    def _paint(self) -> None:
        """Only the one that Enter presses is coloured."""
        for place, (item, kind, _) in enumerate(self._buttons):
            mine = "primary" if kind == "plain" else kind
            dpg.bind_item_theme(item, self._look.button(mine if place == self._chosen else "plain"))
