"""What a node was taught, as the small files in its folder beside the patch: read for the steps of undo, and put back by them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runtime.artifacts import RECORD, Assets, write_atomically


def read(path: Path, node: str) -> dict[str, bytes]:
    """The files of a node (by its flat name) of the patch at `path`; none where nothing was taught, and none of what a
    job made. Raises OSError, and LockedError where somebody teaches it for long."""
    assets = Assets(path)
    if not assets.node(node).is_dir():
        return {}
    with assets.lock_taught(node, "edit", shared=True):
        return {file.name: file.read_bytes() for file in _files(assets.node(node))}


def write(path: Path, node: str, files: Mapping[str, bytes]) -> None:
    """Puts the files in place of what the node was taught. Raises OSError, LockedError."""
    assets = Assets(path)
    folder = assets.node(node)
    if not files and not folder.is_dir():
        return
    with assets.lock_taught(node, "edit"):
        for name, data in files.items():
            write_atomically(folder / Path(name).name, data)
        for file in _files(folder):
            if file.name not in files:
                file.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    found = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
    return [] if any(file.name == RECORD for file in found) else found
