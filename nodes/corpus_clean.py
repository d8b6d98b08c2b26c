"""Cleans recordings by leaving parts out, never by changing a level: silences, recorder clicks, the recorder's offset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Recording, Rejected, Slice, Tag, parts
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import BoolParam, FloatParam, NodeSpec, Port, PortType

AUDIT = "audit.json"
WINDOW = 0.02
"""Seconds over which the level is measured: one period of 50 Hz."""
CHUNK = 2**20
"""Frames read at once."""
OFFSET = 0.001
"""From this on (-60 dBFS) an offset is taken off."""
LEAST_WINDOWS = 50
"""A piece shorter than a second does not tell an offset from a sound."""
CLICK_WINDOW = 0.005
CLICK_LASTS, CLICK_ALONE, CLICK_STANDS = 0.04, 0.2, 20.0
"""A click is a burst of at most 40 ms that stands 20 dB above the 200 ms on both sides of it. A struck or plucked sound rings
longer; a consonant has its word beside it."""
FAINT = -50.0
"""dBFS: what is softer does no harm as a click."""
KEPT, CLICK, HEAD, TAIL, INSIDE = range(5)
REASONS = {
    CLICK: "recorder click",
    HEAD: "silence at the beginning",
    TAIL: "silence at the end",
    INSIDE: "silence",
}


@dataclass(frozen=True)
class Levels:
    """A piece of a recording in windows of WINDOW: `mean` and `square` of each channel, float32 [windows, channels], the highest
    sample and the number of frames of each window."""

    mean: np.ndarray
    square: np.ndarray
    peak: np.ndarray
    frames: np.ndarray

    @property
    def offset(self) -> tuple[float, ...]:
        """What was added to each channel: the median of the windows' means, since sound comes and goes and an offset stays. Empty
        where none is as large as OFFSET, or the piece is too short to tell."""
        if len(self.mean) < LEAST_WINDOWS:
            return ()
        means = np.median(self.mean, axis=0)
        return tuple(float(f"{one:.6f}") for one in means) if np.abs(means).max(initial=0.0) >= OFFSET else ()

    def decibels(self, offset: tuple[float, ...]) -> np.ndarray:
        """The level of each window without the offset, dBFS: float64 [windows]."""
        power = self.square.astype(np.float64)
        if offset:
            means = np.array(offset)
            power = power - 2.0 * means * self.mean + means**2
        level: np.ndarray = 10.0 * np.log10(np.maximum(power.mean(axis=1), 1e-12))
        return level


def measure(corpus: Corpus, piece: Slice) -> Levels:
    """The levels of a piece. Raises NodeError where it cannot be read."""
    rate = corpus.recordings[piece.recording].sample_rate
    window = max(round(WINDOW * rate), 1)
    found: list[tuple[np.ndarray, ...]] = []
    for start in range(piece.start, piece.end, CHUNK // window * window):
        sound = corpus.load(Slice(piece.recording, start, min(start + CHUNK // window * window, piece.end)))
        sound = np.nan_to_num(sound)
        starts = np.arange(0, sound.shape[1], window)
        frames = np.diff(np.append(starts, sound.shape[1]))
        mean = np.add.reduceat(sound.astype(np.float64), starts, axis=1) / frames
        square = np.add.reduceat(np.square(sound, dtype=np.float64), starts, axis=1) / frames
        peak = np.maximum.reduceat(np.abs(sound).max(axis=0), starts)
        found.append((mean.T.astype(np.float32), square.T.astype(np.float32), peak, frames))
    return Levels(*(np.concatenate(part) for part in zip(*found, strict=True)))


def after_clicks(level: np.ndarray, reach: int) -> int:
    """The end of the last click that begins within the first `reach` windows of CLICK_WINDOW, 0 where there is none. `level` is
    in dBFS."""
    lasts, alone = round(CLICK_LASTS / CLICK_WINDOW), round(CLICK_ALONE / CLICK_WINDOW)
    end, at = 0, 0
    while at < min(reach, len(level)):
        top = level[at : at + lasts].max()
        if level[at] < max(FAINT, top - CLICK_STANDS):
            at += 1
            continue
        loud = np.flatnonzero(level[at : at + lasts + 1] < top - CLICK_STANDS)
        stop = at + int(loud[0]) if len(loud) else len(level)
        around = np.concatenate([level[max(at - alone, end) : at], level[stop : stop + alone]])
        if len(loud) and stop < len(level) and around.max(initial=-np.inf) < top - CLICK_STANDS:
            end = at = stop
        else:
            at += 1
    return end


def clicks(corpus: Corpus, piece: Slice, seconds: float) -> tuple[int, int]:
    """Frames at the beginning and at the end of a piece that hold recorder clicks, looked for within so many seconds."""
    rate = corpus.recordings[piece.recording].sample_rate
    window = max(round(CLICK_WINDOW * rate), 1)
    near = min(round((seconds + CLICK_LASTS + CLICK_ALONE) * rate), (piece.end - piece.start) // 2)
    reach = int(min(seconds * rate, (piece.end - piece.start) // 2) / window)
    found = []
    for part in (Slice(piece.recording, piece.start, piece.start + near), Slice(piece.recording, piece.end - near, piece.end)):
        power = np.square(np.nan_to_num(corpus.load(part)), dtype=np.float64).mean(axis=0) if near >= window else np.zeros(0)
        power = power if not found else power[::-1]
        whole = len(power) // window
        level = 10.0 * np.log10(np.maximum(power[: whole * window].reshape(whole, window).mean(axis=1), 1e-12))
        found.append(after_clicks(level, reach) * window)
    return found[0], found[1]


def label(level: np.ndarray, heads: tuple[int, int], gate: float, minimum: int, margin: int, inside: bool) -> np.ndarray:
    """What is done with each window: KEPT or the number of a reason; int8 [windows]. `heads` are windows at both ends that hold
    clicks; silences inside are left out from `minimum` windows on; `margin` windows around what sounds are kept."""
    count = len(level)
    found = np.full(count, KEPT, np.int8)
    sounds = level >= gate
    sounds[: heads[0]] = False
    sounds[count - heads[1] :] = False
    places = np.flatnonzero(sounds)
    if not len(places):
        found[:] = HEAD
    else:
        first, last = max(places[0] - margin, 0), min(places[-1] + 1 + margin, count)
        found[:first], found[last:] = HEAD, TAIL
        edges = np.flatnonzero(np.diff(np.concatenate([[False], ~sounds[places[0] : places[-1] + 1], [False]]).astype(np.int8)))
        for start, end in edges.reshape(-1, 2) + places[0]:
            if inside and end - start >= minimum and end - start > 2 * margin:
                found[start + margin : end - margin] = INSIDE
    found[: heads[0]] = CLICK
    found[count - heads[1] :] = CLICK
    return found


def runs(labels: np.ndarray, window: int, piece: Slice) -> Iterator[tuple[int, Slice]]:
    """(label, part) of the piece, in order, from the labels of its windows."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]])
    for first, last in pairwise(edges):
        end = min(piece.start + int(last) * window, piece.end)
        yield int(labels[first]), Slice(piece.recording, piece.start + int(first) * window, end)


