"""The One Euro filter: calm while a hand rests, quick when it moves."""

from __future__ import annotations

import math

import numpy as np

from nodes.control import one_pole
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType


class OneEuro(StreamNode):
    """Calms a trembling gesture while it rests and follows it at once when it moves. First set *speed* to 0 and lower *rest*
    until a still hand is still; then raise *speed* until a quick hand does not lag. After Casiez, Roussel and Vogel, CHI 2012."""

    spec = NodeSpec(
        type="control.one_euro",
        title="One Euro smoothing",
        inputs=(Port("control", PortType.CONTROL, "a gesture"),),
        outputs=(Port("control", PortType.CONTROL, "the same dimensions, calmer"),),
        params=(
            FloatParam(
                name="rest",
                default=1.0,
                low=0.01,
                high=100.0,
                unit="Hz",
                log=True,
                doc="cutoff of what rests (the paper's fcmin); lower is calmer",
            ),
            FloatParam(
                name="speed",
                default=1.0,
                low=0.0,
                high=100.0,
                doc="Hz that the cutoff rises for each unit a second of movement (the paper's beta); higher lags less",
            ),
            FloatParam(
                name="calm",
                default=1.0,
                low=0.1,
                high=100.0,
                unit="Hz",
                log=True,
                doc="cutoff of the measured speed (the paper's dcutoff)",
            ),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        self._rate = stream.sample_rate / STEP
        self._state: np.ndarray | None = None
        self._kernel_for: tuple[float, int] | None = None
        stream.name("control", stream.names["control"])

    def process(self, block: Block, control: np.ndarray, rest: float, speed: float, calm: float) -> dict[str, np.ndarray]:
        given = control.astype(np.float64)
        if self._state is None:  # the first value is where it starts, at rest
            self._state, self._slope, self._last = given[:, 0], np.zeros((len(given), 1)), given[:, :1]
        if self._kernel_for != (calm, block.steps):
            self._kernel_for = calm, block.steps
            self._kernel = one_pole(1.0 - float(self._share(calm)), block.steps)
        # Of what came in, as in the authors' own code: the slope is then a filter by itself.
        slopes = np.diff(np.concatenate([self._last, given], axis=1), axis=1) * self._rate
        slopes = np.concatenate([self._slope, slopes], axis=1).dot(self._kernel)
        shares = self._share(rest + speed * np.abs(slopes))
        made = np.empty(given.shape)
        state = self._state
        for step in range(block.steps):
            state = state + shares[:, step] * (given[:, step] - state)
            made[:, step] = state
        self._state, self._slope, self._last = state, slopes[:, -1:], given[:, -1:]
        return {"control": made.astype(np.float32)}

    def _share(self, cutoff: float | np.ndarray) -> float | np.ndarray:
        """How much of the way to the newest value one step goes at a cutoff in Hz (the paper's alpha)."""
        turn = 2.0 * math.pi * cutoff / self._rate
        return turn / (turn + 1.0)
