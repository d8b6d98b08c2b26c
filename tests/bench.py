"""The figures: `make bench` prints them as a table, with one thread for numpy as in the engine.

Ratios and differences within one run, the best of several tries each, since a busy machine only ever adds time."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from nodes.vision_face import FEATURES
from runtime.engine import Engine
from runtime.feed import Feed, inside
from runtime.jobs import flush_denormals
from runtime.node import Block, Stream, StreamNode
from runtime.patch import Link, Node, Patch
from runtime.plan import compile_patch
from runtime.registry import Registry, discover
from runtime.spec import FloatParam, NodeSpec, Port, PortType
from runtime.takes.replay import OtherModels
from runtime.terminal.open import NODES, open_patch

ROOT = Path(__file__).resolve().parent.parent
PICTURES = 30
"""That a camera gives in a second: as often a patch that is played has a new gesture."""


class Nothing(StreamNode):
    """Computes nothing: gives the same silent block each time."""

    spec = NodeSpec(
        type="bench.nothing",
        title="Nothing",
        inputs=(Port("audio", PortType.AUDIO, optional=True),),
        outputs=(Port("audio", PortType.AUDIO),),
        params=(FloatParam(name="amount", default=0.0),),
    )

    def prepare(self, stream: Stream) -> None:
        self.made = {"audio": np.zeros((1, stream.block), np.float32)}

    def process(self, block: Block, audio: np.ndarray | None, amount: float) -> dict[str, np.ndarray]:
        return self.made


def best(measure: Callable[[], float], tries: int = 7) -> float:
    return min(measure() for _ in range(tries))


def seconds(call: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


def work(call: Callable[[], object]) -> float:
    """Seconds of processor time that a call takes of this thread."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def overhead_per_node() -> float:
    """Seconds that the engine adds to a node and block of 512, timing and guards included; the node's own call is subtracted."""
    registry = Registry()
    registry.add(Nothing)

    def engine_of(count: int) -> Engine:
        nodes = {f"n{number:03}": Node("bench.nothing") for number in range(count)}
        links = tuple(Link(f"n{number:03}.audio", f"n{number + 1:03}.audio") for number in range(count - 1))
        engine = Engine({"sample_rate": 44100, "block": 512, "seed": 0})
        engine.load(compile_patch(Patch(nodes=nodes, links=links), registry))
        return engine

    few, many = engine_of(1), engine_of(201)
    node = many.instance("n000")
    assert node is not None
    bare = best(lambda: seconds(lambda: node.process(None, None, 0.0), 20000))
    return (best(lambda: seconds(many.render, 300)) - best(lambda: seconds(few.render, 300))) / 200 - bare


def bank(voices: int) -> Patch:
    """Sines into gains into one mix."""
    nodes, links = {"mix": Node("audio.mix")}, []
    for number in range(voices):
        nodes[f"sine{number:03}"] = Node("audio.oscillator", params={"frequency": 100.0 + number, "level": 0.005})
        nodes[f"gain{number:03}"] = Node("audio.gain", params={"gain": -3.0})
        links += [Link(f"sine{number:03}.audio", f"gain{number:03}.audio"), Link(f"gain{number:03}.audio", "mix.audio")]
    return Patch({"block": 512}, nodes, tuple(links))


