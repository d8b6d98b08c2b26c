"""Small jobs that run in real child processes: they succeed, fail, die, fill the disk, and go on where they stopped."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.registry import Registry
from runtime.spec import ChoiceParam, FloatParam, IntParam, NodeSpec, PathParam, Port, PortType

CORPUS_OUT = Port("corpus", PortType.CORPUS, "what was made")


class Make(JobNode):
    """Writes a number, the seed and the threads it may use, and how nice it is."""

    spec = NodeSpec(type="fake.make", title="Make", outputs=(CORPUS_OUT,), params=(IntParam(name="number", default=1),))

    def run(self, job: Job, number: int) -> dict[str, Path]:
        threads = os.environ["OPENBLAS_NUM_THREADS"]
        (job.folder / "made.txt").write_text(f"{number} {job.seed} {threads}")
        (job.folder / "nice.txt").write_text(str(os.nice(0)))
        print("a library prints what it likes")
        return {"corpus": job.folder}


class Copy(JobNode):
    """Reads what another job made."""

    spec = NodeSpec(
        type="fake.copy",
        title="Copy",
        inputs=(Port("corpus", PortType.CORPUS, "what to copy"),),
        outputs=(CORPUS_OUT,),
        params=(PathParam(name="path", required=False),),
    )

    def run(self, job: Job, corpus, path: Path | None) -> dict[str, Path]:
        job.warn("one of the sounds is soft")
        (job.folder / "made.txt").write_text((corpus.path / "made.txt").read_text() + (path.read_text() if path else ""))
        return {"corpus": job.folder}


class Steps(JobNode):
    """Counts up in a file, and goes on where it stopped."""

    spec = NodeSpec(
        type="fake.steps",
        title="Steps",
        outputs=(CORPUS_OUT,),
        params=(IntParam(name="steps", default=20), FloatParam(name="pause", default=0.02)),
    )

    def run(self, job: Job, steps: int, pause: float) -> dict[str, Path]:
        file = job.folder / "steps.txt"
        done = int(file.read_text()) if file.exists() else 0
        (job.folder / "began.txt").write_text(str(done))
        for step in range(done, steps):
            time.sleep(pause)
            file.write_text(str(step + 1))
            job.progress((step + 1) / steps, f"step {step + 1}")
        return {"corpus": job.folder}


class Grow(JobNode):
    """Counts up in a file, and goes on from the count that it made before."""

    spec = NodeSpec(
        type="fake.grow",
        title="Grow",
        outputs=(CORPUS_OUT, Port("latest", PortType.MODEL, "the newest on its shelf", standing=True)),
        params=(
            IntParam(name="first", default=0),
            IntParam(name="steps", default=3, further=True),
            IntParam(name="threads", default=1, incidental=True),
        ),
    )

    def run(self, job: Job, first: int, steps: int, threads: int) -> dict[str, Path]:
        here, before = job.folder / "count.txt", job.before / "count.txt" if job.before else None
        told = next((file.read_text() for file in (here, before) if file and file.exists()), str(first))
        if told == "7":
            raise NodeError("seven is too much")
        here.write_text(f"{int(told.split()[-1])} {first + steps}")
        job.tell("", {"step": first + steps})
        job.tell(f"counted to {first + steps}", {"odd": steps % 2 == 1})
        return {"corpus": job.folder}


class Bad(JobNode):
    """Goes wrong in the way it is told to."""

    spec = NodeSpec(
        type="fake.bad",
        title="Bad",
        outputs=(CORPUS_OUT,),
        params=(ChoiceParam(name="way", default="refuse", choices=("refuse", "raise", "die", "full", "forget", "deaf")),),
    )

    def run(self, job: Job, way: str) -> dict[str, Path]:
        if way == "refuse":
            raise NodeError("the corpus has 3 seconds; record at least 10")
        if way == "raise":
            raise KeyError("colour")
        if way == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if way == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            (job.folder / "big.bin").write_bytes(b"x" * 100_000)
        if way == "deaf":
            job.report(0.1, "deaf")
            time.sleep(60)
        return {"corpus": job.folder / "never_written"}


def registry() -> Registry:
    found = Registry()
    for node in (Make, Copy, Steps, Grow, Bad):
        found.add(node)
    return found
