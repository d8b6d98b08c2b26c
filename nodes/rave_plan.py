"""Before the first step of a training: whether the corpus can be trained on, how it is cut, and what will come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nodes.rave_data import Split, split_corpus, stretches
from nodes.rave_package import Training
from runtime.corpus import Corpus
from runtime.errors import NodeError
from runtime.node import Job

SHELF_TIMES, SHELF_LEAST = 20, 250
"""How often a training is put on its shelf on its way unless the artist says it, and the least steps between two times: on a
CPU a step of the smallest config takes about half a second, and putting it on the shelf some ten seconds."""


@dataclass(frozen=True)
class Config:
    """A gin config of acids-rave. `ratio` is frames per latent frame; `crops` are tried from the longest: the shortest is the
    least that its distance and its receptive field (causal) leave something of. `noise`: it has a noise synthesiser anyway."""

    ratio: int
    crops: tuple[int, ...]
    noise: bool = False


CONFIGS: Mapping[str, Config] = {
    "raspberry": Config(2048, (65536, 32768)),
    "v2_small": Config(512, (65536,), noise=True),
    "v1": Config(2048, (65536, 32768), noise=True),
    "v2": Config(2048, (131072,)),
    "v3": Config(2048, (131072,)),
}


def plan(sound: Corpus, config: str, sample_rate: int, latent_size: int, crop: int) -> Split:
    """Checks that the corpus can be trained on and cuts it; raises NodeError that says what to set."""
    if not sound.slices or sound.seconds <= 0:
        raise NodeError("the corpus is empty; let its node keep at least a few seconds of sound")
    if crop % 2048:
        raise NodeError(f"crop must be a multiple of 2048 frames, got {crop}; set {max(crop // 2048, 16) * 2048}, or 0")
    least = CONFIGS[config].crops[-1]
    if 0 < crop < least:
        raise NodeError(f"crop must be at least {least} frames for {config}, got {crop}; set {least}, or 0")
    crops = (crop,) if crop else CONFIGS[config].crops
    # Not sound.seconds, which counts overlapping slices twice: the training hears each moment once.
    seconds = sum((s.end - s.start) / sound.recordings[s.recording].sample_rate for s in stretches(sound))
    return split_corpus(int(seconds * sample_rate), sample_rate, CONFIGS[config].ratio, latent_size, crops)


def warn_before(job: Job, training: Training, split: Split, export_latents: int) -> None:
    """Says before the first step what will come out otherwise than the artist may think."""
    steps, gan_after, batch, size = training.steps, training.gan_after, training.batch, training.latent_size
    if steps <= gan_after:
        job.warn(
            f"the GAN phase begins after step {gan_after} and the training ends at {steps}: the model will sound blurred; set "
            f"steps above {gan_after}, or gan_after below {steps}"
        )
    if batch > split.training:
        job.warn(
            f"the corpus gives {split.training} examples, so a batch of {batch} hears some of them more than once in each step; "
            "this is harmless, a smaller batch trains faster"
        )
    most = 2 ** (size.bit_length() - 1)
    rounded = min(2 ** (export_latents - 1).bit_length(), most) if export_latents else 0
    if rounded != export_latents:
        job.warn(f"the model will have {rounded} latents: a power of two, at most latent_size, got {export_latents}")


def phases(training: Training) -> dict[str, int]:
    """The steps of each phase."""
    first = min(training.steps, training.gan_after)
    return {"VAE": first, "GAN": training.steps - first}


def shelf_steps(training: Training, every: int) -> frozenset[int]:
    """The steps after which a training is put on its shelf on the way: every so many (0: some SHELF_TIMES in all), and at the end
    of its first phase."""
    every = every or max(training.steps // SHELF_TIMES, SHELF_LEAST)
    return frozenset({*range(every, training.steps, every), training.gan_after}) - {training.steps, 0}


def seconds_of(sound: Corpus, split: Split, written: Mapping[str, Any], held_out: int, sample_rate: int) -> dict[str, float]:
    """Seconds of sound in the corpus (overlapping slices count twice), read from it, that are trained on, that are held out for
    the validation (both with what fills up the last example), and of digital silence."""
    example = split.chunk / sample_rate
    return {
        "corpus": sound.seconds,
        "read": written["seconds_in"],
        "training": (written["examples"] - held_out) * example,
        "validation": held_out * example,
        "silent": written["seconds_silent"],
    }


def tell_plan(job: Job, training: Training, sound: Corpus, seconds: Mapping[str, float]) -> None:
    """Tells how much sound is in, what was refused and why, and what the steps are for."""
    refused = [{"path": one.path, "reason": one.reason} for one in sound.rejected]
    words = [
        f"{seconds['read']:.1f} s of sound are in: {seconds['training']:.1f} s to learn from, "
        f"{seconds['validation']:.1f} s held out",
        *([f"{len(refused)} refused ({refused[0]['path']}: {refused[0]['reason']})"] if refused else ["nothing refused"]),
    ]
    job.tell("; ".join(words), {"seconds": dict(seconds), "rejected": refused})
    steps = phases(training)
    second = f", then {steps['GAN']} of the GAN phase, which learns detail" if steps["GAN"] else "; no GAN phase"
    job.tell(f"{steps['VAE']} steps of the VAE phase, which learns what the sounds are{second}", {"plan": steps})
