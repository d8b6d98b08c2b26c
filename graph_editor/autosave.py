"""Keeps a window's unsaved work in the user's state folder, and finds what windows that died have left there.

Two windows never recover each other's work: each holds a lock that the system frees when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from runtime.artifacts import write_atomically
from runtime.errors import in_words
from runtime.folders import state_folder
from runtime.patch import Patch, dumps

PATIENCE = 5.0
"""Seconds that anybody waits for an autosave under way."""


@dataclass(frozen=True)
class Left:
    """What a window that died left: where its patch lies (for a new one a place in the state folder), when it was last
    kept (seconds since 1970), and its text, which `runtime.patch.loads` reads."""

    path: Path
    when: float
    text: str
    file: Path
    """Where the text is kept; `adopt` and `discard` use it."""


class Autosave:
    """The autosave of one window. Its methods are for the window's thread; none raises OSError: `trouble` says what is wrong."""

    def __init__(self) -> None:
        self.trouble = ""
        """Why unsaved work could not be kept, in words; empty where it was."""
        self.when: float | None = None
        """When the newest was kept (seconds since 1970); None where nothing is kept."""
        self._lock: TextIO | None = None
        self._own: Path | None = None
        self._wake = threading.Condition()
        self._wanted: tuple[Path, Patch] | None = None
        self._busy = self._closing = False
        try:
            with _guarded() as folder:
                handle, name = tempfile.mkstemp(prefix=f"{os.getpid()}-", suffix=".lock", dir=folder)
                self._lock, self._own = os.fdopen(handle, "w"), Path(name).with_suffix(".json")
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for lock in folder.glob("*.lock"):
                    if not lock.with_suffix(".json").exists() and not _is_held(lock):
                        lock.unlink(missing_ok=True)
        except OSError as error:
            self._own, self.trouble = None, _in_words(error)
        self._thread = threading.Thread(target=self._run, name="glasspatch autosave", daemon=True)
        self._thread.start()

    def keep(self, path: Path, patch: Patch) -> None:
        """Keeps the patch on a thread: the newest wins. `path`: where it lies; it is never written to."""
        with self._wake:
            self._wanted = path, patch
            self._wake.notify_all()

    def drop(self) -> None:
        """Nothing is unsaved any more: what was kept goes."""
        with self._wake:
            self._wanted = None
            self._wait()
            self.when = None
            if self._own is not None:
                with suppress(OSError):
                    self._own.unlink(missing_ok=True)

    def adopt(self, left: Left) -> bool:
        """What was left is this window's own now. False where another window was faster."""
        if self._own is None:
            return False
        with self._wake:
            self._wanted = None
            self._wait()
            try:
                left.file.rename(self._own)
            except OSError:
                return False
            self.when = left.when
        remove(left.file)
        return True

    def close(self, *, keep: bool = False) -> None:
        """Ends the thread and frees the lock. With `keep`, what is unsaved is kept first, and stays to be found."""
        with self._wake:
            self._wanted = self._wanted if keep else None
            self._closing = True
            self._wake.notify_all()
        self._thread.join(PATIENCE)
        if self._lock is not None and self._own is not None:
            if not keep:
                remove(self._own)
            self._lock.close()
            self._lock = None

    def _wait(self) -> None:
        self._wake.wait_for(lambda: not self._busy, PATIENCE)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted is not None or self._closing)
                if self._wanted is None:
                    return
                (path, patch), self._wanted, self._busy = self._wanted, None, True
            trouble, when = self.trouble, time.time()
            if self._own is not None:
                trouble = _written(self._own, path, patch, when)
            with self._wake:
                self.trouble, self._busy = trouble, False
                self.when = self.when if trouble else when
                self._wake.notify_all()


def kept() -> list[Left]:
    """All autosaves there are, also of windows that live."""
    try:
        files = sorted((state_folder() / "autosave").glob("*.json"))
    except OSError:
        return []
    return [left for file in files if (left := _read(file)) is not None]


def found() -> list[Left]:
    """What windows that died left unsaved, newest first; what equals the file on disk is removed and not told."""
    lost = []
    for left in kept():
        if _is_held(left.file.with_suffix(".lock")):
            continue
        with suppress(OSError, ValueError):
            if left.path.read_text(encoding="utf-8") == left.text:
                remove(left.file)
                continue
        lost.append(left)
    return sorted(lost, key=lambda left: -left.when)


def remove(file: Path) -> None:
    """Removes an autosave with its lock."""
    with suppress(OSError):
        file.unlink(missing_ok=True)
        file.with_suffix(".lock").unlink(missing_ok=True)


@contextmanager
def _guarded() -> Iterator[Path]:
    """The folder of autosaves, for one process at a time: a lock must not be taken for a dead one before it is held."""
    folder = state_folder() / "autosave"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".guard", "w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield folder


def _written(file: Path, path: Path, patch: Patch, when: float) -> str:
    """Writes an autosave; gives what went wrong, in words."""
    try:
        kept = {"path": str(path.absolute()), "when": when, "text": dumps(patch)}
        write_atomically(file, json.dumps(kept).encode())
    except OSError as error:
        return _in_words(error)
    return ""


def _in_words(error: OSError) -> str:
    return f"unsaved work cannot be kept: {in_words(error)}"


def _read(file: Path) -> Left | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return Left(Path(data["path"]), float(data["when"]), str(data["text"]), file)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_held(lock: Path) -> bool:
    """Whether the window of this lock lives."""
    try:
        with open(lock, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
