"""What each latent of a model does, heard through its decoder: the descriptor matrix, and the sweep to listen to.

Both give the model on as it is; what they found lies in their folder: a JSON file, a picture, sounds.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from nodes import rave_encoded
from nodes.rave_descriptors import DESCRIPTORS, UNITS, describe, matrix, names, sweep
from nodes.rave_model import open_model, reset_caches
from runtime.artifacts import Artifact, write_atomically
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import FloatParam, IntParam, NodeSpec, Port, PortType

EXPLAINED = "explained.json"
PICTURE = "explained.png"
SETTLE = 0.12
"""Seconds after a change of latents that are not measured: a causal model has half of the energy of a change after 35 to 99 ms
(measured), and the rest soon after."""
WIDTH = 3.0
"""Standard deviations to which a latent is swept, down and up."""
STEPS = 21
MODEL = Port("model", PortType.MODEL, "the model to be explained")
CORPUS = Port(
    "corpus",
    PortType.CORPUS,
    "a corpus that came through Encode corpus: then latents are as large as it makes them; else as training wants them, about 1",
    optional=True,
)
GIVES = Port("model", PortType.MODEL, "the same model")


class Voice:
    """A model's decoder as something to be asked: what do these latents sound like? Always the same answer."""

    def __init__(self, model: Artifact, corpus: Artifact | None) -> None:
        import torch

        self.model = open_model(model.path)
        self.latents, self.ratio, _, _ = (int(number) for number in self.model.decode_params)
        self.rate = int(getattr(self.model, "sr", 44100))
        # Given all latents, also those that the export dropped, decode() draws none.
        self.full = self.model.latent_pca.shape[0] if hasattr(self.model, "latent_pca") else self.latents
        self._torch = torch
        self.mean, self.spread = np.zeros(self.latents), np.ones(self.latents)
        if corpus is not None:
            made = rave_encoded.read(corpus.path)
            if made.latents != self.latents:
                raise NodeError(
                    f"the corpus was heard by a model of {made.latents} latents, but {model.path.name} has {self.latents}; "
                    "encode it with this model"
                )
            self.mean, self.spread = made.frames.mean(0), np.maximum(made.frames.std(0), 1e-3)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"z{number}" for number in range(self.latents))

    def say(self, latents: np.ndarray, seconds: float) -> list[np.ndarray]:
        """Latents [n, latents] one after the other, each held for SETTLE and then `seconds`: the mono sound of each, without the
        part in which it settles."""
        settle, heard = (math.ceil(length * self.rate / self.ratio) for length in (SETTLE, seconds))
        held = np.zeros((1, self.full, settle + heard), np.float32)
        sounds = []
        reset_caches(self.model)
        self._torch.manual_seed(0)
        with self._torch.inference_mode():
            for one in latents:
                held[0, : self.latents] = one[:, None]
                sound = self.model.decode(self._torch.from_numpy(held)).numpy()[0].mean(0)
                sounds.append(np.nan_to_num(sound[settle * self.ratio :]))
        return sounds

    def described(self, latents: np.ndarray, seconds: float) -> np.ndarray:
        """DESCRIPTORS of what latents [n, latents] sound like, [n, descriptors]."""
        return np.array([describe(sound, self.rate) for sound in self.say(latents, seconds)])


class DescriptorMatrix(JobNode):
    """Finds out what each latent does: plays the model at random places, listens to how loud, bright, noisy, high and busy it
    sounds, and says which latent goes with what, and what chance would give. Latents that do something plain get a
    name for it, like brighter, which you may take or not. The model goes on as it is."""

    spec = NodeSpec(
        type="rave.matrix",
        title="Descriptor matrix",
        inputs=(MODEL, CORPUS),
        outputs=(GIVES,),
        params=(
            IntParam(
                name="sounds",
                default=500,
                low=50,
                high=5000,
                doc="random places that are listened to; with 500, chance gives correlations up to 0.09",
                live=False,
            ),
            FloatParam(name="length", default=0.5, low=0.1, high=5.0, unit="s", doc="of each sound that is measured", live=False),
        ),
    )

    def run(self, job: Job, model: Artifact, sounds: int, length: float, corpus: Artifact | None = None) -> dict[str, Path]:
        voice = Voice(model, corpus)
        random = np.random.default_rng(job.seed)
        places = voice.mean + voice.spread * random.standard_normal((sounds, voice.latents))
        described = np.concatenate(
            [voice.described(part, length) for part in job.track(np.array_split(places, 50), text="listening to random places")]
        )
        found = matrix(places, described, job.seed)
        proposed = names(found.correlation, found.bounds, voice.names)
        write(
            job.folder,
            {
                "kind": "matrix",
                "model": model.fingerprint,
                "latents": voice.names,
                "names": proposed,
                "descriptors": DESCRIPTORS,
                "units": UNITS,
                "correlation": found.correlation,
                "chance": found.chance,
                "bounds": found.bounds,
                "sounds": found.sounds,
            },
        )
        picture(job.folder, found.correlation, voice.names, proposed, found.bounds, "rank correlation")
        return {"model": model.path}


