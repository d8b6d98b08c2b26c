"""What each live node costs: `python -m tests.bench_nodes` prints it for a block of 512 frames, over the whole registry.

The mean over a second of blocks and the longest of them; of each block the best of several tries, since a busy machine only ever
adds time. Sounds have two channels. Trackers are measured in pictures."""

from __future__ import annotations

import inspect
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.registry import discover
from runtime.spec import FloatParam, PathParam, PortType
from tests import media

RATE, FRAMES = 44100, 512
BLOCKS = 88
"""A second; a multiple of the eight blocks over which a convolution spreads its work."""
TRIES = 15
LIMIT = 0.2
"""ms that a node may take for a block, unless it is neural."""
NAMES = tuple(f"x{number}" for number in range(13))
"""As many dimensions as a face has."""
ELSEWHERE = {
    "control.midi": "waits for a controller",
    "control.midi_out": "sends to a controller",
    "control.osc": "waits for packets",
    "take.gesture": "needs a take",
    "vision.camera": "waits for a camera",
}
"""Nodes that are not measured here; those that need artifacts are neither."""


def files(folder: Path) -> dict[str, dict[str, Any]]:
    """Params of nodes that need a file."""
    random = np.random.default_rng(0)
    soundfile.write(folder / "sound.wav", random.uniform(-0.5, 0.5, (10 * RATE, 2)), RATE)
    soundfile.write(folder / "room.wav", random.standard_normal((3 * RATE, 2)) * 0.1, RATE)
    rows = "\n".join(f"{number / 30},{number % 7}" for number in range(3000))
    (folder / "curve.csv").write_text(f"seconds,x\n{rows}\n")
    return {
        "audio.player": {"path": "sound.wav", "loop": True},
        "audio.convolution": {"path": "room.wav"},
        "audio.recorder": {"path": "take.wav"},
        "control.curve": {"path": "curve.csv", "loop": True},
        "control.sliders": {"names": "a b c d e f g h"},
        "control.noise": {"names": " ".join(NAMES)},
        "control.walk": {"names": " ".join(NAMES)},
    }


def cost(cls: type[StreamNode], params: dict[str, Any], folder: Path, moving: bool) -> tuple[float, float]:
    """ms for a block, the mean and the longest; `moving`: all smooth params move in every block."""
    node, spec, random = cls(), cls.spec, np.random.default_rng(0)
    values = {param.name: param.coerce(params.get(param.name, param.default)) for param in spec.params}
    for param in spec.params:
        if isinstance(param, PathParam):
            values[param.name] = folder / values[param.name] if values[param.name] else None
    names = {port.name: NAMES for port in spec.inputs if port.type is PortType.CONTROL}
    node.prepare(Stream(RATE, FRAMES, 0, True, folder, names), **{p.name: values[p.name] for p in spec.params if not p.live})
    sounds = [(random.uniform(-0.5, 0.5, (2, FRAMES)) * np.hanning(BLOCKS)[n]).astype(np.float32) for n in range(BLOCKS)]
    gestures = [random.standard_normal((len(NAMES), FRAMES // STEP)).astype(np.float32) for _ in range(BLOCKS)]
    ports, smooth = {port.name: port for port in spec.inputs}, {p.name for p in spec.params if getattr(p, "smooth", False)}
    ramps = {p.name: ramp(p, values[p.name]) for p in spec.params if isinstance(p, FloatParam) and p.name in smooth}
    block = Block(FRAMES)

    def argument(name: str, number: int) -> Any:
        if name in ports:
            one = (sounds if ports[name].type is PortType.AUDIO else gestures)[number]
            return (one, one) if ports[name].many else one
        return ramps[name] if moving and name in ramps else values[name]

    order = [name for name in inspect.signature(node.process).parameters if name != "block"]
    given = [tuple(argument(name, number) for name in order) for number in range(BLOCKS)]
    best = np.full(BLOCKS, np.inf)
    for _ in range(TRIES):
        for number, arguments in enumerate(given):
            began = time.perf_counter()
            node.process(block, *arguments)
            best[number] = min(best[number], time.perf_counter() - began)
            block.start += FRAMES
            block.master.clear()
    node.close()
    return 1000.0 * float(best.mean()), 1000.0 * float(best.max())


def ramp(param: FloatParam, value: float) -> np.ndarray:
    """A knob on its way from its default a little up."""
    return np.linspace(value, param.coerce(value * 1.1 + 0.05), FRAMES, dtype=np.float32)


def tracker_cost(cls: type[StreamNode], picture: np.ndarray, pictures: int = 60) -> float:
    """ms of CPU of all threads for a picture that a tracker looks at, offline: nothing else is waited for."""
    node, block = cls(), Block(FRAMES)
    values = {param.name: param.default for param in cls.spec.params}
    fixed = {
        p.name: values[p.name] or None if isinstance(p, PathParam) else values[p.name] for p in cls.spec.params if not p.live
    }
    node.prepare(Stream(RATE, FRAMES, 0, True, Path()), **fixed)
    live = [values[name] for name in inspect.signature(node.process).parameters if name not in ("block", "image")]
    for _ in range(5):
        node.process(block, picture.copy(), *live)
    began = time.process_time()
    for number in range(pictures):
        node.process(block, np.roll(picture, number % 7, axis=1), *live)
    took = time.process_time() - began
    node.close()
    return 1000.0 * took / pictures


def main() -> None:
    os.environ["GLASSPATCH_CONFIG"] = tempfile.mkdtemp()
    registry, slow = discover("nodes"), []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given = files(folder)
        print(f"{'node':24} {'at rest':>9} {'longest':>9} {'moving':>9} {'longest':>9}   ms for a block of {FRAMES} frames")
        for name, cls in sorted(registry.nodes.items()):
            spec = cls.spec
            types = {port.type for port in (*spec.inputs, *spec.outputs)}
            if not issubclass(cls, StreamNode) or name in ELSEWHERE or not all(kind.is_stream for kind in types):
                continue
            if PortType.IMAGE in types:
                continue
            try:
                found = [cost(cls, given.get(name, {}), folder, moving) for moving in (False, True)]
            except NodeError as error:  # it must be taught first, or be given a model
                print(f"{name:24} not measured: {error}")
                continue
            mean = max(found[0][0], found[1][0])
            slow += [name] if mean > LIMIT else []
            figures = " ".join(f"{figure:9.3f}" for pair in found for figure in pair)
            print(f"{name:24} {figures}{'   above ' + str(LIMIT) if mean > LIMIT else ''}")
        picture = media.face_picture({}, (640, 480))
        print(f"\n{'tracker':24} {'ms':>9} {'cores':>9}   for a picture of 640x480, and at 30 pictures a second")
        for name, cls in sorted(registry.nodes.items()):
            if any(port.type is PortType.IMAGE for port in cls.spec.inputs):
                took = tracker_cost(cls, picture)
                print(f"{name:24} {took:9.2f} {took * 0.03:9.3f}")
    print("none is too slow" if not slow else f"too slow: {', '.join(slow)}")


if __name__ == "__main__":
    main()
