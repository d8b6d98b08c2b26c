"""Latents on their way to a model: named by the artist, scaled and shifted, recorded as a loop and played again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import BoolParam, FloatParam, NodeSpec, Port, PortType, TextParam

LONGEST = 120.0
"""Seconds of the longest loop: 16 latents then take 5 MB."""
LATENT = Port("latent", PortType.CONTROL, "one dimension per latent")


def names_in(words: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names with the first of them replaced by those in `words`, which commas part; an empty place keeps its name. Raises
    NodeError for too many, and where two would be the same."""
    said = [word.strip() for word in words.split(",")] if words.strip() else []
    if len(said) > len(names):
        raise NodeError(f"there are {len(said)} names for {len(names)} latents: {', '.join(said)}; leave some out")
    found = tuple(said[number] if number < len(said) and said[number] else name for number, name in enumerate(names))
    twice = next((name for name in said if name and found.count(name) > 1), None)
    if twice is not None:
        raise NodeError(f"two latents would be called {twice}; call one of them otherwise")
    return found


def numbers_in(words: str, param: str, default: float, names: Sequence[str], called: Sequence[str]) -> np.ndarray:
    """A number for each latent, [latents], from words like "gravel=2 z3=0.5", by what a latent is called now or was before; the
    others are `default`. Raises NodeError."""
    found = np.full(len(names), default)
    for word in words.replace(",", " ").split():
        name, _, value = word.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise NodeError(f"{param} must be names and numbers like gravel=2 z3=0.5, got {word!r}")
        if name not in called and name not in names:
            raise NodeError(f"{param} speaks of {name!r}, but the latents are {', '.join(called)}")
        found[called.index(name) if name in called else names.index(name)] = number
    return found


class Latents(StreamNode):
    """Gives latents the names that you call them by, like gravel or breath, and makes each of them larger or smaller, and shifts
    it. The names go on to sliders, plots, OSC and files."""

    spec = NodeSpec(
        type="rave.latents",
        title="Latents",
        inputs=(LATENT,),
        outputs=(Port("latent", PortType.CONTROL, "the same latents under their names, scaled and shifted"),),
        params=(
            TextParam(name="names", doc="what they are called, from the first on: gravel, breath, , low", live=False),
            FloatParam(name="scale", default=1.0, low=-10.0, high=10.0, doc="all of them times this"),
            FloatParam(name="bias", default=0.0, low=-10.0, high=10.0, doc="then this is added to all of them"),
            TextParam(name="scales", doc="times this as well, for some: gravel=2 z3=0.5", live=False),
            TextParam(name="biases", doc="this is added as well, for some: gravel=-1", live=False),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream, names: str, scales: str, biases: str) -> None:
        given = tuple(stream.names["latent"])
        called = names_in(names, given)
        self._scales = numbers_in(scales, "scales", 1.0, given, called).astype(np.float32)[:, None]
        self._biases = numbers_in(biases, "biases", 0.0, given, called).astype(np.float32)[:, None]
        stream.name("latent", called)

    def process(self, block: Block, latent: np.ndarray, scale: float, bias: float) -> dict[str, np.ndarray]:
        made = latent * (self._scales * np.float32(scale))
        made += self._biases + np.float32(bias)
        return {"latent": made}


class LatentLoop(StreamNode):
    """A loop of latents, as a looper pedal has of sound: switch record on, play with your gesture, switch it off, and what you
    did comes again and again, faster, slower or backwards, while your hands and face are free. With play off you are heard
    again; the loop stays until the next recording."""

    spec = NodeSpec(
        type="rave.loop",
        title="Latent loop",
        inputs=(LATENT,),
        outputs=(
            Port("latent", PortType.CONTROL, "what comes in; while a loop plays, the loop"),
            Port("place", PortType.CONTROL, "where in the loop it is, 0 to 1; while it is recorded, the seconds"),
        ),
        params=(
            BoolParam(name="record", default=False, doc="remember what comes in, from now on; switched off, the loop plays"),
            BoolParam(name="play", default=True, doc="let the loop be heard, if there is one"),
            FloatParam(name="speed", default=1.0, low=-4.0, high=4.0, doc="how fast the loop plays; below 0 backwards, 0 stands"),
            FloatParam(
                name="seam",
                default=100.0,
                low=0.0,
                high=2000.0,
                unit="ms",
                doc="how long its end takes to come back to its start",
            ),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        self._rate = stream.sample_rate / STEP
        self._room = int(LONGEST * self._rate)
        self._kept: np.ndarray | None = None
        self._count = 0
        self._recording = False
        self._place = 0.0
        names = stream.names["latent"]
        stream.name("latent", names)
        stream.name("place", ("place",))
        self._kept = np.zeros((len(names), self._room), np.float32)
        self._loop = self._kept[:, :0]

    def process(
        self, block: Block, latent: np.ndarray, record: bool, play: bool, speed: float, seam: float
    ) -> dict[str, np.ndarray]:
        if record:
            return self._remember(latent)
        if self._recording:
            self._recording = False
            self._loop = closed(self._kept[:, : self._count], round(seam * 1e-3 * self._rate))
            self._place = 0.0
        length, steps = self._loop.shape[1], latent.shape[1]
        if not (play and length):
            return {"latent": latent.copy(), "place": np.zeros((1, steps), np.float32)}
        places = (self._place + speed * np.arange(steps + 1)) % length
        self._place = float(places[-1])
        places = places[:-1]
        first = places.astype(int)
        share = (places - first).astype(np.float32)
        made = self._loop[:, first % length] * (1.0 - share) + self._loop[:, (first + 1) % length] * share
        return {"latent": made.astype(np.float32), "place": (places / length).astype(np.float32)[None]}

    def _remember(self, latent: np.ndarray) -> dict[str, np.ndarray]:
        if not self._recording:
            self._recording, self._count = True, 0
        steps = latent.shape[1]
        taken = min(steps, self._room - self._count)
        self._kept[:, self._count : self._count + taken] = np.nan_to_num(latent[:, :taken])
        seconds = np.minimum(self._count + np.arange(steps), self._room) / self._rate
        self._count += taken
        return {"latent": latent.copy(), "place": seconds.astype(np.float32)[None]}


def closed(recorded: np.ndarray, seam: int) -> np.ndarray:
    """A loop [dims, n] whose last `seam` steps (half of it at most) go over to its first value, so that it does not jump."""
    loop = recorded.copy()
    steps = min(seam, loop.shape[1] // 2)
    if steps:
        share = np.arange(1, steps + 1, dtype=np.float32) / steps
        loop[:, -steps:] += (loop[:, :1] - loop[:, -steps:]) * share
    return loop
