"""A room."""

from __future__ import annotations

import math

import numpy as np

from nodes.sound_history import History
from runtime.node import Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType

LINES = 16
SHORT, LONG = 0.023, 0.079
"""Seconds of the shortest and the longest line at size 1: rooms of 8 and 27 metres."""
TAPS = 8
"""Early echoes at each side."""
EARLY = 0.03
"""Seconds in which they come, at size 1."""
LEVEL = 0.65
"""Makes noise in the room as loud as outside (measured, the same at every decay within .1 dB)."""
SEED = 20
"""Of the early echoes' places and the lines' lengths: every reverb is the same room."""


class Reverb(StreamNode):
    """Puts a sound into a room. *decay* is how long it takes to die away by 60 dB, *damping* how much sooner its high part
    does. A network of sixteen delay lines that feed each other."""

    spec = NodeSpec(
        type="audio.reverb",
        title="Reverb",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the sound in its room, in two channels"),),
        params=(
            FloatParam(
                name="decay", default=2.0, low=0.1, high=60.0, unit="s", log=True, smooth=True, doc="until it is 60 dB softer"
            ),
            FloatParam(name="damping", default=0.5, low=0.0, high=1.0, doc="0 is a bright room, 1 one of cloth"),
            FloatParam(name="size", default=1.0, low=0.2, high=3.0, doc="a small room to a cathedral", live=False),
            FloatParam(name="mix", default=0.3, low=0.0, high=1.0, smooth=True, doc="0 is the sound alone, 1 the room alone"),
        ),
    )

    def prepare(self, stream: Stream, size: float) -> None:
        random = np.random.default_rng(SEED)
        rate = stream.sample_rate
        lengths = np.geomspace(SHORT, LONG, LINES) * size * rate
        self._lengths = np.array(primes_near(lengths.round().astype(int).tolist()))
        self._most = int(self._lengths.min())
        self._seconds = self._lengths / rate
        self._fall = (-math.log(1000.0) * self._seconds[:, None]).astype(np.float32)
        self._lines = History(LINES, int(self._lengths.max()) + stream.block + 2)
        self._early = History(2, math.ceil(EARLY * size * rate) + stream.block + 2)
        places = np.sort(random.uniform(0.002, EARLY, (2, TAPS)), axis=1) * size
        self._places = (places * rate).round().astype(int) + 1
        self._signs = random.choice([-1.0, 1.0], (2, TAPS)) * np.exp(-places / (EARLY * size)) / math.sqrt(0.45 * TAPS)
        self._mixing = hadamard(LINES) / np.float32(math.sqrt(LINES))
        # Each side hears all lines, every other one turned over, and feeds half of them.
        self._hear = np.stack([random.permutation(np.tile([1.0, -1.0], LINES // 2)) for _ in range(2)]).astype(np.float32)
        self._feed = (np.arange(LINES)[:, None] % 2 == np.arange(2)).astype(np.float32)

    def process(
        self, block: Block, audio: np.ndarray, decay: float | np.ndarray, damping: float, mix: float | np.ndarray
    ) -> dict[str, np.ndarray]:
        both = np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio[:2]
        frames, room = both.shape[1], np.empty((2, both.shape[1]), np.float32)
        done = 0
        while done < frames:
            count = min(frames - done, self._most)
            part = slice(done, done + count)
            room[:, part] = self._play(both[:, part], decay if isinstance(decay, float) else decay[part], damping)
            done += count
        return {"audio": (both + mix * (room - both)).astype(np.float32)}

    def _play(self, both: np.ndarray, decay: float | np.ndarray, damping: float) -> np.ndarray:
        """The room's answer to [2, frames], no more of them than the shortest line is long."""
        count = both.shape[1]
        self._early.write(both)
        first = np.zeros((2, count), np.float32)
        for side in range(2):
            for place, sign in zip(self._places[side].tolist(), self._signs[side].tolist(), strict=True):
                first[side] += np.float32(sign) * self._early.read(count + place, count, side)
        heard = np.empty((LINES, count + 1), np.float32)
        for line, length in enumerate(self._lengths.tolist()):
            heard[line] = self._lines.read(length + 1, count + 1, line)
        gain = np.exp(self._fall / np.float32(decay)) if isinstance(decay, float) else np.exp(self._fall / decay)
        # Each frame with a part of the one before it: what is high is lost, the more the longer the line is, so that all lines
        # lose it as fast.
        lost = (0.5 * (1.0 - np.exp(-damping * 40.0 * self._seconds))).astype(np.float32)[:, None]
        again = heard[:, 1:] * (gain * (1.0 - lost))
        again += heard[:, :-1] * (gain * lost)
        again = self._mixing.dot(again)
        again += self._feed.dot(first)
        self._lines.write(again)
        # As loud as it came in, however long it lasts: the energy of a line is that of a geometric series.
        level = np.sqrt((1.0 - np.square(gain).mean(axis=0)) * 2.0 / LINES)
        return np.float32(LEVEL) * (first * np.float32(0.5) + level.astype(np.float32) * self._hear.dot(heard[:, 1:]))


def hadamard(count: int) -> np.ndarray:
    """A matrix of 1 and -1 whose rows stand at right angles to each other; `count` is a power of two."""
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < count:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix


def primes_near(lengths: list[int]) -> list[int]:
    """For each length the nearest prime from there up, no two the same: lines whose echoes never fall together."""
    found: list[int] = []
    for length in lengths:
        number = max(length, 2)
        while number in found or any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
            number += 1
        found.append(number)
    return found
