"""What a gesture becomes: scaled, calibrated, computed with, and how fast it moves."""

from __future__ import annotations

import math

import numpy as np

from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import BoolParam, ChoiceParam, FloatParam, NodeSpec, Port, PortType, TextParam

LARGEST = 1e30
"""No result is larger: squares of it are still numbers."""
LONGEST = 2000.0
"""ms of the longest window."""


class Scale(StreamNode):
    """Moves each dimension from one range to another: what was *in_low* becomes *out_low*, what was *in_high*
    becomes *out_high*."""

    spec = NodeSpec(
        type="control.scale",
        title="Scale",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(Port("control", PortType.CONTROL, "the same dimensions in the new range"),),
        params=(
            FloatParam(name="in_low", default=0.0, doc="a value that comes in"),
            FloatParam(name="in_high", default=1.0, doc="another value that comes in"),
            FloatParam(name="out_low", default=0.0, doc="what in_low becomes"),
            FloatParam(name="out_high", default=1.0, doc="what in_high becomes"),
            FloatParam(
                name="bend",
                default=1.0,
                low=0.1,
                high=10.0,
                log=True,
                doc="exponent between the two: 1 is straight, above it begins slowly, below it begins fast",
            ),
            BoolParam(name="clamp", default=True, doc="never leave the new range"),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream) -> None:
        stream.name("control", stream.names["control"])

    def process(
        self, block: Block, control: np.ndarray, in_low: float, in_high: float, out_low: float, out_high: float, bend: float,
        clamp: bool,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        way = in_high - in_low
        # Two equal ends leave no way between them: then all is at its beginning.
        share = (control - in_low) / way if way else 0.0 * control
        return {"control": placed(share, out_low, out_high, bend, clamp)}


def placed(share: np.ndarray, low: float, high: float, bend: float, clamp: bool) -> np.ndarray:
    """What lies at `share` (0..1) of a range, float32; beyond its ends too unless `clamp`."""
    if clamp:
        share = np.clip(share, 0.0, 1.0)
    if bend != 1.0:
        share = np.copysign(np.abs(share) ** bend, share)
    return (low + (high - low) * share).astype(np.float32)


class Calibrate(StreamNode):
    """Stretches each dimension from the range that it was seen to have to the range that you want. Let it learn, make your
    largest and smallest gestures, and switch *learn* off. Switched on again it begins anew; what it has learnt is forgotten when
    the patch is closed."""

    spec = NodeSpec(
        type="control.calibrate",
        title="Calibrate",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(Port("control", PortType.CONTROL, "the same dimensions, each over its whole range"),),
        params=(
            BoolParam(name="learn", default=True, doc="the range grows with what is seen"),
            FloatParam(name="low", default=0.0, doc="what the smallest value becomes"),
            FloatParam(name="high", default=1.0, doc="what the largest value becomes"),
            FloatParam(
                name="least",
                default=0.02,
                low=1e-6,
                high=1e6,
                log=True,
                doc="a range smaller than this is not stretched further: trembling stays trembling",
            ),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        self._low: np.ndarray | None = None
        self._learnt = False
        stream.name("control", stream.names["control"])

    def process(
        self, block: Block, control: np.ndarray, learn: bool, low: float, high: float, least: float
    ) -> dict[str, np.ndarray]:
        if self._low is None or (learn and not self._learnt):
            self._low = self._high = control[:, :1]
        self._learnt = learn
        lows, highs = self._low, self._high
        if learn:
            lows = np.minimum(np.minimum.accumulate(control, axis=1), self._low)
            highs = np.maximum(np.maximum.accumulate(control, axis=1), self._high)
            self._low, self._high = lows[:, -1:], highs[:, -1:]
        return {"control": placed((control - lows) / np.maximum(highs - lows, least), low, high, 1.0, True)}


TWO = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": lambda a, b: np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=b != 0),
    "power": lambda a, b: np.copysign(np.abs(a) ** b, a),
    "minimum": np.minimum,
    "maximum": np.maximum,
    "distance": lambda a, b: np.abs(a - b),
    "remainder": lambda a, b: a - b * np.floor(TWO["divide"](a, b)),
}
ONE = {
    "absolute": np.abs,
    "root": lambda a: np.copysign(np.sqrt(np.abs(a)), a),
    "sine": lambda a: np.sin(2.0 * math.pi * a),
    "round": np.round,
}


class Maths(StreamNode):
    """Computes with each dimension: of two controls, or of one and a number. Division by 0 gives 0; a power and a root keep
    the sign."""

    spec = NodeSpec(
        type="control.maths",
        title="Maths",
        inputs=(
            Port("a", PortType.CONTROL, "the first"),
            Port("b", PortType.CONTROL, "the second: one dimension, or as many as the first; else value is", optional=True),
        ),
        outputs=(Port("control", PortType.CONTROL, "the dimensions of the first, computed"),),
        params=(
            ChoiceParam(
                name="operation",
                default="multiply",
                choices=(*TWO, *ONE),
                doc="absolute, root, sine (a whole wave from 0 to 1) and round take the first only",
            ),
            FloatParam(name="value", default=1.0, doc="the second, where nothing is connected to b"),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream) -> None:
        one, two = len(stream.names["a"]), len(stream.names.get("b", ()))
        if two not in (0, 1, one):
            raise NodeError(f"b must have one dimension or {one}, as a has, got {two}; select those that you mean")
        stream.name("control", stream.names["a"])

    def process(self, block: Block, a: np.ndarray, b: np.ndarray | None, operation: str, value: float) -> dict[str, np.ndarray]:
        one = a.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if operation in ONE:
                made = ONE[operation](one)
            else:
                made = TWO[operation](one, np.float64(value) if b is None else b.astype(np.float64))
        return {"control": np.clip(made, -LARGEST, LARGEST).astype(np.float32)}


SUMMARIES = {
    "mean": lambda control: control.mean(axis=0),
    "sum": lambda control: control.sum(axis=0),
    "largest": lambda control: control.max(axis=0),
    "smallest": lambda control: control.min(axis=0),
    "length": lambda control: np.sqrt(np.square(control).sum(axis=0)),
    "spread": lambda control: control.max(axis=0) - control.min(axis=0),
}


class Summary(StreamNode):
    """Makes one number of all dimensions: their mean, sum, largest or smallest, how long they are as an arrow, or how far
    apart."""

    spec = NodeSpec(
        type="control.summary",
        title="Summary",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(Port("control", PortType.CONTROL, "one dimension"),),
        params=(
            ChoiceParam(name="of", default="mean", choices=tuple(SUMMARIES), doc="what is made of all dimensions"),
            TextParam(name="name", default="", doc="what it is called; empty: summary", live=False),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream, name: str) -> None:
        stream.name("control", (name.strip() or "summary",))

    def process(self, block: Block, control: np.ndarray, of: str) -> dict[str, np.ndarray]:
        made = SUMMARIES[of](control.astype(np.float64))
        return {"control": np.clip(made, -LARGEST, LARGEST).astype(np.float32)[None]}


class Speed(StreamNode):
    """How fast a gesture moves: the slope of each dimension in its units a second, over a short window, since a camera gives new
    values in jumps. *speed* is the length of all slopes together: how much is going on."""

    spec = NodeSpec(
        type="control.speed",
        title="Speed",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(
            Port("slope", PortType.CONTROL, "each dimension's change in a second, up is positive"),
            Port("speed", PortType.CONTROL, "one dimension, never negative"),
        ),
        params=(
            FloatParam(
                name="window",
                default=100.0,
                low=2.0,
                high=LONGEST,
                unit="ms",
                log=True,
                doc="longer than three pictures of the camera; longer is calmer and later",
            ),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        names = stream.names["control"]
        self._rate = stream.sample_rate / STEP
        self._most = math.ceil(LONGEST * self._rate / 1000.0)
        self._past: np.ndarray | None = None
        stream.name("slope", tuple(f"{name}_slope" for name in names))
        stream.name("speed", ("speed",))

    def process(self, block: Block, control: np.ndarray, window: float) -> dict[str, np.ndarray]:
        if self._past is None:  # it was where it is: no speed at the beginning
            self._past = np.repeat(control[:, :1], self._most, axis=1)
        whole = np.concatenate([self._past, control], axis=1)
        steps = min(max(round(window * self._rate / 1000.0), 1), self._most)
        before = whole[:, self._most - steps : self._most - steps + block.steps]
        slope = (control - before) * np.float32(self._rate / steps)
        self._past = whole[:, block.steps :]
        return {"slope": slope, "speed": np.sqrt(np.square(slope).sum(axis=0, keepdims=True))}
