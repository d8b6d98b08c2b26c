"""A model's card: what made it, from what, how far it came, and how it sounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.rave_package import Training
from nodes.rave_plan import CONFIGS
from runtime.artifacts import versions
from runtime.corpus import Corpus

LICENSE = "CC BY-NC 4.0 (acids-rave)"


def phase_of(training: Training, step: int) -> str:
    return "GAN" if step > training.gan_after else "VAE"


def describe(
    training: Training,
    step: int,
    sound: Corpus,
    seconds: Mapping[str, float],
    watched: Mapping[str, Any],
    fidelity: Any,
    count: int,
    rights: Mapping[str, str],
    measures: Mapping[str, Any],
) -> dict[str, Any]:
    """The card as JSON data. Seconds are of sound, ratio is frames per latent frame, memory is in bytes; `variance` is the share
    of each latent in what the sounds differ in, the most telling first, and `dropped` what the model leaves out of it."""
    told = [float(value) for value in fidelity]
    length = [0.0] * len(sound.recordings)
    for piece in sound.slices:
        length[piece.recording] += (piece.end - piece.start) / sound.recordings[piece.recording].sample_rate
    return {
        "config": training.config,
        "causal": training.causal,
        "noise": training.noise,
        "augment": list(training.augment),
        "steps": step,
        "gan_after": training.gan_after,
        "phase": phase_of(training, step),
        "batch": training.batch,
        "crop": training.crop,
        "seed": training.seed,
        "sample_rate": training.sample_rate,
        "ratio": CONFIGS[training.config].ratio,
        "latents": count,
        "latent_size": training.latent_size,
        "fidelity": told,
        "variance": [after - before for before, after in zip([0.0, *told], told, strict=False)],
        "dropped": {"latents": training.latent_size - count, "variance": max(1.0 - told[count - 1], 0.0)},
        "seconds": dict(seconds),
        "losses": {name: value for name, value in watched["losses"].items() if not name.startswith(("fidelity", "beta"))},
        "validation": [list(point) for point in watched["history"]],
        "memory": watched.get("memory", 0),
        "warm_start": watched.get("warm_start", {}),
        "measures": dict(measures),
        "recordings": [
            {"path": recording.path, "sha256": recording.sha256, "seconds": heard}
            for recording, heard in zip(sound.recordings, length, strict=True)
            if heard
        ],
        "rejected": [{"path": one.path, "reason": one.reason} for one in sound.rejected],
        "license": LICENSE,
        "rights": {name: words for name, words in rights.items() if words},
        "versions": versions(),
    }
