"""Edits of nodes and wires, and the clipboard: pure functions from a patch to another.

What concerns wires is taken from `wires` and given on; `marks` edits what lies around the nodes.

All raise PatchError (ParamError for values) in the user's words where an edit cannot be; the patch given stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graph_editor import layout, marks
from graph_editor.geometry import around
from graph_editor.look import Point, frames_of, pins_of, with_frames, with_pins
from graph_editor.names import free_name, node_of, renamed, with_seeds
from graph_editor.wires import connect, disconnect, fits, fitting, insert, reconnect, why_not
from runtime.errors import PatchError, in_words
from runtime.patch import MODES, SETTINGS, Node, Patch, dumps, loads
from runtime.registry import Registry
from runtime.spec import INSIDE, WORD
from runtime.subpatch import names_in, spec_of

__all__ = [
    "add",
    "align",
    "connect",
    "copy",
    "disconnect",
    "duplicate",
    "fits",
    "fitting",
    "insert",
    "move",
    "paste",
    "reconnect",
    "remove",
    "rename",
    "reset_param",
    "set_colour",
    "set_folded",
    "set_mode",
    "set_param",
    "set_setting",
    "set_title",
    "why_not",
]

ALIGNMENTS = ("left", "right", "top", "bottom", "row", "column")


# Nodes


def add(
    patch: Patch,
    registry: Registry,
    type_id: str,
    position: Point,
    params: Mapping[str, Any] | None = None,
    sizes: Mapping[str, layout.Size] | None = None,
) -> tuple[Patch, str]:
    """The patch with a new node, and its name, made from the type's last word. With `sizes` (of the nodes that were drawn) it
    comes to the free place nearest to `position`."""
    cls = registry.get(type_id)
    if cls is None:
        raise PatchError(f"there is no node {type_id}")
    if sizes is not None:
        position = layout.free_place(patch, layout.sizes_of(patch, registry, sizes), position, layout.size_of(cls.spec))
    name = free_name(patch.nodes, cls.spec.type.partition(".")[2])
    node = Node(cls.spec.type, cls.spec.version, dict(params or {}), (float(position[0]), float(position[1])))
    return patch.with_node(name, node), name


def remove(patch: Patch, names: Iterable[str]) -> Patch:
    """The patch without these nodes, their wires, and what frames, pins, scenes and bindings say of them."""
    gone = {name for name in names if name in patch.nodes}
    if not gone:
        return patch

    silent = {flat for path, flat in names_in(patch).items() if path[0] in gone}

    def stays(place: Any) -> bool:
        return not isinstance(place, str) or place.partition(".")[0] not in silent

    links = tuple(link for link in patch.links if link.ends()[0] not in gone and link.ends()[2] not in gone)
    scenes = {
        scene: {
            key: {place: value for place, value in found.items() if stays(place) and (key == "params" or stays(value))}
            if key in ("params", "links") and isinstance(found, Mapping)
            else found
            for key, found in data.items()
        }
        for scene, data in patch.scenes.items()
    }
    bindings = tuple(one for one in patch.bindings if stays(node_of(one)))
    patch = replace(
        patch,
        nodes={name: node for name, node in patch.nodes.items() if name not in gone},
        links=links,
        scenes=scenes,
        bindings=bindings,
    )
    patch = with_pins(patch, (pin for pin in pins_of(patch) if stays(pin)))
    return marks.leave_frames(patch, gone)


def rename(patch: Patch, old: str, new: str, registry: Registry | None = None) -> Patch:
    """Calls a node otherwise; wires, scenes, bindings (with their commands), frames and pins follow. With `registry`, what it has
    made or learnt stays valid."""
    if old not in patch.nodes:
        raise PatchError(f"there is no node {old}")
    if new == old:
        return patch
    if new in patch.nodes:
        raise PatchError(f"there is a node {new} already; choose another name")
    if not WORD.fullmatch(new):
        raise PatchError(f"a node's name must be a word of a-z, 0-9 and _ that begins with a letter, got {new!r}")
    if INSIDE in new:
        raise PatchError(f"two _ in a row stand for what lies in a subpatch; choose another name than {new!r}")
    if registry is not None:
        patch = patch.with_node(old, with_seeds(patch.nodes[old], (old,), names_in(patch), registry, path_now=(new,)))
    return renamed(patch, {old: new})


def move(patch: Patch, places: Mapping[str, Point]) -> Patch:
    """Puts nodes at other places."""
    nodes = dict(patch.nodes)
    for name, (x, y) in places.items():
        if name in nodes:
            nodes[name] = replace(nodes[name], position=(float(x), float(y)))
    return replace(patch, nodes=nodes)


def align(patch: Patch, names: Iterable[str], how: str, sizes: Mapping[str, layout.Size]) -> Patch:
    """Brings nodes into line at one edge (left, right, top, bottom), or in their order side by side (row) or below each other
    (column). None comes to lie over another of them."""
    if how not in ALIGNMENTS:
        raise PatchError(f"nodes can be aligned {', '.join(ALIGNMENTS)}, not {how}")
    boxes = layout.boxes_of(patch, sizes, names)
    found = around(boxes.values())
    if found is None:
        return patch
    across = how in ("top", "bottom", "row")
    axis = 0 if across else 1
    places: dict[str, Point] = {}
    edge = -float("inf")
    for name in sorted(boxes, key=lambda name: (boxes[name][axis], boxes[name][1 - axis], name)):
        left, top, right, bottom = boxes[name]
        along = left if across else top
        if how in ("row", "column"):
            along = edge if places else along
        along = max(along, edge)
        edge = along + (right - left if across else bottom - top) + layout.GAP
        level = found[1 - axis]
        if how in ("right", "bottom"):
            level = found[3 - axis] - (bottom - top if across else right - left)
        places[name] = (along, level) if across else (level, along)
    return move(patch, places)


# Params and looks


def set_param(patch: Patch, name: str, param: str, value: Any, registry: Registry) -> Patch:
    """Sets a param to the legal value that is meant. Of a node that an older version wrote, all params are brought up to date."""
    node = _node(patch, name)
    spec, cls = spec_of(node, registry), registry.get(node.type)
    if spec is None:
        raise PatchError(f"{name} is a {node.type}, which this glasspatch does not have: its params are kept as they are")
    found = spec.param(param)
    if found is None or cls is None:
        raise PatchError(f"{name} has no param {param}; it has {', '.join(one.name for one in spec.params) or 'none'}")
    legal = found.coerce(value)
    if node.version < spec.version:
        try:
            node = replace(node, params=dict(cls.upgrade(dict(node.params), node.version)), version=spec.version)
        except Exception as error:  # whatever an upgrade makes of params that are not what it thinks
            raise PatchError(
                f"the params of {name} are of version {node.version} and cannot be understood ({in_words(error)})"
            ) from error
    return patch.with_node(name, replace(node, params={**node.params, param: legal}))


def reset_param(patch: Patch, name: str, param: str) -> Patch:
    """Sets a param back to its default."""
    node = _node(patch, name)
    return patch.with_node(name, replace(node, params={key: value for key, value in node.params.items() if key != param}))


def set_setting(patch: Patch, name: str, value: Any) -> Patch:
    """Sets a setting of the whole patch (sample_rate, block, seed) to the legal value that is meant."""
    found = next((param for param in SETTINGS if param.name == name), None)
    if found is None:
        raise PatchError(f"there is no setting {name}; there are {', '.join(param.name for param in SETTINGS)}")
    return patch.with_setting(name, found.coerce(value))


def set_mode(patch: Patch, names: Iterable[str], mode: str | None) -> Patch:
    """Mutes ("mute") or bypasses ("bypass") nodes, or lets them work (None)."""
    if mode is not None and mode not in MODES:
        raise PatchError(f"a node can be switched to {', '.join(MODES)}, not {mode}")
    return _changed(patch, names, lambda node: replace(node, mode=mode))


def set_title(patch: Patch, names: Iterable[str], title: str) -> Patch:
    """Writes a title above nodes; an empty one is that of their kind."""
    return _changed(patch, names, lambda node: _with_view(node, "title", title))


def set_colour(patch: Patch, names: Iterable[str], colour: str) -> Patch:
    """Colours nodes, by a name that the theme knows; an empty one is that of their family."""
    return _changed(patch, names, lambda node: _with_view(node, "colour", colour))


def set_latent_names(patch: Patch, name: str, words: Iterable[str]) -> Patch:
    """Calls a decoder's latents by words of the artist's, in their order; "" is one without."""
    called = [word.strip() for word in words]
    while called and not called[-1]:
        called.pop()
    return _changed(patch, [name], lambda node: _with_view(node, "latents", called))


def set_folded(patch: Patch, names: Iterable[str], folded: bool) -> Patch:
    """Folds nodes to their title and ports, or unfolds them."""
    return _changed(patch, names, lambda node: _with_view(node, "folded", folded))


# The clipboard


def copy(patch: Patch, names: Iterable[str]) -> str:
    """The patch text of these nodes, the wires among them, and the frames whose nodes are all among them."""
    return dumps(_part(patch, names))


def paste(
    patch: Patch, text: str, at: Point, registry: Registry, sizes: Mapping[str, layout.Size] | None = None
) -> tuple[Patch, list[str]]:
    """The patch with the nodes of a patch text (of this window or another), and their names here. The upper left corner of all
    comes to `at`, or to the free place nearest to it. Raises PatchError where the text is no patch or holds no nodes."""
    part = loads(text)
    if not part.nodes:
        raise PatchError("there are no nodes in it")
    part = _part(part, part.nodes)
    here, theirs = layout.sizes_of(patch, registry, sizes), layout.sizes_of(part, registry)
    corner = layout.bounds(part, theirs) or (0.0, 0.0, 0.0, 0.0)
    return _joined(patch, part, (at[0] - corner[0], at[1] - corner[1]), here, theirs)


def duplicate(
    patch: Patch, names: Iterable[str], offset: Point, sizes: Mapping[str, layout.Size] | None = None
) -> tuple[Patch, list[str]]:
    """The patch with copies of nodes, of the wires among them and of frames around them, and the copies' names. They lie `offset`
    further; with `sizes` (of all nodes), at the free place nearest to it."""
    part = _part(patch, names)
    return _joined(patch, part, offset, sizes, sizes or {})


def _part(patch: Patch, names: Iterable[str]) -> Patch:
    kept = {name: patch.nodes[name] for name in names if name in patch.nodes}
    links = tuple(link for link in patch.links if link.ends()[0] in kept and link.ends()[2] in kept)
    frames = [frame for frame in frames_of(patch) if frame.nodes and all(name in kept for name in frame.nodes)]
    return with_frames(Patch(nodes=kept, links=links), frames)


def _joined(
    patch: Patch,
    part: Patch,
    shift: Point,
    here: Mapping[str, layout.Size] | None,
    theirs: Mapping[str, layout.Size],
) -> tuple[Patch, list[str]]:
    if here is not None:
        wanted = [
            layout.box((x0 + shift[0], y0 + shift[1]), (x1 - x0, y1 - y0))
            for x0, y0, x1, y1 in layout.boxes_of(part, theirs).values()
        ]
        further = layout.free_shift(list(layout.boxes_of(patch, here).values()), wanted)
        shift = shift[0] + further[0], shift[1] + further[1]
    names: dict[str, str] = {}
    for name in part.nodes:
        names[name] = (
            name
            if name not in patch.nodes and INSIDE not in name
            else free_name({*patch.nodes, *names.values(), *part.nodes}, name)
        )
    nodes = {
        name: replace(node, position=(node.position[0] + shift[0], node.position[1] + shift[1]))
        for name, node in part.nodes.items()
    }
    part = renamed(replace(part, nodes=nodes), names)
    joined = replace(patch, nodes={**patch.nodes, **part.nodes}, links=tuple(sorted({*patch.links, *part.links})))
    return with_frames(joined, (*frames_of(joined), *frames_of(part))), list(part.nodes)


def _node(patch: Patch, name: str) -> Node:
    if name not in patch.nodes:
        raise PatchError(f"there is no node {name}")
    return patch.nodes[name]


def _changed(patch: Patch, names: Iterable[str], change: Callable[[Node], Node]) -> Patch:
    return replace(patch, nodes={**patch.nodes, **{name: change(patch.nodes[name]) for name in names if name in patch.nodes}})


def _with_view(node: Node, key: str, value: Any) -> Node:
    rest = {name: one for name, one in node.view.items() if name != key}
    return replace(node, view={**rest, key: value} if value else rest)
