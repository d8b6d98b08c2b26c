"""Nodes whose values come from outside the engine: from the senses when live, from a take when it is replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np

from runtime.node import Block, Stream, StreamNode
from runtime.plan import Plan, Step
from runtime.spec import NodeSpec, PortType

Values = Mapping[str, np.ndarray]
"""For each CONTROL output its newest value, float32 [dims]."""


class Feed:
    """The newest values of one node that runs elsewhere. One thread puts, the engine reads; neither waits for the other."""

    def __init__(self, spec: NodeSpec, names: Mapping[str, tuple[str, ...]]) -> None:
        """`names`: the dimension names of each CONTROL output of `spec`."""
        self.names = {output: tuple(found) for output, found in names.items()}
        self.type = spec.type
        self.newest: tuple[Values, float | None] = (
            {name: np.zeros(len(found), np.float32) for name, found in names.items()},
            None,
        )
        self.applied: tuple[float, float] | None = None
        """(when it happened, when the engine took it) of the newest values that carry a time; seconds of one clock."""
        self.journal: Callable[[int, Values], None] | None = None
        """Called by the engine's thread with the number of the block and the values that it takes."""
        controls = tuple(port for port in spec.outputs if port.type is PortType.CONTROL)
        stand_in = NodeSpec(type=spec.type, title=spec.title, outputs=controls)
        # A class of its own, so that the engine keeps the instance as long as it is the same feed.
        self.cls = type("Fed", (Fed,), {"spec": stand_in, "feed": self, "__doc__": Fed.__doc__})

    def put(self, values: Values, stamp: float | None = None) -> None:
        """New values, read-only from now on; outputs left out keep theirs. `stamp`: when they happened, in seconds of
        time.perf_counter, where that is known."""
        self.newest = ({**self.newest[0], **values}, stamp)


class Fed(StreamNode):
    """Stands in for a node that runs elsewhere, and gives its newest values."""

    feed: Feed

    def prepare(self, stream: Stream) -> None:
        for output, names in self.feed.names.items():
            stream.name(output, names)
        self._last: tuple[Values, float | None] = ({}, None)
        self._made: dict[str, np.ndarray] = {}

    def process(self, block: Block) -> dict[str, np.ndarray]:
        newest = self.feed.newest
        if newest is not self._last:
            (before, _), self._last = self._last, newest
            values, stamp = newest
            for name, value in values.items():
                if value is not before.get(name):
                    # Made anew, since arrays from another process have a float32 that the engine does not know for its own.
                    made = self._made[name] = np.empty((len(value), block.steps), np.float32)
                    made[:] = value[:, None]
            if stamp is not None:
                self.feed.applied = (stamp, perf_counter())
            if self.feed.journal is not None:
                self.feed.journal(block.start // block.frames, values)
        return self._made


def feedable(plan: Plan) -> frozenset[str]:
    """The nodes of a plan that run beside the engine when live: those that give what comes from outside, and those that handle
    pictures, as far as nothing but such nodes leads to them."""
    found: set[str] = set()
    for step in plan.streams:
        spec = step.spec
        pictures = any(port.type is PortType.IMAGE for port in (*spec.inputs, *spec.outputs))
        sound = any(port.type is PortType.AUDIO for port in (*spec.inputs, *spec.outputs))
        sources = {source for port in spec.inputs if port.type.is_stream for source, _ in step.inputs[port.name]}
        if (spec.outside or pictures) and not sound and sources <= found:
            found.add(step.node)
    return frozenset(found)


def outside(plan: Plan) -> Plan:
    """The part of a plan that runs beside the engine."""
    nodes = feedable(plan)
    return replace(plan, jobs=(), streams=tuple(step for step in plan.streams if step.node in nodes))


def inside(plan: Plan, feeds: Mapping[str, Feed]) -> Plan:
    """The part of a plan that the engine renders: each fed node is replaced by its stand-in, and those that give nothing but
    pictures are left out. A feedable node without a feed is left out too."""
    nodes = feedable(plan) | set(feeds)
    streams = []
    for step in plan.streams:
        if step.node not in nodes:
            streams.append(step)
        elif step.node in feeds and feeds[step.node].names:
            streams.append(Step(step.node, feeds[step.node].cls, {}, {}))
    return replace(plan, streams=tuple(streams))
