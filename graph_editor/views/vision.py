"""Pictures of cameras and videos."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import theme
from graph_editor.previews import Now, Seat, View
from runtime.spec import PortType

SHAPE = 0.64
"""Height of the frame around a picture, in parts of its width: it stays as it is, whatever comes."""


class Screen:
    """A picture in a frame of a fixed size, with room for lines over it, and words while there is none."""

    def __init__(self, seat: Seat, parent: Any, words: str) -> None:
        self._seat = seat
        self.width, self.height = seat.width, round(seat.width * SHAPE)
        look = seat.editor.look
        self._texture: Any = None
        self._image: Any = None
        self._shape: tuple[int, ...] = ()
        self._last: Any = None
        self._step = 1
        """One pixel in so many is shown: as many as the frame has room for."""
        self._box = (0.0, 0.0, float(self.width), float(self.height))
        size = look.height("small", seat.zoom)
        with dpg.group(parent=parent) as group:
            dpg.bind_item_font(group, look.font("small", zoom=seat.zoom))
            with dpg.drawlist(self.width, self.height):
                dpg.draw_rectangle(
                    (0, 0), (self.width, self.height), fill=look.colour("back"), color=(0, 0, 0, 0), rounding=seat.px(5)
                )
                self._words = dpg.draw_text(
                    ((self.width - theme.text_width(words, size)) / 2, self.height / 2 - size * 0.6),
                    words,
                    size=size,
                    color=look.colour("faint"),
                )
                self._under = dpg.add_draw_layer()
                self.over = dpg.add_draw_layer()

    def show(self, picture: Any) -> None:
        """Shows a picture, uint8 [h, w, 3]; None: the last one stays."""
        if picture is None or picture is self._last or picture.ndim != 3:
            return
        self._last = picture
        if picture.shape != self._shape:
            self._make(picture.shape)
        # Channel by channel, then all at once: numpy is seven times slower where it turns bytes into floats with gaps between.
        for channel in range(3):
            self._bytes[..., channel] = picture[:: self._step, :: self._step, channel]
        np.multiply(self._bytes, np.float32(1.0 / 255.0), out=self._pixels)
        dpg.set_value(self._texture, self._pixels)

    def clear(self) -> None:
        """Nothing is seen any more."""
        if self._last is not None:
            self.close()
            dpg.configure_item(self._words, show=True)

    def places(self, points: Any) -> list[list[float]]:
        """Points 0..1 of the picture, float32 [n, 2 or more], as places in the drawing."""
        left, top, width, height = self._box
        found: list[list[float]] = (points[:, :2] * (width, height) + (left, top)).tolist()
        return found

    def _make(self, shape: tuple[int, ...]) -> None:
        self.close()
        self._shape = shape
        scale = min(self.width / shape[1], self.height / shape[0])
        self._step = max(1, int(1.0 / scale + 0.35))
        box = ((self.width - shape[1] * scale) / 2, (self.height - shape[0] * scale) / 2, shape[1] * scale, shape[0] * scale)
        height, width = -(-shape[0] // self._step), -(-shape[1] // self._step)
        self._bytes = np.full((height, width, 4), 255, np.uint8)
        self._pixels = np.ones((height, width, 4), np.float32)
        with dpg.texture_registry():
            self._texture = dpg.add_raw_texture(width, height, self._pixels, format=dpg.mvFormat_Float_rgba)
        self._box = box
        self._image = dpg.draw_image(self._texture, box[:2], (box[0] + box[2], box[1] + box[3]), parent=self._under)
        dpg.configure_item(self._words, show=False)

    def close(self) -> None:
        """Gives the texture back."""
        for item in (self._image, self._texture):
            if item is not None and dpg.does_item_exist(item):
                dpg.delete_item(item)
        self._image = self._texture = self._last = None
        self._shape = ()


class Picture(View):
    """The newest picture of a stream of images: what the node gives, or where it gives none, what it takes."""

    def __init__(self, seat: Seat) -> None:
        outputs = tuple(port.name for port in seat.spec.outputs if port.type is PortType.IMAGE)[:1]
        inputs = tuple(port.name for port in seat.spec.inputs if port.type is PortType.IMAGE)[:1]
        self.wants, self.sources = (outputs, ()) if outputs else ((), inputs)
        self._screen = Screen(seat, seat.parent, "seen while it plays")

    def update(self, now: Now) -> None:
        if now.is_playing:
            self._screen.show(next(iter(now.values.values()), None))
        else:
            self._screen.clear()

    def close(self) -> None:
        self._screen.close()
