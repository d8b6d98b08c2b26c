"""A job that learns nothing but the level of a corpus, slowly: it is sent to other machines by the tests."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Recording, Slice
from runtime.node import Job, JobNode
from runtime.registry import Registry
from runtime.spec import ChoiceParam, FloatParam, IntParam, NodeSpec, PathParam, Port, PortType


class Gather(JobNode):
    """Two recordings of which one and a half are used."""

    spec = NodeSpec(
        type="carry.gather",
        title="Gather",
        outputs=(Port("corpus", PortType.CORPUS, "the slices"),),
        params=(IntParam(name="until", default=3000),),
    )

    def run(self, job: Job, until: int) -> dict[str, Path]:
        recordings = (Recording("tapes/a.wav", "a" * 64, 8000, 1, 8000), Recording("tapes/b.wav", "b" * 64, 8000, 2, 4000))
        Corpus(job.patch_folder, recordings, (Slice(0, 1000, until), Slice(1, 0, 4000))).write(job.folder)
        return {"corpus": job.folder}


class Learn(JobNode):
    """Hears the corpus `steps` times; goes on where it stopped."""

    spec = NodeSpec(
        type="carry.learn",
        title="Learn",
        inputs=(Port("corpus", PortType.CORPUS, "what to hear"),),
        outputs=(Port("model", PortType.MODEL, "the levels"),),
        params=(
            IntParam(name="steps", default=20, further=True),
            FloatParam(name="pause", default=0.05),
            ChoiceParam(name="device", default="slow", choices=("slow", "quick"), incidental=True),
            PathParam(name="path", required=False),
            PathParam(name="folder", required=False, what="folder"),
        ),
    )
    scratch = ("examples",)

    def run(
        self, job: Job, corpus: Artifact, steps: int, pause: float, device: str, path: Path | None, folder: Path | None
    ) -> dict[str, Path]:
        sound = Corpus.read(corpus.path, job.patch_folder)
        (job.folder / "examples").mkdir(exist_ok=True)
        (job.folder / "examples" / "data.bin").write_bytes(b"x" * 10_000)
        state = job.folder / "state.json"
        told = json.loads(state.read_text()) if state.exists() else {"done": 0, "began": []}
        if job.before is not None and not state.exists():
            told = json.loads((job.before / "state.json").read_text())
        told["began"].append(told["done"])
        levels = [float(np.abs(sound.load(piece)).mean()) for piece in sound.slices]
        for step in range(told["done"], steps):
            time.sleep(pause if device == "slow" else 0.0)
            state.write_text(json.dumps({**told, "done": step + 1}))
            job.progress((step + 1) / steps, f"step {step + 1}")
        (job.folder / "shelf").mkdir(exist_ok=True)
        (job.folder / "shelf" / "step_10.ts").write_text("half way")
        (job.folder / "model.ts").write_text(
            json.dumps({"levels": levels, "seed": job.seed, "device": device, "words": path.read_text() if path else ""})
        )
        return {"model": job.folder / "model.ts"}


def registry() -> Registry:
    found = Registry()
    for node in (Gather, Learn):
        found.add(node)
    return found
