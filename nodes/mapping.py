"""The regressor: learns from the artist's examples which gesture means which sound, and plays it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nodes import mapping_models, regression
from nodes.mapping_learner import GESTURE, Learner, actions, held
from nodes.regression import Fit, Settings
from nodes.regression_methods import METHODS
from runtime.artifacts import Artifact
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, ChoiceParam, IntParam, NodeSpec, Port, PortType


class Regressor(Learner, StreamNode):
    """Maps a gesture to the targets that you taught it. Find a sound you like, record a gesture for it (an anchor), do so for a
    few more, train, and play: between the anchors the mapping invents. The support output tells how far the gesture is from all
    that you taught; above 1 you are outside."""

    spec = NodeSpec(
        type="mapping.regressor",
        title="Regressor",
        inputs=(
            GESTURE,
            Port(
                "model",
                PortType.MODEL,
                "the model that the prediction plays: then you are told when it is replaced by one with other latents",
                optional=True,
            ),
        ),
        outputs=(
            Port("prediction", PortType.CONTROL, "one dimension for each target"),
            Port("support", PortType.CONTROL, "distance from all that was taught; above 1 is outside"),
        ),
        params=(
            ChoiceParam(
                name="method",
                default="mlp",
                choices=METHODS,
                doc="mlp bends smoothly through the anchors, knn blends the nearest examples, gp (a Gaussian process) and rbf "
                "(radial basis functions) hit many anchors, ridge is a plane: it hits few, and never surprises",
                live=False,
            ),
            IntParam(name="hidden", default=8, low=1, high=64, doc="units of the mlp; more bend more", live=False),
            IntParam(name="neighbours", default=5, low=1, high=50, doc="examples that knn blends", live=False),
            BoolParam(name="clamp", default=True, doc="never leave the range of the targets that you taught"),
        ),
        actions=actions(
            "an anchor: a target and the gesture for it",
            "forget all anchors; what is playing goes on until the patch is opened again",
        ),
    )
    fitted = Fit
    with_targets = True
    called = ("anchor", "anchors")

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings()

    def prepare(self, stream: Stream, method: str, hidden: int, neighbours: int, model: Artifact | None = None) -> None:
        self.settings = Settings(method, hidden, neighbours, stream.seed)
        given, space = None, mapping_models.space_of(model, self.examples.space) if model is not None else None
        if space is not None and self.examples.anchors:
            place = mapping_models.placed(self.examples, space)
            self.examples, self.mark, given = place.examples, place.mark, place.given
        self.begin(stream)
        self._given = given
        self._answered: tuple[Any, ...] = ()
        # The first use of a library is slow; it shall not be within the first block.
        regression.answer(self.mapping, self.mapping.mean[:, None])
        stream.name("prediction", self.examples.targets[:given])
        stream.name("support", ("support",))

    def learn(self) -> Fit:
        mapping = regression.fit(self.examples, self.settings)
        regression.answer(mapping, mapping.mean[:, None])  # made ready here, not within a block
        return mapping

    def key(self) -> str:
        return regression.key_of(self.examples, self.settings)

    def settle(self) -> dict[str, Any]:
        """The attributes once the anchors shall count for the model that is connected, though they were recorded for another: at
        the next preparation they get its latents."""
        return {"examples": replace(self.examples, space=mapping_models.ANY)}

    def process(self, block: Block, gesture: np.ndarray, clamp: bool) -> dict[str, np.ndarray]:
        if self._columns is not None:
            gesture = gesture[self._columns]
        # A face that holds still, or a tracker slower than the blocks, gives the same gesture again: so is the answer.
        asked = (self.mapping, clamp, gesture.tobytes())
        if asked == self._answered:
            return self._answer
        flat = gesture.ravel()
        if not math.isfinite(flat.dot(flat)):  # or very large, which does no harm here
            good = np.isfinite(gesture).all(0)
            gesture = held(gesture, good, self._last)
            asked = ()  # the same again may have another gesture before it
        prediction, support = regression.answer(self.mapping, gesture, clamp)
        self._answer = {"prediction": prediction[: self._given], "support": support}
        self._last, self._answered = gesture[:, -1], asked
        return self._answer

    def scores(self, whole: bool = True) -> dict[str, Any]:
        """How good the mapping of the present examples is: number of anchors and frames; `training_error` over all frames;
        `anchor_hits` by anchor and their mean `anchor_hit`; `leave_one_gesture_out` (None below three anchors, or unless `whole`:
        it may take seconds); `warnings` in words."""
        examples, settings = self.examples, self.settings
        if not examples.anchors:
            return {"anchors": 0, "frames": 0, "warnings": ["nothing has been taught yet"]}
        mapping = self.learnt()
        errors = regression.anchor_errors(mapping, examples)
        return {
            "anchors": len(examples.anchors),
            "frames": sum(len(anchor.frames) for anchor in examples.anchors),
            "training_error": regression.training_error(mapping, examples),
            "anchor_hit": float(errors.mean()),
            "anchor_hits": {anchor.name: float(error) for anchor, error in zip(examples.anchors, errors, strict=True)},
            "leave_one_gesture_out": regression.leave_one_gesture_out(examples, settings) if whole else None,
            "warnings": [self.mark] * bool(self.mark)
            + [
                f"anchors {one!r} and {two!r} have nearly the same gesture but different targets; between them the mapping can "
                "only guess: record one of them with another gesture"
                for one, two in regression.contradictions(examples)
            ],
        }

    def describe(self, scores: Mapping[str, Any] | None = None) -> str:
        """The scores in words, one line each; those that are known already may be given."""
        scores = scores or self.scores()
        if not scores["anchors"]:
            return "nothing has been taught yet"
        lines = [f"{scores['anchors']} anchors from {scores['frames']} frames of gesture"]
        lines += [f"  {name}: missed by {error:.2f} standard deviations" for name, error in scores["anchor_hits"].items()]
        lines.append(f"anchors are missed by {scores['anchor_hit']:.2f} standard deviations (0 is a hit, 1 a guess)")
        lines.append(f"the training error over all their frames is {scores['training_error']:.2f} standard deviations")
        left_out = scores["leave_one_gesture_out"]
        if left_out is not None:
            lines.append(
                f"gestures that were not taught: R2 {left_out:.2f} (1 is perfect, 0 or below a guess: the mapping invents)"
            )
        return "\n".join(lines + [f"warning: {text}" for text in scores["warnings"]])
