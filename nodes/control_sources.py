"""Controls by hand and by chance: sliders, a pad, seeded noise and a seeded walk."""

from __future__ import annotations

import math

import numpy as np

from nodes.control import at_steps, words_of
from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, Port, PortType, TextParam

MOST = 8
"""Sliders of one node; Join makes one gesture of several nodes."""
ROWS = 256
"""Random values drawn at once."""

LOW = FloatParam(name="low", default=0.0, doc="the value at 0")
HIGH = FloatParam(name="high", default=1.0, doc="the value at 1")


class Sliders(StreamNode):
    """Up to eight sliders, each a dimension with a name of its own. They can be moved in the window, by MIDI or OSC, and by
    scenes."""

    spec = NodeSpec(
        type="control.sliders",
        title="Sliders",
        outputs=(Port("control", PortType.CONTROL, "one dimension for each name, from low to high"),),
        params=(
            TextParam(name="names", default="a b c d", doc="what the sliders are called: one to eight words", live=False),
            *(
                FloatParam(name=f"s{n}", default=0.5, low=0.0, high=1.0, smooth=True, doc=f"slider {n}, 0 to 1")
                for n in range(1, MOST + 1)
            ),
            LOW,
            HIGH,
        ),
    )

    def prepare(self, stream: Stream, names: str) -> None:
        found = words_of(names)
        if not 1 <= len(found) <= MOST:
            raise NodeError(f"names must be one to {MOST} words, got {len(found)}; use a second node for more, and join them")
        self._count = len(found)
        stream.name("control", found)

    def process(
        self, block: Block, s1: float, s2: float, s3: float, s4: float, s5: float, s6: float, s7: float, s8: float,
        low: float, high: float,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        shares = (s1, s2, s3, s4, s5, s6, s7, s8)[: self._count]
        rows = np.stack([at_steps(share, block.steps) for share in shares])
        return {"control": (low + (high - low) * rows).astype(np.float32)}


class Pad(StreamNode):
    """A place in a square: two dimensions under one hand. Play it with the mouse in the window, by MIDI or OSC, or by scenes."""

    spec = NodeSpec(
        type="control.pad",
        title="XY pad",
        outputs=(Port("control", PortType.CONTROL, "across and up, from low to high"),),
        params=(
            TextParam(name="names", default="x y", doc="what across and up are called: two words", live=False),
            FloatParam(name="x", default=0.5, low=0.0, high=1.0, smooth=True, doc="0 is left, 1 right"),
            FloatParam(name="y", default=0.5, low=0.0, high=1.0, smooth=True, doc="0 is below, 1 above"),
            LOW,
            HIGH,
        ),
    )

    def prepare(self, stream: Stream, names: str) -> None:
        found = words_of(names)
        if len(found) != 2:
            raise NodeError(f"names must be two words, one for across and one for up, got {names!r}")
        stream.name("control", found)

    def process(
        self, block: Block, x: float | np.ndarray, y: float | np.ndarray, low: float, high: float
    ) -> dict[str, np.ndarray]:
        rows = np.stack([at_steps(x, block.steps), at_steps(y, block.steps)])
        return {"control": (low + (high - low) * rows).astype(np.float32)}


class Noise(StreamNode):
    """Random values, so many in a second, each as likely as any other between low and high. The node's seed decides them: the
    same patch gives the same ones each time."""

    spec = NodeSpec(
        type="control.noise",
        title="Random values",
        outputs=(Port("control", PortType.CONTROL, "one dimension for each name, from low to high"),),
        params=(
            TextParam(name="names", default="noise", doc="what the dimensions are called", live=False),
            FloatParam(name="rate", default=2.0, low=0.0, high=200.0, unit="Hz", doc="new values in a second"),
            ChoiceParam(
                name="way",
                default="smooth",
                choices=("smooth", "line", "jump"),
                doc="how it gets from one value to the next",
            ),
            LOW,
            HIGH,
        ),
    )

    def prepare(self, stream: Stream, names: str) -> None:
        self._names = words_of(names) or ("noise",)
        self._seed, self._sample_rate = stream.seed, stream.sample_rate
        self._origin, self._turns, self._rate = 0, 0.0, 0.0
        self._drawn, self._table = -1, np.zeros((len(self._names), ROWS + 1))
        stream.name("control", self._names)

    def process(self, block: Block, rate: float, way: str, low: float, high: float) -> dict[str, np.ndarray]:
        if rate != self._rate:  # goes on from where it was
            self._turns += self._rate * (block.start - self._origin) / self._sample_rate
            self._origin, self._rate = block.start, rate
        frames = block.start - self._origin + STEP * np.arange(block.steps)
        turns = self._turns + rate * frames / self._sample_rate
        whole = np.floor(turns).astype(np.int64)
        part = turns - whole
        if way == "jump":
            part = np.zeros(block.steps)
        elif way == "smooth":
            part = part * part * (3.0 - 2.0 * part)
        one, two = self._values(whole)
        share = one + (two - one) * part
        return {"control": (low + (high - low) * share).astype(np.float32)}

    def _values(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The random values of these numbers and of the next ones, 0..1, float64 [dims, numbers] each."""
        pages = numbers // ROWS
        one, two = np.empty((2, len(self._names), len(numbers)))
        for page in range(int(pages[0]), int(pages[-1]) + 1):
            if page != self._drawn:
                self._drawn, self._table = page, self._page(page)
            here = pages == page
            places = numbers[here] - page * ROWS
            one[:, here], two[:, here] = self._table[:, places], self._table[:, places + 1]
        return one, two

    def _page(self, page: int) -> np.ndarray:
        """The values of a page and the first of the next, whichever was drawn before: seeking must not change them."""
        this, after = (
            np.random.default_rng([self._seed, number]).random((len(self._names), ROWS)) for number in (page, page + 1)
        )
        return np.concatenate([this, after[:, :1]], axis=1)


class Walk(StreamNode):
    """A random walk: it strays from where it is, and turns back at low and high. The node's seed decides it: the same patch walks
    the same way each time."""

    spec = NodeSpec(
        type="control.walk",
        title="Random walk",
        outputs=(Port("control", PortType.CONTROL, "one dimension for each name, from low to high"),),
        params=(
            TextParam(name="names", default="walk", doc="what the dimensions are called", live=False),
            FloatParam(
                name="speed",
                default=0.2,
                low=0.0,
                high=10.0,
                doc="how far it strays in a second, in parts of the way from low to high (standard deviation)",
            ),
            LOW,
            HIGH,
        ),
    )

    def prepare(self, stream: Stream, names: str) -> None:
        found = words_of(names) or ("walk",)
        self._random = np.random.default_rng(stream.seed)
        self._place = self._random.random((1, len(found)))
        self._each = math.sqrt(STEP / stream.sample_rate)
        stream.name("control", found)

    def process(self, block: Block, speed: float, low: float, high: float) -> dict[str, np.ndarray]:
        # Step by step in one stream of random numbers, so that the block's length does not matter.
        moves = self._random.standard_normal((block.steps, self._place.shape[1]))
        places = np.cumsum(np.concatenate([self._place, speed * self._each * moves]), axis=0)[1:]
        self._place = places[-1:] % 2.0  # the walls are mirrors: a place and its mirror image are the same
        share = 1.0 - np.abs(places % 2.0 - 1.0)
        return {"control": (low + (high - low) * share.T).astype(np.float32)}
