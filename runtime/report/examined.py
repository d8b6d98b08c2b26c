"""Examines a whole patch for a report: what it was made from, what it was taught, and a performance of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.errors import GlasspatchError, in_words
from runtime.render import CHANNELS, write_sound
from runtime.report import made, played, taught
from runtime.report.checks import Coverage
from runtime.report.explained import Explained, explain
from runtime.report.made import MadeCorpus, MadeModel
from runtime.report.played import Performance, Repeats
from runtime.report.taught import Taught
from runtime.terminal.open import Opened

Progress = Callable[[float, str], None]
PLAYED, REPEATED, EXPLAINED = 0.3, 0.5, 0.97
"""Where the performance, the repeated anchors and the models' latents end, as parts of the whole work."""


@dataclass(frozen=True)
class Examined:
    """All that a report tells of one patch. `sound` is the name of the performance's file beside the page. Where `coverage` is
    None it could not be measured, and `uncovered` says why."""

    name: str
    settings: dict[str, object]
    problems: tuple[str, ...]
    corpora: tuple[MadeCorpus, ...]
    models: tuple[MadeModel, ...]
    explained: tuple[Explained, ...]
    taught: tuple[Taught, ...]
    performance: Performance
    repeats: tuple[Repeats, ...]
    coverage: Coverage | None
    uncovered: str
    sound: str


def examine(opened: Opened, folder: Path, seconds: float, progress: Progress) -> Examined:
    """Plays the patch for so many seconds into `folder`, and examines what it is made of. A part that cannot be examined says why
    and takes only itself away. Raises NodeError where the folder cannot be written."""
    blocks: list[np.ndarray] = []
    performance = played.play(opened, seconds, lambda done: progress(PLAYED * done, "playing"), blocks.append)
    sound = f"{opened.path.stem}.flac"
    write_sound(folder / sound, iter(blocks), performance.sample_rate, CHANNELS)
    lessons = taught.examine(opened)
    repeats = []
    for number, lesson in enumerate(lessons):

        def told(done: float, number: int = number) -> None:
            progress(PLAYED + (REPEATED - PLAYED) * (number + done) / len(lessons), "hearing each anchor again")

        if (found := played.repeats(opened, lesson.node, lesson.targets, told)) is not None:
            repeats.append(found)
    corpora, models = made.corpora(opened), made.models(opened)
    explained = []
    for number, model in enumerate(models):
        corpus = next((one for one in corpora if one.source == model.corpus), None)

        def heard(done: float, number: int = number) -> None:
            progress(REPEATED + (EXPLAINED - REPEATED) * (number + done) / len(models), "hearing what each latent does")

        explained.append(explain(opened, model, corpus, folder, heard))
    progress(EXPLAINED, "comparing with the corpus")
    covered, why = _coverage(opened, corpora, models, performance)
    return Examined(
        opened.path.stem,
        dict(opened.plan.settings),
        tuple(map(str, [*opened.plan.problems, *performance.problems, *performance.failures])),
        corpora,
        models,
        tuple(explained),
        lessons,
        performance,
        tuple(repeats),
        covered,
        why,
        sound,
    )


def _coverage(
    opened: Opened, corpora: tuple[MadeCorpus, ...], models: tuple[MadeModel, ...], performance: Performance
) -> tuple[Coverage | None, str]:
    """How far the performance is from the corpora of the models that play, and why that is not known."""
    files = made.playing(opened)
    wanted = {model.corpus for model in models if model.file in files}
    found = [one for one in corpora if one.source in wanted]
    if performance.is_silent:
        return None, "nothing was heard"
    if not found:
        return None, "no model that plays was trained here, so its corpus is not known"
    try:
        corpus = np.concatenate([made.colours(one.corpus, performance.sample_rate) for one in found])
    except GlasspatchError as error:
        return None, in_words(error)
    covered = played.covered(performance, corpus)
    return covered, "" if covered else "performance or corpus is too short: 2 and 4 whole seconds are needed"
