"""Nodes that fail: who it was, and what is heard in their place (mute, hold, bypass) until they work again."""

from __future__ import annotations

import inspect
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from runtime.messages import NodeFailed
from runtime.node import Block
from runtime.plan import Step
from runtime.program import LEAVING, LOUDEST, Program
from runtime.spec import PortType

FADE = 0.005
"""Seconds in which a failed node falls silent: too short to be missed, too long to click."""


Process = Callable[..., dict[str, Any]]


def stand_in(step: Step, process: Process, last: Mapping[str, Any], sample_rate: int) -> Process:
    """A `process` in place of a failed node's own, by the step's policy (`runtime.spec.FAULTS`). `last` is what each output gave
    in the last good block; the first block goes on from it without a step."""
    names = list(inspect.signature(process).parameters)[1:]
    through: dict[str, int] = {}
    if step.fault == "bypass":
        for output in step.spec.outputs:
            fitting = [port.name for port in step.spec.inputs if port.type is output.type and not port.many and not port.delayed]
            through |= {output.name: names.index(fitting[0])} if fitting else {}
    tails = {port.name: tail(last[port.name], sample_rate) for port in step.spec.outputs if port.type is PortType.AUDIO}
    silences = {name: np.zeros_like(sound) for name, sound in tails.items()}
    blocks = 0

    def process_instead(block: Block, *arguments: Any) -> dict[str, Any]:
        nonlocal blocks
        made: dict[str, Any] = {}
        for name, value in last.items():
            passing = arguments[through[name]] if name in through else None
            if name in tails:
                if passing is not None:
                    made[name] = passing if blocks else _rise(passing, sample_rate) + tails[name]
                elif step.fault == "hold":
                    made[name] = value if blocks % 2 else np.ascontiguousarray(value[:, ::-1])
                else:
                    made[name] = silences[name] if blocks else tails[name]
            else:
                made[name] = passing if passing is not None and passing.shape == value.shape else value
        blocks += 1
        return made

    return process_instead


def tail(last: np.ndarray, sample_rate: int) -> np.ndarray:
    """A block that goes on from `last` [channels, frames] down to silence. The sound is mirrored at its last sample, upside down,
    so that neither its value nor its slope steps."""
    sound = np.nan_to_num(last, nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
    count = min(max(round(FADE * sample_rate), 1), last.shape[1] - 1)
    fade = np.zeros(last.shape, np.float32)
    window = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, count + 1, dtype=np.float32) / count)
    fade[:, :count] = (2.0 * sound[:, -1:] - sound[:, -2 : -2 - count : -1]) * window
    return fade


def _rise(sound: np.ndarray, sample_rate: int) -> np.ndarray:
    count = min(max(round(FADE * sample_rate), 1), sound.shape[1])
    curve = np.ones(sound.shape[1], np.float32)
    curve[:count] = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, count + 1, dtype=np.float32) / count)
    return sound * curve


def returning(
    process: Callable[..., Any], instead: Callable[..., Any], done: Callable[[], None]
) -> Callable[..., dict[str, Any]]:
    """The node's own `process` again; in its first block what stood in for it fades out. `done` is called after that block."""

    def back(block: Block, *arguments: Any) -> dict[str, Any]:
        made, former = process(block, *arguments), instead(block, *arguments)
        rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, block.frames + 1, dtype=np.float32) / block.frames)
        mixed = {}
        for name, value in made.items():
            old = former.get(name)
            sound = getattr(value, "ndim", 0) == 2 and value.shape[1] == block.frames and value.dtype == np.float32
            mixed[name] = old + (value - old) * rise if sound and old is not None and len(old) == len(value) else value
        done()
        return mixed

    return back


class Faults:
    """The failed nodes of an engine. Only the rendering thread uses it; any thread may read `failed` and `events`."""

    def __init__(self, sample_rate: int) -> None:
        self.events: deque[NodeFailed] = deque(maxlen=1000)
        self.failed: dict[str, NodeFailed] = {}
        self._sample_rate = sample_rate
        self._instead: dict[str, Process] = {}
        self._back: list[tuple[str, Process]] = []

    def fail(self, program: Program, block: Block, node: str, words: str) -> None:
        """From this block on something stands in for the node; the values of its last good block must be in place."""
        failure = NodeFailed(node, words, block.start)
        if not node.endswith(LEAVING):
            self.events.append(failure)
        instance, call = program.instances[node], program.calls[node]
        last = {name: program.values[slot] for name, slot, _, _ in call[-1]}
        self.failed[node] = failure
        instead = self._instead[node] = stand_in(instance.step, instance.node.process, last, self._sample_rate)
        for name, value in instead(block, *call[6](program.values)).items():
            program.values[program.outputs[node, name]] = value
        self.choose(program)

    def repair(self, program: Program, block: Block, node: str) -> None:
        """Finds who gave what is not finite: the node itself, or one before it whose output only pure nodes have read since.
        Something stands in for the culprit, and the pure nodes behind it compute this block again, so that the rest goes on."""
        mended = False
        for name in _suspects(program, node):
            _, _, process, gathers, _, _, arguments, outputs = program.calls[name]
            if mended and program.instances[name].step.spec.pure and name not in self.failed:
                for place, gather in gathers:
                    program.values[place] = gather(program.values)
                made = process(block, *arguments(program.values))
                for output, place, _, _ in outputs:
                    program.values[place] = made[output]
            wrong = [output for output, place, frames, _ in outputs if frames != 0 and _is_broken(program.values[place], frames)]
            if wrong:
                for _, place, _, _ in outputs:
                    program.values[place] = program.before[place]
                self.fail(program, block, name, f"{wrong[0]} is not finite, or a million times too loud")
                mended = True

    def revive(self, program: Program, node: str) -> None:
        """Lets the node play again; what stood in for it fades out during its first block."""
        self.failed.pop(node, None)
        instead = self._instead.pop(node, None)
        if instead is not None and node in program.calls:
            back = returning(program.calls[node][2], instead, lambda: self._back.append((node, back)))
            self._instead[node] = back
            self.choose(program)

    def choose(self, program: Program) -> None:
        """What runs: each node's own call, or what stands in for a failed one."""
        for node, back in self._back:
            if self._instead.get(node) is back:
                del self._instead[node]
        self._back.clear()
        program.running = tuple(
            (*call[:2], self._instead[name], *call[3:]) if name in self._instead else call for name, call in program.calls.items()
        )

    @property
    def is_settled(self) -> bool:
        """False while a node that came back still runs through what faded it in."""
        return not self._back

    def follow(self, names: Mapping[str, str]) -> None:
        """Goes over to another program; `names` maps its nodes to what they were called before."""
        self.failed = {name: self.failed[was] for name, was in names.items() if was in self.failed}
        self._instead = {name: self._instead[was] for name, was in names.items() if was in self._instead}


def _suspects(program: Program, node: str) -> list[str]:
    """The node and all that lead to it through outputs that are not searched for NaN, in playing order."""
    unsearched = {name for name, call in program.calls.items() if any(output[3] == 0 for output in call[-1])}
    found, waiting = {node}, [node]
    while waiting:
        step = program.instances[waiting.pop()].step
        more = {source for sources in step.inputs.values() for source, _ in sources} & unsearched - found
        found |= more
        waiting += more
    return [name for name in program.calls if name in found]


def _is_broken(value: np.ndarray, frames: int | None) -> bool:
    """Whether AUDIO of so many frames, or CONTROL (None), holds what no ear and no node should get."""
    flat = value.ravel()
    return not float(flat.dot(flat)) < (LOUDEST if frames else math.inf)
