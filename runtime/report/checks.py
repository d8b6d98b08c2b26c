"""The checks of a performance, each with what chance would give: plain functions of arrays; nothing here knows nodes or files.

Gestures are [steps, dims], descriptors of sound [steps, descriptors], both at equal steps in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

EXPLAINED = 0.95
"""Part of the variance that the effective dimensions explain, RAVE's own `fidelity`."""
FOLDS = 5
"""Parts of a performance that are predicted from the others in turn; contiguous, for neighbouring steps are nearly equal."""
SHIFTS = 20
"""Circular shifts that tell what chance gives: a gesture at a wrong time has all of the right one but its cause."""
SPLITS = 100
"""Random halves of the corpus that tell how different two parts of one corpus are."""
WALK = 21
"""Steps on the way from one gesture to another."""
FLAT = 1e-9
"""A deviation below this is none."""


@dataclass(frozen=True)
class Lag:
    """How well the sound follows the gesture: R2 at each lag (seconds), the best of them, and R2 by chance (the same best of all
    lags, with the gesture shifted against the sound): its mean, and the value that 95 % of the shifts stay below."""

    lags: tuple[float, ...]
    scores: tuple[float, ...]
    best: float
    score: float
    chance: float
    bound: float

    @property
    def is_causal(self) -> bool:
        """Whether the gesture explains more of the sound than it would by chance."""
        return self.score > self.bound


@dataclass(frozen=True)
class Coverage:
    """How far what was played is from the corpus: the squared maximum mean discrepancy, and that between random halves of the
    corpus: its mean (`floor`), and the value that 95 % of them stay below."""

    distance: float
    floor: float
    bound: float

    @property
    def excess(self) -> float:
        """The distance above what two halves of the corpus have; 0 is ideal."""
        return self.distance - self.floor


def effective_dims(values: np.ndarray, explained: float = EXPLAINED, *, standard: bool = True) -> int:
    """Fewest principal components of rows [n, dims] that explain a part of their variance; 0 where nothing moves. `standard`: in
    standard units, for gestures, whose dimensions have units of their own; latents are compared as they are."""
    moves = values.std(0) > FLAT
    if len(values) < 2 or not moves.any():
        return 0
    apart = (values[:, moves] - values[:, moves].mean(0)).astype(np.float64)
    variance = np.linalg.svd(apart / apart.std(0) if standard else apart, compute_uv=False) ** 2
    return int(np.argmax(np.cumsum(variance) / variance.sum() >= explained - 1e-12)) + 1


def causality(gesture: np.ndarray, sound: np.ndarray, lags: Sequence[int], step: float, seed: int = 0) -> Lag | None:
    """How well a ridge regression tells the sound's descriptors from the gesture `lag` steps before, at each of `lags`; `step` is
    seconds per step. R2 is cross-validated over FOLDS contiguous parts and averaged over the descriptors that move.

    Chance is the same with the gesture shifted in a circle by at least a tenth of the whole. None where the performance is
    too short (fewer than ten times the longest lag), or where gesture or sound rests."""
    moves, sounds = gesture[:, gesture.std(0) > FLAT], sound[:, sound.std(0) > FLAT]
    longest = max(lags)
    if len(gesture) < 10 * max(longest, FOLDS) or not moves.shape[1] or not sounds.shape[1]:
        return None

    def curve(shifted: np.ndarray) -> list[float]:
        # All lags are judged on the same steps of the sound.
        return [ridge_score(shifted[longest - lag : len(shifted) - lag], sounds[longest:]) for lag in lags]

    scores = curve(moves)
    generator = np.random.default_rng(seed)
    tenth = len(moves) // 10
    # A shift that is about as short as a lag is no chance: the gesture still stands next to its own sound.
    least = max(tenth, longest + 1)
    shifts = generator.integers(least, len(moves) - least, SHIFTS)
    by_chance = np.array([max(curve(np.roll(moves, int(shift), axis=0))) for shift in shifts])
    best = int(np.argmax(scores))
    return Lag(
        tuple(lag * step for lag in lags),
        tuple(scores),
        lags[best] * step,
        scores[best],
        float(by_chance.mean()),
        float(np.quantile(by_chance, 0.95)),
    )


