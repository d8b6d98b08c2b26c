"""Noise in three colours."""

from __future__ import annotations

import numpy as np

from runtime.node import Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, IntParam, NodeSpec, Port, PortType

CHUNK = 4096
"""Frames that are made at once."""

COLOURS = {
    "white": ((1.0,), (1.0,)),
    "pink": ((0.049922035, -0.095993537, 0.050612699, -0.004408786), (1.0, -2.494956002, 2.017265875, -0.522189400)),
    "brown": ((1.0,), (1.0, -0.995)),
}
"""Filters (numerator, denominator) that colour white noise. Pink falls by three decibels an octave, within .3 dB from 10 Hz to
20 kHz at 44.1 kHz (J. O. Smith, Spectral Audio Signal Processing, 2011, "Synthesis of 1/F noise"); brown by six from 35 Hz up."""


class Noise(StreamNode):
    """Noise: all pitches at once. White is bright like hissing steam, pink is like rain, brown like a waterfall far away. The
    node's seed decides it: the same patch makes the same noise each time."""

    spec = NodeSpec(
        type="audio.noise",
        title="Noise",
        outputs=(Port("audio", PortType.AUDIO, "the noise"),),
        params=(
            ChoiceParam(name="colour", default="white", choices=tuple(COLOURS), doc="from bright to dark", live=False),
            IntParam(name="channels", default=1, low=1, high=2, doc="2: another noise at each side", live=False),
            FloatParam(name="level", default=0.1, low=0.0, high=1.0, smooth=True, doc="its mean strength (RMS)"),
        ),
    )

    def prepare(self, stream: Stream, colour: str, channels: int) -> None:
        from scipy.signal import lfilter

        self._filter, (above, below) = lfilter, COLOURS[colour]
        self._above, self._below = np.array(above), np.array(below)
        self._factor = 1.0 / loudness_of(self._above, self._below)
        self._random = np.random.default_rng(stream.seed)
        self._state = np.zeros((channels, max(len(above), len(below)) - 1))
        self._left = np.zeros((channels, 0), np.float32)
        self._chunk()  # a filter begins with silence behind it: the first chunk lets it run in

    def process(self, block: Block, level: float | np.ndarray) -> dict[str, np.ndarray]:
        parts, missing = [], block.frames
        while missing > self._left.shape[1]:
            parts.append(self._left)
            missing -= self._left.shape[1]
            self._left = self._chunk()
        parts.append(self._left[:, :missing])
        self._left = self._left[:, missing:]
        made = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        return {"audio": made * np.float32(level) if isinstance(level, float) else made * level}

    def _chunk(self) -> np.ndarray:
        """The next chunk, float32 [channels, CHUNK], of strength 1."""
        white = self._random.standard_normal((self._state.shape[0], CHUNK), np.float32)
        if self._state.shape[1]:
            white, self._state = self._filter(self._above, self._below, white, zi=self._state)
        return (white * self._factor).astype(np.float32)


def loudness_of(above: np.ndarray, below: np.ndarray) -> float:
    """How strong (RMS) a filter makes white noise of strength 1: the root of the sum of squares of its impulse response."""
    from scipy.signal import lfilter

    impulse = np.zeros(1 << 16)
    impulse[0] = 1.0
    return float(np.sqrt(np.square(lfilter(above, below, impulse)).sum()))
