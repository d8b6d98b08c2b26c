"""The engine: node instances and one `render()` per block. A sound card's clock or a for-loop turns the same engine.

One thread renders. `load`, `set_param`, `install` and `revive` may be called from other threads: what they change is applied
between two blocks. Names, sources and params are resolved when a plan is loaded, so that a block costs one flat loop over tuples.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from runtime.artifacts import Artifact, Assets
from runtime.errors import ParamError, in_words
from runtime.master import Master
from runtime.messages import NodeFailed, Problem
from runtime.node import Block, Stream, StreamNode
from runtime.plan import Plan, Step
from runtime.seeds import node_seed
from runtime.spec import FloatParam, PathParam, PortType

RAMP = 0.02
"""Seconds in which a smoothed param glides to its new value: short enough to feel immediate, long enough not to click."""
FADE = 256
"""Frames in which a failed node falls silent (6 ms at 44.1 kHz), or the block where that is shorter."""
LOUDEST = 1e6
"""Mean square above which a sound counts as broken: a thousand times full scale is no music but an unstable filter."""
_FLOAT32 = np.dtype(np.float32)

Gather = tuple[int, tuple[int, ...]]


@dataclass
class Instance:
    """A prepared node: what identifies it (so that an unchanged one is kept), its names and its latency."""

    step: Step
    node: StreamNode
    key: tuple[Any, ...]
    stream: Stream


@dataclass
class Program:
    """A loaded plan, flattened: all values of a block in one list, and for each node where its arguments lie in it."""

    instances: dict[str, Instance]
    order: list[str]
    values: list[Any] = field(default_factory=list)
    outputs: dict[tuple[str, str], int] = field(default_factory=dict)
    inputs: dict[tuple[str, str], int] = field(default_factory=dict)
    params: dict[tuple[str, str], int] = field(default_factory=dict)
    steps: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    delays: list[tuple[int, int]] = field(default_factory=list)
    running: tuple[tuple[Any, ...], ...] = ()
    latency: dict[str, int] = field(default_factory=dict)


class Engine:
    """Renders a plan block by block. `assets` is where artifacts and what nodes were taught lie; without it there are none."""

    def __init__(
        self, settings: Mapping[str, Any], assets: Assets | None = None, *, offline: bool = True, channels: int = 2
    ) -> None:
        self.sample_rate: int = settings["sample_rate"]
        self.block: int = settings["block"]
        self.seed: int = settings["seed"]
        self.assets = assets
        self.offline = offline
        self.events: deque[NodeFailed] = deque()
        self.blocks = 0
        self._block = Block(self.block)
        self._master = Master(channels, self.block, self.sample_rate)
        self._program = Program({}, [])
        self._commands: deque[Callable[[], None]] = deque()
        self._moving: dict[int, tuple[float, float, int]] = {}
        self._spent: dict[str, int] = {}
        self._failed: dict[str, NodeFailed] = {}
        self._retired: list[StreamNode] = []

    # What other threads may call

    def load(self, plan: Plan) -> list[Problem]:
        """Puts a plan in place of the one that plays. Nodes whose type, fixed params, artifacts and names stayed the same go
        on undisturbed. Gives a Problem for each node that cannot be prepared; the rest runs. May take its time (models)."""
        self._close_retired()
        old = self._program.instances
        program = Program({}, [])
        problems: list[Problem] = []
        for step in plan.streams:
            needed = {source for port, found in step.inputs.items() if self._needs(step, port) for source, _ in found}
            if needed - set(program.instances):
                continue
            try:
                program.instances[step.node] = self._instance(step, old.get(step.node), program)
            except Exception as error:
                problems.append(Problem(step.node, in_words(error)))
        program.order = list(program.instances)
        self._flatten(program)
        self._commands.append(lambda: self._swap(program))
        if self.offline:  # nobody renders meanwhile, so the new names and latencies can be asked for at once
            self._apply()
        return problems

    def set_param(self, node: str, param: str, value: Any) -> None:
        """Changes a live param between two blocks; a smoothed one glides there. Raises ParamError for an illegal value, or for a
        fixed param (change the patch and `load` it)."""
        instance = self._program.instances.get(node)
        found = instance.step.spec.param(param) if instance else None
        if found is None:
            raise ParamError(f"{node}.{param} is not a param of a playing node")
        if not found.live:
            raise ParamError(f"{param} is fixed while the sound runs; load the changed patch")
        legal = found.coerce(value)
        self._commands.append(lambda: self._set(node, param, found, legal))

    def install(self, node: str, attributes: Mapping[str, Any]) -> None:
        """Sets attributes of a node between two blocks: the result of an action."""

        def apply() -> None:
            if node in self._program.instances:
                for name, value in attributes.items():
                    setattr(self._program.instances[node].node, name, value)

        self._commands.append(apply)

    def revive(self, node: str) -> None:
        """Lets a failed node try again from the next block on."""
        self._commands.append(lambda: self._revive(node))

    def instance(self, node: str) -> StreamNode | None:
        """The prepared node, for its actions."""
        found = self._program.instances.get(node)
        return found.node if found else None

    def names(self, node: str, output: str) -> tuple[str, ...]:
        """The dimension names of a CONTROL output."""
        return self._program.instances[node].stream.output_names.get(output, ())

    def input_names(self, node: str, port: str) -> tuple[str, ...]:
        """The dimension names of a CONTROL input."""
        return tuple(self._program.instances[node].stream.names.get(port, ()))

    def latency(self, node: str) -> int:
        """Frames from the farthest source behind a node to what the node gives now, as declared by the nodes on the way."""
        return self._program.latency[node]

    def load_per_node(self) -> dict[str, float]:
        """Mean seconds per block of each node since it was loaded."""
        return {node: spent * 1e-9 / max(self.blocks, 1) for node, spent in self._spent.items()}

    @property
    def failed(self) -> dict[str, NodeFailed]:
        """The nodes that are mute, and why."""
        return dict(self._failed)

    @property
    def frame(self) -> int:
        """Frames rendered so far: the engine's only clock."""
        return self._block.start

    def close(self) -> list[Problem]:
        """Closes every node. The engine must not render any more. Gives what went wrong beside the audio path (a full disk)."""
        closing = self._program.instances
        self._retired += [instance.node for instance in closing.values()]
        self._program = Program({}, [])
        self._close_retired()
        return [Problem(name, instance.node.failure) for name, instance in closing.items() if instance.node.failure]

    # What only the rendering thread may call

    def render(self, device_input: np.ndarray | None = None) -> np.ndarray:
        """The next block, float32 [channels, frames]: a buffer that the next call overwrites."""
        self._apply()
        program, block, spent = self._program, self._block, self._spent
        values, frames = program.values, block.frames
        block.device_input = device_input
        block.master.clear()
        if self._moving:
            self._glide(values)
        now = perf_counter_ns()
        for node, process, gathers, arguments, outputs in program.running:
            try:
                for slot, gather in gathers:
                    values[slot] = gather(values)
                made = process(block, *arguments(values))
                for name, slot, audio, limit in outputs:
                    value = made[name]
                    if limit:
                        if value.dtype is not _FLOAT32 or value.ndim != 2 or (audio and value.shape[1] != frames):
                            raise TypeError(f"{name} must be float32 [rows, {frames}], got {value.dtype} {value.shape}")
                        flat = value.ravel()
                        # One product finds NaN, infinity and absurd loudness at a tenth of the cost of looking for each.
                        if not flat.dot(flat) < limit * flat.size:
                            raise FloatingPointError(f"{name} is not finite, or a thousand times too loud")
                    values[slot] = value
            except Exception as error:
                self._fail(node, error)
            after = perf_counter_ns()
            spent[node] += after - now
            now = after
        for source, target in program.delays:
            values[target] = values[source]
        sound = self._master.render(block.master)
        block.start += frames
        self.blocks += 1
        return sound

    def value(self, node: str, port: str) -> Any:
        """What an output gave, or an input got, in the last block."""
        program = self._program
        slot = program.outputs.get((node, port))
        return program.values[program.inputs[node, port] if slot is None else slot]

    def _apply(self) -> None:
        while self._commands:
            self._commands.popleft()()

    # Loading

    @staticmethod
    def _needs(step: Step, port: str) -> bool:
        spec = step.spec.input(port)
        return spec is not None and spec.type.is_stream and not (spec.optional or spec.many or spec.delayed)

    def _instance(self, step: Step, old: Instance | None, program: Program) -> Instance:
        spec = step.spec
        artifacts = {port.name: self._artifact(step, port.name) for port in spec.inputs if not port.type.is_stream}
        fixed = {param.name: self._value(param, step.params[param.name]) for param in spec.params if not param.live}
        names = {
            port.name: tuple(
                name
                for source, output in step.inputs[port.name]
                if source in program.instances
                for name in program.instances[source].stream.output_names.get(output, ())
            )
            for port in spec.inputs
            if port.type is PortType.CONTROL and not port.delayed
        }
        prints = {name: artifact and (str(artifact.path), artifact.fingerprint) for name, artifact in artifacts.items()}
        key = (step.cls, fixed, prints, names)
        if old is not None and old.key == key:
            return Instance(step, old.node, key, old.stream)
        node = step.cls()
        stream = Stream(self.sample_rate, self.block, node_seed(self.seed, step.node), self.offline, self._folder(), names)
        if self.assets is not None:
            node.load(self.assets.node(step.node))
        try:
            node.prepare(stream, **fixed, **artifacts)
        except BaseException:
            node.close()
            raise
        for port in spec.outputs:
            if port.type is PortType.CONTROL and port.name not in stream.output_names:
                raise TypeError(f"{spec.type} must name the dimensions of {port.name} in prepare")
        return Instance(step, node, key, stream)

    def _artifact(self, step: Step, port: str) -> Artifact | None:
        sources = step.inputs[port]
        if not sources:
            return None
        found = self.assets.artifact(*sources[0]) if self.assets else None
        if found is None:
            raise ParamError(f"the {port} of {sources[0][0]} has not been made yet; run the patch first (glasspatch run)")
        found.verify()
        return found

    def _value(self, param: Any, value: Any) -> Any:
        if isinstance(param, PathParam):
            return self._folder() / value if value else None
        return value

    def _folder(self) -> Path:
        return self.assets.patch_folder if self.assets else Path.cwd()

    def _flatten(self, program: Program) -> None:
        values = program.values

        def slot(value: Any) -> int:
            values.append(value)
            return len(values) - 1

        for name, instance in program.instances.items():
            for port in instance.step.spec.outputs:
                program.outputs[name, port.name] = slot(self._silence(instance, port.name, port.type))
        for name, instance in program.instances.items():
            step, spec = instance.step, instance.step.spec
            gathers: list[Gather] = []
            for port in spec.inputs:
                if not port.type.is_stream:
                    continue
                found = [program.outputs[source] for source in step.inputs[port.name] if source in program.outputs]
                if port.many:
                    program.inputs[name, port.name] = slot(())
                    gathers.append((program.inputs[name, port.name], tuple(found)))
                elif port.delayed and found:
                    program.inputs[name, port.name] = slot(values[found[0]])
                    program.delays.append((found[0], program.inputs[name, port.name]))
                else:
                    program.inputs[name, port.name] = found[0] if found else slot(None)
            for param in spec.params:
                if param.live:
                    program.params[name, param.name] = slot(self._value(param, step.params[param.name]))
            places = {**{p.name: program.inputs.get((name, p.name)) for p in spec.inputs}}
            places |= {p.name: program.params.get((name, p.name)) for p in spec.params}
            order = [places[argument] for argument in _arguments(step.cls)]
            program.steps[name] = (
                name,
                instance.node.process,
                tuple((place, _getter(found)) for place, found in gathers),
                _getter(tuple(place for place in order if place is not None)),
                tuple((p.name, program.outputs[name, p.name], p.type is PortType.AUDIO, _limit(p.type)) for p in spec.outputs),
            )
            behind = [program.latency[s] for found in step.inputs.values() for s, _ in found if s in program.latency]
            program.latency[name] = max(behind, default=0) + instance.stream.latency
        program.running = tuple(program.steps.values())

    def _silence(self, instance: Instance, output: str, kind: PortType) -> Any:
        if kind is PortType.AUDIO:
            return np.zeros((1, self.block), np.float32)
        if kind is PortType.CONTROL:
            return np.zeros((max(len(instance.stream.output_names[output]), 1), self._block.steps), np.float32)
        return np.zeros((1, 1, 3), np.uint8)

    def _swap(self, program: Program) -> None:
        old, self._program = self._program, program
        kept = {name for name, new in program.instances.items() if name in old.instances and new.node is old.instances[name].node}
        self._retired += [instance.node for name, instance in old.instances.items() if name not in kept]
        moving, self._moving = self._moving, {}
        for name in kept:
            for port in program.instances[name].step.spec.outputs:
                program.values[program.outputs[name, port.name]] = old.values[old.outputs[name, port.name]]
            for (node, param), slot in old.params.items():
                if node == name:
                    target = program.values[program.params[node, param]]
                    program.values[program.params[node, param]] = moving[slot][0] if slot in moving else old.values[slot]
                    self._set(node, param, program.instances[node].step.spec.param(param), target)
        for source, target in program.delays:
            program.values[target] = program.values[source]
        self._spent = {name: self._spent.get(name, 0) for name in program.order}
        failed, self._failed = self._failed, {}
        for name in kept & set(failed):
            self._mute(failed[name])

    def _close_retired(self) -> None:
        while self._retired:
            self._retired.pop().close()

    # Params and failures, between two blocks or within one

    def _set(self, node: str, param: str, spec: Any, value: Any) -> None:
        slot = self._program.params.get((node, param))
        if slot is None:
            return
        values = self._program.values
        if isinstance(spec, FloatParam) and spec.smooth:
            current = self._moving[slot][0] if slot in self._moving else values[slot]
            if current != value:
                self._moving[slot] = (current, value, max(round(RAMP * self.sample_rate), 1))
        else:
            values[slot] = value
        if node in self._failed:
            self._revive(node)

    def _glide(self, values: list[Any]) -> None:
        frames = self._block.frames
        for slot, (current, target, left) in list(self._moving.items()):
            if left <= 0:
                values[slot] = target
                del self._moving[slot]
                continue
            count = min(frames, left)
            ramp = np.full(frames, target, np.float32)
            ramp[:count] = current + (target - current) / left * np.arange(1, count + 1)
            values[slot] = ramp
            self._moving[slot] = (float(ramp[-1]) if left > frames else target, target, left - frames)

    def _fail(self, node: str, error: Exception) -> None:
        failure = NodeFailed(node, in_words(error), self._block.start)
        self.events.append(failure)
        self._mute(failure)

    def _mute(self, failure: NodeFailed) -> None:
        program, node = self._program, failure.node
        self._failed[node] = failure
        program.running = tuple(step for name, step in program.steps.items() if name not in self._failed)
        for port in program.instances[node].step.spec.outputs:
            slot = program.outputs[node, port.name]
            if port.type is PortType.AUDIO:
                program.values[slot] = self._fade(program.values[slot])
                silence = np.zeros_like(program.values[slot])

                def settle(values: list[Any] = program.values, slot: int = slot, silence: np.ndarray = silence) -> None:
                    values[slot] = silence

                self._commands.append(settle)

    def _fade(self, last: np.ndarray) -> np.ndarray:
        """From the last sample that was heard down to silence: no step, hence no click."""
        end = np.nan_to_num(last[:, -1:], nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
        count = min(FADE, self.block)
        fade = np.zeros((last.shape[0], self.block), np.float32)
        fade[:, :count] = end * (0.5 + 0.5 * np.cos(np.pi * np.arange(1, count + 1, dtype=np.float32) / count))
        return fade

    def _revive(self, node: str) -> None:
        self._failed.pop(node, None)
        program = self._program
        program.running = tuple(step for name, step in program.steps.items() if name not in self._failed)


def _arguments(cls: type[Any]) -> tuple[str, ...]:
    """The names of `process`'s arguments after self and block."""
    return tuple(inspect.signature(cls.process).parameters)[2:]


def _getter(slots: tuple[int, ...]) -> Callable[[list[Any]], Any]:
    """Picks slots out of the values in C; always a sequence, whatever their number."""
    if len(slots) > 1:
        return itemgetter(*slots)
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0, 0))


def _limit(kind: PortType) -> float:
    """Mean square that counts as broken; 0 for pictures, which cannot be."""
    return LOUDEST if kind is PortType.AUDIO else float(np.finfo(np.float32).max) / 1e9 if kind is PortType.CONTROL else 0.0
