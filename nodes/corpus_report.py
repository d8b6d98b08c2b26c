"""Tells an artist what a corpus is good for: words, one picture, and the numbers behind them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nodes.corpus_describe import DESCRIPTORS, describe
from nodes.corpus_findings import measure, rows_of_slices
from nodes.corpus_hearing import kept
from nodes.corpus_picture import draw
from runtime.artifacts import Artifact
from runtime.corpus import Corpus
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import NodeSpec, Port, PortType

REPORT, PICTURE = "report.json", "report.png"
EXPECT = (
    (3, "warn", "too little to learn from: a model of it repeats what it heard and little else. Good for trying the way through"),
    (20, "note", "a small corpus: expect one texture and its shades. Keep the latents few (4 to 8) and listen early, since it is "
        "soon known by heart"),
    (60, "note", "enough for a model with a character of its own; rare sounds in it will stay rare in the model"),
    (180, "good", "a good corpus for one model: it can learn the timbre and how it moves"),
    (float("inf"), "good", "a rich corpus, as large as those of the practice that this program follows (three to eight hours)"),
)  # fmt: skip
"""Usable minutes up to which each holds."""


@dataclass(frozen=True)
class Finding:
    """One thing that the report says: `kind` is good, note or warn."""

    kind: str
    title: str
    words: str


def length(seconds: float) -> str:
    """A length in words."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.{1 if minutes < 9.95 else 0}f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def part(seconds: float, whole: float) -> str:
    """A part in percent."""
    share = 100.0 * seconds / max(whole, 1e-9)
    return f"{share:.0f} %" if share >= 1.0 or share == 0.0 else "under 1 %"


def names(paths: list[str], most: int = 3) -> str:
    """The first files of several, without their folders."""
    shown = ", ".join(path.rpartition("/")[2] for path in paths[:most])
    return shown + (f" and {len(paths) - most} more" if len(paths) > most else "")


def findings(found: Mapping[str, Any], corpus: Corpus) -> list[Finding]:
    """Everything that there is to say, the most important first."""
    whole = found["seconds"]
    tellers: tuple[Callable[..., list[Finding]], ...] = (
        _amount,
        _silence,
        _clipping,
        _copies,
        _hum,
        _floor,
        _levels,
        _kinds,
        _rates,
    )
    return [one for tell in tellers for one in tell(found, corpus, whole)]


