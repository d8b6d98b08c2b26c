"""The node that trains a RAVE model on a corpus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodes.rave_data import Split, split_corpus, stretches, write_examples
from nodes.rave_lightning import accelerator, fit
from nodes.rave_package import Training, export, latents_kept, quiet, use_threads
from runtime.artifacts import Artifact, write_atomically
from runtime.corpus import Corpus
from runtime.errors import NodeError, in_words
from runtime.node import Job, JobNode
from runtime.spec import BoolParam, ChoiceParam, IntParam, NodeSpec, Port, PortType
from runtime.trust import trust


@dataclass(frozen=True)
class Config:
    """A gin config of acids-rave. `ratio` is frames per latent frame; `crops` are tried from the longest: the shortest is the
    least that its distance and its receptive field (causal) leave something of."""

    ratio: int
    crops: tuple[int, ...]


CONFIGS: Mapping[str, Config] = {
    "raspberry": Config(2048, (65536, 32768)),
    "v2_small": Config(512, (65536,)),
    "v1": Config(2048, (65536, 32768)),
    "v2": Config(2048, (131072,)),
    "v3": Config(2048, (131072,)),
}

READ, TRAINED = 0.02, 0.97
"""Where reading the corpus and training end, as parts of the whole job."""


class RaveTrainer(JobNode):
    """Trains a RAVE model on your corpus: a network that learns to pack its sound into a few numbers (the latents) and to
    make sound from them again, fast enough to be played.

    A training has two phases. In the first (VAE) the model learns what your sounds are; after `gan_after` steps the latents
    stay as they are, and a second network, the critic, teaches the model detail and sharpness (GAN). Training takes long: a
    sketch some tens of minutes, a good model days. You may stop at any time; the next run goes on at the same step. Beside the
    model lies `model.json`, which tells what it was made of.

    RAVE is by A. Caillon and P. Esling; acids-rave and what is trained with it are licensed CC BY-NC 4.0 (not commercial).
    """

    spec = NodeSpec(
        type="rave.trainer",
        title="RAVE trainer",
        inputs=(Port("corpus", PortType.CORPUS, "the sound to learn; a minute for a sketch, hours for a good model"),),
        outputs=(Port("model", PortType.MODEL, "the streaming model, ready to be played"),),
        params=(
            ChoiceParam(
                name="config",
                default="v2_small",
                choices=tuple(CONFIGS),
                live=False,
                doc="architecture: raspberry is tiny and quick, v2_small answers fastest, v1, v2, v3 are large and want a GPU",
            ),
            IntParam(
                name="steps",
                default=200_000,
                low=1,
                high=20_000_000,
                unit="steps",
                live=False,
                doc="length of the whole training; on a CPU a step takes 0.4 (raspberry) to 13 s (v2)",
            ),
            IntParam(
                name="gan_after",
                default=100_000,
                low=1,
                high=20_000_000,
                unit="steps",
                live=False,
                doc="length of the first phase; from here on the critic teaches detail. steps must be larger to reach it",
            ),
            IntParam(
                name="latent_size",
                default=16,
                low=4,
                high=256,
                live=False,
                doc="numbers per latent frame while training; the sound held out must have as many frames (128 wants hours)",
            ),
            IntParam(
                name="export_latents",
                default=0,
                low=0,
                high=256,
                live=False,
                doc="latents of the finished model, rounded up to 1, 2, 4, 8, ...; 0 keeps those that explain 95 % of the corpus",
            ),
            BoolParam(
                name="causal",
                default=True,
                live=False,
                doc="answers at once (6 ms); off sounds a little better and answers 66 to 140 ms late",
            ),
            IntParam(
                name="batch", default=8, low=1, high=64, live=False, doc="examples heard in each step; less needs less memory"
            ),
            IntParam(
                name="crop",
                default=0,
                low=0,
                high=2**20,
                unit="frames",
                live=False,
                doc="length of an example in each step, a multiple of 2048; 0 is 65536 (131072 for v2 and v3)",
            ),
            ChoiceParam(
                name="sample_rate",
                default=44100,
                choices=(44100, 48000, 32000, 22050),
                live=False,
                doc="the model's sample rate in Hz; must be that of the patch in which it is played",
            ),
            ChoiceParam(
                name="device",
                default="auto",
                choices=("auto", "cpu", "cuda", "mps"),
                live=False,
                doc="where to train; auto takes a CUDA GPU where there is one, else the CPU. RAVE's makers do not support mps",
            ),
            IntParam(
                name="threads",
                default=0,
                low=0,
                high=256,
                live=False,
                doc="CPU cores to train on; 0 takes all but one, left for playing (on busy cores a step takes ten times as long)",
            ),
        ),
    )

    scratch = ("examples",)

    def run(
        self,
        job: Job,
        corpus: Artifact,
        config: str,
        steps: int,
        gan_after: int,
        latent_size: int,
        export_latents: int,
        causal: bool,
        batch: int,
        crop: int,
        sample_rate: int,
        device: str,
        threads: int,
    ) -> dict[str, Path]:
        sound = Corpus.read(corpus.path, job.patch_folder)
        split = plan(sound, config, sample_rate, latent_size, crop)
        warn_before(job, split, steps, gan_after, batch, export_latents, latent_size)
        accelerator(device)
        training = Training(
            config, causal, latent_size, sample_rate, steps, gan_after, batch, split.crop, job.seed, corpus.fingerprint
        )
        data, checkpoint, model = job.folder / "examples", job.folder / "training.ckpt", job.folder / "model.ts"
        key = f"{corpus.fingerprint} {sample_rate} {split.crop}"
        with quiet():
            use_threads(threads)
            written = write_examples(job, sound, data, key, sample_rate, split, READ)
            if written["seconds_silent"]:
                job.warn(
                    f"{written['seconds_silent']:.1f} s of the corpus are digital silence, which can make the training run away; "
                    "leave silence out of the corpus"
                )
            # The count of frames is exact only now: resampling may have moved the end by a frame.
            held_out = min(split.validation, written["examples"] - 1)
            state = fit(job, training, data, held_out, checkpoint, device, lambda done: READ + (TRAINED - READ) * done)
            job.progress(TRAINED, "writing the model")
            fidelity = state["state_dict"]["fidelity"].numpy()
            count = latents_kept(fidelity, export_latents)
            export(training, state["state_dict"], count, model)
        shutil.rmtree(data)
        card = describe(training, split, written, held_out, state["callbacks"]["glasspatch"], fidelity, count, sound)
        write_atomically(job.folder / "model.json", json.dumps(card, indent=1, sort_keys=True).encode() + b"\n")
        try:
            trust(model)
        except OSError as error:
            job.warn(
                f"the model is made, but could not be noted as trusted ({in_words(error)}); run: glasspatch trust {model.name}"
            )
        return {"model": model}


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


def warn_before(job: Job, split: Split, steps: int, gan_after: int, batch: int, export_latents: int, latent_size: int) -> None:
    """Says before the first step what will come out otherwise than the artist may think."""
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
    most = 2 ** (latent_size.bit_length() - 1)
    rounded = min(2 ** (export_latents - 1).bit_length(), most) if export_latents else 0
    if rounded != export_latents:
        job.warn(f"the model will have {rounded} latents: a power of two, at most latent_size, got {export_latents}")


def describe(
    training: Training,
    split: Split,
    written: Mapping[str, Any],
    held_out: int,
    watched: Mapping[str, Any],
    fidelity: Any,
    count: int,
    sound: Corpus,
) -> dict[str, Any]:
    """The model's card: what made it, from what, and how far it came. Seconds are of sound, ratio is frames per latent frame."""
    told = [float(value) for value in fidelity]
    example = split.chunk / training.sample_rate
    seconds = [0.0] * len(sound.recordings)
    for piece in sound.slices:
        seconds[piece.recording] += (piece.end - piece.start) / sound.recordings[piece.recording].sample_rate
    return {
        "config": training.config,
        "causal": training.causal,
        "steps": training.steps,
        "gan_after": training.gan_after,
        "phase": "GAN" if training.steps > training.gan_after else "VAE",
        "batch": training.batch,
        "crop": training.crop,
        "seed": training.seed,
        "sample_rate": training.sample_rate,
        "ratio": CONFIGS[training.config].ratio,
        "latents": count,
        "latent_size": training.latent_size,
        "fidelity": told,
        "variance": [after - before for before, after in zip([0.0, *told], told, strict=False)],
        "seconds": {
            "corpus": sound.seconds,
            "read": written["seconds_in"],
            "training": (written["examples"] - held_out) * example,
            "validation": held_out * example,
        },
        "losses": {name: value for name, value in watched["losses"].items() if not name.startswith(("fidelity", "beta"))},
        "validation": [list(point) for point in watched["history"]],
        "recordings": [
            {"path": recording.path, "sha256": recording.sha256, "seconds": length}
            for recording, length in zip(sound.recordings, seconds, strict=True)
            if length
        ],
        "license": "CC BY-NC 4.0 (acids-rave)",
    }
