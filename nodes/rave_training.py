"""The node that trains a RAVE model on a corpus."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from nodes.rave_audition import PHRASE_SECONDS, Shelving, read_original
from nodes.rave_augment import NAMES
from nodes.rave_card import describe
from nodes.rave_checkpoints import CHECKPOINT, OLDER, alone_in, read_checkpoint, take_over
from nodes.rave_data import Split, order_of, read_examples, write_examples
from nodes.rave_lightning import Machine, accelerator, fit
from nodes.rave_package import Training, export, latents_kept, quiet, use_threads
from nodes.rave_plan import CONFIGS, plan, seconds_of, shelf_steps, tell_plan, warn_before
from nodes.rave_ranks import require_gpus
from runtime import shelf
from runtime.artifacts import Artifact, hash_file, write_atomically
from runtime.corpus import Corpus
from runtime.errors import NodeError, in_words
from runtime.node import Job, JobNode
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, NodeSpec, PathParam, Port, PortType, TextParam
from runtime.trust import trust

READ, TRAINED = 0.02, 0.97
"""Where reading the corpus and training end, as parts of the whole job."""

EXAMPLES = "examples"
"""The folder of what the training reads; it goes when the training is done."""


class RaveTrainer(JobNode):
    """Trains a RAVE model on your corpus: a network that learns to pack its sound into a few numbers (the latents) and to
    make sound from them again, fast enough to be played.

    A training has two phases. In the first (VAE) the model learns what your sounds are; after `gan_after` steps the latents
    stay as they are, and a second network, the critic, teaches the model detail and sharpness (GAN). Training takes long: a
    sketch some tens of minutes, a good model days. You may stop at any time; the next run goes on at the same step, and with more
    `steps` a finished training goes on too. Beside the model lies `model.json`, which tells what it was made of.

    On its way the training puts models on its shelf, each with a test phrase and a walk through its latents that were played
    through the model as it will be played: listen, and star the best. `latest` and `best` give a decoder the newest and the
    starred one, also while the training goes on. Until the second phase the latents change their meaning from one to the next.

    RAVE is by A. Caillon and P. Esling; acids-rave and what is trained with it are licensed CC BY-NC 4.0 (not commercial).
    """

    spec = NodeSpec(
        type="rave.trainer",
        title="RAVE trainer",
        inputs=(Port("corpus", PortType.CORPUS, "the sound to learn; a minute for a sketch, hours for a good model"),),
        outputs=(
            Port("model", PortType.MODEL, "the streaming model, ready to be played"),
            Port("latest", PortType.MODEL, "the newest on the shelf, also while the training goes on", standing=True),
            Port("best", PortType.MODEL, "the one on the shelf that was starred last", standing=True),
        ),
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
                further=True,
                doc="length of the whole training; more of them go on. On a CPU a step takes 0.4 (raspberry) to 13 s (v2)",
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
                further=True,
                doc="latents of the finished model, rounded up to 1, 2, 4, 8, ...; 0 keeps as many as `fidelity` wants",
            ),
            FloatParam(
                name="fidelity",
                default=0.95,
                low=0.5,
                high=0.999,
                live=False,
                further=True,
                doc="how much of what the sounds differ in its latents shall explain, where `export_latents` is 0",
            ),
            BoolParam(
                name="causal",
                default=True,
                live=False,
                doc="answers at once (6 ms); off sounds a little better and answers 66 to 140 ms late",
            ),
            BoolParam(
                name="noise",
                default=False,
                live=False,
                doc="adds a noise synthesiser to raspberry, v2 and v3, for breath, wind and rattle (v1 and v2_small have one)",
            ),
            BoolParam(
                name="vary_pitch",
                default=False,
                live=False,
                doc="every second example is played faster or slower, like a tape",
            ),
            BoolParam(
                name="vary_gain", default=False, live=False, doc="every second example is made softer or louder, -6 to 3 dB"
            ),
            BoolParam(
                name="vary_compress",
                default=False,
                live=False,
                doc="every second example is compressed: what is soft comes forward",
            ),
            BoolParam(name="vary_mute", default=False, live=False, doc="one example in ten is made almost silent"),
            PathParam(
                name="warm_start",
                required=False,
                doc="begins with the weights of another model, where they fit: a checkpoint (.ckpt), or a model (.ts) you trust",
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
                incidental=True,
                doc="where to train; auto takes a CUDA GPU where there is one, else the CPU. RAVE's makers do not support mps",
            ),
            IntParam(
                name="threads",
                default=0,
                low=0,
                high=256,
                live=False,
                incidental=True,
                doc="CPU cores to train on; 0 takes all but one, left for playing (on busy cores a step takes ten times as long)",
            ),
            IntParam(
                name="gpus",
                default=1,
                low=1,
                high=16,
                live=False,
                incidental=True,
                doc="CUDA GPUs to train on at once; each hears its part of every batch, so that a large batch is faster",
            ),
            ChoiceParam(
                name="precision",
                default="32",
                choices=("32", "bf16"),
                live=False,
                incidental=True,
                doc="bf16 computes in half the bits where that is safe: less memory and faster on newer GPUs",
            ),
            IntParam(
                name="shelf_every",
                default=0,
                low=0,
                high=20_000_000,
                unit="steps",
                live=False,
                incidental=True,
                doc="a model is put on the shelf after every so many steps; 0 is a twentieth of the training, but 250 at least",
            ),
            IntParam(
                name="shelf_keep",
                default=5,
                low=1,
                high=1000,
                live=False,
                incidental=True,
                doc="the newest models that stay on the shelf, besides the starred; of older ones only the sounds do",
            ),
            TextParam(name="licence", live=False, further=True, doc="under what licence the model may be used; for the card"),
            TextParam(
                name="consent", live=False, further=True, doc="whose voices and recordings, and what they agreed to; for the card"
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
        fidelity: float,
        causal: bool,
        noise: bool,
        vary_pitch: bool,
        vary_gain: bool,
        vary_compress: bool,
        vary_mute: bool,
        warm_start: Path | None,
        batch: int,
        crop: int,
        sample_rate: int,
        device: str,
        threads: int,
        gpus: int,
        precision: str,
        shelf_every: int,
        shelf_keep: int,
        licence: str,
        consent: str,
    ) -> dict[str, Path]:
        sound = Corpus.read(corpus.path, job.patch_folder)
        split = plan(sound, config, sample_rate, latent_size, crop)
        varied = {"pitch": vary_pitch, "gain": vary_gain, "compress": vary_compress, "mute": vary_mute}
        training = Training(
            config,
            causal,
            latent_size,
            sample_rate,
            steps,
            gan_after,
            batch,
            split.crop,
            job.seed,
            corpus.fingerprint,
            noise and not CONFIGS[config].noise,
            tuple(name for name in NAMES if varied[name]),
            _hash(warm_start),
        )
        if noise and CONFIGS[config].noise:
            job.warn(f"{config} has a noise synthesiser anyway; noise changes nothing")
        warn_before(job, training, split, export_latents)
        require_gpus(gpus, accelerator(device), batch)
        shelving = Shelving(job, training, export_latents, shelf_keep, share)
        machine = Machine(device, precision, warm_start, shelving.put, shelf_steps(training, shelf_every), gpus)
        checkpoint, model = job.folder / CHECKPOINT, job.folder / "model.ts"
        with alone_in(job.folder), quiet():
            use_threads(threads)
            take_over(job, checkpoint)
            if job.before is not None:
                shelf.take_over(job.before, job.folder)
            state = done(job, training, checkpoint)
            if state is None:
                seconds, held_out = read(job, training, sound, split, shelving)
                told = {"seconds": seconds}
                state = fit(job, training, job.folder / EXAMPLES, held_out, checkpoint, device, share, machine, told)
                state["callbacks"]["glasspatch"].setdefault("seconds", seconds)
            else:
                shelving.phrase = read_original(job.folder)
            job.progress(TRAINED, "writing the model")
            watched, weights, step = state["callbacks"]["glasspatch"], state["state_dict"], int(state["global_step"])
            explained = weights["fidelity"].numpy()
            count = latents_kept(explained, export_latents, fidelity)
            export(training, weights, count, model)
            measures = shelving.put(step, weights, watched["losses"], model, count)
        shutil.rmtree(job.folder / EXAMPLES, ignore_errors=True)
        checkpoint.with_name(OLDER).unlink(missing_ok=True)
        rights = {"licence": licence, "consent": consent}
        card = describe(training, step, sound, watched["seconds"], watched, explained, count, rights, measures)
        write_atomically(job.folder / "model.json", json.dumps(card, indent=1, sort_keys=True).encode() + b"\n")
        dropped = card["dropped"]
        rest = f"{dropped['latents']} are left out, with {100 * dropped['variance']:.1f} % of what the sounds differ in"
        job.tell(f"the model has {count} latents; {rest}", {"card": card})
        try:
            trust(model)
        except OSError as error:
            job.warn(
                f"the model is made, but could not be noted as trusted ({in_words(error)}); run: glasspatch trust {model.name}"
            )
        return {"model": model}


def share(done: float) -> float:
    """A part of the training as a part of the whole job."""
    return READ + (TRAINED - READ) * done


def _hash(file: Path | None) -> str:
    if file is not None and not file.is_file():
        raise NodeError(f"there is no file {file.name} beside the patch for a warm start; choose another, or none")
    return hash_file(file) if file is not None else ""


def done(job: Job, training: Training, checkpoint: Path) -> dict[str, Any] | None:
    """The last checkpoint of a training that has made all its steps already, so that only its model is to be written."""
    state = read_checkpoint(checkpoint, training.key, job.warn)
    if state is None or state["global_step"] < training.steps or "seconds" not in state["callbacks"]["glasspatch"]:
        return None
    if state["global_step"] > training.steps:
        job.warn(
            f"it has been trained for {state['global_step']} steps already and keeps them, though steps is {training.steps}; "
            "star an earlier step on its shelf, or run it with --force"
        )
    return state


def read(job: Job, training: Training, sound: Corpus, split: Split, shelving: Shelving) -> tuple[dict[str, float], int]:
    """Writes the examples and tells what is in them; gives the seconds (see `seconds_of`) and how many examples are held out."""
    rate, folder = training.sample_rate, job.folder / EXAMPLES
    written = write_examples(job, sound, folder, f"{training.corpus} {rate} {split.crop}", rate, split, READ)
    if written["seconds_silent"] >= written["examples"] * split.chunk / rate:
        raise NodeError("the corpus is digital silence; let its node keep recordings in which something sounds")
    if written["seconds_silent"]:
        job.warn(
            f"{written['seconds_silent']:.1f} s of the corpus are digital silence, which can make the training run away; "
            "leave silence out of the corpus"
        )
    # The count of frames is exact only now: resampling may have moved the end by a frame.
    held_out = min(split.validation, written["examples"] - 1)
    seconds = seconds_of(sound, split, written, held_out, rate)
    tell_plan(job, training, sound, seconds)
    order = order_of(written["examples"], training.seed)
    needed = int(PHRASE_SECONDS * rate) // split.chunk + 1
    shelving.phrase = read_examples(folder, [int(one) for one in order[:held_out][:needed]])[: int(PHRASE_SECONDS * rate)]
    return seconds, held_out
