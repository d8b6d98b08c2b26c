"""A node that makes trouble on stage when it is told to."""

from __future__ import annotations

import time

import numpy as np

from runtime.node import Block, StreamNode
from runtime.spec import ChoiceParam, NodeSpec, Port, PortType


class Trouble(StreamNode):
    """Passes a sound on; the next block after `kind` changes has that trouble, once."""

    spec = NodeSpec(
        type="trouble.maker",
        title="Trouble",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the same, or not"),),
        params=(ChoiceParam(name="kind", default="none", choices=("none", "raise", "nan", "inf", "stall")),),
    )
    _before = "none"

    def process(self, block: Block, audio: np.ndarray, kind: str) -> dict[str, np.ndarray]:
        fresh, self._before = kind != self._before, kind
        if fresh and kind == "raise":
            raise RuntimeError("the lamp is out")
        if fresh and kind == "stall":
            time.sleep(0.2)
        if fresh and kind in ("nan", "inf"):
            audio = np.full_like(audio, float(kind))
        return {"audio": audio.copy()}
