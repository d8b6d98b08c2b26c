"""Record what is heard into a file, without ever making the sound wait for the disk."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nodes.recorder_notes import finish_wav
from runtime.errors import NodeError, in_words
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, ChoiceParam, NodeSpec, PathParam, Port, PortType

POLL = 0.02
"""Seconds between two looks of the writing thread: at 48 kHz about two blocks of 512, far less than memory would notice."""

ENCODINGS = {"24-bit": "PCM_24", "float": "FLOAT"}


class Recorder(StreamNode):
    """Records a sound into a wav or flac file and passes it on. The file gets its name when the recording ends, and never
    replaces an older one: where take.wav exists, the next is take-2.wav. If the disk is full the sound goes on, what was written
    is kept, and the trouble is told. The file's comment tells the patch and which recordings made its models, unless you switch
    that off. A wav file beyond 4 GB becomes an RF64 file."""

    spec = NodeSpec(
        type="audio.recorder",
        title="Recorder",
        inputs=(Port("audio", PortType.AUDIO, "the sound to record"),),
        outputs=(Port("audio", PortType.AUDIO, "the same sound"),),
        params=(
            PathParam(name="path", default="takes/take.wav", what="output", doc="the file; .wav or .flac"),
            ChoiceParam(
                name="encoding",
                default="24-bit",
                choices=tuple(ENCODINGS),
                doc="24-bit cuts off what is louder than 1; float keeps it (wav only)",
                live=False,
            ),
            BoolParam(
                name="origin",
                default=True,
                doc="write the patch, and what its models were made from, into the file's comment",
                live=False,
            ),
        ),
    )

    failure: str | None = None
    """What went wrong with the writing, in words; None while all is well. The writing thread sets it, any thread may read it."""

    written: Path | None = None
    """The finished file; None before `close`, and where there was nothing to write."""

    _thread: threading.Thread | None = None

    def prepare(self, stream: Stream, path: Path | None, encoding: str, origin: bool) -> None:
        if path is None:
            raise NodeError("choose a file to record into (path is empty)")
        if path.suffix.lower() not in (".wav", ".flac"):
            raise NodeError(f"path must end in .wav or .flac, got {path.name!r}")
        if path.suffix.lower() == ".flac" and encoding == "float":
            raise NodeError("flac files hold no float sound; choose 24-bit, or a path that ends in .wav")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
            partial.touch(exist_ok=False)
        except OSError as error:
            raise NodeError(f"cannot record into {path.parent}: {in_words(error)}") from error
        import soundfile  # noqa: F401  (its first import is slow, and the writing thread must keep up)

        self._path, self._partial = path, partial
        self._encoding, self._rate = ENCODINGS[encoding], stream.sample_rate
        self._comment = json.dumps(stream.origin(), sort_keys=True, ensure_ascii=False) if origin else None
        self._waiting: deque[np.ndarray] = deque()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, name=f"recorder {path.name}", daemon=True)
        self._thread.start()

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        if self.failure is None:
            self._waiting.append(audio)
        return {"audio": audio}

    def close(self) -> None:
        """Waits until everything is on the disk, and gives the file its name."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ending.set()
            thread.join()

    def _write(self) -> None:
        """The writing thread: the only place that touches the file."""
        file = None
        try:
            while True:
                ending = self._ending.wait(POLL)
                while self._waiting:
                    audio = self._waiting.popleft()
                    if file is None:
                        file = self._open(len(audio))
                    file.write(with_channels(audio, file.channels).T)
                if ending:
                    break
        except Exception as error:
            self._fail(error)
            self._waiting.clear()
        try:
            if file is not None:
                file.close()
                if self._partial.suffix.lower() == ".wav":
                    self._finish_wav()
            self._finish(keep=file is not None)
        except Exception as error:
            self._fail(error)

    def _open(self, channels: int) -> Any:
        import soundfile

        is_wav = self._partial.suffix.lower() == ".wav"
        file = soundfile.SoundFile(self._partial, "w", self._rate, channels, self._encoding, format="RF64" if is_wav else "FLAC")
        if self._comment is not None and not is_wav:
            file.comment = self._comment
        return file

    def _finish_wav(self) -> None:
        try:
            finish_wav(self._partial, self._comment)
        except OSError as error:  # no room for the comment: the sound is what counts
            self._fail(error)
            finish_wav(self._partial, None)

    def _fail(self, error: Exception) -> None:
        # soundfile hides the system's reason: a write that falls short comes as its own error, or as a failed assertion.
        hidden = isinstance(error, (AssertionError, RuntimeError))
        reason = "the disk is full, or takes no more of this file" if hidden else in_words(error)
        self.failure = self.failure or f"recording {self._path.name} has stopped ({reason}); what was written before is kept"

    def _finish(self, keep: bool) -> None:
        if keep:
            self.written = give_free_name(self._partial, self._path)
        else:
            self._partial.unlink(missing_ok=True)


def with_channels(audio: np.ndarray, channels: int) -> np.ndarray:
    """`audio` with exactly so many channels: those too many are left out, those missing are silent."""
    if len(audio) == channels:
        return audio
    fitted = np.zeros((channels, audio.shape[1]), np.float32)
    fitted[: len(audio)] = audio[:channels]
    return fitted


def give_free_name(partial: Path, path: Path) -> Path:
    """Renames a complete file to `path`, or to the first free of path-2, path-3 ...; gives the name. Raises OSError."""
    number, free = 1, path
    while True:
        try:
            os.link(partial, free)  # unlike a rename, a link never replaces a file that appeared in the meantime
            break
        except FileExistsError:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        except OSError:  # a file system without links, such as a memory stick's
            if not free.exists():
                partial.rename(free)
                return free
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    with suppress(OSError):
        partial.unlink()
    return free
