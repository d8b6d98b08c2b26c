"""The classifier: learns from the artist's examples which kind of gesture this is, and says how sure it is of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nodes import regression
from nodes.mapping_learner import GESTURE, Learner, actions
from nodes.regression import MOST_POINTS, Examples, Settings
from runtime.node import Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, IntParam, NodeSpec, Port, PortType

INVERSE_PENALTY = 10.0
"""C of the logistic regression: on so few examples scikit-learn's 1 leaves even well separated classes unsure of themselves."""


@dataclass(frozen=True, eq=False)
class Classes:
    """What tells classes apart, in standard units: `points` [n, dims] of class number `labels` [n]; for logistic regression
    `weights` [classes, dims] and `biases` [classes]. `spacing` as in a regressor."""

    key: str
    method: str
    mean: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    spacing: float
    neighbours: int
    weights: np.ndarray
    biases: np.ndarray

    def is_sound(self) -> bool:
        """Whether it answers with numbers. Raises whatever numpy does where its arrays do not fit together."""
        return bool(np.isfinite(probabilities(self, np.zeros((len(self.mean), 1)))).all()) and self.spacing > 0


def fit(examples: Examples, method: str, neighbours: int) -> Classes:
    """Learns one class from each recorded gesture (at least one)."""
    mean, scale = regression.units_of(examples)
    gestures = [regression.without_duplicates((one.frames - mean) / scale) for one in examples.anchors]
    outline = [gesture[:: -(-len(gesture) // MOST_POINTS)] for gesture in gestures]
    points = np.concatenate(outline)
    labels = np.repeat(np.arange(len(outline)), [len(gesture) for gesture in outline])
    weights, biases = np.zeros((len(outline), len(mean))), np.zeros(len(outline))
    if method == "logistic" and len(outline) > 1:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1000).fit(points, labels)
        # Of two classes scikit-learn gives one row, the odds of the second.
        weights, biases = weights + model.coef_, biases + model.intercept_
        if len(outline) == 2:
            weights[0], biases[0] = 0.0, 0.0
    return Classes(
        key_of(examples, method, neighbours),
        method,
        mean,
        scale,
        points,
        labels,
        regression.spacing_of(gestures),
        min(neighbours, len(points)),
        weights,
        biases,
    )


def key_of(examples: Examples, method: str, neighbours: int) -> str:
    """Changes whenever a fit could come out differently."""
    return regression.key_of(examples, Settings(f"classes by {method}", 0, neighbours))


def probabilities(classes: Classes, gestures: np.ndarray) -> np.ndarray:
    """How likely each class is, [classes, n], for gestures [dims, n] in standard units; as scikit-learn's predict_proba."""
    count = len(classes.weights)
    if classes.method == "logistic":
        odds = classes.weights.dot(gestures) + classes.biases[:, None]
        odds = np.exp(odds - odds.max(0))
        return odds / odds.sum(0)
    apart = regression.distances(gestures.T, classes.points)
    return regression.neighbour_mean(apart, np.eye(count)[classes.labels], classes.neighbours).T


def confused(examples: Examples) -> list[tuple[str, str]]:
    """Pairs of gestures that cannot be told apart."""
    told = np.eye(len(examples.anchors), dtype=np.float32)
    anchors = tuple(replace(one, target=target) for one, target in zip(examples.anchors, told, strict=True))
    return regression.contradictions(replace(examples, anchors=anchors))


def second_halves(examples: Examples, method: str, neighbours: int) -> float | None:
    """The part of all frames in the second halves of the gestures that is recognised by what the first halves taught; None where
    a gesture has one frame only. Leaving single frames out would flatter: their neighbours in time are nearly the same."""
    halves = [len(one.frames) // 2 for one in examples.anchors]
    if len(halves) < 2 or not all(halves):
        return None
    first = replace(
        examples,
        anchors=tuple(replace(one, frames=one.frames[:half]) for one, half in zip(examples.anchors, halves, strict=True)),
    )
    learnt = fit(first, method, neighbours)
    right = [
        probabilities(learnt, ((one.frames[half:] - learnt.mean) / learnt.scale).T).argmax(0) == number
        for number, (one, half) in enumerate(zip(examples.anchors, halves, strict=True))
    ]
    return float(np.concatenate(right).mean())


class Classifier(Learner, StreamNode):
    """Tells which of your gestures this is: record a gesture under the name of its class, do so for some more, and play. Each
    class becomes a dimension that says how sure the classifier is of it, from 0 to 1, so that a smile can open one sound and a
    frown another; the winner is the number of the likeliest class, for scenes."""

    spec = NodeSpec(
        type="mapping.classifier",
        title="Classifier",
        inputs=(GESTURE,),
        outputs=(
            Port("classes", PortType.CONTROL, "for each class how likely it is, 0 to 1; together 1"),
            Port("winner", PortType.CONTROL, "the number of the likeliest class, from 0, in the order in which you taught them"),
            Port("support", PortType.CONTROL, "distance from all that was taught; above 1 is outside"),
        ),
        params=(
            ChoiceParam(
                name="method",
                default="knn",
                choices=("knn", "logistic"),
                doc="knn asks the nearest examples and takes any shape; logistic draws straight borders and changes more gently",
                live=False,
            ),
            IntParam(name="neighbours", default=5, low=1, high=50, doc="examples that knn asks", live=False),
            FloatParam(
                name="certainty",
                default=0.6,
                low=0.0,
                high=1.0,
                doc="how likely a class must be to become the winner; until then the last one stays, so that nothing flickers",
            ),
        ),
        actions=actions("a gesture; its name is its class", "forget all classes; what is playing goes on"),
    )
    fitted = Classes

    def prepare(self, stream: Stream, method: str, neighbours: int) -> None:
        self.settings = method, neighbours
        self.begin(stream)
        probabilities(self.mapping, np.zeros((len(self.mapping.mean), 1)))
        self._winner = -1
        stream.name("classes", (one.name for one in self.examples.anchors))
        stream.name("winner", ("winner",))
        stream.name("support", ("support",))

    def learn(self) -> Classes:
        return fit(self.examples, *self.settings)

    def key(self) -> str:
        return key_of(self.examples, *self.settings)

    def shape(self) -> Any:
        return self.examples.gesture, tuple(one.name for one in self.examples.anchors)

    def __init__(self) -> None:
        super().__init__()
        self.settings = "knn", 5

    def process(self, block: Block, gesture: np.ndarray, certainty: float) -> dict[str, np.ndarray]:
        made = self.once(self.hear(gesture), self._answer)
        classes, support = made[:-1], made[-1:]
        return {"classes": classes, "winner": self._decide(classes, certainty)[None], "support": support}

    def _answer(self, standard: np.ndarray) -> np.ndarray:
        apart = regression.distances(standard.T, self.mapping.points).min(1) / self.mapping.spacing
        return np.concatenate([probabilities(self.mapping, standard), apart[None]])

    def _decide(self, classes: np.ndarray, certainty: float) -> np.ndarray:
        """The winner at each step, float32 [steps]: the last one that was certain enough."""
        best = classes.argmax(0)
        if self._winner < 0:
            self._winner = int(best[0])
        sure = np.where(classes.max(0) >= certainty, np.arange(1, len(best) + 1), 0)
        newest = np.concatenate([[self._winner], best])[np.maximum.accumulate(sure)]
        self._winner = int(newest[-1])
        return newest.astype(np.float32)

    def scores(self, whole: bool = True) -> dict[str, Any]:
        """How well the classes are told apart: `anchor_hits` by class is the part of its frames that is taken for another,
        `training_error` that of all frames, `second_halves` (None unless `whole`) the part of new frames that is recognised."""
        examples = self.examples
        if not examples.anchors:
            return {"anchors": 0, "frames": 0, "warnings": ["nothing has been taught yet"]}
        learnt = self.learnt()
        wrong = {
            one.name: probabilities(learnt, ((one.frames - learnt.mean) / learnt.scale).T).argmax(0) != number
            for number, one in enumerate(examples.anchors)
        }
        return {
            "anchors": len(examples.anchors),
            "frames": sum(len(one.frames) for one in examples.anchors),
            "training_error": float(np.concatenate(list(wrong.values())).mean()),
            "anchor_hits": {name: float(error.mean()) for name, error in wrong.items()},
            "second_halves": second_halves(examples, *self.settings) if whole else None,
            "warnings": [
                f"{one!r} and {two!r} are nearly the same gesture and cannot be told apart: record one of them differently"
                for one, two in confused(examples)
            ],
        }

    def describe(self, scores: Mapping[str, Any] | None = None) -> str:
        """The scores in words, one line each; those that are known already may be given."""
        scores = scores or self.scores()
        if not scores["anchors"]:
            return "nothing has been taught yet"
        lines = [
            f"{scores['anchors']} {'class' if scores['anchors'] == 1 else 'classes'} from {scores['frames']} frames of gesture"
        ]
        lines += [f"  {name}: {100 * error:.0f} % taken for another" for name, error in scores["anchor_hits"].items()]
        if scores["second_halves"] is not None:
            chance = 100 / scores["anchors"]
            lines.append(
                f"from the first half of each gesture {100 * scores['second_halves']:.0f} % of the second halves are recognised "
                f"(chance {chance:.0f} %)"
            )
        return "\n".join(lines + [f"warning: {text}" for text in scores["warnings"]])
