"""The report as one page of HTML that needs nothing beside it but the sound files."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from runtime.corpus import members
from runtime.picture import drawn
from runtime.report import explained, pictures, ten
from runtime.report.examined import Examined
from runtime.report.explained import Explained
from runtime.report.made import MadeCorpus, MadeModel, seconds_of
from runtime.report.style import STYLE
from runtime.report.taught import Taught
from runtime.report.ten import Check

MOST_REJECTED = 200
"""Reasons for what was left out that a page lists in full."""
LOSSES = {
    "validation": "distance, sound held out",
    "fullband_spectral_distance": "distance, whole band",
    "multiband_spectral_distance": "distance, 16 bands",
    "feature_matching": "feature matching",
    "adversarial": "adversarial",
    "loss_dis": "critic",
    "regularization": "regularization",
}
VERDICTS = {
    ten.GOOD: "as you would wish",
    ten.CHANCE: "no better than chance",
    ten.BAD: "worth a look",
    ten.NONE: "not measured",
}


def page(examined: Sequence[Examined], versions: str) -> str:
    """The whole page for one patch or several; `versions` tells in words which programs made it."""
    title = " and ".join(one.name for one in examined)
    parts = [part for one in examined for part in patch(one, alone=len(examined) == 1)]
    spaces = comparison(examined)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)} - why it sounds as it does</title>",
            f"<style>{STYLE}</style></head>",
            "<body><main>",
            f"<header><h1>{escape(title)}</h1><p class=lead>Why it sounds as it does: what it was made from, what it was taught, "
            "and ten checks, each with what chance would give.</p></header>",
            *parts,
            *spaces,
            f"<footer>{escape(versions)}</footer>",
            "</main></body></html>",
            "",
        ]
    )


def patch(one: Examined, alone: bool) -> list[str]:
    """All that is told of one patch."""
    parts = [] if alone else [f'<h1 class=patch id="{escape(one.name)}">{escape(one.name)}</h1>']
    parts += in_short(one)
    parts += section("The checks", [checks_table(ten.checks(one))])
    parts += section("From the archive to the corpus", [part for made in one.corpora for part in corpus(made)])
    parts += section("The models", [part for made in one.models for part in model(made)])
    parts += section("What each latent does", [part for told in one.explained for part in latents(told)])
    parts += section("What it was taught", [part for lesson in one.taught for part in lesson_of(lesson)])
    return parts + section("From gesture to sound", causality(one))


def section(title: str, parts: Iterable[str]) -> list[str]:
    """A heading and what is below it; nothing where nothing is."""
    found = list(parts)
    return [f"<section><h2>{escape(title)}</h2>", *found, "</section>"] if found else []


def in_short(one: Examined) -> list[str]:
    """The first thing to read: sentences, the performance to hear and to see, and what went wrong."""
    found = ["<section>", *(f"<p>{sentence}</p>" for sentence in sentences(one))]
    found += [f"<p class=problem>{escape(problem)}</p>" for problem in one.problems]
    if not one.performance.is_silent:
        found.append(f'<audio controls preload="none" src="{escape(one.sound)}"></audio>')
        caption = f"{one.performance.seconds:.0f} seconds: the sound, its spectrum, and every control signal that steered it."
        found.append(figure(drawn(one.performance.curves), caption))
    return [*found, "</section>"]


def sentences(one: Examined) -> list[str]:
    """What matters, in sentences of HTML."""
    found = [learnt(made) for made in one.models]
    for lesson in one.taught:
        if lesson.missed is not None:
            count = f"{len(lesson.anchors)} anchors" if len(lesson.anchors) != 1 else "one anchor"
            found.append(
                f"<b>{escape(lesson.node)}</b> was taught {count}, which it misses by {lesson.missed:.2f} of a standard "
                "deviation."
            )
    for node, support in one.performance.supports.items():
        outside = 100.0 * (1.0 - ten.inside(support))
        found.append(f"For {outside:.0f} % of the performance the gesture was outside of what <b>{escape(node)}</b> was taught.")
    found += [
        f"What <b>{escape(space.node)}</b> gives explains {100 * max(space.lag.score, 0):.0f} % of how the sound moves, "
        f"{1000 * space.lag.best:.0f} ms later (by chance {100 * max(space.lag.chance, 0):.0f} %)."
        for space in one.performance.spaces
        if space.lag is not None and space.lag.is_causal
    ]
    return found or ["Nothing in this patch was trained or taught."]


def learnt(made: MadeModel) -> str:
    """What a model was made from, in a sentence of HTML."""
    card, name = made.card, f"<b>{escape(made.node)}</b>"
    if not card:
        return f"{name} is a model from elsewhere: nothing is known of what it was made from."
    recordings = card.get("recordings")
    count = len(recordings) if isinstance(recordings, list) else "unknown"
    source = f"{clock(number(card, 'seconds', 'corpus'))} of {count} recordings in {card.get('steps', '?')} steps"
    form = f"{card.get('config', '?')}, reached the {card.get('phase', '?')} phase"
    return f"{name} learnt its sound from {escape(source)} ({escape(form)})."


def checks_table(checks: Sequence[Check]) -> str:
    rows = [
        f'<tr class="{check.verdict}"><th>{escape(check.name)}<small>{escape(check.tells)}</small></th>'
        f"<td>{escape(check.found)}</td><td>{escape(check.chance) or '-'}</td>"
        f"<td><span class=verdict>{VERDICTS[check.verdict]}</span></td></tr>"
        for check in checks
    ]
    return table(("check", "found", "chance would give", ""), rows, "checks")


def table(heads: Sequence[str], rows: Sequence[str], kind: str = "") -> str:
    """A table of rows in HTML, in a box that scrolls where the screen is narrow."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class=wide><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def row(*cells: object) -> str:
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def figure(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def corpus(made: MadeCorpus) -> list[str]:
    """One step on the way of the recordings: what it kept, from where, and what it left out and why."""
    held, params = made.corpus, ", ".join(f"{name} {value}" for name, value in sorted(made.params.items()))
    source = f" from {', '.join(made.sources)}" if made.sources else ""
    found = [
        f"<h3>{escape(made.name)} <small>{escape(made.title + source)}{escape(', ' + params if params else '')}</small></h3>",
        f"<p>{len(held.slices)} slices, {clock(held.seconds)}, of {len(held.recordings)} recordings; "
        f"{len(held.rejected)} files or parts were left out.</p>",
    ]
    if not made.sources:
        seconds = seconds_of(held)
        caption = "The recordings, by how much of each is there."
        if len(seconds) > pictures.MOST_BARS:
            caption = f"The {pictures.MOST_BARS} longest of {len(seconds)} recordings."
        found.append(figure(pictures.recordings(seconds), caption))
        rows = [
            row(one.path, f"{one.seconds:.1f} s", f"{one.sample_rate} Hz, {one.channels} ch.", one.sha256[:12])
            for one in held.recordings
        ]
        found.append(details("every recording", table(("recording", "length", "form", "SHA-256"), rows)))
    counts = [(name, int(members(held, tag).sum()), tag.reason) for name, tag in sorted(held.tags.items())]
    if rows := [row(*each) for each in counts if each[1]]:
        found.append(table(("tag", "slices", "why"), rows))
    if held.rejected:
        rows = [row(one.path, one.reason) for one in held.rejected[:MOST_REJECTED]]
        if len(held.rejected) > MOST_REJECTED:
            rows.append(row("...", f"and {len(held.rejected) - MOST_REJECTED} more"))
        found.append(details("what was left out, and why", table(("file or part", "reason"), rows)))
    return found


def details(summary: str, inside: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def model(made: MadeModel) -> list[str]:
    """One model: its card."""
    card = made.card
    found = [f"<h3>{escape(made.node)} <small>{escape(made.title)}, {made.file.name}, {made.fingerprint[:12]}</small></h3>"]
    if not card:
        return [*found, "<p>No card lies beside it: nobody can say what it was made from.</p>"]
    told_losses = card.get("losses")
    losses = told_losses if isinstance(told_losses, dict) else {}
    rows = [
        row(
            "made from",
            f"{'.'.join(made.corpus) if made.corpus else 'an unknown corpus'}, {clock(number(card, 'seconds', 'corpus'))}",
        ),
        row(
            "learned from, held out",
            f"{clock(number(card, 'seconds', 'training'))}, {clock(number(card, 'seconds', 'validation'))}",
        ),
        row("architecture", f"{card.get('config', '?')}{', causal' if card.get('causal') else ''}"),
        row("steps, phase", f"{card.get('steps', '?')}, {card.get('phase', '?')} (GAN after {card.get('gan_after', '?')})"),
        row("latents", f"{card.get('latents', '?')} of {card.get('latent_size', '?')}, one per {card.get('ratio', '?')} frames"),
        *(row(words, f"{losses[name]:.3f}") for name, words in LOSSES.items() if isinstance(losses.get(name), float)),
        row("licence", card.get("license", "unknown")),
    ]
    found.append(table(("", ""), rows, "card"))
    told = card.get("fidelity")
    if isinstance(told, list) and told and all(isinstance(one, int | float) for one in told):
        kept = card.get("latents", 0)
        found.append(
            figure(
                pictures.fidelity(told, kept if isinstance(kept, int) else 0),
                "How much of the variance of its corpus the first latents explain; the model has those that are lit.",
            )
        )
    return found


def latents(told: Explained) -> list[str]:
    """What each latent of a model does, to see and to hear, with the name that is proposed for it."""
    found = [f"<h3>{escape(told.model)}</h3>", *(f"<p class=problem>{escape(failure)}</p>" for failure in told.failures)]
    names = told.matrix.get("names")
    called = dict(zip(told.sweep.get("latents", ()), names, strict=False)) if isinstance(names, list) else {}
    descriptors, chance = told.matrix.get("descriptors", ()), told.matrix.get("chance")
    matrix = explained.numbers(told.matrix.get("correlation"))
    rows = [name if called.get(name, name) == name else f"{name}  {called[name]}" for name in told.matrix.get("latents", ())]
    if matrix is not None and matrix.shape == (len(rows), len(descriptors)) and isinstance(chance, float):
        caption = (
            "How each latent goes with loudness, brightness, noisiness, pitch and onsets over random places (rank correlation). "
            "What is grey is no more than chance gives. A word beside a latent is a proposal for its name."
        )
        found.append(figure(pictures.matrix(matrix, rows, descriptors, chance), caption))
    if told.sounds:
        found.append("<p>Each latent swept from -3 to 3 standard deviations, from the middle of the model:</p>")
        words = {latent: str(name) for latent, name in called.items() if name != latent}
        sweeps = [
            f"<tr><th>{escape(latent)}<small>{escape(words.get(latent, ''))}</small></th>"
            f'<td><audio controls preload="none" src="{escape(file)}"></audio></td></tr>'
            for latent, file in told.sounds.items()
        ]
        found.append(table(("latent", "sound"), sweeps, "sweeps"))
    same, rises = (explained.numbers(told.sweep.get(name)) for name in ("consistency", "monotonicity"))
    chance = told.sweep.get("chance")
    if same is not None and rises is not None and same.shape == rises.shape == (len(rows), len(descriptors)):
        caption = "Whether a latent does the same from everywhere: 1 always more, -1 always less, grey no more than chance."
        signed = same * np.sign(rises)
        found.append(figure(pictures.matrix(signed, rows, descriptors, chance if isinstance(chance, float) else 0.0), caption))
    return found


def lesson_of(lesson: Taught) -> list[str]:
    """One mapping: its anchors, and how it scores."""
    params = ", ".join(f"{name} {value}" for name, value in sorted(lesson.params.items()))
    found = [f"<h3>{escape(lesson.node)} <small>{escape(lesson.title)}{escape(', ' + params if params else '')}</small></h3>"]
    if lesson.failure:
        return [*found, f"<p class=problem>{escape(lesson.failure)}</p>"]
    if lesson.words:
        return found + [f"<p>{escape(line)}</p>" for line in lesson.words]
    rows = [
        row(
            anchor.name,
            anchor.frames,
            ", ".join(f"{name} {value:.2g}" for name, value in anchor.target.items()),
            f"{anchor.missed:.2f}" if anchor.missed is not None else "-",
        )
        for anchor in lesson.anchors
    ]
    found.append(table(("anchor", "frames of gesture", "target", "missed by (standard deviations)"), rows))
    return found + [f"<p class=problem>{escape(text)}</p>" for text in lesson.warnings]


def causality(one: Examined) -> list[str]:
    """How the sound follows each gesture."""
    spaces = [space for space in one.performance.spaces if space.lag is not None]
    if not spaces:
        return []
    caption = (
        "How much of the sound's loudness, brightness and noisiness a straight line from the gesture explains, by how long the "
        "sound lags behind. The band is what the same gesture at a wrong time explains. The delay of the patch is in it, that of "
        "a sound card and a camera is not."
    )
    return [figure(pictures.lags(spaces), caption)]


def comparison(examined: Sequence[Examined]) -> list[str]:
    """The performance spaces side by side, of all patches."""
    rows = []
    for one in examined:
        for space in one.performance.spaces:
            lesson = next((found for found in one.taught if (space.node, space.output) in found.sources), None)
            support = one.performance.supports.get(lesson.node) if lesson else None
            rows.append(
                row(
                    one.name,
                    f"{space.node} ({space.title})",
                    len(space.names),
                    space.effective,
                    len(lesson.anchors) if lesson else "-",
                    told(lesson.missed if lesson else None),
                    told(lesson.left_out if lesson else None),
                    told(lesson.straight if lesson else None),
                    f"{100 * lesson.jitter:.0f} %" if lesson and lesson.jitter is not None else "-",
                    f"{100 * ten.inside(support):.0f} %" if support is not None else "-",
                    f"{space.lag.score:.2f} ({space.lag.chance:.2f})" if space.lag else "-",
                    f"{1000 * space.lag.best:.0f} ms" if space.lag and space.lag.is_causal else "-",
                )
            )
    heads = (
        "patch",
        "space",
        "dimensions",
        "of them effective",
        "anchors",
        "missed by",
        "left out R2",
        "way",
        "jitter",
        "inside",
        "causality (chance)",
        "lag",
    )
    note = (
        "<p>What each way of steering is worth: effective dimensions are those that explain 95 % of its movement; a way of 1 is "
        "straight between anchors; inside is how much of the performance lay within what was taught.</p>"
    )
    return section("Performance spaces compared", [note, table(heads, rows)]) if rows else []


def told(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def number(card: object, *names: str) -> float | None:
    """A number within a card, which somebody may have written into."""
    for name in names:
        card = card.get(name) if isinstance(card, dict) else None
    return float(card) if isinstance(card, int | float) and not isinstance(card, bool) else None


def clock(seconds: float | None) -> str:
    """A length as people say it."""
    if seconds is None:
        return "an unknown length"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
