"""What a patch was made from, read from the records beside it: corpora with their recordings, models with their cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime import shelf
from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Slice
from runtime.errors import GlasspatchError
from runtime.plan import Source, Step
from runtime.report import heard
from runtime.spec import PortType
from runtime.terminal.open import Opened

CARD = "model.json"
MOST_PASSAGES = 300
"""Passages of a corpus that stand for it: five minutes spread over the whole, so that an archive of hours is read in seconds."""


@dataclass(frozen=True)
class MadeCorpus:
    """A corpus on the way from the archive to a model: what made it, from which outputs, with which params, and what it holds.
    `name` is the node's, with the output's where it has several."""

    name: str
    source: Source
    title: str
    sources: tuple[str, ...]
    params: Mapping[str, Any]
    corpus: Corpus


@dataclass(frozen=True)
class MadeModel:
    """A model: which node made it, as which of its outputs, its file, the card that lies beside it (empty where there is none),
    and the corpus that it was made from (None for a model from elsewhere)."""

    node: str
    source: Source
    title: str
    file: Path
    fingerprint: str
    card: Mapping[str, Any]
    corpus: Source | None


def corpora(opened: Opened) -> tuple[MadeCorpus, ...]:
    """Every corpus that the patch has made, in the order of the plan."""
    found = []
    for step, output, artifact in _made(opened, PortType.CORPUS):
        try:
            corpus = Corpus.read(artifact.path, opened.assets.patch_folder)
        except GlasspatchError:
            continue  # `check` and `run` tell what is wrong with it
        several = sum(port.type is PortType.CORPUS for port in step.spec.outputs) > 1
        name = f"{step.node}.{output}" if several else step.node
        found.append(MadeCorpus(name, (step.node, output), step.spec.title, _sources(step), chosen(step), corpus))
    return tuple(found)


def models(opened: Opened) -> tuple[MadeModel, ...]:
    """Every model that the patch has made or opened; what only gives one on is passed over."""
    found, played = [], playing(opened)
    for step, output, artifact in _made(opened, PortType.MODEL):
        kinds = {port.name: port.type for port in step.spec.inputs}
        if any(kinds[name] is PortType.MODEL and sources for name, sources in step.inputs.items()):
            continue
        port = step.spec.output(output)
        if port is not None and port.standing and artifact.path not in played:
            continue  # a shelf holds many: only that which plays is told
        corpus = [source for name, sources in step.inputs.items() if kinds[name] is PortType.CORPUS for source in sources]
        found.append(
            MadeModel(
                step.node,
                (step.node, output),
                step.spec.title,
                artifact.path,
                artifact.fingerprint,
                read_json(artifact.path.with_name(CARD)) or read_json(artifact.path.with_name(shelf.CARD)),
                corpus[0] if corpus else None,
            )
        )
    return tuple(found)


def playing(opened: Opened) -> set[Path]:
    """The files of the models that the patch's streams play."""
    found = set()
    for step in opened.plan.streams:
        for port in step.spec.inputs:
            for source in step.inputs[port.name] if port.type is PortType.MODEL else ():
                artifact = opened.assets.artifact(*source)
                found |= {artifact.path} if artifact else set()
    return found


def read_json(path: Path) -> Mapping[str, Any]:
    """An object in a JSON file; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def chosen(step: Step) -> dict[str, Any]:
    """The params that differ from their default."""
    return {param.name: step.params[param.name] for param in step.spec.params if step.params[param.name] != param.default}


def seconds_of(corpus: Corpus) -> dict[str, float]:
    """Seconds of each recording that are in the corpus, by path, those with none left out."""
    found: dict[str, float] = {}
    for piece in corpus.slices:
        recording = corpus.recordings[piece.recording]
        found[recording.path] = found.get(recording.path, 0.0) + (piece.end - piece.start) / recording.sample_rate
    return found


def colours(corpus: Corpus, rate: int) -> np.ndarray:
    """The colour of passages spread evenly over the corpus, [n <= MOST_PASSAGES, features], at the patch's sample rate. Raises
    NodeError where a recording has gone."""
    import soxr

    found: list[np.ndarray] = []
    wanted = _passages(corpus)
    for piece in wanted[:: -(-len(wanted) // MOST_PASSAGES)] if wanted else []:
        sound = corpus.load(piece).mean(axis=0)
        source = corpus.recordings[piece.recording].sample_rate
        sound = soxr.resample(sound, source, rate) if source != rate else sound
        found.extend(heard.passages(np.pad(sound, (0, max(rate - len(sound), 0)))[:rate], rate))
    return np.array(found).reshape(-1, 2 * heard.BANDS)


def _passages(corpus: Corpus) -> list[Slice]:
    """The corpus's sound in pieces of a second, each within one recording: slices that follow one another are one stretch."""
    found: list[Slice] = []
    last: Slice | None = None
    for piece in sorted(corpus.slices, key=lambda s: (s.recording, s.start)):
        if last and last.recording == piece.recording and piece.start <= last.end:
            last = Slice(last.recording, last.start, max(last.end, piece.end))
        else:
            found += _cut(corpus, last)
            last = piece
    return found + _cut(corpus, last)


def _cut(corpus: Corpus, piece: Slice | None) -> list[Slice]:
    if piece is None:
        return []
    length = round(heard.PASSAGE * corpus.recordings[piece.recording].sample_rate)
    return [Slice(piece.recording, start, start + length) for start in range(piece.start, piece.end - length + 1, length)]


def _made(opened: Opened, kind: PortType) -> list[tuple[Step, str, Artifact]]:
    """Every artifact of a kind that lies there: the job that made it, its output, and where it is."""
    found = []
    for step in opened.plan.jobs:
        for port in step.spec.outputs:
            artifact = opened.assets.artifact(step.node, port.name) if port.type is kind else None
            if artifact is not None and artifact.path.exists():
                found.append((step, port.name, artifact))
    return found


def _sources(step: Step) -> tuple[str, ...]:
    return tuple(source for sources in step.inputs.values() for source, _ in sources)
