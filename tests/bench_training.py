"""The figures of training beside acids-rave's own scripts: `make bench-training` prints them as a table.

Both train in processes of their own, in turn (ours, theirs, theirs, ours and so on), on the same examples, with the same config,
batch, crop and number of threads. Theirs is the package's `scripts/train.py` as it is; a callback of Lightning's notes the times
in both.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nodes.rave_audition import Shelving
from nodes.rave_data import mix, split_corpus, write_examples
from nodes.rave_package import Training, build, import_rave, quiet
from nodes.rave_plan import CONFIGS, SHELF_LEAST
from nodes.rave_training import RaveTrainer
from runtime.artifacts import Artifact, find_files, fingerprint, hash_file
from runtime.corpus import Corpus, Recording, Slice
from runtime.node import Job
from runtime.spec import PortType
from tests.drive import params_of
from tests.media import archive

ROOT = Path(__file__).resolve().parent.parent
RATE = 44100
WARM_UP = 3
"""Steps at the beginning of each phase that are not counted: oneDNN chooses its kernels in them."""


@dataclass(frozen=True)
class Setup:
    """One training. `theirs` is the folder of examples that `rave train` reads, `sound` the patch folder that ours reads."""

    who: str
    config: str
    steps: int
    gan_after: int
    batch: int
    crop: int
    threads: int
    workers: int
    seed: int
    sound: str
    theirs: str
    weights: str = ""
    """Where to write the weights of the last step; nowhere if empty."""


# In the child


def spent_since(wall: float, cpu: float) -> list[float]:
    """[when, seconds, seconds of CPU] of what began at these times and ends now."""
    return [time.perf_counter(), time.perf_counter() - wall, time.process_time() - cpu]


def clock(told: dict[str, list[Any]], setup: Setup) -> Any:
    """Lightning's callback that notes when each step begins and ends, and writes the weights of the last one."""
    import pytorch_lightning as pl
    import torch

    class Clock(pl.Callback):
        def on_fit_start(self, trainer: Any, module: Any) -> None:
            # The trainer makes a few steps beforehand to see how long they take.
            for one in told.values():
                one.clear()
            told["weights"].append(float(sum(weights.double().abs().sum() for weights in module.parameters())))

        def on_validation_start(self, trainer: Any, module: Any) -> None:
            self.began = time.perf_counter(), time.process_time()

        def on_validation_end(self, trainer: Any, module: Any) -> None:
            told["beside"].append(spent_since(*self.began))

        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
            told["starts"].append(time.perf_counter())
            told["cpu"].append(time.process_time())

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            told["ends"].append(time.perf_counter())
            if setup.weights and len(told["ends"]) == setup.steps:
                torch.save(module.state_dict(), setup.weights)

    return Clock()


