"""Cuts recordings into slices: at onsets, between phrases, by leaving silence out, or in equal lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import Artifact
from runtime.compiled import import_compiled
from runtime.corpus import Corpus, Recording, Rejected, Slice
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, Port, PortType

CHUNK = 2**20  # frames read at once: 22 s at 48 kHz
HOP = 512  # frames between two values of the onset strength, librosa's default
WINDOW = 0.02  # seconds over which the gate measures: one period of 50 Hz
CALM = 0.1  # seconds (standard deviation) by which the level is smoothed before phrases are sought: syllables and notes join
DEAF = -80.0  # dBFS: how deep the level of a phrase can sink


def mono_chunks(corpus: Corpus, piece: Slice, size: int, lead: int = 0) -> Iterator[tuple[np.ndarray, int]]:
    """The piece's channels mixed to one, `size` frames at a time, each with up to `lead` frames of its surroundings (inside
    the piece) on both sides, and how many of these are before it: (float32 [frames], frames before)."""
    for start in range(piece.start, piece.end, size):
        first, last = max(start - lead, piece.start), min(start + size + lead, piece.end)
        yield corpus.load(Slice(piece.recording, first, last)).mean(axis=0), start - first


def onset_cuts(corpus: Corpus, piece: Slice, delta: float) -> list[int]:
    """Frames, counted from the piece's start, where sounds begin: librosa's spectral-flux onsets, moved back to the last
    minimum of the flux before each (`onset_backtrack`). `delta` is how far a peak must stand out,
    with the strengths scaled to 0..1."""
    onset = import_compiled("librosa.onset")

    rate = corpus.recordings[piece.recording].sample_rate
    if piece.end - piece.start < 2048:
        return []  # shorter than one spectrum
    parts = []
    # A spectrogram of an hour would not fit into memory, so the strength is made in chunks, with a lead that hides the seams.
    for sound, before in mono_chunks(corpus, piece, 4 * CHUNK, lead=16 * HOP):
        padded = np.pad(sound, (0, max(2048 - len(sound), 0)))
        strength = onset.onset_strength(y=padded, sr=rate, hop_length=HOP)
        parts.append(strength[before // HOP :][: 4 * CHUNK // HOP])
    envelope = np.concatenate(parts)
    if not envelope.any():
        return []
    frames = onset.onset_detect(onset_envelope=envelope, sr=rate, hop_length=HOP, delta=delta, backtrack=True)
    return [int(frame) * HOP for frame in frames]


def powers(corpus: Corpus, piece: Slice, window: int) -> np.ndarray:
    """The mean power of the piece's mix in each `window` frames: float64 [windows]; the last may be shorter."""
    found = [np.zeros(0)]
    for sound, _ in mono_chunks(corpus, piece, max(CHUNK // window, 1) * window):
        starts = np.arange(0, len(sound), window)
        found.append(np.add.reduceat(sound.astype(np.float64) ** 2, starts) / np.diff(np.append(starts, len(sound))))
    return np.concatenate(found)


def phrase_cuts(corpus: Corpus, piece: Slice, depth: float) -> list[int]:
    """Frames, counted from the piece's start, between phrases: the middles of the valleys of its level that lie at least `depth`
    dB below the heights on both sides (their prominence, as mountaineers have it)."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    rate = corpus.recordings[piece.recording].sample_rate
    window = max(round(WINDOW * rate), 1)
    power = gaussian_filter1d(powers(corpus, piece, window), CALM / WINDOW, mode="nearest")
    level = 10.0 * np.log10(np.maximum(power, 10.0 ** (DEAF / 10.0)))
    valleys, _ = find_peaks(-level, prominence=depth)
    return [int(valley) * window + window // 2 for valley in valleys]


def loud_parts(corpus: Corpus, piece: Slice, gate: float, minimum: float) -> list[tuple[int, int]]:
    """Where the piece is at or above `gate` (dBFS, RMS over windows of WINDOW), as (start, end) in frames of the recording.

    A silence shorter than `minimum` seconds does not part two sounds; a sound shorter than that takes some of the silence
    around it, so that no sound is lost."""
    rate = corpus.recordings[piece.recording].sample_rate
    window = max(round(WINDOW * rate), 1)
    loud = powers(corpus, piece, window) >= 10.0 ** (gate / 10.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    shortest = round(minimum * rate)
    parts: list[tuple[int, int]] = []
    for first, last in edges.reshape(-1, 2):
        start, end = piece.start + int(first) * window, min(piece.start + int(last) * window, piece.end)
        if parts and start - parts[-1][1] < shortest:
            start = parts.pop()[0]
        parts.append((start, end))
    return widen(parts, shortest, piece)


def widen(parts: list[tuple[int, int]], shortest: int, piece: Slice) -> list[tuple[int, int]]:
    """Parts of the piece, in order, each lengthened to `shortest` frames where its neighbours and the piece's ends leave room."""
    wide: list[tuple[int, int]] = []
    followings = [*(start for start, _ in parts), piece.end][1:]
    for (start, end), following in zip(parts, followings, strict=True):
        before, after = start - (wide[-1][1] if wide else piece.start), following - end
        lack = max(shortest - (end - start), 0)
        right = min(lack - min(lack // 2, before), after)
        wide.append((start - min(lack - right, before), end + right))
    return wide


def cut(piece: Slice, cuts: list[int], shortest: int) -> list[Slice]:
    """The whole piece, cut at `cuts` (frames from its start, rising) except where a part would be shorter than `shortest` frames:
    that part joins the one before it, the first one the one after it."""
    total = piece.end - piece.start
    kept = [0]
    for at in cuts:
        if at - kept[-1] >= shortest and total - at >= shortest and kept[-1] < at < total:
            kept.append(at)
    ends = [*kept[1:], total]
    return [Slice(piece.recording, piece.start + start, piece.start + end) for start, end in zip(kept, ends, strict=True)]


class Slicer(JobNode):
    """Cut a corpus into smaller slices: where sounds begin (onsets), in the pauses between phrases (phrase), by leaving silence
    out (silence), or in equal lengths (fixed). All but silence keep every moment; silence lists what it leaves out. Slicers can
    follow one another: first the silence, then the onsets. The recordings are never changed."""

    spec = NodeSpec(
        type="corpus.slicer",
        title="Slicer",
        inputs=(Port("corpus", PortType.CORPUS, "the slices to cut"),),
        outputs=(Port("corpus", PortType.CORPUS, "the smaller slices"),),
        params=(
            ChoiceParam(
                name="method", default="onsets", choices=("onsets", "phrase", "silence", "fixed"), doc="where to cut", live=False
            ),
            FloatParam(
                name="threshold",
                default=0.07,  # librosa's own
                low=0.0,
                high=1.0,
                doc="onsets: how clearly a beginning must stand out from what is around it",
                live=False,
            ),
            FloatParam(
                name="gate",
                default=-60.0,
                low=-96.0,
                high=0.0,
                unit="dBFS",
                doc="silence: what is softer is left out",
                live=False,
            ),
            FloatParam(
                name="depth",
                default=12.0,
                low=1.0,
                high=60.0,
                unit="dB",
                doc="phrase: how far the sound must sink between two phrases",
                live=False,
            ),
            FloatParam(
                name="length", default=4.0, low=0.05, high=3600.0, unit="s", log=True, doc="fixed: of each slice", live=False
            ),
            FloatParam(
                name="minimum",
                default=0.2,
                low=0.0,
                high=60.0,
                unit="s",
                doc="the shortest slice; a shorter one joins its neighbour (silence: takes some silence around it)",
                live=False,
            ),
        ),
    )

    def run(
        self,
        job: Job,
        corpus: Artifact,
        method: str,
        threshold: float,
        gate: float,
        depth: float,
        length: float,
        minimum: float,
    ) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        slices: list[Slice] = []
        rejected = list(whole.rejected)
        for piece in job.track(whole.slices, text="slicing"):
            recording = whole.recordings[piece.recording]
            rate = recording.sample_rate
            shortest = round(minimum * rate)
            if method == "silence":
                parts = loud_parts(whole, piece, gate, minimum)
                slices += [Slice(piece.recording, *part) for part in parts]
                rejected += [left_out(recording, *gap, gate) for gap in gaps(piece, parts)]
            elif method == "fixed":
                count = int((piece.end - piece.start) / (length * rate))
                slices += cut(piece, [round(number * length * rate) for number in range(1, count + 1)], shortest)
            elif method == "phrase":
                slices += cut(piece, phrase_cuts(whole, piece, depth), shortest)
            else:
                slices += cut(piece, onset_cuts(whole, piece, threshold), shortest)
        if not slices and whole.slices:
            raise NodeError(f"everything in the corpus is softer than the gate of {gate:g} dBFS; lower the gate")
        replace(whole, slices=tuple(slices), rejected=tuple(rejected), table=None).write(job.folder)
        return {"corpus": job.folder}


def gaps(piece: Slice, parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What `parts`, in order, leave of the piece."""
    edges: list[Any] = [piece.start, *(edge for part in parts for edge in part), piece.end]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def left_out(recording: Recording, start: int, end: int, gate: float) -> Rejected:
    """The record of a silence."""
    rate = recording.sample_rate
    lasts = f"{(end - start) / rate:.2f} s ({start / rate:.2f} to {end / rate:.2f} s)"
    return Rejected(recording.path, f"{lasts} are softer than the gate of {gate:g} dBFS", start, end)
