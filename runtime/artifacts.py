"""Made things on disk: written beside and renamed, with a fingerprint of their content and the record of what made them.

A node's made things live in `<patch>.assets/<node>/` beside `record.json`: spec version, params, inputs with their fingerprints,
seed, library versions, outputs. The record's `key` says whether the job would do the same again; the fingerprints say what
came out. Lineage is the chain of records.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from runtime.errors import ArtifactError, LockedError
from runtime.shelf import POINTERS, pointed
from runtime.spec import PortType, is_node_name

RECORD = "record.json"
PATIENCE = 5.0
"""Seconds to wait for somebody who teaches the same node: the longest training of a mapping takes one."""
STALE = 60.0
"""Seconds after which what is half written is nobody's any more."""
LIBRARIES = (
    "torch",
    "torchaudio",
    "acids-rave",
    "numpy",
    "librosa",
    "scikit-learn",
    "umap-learn",
    "mediapipe",
    "opencv-contrib-python",
)


def write_atomically(path: Path, data: bytes, *, through_links: bool = False) -> None:
    """Writes a whole file or nothing: beside it, flushed to the disk, then renamed over it. Raises OSError; an old file stays.

    `through_links` writes what a link leads to, for files that are the user's own. Elsewhere the file takes the link's place: an
    assets folder may come with a shared patch, and its links must not make us write over other files of the user."""
    path = Path(os.path.realpath(path)) if through_links else path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".glasspatch-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a saved patch is as readable as any other file of the user.
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative names and files, without its record and its log."""
    if path.is_file():
        return hash_file(path)
    digest = hashlib.sha256()
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        name = file.relative_to(path).as_posix()
        if name not in (RECORD, "log.txt"):
            digest.update(os.fsencode(f"{name}\0{hash_file(file)}\n"))  # a name need not be UTF-8
    return digest.hexdigest()


def find_files(folder: Path, closed: list[Path] | None = None) -> list[Path]:
    """All files below a folder, sorted by their path, through links to folders too; hidden ones are left out. Folders that may
    not be read are added to `closed`."""
    found: list[Path] = []
    entered: set[str] = set()

    def refused(error: OSError) -> None:
        if closed is not None:
            closed.append(Path(error.filename))

    for place, folders, files in os.walk(folder, followlinks=True, onerror=refused):
        real = os.path.realpath(place)
        # A link may lead back to where we came from, or to the same folder twice.
        folders[:] = [] if real in entered else [name for name in folders if not name.startswith(".")]
        if real not in entered:
            entered.add(real)
            found += [Path(place, name) for name in files if not name.startswith(".")]
    return sorted(found)


def signature(path: Path) -> str:
    """What the user's file or folder at `path` is known by; "" where there is none that may be read.

    A file is known by its content: what is made from it, such as a training that begins with it, may take days and must outlive
    a copy of the patch. A folder may hold a whole archive, so nothing in it is read: it is known by names, sizes and times of all
    that `find_files` finds."""
    if path.is_file():
        try:
            return hash_file(path)
        except OSError:
            return ""  # the job that reads it says why
    text = "".join(
        f"{file.relative_to(path).as_posix()}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
        for file in find_files(path)
        if file.is_file()
        for stat in [file.stat()]
    )
    return hashlib.sha256(os.fsencode(text)).hexdigest() if text else ""  # a name need not be UTF-8


def read_record(folder: Path) -> dict[str, Any]:
    """The record in a folder, of what was made there or begun; empty where there is none."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def versions() -> dict[str, str]:
    """Versions of what can change a result, for the record."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("glasspatch", *LIBRARIES):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@dataclass(frozen=True)
class Artifact:
    """A made thing: what it is, where it lies, the fingerprint of its content and the record of what made it."""

    type: PortType
    path: Path
    fingerprint: str
    record: Mapping[str, Any]

    def verify(self) -> None:
        """Raises ArtifactError unless the content is still what the record says (not cut short, not replaced)."""
        if not self.path.exists() or fingerprint(self.path) != self.fingerprint:
            raise ArtifactError(f"{self.path} is missing or has changed since it was made; run the patch again")


class Assets:
    """The `<patch>.assets` folder: one folder per node, each with its record."""

    def __init__(self, patch_path: Path) -> None:
        self.patch_folder = patch_path.parent.resolve()
        self.folder = self.patch_folder / f"{patch_path.stem}.assets"

    def node(self, node: str) -> Path:
        return self.folder / node

    def working(self, node: str) -> Path:
        """Where a job writes until it is done; it outlives a stop or a crash so that the job can go on."""
        return self.folder / f"{node}.partial"

    def record(self, node: str) -> dict[str, Any] | None:
        """The record of what the node made, or None."""
        if not is_node_name(node):
            return None  # a name that is none must not lead out of the assets folder
        record = read_record(self.node(node))
        return record if isinstance(record.get("outputs"), dict) else None

    def artifact(self, node: str, output: str) -> Artifact | None:
        """What the node made for that output, or what the output points at on its shelf, if it is there."""
        record = self.record(node)
        if output in POINTERS and output not in (record or {}).get("outputs", {}):
            return self._on_shelf(node, output)
        if record is None:
            return None
        try:
            made = record["outputs"][output]
            return Artifact(PortType(made["type"]), self._inside(made["path"]), str(made["fingerprint"]), record)
        except (KeyError, TypeError, ValueError):
            return None

    def _on_shelf(self, node: str, output: str) -> Artifact | None:
        """What stands on the shelf of the newest training that has it: a training that begins anew has an empty one."""
        for folder in self.tries(node):
            if (found := pointed(folder, output)) is not None:
                return Artifact(PortType.MODEL, *found, {})
        return None

    def tries(self, node: str) -> list[Path]:
        """Folders in which something that the node made may lie, the newest first: in the making, made, stopped, made before."""
        endings = (".partial", "", ".stopped", ".previous") if is_node_name(node) else ()
        return [self.folder / f"{node}{ending}" for ending in endings]

    def _inside(self, path: str) -> Path:
        # A record may come with a shared patch: it must not make us read anything outside the patch's folder.
        joined = Path(os.path.normpath(self.patch_folder / path))
        if not joined.is_relative_to(self.patch_folder):
            raise ValueError(path)
        return joined

    def finish(self, node: str, record: Mapping[str, Any], outputs: Mapping[str, tuple[PortType, Path]]) -> dict[str, Any]:
        """Puts a job's working folder in place of the node's old result, with its record. The old result stays whole until the
        new one is complete, and is then kept as `<node>.previous`. Raises ArtifactError where the job promised a file and did
        not write it."""
        working, place = self.working(node), self.node(node)
        made = {}
        for output, (kind, path) in outputs.items():
            if not path.exists():
                raise ArtifactError(f"{output} was not written; this is a fault of the node")
            final = place / path.relative_to(working) if path.is_relative_to(working) else path
            made[output] = {
                "type": kind.value,
                "path": final.relative_to(self.patch_folder).as_posix(),
                "fingerprint": fingerprint(path),
            }
        full = {**record, "outputs": made}
        write_atomically(working / RECORD, json.dumps(full, indent=1, sort_keys=True).encode() + b"\n")
        old = self.folder / f"{node}.old"
        shutil.rmtree(old, ignore_errors=True)
        if place.exists():
            place.rename(old)
        working.rename(place)
        if old.exists():
            previous = self.folder / f"{node}.previous"
            shutil.rmtree(previous, ignore_errors=True)
            old.rename(previous)
        return full

    def set_aside(self, node: str) -> None:
        """Moves what an earlier try of another job left in the working folder to `<node>.stopped`."""
        working, stopped = self.working(node), self.folder / f"{node}.stopped"
        if working.exists():
            shutil.rmtree(stopped, ignore_errors=True)
            working.rename(stopped)

    def recover(self, node: str) -> None:
        """Completes a `finish` that was cut between its two renames (the process was killed there)."""
        old = self.folder / f"{node}.old"
        if old.exists() and not self.node(node).exists():
            old.rename(self.node(node))

    def lineage(self, node: str) -> list[dict[str, Any]]:
        """The records behind a node's result, nearest first, each node once."""
        found: dict[str, dict[str, Any]] = {}
        waiting = [node]
        while waiting:
            name = waiting.pop(0)
            record = self.record(name)
            if record and name not in found:
                found[name] = record
                inputs = record.get("inputs")
                sources = inputs.values() if isinstance(inputs, dict) else ()
                names = [source.get("node") for source in sources if isinstance(source, dict)]
                waiting += [name for name in names if isinstance(name, str)]
        return list(found.values())

    @contextmanager
    def lock(self, doing: str, shared: bool = False) -> Iterator[None]:
        """Holds the patch while `doing` it (a word such as run); raises LockedError that says who holds it instead.

        The system frees the lock when the process ends, however it ends; what such a process left half done is completed. A
        shared lock of a folder that may not be written is none: nobody can work there."""
        with _locked(self.folder / ".lock", doing, "this patch", shared) as is_locked:
            if is_locked:
                for old in self.folder.glob("*.old"):
                    self.recover(old.stem)
                if not shared:
                    self._sweep()
            yield

    @contextmanager
    def lock_taught(self, node: str, doing: str, shared: bool = False) -> Iterator[None]:
        """Holds what one node was taught while `doing` it, and waits for others who do so; raises LockedError that says who they
        are where that takes too long. `lock` does not exclude it: a node can be taught while jobs make others."""
        with _locked(self.folder / f".{node}.lock", doing, node, shared, PATIENCE):
            yield

    def _sweep(self) -> None:
        """Removes what a killed process had half written; a file of this minute may be somebody's who teaches just now."""
        for left in self.folder.glob("**/.glasspatch-*.tmp"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > STALE:
                    left.unlink()


@contextmanager
def _locked(path: Path, doing: str, what: str, shared: bool, patience: float = 0.0) -> Iterator[bool]:
    """Holds a lock file, and tries to for `patience` seconds; False where that is shared and the folder may not be written."""
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # An assets folder may come with a shared patch: a link in it must not make us write into other files of the user.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise LockedError(f"{path} is a link to another file, and may not be one; remove it") from error
        if not shared or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        yield False
        return
    until = time.monotonic() + patience
    with open(handle, "r+", encoding="utf-8", errors="replace") as file:
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    who = file.read().strip() or "another process"
                    raise LockedError(f"{who} is working on {what}; wait until it is done or stop it") from None
                time.sleep(0.02)
        file.truncate(0)
        file.write(f"glasspatch {doing} (process {os.getpid()})")
        file.flush()
        yield True
