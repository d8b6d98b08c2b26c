"""Where a patch lies, with what belongs to it: files that its params name, and what it made. Brings in, moves, copies, finds.

All of it may take its time with large recordings and models: `Client.aside` does it on a thread.
"""

from __future__ import annotations

from pathlib import Path

from runtime.patch import Patch
from runtime.registry import Registry


def bring_in(patch_path: Path, source: Path, how: str = "link") -> str:
    """Puts a file or folder beside the patch and gives what a PathParam takes: its path relative to the patch. What lies below
    the patch's folder already is left where it is. `how`: "link" (large archives) or "copy". A name that is taken
    gets a number. Raises OSError, PatchError."""
    raise NotImplementedError


def save_as(old: Path, new: Path, patch: Patch, registry: Registry, *, move: bool = False) -> Patch:
    """Writes the patch to `new` with all that belongs to it, and gives it as written: what it made is copied, what its params name
    is linked to (links are kept as links). With `move` (a patch that was never saved) all of it is moved. What stood
    at `new` is kept: made things as `<stem>.replaced.assets`. `old` stays as it is but for `move`. Raises PatchError, OSError."""
    raise NotImplementedError


def missing(patch: Patch, registry: Registry, folder: Path) -> list[tuple[str, str, str]]:
    """(node by its flat name, param, path) of each file or folder that a param names and that is not there."""
    raise NotImplementedError
