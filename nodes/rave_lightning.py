"""Trains the Lightning module of acids-rave, step by step, so that it can be watched, stopped and resumed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nodes.rave_data import Seeded, Steps, mix
from nodes.rave_package import Training, build, import_rave
from runtime.errors import Cancelled, NodeError
from runtime.node import Job

CHECKPOINT_SECONDS = 180.0
"""What a crash costs at most. A checkpoint of v2 takes about a second to write."""

REPORT_SECONDS = 0.25

VALIDATION_PLACE = 2**40
"""The validation's crops are seeded by places that no training reaches, so that each validation hears the same sound."""


class Watch:
    """Lightning's view of our job: progress, cancellation, checkpoints, seeds, and when to validate.

    It must be the first callback: what it saves at the start of a step then is the exact state before that step."""

    def __init__(self, job: Job, training: Training, checkpoint: Path, fraction: Callable[[float], float]) -> None:
        self.job, self.training, self.checkpoint, self.fraction = job, training, checkpoint, fraction
        self.saved = self.reported = self.stepped = time.monotonic()
        self.pace = 0.0
        self.history: list[list[float]] = []
        self.losses: dict[str, float] = {}

    @property
    def state_key(self) -> str:
        return "glasspatch"

    def state_dict(self) -> dict[str, Any]:
        return {"key": self.training.key, "history": self.history, "losses": self.losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history, self.losses = state["history"], state["losses"]

    def on_sanity_check_end(self, trainer: Any, module: Any) -> None:
        # The distance over 16 bands needs more than 1024 frames of each band after RAVE has cut off what the edges touch.
        field = int(module.receptive_field.sum())
        needed = 16 * 1024 + (field if module.valid_signal_crop else 0)
        if self.training.crop <= needed:
            fits = 2048 * (needed // 2048 + 1)
            raise NodeError(f"crop must be at least {fits} frames for {self.training.config}, got {self.training.crop}")

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        import torch

        step = trainer.global_step
        if self.job.is_cancelled():
            self.save(trainer)
            raise Cancelled(f"stopped by the user after step {step} of {self.training.steps}; the next run goes on there")
        if time.monotonic() - self.saved > CHECKPOINT_SECONDS:
            self.save(trainer)
        torch.manual_seed(mix(self.training.seed, 3, step))
        # Lightning validates at multiples of one number only, and the end of phase 1 need not be one.
        trainer.val_check_batch = 1 if step + 1 in self.training.validations else self.training.steps + 1
        self.stepped = time.monotonic()

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        now, done = time.monotonic(), trainer.global_step
        took = now - self.stepped
        self.pace = took if not self.pace else 0.95 * self.pace + 0.05 * took
        if now - self.reported < REPORT_SECONDS and done != self.training.steps:
            return
        self.reported = now
        self.read_losses(trainer)
        phase = "GAN" if module.warmed_up else "VAE"
        loss = self.losses.get("fullband_spectral_distance", math.nan)
        self.job.report(
            self.fraction(done / self.training.steps),
            f"step {done} of {self.training.steps}, {phase} phase, spectral distance {loss:.2f}, {self.pace:.2f} s a step",
        )

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        if not trainer.sanity_checking and "validation" in trainer.callback_metrics:
            self.history.append([trainer.global_step, float(trainer.callback_metrics["validation"])])

    def on_train_end(self, trainer: Any, module: Any) -> None:
        self.save(trainer)

    def read_losses(self, trainer: Any) -> None:
        """Raises NodeError where the training has left the numbers."""
        losses = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not all(math.isfinite(value) for value in losses.values()):
            raise NodeError(
                f"the training ran away: a loss is no number any more at step {trainer.global_step}; leave digital silence out "
                "of the corpus, or set another seed in the patch's settings"
            )
        self.losses = losses

    def save(self, trainer: Any) -> None:
        """A checkpoint, written beside and renamed."""
        if trainer.global_step:
            self.read_losses(trainer)
        beside = self.checkpoint.with_suffix(".tmp")
        trainer.save_checkpoint(str(beside))
        beside.replace(self.checkpoint)
        self.saved = time.monotonic()


def read_checkpoint(path: Path, key: str, warn: Callable[[str], None]) -> dict[str, Any] | None:
    """The checkpoint of a training with that key, or None: a damaged one or another's is put aside with a warning."""
    import torch

    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["callbacks"]["glasspatch"]["key"] == key and state["state_dict"] and state["optimizer_states"]:
            return state
        reason = "is of a training with other settings"
    except Exception as error:  # torch names no class for a cut file: zip, pickle, key and runtime errors all occur
        reason = f"is damaged ({type(error).__name__})"
    warn(f"the checkpoint of an earlier try {reason}; the training starts anew")
    with suppress(OSError):
        path.unlink()
    return None


def accelerator(device: str) -> str:
    """Lightning's word for a device. Raises NodeError where this machine lacks it."""
    import torch

    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if found["cuda"] else "cpu"
    if not found[device]:
        raise NodeError(f"this machine has no {device} device that torch can use; set device to auto or cpu")
    return device


def fit(
    job: Job, training: Training, data: Path, held_out: int, checkpoint: Path, device: str, fraction: Callable[[float], float]
) -> dict[str, Any]:
    """Trains to the last step, from the checkpoint where there is one; gives the final checkpoint's content.

    Raises Cancelled after writing a checkpoint, and NodeError where the numbers run away."""
    rave = import_rave()
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.loggers.logger import DummyLogger
    from torch.utils.data import DataLoader

    state = read_checkpoint(checkpoint, training.key, job.warn)
    first = int(state["global_step"]) if state else 0
    if state and first >= training.steps:
        return state
    if first:
        job.report(fraction(first / training.steps), f"going on after step {first}")
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(mix(training.seed, 4))
    model = build(training)
    dataset = rave.dataset.get_dataset(str(data), model.sr, training.crop, n_channels=1)
    try:
        order = np.random.default_rng(mix(training.seed, 5)).permutation(len(dataset))
        seeded = Seeded(dataset, training.seed)
        train = DataLoader(seeded, batch_sampler=Steps(order[held_out:], training.batch, training.steps, training.seed, first))
        keys = [(VALIDATION_PLACE + place, int(index)) for place, index in enumerate(order[:held_out])]
        batches = [keys[start : start + training.batch] for start in range(0, held_out, training.batch)]
        validation = DataLoader(seeded, batch_sampler=batches)
        watch = type("Watch", (Watch, pl.Callback), {})(job, training, checkpoint, fraction)
        trainer = pl.Trainer(
            logger=DummyLogger(),
            accelerator=accelerator(device),
            devices=1,
            callbacks=[watch, rave.model.WarmupCallback(), rave.model.QuantizeCallback(), rave.model.BetaWarmupCallback()],
            max_epochs=1,
            max_steps=training.steps,
            val_check_interval=training.steps,
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            default_root_dir=str(checkpoint.parent),
        )
        trainer.fit(model, train, validation, ckpt_path=str(checkpoint) if state else None)
    finally:
        # LMDB refuses to open a folder twice in one process, and the next training in this one may use the same.
        dataset.env.close()
    return torch.load(checkpoint, map_location="cpu", weights_only=True)
