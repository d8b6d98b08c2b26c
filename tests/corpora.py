"""Archives of a few sounds of which everything is known, and the jobs of the corpus family run on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from nodes.corpus import Folder
from runtime.artifacts import Artifact
from runtime.corpus import Corpus
from runtime.node import JobNode
from runtime.spec import PortType
from tests import drive

RATE = 22050


def write(path: Path, sound: np.ndarray, rate: int = RATE, **how: str) -> Path:
    """Writes a sound [frames] or [frames, channels] without rounding, where the format allows; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav" and not how:
        how = {"subtype": "FLOAT"}
    soundfile.write(path, sound, rate, **how)
    return path


def sine(frequency: float, seconds: float, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float, level: float = 0.1, seed: int = 0, rate: int = RATE) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def silence(seconds: float, rate: int = RATE) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.float32)


def gather(folder: Path, path: str = "archive") -> Path:
    """The folder's recordings as a corpus; gives where it lies."""
    outputs, _, _ = drive.job(Folder(), folder / "made" / "folder", {"path": path}, patch_folder=folder)
    return outputs["corpus"]


def run(
    node: type[JobNode], folder: Path, source: Path | dict[str, Path | None], target: str, seed: int = 0, **params: object
) -> tuple[dict[str, Path], list[str]]:
    """Runs a job on one corpus (its input `corpus`) or several; gives its outputs and its warnings."""
    given = source if isinstance(source, dict) else {"corpus": source}
    artifacts = {name: Artifact(PortType.CORPUS, path, "", {}) if path else None for name, path in given.items()}
    place = folder / "made" / target
    outputs, _, warnings = drive.job(node(), place, params, patch_folder=folder, artifacts=artifacts, seed=seed)
    return outputs, warnings


def made(node: type[JobNode], folder: Path, source: Path, target: str, **params: object) -> Corpus:
    """The corpus that a job makes of one corpus."""
    outputs, _ = run(node, folder, source, target, **params)
    return Corpus.read(outputs["corpus"], folder)
