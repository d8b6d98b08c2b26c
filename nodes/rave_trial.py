"""A few steps of a training, made and thrown away: how long it will take and how much memory it will need."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import Any

from nodes.rave_package import Training, build
from runtime.errors import Cancelled
from runtime.node import Job

LONG = 100
"""Trainings of fewer steps are not tried before: the trial would take as long as they do."""

VAE_STEPS, GAN_STEPS = 3, 5
"""The first step of each phase allocates and is not counted. RAVE trains the critic in every second or fourth step, so that the
rest of the second phase is whole rounds of it."""


@dataclass(frozen=True)
class Estimate:
    """Seconds a step in each phase (None where the plan does not reach it or nobody tried) and the peak of memory in bytes."""

    vae: float | None = None
    gan: float | None = None
    memory: int = 0

    def seconds(self, training: Training, done: int = 0) -> float | None:
        """Seconds from step `done` to the end; None where nobody can know."""
        first = max(min(training.gan_after, training.steps) - done, 0)
        second = training.steps - done - first
        if (first and self.vae is None) or (second > 0 and self.gan is None):
            return None
        return first * (self.vae or 0.0) + max(second, 0) * (self.gan or 0.0)


def peak_memory() -> int:
    """The most bytes that this process has held so far; on a GPU that is in use, those of the GPU."""
    import resource

    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Stopwatch:
    """A Lightning callback that times the steps."""

    def __init__(self, job: Job, words: str) -> None:
        """`words`: what is said where the user stops the job."""
        self.job, self.words, self.began = job, words, 0.0
        self.took: list[float] = []

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if self.job.is_cancelled():
            raise Cancelled(self.words)
        self.began = time.monotonic()

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.took.append(time.monotonic() - self.began)


def estimate(job: Job, training: Training, batches: Any, trainer_options: dict[str, Any], words: str) -> Estimate:
    """Makes a few steps of each phase that the plan reaches, with a model of its own, on `batches` (a sequence of them). Raises
    Cancelled, with these words, where the user stops the job."""
    import pytorch_lightning as pl

    from nodes.rave_package import import_rave

    rave = import_rave()
    has_gan = training.steps > training.gan_after
    steps = VAE_STEPS + (GAN_STEPS if has_gan else 0)
    watch = type("Watch", (Stopwatch, pl.Callback), {})(job, words)
    trainer = pl.Trainer(
        **trainer_options,
        callbacks=[watch, rave.model.WarmupCallback(), rave.model.BetaWarmupCallback()],
        max_steps=steps,
        limit_val_batches=0,
        num_sanity_val_steps=0,
    )
    trainer.fit(build(replace(training, gan_after=VAE_STEPS, steps=steps)), batches)
    took = watch.took
    vae = sum(took[1:VAE_STEPS]) / (VAE_STEPS - 1)
    gan = sum(took[VAE_STEPS + 1 :]) / (GAN_STEPS - 1) if has_gan else None
    return Estimate(vae, gan, peak_memory())
