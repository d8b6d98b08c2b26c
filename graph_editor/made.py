"""What jobs have made, read for the eye: corpora and their waveforms, models and their cards. For threads beside the window's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from runtime import shelf
from runtime.artifacts import RECORD, Assets, find_files
from runtime.corpus import Corpus, Slice
from runtime.errors import ArtifactError
from runtime.spec import NodeSpec

UNITS = (("min", "s", 1, 60, 60), ("h", "min", 60, 60, 24), ("d", "h", 3600, 24, float("inf")))
"""A unit, the one below it, that one's seconds, how many of it make the unit, and how many of the unit make the next."""
LOOK = 1.0
"""Seconds between two looks at whether something was made anew."""
PIECE = 4096
"""Most frames that are read for one column of a waveform: a day of sound must cost no more than a minute."""


@dataclass(frozen=True, eq=False)
class MadeCorpus:
    """The corpus that a node has made; None where it has made none yet, or, with the `fault` in words, none that can be read.
    `params` are those it was made with."""

    signature: tuple[int, ...] = ()
    corpus: Corpus | None = None
    fingerprint: str = ""
    folder: Path = Path()
    seconds: float = 0.0
    total: float = 0.0
    """Seconds of all recordings; `seconds` are those of all slices."""
    groups: tuple[str, ...] = ()
    """Names of what belongs together in it."""
    group_of: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    """The number of its group for each slice."""
    recording_of: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    """The number of its recording for each slice."""
    params: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What the node has written beside it (NOTES), by name."""


NOTES = ("audit", "clusters", "report")
_reading = threading.Lock()
"""One corpus at a time: several threads that each hold the interpreter leave the window no turn between them."""


def read_corpus(patch: Path, node: str, before: MadeCorpus | None, output: str = "corpus") -> MadeCorpus:
    """What a node (flat name) gave at one of its outputs, as it lies on the disk: `before`, where nothing has changed since."""
    assets = Assets(patch)
    signature = _signature(assets.node(node) / RECORD)
    if before is not None and before.signature == signature:
        return before
    found = assets.artifact(node, output)
    if found is None:
        return MadeCorpus(signature)
    try:
        with _reading:
            corpus = Corpus.read(found.path, assets.patch_folder)
    except ArtifactError as error:
        return MadeCorpus(signature, fault=str(error))
    params = found.record.get("params")
    names, group_of = groups(corpus)
    return MadeCorpus(
        signature,
        corpus,
        found.fingerprint,
        found.path,
        corpus.seconds,
        sum(one.seconds for one in corpus.recordings),
        names,
        group_of,
        np.array([one.recording for one in corpus.slices], int),
        params if isinstance(params, dict) else {},
        notes={name: told for name in NOTES if (told := _told(found.path / f"{name}.json")) is not None},
    )


def _told(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def groups(corpus: Corpus) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of what belongs together, and the number of its group for each slice: recordings of one folder, or, where all lie in
    one folder, each recording."""
    names = [one.path.rpartition("/")[0].rpartition("/")[2] for one in corpus.recordings]
    if len(set(names)) < 2:
        names = [one.path.rpartition("/")[2].rpartition(".")[0] for one in corpus.recordings]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    of_recording = [numbers[name] for name in names]
    return tuple(numbers), np.array([of_recording[piece.recording] for piece in corpus.slices], int)


