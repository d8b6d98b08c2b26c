"""The patch document: plain immutable data, its JSON form, and the migrations from every format ever released.

Reading a patch never runs anything. What this version does not know (node types, keys) is kept and written back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runtime.artifacts import write_atomically
from runtime.errors import PatchError, in_words
from runtime.patch_text import read, written
from runtime.spec import FAULTS, WORD, ChoiceParam, IntParam, is_node_name

FORMAT = 1
SUBPATCH = "patch.sub"
"""The type of a node that holds a patch of its own."""
MODES = ("mute", "bypass")
BLOCKS = (64, 128, 256, 512, 1024, 2048, 4096)
SETTINGS = (
    IntParam(name="sample_rate", default=44100, low=8000, high=192000, unit="Hz", doc="Frames per second of the whole patch."),
    ChoiceParam(name="block", default=512, choices=BLOCKS, doc="Frames that the engine renders at once."),
    IntParam(name="seed", default=0, low=0, high=2**31 - 1, doc="Every random number of the patch comes from it."),
)
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Format n -> a function from a document of format n to one of format n + 1. None yet: format 1 is the first."""

_GRAPH = '"settings" and "nodes" must be objects and "links" a list'


@dataclass(frozen=True)
class Node:
    """A node as drawn: its type id, the version of the node that wrote the params, what it does when it fails (None: what its
    kind does), and what this version does not know.

    `view` is the editor's own and means nothing to the runtime. `mode` is one of MODES where the artist switched the node off.
    `inside` is what a node of type SUBPATCH holds. `seed` is the name under which the node draws its random numbers (None: its
    own), so that what it has made or learnt stays valid when it gets another."""

    type: str
    version: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    position: tuple[float, float] = (0.0, 0.0)
    extra: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    view: Mapping[str, Any] = field(default_factory=dict)
    mode: str | None = None
    inside: Inside | None = None
    seed: str | None = None


@dataclass(frozen=True, order=True)
class Link:
    """A wire from an output to an input, each written `node.port`."""

    source: str
    target: str

    def ends(self) -> tuple[str, str, str, str]:
        """(source node, its output, target node, its input)."""
        source, _, output = self.source.partition(".")
        target, _, port = self.target.partition(".")
        return source, output, target, port


@dataclass(frozen=True)
class Patch:
    """A whole patch. An edit returns a new one, so that undo is a list of patches. Treat the mappings as read-only.

    `scenes` are named snapshots: {name: {"params": {"node.param": value}, "links": {"node.port": "node.output"}, "seconds": s}}.
    `bindings` say which knob moves which param (`runtime.remote.bindings`). `view` is the editor's own (frames, comments ...)."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    scenes: Mapping[str, Any] = field(default_factory=dict)
    bindings: tuple[Mapping[str, Any], ...] = ()
    view: Mapping[str, Any] = field(default_factory=dict)

    def with_node(self, name: str, node: Node) -> Patch:
        """Adds or replaces a node. Raises PatchError unless the name is a lower-case word."""
        _require_word(name)
        return replace(self, nodes={**self.nodes, name: node})

    def without_node(self, name: str) -> Patch:
        """Removes a node and its links."""
        return replace(
            self,
            nodes={key: node for key, node in self.nodes.items() if key != name},
            links=tuple(link for link in self.links if name not in (link.ends()[0], link.ends()[2])),
        )

    def with_link(self, source: str, target: str) -> Patch:
        """Adds a link between two `node.port`."""
        return replace(self, links=tuple(sorted({*self.links, Link(source, target)})))

    def without_link(self, source: str, target: str) -> Patch:
        return replace(self, links=tuple(link for link in self.links if link != Link(source, target)))

    def with_param(self, name: str, param: str, value: Any) -> Patch:
        """Sets one param; the value is checked when the patch is compiled."""
        node = self.nodes[name]
        return self.with_node(name, replace(node, params={**node.params, param: value}))

    def with_setting(self, name: str, value: Any) -> Patch:
        return replace(self, settings={**self.settings, name: value})


@dataclass(frozen=True)
class Inside:
    """What a subpatch holds, and its ports: the subpatch's own name of the port -> `inner_node.port`. The patch inside has nodes,
    links and a view; settings, scenes and bindings are the whole patch's."""

    patch: Patch = field(default_factory=Patch)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


