"""From one sound to another, by hand or by a gesture."""

from __future__ import annotations

import numpy as np

from nodes.sound_history import Course, with_rows
from runtime.node import Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType


class Crossfade(StreamNode):
    """Goes from one sound to another, equally strong on the way. A control at *place* plays it by a gesture; with one sound only
    it is a fader."""

    spec = NodeSpec(
        type="audio.crossfade",
        title="Crossfade",
        inputs=(
            Port("a", PortType.AUDIO, "what is heard at 0"),
            Port("b", PortType.AUDIO, "what is heard at 1; else silence", optional=True),
            Port("place", PortType.CONTROL, "its first dimension is added to position", optional=True),
        ),
        outputs=(Port("audio", PortType.AUDIO, "both, mixed"),),
        params=(FloatParam(name="position", default=0.0, low=0.0, high=1.0, smooth=True, doc="0 is a, 1 is b"),),
    )

    def prepare(self, stream: Stream) -> None:
        self._course = Course()

    def process(
        self, block: Block, a: np.ndarray, b: np.ndarray | None, place: np.ndarray | None, position: float | np.ndarray
    ) -> dict[str, np.ndarray]:
        if place is not None:
            position = position + self._course.over(place[0])
        turn = 0.5 * np.pi * np.clip(position, 0.0, 1.0)
        if b is None:
            return {"audio": (a * np.cos(turn)).astype(np.float32)}
        channels = max(len(a), len(b))
        return {"audio": (with_rows(a, channels) * np.cos(turn) + with_rows(b, channels) * np.sin(turn)).astype(np.float32)}
