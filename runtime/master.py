"""The last thing before the loudspeakers: whatever the patch does, ears are protected."""

from __future__ import annotations

import numpy as np

from runtime.node import STEP

CEILING = 10.0 ** (-1.0 / 20.0)
"""The limiter's ceiling, -1 dBFS: room for the peaks between samples that a converter makes (ITU-R BS.1770 asks for 1 dB)."""
RELEASE = 0.2
"""Seconds for the limiter's gain to come back by 63 %: slow enough not to pump audibly on speech and instruments."""


class Master:
    """Sums what the patch plays into `channels` and limits it at -1 dBFS; sound below that passes untouched, bit by bit.

    The gain moves on a grid of 64 frames, falls within the 64 frames that need it and recovers by an exponential, so
    that the result is the same at every block length.
    """

    def __init__(self, channels: int, frames: int, sample_rate: int) -> None:
        self._sum = np.zeros((channels, frames), np.float32)
        self._size = np.zeros_like(self._sum)
        self._gain = 1.0
        self._back = 1.0 - float(np.exp(-STEP / (RELEASE * sample_rate)))

    def render(self, sounds: list[np.ndarray]) -> np.ndarray:
        """[channels, frames], a buffer that the next call overwrites. Mono goes to every channel; others are left out."""
        out = self._sum
        if len(sounds) == 1 and sounds[0].shape[0] in (1, len(out)):  # as in most patches: then there is nothing to sum
            out[...] = sounds[0]
        else:
            out.fill(0.0)
            for sound in sounds:
                count = len(out) if sound.shape[0] == 1 else min(sound.shape[0], len(out))
                out[:count] += sound[:count]
        peak = float(np.abs(out, self._size).max())
        if not peak < 1e9:  # a sum of finite sounds can still overflow
            out.fill(0.0)
        elif peak > CEILING or self._gain < 1.0:
            self._limit(out)
        return out

    def _limit(self, out: np.ndarray) -> None:
        frames = out.shape[1]
        step = min(STEP, frames)
        for start in range(0, frames, step):
            part = out[:, start : start + step]
            peak = float(np.abs(part).max())
            wanted = min(1.0, CEILING / peak) if peak > 0.0 else 1.0
            ahead = self._gain + (1.0 - self._gain) * self._back
            ahead = 1.0 if ahead > 0.9999 else ahead
            end = min(wanted, ahead)
            part *= np.linspace(self._gain, end, part.shape[1], endpoint=False, dtype=np.float32)
            self._gain = end
        np.clip(out, -CEILING, CEILING, out=out)