def loads(text: str) -> Patch:
    """A patch from its JSON text. Raises PatchError, in words, for anything that is not a patch of this or an older format."""
    data = read(text)
    if not isinstance(data, dict) or "format" not in data:
        raise PatchError('this is not a patch: it has no "format"')
    number = data["format"]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise PatchError(f"format must be a whole number from 1 to {FORMAT}, got {number!r}")
    if number > FORMAT:
        raise PatchError(
            f"this patch has format {number} and this glasspatch reads formats up to {FORMAT}; open it with a newer glasspatch"
        )
    for old in range(number, FORMAT):
        data = MIGRATIONS[old](data)
    return _from_data(data)


def dumps(patch: Patch) -> str:
    """The patch as JSON text: sorted keys, two-space indent, short lists on one line. Equal patches give equal text."""
    data = {**patch.extra, "format": FORMAT, "settings": patch.settings, **_graph(patch)}
    data |= {"scenes": patch.scenes} if patch.scenes else {}
    data |= {"bindings": list(patch.bindings)} if patch.bindings else {}
    return written(data) + "\n"


def load(path: Path) -> Patch:
    """Reads a patch file. Raises PatchError that begins with the file's name."""
    try:
        return loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise PatchError(f"{path}: this is not a patch: it is not text in UTF-8") from None
    except FileNotFoundError:
        raise PatchError(f"{path}: there is no such file") from None
    except OSError as error:
        raise PatchError(f"{path}: {in_words(error)}") from error
    except PatchError as error:
        raise PatchError(f"{path}: {error}") from error


def save(path: Path, patch: Patch) -> None:
    """Writes a patch file whole or not at all. Raises PatchError; the file that was there stays as it was."""
    try:
        write_atomically(path, dumps(patch).encode(), through_links=True)
    except OSError as error:
        raise PatchError(f"{path} was not saved: {in_words(error)}") from error


def _graph(patch: Patch) -> dict[str, Any]:
    links = sorted([link.source, link.target] for link in patch.links)
    graph: dict[str, Any] = {"nodes": {name: _node_data(node) for name, node in patch.nodes.items()}, "links": links}
    return graph | ({"view": patch.view} if patch.view else {})


def _node_data(node: Node) -> dict[str, Any]:
    inside = node.inside and {
        **node.inside.patch.extra,
        **_graph(node.inside.patch),
        "inputs": node.inside.inputs,
        "outputs": node.inside.outputs,
    }
    return {
        **node.extra,
        "type": node.type,
        "version": node.version,
        "params": node.params,
        "position": [int(x) if float(x).is_integer() else x for x in node.position],
        **{
            key: value
            for key, value in {
                "fault": node.fault,
                "mode": node.mode,
                "seed": node.seed,
                "view": node.view,
                "inside": inside,
            }.items()
            if value
        },
    }


def _from_data(data: dict[str, Any]) -> Patch:
    settings, scenes, bindings = data.get("settings", {}), data.get("scenes", {}), data.get("bindings", [])
    graph = _graph_from(data, ("format", "settings", "scenes", "bindings"))
    if not isinstance(settings, dict):
        raise PatchError(_GRAPH)
    if not isinstance(scenes, dict) or not all(isinstance(scene, dict) for scene in scenes.values()):
        raise PatchError('"scenes" must be an object of objects')
    if not isinstance(bindings, list) or not all(isinstance(binding, dict) for binding in bindings):
        raise PatchError('"bindings" must be a list of objects')
    return replace(graph, settings=settings, scenes=scenes, bindings=tuple(bindings))


