"""Describes slices in numbers to sort them by: how loud, bright, noisy, high, pitched and busy they are, and their timbre."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from nodes.corpus_frames import MFCC, SECOND, at
from nodes.corpus_hearing import hear_all, kept
from nodes.corpus_loudness import SHORT_TERM, lufs
from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Slice, Table
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import NodeSpec, Port, PortType

DESCRIPTORS = {
    "seconds": "s",
    "loudness": "LUFS",
    "centroid": "Hz",
    "flatness": "dB",
    "f0": "Hz",
    "voicing": "",
    "onset_rate": "1/s",
    **{f"mfcc_{number}": "" for number in range(1, MFCC + 1)},
}
"""Name and unit of each column that Describe gives."""
VOICED = 0.7
"""From this sureness on a moment counts as pitched."""
LEAST_VOICED = 0.1
"""A slice has a pitch if this part of it is pitched."""
PIECE = 15_000
"""Rows (5 min) that are looked at once: a slice may be a day long."""


def summary(rows: np.ndarray, seconds: float) -> list[float]:
    """The DESCRIPTORS of a slice, from what was heard in it (float32 [rows, COLUMNS], at least one). Spectral ones are means over
    the moments, weighted by their power; loudness is that of the loudest 3 s (of the whole, where it is shorter); f0 the median
    of the pitched moments, NaN where there are hardly any."""
    total, weight, onsets = np.zeros(3 + MFCC), 0.0, 0.0
    pitched = []
    columns = [at("centroid"), at("flatness"), at("voicing"), *range(at("mfcc_1"), at("mfcc_1") + MFCC)]
    for start in range(0, len(rows), PIECE):
        piece = np.asarray(rows[start : start + PIECE])
        power = piece[:, at("power")].astype(np.float64) + 1e-12
        total += power @ piece[:, columns]
        weight += power.sum()
        onsets += piece[:, at("onset")].sum()
        pitched.append(piece[piece[:, at("voicing")] >= VOICED, at("f0")])
    mean = total / weight
    tones = np.concatenate(pitched)
    pitch = float(np.median(tones)) if len(tones) >= max(LEAST_VOICED * len(rows), 1) else np.nan
    loud = float(lufs(loudest(rows[:, at("k_power")])))
    return [seconds, loud, mean[0], mean[1], pitch, mean[2], onsets / max(seconds, 1 / SECOND), *mean[3:]]


def loudest(k_power: np.ndarray) -> float:
    """The highest mean K-weighted power of 3 s, of the whole where it is shorter."""
    window = round(SHORT_TERM * SECOND)
    if len(k_power) <= window:
        return float(k_power.mean(dtype=np.float64))
    sums = np.concatenate([[0.0], np.cumsum(k_power, dtype=np.float64)])
    return float((sums[window:] - sums[:-window]).max() / window)


def span(piece: Slice, rate: int, rows: int) -> slice:
    """The rows of what was heard in a slice's recording that are its own; at least one."""
    first = min(round(piece.start * SECOND / rate), rows - 1)
    return slice(first, max(min(round(piece.end * SECOND / rate), rows), first + 1))


def describe(job: Job, corpus: Corpus, share: float = 1.0) -> Table:
    """The table of a corpus; slices that cannot be heard have NaN in all columns, and it is said why. Raises NodeError where none
    can be heard."""
    wanted = sorted({piece.recording for piece in corpus.slices})
    faults = hear_all(job, corpus, wanted, share)
    for fault in faults.values():
        job.warn(f"{fault}; its slices are not described")
    if wanted and len(faults) == len(wanted):
        raise NodeError(f"no recording can be heard: {next(iter(faults.values()))}")
    values = np.full((len(corpus.slices), len(DESCRIPTORS)), np.nan, np.float32)
    order = sorted(range(len(corpus.slices)), key=lambda number: corpus.slices[number].recording)
    of, heard = -1, None
    for number in order:
        piece = corpus.slices[number]
        recording = corpus.recordings[piece.recording]
        if piece.recording != of:
            of, heard = piece.recording, kept(recording)
        if heard is not None and piece.end > piece.start:
            seconds = (piece.end - piece.start) / recording.sample_rate
            values[number] = summary(heard[span(piece, recording.sample_rate, len(heard))], seconds)
    return Table(tuple(DESCRIPTORS), values)


class Describe(JobNode):
    """Describe every slice in numbers: how long and loud it is (EBU R 128, the loudest 3 s), how bright (centroid), how noisy
    (flatness, 0 dB is white noise), how high (f0) and how pitched (voicing), how busy (onsets a second), and its timbre (MFCC).
    A file is listened to once; cutting or choosing anew costs nothing. Layout, Cluster, Select, Split and Report use these
    numbers."""

    spec = NodeSpec(
        type="corpus.describe",
        title="Describe",
        inputs=(Port("corpus", PortType.CORPUS, "the slices to describe"),),
        outputs=(Port("corpus", PortType.CORPUS, "the same slices with their descriptors"),),
    )

    def run(self, job: Job, corpus: Artifact) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        table = describe(job, whole)
        known = whole.table.having({name: table.values[:, n] for n, name in enumerate(table.names)}) if whole.table else table
        replace(whole, table=known).write(job.folder)
        return {"corpus": job.folder}
