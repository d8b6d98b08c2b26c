"""What latents do to a sound: descriptors of sounds, how they go with latents, what chance would give, and words for it.

Plain functions of arrays; nothing here knows of nodes or models. The checks are 5 to 7 of the practice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DESCRIPTORS = ("loudness", "centroid", "flatness", "f0", "onsets")
UNITS = ("dBFS", "octaves above 1 Hz", "dB, 0 is noise", "octaves above 1 Hz", "in a second")
WORDS = {
    "loudness": ("louder", "softer"),
    "centroid": ("brighter", "darker"),
    "flatness": ("noisier", "purer"),
    "f0": ("higher", "lower"),
    "onsets": ("busier", "calmer"),
}
"""What a latent does to a descriptor when it rises: make it more, or less."""
WINDOW, HOP = 2048, 512
SILENT = -80.0
"""dBFS below which a sound has no colour and no pitch."""
LOWEST, HIGHEST = 50.0, 4000.0
"""Hz between which a sound has a pitch."""
VOICED = 0.6
"""Least normalised autocorrelation of a tone."""
RISE = 6.0
"""dB by which the level must rise within LOOK hops to be an onset."""
LOOK = 4
PERMUTATIONS = 200
BELIEVED = 0.95
"""Part of what chance gives that lies below its bound."""
PLAIN = 0.3
"""Least correlation of a latent that is named after what it does; below, chance or not, nobody would hear it."""
FEW = 20
"""Sounds that have a descriptor (a pitch) below which nothing can be said of it."""


def describe(sound: np.ndarray, rate: int) -> np.ndarray:
    """DESCRIPTORS of a mono sound [frames], float64 [5]; NaN where a sound has none (silence no colour, noise no pitch)."""
    found = np.full(len(DESCRIPTORS), np.nan)
    wide = sound.astype(np.float64)
    found[0] = 10.0 * np.log10(float((wide**2).mean()) + 1e-10)
    found[4] = onsets(wide, rate)
    if found[0] < SILENT:
        return found
    power = spectrum(wide)
    frequencies = np.fft.rfftfreq(WINDOW, 1.0 / rate)
    found[1] = np.log2(max(float(power @ frequencies / power.sum()), 1.0))
    floor = power[1:] + 1e-12 * power.sum()
    found[2] = 10.0 * (np.log10(floor).mean() - np.log10(floor.mean()))
    pitch = f0(wide, rate)
    found[3] = np.log2(pitch) if pitch else np.nan
    return found


def spectrum(sound: np.ndarray) -> np.ndarray:
    """The mean power spectrum, [WINDOW / 2 + 1], under Hann windows."""
    padded = np.pad(sound, (0, max(WINDOW - len(sound), 0)))
    starts = np.arange(0, len(padded) - WINDOW + 1, HOP)
    windows = padded[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    found: np.ndarray = (np.abs(np.fft.rfft(windows)) ** 2).mean(0)
    return found


def f0(sound: np.ndarray, rate: int) -> float | None:
    """The pitch in Hz by the first high peak of the normalised autocorrelation of the middle of the sound; None for what is no
    tone."""
    size = min(2 * WINDOW, len(sound))
    part = sound[(len(sound) - size) // 2 :][:size]
    part = part - part.mean()
    # It is looked for from above HIGHEST on: of a tone that is higher, every second period would pass for its pitch.
    shortest, longest = 2, min(int(rate / LOWEST), size // 2)
    if longest <= shortest + 2:
        return None
    spectra = np.fft.rfft(part, 2 * size)
    lags = np.fft.irfft(np.abs(spectra) ** 2)[: longest + 2]
    squares = np.concatenate([[0.0], np.cumsum(part**2)])
    # Both parts of a pair have an energy of their own: a pair of equal parts gives 1, at every lag.
    reach = np.arange(longest + 2)
    norm = np.sqrt((squares[size - reach]) * (squares[size] - squares[reach]))
    likeness = lags / np.maximum(norm, 1e-12)
    middle = likeness[shortest : longest + 1]
    peaks = (
        np.flatnonzero((middle > likeness[shortest - 1 : longest]) & (middle >= likeness[shortest + 1 : longest + 2])) + shortest
    )
    peaks = peaks[likeness[peaks] >= max(VOICED, 0.9 * float(likeness[peaks].max()))] if len(peaks) else peaks
    if not len(peaks):
        return None
    lag = int(peaks[0])
    before, here, after = likeness[lag - 1 : lag + 2]
    bend = before - 2.0 * here + after
    pitch = float(rate / (lag + (0.5 * (before - after) / bend if bend else 0.0)))
    return pitch if pitch <= HIGHEST else None


def onsets(sound: np.ndarray, rate: int) -> float:
    """Onsets in a second: how often the level of a hop rises by RISE dB above the least of the LOOK before."""
    count = len(sound) // HOP
    if count < 2:
        return 0.0
    level = 10.0 * np.log10((sound[: count * HOP].reshape(count, HOP) ** 2).mean(1) + 10 ** (SILENT / 10))
    before = np.array([level[max(at - LOOK, 0) : at].min() if at else np.inf for at in range(count)])
    risen = level - before >= RISE
    return float((risen[1:] & ~risen[:-1]).sum() / (count * HOP / rate))


@dataclass(frozen=True, eq=False)
class Matrix:
    """Spearman's rank correlation of each latent with each descriptor, [latents, descriptors], NaN where too few sounds have it;
    95 % of what chance gives lies below `bounds` [descriptors], as absolute values: higher for what fewer sounds have."""

    correlation: np.ndarray
    bounds: np.ndarray
    sounds: int

    @property
    def chance(self) -> float:
        """The bound of most descriptors, those that every sound has."""
        return float(self.bounds.min())


def matrix(latents: np.ndarray, described: np.ndarray, seed: int) -> Matrix:
    """From the latents [sounds, latents] of sounds and what they sound like, [sounds, descriptors]. Chance is the same with the
    sounds dealt to other latents, PERMUTATIONS times."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(latents)) for _ in range(PERMUTATIONS)]
    shuffled = np.abs([spearman(latents[order], described) for order in orders])
    drawn = shuffled.reshape(-1, described.shape[1])
    # What never changes correlates with nothing, by chance or otherwise.
    told = (np.isfinite(drawn) & (drawn > 0)).any(0)
    bounds = np.where(told, np.quantile(np.nan_to_num(drawn), BELIEVED, axis=0), 1.0)
    return Matrix(spearman(latents, described), bounds, len(latents))


