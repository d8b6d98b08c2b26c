"""RAVE models: opening a file of the artist's, sound from latents (decoder), latents from sound (encoder)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from nodes.rave_inspect import try_model
from nodes.rave_model import open_model, quick_decode, warm_up
from runtime.artifacts import Artifact
from runtime.errors import NodeError
from runtime.node import Block, Job, JobNode, Stream, StreamNode
from runtime.reblock import Collect, Deliver
from runtime.spec import ChoiceParam, NodeSpec, PathParam, Port, PortType

OPENING, LETTING_GO = 0.5, 0.25
"""Seconds for which opening a model keeps Python to itself at most, and letting it go: twice the 0.24 and 0.1 that were measured,
with v2 and smaller ones."""
FOUND = "found.json"
"""What was found out about a model, beside the record of the node that brings it in."""


class OpensModel:
    """Part of a node that plays a model. Opening one and letting it go keep Python to themselves for a moment, in which all that
    sounds must go on."""

    joins: bool
    """Whether there was a sound when the model was opened."""

    def open(self, stream: Stream, path: Path) -> Any:
        """`open_model`; raises NodeError as well where the model has another sample rate than the patch."""
        self._stream = stream
        self.joins = stream.play_ahead(OPENING)
        model = open_model(path)
        rate = getattr(model, "sr", stream.sample_rate)
        if rate != stream.sample_rate:
            raise NodeError(
                f"{path.name} was trained at {rate} Hz and the patch runs at {stream.sample_rate} Hz; set the patch's "
                f"sample_rate to {rate}"
            )
        return model

    def close(self) -> None:
        if "_stream" in vars(self):
            self._stream.play_ahead(LETTING_GO)
        for name in ("model", "encode", "decode", "call"):  # all that leads to it
            vars(self).pop(name, None)


class Dice:
    """Sets torch's generator before each call, from a seed and the call's place in time, so that what a model draws does not
    depend on the block length, on other nodes, or on what was played before."""

    def __init__(self, seed: int) -> None:
        import torch

        self.seed = seed
        self._set = torch.default_generator.manual_seed

    def throw(self, frame: int) -> None:
        # torch's CPU generator takes 32 bits. The upper half of a product with an odd constant (two of splitmix64's) depends on
        # all bits of seed and frame, so that neighbours draw numbers of their own.
        self._set(((self.seed * 0x9E3779B97F4A7C15 + frame * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF) >> 32)


def dice(stream: Stream, noise: str) -> Dice:
    """With noise `on`, the dice fall differently each time the node is prepared."""
    return Dice(int.from_bytes(os.urandom(7), "little") if noise == "on" else stream.seed)


class RaveFile(JobNode):
    """A RAVE model from a file: one that you trained elsewhere, or were given. It must be a streaming export (`rave export
    --streaming`), and since a model is code, you are asked once whether you trust it. It is tried before it is played: what it
    is, how fast it is here and how soon it answers."""

    spec = NodeSpec(
        type="rave.file",
        title="RAVE model",
        outputs=(Port("model", PortType.MODEL, "the model in the file"),),
        params=(PathParam(name="path", doc="a streaming model, .ts, beside the patch"),),
    )

    def run(self, job: Job, path: Path) -> dict[str, Path]:
        found = try_model(path, lambda words: job.progress(None, words), job.is_cancelled)
        for words in found["refusals"]:
            raise NodeError(words)
        for words in found["warnings"]:
            job.warn(words)
        (job.folder / FOUND).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return {"model": path}


class RaveDecoder(OpensModel, StreamNode):
    """Makes sound from latents: the instrument itself. Each latent frame becomes 512 (v2_small) or 2048 frames of sound; the
    latents are read at the moment at which a frame begins, so the sound follows at once. Latents that the gesture does not
    give stay at 0, the middle of what the model has learned.
    """

    spec = NodeSpec(
        type="rave.decoder",
        title="RAVE decoder",
        inputs=(
            Port("model", PortType.MODEL, "the model to play"),
            Port("latent", PortType.CONTROL, "one dimension per latent; about -3 to 3 is what the model knows"),
        ),
        outputs=(Port("audio", PortType.AUDIO, "the model's sound, in as many channels as it was trained on"),),
        params=(
            ChoiceParam(
                name="noise",
                default="seeded",
                choices=("seeded", "zero", "on"),
                live=False,
                doc="what fills the latents that the export dropped, and the noise that some models draw themselves. seeded: the "
                "same each time; zero: dropped latents stay in the middle, the steadiest sound; on: never twice the same",
            ),
        ),
    )

    def prepare(self, stream: Stream, model: Artifact, noise: str) -> None:
        import torch

        self.model = self.open(stream, model.path)
        latents, self.ratio, _, _ = (int(number) for number in self.model.decode_params)
        self.latents = latents
        given = len(stream.names.get("latent", ()))
        if given > latents:
            raise NodeError(
                f"{model.path.name} has {latents} latents and is given {given}; choose {latents} of them before the decoder"
            )
        if noise == "zero":
            # decode() draws a value for each latent that it is not given: given all of them, it draws none.
            if not hasattr(self.model, "latent_pca"):
                raise NodeError(
                    f"{model.path.name} has no axes of its dropped latents (it is not variational); set noise to seeded"
                )
            latents = self.model.latent_pca.shape[0]
        self.dice = dice(stream, noise)
        self.latent = torch.zeros(1, latents, 1)
        self.values = self.latent.numpy()[0, :, 0]
        self.deliver = Deliver()
        self.inference = torch.inference_mode()
        if self.joins:  # making it quick would keep Python for another half a second
            self.decode = self.model.decode
            warm_up(self.model, lambda: self.decode(self.latent))
        else:
            self.decode = quick_decode(self.model, self.latent)

    def process(self, block: Block, latent: np.ndarray) -> dict[str, np.ndarray]:
        deliver, frames = self.deliver, block.frames
        if deliver.ready < frames:
            dims, steps = min(len(latent), self.latents), latent.shape[1]
            with self.inference:
                while deliver.ready < frames:
                    self.values[:dims] = latent[:dims, deliver.ready * steps // frames]
                    self.dice.throw(block.start + deliver.ready)
                    deliver.put(self.decode(self.latent).numpy()[0])
        return {"audio": deliver.take(frames)}


class RaveEncoder(OpensModel, StreamNode):
    """Listens: turns a sound into the latents with which the model would say it. Connect it to a decoder to hear your sound
    spoken by the model. A latent frame is known when all of its sound has come in, 512 or 2048 frames later.
    """

    spec = NodeSpec(
        type="rave.encoder",
        title="RAVE encoder",
        inputs=(
            Port("model", PortType.MODEL, "the model that listens"),
            Port("audio", PortType.AUDIO, "any sound; mixed to mono unless it has as many channels as the model"),
        ),
        outputs=(Port("latent", PortType.CONTROL, "z0, z1, ...: the model's latents, most telling first"),),
        params=(
            ChoiceParam(
                name="noise",
                default="seeded",
                choices=("seeded", "zero", "on"),
                live=False,
                doc="RAVE hears a sound as a cloud and draws a point of it. seeded: the same each time; zero: the middle of the "
                "cloud, the steadiest; on: never twice the same",
            ),
        ),
    )

    def prepare(self, stream: Stream, model: Artifact, noise: str) -> None:
        import torch

        self.model = self.open(stream, model.path)
        self.channels, _, self.latents, ratio = (int(number) for number in self.model.encode_params)
        stream.name("latent", [f"z{number}" for number in range(self.latents)])
        stream.delay(ratio)
        self.collect = Collect(ratio, self.channels)
        self.encode = mean_encoder(self.model, model.path.name) if noise == "zero" else self.model.encode
        self.dice = dice(stream, noise)
        self.inference, self.tensor = torch.inference_mode, torch.from_numpy
        self.now = np.zeros(self.latents, np.float32)
        silence = torch.zeros(1, self.channels, ratio)
        warm_up(self.model, lambda: self.encode(silence))

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        if audio.shape[0] != self.channels:
            audio = np.broadcast_to(audio.mean(axis=0), (self.channels, audio.shape[1]))
        latent = np.empty((self.latents, block.steps), np.float32)
        shown = 0
        for used, frame in self.collect.feed(audio):
            # A latent shows from the first step that begins when its frame is complete, at every block length the same.
            step = -(-used * block.steps // block.frames)
            latent[:, shown:step] = self.now[:, None]
            shown = step
            self.dice.throw(block.start + used)
            with self.inference():
                self.now = self.encode(self.tensor(frame)[None]).numpy()[0, :, 0].copy()
        latent[:, shown:] = self.now[:, None]
        return {"latent": latent}


def mean_encoder(model: Any, name: str) -> Any:
    """A function like model.encode that gives the mean of the posterior instead of a draw from it.

    It does what the export's encode() does, from the parts. Raises NodeError where the model is not built of them."""
    import torch

    refusal = NodeError(f"{name} is not built so that the middle of its latents can be read; set noise to seeded")
    size = model.latent_pca.shape[0] if hasattr(model, "latent_pca") else 0
    if not size or getattr(model, "resampler", None) is not None or getattr(model, "input_mode", "pqmf") != "pqmf":
        raise refusal
    axes, mean = model.latent_pca.unsqueeze(-1), model.latent_mean.unsqueeze(-1)
    count = int(model.encode_params[2])

    def encode(audio: Any) -> Any:
        bands = model.pqmf(audio.reshape(-1, 1, audio.shape[-1]))
        both = model.encoder(bands.reshape(audio.shape[0], -1, bands.shape[-1]))
        return torch.conv1d(both[:, :size] - mean, axes)[:, :count]

    try:
        with torch.inference_mode():
            encode(torch.zeros(1, int(model.encode_params[0]), int(model.encode_params[3])))
    except Exception as error:  # whatever the model's own code raises
        raise refusal from error
    return encode
