"""Playing models in other ways than from latents alone: sound into sound, a model that goes on by itself, two models at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nodes.rave import OpensModel, RaveDecoder, dice, mean_encoder
from nodes.rave_model import warm_up
from runtime.artifacts import Artifact
from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.reblock import Collect, Deliver
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, Port, PortType

NOISES = ("seeded", "zero", "on")


class RaveForward(OpensModel, StreamNode):
    """Timbre transfer: a sound goes through the model and comes out in its voice. Encoder and decoder in one; take the two nodes
    instead to change the latents on the way. The answer begins when a latent frame of the sound has come in, 512 or 2048 frames
    later."""

    spec = NodeSpec(
        type="rave.forward",
        title="Timbre transfer",
        inputs=(
            Port("model", PortType.MODEL, "the model whose voice it shall be"),
            Port("audio", PortType.AUDIO, "any sound; mixed to mono unless it has as many channels as the model"),
        ),
        outputs=(Port("audio", PortType.AUDIO, "the sound as the model says it"),),
        params=(
            ChoiceParam(
                name="noise",
                default="seeded",
                choices=NOISES,
                live=False,
                doc="what the model draws when it listens and when it speaks. seeded: the same each time; zero: the middle of "
                "what it hears, the steadiest; on: never twice the same",
            ),
        ),
    )

    def prepare(self, stream: Stream, model: Artifact, noise: str) -> None:
        import torch

        self.model = self.open(stream, model.path)
        self.channels, _, latents, ratio = (int(number) for number in self.model.encode_params)
        stream.delay(ratio)
        self.call = self.model.forward if noise != "zero" else steady(self.model, model.path.name, latents)
        self.collect, self.deliver = Collect(ratio, self.channels), Deliver()
        self.dice = dice(stream, noise)
        self.inference, self.tensor = torch.inference_mode, torch.from_numpy
        silence = torch.zeros(1, self.channels, ratio)
        warm_up(self.model, lambda: self.call(silence))
        self.deliver.put(np.zeros((int(self.model.decode_params[2]), ratio), np.float32))

    def process(self, block: Block, audio: np.ndarray) -> dict[str, np.ndarray]:
        if audio.shape[0] != self.channels:
            audio = np.broadcast_to(audio.mean(axis=0), (self.channels, audio.shape[1]))
        for used, frame in self.collect.feed(audio):
            self.dice.throw(block.start + used)
            with self.inference():
                self.deliver.put(self.call(self.tensor(frame)[None]).numpy()[0])
        return {"audio": self.deliver.take(block.frames)}


def steady(model: Any, name: str, latents: int) -> Any:
    """A function like model.forward that draws nothing: the mean of what it hears, and 0 for the latents that the export dropped.
    Raises NodeError where the model is not built so that this can be known."""
    import torch

    encode = mean_encoder(model, name)
    size = model.latent_pca.shape[0]

    def forward(audio: Any) -> Any:
        heard = encode(audio)
        # decode() draws a value for each latent that it is not given: given all of them, it draws none.
        return model.decode(torch.cat([heard, torch.zeros(heard.shape[0], size - latents, heard.shape[2])], 1))

    return forward


class RavePrior(OpensModel, StreamNode):
    """Goes on by itself: a model that was exported with a prior (it has learnt which latents follow which) makes up latents, one
    frame after the other. Lead them to the decoder of the same model."""

    spec = NodeSpec(
        type="rave.prior",
        title="Prior",
        inputs=(Port("model", PortType.MODEL, "a model that was exported with a prior"),),
        outputs=(Port("latent", PortType.CONTROL, "z0, z1, ...: what the model makes up"),),
        params=(
            FloatParam(
                name="temperature",
                default=1.0,
                low=0.0,
                high=4.0,
                doc="how daring it is: at 0 it always takes what is likeliest, above 1 more and more of what is not",
            ),
            ChoiceParam(
                name="noise",
                default="seeded",
                choices=("seeded", "on"),
                live=False,
                doc="what it draws. seeded: the same each time; on: never twice the same",
            ),
        ),
    )

    def prepare(self, stream: Stream, model: Artifact, noise: str) -> None:
        import torch

        self.model = self.open(stream, model.path)
        if not hasattr(self.model, "prior_params"):
            raise NodeError(
                f"{model.path.name} has no prior: it was exported without one; lead a gesture to the decoder instead, or train a "
                "prior with rave train_prior and export both"
            )
        _, self.ratio, latents, _ = (int(number) for number in self.model.prior_params)
        stream.name("latent", [f"z{number}" for number in range(latents)])
        self.dice = dice(stream, noise)
        self.temperature = torch.ones(1, 1, 1)
        self.inference = torch.inference_mode
        warm_up(self.model, lambda: self.model.prior(self.temperature))
        self.now = np.zeros(latents, np.float32)
        self.left = 0
        """Frames until the next latent."""

    def process(self, block: Block, temperature: float) -> dict[str, np.ndarray]:
        latent = np.empty((len(self.now), block.steps), np.float32)
        shown, at = 0, self.left
        while at < block.frames:
            step = -(-at // STEP)
            latent[:, shown:step] = self.now[:, None]
            shown = step
            self.dice.throw(block.start + at)
            with self.inference():
                self.temperature.fill_(temperature)
                self.now = self.model.prior(self.temperature).numpy()[0, :, 0].copy()
            at += self.ratio
        self.left = at - block.frames
        latent[:, shown:] = self.now[:, None]
        return {"latent": latent}


class RaveCrossfade(StreamNode):
    """Two models at once: the same latents play both, and you fade from one to the other, equally loud on the way. They need not
    have the same number of latents or the same frame length. Both play all the time, so that a fade begins at once: it costs
    as much as two decoders."""

    spec = NodeSpec(
        type="rave.crossfade",
        title="Two models",
        inputs=(
            Port("model", PortType.MODEL, "the model that is heard at 0"),
            Port("other", PortType.MODEL, "the model that is heard at 1"),
            Port("latent", PortType.CONTROL, "one dimension per latent; a model with fewer takes the first of them"),
        ),
        outputs=(Port("audio", PortType.AUDIO, "both models' sounds, mixed"),),
        params=(
            FloatParam(name="fade", default=0.0, low=0.0, high=1.0, smooth=True, doc="0 is the one model, 1 is the other"),
            ChoiceParam(
                name="noise",
                default="seeded",
                choices=NOISES,
                live=False,
                doc="as in the decoder: seeded is the same each time, zero the steadiest, on never twice the same",
            ),
        ),
    )

    def prepare(self, stream: Stream, model: Artifact, other: Artifact, noise: str) -> None:
        given = len(stream.names.get("latent", ()))
        self.voices = []
        for number, one in enumerate((model, other)):
            voice = RaveDecoder()
            voice.prepare(replace(stream, names={}, seed=stream.seed + number), one, noise)
            self.voices.append(voice)
        most = max(voice.latents for voice in self.voices)
        if given > most:
            raise NodeError(f"the models have {most} latents at most and are given {given}; choose {most} of them before")

    def process(self, block: Block, latent: np.ndarray, fade: Any) -> dict[str, np.ndarray]:
        one, other = (voice.process(block, latent)["audio"] for voice in self.voices)
        angle = fade * np.float32(np.pi / 2)
        mixed = one * np.cos(angle, dtype=np.float32) + other * np.sin(angle, dtype=np.float32)
        return {"audio": mixed}

    def close(self) -> None:
        for voice in getattr(self, "voices", ()):
            voice.close()
