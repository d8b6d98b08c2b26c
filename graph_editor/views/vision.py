"""Pictures of cameras and videos, and a face with what was found in it: its lines, and its features as named bars."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import theme
from graph_editor.previews import Now, Seat, View
from graph_editor.views.bars import Bars
from runtime.spec import PortType

SHAPE = 0.64
"""Height of the frame around a picture, in parts of its width: it stays as it is, whatever comes."""
OVAL = (
    10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
    377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338, 10,
)  # fmt: skip
LINES: tuple[tuple[int, ...], ...] = (
    OVAL,
    (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0),
    (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13),
    (249, 263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
    (7, 33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (70, 63, 105, 66, 107),
    (300, 293, 334, 296, 336),
    (168, 6, 197, 195, 5, 4, 1, 19, 94, 2),
)
"""Points of MediaPipe's FaceMesh that make lines: the oval, both lips, the eyes, the brows, the nose."""
POINTS = np.concatenate(LINES)
FEATURES = (
    "mouth_width", "mouth_height", "brow_left", "brow_right", "eye_left", "eye_right",
    "jaw", "nostrils", "pitch", "yaw", "roll", "x", "y",
)  # fmt: skip
"""What a face tracker gives, so that its bars have their room before it plays."""


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


class Face(View):
    """The picture in which a face is followed, with its lines, and what it does as named bars; in two columns within a node."""

    wants = ("gesture", "confidence")
    sources = ("image",)
    marked = True

    def __init__(self, seat: Seat, columns: int = 2) -> None:
        look = self._look = seat.editor.look
        self._screen = Screen(seat, seat.parent, "seen while it plays")
        self._shown: tuple[str, str] = ("", "")
        self._marks: Any = None
        colour = look.type_colour(PortType.CONTROL)
        # Over a picture the bright colours are seen in every theme.
        green, pink = theme.TYPE_COLOURS[PortType.CONTROL], theme.TYPE_COLOURS[PortType.IMAGE]
        self._lines = [
            dpg.draw_polyline(
                [(0, 0), (0, 0)],
                color=(*(pink if line is OVAL else green)[:3], 150 if line is OVAL else 230),
                thickness=max(1.0, seat.px(1.3)),
                parent=self._screen.over,
                show=False,
            )
            for line in LINES
        ]
        self._words = dpg.add_text(" ", parent=seat.parent)
        dpg.bind_item_font(self._words, look.font("small", zoom=seat.zoom))
        self._bars = Bars(seat, seat.parent, columns, colour, numbers=columns == 1)
        self._bars.reserve(FEATURES)

    def update(self, now: Now) -> None:
        if not now.is_playing:
            self._screen.clear()
            self._outline(None)
            self._say("not playing", "faint")
            return
        self._screen.show(now.values.get("image"))
        self._outline(now.marks)
        sure = now.values.get("confidence")
        if now.marks is not None:
            self._say(f"{theme.icon('scan-face')}  a face is seen", "good")
        elif sure is not None:
            self._say(f"{theme.icon('eye-off')}  no face is seen", "warn")
        gesture = now.values.get("gesture")
        if gesture is not None:
            self._bars.update(gesture, now.names.get("gesture", ()))

    def _outline(self, marks: Any) -> None:
        if marks is self._marks:
            return
        was, self._marks = self._marks, marks
        if marks is not None and len(marks) > POINTS.max():
            places = self._screen.places(marks[POINTS])
            start = 0
            for item, line in zip(self._lines, LINES, strict=True):
                dpg.configure_item(item, points=places[start : start + len(line)], show=True)
                start += len(line)
        elif was is not None:
            for item in self._lines:
                dpg.configure_item(item, show=False)

    def _say(self, words: str, colour: str) -> None:
        if (words, colour) != self._shown:
            self._shown = words, colour
            dpg.set_value(self._words, words or " ")
            dpg.bind_item_theme(self._words, self._look.words(colour))

    def close(self) -> None:
        self._screen.close()


def large_face(seat: Seat) -> View:
    """A face in the inspector: its features one below the other, with their numbers."""
    return Face(seat, columns=1)
