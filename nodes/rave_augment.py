"""What is varied in the sound that a training hears, so that little sound goes further.

Of the augmentations of acids-rave 2.3.1, *gain* gives back the sound unchanged, *mute* makes digital silence, by which the
distance divides, and *compress* needs sox, which torchaudio has not any more; only its pitch works. Here are all four.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

GAIN = (-6.0, 3.0)
"""Decibels, as in RAVE."""
PITCH = (0.7, 1.4)
"""Length and pitch are scaled by a number in this range (half a step to six semitones), as a tape would."""
MUTED = -60.0
"""Decibels: hardly to be heard, and yet no digital silence."""
THRESHOLD, RATIO, FOLLOW = (-50.0, -20.0), (1.5, 6.0), 0.1
"""Of the compressor: decibels, decibels in for one out, and the seconds in which it follows the level."""


def gain(sound: np.ndarray, rate: int) -> np.ndarray:
    """Louder or softer by GAIN, never over full scale. Sounds are float [channels, frames]."""
    louder = sound * 10.0 ** (random.uniform(*GAIN) / 20.0)
    return louder / max(float(np.abs(louder).max()), 1.0)


def mute(sound: np.ndarray, rate: int) -> np.ndarray:
    """Almost silent: the model learns that silence is a sound too."""
    return sound * 10.0 ** (MUTED / 20.0)


def compress(sound: np.ndarray, rate: int) -> np.ndarray:
    """What is louder than a threshold is made softer, by a ratio; then all is as loud at its peak as before."""
    from scipy.signal import lfilter

    threshold, ratio = random.uniform(*THRESHOLD), random.uniform(*RATIO)
    slow = float(np.exp(-1.0 / (FOLLOW * rate)))
    power = np.square(sound).mean(axis=0)
    followed, _ = lfilter([1.0 - slow], [1.0, -slow], power, zi=[slow * power[: int(FOLLOW * rate)].mean()])
    over = np.maximum(10.0 * np.log10(np.maximum(followed, 1e-12)) - threshold, 0.0)
    squeezed = sound * 10.0 ** (-over * (1.0 - 1.0 / ratio) / 20.0)
    return squeezed * (np.abs(sound).max() / max(float(np.abs(squeezed).max()), 1e-9))


AFTER: dict[str, tuple[float, Callable[[np.ndarray, int], np.ndarray]]] = {
    "compress": (0.5, compress),
    "gain": (0.5, gain),
    "mute": (0.1, mute),
}
"""What is done to the crop, in this order, and how likely."""

NAMES = ("pitch", *AFTER)


def augmented(dataset: Any, names: Sequence[str], crop: int, rate: int) -> Any:
    """A view of a rave.dataset.AudioDataset that varies what it gives; draws from `random` only, as its own transforms do."""
    from rave import transforms

    found = copy.copy(dataset)
    steps = list(dataset._transforms.transform_list)
    if "pitch" in names:  # before the crop: it changes the length
        tape = transforms.RandomPitch(crop, list(PITCH), prob=1.0)
        steps.insert(1, transforms.RandomApply(tape, p=0.5))
    for name, (likely, work) in AFTER.items():
        if name in names:
            steps.insert(-1, transforms.RandomApply(_at(work, rate), p=likely))
    found._transforms = transforms.Compose(steps)
    return found


def _at(work: Callable[[np.ndarray, int], np.ndarray], rate: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda sound: work(sound, rate)