class LatentSweep(JobNode):
    """Lets you hear what each latent does: sweeps it from low to high at many places while the others stand still, and keeps a
    sound of each sweep. It says how steadily each descriptor follows, how smoothly, and whether it goes the same way everywhere,
    beside what chance would give. The model goes on as it is."""

    spec = NodeSpec(
        type="rave.sweep",
        title="Latent sweep",
        inputs=(MODEL, CORPUS),
        outputs=(GIVES,),
        params=(
            IntParam(name="places", default=32, low=2, high=256, doc="random places from which each latent is swept", live=False),
            FloatParam(name="length", default=0.25, low=0.1, high=5.0, unit="s", doc="of each step that is measured", live=False),
        ),
    )

    def run(self, job: Job, model: Artifact, places: int, length: float, corpus: Artifact | None = None) -> dict[str, Path]:
        voice = Voice(model, corpus)
        random = np.random.default_rng(job.seed)
        bases = voice.mean + voice.spread * random.standard_normal((places, voice.latents))
        bases[0] = voice.mean  # the first, which is kept to be heard, starts from the middle of the model
        way = np.linspace(-WIDTH, WIDTH, STEPS)
        described = np.empty((places, voice.latents, STEPS, len(DESCRIPTORS)))
        for base, latent in job.track(list(np.ndindex(places, voice.latents)), text="sweeping the latents"):
            latents = np.repeat(bases[base][None], STEPS, axis=0)
            latents[:, latent] = voice.mean[latent] + voice.spread[latent] * way
            sounds = voice.say(latents, length)
            described[base, latent] = [describe(sound, voice.rate) for sound in sounds]
            if base == 0:
                keep(job.folder / f"z{latent}.wav", np.concatenate(sounds), voice.rate)
        found = sweep(described)
        write(
            job.folder,
            {
                "kind": "sweep",
                "model": model.fingerprint,
                "latents": voice.names,
                "descriptors": DESCRIPTORS,
                "units": UNITS,
                "way": way,
                "values": [list(voice.mean[n] + voice.spread[n] * way) for n in range(voice.latents)],
                "curves": found.curves,
                "monotonicity": found.monotonicity,
                "smoothness": found.smoothness,
                "consistency": found.consistency,
                "chance": found.chance,
                "places": places,
            },
        )
        agreed = found.consistency * np.sign(found.monotonicity)
        bounds = np.full(len(DESCRIPTORS), found.chance)
        picture(job.folder, agreed, voice.names, voice.names, bounds, "the same way everywhere")
        return {"model": model.path}


def write(folder: Path, told: dict[str, Any]) -> None:
    """Writes what was found as JSON; what cannot be said is null there."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray | list | tuple):
            return [plain(one) for one in value]
        if isinstance(value, float | np.floating):
            return round(float(value), 4) if math.isfinite(value) else None
        return value

    text = json.dumps({key: plain(value) for key, value in told.items()}, indent=1, sort_keys=True)
    write_atomically(folder / EXPLAINED, text.encode() + b"\n")


def keep(path: Path, sound: np.ndarray, rate: int) -> None:
    """Writes a sound to be listened to, at most half as loud as a file can be."""
    import soundfile

    peak = float(np.abs(sound).max())
    soundfile.write(path, sound * (0.5 / peak if peak > 0.5 else 1.0), rate, subtype="PCM_16")


def picture(
    folder: Path, values: np.ndarray, latents: tuple[str, ...], called: tuple[str, ...], bounds: np.ndarray, what: str
) -> None:
    """Draws a matrix [latents, descriptors] of -1 to 1; what chance may give stays grey."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [name if name == word else f"{name}  {word}" for name, word in zip(latents, called, strict=True)]
    figure = Figure(figsize=(6.4, 1.2 + 0.36 * len(rows)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(np.nan_to_num(values), cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(DESCRIPTORS)), DESCRIPTORS)
    axes.set_yticks(range(len(rows)), rows)
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        words = "-" if not np.isfinite(value) else f"{value:.2f}"
        weak = not abs(value) > bounds[column]
        dark = abs(np.nan_to_num(value)) > 0.6
        axes.text(
            column, row, words, ha="center", va="center", fontsize=8, color="#999" if weak else "white" if dark else "black"
        )
    axes.set_title(f"{what}; grey: as chance gives it, up to {bounds.min():.2f}", fontsize=9)
    figure.colorbar(image, ax=axes, shrink=0.8)
    figure.savefig(folder / PICTURE, metadata={"Software": None})
