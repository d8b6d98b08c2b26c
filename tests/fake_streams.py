"""Small stream nodes with numbers that can be computed by hand, for the engine's tests."""

from __future__ import annotations

import time

import numpy as np

from runtime.engine import Engine
from runtime.node import Block, Stream, StreamNode
from runtime.patch import Link, Node, Patch
from runtime.plan import Plan, compile_patch
from runtime.registry import Registry
from runtime.spec import BoolParam, FloatParam, NodeSpec, Port, PortType, TextParam

AUDIO = Port("audio", PortType.AUDIO, "sound")


class Count(StreamNode):
    """Gives the number of each frame since it was prepared, times a step."""

    spec = NodeSpec(
        type="fake.count",
        title="Count",
        outputs=(AUDIO,),
        params=(FloatParam(name="step", default=1.0), TextParam(name="label", live=False)),
    )

    def prepare(self, stream: Stream, label: str) -> None:
        self.frame, self.closed = 0, False

    def process(self, block: Block, step: float) -> dict[str, np.ndarray]:
        frames = np.arange(self.frame, self.frame + block.frames)
        self.frame += block.frames
        return {"audio": (step * frames).astype(np.float32)[None]}

    def close(self) -> None:
        self.closed = True


class Level(StreamNode):
    """A steady value, smoothed; the sound passes through, multiplied by it."""

    spec = NodeSpec(
        type="fake.level",
        title="Level",
        inputs=(Port("audio", PortType.AUDIO, "sound", optional=True),),
        outputs=(AUDIO,),
        params=(FloatParam(name="level", default=0.5, low=-10, high=10, smooth=True),),
    )

    def process(self, block: Block, audio: np.ndarray | None, level: float | np.ndarray) -> dict[str, np.ndarray]:
        one = np.ones((1, block.frames), np.float32) if audio is None else audio
        return {"audio": (one * level).astype(np.float32)}


class Sum(StreamNode):
    """Adds any number of sounds."""

    spec = NodeSpec(
        type="fake.sum",
        title="Sum",
        inputs=(Port("audio", PortType.AUDIO, "sounds", many=True),),
        outputs=(AUDIO,),
        pure=True,
    )

    def process(self, block: Block, audio: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        return {"audio": sum(audio, np.zeros((1, block.frames), np.float32))}


class Keep(StreamNode):
    """Passes a sound on and keeps the sum of all samples so far: a NaN would stay in it for ever."""

    spec = NodeSpec(type="fake.keep", title="Keep", inputs=(AUDIO,), outputs=(AUDIO,))

    def prepare(self, stream: Stream) -> None:
        self.kept = 0.0

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        self.kept += float(audio.sum())
        return {"audio": audio.copy()}


class Back(StreamNode):
    """Passes on what came in one block ago."""

    spec = NodeSpec(
        type="fake.back", title="Back", inputs=(Port("audio", PortType.AUDIO, "sound", delayed=True),), outputs=(AUDIO,)
    )

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        return {"audio": audio.copy()}


class Faulty(StreamNode):
    """A steady 0.5 that breaks when it is told to: raises, or gives NaN, infinity, float64, too few frames."""

    spec = NodeSpec(
        type="fake.faulty",
        title="Faulty",
        inputs=(Port("audio", PortType.AUDIO, "what a bypass lets through", optional=True),),
        outputs=(AUDIO,),
        params=(TextParam(name="fault"), BoolParam(name="unready", default=False, live=False)),
    )

    def prepare(self, stream: Stream, unready: bool) -> None:
        if unready:
            raise OSError(28, "No space left on device")

    def process(self, block: Block, audio: np.ndarray | None, fault: str) -> dict[str, np.ndarray]:
        sound = np.full((1, block.frames), 0.5, np.float32)
        if fault == "raise":
            raise ValueError("the lamp is out")
        if fault in ("nan", "inf", "-inf", "1e9"):
            sound[0, -1] = float(fault)
        return {"audio": sound.astype(np.float64) if fault == "float64" else sound[:, :-1] if fault == "short" else sound}


class Busy(StreamNode):
    """Takes its time."""

    spec = NodeSpec(type="fake.busy", title="Busy", outputs=(AUDIO,))
    wait = 0.002

    def process(self, block: Block) -> dict[str, np.ndarray]:
        time.sleep(self.wait)
        return {"audio": np.zeros((1, block.frames), np.float32)}


class Gesture(StreamNode):
    """Two named control dimensions that tell the frame of each step."""

    spec = NodeSpec(
        type="fake.gesture",
        title="Gesture",
        outputs=(Port("control", PortType.CONTROL, "numbers"),),
        params=(TextParam(name="names", default="left right", live=False),),
    )

    def prepare(self, stream: Stream, names: str) -> None:
        stream.name("control", names.split())
        self.rows = len(names.split())
        stream.delay(100)

    def process(self, block: Block) -> dict[str, np.ndarray]:
        steps = block.start + np.arange(block.steps) * block.frames / block.steps
        return {"control": np.repeat(steps[None], self.rows, axis=0).astype(np.float32)}


class Calm(StreamNode):
    """Passes control on under the same names, and remembers which those were."""

    spec = NodeSpec(
        type="fake.calm",
        title="Calm",
        inputs=(Port("control", PortType.CONTROL, "numbers"),),
        outputs=(Port("control", PortType.CONTROL, "the same"),),
    )

    def prepare(self, stream: Stream) -> None:
        self.names = stream.names["control"]
        stream.name("control", self.names)
        stream.delay(50)

    def process(self, block: Block, control: np.ndarray) -> dict[str, np.ndarray]:
        return {"control": control.copy()}


class Voice(StreamNode):
    """Makes a sound of the first dimension."""

    spec = NodeSpec(type="fake.voice", title="Voice", inputs=(Port("control", PortType.CONTROL, "heights"),), outputs=(AUDIO,))

    def prepare(self, stream: Stream) -> None:
        stream.delay(25)

    def process(self, block: Block, control: np.ndarray) -> dict[str, np.ndarray]:
        return {"audio": np.repeat(control[:1], block.frames // control.shape[1], axis=1)}


class Out(StreamNode):
    """Plays."""

    spec = NodeSpec(type="fake.out", title="Out", inputs=(AUDIO,))

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        block.play(audio)
        return {}


def registry() -> Registry:
    found = Registry()
    for node in (Count, Level, Sum, Keep, Back, Faulty, Busy, Gesture, Calm, Voice, Out):
        found.add(node)
    return found


def patch(nodes: dict[str, str | tuple[str, dict[str, object]]], *links: str, block: int = 64, **settings: object) -> Patch:
    """A patch in short: {"name": "type" or ("type", params)} and links "a.audio -> b.audio"."""
    made = {}
    for name, what in nodes.items():
        kind, params = (what, {}) if isinstance(what, str) else what
        made[name] = Node(f"fake.{kind}", params=params)
    wires = tuple(Link(*(end.strip() for end in link.split("->"))) for link in links)
    return Patch({"sample_rate": 8000, "block": block, "seed": 0, **settings}, made, wires)


def plan(*arguments: object, **named: object) -> Plan:
    compiled = compile_patch(patch(*arguments, **named), registry())  # type: ignore[arg-type]
    assert compiled.problems == ()
    return compiled


def playing(*arguments: object, **named: object) -> Engine:
    """An engine that plays the patch."""
    compiled = plan(*arguments, **named)
    engine = Engine(compiled.settings)
    assert engine.load(compiled) == []
    return engine


def rendered(engine: Engine, blocks: int) -> np.ndarray:
    return np.concatenate([engine.render().copy() for _ in range(blocks)], axis=1)
