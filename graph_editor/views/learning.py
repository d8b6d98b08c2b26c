"""What a node learnt from gestures without targets, and what it makes of the present one: bars with their names."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor.previews import Now, Seat
from graph_editor.views.bars import Bars
from graph_editor.views.mapping import Anchors, Strip
from runtime.messages import Taught
from runtime.spec import PortType

SHOWN = {
    "mapping.classifier": ("classes",),
    "mapping.follower": ("likelihood", "position"),
    "mapping.space": ("control",),
}
"""What the bars of a node show: how it takes the gesture, and beside it how far that is."""
WORDS = {"likelihood": "how likely", "position": "how far"}
RECORD = "Record a gesture under its name, from now on (R; again: keep it)"
MOST = 6
"""Bars of one kind in a node; all are in the inspector."""


class Live:
    """Bars of the outputs that a node shows, made anew whenever its examples change."""

    def __init__(self, seat: Seat, most: int) -> None:
        self._most = most
        self.outputs = SHOWN[seat.spec.type]
        self._bars: dict[str, Bars] = {}
        look = seat.editor.look
        for output in self.outputs:
            if output in WORDS:
                item = dpg.add_text(WORDS[output])
                dpg.bind_item_font(item, look.font("tiny", zoom=seat.zoom))
                dpg.bind_item_theme(item, look.words("faint"))
            place = dpg.add_group()
            span = None if output == "control" else (0.0, 1.0)
            self._bars[output] = Bars(seat, place, 1, look.type_colour(PortType.CONTROL), numbers=True, span=span)

    def update(self, now: Now) -> None:
        for output, bars in self._bars.items():
            values, names = now.values.get(output), now.names.get(output, ())
            if values is not None and len(values):
                bars.update(np.asarray(values)[: self._most], names[: self._most])


class LearntInShort(Strip):
    """In the node: record, how many there are, the bars, and the light."""

    what_is_recorded = RECORD

    def __init__(self, seat: Seat) -> None:
        self.wants = ("support", *SHOWN[seat.spec.type])
        self._live: Any = None
        super().__init__(seat)

    def build(self, known: Taught, recording: bool, begun: bool) -> None:
        with dpg.group(horizontal=True, horizontal_spacing=self.seat.px(6)):
            self.recorder(recording, begun)
        self.text(in_short(known), "muted", "small")
        self.warning(known)
        self._live = Live(self.seat, MOST) if known.anchors else None
        self.light()

    def update(self, now: Now) -> None:
        super().update(now)
        if self._live is not None:
            self._live.update(now)


class LearntAtLength(Anchors):
    """In the inspector: all bars, every gesture with its buttons, the scores in words."""

    what_is_recorded = RECORD

    def __init__(self, seat: Seat) -> None:
        self.wants = ("support", *SHOWN[seat.spec.type])
        self._live: Any = None
        super().__init__(seat)

    def build(self, known: Taught, recording: bool, begun: bool) -> None:
        self._live = None
        self._any = bool(known.anchors)
        super().build(known, recording, begun)

    def target(self, known: Taught) -> None:
        """There is none: a gesture stands for itself."""

    def live(self) -> None:
        if self._any:
            self._live = Live(self.seat, 100)

    def verdict(self, missed: float | None) -> tuple[str, str]:
        if missed is None:
            return "", "muted"
        if missed < 0.02:
            return "told apart", "good"
        return f"{100 * missed:.0f} % taken for another", "warn" if missed < 0.2 else "bad"

    def update(self, now: Now) -> None:
        super().update(now)
        if self._live is not None:
            self._live.update(now)


def in_short(known: Taught) -> str:
    """How much was taught, in one short line."""
    count = len(known.anchors)
    return f"{count} gesture{'s' if count > 1 else ''}" if count else "nothing taught yet"
