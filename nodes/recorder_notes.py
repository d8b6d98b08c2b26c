"""What a sound file tells of where its sound comes from: a comment, and how a wav file grows beyond 4 GB.

The sound library (libsndfile 1.2) leaves out comments longer than some kilobytes in wav files, so they are written here: as the
INFO comment (ICMT) that every player knows, behind the sound."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

SMALL = 2**32 - 2**10
"""Bytes that a plain wav file may have: it counts them with 32 bits."""
UNKNOWN = 0xFFFFFFFF


def finish_wav(path: Path, comment: str | None) -> None:
    """Completes an RF64 file: adds the comment, and makes it a plain WAV file if it is small enough, as every program reads it
    (EBU Tech 3306). Raises OSError, and ValueError where it is no RF64 file."""
    with open(path, "r+b") as file:
        if file.read(4) != b"RF64":
            raise ValueError(f"{path.name} must be an RF64 file")
        if comment is not None:
            _append(file, comment)
        size = file.seek(0, 2)
        chunks = _chunks(file)
        place, _ = chunks[b"ds64"]
        file.seek(place)
        file.write(struct.pack("<Q", size - 8))
        if size > SMALL:
            return
        file.seek(place + 8)
        (data_size,) = struct.unpack("<Q", file.read(8))
        file.seek(0)
        file.write(b"RIFF" + struct.pack("<I", size - 8))
        file.seek(place - 8)
        file.write(b"JUNK")
        # The library writes the longer header that names its format twice; the plain name is known to more programs.
        begin, length = chunks[b"fmt "]
        if length >= 40:
            file.seek(begin + 24)
            plain = file.read(2)
            file.seek(begin)
            file.write(plain)
        file.seek(chunks[b"data"][0] - 4)
        file.write(struct.pack("<I", data_size))


def _append(file: BinaryIO, comment: str) -> None:
    text = comment.encode("utf-8") + b"\0"
    text += b"\0" * (len(text) % 2)
    chunk = b"INFOICMT" + struct.pack("<I", len(text)) + text
    end = file.seek(0, 2)
    try:
        file.write(b"\0" * (end % 2) + b"LIST" + struct.pack("<I", len(chunk)) + chunk)
        file.flush()
    except OSError:
        file.truncate(end)
        raise


def _chunks(file: BinaryIO) -> dict[bytes, tuple[int, int]]:
    """Where each chunk's content begins and how many bytes it has; of two of a name the last."""
    found: dict[bytes, tuple[int, int]] = {}
    place, end, sound = 12, file.seek(0, 2), None
    while place + 8 <= end:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            sound = struct.unpack("<QQ", file.read(16))[1]
        if name == b"data" and size == UNKNOWN and sound is not None:
            size = sound
        found[name] = place + 8, size
        place += 8 + size + size % 2
    return found


def read_comment(path: Path) -> str | None:
    """The comment of a wav, RF64 or flac file, of any length; None where there is none. Raises OSError."""
    with open(path, "rb") as file:
        kind = file.read(4)
        if kind in (b"RIFF", b"RF64"):
            place, size = _chunks(file).get(b"LIST", (0, 0))
            file.seek(place)
            data = file.read(size)
            if data[:8] != b"INFOICMT":
                return None
            (length,) = struct.unpack("<I", data[8:12])
            return data[12 : 12 + length].rstrip(b"\0").decode("utf-8")
    import soundfile

    with soundfile.SoundFile(path) as found:
        return found.comment or None
