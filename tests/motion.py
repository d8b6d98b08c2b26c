"""How long from a face that moves to a sound that answers: a synthetic camera flips a mouth, the output is recorded."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from runtime import messages as say
from runtime.live import Live
from runtime.worker import Order
from tests.camera import SyntheticCamera
from tests.sound_server import RATE, sound_server
from tests.stage import set_stage

WINDOW = 128
"""Frames over which loudness is taken: 3 ms."""
FLIPS = 24


def extremes(model: Path) -> tuple[list[float], list[float], float]:
    """Two targets of a model, a quiet and a loud one of those tried, and the seconds that the model itself takes from one to the
    other, by the same measure as is used on stage."""
    import torch

    loaded = torch.jit.load(str(model)).eval()
    latents, ratio = int(loaded.decode_params[0]), int(loaded.decode_params[1])
    dice = np.random.default_rng(3)
    tried = [dice.uniform(-3.0, 3.0, latents).astype(np.float32) for _ in range(40)]

    def sound(target: np.ndarray, frames: int) -> np.ndarray:
        return np.concatenate([loaded.decode(torch.from_numpy(target[None, :, None])).numpy()[0, 0] for _ in range(frames)])

    with torch.inference_mode():
        count = max(RATE // ratio, 1)
        levels = [float(np.sqrt((sound(target, count)[-RATE // 3 :] ** 2).mean())) for target in tried]
        quiet, loud = tried[int(np.argmin(levels))], tried[int(np.argmax(levels))]
        sound(quiet, count)
        whole = np.concatenate([sound(quiet, count), sound(loud, count)])
    return quiet.tolist(), loud.tolist(), answer(whole, count * ratio / RATE, 0.0)


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


def measure(block: int, latency: float) -> dict[str, float]:
    """Flips the face on a real stage: milliseconds, median and 95th percentile, and the model's own share."""
    with sound_server() as server, SyntheticCamera() as camera, tempfile.TemporaryDirectory() as folder:
        os.environ.update(server.env)
        path = set_stage(Path(folder), 1.0, block=block)
        quiet, loud, own = extremes(Path(folder) / "demo.assets" / "trainer" / "model.ts")
        data = json.loads(path.read_text())
        data["nodes"]["video"] = {"type": "vision.camera", "params": {"camera": camera.address}}
        data["nodes"]["smoothing"]["params"]["time"] = 0.0
        data["nodes"]["level"]["params"]["gain"] = -6.0
        data["nodes"]["regressor"]["params"] = {"method": "knn", "neighbours": 1}
        path.write_text(json.dumps(data))
        with server.recording() as heard, Live(Order(path, path.read_text(), device="ALSA: pulse", latency=latency)) as live:

            def wait(seconds: float) -> None:
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    for event in live.events(0.02):
                        if isinstance(event, say.Told | say.Stopped) and getattr(event, "wrong", True):
                            print(event, file=sys.stderr)

            wait(6.0)
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
            for number in range(FLIPS):
                flips.append(camera.show("open" if number % 2 else "shut"))
                wait(1.0 + float(dice.uniform(0.0, 0.1)))
            wait(0.5)
            # The recorder hears each frame when the card plays it; the latest of its news tells best when that was.
            begin = min(when - frames / RATE for frames, when in heard.times)
            late = [answer(heard.sound[:, 0], at, begin) for at in flips[1:-1]]
    found = 1000.0 * np.array([value for value in late if np.isfinite(value)])
    return {
        "heard": len(found),
        "of": len(late),
        "median": float(np.median(found)) if len(found) else float("nan"),
        "p95": float(np.percentile(found, 95)) if len(found) else float("nan"),
        "model": 1000.0 * own,
    }


def _examples(folder: str) -> str:
    return (Path(folder) / "demo.assets" / "regressor" / "examples.json").read_text()


if __name__ == "__main__":
    print(measure(int(sys.argv[1]), float(sys.argv[2])))
