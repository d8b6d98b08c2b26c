"""Plays a take again, offline: the same engine gets the same events before the same blocks, so every sample is the same."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import Artifact, Assets, fingerprint
from runtime.engine import Engine
from runtime.errors import NodeError
from runtime.feed import Feed, inside
from runtime.jobs import flush_denormals
from runtime.messages import NodeFailed, Problem
from runtime.node import STEP
from runtime.patch import Patch, load, loads
from runtime.plan import Plan, compile_patch
from runtime.registry import Registry, discover
from runtime.render import write_sound
from runtime.spec import PortType
from runtime.subpatch import flattened
from runtime.takes.take import Take, heard, patch_of
from runtime.teach import RATE, teach_frames
from runtime.terminal.open import NODES, open_patch

CHANNELS = 2


@dataclass(frozen=True)
class Changes:
    """What shall be otherwise: another patch, params ("node.param": text), models (node: .ts file), the speed of the gestures."""

    patch: Path | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)
    speed: float = 1.0

    def __bool__(self) -> bool:
        return bool(self.patch or self.params or self.models or self.speed != 1.0)


@dataclass(frozen=True)
class Replayed:
    """`same`: whether every sample is that of the take; None where it need not be (changes) or cannot be known (cut short)."""

    same: bool | None
    verdict: str
    frames: int
    sha256: str
    problems: tuple[Problem | NodeFailed, ...]


class Replay:
    """A take being played again, block by block. One thread."""

    def __init__(self, take: Take, changes: Changes | None = None) -> None:
        """Raises NodeError where the patch of the take is not to be found, PatchError where one is none."""
        self.take, self._changes = take, changes or Changes()
        found = self._changes.patch or patch_of(take)
        if found is None:
            name = take.header.get("patch", "")
            raise NodeError(f"the take was played from {name}, which is in no folder above it; say where it is with --patch")
        self.path = found
        self._registry: Registry = discover(NODES)
        self._assets = OtherModels(self.path, self._changes.models)
        self._taught: dict[str, str] = {}
        self._feeds: dict[str, Feed] = {}
        self._waiting = deque(take.events)
        self.problems: list[Problem | NodeFailed] = []
        settings = take.header["settings"]
        self.plan: Plan | None = None
        self.engine = Engine(settings, self._assets, channels=CHANNELS, taught=self._folder)
        last = take.events[-1].block + 1 if take.events else 0
        ends = take.first + take.blocks if take.frames else last
        self.first, self.ends = int(take.first / self._changes.speed), int(ends / self._changes.speed)
        flush_denormals()  # as the engine's thread does when live

    def blocks(self) -> Iterator[np.ndarray]:
        """Each block float32 [2, frames], a buffer that the next one overwrites, from the performance's own beginning."""
        listening = heard(self.take) if self._changes.speed == 1.0 else repeat(None)
        while self.engine.blocks < self.ends:
            while self._waiting and int(self._waiting[0].block / self._changes.speed) <= self.engine.blocks:
                event = self._waiting.popleft()
                getattr(self, f"_apply_{event.kind}", lambda data: None)(event.data)
            yield self.engine.render(next(listening))
            while self.engine.events:
                self.problems.append(self.engine.events.popleft())

    def close(self) -> None:
        self.engine.close()

    def _apply_load(self, data: Mapping[str, Any]) -> None:
        if self._changes.patch is not None and self.plan is not None:
            return  # another patch was asked for: the edits of this one mean nothing to it
        patch = loads(data["text"]) if self._changes.patch is None else flattened(load(self._changes.patch), self._registry)
        for node, param, value in data.get("set", ()):
            patch = patch.with_param(node, param, value) if node in patch.nodes else patch
        plan = self._assets.with_models(compile_patch(self._changed(patch), self._registry, self._assets.patch_folder))
        self._taught = dict(data.get("taught", {}))
        feeds: dict[str, Feed] = {}
        for node, outputs in data.get("fed", {}).items():
            if node in plan.steps:
                old, names = self._feeds.get(node), {output: tuple(found) for output, found in outputs.items()}
                kept = old is not None and old.names == names and old.type == plan.steps[node].spec.type
                feeds[node] = old if kept and old is not None else Feed(plan.steps[node].spec, names)
        self._feeds, self.plan = feeds, plan
        self.problems += self.engine.load(inside(plan, feeds), fade=data.get("fade"), renew=tuple(data.get("renew", ())))
        self.engine.tidy()

    def _changed(self, patch: Patch) -> Patch:
        for place, text in self._changes.params.items():
            node, _, param = place.partition(".")
            if node not in patch.nodes:
                raise NodeError(f"{place}: the take's patch has no node {node}")
            try:
                value = json.loads(text)
            except ValueError:
                value = text
            patch = patch.with_param(node, param, value)
        return patch

    def _apply_set(self, data: list[Any]) -> None:
        node, param, value, seconds = data
        if f"{node}.{param}" not in self._changes.params and self.engine.instance(node) is not None:
            self.engine.set_param(node, param, value, seconds)

    def _apply_feed(self, data: list[Any]) -> None:
        node, values = data
        if node in self._feeds:
            self._feeds[node].put({name: np.array(value, np.float32) for name, value in values.items()})

    def _apply_hold(self, data: list[Any]) -> None:
        node, output, value = data
        self.engine.hold(node, output, None if value is None else np.array(value, np.float32))

    def _apply_mute(self, data: list[Any]) -> None:
        self.engine.mute(*data)

    def _apply_revive(self, data: list[Any]) -> None:
        self.engine.revive(*data)

    def _apply_hurry(self, data: list[Any]) -> None:
        self.engine.hurry()

    def _folder(self, node: str) -> Path:
        """Where what a node had been taught at that moment lies."""
        return self.take.path / "taught" / self._taught[node] if node in self._taught else self._assets.node(node)


