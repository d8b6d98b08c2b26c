"""What a model's latents do and how well it says its own corpus: found by the program's own nodes, run for the report alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from runtime import measures
from runtime.artifacts import Artifact
from runtime.engine import Engine
from runtime.errors import GlasspatchError, NodeError, in_words
from runtime.node import Job
from runtime.patch import Link, Node, Patch
from runtime.plan import Source, compile_patch
from runtime.report import checks
from runtime.report.made import MadeCorpus, MadeModel, read_json, seconds_of
from runtime.seeds import node_seed
from runtime.spec import PortType
from runtime.terminal.open import Opened

ENCODE, MATRIX, SWEEP = "rave.encode", "rave.matrix", "rave.sweep"
FOUND, LATENTS = "explained.json", "latents.npz"
PLACES = 8
"""Places from which each latent is swept: a quarter of what the node does by itself, so that a report takes minutes."""
PHRASES, PHRASE = 3, 6.0
"""Recordings that a model says again, and seconds of each."""
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Reconstruction:
    """How well a model says its own recordings: spectral distance, that to what it says of other recordings (what chance gives),
    and decibels above 4 kHz more than the original has."""

    distance: float
    chance: float | None
    bright: float


@dataclass(frozen=True)
class Explained:
    """What was found of one model. `effective` is the fewest latent axes that explain 95 % of what it hears in its corpus;
    `matrix` and `sweep` are the nodes' own words (empty where they failed, with the reason in `failures`); `sounds` are the files
    beside the page in which each latent is swept, by latent."""

    model: str
    effective: int | None = None
    latents: int | None = None
    reconstruction: Reconstruction | None = None
    matrix: Mapping[str, Any] = field(default_factory=dict)
    sweep: Mapping[str, Any] = field(default_factory=dict)
    sounds: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


def explain(opened: Opened, model: MadeModel, corpus: MadeCorpus | None, folder: Path, progress: Progress) -> Explained:
    """Lets the model hear its corpus, plays it at random places and sweeps its latents; the sounds go into `folder`. What fails
    takes only itself away."""
    failures: list[str] = []
    found = Explained(model.node)
    artifact = Artifact(PortType.MODEL, model.file, model.fingerprint, {})
    with tempfile.TemporaryDirectory(prefix="glasspatch-report-") as place:
        work = Path(place)
        encoded = None
        if corpus is not None and model.corpus is not None:
            heard = opened.assets.artifact(*model.corpus)
            made = _run(opened, ENCODE, work / "encoded", failures, _part(progress, 0.0, 0.2), model=artifact, corpus=heard)
            if made is not None:
                encoded = Artifact(PortType.CORPUS, work / "encoded", "", {})
                with np.load(work / "encoded" / LATENTS, allow_pickle=False) as arrays:
                    frames = arrays["frames"]
                found = replace(found, effective=checks.effective_dims(frames, standard=False), latents=frames.shape[1])
            found = replace(found, reconstruction=_reconstruct(opened, model, corpus, failures))
        inputs = {"model": artifact, "corpus": encoded}
        if _run(opened, MATRIX, work / "matrix", failures, _part(progress, 0.25, 0.5), **inputs) is not None:
            found = replace(found, matrix=read_json(work / "matrix" / FOUND))
        if _run(opened, SWEEP, work / "sweep", failures, _part(progress, 0.5, 1.0), places=PLACES, **inputs) is not None:
            told = read_json(work / "sweep" / FOUND)
            sounds = {}
            for latent in told.get("latents", ()):
                kept = work / "sweep" / f"{latent}.wav"
                if kept.exists():
                    sounds[latent] = f"{opened.path.stem}-{model.node}-{latent}.wav"
                    shutil.copyfile(kept, folder / sounds[latent])
            found = replace(found, sweep=told, sounds=sounds)
    progress(1.0)
    return replace(found, failures=tuple(failures))


def numbers(told: object) -> np.ndarray | None:
    """A matrix of a node's words as float64 [latents, descriptors], NaN where it says null; None for what is no matrix."""
    if not isinstance(told, list) or not told or not all(isinstance(row, list) and len(row) == len(told[0]) for row in told):
        return None
    return np.array([[value if isinstance(value, int | float) else np.nan for value in row] for row in told], np.float64)


