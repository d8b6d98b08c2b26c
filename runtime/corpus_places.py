"""Where sounds lie on a map of two axes."""

from __future__ import annotations

import numpy as np


def place(features: np.ndarray) -> np.ndarray:
    """Where sounds lie on the map: float32 [slices, 2], 0 to 1 from left to right and from below to above, by the two main axes
    of all descriptors; brighter sounds rather to the right, louder ones rather above. `features` [slices, n] begin with level and
    brightness. Sounds that nobody could describe (not finite) have no place either (NaN)."""
    from sklearn.decomposition import PCA

    found = np.full((len(features), 2), np.nan, np.float32)
    known = np.isfinite(features).all(axis=1)
    if not known.any():
        return found
    values, spread = standard(features[known])
    axes = np.zeros((len(values), 2))
    if len(values) > 2 and spread > 1e-9:
        axes = PCA(2, svd_solver="full").fit_transform(values)
    elif len(values) == 2:
        axes[:, 0] = values[:, 1]
    found[known] = arranged(axes, values[:, 1], values[:, 0])
    return found


def standard(features: np.ndarray) -> tuple[np.ndarray, float]:
    """Features with mean 0 and deviation 1 each, float64 (0 where they do not differ), and the largest deviation that was."""
    values = features.astype(np.float64)
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0), float(spread.max(initial=0.0))


def arranged(axes: np.ndarray, bright: np.ndarray, loud: np.ndarray) -> np.ndarray:
    """Any two axes [slices, 2], turned and mirrored until brighter sounds lie rather to the right and louder ones rather above,
    and spread over the map: float32 [slices, 2], 0 to 1."""
    if abs(bright @ axes[:, 1]) > abs(bright @ axes[:, 0]) and abs(loud @ axes[:, 0]) > abs(loud @ axes[:, 1]):
        axes = axes[:, ::-1]
    axes = axes.copy()
    for axis, guide in ((0, bright), (1, loud)):
        if guide @ axes[:, axis] < 0:
            axes[:, axis] *= -1.0
    return np.column_stack([_spread(axes[:, 0]), _spread(axes[:, 1])]).astype(np.float32)


def _spread(values: np.ndarray) -> np.ndarray:
    """Half by the value, half by the rank: far outliers shall not press all others into a corner."""
    low, high = np.percentile(values, (1, 99))
    if high - low < 1e-9:
        return np.full(len(values), 0.5)
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable") / (len(values) - 1)
    spread: np.ndarray = 0.5 * np.clip((values - low) / (high - low), 0.0, 1.0) + 0.5 * rank
    return spread
