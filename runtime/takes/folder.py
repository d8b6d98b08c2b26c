"""The folder of a take while it is being recorded: all that belongs to it, complete enough at every moment."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from runtime.takes.seen import LANDMARKS, SEEN, packed
from runtime.takes.sound import TakeSound, WavFile, write_all
from runtime.takes.take import INPUT, JOURNAL

ROOM = ".room"
"""A file that keeps some bytes of the disk free, so that a take can be ended properly on a full one."""


def shortest(values: np.ndarray) -> Any:
    """Numbers as JSON data, in as few digits as read back as the same float32: 0.1, not 0.10000000149011612."""
    values = np.asarray(values)
    if values.dtype != np.float32 or values.ndim != 1:
        return values.tolist()
    short = [float(str(value)) for value in values]
    return short if np.array(short, np.float32).tobytes() == values.tobytes() else values.tolist()


def line_of(block: int, kind: str, data: Any) -> bytes:
    """An event as a line of the journal. Raises TypeError where `data` is nothing that JSON can say."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return shortest(value)
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, Path):
            return str(value)
        raise TypeError(f"{type(value).__name__} cannot be kept in a take")

    return json.dumps([int(block), kind, data], separators=(",", ":"), default=plain).encode() + b"\n"


class Lines:
    """A file of lines that grows by whole lines only. One thread writes; any may copy what is there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, also where the file is there already."""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._waiting: list[bytes] = []
        self.size = 0

    def add(self, line: bytes) -> None:
        self._waiting.append(line)

    def flush(self) -> None:
        """Writes what was added. Raises OSError; then the file still ends with a whole line, and what was added is dropped."""
        if not self._waiting:
            return
        data, self._waiting = b"".join(self._waiting), []
        try:
            write_all(self._handle, data)
        except OSError:
            os.ftruncate(self._handle, self.size)
            os.lseek(self._handle, self.size, os.SEEK_SET)
            raise
        self.size += len(data)

    def copy(self, other: Lines, start: int) -> int:
        """Appends what `other` holds from byte `start` on; gives where it ended. Raises OSError."""
        while start < other.size:
            data = os.pread(other._handle, min(other.size - start, 2**20), start)
            start += len(data)
            self.add(data)
            self.flush()
        return start

    def close(self) -> None:
        handle, self._handle = self._handle, -1  # by and by the number is another file's
        with suppress(OSError):
            os.fsync(handle)
        os.close(handle)


