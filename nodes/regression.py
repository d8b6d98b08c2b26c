"""Regression from gestures to targets on few examples: fit with scikit-learn, predict by code of our own, and say how good it is.

Nothing here knows of nodes or files. Gestures are [n, dims], targets [n, targets].
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from nodes.regression_methods import Answer, answering, fit_gp, fit_mlp, fit_rbf, fit_ridge, folded_perceptron
from runtime.compiled import import_compiled

MOST_POINTS = 100
"""Examples kept of each anchor for distances: enough to outline it, few enough for thousands of predictions in a second."""

MOST_CENTRES = 150
"""Centres of a Gaussian process or of radial basis functions: what they cost grows with the cube (150: 0.1 to 0.3 s)."""

TREMBLE = 3.0
"""How much less a dimension that only trembles may count. Measured with 8 anchors told apart by 3 of 8 features while the other 5
had drifted since the recording: kNN then errs by 0.40 instead of 0.61 standard deviations, the MLP by 0.18 instead of 0.19."""

SAME = 1e-3
"""Two examples of an anchor are one if no feature differs by more than this part of its standard deviation. Nearest neighbours
over duplicates make a staircase."""


@dataclass(frozen=True, eq=False)
class Anchor:
    """A target (float32 [targets]) and the gestures recorded for it (float32 [n >= 1, dims])."""

    name: str
    target: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True)
class Space:
    """The latent space of a model: how many latents, digests of their axes and of the model's file."""

    latents: int
    axes: str
    file: str


@dataclass(frozen=True)
class Examples:
    """What the artist taught: anchors, and the names of the dimensions of gestures and targets; `space` is that of the model for
    which the anchors were recorded, None where nobody said."""

    gesture: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    space: Space | None = None


