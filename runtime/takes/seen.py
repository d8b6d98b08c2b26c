"""What was seen while a take was recorded: landmarks, and to which block each picture of a video belongs.

`seen.jsonl` holds a JSON array for each thing seen, as it came, beside the block that was being rendered:
[block, "marks", node, at, points, dims, width, height] are the points that a node found in a picture of that size in pixels:
points x dims numbers of `landmarks.i16` (int16, little-endian) from number `at` on, in parts of 16384; no points where nothing
was seen any more. [block, "picture", file, left_out] is the next picture of a video (Motion JPEG in Matroska, with times of its
own), and how many were left out before it because the machine was too slow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SEEN = "seen.jsonl"
LANDMARKS = "landmarks.i16"
PARTS = 16384
"""float16 has 2048 parts between 0.5 and 1, a third of a pixel of 640: too coarse for eyelids."""


def packed(marks: np.ndarray) -> bytes:
    """Points in the bytes of `landmarks.i16`; what lies two pictures away or further is moved to there."""
    parts: np.ndarray = np.clip(np.rint(np.nan_to_num(marks) * PARTS), -(2**15), 2**15 - 1)
    return parts.astype("<i2").tobytes()


class Span(NamedTuple):
    """Where the points of a picture lie in `landmarks.i16`."""

    block: int
    at: int
    points: int
    dims: int
    width: int
    height: int


@dataclass(frozen=True)
class Landmarks:
    """The points that one node found, picture by picture."""

    node: str
    spans: tuple[Span, ...]
    path: Path

    @property
    def blocks(self) -> np.ndarray:
        """Which block was being rendered when the points came, int64 [pictures]."""
        return np.array([span.block for span in self.spans], np.int64)

    @property
    def sizes(self) -> np.ndarray:
        """Width and height of each picture in pixels, int64 [pictures, 2]."""
        return np.array([(span.width, span.height) for span in self.spans], np.int64).reshape(-1, 2)

    @property
    def seen(self) -> int:
        """The number of pictures in which something was seen."""
        return sum(span.points > 0 for span in self.spans)

    @property
    def most(self) -> int:
        """The number of points in the picture that has most."""
        return max((span.points for span in self.spans), default=0)

    def points(self) -> np.ndarray:
        """float32 [pictures, most, dims], in parts of the picture; NaN where nothing was seen. Reads the file. Raises OSError."""
        numbers = np.fromfile(self.path, "<i2")
        dims = max((span.dims for span in self.spans), default=0)
        found = np.full((len(self.spans), self.most, dims), np.nan, np.float32)
        for row, span in zip(found, self.spans, strict=True):
            part = numbers[span.at : span.at + span.points * span.dims]
            row[: span.points, : span.dims] = part.reshape(span.points, span.dims) / np.float32(PARTS)
        return found


@dataclass(frozen=True)
class Video:
    """What a camera showed: the block of each picture, and how many pictures were left out."""

    path: Path
    blocks: np.ndarray
    left_out: int


def read_seen(take: Path) -> tuple[tuple[Landmarks, ...], tuple[Video, ...]]:
    """What was seen in the take in that folder, up to where it was cut short; nothing where none was recorded."""
    spans: dict[str, list[Span]] = {}
    pictures: dict[str, list[tuple[int, int]]] = {}
    file = take / LANDMARKS
    size = file.stat().st_size // 2 if file.is_file() else 0
    for block, kind, name, *data in _lines(take / SEEN):
        if kind == "marks" and len(data) == 5:
            span = Span(block, *data)
            if span.at + span.points * span.dims <= size:
                spans.setdefault(name, []).append(span)
        elif kind == "picture" and len(data) == 1:
            pictures.setdefault(name, []).append((block, data[0]))
    landmarks = tuple(Landmarks(node, tuple(found), file) for node, found in spans.items())
    videos = [
        Video(take / name, np.array([block for block, _ in found], np.int64), found[-1][1]) for name, found in pictures.items()
    ]
    return landmarks, tuple(video for video in videos if video.path.parent == take and video.path.is_file())


def _lines(path: Path) -> Iterator[list[Any]]:
    if not path.is_file():
        return
    with open(path, "rb") as file:
        for line in file:
            try:
                block, kind, name, *data = json.loads(line)
                whole = [number for number in (block, *data) if type(number) is int and number >= 0]
                if not isinstance(name, str) or len(whole) != 1 + len(data):
                    return
            except (ValueError, TypeError, RecursionError):
                return  # what was being written when the recording was cut
            yield [block, kind, name, *data]
