"""Where a latent lies in the corpus: which recording it is nearest to, and a soft limit to the region that the corpus covers."""

from __future__ import annotations

import numpy as np

from nodes import rave_encoded
from nodes.rave_latents import LATENT
from runtime.artifacts import Artifact
from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import BoolParam, FloatParam, NodeSpec, Port, PortType

EVERY = 8
"""Steps from one look to the next: one in each 512 frames, whatever the block's length."""
CORPUS = Port("corpus", PortType.CORPUS, "a corpus that came through Encode corpus, with the model that plays")


def encoded_for(stream: Stream, corpus: Artifact) -> rave_encoded.Encoded:
    """The corpus's latents. Raises NodeError where there are none, or fewer than the signal has."""
    made = rave_encoded.read(corpus.path)
    given = len(stream.names["latent"])
    if given > made.latents:
        raise NodeError(
            f"the corpus was heard by a model of {made.latents} latents and is given {given}; encode it with the model that "
            f"plays, or choose {made.latents} of them before"
        )
    return made


class NearestRecording(StreamNode):
    """Shows where a sound comes from: all the time it tells which slice of the corpus the present latent is nearest to, and how
    far away that is. Small distances sound like that recording; large ones are inventions of the model."""

    spec = NodeSpec(
        type="rave.nearest",
        title="Nearest recording",
        inputs=(CORPUS, LATENT),
        outputs=(
            Port("nearest", PortType.CONTROL, "the number of the slice, from 0, and the distance to it in latents"),
            Port("novelty", PortType.CONTROL, "the distance, in parts of how far the corpus's own slices lie from each other"),
        ),
    )

    def prepare(self, stream: Stream, corpus: Artifact) -> None:
        made = encoded_for(stream, corpus)
        self._nearest = rave_encoded.Nearest(made)
        self._apart = rave_encoded.spacing(made)
        self._given = np.zeros(made.latents, np.float32)
        self._now = self._nearest.find(self._given)
        self._asked = b""
        stream.name("nearest", ("slice", "distance"))
        stream.name("novelty", ("novelty",))

    def process(self, block: Block, latent: np.ndarray) -> dict[str, np.ndarray]:
        steps, shown = latent.shape[1], 0
        found = np.empty((2, steps), np.float32)
        for step in range(-(block.start // STEP) % EVERY, steps, EVERY):
            found[0, shown:step], found[1, shown:step] = self._now
            shown = step
            asked = latent[:, step].tobytes()
            if asked != self._asked:  # a gesture that rests is answered at once
                self._asked = asked
                self._given[: len(latent)] = np.nan_to_num(latent[:, step])
                self._now = self._nearest.find(self._given)
        found[0, shown:], found[1, shown:] = self._now
        return {"nearest": found, "novelty": found[1:] / np.float32(self._apart)}


class SoftLimit(StreamNode):
    """Keeps latents softly within the region that the corpus covers: inside nothing changes, outside the way is bent so that it
    never passes the edge. Off, everything passes; the second output says all the time how far out you are."""

    spec = NodeSpec(
        type="rave.limit",
        title="Soft limit",
        inputs=(CORPUS, LATENT),
        outputs=(
            Port("latent", PortType.CONTROL, "the latents, within the region"),
            Port("outside", PortType.CONTROL, "how far out what came in was: 0 the middle, 1 the edge"),
        ),
        params=(
            BoolParam(name="limit", default=True, doc="off: everything passes as it is"),
            FloatParam(
                name="knee",
                default=0.7,
                low=0.0,
                high=1.0,
                doc="where the bending begins, in parts of the way from the middle to the edge; 1 is a wall",
            ),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream, corpus: Artifact) -> None:
        self._made = encoded_for(stream, corpus)
        stream.name("latent", stream.names["latent"])
        stream.name("outside", ("outside",))

    def process(self, block: Block, latent: np.ndarray, limit: bool, knee: float) -> dict[str, np.ndarray]:
        made, steps = self._made, latent.shape[1]
        full = latent
        if len(latent) < made.latents:  # what is not given stays at 0, as in the decoder
            full = np.concatenate([latent, np.zeros((made.latents - len(latent), steps), np.float32)])
        bent, out = rave_encoded.limited(made, full, knee)
        kept = bent[: len(latent)].astype(np.float32) if limit else latent.copy()
        return {"latent": kept, "outside": out.astype(np.float32)[None]}