@dataclass(frozen=True)
class Settings:
    """How to fit: the method (one of regression_methods.METHODS), hidden units of the MLP, neighbours of kNN, seed of the MLP's
    first weights."""

    method: str = "mlp"
    hidden: int = 8
    neighbours: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained mapping: plain arrays of float64, and the `key` of the examples and settings it was made from.

    `points` [n, dims] are examples in standard units and `values` [n, targets] their targets. A gesture in standard units is
    (gesture - mean) / scale; `weights` give targets in standard units: target = output * target_scale + target_mean. Where all
    targets are equal, `method` is ridge whatever was asked for: a plane that lies flat.
    """

    key: str
    method: str
    mean: np.ndarray
    scale: np.ndarray
    target_mean: np.ndarray
    target_scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    points: np.ndarray
    values: np.ndarray
    spacing: float
    neighbours: int = 0
    weights: tuple[np.ndarray, ...] = field(default=())

    @cached_property
    def ready(self) -> Ready:
        """The same mapping ready for `answer`, made at the first use."""
        return make_ready(self)

    def is_sound(self) -> bool:
        """Whether it answers with numbers. Raises ValueError, or whatever numpy does, where its arrays do not fit together."""
        return all(np.isfinite(part).all() for part in answer(self, self.mean[:, None]))


Ready = Callable[[np.ndarray, bool, np.ndarray, np.ndarray], None]
"""Writes what `answer` says into arrays; all of them float32 in C order, of the shapes that the mapping has."""


def make_ready(mapping: Fit) -> Ready:
    """A few products, once for each training, and some seconds of compiling on the first day. Raises ValueError where the arrays
    do not fit together: compiled code would read beside them."""
    compiled = import_compiled("nodes.regression_compiled")

    mean, scale, points, low, high = mapping.mean, mapping.scale, mapping.points, mapping.low, mapping.high
    fits = mean.shape == scale.shape == points.shape[1:] and mapping.target_mean.shape == low.shape == high.shape
    if not (fits and mean.ndim == low.ndim == 1 and len(points) and np.ndim(mapping.spacing) == 0):
        raise ValueError("the arrays of the mapping do not fit together")
    solid = partial(np.ascontiguousarray, dtype=np.float64)
    rest = solid(low), solid(high), solid((points * scale + mean).T), solid((scale * mapping.spacing) ** -2.0)
    if mapping.method == "mlp":
        hidden, output = folded_perceptron(mapping.weights, mean, scale, mapping.target_mean, mapping.target_scale)
        return partial(compiled.finish_perceptron, hidden, output, *rest)
    if mapping.method == "knn":
        said = _neighbours(mapping)
    else:
        said = answering(mapping.method, mapping.weights, mean, scale, mapping.target_mean, mapping.target_scale)

    def finish(gestures: np.ndarray, clamp: bool, made: np.ndarray, support: np.ndarray) -> None:
        targets = solid(said(gestures))
        if targets.shape != made.shape:
            raise ValueError("the weights of the mapping do not fit its targets")
        compiled.finish(*rest, targets, gestures, clamp, made, support)

    return finish


def _neighbours(mapping: Fit) -> Answer:
    def answer(gestures: np.ndarray) -> np.ndarray:
        apart = distances((gestures.T - mapping.mean) / mapping.scale, mapping.points)
        return neighbour_mean(apart, mapping.values, mapping.neighbours).T

    return answer


def key_of(examples: Examples, settings: Settings) -> str:
    """Changes whenever a fit of these examples with these settings could come out differently."""
    taught = [(digest_of(anchor.target), digest_of(anchor.frames)) for anchor in examples.anchors]
    return hashlib.sha256(repr((1, settings, examples.gesture, examples.targets, taught)).encode()).hexdigest()


def digest_of(array: np.ndarray) -> str:
    """16 hex digits of the content of an array, taken as float32."""
    content = str(array.shape).encode() + np.ascontiguousarray(array, "<f4").tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def fit(examples: Examples, settings: Settings) -> Fit:
    """Trains on at least one anchor, well below a second for dozens. One anchor, or equal targets, give a constant."""
    mean, scale = units_of(examples)
    gestures = [without_duplicates((anchor.frames - mean) / scale) for anchor in examples.anchors]
    targets = np.array([anchor.target for anchor in examples.anchors], np.float64)
    counts = [len(gesture) for gesture in gestures]
    every = np.repeat(targets, counts, axis=0)
    outline = [gesture[:: -(-len(gesture) // MOST_POINTS)] for gesture in gestures]
    made = Fit(
        key=key_of(examples, settings),
        method=settings.method,
        mean=mean,
        scale=scale,
        target_mean=targets.mean(0),
        target_scale=targets.std(0),
        low=targets.min(0),
        high=targets.max(0),
        points=np.concatenate(outline),
        values=np.repeat(targets, [len(gesture) for gesture in outline], axis=0),
        spacing=spacing_of(gestures),
    )
    if settings.method == "knn":
        return replace(made, neighbours=min(settings.neighbours, len(made.points)))
    outputs = (every - made.target_mean) / np.where(made.target_scale > 0, made.target_scale, 1.0)
    if np.ptp(outputs, axis=0).max() == 0.0:
        return replace(made, method="ridge", weights=(np.zeros((len(mean), len(made.low))), outputs[0]))
    inputs = np.concatenate(gestures)
    if settings.method == "mlp":
        return replace(made, weights=fit_mlp(inputs, outputs, settings.hidden, settings.seed))
    if settings.method == "ridge":
        return replace(made, weights=fit_ridge(inputs, outputs))
    chosen = thinned(counts, MOST_CENTRES)
    make = fit_gp if settings.method == "gp" else fit_rbf
    return replace(made, weights=make(inputs[chosen], outputs[chosen], made.spacing))


def thinned(counts: list[int], most: int) -> np.ndarray:
    """Which examples to keep so that they are about `most` at the most: of each anchor as many as of the others, or all that it
    has, spread evenly. `counts`: the examples of each anchor, which lie one anchor after the other."""
    share = max(most // len(counts), 1)
    starts = np.cumsum([0, *counts[:-1]])
    kept = [np.linspace(0, count - 1, min(count, share)).round().astype(int) for count in counts]
    return np.concatenate([start + one for start, one in zip(starts, kept, strict=True)])


def units_of(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale [dims] that put gestures into standard units. The scale is the standard deviation, but up to TREMBLE times
    as large for a dimension that moves less between the anchors than it trembles within them; 1 for one that never moved."""
    frames = np.concatenate([anchor.frames for anchor in examples.anchors]).astype(np.float64)
    deviation, between = frames.std(0), mean_gestures(examples).std(0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    if len(examples.anchors) > 1:
        scale = scale * np.clip(deviation / np.maximum(between, 1e-9), 1.0, TREMBLE)
    return frames.mean(0), scale


def without_duplicates(gestures: np.ndarray) -> np.ndarray:
    """The gestures [n, dims], in standard units, in their order, each only once."""
    _, first = np.unique(np.round(gestures / SAME), axis=0, return_index=True)
    return gestures[np.sort(first)]


def spacing_of(gestures: list[np.ndarray]) -> float:
    """How far anchors lie apart, in standard units: the median over anchors of the distance from an anchor's mean gesture to the
    nearest other anchor's. With one anchor (or all in one place) the spread of its examples about their mean, or else 1."""
    means = np.array([gesture.mean(0) for gesture in gestures])
    apart = distances(means, means)
    np.fill_diagonal(apart, np.inf)
    spacing = float(np.median(apart.min(1))) if len(means) > 1 else 0.0
    if spacing <= SAME:
        rest = np.concatenate([gesture - mean for gesture, mean in zip(gestures, means, strict=True)])
        spacing = float(np.sqrt((rest**2).sum(1).mean()))
    return spacing if spacing > SAME else 1.0


def answer(mapping: Fit, gestures: np.ndarray, clamp: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """What `predict` and `support` say of gestures [dims, n]: targets [targets, n] and support [1, n], float32. Raises ValueError
    where the mapping has other dimensions."""
    if gestures.shape[0] != mapping.mean.size:
        raise ValueError(f"the mapping was taught {mapping.mean.size} dimensions and is given {gestures.shape[0]}")
    count = gestures.shape[1]
    targets, support = np.empty((mapping.low.size, count), np.float32), np.empty((1, count), np.float32)
    mapping.ready(np.ascontiguousarray(gestures, np.float32), clamp, targets, support)
    return targets, support


def predict(mapping: Fit, gestures: np.ndarray, clamp: bool = True) -> np.ndarray:
    """Targets [n, targets] for gestures [n, dims], float32. With `clamp` none leaves the range of the taught targets: an MLP or a
    plane would otherwise go two to four times as far. Nearest neighbours never leave it."""
    return answer(mapping, gestures.T, clamp)[0].T


def neighbour_mean(apart: np.ndarray, values: np.ndarray, neighbours: int) -> np.ndarray:
    """Means [n, targets] of the nearest points' values, weighted by 1 / distance; a point that is hit exactly counts alone, as in
    scikit-learn's weights="distance"."""
    nearest = np.argpartition(apart, neighbours - 1, axis=1)[:, :neighbours]
    near = np.take_along_axis(apart, nearest, axis=1)
    hit = near == 0.0
    weights = np.where(hit.any(1, keepdims=True), hit, 1.0 / np.where(hit, 1.0, near))
    return np.einsum("nk,nkt->nt", weights / weights.sum(1, keepdims=True), values[nearest])


def support(mapping: Fit, gestures: np.ndarray) -> np.ndarray:
    """How far each gesture [n, dims] is from what was taught, [n]: the distance to the nearest example over the spacing of the
    anchors, in standard units. Above 1 the gesture is outside: farther from all examples than neighbouring anchors are apart."""
    return answer(mapping, gestures.T)[1][0]


def distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Euclidean distances [n, m] between rows."""
    from scipy.spatial.distance import cdist

    return cdist(left, right)


def mean_gestures(examples: Examples) -> np.ndarray:
    """Each anchor's mean gesture, [anchors, dims]."""
    return np.array([anchor.frames.mean(0, dtype=np.float64) for anchor in examples.anchors])


def anchor_errors(mapping: Fit, examples: Examples) -> np.ndarray:
    """How far the mapping misses each anchor's target at its mean gesture, [anchors]: RMS over the targets, in standard
    deviations of the targets over the anchors. 0 is a hit; 1 is no better than the mean of all targets."""
    wanted = np.array([anchor.target for anchor in examples.anchors], np.float64)
    missed = (predict(mapping, mean_gestures(examples)) - wanted) / np.where(mapping.target_scale > 0, mapping.target_scale, 1.0)
    return np.sqrt((missed**2).mean(1))


def training_error(mapping: Fit, examples: Examples) -> float:
    """How far the mapping misses the targets at all the gestures that it was taught: as `anchor_errors`, over frames."""
    scale = np.where(mapping.target_scale > 0, mapping.target_scale, 1.0)
    missed = [((predict(mapping, anchor.frames) - anchor.target) / scale) ** 2 for anchor in examples.anchors]
    return float(np.sqrt(np.concatenate(missed).mean()))


def leave_one_gesture_out(examples: Examples, settings: Settings) -> float | None:
    """R2 of the mapping on anchors that it was not taught, each left out in turn; None below three anchors. 1 is perfect, 0 no
    better than the mean target. Usual sets score near or below 0, for no two of their anchors are alike. (Leaving out single
    frames instead would flatter every mapping.) Takes a fit for each anchor."""
    if len(examples.anchors) < 3:
        return None
    targets = np.array([anchor.target for anchor in examples.anchors], np.float64)
    deviation = np.where(targets.std(0) > 0, targets.std(0), 1.0)
    missed = around = 0.0
    for number, anchor in enumerate(examples.anchors):
        others = examples.anchors[:number] + examples.anchors[number + 1 :]
        predicted = predict(fit(replace(examples, anchors=others), settings), anchor.frames)
        missed += float((((predicted - targets[number]) / deviation) ** 2).mean(0).sum())
        around += float((((targets.mean(0) - targets[number]) / deviation) ** 2).sum())
    return 1.0 - missed / around if around else None


def contradictions(examples: Examples) -> list[tuple[str, str]]:
    """Pairs of anchors whose targets differ and whose gestures cannot be told apart: in no dimension do their means differ by
    more than one of them scatters (its standard deviation)."""
    means = mean_gestures(examples)
    scatter = np.array([anchor.frames.std(0, dtype=np.float64) for anchor in examples.anchors])
    least = SAME * units_of(examples)[1]
    return [
        (two.name, one.name)
        for i, one in enumerate(examples.anchors)
        for j, two in enumerate(examples.anchors[:i])
        if (np.abs(means[i] - means[j]) <= np.maximum(np.maximum(scatter[i], scatter[j]), least)).all()
        and not np.allclose(one.target, two.target, atol=1e-6)
    ]
