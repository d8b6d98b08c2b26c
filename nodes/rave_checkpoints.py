"""The checkpoints of a training: written whole, two of them, so that a damaged one costs minutes; and warm starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from runtime.errors import NodeError, in_words
from runtime.node import Job
from runtime.trust import require_trust

CHECKPOINT, OLDER, OTHER = "training.ckpt", "training.older.ckpt", "training.other.ckpt"
"""The newest, the one before it, and one of a training with other settings, which is kept but not gone on with."""

OWN = ("latent_pca", "latent_mean", "fidelity", "receptive_field", "pqmf.", "audio_distance.", "multiband_audio_distance.")
"""Beginnings of what a warm start does not take: what a model finds out about its own corpus, and constants of its config."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds a folder against another training in it; raises NodeError where one is at work there."""
    import fcntl

    with open(folder / ".training.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeError(
                f"another training is at work in {folder.name}; wait until it is done, or stop it: two would overwrite each other"
            ) from None
        try:
            yield
        finally:
            (folder / ".training.lock").unlink(missing_ok=True)


def write_checkpoint(path: Path, step: int, save: Callable[[str], None]) -> None:
    """Lets `save` write a checkpoint beside `path` and puts it there; the one before is kept as OLDER.

    Raises NodeError where the disk refuses; what was there stays."""
    beside = path.with_suffix(".tmp")
    try:
        save(str(beside))
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        if path.exists():
            path.replace(path.with_name(OLDER))
        beside.replace(path)
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError where a file cannot be written on
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        why = in_words(error) if isinstance(error, OSError) else "the disk refused; is it full?"
        words = f"the checkpoint of step {step} cannot be written: {why}"
        raise NodeError(f"{words}. Run again then: it goes on from the one before") from error


def read_checkpoint(path: Path, key: str, warn: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest whole checkpoint of a training with that key, or None. A damaged one is removed, one of another training put
    aside, both with a warning."""
    for file in (path, path.with_name(OLDER)):
        if not file.exists():
            continue
        state, reason = _read(file, key)
        if state is not None:
            if file != path:
                warn(f"going on from the checkpoint before it, of step {state['global_step']}")
                file.replace(path)
            return state
        warn(f"the checkpoint of an earlier try {reason}")
        with suppress(OSError):
            file.replace(path.with_name(OTHER)) if "other settings" in reason else file.unlink()
    return None


def _read(file: Path, key: str) -> tuple[dict[str, Any] | None, str]:
    import torch

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        told = state["callbacks"]["glasspatch"]["key"]
        if told == key and state["state_dict"] and state["optimizer_states"]:
            return state, ""
        return None, "is of a training with other settings, which starts anew"
    except Exception as error:  # torch names no class for a cut file: zip, pickle, key and runtime errors all occur
        return None, f"is damaged ({type(error).__name__})"


def take_over(job: Job, path: Path) -> None:
    """Takes the checkpoint that the job ended with before, where it is handed one and has none of its own yet."""
    old = job.before / CHECKPOINT if job.before else None
    if old is None or not old.is_file() or path.exists() or path.with_name(OLDER).exists():
        return
    try:
        os.link(old, path)
    except OSError:  # another disk, or one that knows no links
        beside = path.with_suffix(".tmp")
        shutil.copyfile(old, beside)
        beside.replace(path)


def warm_start(model: Any, file: Path) -> dict[str, Any]:
    """Takes the weights of another model's checkpoint (.ckpt), or of a model that was exported (.ts), wherever name and shape
    agree. Gives {"taken", "all": numbers of weights, "left": names that the file has not, or has in another shape}.

    Raises NodeError where the file cannot be read, or nothing of it fits."""
    import torch

    given = _weights(file)
    wanted = {name: value for name, value in model.state_dict().items() if not name.startswith(OWN)}
    taken = {name: given[name] for name, value in wanted.items() if name in given and given[name].shape == value.shape}
    numbers = sum(value.numel() for value in taken.values())
    if not numbers:
        raise NodeError(
            f"nothing of {file.name} fits this model: it is of another architecture; choose the config it was made with"
        )
    with torch.no_grad():
        model.load_state_dict(taken, strict=False)
    return {
        "taken": numbers,
        "all": sum(value.numel() for value in wanted.values()),
        "left": sorted(name for name in wanted if name not in taken),
    }


def _weights(file: Path) -> Mapping[str, Any]:
    import torch

    if file.suffix == ".ts":
        require_trust(file)
    try:
        if file.suffix == ".ts":
            return dict(_with_norm(torch.jit.load(str(file), map_location="cpu").state_dict()))
        found = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
        return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
    except NodeError:
        raise
    except Exception as error:  # as in _read
        raise NodeError(
            f"{file.name} is no warm start: it is no checkpoint (.ckpt) and no model (.ts) of RAVE, or is cut short"
        ) from error


def _with_norm(weights: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """An exported model's weights, with those whose norm was folded into them split again (torch.nn.utils.weight_norm, dim 0)."""
    for name, value in weights.items():
        yield name, value
        if name.endswith(".weight") and value.ndim > 1:
            yield f"{name}_v", value
            yield f"{name}_g", value.flatten(1).norm(dim=1).reshape(-1, *[1] * (value.ndim - 1))
