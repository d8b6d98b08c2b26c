"""Subpatches as edits: a selection becomes one, one is dissolved, its ports change. Pure functions from a patch to another.

All raise PatchError in the user's words where an edit cannot be; the patch given stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from graph_editor import marks
from graph_editor.look import (
    Point,
    bookmarks_of,
    comments_of,
    frames_of,
    pins_of,
    with_bookmarks,
    with_comments,
    with_frames,
    with_pins,
)
from graph_editor.names import free_name, with_places, with_seeds
from runtime.errors import PatchError
from runtime.patch import SUBPATCH, Inside, Link, Node, Patch
from runtime.registry import Registry
from runtime.spec import INSIDE, WORD
from runtime.subpatch import VERSION, exposed, names_in, nodes_in, spec_of

DEEPEST = 20
"""Subpatches in each other: no file may be nested so deeply that it could not be read again."""


def group(patch: Patch, registry: Registry, names: Iterable[str], title: str = "Subpatch") -> tuple[Patch, str]:
    """Puts nodes into a subpatch; gives the patch and the subpatch's name. It has a port for each inner port that a wire leads to
    from outside, and for what is open: inputs that must be connected, and outputs of nodes that lead nowhere. Scenes, bindings,
    frames and pins follow."""
    chosen = {name for name in names if name in patch.nodes}
    if not chosen:
        raise PatchError("a subpatch needs nodes: choose some first")
    if max(len(path) for path, _ in nodes_in(patch) if path[0] in chosen) >= DEEPEST:
        raise PatchError(f"subpatches can lie in each other {DEEPEST} deep; dissolve one of them first")
    among = tuple(link for link in patch.links if link.ends()[0] in chosen and link.ends()[2] in chosen)
    across = [link for link in patch.links if link not in among]
    entries = [link.target for link in across if link.ends()[2] in chosen]
    exits = [link.source for link in across if link.ends()[0] in chosen]
    open_inputs, open_outputs = _open_ends(patch, registry, chosen)
    inputs, outputs = _ports([*entries, *open_inputs]), _ports([*exits, *open_outputs])

    was = names_in(patch)
    inner = Patch(nodes={name: with_seeds(patch.nodes[name], (name,), was, registry) for name in sorted(chosen)}, links=among)
    frames = [frame for frame in frames_of(patch) if frame.nodes and chosen.issuperset(frame.nodes)]
    inner = with_frames(inner, frames)
    name = free_name({*patch.nodes, *(other.split(INSIDE)[0] for other in patch.nodes)}, title)
    corner = min(patch.nodes[one].position[0] for one in chosen), min(patch.nodes[one].position[1] for one in chosen)
    node = Node(SUBPATCH, VERSION, {}, corner, view={"title": title} if title else {}, inside=Inside(inner, inputs, outputs))

    into, out = {end: port for port, end in inputs.items()}, {end: port for port, end in outputs.items()}
    links = {
        Link(
            f"{name}.{out[link.source]}" if link.source in out else link.source,
            f"{name}.{into[link.target]}" if link.target in into else link.target,
        )
        for link in across
    }
    nodes = {one: other for one, other in patch.nodes.items() if one not in chosen}
    grouped = replace(patch, nodes={**nodes, name: node}, links=tuple(sorted(links)))
    grouped = with_frames(grouped, (frame for frame in frames_of(grouped) if frame not in frames))
    grouped = _frames_renamed(grouped, dict.fromkeys(chosen, (name,)))
    now = names_in(grouped)
    return _followed(grouped, {flat: now[name, *path] for path, flat in was.items() if path[0] in chosen}), name


def dissolve(patch: Patch, name: str, registry: Registry | None = None) -> Patch:
    """Puts the nodes of a subpatch in its place. With `registry`, what they have made or learnt stays valid. A mode of the
    subpatch becomes that of each node; frames, comments, scenes, bindings and pins follow."""
    node = _subpatch(patch, name)
    inside = node.inside or Inside()
    inner, was = inside.patch, names_in(patch)
    new: dict[str, str] = {}
    for one in sorted(inner.nodes):
        taken = {*patch.nodes, *new.values()} - {name}
        new[one] = one if one not in taken and INSIDE not in one else free_name({*taken, *inner.nodes}, one)
    corners = [one.position for one in inner.nodes.values()] or [node.position]
    shift = node.position[0] - min(x for x, _ in corners), node.position[1] - min(y for _, y in corners)

    nodes = {one: other for one, other in patch.nodes.items() if one != name}
    for one, other in inner.nodes.items():
        found = with_seeds(other, (name, one), was, registry, path_now=(new[one],)) if registry else other
        nodes[new[one]] = replace(
            found, position=_moved(other.position, shift), mode=node.mode or other.mode, fault=other.fault or node.fault
        )

    def end(text: str, ports: Mapping[str, str]) -> str | None:
        outer, _, port = text.partition(".")
        if outer != name:
            return text
        one, _, port = ports.get(port, ".").partition(".")
        return f"{new[one]}.{port}" if one in new else None

    links = {
        Link(source, target)
        for link in patch.links
        if (source := end(link.source, inside.outputs)) and (target := end(link.target, inside.inputs))
    }
    for link in inner.links:
        source, output, target, port = link.ends()
        links.add(Link(f"{new.get(source, source)}.{output}", f"{new.get(target, target)}.{port}"))
    dissolved = replace(patch, nodes=nodes, links=tuple(sorted(links)))
    dissolved = _frames_renamed(dissolved, {name: tuple(new.values())})
    renamed = with_places(marks.with_frame_names(inner, lambda one: new.get(one, one)), lambda one: new.get(one, one))
    dissolved = with_frames(dissolved, (*frames_of(dissolved), *frames_of(renamed)))
    pins = (end(pin, inside.outputs) for pin in pins_of(dissolved))
    dissolved = with_pins(dissolved, (*(pin for pin in pins if pin), *pins_of(renamed)))
    comments = (replace(comment, position=_moved(comment.position, shift)) for comment in comments_of(inner))
    dissolved = with_comments(dissolved, (*comments_of(dissolved), *comments))
    bookmarks = (replace(bookmark, position=_moved(bookmark.position, shift)) for bookmark in bookmarks_of(inner))
    dissolved = with_bookmarks(dissolved, (*bookmarks_of(dissolved), *bookmarks))
    now = names_in(dissolved)
    moved = {flat: now[(new[path[1]], *path[2:])] for path, flat in was.items() if path[0] == name and len(path) > 1}
    return _followed(dissolved, moved)


# Ports


def add_port(patch: Patch, name: str, end: str, side: str) -> Patch:
    """Gives a subpatch a port for an inner `node.port`; nothing changes where it has one. `side` is "input" or "output"."""
    inner, _, port = end.partition(".")
    if inner not in (_subpatch(patch, name).inside or Inside()).patch.nodes:
        raise PatchError(f"there is no node {inner} in {name}")
    return exposed(patch, (name, inner), port, side)[0]


def remove_port(patch: Patch, name: str, port: str, side: str) -> Patch:
    """Takes a port from a subpatch, and the wires to it."""
    ports = {one: end for one, end in _ports_of(patch, name, side).items() if one != port}
    end = f"{name}.{port}"
    links = tuple(link for link in patch.links if (link.target if side == "input" else link.source) != end)
    return _with_ports(replace(patch, links=links), name, ports, side)


def rename_port(patch: Patch, name: str, port: str, new: str, side: str) -> Patch:
    """Calls a port of a subpatch otherwise; its wires follow."""
    ports = _ports_of(patch, name, side)
    if port not in ports:
        raise PatchError(f"{name} has no {side} {port}")
    if new != port and new in ports:
        raise PatchError(f"{name} has an {side} {new} already; choose another name")
    if not WORD.fullmatch(new):
        raise PatchError(f"a port's name must be a word of a-z, 0-9 and _ that begins with a letter, got {new!r}")
    old_end, new_end = f"{name}.{port}", f"{name}.{new}"
    links = (
        replace(link, target=new_end)
        if side == "input" and link.target == old_end
        else replace(link, source=new_end)
        if side == "output" and link.source == old_end
        else link
        for link in patch.links
    )
    renamed = {new if one == port else one: end for one, end in ports.items()}
    return _with_ports(replace(patch, links=tuple(sorted(links))), name, renamed, side)


# Parts


def _subpatch(patch: Patch, name: str) -> Node:
    node = patch.nodes.get(name)
    if node is None or node.type != SUBPATCH:
        raise PatchError(f"{name} is not a subpatch" if node else f"there is no node {name}")
    return node


def _open_ends(patch: Patch, registry: Registry, chosen: set[str]) -> tuple[list[str], list[str]]:
    """The inputs that must be connected and are not, and the outputs of nodes that lead nowhere, as `node.port`."""
    targets, sources = {link.target for link in patch.links}, {link.ends()[0] for link in patch.links}
    inputs: list[str] = []
    outputs: list[str] = []
    for name in sorted(chosen):
        spec = spec_of(patch.nodes[name], registry)
        if spec is None:
            continue
        ends = [f"{name}.{port.name}" for port in spec.inputs if not port.optional]
        inputs += [end for end in ends if end not in targets]
        if name not in sources:
            outputs += [f"{name}.{port.name}" for port in spec.outputs]
    return inputs, outputs


def _ports(ends: Iterable[str]) -> dict[str, str]:
    """Names for ports that lead to these inner ends: those of the inner ports, with the node's where two are alike."""
    distinct = sorted(set(ends))
    alike = [end.partition(".")[2] for end in distinct]
    ports: dict[str, str] = {}
    for end, port in zip(distinct, alike, strict=True):
        ports[free_name(ports, port if alike.count(port) == 1 else end.replace(".", "_"))] = end
    return ports


def _ports_of(patch: Patch, name: str, side: str) -> Mapping[str, str]:
    inside = _subpatch(patch, name).inside or Inside()
    return inside.inputs if side == "input" else inside.outputs


def _with_ports(patch: Patch, name: str, ports: Mapping[str, str], side: str) -> Patch:
    node = _subpatch(patch, name)
    inside = node.inside or Inside()
    inside = replace(inside, inputs=dict(ports)) if side == "input" else replace(inside, outputs=dict(ports))
    return patch.with_node(name, replace(node, inside=inside))


def _frames_renamed(patch: Patch, names: Mapping[str, tuple[str, ...]]) -> Patch:
    """Frames around other nodes in place of some."""
    return with_frames(
        patch,
        (
            replace(frame, nodes=tuple(dict.fromkeys(new for name in frame.nodes for new in names.get(name, (name,)))))
            for frame in frames_of(patch)
        ),
    )


def _followed(patch: Patch, flat: Mapping[str, str]) -> Patch:
    """Scenes, bindings and pins that name nodes otherwise, old flat name to new."""
    return with_places(patch, lambda name: flat.get(name, name))


def _moved(position: Point, shift: Point) -> Point:
    return position[0] + shift[0], position[1] + shift[1]
