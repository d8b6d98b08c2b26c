"""What effects share: the newest frames of a sound, and values that move from step to step without a click."""

from __future__ import annotations

import numpy as np

from runtime.node import STEP


class History:
    """The newest `size` frames of a sound. Every frame is kept twice, `size` apart, so that any piece of it is one piece in
    memory and nothing is ever copied together."""

    def __init__(self, channels: int, size: int) -> None:
        self.size = size
        self._kept = np.zeros((channels, 2 * size), np.float32)
        self._next = 0

    def fit(self, channels: int) -> None:
        """Goes on with another number of channels: new ones have had what the last one had."""
        self._kept = with_rows(self._kept, channels)

    def write(self, sound: np.ndarray) -> None:
        """Appends [channels, frames], at most `size` frames."""
        kept, begin, frames = self._kept, self._next, sound.shape[1]
        first = min(frames, self.size - begin)
        kept[:, begin : begin + first] = kept[:, begin + self.size : begin + self.size + first] = sound[:, :first]
        if first < frames:
            kept[:, : frames - first] = kept[:, self.size : self.size + frames - first] = sound[:, first:]
        self._next = (begin + frames) % self.size

    def read(self, back: int, frames: int, channel: slice | int = slice(None)) -> np.ndarray:
        """`frames` frames of which the first was written `back` frames before the next one will be; frames <= back <= size. A
        view that the next `write` may change."""
        start = (self._next - back) % self.size
        return self._kept[channel, start : start + frames]

    def between(self, back: np.ndarray) -> np.ndarray:
        """The sound at moments between frames, float32 [channels, moments]: each lies `back` frames before the next one, 2 to
        `size` - 2. A cubic through the four frames around it (Catmull-Rom)."""
        whole = np.ceil(back).astype(np.int64)
        part = (whole - back).astype(np.float32)
        first = (self._next - whole - 1) % self.size
        a, b, c, d = (self._kept[:, first + number] for number in range(4))
        return b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)))


def with_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """An array with so many rows: those too many are left out, new ones are like the last."""
    if len(rows) == count:
        return rows
    return rows[np.minimum(np.arange(count), len(rows) - 1)]


class Course:
    """A control's way, frame by frame: in a straight line from each step to the next."""

    def __init__(self) -> None:
        self._last: float | None = None

    def over(self, steps: np.ndarray) -> np.ndarray:
        """The values [steps] of a block as one for each frame, float64 [steps * STEP]; it begins at the first that it sees."""
        last = float(steps[0]) if self._last is None else self._last
        self._last = float(steps[-1])
        places = np.arange(1, len(steps) * STEP + 1) / STEP
        return np.interp(places, np.arange(len(steps) + 1), np.append(last, steps))
