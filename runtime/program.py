"""A loaded plan, flattened for the engine: all values of a block in one list, and for each node where its own lie in it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from runtime.modes import switched_off
from runtime.node import STEP, Stream, StreamNode
from runtime.plan import Source, Step
from runtime.spec import Port, PortType

Getter = Callable[[list[Any]], Any]
LOUDEST = 1e12
"""Sum of squares of a block above which a sound counts as broken: one sample a million times too loud is no music but an
unstable filter."""

LEAVING = "~"
"""Marks a node of the program before, where two are joined; no node's name may hold it."""

Output = tuple[str, int, int | None, float]
"""(name, place, the frames that AUDIO must have or None for CONTROL or 0 for pictures, sum of squares that counts as broken or
0 where it is not computed)."""
Gathers = tuple[tuple[int, Getter], ...]
Call = tuple[int, str, Callable[..., dict[str, Any]], Gathers, int | None, int | None, Getter, tuple[Output, ...]]
"""(number, node, process, tuples to gather for inputs of many links, the places of one or two arguments, which picks any
number of arguments, outputs). Nodes of one or two arguments are called without building a tuple."""


@dataclass
class Instance:
    """A prepared node: the step it was made from, what identifies it (an unchanged one is kept), its names and its latency."""

    step: Step
    node: StreamNode
    key: tuple[Any, ...]
    stream: Stream


@dataclass(frozen=True)
class Join:
    """An input whose links change: what led to it before, and how old and new value mix. `late`: the old ones are read a block
    late, where they would close a loop."""

    sources: tuple[Source, ...]
    mix: Callable[[Any, Any], Any]
    late: bool = False


@dataclass
class Program:
    """The values of a block, and where they lie: `outputs`, `inputs` and `params` map (node, name) to a place in `values`.

    `running` are the calls of one block in order, `calls` the same by node, failed ones included. `delays` are copied from
    place to place at the end of each block. `before` holds each output's last block while the new one is not yet checked.
    """

    instances: dict[str, Instance]
    values: list[Any] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    outputs: dict[Source, int] = field(default_factory=dict)
    inputs: dict[tuple[str, str], int] = field(default_factory=dict)
    params: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    running: tuple[Call, ...] = ()
    delays: list[tuple[int, int]] = field(default_factory=list)


def flatten(
    program: Program,
    block: int,
    folder: Path,
    joins: Mapping[tuple[str, str], Join] = MappingProxyType({}),
    wraps: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = MappingProxyType({}),
) -> None:
    """Gives each value a place and each node its call. `program.instances` must be in playing order; `folder` is the patch's.
    `joins` are the (node, input) that change their links, `wraps` what is put around the `process` of a node."""
    for name, instance in program.instances.items():
        for port in instance.step.spec.outputs:
            dims = len(instance.stream.output_names.get(port.name, ()))
            program.outputs[name, port.name] = _place(program, silence(port.type, dims, block))
    checks = {PortType.AUDIO: (block, LOUDEST), PortType.CONTROL: (None, math.inf), PortType.IMAGE: (0, 0.0)}
    searched = set(program.outputs) if joins or wraps else _searched(program)
    for name, instance in program.instances.items():
        gathers = _place_inputs(program, name, instance.step, block, joins)
        values = instance.step.values(folder)
        for param in instance.step.spec.params:
            if param.live:
                program.params[name, param.name] = _place(program, values[param.name])
        places = [
            program.inputs[name, argument] if (name, argument) in program.inputs else program.params[name, argument]
            for argument in list(inspect.signature(instance.node.process).parameters)[1:]
        ]
        outputs = tuple(
            (p.name, program.outputs[name, p.name], frames, bound if (name, p.name) in searched else 0.0)
            for p in instance.step.spec.outputs
            for frames, bound in [checks[p.type]]
        )
        one, two = (*places, None, None)[:2] if 1 <= len(places) <= 2 else (None, None)
        number = len(program.calls)
        process = instance.node.process
        if instance.step.mode:
            slots = {port.name: program.outputs[name, port.name] for port in instance.step.spec.outputs}
            process = switched_off(instance.step, process, program.values, slots)
        process = wraps[name](process) if name in wraps else process
        program.calls[name] = (number, name, process, gathers, one, two, _getter(places), outputs)
    program.running = tuple(program.calls.values())
    program.before = list(program.values)


