"""The engine: node instances and one `render()` per block. A sound card's clock or a for-loop turns the same engine.

One thread renders. `load`, `set_param`, `install` and `revive` may be called from other threads: what they change is applied
between two blocks. Names, sources and params are resolved when a plan is loaded, so that a block costs one flat loop over tuples.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from runtime.artifacts import Artifact, Assets
from runtime.errors import NodeError, ParamError, in_words
from runtime.master import Master
from runtime.messages import NodeFailed, Problem
from runtime.node import Block, Stream, StreamNode
from runtime.plan import Plan, Step
from runtime.program import LOUDEST, Instance, Program, flatten
from runtime.seeds import node_seed
from runtime.spec import FloatParam, PortType

RAMP = 0.02
"""Seconds in which a smoothed param glides to its new value: short enough to feel immediate, long enough not to click."""
FADE = 256
"""Frames in which a failed node falls silent (6 ms at 44.1 kHz), or the block where that is shorter."""
_FLOAT32 = np.dtype(np.float32)


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
        self._loaded = 0
        self._block = Block(self.block)
        self._master = Master(channels, self.block, self.sample_rate)
        self._program = Program({})
        self._commands: deque[Callable[[], None]] = deque()
        self._moving: dict[int, tuple[float, float, int]] = {}
        self._spent: list[int] = []
        self._failed: dict[str, NodeFailed] = {}
        self._retired: list[StreamNode] = []

    # What other threads may call

    def load(self, plan: Plan) -> list[Problem]:
        """Puts a plan in place of the one that plays. Nodes whose type, fixed params, artifacts and names stayed the same go
        on undisturbed. Gives a Problem for each node that cannot be prepared; the rest runs. May take its time (models)."""
        self._close_retired()
        old = self._program.instances
        program = Program({})
        problems: list[Problem] = []
        for step in plan.streams:
            needed = {source for port, found in step.inputs.items() if self._needs(step, port) for source, _ in found}
            if needed - set(program.instances):
                continue
            try:
                program.instances[step.node] = self._instance(step, old.get(step.node), program)
            except Exception as error:
                problems.append(Problem(step.node, in_words(error)))
        flatten(program, self.block, self._folder())
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

    def control_outputs(self) -> list[tuple[str, str]]:
        """Every CONTROL output that plays, in the order of the plan: (node, output)."""
        return [
            (name, port.name)
            for name in self._program.instances
            for port in self._program.instances[name].step.spec.outputs
            if port.type is PortType.CONTROL
        ]

    def latency(self, node: str) -> int:
        """Frames from the farthest source behind a node to what the node gives now, as declared by the nodes on the way."""
        return self._program.latency[node]

    def load_per_node(self) -> dict[str, float]:
        """Mean seconds per block of each node since it was loaded."""
        spent = zip(self._program.calls, self._spent, strict=True)
        return {node: time * 1e-9 / max(self.blocks - self._loaded, 1) for node, time in spent}

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
        self._program, self._spent = Program({}), []
        self._close_retired()
        return [Problem(name, instance.node.failure) for name, instance in closing.items() if instance.node.failure]

    # What only the rendering thread may call

    def render(self, device_input: np.ndarray | None = None) -> np.ndarray:
        """The next block, float32 [channels, frames]: a buffer that the next call overwrites."""
        self._apply()
        program, block, spent = self._program, self._block, self._spent
        values, before, frames = program.values, program.before, block.frames
        block.device_input = device_input
        block.master.clear()
        if self._moving:
            self._glide(values)
        now = perf_counter_ns()
        for number, node, process, gathers, one, two, arguments, outputs in program.running:
            try:
                if gathers:
                    for slot, gather in gathers:
                        values[slot] = gather(values)
                if one is None:
                    made = process(block, *arguments(values))
                elif two is None:
                    made = process(block, values[one])
                else:
                    made = process(block, values[one], values[two])
                for name, slot, width, bound in outputs:
                    value = made[name]
                    if width != 0 and (value.dtype is not _FLOAT32 or (width and value.shape[1] != width)):
                        raise TypeError(f"{name} must be float32 [rows, {width or 'steps'}], got {value.dtype} {value.shape}")
                    before[slot] = values[slot]
                    values[slot] = value
                    if bound:
                        # One product finds NaN, infinity and absurd loudness at once. float(), because comparing a numpy scalar
                        # with a Python number costs thirty times as much.
                        flat = value.ravel()
                        if not float(flat.dot(flat)) < bound:
                            self._repair(node)
                            break
            except Exception as error:
                self._fail(node, error)
            after = perf_counter_ns()
            spent[number] += after - now
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
        values = step.values(self._folder())
        fixed = {param.name: values[param.name] for param in spec.params if not param.live}
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

    def _folder(self) -> Path:
        return self.assets.patch_folder if self.assets else Path.cwd()

    def _swap(self, program: Program) -> None:
        old, self._program = self._program, program
        kept = {name for name, new in program.instances.items() if name in old.instances and new.node is old.instances[name].node}
        self._retired += [instance.node for name, instance in old.instances.items() if name not in kept]
        moving, self._moving = self._moving, {}
        failed, self._failed = self._failed, {}
        changed = {name for name in kept if program.instances[name].step.inputs != old.instances[name].step.inputs}
        for name in kept:
            for port in program.instances[name].step.spec.outputs:
                program.values[program.outputs[name, port.name]] = old.values[old.outputs[name, port.name]]
            for (node, param), slot in old.params.items():
                if node == name:
                    place = program.params[node, param]
                    target = program.values[place]
                    current, wanted, _ = moving.get(slot, (old.values[slot], old.values[slot], 0))
                    program.values[place] = current
                    if wanted != target:
                        changed.add(name)
                    self._set(node, param, program.instances[node].step.spec.param(param), target)
        for source, target in program.delays:
            program.values[target] = program.values[source]
        self._spent, self._loaded = [0] * len(program.calls), self.blocks
        for name in kept & set(failed) - changed:
            self._mute(failed[name])

    def _close_retired(self) -> None:
        while self._retired:
            node = self._retired.pop()
            try:
                node.close()
            except Exception as error:  # the others must be closed all the same
                node.failure = node.failure or in_words(error)

    # Params and failures, between two blocks or within one

    def _set(self, node: str, param: str, spec: Any, value: Any) -> None:
        slot = self._program.params.get((node, param))
        if slot is None:
            return
        values = self._program.values
        if isinstance(spec, FloatParam) and spec.smooth:
            current = self._moving[slot][0] if slot in self._moving else values[slot]
            if slot in self._moving or current != value:
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

    def _repair(self, node: str) -> None:
        """Finds who gave what is not finite: the node itself, or one before it whose output only pure nodes have read since.
        Mutes the culprit and lets the pure nodes behind it compute this block again, so that the rest of the sound goes on."""
        program, mended = self._program, False
        for name in self._unsearched_before(node):
            _, _, process, gathers, _, _, arguments, outputs = program.calls[name]
            if mended and program.instances[name].step.spec.pure and name not in self._failed:
                for place, gather in gathers:
                    program.values[place] = gather(program.values)
                made = process(self._block, *arguments(program.values))
                for output, place, _, _ in outputs:
                    program.values[place] = made[output]
            wrong = [output for output, place, frames, _ in outputs if frames != 0 and _is_broken(program.values[place], frames)]
            if wrong:
                for _, place, _, _ in outputs:
                    program.values[place] = program.before[place]
                self._fail(name, NodeError(f"{wrong[0]} is not finite, or a million times too loud"))
                mended = True

    def _unsearched_before(self, node: str) -> list[str]:
        """The node and all that lead to it through outputs that are not searched, in playing order."""
        program = self._program
        unsearched = {name for name, call in program.calls.items() if any(output[3] == 0 for output in call[-1])}
        found, waiting = {node}, [node]
        while waiting:
            step = program.instances[waiting.pop()].step
            more = {source for sources in step.inputs.values() for source, _ in sources} & unsearched - found
            found |= more
            waiting += more
        return [name for name in program.calls if name in found]

    def _mute(self, failure: NodeFailed) -> None:
        program, node = self._program, failure.node
        self._failed[node] = failure
        program.running = tuple(step for name, step in program.calls.items() if name not in self._failed)
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
        program.running = tuple(step for name, step in program.calls.items() if name not in self._failed)


def _is_broken(value: np.ndarray, frames: int | None) -> bool:
    """Whether AUDIO of so many frames, or CONTROL (None), holds what no ear and no node should get."""
    flat = value.ravel()
    return not float(flat.dot(flat)) < (LOUDEST if frames else math.inf)
