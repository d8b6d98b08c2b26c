"""A drawing that takes the mouse, and the waveforms that are drawn on it."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor.geometry import Point
from graph_editor.paint import Look
from graph_editor.theme import Colour, mix

CLEAR = (0, 0, 0, 0)


def still(pixels: np.ndarray) -> Any:
    """A texture of a picture that stays as it is, float32 [height, width, 4] with 0 to 1.

    It is given to the graphics card once (20 ms for a million pixels); a raw texture, for what moves, with every frame."""
    height, width = pixels.shape[:2]
    with dpg.texture_registry():
        return dpg.add_static_texture(width, height, pixels.ravel())


class Plate:
    """A drawing so many pixels large. `tag` is what to draw under."""

    def __init__(self, look: Look, parent: Any, width: int, height: int, label: str = "") -> None:
        self.width, self.height = width, height
        with dpg.drawlist(width, height, parent=parent, label=label) as self._list:
            dpg.draw_rectangle((0, 0), (width, height), fill=look.colour("back"), color=CLEAR, rounding=look.px(5))
            self.tag = dpg.add_draw_node()

    def mouse(self) -> Point | None:
        """Where the mouse is on the drawing; None where it is elsewhere, or something lies between."""
        if not (dpg.is_item_hovered(self._list) or self.is_held):
            return None
        x, y = dpg.get_mouse_pos(local=False)
        left, top = dpg.get_item_rect_min(self._list)
        return x - left, y - top

    @property
    def is_held(self) -> bool:
        """Whether the mouse was pressed here and is still held."""
        return bool(dpg.is_item_active(self._list))

    def pulled(self) -> Point | None:
        """While the mouse was pressed on the drawing and is held: where it is, 0 to 1 from left to right and from below to above;
        else None. In a node too: it stays where it is."""
        mouse = self.mouse() if self.is_held else None
        if mouse is None:
            return None
        return min(max(mouse[0] / self.width, 0.0), 1.0), min(max(1.0 - mouse[1] / self.height, 0.0), 1.0)

    @property
    def is_seen(self) -> bool:
        return bool(dpg.does_item_exist(self._list) and dpg.is_item_visible(self._list))


def bars(parent: Any, peaks: np.ndarray, width: int, height: int, colour: Colour, step: int) -> None:
    """A waveform of peaks, float32 [columns, 2], as upright bars, one for each `step` pixels; louder ones are brighter."""
    reach = np.abs(peaks).max(axis=1)
    top = max(float(reach.max()), 1e-4)
    count = max(width // step, 1)
    middle, thick = height / 2, max(step * 0.62, 1.0)
    share = np.sqrt(reach / top)  # a soft archive shall be seen as well
    places = np.linspace(0, len(share) - 1, count).round().astype(int)
    for number, part in enumerate(share[places]):
        half = max(float(part) * (height / 2 - 1), thick / 2)
        x = number * step
        dpg.draw_rectangle(
            (x, middle - half),
            (x + thick, middle + half),
            fill=(*colour[:3], int(90 + 150 * float(part))),
            color=CLEAR,
            rounding=thick / 2,
            parent=parent,
        )


def curve(parent: Any, peaks: np.ndarray, height: int, colour: Colour) -> None:
    """A waveform, one column for each pixel, scaled to its loudest moment."""
    top = max(float(np.abs(peaks).max()), 1e-4)
    middle, half = height / 2, height / 2 - 2
    for x, (low, high) in enumerate(peaks):
        y0, y1 = middle - float(high) / top * half, middle - float(low) / top * half
        dpg.draw_line((x + 0.5, y0), (x + 0.5, max(y1, y0 + 1.0)), color=(*colour[:3], 215), parent=parent)


def course(parent: Any, points: np.ndarray, width: int, height: int, colour: Colour, ground: Colour, thick: float) -> None:
    """A line through points [n, 2] (0 to 1 from left to right and from below to above), with a soft filling below it."""
    x = points[:, 0] * width
    y = (height - 3) - points[:, 1] * (height - 6)
    tint = (*mix(ground, colour, 0.35), 150)
    for left, right, one, two in zip(x[:-1], x[1:], y[:-1], y[1:], strict=True):
        dpg.draw_quad(
            (left, one), (right, two), (right, height), (left, height), fill=tint, color=CLEAR, thickness=0, parent=parent
        )
    line = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    if len(line) > 1:
        dpg.draw_polyline(line, color=colour, thickness=thick, parent=parent)
    if line:
        dpg.draw_circle(line[-1], thick * 1.6, color=colour, fill=colour, parent=parent)
