"""Lets a model hear a whole corpus once: the latents of every slice, for all that asks where a sound comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nodes import rave_encoded
from nodes.rave import mean_encoder
from nodes.rave_data import read_mono
from nodes.rave_model import open_model, reset_caches
from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Slice
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import NodeSpec, Port, PortType

AT_ONCE = 64
"""Latent frames that are encoded in one call."""


class EncodeCorpus(JobNode):
    """Lets a model hear the whole corpus once and keeps what it hears: the latents of every slice. Then Nearest recording can
    tell where a sound comes from, and Soft limit keeps your gestures where the model knows what to do. The corpus goes on as it
    is."""

    spec = NodeSpec(
        type="rave.encode",
        title="Encode corpus",
        inputs=(
            Port("model", PortType.MODEL, "the model that listens"),
            Port("corpus", PortType.CORPUS, "the slices that it hears, best those that it was trained on"),
        ),
        outputs=(Port("corpus", PortType.CORPUS, "the same corpus, with its latents"),),
    )

    def run(self, job: Job, model: Artifact, corpus: Artifact) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        if not whole.slices:
            raise NodeError("the corpus holds no slices, so there is nothing to hear")
        opened = open_model(model.path)
        listen = listener(opened, model.path.name, job)
        found = [listen(whole, piece) for piece in job.track(whole.slices, text="listening")]
        rave_encoded.write(job.folder, rave_encoded.encoded(model.fingerprint, found, job.seed))
        whole.write(job.folder)
        return {"corpus": job.folder}


def listener(model: Any, name: str, job: Job) -> Callable[[Corpus, Slice], np.ndarray]:
    """A function that gives the latent frames [frames >= 1, latents] of a slice: the middle of what the model hears; where the
    model is not built so that this can be read, a draw from it, always the same."""
    import torch

    channels, _, _, ratio = (int(number) for number in model.encode_params)
    rate = int(getattr(model, "sr", 44100))
    try:
        encode = mean_encoder(model, name)
    except NodeError:
        job.warn(
            f"{name} does not tell the middle of what it hears, so each latent is one draw: nearness is blurred by that much"
        )
        encode = model.encode

    def listen(corpus: Corpus, piece: Slice) -> np.ndarray:
        reset_caches(model)
        torch.manual_seed(job.seed % 2**32)
        sound = np.concatenate([np.zeros(0, np.float32), *read_mono(corpus, piece, rate)])
        sound = np.pad(sound, (0, -len(sound) % ratio if len(sound) else ratio))
        heard = []
        with torch.inference_mode():
            for start in range(0, len(sound), AT_ONCE * ratio):
                part = torch.from_numpy(sound[start : start + AT_ONCE * ratio]).expand(1, channels, -1)
                heard.append(encode(part).numpy()[0].T.copy())
                job.progress(None, "listening") if start else None
        return np.nan_to_num(np.concatenate(heard))

    return listen
