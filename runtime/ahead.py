"""Sound that is rendered before a card has room for it, so that it goes on while something keeps Python to itself."""

from __future__ import annotations

import threading
import time

import numpy as np

CATCHING_UP = 3.0
"""Seconds in which the engine must have played ahead; one that is this slow has no time to spare, whatever is waited for."""
SETTLED = 0.01
"""Seconds until a thread that goes into a call of PortAudio has let Python go for sure."""


class Ahead:
    """Keeps what there is no room for, until it is enough: then all of it is handed over in one call, which waits for the card
    and needs no Python meanwhile. One thread asks, the engine's adds."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._kept = np.zeros((0, channels), np.float32)
        self._is_enough = threading.Event()
        self.wanted = 0
        """Frames that are asked for; 0 while none are, and nothing need be added."""

    def ask(self, seconds: float) -> None:
        """Returns as soon as so much is being handed over, or when there is no time for that."""
        self._is_enough.clear()
        self.wanted = round(seconds * self._rate)
        if not self._is_enough.wait(CATCHING_UP):
            self.wanted = min(self.wanted, 1)  # what there is must do
        time.sleep(SETTLED)

    def add(self, frames: np.ndarray, room: int) -> np.ndarray:
        """Takes [n, channels]; gives what is to be written now: as much as there is room for, or all, if it is enough."""
        every: np.ndarray = np.concatenate([self._kept, frames])
        count = room
        if len(every) >= self.wanted:
            count, self.wanted = len(every), 0
            self._is_enough.set()
        now, self._kept = every[:count], every[count:]
        return now
