"""Trains the Lightning module of acids-rave, step by step, so that it can be watched, stopped, resumed and extended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nodes.rave_augment import augmented
from nodes.rave_checkpoints import read_checkpoint, warm_start, write_checkpoint
from nodes.rave_data import Seeded, Steps, mix, order_of
from nodes.rave_package import Training, build, import_rave, quiet
from nodes.rave_ranks import average_gradients, rank, ranks, require_same, share_of
from nodes.rave_trial import LONG, Estimate, estimate, peak_memory
from runtime.errors import Cancelled, NodeError
from runtime.node import Job

CHECKPOINT_SECONDS = 180.0
"""What a crash costs at most. A checkpoint of v2 takes about a second to write."""

REPORT_SECONDS = 0.25

VALIDATION_PLACE = 2**40
"""The validation's crops are seeded by places that no training reaches, so that each validation hears the same sound."""

Shelve = Callable[[int, dict[str, Any], Mapping[str, float]], Any]
"""Puts a step on the shelf: given its number, the weights (on the CPU) and the losses."""


def no_shelf(step: int, weights: dict[str, Any], losses: Mapping[str, float]) -> None:
    """Puts nothing anywhere."""


@dataclass(frozen=True)
class Machine:
    """How a training runs, and not what it learns. `shelve` is called after the steps in `shelf_steps`. With several `gpus` each
    hears its part of every batch."""

    device: str = "auto"
    precision: str = "32"
    warm_start: Path | None = None
    shelve: Shelve = no_shelf
    shelf_steps: frozenset[int] = frozenset()
    gpus: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one of all that writes and tells."""
        return self.gpus == 1 or rank() == 0


class Finished(Exception):
    """The last step is made."""


class Watch:
    """Lightning's view of our job: progress, cancellation, checkpoints, seeds, and when to validate.

    It must be the first callback: what it saves at the start of a step then is the exact state before that step. The training
    ends at the start of a step that is never made: its last checkpoint is such a state too, and more steps go on from it."""

    def __init__(
        self,
        job: Job,
        training: Training,
        checkpoint: Path,
        fraction: Callable[[float], float],
        machine: Machine,
        guess: Estimate,
    ) -> None:
        self.job, self.training, self.checkpoint, self.fraction, self.machine = job, training, checkpoint, fraction, machine
        self.saved = self.reported = self.stepped = time.monotonic()
        self.guess = guess
        self.pace: dict[str, float] = {}
        """Seconds a step, by phase."""
        self.history: list[list[float]] = []
        self.losses: dict[str, float] = {}
        self.told: dict[str, Any] = {}
        """What the card shall tell and only the beginning of the training knows."""

    @property
    def state_key(self) -> str:
        return "glasspatch"

    def state_dict(self) -> dict[str, Any]:
        memory = max(peak_memory(), self.told.get("memory", 0))
        return {"key": self.training.key, "history": self.history, "losses": self.losses, **self.told, "memory": memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history, self.losses = state["history"], state["losses"]
        self.told |= {name: value for name, value in state.items() if name not in ("key", "history", "losses")}

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
        to_do = self.next(step)
        if self.machine.gpus > 1:
            to_do = trainer.strategy.broadcast(to_do, 0)
        if to_do:
            self.save(trainer)
        if to_do == "finish":
            raise Finished
        if to_do == "stop":
            raise Cancelled(stopped(step, self.training))
        if to_do == "shelve" and self.machine.leads:
            weights = {name: value.detach().cpu() for name, value in module.state_dict().items()}
            self.machine.shelve(step, weights, self.losses)
        torch.manual_seed(mix(self.training.seed, 3, step))
        # Lightning validates at multiples of one number only, and the end of phase 1 need not be one.
        trainer.val_check_batch = 1 if step + 1 in self.training.validations else self.training.steps + 2
        self.stepped = time.monotonic()

    def next(self, step: int) -> str:
        """What to do before the next step: finish, stop, shelve, save, or nothing."""
        if step >= self.training.steps:
            return "finish"
        if self.job.is_cancelled():
            return "stop"
        if step in self.machine.shelf_steps:
            return "shelve"
        return "save" if step and time.monotonic() - self.saved > CHECKPOINT_SECONDS else ""

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any, opt_idx: int) -> None:
        if self.machine.gpus > 1:
            average_gradients(optimizer)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        now, done = time.monotonic(), trainer.global_step
        phase = "GAN" if module.warmed_up else "VAE"
        took, before = now - self.stepped, self.pace.get(phase)
        self.pace[phase] = took if before is None else 0.95 * before + 0.05 * took
        if now - self.reported < REPORT_SECONDS and done != self.training.steps:
            return
        self.reported = now
        self.read_losses(trainer)
        self.tell(done, phase)

    def tell(self, done: int, phase: str) -> None:
        """The facts: step, steps, phase (VAE or GAN), steps_per_second, left (seconds, None where nobody can know), losses by
        name, memory (the peak, in bytes)."""
        pace, steps = self.pace[phase], self.training.steps
        left = replace(self.guess, **{name.lower(): one for name, one in self.pace.items()}).seconds(self.training, done)
        facts = {
            "step": done,
            "steps": steps,
            "phase": phase,
            "steps_per_second": 1.0 / max(pace, 1e-9),
            "left": left,
            "losses": dict(self.losses),
            "memory": peak_memory(),
        }
        self.job.tell("", facts)
        loss = self.losses.get("fullband_spectral_distance", math.nan)
        words = f"step {done} of {steps}, {phase} phase, spectral distance {loss:.2f}, {pace:.2f} s a step"
        self.job.report(self.fraction(done / steps), words)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        if not trainer.sanity_checking and "validation" in trainer.callback_metrics:
            self.history.append([trainer.global_step, float(trainer.callback_metrics["validation"])])
            self.job.tell("", {"validation": self.history[-1]})

    def read_losses(self, trainer: Any) -> None:
        """Raises NodeError where the training has left the numbers."""
        losses = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not all(math.isfinite(value) for value in losses.values()):
            raise NodeError(
                f"the training ran away: a loss is no number any more at step {trainer.global_step}; leave digital silence out "
                "of the corpus, or set another seed in the patch's settings"
            )
        self.losses = losses or self.losses

    def save(self, trainer: Any) -> None:
        self.read_losses(trainer)
        if self.machine.gpus > 1:
            require_same(trainer.lightning_module.parameters())
        if self.machine.leads:
            write_checkpoint(self.checkpoint, trainer.global_step, trainer.save_checkpoint)
        else:
            trainer.save_checkpoint(str(self.checkpoint))  # writes nothing here: Lightning waits in it for all
        self.saved = time.monotonic()


def stopped(step: int, training: Training) -> str:
    return f"stopped by the user after step {step} of {training.steps}; the next run goes on there"


def accelerator(device: str) -> str:
    """Lightning's word for a device. Raises NodeError where this machine lacks it."""
    import torch

    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if found["cuda"] else "cpu"
    if not found[device]:
        raise NodeError(f"this machine has no {device} device that torch can use; set device to auto or cpu")
    return device


