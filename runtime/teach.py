"""Teaches a regressor from the command line: the gestures that the patch itself gives, between two seconds, mean a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from runtime.engine import Engine
from runtime.errors import NodeError
from runtime.node import STEP
from runtime.plan import Source, Step
from runtime.teaching import can_be_taught, change
from runtime.terminal.open import Opened

RATE = 30.0
"""Gestures recorded in a second: as many as a camera gives; the 689 of the patch's clock would only slow down learning."""


def teach_anchor(opened: Opened, node: str, anchor: str, target: Mapping[str, float], start: float, end: float) -> str:
    """Records the node's gesture from second `start` to `end` as an anchor, trains, and keeps both beside the patch. Gives the
    scores in words. Raises NodeError where nothing can be recorded; what was taught before then stays as it was."""
    frames, names = record(opened, _teachable(opened, node), start, end)
    return teach_frames(opened, node, anchor, target, frames, names)


def teach_frames(
    opened: Opened, node: str, anchor: str, target: Mapping[str, float], frames: np.ndarray, names: tuple[str, ...]
) -> str:
    """The same from gestures float32 [n, dims] with those names, wherever they were recorded."""
    return _learn(opened, node, lambda taught: taught.add(anchor, target, frames, names))


def forget(opened: Opened, node: str, anchor: str) -> str:
    """Removes an anchor and trains again. Raises NodeError where there is none of that name."""
    return _learn(opened, node, lambda taught: taught.remove(anchor))


def forget_all(opened: Opened, node: str) -> str:
    """Removes every anchor."""
    return _learn(opened, node, lambda taught: taught.clear())


def tell(opened: Opened, node: str) -> str:
    """The anchors and the scores in words."""
    taught: Any = _teachable(opened, node).cls()
    taught.load(opened.assets.node(node))
    words: str = taught.describe()
    return words


def record(opened: Opened, step: Step, start: float, end: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """The gestures float32 [n, dims] that reach the node between two seconds, and the names of the dimensions: RATE of them in a
    second, and a gesture that lasts only once."""
    source = _source(step)
    plan = opened.plan.behind(source[0])
    engine = Engine(opened.plan.settings, opened.assets)
    try:
        problems = engine.load(plan)
        if problems:
            raise NodeError("\n".join(map(str, problems)))
        found = []
        while engine.frame < end * engine.sample_rate:
            heard = engine.frame >= start * engine.sample_rate
            engine.render()
            if engine.events:
                raise NodeError(str(engine.events[0]))
            if heard:
                found.append(engine.value(*source).T.copy())
        if not found:
            raise NodeError(f"{step.node}: between second {start:g} and {end:g} lies not one block; take more time")
        frames = np.concatenate(found)[:: max(round(engine.sample_rate / STEP / RATE), 1)]
        changes = np.r_[True, (frames[1:] != frames[:-1]).any(axis=1)]
        return frames[changes], engine.names(*source)
    finally:
        engine.close()


def _teachable(opened: Opened, node: str) -> Step:
    step = opened.plan.steps[node]
    if not can_be_taught(step.spec):
        raise NodeError(f"{node}: a {step.spec.title} cannot be taught; name a Regressor")
    return step


def _source(step: Step) -> Source:
    sources = step.inputs.get("gesture", ())
    if not sources:
        raise NodeError(f"{step.node}: no gesture reaches it; lead a control signal to its gesture input")
    return sources[0]


def _learn(opened: Opened, node: str, changed: Callable[[Any], Mapping[str, Any]]) -> str:
    step, folder = _teachable(opened, node), opened.assets.node(node)
    engine = Engine(opened.plan.settings, opened.assets)
    try:
        with opened.assets.lock_taught(node, "teach"):
            taught = change(step, folder, changed)
            # Preparing the node within its patch trains it with the patch's own params and seed, exactly as a performance will.
            engine.load(opened.plan.behind(node))
            playing: Any = engine.instance(node)
            if playing is not None:  # it is None where other parts of the patch cannot run: training waits until they can
                playing.save(folder)
        words: str = (playing or taught).describe()
        return words
    finally:
        engine.close()
