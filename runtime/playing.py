"""Which performances play on this machine, so that one whose terminal is gone can be found and stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.folders import config_folder

ENDING = 8.0
"""Seconds that a performance may take to fade out and close its files."""


@contextmanager
def entered(path: Path) -> Iterator[None]:
    """Enters this process in the list while it plays; the system takes it out when the process ends, however it ends."""
    import fcntl

    folder = config_folder() / "playing"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        entry = folder / f"{os.getpid()}.json"
        file = open(entry, "w", encoding="utf-8")  # noqa: SIM115
    except OSError:  # a folder that cannot be written costs only the list
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"patch": str(path)}, file)
        file.flush()
        try:
            yield
        finally:
            entry.unlink(missing_ok=True)


def playing() -> list[tuple[int, str]]:
    """(process, patch) of each performance that plays now."""
    import fcntl

    found = []
    for entry in sorted((config_folder() / "playing").glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError), open(entry, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                entry.unlink()  # nobody holds it: its process was killed
            except BlockingIOError:
                found.append((int(entry.stem), str(json.load(file)["patch"])))
    return found


def stop_all(path: Path | None, but: int | None = None) -> list[tuple[int, str]]:
    """Lets all performances, or those of one patch, fade out and end, but one process; gives those that were playing."""
    chosen = [(pid, patch) for pid, patch in playing() if pid != but and (path is None or Path(patch) == path.resolve())]
    for pid, _ in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + ENDING
    while time.monotonic() < until and {pid for pid, _ in playing()} & {pid for pid, _ in chosen}:
        time.sleep(0.05)
    return chosen
