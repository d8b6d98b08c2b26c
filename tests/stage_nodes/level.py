"""A node whose sound answers a control at once."""

from __future__ import annotations

import numpy as np

from runtime.node import STEP, Block, StreamNode
from runtime.spec import NodeSpec, Port, PortType


class Level(StreamNode):
    """Makes a sound as loud as a control says."""

    spec = NodeSpec(
        type="stage.level",
        title="Level",
        inputs=(Port("audio", PortType.AUDIO, "a sound"), Port("control", PortType.CONTROL, "one dimension, 0 to 1")),
        outputs=(Port("audio", PortType.AUDIO, "the same, as loud as that"),),
    )

    def process(self, block: Block, audio: np.ndarray, control: np.ndarray) -> dict[str, np.ndarray]:
        return {"audio": audio * np.repeat(control[:1], STEP, axis=1)}
