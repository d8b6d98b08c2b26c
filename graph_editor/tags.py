"""Tags that an artist gives to slices by hand: kept by a Tag node as its param, so that they reach the jobs, and undo takes them
back as it does every param. A map tags through the Tag node that its node feeds; where there is none, one comes beside it.

An earlier version kept them in the view of the node whose map it was (`Node.view["tags"]`); they are shown still, and move to the
Tag node with the next one that is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from graph_editor import edits, wires
from graph_editor.layout import Size
from runtime.corpus import Part, Tag, read_tags
from runtime.patch import Node, Patch
from runtime.registry import Registry
from runtime.spec import PortType

KEY = "tags"
TAG = "corpus.tag"
BESIDE = (260.0, 180.0)
"""Where the Tag node comes, from the node whose map it serves."""


def keeper(patch: Patch, name: str) -> str | None:
    """The Tag node that keeps what is tagged on a node's map: itself, or the first that it feeds; None where there is none."""
    node = patch.nodes.get(name)
    if node is None or node.type == TAG:
        return name if node is not None else None
    fed = sorted(link.ends()[2] for link in patch.links if link.ends()[0] == name)
    return next((one for one in fed if one in patch.nodes and patch.nodes[one].type == TAG), None)


def hand_set(patch: Patch, name: str) -> dict[str, Tag]:
    """Tags set by hand on a node's map, by name."""
    node, kept = patch.nodes.get(name), keeper(patch, name)
    found = read_tags(node.view.get(KEY)) if node is not None else {}
    return found | (read_tags(patch.nodes[kept].params.get(KEY)) if kept is not None else {})


def tag(
    patch: Patch,
    registry: Registry,
    name: str,
    word: str,
    more: Iterable[Part],
    reason: str = "",
    sizes: Mapping[str, Size] | None = None,
) -> Patch:
    """The patch in which more slices of a node's map carry a tag; an empty reason leaves what was said."""
    found = hand_set(patch, name)
    old = found.get(word, Tag())
    found[word] = Tag(tuple(dict.fromkeys((*old.parts, *more))), reason or old.reason)
    return _kept(patch, registry, name, found, sizes)


def untag(patch: Patch, registry: Registry, name: str, word: str, sizes: Mapping[str, Size] | None = None) -> Patch:
    """The patch in which no slice of a node's map carries a tag that was set by hand."""
    found = hand_set(patch, name)
    return _kept(patch, registry, name, {key: one for key, one in found.items() if key != word}, sizes)


def _kept(patch: Patch, registry: Registry, name: str, tags: Mapping[str, Tag], sizes: Mapping[str, Size] | None) -> Patch:
    node = patch.nodes[name]
    patch = patch.with_node(name, replace(node, view={key: one for key, one in node.view.items() if key != KEY}))
    kept = keeper(patch, name)
    if kept is None:
        place = (node.position[0] + BESIDE[0], node.position[1] + BESIDE[1])
        patch, kept = edits.add(patch, registry, TAG, place, sizes=sizes)
        # Beside what the node feeds, not in between: a training must not begin anew because somebody gave a sound a name.
        patch = wires.connect(patch, registry, f"{name}.{_output(registry, node)}", f"{kept}.corpus")
    data: dict[str, Any] = {
        word: {"reason": one.reason, "slices": [list(part) for part in one.parts]} for word, one in tags.items()
    }
    return edits.set_param(patch, kept, KEY, data, registry)


def _output(registry: Registry, node: Node) -> str:
    cls = registry.get(node.type)
    ports = cls.spec.outputs if cls is not None else ()
    return next((port.name for port in ports if port.type is PortType.CORPUS), "corpus")
