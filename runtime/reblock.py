"""Between the patch's blocks and the frames of a model that has a length of its own, with the latency that this costs.

A model that is fed with sound can answer only when a whole frame has come in: declare `Collect.latency`. A model that is
steered by CONTROL decodes a frame at the moment its first sample is needed: no latency.
"""

from __future__ import annotations

from collections import deque

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
    """Hands out audio in blocks of any length, made in pieces of any length. Pieces are kept as they are and handed out as views
    where a block lies within one: copying through a ring costs a cold cache more than it costs in instructions."""

    def __init__(self) -> None:
        self._pieces: deque[np.ndarray] = deque()
        self._used = 0  # frames of the first piece that have been handed out
        self.ready = 0

    def put(self, audio: np.ndarray) -> None:
        """Appends [channels, frames]; the array must not change afterwards."""
        if audio.shape[1]:
            self._pieces.append(audio)
            self.ready += audio.shape[1]

    def take(self, frames: int) -> np.ndarray:
        """The oldest [channels, frames], read-only in spirit. Call only while 0 < `frames` <= `ready`."""
        self.ready -= frames
        start, first = self._used, self._pieces[0]
        if first.shape[1] == frames and not start:
            return self._pieces.popleft()
        if first.shape[1] - start > frames:
            self._used += frames
            return first[:, start : start + frames]
        parts = []
        while frames:
            part = self._pieces[0][:, self._used : self._used + frames]
            parts.append(part)
            frames -= part.shape[1]
            self._used += part.shape[1]
            if self._used == self._pieces[0].shape[1]:
                self._pieces.popleft()
                self._used = 0
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
