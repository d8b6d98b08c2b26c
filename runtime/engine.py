"""The engine: node instances and one `render()` per block. A sound card's clock or a for-loop turns the same engine.

One thread renders. `load`, `set_param`, `revive` and `mute` may be called from other threads: what they change is applied
between two blocks. Names, sources and params are resolved when a plan is loaded, so that a block costs one flat loop over tuples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from runtime.artifacts import Assets
from runtime.errors import ParamError, in_words
from runtime.faults import Faults
from runtime.glide import RAMP, Glides
from runtime.holds import Holds
from runtime.instances import Surroundings, prepare
from runtime.master import Master
from runtime.messages import NodeFailed, Problem
from runtime.node import Block, StreamNode
from runtime.plan import Plan
from runtime.program import LEAVING, Instance, Program, flatten, latency_between
from runtime.spec import FloatParam, PortType
from runtime.transition import Fade, Swap, carry, is_heard, joined

OVERRUNS = 8
"""Blocks in a row in which one node alone takes longer than a block may, before it counts as failed: one hiccup is no fault."""
_FLOAT32 = np.dtype(np.float32)


class Engine:
    """Renders a plan block by block. `assets` is where artifacts and what nodes were taught lie; without it there are none.
    `hurried`: a sound card waits (by default whenever it is not `offline`); then nodes that are too slow fail as well. `taught`
    gives the folder of what a node was taught, if not that in the assets. The first `load` takes what is `prepared`."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        assets: Assets | None = None,
        *,
        offline: bool = True,
        hurried: bool | None = None,
        channels: int = 2,
        taught: Callable[[str], Path] | None = None,
        arrived: Callable[[], None] = lambda: None,
        prepared: Mapping[str, Instance] | None = None,
        play_ahead: Callable[[float], bool] = lambda seconds: False,
    ) -> None:
        self.sample_rate: int = settings["sample_rate"]
        self.block: int = settings["block"]
        self.assets = assets
        self.offline = offline
        self.hurried = not offline if hurried is None else hurried
        self.journal: Callable[[int, str, Any], None] | None = None
        """The rendering thread calls it for each change from outside, with the number of the block before which it is applied."""
        self.blocks = 0
        self.over_budget = 0
        """Blocks that took longer to render than they last, and the node that took most of the last such block."""
        self.slowest: tuple[str, float] | None = None
        taught = taught or (assets.node if assets else None)
        self._around = Surroundings(
            self.sample_rate, self.block, settings["seed"], offline, self.hurried, assets, taught, arrived, play_ahead
        )
        self._budget = round(1e9 * self.block / self.sample_rate)
        self._loaded = 0
        self._block = Block(self.block)
        self._master = Master(channels, self.block, self.sample_rate)
        self._program = self._latest = Program({})
        self._prepared = prepared or {}
        self._commands: deque[Callable[[], None]] = deque()
        self._swaps: deque[Swap] = deque()
        self._fade: Fade | None = None
        self._next: Program | None = None
        self._moving = Glides(self.sample_rate, self.block)
        self._spent: list[int] = []
        self._spent_before: list[int] = []
        self._overruns: dict[int, int] = {}
        self._faults, self._holds = Faults(self.sample_rate), Holds()
        self._retired: deque[StreamNode] = deque()

    # What other threads may call (one at a time)

    def load(self, plan: Plan, *, fade: float | None = None, renew: Collection[str] = (), note: Any = None) -> list[Problem]:
        """Puts a plan in place of the one that plays. Nodes whose type, fixed params, artifacts and names stayed the same go
        on undisturbed (those to `renew` are made anew all the same); what changes is crossfaded for `fade` seconds, or for the
        shortest time without a click. Gives a Problem for each node that cannot be prepared; the rest runs. May take its time
        (models). `note` goes into the journal when the change is applied."""
        self.tidy()
        old = self._latest
        program, problems = prepare(plan, old.instances or self._prepared, self._around, renew)
        self._prepared = {}
        flatten(program, self.block, self._around.folder)
        frames = Fade(round((fade or 0.0) * self.sample_rate), self.block)
        both = joined(old, program, frames, self.block, self.sample_rate, self._around.folder) if is_heard(old, program) else None
        self._latest = program
        self._swaps.append(Swap(program, both, frames, note))
        if self.offline:  # nobody renders meanwhile, so the new names and latencies can be asked for at once
            self._apply()
        return problems

    def set_param(self, node: str, param: str, value: Any, seconds: float | None = None) -> Any:
        """Changes a live param between two blocks; a smoothed one glides there, and every number does if `seconds` are given.
        Gives the legal value. Raises ParamError for an illegal value, or for a fixed param (change the patch and `load` it)."""
        instance = self._latest.instances.get(node)
        found = instance.step.spec.param(param) if instance else None
        if found is None:
            raise ParamError(f"{node}.{param} is not a param of a playing node")
        if not found.live:
            raise ParamError(f"{param} is fixed while the sound runs; load the changed patch")
        legal = found.coerce(value)

        def apply() -> None:
            self._tell("set", [node, param, legal, seconds])
            self._set(node, param, found, legal, seconds)
            for swap in self._swaps:
                for program in (swap.joined, swap.program):
                    if program and (node, param) in program.params:
                        program.values[program.params[node, param]] = legal
                if isinstance(swap.note, dict):  # the note tells what is loaded when its turn has come
                    swap.note["set"] = [*swap.note.get("set", []), [node, param, legal]]

        self._commands.append(apply)
        return legal

    def hold(self, node: str, output: str, value: np.ndarray | None) -> None:
        """Lets a CONTROL output give `value` (float32 [dims]) instead of what its node computes, until it is held at None; it
        goes there within a block, and ends when the node leaves the patch."""

        def apply() -> None:
            self._tell("hold", [node, output, value])
            self._holds.hold(self._program, self._block.start, node, output, value)
            self._faults.choose(self._program)

        self._commands.append(apply)

    def revive(self, node: str) -> None:
        """Lets a failed node try again from the next block on."""

        def apply() -> None:
            if node in self._faults.failed:
                self._tell("revive", [node])
                self._faults.revive(self._program, node)

        self._commands.append(apply)

    def mute(self, node: str, why: str) -> None:
        """Lets a node count as failed from the next block on: a replay does so where a live engine found it too slow."""

        def apply() -> None:
            if node in self._program.calls and node not in self._faults.failed:
                self._tell("mute", [node, why])
                self._faults.fail(self._program, self._block, node, why)

        self._commands.append(apply)

    def hurry(self) -> None:
        """Ends a long crossfade as soon as it can: in a replay, where another edit was waiting."""

        def apply() -> None:
            if self._fade:
                self._fade.hurry()

        self._commands.append(apply)

    def seek(self, frame: int) -> None:
        """Sets the engine's clock before the next block: beside the engine proper, time is the wall's."""
        self._block.start = frame

    def tidy(self) -> None:
        """Closes the nodes that have left the sound since."""
        while self._retired:
            node = self._retired.popleft()
            try:
                node.close()
            except Exception as error:  # the others must be closed all the same
                node.failure = node.failure or in_words(error)

    def instance(self, node: str) -> StreamNode | None:
        """The prepared node, for its actions."""
        found = self._latest.instances.get(node)
        return found.node if found else None

    def instances(self) -> dict[str, StreamNode]:
        """All prepared nodes, in playing order."""
        return {name: instance.node for name, instance in self._latest.instances.items()}

    def names(self, node: str, output: str) -> tuple[str, ...]:
        """The dimension names of a CONTROL output."""
        return self._latest.instances[node].stream.output_names.get(output, ())

    def control_outputs(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Every CONTROL output that plays, (node, output), in the order of the plan, with the names of its dimensions."""
        found = [(name, port, one.stream) for name, one in self._latest.instances.items() for port in one.step.spec.outputs]
        return {(n, p.name): made.output_names.get(p.name, ()) for n, p, made in found if p.type is PortType.CONTROL}

    def latency_from(self, source: str) -> int | None:
        """Frames that the nodes between a source and the loudspeakers add, on the longest way; None where none leads there."""
        return latency_between(self._latest, source)

    def load_per_node(self) -> dict[str, float]:
        """Mean seconds per block of each node since it was loaded."""
        blocks, spent = max(self.blocks - self._loaded, 1), list(self._spent)
        calls = list(self._program.calls)
        return {node: time * 1e-9 / blocks for node, time in zip(calls, spent, strict=False) if not node.endswith(LEAVING)}

    @property
    def events(self) -> deque[NodeFailed]:
        """What has failed, oldest first; who reads takes away."""
        return self._faults.events

    @property
    def failed(self) -> dict[str, NodeFailed]:
        """The nodes that have failed and do not play, and why."""
        return dict(self._faults.failed)

    @property
    def frame(self) -> int:
        """Frames rendered so far: the engine's only clock."""
        return self._block.start

    def close(self) -> list[Problem]:
        """Closes every node. The engine must not render any more. Gives what went wrong beside the audio path (a full disk)."""
        closing = {}
        for program in (self._program, self._next, *(swap.program for swap in self._swaps)):
            closing.update(program.instances if program else {})
        self._retired += dict.fromkeys(instance.node for instance in closing.values())
        self._program, self._latest, self._next, self._spent = Program({}), Program({}), None, []
        self._swaps.clear()
        self.tidy()
        return [Problem(name, instance.node.failure) for name, instance in closing.items() if instance.node.failure]

    # What only the rendering thread may call

    def render(self, device_input: np.ndarray | None = None) -> np.ndarray:
        """The next block, float32 [channels, frames]: a buffer that the next call overwrites."""
        self._apply()
        program, block, spent = self._program, self._block, self._spent
        if self._fade:
            self._fade.next()
        values, before, frames = program.values, program.before, block.frames
        block.device_input = device_input
        block.master.clear()
        if self._moving:
            self._moving.step(values)
        began = now = perf_counter_ns()
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
                            self._faults.repair(program, block, node)
                            break
            except Exception as error:
                self._faults.fail(program, block, node, in_words(error))
            after = perf_counter_ns()
            spent[number] += after - now
            now = after
        for source, target in program.delays:
            values[target] = values[source]
        if self.hurried:
            if now - began > self._budget:
                self._overran()
            elif self._overruns:
                self._overruns.clear()
            self._spent_before[:] = spent
        sound = self._master.render(block.master)
        block.start += frames
        self.blocks += 1
        return sound

    def value(self, node: str, port: str) -> Any:
        """What an output gave, or an input got, in the last block; None for what does not play. Any thread may ask."""
        program = self._program
        slot = program.outputs.get((node, port), program.inputs.get((node, port)))
        return None if slot is None else program.values[slot]

    def _apply(self) -> None:
        while self._commands:
            self._commands.popleft()()
        if self._next and self._fade and self._fade.over:
            self._settle(self._next)
        if not self._faults.is_settled:
            self._faults.choose(self._program)
        if self._swaps:
            if self._fade:
                if self._fade.hurry():
                    self._tell("hurry", [])
            else:
                self._begin(self._swaps.popleft())

    def _tell(self, kind: str, note: Any) -> None:
        if self.journal is not None and note is not None:
            self.journal(self.blocks, kind, note)

    # Programs, between two blocks

    def _begin(self, swap: Swap) -> None:
        """Puts a program in: at once where nothing of the change can be heard, else joined with the one before it."""
        self._tell("load", swap.note)
        old, new = self._program, swap.joined or swap.program
        targets = {key: swap.program.values[slot] for key, slot in swap.program.params.items()}
        kept = {name for name, one in new.instances.items() if name in old.instances and one.node is old.instances[name].node}
        former = {name: name for name in kept}
        former |= {name + LEAVING: name for name in old.instances if name + LEAVING in new.instances}
        self._follow(new, former)
        steps = {name: (new.instances[name].step, old.instances[name].step) for name in kept}
        changed = {name for name, (now, was) in steps.items() if (now.inputs, now.mode) != (was.inputs, was.mode)}
        for (node, param), target in targets.items():
            if node in kept:
                _, wanted = self._moving.now(new.params[node, param], new.values[new.params[node, param]])
                if wanted != target:
                    changed.add(node)
                    self._set(node, param, new.instances[node].step.spec.param(param), target)
        for name in self._faults.failed.keys() & changed:
            self._faults.revive(new, name)
        if swap.joined is None:
            self._retire(old, swap.program)
        else:
            self._fade, self._next = swap.fade, swap.program

    def _settle(self, new: Program) -> None:
        """The fade is over: the joined program gives way to the new one alone."""
        old = self._program
        self._follow(new, {name: name for name in new.instances})
        self._retire(old, new)
        self._fade = self._next = None

    def _follow(self, new: Program, former: Mapping[str, str]) -> None:
        """Makes `new` the program that runs; `former` maps its nodes to those whose values, params and faults they take over."""
        old, self._program = self._program, new
        carry(old, new, former)
        places: dict[int, int] = {}
        for (node, param), slot in new.params.items():
            if node in former:
                before = old.params[former[node], param]
                places[before] = slot
                new.values[slot] = old.values[before]
        self._moving.move(places.get)
        self._faults.follow(former)
        self._spent, self._spent_before, self._loaded = [0] * len(new.calls), [0] * len(new.calls), self.blocks
        self._overruns.clear()
        self._holds.follow(new)
        self._faults.choose(new)

    def _retire(self, old: Program, new: Program) -> None:
        kept = {instance.node for instance in new.instances.values()}
        self._retired += [instance.node for instance in old.instances.values() if instance.node not in kept]

    # Params and failures, between two blocks or within one

    def _set(self, node: str, param: str, spec: Any, value: Any, seconds: float | None = None) -> None:
        slot = self._program.params.get((node, param))
        if slot is None:
            return
        values = self._program.values
        smooth = isinstance(spec, FloatParam) and spec.smooth
        if smooth or (seconds and isinstance(spec, FloatParam)):
            self._moving.start(values, slot, value, seconds or RAMP, smooth)
        else:
            self._moving.stop(slot)
            values[slot] = value
        if node in self._faults.failed:
            self._faults.revive(self._program, node)

    def _overran(self) -> None:
        """The block took longer than it lasts: who took most of it, and did one node alone take too long once more?"""
        self.over_budget += 1
        spent = [now - before for now, before in zip(self._spent, self._spent_before, strict=True)]
        most = max(range(len(spent)), key=spent.__getitem__, default=None)
        if most is None:
            return
        node = list(self._program.calls)[most]
        self.slowest = (node, spent[most] * 1e-9)
        self._overruns = {most: self._overruns.get(most, 0) + 1} if spent[most] > self._budget else {}
        if self._overruns.get(most, 0) >= OVERRUNS and node not in self._faults.failed:
            self._overruns.clear()
            words = f"took {spent[most] * 1e-6:.1f} ms of a block's {self._budget * 1e-6:.1f} ms, {OVERRUNS} blocks in a row"
            self.mute(node, words)
