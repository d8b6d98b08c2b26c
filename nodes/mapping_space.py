"""The gesture space: finds by itself, in gestures that nobody has named, the few directions in which they move most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nodes import regression
from nodes.mapping_learner import GESTURE, Learner, actions
from nodes.regression import Examples, Settings
from nodes.regression_methods import MOST_ITERATIONS, fitted_quietly
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, IntParam, NodeSpec, Port, PortType

HIDDEN = 16
"""Units on either side of the autoencoder's waist."""
MOST_FRAMES = 1500
"""Frames that the autoencoder learns from: it takes a second or two for so many."""
FEW = 2.0
"""How many deviations the range of an output means: 19 of 20 gestures lie within."""


@dataclass(frozen=True, eq=False)
class Directions:
    """A few directions of gestures in standard units. `weights`: of PCA the axes [dims, k]; of the autoencoder those of its first
    half, weights and biases of two layers. An output is (direction - `centre`) / `spread`. `kept` is the part of all movement
    that can be told from the outputs."""

    key: str
    mean: np.ndarray
    scale: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    points: np.ndarray
    spacing: float
    kept: float
    weights: tuple[np.ndarray, ...]

    def is_sound(self) -> bool:
        """Whether it answers with numbers. Raises whatever numpy does where its arrays do not fit together."""
        made = answer(self, np.zeros((len(self.mean), 1)))
        return bool(np.isfinite(made).all()) and len(made) == len(self.centre) == len(self.spread)


def fit(examples: Examples, method: str, dimensions: int, seed: int) -> Directions:
    """Learns from all gestures together. Raises NodeError where they do not have so many directions."""
    frames = np.concatenate([one.frames for one in examples.anchors]).astype(np.float64)
    deviation = frames.std(0)
    mean, scale = frames.mean(0), np.where(deviation > 1e-9, deviation, 1.0)
    standard = regression.without_duplicates((frames - mean) / scale)
    moving = int((deviation > 1e-9).sum())
    most = min(moving, len(standard) - 1)
    if dimensions > most:
        has = f"{moving} dimensions that move" if most == moving else f"{len(standard)} different frames"
        raise NodeError(
            f"the recorded gestures have {has}, too few for {dimensions} directions; record more, or set dimensions to "
            f"{max(most, 1)}"
        )
    if method == "pca":
        weights, kept = _pca(standard, dimensions)
    else:
        weights, kept = _autoencoder(standard, dimensions, seed)
    made = direction(weights, standard.T)
    centre, spread = made.mean(1), np.maximum(made.std(1), 1e-9)
    points = standard[:: -(-len(standard) // MOST_FRAMES)]
    key = key_of(examples, method, dimensions, seed)
    return Directions(key, mean, scale, centre, spread, points, _spacing(points), kept, weights)


def _pca(standard: np.ndarray, dimensions: int) -> tuple[tuple[np.ndarray, ...], float]:
    from sklearn.decomposition import PCA

    model = PCA(dimensions, svd_solver="full").fit(standard)
    axes = model.components_.T
    # A direction and its opposite are the same to PCA: here the dimension that counts most counts upwards.
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(dimensions)])
    return (axes,), float(model.explained_variance_ratio_.sum())