@contextmanager
def enough_memory(batch: int) -> Iterator[None]:
    """Says in the artist's words that the memory is full, with the batch to set."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        is_full = not isinstance(error, RuntimeError) or isinstance(error, torch.OutOfMemoryError)
        if not is_full and "can't allocate memory" not in str(error) and "out of memory" not in str(error):
            raise
        advice = f"set batch to {batch // 2}" if batch > 1 else "set a shorter crop or a smaller config"
        raise NodeError(
            f"the memory is full: a batch of {batch} does not fit; {advice} (a changed batch trains anew), or close what else "
            "uses the memory and run again"
        ) from error


def fit(
    job: Job,
    training: Training,
    data: Path,
    held_out: int,
    checkpoint: Path,
    device: str,
    fraction: Callable[[float], float],
    machine: Machine | None = None,
    told: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Trains to the last step, from the checkpoint where there is one; gives the final checkpoint's content, which keeps `told`.

    Raises Cancelled after writing a checkpoint, and NodeError where the numbers run away or the memory or the disk is full."""
    machine = replace(machine or Machine(), device=device)
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
    options: dict[str, Any] = {
        "logger": DummyLogger(),
        "accelerator": accelerator(device),
        "devices": 1,
        "precision": 32 if machine.precision == "32" else machine.precision,
        "max_epochs": 1,
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "default_root_dir": str(checkpoint.parent),
    }
    dataset = rave.dataset.get_dataset(str(data), training.sample_rate, training.crop, n_channels=1)
    try:
        order = order_of(len(dataset), training.seed)
        heard = augmented(dataset, training.augment, training.crop, training.sample_rate)

        def batches(begin: int, end: int, gpus: int) -> Any:
            steps = Steps(order[held_out:], training.batch, end, training.seed, begin, (rank() if gpus > 1 else 0, gpus))
            return DataLoader(Seeded(heard, training.seed), batch_sampler=steps)

        keys = [(VALIDATION_PLACE + place, int(index)) for place, index in enumerate(order[:held_out])]
        groups = [keys[start : start + training.batch] for start in range(0, held_out, training.batch)]
        with enough_memory(training.batch):
            guess = Estimate()
            if training.steps - first >= LONG and machine.leads:
                job.report(fraction(first / training.steps), "a few steps to see how long it will take")
                guess = estimate(job, training, batches(0, training.steps, 1), options, stopped(first, training))
                tell_estimate(job, training, guess, first)
            torch.manual_seed(mix(training.seed, 4))
            model = build(training)
            watch = type("Watch", (Watch, pl.Callback), {})(job, training, checkpoint, fraction, machine, guess)
            watch.told = dict(told or {})
            if machine.warm_start is not None and not first:
                watch.told["warm_start"] = begin_warm(job, model, machine.warm_start)
            if machine.gpus > 1:
                share_of(training.batch, machine.gpus)
                # It joins the processes that `ranks` starts (see there), and our batches are parted already.
                options |= {"strategy": "ddp", "devices": machine.gpus, "replace_sampler_ddp": False}
            others = (training, data, held_out, checkpoint, replace(machine, shelve=no_shelf))
            with ranks(machine.gpus if machine.leads else 1, follow, *others):
                # One step more than are made (see Watch), and batches for one more: a loop that has had its last cannot go on.
                trainer = pl.Trainer(
                    **options,
                    callbacks=[
                        watch,
                        rave.model.WarmupCallback(),
                        rave.model.QuantizeCallback(),
                        rave.model.BetaWarmupCallback(),
                    ],
                    max_steps=training.steps + 1,
                    val_check_interval=training.steps + 1,
                )
                validation = DataLoader(Seeded(dataset, training.seed), batch_sampler=groups)
                with suppress(Finished):
                    learn = batches(first, training.steps + 2, machine.gpus)
                    trainer.fit(model, learn, validation, ckpt_path=str(checkpoint) if state else None)
    finally:
        # LMDB refuses to open a folder twice in one process, and the next training in this one may use the same.
        dataset.env.close()
    if not machine.leads:
        return {}
    final: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if final["global_step"] != training.steps:
        raise NodeError(
            f"the training ended by itself after step {final['global_step']} of {training.steps}; its checkpoint may be of "
            "another version of the program: use it as a warm start"
        )
    return final


