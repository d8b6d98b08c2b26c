"""What all nodes have in common that learn from gestures which the artist records: the examples, and what is done to them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nodes import mapping_files
from nodes.regression import Anchor, Examples
from runtime.compiled import import_compiled
from runtime.errors import NodeError
from runtime.node import Stream
from runtime.spec import Action, Port, PortType

LIBRARIES = ("sklearn.neural_network", "nodes.regression_compiled")
"""What those who learn are made of, and takes its time to load."""
LOADING = 0.3
"""Seconds for which loading one of them keeps Python to itself at most: 0.1 to 0.15 were measured."""
GESTURE = Port("gesture", PortType.CONTROL, "must have the dimensions that were taught; others are left out")


def actions(one: str, clear: str) -> tuple[Action, ...]:
    """The actions of a node that is taught; `one` says what is recorded."""
    return (
        Action("add", f"record {one}; one of that name is recorded anew"),
        Action("remove", "forget one of them"),
        Action("rename", "call one of them otherwise"),
        Action("train", "learn the examples as they are now"),
        Action("clear", clear),
    )


class Learner:
    """Examples and what was learnt from them, `mapping`. A node class names what it learns (`fitted`, a dataclass of plain arrays
    with a `key`), and whether its examples have targets, then makes a mapping in `learn`."""

    fitted: ClassVar[type[Any]]
    with_targets: ClassVar[bool] = False
    mark: str = ""
    """What is wrong between what was taught and what surrounds the node, in words; `settle` takes it as it is."""
    called: ClassVar[tuple[str, str]] = ("gesture", "gestures")
    """What an example is called, one and many."""

    def __init__(self) -> None:
        self.examples = Examples()
        self.mapping: Any = None
        self._heard: Any = None
        """What the outputs are made of while it plays: training may not change it."""

    def learn(self) -> Any:
        """What is learnt from the present examples (at least one), ready to be played. Raises NodeError where they do not do."""
        raise NotImplementedError

    def key(self) -> str:
        """Changes whenever `learn` could come out differently."""
        raise NotImplementedError

    def shape(self) -> Any:
        """What decides the names of the outputs."""
        return self.examples.gesture, self.examples.targets

    @property
    def _a(self) -> str:
        """An example, with its article."""
        one = self.called[0]
        return f"{'an' if one[0] in 'aeiou' else 'a'} {one}"

    # Playing

    def begin(self, stream: Stream) -> None:
        """For `prepare`: finds the columns of the gesture that were taught, and learns unless that was done."""
        if not self.examples.anchors:
            one, many = self.called
            title = type(self).spec.title.lower()  # type: ignore[attr-defined]
            raise NodeError(
                f"this {title} has not been taught yet: record {many} with Record in its node, or with "
                f"`glasspatch teach PATCH NODE {one.upper()} ...`"
            )
        taught, given = self.examples.gesture, tuple(stream.names["gesture"])
        self._columns = None if given == taught else columns_of(taught, given, type(self).spec.title)  # type: ignore[attr-defined]
        missing = [name for name in LIBRARIES if name not in sys.modules]
        if missing and stream.play_ahead(LOADING):
            for name in missing:
                import_compiled(name)
        if self.mapping is None or self.mapping.key != self.key():
            self.mapping = self.learn()
        self._heard = self.shape()
        self._last = self.mapping.mean.astype(np.float32)

    def hear(self, gesture: np.ndarray) -> np.ndarray:
        """The dimensions that were taught, [dims, steps], each step that is no number replaced by the newest that was one."""
        if self._columns is not None:
            gesture = gesture[self._columns]
        flat = gesture.ravel()
        if not math.isfinite(flat.dot(flat)):  # or very large, which does no harm here
            gesture = held(gesture, np.isfinite(gesture).all(0), self._last)
        self._last = gesture[:, -1]
        return gesture

    def once(self, gesture: np.ndarray, answer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """`answer` for gestures [dims, n] in standard units, asked only once where the gesture rests within a block, as that of
        every camera does; float32 [rows, steps]."""
        steps = gesture.shape[1]
        rests = bool((gesture == gesture[:, :1]).all())
        standard = (gesture[:, :1] if rests else gesture).T - self.mapping.mean
        standard /= self.mapping.scale
        made = answer(standard.T).astype(np.float32)
        return made.repeat(steps, axis=1) if rests else made

    # On disk

    def load(self, folder: Path) -> None:
        """Reads the examples and what was learnt from them. Raises NodeError where the examples are damaged; nothing is
        overwritten then. What was learnt and is damaged is made anew from the examples."""
        self.examples = mapping_files.read_examples(folder)
        self.mapping = mapping_files.read_mapping(folder, self.fitted)

    def save(self, folder: Path) -> None:
        """Writes the examples and what was learnt, each file whole or not at all; after `clear`, removes them."""
        if not self.examples.anchors:
            mapping_files.remove(folder)
            return
        mapping_files.write_examples(folder, self.examples)
        if self.mapping is not None:
            mapping_files.write_mapping(folder, self.mapping)

    # Actions

    def add(self, name: str, target: Mapping[str, float], frames: np.ndarray, gesture_names: tuple[str, ...]) -> dict[str, Any]:
        """The attributes after recording an example: `frames` [n >= 1, dims] of a gesture, for `target` by target name where
        there are targets. One of the same name is recorded anew, in its place. Raises NodeError where the names differ from the
        earlier ones'."""
        one, many = self.called
        frames = np.atleast_2d(np.asarray(frames, np.float32))
        frames = frames[np.isfinite(frames).all(1)]
        values = {str(key): float(value) for key, value in target.items()} if self.with_targets else {}
        if not name.strip():
            raise NodeError(f"{self._a} needs a name")
        if self.with_targets and (not values or not np.isfinite(list(values.values())).all()):
            raise NodeError(f"the target of {one} {name!r} must be numbers with names, got {dict(target)}")
        if not len(frames):
            raise NodeError(f"{one} {name!r} has no gesture: nothing was tracked while it was recorded")
        if frames.shape[1] != len(gesture_names):
            raise NodeError(f"{one} {name!r} has gestures of {frames.shape[1]} numbers, but {len(gesture_names)} names for them")
        others = any(anchor.name != name for anchor in self.examples.anchors)
        known = self.examples if others else Examples(tuple(gesture_names), tuple(values))
        if set(values) != set(known.targets):
            raise NodeError(
                f"the target of {one} {name!r} has {', '.join(values)}, but the other {many} have {', '.join(known.targets)}; "
                "name the same ones, or forget the others first (teach ... --remove-all)"
            )
        frames = frames[:, columns_of(known.gesture, tuple(gesture_names), type(self).spec.title)]  # type: ignore[attr-defined]
        anchor = Anchor(name, np.array([values[key] for key in known.targets], np.float32), frames)
        anchors = {old.name: old for old in known.anchors} | {name: anchor}
        return {"examples": replace(known, anchors=tuple(anchors.values()))}

    def remove(self, name: str) -> dict[str, Any]:
        """The attributes after forgetting an example. Raises NodeError where there is none of that name."""
        kept = tuple(anchor for anchor in self.examples.anchors if anchor.name != name)
        if len(kept) == len(self.examples.anchors):
            names = ", ".join(anchor.name for anchor in self.examples.anchors) or "none"
            raise NodeError(f"there is no {self.called[0]} {name!r}; there are: {names}")
        return {"examples": replace(self.examples, anchors=kept)}

    def rename(self, name: str, new: str) -> dict[str, Any]:
        """The attributes after renaming an example. Raises NodeError where there is none, or where the new name is taken."""
        if not new.strip():
            raise NodeError(f"{self._a} needs a name")
        if new != name and any(anchor.name == new for anchor in self.examples.anchors):
            raise NodeError(f"there is {self._a} {new!r} already; forget it first, or choose another name")
        self.remove(name)  # raises where there is none
        return {
            "examples": replace(
                self.examples,
                anchors=tuple(replace(old, name=new) if old.name == name else old for old in self.examples.anchors),
            )
        }

    def anchors(self) -> tuple[tuple[str, dict[str, float], int], ...]:
        """Each example in plain data: its name, its target by name, and how many frames of gesture it has."""
        targets = self.examples.targets
        return tuple(
            (anchor.name, dict(zip(targets, map(float, anchor.target), strict=True)), len(anchor.frames))
            for anchor in self.examples.anchors
        )

    def clear(self) -> dict[str, Any]:
        """The attributes after forgetting all examples."""
        return {"examples": Examples()}

    def train(self) -> dict[str, Any]:
        """The attributes after learning the examples. Raises NodeError where there are none, or where they have other dimensions
        than what is playing."""
        if not self.examples.anchors:
            raise NodeError(f"there is nothing to learn yet: add {self._a} first")
        if self._heard is not None and self._heard != self.shape():
            raise NodeError("the examples have other dimensions than before; save, and open the patch again to play them")
        return {"mapping": self.learn()}

    def settle(self) -> dict[str, Any]:
        """The attributes once the artist has said that what is taught holds for what surrounds the node now."""
        return {}

    def learnt(self) -> Any:
        """What was learnt from the present examples, whether it plays or not."""
        is_learnt = self.mapping is not None and self.mapping.key == self.key()
        return self.mapping if is_learnt else self.train()["mapping"]


def columns_of(wanted: tuple[str, ...], given: tuple[str, ...], title: str = "regressor") -> list[int]:
    """Where each wanted dimension is among the given. Raises NodeError that names those missing."""
    missing = [name for name in wanted if name not in given]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise NodeError(
            f"the {title.lower()} was taught with gestures of {', '.join(wanted)}, but {', '.join(missing)} {verb} missing now "
            f"(there is {', '.join(given) or 'nothing'}); connect the gesture that was taught, or teach again"
        )
    return [given.index(name) for name in wanted]


def held(gesture: np.ndarray, good: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`gesture` [dims, steps] with the steps that are not `good` [steps] replaced by the newest good one before, or by `last`."""
    newest = np.maximum.accumulate(np.where(good, np.arange(1, len(good) + 1), 0))
    return np.concatenate([last[:, None], gesture], axis=1)[:, newest]