def _graph_from(data: dict[str, Any], further: tuple[str, ...]) -> Patch:
    nodes, links, view = data.get("nodes", {}), data.get("links", []), data.get("view", {})
    if not isinstance(nodes, dict) or not isinstance(links, list):
        raise PatchError(_GRAPH)
    if not isinstance(view, dict):
        raise PatchError('"view" must be an object')
    known = ("nodes", "links", "view", *further)
    return Patch(
        nodes={name: _node(name, node) for name, node in nodes.items()},
        links=tuple(_link(link) for link in links),
        extra={key: value for key, value in data.items() if key not in known},
        view=view,
    )


def _node(name: str, data: Any) -> Node:
    _require_word(name)
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise PatchError(f'node {name}: "type" must be a text such as "audio.gain"')
    version, params, position = data.get("version", 1), data.get("params", {}), data.get("position", [0, 0])
    if isinstance(version, bool) or not isinstance(version, int):
        raise PatchError(f'node {name}: "version" must be a whole number, got {version!r}')
    if not isinstance(params, dict):
        raise PatchError(f'node {name}: "params" must be an object')
    numbers = isinstance(position, list) and len(position) == 2 and all(type(x) in (int, float) for x in position)
    try:
        if not numbers:
            raise ValueError
        x, y = float(position[0]), float(position[1])
    except (ValueError, OverflowError):  # OverflowError: an integer that no float can hold
        raise PatchError(f'node {name}: "position" must be two numbers, got {str(position)[:80]}') from None
    fault = data.get("fault")
    if fault is not None and fault not in FAULTS:
        raise PatchError(f'node {name}: "fault" must be one of {", ".join(FAULTS)}, got {str(fault)[:80]}')
    mode, view, seed = data.get("mode"), data.get("view", {}), data.get("seed")
    if mode is not None and mode not in MODES:
        raise PatchError(f'node {name}: "mode" must be one of {", ".join(MODES)}, got {str(mode)[:80]}')
    if not isinstance(view, dict):
        raise PatchError(f'node {name}: "view" must be an object')
    if seed is not None and not (isinstance(seed, str) and seed):
        raise PatchError(f'node {name}: "seed" must be a name, got {str(seed)[:80]!r}')
    known = ["type", "version", "params", "position", "fault", "mode", "view", "seed"]
    inside = None
    if data["type"] == SUBPATCH and "inside" in data:
        inside = _inside(name, data["inside"])
        known.append("inside")
    extra = {key: value for key, value in data.items() if key not in known}
    return Node(data["type"], version, params, (x, y), extra, fault, view, mode, inside, seed)


def _inside(name: str, data: Any) -> Inside:
    if not isinstance(data, dict):
        raise PatchError(f'node {name}: "inside" must be an object with "nodes", "links", "inputs" and "outputs"')
    ports = [data.get(key, {}) for key in ("inputs", "outputs")]
    for key, found in zip(("inputs", "outputs"), ports, strict=True):
        if not isinstance(found, dict) or not all(WORD.fullmatch(port) and _is_end(end) for port, end in found.items()):
            raise PatchError(f'node {name}: "{key}" must lead from words to "node.port", got {json.dumps(found)[:80]}')
    try:
        return Inside(_graph_from(data, ("inputs", "outputs")), *ports)
    except PatchError as error:
        raise PatchError(f"node {name}: {error}") from None


def _link(data: Any) -> Link:
    if not isinstance(data, list) or len(data) != 2 or not all(_is_end(end) for end in data):
        raise PatchError(f'a link must be ["node.output", "node.input"], got {json.dumps(data)[:80]}')
    return Link(data[0], data[1])


def _is_end(end: Any) -> bool:
    return isinstance(end, str) and len(end.split(".")) == 2 and all(end.split("."))


def _require_word(name: str) -> None:
    # Node names become folder names: a word can neither climb out of the assets folder nor clash on another system.
    if not is_node_name(name):
        raise PatchError(f"a node's name must be a word of a-z, 0-9 and _ that begins with a letter, got {name!r}")
