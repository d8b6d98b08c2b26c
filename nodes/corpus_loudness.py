"""Loudness as broadcasters measure it: K-weighting and its scale (ITU-R BS.1770-5, EBU R 128, EBU Tech 3341)."""

from __future__ import annotations

import math

import numpy as np

SCALE = -0.691
"""dB: with it a sine of 997 Hz at full scale in one channel has -3.01 LUFS (BS.1770-5, annex 1)."""
FLOOR = -100.0
"""LUFS: what is softer counts as this, so that silence is a number too."""
SHORT_TERM = 3.0
"""Seconds of the short-term loudness (EBU Tech 3341, 2.2)."""
SURROUND = 1.41
"""Weight of the two surround channels of five (BS.1770-5, table 3); the fourth of six is for low effects and not counted."""


def k_weighting(rate: int) -> np.ndarray:
    """The two filters of K-weighting as second-order sections, float64 [2, 6]: the shelf of the head, then the high-pass.

    The standard gives coefficients for 48 kHz only. These are the analogue filters behind them (De Man, "Evaluation of
    Implementations of the EBU R128 Loudness Measurement", 2018), brought to any rate by the bilinear transformation."""
    shelf, quality, gain = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    boost = gain**0.4996667741545416
    norm = 1.0 + shelf / quality + shelf * shelf
    first = [
        (gain + boost * shelf / quality + shelf * shelf) / norm,
        2.0 * (shelf * shelf - gain) / norm,
        (gain - boost * shelf / quality + shelf * shelf) / norm,
        1.0,
        2.0 * (shelf * shelf - 1.0) / norm,
        (1.0 - shelf / quality + shelf * shelf) / norm,
    ]
    high, quality = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1.0 + high / quality + high * high
    second = [1.0, -2.0, 1.0, 1.0, 2.0 * (high * high - 1.0) / norm, (1.0 - high / quality + high * high) / norm]
    return np.array([first, second])


def weighted(sound: np.ndarray, rate: int) -> np.ndarray:
    """The power of a sound [channels, frames] after K-weighting, summed over its channels: float64 [frames]."""
    from scipy.signal import sosfilt

    heard = sosfilt(k_weighting(rate), sound.astype(np.float64), axis=1)
    weights = np.ones(len(sound))
    if len(sound) in (5, 6):
        weights[-2:] = SURROUND
    if len(sound) == 6:
        weights[3] = 0.0
    power: np.ndarray = weights @ np.square(heard)
    return power


def lufs(power: np.ndarray | float) -> np.ndarray:
    """Mean K-weighted power as LUFS, at least FLOOR."""
    level: np.ndarray = SCALE + 10.0 * np.log10(np.maximum(power, 10.0 ** ((FLOOR - SCALE) / 10.0)))
    return level
