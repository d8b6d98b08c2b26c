"""A ring of sound between two threads, without locks: one puts, one takes."""

from __future__ import annotations

import numpy as np


class Ring:
    """Holds up to `capacity` frames of `channels`. `put` is for one thread, `take` for one other; neither allocates nor waits."""

    def __init__(self, channels: int, capacity: int) -> None:
        self._frames = np.zeros((channels, capacity), np.float32)
        self._capacity = capacity
        self._put = self._taken = 0  # counted on for ever: each is written by one thread only

    @property
    def ready(self) -> int:
        """Frames that can be taken."""
        return self._put - self._taken

    @property
    def free(self) -> int:
        """Frames that can be put."""
        return self._capacity - (self._put - self._taken)

    def put(self, sound: np.ndarray) -> None:
        """Appends [channels, n], n <= free."""
        start, count = self._put % self._capacity, sound.shape[1]
        first = min(count, self._capacity - start)
        self._frames[:, start : start + first] = sound[:, :first]
        if first < count:
            self._frames[:, : count - first] = sound[:, first:]
        self._put += count

    def take(self, into: np.ndarray) -> None:
        """Fills [channels, n], n <= ready."""
        start, count = self._taken % self._capacity, into.shape[1]
        first = min(count, self._capacity - start)
        into[:, :first] = self._frames[:, start : start + first]
        if first < count:
            into[:, first:] = self._frames[:, : count - first]
        self._taken += count
