"""A corpus: slices that point into recordings. Nothing is copied: a slice is (recording, start, end) in frames."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from runtime.errors import ArtifactError, NodeError

FILE = "corpus.json"
TABLE = "descriptors.npz"
LETTERS = 16
"""So many letters of a recording's fingerprint name it in a tag, wherever it lies and whatever it is called."""
Part = tuple[str, int, int]
"""A part of a recording that a tag names: the first LETTERS of its fingerprint, start and end in its frames."""


@dataclass(frozen=True)
class Recording:
    """A sound file of the artist: `path` is relative to the patch's folder, `sha256` is of the file's bytes. `offset` is what the
    recorder added to every sample of each channel (DC), which `Corpus.load` takes off again; empty where it is nothing."""

    path: str
    sha256: str
    sample_rate: int
    channels: int
    frames: int
    offset: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Slice:
    """Frames [start, end) of recording number `recording`, counted at the recording's own sample rate."""

    recording: int
    start: int
    end: int


@dataclass(frozen=True)
class Rejected:
    """A file or a part that was left out, and why, in words. A part tells where it lies, `start` to `end` in frames, so that it
    can be heard; a file that was refused tells neither."""

    path: str
    reason: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Tag:
    """Parts of recordings that belong together, and why."""

    parts: tuple[Part, ...] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """What is known of each slice, one column for each name: float32 [slices, names]; NaN where it is not known."""

    names: tuple[str, ...]
    values: np.ndarray

    def column(self, name: str) -> np.ndarray | None:
        """One column, float32 [slices], None where there is none of that name."""
        return self.values[:, self.names.index(name)] if name in self.names else None

    def columns(self, names: Iterable[str]) -> np.ndarray:
        """Some columns, float32 [slices, names]. Raises ValueError where there is none of a name."""
        return self.values[:, [self.names.index(name) for name in names]]

    def rows(self, chosen: np.ndarray) -> Table:
        """Some slices' rows, by their numbers."""
        return Table(self.names, self.values[chosen])

    def having(self, more: Mapping[str, np.ndarray]) -> Table:
        """The table with more columns; those of the same name are replaced."""
        kept = [name for name in self.names if name not in more]
        values = np.column_stack([self.columns(kept), *more.values()]).astype(np.float32)
        return Table((*kept, *more), values)


@dataclass(frozen=True)
class Corpus:
    """Recordings, the slices of them that belong to the corpus, and what was left out. Paths are relative to `folder`,
    the patch's folder. `tags` are found again in slices that are cut otherwise (`members`); the `table` is of these slices."""

    folder: Path
    recordings: tuple[Recording, ...]
    slices: tuple[Slice, ...]
    rejected: tuple[Rejected, ...] = ()
    tags: Mapping[str, Tag] = field(default_factory=dict)
    table: Table | None = field(default=None, compare=False)

    @property
    def seconds(self) -> float:
        """Seconds of sound in all slices."""
        return sum((s.end - s.start) / self.recordings[s.recording].sample_rate for s in self.slices)

    def write(self, folder: Path) -> None:
        """Writes `corpus.json` into an artifact's folder, and `descriptors.npz` where there is a table."""
        data: dict[str, Any] = {
            "recordings": [_without(asdict(recording), "offset", ()) for recording in self.recordings],
            "slices": [[s.recording, s.start, s.end] for s in self.slices],
            "rejected": [_without(_without(asdict(one), "start", None), "end", None) for one in self.rejected],
        }
        if self.tags:
            data["tags"] = {name: {"reason": tag.reason, "slices": tag.parts} for name, tag in self.tags.items()}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if self.table is not None:
            np.savez(folder / TABLE, names=np.array(self.table.names), values=self.table.values.astype(np.float32))

    @staticmethod
    def read(path: Path, patch_folder: Path) -> Corpus:
        """Reads what `write` wrote. Raises ArtifactError where the file is missing, cut short, or not what `write` writes."""
        try:
            data: dict[str, Any] = json.loads((path / FILE).read_text(encoding="utf-8"))
            corpus = Corpus(
                folder=patch_folder,
                recordings=tuple(Recording(**{**one, "offset": tuple(one.get("offset", ()))}) for one in data["recordings"]),
                slices=tuple(Slice(*numbers) for numbers in data["slices"]),
                rejected=tuple(Rejected(**rejected) for rejected in data["rejected"]),
                tags=read_tags(data.get("tags", {})),
                table=_read_table(path / TABLE),
            )
            corpus._check()
            return corpus
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError, BadZipFile) as error:
            raise ArtifactError(f"the corpus in {path} cannot be read ({error}); run the patch again to make it anew") from error

    def with_slices(self, chosen: np.ndarray) -> Corpus:
        """The corpus of some of its slices, by their numbers, with their rows of the table."""
        slices = tuple(self.slices[number] for number in chosen)
        return replace(self, slices=slices, table=self.table.rows(chosen) if self.table is not None else None)

    def _check(self) -> None:
        """Raises ValueError or TypeError for what `write` never writes: a corpus may come with a shared patch."""
        for recording in self.recordings:
            path = Path(os.path.normpath(recording.path))
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{recording.path} lies outside the patch's folder")
            if min(recording.sample_rate, recording.channels, recording.frames) < 1:
                raise ValueError(f"{recording.path} has no sample rate, channels or frames")
            if len(recording.offset) not in (0, recording.channels) or not np.isfinite(recording.offset).all():
                raise ValueError(f"{recording.path} has offsets that are not of its channels")
        for piece in self.slices:
            if not 0 <= piece.recording < len(self.recordings) or not 0 <= piece.start <= piece.end:
                raise ValueError(f"slice {[piece.recording, piece.start, piece.end]} is of no recording")
            if not all(type(number) is int for number in (piece.recording, piece.start, piece.end)):
                raise TypeError(f"slice {[piece.recording, piece.start, piece.end]} must be of whole numbers")
        if self.table is not None and self.table.values.shape != (len(self.slices), len(self.table.names)):
            raise ValueError("its descriptors are of other slices")

    def load(self, piece: Slice) -> np.ndarray:
        """The slice's sound, float32 [channels, frames], at the recording's own sample rate, without the recorder's offset.

        Raises NodeError where the recording has gone or has become shorter than the corpus says."""
        import soundfile

        recording = self.recordings[piece.recording]
        try:
            sound, _ = soundfile.read(
                self.folder / recording.path, start=piece.start, stop=piece.end, dtype="float32", always_2d=True
            )
        except (OSError, soundfile.LibsndfileError) as error:
            raise NodeError(f"{recording.path} cannot be read any more ({error}); put it back or run the patch again") from error
        if len(sound) != piece.end - piece.start:
            raise NodeError(f"{recording.path} has become shorter than the corpus says; run the patch again")
        joined: np.ndarray = sound.T
        return joined - np.array(recording.offset, np.float32)[:, None] if recording.offset else joined


