"""Hears a model as it will be played: through its streaming export, one latent frame a call; and puts it on the shelf."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nodes.rave_card import phase_of
from nodes.rave_model import open_model, reset_caches, warm_up
from nodes.rave_package import Training, export, latents_kept
from runtime.artifacts import hash_file
from runtime.errors import NodeError, in_words
from runtime.measures import bright_share, level, spectral_distance
from runtime.node import Job
from runtime.shelf import CARD, FOLDER, MODEL, WEIGHTS, place, prune
from runtime.trust import trust

ORIGINAL = "original.flac"
"""The test phrase itself, on the shelf, to be compared with."""

PHRASE_SECONDS, WALK_SECONDS, AGAIN_SECONDS = 8.0, 12.0, 2.0
"""Length of the test phrase and of the walk, and of the part of the phrase that is said again to see how it repeats."""


WALK_WIDTH = 2.0
"""How far a walk goes from the middle, in standard deviations of each latent."""


@dataclass(frozen=True)
class Heard:
    """What a model makes of the test phrase, and its walk: float32 [frames]; and the measures of both."""

    phrase: np.ndarray
    walk: np.ndarray
    measures: Mapping[str, Any]


def audition(model: Any, phrase: np.ndarray, rate: int, seed: int) -> Heard:
    """Lets an opened model say the phrase (float32 [frames]) and walk through its latents.

    The measures: `distance` is RAVE's spectral distance to the original; `bright` and `level` are decibels above the original's
    share above 4 kHz and its level (negative: below); `latents` are the mean and variance of each; `repeats` says whether it
    said the same twice with one seed, and `dice` is the level of the difference that another seed makes (what the model draws
    by chance), in decibels re the phrase."""
    import torch

    ratio = int(model.decode_params[1])
    with torch.inference_mode():
        silence = torch.zeros(1, int(model.encode_params[0]), ratio)
        warm_up(model, lambda: model.decode(model.encode(silence)))
        said, heard = _say(model, phrase, ratio, seed)
        short = phrase[: int(AGAIN_SECONDS * rate)]
        again, other = _say(model, short, ratio, seed)[0], _say(model, short, ratio, seed + 1)[0]
        mean, deviation = heard.mean(axis=1), heard.std(axis=1)
        way = walk(mean, deviation, max(int(WALK_SECONDS * rate) // ratio, 1), seed)
        reset_caches(model)
        torch.manual_seed(seed)
        steps = torch.from_numpy(way)[None]
        walked = torch.cat([model.decode(steps[:, :, at : at + 1]) for at in range(way.shape[1])], -1)[0].mean(0).numpy()
    first = said[: len(again)]
    loudness = level(first)
    measures = {
        "distance": spectral_distance(phrase, said),
        "bright": bright_share(said, rate) - bright_share(phrase, rate),
        "level": level(said) - level(phrase),
        "latents": [{"mean": float(m), "variance": float(d * d)} for m, d in zip(mean, deviation, strict=True)],
        "repeats": bool(np.array_equal(first, again)),
        "dice": level(first - other) - loudness,
        "finite": bool(np.isfinite(said).all() and np.isfinite(walked).all()),
    }
    return Heard(said, walked, measures)


def walk(mean: np.ndarray, deviation: np.ndarray, frames: int, seed: int) -> np.ndarray:
    """A way through latent space, float32 [latents, frames]: each latent swings WALK_WIDTH deviations around its mean, all at
    other speeds (1 to 4 swings in the walk) and from other places: the same for every checkpoint of a training."""
    random = np.random.default_rng(seed)
    speeds = random.uniform(1.0, 4.0, len(mean))
    phases = random.uniform(0.0, 2 * np.pi, len(mean))
    at = np.arange(frames) / max(frames, 1)
    swing = np.sin(2 * np.pi * speeds[:, None] * at + phases[:, None])
    return (mean[:, None] + WALK_WIDTH * deviation[:, None] * swing).astype(np.float32)


def _say(model: Any, phrase: np.ndarray, ratio: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The phrase through encoder and decoder, frame by frame, from silence: float32 [frames]; and its latents [dims, steps]."""
    import torch

    reset_caches(model)
    torch.manual_seed(seed)
    whole = torch.from_numpy(np.pad(phrase, (0, -len(phrase) % ratio)).astype(np.float32)).reshape(-1, 1, 1, ratio)
    channels = int(model.encode_params[0])
    points = [model.encode(piece.expand(1, channels, ratio)) for piece in whole]
    said = torch.cat([model.decode(point) for point in points], -1)[0].mean(0).numpy()
    return said[: len(phrase)], torch.cat(points, -1)[0].numpy()


