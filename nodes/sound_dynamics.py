"""Loudness that is kept in hand: a compressor and a limiter."""

from __future__ import annotations

import math

import numpy as np

from runtime.node import Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType

KNEE = 6.0
"""dB around the threshold in which a compressor begins to act."""
SILENT = 1e-6
"""-120 dB: softer than that is as good as silent."""
DECIBELS = math.log(10.0) / 20.0


def level_of(audio: np.ndarray) -> np.ndarray:
    """dB of the loudest channel in each frame, float64 [frames]."""
    return 20.0 * np.log10(np.maximum(np.abs(audio).max(axis=0), SILENT).astype(np.float64))


class Compressor(StreamNode):
    """Makes loud passages softer, so that soft ones can be made louder: above the threshold, *ratio* dB more come out as one dB.
    A sound at *key* decides instead of the sound itself: a voice can make room for itself in a drone."""

    spec = NodeSpec(
        type="audio.compressor",
        title="Compressor",
        inputs=(
            Port("audio", PortType.AUDIO, "a sound"),
            Port("key", PortType.AUDIO, "what decides how loud it is; else the sound itself", optional=True),
        ),
        outputs=(
            Port("audio", PortType.AUDIO, "the same, more even"),
            Port("reduction", PortType.CONTROL, "dB by which it is made softer now, 0 or below"),
        ),
        params=(
            FloatParam(name="threshold", default=-18.0, low=-60.0, high=0.0, unit="dB", doc="where it begins to act"),
            FloatParam(name="ratio", default=4.0, low=1.0, high=50.0, log=True, doc="1 does nothing, 50 is next to a wall"),
            FloatParam(name="attack", default=10.0, low=0.1, high=500.0, unit="ms", log=True, doc="to act on what gets louder"),
            FloatParam(name="release", default=150.0, low=5.0, high=5000.0, unit="ms", log=True, doc="to let go again"),
            FloatParam(name="gain", default=0.0, low=-24.0, high=36.0, unit="dB", smooth=True, doc="of all that comes out"),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        self._rate, self._now = stream.sample_rate, 0.0
        stream.name("reduction", ("reduction",))

    def process(
        self, block: Block, audio: np.ndarray, key: np.ndarray | None, threshold: float, ratio: float, attack: float,
        release: float, gain: float | np.ndarray,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        wanted = softer(level_of(audio if key is None else key), threshold, ratio)
        ways = [1.0 - math.exp(-1000.0 / (time * self._rate)) for time in (attack, release)]
        reduction = self._followed(wanted, *ways)
        factor = np.exp(DECIBELS * (reduction + gain)).astype(np.float32)
        return {"audio": audio * factor, "reduction": reduction.reshape(block.steps, -1)[:, -1].astype(np.float32)[None]}

    def _followed(self, wanted: np.ndarray, attack: float, release: float) -> np.ndarray:
        """The reduction on its way to what is wanted, float64 [frames]: frame by frame, since which of the two times counts
        depends on where it is. In plain numbers, which is the quickest way to do so."""
        now = self._now
        if now > -1e-7 and not wanted.any():
            self._now = 0.0
            return wanted
        made = []
        for goal in wanted.tolist():
            now += (goal - now) * (attack if goal < now else release)
            made.append(now)
        self._now = now
        return np.array(made)


def softer(level: np.ndarray, threshold: float, ratio: float) -> np.ndarray:
    """dB (0 or below) by which a sound of that level is to be made softer, with a soft knee: equation 4 of Giannoulis, Massberg
    and Reiss, Digital dynamic range compressor design, JAES 60(6), 2012."""
    above = level - threshold
    inside = np.clip(above + KNEE / 2.0, 0.0, KNEE)
    return (1.0 / ratio - 1.0) * np.where(above > KNEE / 2.0, above, inside * inside / (2.0 * KNEE))


class Limiter(StreamNode):
    """Never lets a sound get louder than the ceiling, and bends it as little as it can: it hears a moment ahead, which makes the
    sound so much later."""

    spec = NodeSpec(
        type="audio.limiter",
        title="Limiter",
        inputs=(Port("audio", PortType.AUDIO, "a sound"),),
        outputs=(Port("audio", PortType.AUDIO, "the same, nowhere above the ceiling"),),
        params=(
            FloatParam(name="gain", default=0.0, low=-24.0, high=36.0, unit="dB", smooth=True, doc="before it is limited"),
            FloatParam(name="ceiling", default=-1.0, low=-40.0, high=0.0, unit="dB", doc="the loudest that comes out"),
            FloatParam(name="release", default=100.0, low=5.0, high=5000.0, unit="ms", log=True, doc="to recover by 10 dB"),
            FloatParam(
                name="ahead",
                default=2.0,
                low=0.1,
                high=20.0,
                unit="ms",
                doc="how far it hears; longer bends less",
                live=False,
            ),
        ),
    )

    def prepare(self, stream: Stream, ahead: float) -> None:
        self._rate = stream.sample_rate
        self._window = max(round(ahead * stream.sample_rate / 1000.0), 1) + 1
        self._past = np.zeros((1, self._window - 1), np.float32)
        self._needs, self._holds = np.zeros(self._window - 1), np.zeros(self._window - 1)
        stream.delay(self._window - 1)

    def process(
        self, block: Block, audio: np.ndarray, gain: float | np.ndarray, ceiling: float, release: float
    ) -> dict[str, np.ndarray]:
        window, frames = self._window, audio.shape[1]
        sound = (audio * np.exp(DECIBELS * np.asarray(gain))).astype(np.float32)
        needs = np.concatenate([self._needs, np.minimum(ceiling - level_of(sound), 0.0)])
        past = self._past if len(self._past) == len(sound) else np.zeros((len(sound), window - 1), np.float32)
        both = np.concatenate([past, sound], axis=1)
        # Of each window the lowest; rising again at a steady number of dB a frame; and the mean over a window of that, which is
        # nowhere above what any frame of it needs: all of them lie within a window of its beginning.
        lows = lowest(needs, window)
        slope = 10.0 / (release * self._rate / 1000.0) * np.arange(1, frames + 1)
        rising = np.minimum.accumulate(np.append(self._holds[-1], lows - slope))[1:] + slope
        holds = np.concatenate([self._holds, rising])
        sums = np.cumsum(np.append(0.0, holds))
        factor = np.exp(DECIBELS * (sums[window:] - sums[:-window]) / window)
        self._past, self._needs, self._holds = both[:, frames:], needs[frames:], holds[frames:]
        made = both[:, :frames] * factor.astype(np.float32)
        limit = np.float32(math.exp(DECIBELS * ceiling))
        return {"audio": np.clip(made, -limit, limit)}  # what rounding leaves


def lowest(values: np.ndarray, window: int) -> np.ndarray:
    """The lowest of each `window` values in a row, [len - window + 1], by doubling the reach."""
    reach = 1
    while 2 * reach <= window:
        values = np.minimum(values[reach:], values[:-reach])
        reach *= 2
    rest = window - reach
    return np.minimum(values[rest:], values[: len(values) - rest]) if rest else values
