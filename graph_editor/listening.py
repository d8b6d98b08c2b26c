"""Plays slices, recordings and test phrases for the artist's ears, beside the performance: one sound at a time, never loud."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import NodeError, in_words
from runtime.master import Master
from runtime.speaker import open_speaker

BLOCK = 512
LEVEL = 0.5
"""Half of what the file holds (-6 dB), after the limiter of the performance: an unknown file may be recorded hot."""
FADE = 0.005
"""Seconds of the ramps at both ends, and where the next sound cuts in."""
LEAD = 0.15
"""Seconds of silence with which a card begins: it fades in, and the attack of a slice is what one listens for."""
IDLE = 3.0
"""Seconds after the last sound until the sound card is let go: some can be used by one program only."""


@dataclass(frozen=True)
class Sound:
    """Frames [start, end) of a sound file, counted at its own sample rate; to its end where `end` is None."""

    path: Path
    start: int = 0
    end: int | None = None


class Listening:
    """The player of one window. Any thread may call it; nothing waits. Files are read and the card is played on its own thread,
    which lives while there is something to hear."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` hears, from the player's thread, in words why something cannot be played."""
        self._tell = tell
        self._wake = threading.Condition()
        self._wanted: tuple[Sound, str | None] | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._now: Sound | None = None
        self._at = 0.0

    def play(self, sound: Sound, device: str | None) -> None:
        """Plays a sound from its start, in place of what plays. `device` as in the preferences: None is the system's own, "none"
        is silent and keeps time."""
        with self._wake:
            self._wanted = sound, device
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="glasspatch listening", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def stop(self) -> None:
        """Fades out what plays."""
        with self._wake:
            self._wanted = None

    @property
    def now(self) -> tuple[Sound, float] | None:
        """What is heard at this moment, and how many seconds of it have been."""
        sound = self._now
        return (sound, max(self._at, 0.0)) if sound is not None else None

    def close(self, wait: float = 2.0) -> None:
        """Fades out, lets the card go and waits so long for it."""
        with self._wake:
            self._wanted, self._closing = None, True
            thread = self._thread
            self._wake.notify_all()
        if thread is not None:
            thread.join(wait)

    # The player's thread

    def _work(self) -> None:
        speaker: Any = None
        opened: tuple[str | None, int] | None = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted is not None or self._closing, IDLE if speaker is not None else 0.0)
                wanted = self._wanted if not self._closing else None
                if wanted is None and speaker is None:
                    self._thread = None
                    return
            if wanted is None:
                speaker.stop()  # it may take a moment, and somebody may want to hear something meanwhile
                speaker, opened = None, None
                continue
            try:
                import soundfile

                with soundfile.SoundFile(wanted[0].path) as file:
                    if opened != (wanted[1], file.samplerate):
                        if speaker is not None:
                            speaker.stop()
                        speaker, opened = None, None
                        speaker = self._open(wanted[1], file.samplerate)
                        opened = wanted[1], file.samplerate
                    self._play(wanted, file, speaker)
            except Exception as error:  # a file or a card may fail in many ways, and none may end the window's player
                self._tell(f"{wanted[0].path.name} cannot be played: {_why(error)}")
            with self._wake:
                self._now = None
                if self._wanted is wanted:
                    self._wanted = None

    def _open(self, device: str | None, rate: int) -> Any:
        speaker = open_speaker(
            device,
            listens=False,
            sample_rate=rate,
            block=BLOCK,
            latency=None,
            tell=lambda words, wrong: self._tell(words) if wrong else None,
        )
        for _ in range(round(LEAD * rate / BLOCK)):
            speaker.play(np.zeros((2, BLOCK), np.float32))
        return speaker

    def _play(self, wanted: tuple[Sound, str | None], file: Any, speaker: Any) -> None:
        sound, rate = wanted[0], file.samplerate
        start = min(max(sound.start, 0), file.frames)
        count = (file.frames if sound.end is None else min(sound.end, file.frames)) - start
        if count <= 0:
            raise NodeError("it holds no sound there; run the patch again")
        file.seek(start)
        master, ramp = Master(2, BLOCK, rate), max(round(FADE * rate), 1)
        self._now, done = sound, 0
        while done < count:
            block = file.read(min(BLOCK, count - done), dtype="float32", always_2d=True).T
            if not block.shape[1]:
                return  # cut short
            place = np.arange(done, done + block.shape[1])
            gain = np.clip(np.minimum((place + 1) / ramp, (count - place - 1) / ramp), 0.0, 1.0)
            cut = self._wanted is not wanted
            if cut:
                gain *= np.clip(1.0 - np.arange(len(gain)) / min(ramp, len(gain)), 0.0, 1.0)
            padded = np.zeros((len(block), BLOCK), np.float32)
            padded[:, : block.shape[1]] = np.nan_to_num(block, posinf=0.0, neginf=0.0)
            limited = master.render([padded])
            limited[:, : len(gain)] *= (LEVEL * gain).astype(np.float32)
            speaker.play(limited)
            done += block.shape[1]
            self._at = done / rate - speaker.output_latency
            if cut:
                return


def _why(error: Exception) -> str:
    words = getattr(error, "error_string", None)  # what libsndfile says, without its own prefix
    return str(words).rstrip(".") if words else in_words(error)
