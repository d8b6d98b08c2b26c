"""How long from a face that moves to a sound that answers: `python -m tests.motion BLOCK LATENCY [MODEL]`.

A synthetic camera flips a mouth, what the real sound server plays is recorded. MODEL is demo (the demo's own, a trained
raspberry), or a config of RAVE (v2_small, v2): the same network untrained, which takes as long from a latent to its sound."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from runtime import messages as say
from runtime.artifacts import RECORD, fingerprint
from runtime.jobs import limit_threads
from runtime.live import Live
from runtime.trust import trust
from runtime.worker import Order
from tests.camera import SyntheticCamera
from tests.sound_server import CARD, RATE, sound_server
from tests.stage import set_stage

WINDOW = 128
"""Frames over which loudness is taken: 3 ms."""
FLIPS = 40
STARTING = 60.0
"""Seconds that a busy machine may take until the sound begins, or until it answers."""


LOUDER = {"v2_small": 8.0, "v2": 16.0}
"""What makes an untrained decoder as loud as a trained one."""


def build(config: str, path: Path) -> None:
    """Writes an untrained model of 8 latents, none of them dropped (they would be filled with noise). Its loudness answers its
    latents: without biases a network of leaky ReLUs is as much louder as they are larger."""
    import torch

    from nodes.rave_package import Training, export, quiet
    from nodes.rave_package import build as build_rave

    training = Training(config, True, 8, RATE, 1, 1, 1, 65536, 0, "")
    with quiet():
        torch.manual_seed(0)
        weights = build_rave(training).state_dict()
        (last,) = [name for name, value in weights.items() if name.startswith("decoder.") and value.shape == (32, 1, 1)]
        weights[last] = LOUDER.get(config, 1.0) * weights[last]
        export(training, weights, 8, path)


def extremes(model: Path) -> tuple[list[float], list[float], tuple[float, float]]:
    """Two targets of a model, a quiet and a loud one of those tried, and the seconds that the model itself takes from the one to
    the other and back, by the same measure as is used on stage."""
    import torch

    loaded = torch.jit.load(str(model)).eval()
    latents, ratio = int(loaded.decode_params[0]), int(loaded.decode_params[1])
    dice = np.random.default_rng(3)
    tried = [dice.uniform(-3.0, 3.0, latents).astype(np.float32) * size for size in np.linspace(0.1, 1.0, 40, dtype=np.float32)]

    def sound(target: np.ndarray, frames: int) -> np.ndarray:
        return np.concatenate([loaded.decode(torch.from_numpy(target[None, :, None])).numpy()[0, 0] for _ in range(frames)])

    with torch.inference_mode():
        count = max(RATE // ratio, 1)
        levels = [float(np.sqrt((sound(target, count)[-RATE // 3 :] ** 2).mean())) for target in tried]
        quiet, loud = tried[int(np.argmin(levels))], tried[int(np.argmax(levels))]
        sound(quiet, count)
        whole = np.concatenate([sound(target, count) for target in (quiet, loud, quiet)])
    at = count * ratio / RATE
    return quiet.tolist(), loud.tolist(), (answer(whole, at, 0.0), answer(whole, 2 * at, 0.0))


def answer(sound: np.ndarray, at: float, begin: float) -> float:
    """Seconds from `at` until the sound [frames], which begins at `begin`, has gone half of its way from the loudness before to
    the loudness after, in decibels."""
    place = round((at - begin) * RATE)
    part = sound[place - RATE // 3 : place + RATE // 2].astype(np.float64)
    power = np.convolve(part**2, np.ones(WINDOW) / WINDOW, "full")[: len(part)]
    level = 10.0 * np.log10(power + 1e-9)
    before, after = np.median(level[: RATE // 4]), np.median(level[-RATE // 6 :])
    middle = 0.5 * (before + after)
    crossed = level[RATE // 3 :] > middle if after > before else level[RATE // 3 :] < middle
    return float(np.argmax(crossed)) / RATE if abs(after - before) > 6.0 and crossed.any() else float("nan")


def measure(block: int, latency: float, model: str = "demo") -> dict[str, float]:
    """Flips the face on a real stage. In milliseconds: the median and 95th percentile of all answers, the medians of those that
    grow loud and quiet, what the model itself takes for either, and all answers without the model's share. `gaps`: the device's
    underflows and starvations meanwhile; with any, the latency does not hold."""
    limit_threads(1)  # as `glasspatch play` does: the engine inherits it
    with sound_server() as server, SyntheticCamera() as camera, tempfile.TemporaryDirectory() as folder:
        os.environ.update(server.env, GLASSPATCH_CONFIG=folder)
        path = set_stage(Path(folder), FLIPS * 1.1 + 30.0, block=block)
        trainer = Path(folder) / "demo.assets" / "trainer"
        if model != "demo":
            _put(model, trainer)
        quiet, loud, own = extremes(trainer / "model.ts")
        data = json.loads(path.read_text())
        data["nodes"]["video"] = {"type": "vision.camera", "params": {"camera": camera.address}}
        data["nodes"]["smoothing"]["params"]["time"] = 0.0
        data["nodes"]["level"]["params"]["gain"] = -6.0
        data["nodes"]["regressor"]["params"] = {"method": "knn", "neighbours": 1}
        path.write_text(json.dumps(data))
        with server.recording() as heard, Live(Order(path, path.read_text(), device=CARD, latency=latency)) as live:
            counted: list[int] = []
            faults: list[str] = []

            def wait(seconds: float) -> None:
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    for event in live.events(0.02):
                        if isinstance(event, say.Snapshot):
                            counted.append(event.counters["underflows"] + event.counters["starved"])
                        elif isinstance(event, say.Told | say.Stopped | say.NodeFailed) and getattr(event, "wrong", True):
                            faults.append(str(event))
                if faults:
                    raise RuntimeError("; ".join(faults))

            def gaps() -> int:
                known, until = len(counted), time.monotonic() + STARTING
                live.send(say.Poll())
                while len(counted) == known:
                    wait(0.1)
                    if time.monotonic() > until:
                        raise RuntimeError(f"the engine did not answer within {STARTING:g} s")
                return counted[-1]

            began = time.monotonic()
            while not live.has_played:
                wait(0.1)
                if time.monotonic() - began > STARTING:
                    raise RuntimeError(f"no sound within {STARTING:g} s; is the latency of {latency:g} s too short?")
            wait(4.0)
            for name in [anchor["name"] for anchor in json.loads(_examples(folder))["anchors"]]:
                live.send(say.RemoveAnchor("regressor", name))
            for what, target in (("shut", quiet), ("open", loud)):
                camera.show(what)
                wait(0.5)
                live.send(say.RecordAnchor("regressor", what, {f"z{n}": value for n, value in enumerate(target)}))
                wait(0.7)
                live.send(say.EndAnchor())
                wait(1.0)
            dice = np.random.default_rng(0)
            flips = []
            before = gaps()
            for number in range(FLIPS):
                flips.append(camera.show("open" if number % 2 else "shut"))
                wait(1.0 + float(dice.uniform(0.0, 0.1)))
            wait(0.5)
            during = gaps() - before
            # The recorder hears each frame when the card plays it; the latest of its news tells best when that was.
            begin = min(when - frames / RATE for frames, when in heard.times)
            late = 1000.0 * np.array([answer(heard.sound[:, 0], at, begin) for at in flips[1:-1]])
    share = 1000.0 * np.array([own[number % 2] for number in range(len(late))])
    found = np.isfinite(late)
    if not found.any():
        raise RuntimeError(f"none of {len(late)} flips was answered by the sound; gaps {during}")
    return {
        "heard": int(found.sum()),
        "of": len(late),
        "gaps": during,
        "median": float(np.median(late[found])),
        "p95": float(np.percentile(late[found], 95)),
        "to_loud": float(np.nanmedian(late[::2])),
        "to_quiet": float(np.nanmedian(late[1::2])),
        "model_to_loud": 1000.0 * own[0],
        "model_to_quiet": 1000.0 * own[1],
        "median_without_model": float(np.median((late - share)[found])),
        "p95_without_model": float(np.percentile((late - share)[found], 95)),
    }


def _put(config: str, trainer: Path) -> None:
    """Puts an untrained model in the place of the one that the demo's trainer made."""
    build(config, trainer / "model.ts")
    trust(trainer / "model.ts")
    record = json.loads((trainer / RECORD).read_text())
    record["outputs"]["model"]["fingerprint"] = fingerprint(trainer / "model.ts")
    (trainer / RECORD).write_text(json.dumps(record))


def _examples(folder: str) -> str:
    return (Path(folder) / "demo.assets" / "regressor" / "examples.json").read_text()


if __name__ == "__main__":
    figures = measure(int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:])
    print(", ".join(f"{what} {value:.0f}" for what, value in figures.items()))
