"""What lies under the nodes: frames with their titles, and soft shadows. Drawn anew only when something moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import node_view, theme
from graph_editor.geometry import Box, Point, around
from graph_editor.layout import FRAME_HEAD, FRAME_MARGIN
from graph_editor.look import frames_of
from graph_editor.paint import Look

if TYPE_CHECKING:
    from graph_editor.canvas import Canvas

SHADOW = ((7, 14), (4, 18), (2, 22))
"""The layers of a node's shadow: how far each reaches in pixels at scale 1, and how dark it is of 255."""


class Underlay:
    """The drawing under the node editor of one canvas."""

    def __init__(self, canvas: Canvas, size: tuple[int, int]) -> None:
        self._canvas = canvas
        self._tag = dpg.add_drawlist(size[0], size[1], pos=(0, 0))
        self.stale = True
        self._pan: Point = (0.0, 0.0)
        self._waited = 0
        self._has_map = True

    def resize(self, size: tuple[int, int]) -> None:
        dpg.configure_item(self._tag, width=size[0], height=size[1])

    def frame(self, pan: Point) -> None:
        """Called once a frame."""
        if self.stale or pan != self._pan or self._waited:
            self._pan = pan
            # A node's size is known only after it was drawn.
            self._waited = 2 if self.stale else max(0, self._waited - 1)
            self.stale = False
            self._draw()

    def boxes(self) -> dict[int, Box]:
        """Where the frames lie on the screen, by their numbers."""
        canvas, px = self._canvas, self._canvas.editor.look.px
        zoom = canvas.k / canvas.editor.look.scale
        found = {}
        for number, one in enumerate(frames_of(canvas.editor.document.patch)):
            box = around(b for name in one.nodes if (b := canvas.box(name)) is not None)
            if box is not None:
                margin, head = px(FRAME_MARGIN) * zoom, px(FRAME_HEAD) * max(zoom, 0.6)
                found[number] = box[0] - margin, box[1] - head, box[2] + margin, box[3] + margin
        return found

    def _draw(self) -> None:
        canvas, look = self._canvas, self._canvas.editor.look
        dpg.delete_item(self._tag, children_only=True)
        dpg.push_container_stack(self._tag)
        try:
            left, top = canvas.corner
            width, height = canvas.size
            every = frames_of(canvas.editor.document.patch)
            for number, (x0, y0, x1, y1) in self.boxes().items():
                one = every[number]
                colour = look.readable(theme.FRAME_COLOURS.get(one.colour, theme.FRAME_COLOURS["grey"]))
                dpg.draw_rectangle(
                    (x0 - left, y0 - top), (x1 - left, y1 - top), fill=(*colour, 16), color=(*colour, 60), rounding=look.px(12)
                )
            outside, zoom = False, canvas.k / look.scale
            for name in canvas.views:
                box = canvas.box(name)
                outside |= box is not None and (box[0] < left or box[1] < top or box[2] > left + width or box[3] > top + height)
                if box is None or box[2] < left or box[3] < top or box[0] > left + width or box[1] > top + height:
                    continue
                for reach, dark in SHADOW if zoom > node_view.BODILESS else ():  # of small nodes it is hardly seen, but costs
                    self._shadow(box, reach, dark, left, top, look)
            if outside != self._has_map:  # where all is seen, a map only hides something
                self._has_map = outside
                dpg.configure_item(canvas.tag, minimap=outside)
        finally:
            dpg.pop_container_stack()

    @staticmethod
    def _shadow(box: Box, reach: int, dark: int, left: float, top: float, look: Look) -> None:
        r: Any = look.px(reach)
        dpg.draw_rectangle(
            (box[0] - left - r, box[1] - top - r + look.px(3)),
            (box[2] - left + r, box[3] - top + r + look.px(3)),
            fill=(0, 0, 0, dark // 3 if look.name == "light" else dark),
            color=(0, 0, 0, 0),
            rounding=look.px(8) + r,
        )