def statistics(level: np.ndarray, peak: np.ndarray) -> dict[str, float]:
    """Level statistics in dBFS: the highest sample, the RMS, and the levels that 10, 50 and 95 % of all moments do not exceed."""
    if not len(level):
        return {}
    floor, middle, loud = np.percentile(level, (10, 50, 95))
    rms = 10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))
    top = 20.0 * np.log10(max(float(peak.max()), 1e-6))
    return {"peak": round(top, 1), "rms": round(float(rms), 1)} | {
        name: round(float(one), 1) for name, one in (("floor", floor), ("middle", middle), ("loud", loud))
    }


class Clean(JobNode):
    """Take out of recordings what nobody wants to train on: silence at both ends and inside, and the clicks of the recorder's
    keys. Nothing is made louder or softer, and no file is changed: the corpus points at what is kept. What was taken out is a
    corpus too (removed): listen to it before you believe it."""

    spec = NodeSpec(
        type="corpus.clean",
        title="Clean",
        inputs=(Port("corpus", PortType.CORPUS, "the recordings to clean"),),
        outputs=(
            Port("corpus", PortType.CORPUS, "what is kept"),
            Port("removed", PortType.CORPUS, "what was taken out, tagged with why"),
        ),
        params=(
            FloatParam(name="gate", default=-60.0, low=-96.0, high=0.0, unit="dBFS", doc="what is softer is silence", live=False),
            FloatParam(
                name="minimum",
                default=1.0,
                low=0.05,
                high=60.0,
                unit="s",
                log=True,
                doc="silences inside are taken out if they last so long",
                live=False,
            ),
            FloatParam(
                name="margin",
                default=0.1,
                low=0.0,
                high=5.0,
                unit="s",
                doc="of the silence that is left before and after each sound, for its breath",
                live=False,
            ),
            BoolParam(name="inside", default=True, doc="also take silences out that lie inside a recording", live=False),
            FloatParam(
                name="clicks",
                default=2.0,
                low=0.0,
                high=10.0,
                unit="s",
                doc="how near to both ends recorder clicks are looked for; 0 leaves them",
                live=False,
            ),
            BoolParam(
                name="offset", default=True, doc="take the recorder's offset (DC) off when a recording is read", live=False
            ),
        ),
    )

    def run(
        self, job: Job, corpus: Artifact, gate: float, minimum: float, margin: float, inside: bool, clicks: float, offset: bool
    ) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        recordings, kept, removed, reasons = list(whole.recordings), [], [], []
        audit: dict[int, Audit] = {}
        for piece in job.track(whole.slices, text="cleaning"):
            if piece.end <= piece.start:
                continue
            recording = whole.recordings[piece.recording]
            levels = measure(whole, piece)
            # What was taken off by a Clean before is taken off already when the piece is loaded.
            found = levels.offset if offset and not recording.offset else ()
            if found and not recordings[piece.recording].offset:
                recordings[piece.recording] = replace(recording, offset=found)
            level = levels.decibels(found)
            window = max(round(WINDOW * recording.sample_rate), 1)
            ends = ends_of(whole, piece, clicks, window)
            labels = label(level, ends, gate, round(minimum / WINDOW), round(margin / WINDOW), inside)
            for reason, part in runs(labels, window, piece):
                (kept if reason == KEPT else removed).append(part)
                if reason != KEPT:
                    reasons.append(REASONS[reason])
            audit.setdefault(piece.recording, Audit()).add(labels, level, levels)
        if whole.slices and not kept:
            raise NodeError(f"everything in the corpus is softer than the gate of {gate:g} dBFS; lower the gate")
        clean = replace(
            whole,
            recordings=tuple(recordings),
            slices=tuple(kept),
            rejected=(*whole.rejected, *map(told, [recordings[one.recording] for one in removed], removed, reasons)),
            table=None,
        )
        clean.write(job.folder / "kept")
        taken = replace(clean, slices=tuple(removed), rejected=(), tags={})
        numbers = {reason: [n for n, one in enumerate(reasons) if one == reason] for reason in dict.fromkeys(reasons)}
        replace(taken, tags={reason: Tag(parts(taken, some), reason) for reason, some in numbers.items()}).write(
            job.folder / "removed"
        )
        rows = [audit[number].told(recordings[number]) for number in sorted(audit)]
        text = json.dumps({"files": rows, "total": total(rows)}, indent=1, sort_keys=True)
        (job.folder / "kept" / AUDIT).write_text(text + "\n", encoding="utf-8")
        return {"corpus": job.folder / "kept", "removed": job.folder / "removed"}


