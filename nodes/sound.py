"""Sound itself: make it, make it louder or quieter, mix it, and send it to the loudspeakers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from nodes.sound_files import SoundStream, WholeSound
from nodes.sound_player import played, sound_of
from runtime.node import Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, PathParam, Port, PortType

CHUNK = 16384
"""Frames that a resting oscillator computes at once, in chunks that begin at fixed frames of the patch's clock: the sound is then
bit for bit the same at every block length, and a block of 512 frames costs 0.9 microseconds instead of 1.6."""

TURN = 4096
"""Chunks begin at multiples of this, the longest block: no block lies in two chunks."""

ROWS = 64
"""A chunk of sine is the product of [ROWS, 2] and [2, CHUNK / ROWS], so that its tables stay in the cache."""


def sine(phases: np.ndarray, steps: float | np.ndarray) -> np.ndarray:
    """One sine for each whole number of cycles in `phases`."""
    return np.sin(2.0 * math.pi * phases)


def saw(phases: np.ndarray, steps: float | np.ndarray) -> np.ndarray:
    """A saw rising from -1 to 1 in each cycle, its corner rounded by PolyBLEP."""
    cycle = phases % 1.0
    return 2.0 * cycle - 1.0 - _rounded_step(cycle, steps)


def square(phases: np.ndarray, steps: float | np.ndarray) -> np.ndarray:
    """1 in the first half of each cycle and -1 in the second, its corners rounded by PolyBLEP."""
    cycle = phases % 1.0
    edges = _rounded_step(cycle, steps) - _rounded_step((cycle + 0.5) % 1.0, steps)
    return np.where(cycle < 0.5, 1.0, -1.0) + edges


def triangle(phases: np.ndarray, steps: float | np.ndarray) -> np.ndarray:
    """A triangle that starts at 0 and rises. Not band-limited: its overtones fall by 12 dB an octave, so aliases stay low."""
    return 1.0 - 4.0 * np.abs((phases + 0.25) % 1.0 - 0.5)


def _rounded_step(cycle: np.ndarray, steps: float | np.ndarray) -> np.ndarray:
    """What to add to a jump from -1 to 1 at cycle 0 so that it lasts two frames instead of none: the two-point polynomial
    band-limited step (PolyBLEP) of Valimaki and Huovilainen, IEEE Signal Processing Magazine 24(2), 2007."""
    after = np.minimum(cycle / steps, 1.0) - 1.0
    before = np.maximum((cycle - 1.0) / steps, -1.0) + 1.0
    return before * before - after * after


SHAPES = {"sine": sine, "saw": saw, "square": square, "triangle": triangle}


class Oscillator(StreamNode):
    """A steady tone of one pitch and one of four shapes: the plainest sound there is, to test a patch with or to build from."""

    spec = NodeSpec(
        type="audio.oscillator",
        title="Oscillator",
        outputs=(Port("audio", PortType.AUDIO, "the tone, mono"),),
        params=(
            ChoiceParam(name="shape", default="sine", choices=tuple(SHAPES), doc="sine is pure, saw bright", live=False),
            FloatParam(name="frequency", default=220.0, low=0.1, high=20000.0, unit="Hz", log=True, smooth=True, doc="pitch"),
            FloatParam(name="level", default=0.25, low=0.0, high=1.0, smooth=True, doc="1 is as loud as it can be"),
        ),
    )

    def prepare(self, stream: Stream, shape: str) -> None:
        self._rate = stream.sample_rate
        self._shape = SHAPES[shape]
        # Oscillators make their chunks in different blocks, or a hundred of them would make one block in many a slow one.
        self._shift = stream.seed % (CHUNK // TURN) * TURN
        # The phase is known exactly at one frame, `origin`, and from there by counting frames: nothing adds up to a drift.
        self._origin, self._phase, self._frequency = 0, 0.0, None
        self._tabled, self._turning = None, np.zeros((2, 2), np.float32)
        # Two buffers by turns: what a reader of the last block still holds must not change under its hands.
        self._chunk, self._spare = (np.zeros((ROWS, CHUNK // ROWS), np.float32) for _ in range(2))
        self._forget()

    def process(self, block: Block, frequency: float | np.ndarray, level: float | np.ndarray) -> dict[str, np.ndarray]:
        start, frames = block.start, block.frames
        if frequency is self._frequency and level is self._level:  # at rest they are the very same objects as before
            place, between = divmod(start - self._first, frames)
            if not between and 0 <= place < len(self._blocks):
                return {"audio": self._blocks[place]}
        if type(frequency) is not float:
            return {"audio": self._moving(start, frequency, level)}
        if frequency != self._frequency:
            self._turn(start, frequency)
        if type(level) is not float:
            return {"audio": self._resting(start, frames, 1.0) * level}
        return {"audio": self._resting(start, frames, level)}

    def _forget(self) -> None:
        self._first, self._level, self._blocks = -CHUNK, None, ()

    def _phase_at(self, frame: int) -> float:
        return (self._phase + self._heard * (frame - self._origin) / self._rate) % 1.0

    def _turn(self, start: int, frequency: float) -> None:
        """Goes on at another frequency from the present phase."""
        if self._frequency is not None:
            self._phase, self._origin = self._phase_at(start), start
        self._frequency = frequency
        self._heard = min(frequency, self._rate / 2)  # nothing above half the sample rate can be heard as itself
        self._forget()

    def _resting(self, start: int, frames: int, level: float) -> np.ndarray:
        """The tone [1, frames] at the resting frequency and level, cut out of as many chunks as it takes."""
        if level != self._level:
            self._forget()
            self._level = level
        parts, end = [], start + frames
        while start < end:
            first = (start + self._shift) // CHUNK * CHUNK - self._shift
            if first != self._first:
                self._make_chunk(first, level, frames)
            stop = min(end, first + CHUNK)
            parts.append(self._chunk.reshape(1, -1)[:, start - first : stop - first])
            start = stop
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _make_chunk(self, first: int, level: float, frames: int) -> None:
        """Computes the chunk that begins at frame `first` into the buffer that is not being heard, and cuts it into blocks."""
        self._spare, chunk = self._chunk, self._spare
        step, phase = self._heard / self._rate, self._phase_at(first)
        if self._shape is sine:
            if self._tabled != step:
                self._tabled = step
                turns = 2.0 * math.pi * step * np.arange(CHUNK // ROWS)
                self._columns = np.stack([np.cos(turns), np.sin(turns)]).astype(np.float32)
                turns = 2.0 * math.pi * step * np.arange(0, CHUNK, CHUNK // ROWS)
                self._rows = np.stack([np.sin(turns), np.cos(turns)], axis=1).astype(np.float32)
            # sin(a + b) = sin a cos b + cos a sin b, twice: two small products of matrices instead of CHUNK sines.
            sinus, cosine = level * math.sin(2.0 * math.pi * phase), level * math.cos(2.0 * math.pi * phase)
            self._turning[:] = (cosine, -sinus), (sinus, cosine)
            np.dot(self._rows, self._turning.dot(self._columns), out=chunk)
        else:
            chunk.reshape(-1)[:] = level * self._shape(phase + step * np.arange(CHUNK), step)
        self._first, self._chunk = first, chunk
        self._blocks = chunk.reshape(-1, 1, frames) if CHUNK % frames == 0 else ()

    def _moving(self, start: int, frequency: np.ndarray, level: float | np.ndarray) -> np.ndarray:
        """The tone [1, frames] along a ramp of frequencies [frames]: its phase is the sum of all steps so far."""
        if self._frequency is None:
            self._turn(start, float(frequency[0]))
        heard = np.minimum(frequency.astype(np.float64), self._rate / 2)
        steps = heard / self._rate
        ends = self._phase_at(start) + np.cumsum(steps)
        self._turn(start + len(steps), float(frequency[-1]))
        self._phase = float(ends[-1]) % 1.0
        return (self._shape(ends - steps, steps) * level).astype(np.float32)[None]


class Gain(StreamNode):
    """Make a sound louder or quieter by a number of decibels. 6 dB more is about twice as strong, -60 dB next to silence."""

    spec = NodeSpec(
        type="audio.gain",
        title="Gain",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the same, louder or quieter"),),
        params=(FloatParam(name="gain", default=0.0, low=-60.0, high=24.0, unit="dB", smooth=True, doc="0 leaves it as it is"),),
        pure=True,
    )

    def prepare(self, stream: Stream) -> None:
        self._gain, self._factor = 0.0, np.array(1.0, np.float32)

    def process(self, block: Block, audio: np.ndarray, gain: float | np.ndarray) -> dict[str, np.ndarray]:
        if gain is not self._gain and type(gain) is not float:
            return {"audio": audio * 10.0 ** (gain / 20.0)}
        if gain is not self._gain:
            self._gain, self._factor = gain, np.array(10.0 ** (gain / 20.0), np.float32)
        # With a scalar array, dot is a product like any other and takes half the time of `*` (0.6 against 1.0 us at 512 frames).
        return {"audio": audio.dot(self._factor)}


class Mix(StreamNode):
    """Adds any number of sounds. A mono sound goes to all channels; a sound with fewer channels than the widest is silent in the
    rest. Nothing is made quieter to make room: use gains."""

    spec = NodeSpec(
        type="audio.mix",
        title="Mix",
        inputs=(Port("audio", PortType.AUDIO, "any number of sounds", many=True),),
        outputs=(Port("audio", PortType.AUDIO, "their sum, as wide as the widest"),),
        pure=True,
    )

    def process(self, block: Block, audio: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        return {"audio": mixed(audio, block.frames)}


def mixed(sounds: tuple[np.ndarray, ...], frames: int) -> np.ndarray:
    """The sum [widest channels, frames] of sounds [channels, frames] as a new array; silence, mono, where there are none."""
    if not sounds:
        return np.zeros((1, frames), np.float32)
    # One by one, in place: for the few sounds of most patches quicker than to stack them and sum the rows.
    add, total = np.add, np.zeros((max(map(len, sounds)), frames), np.float32)
    for sound in sounds:
        rows = total if len(sound) in (1, len(total)) else total[: len(sound)]
        add(rows, sound, rows)
    return total


class Pan(StreamNode):
    """Places a sound between left and right, equally strong everywhere. A sound of several channels is mixed to one first."""

    spec = NodeSpec(
        type="audio.pan",
        title="Pan",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the same in two channels"),),
        params=(FloatParam(name="place", default=0.0, low=-1.0, high=1.0, smooth=True, doc="-1 is left, 0 the middle, 1 right"),),
        pure=True,
    )

    def process(self, block: Block, audio: np.ndarray, place: float | np.ndarray) -> dict[str, np.ndarray]:
        mono = audio[0] if len(audio) == 1 else audio.mean(axis=0)
        # The sine law: the squares of both sides add up to one. Written so that -1 and 1 leave the other side truly silent.
        left, right = np.sin(0.25 * np.pi * (1.0 - np.asarray(place))), np.sin(0.25 * np.pi * (1.0 + np.asarray(place)))
        return {"audio": np.stack([mono * left, mono * right]).astype(np.float32)}


class Feedback(StreamNode):
    """Gives a sound back one block later, so that a patch can bite its own tail. The way back takes as long as the patch's
    block: at another block length the loop sounds different."""

    spec = NodeSpec(
        type="audio.feedback",
        title="Feedback",
        inputs=(Port("audio", PortType.AUDIO, "the end of the loop", delayed=True),),
        outputs=(Port("audio", PortType.AUDIO, "the same, one block later"),),
        exact=False,
    )

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        return {"audio": audio}


class Input(StreamNode):
    """Hear the sound card: a microphone or an instrument. Silence where nothing is plugged in. When a patch is rendered, nobody
    plays: then a file takes the place of what would be heard."""

    spec = NodeSpec(
        type="audio.input",
        title="Input",
        outputs=(Port("audio", PortType.AUDIO, "what the sound card hears, in as many channels as it has, at most two"),),
        params=(
            FloatParam(name="level", default=0.0, low=-60.0, high=24.0, unit="dB", smooth=True, doc="0 leaves it as it is"),
            PathParam(
                name="file", required=False, doc="a sound that is heard over and over when the patch is rendered; may be empty"
            ),
        ),
        listens=True,
    )
    _file: WholeSound | SoundStream | None = None

    def prepare(self, stream: Stream, file: Path | None) -> None:
        self._file = sound_of(file, stream) if file is not None and stream.offline else None

    def process(self, block: Block, level: float | np.ndarray) -> dict[str, np.ndarray]:
        heard = block.device_input
        if self._file is not None:
            heard = played(self._file, block.frames, loop=True)[:2]
        if heard is None:
            return {"audio": np.zeros((1, block.frames), np.float32)}
        return {"audio": (heard * 10.0 ** (np.asarray(level) / 20.0)).astype(np.float32)}

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Output(StreamNode):
    """Sends a sound to the loudspeakers, or into the file when the patch is rendered."""

    spec = NodeSpec(
        type="audio.output",
        title="Output",
        inputs=(Port("audio", PortType.AUDIO, "what is to be heard"),),
        params=(FloatParam(name="level", default=0.0, low=-60.0, high=24.0, unit="dB", smooth=True, doc="0 leaves it as it is"),),
    )

    def process(self, block: Block, audio: np.ndarray, level: float | np.ndarray) -> dict[str, np.ndarray]:
        block.play(audio * 10.0 ** (level / 20.0) if type(level) is not float or level else audio)
        return {}
