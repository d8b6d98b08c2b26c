"""The dimensions of a control signal as bars with their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor.previews import Now, Seat, View
from graph_editor.theme import Colour, text_width
from runtime.spec import PortType

LEAST_RANGE = 0.02
"""A dimension that was seen to move less than this does not fill its bar: trembling shall look like trembling."""
TRAIL = 48
"""Newest places that the pad remembers."""


class Bars:
    """Named bars in a drawing of their own, each over the range that it was seen to have. `columns` side by side; with `numbers`,
    each with its value at the right. A name stands over its bar, never on it. `span` is the range of all where it is known."""

    def __init__(
        self,
        seat: Seat,
        parent: Any,
        columns: int,
        colour: Colour,
        *,
        numbers: bool,
        span: tuple[float, float] | None = None,
    ) -> None:
        self._seat, self._columns, self._colour, self._numbers = seat, columns, colour, numbers
        self._names: tuple[str, ...] = ()
        self._span = span
        self._low = self._high = np.zeros(0, np.float32)
        self._fills: list[Any] = []
        self._values: list[Any] = []
        self._rows = 1
        look = seat.editor.look
        self._letters = look.height("tiny", seat.zoom)
        self._thick, self._gap = max(seat.px(4), 2), seat.px(10)
        self._row = self._letters + self._thick + seat.px(5)
        self._wide = (seat.width - (columns - 1) * self._gap) / columns
        with dpg.group(parent=parent) as self._group:
            dpg.bind_item_font(self._group, look.font("tiny", zoom=seat.zoom))
            self._list = dpg.add_drawlist(seat.width, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are shown."""
        return self._names

    def reserve(self, names: Sequence[str]) -> None:
        """Lays out bars of these names, still empty."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._make()

    def update(self, values: Any, names: Sequence[str]) -> None:
        """Shows values (float32 [dims])."""
        values = np.nan_to_num(np.asarray(values, np.float32).reshape(-1))
        self.reserve(names if len(names) == len(values) else [f"{number}" for number in range(len(values))])
        if len(self._low) != len(values):
            self._low = self._high = values
        if self._span is None:
            self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        else:
            values = np.clip(values, *self._span)
            self._low, self._high = (np.full(len(values), end, np.float32) for end in self._span)
        shares = (values - self._low) / np.maximum(self._high - self._low, LEAST_RANGE)
        lengths = np.maximum(np.rint(shares * self._wide), self._thick).tolist()
        numbers = [f"{value:.2f}" for value in values.tolist()] if self._numbers else []
        for number, length in enumerate(lengths):
            if length != self._lengths[number]:
                self._lengths[number] = length
                left, top = self._corners[number]
                dpg.configure_item(self._fills[number], pmax=(left + length, top + self._thick), show=True)
            if numbers and numbers[number] != self._shown[number]:
                self._shown[number] = numbers[number]
                self._tell(number, numbers[number])

    def _tell(self, number: int, words: str) -> None:
        """Writes a value at the right of its name."""
        x = self._corners[number][0] + self._wide - text_width(words, self._letters)
        dpg.configure_item(self._values[number], text=words, pos=(x, self._row * (number % self._rows)))

    def _corner(self, number: int) -> tuple[float, float]:
        """Where a bar begins; its name stands above."""
        top = (number % self._rows) * self._row + self._letters + self._seat.px(2)
        return (number // self._rows) * (self._wide + self._gap), top

    def _make(self) -> None:
        look, seat = self._seat.editor.look, self._seat
        dpg.delete_item(self._list, children_only=True)
        self._fills, self._values = [], []
        self._lengths, self._shown = [-1.0] * len(self._names), [""] * len(self._names)
        self._rows = -(-len(self._names) // self._columns)
        self._corners = [self._corner(number) for number in range(len(self._names))]
        dpg.configure_item(self._list, height=max(self._rows * self._row, 1))
        size, number_room = self._letters, look.width("-00.00", "tiny", zoom=seat.zoom) if self._numbers else 0
        for number, name in enumerate(self._names):
            left, top = self._corners[number]
            bottom = top + self._thick
            common: dict[str, Any] = {"parent": self._list, "rounding": self._thick / 2, "color": (0, 0, 0, 0)}
            dpg.draw_rectangle((left, top), (left + self._wide, bottom), fill=look.colour("field"), **common)
            self._fills.append(dpg.draw_rectangle((left, top), (left, bottom), fill=self._colour, show=False, **common))
            above, room = self._row * (number % self._rows), self._wide - number_room
            words = _short(name.replace("_", " "), room, size)
            dpg.draw_text((left, above), words, size=size, color=look.colour("muted"), parent=self._list)
            if self._numbers:
                self._values.append(dpg.draw_text((left, above), "", size=size, color=look.colour("text"), parent=self._list))


def _short(words: str, room: float, size: float) -> str:
    """A name that fits, at its end an ellipsis where it had to be shortened."""
    while len(words) > 1 and text_width(words, size) > room:
        words = words[:-2].rstrip() + "\u2026"
    return words


class Gesture(View):
    """All dimensions of a control by name and number; where there are two or more, the first two as a place in a square."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        outputs = [port.name for port in seat.spec.outputs if port.type is PortType.CONTROL]
        inputs = [port.name for port in seat.spec.inputs if port.type is PortType.CONTROL]
        self.wants, self.sources = (tuple(outputs[:1]), ()) if outputs else ((), tuple(inputs[:1]))
        self._key = (*self.wants, *self.sources)[0]
        self._pad: Any = None
        self._axes: tuple[str, ...] = ()
        self._trail: list[tuple[float, float]] = []
        self._low: Any = None
        self._high: Any = None
        self._bars = Bars(seat, seat.parent, 1, seat.editor.look.type_colour(PortType.CONTROL), numbers=True)

    def update(self, now: Now) -> None:
        values = now.values.get(self._key)
        if values is None or not len(values):
            return
        values = np.nan_to_num(np.asarray(values, np.float32).reshape(-1))
        self._bars.update(values, now.names.get(self._key, ()))
        if len(values) < 2:
            return
        place = values[:2]
        if self._pad is None:
            self._make_pad()
            self._low, self._high = place.copy(), place.copy()
        self._low, self._high = np.minimum(self._low, place), np.maximum(self._high, place)
        share = (place - self._low) / np.maximum(self._high - self._low, LEAST_RANGE)
        x, y = (0.05 + 0.9 * float(share[0])) * self._side, (0.95 - 0.9 * float(share[1])) * self._side
        self._say(self._bars.names[:2])
        self._trail = [*self._trail[-TRAIL + 1 :], (x, y)]
        dpg.configure_item(self._line, points=self._trail if len(self._trail) > 1 else [(x, y), (x, y)])
        dpg.configure_item(self._dot, center=(x, y))

    def _say(self, names: tuple[str, ...]) -> None:
        if names != self._axes:
            self._axes = names
            across, up = (name.replace("_", " ") for name in names)
            dpg.set_value(self._words, f"across: {across}, up: {up}")

    def _make_pad(self) -> None:
        seat, look = self._seat, self._seat.editor.look
        self._side = side = min(seat.width, seat.px(180))
        colour = look.type_colour(PortType.CONTROL)
        with dpg.drawlist(side, side, parent=seat.parent) as self._pad:
            dpg.draw_rectangle((0, 0), (side, side), fill=look.colour("field"), color=(0, 0, 0, 0), rounding=seat.px(5))
            for share in (0.25, 0.5, 0.75):
                dpg.draw_line((share * side, 0), (share * side, side), color=(*look.colour("shade"), 14))
                dpg.draw_line((0, share * side), (side, share * side), color=(*look.colour("shade"), 14))
            self._line = dpg.draw_polyline([(0, 0), (0, 0)], color=(*colour[:3], 120), thickness=seat.px(1.5))
            self._dot = dpg.draw_circle((side / 2, side / 2), seat.px(5), color=(0, 0, 0, 0), fill=colour)
        self._words = dpg.add_text("", parent=seat.parent)
        dpg.bind_item_font(self._words, look.font("tiny", zoom=seat.zoom))
        dpg.bind_item_theme(self._words, look.words("faint"))
