"""Records small takes for tests, with the journal that records them live."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from runtime.takes.writer import Journal

RATE, BLOCK = 48000, 512
PATCH = {"format": 1, "settings": {"sample_rate": RATE, "block": BLOCK}, "nodes": {}, "links": []}
LOAD = {
    "text": json.dumps(PATCH),
    "fade": None,
    "fed": {"face": {"gesture": ["smile", "brow"], "confidence": ["sure"]}, "pad": {"control": ["x"]}},
}


def begin(journal: Journal, path: Path, **given: Any) -> Path:
    """Starts a take of a patch demo.json, stereo, as a worker does."""
    usual = {"patch": "demo.json", "sample_rate": RATE, "channels": 2, "block": BLOCK, "first_block": 0}
    return journal.start_take(path, **{**usual, **given})


def noise(frames: int = BLOCK, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, frames)).astype(np.float32)


def face(block: int) -> dict[str, np.ndarray]:
    """What the face gives in that block: no short decimals."""
    return {
        "gesture": np.array([np.sin(block / 7.0), block / 3.0], np.float32),
        "confidence": np.array([1.0 / (block + 1.0)], np.float32),
    }


def record(
    path: Path,
    blocks: int = 40,
    *,
    before: int = 0,
    encoding: str = "wav",
    also: Callable[[Journal, int], None] = lambda journal, block: None,
    **given: Any,
) -> tuple[Path, np.ndarray]:
    """A whole take of `blocks` blocks, after `before` blocks without: the face gives news in every fourth block, the pad once in
    block 1. `also(journal, block)` journals more. Gives its folder and its sound [channels, frames]."""
    heard = []
    with tempfile.TemporaryDirectory() as spool:
        journal = Journal(Path(spool) / "spool")
        for block in range(before + blocks):
            if block == before:
                folder = begin(journal, path, encoding=encoding, first_block=block, **given)
            if block == 0:
                journal.write(0, "load", LOAD)
            if block % 4 == 0:
                journal.write(block, "feed", ["face", face(block)])
            if block == 1:
                journal.write(block, "feed", ["pad", {"control": np.array([0.1], np.float32)}])
            also(journal, block)
            sound = noise(seed=block)
            journal.sound(block, sound)
            if block >= before:
                heard.append(sound)
        ended = journal.end_take()
        assert journal.failure is None and ended == folder
        journal.close()
    return folder, np.concatenate(heard, axis=1) if heard else np.zeros((2, 0), np.float32)
