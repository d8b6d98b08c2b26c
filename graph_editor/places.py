"""Where a patch lies, with what belongs to it: files that its params name, and what it made. Brings in, moves, copies, looks.

All of it may take its time with large recordings and models: `Client.aside` does it on a thread.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from graph_editor import backups
from runtime.artifacts import RECORD, write_atomically
from runtime.errors import PatchError
from runtime.patch import Node, Patch, dumps, save
from runtime.registry import Registry
from runtime.spec import PathParam
from runtime.subpatch import names_in, nodes_in

HOW = ("link", "copy")
NOT_COPIED = shutil.ignore_patterns(".*.lock", ".lock", ".glasspatch-*.tmp")


def bring_in(patch_path: Path, source: Path, how: str = "link") -> str:
    """Puts a file or folder beside the patch and gives what a PathParam takes: its path relative to the patch. What lies below
    the patch's folder already is left where it is. `how`: "link" (for large archives) or "copy". A name that is taken gets a
    number. Raises PatchError where there is no such file, and OSError."""
    folder, source = _absolute(patch_path).parent, _absolute(source)
    if not source.exists():
        raise PatchError(f"{source} is not there any more; choose another")
    if source.is_relative_to(folder) and source != folder:
        return source.relative_to(folder).as_posix()
    if folder.is_relative_to(source):
        raise PatchError(f"{source} holds the patch itself; choose a folder in it, or save the patch elsewhere")
    folder.mkdir(parents=True, exist_ok=True)
    place = _free(folder / source.name, source)
    if place.exists():
        return place.name
    if how == "link":
        place.symlink_to(source.resolve())
    else:
        _copy(source, place)
    return place.name


def save_as(old: Path, new: Path, patch: Patch, registry: Registry, *, move: bool = False) -> Patch:
    """Writes the patch to `new` with all that belongs to it, and gives it as written. What it made is copied; what its params
    name is linked to, where `new` is in another folder. With `move` (a patch that was never saved) all of it is moved instead.
    A patch that stood at `new` is kept as a backup, and what it made as `<stem>.replaced.assets`. `old` stays as it is but for
    `move`. Raises PatchError, OSError; what was not moved by then is still at its old place."""
    old, new = _absolute(old), _absolute(new)
    if old == new:
        save(new, patch)
        return patch
    new.parent.mkdir(parents=True, exist_ok=True)
    renamed: dict[str, str] = {}
    if old.parent != new.parent:
        for path in _outermost(named(patch, registry)):
            if not path.startswith(_assets(old).name + "/"):
                renamed[path] = _take_along(old.parent, path, new.parent, move)
    _take_assets(_assets(old), _assets(new), move)
    renamed[_assets(old).name] = _assets(new).name
    written = with_paths(patch, registry, lambda path: _renamed(path, renamed))
    _correct_records(_assets(new), renamed)
    with suppress(OSError):
        backups.keep(new, dumps(written).encode())
    save(new, written)
    return written


def missing(patch: Patch, registry: Registry, folder: Path) -> list[tuple[str, str, str]]:
    """(node by its flat name, param, path) of each file or folder that a param names and that is not in the patch's folder."""
    names = names_in(patch)
    found = []
    for way, node in nodes_in(patch):
        for param, path in _paths_of(node, registry):
            try:
                there = (folder / path).exists()
            except OSError:
                there = False
            if not there:
                found.append((names[way], param.name, path))
    return found


def _absolute(path: Path) -> Path:
    # The folder's links are followed, the name's are not: a linked patch stays at its own place.
    return path.absolute().parent.resolve() / path.name


def _assets(path: Path) -> Path:
    return path.parent / f"{path.stem}.assets"


def _paths_of(node: Node, registry: Registry) -> Iterator[tuple[PathParam, str]]:
    """The params of a node that name files which should be there."""
    cls = registry.get(node.type)
    for param in cls.spec.params if cls is not None else ():
        if isinstance(param, PathParam) and param.what != "output":
            value = node.params.get(param.name, param.default)
            if isinstance(value, str) and value and not value.startswith("/") and ".." not in value.split("/"):
                yield param, value


def named(patch: Patch, registry: Registry) -> set[str]:
    """Every path that a param of the patch or of its subpatches names."""
    return {PurePosixPath(path).as_posix() for _, node in nodes_in(patch) for _, path in _paths_of(node, registry)}


def _outermost(paths: set[str]) -> list[str]:
    """Those that are in none of the others."""
    return [path for path in sorted(paths) if not any(str(above) in paths for above in PurePosixPath(path).parents)]


def _take_along(folder: Path, path: str, into: Path, move: bool) -> str:
    """Moves or links what lies at a relative path into another folder; gives its path there."""
    source = folder / path
    if not source.exists():
        return path
    place = _free(into / path, source)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() or not move:
            place.symlink_to(source.resolve())
            if move:
                source.unlink()
        else:
            shutil.move(source, place)
    return place.relative_to(into).as_posix()


def _take_assets(old: Path, new: Path, move: bool) -> None:
    if not old.is_dir():
        return
    if new.exists():
        new.rename(_free(new.parent / f"{new.stem}.replaced.assets"))
    if move:
        shutil.move(old, new)
    else:
        _copy(old, new)


def _correct_records(assets: Path, renamed: dict[str, str]) -> None:
    """What a record says of where results lie, as they lie now."""
    for file in assets.glob(f"*/{RECORD}"):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            before = json.dumps(record)
            for made in record["outputs"].values():
                made["path"] = _renamed(made["path"], renamed)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged record is as good as none, as it was before
        if json.dumps(record) != before:
            write_atomically(file, json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def _renamed(path: str, renamed: dict[str, str]) -> str:
    for old, new in renamed.items():
        if path == old or path.startswith(old + "/"):
            return new + path[len(old) :]
    return path


def with_paths(patch: Patch, registry: Registry, change: Callable[[str], str]) -> Patch:
    """The patch with its params, and those in its subpatches, naming files by other paths."""
    nodes = {}
    for name, node in patch.nodes.items():
        params = {param.name: change(path) for param, path in _paths_of(node, registry) if change(path) != path}
        inside = node.inside and replace(node.inside, patch=with_paths(node.inside.patch, registry, change))
        nodes[name] = replace(node, params={**node.params, **params}, inside=inside) if params or inside else node
    return replace(patch, nodes=nodes)


def _free(wanted: Path, same: Path | None = None) -> Path:
    """The path, with a number if something stands there; not, where that is the `same` file or folder."""
    place, number = wanted, 1
    while os.path.lexists(place):
        if same is not None and place.exists() and place.samefile(same):
            return place
        number += 1
        place = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return place


def _copy(source: Path, place: Path) -> None:
    """Copies a file or folder: beside first, so that half a copy never has the name."""
    with tempfile.TemporaryDirectory(prefix=".glasspatch-", dir=place.parent) as beside:
        copy = Path(beside) / place.name
        if source.is_dir():
            shutil.copytree(source, copy, symlinks=True, ignore=NOT_COPIED)
        else:
            shutil.copy2(source, copy)
        copy.rename(place)