@contextmanager
def one_thread() -> Iterator[None]:
    """As on stage; the training goes on with the threads that it had."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def hear(model: Path, phrase: np.ndarray, rate: int, seed: int) -> Heard:
    """Opens a model that was exported just now, and lets it say the phrase and walk. Raises OSError and NodeError."""
    trust(model)
    with one_thread():
        return audition(open_model(model), phrase, rate, seed & 0x7FFFFFFF)


def put_on_shelf(
    job: Job, model: Path, weights: Mapping[str, Any], card: Mapping[str, Any], phrase: np.ndarray, rate: int, keep: int
) -> dict[str, Any]:
    """Hears an exported model and puts it on the shelf of the job's folder as step `card["step"]`, in place of what was there;
    the file is moved. Gives the item's card, with the measures. Raises OSError where the disk refuses, NodeError where the model
    cannot be opened; the shelf is as before then."""
    import soundfile
    import torch

    step = int(card["step"])
    there = place(job.folder, step)
    beside = there.with_suffix(".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        heard = hear(model, phrase, rate, job.seed)
        full = {**card, "measures": heard.measures, "fingerprint": hash_file(model)}
        for name, sound in (("phrase", heard.phrase), ("walk", heard.walk)):
            soundfile.write(beside / f"{name}.flac", np.clip(sound, -1.0, 1.0), rate, subtype="PCM_24")
        _write_once(job.folder / FOLDER / ORIGINAL, phrase, rate)
        torch.save({"state_dict": dict(weights), "global_step": step}, beside / WEIGHTS)
        model.replace(beside / MODEL)
        (beside / CARD).write_text(json.dumps(full, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        shutil.rmtree(there, ignore_errors=True)
        beside.rename(there)
    except RuntimeError as error:  # torch's word for a file that cannot be written on, and libsndfile's
        raise NodeError(f"step {step} could not be put on the shelf: {error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    prune(job.folder, keep)
    return full


def _write_once(path: Path, sound: np.ndarray, rate: int) -> None:
    import soundfile

    if not path.exists():
        beside = path.with_name(f".{path.name}")
        soundfile.write(beside, np.clip(sound, -1.0, 1.0), rate, subtype="PCM_24", format="FLAC")
        beside.replace(path)


def read_original(folder: Path) -> np.ndarray | None:
    """The test phrase that stands on the shelf of a job's folder, float32 [frames]."""
    import soundfile

    try:
        found, _ = soundfile.read(folder / FOLDER / ORIGINAL, dtype="float32")
    except (OSError, RuntimeError):
        return None
    joined: np.ndarray = found
    return joined


class Shelving:
    """Exports steps of a training, listens to them and puts them on its shelf. What goes wrong there costs the step on the shelf,
    never the training."""

    def __init__(self, job: Job, training: Training, export_latents: int, keep: int, share: Callable[[float], float]) -> None:
        self.job, self.training, self.keep, self.share = job, training, keep, share
        most = np.full(training.latent_size, 0.0)
        # All latents, unless their number was said: what plays a model while it changes may rely on it.
        self.count = latents_kept(most, export_latents or training.latent_size)
        self.phrase: np.ndarray | None = None
        """The test phrase, float32 [frames]; without one nothing is put there."""

    def put(
        self,
        step: int,
        weights: Mapping[str, Any],
        losses: Mapping[str, float],
        model: Path | None = None,
        count: int = 0,
    ) -> dict[str, Any]:
        """Puts a step there, unless it is there, and gives its measures. `model` is the finished one, with `count` latents: it
        takes the place of what is there, and the measures are its own."""
        job, training = self.job, self.training
        if self.phrase is None or (model is None and (place(job.folder, step) / CARD).exists()):
            return {}
        job.report(self.share(min(step / training.steps, 1.0)), f"listening to step {step}")
        folder = job.folder / "listening"
        try:
            folder.mkdir(exist_ok=True)
            if model is not None and count == self.count:
                shutil.copyfile(model, folder / MODEL)
            else:
                export(training, weights, self.count, folder / MODEL)
            card = {"step": step, "phase": phase_of(training, step), "losses": dict(losses), "latents": self.count}
            full = put_on_shelf(job, folder / MODEL, weights, card, self.phrase, training.sample_rate, self.keep)
            measures: dict[str, Any] = full["measures"]
            if model is not None and count != self.count:
                measures = dict(hear(model, self.phrase, training.sample_rate, job.seed).measures)
        except (NodeError, OSError) as error:
            job.warn(f"step {step} could not be put on the shelf: {in_words(error)}")
            return {}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        duller = f", {-measures['bright']:.0f} dB duller above 4 kHz than the original" if measures["bright"] < -1 else ""
        job.tell(f"step {step} is on the shelf: distance {measures['distance']:.2f}{duller}", {"shelf": step})
        return measures