def ridge_score(inputs: np.ndarray, outputs: np.ndarray, strength: float = 1.0) -> float:
    """R2 of a ridge regression from `inputs` [n, dims] to `outputs` [n, m], predicted over FOLDS contiguous parts in turn, mean
    over the outputs; 0 is no better than the mean, below 0 worse. `strength` is the penalty, of inputs in standard units."""
    folds = np.array_split(np.arange(len(inputs)), FOLDS)
    missed = np.zeros(outputs.shape[1])
    around = np.zeros(outputs.shape[1])
    for fold in folds:
        kept = np.ones(len(inputs), bool)
        kept[fold] = False
        mean, scale = inputs[kept].mean(0), inputs[kept].std(0)
        scale = np.where(scale > FLAT, scale, 1.0)
        x, middle = (inputs[kept] - mean) / scale, outputs[kept].mean(0)
        weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (outputs[kept] - middle))
        predicted = (inputs[fold] - mean) / scale @ weights + middle
        missed += ((outputs[fold] - predicted) ** 2).sum(0)
        around += ((outputs[fold] - middle) ** 2).sum(0)
    return float((1.0 - missed / np.maximum(around, FLAT)).mean())


def discrepancy(one: np.ndarray, two: np.ndarray, width: float) -> float:
    """The squared maximum mean discrepancy of two sets of rows [n >= 2, dims], unbiased (Gretton et al. 2012, equation 3), with a
    Gaussian kernel of that width; about 0 for two sets of one kind, and below 0 by chance."""
    from scipy.spatial.distance import cdist

    def kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.exp(cdist(left, right, "sqeuclidean") / (-2.0 * width**2))
        return found

    n, m = len(one), len(two)
    ones, twos = kernel(one, one), kernel(two, two)
    within = (ones.sum() - np.trace(ones)) / (n * (n - 1)) + (twos.sum() - np.trace(twos)) / (m * (m - 1))
    return float(within - 2.0 * kernel(one, two).mean())


def coverage(played: np.ndarray, corpus: np.ndarray, seed: int = 0) -> Coverage | None:
    """How far what was played [n, features] is from the corpus [m, features]. Features are put into the corpus's standard units;
    the kernel's width is the median distance within the corpus. None with fewer than 2 rows played or 4 of the corpus."""
    from scipy.spatial.distance import pdist

    if len(played) < 2 or len(corpus) < 4:
        return None
    mean, scale = corpus.mean(0), corpus.std(0)
    scale = np.where(scale > FLAT, scale, 1.0)
    played, corpus = (played - mean) / scale, (corpus - mean) / scale
    width = max(float(np.median(pdist(corpus))), FLAT)
    generator = np.random.default_rng(seed)
    halves = []
    for _ in range(SPLITS):
        order = generator.permutation(len(corpus))
        halves.append(discrepancy(corpus[order[: len(order) // 2]], corpus[order[len(order) // 2 :]], width))
    return Coverage(discrepancy(played, corpus, width), float(np.mean(halves)), float(np.quantile(halves, 0.95)))


def repeatability(renders: Sequence[np.ndarray]) -> float | None:
    """How alike the renders of one anchor are against renders of different ones. `renders` holds for each anchor the descriptors
    [renders >= 2, features], all of one unit; the result is the median distance between two renders of one anchor over the median
    distance between renders of different anchors: 0 is the same every time, 1 what chance gives. None with fewer than two
    anchors, or where all sound the same."""
    from scipy.spatial.distance import cdist, pdist

    if len(renders) < 2 or any(len(render) < 2 for render in renders):
        return None
    within = np.concatenate([pdist(render) for render in renders])
    across = np.concatenate([cdist(one, two).ravel() for i, one in enumerate(renders) for two in renders[:i]])
    apart = float(np.median(across))
    return float(np.median(within)) / apart if apart > FLAT else None


def straightness(start: np.ndarray, end: np.ndarray, answer: Callable[[np.ndarray], np.ndarray]) -> float | None:
    """How direct the way of the targets is while a gesture goes straight from `start` to `end` [dims]: path over chord of
    answer([WALK, dims]) -> [WALK, targets]. 1 is straight; a detour of half the way gives 1.5. None where both ends are one."""
    path = answer(np.linspace(start, end, WALK))
    chord = float(np.linalg.norm(path[-1] - path[0]))
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()) / chord if chord > FLAT else None


def jitter(held: Sequence[np.ndarray], answer: Callable[[np.ndarray], np.ndarray]) -> float | None:
    """How much the targets tremble while gestures are held: for each of `held` [frames, dims] the deviation of answer(frames)
    [frames, targets], as a part of the deviation of the mean answers; the mean over targets that move and the median over the
    gestures. 1 is what chance gives: trembling as far as the gestures reach. None with fewer than two gestures."""
    if len(held) < 2:
        return None
    answers = [answer(frames) for frames in held]
    reach = np.array([found.mean(0) for found in answers]).std(0)
    moves = reach > FLAT
    if not moves.any():
        return None
    return float(np.median([(found.std(0)[moves] / reach[moves]).mean() for found in answers]))