def ends_of(corpus: Corpus, piece: Slice, seconds: float, window: int) -> tuple[int, int]:
    """Windows at both ends of a piece that hold recorder clicks; 0 where none are looked for."""
    if seconds <= 0.0:
        return 0, 0
    first, last = clicks(corpus, piece, seconds)
    rest = (piece.end - piece.start) % window  # the last window may be shorter
    return -(-first // window), -(-max(last - rest, 0) // window) + (1 if last and rest else 0)


class Audit:
    """What was taken out of one recording, and its levels before and after."""

    def __init__(self) -> None:
        self._labels: list[np.ndarray] = []
        self._levels: list[np.ndarray] = []
        self._peaks: list[np.ndarray] = []
        self._frames: list[np.ndarray] = []

    def add(self, labels: np.ndarray, level: np.ndarray, levels: Levels) -> None:
        """A piece of it."""
        self._labels.append(labels)
        self._levels.append(level.astype(np.float32))
        self._peaks.append(levels.peak)
        self._frames.append(levels.frames)

    def told(self, recording: Recording) -> dict[str, Any]:
        """Everything as JSON data: seconds, removed seconds by reason, level statistics before and after in dBFS, the offset."""
        labels, level, peak, frames = map(np.concatenate, (self._labels, self._levels, self._peaks, self._frames))
        seconds = {number: float(frames[labels == number].sum()) / recording.sample_rate for number in range(5)}
        return {
            "path": recording.path,
            "seconds": round(sum(seconds.values()), 3),
            "kept": round(seconds[KEPT], 3),
            "removed": {REASONS[number]: round(one, 3) for number, one in seconds.items() if number != KEPT and one > 0.0},
            "before": statistics(level, peak),
            "after": statistics(level[labels == KEPT], peak[labels == KEPT]),
            "offset": list(recording.offset),
        }


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums over all recordings."""
    reasons = dict.fromkeys(reason for row in rows for reason in row["removed"])
    return {
        "seconds": round(sum(row["seconds"] for row in rows), 3),
        "kept": round(sum(row["kept"] for row in rows), 3),
        "removed": {reason: round(sum(row["removed"].get(reason, 0.0) for row in rows), 3) for reason in reasons},
    }


def told(recording: Recording, part: Slice, reason: str) -> Rejected:
    """The record of a part that was taken out."""
    rate = recording.sample_rate
    lasts = f"{(part.end - part.start) / rate:.2f} s ({part.start / rate:.2f} to {part.end / rate:.2f} s)"
    return Rejected(recording.path, f"{lasts}: {reason}", part.start, part.end)