def members(corpus: Corpus, tag: Tag) -> np.ndarray:
    """Which slices carry a tag: those whose middle lies in one of its parts. bool [slices]."""
    found = np.zeros(len(corpus.slices), bool)
    if not tag.parts or not corpus.slices:
        return found
    sources: dict[str, list[int]] = {}
    for number, one in enumerate(corpus.recordings):
        sources.setdefault(one.sha256[:LETTERS], []).append(number)  # a file may lie there twice
    ranges: dict[int, list[tuple[int, int]]] = {}
    for source, start, end in tag.parts:
        for number in sources.get(source, ()):
            ranges.setdefault(number, []).append((start, end))
    slices = np.array([(one.recording, one.start, one.end) for one in corpus.slices])
    middle = (slices[:, 1] + slices[:, 2]) // 2
    for recording, every in ranges.items():
        mine = np.flatnonzero(slices[:, 0] == recording)
        places = np.sort(middle[mine])
        order = mine[np.argsort(middle[mine], kind="stable")]
        for start, end in every:
            found[order[np.searchsorted(places, start) : np.searchsorted(places, end)]] = True
    return found


def parts(corpus: Corpus, numbers: Iterable[int]) -> tuple[Part, ...]:
    """Slices of a corpus, by their numbers, as they are kept in a tag."""
    chosen = (corpus.slices[number] for number in numbers)
    return tuple((corpus.recordings[one.recording].sha256[:LETTERS], one.start, one.end) for one in chosen)


def read_tags(data: Any) -> dict[str, Tag]:
    """Tags from {name: {"reason": words, "slices": [[recording, start, end], ...]}}; what is not understood is left out."""
    if not isinstance(data, Mapping):
        return {}
    tags = {}
    for name, one in data.items():
        if isinstance(one, Mapping) and isinstance(one.get("slices"), list | tuple):
            known = tuple(part for item in one["slices"] if (part := _part(item)) is not None)
            tags[str(name)] = Tag(known, str(one.get("reason", "")))
    return tags


def _part(item: Any) -> Part | None:
    if isinstance(item, list | tuple) and len(item) == 3 and isinstance(item[0], str):
        source, start, end = item
        if type(start) is int and type(end) is int and 0 <= start <= end:
            return source, start, end
    return None


def _without(data: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The data without a key that says nothing: older corpora lack it, and equal ones keep their fingerprint."""
    return {name: one for name, one in data.items() if name != key or one != value}


def _read_table(file: Path) -> Table | None:
    if not file.exists():
        return None
    with np.load(file, allow_pickle=False) as found:
        names, values = tuple(str(name) for name in found["names"]), found["values"]
    if values.ndim != 2 or values.dtype != np.float32:
        raise ValueError("its descriptors are no table of numbers")
    return Table(names, values)
