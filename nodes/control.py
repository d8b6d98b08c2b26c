"""Control signals: smooth them, join them, and make a slow one where no hand or face is at hand."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType, TextParam


class Smoothing(StreamNode):
    """Calms a trembling gesture. After a jump the output has gone 63 % of the way when the time is over, 95 % after three times
    that. Long times feel heavy: above 30 ms a player begins to notice."""

    spec = NodeSpec(
        type="control.smooth",
        title="Smoothing",
        inputs=(Port("control", PortType.CONTROL, "a gesture, or any control"),),
        outputs=(Port("control", PortType.CONTROL, "the same dimensions, calmer"),),
        params=(FloatParam(name="time", default=50.0, low=0.0, high=5000.0, unit="ms", doc="0 leaves it as it is"),),
    )

    def prepare(self, stream: Stream) -> None:
        self._rate = stream.sample_rate / STEP
        self._kernel_for: tuple[float, int] | None = None
        # The filter's state, and after it the block's values: [dims, 1 + steps].
        self._both: np.ndarray | None = None
        stream.name("control", stream.names["control"])

    def process(self, block: Block, control: np.ndarray, time: float) -> dict[str, np.ndarray]:
        steps, first = control.shape[1], self._both is None
        if first:
            self._both = np.zeros((len(control), 1 + steps))
            self._state, self._values = self._both[:, 0], self._both[:, 1:]
        if self._kernel_for != (time, steps):
            self._kernel_for = (time, steps)
            self._kernel = one_pole(math.exp(-1000.0 / (time * self._rate)) if time else 0.0, steps)
        flat = control.ravel()
        if not math.isfinite(flat.dot(flat)):  # or too large to be squared, which does no harm
            control = filled(control, self._both[:, -1])
        self._values[...] = control
        if first:  # the first value is where the filter starts: no rise from 0
            self._state[...] = control[:, 0]
        smooth = self._both.dot(self._kernel)
        self._state[...] = smooth[:, -1]
        return {"control": smooth.astype(np.float32)}


def one_pole(pole: float, steps: int) -> np.ndarray:
    """y[n] = pole y[n-1] + (1 - pole) x[n] over a block as one product: y = [y[-1], x] @ kernel, with kernel [1 + steps, steps].
    For the few steps of a block this is several times as fast as a filter routine."""
    later = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    kernel = np.where(later >= 0, (1.0 - pole) * pole ** np.maximum(later, 0), 0.0)
    return np.concatenate([pole ** np.arange(1.0, steps + 1.0)[None], kernel])


def filled(control: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`control` [dims, steps] with each value that is no finite number replaced by the newest one before it in its row; `last`
    [dims] is what came before the block."""
    steps = np.where(np.isfinite(control), np.arange(1, control.shape[1] + 1), 0)
    both = np.concatenate([last[:, None], control], axis=1)
    return np.take_along_axis(both, np.maximum.accumulate(steps, axis=1), axis=1)


class SlowOscillator(StreamNode):
    """A slow wave between two values: a hand that never tires. It takes the place of a gesture while a patch is built."""

    spec = NodeSpec(
        type="control.lfo",
        title="Slow oscillator",
        outputs=(Port("control", PortType.CONTROL, "one dimension, a sine between low and high"),),
        params=(
            TextParam(name="name", default="lfo", doc="what the dimension is called", live=False),
            FloatParam(name="rate", default=0.1, low=0.0, high=50.0, unit="Hz", doc="waves in a second"),
            FloatParam(name="low", default=0.0, doc="the lowest value"),
            FloatParam(name="high", default=1.0, doc="the highest value"),
            FloatParam(name="phase", default=0.0, low=0.0, high=1.0, doc="where in the wave it starts; 0 is the middle, rising"),
        ),
    )

    def prepare(self, stream: Stream, name: str) -> None:
        self._sample_rate = stream.sample_rate
        # The cycle is known exactly at one frame, and from there by counting frames: a new rate goes on from where it was.
        self._origin, self._cycle, self._rate = 0, 0.0, 0.0
        stream.name("control", (name or "lfo",))

    def process(self, block: Block, rate: float, low: float, high: float, phase: float) -> dict[str, np.ndarray]:
        if rate != self._rate:
            self._cycle = (self._cycle + self._rate * (block.start - self._origin) / self._sample_rate) % 1.0
            self._origin, self._rate = block.start, rate
        frames = block.start - self._origin + STEP * np.arange(block.steps)
        cycles = (self._cycle + phase + rate * frames / self._sample_rate) % 1.0
        wave = 0.5 + 0.5 * np.sin(2.0 * math.pi * cycles)
        return {"control": (low + (high - low) * wave).astype(np.float32)[None]}


def words_of(text: str) -> tuple[str, ...]:
    """The names in a text, between commas or blanks, no two alike; the empty text has none."""
    return unique_names(text.replace(",", " ").split())


def at_steps(value: float | np.ndarray, steps: int) -> np.ndarray:
    """What a smooth param is at the end of each step, float32 [steps]: its place in the ramp while it moves."""
    return np.full(steps, value, np.float32) if isinstance(value, float) else value[STEP - 1 :: STEP]


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names with _2, _3 ... added to those that came before."""
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return tuple(found)


class Join(StreamNode):
    """Puts several control signals into one with all their dimensions. Of two with the same name, the later becomes name_2."""

    spec = NodeSpec(
        type="control.join",
        title="Join",
        inputs=(Port("control", PortType.CONTROL, "any number of control signals", many=True),),
        outputs=(Port("control", PortType.CONTROL, "all their dimensions, one after the other"),),
    )

    def prepare(self, stream: Stream) -> None:
        if not stream.names["control"]:
            raise NodeError("no control signal reaches it; lead at least one to its control input")
        stream.name("control", unique_names(stream.names["control"]))

    def process(self, block: Block, control: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        return {"control": np.concatenate(control)}
