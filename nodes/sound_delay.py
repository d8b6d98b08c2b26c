"""An echo."""

from __future__ import annotations

import math

import numpy as np

from nodes.sound_history import History
from runtime.node import Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType

SHORTEST, LONGEST = 3.0, 4000.0
"""ms. The shortest is two pieces of 64 frames, or a block would fall into too many."""
GLIDE = 0.08
"""Seconds in which a new time has been reached by 63 %: like a tape that is pulled, the echo slides in pitch meanwhile."""
NEAR = 1e-3
"""Frames from the wanted time at which the tape stands still."""


class Delay(StreamNode):
    """Repeats a sound after a time, softer and softer. A new time pulls the tape: the echo slides in pitch on its way there."""

    spec = NodeSpec(
        type="audio.delay",
        title="Delay",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the sound and its echoes"),),
        params=(
            FloatParam(
                name="time", default=300.0, low=SHORTEST, high=LONGEST, unit="ms", log=True, smooth=True, doc="until the echo"
            ),
            FloatParam(name="feedback", default=0.4, low=0.0, high=0.99, smooth=True, doc="how much of it comes again"),
            FloatParam(name="mix", default=0.5, low=0.0, high=1.0, smooth=True, doc="0 is the sound alone, 1 the echoes alone"),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        from scipy.signal import lfilter

        self._rate, self._filter = stream.sample_rate, lfilter
        self._share = 1.0 - math.exp(-1.0 / (GLIDE * stream.sample_rate))
        self._history = History(1, math.ceil(LONGEST * stream.sample_rate / 1000.0) + 8)
        self._channels = 1
        self._back: float | None = None

    def process(
        self, block: Block, audio: np.ndarray, time: float | np.ndarray, feedback: float | np.ndarray, mix: float | np.ndarray
    ) -> dict[str, np.ndarray]:
        if len(audio) != self._channels:
            self._channels = len(audio)
            self._history.fit(self._channels)
        frames = audio.shape[1]
        back = self._way(np.round(np.asarray(time) * (self._rate / 1000.0)), frames)
        echo = np.empty(audio.shape, np.float32)
        done = 0
        while done < frames:  # so far at once that no echo needs what is yet to be written
            still = isinstance(back, int)
            count = min(frames - done, back if still else max(int(back[done:].min()) - 2, 1))
            part = slice(done, done + count)
            if still:
                echo[:, part] = self._history.read(back, count)
            else:
                echo[:, part] = self._history.between(back[part] - np.arange(count))
            again = feedback if isinstance(feedback, float) else feedback[part]
            self._history.write(audio[:, part] + again * echo[:, part])
            done += count
        return {"audio": (audio + mix * (echo - audio)).astype(np.float32)}

    def _way(self, wanted: np.ndarray, frames: int) -> int | np.ndarray:
        """How far back the echo lies: whole frames at rest, or float64 [frames] on the way to `wanted`, one or [frames]."""
        goal = float(wanted.flat[-1])
        if self._back is None:
            self._back = float(wanted.flat[0])
        if not wanted.ndim and abs(goal - self._back) < NEAR:
            self._back = goal
            return int(goal)
        states = np.array([(1.0 - self._share) * self._back])
        course = np.broadcast_to(wanted.astype(np.float64), frames)
        way, _ = self._filter([self._share], [1.0, self._share - 1.0], course, zi=states)
        self._back = float(way[-1])
        return way
