"""The corpus map: each slice as a point, like sounds near each other. Without dearpygui.

For a corpus that no Layout has laid out, a quick map is worked out in a process of its own, and kept by the corpus's fingerprint.
"""

from __future__ import annotations

import io
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import write_atomically
from runtime.compiled import import_compiled
from runtime.corpus import Corpus, Slice
from runtime.corpus_places import place
from runtime.errors import ArtifactError, NodeError
from runtime.folders import state_folder

VERSION = 1
"""Part of the name under which a map is kept: another way to describe or place asks for another number."""
KEPT = 50
"""Maps that are kept."""
MFCC = 12
WHOLE, TASTES, TASTE = 4.0, 8, 0.5
"""A slice up to so many seconds is heard whole; of a longer one, so many parts of so many seconds."""
TOP = 8000.0
"""Hz: what lies above is left out, so that recordings of different sample rates can be compared."""
FLOOR = 1e-10
OPAQUE = 2.2
"""Weight of the middle of a disc: 1 - exp(-2.2) is 89 % opaque."""
CROWD = 20_000
"""Points that are drawn at once: more would take hundreds of megabytes for a moment."""


def describe(sound: np.ndarray, rate: int) -> np.ndarray:
    """What a sound, float32 [frames], is like: RMS level in dBFS, log2 of the spectral centroid in Hz, spectral flatness in dB
    (0 is noise), and MFCC 1 to 12, each the mean over the sound weighted by the power: float32 [3 + MFCC]."""
    feature, spectrum = import_compiled("librosa.feature.spectral"), import_compiled("librosa.core.spectrum")

    size = 2 ** round(np.log2(0.046 * rate))
    padded = np.pad(sound, (0, max(size - len(sound), 0)))
    power = np.abs(spectrum.stft(padded, n_fft=size, hop_length=size // 2)) ** 2
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    heard = (frequencies > 0) & (frequencies <= TOP)
    part, weight = power[heard] + FLOOR, power[heard].sum(axis=0) + FLOOR
    magnitude = np.sqrt(part)
    centroid = (frequencies[heard, None] * magnitude).sum(axis=0) / magnitude.sum(axis=0)
    flatness = 10.0 * (np.log10(part).mean(axis=0) - np.log10(part.mean(axis=0)))
    mel = feature.melspectrogram(S=power, sr=rate, n_mels=40, fmin=40.0, fmax=min(TOP, rate / 2))
    mfcc = feature.mfcc(S=spectrum.power_to_db(mel), n_mfcc=MFCC + 1)[1:]
    level = 10.0 * np.log10(float(np.mean(np.square(sound, dtype=np.float64))) + FLOOR)
    rows = np.vstack([np.log2(centroid), flatness, mfcc])
    found: np.ndarray = np.concatenate([[level], (rows * weight).sum(axis=1) / weight.sum()]).astype(np.float32)
    return found


def listen(corpus: Corpus, piece: Slice) -> np.ndarray:
    """What is heard of a slice to describe it, mono float32. Raises NodeError where it cannot be read."""
    rate = corpus.recordings[piece.recording].sample_rate
    frames = piece.end - piece.start
    if frames <= WHOLE * rate:
        return _mono(corpus, piece)
    size = round(TASTE * rate)
    starts = np.linspace(piece.start, piece.end - size, TASTES).astype(int)
    return np.concatenate([_mono(corpus, Slice(piece.recording, int(start), int(start) + size)) for start in starts])


def _mono(corpus: Corpus, piece: Slice) -> np.ndarray:
    mixed: np.ndarray = np.nan_to_num(corpus.load(piece).mean(axis=0))
    return mixed


# The process


@dataclass(frozen=True)
class Charted:
    """How far a map is: its `points` (float32 [slices, 2]) once they are known, else the done `fraction`, 0 to 1."""

    points: np.ndarray | None = None
    fraction: float = 0.0
    work: Any = None


def chart(folder: Path, patch_folder: Path, fingerprint: str, before: Charted | None) -> Charted:
    """The next that is known of the map of the corpus in `folder`. The first call reads a kept map or begins a process that works
    it out; later ones, given the answer so far, look how far it is. Any thread; raises ArtifactError where it failed."""
    if before is not None and before.points is not None:
        return before
    if before is None or before.work is None:
        points = kept(fingerprint)
        if points is not None:
            return Charted(points, 1.0)
        context = multiprocessing.get_context("spawn")
        done = context.Value("d", 0.0, lock=False)
        process = context.Process(
            target=_make, args=(folder, patch_folder, fingerprint, done, os.getpid()), name="glasspatch map", daemon=True
        )
        process.start()
        return Charted(None, 0.0, (process, done))
    process, done = before.work
    if process.is_alive():
        return Charted(None, done.value, before.work)
    points = kept(fingerprint)
    if points is None:
        raise ArtifactError("the map could not be made; the recordings may have gone: run the patch again")
    return Charted(points, 1.0)


def _make(folder: Path, patch_folder: Path, fingerprint: str, done: Any, parent: int) -> None:
    """The process: describes and places all slices, and keeps the map."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    os.nice(10)  # the sound comes first
    corpus = Corpus.read(folder, patch_folder)
    features = np.full((len(corpus.slices), 3 + MFCC), np.nan, np.float32)
    for number, piece in enumerate(corpus.slices):
        if os.getppid() != parent:
            return  # the window is gone
        try:
            sound = listen(corpus, piece)
        except NodeError:
            continue
        if len(sound):
            features[number] = describe(sound, corpus.recordings[piece.recording].sample_rate)
        done.value = (number + 1) / len(corpus.slices)
    keep(fingerprint, place(features))


def _file(fingerprint: str) -> Path | None:
    # A fingerprint may come with a shared patch: it must not lead out of our folder.
    fine = len(fingerprint) == 64 and not set(fingerprint) - set("0123456789abcdef")
    return state_folder() / "maps" / f"{fingerprint}.{VERSION}.npy" if fine else None


def keep(fingerprint: str, points: np.ndarray) -> None:
    """Keeps a map; the oldest ones go. Raises OSError."""
    file = _file(fingerprint)
    if file is None:
        return
    data = io.BytesIO()
    np.save(data, points.astype(np.float32), allow_pickle=False)
    write_atomically(file, data.getvalue())
    every = sorted(file.parent.glob("*.npy"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in every[KEPT:]:
        old.unlink(missing_ok=True)


def kept(fingerprint: str) -> np.ndarray | None:
    """A kept map, None where there is none that can be read."""
    file = _file(fingerprint)
    try:
        points = np.load(file, allow_pickle=False) if file is not None else None
    except (OSError, ValueError, EOFError):
        return None
    fine = points is not None and points.ndim == 2 and points.shape[1] == 2 and points.dtype == np.float32
    return points if fine else None


# Looking at it


def nearest(points: np.ndarray, at: tuple[float, float], reach: float) -> int | None:
    """The number of the point nearest to `at`, within `reach`; None where there is none."""
    if not len(points):
        return None
    distance = np.square(points[:, 0] - at[0]) + np.square(points[:, 1] - at[1])
    distance[~np.isfinite(distance)] = np.inf
    number = int(distance.argmin())
    return number if distance[number] <= reach * reach else None


def enclosed(points: np.ndarray, line: Sequence[tuple[float, float]]) -> np.ndarray:
    """Which points lie inside a closed line, by the even-odd rule: bool [points]."""
    inside = np.zeros(len(points), bool)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(line, [*line[1:], *line[:1]], strict=True):
        if y0 != y1:
            crosses = (y < y0) != (y < y1)
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def picture(
    pixels: np.ndarray, colours: np.ndarray, ringed: np.ndarray, ring: np.ndarray, size: tuple[int, int], radius: float
) -> np.ndarray:
    """The points as soft discs, float32 [height, width, 4] with 0 to 1. `pixels` [points, 2] are places in the picture, `colours`
    [points, 3], `ringed` [points] those with a ring of the colour `ring` around them. `size` is (width, height)."""
    width, height = size
    total = np.zeros((height * width, 4), np.float64)
    fine = np.isfinite(pixels).all(axis=1)
    for some, tint, inner, outer, strength in (
        (fine, colours, 0.0, radius, 0.85),
        (fine & ringed, np.broadcast_to(ring, colours.shape), radius + 0.6, radius + 1.9, 1.0),
    ):
        if some.any():
            layer = _splat(pixels[some], tint[some], inner, outer, strength, size)
            alpha = 1.0 - np.exp(-layer[:, 3:])
            mean = layer[:, :3] / np.maximum(layer[:, 3:], 1e-9)
            total[:, :3] = mean * alpha + total[:, :3] * (1.0 - alpha)
            total[:, 3:] = alpha + total[:, 3:] * (1.0 - alpha)
    total[:, :3] /= np.maximum(total[:, 3:], 1e-9)
    return total.astype(np.float32).reshape(height, width, 4)


def _splat(
    pixels: np.ndarray, colours: np.ndarray, inner: float, outer: float, strength: float, size: tuple[int, int]
) -> np.ndarray:
    """Discs (rings, where `inner` is above 0) laid over each other: for each pixel the sums of colours times weights, and of
    weights, float64 [height * width, 4]."""
    width, height = size
    total = np.zeros((height * width, 4))
    reach = int(np.ceil(outer + 0.5))
    dy, dx = (grid.ravel()[:, None] for grid in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    for first in range(0, len(pixels), CROWD):
        some, tints = pixels[first : first + CROWD], colours[first : first + CROWD]
        x, y = (np.floor(some[:, axis]).astype(int) + step for axis, step in ((0, dx), (1, dy)))
        away = np.hypot(x + 0.5 - some[:, 0], y + 0.5 - some[:, 1])
        cover = np.clip(outer + 0.5 - away, 0.0, 1.0)
        if inner > 0.0:
            cover *= np.clip(away - inner + 0.5, 0.0, 1.0)
        seen = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (cover > 0.0)
        pixel, weight = (y * width + x)[seen], OPAQUE * strength * cover[seen]
        tint = np.broadcast_to(tints, (len(dx), *tints.shape))[seen]
        for channel in range(3):
            total[:, channel] += np.bincount(pixel, weight * tint[:, channel], height * width)
        total[:, 3] += np.bincount(pixel, weight, height * width)
    return total
