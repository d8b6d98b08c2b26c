"""Previews of streams: a meter for sound, bars for controls."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor.previews import Now, Seat, View
from graph_editor.theme import mix
from runtime.spec import PortType

CELLS = 40
FLOOR = -60.0
"""dBFS at the left end of a meter."""


def decibels(peak: float) -> float:
    """dBFS of a peak, at least FLOOR."""
    return max(20.0 * float(np.log10(peak)), FLOOR) if peak > 1e-3 else FLOOR


class Meter(View):
    """The peak of a sound, with the highest of the last second: 60 dB from left to right."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        output = next((port.name for port in seat.spec.outputs if port.type is PortType.AUDIO), None)
        source = next((port.name for port in seat.spec.inputs if port.type is PortType.AUDIO), None)
        self._key = output or source or ""
        self.wants = (output,) if output else ()
        self.sources = (source,) if source and not output else ()
        self._height = seat.px(9)
        self._held, self._held_until = FLOOR, 0.0
        self._shown = (-1, -1)
        self._list = dpg.add_drawlist(seat.width, self._height, parent=seat.parent)
        self._cells: list[Any] = []
        self._lit = [False] * CELLS

    def _make(self) -> None:
        """The cells, once somebody sees them: hundreds of meters of forty cells would hold up the making of a large patch."""
        palette, step = self._seat.editor.look.palette, self._seat.width / CELLS
        self._colours = [
            palette.good if cell < CELLS * 0.7 else palette.warn if cell < CELLS * 0.9 else palette.bad for cell in range(CELLS)
        ]
        self._dark = [mix(colour, palette.node, 0.85) for colour in self._colours]
        dpg.push_container_stack(self._list)
        self._cells = [
            dpg.draw_rectangle((cell * step, 0), ((cell + 0.75) * step, self._height), color=(0, 0, 0, 0), fill=self._dark[cell])
            for cell in range(CELLS)
        ]
        dpg.pop_container_stack()

    def update(self, now: Now) -> None:
        sound = now.values.get(self._key)
        level = decibels(float(np.abs(sound).max())) if sound is not None and sound.size else FLOOR
        if level >= self._held or now.seconds > self._held_until:
            self._held, self._held_until = level, now.seconds + 1.0
        filled, top = (round(CELLS * (1.0 - value / FLOOR)) for value in (level, self._held))
        if (filled, top) == self._shown:
            return
        if not self._cells:
            self._make()
        self._shown = filled, top
        for cell in range(CELLS):
            lit = cell < filled or (cell == top - 1 and top > 0)
            if lit != self._lit[cell]:
                self._lit[cell] = lit
                dpg.configure_item(self._cells[cell], fill=self._colours[cell] if lit else self._dark[cell])


class Curves(View):
    """The newest values of a control signal as bars, each over the range that it was seen to have."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._output = next(port.name for port in seat.spec.outputs if port.type is PortType.CONTROL)
        self.wants = (self._output,)
        self._height = seat.px(26)
        self._low: Any = None
        self._high: Any = None
        self._bars: list[Any] = []
        with dpg.drawlist(seat.width, self._height, parent=seat.parent) as self._list:
            pass

    def update(self, now: Now) -> None:
        values = now.values.get(self._output)
        if values is None or not len(values):
            return
        values = np.nan_to_num(np.asarray(values, np.float32).reshape(len(values), -1)[:, -1])
        if len(values) != len(self._bars):
            self._make(len(values))
            self._low, self._high = values.copy(), values.copy()
        self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        width = self._seat.width / len(values)
        share = (values - self._low) / np.maximum(self._high - self._low, 1e-6)
        for number, (bar, part) in enumerate(zip(self._bars, share, strict=True)):
            top = self._height * (1.0 - 0.06 - 0.94 * float(part))
            dpg.configure_item(bar, pmin=(number * width, top), pmax=((number + 0.8) * width, self._height))

    def _make(self, count: int) -> None:
        dpg.delete_item(self._list, children_only=True)
        colour = (*self._seat.editor.look.type_colour(PortType.CONTROL), 170)
        self._bars = [
            dpg.draw_rectangle((0, self._height), (0, self._height), color=(0, 0, 0, 0), fill=colour, parent=self._list)
            for _ in range(count)
        ]
