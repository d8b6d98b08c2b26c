"""What nodes are called: free names, and all that speaks of a node when it is called otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graph_editor import marks
from graph_editor.look import pins_of, with_pins
from runtime.node import JobNode
from runtime.patch import Node, Patch
from runtime.registry import Registry
from runtime.spec import INSIDE, WORD
from runtime.subpatch import names_in

ABOVE = "^"
"""Before the flat name of a node that is not in the part of the patch which is shown; no node's name begins so."""
LONGEST_WORD = 64
"""Letters that WORD allows."""
_COMMAND = re.compile(
    r"""(\s*/param/|\s*(?:/train|/revive|/learn|/forget|/anchor/remove|/anchor/record)\s+["']?)(\^?[a-z][a-z0-9_]*)(.*)""",
    re.DOTALL,
)
"""A bound command that speaks of a node: what stands before the node, the node, and the rest."""


def free_name(taken: Iterable[str], wanted: str) -> str:
    """A node name that is not taken: the wanted one, else with a number behind it. What is no word is made one."""
    known = set(taken)
    word = "".join(letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_" for letter in wanted.lower())
    while INSIDE in word:
        word = word.replace(INSIDE, "_")
    word = word.strip("_")[:LONGEST_WORD].rstrip("_")
    if not WORD.fullmatch(word):
        word = f"node_{word}"[:LONGEST_WORD] if word else "node"
    name, number = word, 1
    while name in known:
        number += 1
        name = f"{word[: LONGEST_WORD - len(str(number)) - 1].rstrip('_')}_{number}"
    return name


def renamed(patch: Patch, names: Mapping[str, str]) -> Patch:
    """The patch with nodes called otherwise (old name -> new); wires, scenes, bindings, frames and pins follow. Scenes,
    bindings and pins do so too for what is in a subpatch."""

    def new_name(name: str) -> str:
        return names.get(name, name)

    def place(text: str) -> str:
        return _place(text, new_name)

    nodes = {new_name(name): node for name, node in patch.nodes.items()}
    links = tuple(sorted(replace(link, source=place(link.source), target=place(link.target)) for link in patch.links))
    changed = replace(patch, nodes=nodes, links=links)
    after = names_in(changed)
    flat = {name: after[(new_name(path[0]), *path[1:])] for path, name in names_in(patch).items()}
    return marks.with_frame_names(with_places(changed, lambda name: flat.get(name, name)), new_name)


def with_places(patch: Patch, new_name: Callable[[str], str]) -> Patch:
    """Lets scenes, bindings (with their commands) and pins speak of nodes by other names. `new_name` is given flat names."""
    scenes = {}
    for scene, data in patch.scenes.items():
        scenes[scene] = {
            key: {
                _place(one, new_name): _place(value, new_name) if key == "links" and isinstance(value, str) else value
                for one, value in found.items()
            }
            if key in ("params", "links") and isinstance(found, Mapping)
            else found
            for key, found in data.items()
        }
    bindings = []
    for binding in patch.bindings:
        changed = dict(binding)
        if isinstance(binding.get("node"), str):
            changed["node"] = new_name(binding["node"])
        if isinstance(binding.get("command"), str):
            changed["command"] = _renamed_command(binding["command"], new_name)
        bindings.append(changed)
    patch = replace(patch, scenes=scenes, bindings=tuple(bindings))
    return with_pins(patch, (_place(pin, new_name) for pin in pins_of(patch)))


def _place(text: str, new_name: Callable[[str], str]) -> str:
    """A "node.port" or "node.param" with the node's new name."""
    name, dot, port = text.partition(".")
    return new_name(name) + dot + port


def node_of(binding: Mapping[str, Any]) -> str | None:
    """The flat name of the node that a binding moves, or that its command speaks of; None where there is none."""
    if isinstance(binding.get("node"), str):
        return str(binding["node"])
    found = _COMMAND.fullmatch(binding["command"]) if isinstance(binding.get("command"), str) else None
    return found[2] if found else None


def _renamed_command(command: str, new_name: Callable[[str], str]) -> str:
    found = _COMMAND.fullmatch(command)
    return found[1] + new_name(found[2]) + found[3] if found else command


def with_seeds(
    node: Node,
    path: tuple[str, ...],
    was: Mapping[tuple[str, ...], str],
    registry: Registry,
    path_now: tuple[str, ...] | None = None,
) -> Node:
    """The node, which will be called otherwise, with the name under which it has drawn its random numbers, if it makes or learns
    something: it would be another model."""
    inside = node.inside
    if inside:
        nodes = {name: with_seeds(one, (*path, name), was, registry) for name, one in inside.patch.nodes.items()}
        return replace(node, inside=replace(inside, patch=replace(inside.patch, nodes=nodes)))
    cls = registry.get(node.type)
    if cls is None or not (issubclass(cls, JobNode) or cls.spec.actions):
        return node
    seed = node.seed or was[path]
    return replace(node, seed=None if (seed,) == path_now else seed)