def follow(training: Training, data: Path, held_out: int, checkpoint: Path, machine: Machine) -> None:
    """Trains along with the first GPU, in another's process, and tells nothing."""
    silent = Job(checkpoint.parent, checkpoint.parent, training.seed, lambda *_: None, lambda: False, lambda _: None)
    with quiet():
        fit(silent, training, data, held_out, checkpoint, machine.device, lambda done: done, machine)


def tell_estimate(job: Job, training: Training, guess: Estimate, first: int) -> None:
    """Tells what a few steps took: the fact `estimate` with vae and gan (seconds a step), seconds in all, memory in bytes."""
    seconds = guess.seconds(training, first)
    each = f"{guess.vae:.2f} s a step" + (f", {guess.gan:.2f} s in the GAN phase" if guess.gan is not None else "")
    words = f"measured: {each}; {training.steps - first} steps take about {in_time(seconds or 0.0)}"
    job.tell(f"{words} and {guess.memory / 1e9:.1f} GB of memory", {"estimate": {**asdict(guess), "seconds": seconds}})


def in_time(seconds: float) -> str:
    """A duration in words: 40 s, 12 min, 3.5 h, 6 days."""
    for unit, size, limit in (("s", 1.0, 90.0), ("min", 60.0, 90.0), ("h", 3600.0, 36.0), ("days", 86400.0, math.inf)):
        if seconds / size < limit:
            count = seconds / size
            return f"{count:.1f} {unit}" if count < 10 and unit in ("h", "days") else f"{count:.0f} {unit}"
    raise AssertionError("days have no limit")


def begin_warm(job: Job, model: Any, file: Path) -> dict[str, Any]:
    """A warm start from a file, told in words."""
    found = warm_start(model, file)
    share = 100.0 * found["taken"] / found["all"]
    left = found["left"]
    rest = f"; not: {', '.join(left[:3])}{f' and {len(left) - 3} more' if len(left) > 3 else ''}" if left else ""
    job.tell(f"warm start from {file.name}: {share:.0f} % of the weights fit and are taken{rest}", {"warm_start": found})
    return {"file": file.name, **found}
