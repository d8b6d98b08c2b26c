"""What a node declares about itself: typed ports, params with ranges and units, actions. Plain frozen data."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from runtime.errors import ParamError

_NODE_NAME = re.compile(r"[a-z][a-z0-9_]*")
WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
INSIDE = "__"
"""Stands between a subpatch and a node in it, where a node is named with the subpatches around it: `voices__gain`."""
LONGEST = 200
"""Characters of the longest name of a node with the subpatches around it: folders are named so, and they get endings."""


def is_node_name(name: str) -> bool:
    """Whether a node may be called so: a word, or words with INSIDE between them."""
    words = name.split(INSIDE)
    return len(name) <= LONGEST and all(len(word) <= 64 for word in words) and _NODE_NAME.fullmatch(name) is not None


class PortType(Enum):
    """The closed set of things that travel on links. Links join equal types only; converters are nodes.

    Streams carry arrays for one block: AUDIO float32 [channels, frames]; CONTROL float32 [dims, steps], steps >= 1 spread
    evenly over the block; IMAGE uint8 [h, w, 3] RGB. Artifacts are made things on disk: CORPUS (slices of
    recordings), MODEL (a neural audio model), MAPPING (a gesture-to-target map with its examples), TAKE (a recorded
    performance).
    """

    AUDIO = "audio"
    CONTROL = "control"
    IMAGE = "image"
    CORPUS = "corpus"
    MODEL = "model"
    MAPPING = "mapping"
    TAKE = "take"

    @property
    def is_stream(self) -> bool:
        return self in (PortType.AUDIO, PortType.CONTROL, PortType.IMAGE)


@dataclass(frozen=True)
class Port:
    """A place for links. `many` inputs take any number of links and arrive as a tuple in the order of the links' text.

    A `delayed` input reads the previous block, the only legal way to close a loop. An unconnected `optional` input
    arrives as None. A `standing` output of a job is not what the job makes but points at its shelf (`runtime.shelf`): it can be
    there before the job is done, and changes while it runs.
    """

    name: str
    type: PortType
    doc: str = ""
    optional: bool = False
    delayed: bool = False
    many: bool = False
    standing: bool = False


@dataclass(frozen=True, kw_only=True)
class Param:
    """A named value of a node. A `live` one may change while the sound runs; a fixed one prepares the node anew.

    Live params are arguments of `process`, fixed ones of `prepare` (of `run` for jobs). `coerce` gives the legal value or
    raises ParamError with the parameter, the rule and the value.
    """

    name: str
    doc: str = ""
    live: bool = True
    incidental: bool = False
    """How a job works and not what it makes (a device, a number of threads): what is made stays made when it changes."""
    further: bool = False
    """A job of which nothing but such params has changed does not begin anew: it is handed what it made before (`Job.before`)."""
    kind: ClassVar[str] = "param"

    def coerce(self, value: Any) -> Any:
        raise TypeError("Param is abstract: use FloatParam, IntParam, ChoiceParam, BoolParam, PathParam or TextParam")

    def heard(self, value: Any) -> Any:
        """What a controller meant that knows nothing but numbers; `coerce` has the last word."""
        return value

    def refuse(self, rule: str, value: Any) -> ParamError:
        shown = repr(value)
        return ParamError(f"{self.name} must be {rule}, got {shown if len(shown) < 80 else shown[:77] + '...'}")

    def describe(self) -> dict[str, Any]:
        """Everything about the param as JSON data, for `glasspatch nodes --json` and the README."""
        flags = ("incidental", "further")
        shown = {key: value for key, value in self.__dict__.items() if value is not None and (value or key not in flags)}
        return {"kind": self.kind, **shown}


@dataclass(frozen=True, kw_only=True)
class FloatParam(Param):
    """A number. Out of range it is clamped. A `smooth` one reaches `process` as a float at rest and, while it moves, as a
    float32 ramp [frames], so that a jump of the knob never clicks."""

    default: float
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    log: bool = False
    smooth: bool = False
    kind: ClassVar[str] = "float"

    def coerce(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse("a number", value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.refuse("a number", value)
        return min(max(number, self.low), self.high)

    def describe(self) -> dict[str, Any]:
        return {key: value for key, value in super().describe().items() if value not in (math.inf, -math.inf)}


@dataclass(frozen=True, kw_only=True)
class IntParam(Param):
    """A whole number. Out of range it is clamped."""

    default: int
    low: int | None = None
    high: int | None = None
    unit: str = ""
    kind: ClassVar[str] = "int"

    def heard(self, value: Any) -> Any:
        return round(value) if isinstance(value, float) and math.isfinite(value) else value

    def coerce(self, value: Any) -> int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            raise self.refuse("a whole number", value)
        number = int(value)
        number = number if self.low is None else max(number, self.low)
        return number if self.high is None else min(number, self.high)


@dataclass(frozen=True, kw_only=True)
class ChoiceParam(Param):
    """One of a few words (or numbers)."""

    default: str | int
    choices: tuple[str | int, ...]
    kind: ClassVar[str] = "choice"

    def heard(self, value: Any) -> Any:
        """A whole number that is no choice itself counts the choices, from 0."""
        whole = type(value) in (int, float) and float(value).is_integer() and value not in self.choices
        return self.choices[int(value)] if whole and 0 <= value < len(self.choices) else value

    def coerce(self, value: Any) -> str | int:
        if isinstance(value, bool) or value not in self.choices:
            raise self.refuse("one of " + ", ".join(str(choice) for choice in self.choices), value)
        return self.choices[self.choices.index(value)]


@dataclass(frozen=True, kw_only=True)
class BoolParam(Param):
    """On or off."""

    default: bool
    kind: ClassVar[str] = "bool"

    def heard(self, value: Any) -> Any:
        return value > 0.5 if type(value) in (int, float) else value

    def coerce(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse("true or false", value)
        return value


@dataclass(frozen=True, kw_only=True)
class TextParam(Param):
    """A short text."""

    default: str = ""
    kind: ClassVar[str] = "text"

    def coerce(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.refuse("a text", value)
        return value


@dataclass(frozen=True, kw_only=True)
class TagsParam(Param):
    """What the artist has tagged by hand: {tag: {"reason": words, "slices": [[recording, start, end], ...]}}, where a recording
    is named by the first letters of its fingerprint, and start and end are its frames."""

    default: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "tags"

    def coerce(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(map(self._is_tag, value.values())):
            raise self.refuse("tags, each with its reason and its slices as [recording, start, end]", value)
        return value

    @staticmethod
    def _is_tag(tag: Any) -> bool:
        if not isinstance(tag, dict) or set(tag) != {"reason", "slices"} or not isinstance(tag["reason"], str):
            return False
        return isinstance(tag["slices"], list | tuple) and all(
            isinstance(part, list | tuple) and [type(one) for one in part] == [str, int, int] for part in tag["slices"]
        )


@dataclass(frozen=True, kw_only=True)
class PathParam(Param):
    """A file or folder, relative to the patch's folder, with forward slashes. `what` is file, folder or output (made by
    the node). Nodes receive an absolute pathlib.Path, or None where the path is empty and not `required`."""

    default: str = ""
    what: str = "file"
    required: bool = True
    live: bool = False
    kind: ClassVar[str] = "path"

    def coerce(self, value: Any) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise self.refuse("a path inside the patch's folder, as text", value)
        text = value.replace("\\", "/")
        clean = "/".join(part for part in text.split("/") if part not in ("", "."))
        if value.strip() and not clean and not text.startswith("/"):
            raise ParamError(f"{self.name} must be a {self.noun} beside the patch, not the patch's own folder, got {value!r}")
        if text.startswith("/") or clean.startswith("~") or re.match(r"[A-Za-z]:", clean) or ".." in clean.split("/"):
            raise ParamError(
                f"{self.name} must be a path inside the patch's folder, got {value!r}; copy the {self.noun} beside the patch, "
                "or make a link to it there"
            )
        return clean

    @property
    def noun(self) -> str:
        return "folder" if self.what == "folder" else "file"


@dataclass(frozen=True)
class Action:
    """Slow work a user may start on a node: the method of the same name changes nothing and returns the attributes that the node
    has then. The runtime saves them beside the patch and prepares the node anew, beside the one that plays."""

    name: str
    doc: str


FAULTS = {
    "mute": "its sound fades to silence, its controls stay where they are",
    "hold": "its last block of sound goes on, forwards and backwards; its controls stay where they are",
    "bypass": "what comes in goes out unchanged",
}
"""What a node that raises, gives NaN or is too slow may do until it works again."""


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A node's whole declaration. `exact` promises the same sound at every block length. `pure` promises that nothing of a
    block's inputs stays in the node: a NaN cannot settle there, so the engine may look for it further down. What plays to the
    loudspeakers, writes or sends is not pure. `outside` gives what comes from the world outside (a camera, MIDI, OSC): live it
    runs beside the engine, and takes record it. `listens` hears the sound card's input. `fault` is what a failed node does unless
    the patch says otherwise (FAULTS)."""

    type: str
    title: str
    version: int = 1
    aliases: tuple[str, ...] = ()
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    params: tuple[Any, ...] = ()
    actions: tuple[Action, ...] = ()
    exact: bool = True
    pure: bool = False
    outside: bool = False
    listens: bool = False
    fault: str = "mute"
    _inputs: dict[str, Port] = field(init=False, repr=False, compare=False)
    _outputs: dict[str, Port] = field(init=False, repr=False, compare=False)
    _params: dict[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        family, _, name = self.type.partition(".")
        if not (WORD.fullmatch(family) and WORD.fullmatch(name)):
            raise ValueError(f"type must be family.name in lower-case words, got {self.type!r}")
        if self.fault not in FAULTS:
            raise ValueError(f"{self.type}: fault must be one of {', '.join(FAULTS)}, got {self.fault!r}")
        names = [item.name for item in (*self.inputs, *self.params)]
        if len(set(names)) != len(names) or len({port.name for port in self.outputs}) != len(self.outputs):
            raise ValueError(f"{self.type}: names of inputs and params, and names of outputs, must differ")
        object.__setattr__(self, "_inputs", {port.name: port for port in self.inputs})
        object.__setattr__(self, "_outputs", {port.name: port for port in self.outputs})
        object.__setattr__(self, "_params", {param.name: param for param in self.params})

    def input(self, name: str) -> Port | None:
        return self._inputs.get(name)

    def output(self, name: str) -> Port | None:
        return self._outputs.get(name)

    def param(self, name: str) -> Any:
        """The Param of that name, or None."""
        return self._params.get(name)

    def describe(self, help_text: str) -> dict[str, Any]:
        """The node as JSON data: type, title, help, inputs, outputs, params, actions (and version)."""

        def port(item: Port) -> dict[str, Any]:
            flags = {flag: True for flag in ("optional", "delayed", "many", "standing") if getattr(item, flag)}
            return {"name": item.name, "type": item.type.value, "doc": item.doc, **flags}

        return {
            "type": self.type,
            "title": self.title,
            "version": self.version,
            "help": help_text,
            "inputs": [port(item) for item in self.inputs],
            "outputs": [port(item) for item in self.outputs],
            "params": [param.describe() for param in self.params],
            "actions": [{"name": action.name, "doc": action.doc} for action in self.actions],
        }
