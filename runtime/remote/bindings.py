"""Which knob moves which param: sources as text, values scaled to a param's range, and learning a knob from its movement.

A binding in a patch is {"source": "midi:nanoKONTROL2 cc74/2", "node": ..., "param": ...}, and where it shall not be the param's
whole range, "low" and "high" (low above high turns the knob around). A source is `midi:PORT CONTROL`, where PORT may be a part
of the name, or empty for every port that is listened to; or `osc:/ADDRESS`, with ` 2` behind it for the second value. With
"command" in place of node and param a button asks for something: {"source": "midi:Pad note36", "command": "/scene storm 2"}; so
does a gesture that a node recognises: {"source": "gesture:classes smile", "command": "/scene bright"}.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.errors import GlasspatchError
from runtime.messages import Problem
from runtime.node import StreamNode
from runtime.patch import Patch
from runtime.registry import Registry
from runtime.remote.commands import RemoteError, command_of
from runtime.remote.midi_messages import Control, Message, MidiError, control_of, parse, plain
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, Param

ENOUGH = 0.1
"""How much of its way a knob must go to be learned: far more than a worn one trembles (2 of 127), far less than one means to."""
WINNER = "winner"
"""The output of a node that recognises gestures: the number of the one that it is now, in the order of its other names."""
MOST_SOURCES = 2048
"""Sources whose place is remembered."""


class BindingError(GlasspatchError):
    """A binding that cannot be: its source is not understood, or its param cannot be moved."""


@dataclass(frozen=True)
class Source:
    """Where values come from: a MIDI `control` at a `port` whose name has this part, value `index` (from 0) of the messages to an
    OSC `address`, or a `gesture` that a `node` recognises."""

    port: str = ""
    control: Control | None = None
    address: str = ""
    index: int = 0
    node: str = ""
    gesture: str = ""

    def __str__(self) -> str:
        if self.node:
            return f"gesture:{self.node} {self.gesture}"
        if self.control:
            return f"midi:{self.port} {self.control}"
        return f"osc:{self.address}{f' {self.index + 1}' if self.index else ''}"


def parse_source(text: str) -> Source:
    """A source from its text. Raises BindingError."""
    kind, colon, rest = text.partition(":")
    if kind == "midi" and colon:
        port, _, control = rest.strip().rpartition(" ")
        try:
            return Source(port.strip(), parse(control))
        except MidiError as error:
            raise BindingError(str(error)) from error
    if kind == "osc" and colon:
        found = re.fullmatch(r"(/\S*)(?: +([1-9][0-9]?))?", rest.strip())
        if found:
            return Source(address=found[1], index=int(found[2] or 1) - 1)
    if kind == "gesture" and colon:
        node, _, gesture = rest.strip().partition(" ")
        if node and gesture.strip():
            return Source(node=node, gesture=gesture.strip())
        raise BindingError(f"a gesture is written gesture:NODE NAME, got {text!r}")
    raise BindingError(f"a knob is written midi:PORT cc74 or osc:/fader, got {text!r}")


# Ranges


def resolve(patch: Patch, registry: Registry) -> list[dict[str, Any]]:
    """The bindings of a patch as plain data, with what `scale` needs: source, node, param, kind, low, high, log, choices. What
    `problems` tells of is left out."""
    return [found for _, found in _resolved(patch, registry) if isinstance(found, dict)]


def problems(patch: Patch, registry: Registry) -> list[Problem]:
    """What is wrong with the bindings of a patch; the others work."""
    return [Problem(node, found, stops=False) for node, found in _resolved(patch, registry) if isinstance(found, str)]


def _resolved(patch: Patch, registry: Registry) -> Iterator[tuple[str, dict[str, Any] | str]]:
    for binding in patch.bindings:
        node = binding.get("node")
        known = node if isinstance(node, str) and node in patch.nodes else ""
        try:
            yield known, _resolve(binding, patch, registry)
        except BindingError as error:
            yield known, str(error)


def _resolve(binding: Mapping[str, Any], patch: Patch, registry: Registry) -> dict[str, Any]:
    source, node, name = (binding.get(key) for key in ("source", "node", "param"))
    if isinstance(source, str) and isinstance(binding.get("command"), str):
        _check_gesture(parse_source(source), patch, registry)
        try:
            command_of(binding["command"])
        except RemoteError as error:
            raise BindingError(f"{source}: {error}") from error
        return {"source": source, "command": binding["command"]}
    if not (isinstance(source, str) and isinstance(node, str) and isinstance(name, str)):
        raise BindingError("a binding needs the texts source, node and param")
    if parse_source(source).node:
        raise BindingError(f"{source} is a gesture and moves no param: let it ask for a command like /scene storm 2")
    if node not in patch.nodes:
        raise BindingError(f"{source} moves {node}.{name}, but there is no node {node}")
    cls = registry.get(patch.nodes[node].type)
    if cls is None:
        raise BindingError(f"{source} moves {name}, but the node's type is not known")
    param = cls.spec.param(name)
    if param is None:
        raise BindingError(f"{source} moves {name}, but the node has no such param")
    if not issubclass(cls, StreamNode) or not param.live:
        raise BindingError(f"{source} cannot move {name}: it is fixed while the sound runs")
    low, high = span(param)
    given = [binding.get(key, usual) for key, usual in (("low", low), ("high", high))]
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in given):
        raise BindingError(f"low and high of {source} must be numbers, got {given[0]!r} and {given[1]!r}")
    return {
        "source": source,
        "node": node,
        "param": name,
        "kind": param.kind,
        "low": given[0],
        "high": given[1],
        "log": bool(getattr(param, "log", False)),
        "choices": list(getattr(param, "choices", ())),
    }


def _check_gesture(source: Source, patch: Patch, registry: Registry) -> None:
    """Raises BindingError where a source is a gesture of a node that recognises none."""
    if not source.node:
        return
    if source.node not in patch.nodes:
        raise BindingError(f"{source} asks for something, but there is no node {source.node}")
    cls = registry.get(patch.nodes[source.node].type)
    if cls is None or cls.spec.output(WINNER) is None:
        raise BindingError(
            f"{source} asks for something, but {source.node} recognises no gestures: name a Classifier or follower"
        )


def span(param: Param) -> tuple[float, float]:
    """The range that a knob has for a param: its own; where it has no end, 0 to 1 or 1 wide. Raises BindingError for what is no
    matter of more or less."""
    if isinstance(param, FloatParam | IntParam):
        low, high = (None if end is None or math.isinf(end) else end for end in (param.low, param.high))
        if low is None:
            low = 0.0 if high is None or high > 0 else high - 1.0
        return low, max(1.0, low + 1.0) if high is None else high
    if isinstance(param, BoolParam | ChoiceParam):
        return 0.0, 1.0
    raise BindingError(f"no knob can move {param.name}: it is a {param.kind}")


def scale(entry: Mapping[str, Any], way: float) -> Any:
    """The param's value where the knob has gone so much of its `way`, 0 to 1. A log param goes by equal ratios; a bool is on
    above the middle; choices share the way equally."""
    way = min(max(way, 0.0), 1.0)
    low, high, kind = entry["low"], entry["high"], entry["kind"]
    if kind == "choice":
        choices = entry["choices"]
        return choices[min(int(_between(low, high, way) * len(choices)), len(choices) - 1)]
    if kind == "bool":
        return _between(low, high, way) > 0.5
    if entry["log"] and low > 0 and high > 0:
        value = low * (high / low) ** way
    else:
        value = low + (high - low) * way
    return round(value) if kind == "int" else float(value)


def _between(low: float, high: float, way: float) -> float:
    return min(max(low + (high - low) * way, 0.0), 1.0)


# What comes in


def way_of(control: Control, message: Message) -> float | None:
    """Where a message puts a control, 0 to 1; None where it says nothing about it (the release of a key, about its pitch)."""
    if control.kind == "pitchbend":
        return (message.value + 1.0) / 2.0
    if control.kind == "gate":
        return float(message.value > 0)
    if control.kind == "velocity":
        return message.value or None
    if control.kind == "note" and control.number is None:
        return message.number / 127 if message.value else None
    return message.value


def of_midi(entry: Source, port: str, message: Message) -> float | None:
    """How far on its way a message puts the knob of a source; None where it is about another."""
    if entry.control is None or not entry.control.hears(message) or plain(entry.port).lower() not in port.lower():
        return None
    return way_of(entry.control, message)


def number_of(value: Any) -> float | None:
    """An OSC value as a knob's way; None for what is no number."""
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) and math.isfinite(value) else None


