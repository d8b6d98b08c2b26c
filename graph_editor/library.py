"""The user's library of subpatches: patch files with one subpatch each, in a folder of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from graph_editor import layout
from graph_editor.look import Point
from graph_editor.names import free_name
from runtime.errors import PatchError, in_words
from runtime.folders import config_folder
from runtime.patch import SUBPATCH, Node, Patch
from runtime.patch import load as load_patch
from runtime.patch import save as save_patch
from runtime.registry import Registry
from runtime.subpatch import spec_of


@dataclass(frozen=True)
class Entry:
    """A subpatch that the user keeps."""

    title: str
    path: Path


def entries() -> tuple[Entry, ...]:
    """The library by title; files that are no subpatch are left out."""
    found = []
    try:
        paths = sorted(folder().glob("*.json"))
    except OSError:
        return ()
    for path in paths:
        try:
            found.append(Entry(_title(load(path), path.stem), path))
        except PatchError:
            continue
    return tuple(sorted(found, key=lambda entry: (entry.title.casefold(), entry.path)))


def save(title: str, node: Node) -> Entry:
    """Puts a subpatch into the library; one of that title is replaced. What its nodes have made or learnt stays where it is."""
    if node.type != SUBPATCH:
        raise PatchError("the library keeps subpatches; make one of the nodes first")
    if not title.strip():
        raise PatchError("a subpatch needs a title in the library")
    old = next((entry for entry in entries() if entry.title == title), None)
    try:
        taken = {one.stem for one in folder().glob("*.json")}
        path = old.path if old else folder() / f"{free_name(taken, title)}.json"
    except OSError as error:
        raise PatchError(f"{title} was not kept: {in_words(error)}") from error
    kept = replace(_without_seeds(node), view={**node.view, "title": title}, position=(0.0, 0.0), mode=None)
    save_patch(path, Patch(nodes={free_name((), title): kept}))
    return Entry(title, path)


def load(path: Path) -> Node:
    """The subpatch of a file of the library."""
    found = [node for node in load_patch(path).nodes.values() if node.type == SUBPATCH]
    if len(found) != 1:
        raise PatchError(f"{path} is not a subpatch")
    return found[0]


def discard(entry: Entry) -> None:
    """Removes a subpatch from the library."""
    try:
        entry.path.unlink(missing_ok=True)
    except OSError as error:
        raise PatchError(f"{entry.title} was not removed: {in_words(error)}") from error


def add(
    patch: Patch, entry: Entry, position: Point, registry: Registry, sizes: Mapping[str, layout.Size] | None = None
) -> tuple[Patch, str]:
    """The patch with a subpatch of the library at the free place nearest to a position, and its name. `sizes`: of the nodes that
    were drawn."""
    node = load(entry.path)
    name = free_name(patch.nodes, entry.title)
    place = layout.free_place(patch, layout.sizes_of(patch, registry, sizes), position, layout.size_of(spec_of(node, registry)))
    return patch.with_node(name, replace(node, position=(float(place[0]), float(place[1])))), name


def folder() -> Path:
    """The folder of it. Raises OSError for a user without a home."""
    return config_folder() / "subpatches"


def _title(node: Node, otherwise: str) -> str:
    title = node.view.get("title")
    return title if isinstance(title, str) and title else otherwise


def _without_seeds(node: Node) -> Node:
    if node.inside:
        nodes = {name: _without_seeds(one) for name, one in node.inside.patch.nodes.items()}
        node = replace(node, inside=replace(node.inside, patch=replace(node.inside.patch, nodes=nodes)))
    return replace(node, seed=None)
