"""The shelf of a training: what it was on its way, kept with how it sounds, and which of that an output may point at.

A shelf is the folder `shelf/` in a job's folder, with one folder per step: `card.json`, sounds, and what is heavy (HEAVY), which
only the newest and the starred keep. `stars.json` lists the starred steps in the order in which they were starred.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import ArtifactError

FOLDER = "shelf"
CARD, STARS, MODEL, WEIGHTS = "card.json", "stars.json", "model.ts", "weights.ckpt"
HEAVY = (MODEL, WEIGHTS)
LATEST, BEST = "latest", "best"
POINTERS = (LATEST, BEST)
"""What an output may point at: the newest on the shelf; the one that was starred last."""


@dataclass(frozen=True)
class Kept:
    """One step of a training on the shelf. `card` tells its phase and measures, `is_starred` that an artist likes it, `when`
    that it was put there, in seconds since the epoch."""

    folder: Path
    step: int
    card: Mapping[str, Any]
    is_starred: bool
    when: float

    @property
    def model(self) -> Path | None:
        """The model, unless it had to make room and only its sounds are left."""
        return self._file(MODEL)

    @property
    def phase(self) -> str:
        return str(self.card.get("phase", ""))

    def sound(self, name: str) -> Path | None:
        """One of its sounds (phrase, walk), where it has it."""
        return self._file(f"{name}.flac")

    def _file(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None


def place(folder: Path, step: int) -> Path:
    """Where a step lies on the shelf of a job's folder."""
    return folder / FOLDER / f"{step:09d}"


def read_shelf(folder: Path) -> tuple[Kept, ...]:
    """What is on the shelf of a job's folder, newest step first. What cannot be read is not there."""
    stars = set(_stars(folder))
    found = []
    with suppress(OSError):
        for item in (folder / FOLDER).iterdir():
            with suppress(OSError, ValueError, RecursionError):
                card = json.loads((item / CARD).read_text(encoding="utf-8"))
                step = int(item.name)
                if isinstance(card, dict):
                    found.append(Kept(item, step, card, step in stars, (item / CARD).stat().st_mtime))
    return tuple(sorted(found, key=lambda one: -one.step))


def star(folder: Path, step: int, wanted: bool = True) -> None:
    """Stars a step on the shelf of a job's folder, or takes its star away. The starred keep their models, and the one starred
    last is what `best` points at. Raises ArtifactError where there is no such step, or only its sounds are left."""
    kept = {one.step: one for one in read_shelf(folder)}
    if step not in kept:
        raise ArtifactError(f"there is no step {step} on the shelf; there are: {', '.join(map(str, sorted(kept))) or 'none yet'}")
    if wanted and kept[step].model is None:
        raise ArtifactError(f"of step {step} only the sounds are left: its model made room for newer ones before it was starred")
    stars = [one for one in _stars(folder) if one != step] + ([step] if wanted else [])
    _write(folder / FOLDER / STARS, json.dumps(stars).encode() + b"\n")


def prune(folder: Path, keep: int) -> None:
    """Removes what is heavy of all but the newest `keep` steps and the starred; cards and sounds stay."""
    for number, one in enumerate(read_shelf(folder)):
        if number >= keep and not one.is_starred:
            for name in HEAVY:
                (one.folder / name).unlink(missing_ok=True)


def pointed(folder: Path, output: str) -> tuple[Path, str] | None:
    """The model at which an output (one of POINTERS) points, and its fingerprint; None where the shelf of a job's folder has
    none."""
    whole = [one for one in read_shelf(folder) if one.model is not None and isinstance(one.card.get("fingerprint"), str)]
    there = {one.step: one for one in whole}
    steps = [max(there)] if output == LATEST and there else []
    if output == BEST:
        steps = [step for step in _stars(folder) if step in there][-1:]
    return (there[steps[0]].folder / MODEL, there[steps[0]].card["fingerprint"]) if steps else None


def take_over(old: Path, new: Path) -> None:
    """Puts the shelf of another job's folder on the new one's too, without writing its files twice where the disk allows it."""
    for one in read_shelf(old):
        there = place(new, one.step)
        if not there.exists():
            beside = there.with_suffix(".tmp")
            beside.mkdir(parents=True, exist_ok=True)
            for file in one.folder.iterdir():
                _link(file, beside / file.name)
            beside.rename(there)
    for name in (STARS, *(file.name for file in (old / FOLDER).glob("*.flac"))):
        if (old / FOLDER / name).is_file():
            _link(old / FOLDER / name, new / FOLDER / name)


def _link(file: Path, new: Path) -> None:
    if new.exists():
        return
    try:
        os.link(file, new)
    except OSError:  # another disk, or one that knows no links
        _write(new, file.read_bytes())


def _stars(folder: Path) -> list[int]:
    try:
        found = json.loads((folder / FOLDER / STARS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    return [step for step in found if type(step) is int] if isinstance(found, list) else []


def _write(path: Path, data: bytes) -> None:
    # Not runtime.artifacts.write_atomically: that module asks this one where an output points.
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_bytes(data)
    beside.replace(path)
