"""Sound files of a take: they grow while they can be read, so that a killed process leaves all but the last second of sound.

libsndfile writes the length of a FLAC when it closes the file, and cannot read one without; it writes the header of a RF64 when
it closes too. So the length is written here, once a second, while the file grows; what is already written is never touched.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import ArtifactError

CHUNK = 4096
"""Frames that are written at once: the length of a FLAC frame, so that what can be read ends where a mark lies."""
HEADER = 80
FULL = "the disk is full, or takes no more of this file"
BIGGEST = 2**32 - 2**12
"""Bytes of sound up to which a header of 32 bits will do."""
TOTAL = (1 << 36) - 1
"""The count of a FLAC's frames: the low 36 bits of the eight bytes at 18 (RFC 9639, 8.2)."""


def interleaved(sound: np.ndarray) -> np.ndarray:
    """[channels, frames] as float32 little-endian [frames, channels], in one piece: the bytes that a take's hash is made of."""
    return np.ascontiguousarray(sound.T, "<f4")


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Writes all of it, or raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


class WavFile:
    """A float WAV that grows: a plain one up to 4 GB, then the same file as RF64 (EBU Tech 3306)."""

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        """Raises OSError, also where the file is there already."""
        self.sample_rate, self.channels, self.frames = sample_rate, channels, 0
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        write_all(self._handle, self._header())

    def write(self, frames: np.ndarray) -> None:
        """Appends `interleaved` frames, all of them or none. Raises OSError."""
        try:
            write_all(self._handle, frames.data.cast("B"))
        except OSError:
            end = HEADER + self.frames * 4 * self.channels
            os.ftruncate(self._handle, end)
            os.lseek(self._handle, end, os.SEEK_SET)
            raise
        self.frames += len(frames)

    def copy(self, other: WavFile) -> None:
        """Appends what `other`, of as many channels, holds more than this one. Raises OSError."""
        size, most = 4 * self.channels, 2**20 // (4 * self.channels)
        while self.frames < (stop := other.frames):
            count = min(stop - self.frames, most)
            data = os.pread(other._handle, count * size, HEADER + self.frames * size)
            self.write(np.frombuffer(data, "<f4").reshape(count, self.channels))

    def settle(self) -> int:
        """Makes all that was written so far readable; gives its frames. Raises OSError."""
        os.pwrite(self._handle, self._header(), 0)
        return self.frames

    def finish(self) -> None:
        """Makes it whole, on the disk. Raises OSError."""
        self.settle()
        os.fsync(self._handle)

    def close(self) -> None:
        handle, self._handle = self._handle, -1  # by and by the number is another file's
        os.close(handle)

    def _header(self) -> bytes:
        size = 4 * self.channels
        data, big = self.frames * size, self.frames * size > BIGGEST
        return b"".join(
            (
                b"RF64" if big else b"RIFF",
                struct.pack("<I", 0xFFFFFFFF if big else HEADER - 8 + data),
                b"WAVE",
                b"ds64" if big else b"JUNK",
                struct.pack("<IQQQI", 28, HEADER - 8 + data, data, self.frames, 0),
                b"fmt ",
                struct.pack("<IHHIIHH", 16, 3, self.channels, self.sample_rate, self.sample_rate * size, size, 32),
                b"data",
                struct.pack("<I", 0xFFFFFFFF if big else data),
            )
        )