def _run(
    opened: Opened, kind: str, folder: Path, failures: list[str], progress: Progress, **values: Any
) -> Mapping[str, Path] | None:
    """What a job node of that type makes in `folder`, its other params at their defaults; None where it fails."""
    cls = opened.registry.get(kind)
    if cls is None:
        failures.append(f"there is no node {kind}: {opened.registry.failures or 'the program is not whole'}")
        return None
    folder.mkdir()
    params = {param.name: param.default for param in cls.spec.params}
    job = Job(
        folder=folder,
        patch_folder=opened.assets.patch_folder,
        seed=node_seed(opened.plan.settings["seed"], kind),
        report=lambda fraction, text: progress(fraction) if fraction is not None else None,
        is_cancelled=lambda: False,
        warn=lambda text: None,
    )
    try:
        made: Mapping[str, Path] = cls().run(job, **{**params, **values})
        return made
    except GlasspatchError as error:
        failures.append(f"{cls.spec.title}: {in_words(error)}")
        return None


def _part(progress: Progress, start: float, end: float) -> Progress:
    return lambda fraction: progress(start + (end - start) * fraction)


def _reconstruct(opened: Opened, model: MadeModel, corpus: MadeCorpus, failures: list[str]) -> Reconstruction | None:
    """Plays the longest recordings through encoder and decoder, as a performance would."""
    longest = sorted(seconds_of(corpus.corpus).items(), key=lambda item: -item[1])[:PHRASES]
    pairs = []
    for path, _ in longest:
        try:
            pairs.append(_said(opened, model.source, path))
        except GlasspatchError as error:
            failures.append(in_words(error))
    if not pairs:
        return None
    rate = opened.plan.settings["sample_rate"]
    own = [measures.spectral_distance(original, said) for original, said in pairs]
    others = [measures.spectral_distance(one[0], two[1]) for one, two in permutations(pairs, 2)]
    bright = [measures.bright_share(said, rate) - measures.bright_share(original, rate) for original, said in pairs]
    return Reconstruction(float(np.mean(own)), float(np.mean(others)) if others else None, float(np.mean(bright)))


def _said(opened: Opened, model: Source, recording: str) -> tuple[np.ndarray, np.ndarray]:
    """The first seconds of a recording, and what the model says of them: two mono sounds [frames]. Raises NodeError."""
    jobs = {step.node for step in opened.plan.jobs}
    nodes = {name: node for name, node in opened.patch.nodes.items() if name in jobs}
    links = [link for link in opened.patch.links if {link.ends()[0], link.ends()[2]} <= jobs]
    nodes |= {
        "report_source": Node("audio.player", params={"path": recording, "loop": True}),
        "report_encoder": Node("rave.encoder", params={"noise": "seeded"}),
        "report_decoder": Node("rave.decoder", params={"noise": "seeded"}),
        "report_output": Node("audio.output"),
    }
    links += [
        Link("report_source.audio", "report_encoder.audio"),
        Link(".".join(model), "report_encoder.model"),
        Link(".".join(model), "report_decoder.model"),
        Link("report_encoder.latent", "report_decoder.latent"),
        Link("report_decoder.audio", "report_output.audio"),
    ]
    patch = Patch(settings=opened.patch.settings, nodes=nodes, links=tuple(sorted(links)))
    plan = compile_patch(patch, opened.registry, opened.assets.patch_folder)
    engine = Engine(plan.settings, opened.assets)
    try:
        problems = engine.load(plan)
        if problems:
            raise NodeError(f"{recording} cannot be said again: {problems[0]}")
        original, said = [], []
        while engine.frame < PHRASE * engine.sample_rate:
            engine.render()
            original.append(engine.value("report_source", "audio").mean(axis=0))
            said.append(engine.value("report_decoder", "audio").mean(axis=0))
        if engine.events:
            raise NodeError(f"{recording} cannot be said again: {engine.events[0]}")
        return np.concatenate(original), np.concatenate(said)
    finally:
        engine.close()