def latency_between(program: Program, source: str) -> int | None:
    """Frames that the nodes between a source and the loudspeakers add, on the longest way; None where none leads there."""
    reached: dict[str, int] = {source: 0}
    heard: list[int] = []
    for name, instance in program.instances.items():
        behind = [reached[s] for found in instance.step.inputs.values() for s, _ in found if s in reached]
        if behind:
            reached[name] = max(behind) + (0 if instance.step.mode else instance.stream.latency)
        if name in reached and not instance.step.spec.outputs:
            heard.append(reached[name])
    return max(heard, default=None)


def _searched(program: Program) -> set[Source]:
    """The outputs that are searched for NaN in every block: all but those that only pure nodes read. What goes wrong before
    a pure node is found behind it in the same block, before it reaches a node that could keep it, or a loudspeaker."""
    readers: dict[Source, list[bool]] = {source: [] for source in program.outputs}
    for instance in program.instances.values():
        for port in instance.step.spec.inputs:
            for source in instance.step.inputs[port.name]:
                if source in readers:
                    readers[source].append(instance.step.spec.pure and not port.delayed)
    return {source for source, pure in readers.items() if not pure or not all(pure)}


def _place(program: Program, value: Any) -> int:
    program.values.append(value)
    return len(program.values) - 1


def _place_inputs(
    program: Program, name: str, step: Step, block: int, joins: Mapping[tuple[str, str], Join]
) -> tuple[tuple[int, Getter], ...]:
    """Where each stream input is read: at its source's place, or at one of its own if it is gathered, joined, delayed or open."""
    gathers: list[tuple[int, Getter]] = []
    for port in step.spec.inputs:
        if not port.type.is_stream:
            continue
        found = _places(program, step.inputs[port.name], port, block)
        join = joins.get((name, port.name))
        if join is not None:
            was = _places(program, join.sources, port, block, late=join.late)
            place = _place(program, () if port.many else None)
            gathers.append((place, (_joined_many if port.many else _joined)(was, found, join.mix)))
        elif port.many:
            place = _place(program, ())
            gathers.append((place, _getter(found)))
        elif port.delayed and not found:
            place = _place(program, silence(port.type, 1, block))
        else:
            place = found[0] if found else _place(program, None)
        program.inputs[name, port.name] = place
    return tuple(gathers)


def _places(program: Program, sources: Iterable[Source], port: Port, block: int, late: bool = False) -> list[int]:
    """Where the values of these sources are read; for a delayed port, or late ones, at places that are filled a block later."""
    found = [program.outputs[source] for source in sources if source in program.outputs]
    if not (port.delayed or late):
        return found
    copies = []
    for place in found:
        copies.append(_place(program, program.values[place]))
        program.delays.append((place, copies[-1]))
    return copies


def _joined(was: list[int], now: list[int], mix: Callable[[Any, Any], Any]) -> Getter:
    one, two = was[0] if was else None, now[0] if now else None

    def gather(values: list[Any]) -> Any:
        return mix(None if one is None else values[one], None if two is None else values[two])

    return gather


def _joined_many(was: list[int], now: list[int], mix: Callable[[Any, Any], Any]) -> Getter:
    """Those that stay as they are, those that leave or come mixed with nothing."""
    stay, gone, come = [p for p in now if p in was], [p for p in was if p not in now], [p for p in now if p not in was]

    def gather(values: list[Any]) -> tuple[Any, ...]:
        return (
            *(values[p] for p in stay),
            *(mix(values[p], None) for p in gone),
            *(mix(None, values[p]) for p in come),
        )

    return gather


def silence(kind: PortType, dims: int, block: int) -> Any:
    """What a stream holds before anything has played: silence, zeros, a black picture."""
    if kind is PortType.AUDIO:
        return np.zeros((1, block), np.float32)
    if kind is PortType.CONTROL:
        return np.zeros((max(dims, 1), max(block // STEP, 1)), np.float32)
    return np.zeros((1, 1, 3), np.uint8)


def _getter(places: list[int]) -> Getter:
    """Picks places out of the values in C; gives a sequence, whatever their number."""
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0, 0))