def spearman(latents: np.ndarray, described: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation, [latents, descriptors]; 0 for what never changes."""
    found = np.full((latents.shape[1], described.shape[1]), np.nan)
    for column, values in enumerate(described.T):
        known = np.isfinite(values)
        if known.sum() >= FEW:
            found[:, column] = _correlation(_ranks(latents[known]), _ranks(values[known, None]))[:, 0]
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    found: np.ndarray = rankdata(values, axis=0)
    return found


def _correlation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    one, two = one - one.mean(0), two - two.mean(0)
    sizes = np.sqrt((one**2).sum(0)[:, None] * (two**2).sum(0)[None])
    return one.T @ two / np.where(sizes > 0, sizes, 1.0)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What happens on the way of each latent from low to high, all [latents, descriptors], NaN where it cannot be said.

    `curves` [latents, descriptors, steps] is the mean way; `monotonicity` the mean rank correlation with the way, -1 to 1;
    `smoothness` 1 for a straight way and less for one in jumps; `consistency` how far the bases agree in which direction it goes
    (the mean sign of the slope, as an absolute value); chance gives `chance` of consistency."""

    curves: np.ndarray
    monotonicity: np.ndarray
    smoothness: np.ndarray
    consistency: np.ndarray
    chance: float


def sweep(described: np.ndarray) -> Sweep:
    """From what was heard on the ways: [bases, latents, steps, descriptors], equal steps."""
    bases, latents, steps, count = described.shape
    way = np.arange(steps, dtype=float)
    signs = np.full((bases, latents, count), np.nan)
    ranked, smooth = signs.copy(), signs.copy()
    for place in np.ndindex(bases, latents, count):
        course = described[place[0], place[1], :, place[2]]
        known = np.isfinite(course)
        if known.sum() < max(3, steps // 2):
            continue
        ranked[place] = _correlation(_ranks(way[known, None]), _ranks(course[known, None]))[0, 0]
        signs[place] = np.sign(np.polyfit(way[known], course[known], 1)[0]) if np.ptp(course[known]) > 1e-9 else 0.0
        path, chord = np.abs(np.diff(course[known])).sum(), np.ptp(course[known])
        smooth[place] = chord / path if path > 1e-9 else np.nan
    return Sweep(
        _mean(described).transpose(0, 2, 1),
        _mean(ranked),
        _mean(smooth),
        np.abs(_mean(signs)),
        float(np.sqrt(2.0 / (np.pi * bases))),
    )


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(0)
    return np.where(count > 0, np.where(known, values, 0.0).sum(0) / np.maximum(count, 1), np.nan)


def names(correlation: np.ndarray, bounds: np.ndarray, latents: Sequence[str]) -> tuple[str, ...]:
    """A name for each latent after what it does most clearly: brighter, softer; one that does nothing plain keeps its own. Of two
    that do the same, the clearer one has the word and the other gets a number."""
    plain = np.nan_to_num(correlation)
    plain = np.where(np.abs(plain) >= np.maximum(bounds, PLAIN), plain, 0.0)
    found = list(latents)
    taken: dict[str, int] = {}
    for number in np.argsort(-np.abs(plain).max(1), kind="stable"):
        best = int(np.abs(plain[number]).argmax())
        value = float(plain[number, best])
        if not value:
            continue
        word = WORDS[DESCRIPTORS[best]][0 if value > 0 else 1]
        taken[word] = taken.get(word, 0) + 1
        found[number] = word if taken[word] == 1 else f"{word}_{taken[word]}"
    return tuple(found)
