"""What a patch was taught, examined: how each mapping hits its anchors, what it does between them and when a hand trembles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from runtime.engine import Engine
from runtime.node import STEP, Block
from runtime.plan import Source, Step
from runtime.report import checks
from runtime.report.made import chosen
from runtime.teaching import GESTURE, PREDICTION, can_be_taught, has_targets
from runtime.terminal.open import Opened


@dataclass(frozen=True)
class TaughtAnchor:
    """An anchor: its target by name, how many frames of gesture it has, and by how many standard deviations it is missed."""

    name: str
    target: Mapping[str, float]
    frames: int
    missed: float | None


@dataclass(frozen=True)
class Taught:
    """A node that was taught, and its scores. `left_out` is R2 on gestures that it was not taught (None below three anchors),
    `straight` path over chord between anchors (median over pairs), `jitter` how far a held gesture trembles, as a part of the
    reach of all. `failure` says why it cannot be examined."""

    node: str
    title: str
    params: Mapping[str, Any]
    anchors: tuple[TaughtAnchor, ...] = ()
    left_out: float | None = None
    straight: float | None = None
    jitter: float | None = None
    warnings: tuple[str, ...] = ()
    failure: str = ""
    targets: tuple[np.ndarray, ...] = ()
    """Each anchor's target float32 [targets], in the order of the node's prediction."""
    words: tuple[str, ...] = ()
    """What a node says itself that learns gestures without targets (a classifier, a follower)."""
    sources: tuple[Source, ...] = ()
    """Where its gesture comes from."""

    @property
    def missed(self) -> float | None:
        """By how many standard deviations anchors are missed, in the mean; 0 is a hit, 1 a guess."""
        found = [anchor.missed for anchor in self.anchors if anchor.missed is not None]
        return float(np.mean(found)) if found else None


def examine(opened: Opened) -> tuple[Taught, ...]:
    """Every node of the patch that can be taught."""
    return tuple(_examine(opened, step) for step in opened.plan.streams if can_be_taught(step.spec))


def _examine(opened: Opened, step: Step) -> Taught:
    engine = Engine(opened.plan.settings, opened.assets)
    try:
        problems = engine.load(opened.plan.behind(step.node))
        node: Any = engine.instance(step.node)
        if node is None:
            why = next((one.message for one in problems if one.node == step.node), "what it needs cannot run")
            return Taught(step.node, step.spec.title, chosen(step), failure=why, sources=step.inputs.get(GESTURE, ()))
        scores = node.scores()
        examples = node.examples
        hits = scores.get("anchor_hits", {}) if has_targets(step.spec) else {}
        anchors = tuple(TaughtAnchor(name, target, frames, hits.get(name)) for name, target, frames in node.anchors())
        sources = step.inputs[GESTURE]
        if not has_targets(step.spec):
            words = node.describe(scores).split("\n")
            return Taught(step.node, step.spec.title, chosen(step), anchors, words=tuple(words), sources=sources)
        given = engine.names(*sources[0])
        gestures = [arranged(anchor.frames, examples.gesture, given) for anchor in examples.anchors]
        answer = _answer(node, step, opened)
        ways = [
            way
            for one, two in combinations([frames.mean(0) for frames in gestures], 2)
            if (way := checks.straightness(one, two, answer)) is not None
        ]
        return Taught(
            step.node,
            step.spec.title,
            chosen(step),
            anchors,
            scores.get("leave_one_gesture_out"),
            float(np.median(ways)) if ways else None,
            checks.jitter(gestures, answer),
            tuple(scores.get("warnings", ())),
            targets=tuple(np.asarray(anchor.target, np.float32) for anchor in examples.anchors),
            sources=sources,
        )
    finally:
        engine.close()


def arranged(frames: np.ndarray, taught: Sequence[str], given: Sequence[str]) -> np.ndarray:
    """Frames [n, taught dims] as the node gets them, [n, given dims]; a dimension that was not taught rests at 0."""
    found = np.zeros((len(frames), len(given)), np.float32)
    for number, name in enumerate(given):
        if name in taught:
            found[:, number] = frames[:, list(taught).index(name)]
    return found


def _answer(node: Any, step: Step, opened: Opened) -> Callable[[np.ndarray], np.ndarray]:
    """What the node makes of gestures [n, dims]: targets [n, targets], each gesture by itself."""
    values = step.values(opened.assets.patch_folder)
    live = {param.name: values[param.name] for param in step.spec.params if param.live}

    def answer(gestures: np.ndarray) -> np.ndarray:
        block = Block(STEP * len(gestures))
        made: np.ndarray = node.process(block, **{GESTURE: gestures.T.astype(np.float32), **live})[PREDICTION]
        return made.T

    return answer
