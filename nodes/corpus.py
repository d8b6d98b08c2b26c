"""Gathers the recordings of a folder: what is taken, and why the rest was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import find_files, hash_file
from runtime.corpus import Corpus, Recording, Rejected, Slice
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import NodeSpec, PathParam, Port, PortType

SOUND_ENDINGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".oga", ".opus", ".mp3", ".au", ".caf", ".w64", ".rf64")
FOREIGN_ENDINGS = (".m4a", ".aac", ".wma", ".mp4", ".mov", ".mpc", ".ape", ".amr")
SLACK = 0.01  # seconds that the length in a header may be beside the truth: some recorders count a few bytes too many
CHUNK = 2**20  # frames read at once: 22 s at 48 kHz


def part_there(path: Path) -> float:
    """The part of its sound that a wav or aiff file holds, more than 0 to 1: libsndfile reads what is cut short without a word.

    1 for other files, and where a recorder that died has left no length in it."""
    with open(path, "rb") as file:
        kind = file.read(12)[:4]
        order: Any = {b"RIFF": "little", b"FORM": "big"}.get(kind)
        while order is not None and len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], order)
            if head[:4] in (b"data", b"SSND"):
                there = path.stat().st_size - file.tell()
                return there / size if 0 < there < size < 0xFFFFFFFE else 1.0
            file.seek(size + size % 2, 1)
    return 1.0


def inspect(path: Path, name: str) -> Recording | Rejected:
    """Reads a whole file in chunks: a Recording called `name` where every sample is sound, else Rejected with the reason."""
    import soundfile

    ending = path.suffix.lower()
    readable = name.encode("utf-8", "backslashreplace").decode()
    if readable != name:
        return Rejected(readable, "has a name that is not written in UTF-8; rename it")
    if path.exists() and not path.is_file():
        return Rejected(name, "is not a file")  # a pipe would make us wait for ever
    if ending in FOREIGN_ENDINGS:
        return Rejected(name, f"{ending} files cannot be read; convert it to wav or flac")
    try:
        path.open("rb").close()  # the library does not say that it may not
        with soundfile.SoundFile(path) as file:
            frames, rate, channels = file.frames, file.samplerate, file.channels
            if frames == 0:
                return Rejected(name, "holds no sound (zero length)")
            count = 0
            for chunk in file.blocks(CHUNK, dtype="float32"):
                if not np.isfinite(chunk).all():
                    return Rejected(name, "holds samples that are no numbers (NaN or infinity); export it anew")
                count += len(chunk)
    except PermissionError:
        return Rejected(name, "may not be read; give yourself the permission to read it")
    except (OSError, RuntimeError) as error:
        if ending not in SOUND_ENDINGS:
            return Rejected(name, "is not a sound file")
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
        return Rejected(name, f"cannot be read: {reason.strip().rstrip('.')}")
    whole = max(frames, round(frames / part_there(path)))
    if count < frames or (whole - count) / rate > SLACK:
        return Rejected(name, f"is cut short: only {count / rate:.2f} of {whole / rate:.2f} s can be read; copy it again")
    return Recording(name, hash_file(path), rate, channels, frames)


class Folder(JobNode):
    """Gather all recordings of a folder and its sub-folders into a corpus, each of them one slice. The files stay where
    they are and as they are; what cannot be used is listed with the reason."""

    spec = NodeSpec(
        type="corpus.folder",
        title="Audio folder",
        outputs=(Port("corpus", PortType.CORPUS, "every recording as one slice"),),
        params=(PathParam(name="path", doc="the folder of recordings, beside the patch", what="folder"),),
    )

    def run(self, job: Job, path: Path | None) -> dict[str, Path]:
        if path is None:
            raise NodeError("no folder is chosen; choose a folder of recordings beside the patch")
        if not path.is_dir():
            raise NodeError(f"there is no folder {path.name!r} beside the patch; put it there or choose another")
        closed: list[Path] = []
        files = job.track(find_files(path, closed), text="reading the recordings")
        if path in closed:
            raise NodeError(f"the folder {path.name!r} may not be read; give yourself the permission to read it")
        found = [inspect(file, file.relative_to(job.patch_folder).as_posix()) for file in files]
        found += [Rejected(one.relative_to(job.patch_folder).as_posix(), "is a folder that may not be read") for one in closed]
        recordings = tuple(item for item in found if isinstance(item, Recording))
        rejected = tuple(item for item in found if isinstance(item, Rejected))
        if not recordings:
            why = f" ({len(rejected)} files were refused; {rejected[0].path} {rejected[0].reason})" if rejected else ""
            raise NodeError(f"the folder {path.name!r} holds no sound that can be read{why}; put wav or flac files into it")
        slices = tuple(Slice(number, 0, recording.frames) for number, recording in enumerate(recordings))
        Corpus(job.patch_folder, recordings, slices, rejected).write(job.folder)
        return {"corpus": job.folder}
