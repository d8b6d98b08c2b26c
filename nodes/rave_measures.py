"""How near a model's sound is to the original, in numbers: spectra, brightness, and a walk through its latents."""

from __future__ import annotations

import numpy as np

SCALES = (2048, 1024, 512, 256, 128)
"""Frames of the spectra that are compared, as in RAVE's own distance (v1.gin)."""

SHORTEST = SCALES[0]
EPSILON = 1e-7
"""RAVE's log_epsilon."""

LAG, LAGS = SCALES[0] // 4, 14
"""A streaming model answers late (up to 140 ms where it is not causal): so many shifts of so many frames are tried."""

BRIGHT = 4000.0
"""Hz. What an over-smoothed model loses first lies above it."""

WALK_WIDTH = 2.0
"""How far a walk goes from the middle, in standard deviations of each latent."""


def spectra(sound: np.ndarray, size: int) -> np.ndarray:
    """Magnitudes [frames, bins] of `sound` [n], n >= SHORTEST, with a Hann window of `size` and a hop of a quarter of it."""
    pieces = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float32), size)[:: size // 4]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    return np.abs(np.fft.rfft(pieces * window, axis=1)).astype(np.float32)


def spectral_distance(original: np.ndarray, rendered: np.ndarray) -> float:
    """The multi-scale spectral distance that RAVE trains on (rave.core.AudioDistanceV1: over SCALES, the squared difference of
    magnitudes relative to the original's, plus the mean difference of their logarithms), at the delay that makes it least.

    Both float [n]; 0 where they are equal. nan where they are shorter than SHORTEST frames."""
    pairs = [(size, spectra(original, size), spectra(rendered, size)) for size in SCALES if len(original) >= SHORTEST]
    if not pairs:
        return float("nan")
    found = []
    for lag in range(LAGS):
        total = 0.0
        for size, one, two in pairs:
            shift = lag * LAG // (size // 4)
            count = min(len(one), len(two) - shift)
            if count < 1:
                break
            a, b = one[:count], two[shift : shift + count]
            total += float(np.square(a - b).mean() / max(float(np.square(a).mean()), EPSILON**2))
            total += float(np.abs(np.log(a + EPSILON) - np.log(b + EPSILON)).mean())
        else:
            found.append(total)
    return min(found)


def bright_share(sound: np.ndarray, rate: int) -> float:
    """Decibels of what lies above BRIGHT relative to the whole sound; -120 for silence."""
    power = np.square(np.abs(np.fft.rfft(sound.astype(np.float64))))
    bright = power[np.fft.rfftfreq(len(sound), 1.0 / rate) >= BRIGHT].sum()
    return 10.0 * float(np.log10(max(bright / max(float(power.sum()), 1e-30), 1e-12)))


def level(sound: np.ndarray) -> float:
    """Decibels (RMS) re full scale; -120 for silence."""
    return 10.0 * float(np.log10(max(float(np.square(sound.astype(np.float64)).mean()), 1e-12)))


def walk(mean: np.ndarray, deviation: np.ndarray, frames: int, seed: int) -> np.ndarray:
    """A way through latent space, float32 [latents, frames]: each latent swings WALK_WIDTH deviations around its mean, all at
    other speeds (1 to 4 swings in the walk) and from other places: the same for every checkpoint of a training."""
    random = np.random.default_rng(seed)
    speeds = random.uniform(1.0, 4.0, len(mean))
    phases = random.uniform(0.0, 2 * np.pi, len(mean))
    at = np.arange(frames) / max(frames, 1)
    swing = np.sin(2 * np.pi * speeds[:, None] * at + phases[:, None])
    return (mean[:, None] + WALK_WIDTH * deviation[:, None] * swing).astype(np.float32)