def _signature(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def peaks(corpus: Corpus, pieces: Sequence[Slice], columns: int) -> np.ndarray:
    """The lowest and highest sample in each of so many equal parts of the pieces, one after the other: float32 [columns, 2],
    mixed to mono; long parts are only tasted. What cannot be read is silent."""
    import soundfile

    found = np.zeros((columns, 2), np.float32)
    lengths = [(piece.end - piece.start) / corpus.recordings[piece.recording].sample_rate for piece in pieces]
    ends = np.cumsum(lengths) if lengths else np.zeros(1)
    total = float(ends[-1])
    if total <= 0.0:
        return found
    file, path = None, None
    try:
        for column in range(columns):
            at = total * column / columns
            number = min(int(np.searchsorted(ends, at, side="right")), len(pieces) - 1)
            piece = pieces[number]
            recording = corpus.recordings[piece.recording]
            start = piece.start + int((at - (float(ends[number]) - lengths[number])) * recording.sample_rate)
            count = min(max(int(total / columns * recording.sample_rate), 1), PIECE, piece.end - start)
            if count <= 0:
                continue
            try:
                if path != recording.path:
                    if file is not None:
                        file.close()
                    file, path = None, recording.path
                    file = soundfile.SoundFile(corpus.folder / recording.path)
                if file is None:
                    continue  # it could not be opened
                file.seek(start)
                sound = np.nan_to_num(file.read(count, dtype="float32", always_2d=True).mean(axis=1))
            except (OSError, RuntimeError):
                continue
            if len(sound):
                found[column] = sound.min(), sound.max()
    finally:
        if file is not None:
            file.close()
    return found


def count_files(folder: Path) -> int:
    """How many files lie in a folder of the user, hidden ones left out."""
    return len(find_files(folder))


def changed_since(params: Mapping[str, Any], made_with: Mapping[str, Any], spec: NodeSpec) -> tuple[str, ...]:
    """The params that are not what something was made with."""
    return tuple(
        param.name
        for param in spec.params
        if params.get(param.name, param.default) != made_with.get(param.name, param.default) and not param.live
    )


@dataclass(frozen=True)
class Checkpoint:
    """A state of a training on the disk: what it is, when it was written (seconds since the epoch), its step and phase where its
    card tells them. On the shelf (`shelf` is the job's folder then) it has sounds, the test phrase and a walk through its
    latents, and measures; `is_whole` where its model is there too, and may be starred."""

    name: str
    path: Path
    when: float
    step: int | None = None
    phase: str = ""
    shelf: Path | None = None
    phrase: Path | None = None
    walk: Path | None = None
    is_whole: bool = True
    is_starred: bool = False
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MadeModel:
    """The card of a trained model (empty where there is none yet), what it was made with, and the states of the training that
    lie on the disk, newest first. `original` is what the test phrases are made from."""

    signature: tuple[int, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    shelf: tuple[Checkpoint, ...] = ()
    original: Path | None = None


PLACES = {".partial": "in the making", "": "the model", ".previous": "the model before", ".stopped": "stopped before"}
"""Folders beside `<node>` that may hold a training, with what these are."""


def read_model(patch: Path, node: str, before: MadeModel | None) -> MadeModel:
    """The model of a trainer (flat name) and its checkpoints, as they lie on the disk. A step that stands on several shelves,
    since a training went on from another, is told once."""
    assets = Assets(patch)
    record = assets.record(node) or {}
    found: dict[Any, Checkpoint] = {}
    original = None
    for ending, words in PLACES.items():
        folder = assets.folder / f"{node}{ending}"
        kept = shelf.read_shelf(folder)
        for one in kept:
            found.setdefault((one.step, one.card.get("fingerprint")), _on_shelf(folder, one))
        if original is None and kept and (folder / shelf.FOLDER / "original.flac").is_file():
            original = folder / shelf.FOLDER / "original.flac"
        for beside in _beside_shelf(folder, words):
            if beside.step is None or beside.step not in {one.step for one in kept}:
                found.setdefault(beside.path, beside)
    result = MadeModel(
        _signature(assets.node(node) / RECORD),
        _json(assets.node(node) / "model.json"),
        record["params"] if isinstance(record.get("params"), dict) else {},
        tuple(sorted(found.values(), key=lambda one: -one.when)),
        original,
    )
    return before if result == before and before is not None else result


def read_found(patch: Path, node: str, before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a node that brings a model in (flat name) has found out about it; empty before it was tried."""
    found = _json(Assets(patch).node(node) / "found.json")
    return before if before is not None and found == before else found


def read_explained(patch: Path, node: str, before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a node (flat name) has found out about the latents of a model; empty before it was run, or where that is damaged."""
    found = _json(Assets(patch).node(node) / "explained.json")
    keys = {"matrix": ("correlation", "names", "sounds"), "sweep": ("consistency", "monotonicity", "places")}.get(
        str(found.get("kind"))
    )
    if keys is None or not all(key in found for key in (*keys, "latents", "descriptors", "chance")):
        found = {}
    return before if before is not None and found == before else found


def _on_shelf(folder: Path, one: shelf.Kept) -> Checkpoint:
    measures = one.card.get("measures")
    return Checkpoint(
        name=f"step {one.step}",
        path=one.folder,
        when=one.when,
        step=one.step,
        phase=one.phase,
        shelf=folder,
        phrase=one.sound("phrase"),
        walk=one.sound("walk"),
        is_whole=one.model is not None,
        is_starred=one.is_starred,
        measures=measures if isinstance(measures, dict) else {},
    )


def _beside_shelf(folder: Path, words: str) -> list[Checkpoint]:
    """The model in a folder, or what it can go on from where there is none."""
    card = _json(folder / "model.json")
    step = card.get("steps")
    for name in ("model.ts", "training.ckpt"):
        try:
            when = (folder / name).stat().st_mtime
        except OSError:
            continue
        return [Checkpoint(words, folder / name, when, step if isinstance(step, int) else None, str(card.get("phase", "")))]
    return []


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def length(seconds: float) -> str:
    """A length in words: 0.42 s, 11.4 s, 3 min 12 s, 1 h 52 min, 3 d 4 h."""
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    for unit, smaller, size, parts, limit in UNITS:
        whole, rest = divmod(round(seconds / size), parts)
        if whole < limit:
            return f"{whole} {unit} {rest} {smaller}" if rest else f"{whole} {unit}"
    raise AssertionError("days have no limit")


def clock(seconds: float) -> str:
    """A place in a recording: 0:03.2, 12:40.0, 1:02:03.0."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def ago(when: float) -> str:
    """How long ago something was, in words (`when` in seconds since the epoch)."""
    past = time.time() - when
    return "just now" if past < 90 else f"{' '.join(length(past).split()[:2])} ago"
