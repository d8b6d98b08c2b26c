"""The regressor: learns from the artist's examples which gesture means which sound, and plays it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nodes import mapping_files, regression
from nodes.regression import Anchor, Examples, Fit, Settings
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import Action, BoolParam, ChoiceParam, IntParam, NodeSpec, Port, PortType


class Regressor(StreamNode):
    """Maps a gesture to the targets that you taught it. Find a sound you like, record a gesture for it (an anchor), do so for a
    few more, train, and play: between the anchors the mapping invents. The support output tells how far the gesture is from all
    that you taught; above 1 you are outside."""

    spec = NodeSpec(
        type="mapping.regressor",
        title="Regressor",
        inputs=(Port("gesture", PortType.CONTROL, "must have the dimensions that were taught; others are left out"),),
        outputs=(
            Port("prediction", PortType.CONTROL, "one dimension for each target"),
            Port("support", PortType.CONTROL, "distance from all that was taught; above 1 is outside"),
        ),
        params=(
            ChoiceParam(
                name="method",
                default="mlp",
                choices=("mlp", "knn"),
                doc="mlp bends smoothly through the anchors, knn blends the nearest examples",
                live=False,
            ),
            IntParam(name="hidden", default=8, low=1, high=64, doc="units of the mlp; more bend more", live=False),
            IntParam(name="neighbours", default=5, low=1, high=50, doc="examples that knn blends", live=False),
            BoolParam(name="clamp", default=True, doc="never leave the range of the targets that you taught"),
        ),
        actions=(
            Action("add", "record an anchor: a target and the gesture for it; an anchor of that name is recorded anew"),
            Action("remove", "forget one anchor"),
            Action("rename", "call an anchor by another name"),
            Action("train", "learn the examples as they are now"),
            Action("clear", "forget all anchors; what is playing goes on until the patch is opened again"),
        ),
    )

    def __init__(self) -> None:
        self.examples = Examples()
        self.settings = Settings()
        self.mapping: Fit | None = None
        self._heard: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def prepare(self, stream: Stream, method: str, hidden: int, neighbours: int) -> None:
        if not self.examples.anchors:
            raise NodeError(
                "this regressor has not been taught yet: record anchors with `glasspatch teach PATCH NODE ANCHOR ...`"
            )
        self.settings = Settings(method, hidden, neighbours, stream.seed)
        taught, given = self.examples.gesture, tuple(stream.names["gesture"])
        self._columns = None if given == taught else columns_of(taught, given)
        if self.mapping is None or self.mapping.key != regression.key_of(self.examples, self.settings):
            self.mapping = regression.fit(self.examples, self.settings)
        self._heard = taught, self.examples.targets
        self._last = self.mapping.mean.astype(np.float32)
        self._answered: tuple[Any, ...] = ()
        # The first use of a library is slow; it shall not be within the first block.
        regression.answer(self.mapping, self.mapping.mean[:, None])
        stream.name("prediction", self.examples.targets)
        stream.name("support", ("support",))

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
        self._answer = {"prediction": prediction.astype(np.float32, "C"), "support": support[None].astype(np.float32)}
        self._last, self._answered = gesture[:, -1], asked
        return self._answer

    def load(self, folder: Path) -> None:
        """Reads the examples and what was learnt from them. Raises NodeError where the examples are damaged; nothing is
        overwritten then. Damaged weights are made anew from the examples."""
        self.examples = mapping_files.read_examples(folder)
        self.mapping = mapping_files.read_mapping(folder)

    def save(self, folder: Path) -> None:
        """Writes the examples and the trained mapping, each file whole or not at all; after `clear`, removes them."""
        if not self.examples.anchors:
            mapping_files.remove(folder)
            return
        mapping_files.write_examples(folder, self.examples)
        if self.mapping is not None:
            mapping_files.write_mapping(folder, self.mapping)

    def add(self, name: str, target: Mapping[str, float], frames: np.ndarray, gesture_names: tuple[str, ...]) -> dict[str, Any]:
        """The attributes after recording an anchor: `frames` [n >= 1, dims] of a gesture for `target` by target name. An anchor
        of the same name is recorded anew, in its place. Raises NodeError where the names differ from the earlier anchors'."""
        frames = np.atleast_2d(np.asarray(frames, np.float32))
        frames = frames[np.isfinite(frames).all(1)]
        values = {str(key): float(value) for key, value in target.items()}
        if not name.strip():
            raise NodeError("an anchor needs a name")
        if not values or not np.isfinite(list(values.values())).all():
            raise NodeError(f"the target of anchor {name!r} must be numbers with names, got {dict(target)}")
        if not len(frames):
            raise NodeError(f"anchor {name!r} has no gesture: nothing was tracked while it was recorded")
        if frames.shape[1] != len(gesture_names):
            raise NodeError(f"anchor {name!r} has gestures of {frames.shape[1]} numbers, but {len(gesture_names)} names for them")
        others = any(anchor.name != name for anchor in self.examples.anchors)
        known = self.examples if others else Examples(tuple(gesture_names), tuple(values))
        if set(values) != set(known.targets):
            raise NodeError(
                f"the target of anchor {name!r} has {', '.join(values)}, but the other anchors have {', '.join(known.targets)}; "
                "name the same ones, or forget the others first (teach ... --remove-all)"
            )
        frames = frames[:, columns_of(known.gesture, tuple(gesture_names))]
        anchor = Anchor(name, np.array([values[key] for key in known.targets], np.float32), frames)
        anchors = {old.name: old for old in known.anchors} | {name: anchor}
        return {"examples": replace(known, anchors=tuple(anchors.values()))}

    def remove(self, name: str) -> dict[str, Any]:
        """The attributes after forgetting an anchor. Raises NodeError where there is none of that name."""
        kept = tuple(anchor for anchor in self.examples.anchors if anchor.name != name)
        if len(kept) == len(self.examples.anchors):
            names = ", ".join(anchor.name for anchor in self.examples.anchors) or "none"
            raise NodeError(f"there is no anchor {name!r}; there are: {names}")
        return {"examples": replace(self.examples, anchors=kept)}

    def rename(self, name: str, new: str) -> dict[str, Any]:
        """The attributes after renaming an anchor. Raises NodeError where there is none, or where the new name is taken."""
        if not new.strip():
            raise NodeError("an anchor needs a name")
        if new != name and any(anchor.name == new for anchor in self.examples.anchors):
            raise NodeError(f"there is an anchor {new!r} already; forget it first, or choose another name")
        self.remove(name)  # raises where there is none
        return {
            "examples": replace(
                self.examples,
                anchors=tuple(replace(old, name=new) if old.name == name else old for old in self.examples.anchors),
            )
        }

    def anchors(self) -> tuple[tuple[str, dict[str, float], int], ...]:
        """Each anchor in plain data: its name, its target by name, and how many frames of gesture it has."""
        targets = self.examples.targets
        return tuple(
            (anchor.name, dict(zip(targets, map(float, anchor.target), strict=True)), len(anchor.frames))
            for anchor in self.examples.anchors
        )

    def clear(self) -> dict[str, Any]:
        """The attributes after forgetting all anchors."""
        return {"examples": Examples()}

    def train(self) -> dict[str, Any]:
        """The attributes after learning the examples. Raises NodeError where there are none, or where they have other dimensions
        than the mapping that is playing."""
        if not self.examples.anchors:
            raise NodeError("there is nothing to learn yet: add an anchor first")
        if self._heard is not None and self._heard != (self.examples.gesture, self.examples.targets):
            raise NodeError("the examples have other dimensions than before; save, and open the patch again to play them")
        mapping = regression.fit(self.examples, self.settings)
        regression.answer(mapping, mapping.mean[:, None])  # made ready here, not within a block
        return {"mapping": mapping}

    def scores(self, whole: bool = True) -> dict[str, Any]:
        """How good the mapping of the present examples is: number of anchors and frames; `anchor_hits` by anchor and their mean
        `anchor_hit`; `leave_one_gesture_out` (None below three anchors, or unless `whole`: it may take seconds); `warnings` in
        words."""
        examples, settings = self.examples, self.settings
        if not examples.anchors:
            return {"anchors": 0, "frames": 0, "warnings": ["nothing has been taught yet"]}
        is_learnt = self.mapping is not None and self.mapping.key == regression.key_of(examples, settings)
        errors = regression.anchor_errors(self.mapping if is_learnt else self.train()["mapping"], examples)
        return {
            "anchors": len(examples.anchors),
            "frames": sum(len(anchor.frames) for anchor in examples.anchors),
            "anchor_hit": float(errors.mean()),
            "anchor_hits": {anchor.name: float(error) for anchor, error in zip(examples.anchors, errors, strict=True)},
            "leave_one_gesture_out": regression.leave_one_gesture_out(examples, settings) if whole else None,
            "warnings": [
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
        left_out = scores["leave_one_gesture_out"]
        if left_out is not None:
            lines.append(
                f"gestures that were not taught: R2 {left_out:.2f} (1 is perfect, 0 or below a guess: the mapping invents)"
            )
        return "\n".join(lines + [f"warning: {text}" for text in scores["warnings"]])


def columns_of(wanted: tuple[str, ...], given: tuple[str, ...]) -> list[int]:
    """Where each wanted dimension is among the given. Raises NodeError that names those missing."""
    missing = [name for name in wanted if name not in given]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise NodeError(
            f"the regressor was taught with gestures of {', '.join(wanted)}, but {', '.join(missing)} {verb} missing now "
            f"(there is {', '.join(given) or 'nothing'}); connect the gesture that was taught, or teach again"
        )
    return [given.index(name) for name in wanted]


def held(gesture: np.ndarray, good: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`gesture` [dims, steps] with the steps that are not `good` [steps] replaced by the newest good one before, or by `last`."""
    newest = np.maximum.accumulate(np.where(good, np.arange(1, len(good) + 1), 0))
    return np.concatenate([last[:, None], gesture], axis=1)[:, newest]
