"""Makes corpora out of corpora: tags slices, chooses them, splits them in three, puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nodes.corpus_rules import BY, DESCRIPTOR, choice, fitting, what
from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Recording, Rejected, Slice, Table, Tag, parts, read_tags
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import BoolParam, NodeSpec, Port, PortType, TagsParam, TextParam


def tagged(tags: Mapping[str, Tag], name: str, more: Tag) -> dict[str, Tag]:
    """Tags with more slices under one of them; an empty reason leaves what was said."""
    old = tags.get(name, Tag())
    return {**tags, name: Tag(tuple(dict.fromkeys((*old.parts, *more.parts))), more.reason or old.reason)}


class Tagger(JobNode):
    """Give slices a name that only you can give: "after the war", "too soft", "her voice", and say why. Draw around slices on a
    map to tag them by hand; or tag by a rule what fits it. Tags stay with their sound when it is cut otherwise."""

    spec = NodeSpec(
        type="corpus.tag",
        title="Tag",
        inputs=(Port("corpus", PortType.CORPUS, "the slices to tag"),),
        outputs=(Port("corpus", PortType.CORPUS, "the same slices with their tags"),),
        params=(
            TagsParam(name="tags", doc="set by hand: draw around slices on the map", live=False),
            TextParam(name="name", doc="of the tag for what fits the rule; empty: only tags set by hand", live=False),
            BY,
            what("what", "which slices"),
            DESCRIPTOR,
            TextParam(name="reason", doc="why, in your words", live=False),
        ),
    )

    def run(
        self, job: Job, corpus: Artifact, tags: Mapping[str, Any], name: str, reason: str, by: str, descriptor: str, what: str
    ) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        found = dict(whole.tags)
        for one, tag in read_tags(tags).items():
            found = tagged(found, one, tag)
        if name.strip():
            chosen = np.flatnonzero(fitting(whole, by, descriptor, what))
            if not len(chosen):
                job.warn(f"no slice fits {what!r}; {choice(whole, by, descriptor)}")
            found = tagged(found, name.strip(), Tag(parts(whole, chosen), reason))
        replace(whole, tags=found).write(job.folder)
        return {"corpus": job.folder}


class Select(JobNode):
    """Choose slices: by the folder or the name of their recording, by a tag, a cluster, or the range of a descriptor. One after
    another they narrow a choice down. What is not chosen stays in the archive."""

    spec = NodeSpec(
        type="corpus.select",
        title="Select",
        inputs=(Port("corpus", PortType.CORPUS, "the slices to choose from"),),
        outputs=(Port("corpus", PortType.CORPUS, "the chosen slices"),),
        params=(
            BY,
            what("what", "which slices"),
            DESCRIPTOR,
            BoolParam(name="invert", default=False, doc="choose what does not fit instead", live=False),
        ),
    )

    def run(self, job: Job, corpus: Artifact, by: str, descriptor: str, what: str, invert: bool) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        fits = fitting(whole, by, descriptor, what) ^ invert
        if not fits.any():
            raise NodeError(f"no slice {'is left beside' if invert else 'fits'} {what!r}; {choice(whole, by, descriptor)}")
        whole.with_slices(np.flatnonzero(fits)).write(job.folder)
        job.progress(1.0, f"{int(fits.sum())} of {len(fits)} slices")
        return {"corpus": job.folder}


OUTPUTS = ("first", "second", "third")


class Split(JobNode):
    """Make three corpora out of one archive, one model each: say which slices go to the first, the second and the third. A slice
    goes to the first of them that it fits; what fits none goes to the rest."""

    spec = NodeSpec(
        type="corpus.split",
        title="Split",
        inputs=(Port("corpus", PortType.CORPUS, "the slices to share out"),),
        outputs=(
            *(Port(name, PortType.CORPUS, f"what fits the {name}") for name in OUTPUTS),
            Port("rest", PortType.CORPUS, "what fits none of them"),
        ),
        params=(BY, *(what(name, f"what goes to the {name}") for name in OUTPUTS), DESCRIPTOR),
    )

    def run(self, job: Job, corpus: Artifact, by: str, descriptor: str, first: str, second: str, third: str) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        wanted = {name: words for name, words in zip(OUTPUTS, (first, second, third), strict=True) if words.strip()}
        if not wanted:
            raise NodeError(f"it is not said what goes where; {choice(whole, by, descriptor)}")
        free = np.ones(len(whole.slices), bool)
        for name in OUTPUTS:
            fits = np.zeros(len(free), bool)
            if name in wanted:
                fits = fitting(whole, by, descriptor, wanted[name]) & free
                if not fits.any():
                    why = f"no slice that is left fits {wanted[name]!r}; {choice(whole, by, descriptor)}"
                    raise NodeError(f"nothing goes to the {name}: {why}")
            free &= ~fits
            whole.with_slices(np.flatnonzero(fits)).write(job.folder / name)
        whole.with_slices(np.flatnonzero(free)).write(job.folder / "rest")
        return {name: job.folder / name for name in (*OUTPUTS, "rest")}


class Merge(JobNode):
    """Put up to four corpora into one. A slice that is in several of them is taken once; descriptors are kept where all of them
    have them."""

    spec = NodeSpec(
        type="corpus.merge",
        title="Merge",
        inputs=(
            Port("one", PortType.CORPUS, "slices"),
            *(Port(name, PortType.CORPUS, "more slices", optional=True) for name in ("two", "three", "four")),
        ),
        outputs=(Port("corpus", PortType.CORPUS, "all of them"),),
    )

    def run(
        self,
        job: Job,
        one: Artifact,
        two: Artifact | None,
        three: Artifact | None,
        four: Artifact | None,
    ) -> dict[str, Path]:
        given = [artifact for artifact in (one, two, three, four) if artifact is not None]
        merged([Corpus.read(artifact.path, job.patch_folder) for artifact in given]).write(job.folder)
        return {"corpus": job.folder}


def merged(corpora: list[Corpus]) -> Corpus:
    """One corpus of all slices of several, each once, in the order of the corpora. Recordings are the same where path and content
    are; of two offsets (DC) the first that is known counts for all."""
    recordings: dict[tuple[str, str], Recording] = {}
    places: dict[tuple[str, str], int] = {}
    slices: dict[Slice, tuple[int, int]] = {}
    rejected: dict[Rejected, None] = {}
    tags: dict[str, Tag] = {}
    for number, corpus in enumerate(corpora):
        keys = [(one.path, one.sha256) for one in corpus.recordings]
        for key, one in zip(keys, corpus.recordings, strict=True):
            places.setdefault(key, len(places))
            if key not in recordings or (one.offset and not recordings[key].offset):
                recordings[key] = one
        for row, piece in enumerate(corpus.slices):
            slices.setdefault(replace(piece, recording=places[keys[piece.recording]]), (number, row))
        rejected |= dict.fromkeys(corpus.rejected)
        for name, tag in corpus.tags.items():
            tags = tagged(tags, name, tag)
    tables = [corpus.table for corpus in corpora]
    table = None
    if all(one is not None for one in tables):
        names = [name for name in tables[0].names if all(name in one.names for one in tables)]  # type: ignore[union-attr]
        rows = [tables[number].columns(names)[row] for number, row in slices.values()]  # type: ignore[union-attr]
        table = Table(tuple(names), np.array(rows, np.float32).reshape(len(rows), len(names)))
    ordered = tuple(recordings[key] for key in places)
    return Corpus(corpora[0].folder, ordered, tuple(slices), tuple(rejected), tags, table)
