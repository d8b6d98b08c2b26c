"""What a sound card has heard and the engine has not yet taken: from pieces of any length to blocks, at the patch's rate."""

from __future__ import annotations

import time

import numpy as np

from runtime.resampler import Resampler
from runtime.ring import Ring

HELD = 2.0
"""Seconds that may wait for an engine that is late."""
MOST_BLOCKS = 4
"""Blocks that may wait in the long run. Two cards have two clocks, and sound servers give pieces of 20 to 40 ms; what is older is
left out."""
CALM = 0.9
"""Weight of what was in the mean delay: pieces come unevenly."""


class Hearing:
    """The sound on its way from the card's thread, which calls `put`, to the engine's, which calls `take`."""

    def __init__(self, channels: int, rate: int, sample_rate: int, block: int) -> None:
        """`rate` is the card's, `sample_rate` the patch's, `block` in frames of the patch."""
        self.channels, self._sample_rate, self._block = channels, sample_rate, block
        self._ring = Ring(channels, round(HELD * rate))
        self._resample = Resampler(rate, sample_rate, channels)
        self._pending = np.zeros((channels, 0), np.float32)
        self._newest = time.monotonic()
        self.delay = 0.0
        """Seconds from the moment when the last frame of a block was heard to the moment when `take` gave it, lately."""

    def put(self, heard: np.ndarray, ago: float) -> bool:
        """Takes in [frames, channels], the last of which was heard so many seconds `ago`; False where there is no room."""
        if self._ring.free < len(heard):
            return False
        self._ring.put(heard.T)
        self._newest = time.monotonic() - ago
        return True

    def take(self) -> np.ndarray | None:
        """The next block, float32 [channels, block]; None where there is none yet."""
        newest, ready = self._newest, self._ring.ready
        if ready:
            raw = np.empty((self.channels, ready), np.float32)
            self._ring.take(raw)
            self._pending = np.concatenate([self._pending, self._resample(raw)], axis=1)
        self._pending = self._pending[:, max(self._pending.shape[1] - MOST_BLOCKS * self._block, 0) :]
        if self._pending.shape[1] < self._block:
            return None
        block, self._pending = self._pending[:, : self._block].copy(), self._pending[:, self._block :]
        waits = self._pending.shape[1] / self._sample_rate
        delay = time.monotonic() - newest + self._resample.delay + waits
        self.delay = CALM * self.delay + (1.0 - CALM) * delay if self.delay else delay
        return block
