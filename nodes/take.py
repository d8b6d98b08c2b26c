"""Takes as material: a recorded performance in a patch, and its gestures played again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.artifacts import Artifact
from runtime.errors import NodeError
from runtime.node import STEP, Block, Job, JobNode, Stream, StreamNode
from runtime.spec import BoolParam, NodeSpec, PathParam, Port, PortType, TextParam
from runtime.takes.take import Take, read_take


class TakeFile(JobNode):
    """A recorded performance, to be used in a patch: its folder, whose name ends in .take. A take whose recording was cut short
    can be used up to the cut."""

    spec = NodeSpec(
        type="take.file",
        title="Take",
        outputs=(Port("take", PortType.TAKE, "the recorded performance"),),
        params=(PathParam(name="path", what="folder", doc="the folder of a take, beside the patch"),),
    )

    def run(self, job: Job, path: Path) -> dict[str, Path]:
        if read_take(path).cut:
            job.warn(f"{path.name} was cut short while it was recorded; it can be used up to there")
        return {"take": path}


class TakeGesture(StreamNode):
    """Plays a gesture of a take again, as it was recorded: what a camera, MIDI or OSC gave from the beginning of the take's sound
    to its end. It takes the place of the node that gave it, so that a patch can be tried out with the same performance over and
    over."""

    spec = NodeSpec(
        type="take.gesture",
        title="Gesture of a take",
        inputs=(Port("take", PortType.TAKE, "the recorded performance"),),
        outputs=(Port("control", PortType.CONTROL, "the recorded dimensions; after the end they stay where they are"),),
        params=(
            TextParam(name="node", doc="the node whose gesture it was; empty: the first that was recorded", live=False),
            TextParam(name="output", doc="which of its outputs; empty: the first that was recorded", live=False),
            BoolParam(name="loop", default=False, doc="begin again at the end"),
        ),
    )

    def prepare(self, stream: Stream, take: Artifact, node: str, output: str) -> None:
        found = read_take(take.path)
        gesture = found.gestures[choose(found, node, output)]
        stream.name("control", gesture.names)
        # Frames of this patch's clock at which each row begins; block lengths and sample rates may be others than then.
        rate = stream.sample_rate / found.sample_rate
        self._begins = np.round((gesture.blocks - found.first) * found.block * rate).astype(np.int64)
        self._rows = np.ascontiguousarray(np.concatenate([np.zeros((1, len(gesture.names)), np.float32), gesture.values]).T)
        self._length = max(round(found.seconds * stream.sample_rate), STEP)

    def process(self, block: Block, loop: bool) -> dict[str, np.ndarray]:
        frames = np.arange(block.start, block.start + block.steps * STEP, STEP)
        if loop:
            frames %= self._length
        else:
            np.minimum(frames, self._length - 1, out=frames)
        return {"control": np.take(self._rows, np.searchsorted(self._begins, frames, side="right"), axis=1)}


def choose(take: Take, node: str, output: str) -> tuple[str, str]:
    """The recorded stream of that node and output; an empty name means the first that there is. Raises NodeError."""
    for place in take.gestures:
        if node in ("", place[0]) and output in ("", place[1]):
            return place
    has = ", ".join(".".join(place) for place in take.gestures) or "none: nothing came from outside while it was recorded"
    raise NodeError(f"{take.name} has no gesture {node or 'of any node'}{'.' + output if output else ''}; it has {has}")
