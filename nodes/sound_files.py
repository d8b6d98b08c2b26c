"""Sound files: read whole, or little by little on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import NodeError, in_words

PIECE = 32768
"""Frames of the file that are read at once."""
AHEAD = 3.0
"""Seconds read ahead: longer than a disk needs to wake up."""
PATIENCE = 30.0
"""Seconds after which a disk that gives nothing counts as broken, where it is waited for."""
POLL = 0.01


def opened(path: Path | None) -> Any:
    """A sound file to read from, a soundfile.SoundFile. Raises NodeError in words."""
    import soundfile

    if path is None:
        raise NodeError("choose a sound file to play (path is empty)")
    if not path.is_file():
        raise NodeError(f"there is no file {path}; put it there or choose another")
    try:
        return soundfile.SoundFile(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise NodeError(f"{path} cannot be read as a sound file ({error}); choose a wav, flac, ogg, mp3 or aiff file") from error


def read_sound(path: Path | None, sample_rate: int) -> np.ndarray:
    """A whole sound file, float32 [channels, frames >= 1], resampled to `sample_rate`. Raises NodeError."""
    import soundfile
    import soxr

    with opened(path) as file:
        try:
            sound, rate = file.read(dtype="float32", always_2d=True), file.samplerate
        except (OSError, soundfile.LibsndfileError) as error:
            raise NodeError(f"{path} cannot be read as a sound file ({error}); choose another") from error
    if not len(sound):
        raise NodeError(f"{path} is empty: it holds no sound; choose another file")
    if not np.isfinite(sound).all():
        raise NodeError(f"{path} holds values that are no numbers; export it again from where it was made")
    if rate != sample_rate:
        sound = soxr.resample(sound, rate, sample_rate)
    return np.ascontiguousarray(sound.T, dtype=np.float32)


class WholeSound:
    """A sound file held in memory, over and over. `at_end` is whether its last frame was the last that was taken."""

    failure: str | None = None

    def __init__(self, sound: np.ndarray) -> None:
        self._sound, self._place = sound, 0
        self.channels, self.at_end = len(sound), False

    def take(self, frames: int) -> np.ndarray:
        """The next [channels, 1 to frames] up to the file's end; after its end it begins again."""
        place = 0 if self.at_end else self._place
        made = self._sound[:, place : place + frames]
        self._place = place + made.shape[1]
        self.at_end = self._place == self._sound.shape[1]
        return made

    def close(self) -> None:
        """There is nothing to give back."""


class SoundStream:
    """As WholeSound, but read by a thread while it is played: a file of any length takes no more than a few seconds of memory.
    `wait`: what is not yet read is waited for; otherwise there is silence, and `failure` tells it. One thread takes."""

    def __init__(self, path: Path, sample_rate: int, wait: bool) -> None:
        """Opens the file and reads its beginning. Raises NodeError."""
        self._file, self._rate, self._wait, self._path = opened(path), sample_rate, wait, path
        self.channels, self.at_end = self._file.channels, False
        self.failure: str | None = None
        self._pieces: deque[tuple[np.ndarray, bool]] = deque()  # with whether it is the file's last
        self._ready = 0
        self._used = 0  # frames of the first piece that have been taken
        self._stop, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._read, name=f"glasspatch {path.name}", daemon=True)
        self._thread.start()
        self._waited()

    def take(self, frames: int) -> np.ndarray:
        """The next [channels, 1 to frames], or fewer than 1 where nothing is ready."""
        if not self._pieces and not (self._wait and self._waited()):
            self.failure = self.failure or f"{self._path.name} is read too slowly from its disk, and falls silent"
            self.at_end = False
            return np.zeros((self.channels, 0), np.float32)
        piece, is_last = self._pieces[0]
        made = piece[:, self._used : self._used + frames]
        self._used += made.shape[1]
        self.at_end = is_last and self._used == piece.shape[1]
        if self._used == piece.shape[1]:
            self._pieces.popleft()
            self._used = 0
        return made

    def close(self) -> None:
        """Ends the thread. May be called again."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _waited(self) -> bool:
        limit = time.monotonic() + PATIENCE
        while not self._pieces and not self._ended and time.monotonic() < limit:
            time.sleep(0.001)
        return bool(self._pieces)

    def _read(self) -> None:
        most = max(int(AHEAD * self._rate / PIECE), 2)
        try:
            with self._file as file:
                while not self._stop.is_set():
                    for piece in self._once(file):
                        while len(self._pieces) >= most and not self._stop.wait(POLL):
                            pass
                        if self._stop.is_set():
                            return
                        self._pieces.append(piece)
                    file.seek(0)
        except Exception as error:
            self.failure = f"{self._path.name} cannot be read any further: {in_words(error)}"
        finally:
            self._ended = True

    def _once(self, file: Any) -> Any:
        """The file from its beginning to its end in pieces of at least one frame; the last is marked."""
        import soxr

        resampler = None
        if file.samplerate != self._rate:
            resampler = soxr.ResampleStream(file.samplerate, self._rate, file.channels, dtype="float32")
        before: np.ndarray | None = None
        while True:
            read = file.read(PIECE, dtype="float32", always_2d=True)
            is_last = len(read) < PIECE
            sound = np.nan_to_num(read)
            if resampler is not None:
                sound = resampler.resample_chunk(sound, last=is_last)
            if len(sound):
                if before is not None:
                    yield before, False
                before = np.ascontiguousarray(sound.T, np.float32)
            if is_last:
                if before is None:
                    raise NodeError("it holds no sound")
                yield before, True
                return
