"""What can be heard in a sound, as numbers: loudness, brightness, noisiness, pitch, and where something begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

WINDOW, HOP = 2048, 512
"""Frames that are looked at together, and from one look to the next: 46 and 12 ms at 44.1 kHz."""
SILENT = -70.0
"""dB (RMS) below which a sound counts as silence."""
LOWEST, HIGHEST = 60.0, 1000.0
"""Hz between which a pitch is looked for: two whole waves of the lowest fit into the window."""
CLEAR = 0.15
"""How far from repeating itself a voiced sound may be: the threshold of YIN (de Cheveigne and Kawahara 2002)."""
RISE = 1.6
"""How much more than usual must rise at once to be an onset."""
BANDS = 24
"""Bands, evenly spaced to the ear from 60 Hz up, in which something must rise: a single tone is a whole band of them."""
USUAL = 20
"""Looks, a quarter of a second, over which "usual" is taken."""


def note_of(hertz: float) -> float:
    """A frequency as a MIDI note number: 69 is 440 Hz, 12 more an octave higher. Below 1 Hz as for 1 Hz."""
    return 69.0 + 12.0 * math.log2(max(hertz, 1.0) / 440.0)


@dataclass(frozen=True)
class Heard:
    """One look at a sound. `loudness` in dB (RMS of the newest HOP frames), `centroid` and `pitch` in Hz (0: none), `flatness` 0
    (a tone) to 1 (noise), `voicing` 0 to 1, `onset` whether something begins."""

    loudness: float
    centroid: float
    flatness: float
    pitch: float
    voicing: float
    onset: bool
    power: np.ndarray
    """Of each bin of the spectrum, float64 [WINDOW / 2 + 1]; a sine at full scale has 1 in its bin."""


class Listener:
    """Looks at a sound every HOP frames, at the WINDOW newest ones. Without `pitched` no pitch is looked for."""

    def __init__(self, sample_rate: int, pitched: bool = True) -> None:
        self._rate, self._pitched = sample_rate, pitched
        self._window = np.hanning(WINDOW + 1)[:-1]
        self._scale = (2.0 / self._window.sum()) ** 2
        self._hertz = np.fft.rfftfreq(WINDOW, 1.0 / sample_rate)
        self._newest = np.zeros(WINDOW)
        edges = np.searchsorted(self._hertz, np.geomspace(60.0, min(16000.0, 0.45 * sample_rate), BANDS + 1))
        self._edges = np.unique(edges)[:-1]
        self._before = np.zeros(len(self._edges))
        self._rises = np.zeros(USUAL)
        self._since = USUAL

    def hear(self, frames: np.ndarray) -> Heard:
        """The next HOP frames, [HOP]."""
        loudness = 10.0 * math.log10(max(float(np.square(frames).mean()), 1e-12))
        self._newest = np.concatenate([self._newest[HOP:], frames])
        power = np.square(np.abs(np.fft.rfft(self._newest * self._window))) * self._scale
        total = float(power.sum())
        centroid = float(power.dot(self._hertz)) / total if total > 1e-12 else 0.0
        flatness = math.exp(float(np.log(power[1:] + 1e-12).mean())) / (total / len(power) + 1e-12)
        pitch, voicing = self._pitch() if self._pitched and loudness > SILENT else (0.0, 0.0)
        begins = self._begins(power, loudness)
        return Heard(max(loudness, SILENT), centroid, min(flatness, 1.0), pitch, voicing, begins, power)

    def _pitch(self) -> tuple[float, float]:
        """(Hz or 0, voicing)."""
        # Half as many frames are enough for pitches so low. Backwards, so that the newest count: the far end is not needed.
        half = 0.5 * (self._newest[::-2] + self._newest[-2::-2])
        longest = min(int(self._rate / 2 / LOWEST), len(half) // 2 - 2)
        period, voicing = period_of(half, int(self._rate / 2 / HIGHEST), longest)
        return (self._rate / 2 / period if voicing > 1.0 - 2.0 * CLEAR else 0.0), voicing

    def _begins(self, power: np.ndarray, loudness: float) -> bool:
        """Whether more rises than usual: the spectral flux of the compressed spectrum (Boeck, Krebs and Schedl, ISMIR 2012)."""
        level = np.log1p(1e4 * np.add.reduceat(power, self._edges))
        rise = float(np.maximum(level - self._before, 0.0).mean())
        usual = float(self._rises.mean())
        self._before, self._rises = level, np.append(self._rises[1:], rise)
        self._since += 1
        if loudness <= SILENT + 10.0 or self._since < 4 or rise < RISE * usual + 0.05:
            return False
        self._since = 0
        return True


def period_of(frames: np.ndarray, shortest: int, longest: int) -> tuple[float, float]:
    """(the frames of one period, how exactly it repeats itself, 0 to 1): YIN (de Cheveigne and Kawahara, JASA 111(4), 2002,
    steps 1 to 5). `longest` is less than half of `frames`."""
    half = len(frames) // 2
    squares = np.concatenate([[0.0], np.cumsum(np.square(frames))])
    spectrum = np.fft.rfft(frames)
    begin = np.fft.rfft(frames[:half], len(frames))
    # The circular correlation is that of the first half with all of it: no lag up to half of it wraps round.
    products = np.fft.irfft(spectrum * begin.conj())[: longest + 2]
    lags = np.arange(longest + 2)
    differences = squares[half] + squares[lags + half] - squares[lags] - 2.0 * products
    sums = np.cumsum(differences)
    found = np.ones(longest + 2)
    np.divide(differences[1:] * lags[1:], sums[1:], out=found[1:], where=sums[1:] > 1e-12)
    low = np.flatnonzero(found[shortest : longest + 1] < CLEAR)
    place = shortest + (int(low[0]) if len(low) else int(np.argmin(found[shortest : longest + 1])))
    while len(low) and place < longest and found[place + 1] < found[place]:  # to the bottom of the first valley
        place += 1
    left, here, right = found[place - 1 : place + 2]
    bend = left - 2.0 * here + right
    shift = 0.5 * (left - right) / bend if bend > 1e-12 else 0.0
    return place + float(np.clip(shift, -0.5, 0.5)), float(np.clip(1.0 - here, 0.0, 1.0))