def _autoencoder(standard: np.ndarray, dimensions: int, seed: int) -> tuple[tuple[np.ndarray, ...], float]:
    from sklearn.neural_network import MLPRegressor

    taken = standard[:: -(-len(standard) // MOST_FRAMES)]
    model = MLPRegressor(
        hidden_layer_sizes=(HIDDEN, dimensions, HIDDEN),
        activation="tanh",
        solver="lbfgs",
        alpha=1e-3,
        max_iter=MOST_ITERATIONS,
        random_state=seed % 2**32,
    )
    fitted_quietly(model, taken, taken)
    made = model.predict(standard).reshape(standard.shape)
    kept = 1.0 - float(((made - standard) ** 2).sum() / ((standard - standard.mean(0)) ** 2).sum())
    return (model.coefs_[0], model.intercepts_[0], model.coefs_[1], model.intercepts_[1]), kept


def _spacing(points: np.ndarray) -> float:
    """Four times the median distance from a frame to the nearest of those that are not its neighbours in time: from that far on
    one has left what was recorded."""
    some = points[:: -(-len(points) // 200)]
    apart = regression.distances(some, some)
    np.fill_diagonal(apart, np.inf)
    nearest = float(np.median(apart.min(1)))
    return max(4.0 * nearest, regression.SAME) if np.isfinite(nearest) else 1.0


def key_of(examples: Examples, method: str, dimensions: int, seed: int) -> str:
    """Changes whenever a fit could come out differently."""
    return regression.key_of(examples, Settings(f"directions by {method}", dimensions, 0, seed))


def direction(weights: tuple[np.ndarray, ...], standard: np.ndarray) -> np.ndarray:
    """Where gestures [dims, n] in standard units lie: [k, n]."""
    if len(weights) == 1:
        return weights[0].T.dot(standard)
    first, bias, second, waist = weights
    return np.tanh(second.T.dot(np.tanh(first.T.dot(standard) + bias[:, None])) + waist[:, None])


def answer(directions: Directions, standard: np.ndarray) -> np.ndarray:
    """The outputs [k, n] for gestures [dims, n] in standard units; their deviation over what was recorded is 1."""
    return (direction(directions.weights, standard) - directions.centre[:, None]) / directions.spread[:, None]


class GestureSpace(Learner, StreamNode):
    """A start without teaching: record how you move, without saying what it means, and the few directions in which you move most
    become controls. Lead them to a model's latents and play at once; find points that you like, and teach a Regressor with
    them later."""

    spec = NodeSpec(
        type="mapping.space",
        title="Gesture space",
        inputs=(GESTURE,),
        outputs=(
            Port("control", PortType.CONTROL, "d0, d1, ...: the directions, the one with most movement first"),
            Port("support", PortType.CONTROL, "distance from all that was recorded; above 1 is outside"),
        ),
        params=(
            ChoiceParam(
                name="method",
                default="pca",
                choices=("pca", "autoencoder"),
                doc="pca finds straight directions; an autoencoder bends with the movement, and keeps more in few dimensions",
                live=False,
            ),
            IntParam(name="dimensions", default=2, low=1, high=16, doc="how many directions", live=False),
            FloatParam(
                name="range",
                default=2.0,
                low=0.0,
                high=10.0,
                doc="how far the outputs go for what you have recorded: nearly all lies between minus this and this",
            ),
        ),
        actions=actions("some movement, without meaning", "forget all that was recorded; what is playing goes on"),
    )
    fitted = Directions

    def __init__(self) -> None:
        super().__init__()
        self.settings: tuple[str, int, int] = ("pca", 2, 0)

    def prepare(self, stream: Stream, method: str, dimensions: int) -> None:
        self.settings = method, dimensions, stream.seed
        self.begin(stream)
        stream.name("control", (f"d{number}" for number in range(dimensions)))
        stream.name("support", ("support",))

    def learn(self) -> Directions:
        return fit(self.examples, *self.settings)

    def key(self) -> str:
        return key_of(self.examples, *self.settings)

    def process(self, block: Block, gesture: np.ndarray, range: float) -> dict[str, np.ndarray]:
        made = self.once(self.hear(gesture), self._answer)
        return {"control": made[:-1] * np.float32(range / FEW), "support": made[-1:].copy()}

    def _answer(self, standard: np.ndarray) -> np.ndarray:
        apart = regression.distances(standard.T, self.mapping.points).min(1) / self.mapping.spacing
        return np.concatenate([answer(self.mapping, standard), apart[None]])

    def scores(self, whole: bool = True) -> dict[str, Any]:
        """How much of the movement the directions keep (`kept`, 0 to 1)."""
        examples = self.examples
        if not examples.anchors:
            return {"anchors": 0, "frames": 0, "warnings": ["nothing has been taught yet"]}
        kept = self.learnt().kept
        few = f"the directions keep only {100 * kept:.0f} % of the movement; choose more dimensions, or the autoencoder"
        return {
            "anchors": len(examples.anchors),
            "frames": sum(len(one.frames) for one in examples.anchors),
            "kept": kept,
            "warnings": [few] if kept < 0.5 else [],
        }

    def describe(self, scores: Mapping[str, Any] | None = None) -> str:
        """The scores in words, one line each; those that are known already may be given."""
        scores = scores or self.scores()
        if not scores["anchors"]:
            return "nothing has been taught yet"
        lines = [
            f"{scores['anchors']} gesture{'s' * (scores['anchors'] > 1)} from {scores['frames']} frames",
            f"{self.settings[1]} directions keep {100 * scores['kept']:.0f} % of the movement",
        ]
        return "\n".join(lines + [f"warning: {text}" for text in scores["warnings"]])
