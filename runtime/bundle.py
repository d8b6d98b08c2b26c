"""A job as one file, to be carried to another machine and back: a patch's folder in miniature, zipped, with a note on it.

A bundle is data, and comes from elsewhere: every name in it is checked before anything is written, nothing in it is run, and how
much it unpacks to is known before it is unpacked.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runtime.errors import BundleError
from runtime.spec import is_node_name

FORMAT = 1
NOTE = "bundle.json"
LARGEST_NOTE = 2**24
SPARE = 2**26
"""Bytes of the disk that unpacking leaves free."""
STATES = ("new", "begun", "made")


@dataclass(frozen=True)
class Note:
    """What a bundle says of itself. `stem` is the patch's name without its ending, `seed` the patch's, `own_seed` the name under
    which the node draws its random numbers (None: its own), `record` that of `runtime.records`, `state` one of STATES. `id` is
    the same for a bundle and what becomes of it, `turn` counts how often it was packed."""

    id: str
    turn: int
    stem: str
    seed: int
    own_seed: str | None
    record: Mapping[str, Any]
    state: str
    format: int = FORMAT

    @property
    def node(self) -> str:
        return str(self.record["node"])

    @property
    def assets(self) -> str:
        """The folder in the bundle in which made things lie."""
        return f"{self.stem}.assets"

    def check(self) -> None:
        """Raises ValueError, KeyError, TypeError or AttributeError for what no export writes."""
        if self.state not in STATES or _wrong_name(self.assets) or "/" in self.stem or not is_node_name(self.node):
            raise ValueError(f"{self.stem!r}, {self.record['node']!r}, {self.state!r}")
        if not all(type(number) is int for number in (self.turn, self.seed, self.record["version"])):
            raise TypeError("a number is none")
        for name, kind in (("type", str), ("key", str), ("params", dict), ("inputs", dict)):
            if not isinstance(self.record[name], kind):
                raise TypeError(name)
        for port, source in self.record["inputs"].items():
            if not (is_node_name(source["node"]) and isinstance(source["output"], str)):
                raise ValueError(f"{port} {source!r}")


def read_note(path: Path) -> Note:
    """What the bundle at `path` is. Raises BundleError where it is none, is cut short, or was written by a newer program."""
    with _opened(path) as archive:
        return _note(path, archive)


def pack(path: Path, note: Note, files: Iterable[tuple[str, Path]]) -> None:
    """Writes a bundle of files (name in it, where each lies), read one by one: beside, then renamed over an old one.

    Raises OSError and whatever `files` raises; an old bundle then stays as it was."""
    handle, name = tempfile.mkstemp(prefix=".glasspatch-", suffix=".tmp", dir=path.resolve().parent)
    try:
        with os.fdopen(handle, "wb") as file:
            # The fastest packing: weights and sound that is coded already hardly get smaller.
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as archive:
                archive.writestr(NOTE, json.dumps(asdict(note), indent=1, sort_keys=True))
                for inside, source in files:
                    if (wrong := _wrong_name(inside)) is not None:
                        raise BundleError(f"{inside!r} cannot be put into a bundle: its name {wrong}")
                    archive.write(source, inside)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def unpack(path: Path, folder: Path, under: str = "") -> Note:
    """Unpacks all files whose names begin with `under` into `folder`, which is whole afterwards, or not there. Gives the note.

    Raises BundleError for what must not be written or cannot be read, OSError."""
    beside = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with _opened(path) as archive:
            note = _note(path, archive)
            chosen = [entry for entry in archive.infolist() if entry.filename.startswith(under)]
            _require_room(path, sum(entry.file_size for entry in chosen), folder.parent)
            beside.mkdir(parents=True)
            for entry in chosen:
                target = beside / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file, 2**20)
        beside.replace(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return note


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, its names checked. What goes wrong while it is read is told as BundleError."""
    if not path.is_file():
        raise BundleError(f"{path} is not there; give the file that glasspatch job export has written")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if NOTE not in names:
                raise BundleError(
                    f"{path.name} is a zip file, but no bundle; give the file that glasspatch job export has written"
                )
            if len(set(names)) < len(names):
                raise BundleError(f"{path.name} holds a name twice, so it was not written by glasspatch; nothing was unpacked")
            for entry in archive.infolist():
                if (wrong := _wrong_name(entry.filename) or _wrong_kind(entry)) is not None:
                    raise BundleError(
                        f"{path.name} holds {entry.filename[:80]!r}, which {wrong}, so it was not written by glasspatch; "
                        "nothing was unpacked"
                    )
            yield archive
    except zipfile.BadZipFile as error:
        raise BundleError(
            f"{path.name} is cut short, damaged or no bundle ({error}); copy it again from where it was made"
        ) from error
    except (zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"{path.name} is damaged ({error}); copy it again from where it was made") from error


def _note(path: Path, archive: zipfile.ZipFile) -> Note:
    if archive.getinfo(NOTE).file_size > LARGEST_NOTE:
        raise BundleError(f"{path.name} has a note that is too long to be one")
    try:
        data = json.loads(archive.read(NOTE))
        if data["format"] > FORMAT:
            raise BundleError(
                f"{path.name} has format {data['format']} and this glasspatch reads up to {FORMAT}; use a newer glasspatch"
            )
        note = Note(**data)
        note.check()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"the note in {path.name} cannot be understood ({error}); export the job again") from error
    return note


def _wrong_name(name: str) -> str | None:
    """Why a name must not be written below a folder of ours, or None."""
    path = PurePosixPath(name)
    if not name or len(name) > 4096 or "\\" in name or name.endswith("/") or any(ord(letter) < 32 for letter in name):
        return "is no name of a file"
    if name.encode("utf-8", "replace").decode() != name:
        return "is not written in UTF-8"
    return "leads out of the bundle" if path.is_absolute() or ".." in path.parts or path.as_posix() != name else None


def _wrong_kind(entry: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device"
    return "is locked with a password" if entry.flag_bits & 1 else None


def _require_room(path: Path, size: int, folder: Path) -> None:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if size + SPARE > free:
        raise BundleError(
            f"{path.name} unpacks to {size / 1e9:.2f} GB and the disk has {free / 1e9:.2f} GB left; free some space, or copy the "
            "bundle to a larger disk"
        )
