"""Convolution with an impulse response: the sound of any room, spring or thing that was recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nodes.sound_files import read_sound
from nodes.sound_history import with_rows
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, PathParam, Port, PortType

SHORT, LONG = 512, 4096
"""Frames of the parts into which an impulse is cut: short ones at its beginning, so that nothing is late, and long ones after."""
TURNS = LONG // SHORT
LONGEST = 30.0
"""Seconds of an impulse at most."""


class Convolution(StreamNode):
    """Gives a sound the room of a recorded impulse: a clap in a church, a knock on a pipe, any short sound. It answers without
    delay. The impulse is made as loud as the sound itself."""

    spec = NodeSpec(
        type="audio.convolution",
        title="Convolution",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the sound in that room; two channels if either has two"),),
        params=(
            PathParam(name="path", doc=f"the impulse: a sound file of at most {LONGEST:.0f} seconds"),
            FloatParam(name="mix", default=1.0, low=0.0, high=1.0, smooth=True, doc="0 is the sound alone, 1 the room alone"),
        ),
    )

    def prepare(self, stream: Stream, path: Path | None) -> None:
        self._convolver = Convolver(impulse_of(path, stream.sample_rate))

    def process(self, block: Block, audio: np.ndarray, mix: float | np.ndarray) -> dict[str, np.ndarray]:
        dry = audio[:2]
        wet = self._convolver.convolve(dry)
        dry = with_rows(dry, len(wet))
        return {"audio": (dry + mix * (wet - dry)).astype(np.float32)}


def impulse_of(path: Path | None, sample_rate: int) -> np.ndarray:
    """An impulse from a sound file, float32 [1 or 2, frames], made so loud that noise stays as loud. Raises NodeError."""
    impulse = read_sound(path, sample_rate)[:2]
    if impulse.shape[1] > LONGEST * sample_rate:
        raise NodeError(f"an impulse lasts at most {LONGEST:.0f} s, this one {impulse.shape[1] / sample_rate:.0f} s; cut it")
    strength = float(np.sqrt(np.square(impulse, dtype=np.float64).sum(axis=1).max()))
    if strength < 1e-9:
        raise NodeError("this impulse is silent; choose another file")
    return impulse / np.float32(strength)


class Convolver:
    """A sound convolved with `impulse` (float32 [1 or 2, frames]) by parts in the frequency domain: the first SHORT frames as
    they come, parts of SHORT frames up to twice LONG, parts of LONG frames after that, whose work is spread over the next LONG
    frames (W. G. Gardner, Efficient convolution without input-output delay, JAES 43(3), 1995). The clock is its own: the same
    sound comes out at every block length."""

    def __init__(self, impulse: np.ndarray) -> None:
        from scipy import fft

        self._fft: Any = fft
        self._impulse = impulse
        self._short = self._parts(impulse[:, : 2 * LONG], SHORT)
        self._long = self._parts(impulse[:, 2 * LONG :], LONG)
        self._start(max(len(impulse), 1))

    def _parts(self, impulse: np.ndarray, size: int) -> np.ndarray:
        """The spectra of parts of `size` frames, complex64 [parts, channels, size + 1]."""
        count = -(-impulse.shape[1] // size)
        padded = np.zeros((len(impulse), count * size), np.float32)
        padded[:, : impulse.shape[1]] = impulse
        parts = padded.reshape(len(impulse), count, size).transpose(1, 0, 2)
        return self._fft.rfft(parts, 2 * size) if count else np.zeros((0, len(impulse), size + 1), np.complex64)

    def _start(self, channels: int) -> None:
        self._channels = channels
        self._window = np.zeros((channels, 2 * SHORT), np.float32)  # the last SHORT frames, and those of now as far as they came
        self._filled = 0
        self._spectra: deque[np.ndarray] = deque(maxlen=max(len(self._short) - 1, 1))
        self._tail = np.zeros((channels, SHORT), np.float32)
        self._past = np.zeros((channels, 2 * LONG), np.float32)
        self._turn = 0
        self._slow: deque[np.ndarray] = deque(maxlen=max(len(self._long), 1))
        self._work: list[Callable[[], None]] = []
        self._sum = np.zeros((channels, LONG + 1), np.complex64)
        self._late, self._ready = np.zeros((2, channels, LONG), np.float32)

    def convolve(self, audio: np.ndarray) -> np.ndarray:
        """The next [channels, frames]; gives as many frames, in as many channels as the sound or the impulse has."""
        channels = max(len(audio), len(self._impulse))
        if channels != self._channels:  # it begins anew: a change of channels is an edit, which is crossfaded
            self._start(channels)
        audio = with_rows(audio, channels)
        made = np.empty(audio.shape, np.float32)
        done, frames = 0, audio.shape[1]
        while done < frames:
            count = min(frames - done, SHORT - self._filled)
            here = slice(self._filled, self._filled + count)
            self._window[:, SHORT + self._filled : SHORT + self._filled + count] = audio[:, done : done + count]
            spectrum = self._fft.rfft(self._window)
            now = self._fft.irfft(spectrum * self._short[0])[:, SHORT:]
            made[:, done : done + count] = now[:, here] + self._tail[:, here]
            self._filled += count
            done += count
            if self._filled == SHORT:
                self._next(spectrum)
        return made

    def _next(self, spectrum: np.ndarray) -> None:
        """SHORT frames are whole: what they and those before will still sound like in the next SHORT frames."""
        self._spectra.appendleft(spectrum)
        total = np.zeros_like(spectrum)
        for one, part in zip(self._spectra, self._short[1:], strict=False):
            total += one * part
        self._tail = self._fft.irfft(total)[:, SHORT:]
        if len(self._long):
            self._next_of_long(self._window[:, SHORT:])
            self._tail += self._late[:, self._turn * SHORT : (self._turn + 1) * SHORT]
        self._window[:, :SHORT] = self._window[:, SHORT:]
        self._window[:, SHORT:] = 0.0
        self._filled = 0

    def _next_of_long(self, newest: np.ndarray) -> None:
        self._past[:, LONG + self._turn * SHORT : LONG + (self._turn + 1) * SHORT] = newest
        if self._work:
            self._work.pop(0)()
        self._turn += 1
        if self._turn < TURNS:
            return
        # LONG frames are whole. What they are worth is heard from twice LONG frames after their beginning on: there is time.
        self._turn = 0
        self._late, self._ready = self._ready, np.zeros_like(self._late)
        self._plan()

    def _plan(self) -> None:
        """Cuts the work of LONG frames into as many turns as there are until its result is needed."""
        past = self._past.copy()
        self._past[:, :LONG] = self._past[:, LONG:]
        each = -(-len(self._long) // (TURNS - 2))

        def begin() -> None:
            self._slow.appendleft(self._fft.rfft(past))
            self._sum = np.zeros_like(self._sum)

        def add(first: int) -> None:
            for one, part in list(zip(self._slow, self._long, strict=False))[first : first + each]:
                self._sum += one * part

        def end() -> None:
            self._ready = self._fft.irfft(self._sum)[:, LONG:]

        self._work = [begin, *(lambda first=turn * each: add(first) for turn in range(TURNS - 2)), end]