class FlacFile:
    """A FLAC of 24 bits that grows."""

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        """Raises OSError, and ArtifactError where FLAC cannot hold such sound."""
        import soundfile

        self.frames, self._finished = 0, False
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            self._file: Any = soundfile.SoundFile(path, "w", sample_rate, channels, "PCM_24", format="FLAC")
        except soundfile.LibsndfileError as error:
            path.unlink()
            if channels > 8 or sample_rate > 655350:
                raise ArtifactError(
                    f"flac cannot hold {channels} channels at {sample_rate} Hz; record the take as wav"
                ) from error
            raise ArtifactError(FULL) from error
        self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def write(self, frames: np.ndarray) -> None:
        """Appends `interleaved` frames. Raises ArtifactError; what `settle` had made readable stays so."""
        try:
            self._file.write(frames)
        except (RuntimeError, AssertionError, OSError) as error:
            # soundfile hides the system's reason: a write that falls short is an error of its own, or a failed assertion.
            raise ArtifactError(FULL) from error
        self.frames += len(frames)

    def settle(self) -> int:
        """Makes what was written so far readable, up to the last whole FLAC frame; gives how much that is. Raises OSError."""
        length = int.from_bytes(os.pread(self._handle, 2, 8)) or CHUNK
        # The encoder holds a frame back until the first sample of the next one has come.
        readable = max(self.frames - 1, 0) // length * length
        total = self._total()
        if total is not None:
            os.pwrite(self._handle, (total & ~TOTAL | readable).to_bytes(8), 18)
        return readable

    def finish(self) -> None:
        """Makes it whole, on the disk. Raises OSError, and ArtifactError where not all of it could be written."""
        try:
            self._file.close()
        except (RuntimeError, AssertionError) as error:
            raise ArtifactError(FULL) from error
        if self.frames and (self._total() or 0) & TOTAL != self.frames:
            raise ArtifactError(FULL)
        os.fsync(self._handle)
        self._finished = True

    def close(self) -> None:
        """A file that is not finished stays readable as far as it was settled. Raises OSError."""
        with suppress(RuntimeError, AssertionError):
            self._file.close()
        try:
            if not self._finished:
                self.settle()
        finally:
            handle, self._handle = self._handle, -1
            os.close(handle)

    def _total(self) -> int | None:
        """The eight bytes of the header that end with the count of frames; None where they are not written yet."""
        found = os.pread(self._handle, 8, 18)
        return int.from_bytes(found) if len(found) == 8 else None


FILES: dict[str, type[FlacFile] | type[WavFile]] = {"flac": FlacFile, "wav": WavFile}


class TakeSound:
    """The sound of a take: its file, and the hash of every sample that can be read from it."""

    def __init__(self, folder: Path, encoding: str, sample_rate: int, channels: int, block: int) -> None:
        """Raises OSError or ArtifactError."""
        self.path = folder / f"sound.{encoding}"
        self._file = FILES[encoding](self.path, sample_rate, channels)
        self._block = block
        self._digest = hashlib.sha256()
        self._pending: list[np.ndarray] = []
        self._count = 0
        # (frames, hash so far) at places where a block ends as well; the first is the last one that is readable for certain.
        self._marks = deque([(0, self._digest.copy())])

    def write(self, sound: np.ndarray) -> None:
        """Appends [channels, frames]. Raises OSError or ArtifactError."""
        self._pending.append(interleaved(sound))
        self._count += sound.shape[1]
        if self._count >= CHUNK:
            frames = np.concatenate(self._pending)
            whole = self._count // CHUNK * CHUNK
            self._pending = [frames[whole:]]
            self._count -= whole
            for start in range(0, whole, CHUNK):
                self._append(frames[start : start + CHUNK])

    def settle(self) -> None:
        """Makes what was written so far readable. Raises OSError."""
        readable = self._file.settle()
        while len(self._marks) > 1 and self._marks[1][0] <= readable:
            self._marks.popleft()

    def close(self) -> tuple[int, str]:
        """Ends the file; gives its frames and their hash. Raises OSError or ArtifactError: then call `abandon`."""
        for part in self._pending:
            if len(part):
                self._append(part)
        self._pending = []
        self._file.finish()
        self._file.close()
        return self._file.frames, self._digest.hexdigest()

    def abandon(self) -> tuple[int, str]:
        """Ends the file after something went wrong; gives the frames that can be read for certain, and their hash."""
        with suppress(OSError):
            self.settle()
        with suppress(OSError):
            self._file.close()
        frames, digest = self._marks[0]
        return frames, digest.hexdigest()

    def _append(self, frames: np.ndarray) -> None:
        self._file.write(frames)
        self._digest.update(frames.data.cast("B"))
        if self._file.frames % self._block == 0:
            self._marks.append((self._file.frames, self._digest.copy()))
