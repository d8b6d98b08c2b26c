"""Faces, hands and bodies over the picture in which they are followed, and what they do as named bars."""

from __future__ import annotations

from typing import Any, ClassVar

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import theme
from graph_editor.previews import Now, Seat, View
from graph_editor.views.bars import Bars
from graph_editor.views.vision import Screen
from runtime.spec import PortType

MOST = 26
"""Dimensions that are shown as bars: nobody reads those of all points."""
OVAL = (
    10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
    377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338, 10,
)  # fmt: skip
FACE_LINES: tuple[tuple[int, ...], ...] = (
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
FACE = (
    "mouth_width", "mouth_height", "brow_left", "brow_right", "eye_left", "eye_right",
    "jaw", "nostrils", "pitch", "yaw", "roll", "x", "y",
)  # fmt: skip
HAND_LINES = (
    (0, 1, 2, 3, 4),
    (0, 5, 6, 7, 8),
    (9, 10, 11, 12),
    (13, 14, 15, 16),
    (0, 17, 18, 19, 20),
    (5, 9, 13, 17),
)
HAND = ("x", "y", "size", "roll", "pinch", "spread", "open", "thumb", "index", "middle", "ring", "pinky")
BODY_LINES = (
    (11, 12, 24, 23, 11),
    (11, 13, 15, 19),
    (12, 14, 16, 20),
    (23, 25, 27, 31),
    (24, 26, 28, 32),
    (7, 3, 0, 6, 8),
)
BODY = (
    "x", "y", "size", "tilt", "turn", "left_elbow", "right_elbow", "left_arm", "right_arm",
    "left_hip", "right_hip", "left_knee", "right_knee",
)  # fmt: skip


class Tracked(View):
    """The picture in which something is followed, with its lines, and what it does as named bars; in two columns within a node.

    `lines` join points by their numbers, `each` is how many points one figure has, `figures` how many there may be; `faint`
    lines are drawn in another colour. `names` are what is given by default, so that the bars have their room before it plays."""

    wants = ("gesture", "confidence")
    sources = ("image",)
    marked = True
    lines: ClassVar[tuple[tuple[int, ...], ...]]
    faint: ClassVar[tuple[int, ...]] = ()
    each: ClassVar[int]
    figures: ClassVar[int] = 1
    names: ClassVar[tuple[str, ...]]
    icon: ClassVar[str]
    words: ClassVar[str]

    def __init__(self, seat: Seat, columns: int = 2) -> None:
        look = self._look = seat.editor.look
        self._screen = Screen(seat, seat.parent, "seen while it plays")
        self._shown: tuple[str, str] = ("", "")
        self._marks: Any = None
        colour = look.type_colour(PortType.CONTROL)
        # Over a picture the bright colours are seen in every theme.
        green, pink = theme.TYPE_COLOURS[PortType.CONTROL], theme.TYPE_COLOURS[PortType.IMAGE]
        self._points = np.concatenate([np.concatenate(self.lines) + self.each * figure for figure in range(self.figures)])
        self._lines = [
            dpg.draw_polyline(
                [(0, 0), (0, 0)],
                color=(*pink[:3], 150) if line is self.faint else (*green[:3], 230),
                thickness=max(1.0, seat.px(1.3)),
                parent=self._screen.over,
                show=False,
            )
            for _ in range(self.figures)
            for line in self.lines
        ]
        self._words = dpg.add_text(" ", parent=seat.parent)
        dpg.bind_item_font(self._words, look.font("small", zoom=seat.zoom))
        self._bars = Bars(seat, seat.parent, columns, colour, numbers=columns == 1)
        self._bars.reserve(self.names)

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
            self._say(f"{theme.icon(self.icon)}  {self.seen(now.marks)}", "good")
        elif sure is not None:
            self._say(f"{theme.icon('eye-off')}  no {self.words} is seen", "warn")
        gesture = now.values.get("gesture")
        if gesture is not None:
            self._bars.update(gesture[:MOST], now.names.get("gesture", ())[:MOST])

    def seen(self, marks: Any) -> str:
        """What is seen, in words."""
        return f"a {self.words} is seen"

    def _outline(self, marks: Any) -> None:
        if marks is self._marks:
            return
        self._marks = marks
        count = 0 if marks is None else min(len(marks) // self.each, self.figures)
        if count:
            each = len(self._points) // self.figures
            places = self._screen.places(marks[self._points[: count * each]])
        start = 0
        for number, item in enumerate(self._lines):
            if number < count * len(self.lines):
                end = start + len(self.lines[number % len(self.lines)])
                dpg.configure_item(item, points=places[start:end], show=True)
                start = end
            elif dpg.is_item_shown(item):
                dpg.configure_item(item, show=False)

    def _say(self, words: str, colour: str) -> None:
        if (words, colour) != self._shown:
            self._shown = words, colour
            dpg.set_value(self._words, words or " ")
            dpg.bind_item_theme(self._words, self._look.words(colour))

    def close(self) -> None:
        self._screen.close()


class Face(Tracked):
    """A face."""

    lines, faint, names, icon, words = FACE_LINES, OVAL, FACE, "scan-face", "face"
    each = 468
    """Models without irises have no more."""


class Hands(Tracked):
    """Both hands."""

    lines, each, figures, icon, words = HAND_LINES, 21, 2, "hand", "hand"
    names = tuple(f"{side}_{name}" for side in ("left", "right") for name in HAND)

    def seen(self, marks: Any) -> str:
        return "both hands are seen" if len(marks) > self.each else "a hand is seen"


class Body(Tracked):
    """A body."""

    lines, each, names, icon, words = BODY_LINES, 33, BODY, "user", "body"


def large_face(seat: Seat) -> View:
    """A face in the inspector: its features one below the other, with their numbers."""
    return Face(seat, columns=1)


def large_hands(seat: Seat) -> View:
    """Hands in the inspector."""
    return Hands(seat, columns=1)


def large_body(seat: Seat) -> View:
    """A body in the inspector."""
    return Body(seat, columns=1)
