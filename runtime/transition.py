"""From one program to the next without a click: for a short while both play, each kept node once, and what changed crossfades."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np

from runtime.faults import tail
from runtime.node import STEP, Block
from runtime.plan import Source
from runtime.program import LEAVING, Instance, Join, Program, flatten
from runtime.spec import Port, PortType

SHORTEST = 512
"""Frames of the shortest crossfade: over 512 frames a raised cosine bends a sound less than the sound bends itself."""


class Fade:
    """Where a crossfade is. `curve` float32 [frames] rises from 0 (the old) to 1 (the new) over all its blocks; `steps` are its
    values at the CONTROL steps."""

    def __init__(self, frames: int, block: int) -> None:
        self._from, self._total, self._done = 0.0, max(frames, SHORTEST), 0
        self._count = np.arange(1, block + 1, dtype=np.float64)
        self.curve = np.zeros(block, np.float32)
        self.steps = self.curve[::STEP]

    @property
    def over(self) -> bool:
        return self._done >= self._total

    def next(self) -> None:
        """Moves on by one block."""
        part = np.minimum((self._done + self._count) / self._total, 1.0)
        self.curve[:] = self._from + (1.0 - self._from) * (0.5 - 0.5 * np.cos(np.pi * part))
        self._done += len(self._count)

    def hurry(self) -> bool:
        """Comes to an end as soon as it can without a click; False where it does so anyway."""
        if self._total - self._done <= SHORTEST:
            return False
        self._from, self._total, self._done = float(self.curve[-1]), SHORTEST, 0
        return True


@dataclass
class Swap:
    """A loaded program that waits for its turn, joined with the one before it (None: nothing changes that could be heard)."""

    program: Program
    joined: Program | None
    fade: Fade
    note: Any


def is_heard(old: Program, new: Program) -> bool:
    """Whether a change from one program to the other could be heard as more than gliding params."""
    if not old.instances:
        return False
    if {name: one.node for name, one in old.instances.items()} != {name: one.node for name, one in new.instances.items()}:
        return True
    before = {name: (one.step.inputs, one.step.mode) for name, one in old.instances.items()}
    return any((one.step.inputs, one.step.mode) != before[name] for name, one in new.instances.items())


def joined(old: Program, new: Program, fade: Fade, block: int, sample_rate: int, folder: Path) -> Program:
    """Both programs as one. Nodes that both share run once, with inputs that crossfade where their links changed; nodes of `old`
    that leave go on under their name with LEAVING, and what they play to the loudspeakers fades out;
    what new ones play fades in."""
    both = {name: (one, old.instances[name]) for name, one in new.instances.items() if name in old.instances}
    stay = {name for name, (now, was) in both.items() if now.node is was.node and now.step.mode == was.step.mode}
    instances, joins = _union(old, new, fade, stay)
    order = _order(instances, joins)
    if order is None:  # the way round was turned. Nodes that keep nothing can play on both ways at once
        twice = {name for name, _ in joins if new.instances[name].step.spec.pure}
        instances, joins = _union(old, new, fade, stay - twice)
        order = _order(instances, joins)
    if order is None:  # no node can run before itself: what is old ends in a short tail
        joins = {key: replace(join, late=True, mix=_after_tail(join.mix, sample_rate)) for key, join in joins.items()}
        order = _order(instances, joins) or list(instances)
    program = Program({name: instances[name] for name in order})
    fading = {
        name: _fading(fade, rising=not name.endswith(LEAVING)) for name in order if name.endswith(LEAVING) or name not in stay
    }
    flatten(program, block, folder, joins, fading)
    return program


def _union(
    old: Program, new: Program, fade: Fade, stay: Collection[str]
) -> tuple[dict[str, Instance], dict[tuple[str, str], Join]]:
    """All nodes of both, those that do not `stay` with LEAVING; and the inputs of those that stay whose links change."""

    def formerly(source: Source) -> Source:
        return source if source[0] in stay else (source[0] + LEAVING, source[1])

    instances: dict[str, Instance] = {}
    for name, one in old.instances.items():
        if name not in stay:
            inputs = {port: tuple(map(formerly, found)) for port, found in one.step.inputs.items()}
            instances[name + LEAVING] = replace(one, step=replace(one.step, inputs=inputs))
    instances |= new.instances
    joins: dict[tuple[str, str], Join] = {}
    for name in stay:
        before, after = old.instances[name].step, new.instances[name].step
        for port in after.spec.inputs:
            if not port.type.is_stream or port.type is PortType.IMAGE:
                continue
            was = tuple(formerly(s) for s in before.inputs[port.name] if s[0] in old.instances)
            now = tuple(s for s in after.inputs[port.name] if s[0] in new.instances)
            if was != now:
                joins[name, port.name] = Join(was, crossfading(fade, port))
    return instances, joins


def _order(instances: Mapping[str, Instance], joins: Mapping[tuple[str, str], Join]) -> list[str] | None:
    needs: dict[str, set[str]] = {}
    for name, one in instances.items():
        needs[name] = {
            source
            for port in one.step.spec.inputs
            if port.type.is_stream and not port.delayed
            for source, _ in (*one.step.inputs[port.name], *_formerly(joins.get((name, port.name))))
            if source in instances
        }
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError:
        return None


def _formerly(join: Join | None) -> tuple[Source, ...]:
    return join.sources if join and not join.late else ()


def crossfading(fade: Fade, port: Port) -> Callable[[Any, Any], Any]:
    """A function (old value, new value) -> what an input of that type gets while the fade lasts. None is an open input."""

    def between(old: Any, new: Any) -> Any:
        curve = fade.curve if port.type is PortType.AUDIO else fade.steps
        if old is None and new is None:
            return None
        if old is None:
            return new * curve if port.type is PortType.AUDIO else new
        if new is None:
            return old * (1.0 - curve)
        if len(old) != len(new) and 1 not in (len(old), len(new)):
            widest = max(len(old), len(new))
            old, new = _wide(old, widest), _wide(new, widest)
        return old + (new - old) * curve

    return between


def _after_tail(mix: Callable[[Any, Any], Any], sample_rate: int) -> Callable[[Any, Any], Any]:
    """Like `mix`, but the old value is that of the last block, and ends in a tail."""
    blocks = 0

    def between(old: Any, new: Any) -> Any:
        nonlocal blocks
        blocks += 1
        silent = None if old is None or old.shape[1] < 2 else np.zeros_like(old)
        ending = mix(silent, new)
        if blocks > 1 or silent is None:
            return ending
        return ending + tail(old, sample_rate)

    return between


def _wide(value: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([value, np.zeros((rows - len(value), value.shape[1]), np.float32)])


def _fading(fade: Fade, rising: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wraps a `process` so that what it plays to the loudspeakers fades in or out."""

    def wrap(process: Callable[..., Any]) -> Callable[..., Any]:
        def faded(block: Block, *arguments: Any) -> Any:
            before = len(block.master)
            made = process(block, *arguments)
            for place in range(before, len(block.master)):
                block.master[place] = block.master[place] * (fade.curve if rising else 1.0 - fade.curve)
            return made

        return faded

    return wrap


def carry(old: Program, new: Program, names: Mapping[str, str]) -> None:
    """Copies what nodes gave last, and what delayed inputs hold, from one program's places to the other's. `names` maps nodes of
    `new` to nodes of `old`."""
    for name, former in names.items():
        spec = new.instances[name].step.spec
        for port in spec.outputs:
            new.values[new.outputs[name, port.name]] = old.values[old.outputs[former, port.name]]
    for source, target in new.delays:
        new.values[target] = new.values[source]
