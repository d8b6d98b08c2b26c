"""The stage for the tests: the demo's whole chain on the left, a sample counter on the right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from runtime.trust import trust
from tests.command import ROOT

COUNTER = 2.0**24
"""The counter's step is one part of this: every number below it is a float32 of its own."""
BEGIN = 10_000
"""The counter's first number: far from silence."""
RAMP = 4000
"""Frames at the beginning in which the sound fades in and the counter is not to be read."""


def set_stage(folder: Path, seconds: float, *, block: int = 512, model: Path | None = None, **more: Any) -> Path:
    """Lays the patch out and gives its path. `more` are further nodes, {"name": (type, params)}."""
    demo = ROOT / "patches"
    shutil.copytree(demo / "demo.assets", folder / "demo.assets")
    shutil.copytree(demo / "demo", folder / "demo")
    trust(folder / "demo.assets" / "trainer" / "model.ts")
    numbers = (np.arange(BEGIN, BEGIN + round(seconds * 44100)) / COUNTER).astype(np.float32)
    soundfile.write(folder / "counter.wav", numbers, 44100, subtype="FLOAT")
    data = json.loads((demo / "demo.json").read_text())
    data["settings"]["block"] = block
    nodes, links = data["nodes"], data["links"]
    nodes |= {
        "left": {"type": "audio.pan", "params": {"place": -1.0}},
        "right": {"type": "audio.pan", "params": {"place": 1.0}},
        "counter": {"type": "audio.player", "params": {"path": "counter.wav"}},
        "mix": {"type": "audio.mix"},
    }
    nodes["level"]["params"]["gain"] = -18.0
    nodes |= {name: {"type": kind, "params": params} for name, (kind, params) in more.items()}
    links.remove(["level.audio", "output.audio"])
    links += [["level.audio", "left.audio"], ["left.audio", "mix.audio"], ["counter.audio", "right.audio"]]
    links += [["right.audio", "mix.audio"], ["mix.audio", "output.audio"]]
    path = folder / "demo.json"
    path.write_text(json.dumps(data))
    return path


def judged(heard: np.ndarray) -> dict[str, int]:
    """What is wrong with a recorded counter, float32 [frames]: lost, repeated, silent frames between fade-in and end."""
    sounding = np.flatnonzero(heard)
    if not len(sounding):
        return {"frames": 0, "lost": 0, "repeated": 0, "silent": 0, "wrong": 0}
    last = int(np.argmax(heard))  # behind it the sound fades out
    numbers = heard[sounding[0] + RAMP : last + 1].astype(np.float64) * COUNTER
    whole = np.round(numbers)
    steps = np.diff(whole[whole > 0])
    return {
        "frames": int((whole > 0).sum()),
        "lost": int(np.maximum(steps - 1, 0).sum()),
        "repeated": int((steps <= 0).sum()),
        "silent": int((whole == 0).sum()),
        "wrong": int((np.abs(numbers - whole) > 1e-3).sum()),
    }