class SeenFiles:
    """What is seen, as `runtime.takes.seen` reads it. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._lines = Lines(folder / SEEN)
        self._points = os.open(folder / LANDMARKS, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._size = 0

    def marks(self, block: int, node: str, marks: np.ndarray | None, size: tuple[int, int]) -> None:
        """The points that a node has found in a picture of that width and height, [points, dims]; None: none any more. Raises
        OSError."""
        points, dims = marks.shape if marks is not None else (0, 0)
        data = packed(marks) if marks is not None else b""
        try:
            write_all(self._points, data)
        except OSError:
            os.ftruncate(self._points, self._size)
            raise
        self._add([block, "marks", node, self._size // 2, points, dims, *size])
        self._size += len(data)

    def picture(self, block: int, file: str, left_out: int) -> None:
        """A picture has been written into that video. Raises OSError."""
        self._add([block, "picture", file, left_out])

    def _add(self, data: list[Any]) -> None:
        self._lines.add(json.dumps(data, separators=(",", ":")).encode() + b"\n")
        self._lines.flush()

    def close(self) -> None:
        self._lines.close()
        os.close(self._points)


class Recording:
    """A take while it is being recorded. One thread at a time."""

    def __init__(
        self, folder: Path, header: Mapping[str, Any], encoding: str, journal: Lines, heard: WavFile | None, taught: Path
    ) -> None:
        """Copies what has happened so far: `journal`, what the sound card `heard`. Raises OSError or ArtifactError."""
        self.folder = folder
        self.done = threading.Event()
        """Set when the take has ended, one way or the other."""
        self.failure: str | None = None
        self._header, self._journal, self._taught = header, journal, taught
        self._first: int | None = None
        self._input: WavFile | None = None
        self._seen: SeenFiles | None = None
        self._sealed: tuple[int, str] | None = None
        self.lines = Lines(folder / JOURNAL)
        try:
            self.lines.add(json.dumps(header).encode() + b"\n")
            self.lines.flush()
            (folder / ROOM).write_bytes(bytes(2**16))
            self._copied = self.lines.copy(journal, 0)
            self._copy_heard(heard)
            self._sound = TakeSound(folder, encoding, header["sample_rate"], header["channels"], header["block"])
        except BaseException:
            self._release()
            raise

    def begin(self, heard: WavFile | None, taught: Iterable[str]) -> None:
        """Copies what has happened since. Raises OSError."""
        self._copied = self.lines.copy(self._journal, self._copied)
        self._copy_heard(heard)
        self.keep_taught(taught)

    def _copy_heard(self, heard: WavFile | None) -> None:
        if heard is not None:
            self._input = self._input or WavFile(self.folder / INPUT, self._header["sample_rate"], heard.channels)
            self._input.copy(heard)

    def sound(self, block: int, sound: np.ndarray) -> None:
        """What is heard, [channels, frames]. Raises OSError or ArtifactError."""
        if self._first is None:
            self._first = block
            self.lines.add(line_of(block, "sound", {"file": self._sound.path.name}))
        self._sound.write(sound)

    def hear(self, frames: np.ndarray) -> None:
        """What the sound card hears, interleaved. Raises OSError."""
        self._input = self._input or WavFile(self.folder / INPUT, self._header["sample_rate"], frames.shape[1])
        self._input.write(frames)

    def see(self, block: int, kind: str, *what: Any) -> None:
        """What was seen: `kind` is a method of SeenFiles, and `what` its further arguments. Raises OSError."""
        self._seen = self._seen or SeenFiles(self.folder)
        getattr(self._seen, kind)(block, *what)

    def keep_taught(self, names: Iterable[str]) -> None:
        """Copies what nodes were taught, before the journal names it. Raises OSError."""
        for name in names:
            source, place = self._taught / name, self.folder / "taught" / name
            if source.is_dir() and not place.exists():
                shutil.copytree(source, place)

    def settle(self) -> None:
        """Makes what was recorded so far readable, whatever may come, the sound last: all that led to it is there then. Raises
        OSError."""
        self.lines.flush()
        if self._input is not None:
            self._input.settle()
        self._sound.settle()

    def end(self) -> None:
        """Ends the take. Raises OSError or ArtifactError: then call `fail`."""
        self.lines.flush()
        if self._input is not None:
            self._input.finish()
        self._sealed = self._sound.close()
        self._seal(*self._sealed)
        self._release()

    def fail(self, words: str) -> None:
        """Ends the take after something went wrong: what was recorded until then can be read."""
        self.failure = words
        try:
            with suppress(OSError):
                (self.folder / ROOM).unlink(missing_ok=True)
            with suppress(OSError):
                self.lines.flush()
            with suppress(OSError):
                if self._input is not None:
                    self._input.settle()
            with suppress(OSError):  # without its last line it is a take that was cut short
                self._seal(*(self._sealed or self._sound.abandon()))
        finally:
            self._release()

    def _seal(self, frames: int, digest: str) -> None:
        block = self._header["block"]
        first = self._header["began"] if self._first is None else self._first
        end = {"frames": frames, "first": first, "sha256": digest, "blocks": frames // block}
        self.lines.add(line_of(first + frames // block, "end", {**end, **({"failure": self.failure} if self.failure else {})}))
        self.lines.flush()

    def _release(self) -> None:
        with suppress(OSError):
            (self.folder / ROOM).unlink(missing_ok=True)
        self.lines.close()
        if self._input is not None:
            self._input.close()
        if self._seen is not None:
            self._seen.close()
        self.done.set()