def child(setup: Setup) -> dict[str, Any]:
    """Trains; gives the times of the steps and the peak of the process's memory in bytes."""
    import_rave()
    import pytorch_lightning as pl
    import torch

    told: dict[str, list[Any]] = {"starts": [], "ends": [], "cpu": [], "beside": [], "shelved": [], "weights": []}
    begin = pl.Trainer.__init__

    def watched(self: Any, *arguments: Any, callbacks: Sequence[Any] = (), **options: Any) -> None:
        begin(self, *arguments, callbacks=[*callbacks, clock(told, setup)], **options)

    pl.Trainer.__init__ = watched
    torch.manual_seed(mix(setup.seed, 4))  # as our trainer does before it builds its model: both begin from the same weights
    np.random.seed(setup.seed)
    with tempfile.TemporaryDirectory() as folder:
        if setup.who == "ours":
            ours(setup, Path(folder), told)
        else:
            theirs(setup, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {**told, "peak": peak, "workers": workers.ru_maxrss * 1024, "loading": workers.ru_utime + workers.ru_stime}


def ours(setup: Setup, folder: Path, told: dict[str, list[Any]]) -> None:
    put = Shelving.put

    def timed(self: Shelving, *arguments: Any) -> dict[str, Any]:
        began = time.perf_counter(), time.process_time()
        found = put(self, *arguments)
        told["shelved"].append(spent_since(*began))
        return found

    Shelving.put = timed  # type: ignore[method-assign]
    sound = Path(setup.sound)
    corpus = Artifact(PortType.CORPUS, sound / "corpus", fingerprint(sound / "corpus"), {})
    given = {name: getattr(setup, name) for name in ("config", "steps", "gan_after", "batch", "crop", "threads")}
    values = params_of(RaveTrainer, {**given, "device": "cpu", "latent_size": 16}, sound)
    job = Job(folder, sound, setup.seed, lambda fraction, text: None, lambda: False, lambda words: None)
    RaveTrainer().run(job, corpus=corpus, **values)


def theirs(setup: Setup, folder: Path) -> None:
    import torch
    from absl import app

    torch.set_num_threads(setup.threads)
    path = Path(import_rave().__file__).parent.parent / "scripts" / "train.py"
    spec = importlib.util.spec_from_file_location("acids_rave_train", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    options = {
        "name": "bench",
        "db_path": setup.theirs,
        "out_path": folder,
        "max_steps": setup.steps,
        "val_every": 1_000_000,
        "n_signal": setup.crop,
        "channels": 1,
        "batch": setup.batch,
        "workers": setup.workers,
        "gpu": -1,
    }
    command = ["train", *(f"--{name}={value}" for name, value in options.items())]
    command += [f"--config={setup.config}", "--config=causal"]
    command += ["--override=LATENT_SIZE=16", f"--override=PHASE_1_DURATION={setup.gan_after}"]
    try:
        app.run(module.main, argv=command)
    except SystemExit as end:
        assert not end.code, f"rave train ended with {end.code}"


# The parent's side


def train(setup: Setup) -> dict[str, Any]:
    """Runs a training in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_training", "child", json.dumps(asdict(setup))]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    line = next((line for line in ran.stdout.splitlines() if line.startswith("TOLD ")), None)
    assert line is not None, f"{setup.who} {setup.config} ended without a figure:\n{ran.stdout[-1000:]}\n{ran.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(line[5:])
    return found


@dataclass(frozen=True)
class Pace:
    """Seconds of a step on average: from its beginning to that of the next one, and the part of it in which nothing is learnt."""

    whole: float
    between: float
    cpu: float
    """Seconds of CPU, which other work on the machine does not lengthen; what loader processes take is not in it."""


def pace(told: dict[str, Any], first: int, last: int) -> Pace:
    """The pace of the steps from `first` on (warm-up left out) to before `last`, without validations and what puts a model on the
    shelf: a run this short would hold as many of them as a long one."""
    starts, ends = np.array(told["starts"]), np.array(told["ends"])
    begin, end = first + WARM_UP, min(last, len(starts) - 1)
    count, cpu = end - begin, np.array(told["cpu"])
    beside = told["beside"] + told["shelved"]
    spans = np.array([span for at, *span in beside if starts[begin] < at < starts[end]]).reshape(-1, 2).sum(axis=0)
    between = float((starts[begin + 1 : end + 1] - ends[begin:end]).sum()) - spans[0]
    whole, work = float(starts[end] - starts[begin]) - spans[0], float(cpu[end] - cpu[begin]) - spans[1]
    return Pace(whole / count, between / count, work / count)


def make_sound(folder: Path, seconds: float, seed: int = 0) -> Artifact:
    """An archive of short recordings, and the corpus of all of it."""
    import soundfile

    archive(folder / "recordings", seconds, seed)
    found = []
    for file in find_files(folder / "recordings"):
        told = soundfile.info(file)
        found.append(Recording(file.relative_to(folder).as_posix(), hash_file(file), told.samplerate, told.channels, told.frames))
    whole = tuple(Slice(number, 0, recording.frames) for number, recording in enumerate(found))
    (folder / "corpus").mkdir()
    Corpus(folder, tuple(found), whole).write(folder / "corpus")
    return Artifact(PortType.CORPUS, folder / "corpus", fingerprint(folder / "corpus"), {})


def examples(sound: Path, out: Path, crop: int, config: str) -> dict[str, Any]:
    """Writes our examples of a corpus; `rave train` reads them as well."""
    corpus = Corpus.read(sound / "corpus", sound)
    split = split_corpus(int(corpus.seconds * RATE), RATE, CONFIGS[config].ratio, 16, (crop,))
    job = Job(out.parent, sound, 0, lambda fraction, text: None, lambda: False, lambda words: None)
    return write_examples(job, corpus, out, "bench", RATE, split, 1.0)


def steps_per_second(
    config: str, folder: Path, *, vae: int, gan: int, crop: int = 65536, batch: int = 4
) -> list[tuple[str, str, str]]:
    """Ours and theirs in turn, in both phases."""
    threads = os.cpu_count() or 1
    examples(folder / "sound", folder / f"theirs-{config}", crop, config)
    setups = [
        Setup(who, config, vae + gan, vae, batch, crop, threads, 8, 0, str(folder / "sound"), str(folder / f"theirs-{config}"))
        for who in ("ours", "theirs", "theirs", "ours", "ours", "theirs")
    ]
    found = [(setup.who, train(setup)) for setup in setups]
    rows = []
    for phase, first, last in (("VAE", 0, vae), ("GAN", vae, vae + gan)):
        paces = {who: [pace(told, first, last) for whom, told in found if whom == who] for who in ("ours", "theirs")}
        whole, between, cpu = (
            {who: float(np.mean([getattr(one, name) for one in found])) for who, found in paces.items()}
            for name in ("whole", "between", "cpu")
        )
        pairs = ", ".join(f"{b.whole / a.whole:.2f}" for a, b in zip(paces["ours"], paces["theirs"], strict=True))
        rows.append(
            (
                f"{config}, {phase}: steps/s over rave train (batch {batch}, crop {crop}, {threads} threads)",
                f"{whole['theirs'] / whole['ours']:.3f} (by pair {pairs}; "
                f"{1 / whole['ours']:.2f} / {1 / whole['theirs']:.2f} a second; "
                f"between steps {1000 * between['ours']:.0f} / {1000 * between['theirs']:.0f} ms; "
                f"CPU {cpu['ours']:.2f} / {cpu['theirs']:.2f} s a step)",
                ">= 1.0",
            )
        )
    shelved = float(np.mean([span for who, told in found if who == "ours" for _, span, _ in told["shelved"][:1]]))
    rows.append((f"{config}: to hear a model and put it on the shelf, every {SHELF_LEAST} steps at most", f"{shelved:.1f} s", ""))
    peaks = {who: max(told["peak"] for whom, told in found if whom == who) for who in ("ours", "theirs")}
    workers, loading = (max(told[name] for who, told in found if who == "theirs") for name in ("workers", "loading"))
    rows.append(
        (
            f"{config}: peak memory over rave train",
            f"{peaks['ours'] / peaks['theirs']:.3f} ({peaks['ours'] / 1e9:.2f} / {peaks['theirs'] / 1e9:.2f} GB, "
            f"and {workers / 1e9:.2f} GB in each of its 8 loaders, which took {loading:.0f} s of CPU)",
            "<= 1.10",
        )
    )
    return rows


def preprocess(folder: Path, crop: int = 65536) -> list[tuple[str, str, str]]:
    """Writing the data: seconds, and the share of the sound that arrives in it."""
    if shutil.which("ffmpeg") is None:
        return [
            ("writing the data over rave preprocess", "not measured: ffmpeg is missing, which rave preprocess needs", "faster")
        ]
    import lmdb

    corpus = Corpus.read(folder / "sound" / "corpus", folder / "sound")

    def seconds_in(data: Path) -> float:
        with lmdb.open(str(data), lock=False, readonly=True) as env:
            return float(env.stat()["entries"] * 2 * crop / RATE)

    def timed(command: list[str]) -> float:
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return time.perf_counter() - began

    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    # What each imports before it begins: of ours, the training that follows needs it anyway.
    needs = {"ours": "import tests.bench_training, lmdb, soxr, udls.generated", "theirs": "from scripts import preprocess"}
    imports = {who: min(timed([sys.executable, "-c", needs[who]]) for _ in range(2)) for who in needs}
    for who in ("ours", "theirs", "theirs", "ours"):
        out = folder / f"data-{who}"
        shutil.rmtree(out, ignore_errors=True)
        if who == "ours":
            took[who].append(
                timed([sys.executable, "-m", "tests.bench_training", "examples", str(folder / "sound"), str(out), str(crop)])
            )
        else:
            rave = Path(sys.executable).with_name("rave")
            given = [f"--input_path={folder / 'sound' / 'recordings'}", f"--output_path={out}", f"--num_signal={2 * crop}"]
            took[who].append(timed([str(rave), "preprocess", *given, f"--sampling_rate={RATE}", "--channels=1"]))
    kept = {who: min(seconds_in(folder / f"data-{who}") / corpus.seconds, 1.0) for who in took}
    whole = {who: min(took[who]) for who in took}
    alone = {who: whole[who] - imports[who] for who in took}
    title = f"writing {corpus.seconds:.0f} s in {len(corpus.recordings)} files over rave preprocess"
    return [
        (title, f"{alone['theirs'] / alone['ours']:.1f} x as fast ({alone['ours']:.1f} / {alone['theirs']:.1f} s)", "> 1"),
        ("  with what each imports", f"{whole['ours']:.1f} / {whole['theirs']:.1f} s", ""),
        ("share of the sound that is trained on", f"{100 * kept['ours']:.1f} % / {100 * kept['theirs']:.1f} %", "100 %"),
    ]


def distance(weights: Path, config: str, crop: int, sound: np.ndarray) -> float:
    """RAVE's own distance over the whole band between sound [examples, crop] and its reconstruction."""
    import torch

    training = Training(config, True, 16, RATE, 1, 1, 1, crop, 0, "")
    with quiet():
        model = build(training)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    heard = torch.from_numpy(sound)[:, None]
    found = []
    with torch.inference_mode():
        for one in heard:
            torch.manual_seed(0)
            again = model(one[None])[..., :crop]
            found.append(float(model.audio_distance(one[None], again)["spectral_distance"]))
    return float(np.mean(found))


def reconstruction(
    config: str, folder: Path, *, steps: int, crop: int = 32768, seeds: Sequence[int] = (0, 1, 2, 3)
) -> list[tuple[str, str, str]]:
    """How well both say, after as many steps from the same seed, sound that neither has heard."""
    make_sound(folder / "unheard", 30.0, seed=99)
    corpus = Corpus.read(folder / "unheard" / "corpus", folder / "unheard")
    pieces = [corpus.load(piece).mean(axis=0) for piece in corpus.slices]
    whole = np.concatenate(pieces)
    sound = whole[: len(whole) // crop * crop].reshape(-1, crop).astype(np.float32)
    sound = sound[np.abs(sound).max(axis=1) > 0.01]
    examples(folder / "sound", folder / "theirs-short", crop, config)
    found: dict[str, list[float]] = {"ours": [], "theirs": []}
    for seed in seeds:
        begun = set()
        for who in found:
            file = folder / f"{who}-{seed}.pt"
            setup = Setup(
                who, config, steps, steps + 1, 4, crop, os.cpu_count() or 1, 0, seed,
                str(folder / "sound"), str(folder / "theirs-short"), str(file),
            )  # fmt: skip
            begun.update(train(setup)["weights"])
            found[who].append(distance(file, config, crop, sound))
        assert len(begun) == 1, f"both should begin from the same weights: {begun}"
    each = ", ".join(f"{a:.2f} / {b:.2f}" for a, b in zip(found["ours"], found["theirs"], strict=True))
    ratio = float(np.mean(found["ours"]) / np.mean(found["theirs"]))
    return [(f"{config}: distance of unheard sound after {steps} steps over rave train's", f"{ratio:.3f} ({each})", "<= 1")]


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["child"]:
        print("TOLD " + json.dumps(child(Setup(**json.loads(arguments[1])))), flush=True)
        return
    if arguments[:1] == ["examples"]:
        examples(Path(arguments[1]), Path(arguments[2]), int(arguments[3]), "raspberry")
        return
    os.environ["GLASSPATCH_CONFIG"] = tempfile.mkdtemp()
    wanted = set(arguments) or {"data", "raspberry", "v2_small", "quality"}
    assert wanted <= {"data", "raspberry", "v2_small", "quality"}, wanted
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_sound(folder / "sound", 600.0 if "data" in wanted else 180.0)
        parts = {
            "data": lambda: preprocess(folder),
            "raspberry": lambda: steps_per_second("raspberry", folder, vae=20, gan=20),
            "v2_small": lambda: steps_per_second("v2_small", folder, vae=18, gan=13),
            "quality": lambda: reconstruction("raspberry", folder, steps=200),
        }
        for name, measure in parts.items():
            if name in wanted:
                for what, found, aim in measure():
                    print(f"{what}\n    {found}{f'  wanted {aim}' if aim else ''}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