class Movement:
    """Tells which knob is being moved on purpose: it remembers where each was, so that one that trembles where it rests is not
    taken for one that is turned. Belongs to one thread at a time."""

    def __init__(self) -> None:
        self._now: dict[Source, float] = {}
        self._rest: dict[Source, float] = {}

    def begin(self) -> None:
        """From here on it counts how far each knob goes."""
        self._rest = dict(self._now)

    def hear(self, source: Source, way: float) -> bool:
        """Takes note of where a knob is; whether it has gone far enough since `begin`."""
        if source not in self._now and len(self._now) >= MOST_SOURCES:
            oldest = next(iter(self._now))
            del self._now[oldest]
            self._rest.pop(oldest, None)
        self._now[source] = way
        return abs(way - self._rest.setdefault(source, self._usual(source, way))) >= ENOUGH

    @staticmethod
    def _usual(source: Source, way: float) -> float:
        """Where a knob was that was never heard of: keys are up, wheels in the middle; of others the first message tells."""
        if source.control and source.control.kind in ("note", "aftertouch"):
            return 0.0
        return 0.5 if source.control and source.control.kind == "pitchbend" else way


def source_of(port: str, message: Message) -> Source:
    """The source that a MIDI message comes from."""
    return Source(plain(port), control_of(message))
