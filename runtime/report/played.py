"""A performance rendered to be examined: its sound, its control signals, and the gestures that steer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runtime.engine import Engine
from runtime.messages import NodeFailed, Problem
from runtime.node import Block, Stream, StreamNode
from runtime.patch import Node
from runtime.picture import Curves
from runtime.plan import Source, Step, compile_patch
from runtime.registry import Registry
from runtime.render import plays
from runtime.report import checks, heard
from runtime.report.checks import Coverage, Lag
from runtime.spec import NodeSpec, Port, PortType
from runtime.teaching import GESTURE, PREDICTION, can_be_taught
from runtime.terminal.open import Opened

LONGEST_LAG = 0.4
"""Seconds up to which the sound may lag behind the gesture; errors of players grow above 0.12."""
SETTLE, HEARD = 0.75, 1.0
"""Seconds that a held target plays before it is listened to, and for which it is."""
VISITS = 3
"""How often each anchor is heard, in turn with the others, so that what came before differs."""
NOISES = ("on", "seeded", "zero")
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Space:
    """A performance space: the control signal with which the artist steers. `values` is [steps, dims], `lag` tells how well the
    sound follows it."""

    node: str
    output: str
    title: str
    names: tuple[str, ...]
    values: np.ndarray
    effective: int
    lag: Lag | None


@dataclass(frozen=True)
class Performance:
    """What a render gave. `step` is seconds per step of the curves, one block."""

    curves: Curves
    sound: np.ndarray
    sample_rate: int
    step: float
    problems: tuple[Problem, ...]
    failures: tuple[NodeFailed, ...]
    spaces: tuple[Space, ...]
    supports: Mapping[str, np.ndarray]
    """How far the gesture was from what each taught node knows, per step; above 1 is outside."""

    @property
    def seconds(self) -> float:
        return len(self.sound) / self.sample_rate

    @property
    def is_silent(self) -> bool:
        return not len(self.sound) or float(np.abs(self.sound).max()) < 1e-4


def play(opened: Opened, seconds: float, progress: Progress, keep: Callable[[np.ndarray], None]) -> Performance:
    """Renders so many seconds; `keep` gets each block [channels, frames] of the sound."""
    engine = Engine(opened.plan.settings, opened.assets)
    try:
        problems = engine.load(opened.plan)
        curves = Curves(engine)
        total = round(seconds * engine.sample_rate)
        while engine.frame < total:
            left = total - engine.frame
            block = engine.render()[:, :left]
            curves.take(block)
            keep(block.copy())
            progress(min(engine.frame / total, 1.0))
        failures = tuple(engine.events)
        playing = [step for step in opened.plan.streams if engine.instance(step.node) is not None]
    finally:
        problems = [*problems, *engine.close()]
    sound = np.concatenate(curves.sound) if curves.sound else np.zeros(0, np.float32)
    step = engine.block / engine.sample_rate
    described = heard.descriptors(sound, engine.sample_rate, engine.block)
    values = {port: np.array(found)[: len(described)] for port, found in curves.values.items()}
    spaces = tuple(
        Space(
            node,
            output,
            opened.plan.steps[node].spec.title,
            curves.names[node, output],
            values[node, output],
            checks.effective_dims(values[node, output]),
            _lag(values[node, output], described, step),
        )
        for node, output in sources_of(playing)
        if (node, output) in values
    )
    supports = {
        one.node: values[one.node, "support"][:, 0]
        for one in playing
        if can_be_taught(one.spec) and (one.node, "support") in values
    }
    return Performance(curves, sound, engine.sample_rate, step, tuple(problems), failures, spaces, supports)


def sources_of(playing: Sequence[Step]) -> list[Source]:
    """The control signals with which a patch is steered: those that reach what was taught; where nothing was, those that are made
    of no other control signal (a tracker, a slider, an encoder that listens)."""
    taught = [source for step in playing if can_be_taught(step.spec) for source in step.inputs.get(GESTURE, ())]
    if taught:
        return list(dict.fromkeys(taught))
    return [
        (step.node, port.name)
        for step in playing
        for port in step.spec.outputs
        if port.type is PortType.CONTROL
        and not any(step.inputs.get(taken.name) for taken in step.spec.inputs if taken.type is PortType.CONTROL)
    ]


def _lag(gesture: np.ndarray, sound: np.ndarray, step: float) -> Lag | None:
    if not len(sound):
        return None
    lags = range(int(LONGEST_LAG / step) + 1)
    return checks.causality(gesture, sound, lags, step)


@dataclass(frozen=True)
class Repeats:
    """How alike an anchor sounds each time, by what fills the model's noise: 0 is the same, 1 as different as another anchor's
    sound; None where it could not be heard, with the reason in `reasons`."""

    node: str
    anchors: int
    by_noise: Mapping[str, float | None]
    reasons: Mapping[str, str]


def repeats(opened: Opened, node: str, targets: Sequence[np.ndarray], progress: Progress) -> Repeats | None:
    """Holds each of the node's targets float32 [dims] VISITS times in turn and listens, with each kind of noise. None with fewer
    than two targets, or where nothing that plays has a choice of noise."""
    noisy = [step.node for step in opened.plan.streams if _has_noise(step)]
    if len(targets) < 2 or not noisy:
        return None
    found: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for number, noise in enumerate(NOISES):

        def told(fraction: float, number: int = number) -> None:
            progress((number + fraction) / len(NOISES))

        renders = _visit(without_gesture(opened, node, len(targets[0]), dict.fromkeys(noisy, noise)), node, targets, told)
        if isinstance(renders, str):
            reasons[noise] = renders
            found[noise] = None
        else:
            found[noise] = checks.repeatability(renders)
    return Repeats(node, len(targets), found, reasons)


def without_gesture(opened: Opened, node: str, dims: int, noises: Mapping[str, str]) -> Opened:
    """The patch with something silent in place of a taught node, whose prediction of `dims` dimensions can be held; without what
    only fed it (cameras and trackers take most of the time), and with the noise of each named node as told."""
    patch = opened.patch
    for name, noise in noises.items():
        patch = patch.with_param(name, "noise", noise)
    registry = Registry(dict(opened.registry.nodes), dict(opened.registry.aliases))
    registry.add(type("Stand", (_Stand,), {"dims": dims}))
    patch = patch.with_node(node, Node(_Stand.spec.type))
    for link in patch.links:
        if link.ends()[2] == node:
            patch = patch.without_link(link.source, link.target)
    plan = compile_patch(patch, registry, opened.assets.patch_folder)
    heard_of = {step.node for one in plan.streams if plays(one) for step in plan.behind(one.node).streams}
    return replace(opened, plan=replace(plan, streams=tuple(step for step in plan.streams if step.node in heard_of)))


class _Stand(StreamNode):
    """Stands in for a taught node while its prediction is held."""

    spec = NodeSpec(
        type="report.stand",
        title="Stand-in",
        outputs=(Port(PREDICTION, PortType.CONTROL), Port("support", PortType.CONTROL)),
    )
    dims = 1

    def prepare(self, stream: Stream) -> None:
        stream.name(PREDICTION, [str(number) for number in range(self.dims)])
        stream.name("support", ("support",))

    def process(self, block: Block) -> dict[str, np.ndarray]:
        return {
            PREDICTION: np.zeros((self.dims, block.steps), np.float32),
            "support": np.zeros((1, block.steps), np.float32),
        }


def _visit(opened: Opened, node: str, targets: Sequence[np.ndarray], progress: Progress) -> list[np.ndarray] | str:
    """For each target the descriptors [VISITS, features] of what it sounds like; or why it cannot be heard."""
    engine = Engine(opened.plan.settings, opened.assets)
    try:
        problems = engine.load(opened.plan)
        if problems:
            return problems[0].message
        settle, listen = (max(round(s * engine.sample_rate / engine.block), 1) for s in (SETTLE, HEARD))
        found: list[list[np.ndarray]] = [[] for _ in targets]
        generator = np.random.default_rng(0)
        for visit in range(VISITS):
            for place, number in enumerate(generator.permutation(len(targets))):
                engine.hold(node, PREDICTION, targets[number])
                for _ in range(settle):
                    engine.render()
                sound = np.concatenate([engine.render().mean(axis=0) for _ in range(listen)])
                found[number].append(heard.passages(sound, engine.sample_rate, len(sound) / engine.sample_rate)[0])
                progress((visit + (place + 1) / len(targets)) / VISITS)
        return str(engine.events[0]) if engine.events else [np.array(visits) for visits in found]
    finally:
        engine.close()


def _has_noise(step: Step) -> bool:
    param: Any = step.spec.param("noise")
    return param is not None and set(NOISES) <= set(getattr(param, "choices", ()))


def covered(performance: Performance, corpus: np.ndarray) -> Coverage | None:
    """How far the performance's sound is from the corpus's passages [n, features]."""
    return checks.coverage(heard.passages(performance.sound, performance.sample_rate), corpus)
