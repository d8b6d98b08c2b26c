"""Sounds as gestures: an envelope, what can be heard in a voice or an instrument, and an analyser to look at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nodes.sound_analysis import HOP, SILENT, WINDOW, Heard, Listener, note_of
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, Port, PortType

BANDS = (63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
"""Hz in the middle of each octave of the analyser."""
LEAST = -100.0
"""dB below which an octave is not told."""
BEGUN = 0.05
"""Seconds for which an onset is told: long enough to be seen, and to be caught by whatever looks for it."""


class EnvelopeFollower(StreamNode):
    """How loud a sound is, as a gesture: the loudness of a voice can move what a hand would move."""

    spec = NodeSpec(
        type="audio.envelope",
        title="Envelope follower",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("envelope", PortType.CONTROL, "one dimension, 0 to 1"),),
        params=(
            ChoiceParam(
                name="scale",
                default="decibels",
                choices=("decibels", "strength"),
                doc="decibels: 0 at the floor, 1 at full scale, as one hears it; strength: the bare RMS",
            ),
            FloatParam(name="floor", default=-60.0, low=-100.0, high=-6.0, unit="dB", doc="what is softer counts as silence"),
            FloatParam(name="attack", default=5.0, low=0.0, high=1000.0, unit="ms", doc="to follow what gets louder by 63 %"),
            FloatParam(name="release", default=100.0, low=0.0, high=10000.0, unit="ms", doc="to follow what gets softer by 63 %"),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        self._rate, self._now = stream.sample_rate / STEP, 0.0
        stream.name("envelope", ("envelope",))

    def process(
        self, block: Block, audio: np.ndarray, scale: str, floor: float, attack: float, release: float
    ) -> dict[str, np.ndarray]:
        pieces = np.square(audio, dtype=np.float64).reshape(len(audio), block.steps, -1)
        strength = np.sqrt(pieces.mean(axis=(0, 2)))
        if scale == "decibels":
            levels = 20.0 * np.log10(np.maximum(strength, 1e-9))
            strength = np.clip(1.0 - levels / floor, 0.0, 1.0)
        ways = [1.0 - math.exp(-1000.0 / (time * self._rate)) if time else 1.0 for time in (attack, release)]
        made, now = np.empty((1, block.steps), np.float32), self._now
        for step, goal in enumerate(strength.tolist()):
            now += (goal - now) * ways[goal < now]
            made[0, step] = now
        self._now = now
        return {"envelope": made}


class Hearing:
    """Rows of values that a Listener gives every HOP frames, as steps: each holds until the next."""

    def __init__(self, sample_rate: int, first: np.ndarray, pitched: bool) -> None:
        self._listener, self._values = Listener(sample_rate, pitched), first
        self._waiting = np.zeros(HOP)
        self._filled = 0

    def steps(self, block: Block, audio: np.ndarray, values: Any) -> np.ndarray:
        """float32 [values, steps]; `values` makes a row of values of what is `Heard`."""
        mono = audio.mean(axis=0, dtype=np.float64)
        made = np.empty((len(self._values), block.steps), np.float32)
        done, frames = 0, len(mono)
        while done < frames:
            count = min(frames - done, HOP - self._filled)
            self._waiting[self._filled : self._filled + count] = mono[done : done + count]
            self._filled += count
            made[:, done // STEP :] = self._values[:, None]
            done += count
            if self._filled == HOP:
                # The last frame of the step completes the look: from this step on its values are known.
                self._values, self._filled = values(self._listener.hear(self._waiting)), 0
                made[:, done // STEP - 1 :] = self._values[:, None]
        return made


class Descriptors(StreamNode):
    """What can be heard in a sound, as a gesture: play a patch with your voice or an instrument. In silence, brightness and pitch
    stay where they were. Pitches are note numbers: 12 are an octave, 69 is 440 Hz. They are looked for from 60 to 1000 Hz."""

    spec = NodeSpec(
        type="audio.descriptors",
        title="Descriptors",
        inputs=(Port("audio", PortType.AUDIO, "a voice, an instrument, any sound"),),
        outputs=(
            Port(
                "descriptors",
                PortType.CONTROL,
                "loudness in dB from -70, centroid and pitch as note numbers, flatness and voicing 0..1, onset 1 for a moment",
            ),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        self._last = np.array([SILENT, 69.0, 0.0, 57.0, 0.0, 0.0], np.float32)
        self._hearing = Hearing(stream.sample_rate, self._last, pitched=True)
        self._rate, self._begun = stream.sample_rate, 0
        stream.name("descriptors", ("loudness", "centroid", "flatness", "pitch", "voicing", "onset"))
        stream.delay(WINDOW // 2)

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        return {"descriptors": self._hearing.steps(block, audio, self._values)}

    def _values(self, heard: Heard) -> np.ndarray:
        made = self._last.copy()
        made[0], made[4] = heard.loudness, heard.voicing
        if heard.loudness > SILENT:
            made[1], made[2] = note_of(heard.centroid), heard.flatness
            if heard.pitch:
                made[3] = note_of(heard.pitch)
        self._begun = round(BEGUN * self._rate / HOP) if heard.onset else max(self._begun - 1, 0)
        made[5] = self._begun > 0
        self._last = made
        return made


class Analyser(StreamNode):
    """Shows a sound: its wave, its spectrum, its level in dB, where the middle of its spectrum lies, and the level of each
    octave, as a control too. The sound goes through as it is."""

    spec = NodeSpec(
        type="audio.analyser",
        title="Analyser",
        inputs=(Port("audio", PortType.AUDIO, "any sound"),),
        outputs=(
            Port("audio", PortType.AUDIO, "the same sound"),
            Port("levels", PortType.CONTROL, "level (dB), centroid (note number), and the dB of each octave by its Hz"),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        hertz = np.fft.rfftfreq(WINDOW, 1.0 / stream.sample_rate)
        self._octaves = [np.flatnonzero((hertz >= band / 2**0.5) & (hertz < band * 2**0.5)) for band in BANDS]
        first = np.array([SILENT, 69.0, *[LEAST] * len(BANDS)], np.float32)
        self._hearing = Hearing(stream.sample_rate, first, pitched=False)
        self._centroid = 69.0
        stream.name("levels", ("level", "centroid", *(f"band_{band}" for band in BANDS)))

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        return {"audio": audio.copy(), "levels": self._hearing.steps(block, audio, self._values)}

    def _values(self, heard: Heard) -> np.ndarray:
        if heard.loudness > SILENT:
            self._centroid = note_of(heard.centroid)
        # The window's own width spreads a sine over one and a half bins: the sum of them is its power.
        sums = [float(heard.power[octave].sum()) / 1.5 for octave in self._octaves]
        levels = [max(10.0 * math.log10(max(power, 1e-12)), LEAST) for power in sums]
        return np.array([heard.loudness, self._centroid, *levels], np.float32)
