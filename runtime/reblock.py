"""Between the patch's blocks and the frames of a model that has a length of its own, with the latency that this costs.

A model that is fed with sound can answer only when a whole frame has come in: declare `Collect.latency`. A model that is
steered by CONTROL decodes a frame at the moment its first sample is needed: no latency.
"""

from __future__ import annotations

import numpy as np


class Collect:
    """Gathers audio blocks of any length into frames of `size`."""

    def __init__(self, size: int, channels: int = 1) -> None:
        self.size = size
        self._frame = np.zeros((channels, size), np.float32)
        self._filled = 0

    @property
    def latency(self) -> int:
        """Frames from a sound to the first frame that contains all of it: `size`, at every block length."""
        return self.size

    def feed(self, audio: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """Takes [channels, frames]; gives each completed frame [channels, size] with the number of frames of this block
        that had been used when it was complete (1..frames). The arrays are the caller's to keep."""
        done: list[tuple[int, np.ndarray]] = []
        used, total = 0, audio.shape[1]
        while used < total:
            count = min(self.size - self._filled, total - used)
            self._frame[:, self._filled : self._filled + count] = audio[:, used : used + count]
            self._filled += count
            used += count
            if self._filled == self.size:
                done.append((used, self._frame.copy()))
                self._filled = 0
        return done


class Deliver:
    """Hands out audio in blocks of any length, made in pieces of any length; grows only if a piece does not fit."""

    def __init__(self, channels: int = 1, capacity: int = 8192) -> None:
        self._ring = np.zeros((channels, capacity), np.float32)
        self._start = 0
        self.ready = 0

    def put(self, audio: np.ndarray) -> None:
        """Appends [channels, frames]."""
        count = audio.shape[1]
        end = self._start + self.ready
        if end + count > self._ring.shape[1]:
            kept = self._ring[:, self._start : end].copy()
            if self.ready + count > self._ring.shape[1]:
                self._ring = np.zeros((self._ring.shape[0], 2 * (self.ready + count)), np.float32)
            self._ring[:, : self.ready] = kept
            self._start, end = 0, self.ready
        self._ring[:, end : end + count] = audio
        self.ready += count

    def take(self, frames: int) -> np.ndarray:
        """The oldest [channels, frames] as a new array. Call only while `frames` <= `ready`."""
        audio = self._ring[:, self._start : self._start + frames].copy()
        self._start += frames
        self.ready -= frames
        if not self.ready:
            self._start = 0
        return audio
