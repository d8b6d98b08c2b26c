"""A take: the folder of a recorded performance, and how it is read back, even where the recording was cut short.

`take.jsonl` holds a header, then one JSON array [block, kind, data] for each thing that came from outside, in the order in which
the engine applied them, from the beginning of the performance on (decoders and smoothers remember). Each was applied before the
block of that number was rendered. `sound.flac` or `sound.wav` is what was heard from the "sound" event on, `input.wav` what
the sound card heard ("input" events say when), `taught/` what nodes had been taught.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from runtime.errors import ArtifactError, in_words

FORMAT = 1
JOURNAL = "take.jsonl"
SOUNDS = ("sound.flac", "sound.wav")
INPUT = "input.wav"


class Event(NamedTuple):
    """Something from outside. `data` is what the engine journaled; the values of a "feed" are float32 [dims], bit by bit."""

    block: int
    kind: str
    data: Any


@dataclass(frozen=True)
class Gesture:
    """What came over one output of a fed node: `values` float32 [n, dims], each row from its block on."""

    names: tuple[str, ...]
    blocks: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Take:
    """A recorded performance. `end` is the data of the last line, None where the recording was `cut` short."""

    path: Path
    header: Mapping[str, Any]
    events: tuple[Event, ...]
    end: Mapping[str, Any] | None

    @property
    def cut(self) -> bool:
        return self.end is None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def sample_rate(self) -> int:
        return int(self.header["sample_rate"])

    @property
    def block(self) -> int:
        """Frames of a block."""
        return int(self.header["block"])

    @property
    def sound(self) -> Path | None:
        """The file of what was heard, if it is there."""
        return next((self.path / name for name in SOUNDS if (self.path / name).is_file()), None)

    @property
    def input(self) -> Path | None:
        """The file of what the sound card heard, if there is one; `heard` reads it."""
        return self.path / INPUT if (self.path / INPUT).is_file() else None

    @cached_property
    def first(self) -> int:
        """The block with which the sound begins."""
        if self.end is not None:
            return int(self.end["first"])
        return next((event.block for event in self.events if event.kind == "sound"), int(self.header.get("began", 0)))

    @cached_property
    def frames(self) -> int:
        """Frames of the sound: those that the hash was made of, or what can be read where the recording was cut."""
        return int(self.end["frames"]) if self.end is not None else self._readable()

    @property
    def blocks(self) -> int:
        """Whole blocks of sound."""
        return self.frames // self.block

    @property
    def seconds(self) -> float:
        """How long it lasts; without any sound, up to the last event."""
        last = self.events[-1].block if self.events else 0
        frames = self.frames or max(last - self.first, 0) * self.block
        return frames / self.sample_rate

    @cached_property
    def gestures(self) -> dict[tuple[str, str], Gesture]:
        """For each (node, output) that was fed what came, from the beginning of the performance on, in the order in which the
        patch named them."""
        return _gestures(self.events)

    def seconds_of(self, block: int) -> float:
        """When a block began, in seconds of the take's sound; negative before it."""
        return (block - self.first) * self.block / self.sample_rate

    def _readable(self) -> int:
        import soundfile

        if self.sound is None:
            return 0
        try:
            frames = int(soundfile.info(self.sound).frames)
        except (OSError, RuntimeError, ValueError):
            return 0  # cut before the first second was over
        return frames if frames < 2**40 else 0


def read_take(path: Path) -> Take:
    """Reads a take from its folder. A last line that was cut off is left out. Raises ArtifactError, in words: no take, recorded
    by a newer version, damaged."""
    path = path.parent if path.name == JOURNAL else path
    lines = _lines(path)
    header = _header(path, next(lines, b""))
    events, end = [], None
    for event in _events(path, lines):
        if event.kind == "end":
            end = event.data
        else:
            events.append(event)
    return Take(path, header, tuple(events), end)


def iterate_events(path: Path) -> Iterator[Event]:
    """The events of a take one by one, "end" included, for takes too long to be held. Raises ArtifactError."""
    lines = _lines(path)
    _header(path, next(lines, b""))
    yield from _events(path, lines)


def _lines(path: Path) -> Iterator[bytes]:
    if not path.is_dir():
        what = "is no folder" if path.exists() else "is not there"
        raise ArtifactError(f"{path} {what}; a take is a folder whose name ends in .take")
    try:
        with open(path / JOURNAL, "rb") as file:
            yield from file
    except FileNotFoundError:
        raise ArtifactError(f"{path} is no take: it holds no {JOURNAL}") from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {in_words(error)}") from error


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line.decode())
        version = header["take"]
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise ValueError(version)
    except (ValueError, KeyError, TypeError, RecursionError):
        cut = (
            "was cut off before its first line was written" if not line.endswith(b"\n") else "does not begin with a take's header"
        )
        raise ArtifactError(f"{path} holds no take that can be read: {JOURNAL} {cut}") from None
    if version > FORMAT:
        raise ArtifactError(f"{path} was recorded by a newer glasspatch (format {version}, this one reads {FORMAT}); update it")
    for key in ("sample_rate", "block", "channels"):
        if not isinstance(header.get(key), int) or header[key] < 1:
            raise ArtifactError(f"{path}: line 1 is damaged: {key} must be a whole number, got {header.get(key)!r}")
    found: dict[str, Any] = header
    return found


