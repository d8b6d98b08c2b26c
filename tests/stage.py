"""The stage for the tests: the demo's whole chain on the left, a sample counter on the right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import soundfile

from runtime.trust import trust
from tests.command import ROOT

COUNTER = 2.0**24
"""The counter's step is one part of this: every number below it is a float32 of its own."""
BEGIN = 10_000
"""The counter's first number: far from silence."""
WRAP = 2**22
"""The counter begins again after so many frames (95 s), long before it would be too loud."""
RAMP = 4000
"""Frames at the beginning in which the sound fades in and the counter is not to be read."""


def set_stage(folder: Path, seconds: float, *, block: int = 512) -> Path:
    """Lays the patch out and gives its path."""
    demo = ROOT / "patches"
    shutil.copytree(demo / "demo.assets", folder / "demo.assets")
    shutil.copytree(demo / "demo", folder / "demo")
    trust(folder / "demo.assets" / "trainer" / "model.ts")
    numbers = ((BEGIN + np.arange(round(seconds * 44100)) % WRAP) / COUNTER).astype(np.float32)
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
    links.remove(["level.audio", "output.audio"])
    links += [["level.audio", "left.audio"], ["left.audio", "mix.audio"], ["counter.audio", "right.audio"]]
    links += [["right.audio", "mix.audio"], ["mix.audio", "output.audio"]]
    path = folder / "demo.json"
    path.write_text(json.dumps(data))
    return path


def judged(heard: np.ndarray) -> dict[str, int]:
    """What is wrong with a recorded counter, float32 [frames]: lost, repeated, silent frames between fade-in and end."""
    sounding = np.flatnonzero(heard)
    numbers = heard.astype(np.float64) * COUNTER
    whole = np.round(numbers)
    right = (np.abs(numbers - whole) < 1e-3) & (whole >= BEGIN)
    counting = np.flatnonzero(right[1:] & right[:-1] & (np.diff(whole) == 1.0))
    if not len(counting):
        return {"frames": 0, "lost": 0, "repeated": 0, "silent": 0, "wrong": 0}
    part = slice(sounding[0] + RAMP, counting[-1] + 2)  # behind it the sound fades out
    whole, right = whole[part], right[part]
    steps = np.diff(whole[right])
    steps[steps == 1 - WRAP] = 1
    return {
        "frames": int(right.sum()),
        "lost": int(np.maximum(steps - 1, 0).sum()),
        "repeated": int((steps <= 0).sum()),
        "silent": int((whole == 0).sum()),
        "wrong": int((~right & (whole != 0)).sum()),
    }
