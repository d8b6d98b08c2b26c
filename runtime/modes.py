"""Nodes that the artist has switched off: what a muted or bypassed one gives instead of what it would compute."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from runtime.node import Block
from runtime.plan import Step
from runtime.spec import PortType

Process = Callable[..., dict[str, Any]]


def switched_off(step: Step, process: Process, values: list[Any], places: Mapping[str, int]) -> Process:
    """A `process` in place of a node's own, by the step's mode. A muted node gives silence, its controls and pictures stay where
    they are. A bypassed one lets pass to each output what comes in at its first input of that type, and is mute where there is
    none, nothing comes in, or a control has another number of dimensions. `values[places[output]]` is what an output gave last
    (before it is called for the first time; then its own)."""
    names = list(inspect.signature(process).parameters)[1:]
    through: dict[str, int] = {}
    if step.mode == "bypass":
        for output in step.spec.outputs:
            fitting = [port.name for port in step.spec.inputs if port.type is output.type]
            through |= {output.name: names.index(fitting[0])} if fitting else {}
    rest: dict[str, Any] = {}

    def at_rest(name: str, kind: PortType, block: Block) -> Any:
        if name not in rest:
            last = values[places[name]]
            if kind is PortType.AUDIO:
                last = np.zeros((len(last), block.frames), np.float32)
            elif kind is PortType.CONTROL:
                last = np.repeat(last[:, -1:], block.steps, axis=1)
            rest[name] = last
        return rest[name]

    def process_instead(block: Block, *arguments: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for output in step.spec.outputs:
            name = output.name
            passing = _one(arguments[through[name]], output.type) if name in through else None
            if output.type is PortType.CONTROL and passing is not None and len(passing) != len(values[places[name]]):
                passing = None
            made[name] = at_rest(name, output.type, block) if passing is None else passing
        return made

    return process_instead


def _one(value: Any, kind: PortType) -> Any:
    """What an input of any number of links lets pass: the sum of sounds, the first of anything else."""
    if not isinstance(value, tuple):
        return value
    if not value:
        return None
    return sum(value[1:], value[0]) if kind is PortType.AUDIO else value[0]
