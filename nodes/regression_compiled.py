"""What a regressor works out in every block, compiled: the weights of a neural decoder empty the caches between two blocks, and
a dozen calls of numpy then cost many times their arithmetic.

Importing this compiles, for some seconds on the first day and from numba's cache from then on; the types are fixed, so that
nothing is left to compile within a block. It reckons in float64, without fast-math: the same on a machine each time. What it
gives to others is written into arrays of theirs: those that it makes have a float32 of their own, which the engine does not know.
No bounds are checked here.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

ROW, ROWS, GESTURES = (
    types.Array(kind, dims, "C", readonly=True) for kind, dims in ((types.float64, 1), (types.float64, 2), (types.float32, 2))
)
MADE, OUT = types.float64[:, ::1], types.float32[:, ::1]


@njit(MADE(ROWS, ROWS, GESTURES), cache=True)
def perceptron(hidden: np.ndarray, output: np.ndarray, gestures: np.ndarray) -> np.ndarray:
    """One hidden layer of tanh units: [targets, n] of `gestures` [dims, n]. `hidden` is [units, dims + 1] and `output` [targets,
    units + 1], the biases last."""
    units, (dims, steps) = hidden.shape[0], gestures.shape
    inner = np.empty((units, steps))
    for unit in range(units):
        for step in range(steps):
            total = hidden[unit, dims]
            for dim in range(dims):
                total += hidden[unit, dim] * gestures[dim, step]
            inner[unit, step] = math.tanh(total)
    made = np.empty((output.shape[0], steps))
    for target in range(output.shape[0]):
        for step in range(steps):
            total = output[target, units]
            for unit in range(units):
                total += output[target, unit] * inner[unit, step]
            made[target, step] = total
    return made


@njit(MADE(ROWS, ROW, GESTURES), cache=True)
def squares(points: np.ndarray, weights: np.ndarray, gestures: np.ndarray) -> np.ndarray:
    """The squared distances [n, m] of `gestures` [dims, n] from `points` [dims, m]: sums of weights * (gesture - point)^2."""
    (dims, count), steps = points.shape, gestures.shape[1]
    made = np.zeros((steps, count))
    for step in range(steps):
        sums = made[step]
        for dim in range(dims):
            value, weight, places = np.float64(gestures[dim, step]), weights[dim], points[dim]
            for point in range(count):
                away = value - places[point]
                sums[point] += weight * away * away
    return made


@njit(types.void(ROW, ROW, ROWS, ROW, ROWS, GESTURES, types.boolean, OUT, OUT), cache=True)
def finish(
    low: np.ndarray, high: np.ndarray, points: np.ndarray, weights: np.ndarray,
    targets: np.ndarray, gestures: np.ndarray, clamp: bool, made: np.ndarray, support: np.ndarray,
) -> None:  # fmt: skip
    """Writes into `made` the `targets` [targets, n], between `low` and `high` if `clamp`, and into `support` [1, n] how far the
    nearest of `points` is from each gesture, as in `squares`; NaN for one that is no number."""
    count, steps = targets.shape
    for target in range(count):
        for step in range(steps):
            value = targets[target, step]
            made[target, step] = min(max(value, low[target]), high[target]) if clamp else value
    apart = squares(points, weights, gestures)
    for step in range(steps):
        least = apart[step, 0]
        for point in range(1, apart.shape[1]):
            least = min(least, apart[step, point])
        support[0, step] = math.sqrt(least)


@njit(types.void(ROWS, ROWS, ROW, ROW, ROWS, ROW, GESTURES, types.boolean, OUT, OUT), cache=True)
def finish_perceptron(
    hidden: np.ndarray, output: np.ndarray, low: np.ndarray, high: np.ndarray, points: np.ndarray, weights: np.ndarray,
    gestures: np.ndarray, clamp: bool, made: np.ndarray, support: np.ndarray,
) -> None:  # fmt: skip
    """`finish` of what the perceptron says, in one call, for it is what most play."""
    finish(low, high, points, weights, perceptron(hidden, output, gestures), gestures, clamp, made, support)
