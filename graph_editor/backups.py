"""The versions of a patch that were saved over, in the user's state folder: the last ten, and the last of each day of a month."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from runtime.artifacts import write_atomically
from runtime.folders import state_folder

LAST = 10
DAYS = 30


def keep(path: Path, coming: bytes) -> None:
    """Keeps what stands at `path` before it is saved over, unless it is the same as what is `coming`. Raises OSError."""
    try:
        standing, when = path.read_bytes(), path.stat().st_mtime
    except FileNotFoundError:
        return
    if standing == coming:
        return
    write_atomically(_folder(path) / f"{round(1000 * when):015d}.json", standing)
    for _, old in _superfluous(kept(path), time.time()):
        old.unlink(missing_ok=True)


def kept(path: Path) -> list[tuple[float, Path]]:
    """(when it was written, in seconds since 1970; file) of the versions of a patch that were saved over, newest first.
    `runtime.patch.load` reads them."""
    try:
        files = [file for file in _folder(path).glob("*.json") if file.stem.isdecimal()]
    except OSError:
        return []
    return sorted(((int(file.stem) / 1000, file) for file in files), reverse=True)


def _superfluous(versions: list[tuple[float, Path]], now: float) -> list[tuple[float, Path]]:
    """Those that are neither among the last nor the last of their day."""
    days: set[str] = set()
    found = []
    for number, (when, file) in enumerate(versions):
        day = time.strftime("%Y-%m-%d", time.localtime(when))
        if number >= LAST and (day in days or now - when > DAYS * 86400.0):
            found.append((when, file))
        days.add(day)
    return found


def _folder(path: Path) -> Path:
    real = os.path.realpath(path)
    return state_folder() / "backups" / f"{path.stem[:60]}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:12]}"
