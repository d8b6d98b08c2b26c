"""Hears the recordings of a corpus, several at a time, and keeps what was heard of each file by its hash."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from nodes.corpus_frames import COLUMNS, SECOND, at, blocks, hear, onsets, rows_of
from runtime.artifacts import hash_file
from runtime.corpus import Corpus, Recording
from runtime.errors import NodeError
from runtime.folders import state_folder
from runtime.node import Job

VERSION = 1
"""Part of the name under which what was heard is kept: other COLUMNS ask for another number."""
KEPT = 4 * 2**30
"""Bytes that are kept in all, about 250 hours; what was not used for the longest time goes first."""

STALE = 3600.0
"""Seconds after which what is half done is nobody's any more."""


def place(sha256: str) -> Path:
    """Where what was heard of a file is kept: the user's, so that every patch of the archive finds it. Raises OSError for a user
    without a home."""
    return state_folder() / "heard" / f"{sha256}.{VERSION}.npy"


def kept(recording: Recording) -> np.ndarray | None:
    """What was heard of a recording, float32 [rows, COLUMNS], from the disk as it is read; None where nothing is kept."""
    file = place(recording.sha256)
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
        os.utime(file)  # it was used now
    except (OSError, ValueError, EOFError):
        return None
    rows = rows_of(recording.frames, recording.sample_rate)
    return found if found.dtype == np.float32 and found.shape == (rows, len(COLUMNS)) else None


def hear_all(job: Job, corpus: Corpus, wanted: Iterable[int], share: float = 1.0) -> dict[int, str]:
    """Hears those of the recordings that were not heard yet; says how far it is, up to `share`. Gives the numbers of those that
    could not be heard with the reason in words."""
    todo = [number for number in wanted if kept(corpus.recordings[number]) is None]
    same = {corpus.recordings[number].sha256: number for number in todo}  # a file may lie there twice
    total, done = sum(corpus.recordings[number].seconds for number in same.values()), 0.0
    faults: dict[str, str] = {}
    place("").parent.mkdir(parents=True, exist_ok=True)
    # The host tells the job how many threads it may use; numpy lets go of the interpreter while it works.
    threads = int(os.environ.get("OMP_NUM_THREADS", "") or os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Heard, int, Future[np.ndarray]]] = deque()
        for number in same.values():
            recording = corpus.recordings[number]
            one = Heard(recording)
            try:
                for row, rows, lead, sound in _read(corpus.folder, recording):
                    waiting.append((one, row, pool.submit(hear, sound, recording.sample_rate, lead, rows)))
                    while len(waiting) > threads:
                        done += _put(*waiting.popleft())
                        job.progress(share * min(done / total, 1.0), "listening")
            except NodeError as error:
                faults[recording.sha256] = str(error)
                one.drop()
        while waiting:
            done += _put(*waiting.popleft())
            job.progress(share * min(done / total, 1.0), "listening")
    forget()
    return {number: faults[corpus.recordings[number].sha256] for number in todo if corpus.recordings[number].sha256 in faults}


class Heard:
    """A recording that is being heard; it is kept once its last row is there."""

    def __init__(self, recording: Recording) -> None:
        self._file = place(recording.sha256)
        self._beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        self._shape = (rows_of(recording.frames, recording.sample_rate), len(COLUMNS))
        self._rows: np.ndarray | None = None
        self._is_dropped = False

    def drop(self) -> None:
        """Keeps nothing of it."""
        self._is_dropped, self._rows = True, None
        self._beside.unlink(missing_ok=True)

    def put(self, row: int, found: np.ndarray) -> None:
        """The next rows, in order."""
        if self._is_dropped:
            return
        if self._rows is None:
            self._rows = np.lib.format.open_memmap(self._beside, "w+", np.float32, self._shape)
        self._rows[row : row + len(found)] = found
        if row + len(found) == self._shape[0]:
            strength = self._rows[:, at("onset")]
            strength[:] = onsets(np.array(strength))
            self._rows.flush()
            self._rows = None
            self._beside.replace(self._file)


def _put(one: Heard, row: int, future: Future[np.ndarray]) -> float:
    found = future.result()
    one.put(row, found)
    return len(found) / SECOND


def _read(folder: Path, recording: Recording) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """The blocks of a recording; raises NodeError where it is not what the corpus says."""
    path = folder / recording.path
    try:
        # What is kept is found by its hash, in other patches too: it must be of this file.
        if hash_file(path) != recording.sha256:
            raise NodeError(f"{recording.path} has changed since the corpus was made; run the patch again")
        yield from blocks(path, recording.frames, recording.sample_rate)
    except (OSError, RuntimeError) as error:
        raise NodeError(f"{recording.path} cannot be read any more ({error}); put it back or run the patch again") from error


def forget(most: int = KEPT) -> None:
    """Removes what was not used for the longest time, until no more than so many bytes are kept, and what a job that was stopped
    left half done."""
    with suppress(OSError):
        for left in place("").parent.glob(".*.npy.*"):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)
        every = sorted(((file.stat(), file) for file in place("").parent.glob("*.npy")), key=lambda one: -one[0].st_mtime)
        total = 0
        for stat, file in every:
            total += stat.st_size
            if total > most:
                file.unlink(missing_ok=True)