def compile_time(nodes: int) -> float:
    registry, patch = discover(NODES), bank(nodes // 2)
    return best(lambda: seconds(lambda: compile_patch(patch, registry), 1))


def times_real_time() -> float:
    """How much faster than real time 201 nodes of sine, gain and mix render at block 512."""
    plan = compile_patch(bank(100), discover(NODES))
    engine = Engine(plan.settings)
    engine.load(plan)
    seconds(engine.render, 200)
    return 512 / 44100 / best(lambda: seconds(engine.render, 430))


def decoder_over_bare() -> tuple[float, float, float]:
    """The decoder node over bare `model.decode` in inference mode, in turn: (median ratio, seconds node, seconds bare)."""
    import torch

    from runtime.artifacts import Assets
    from runtime.trust import trust

    torch.set_num_threads(1)
    artifact = Assets(ROOT / "patches" / "demo.json").artifact("trainer", "model")
    assert artifact is not None, "patches/demo.json has no model"
    trust(artifact.path)
    decoder = discover(NODES).nodes["rave.decoder"]()
    model = torch.jit.load(str(artifact.path)).eval()
    latents, ratio = int(model.decode_params[0]), int(model.decode_params[1])
    decoder.prepare(
        Stream(44100, ratio, 0, True, ROOT, {"latent": tuple(f"z{n}" for n in range(latents))}), noise="seeded", model=artifact
    )
    block, control = Block(ratio), np.zeros((latents, ratio // 64), np.float32)
    latent = torch.zeros(1, latents, 1)

    def node() -> None:
        decoder.process(block, control)
        block.start += ratio

    def bare() -> None:
        with torch.inference_mode():
            model.decode(latent)

    for call in (node, bare):
        seconds(call, 20)
    pairs = [(seconds(node, 40), seconds(bare, 40)) for _ in range(25)]
    return float(np.median([a / b for a, b in pairs])), min(a for a, _ in pairs), min(b for _, b in pairs)


def untrained(config: str, path: Path) -> Path:
    """A model of 8 latents that has learnt nothing: it takes as long as one that has."""
    import torch

    from nodes.rave_package import Training, build, export, quiet
    from runtime.trust import trust

    training = Training(config, True, 16, 44100, 1, 1, 1, 65536, 0, "")
    with quiet():
        torch.manual_seed(0)
        export(training, build(training).state_dict(), 8, path)
    torch.set_num_threads(1)
    trust(path)
    return path


def live_over_bare(path: Path, block: int) -> tuple[float, float, float]:
    """A live engine of 30 nodes (the demo's chain fed with gestures, gains, a mix) that plays the model in `path`, over bare
    decodes of the same latents, in turn, at blocks of one model frame: (median ratio, seconds engine, seconds bare). Seconds of
    the thread's own work: what else runs on the machine does not count, though it empties the caches."""
    import torch

    opened = open_patch(ROOT / "patches" / "demo.json", block)
    nodes, links = dict(opened.patch.nodes), [link for link in opened.patch.links if link.target != "output.audio"]
    nodes["mix"] = Node("audio.mix")
    for number in range(9):
        nodes[f"gain{number}"] = Node("audio.gain", params={"gain": -20.0 - number})
        nodes[f"soft{number}"] = Node("audio.gain", params={"gain": -3.0})
        links += [Link("level.audio", f"gain{number}.audio"), Link(f"gain{number}.audio", f"soft{number}.audio")]
        links.append(Link(f"soft{number}.audio", "mix.audio"))
    for number in range(5):
        nodes[f"last{number}"] = Node("audio.gain", params={"gain": 0.0})
        links.append(Link(f"last{number - 1}.audio" if number else "mix.audio", f"last{number}.audio"))
    links.append(Link("last4.audio", "output.audio"))
    plan = compile_patch(Patch(opened.patch.settings, nodes, tuple(links)), opened.registry, opened.assets.patch_folder)
    feed = Feed(plan.steps["face"].spec, {"gesture": FEATURES, "confidence": ("confidence",)})
    played = inside(plan, {"face": feed})
    assets = OtherModels(opened.path, {"decoder": path})
    played = assets.with_models(played)
    engine = Engine(plan.settings, assets, offline=False)
    problems = engine.load(played)
    assert not problems and len(played.streams) == 30, (problems, len(played.streams))
    model = torch.jit.load(str(path)).eval()
    latent = torch.zeros(1, int(model.decode_params[0]), 1)
    gestures = cycle(np.random.default_rng(0).uniform(0.0, 0.4, (997, len(FEATURES))).astype(np.float32))
    pictures = 0

    decoder: Any = engine.instance("decoder")
    flush_denormals()  # as the engine's thread does

    def live() -> None:
        nonlocal pictures
        if engine.frame * PICTURES >= pictures * plan.settings["sample_rate"]:  # the camera has a new picture
            pictures += 1
            feed.put({"gesture": next(gestures)})
        engine.render()

    def bare() -> None:
        with torch.inference_mode():
            model.decode(latent)

    for call in (live, bare):
        seconds(call, 20)
    # One by one, so that both find the same caches: what else a live engine does would be in the way of the next decode anyway.
    # A pair is as many blocks as it takes until the camera has given a picture, so that each holds all that is done for one.
    blocks = math.ceil(plan.settings["sample_rate"] / PICTURES / block)
    pairs = np.zeros((300, 2))
    for pair in pairs:
        for _ in range(blocks):
            pair[0] += work(live)
            latent.copy_(decoder.latent)
            pair[1] += work(bare)
    pairs /= blocks
    # On a machine that is too busy the engine mutes the decoder for being late, and would look very quick.
    assert not engine.failed, f"no figure: {engine.failed}"
    engine.close()
    return float(np.median(pairs[:, 0] / pairs[:, 1])), float(np.median(pairs[:, 0])), float(np.median(pairs[:, 1]))


def demo_render(block: int, length: float = 4.0) -> np.ndarray:
    """The demo's performance, without its video: slow curves play the decoder."""
    opened = open_patch(ROOT / "patches" / "demo.json", block)
    nodes = {name: opened.patch.nodes[name] for name in ("trainer", "decoder", "output")}
    nodes |= {f"wave{n}": Node("control.lfo", params={"rate": 0.3 + 0.2 * n, "low": -2.0, "high": 2.0}) for n in range(3)}
    nodes["join"] = Node("control.join")
    links = [Link(f"wave{n}.control", "join.control") for n in range(3)]
    links += [
        Link("join.control", "decoder.latent"),
        Link("trainer.model", "decoder.model"),
        Link("decoder.audio", "output.audio"),
    ]
    plan = compile_patch(Patch({**opened.patch.settings, "block": block}, nodes, tuple(links)), opened.registry)
    engine = Engine(plan.settings, opened.assets)
    problems = engine.load(plan)
    assert not problems, problems
    sound = np.concatenate([engine.render().copy() for _ in range(int(length * 44100) // block)], axis=1)
    engine.close()
    return sound


def help_time() -> float:
    """Seconds from `glasspatch --help` to its end, in a process of its own."""
    return best(
        lambda: seconds(
            lambda: subprocess.run([sys.executable, "-m", "runtime.cli", "--help"], capture_output=True, check=True), 1
        )
    )


def main() -> None:
    os.environ["GLASSPATCH_CONFIG"] = tempfile.mkdtemp()
    rows = [
        ("glasspatch --help", f"{help_time():.2f} s", "< 0.5 s"),
        ("engine per trivial node and block of 512", f"{overhead_per_node() * 1e6:.2f} us", "<= 2 us"),
        ("compile 500 nodes", f"{compile_time(500) * 1e3:.1f} ms", "< 20 ms"),
        ("201 nodes sine-gain-mix at block 512", f"{times_real_time():.1f} x real time", ">= 30 x"),
    ]
    ratio, node, bare = decoder_over_bare()
    rows.append(("decoder node over bare decode", f"{ratio:.3f} ({node * 1e3:.2f} / {bare * 1e3:.2f} ms)", "<= 1.05"))
    with tempfile.TemporaryDirectory() as folder:
        for config, block in (("v2_small", 512), ("v2", 2048), ("raspberry", 2048)):
            ratio, live, bare = live_over_bare(untrained(config, Path(folder) / f"{config}.ts"), block)
            found = f"{ratio:.3f} ({live * 1e3:.2f} / {bare * 1e3:.2f} ms)"
            rows.append((f"live engine of 30 nodes over bare decode, {config}, block {block}", found, "<= 1.10"))
    sounds = {block: demo_render(block) for block in (64, 512, 2048)}
    again = hashlib.sha256(demo_render(512).tobytes()).hexdigest() == hashlib.sha256(sounds[512].tobytes()).hexdigest()
    rows.append(("twice the same seed", "the same bytes" if again else "DIFFERENT", "the same bytes"))
    length = min(sound.shape[1] for sound in sounds.values())
    apart = max(float(np.abs(sounds[block][:, :length] - sounds[512][:, :length]).max()) for block in (64, 2048))
    rows.append(
        (
            "block 64 and 2048 against 512, largest difference",
            f"{apart:.1e} (peak {np.abs(sounds[512]).max():.2f})",
            "the same sound",
        )
    )
    width = max(len(row[0]) for row in rows)
    for what, found, wanted in rows:
        print(f"{what:{width}}  {found:28}  wanted {wanted}")


if __name__ == "__main__":
    sys.exit(main())
