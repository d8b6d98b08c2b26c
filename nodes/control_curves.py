"""Gestures that were written down: a curve from a table, and a sequence of points."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from nodes.control import unique_names, words_of
from runtime.errors import NodeError, in_words
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import BoolParam, ChoiceParam, FloatParam, NodeSpec, PathParam, Port, PortType, TextParam

LARGEST_FILE = 200_000_000
"""Bytes of a table: days of a gesture."""


class Curve(StreamNode):
    """Plays a gesture out of a table (.csv): a first line of names, then a line for each moment that begins with its seconds, as
    `glasspatch take export` writes it. Between the moments it goes in a straight line."""

    spec = NodeSpec(
        type="control.curve",
        title="Curve from a table",
        outputs=(Port("control", PortType.CONTROL, "the table's columns; after the end they stay where they are"),),
        params=(
            PathParam(name="path", doc="the table, a .csv beside the patch"),
            BoolParam(name="loop", default=False, doc="begin again at the end"),
            FloatParam(name="speed", default=1.0, low=0.0, high=16.0, doc="2 is twice as fast"),
        ),
    )

    def prepare(self, stream: Stream, path: Path | None) -> None:
        names, self._times, self._values = read_table(path)
        self._sample_rate = stream.sample_rate
        self._origin: int | None = None
        self._time, self._speed = 0.0, 0.0
        stream.name("control", names)

    def process(self, block: Block, loop: bool, speed: float) -> dict[str, np.ndarray]:
        if self._origin is None:  # a node put into a playing patch begins at the table's beginning
            self._origin = block.start
        if speed != self._speed:
            self._time += self._speed * (block.start - self._origin) / self._sample_rate
            self._origin, self._speed = block.start, speed
        frames = block.start - self._origin + STEP * np.arange(block.steps)
        times = self._time + speed * frames / self._sample_rate
        last = self._times[-1]
        times = times % last if loop and last > 0 else np.minimum(times, last)
        after = np.clip(np.searchsorted(self._times, times, side="right"), 1, max(len(self._times) - 1, 1))
        if len(self._times) == 1:
            return {"control": np.repeat(self._values, block.steps, axis=1)}
        begin, end = self._times[after - 1], self._times[after]
        share = np.clip((times - begin) / (end - begin), 0.0, 1.0)
        one, two = self._values[:, after - 1], self._values[:, after]
        return {"control": (one + (two - one) * share).astype(np.float32)}


def read_table(path: Path | None) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """The names of a table's columns after the first, its times float64 [rows] from 0 on, and its values float32 [columns, rows].
    A cell that holds no number has the value between its neighbours. Raises NodeError."""
    if path is None:
        raise NodeError("choose a table to play (path is empty)")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise NodeError(f"{path.name} is too large for a gesture; keep to fewer lines")
        with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, csv.Error) as error:
        raise NodeError(f"{path} cannot be read: {in_words(error)}") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise NodeError(f"{path.name} must have a line of names and lines of numbers, with seconds in the first column")
    width = len(rows[0])
    numbers = np.array([[_number(cell) for cell in (row + [""] * width)[:width]] for row in rows[1:]])
    numbers = numbers[np.isfinite(numbers[:, 0])]
    times, values = numbers[:, 0], numbers[:, 1:].T
    if not len(times) or not np.isfinite(values).any():
        raise NodeError(f"{path.name} holds no numbers below its first line")
    if (np.diff(times) <= 0).any():
        line = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 3
        raise NodeError(f"the seconds in the first column of {path.name} must rise from line to line; see line {line}")
    names = unique_names(name.strip() or f"column{number}" for number, name in enumerate(rows[0][1:], 1))
    return names, times - times[0], np.stack([_whole(row) for row in values]).astype(np.float32)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _whole(row: np.ndarray) -> np.ndarray:
    good = np.isfinite(row)
    return np.interp(np.arange(len(row)), np.flatnonzero(good), row[good]) if good.any() else np.zeros(len(row))


class Sequencer(StreamNode):
    """Goes from point to point: so many in a second, or one further whenever something rises above 0.5 at *next*. It glides from
    each to the next in the glide time."""

    spec = NodeSpec(
        type="control.sequencer",
        title="Sequencer",
        inputs=(Port("next", PortType.CONTROL, "goes on to the next point when it rises above 0.5", optional=True),),
        outputs=(Port("control", PortType.CONTROL, "one dimension for each name"),),
        params=(
            TextParam(name="names", default="x y", doc="what the dimensions are called", live=False),
            TextParam(
                name="points",
                default="0 0; 1 0.25; 0.5 1",
                doc="a number for each name, and a semicolon between two points",
                live=False,
            ),
            FloatParam(name="rate", default=1.0, low=0.0, high=100.0, unit="Hz", doc="points in a second; 0 only waits for next"),
            FloatParam(name="glide", default=0.2, low=0.0, high=60.0, unit="s", doc="time from one point to the next; 0 jumps"),
            ChoiceParam(
                name="order",
                default="forwards",
                choices=("forwards", "backwards", "there and back", "random"),
                doc="which point comes next",
            ),
        ),
    )

    def prepare(self, stream: Stream, names: str, points: str) -> None:
        found = words_of(names)
        self._points = points_of(points, len(found))
        self._rate, self._random = stream.sample_rate / STEP, np.random.default_rng(stream.seed)
        self._at, self._way = 0, 1
        # Points passed, known exactly at one step and from there by counting steps: nothing depends on the block's length.
        self._turns, self._turning, self._count = 0.0, 0.0, 0
        self._was_high = False
        self._from = self._goal = self._now = self._points[:, 0]
        self._passed = 0  # steps since it set out from `_from`
        stream.name("control", found)

    def process(self, block: Block, next: np.ndarray | None, rate: float, glide: float, order: str) -> dict[str, np.ndarray]:
        steps = block.steps
        if rate != self._turning:
            self._turns = (self._turns + self._turning * self._count / self._rate) % 1.0
            self._turning, self._count = rate, 0
        turns = self._turns + rate * np.arange(self._count, self._count + steps + 1) / self._rate
        goes = np.diff(np.floor(turns)) > 0
        self._count += steps
        if next is not None:
            high = next.max(axis=0) > 0.5
            goes |= high & ~np.append(self._was_high, high[:-1])
            self._was_high = bool(high[-1])
        made = np.empty((len(self._goal), steps), np.float32)
        done = 0
        for step in [*np.flatnonzero(goes), steps]:
            made[:, done:step] = self._glided(step - done, glide)
            done = step
            if step < steps:
                self._from, self._passed = self._now, 0
                self._go(order)
        return {"control": made}

    def _glided(self, steps: int, glide: float) -> np.ndarray:
        """The next steps of the way, float64 [dims, steps]; time passes."""
        numbers = self._passed + np.arange(1, steps + 1)
        share = np.minimum(numbers / max(glide * self._rate, 1.0), 1.0)
        self._passed += steps
        made = self._from[:, None] + (self._goal - self._from)[:, None] * share
        if steps:
            self._now = made[:, -1]
        return made

    def _go(self, order: str) -> None:
        count = self._points.shape[1]
        if order == "random":
            # Any but the one where it is.
            self._at = (self._at + int(self._random.integers(1, count))) % count if count > 1 else 0
        elif order == "there and back":
            if not 0 <= self._at + self._way < count:
                self._way = -self._way
            self._at = min(max(self._at + self._way, 0), count - 1)
        else:
            self._at = (self._at + (1 if order == "forwards" else -1)) % count
        self._goal = self._points[:, self._at]


def points_of(text: str, dims: int) -> np.ndarray:
    """The points that a text lists, float64 [dims, points]. Raises NodeError."""
    points = [part.replace(",", " ").split() for part in text.replace("\n", ";").split(";") if part.strip()]
    if not dims:
        raise NodeError("names is empty; write what the dimensions are called")
    if not points:
        raise NodeError("points is empty; write a number for each name, and a semicolon between two points")
    for point in points:
        values = [_number(word) for word in point]
        if len(values) != dims or not np.isfinite(values).all():
            raise NodeError(f"each point must be {dims} numbers, one for each name, got {' '.join(point)!r}")
    return np.array(points, np.float64).T
