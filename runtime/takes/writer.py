"""Writes takes while the sound runs: the engine's thread only appends to a queue, a thread of the journal's own does the rest."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import versions
from runtime.errors import ArtifactError, in_words
from runtime.takes.folder import Lines, Recording, line_of
from runtime.takes.sound import FILES, WavFile, interleaved
from runtime.takes.take import FORMAT, INPUT

POLL = 0.05
"""Seconds between two looks of the writing thread."""
SETTLE = 1.0
"""Seconds of sound that a killed process may lose."""
PATIENCE = 60.0
"""Seconds that a disk may take to write down the end of a take."""
MOST_FRAMES = 30 * 48000
"""Frames of sound that may wait for a slow disk: stereo takes 12 MB."""
MOST_WAITING = 300_000
"""Events and blocks that may wait: an hour of gestures."""


class Journal:
    """All that has come from outside since the performance began, on disk, and the take that is being recorded of it.

    `write`, `sound` and `input` only append to a queue: the engine's thread may call them. The others may take their time."""

    def __init__(self, folder: Path, tell: Callable[[str], None] = lambda words: None) -> None:
        """`folder` is empty but for `taught/`, and stays as long as the journal. `tell` is called by the writing thread with what
        went wrong, in words. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.taking: Path | None = None
        """The folder of the take that is being recorded."""
        self.failure: str | None = None
        """What went wrong last, in words."""
        self._folder, self._tell = folder, tell
        self._lines = Lines(folder / "journal.jsonl")
        self._heard: WavFile | None = None
        self._channels, self._frames_heard, self._next_heard = 0, 0, (-1, 0)
        self._broken: str | None = None
        self._names: dict[str, None] = {}
        self._begun: Recording | None = None
        self._recording: Recording | None = None
        self._blind: Recording | None = None
        self._waiting: deque[tuple[Any, ...]] = deque()
        # Each is counted by one thread alone, so neither needs a lock.
        self._given = {"sound": 0, "input": 0}
        self._done = {"sound": 0, "input": 0}
        self._full = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="glasspatch journal", daemon=True)
        self._thread.start()

    # What the engine's thread may call

    def write(self, block: int, kind: str, data: Any) -> None:
        """An event that was applied before that block. `data` must not change afterwards."""
        if not self._full:
            self._full = len(self._waiting) > MOST_WAITING
            self._waiting.append(("line", block, kind, data) if not self._full else ("full",))

    def sound(self, block: int, sound: np.ndarray) -> None:
        """What is heard, float32 [channels, frames]; nothing happens where no take is being recorded."""
        if self.taking is None:
            return
        if self._given["sound"] - self._done["sound"] > MOST_FRAMES:
            self.taking = None
            self._waiting.append(("late",))
            return
        self._given["sound"] += sound.shape[1]
        self._waiting.append(("sound", block, sound.copy()))

    def input(self, block: int, heard: np.ndarray) -> None:
        """What the sound card hears, float32 [channels, frames]."""
        if self._full:
            return
        if self._given["input"] - self._done["input"] > MOST_FRAMES:
            self._full = True
            self._waiting.append(("full",))
            return
        self._given["input"] += heard.shape[1]
        self._waiting.append(("input", block, heard.copy()))

    # What any thread may call

    def see(self, block: int, kind: str, *what: Any) -> None:
        """What was seen in that block, as `Recording.see` takes it; nothing happens where no take is being recorded."""
        if self.taking is not None:
            self._waiting.append(("seen", block, kind, *what))

    # What takes its time

    def start_take(
        self,
        path: Path,
        *,
        patch: str,
        sample_rate: int,
        channels: int,
        block: int,
        first_block: int,
        encoding: str = "flac",
        settings: Mapping[str, Any] | None = None,
        artifacts: Mapping[str, str] | None = None,
    ) -> Path:
        """Begins a take in a new folder of that name, or of the first free one (x.take, x-2.take), and gives it. `settings` are
        the compiled ones of the patch, `artifacts` the fingerprint of each "node.output" that plays. Raises ArtifactError."""
        if self.taking is not None:
            raise ArtifactError(f"{self.taking.name} is being recorded; end it before you begin another take")
        if self._broken is not None:
            raise ArtifactError(f"no take can be recorded any more: {self._broken}")
        if encoding not in FILES:
            raise ArtifactError(f"the sound of a take must be {' or '.join(FILES)}, got {encoding!r}")
        header = {
            "take": FORMAT,
            "patch": patch,
            "settings": {"seed": 0, **(settings or {}), "sample_rate": sample_rate, "block": block},
            "versions": versions(),
            "artifacts": dict(artifacts or {}),
            "sample_rate": sample_rate,
            "block": block,
            "channels": channels,
            "began": first_block,
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        }
        try:
            folder = free_folder(path)
        except OSError as error:
            raise ArtifactError(f"no take can be recorded in {path.parent}: {in_words(error)}") from error
        try:
            recording = Recording(folder, header, encoding, self._lines, self._heard, self._folder / "taught")
        except (OSError, ArtifactError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ArtifactError(f"{folder.name} cannot be recorded: {in_words(error)}") from error
        self._waiting.append(("start", recording))
        self._begun, self.taking, self.failure = recording, folder, None
        return folder

    def end_take(self) -> Path | None:
        """Ends the take and waits until it is on the disk; gives its folder, or None where none was being recorded, or where it
        ended by itself, as was told. Raises ArtifactError where the disk does not answer."""
        recording = self._begun
        if self.taking is None or recording is None:
            return None
        self.taking = None
        self._waiting.append(("end", recording))
        if not recording.done.wait(PATIENCE):
            raise ArtifactError(f"the disk does not answer; {recording.folder.name} may not have been written to its end")
        return None if recording.failure else recording.folder

    def close(self) -> None:
        """Ends the take, if one is being recorded, and the writing."""
        try:
            self.end_take()
        finally:
            self._closing.set()
            self._thread.join(PATIENCE)

    # The writing thread

    def _run(self) -> None:
        settled = time.monotonic()
        while True:
            closing = self._closing.wait(POLL)
            for _ in range(len(self._waiting)):
                kind, *values = self._waiting.popleft()
                try:
                    getattr(self, f"_write_{kind}")(*values)
                except Exception as error:
                    self._break(in_words(error))
            self._flush()
            if time.monotonic() - settled >= SETTLE:
                settled = time.monotonic()
                self._try(lambda recording: recording.settle())
            if closing and not self._waiting:
                break
        if self._recording is not None:
            self._fail("the performance is over")
        self._lines.close()
        if self._heard is not None:
            self._heard.close()

    def _write_line(self, block: int, kind: str, data: Any) -> None:
        line = line_of(block, kind, data)
        if kind in ("load", "taught"):
            names = data.get("taught", {}).values() if kind == "load" else data[1:]
            self._names |= dict.fromkeys(names)
            self._try(lambda recording: recording.keep_taught(self._names))
        self._keep(line)

    def _keep(self, line: bytes) -> None:
        if self._broken is None:
            self._lines.add(line)
        if self._recording is not None:
            self._recording.lines.add(line)

    def _write_sound(self, block: int, sound: np.ndarray) -> None:
        self._done["sound"] += sound.shape[1]
        self._try(lambda recording: recording.sound(block, sound))

    def _write_input(self, block: int, sound: np.ndarray) -> None:
        self._done["input"] += sound.shape[1]
        self._channels = self._channels or len(sound)
        if (block, len(sound)) != self._next_heard:
            self._keep(line_of(block, "input", {"at": self._frames_heard, "channels": len(sound)}))
        self._next_heard = (block + 1, len(sound))
        self._frames_heard += sound.shape[1]
        if len(sound) != self._channels:  # another sound card than at first
            fitted = np.zeros((self._channels, sound.shape[1]), np.float32)
            fitted[: len(sound)] = sound[: self._channels]
            sound = fitted
        frames = interleaved(sound)
        self._try(lambda recording: recording.hear(frames))
        if self._broken is None:
            # Nobody reads the rate of this one: a take's copy has the right one.
            self._heard = self._heard or WavFile(self._folder / INPUT, 48000, self._channels)
            self._heard.write(frames)

    def _write_seen(self, block: int, kind: str, *what: Any) -> None:
        if self._recording is None or self._recording is self._blind:
            return
        try:
            self._recording.see(block, kind, *what)
        except OSError as error:
            self._blind = self._recording
            self._told(f"what is seen is no longer kept in {self._recording.folder.name}: {in_words(error)}; the sound is")

    def _write_start(self, recording: Recording) -> None:
        self._flush()
        self._recording = recording
        if self._broken is not None:
            self._fail(self._broken)
        else:
            self._try(lambda recording: recording.begin(self._heard, self._names))

    def _write_end(self, recording: Recording) -> None:
        if self._recording is recording:
            self._try(lambda recording: recording.end())
            self._recording = None
        recording.done.set()

    def _write_late(self) -> None:
        if self._recording is not None:
            self._fail("the disk is too slow: half a minute of sound is waiting to be written")

    def _write_full(self) -> None:
        why = "the disk is too slow: too much is waiting to be written"
        self._fail(why)
        self._break(why)

    def _flush(self) -> None:
        try:
            self._lines.flush()
        except OSError as error:
            self._break(in_words(error))
        self._try(lambda recording: recording.lines.flush())

    def _try(self, write: Callable[[Recording], None]) -> None:
        """Does something with the take that is being recorded; what goes wrong ends it, in words, and nothing else."""
        if self._recording is not None:
            try:
                write(self._recording)
            except Exception as error:
                self._fail(in_words(error))

    def _fail(self, why: str) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            if self.taking == recording.folder:
                self.taking = None
            self.failure = f"recording {recording.folder.name} has ended: {why}; what was recorded until then can be read"
            recording.fail(why)
            self._told(self.failure)

    def _break(self, why: str) -> None:
        """The journal itself cannot go on: the sound can, and so can the take that has its own copy."""
        if self._broken is None:
            self._broken = why
            self._told(f"the performance is no longer kept: {why}; takes can be recorded again after a new start")

    def _told(self, words: str) -> None:
        self.failure = words
        with suppress(Exception):  # whoever listens must not end the writing
            self._tell(words)


def free_folder(path: Path) -> Path:
    """Makes a new folder of that name, ending in .take, or of the first free name-2, name-3 ... Raises OSError."""
    stem = path.name.removesuffix(".take")
    path.parent.mkdir(parents=True, exist_ok=True)
    number, folder = 1, path.with_name(f"{stem}.take")
    while True:
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
            folder = path.with_name(f"{stem}-{number}.take")
