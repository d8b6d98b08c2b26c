"""A corpus: slices that point into recordings. Nothing is copied: a slice is (recording, start, end) in frames."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import ArtifactError, NodeError

if TYPE_CHECKING:
    import numpy as np

FILE = "corpus.json"


@dataclass(frozen=True)
class Recording:
    """A sound file of the artist: `path` is relative to the patch's folder, `sha256` is of the file's bytes."""

    path: str
    sha256: str
    sample_rate: int
    channels: int
    frames: int

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
    """A file or a part that was left out, and why, in words."""

    path: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """Recordings, the slices of them that belong to the corpus, and what was left out. Paths are relative to `folder`,
    the patch's folder."""

    folder: Path
    recordings: tuple[Recording, ...]
    slices: tuple[Slice, ...]
    rejected: tuple[Rejected, ...] = ()

    @property
    def seconds(self) -> float:
        """Seconds of sound in all slices."""
        return sum((s.end - s.start) / self.recordings[s.recording].sample_rate for s in self.slices)

    def write(self, folder: Path) -> None:
        """Writes `corpus.json` into an artifact's folder."""
        data = {
            "recordings": [asdict(recording) for recording in self.recordings],
            "slices": [[s.recording, s.start, s.end] for s in self.slices],
            "rejected": [asdict(rejected) for rejected in self.rejected],
        }
        (folder / FILE).write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @staticmethod
    def read(path: Path, patch_folder: Path) -> Corpus:
        """Reads what `write` wrote. Raises ArtifactError where the file is missing, cut short, or not what `write` writes."""
        try:
            data: dict[str, Any] = json.loads((path / FILE).read_text(encoding="utf-8"))
            corpus = Corpus(
                folder=patch_folder,
                recordings=tuple(Recording(**recording) for recording in data["recordings"]),
                slices=tuple(Slice(*numbers) for numbers in data["slices"]),
                rejected=tuple(Rejected(**rejected) for rejected in data["rejected"]),
            )
            corpus._check()
            return corpus
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArtifactError(f"the corpus in {path} cannot be read ({error}); run the patch again to make it anew") from error

    def _check(self) -> None:
        """Raises ValueError or TypeError for what `write` never writes: a corpus may come with a shared patch."""
        for recording in self.recordings:
            path = Path(os.path.normpath(recording.path))
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{recording.path} lies outside the patch's folder")
            if min(recording.sample_rate, recording.channels, recording.frames) < 1:
                raise ValueError(f"{recording.path} has no sample rate, channels or frames")
        for piece in self.slices:
            if not 0 <= piece.recording < len(self.recordings) or not 0 <= piece.start <= piece.end:
                raise ValueError(f"slice {[piece.recording, piece.start, piece.end]} is of no recording")
            if not all(type(number) is int for number in (piece.recording, piece.start, piece.end)):
                raise TypeError(f"slice {[piece.recording, piece.start, piece.end]} must be of whole numbers")

    def load(self, piece: Slice) -> np.ndarray:
        """The slice's sound, float32 [channels, frames], at the recording's own sample rate.

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
        return joined
