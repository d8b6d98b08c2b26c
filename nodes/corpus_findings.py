"""Measures a corpus as a coach would: how much of it can be used, what spoils it, how varied it is. Numbers only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nodes.corpus_describe import span
from nodes.corpus_frames import MFCC, SECOND, at
from nodes.corpus_layout import features
from nodes.corpus_loudness import lufs
from runtime.corpus import Corpus, Slice, Table

SILENT = -60.0
"""dBFS: moments that are softer teach a model nothing (RAVE's distance divides by the level)."""
DIGITAL = -95.0
"""dBFS: what is softer is a pause of the editor and says nothing about the recorder's noise."""
HUM = 12.0
"""dB that the mains' harmonics must stand out in three quarters of all moments."""
GATE = -20.0
"""LU below the mean: what is softer does not count in the level range (EBU Tech 3342)."""
SHORTEST = 25
"""Rows (0.5 s) that a slice must have to be looked at for duplicates."""
SEGMENTS = 8
LOOKED, HEARD = 20_000, 3000
"""Slices that are compared for duplicates, and for variety; of more a part is drawn by lot."""
NEAR, ALIKE, FLAT = 1.0, 0.9, 0.5
"""Two slices are near in timbre and course (standard deviations), and their courses run alike (correlation); a course that moves
by less than FLAT dB says nothing."""
JUST = {"loudness": 3.0, "centroid": 1 / 3, "flatness": 3.0, "f0": 1 / 6, "voicing": 0.3, "onset_rate": 2.0}
"""Differences that are clearly heard: dB, octaves, dB, octaves, parts, onsets a second; DIFFERENT of them in all make another
sound."""
TIMBRE = 12.0
"""The same for one MFCC: our measure of tones of one instrument against another's."""
DIFFERENT = 4.0

Rows = Callable[[Slice], np.ndarray | None]
"""What was heard of a slice, float32 [rows, COLUMNS]; None where it could not be heard."""


@dataclass
class Found:
    """One recording's part of the corpus, in seconds, dB and counts."""

    seconds: float = 0.0
    usable: float = 0.0
    silent: float = 0.0
    clipped: int = 0
    spoilt: float = 0.0
    power: list[np.ndarray] = field(default_factory=list)
    short_term: list[np.ndarray] = field(default_factory=list)
    hum: list[np.ndarray] = field(default_factory=list)


def measure(corpus: Corpus, table: Table, rows: Rows, seed: int) -> dict[str, Any]:
    """Everything as JSON data."""
    found: dict[int, Found] = {}
    copies = duplicates(corpus, rows, seed)
    twice = {pair["slice"] for pair in copies}
    for number, piece in enumerate(corpus.slices):
        heard = rows(piece)
        if heard is not None:
            take(found.setdefault(piece.recording, Found()), np.asarray(heard[:, : at("mfcc_1")]), number in twice)
    recordings = [told(corpus.recordings[number].path, one) for number, one in sorted(found.items())]
    loud = np.concatenate([np.zeros(0), *(part for one in found.values() for part in one.short_term)])
    floors = [one["floor"] for one in recordings if one["floor"] is not None]
    return {
        "seconds": sum(one.seconds for one in found.values()),
        "usable": sum(one.usable for one in found.values()),
        "silent": sum(one.silent for one in found.values()),
        "spoilt": sum(one.spoilt for one in found.values()),
        "clipped": sum(one.clipped for one in found.values()),
        "repeated": sum(pair["seconds"] for pair in copies),
        "slices": len(corpus.slices),
        "recordings": recordings,
        "duplicates": copies,
        "loudness": level_range(loud),
        "floor": float(np.median(floors)) if floors else None,
        "rates": sorted({corpus.recordings[number].sample_rate for number in found}),
        **variety(table, seed),
    }


def take(one: Found, heard: np.ndarray, is_copy: bool) -> None:
    """Adds what was heard of a slice to its recording's part; of a copy nothing is usable, and the rest counts."""
    power = 10.0 * np.log10(np.maximum(heard[:, at("power")], 1e-12))
    clipped = heard[:, at("clipped")]
    one.seconds += len(heard) / SECOND
    one.silent += float((power < SILENT).sum()) / SECOND
    one.usable += 0.0 if is_copy else float(((power >= SILENT) & (clipped == 0)).sum()) / SECOND
    one.clipped += int(clipped.sum())
    one.spoilt += float((clipped > 0).sum()) / SECOND
    one.power.append(power.astype(np.float32))
    one.hum.append(heard[power >= DIGITAL][:, [at("hum_50"), at("hum_60")]])
    window = min(3 * SECOND, len(heard))
    sums = np.concatenate([[0.0], np.cumsum(heard[:, at("k_power")], dtype=np.float64)])
    one.short_term.append(lufs((sums[window:] - sums[:-window])[::SECOND] / window))


def told(path: str, one: Found) -> dict[str, Any]:
    """One recording as JSON data: its noise floor is what 5 % of its moments do not exceed, digital silence apart."""
    power, hum = np.concatenate(one.power), np.concatenate(one.hum)
    power = power[power >= DIGITAL]
    stands = np.percentile(hum, 25, axis=0) if len(hum) else np.zeros(2)
    return {
        "path": path,
        "seconds": round(one.seconds, 2),
        "silent": round(one.silent, 2),
        "clipped": one.clipped,
        "floor": round(float(np.percentile(power, 5)), 1) if len(power) else None,
        "hum": (50, 60)[int(stands.argmax())] if stands.max() >= HUM else None,
        "loudness": round(float(np.max(np.concatenate(one.short_term))), 1),
    }


def level_range(loud: np.ndarray) -> dict[str, float] | None:
    """Low and high end of the short-term loudness in LUFS (10 and 95 % of what is not GATE below its mean; EBU Tech 3342)."""
    sounding = loud[loud > -70.0]
    if not len(sounding):
        return None
    mean = 10.0 * np.log10(np.mean(10.0 ** (sounding / 10.0)))
    low, middle, high = np.percentile(sounding[sounding >= mean + GATE], (10, 50, 95))
    return {"low": round(float(low), 1), "middle": round(float(middle), 1), "high": round(float(high), 1)}


def duplicates(corpus: Corpus, rows: Rows, seed: int) -> list[dict[str, Any]]:
    """Slices that sound like one before them, copies in another format or at another level too: the numbers of both, and the
    seconds of the later one. They must be cut alike."""
    from sklearn.neighbors import NearestNeighbors

    every = np.arange(len(corpus.slices))
    if len(every) > LOOKED:
        every = np.sort(np.random.default_rng(seed).choice(every, LOOKED, replace=False))
    numbers, signatures = [], []
    for number in every.tolist():
        heard = rows(corpus.slices[number])
        if heard is not None and len(heard) >= SHORTEST and float(np.max(heard[:, at("power")])) > 10 ** (SILENT / 10):
            numbers.append(number)
            signatures.append(signature(np.asarray(heard)))
    if len(numbers) < 2:
        return []
    points = np.array(signatures, np.float32)
    spread = points.reshape(len(points), SEGMENTS, -1).std(axis=(0, 1))
    points /= np.tile(np.maximum(spread, 1.0), SEGMENTS) * np.sqrt(points.shape[1])
    near, which = NearestNeighbors(n_neighbors=min(6, len(points))).fit(points).kneighbors(points)
    found: dict[int, dict[str, Any]] = {}
    for one, (distances, others) in enumerate(zip(near, which, strict=True)):
        for distance, other in zip(distances.tolist(), others.tolist(), strict=True):
            later, first = numbers[one], numbers[other]
            if first < later and later not in found and distance < NEAR and first not in found:
                mine, its = (rows(corpus.slices[number]) for number in (later, first))
                if mine is not None and its is not None and alike(np.asarray(mine), np.asarray(its)):
                    found[later] = {"slice": later, "of": first, "seconds": len(mine) / SECOND}
    return [found[number] for number in sorted(found)]


def course(heard: np.ndarray) -> np.ndarray:
    """Level in dB and timbre of each row, float64 [rows, 1 + MFCC]."""
    level = 10.0 * np.log10(np.maximum(heard[:, at("k_power")], 1e-8))
    return np.column_stack([level, heard[:, at("mfcc_1") : at("mfcc_1") + MFCC]]).astype(np.float64)


def signature(heard: np.ndarray) -> np.ndarray:
    """The course in SEGMENTS parts, the level without its mean: float64 [SEGMENTS * (1 + MFCC)]."""
    rows = course(heard)
    rows[:, 0] -= rows[:, 0].mean()
    starts = np.arange(SEGMENTS) * len(rows) // SEGMENTS
    parts: np.ndarray = np.add.reduceat(rows, starts, axis=0) / np.diff(np.append(starts, len(rows)))[:, None]
    return parts.ravel()


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two slices of nearly one length run alike moment by moment, one of them up to 40 ms later."""
    if abs(len(one) - len(other)) > max(0.03 * len(one), 2):
        return False
    best = -1.0
    for shift in range(-2, 3):
        mine, its = course(one)[max(shift, 0) :], course(other)[max(-shift, 0) :]
        length = min(len(mine), len(its))
        mine, its = mine[:length, :4], its[:length, :4]
        moves = (mine.std(axis=0) > FLAT) & (its.std(axis=0) > FLAT)
        if length < SHORTEST // 2 or not moves.any():
            continue
        mine, its = mine[:, moves] - mine[:, moves].mean(axis=0), its[:, moves] - its[:, moves].mean(axis=0)
        best = max(best, float((mine * its).sum() / np.sqrt((mine**2).sum() * (its**2).sum())))
    return best >= ALIKE


def variety(table: Table, seed: int) -> dict[str, Any]:
    """How many clearly different sounds there are among those looked at, the range of brightness in octaves, of pitch in octaves
    (None where there is none) and the part of the slices that are pitched."""
    values = features(table).astype(np.float64)
    names = [name for name in table.names if name != "seconds" and (name in JUST or name.startswith("mfcc_"))]
    values = values[np.isfinite(values).all(axis=1)]
    looked = values
    if len(values) > HEARD:
        looked = values[np.random.default_rng(seed).choice(len(values), HEARD, replace=False)]
    scaled = looked / np.array([JUST.get(name, TIMBRE) for name in names])
    heads: list[np.ndarray] = []
    for sound in scaled:
        if not heads or np.square(np.array(heads) - sound).sum(axis=1).min() > DIFFERENT**2:
            heads.append(sound)
    centroid, pitch = table.column("centroid"), table.column("f0")
    return {
        "different": len(heads),
        "looked": len(looked),
        "brightness": octaves(centroid),
        "pitch": octaves(pitch),
        "pitched": float(np.isfinite(pitch).mean()) if pitch is not None and len(pitch) else 0.0,
    }


def octaves(values: np.ndarray | None) -> dict[str, float] | None:
    """Low and high end (10 and 90 %) of frequencies in Hz, and the octaves between."""
    known = values[np.isfinite(values) & (values > 0)] if values is not None else np.zeros(0)
    if not len(known):
        return None
    low, high = np.percentile(known, (10, 90))
    return {"low": round(float(low)), "high": round(float(high)), "octaves": round(float(np.log2(high / low)), 1)}


def rows_of_slices(corpus: Corpus, kept: Callable[[Any], np.ndarray | None]) -> Rows:
    """Looks up what was heard of slices, a recording's file opened once while its slices follow one another."""
    last: list[Any] = [-1, None]

    def rows(piece: Slice) -> np.ndarray | None:
        if piece.recording != last[0]:
            last[:] = piece.recording, kept(corpus.recordings[piece.recording])
        if last[1] is None or piece.end <= piece.start:
            return None
        found: np.ndarray = last[1][span(piece, corpus.recordings[piece.recording].sample_rate, len(last[1]))]
        return found

    return rows