def _amount(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    usable = found["usable"]
    kind, words = next((kind, words) for minutes, kind, words in EXPECT if usable < 60 * minutes)
    title = f"{length(usable)} of {length(whole)} can be used"
    return [Finding(kind, title, f"That is {words}.")]


def _silence(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    silent = found["silent"]
    if silent < 0.02 * whole:
        return [Finding("good", "Hardly any silence", f"{part(silent, whole)} of the sound is softer than -60 dBFS.")]
    kind = "warn" if silent > 0.15 * whole else "note"
    advice = (
        "A model learns to be silent from it, and its training wavers there. Clean takes it out, more with a smaller minimum."
    )
    return [Finding(kind, f"{part(silent, whole)} is silence", f"{length(silent)} are softer than -60 dBFS. {advice}")]


def _clipping(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    files = sorted((one for one in found["recordings"] if one["clipped"]), key=lambda one: -one["clipped"])
    if not files:
        return [Finding("good", "No clipping", "No recording is cut off at full scale.")]
    kind = "warn" if found["spoilt"] > 0.01 * whole else "note"
    count = f"{len(files)} recording{'' if len(files) == 1 else 's'}"
    words = f"{length(found['spoilt'])} in {count} ({names([one['path'] for one in files])}) are cut off at full scale."
    return [
        Finding(kind, "Clipping", f"{words} The model will learn the distortion as part of the sound: keep it if you want it.")
    ]


def _copies(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    twins = [path for path, count in Counter(one.sha256 for one in corpus.recordings).items() if count > 1]
    copies = found["duplicates"]
    if not copies:
        return []
    pairs = Counter(
        tuple(corpus.recordings[corpus.slices[pair[end]].recording].path.rpartition("/")[2] for end in ("slice", "of"))
        for pair in copies
    )
    later, first = pairs.most_common(1)[0][0]
    shown = f"most in {later}, which repeats {first}" if later != first else f"most within {later}"
    same = f" {len(twins)} file{' lies' if len(twins) == 1 else 's lie'} there twice, byte for byte." if twins else ""
    words = f"{len(copies)} slices ({length(found['repeated'])}) sound like an earlier one; {shown}.{same}"
    kind = "warn" if found["repeated"] > 0.05 * whole else "note"
    return [
        Finding(kind, "Near-duplicates", f"{words} What is there twice counts twice in the training; Select can leave it out.")
    ]


def _hum(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    files = [one for one in found["recordings"] if one["hum"]]
    if not files:
        return []
    mains = Counter(one["hum"] for one in files).most_common(1)[0][0]
    seconds = sum(one["seconds"] for one in files)
    words = f"{length(seconds)} ({names([one['path'] for one in files])}) hum at {mains} Hz and its harmonics."
    kind = "warn" if seconds > 0.2 * whole else "note"
    return [Finding(kind, f"Hum of the mains ({mains} Hz)", f"{words} A model keeps what is always there: it will hum as well.")]


def _floor(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    floor, loud = found["floor"], found["loudness"]
    if floor is None or loud is None:
        return []
    files = sorted(
        (one for one in found["recordings"] if one["floor"] is not None and one["floor"] > -50.0), key=lambda one: -one["floor"]
    )
    words = f"The softest moments lie at {floor:.0f} dBFS"
    if not files:
        return [Finding("good", "Low noise floor", f"{words}.")]
    words += (
        f"; highest in {names([one['path'] for one in files])}. It may be noise or sound that never pauses: listen to the ends."
    )
    return [Finding("note", f"Noise floor {floor:.0f} dBFS", words)]


def _levels(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    loud = found["loudness"]
    if loud is None:
        return [Finding("warn", "Nothing can be heard", "All of it is softer than -70 LUFS.")]
    width = loud["high"] - loud["low"]
    words = f"Loudness goes from {loud['low']:.0f} to {loud['high']:.0f} LUFS (the middle is {loud['middle']:.0f})."
    if loud["middle"] < -40.0:
        return [
            Finding(
                "warn",
                "Very soft",
                f"{words} The model will be soft too; record or export it louder, all of it by the same gain.",
            )
        ]
    if width > 25.0:
        return [
            Finding(
                "note",
                f"Wide levels ({width:.0f} LU)",
                f"{words} Level is part of the expression; but the soft end is learnt last.",
            )
        ]
    return [Finding("good", f"Levels within {width:.0f} LU", words)]


def _kinds(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    bright, pitch = found["brightness"], found["pitch"]
    looked = f"{found['looked']} slices" + ("" if found["looked"] == found["slices"] else " drawn by lot")
    words = f"Among {looked} there are about {found['different']} clearly different sounds."
    if bright is not None:
        words += f" Brightness spans {bright['octaves']:.1f} octaves ({bright['low']:.0f} to {bright['high']:.0f} Hz)"
        words += f"; {100 * found['pitched']:.0f} % have a pitch"
        words += f", from {pitch['low']:.0f} to {pitch['high']:.0f} Hz." if pitch is not None else "."
    if found["different"] < 10 and found["looked"] >= 30:
        return [
            Finding("note", "Little variety", f"{words} The latents will have little to tell apart; that can be what you want.")
        ]
    return [Finding("good" if found["different"] >= 10 else "note", "Variety", words)]


def _rates(found: Mapping[str, Any], corpus: Corpus, whole: float) -> list[Finding]:
    rates = found["rates"]
    if len(rates) < 2 or rates[-1] < 1.5 * rates[0]:
        return []
    words = f"Recordings have {' and '.join(f'{rate / 1000:g}' for rate in (rates[0], rates[-1]))} kHz."
    return [
        Finding(
            "note",
            "Mixed sample rates",
            f"{words} Those of the lowest rate are dull beside the others, and the model learns both.",
        )
    ]


class Report(JobNode):
    """Hear what a corpus is good for before you train on it for days: how much of it can be used, what is silent, clipped,
    repeated or humming, how its levels and its sounds are spread, and what to expect of a model. In words and in one picture."""

    spec = NodeSpec(
        type="corpus.report",
        title="Report",
        inputs=(Port("corpus", PortType.CORPUS, "the corpus to report on"),),
        outputs=(Port("corpus", PortType.CORPUS, "the same corpus with its descriptors"),),
    )

    def run(self, job: Job, corpus: Artifact) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        if not whole.slices:
            raise NodeError("the corpus is empty; there is nothing to report on")
        table = whole.table
        if table is None or not all(name in table.names for name in DESCRIPTORS):
            found = describe(job, whole, 0.8)
            columns = dict(zip(found.names, found.values.T, strict=True))
            table = table.having(columns) if table is not None else found
        job.progress(0.8, "measuring")
        numbers = measure(whole, table, rows_of_slices(whole, kept), job.seed)
        job.progress(0.95, "writing")
        said = findings(numbers, whole)
        replace(whole, table=table).write(job.folder)
        text = json.dumps({"findings": [asdict(one) for one in said], "numbers": numbers}, indent=1, sort_keys=True)
        (job.folder / REPORT).write_text(text + "\n", encoding="utf-8")
        draw(job.folder / PICTURE, numbers, whole, table)
        return {"corpus": job.folder}