class OtherModels(Assets):
    """Assets in which some nodes get a model from a file of the artist's."""

    def __init__(self, path: Path, models: Mapping[str, Path]) -> None:
        super().__init__(path)
        self._models = models

    def artifact(self, node: str, output: str) -> Artifact | None:
        if node.endswith("=") and node[:-1] in self._models:
            path = self._models[node[:-1]].resolve()
            if not path.is_file():
                raise NodeError(f"there is no model {path}")
            return Artifact(PortType.MODEL, path, fingerprint(path), {})
        return super().artifact(node, output)

    def with_models(self, plan: Plan) -> Plan:
        """The plan in which the model inputs of those nodes lead to their files."""
        missing = self._models.keys() - plan.steps.keys()
        if missing:
            raise NodeError(f"the take's patch has no node {', '.join(sorted(missing))}")
        return replace(
            plan,
            streams=tuple(
                replace(step, inputs={**step.inputs, "model": ((f"{step.node}=", "model"),)})
                if step.node in self._models
                else step
                for step in plan.streams
            ),
        )


def replay(
    take: Take,
    out: Path | None = None,
    changes: Changes | None = None,
    *,
    progress: Callable[[float], None] = lambda fraction: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Replayed:
    """Plays a take again, into a sound file if one is given, and compares it with what was heard."""
    playing, digest, frames = Replay(take, changes), hashlib.sha256(), 0

    def played() -> Iterator[np.ndarray]:
        nonlocal frames
        for number, sound in enumerate(playing.blocks()):
            progress(min((number + 1) / max(playing.ends, 1), 1.0))
            if stopped():
                return
            if number >= playing.first:
                digest.update(np.ascontiguousarray(sound.T, "<f4").tobytes())
                frames += sound.shape[1]
                yield sound

    try:
        if out is not None:
            write_sound(out, played(), playing.engine.sample_rate, CHANNELS)
        else:
            deque(played(), maxlen=0)
    finally:
        playing.close()
    found = digest.hexdigest()
    if stopped():
        same, verdict = None, "stopped"
    elif changes:
        same, verdict = None, f"played with changes: {frames} frames"
    elif take.end is None:
        same, verdict = None, f"the take was cut short: {frames} frames were played again, up to the cut"
    else:
        same = found == take.end["sha256"]
        verdict = f"every sample is the same: {frames} frames, {found[:12]}" if same else _why_not(take, playing)
    return Replayed(same, verdict, frames, found, tuple(playing.problems))


def _why_not(take: Take, playing: Replay) -> str:
    """The likeliest reason in words."""
    from runtime.artifacts import versions

    assets = Assets(playing.path)
    other = [
        place
        for place, print_ in take.header.get("artifacts", {}).items()
        if (found := assets.artifact(*place.split("."))) is None or found.fingerprint != print_
    ]
    now, then = versions(), take.header.get("versions", {})
    newer = [
        f"{name} {then.get(name)} is now {now.get(name)}" for name in sorted({*now, *then}) if now.get(name) != then.get(name)
    ]
    why = [*(f"{place} is not the one of the take" for place in other), *newer] or [
        "the machine is another, or noise is set to on"
    ]
    return f"NOT the same: {'; '.join(why)}"


def correct(take: Take, node: str, anchor: str, target: Mapping[str, float], at: float, around: float) -> str:
    """Makes an anchor of the gesture that reached a regressor around a moment (seconds of the take's sound), trains, and keeps
    both beside the patch. Gives the scores in words. Raises NodeError."""
    playing = Replay(take)
    found: list[np.ndarray] = []
    names: tuple[str, ...] = ()
    engine = playing.engine
    try:
        start = playing.first * engine.block / engine.sample_rate + at
        if start - around > playing.ends * engine.block / engine.sample_rate:
            raise NodeError(f"the take is over before second {at:g}")
        for _ in playing.blocks():
            now = engine.frame / engine.sample_rate
            if now > start + around:
                break
            if now < start - around:
                continue
            step = playing.plan.steps.get(node) if playing.plan else None
            sources = step.inputs.get("gesture", ()) if step else ()
            if not sources or engine.value(*sources[0]) is None:
                raise NodeError(f"no gesture reaches a node {node} in this take; name one of its regressors")
            names = engine.names(*sources[0])
            found.append(engine.value(*sources[0]).T.copy())
    finally:
        playing.close()
    if not found:
        raise NodeError(f"between second {at - around:g} and {at + around:g} lies not one block; take more around it")
    frames = np.concatenate(found)[:: max(round(engine.sample_rate / STEP / RATE), 1)]
    changes = np.r_[True, (frames[1:] != frames[:-1]).any(axis=1)]
    return teach_frames(open_patch(playing.path), node, anchor, target, frames[changes], names)
