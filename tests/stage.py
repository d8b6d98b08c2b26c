"""The stage for the tests: the demo's whole chain on the left, a sample counter on the right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import soundfile

from runtime.device import STARVED
from runtime.trust import trust
from tests.command import ROOT

COUNTER = 2.0**24
"""The counter's step is one part of this: every number below it is a float32 of its own."""
BEGIN = 10_000
"""The counter's first number: far from silence."""
WRAP = 2**22
"""The counter begins again after so many frames (95 s), long before it would be too loud."""
RAMP = 4000
"""Frames at the beginning in which the sound fades in and the counter is not to be read."""
STEADY = 3
"""Frames in a row that count up by one each before they are believed: a faded count may be whole by chance."""
FADE = round(STARVED * 44100)
"""Frames that a fade to silence, or from it, may take at most."""


def set_stage(folder: Path, seconds: float, *, block: int = 512) -> Path:
    """Lays the patch out and gives its path."""
    demo = ROOT / "patches"
    shutil.copytree(demo / "demo.assets", folder / "demo.assets")
    shutil.copytree(demo / "demo", folder / "demo")
    trust(folder / "demo.assets" / "trainer" / "model.ts")
    frames = min(round(seconds * 44100), WRAP)  # a longer one begins again by itself
    numbers = ((BEGIN + np.arange(frames)) / COUNTER).astype(np.float32)
    soundfile.write(folder / "counter.wav", numbers, 44100, subtype="FLOAT")
    data = json.loads((demo / "demo.json").read_text())
    data["settings"]["block"] = block
    nodes, links = data["nodes"], data["links"]
    nodes |= {
        "left": {"type": "audio.pan", "params": {"place": -1.0}},
        "right": {"type": "audio.pan", "params": {"place": 1.0}},
        "counter": {"type": "audio.player", "params": {"path": "counter.wav", "loop": frames == WRAP}},
        "mix": {"type": "audio.mix"},
    }
    nodes["level"]["params"]["gain"] = -18.0
    links.remove(["level.audio", "output.audio"])
    links += [["level.audio", "left.audio"], ["left.audio", "mix.audio"], ["counter.audio", "right.audio"]]
    links += [["right.audio", "mix.audio"], ["mix.audio", "output.audio"]]
    path = folder / "demo.json"
    path.write_text(json.dumps(data))
    return path


class Judge:
    """Counts what is wrong with a recorded counter, which may come in pieces: only the newest is kept.

    The frames at its very beginning, in which the sound fades in, and those after the last steady count, are not judged."""

    def __init__(self) -> None:
        self.found = {"frames": 0, "lost": 0, "repeated": 0, "silent": 0, "faded": 0, "wrong": 0}
        """In frames. frames: those that count steadily. lost, repeated: what the count leaves out or says again. silent: exact
        zeros. faded: those of a fade to silence or from it under which the count goes on, as the device does where the engine is
        late; its fade-in are frames of the sound, so they are not lost. wrong: anything else."""
        self._rest = np.zeros(0, np.float32)
        self._sounding, self._skip, self._again = False, RAMP, 0

    def hear(self, sound: np.ndarray) -> None:
        """Judges the next piece, float32 [frames]; what comes after its last steady count waits for the piece after it."""
        if not self._sounding:
            loud = np.flatnonzero(sound)
            self._sounding = bool(len(loud))
            sound = sound[loud[0] :] if len(loud) else sound[:0]
        skipped = min(self._skip, len(sound))
        self._skip -= skipped
        sound = np.concatenate([self._rest, sound[skipped:]])
        numbers = sound.astype(np.float64) * COUNTER
        runs = _steady(numbers)
        end, last = 0, None
        for first, behind in runs:
            if first:
                self._judge(numbers[end:first], last, round(numbers[first]))
            end, last = behind, round(numbers[behind - 1])
        if runs:
            self.found["frames"] += sum(behind - first for first, behind in runs) - self._again
            self._again = STEADY  # the end of the last run stays, so that it goes on in the next piece
            end -= STEADY
        self._rest = sound[end:]

    def _judge(self, gap: np.ndarray, last: int | None, next: int) -> None:
        """What lies between two steady counts, in counts, float64 [frames]; `last` None: nothing was steady before it."""
        found, zeros = self.found, np.flatnonzero(gap == 0.0)
        faded_in = faded = 0
        if len(zeros) and last is not None:
            out, back = gap[: zeros[0]], gap[zeros[-1] + 1 :]
            # The device prolongs the count for its fade, while the frames of the sound wait until they are faded in.
            faded = len(out) if _is_fade(out, last + 1 + np.arange(len(out))) else 0
            faded_in = len(back) if _is_fade(back[::-1], BEGIN + (next - BEGIN - 1 - np.arange(len(back))) % WRAP) else 0
        wrong = len(gap) - len(zeros) - faded - faded_in
        found["silent"] += len(zeros)
        found["faded"] += faded + faded_in
        found["wrong"] += wrong
        if last is not None:
            missing = (next - last - 1 + WRAP // 2) % WRAP - WRAP // 2 - faded_in
            found["lost"] += max(missing - wrong, 0)  # one that is wrong stands in the place of its frame
            found["repeated"] += max(-missing, 0)


def judged(heard: np.ndarray) -> dict[str, int]:
    """What is wrong with a whole recorded counter, float32 [frames]; see `Judge.found`."""
    judge = Judge()
    judge.hear(heard)
    return judge.found


def _steady(numbers: np.ndarray) -> list[tuple[int, int]]:
    """Where numbers count up by one, (first, behind the last), for at least STEADY frames."""
    whole = np.round(numbers)
    right = (np.abs(numbers - whole) < 1e-3) & (whole >= BEGIN)
    steps = np.diff(whole)
    counts = right[1:] & right[:-1] & ((steps == 1.0) | (steps == 1.0 - WRAP))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], counts, [False]])))
    return [(int(a), int(b) + 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if b + 1 - a >= STEADY]


def _is_fade(sound: np.ndarray, counts: np.ndarray) -> bool:
    """Whether these are the counts under a gain that only falls, within FADE frames."""
    gain = np.concatenate([[1.0], sound / counts])
    return len(sound) <= FADE and bool((gain >= 0.0).all() and (np.diff(gain) <= 1e-6).all())
