"""The files and folders that a patch names, known by their content: what was moved is found again. No dearpygui.

What is known lies beside what the patch made, in `<patch>.assets/files.json`, and travels with it. All of it may take its time:
`Client.aside` does it on a thread.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from runtime.artifacts import Assets, write_atomically

FILE = "files.json"
TASTE = 1 << 23
"""Bytes at either end of a file that are read: a film of hours must not be read whole to be known."""
LISTED = 2000
"""Files of a folder that are listed: an archive of a hundred thousand is known by its first ones."""
SEARCHED, SECONDS = 200_000, 20.0
"""Files and folders that a search looks at, and seconds that it takes, at most."""
Known = Mapping[str, Mapping[str, object]]
"""By the path that the patch names: "size" (bytes of a file, entries of a folder) and "hash"."""


def taste(path: Path) -> tuple[int, str]:
    """(size, hash) by which a file or folder is known: bytes and content of a file, its ends where it is long; names and sizes of
    what is in a folder. Raises OSError."""
    digest = hashlib.sha256()
    if path.is_dir():
        for name, size in _listed(path):
            digest.update(os.fsencode(f"{name}\0{size}\n"))
        return _entries(path), digest.hexdigest()
    size = path.stat().st_size
    with open(path, "rb") as file:
        digest.update(file.read(TASTE))
        if size > TASTE:
            file.seek(max(size - TASTE, TASTE))
            digest.update(file.read(TASTE))
    return size, digest.hexdigest()


def known(patch_path: Path) -> Known:
    """What is known of the files that a patch names; nothing where nothing can be read."""
    try:
        found = json.loads((Assets(patch_path).folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: one for key, one in found.items() if isinstance(one, dict)} if isinstance(found, dict) else {}


def remember(patch_path: Path, paths: Iterable[str]) -> None:
    """Keeps by what the files that a patch names are known now; of one that is missing, what was known. Raises OSError."""
    before = known(patch_path)
    now: dict[str, Mapping[str, object]] = {}
    for path in sorted(set(paths)):
        try:
            size, digest = taste(patch_path.parent / path)
            now[path] = {"size": size, "hash": digest}
        except OSError:
            if path in before:
                now[path] = before[path]
    if now != before:
        text = json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        write_atomically(Assets(patch_path).folder / FILE, text.encode())


def search(wanted: Known, places: Iterable[Path]) -> dict[str, Path]:
    """Where wanted files and folders are by now, looked for in the places and all below them, the first place first. What lies
    in a hidden folder is left out."""
    open_ = {path: one for path, one in wanted.items() if "size" in one and "hash" in one}
    found: dict[str, Path] = {}
    until, left, seen = time.monotonic() + SECONDS, SEARCHED, set()
    for start in places:
        for folder, folders, files in os.walk(start):
            real = os.path.realpath(folder)
            left -= len(folders) + len(files)
            if len(found) == len(open_) or left < 0 or time.monotonic() > until:
                return found
            folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
            if real in seen:
                continue
            seen.add(real)
            for one in [Path(folder), *(Path(folder, name) for name in files)]:
                for path in _known_as(one, {p: o for p, o in open_.items() if p not in found}):
                    found[path] = one
    return found


def _known_as(place: Path, wanted: Known) -> list[str]:
    """Which of the wanted this is: its size is looked at first, so that little is read."""
    with suppress(OSError):
        size = _entries(place) if place.is_dir() else place.stat().st_size
        if any(one["size"] == size for one in wanted.values()):
            is_it = taste(place)
            return [path for path, one in wanted.items() if (one["size"], one["hash"]) == is_it]
    return []


def _entries(folder: Path) -> int:
    return sum(1 for _ in os.scandir(folder))


def _listed(folder: Path) -> list[tuple[str, int]]:
    """Relative names and sizes of the first files of a folder and those in it, in their order."""

    def every() -> Iterable[tuple[str, int]]:
        for place, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                file = Path(place, name)
                yield file.relative_to(folder).as_posix(), file.stat().st_size

    return list(islice(every(), LISTED))
