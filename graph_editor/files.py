"""The patch files of one window: recent ones, new ones, what was saved over, unsaved work, and what others do to an open file.

Everything but the user's own patch lies in the user's state folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from graph_editor import autosave, backups
from graph_editor.autosave import Left
from runtime.artifacts import write_atomically
from runtime.errors import in_words
from runtime.folders import state_folder
from runtime.patch import Patch, dumps, save

RECENT = 12
"""Patches in the list of recent ones."""
FORGOTTEN = 30 * 86400.0
"""Seconds after which the folder of a patch that nobody saved, and nobody's autosave names, is removed."""


class Files:
    """Used by the window's thread. `autosave` returns at once; all else reads or writes small files. A state folder that cannot
    be written costs the safety net (`trouble`) and nothing else: only `untitled` raises OSError."""

    def __init__(self) -> None:
        self._autosave = autosave.Autosave()
        self._backup_trouble = ""
        self._open: Path | None = None
        self._known: tuple[tuple[int, ...] | None, str] = (None, "")
        with suppress(OSError):
            _tidy()

    @property
    def trouble(self) -> str:
        """Why the last autosave or backup could not be kept, in words; empty where it was."""
        return self._autosave.trouble or self._backup_trouble

    @property
    def autosaved(self) -> float | None:
        """When the newest autosave was kept (seconds since 1970); None where nothing waits to be saved."""
        return self._autosave.when

    # Opening and saving

    def opened(self, path: Path) -> None:
        """The window shows this file now: it is watched, and is the first of the recent ones (a new patch's place is not)."""
        self._open = path
        self.seen()
        if not self.is_untitled(path):
            _add_recent(path.absolute())

    def save(self, path: Path, patch: Patch) -> None:
        """Writes the patch, and keeps what it replaces as a backup. The autosave goes. Raises PatchError; the old file stays."""
        self._backup_trouble = ""
        try:
            backups.keep(path, dumps(patch).encode())
        except OSError as error:
            self._backup_trouble = f"the version before could not be kept: {in_words(error)}"
        save(path, patch)
        self.opened(path)
        self.settled()

    def recent(self) -> list[Path]:
        """Patches opened or saved lately, newest first, those that are still there."""
        return [path for path in _recent() if path.exists()]

    def backups(self, path: Path) -> list[tuple[float, Path]]:
        """(when it was written, in seconds since 1970; file) of the versions of a patch that were saved over, newest first: the
        last 10, and the last of each day for a month. `runtime.patch.load` reads them."""
        return backups.kept(path)

    # What others do to the open file

    def changed_by_others(self) -> str:
        """ "changed" or "gone" where another program changed or removed the open file since it was opened, saved or `seen`;
        else "". Cheap: may be called every second."""
        if self._open is None:
            return ""
        stat, digest = self._known
        now = _stat(self._open)
        if now == stat:
            return ""
        if now is None:
            return "gone"
        if _digest(self._open) != digest:
            return "changed"
        self._known = now, digest
        return ""

    def seen(self) -> None:
        """The artist has decided about what others did to the file: it counts as known as it is now."""
        if self._open is not None:
            self._known = _stat(self._open), _digest(self._open)

    # Unsaved work

    def autosave(self, path: Path, patch: Patch) -> None:
        """Keeps unsaved work, on a thread: the newest wins. `path`: where the patch lies; it is never written to."""
        self._autosave.keep(path, patch)

    def settled(self) -> None:
        """Nothing is unsaved any more (saved, discarded, undone to what is saved): the autosave goes."""
        self._autosave.drop()

    def found(self) -> list[Left]:
        """What windows that died left unsaved, newest first; not what equals the file on disk."""
        return autosave.found()

    def adopt(self, left: Left) -> bool:
        """Its work goes on in this window: it is this window's autosave now. False where another window was faster."""
        return self._autosave.adopt(left)

    def discard(self, left: Left) -> None:
        """Nobody wants it: it goes, with the place of a patch that was never saved."""
        autosave.remove(left.file)
        self.forget(left.path)

    def close(self, *, keep: bool = False) -> None:
        """The window closes. The autosave goes, or with `keep` (the work is still unsaved: the display is gone) is completed and
        stays to be found by the next window."""
        self._autosave.close(keep=keep)

    # New patches

    def untitled(self) -> Path:
        """The path of a new patch, not written yet, in a folder of its own: what it makes has a place then. Raises
        OSError."""
        folder = state_folder() / "untitled"
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=folder)) / "untitled.json"

    def is_untitled(self, path: Path | None) -> bool:
        """Whether the patch was never saved by the artist: no path, or a place that `untitled` gave."""
        return path is None or _is_untitled(path)

    def forget(self, path: Path) -> None:
        """Removes the folder of a patch that was never saved, with what it made; any other path is left alone."""
        if _is_untitled(path):
            shutil.rmtree(path.parent, ignore_errors=True)


def examples() -> list[Path]:
    """The patches that came with the program."""
    return sorted((Path(__file__).parents[1] / "patches").glob("*.json"))


def _recent() -> list[Path]:
    try:
        found: Any = json.loads((state_folder() / "recent.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    return [Path(name) for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _add_recent(path: Path) -> None:
    names = [str(path), *(str(other) for other in _recent() if other != path)]
    with suppress(OSError):
        write_atomically(state_folder() / "recent.json", json.dumps(names[:RECENT], indent=1).encode() + b"\n")


def _is_untitled(path: Path) -> bool:
    with suppress(OSError):
        return path.absolute().parent.parent == (state_folder() / "untitled").absolute()
    return False


def _tidy() -> None:
    """Removes the places of patches that nobody saved long ago."""
    wanted = {left.path.parent for left in autosave.kept()}
    for place in (state_folder() / "untitled").glob("*"):
        newest = max((item.stat().st_mtime for item in [place, *place.rglob("*")] if item.exists()), default=0.0)
        if place not in wanted and time.time() - newest > FORGOTTEN:
            shutil.rmtree(place, ignore_errors=True)


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
