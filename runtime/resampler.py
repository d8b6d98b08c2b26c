"""Between the patch's sample rate and a sound card's."""

from __future__ import annotations

from typing import Any

import numpy as np


class Resampler:
    """Passes sound on at another rate, piece by piece; as it is where the rates are equal. One thread."""

    def __init__(self, source: int, target: int, channels: int) -> None:
        self._stream: Any = None
        self.delay = 0.0
        """Seconds of sound that it holds back."""
        if source != target:
            import soxr

            self._stream = soxr.ResampleStream(source, target, channels, dtype="float32")
            self._target = target

    def __call__(self, sound: np.ndarray) -> np.ndarray:
        """[channels, frames] to [channels, about as many seconds of frames]."""
        if self._stream is None:
            return sound
        made: np.ndarray = self._stream.resample_chunk(np.ascontiguousarray(sound.T)).T
        self.delay = self._stream.delay() / self._target
        return made


def folded(sound: np.ndarray, channels: int) -> np.ndarray:
    """[any, n] with so many channels: mono is the mean of all, else the first of them."""
    if len(sound) == channels:
        return sound
    return sound.mean(axis=0, keepdims=True) if channels == 1 else sound[:channels]
