"""A patch inside a patch, as the editor works on it: taken out to be edited, put back, and who is called otherwise afterwards.

A place is `where`: the names of the subpatches on the way in, () for the whole patch. What the whole patch says of a node in a
subpatch (in scenes, bindings, assets) uses its flat name (`runtime.subpatch`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from graph_editor.look import pins_of, with_pins
from graph_editor.names import ABOVE, with_places
from runtime.errors import PatchError
from runtime.patch import Inside, Patch
from runtime.spec import INSIDE
from runtime.subpatch import exposed, names_in, nodes_in, patch_at, place_of

Where = tuple[str, ...]


def part(whole: Patch, where: Where) -> Patch:
    """The patch at a place. It has the settings, scenes, bindings and pins of the whole, which speak of its nodes by their
    own names, so that every edit works in a subpatch as it does outside. Raises PatchError where there is no such place."""
    if not where:
        return whole
    inner = patch_at(whole, where)
    own = {flat: name for name, flat in _flat_names(whole, where, inner).items()}
    said = with_places(_said(whole), lambda name: own.get(name, ABOVE + name))
    return _saying(replace(inner, settings=whole.settings), said)


def put_back(whole: Patch, where: Where, patch: Patch) -> Patch:
    """The whole patch with another one at a place, as `part` gave it. Ports of the subpatch follow nodes that are called
    otherwise now, or were put into a subpatch or taken out of one; a port whose node is gone goes, with the wires to it."""
    if not where:
        return patch
    inner = _saying(replace(patch, settings={}), _said(patch_at(whole, where)))
    changed = _seated(whole, where, inner)
    flat = _flat_names(changed, where, inner)
    said = with_places(
        _said(patch), lambda name: name[len(ABOVE) :] if name.startswith(ABOVE) else flat.get(name, INSIDE.join((*where, name)))
    )
    return _saying(replace(changed, settings=patch.settings), said)


def _said(patch: Patch) -> Patch:
    """Only what a patch says of its nodes by their flat names."""
    return with_pins(Patch(scenes=patch.scenes, bindings=patch.bindings), pins_of(patch))


def _saying(patch: Patch, said: Patch) -> Patch:
    return with_pins(replace(patch, scenes=said.scenes, bindings=said.bindings), pins_of(said))


def reachable(whole: Patch, where: Where) -> Where:
    """As much of the way to a place as is there."""
    for depth in range(len(where), 0, -1):
        try:
            patch_at(whole, where[:depth])
        except PatchError:
            continue
        return where[:depth]
    return ()


def moved(before: Patch, after: Patch) -> dict[str, str]:
    """Old flat name -> new, of nodes that are the same but are called otherwise: renamed, put into a subpatch or taken out of
    one. The same is a node whose params are the very same object: edits keep it, copies by the clipboard do not."""
    same = before.nodes.keys() == after.nodes.keys()
    if same and all(node.inside is after.nodes[name].inside for name, node in before.nodes.items()):
        return {}
    old, new = names_in(before), names_in(after)
    kept = set(old.values())
    fresh = {id(node.params): new[path] for path, node in nodes_in(after) if new[path] not in kept}
    there = set(new.values())
    return {
        old[path]: fresh[id(node.params)]
        for path, node in nodes_in(before)
        if old[path] not in there and id(node.params) in fresh
    }


def _flat_names(whole: Patch, where: Where, inner: Patch) -> dict[str, str]:
    """Flat name in the part -> flat name in the whole, of every node at a place and below it."""
    every = names_in(whole)
    return {name: every[(*where, *path)] for path, name in names_in(inner).items()}


def _seated(outer: Patch, where: tuple[str, ...], patch: Patch) -> Patch:
    name = where[0]
    node = outer.nodes[name]
    if node.inside is None:
        raise PatchError(f"there is no subpatch {name}")
    old = node.inside
    inner = _seated(old.patch, where[1:], patch) if len(where) > 1 else patch
    now = moved(old.patch, inner)
    for side, ports in (("input", old.inputs), ("output", old.outputs)):
        inner = _reachable_still(ports, side, old.patch, inner, now)
    inside = replace(
        old,
        patch=inner,
        inputs=_followed(old.inputs, old.patch, inner, now, lambda one: one.inputs),
        outputs=_followed(old.outputs, old.patch, inner, now, lambda one: one.outputs),
    )
    gone = {f"{name}.{port}" for port in old.inputs if port not in inside.inputs}
    lost = {f"{name}.{port}" for port in old.outputs if port not in inside.outputs}
    links = tuple(link for link in outer.links if link.target not in gone and link.source not in lost)
    return replace(outer, nodes={**outer.nodes, name: replace(node, inside=inside)}, links=links)


def _reachable_still(ports: Mapping[str, str], side: str, before: Patch, after: Patch, now: Mapping[str, str]) -> Patch:
    """What is inside, where a node that ports lead to was put into a subpatch: that one has ports for them too, though no wire
    inside leads to them."""
    for end in ports.values():
        name, _, port = end.partition(".")
        place = place_of(after, now[name]) if name in now and name in before.nodes else None
        if place is not None and place[0]:
            after, _ = exposed(after, (*place[0], place[1]), port, side)
    return after


def _followed(
    ports: Mapping[str, str], before: Patch, after: Patch, now: Mapping[str, str], side: Callable[[Inside], Mapping[str, str]]
) -> dict[str, str]:
    kept = {}
    for port, end in ports.items():
        place = _end(end, before, after, now, side)
        if place is not None:
            kept[port] = place
    return kept


def _end(
    end: str, before: Patch, after: Patch, now: Mapping[str, str], side: Callable[[Inside], Mapping[str, str]]
) -> str | None:
    """Where an inner end of a port is now; None where it is gone."""
    name, _, port = end.partition(".")
    node = after.nodes.get(name)
    if node is not None:
        # A subpatch may have lost that port; what else is wrong with an end is no matter of the edit.
        was = before.nodes.get(name)
        had = was is not None and was.inside is not None and port in side(was.inside)
        return None if had and (node.inside is None or port not in side(node.inside)) else end
    if name not in before.nodes:
        return end
    old = before.nodes[name].inside
    flat = now.get(name)
    if flat is None and old is not None and port in side(old):  # dissolved
        inner, _, port = side(old)[port].partition(".")
        flat = names_in(before).get((name, inner))
        flat = now.get(flat) if flat else None
    place = place_of(after, flat) if flat else None
    if place is None:
        return None
    around, own = place
    if not around:
        return f"{own}.{port}"
    group = after.nodes[around[0]].inside  # put into a subpatch
    if group is None or len(around) > 1:
        return None
    return next((f"{around[0]}.{outer}" for outer, one in side(group).items() if one == f"{own}.{port}"), None)