def _events(path: Path, lines: Iterable[bytes]) -> Iterator[Event]:
    ended = False
    for number, line in enumerate(lines, start=2):
        try:
            if ended:
                raise ValueError("something follows the end")
            event = _event(json.loads(line.decode()))
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            if not line.endswith(b"\n"):
                return  # what was being written when the recording was cut
            raise ArtifactError(
                f"{path / JOURNAL}: line {number} is damaged ({error}); put the file back from a copy, or remove that line and "
                "what follows: the take can be read up to there"
            ) from error
        ended = event.kind == "end"
        yield event


def _event(data: Any) -> Event:
    block, kind, data = data
    if type(block) is not int or block < 0 or not isinstance(kind, str):
        raise ValueError("it must be [block, kind, data]")
    if kind == "feed":
        node, values = data
        arrays = {str(output): np.array(value, np.float32) for output, value in values.items()}
        if any(array.ndim != 1 for array in arrays.values()):
            raise ValueError("a feed must give a list of numbers for each output")
        data = [str(node), arrays]
    elif kind == "load" and not isinstance(data["text"], str):
        raise ValueError("a load must hold the patch's text")
    elif kind == "end":
        whole = all(type(data[key]) is int and data[key] >= 0 for key in ("frames", "first", "blocks"))
        if not whole or not isinstance(data["sha256"], str):
            raise ValueError("the end must tell frames, first, blocks and sha256")
    return Event(block, kind, data)


def _gestures(events: Iterable[Event]) -> dict[tuple[str, str], Gesture]:
    named: dict[tuple[str, str], tuple[str, ...]] = {}
    rows: dict[tuple[str, str], list[tuple[int, tuple[str, ...], np.ndarray]]] = {}
    for block, kind, data in events:
        if kind == "load":
            for node, outputs in data.get("fed", {}).items():
                for output, names in outputs.items():
                    named[node, output] = tuple(map(str, names))
                    rows.setdefault((node, output), [])
        elif kind == "feed":
            for output, values in data[1].items():
                names = named.get((data[0], output), ())
                if len(names) != len(values):
                    names = tuple(map(str, range(len(values))))
                rows.setdefault((data[0], output), []).append((block, names, values))
    return {place: _gesture(named.get(place, ()), found) for place, found in rows.items()}


def _gesture(names: tuple[str, ...], rows: list[tuple[int, tuple[str, ...], np.ndarray]]) -> Gesture:
    """Joins rows. Where an edit on stage changed the dimensions, all that ever were have a column, and hold while away."""
    columns = rows[0][1] if rows else names
    kinds = dict.fromkeys(found for _, found, _ in rows)
    for later in kinds:
        columns += tuple(name for name in later if name not in columns)
    blocks = np.array([block for block, _, _ in rows], np.int64)
    if len(kinds) == 1:
        return Gesture(columns, blocks, np.array([row for _, _, row in rows], np.float32))
    values = np.zeros((len(rows), len(columns)), np.float32)
    places = {found: [columns.index(name) for name in found] for found in kinds}
    now = np.zeros(len(columns), np.float32)
    for number, (_, found, row) in enumerate(rows):
        now[places[found]] = row
        values[number] = now
    return Gesture(columns, blocks, values)


def heard(take: Take) -> Iterator[np.ndarray | None]:
    """What the sound card heard, block by block from the beginning of the performance: float32 [channels, block], None where
    nobody listened; None for ever after the end. Raises ArtifactError where the file cannot be read."""
    spans = deque((event.block, event.data) for event in take.events if event.kind == "input")
    number = 0
    if take.input is not None and spans:
        import soundfile

        try:
            with soundfile.SoundFile(take.input) as file:
                while spans:
                    begins, span = spans.popleft()
                    stop = spans[0][1]["at"] if spans else file.frames
                    for _ in range(number, begins):
                        yield None
                    number = max(number, begins)
                    file.seek(span["at"])
                    for _ in range((stop - span["at"]) // take.block):
                        part = file.read(take.block, dtype="float32", always_2d=True)
                        yield np.ascontiguousarray(part.T[: span["channels"]])
                        number += 1
        except (OSError, RuntimeError, KeyError, TypeError) as error:
            raise ArtifactError(f"{take.input} cannot be read ({error}); put it back from a copy") from error
    while True:
        yield None


def sound_blocks(take: Take, frames: int = 65536) -> Iterator[np.ndarray]:
    """The sound of a take in pieces, float32 [channels, up to `frames`]. Raises ArtifactError where there is none."""
    import soundfile

    if take.sound is None:
        raise ArtifactError(f"{take.name} holds no sound; put sound.flac or sound.wav back from a copy")
    left = take.frames
    if not left:
        return
    try:
        with soundfile.SoundFile(take.sound) as file:
            while left and len(part := file.read(min(frames, left), dtype="float32", always_2d=True)):
                left -= len(part)
                yield part.T
    except (OSError, RuntimeError, ValueError) as error:
        raise ArtifactError(f"{take.sound} cannot be read ({error}); put it back from a copy") from error


def patch_of(take: Take) -> Path | None:
    """The patch that was played: the file of that name in the nearest folder above the take, or None."""
    name = Path(str(take.header.get("patch", ""))).name
    return next((folder / name for folder in take.path.resolve().parents if name and (folder / name).is_file()), None)
