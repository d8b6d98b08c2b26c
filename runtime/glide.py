"""Params on their way to a new value: short glides against clicks, and long ones between scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RAMP = 0.02
"""Seconds in which a smoothed param glides to its new value: short enough to feel immediate, long enough not to click."""


class Glides:
    """The params that move, by their place among the values. Only the rendering thread uses it."""

    def __init__(self, sample_rate: int, frames: int) -> None:
        self._sample_rate, self._frames = sample_rate, frames
        self._moving: dict[int, tuple[float, float, int, bool]] = {}

    def __bool__(self) -> bool:
        return bool(self._moving)

    def start(self, values: list[Any], slot: int, value: float, seconds: float, smooth: bool) -> None:
        """Lets the value at `slot` go to `value`. A smooth one is float32 [frames] while it moves, another steps once a block."""
        current = self._moving[slot][0] if slot in self._moving else values[slot]
        if slot in self._moving or current != value:
            self._moving[slot] = (current, value, max(round(max(seconds, RAMP) * self._sample_rate), 1), smooth)

    def stop(self, slot: int) -> None:
        self._moving.pop(slot, None)

    def now(self, slot: int, value: Any) -> tuple[Any, Any]:
        """(where the value is at this moment, where it goes); both `value` where it rests."""
        return self._moving[slot][:2] if slot in self._moving else (value, value)

    def move(self, places: Callable[[int], int | None]) -> None:
        """Follows the values to their places in another program; those without a place are dropped."""
        moved = {places(slot): glide for slot, glide in self._moving.items()}
        self._moving = {slot: glide for slot, glide in moved.items() if slot is not None}

    def step(self, values: list[Any]) -> None:
        """Moves all by one block."""
        frames = self._frames
        for slot, (current, target, left, smooth) in list(self._moving.items()):
            if left <= 0:
                values[slot] = target
                del self._moving[slot]
                continue
            count = min(frames, left)
            if smooth:
                ramp = np.full(frames, target, np.float32)
                ramp[:count] = current + (target - current) / left * np.arange(1, count + 1)
                values[slot] = ramp
                reached = float(ramp[-1]) if left > frames else target
            else:
                values[slot] = reached = current + (target - current) * count / left
            self._moving[slot] = (reached, target, left - frames, smooth)
