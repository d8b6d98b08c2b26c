"""The ten checks of a performance in words: what was found, what chance would give, and what to make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runtime.report.examined import Examined
from runtime.report.explained import Explained, numbers
from runtime.report.played import Space

GOOD, CHANCE, BAD, NONE = "good", "chance", "bad", "none"
HIT = 0.25
"""Standard deviations by which an anchor may be missed and still be the artist's own point."""
STEADY = 0.3
"""A part of the distance between anchors below which a repeated anchor is the same sound."""
DULL = -3.0
"""dB above 4 kHz that a model may lose before it sounds over-smoothed."""
STRAIGHT = 1.5
"""Path over chord up to which the way between two anchors is direct."""
OUTSIDE = 0.1
"""Part of a performance that may be outside of what was taught."""


@dataclass(frozen=True)
class Check:
    """One of the checks. `verdict` is GOOD, CHANCE (no better than chance), BAD, or NONE: it could not be done, and `found` says
    why."""

    name: str
    tells: str
    found: str
    chance: str
    verdict: str


def checks(examined: Examined) -> tuple[Check, ...]:
    """All ten, in the order of the practice: the model, its latents, the mapping, the performance."""
    return (*of_models(examined), *of_mappings(examined), *of_performance(examined))


def of_models(examined: Examined) -> tuple[Check, ...]:
    """Effective dimensions, reconstruction, over-smoothing; what each latent does, how steadily, and whether everywhere."""
    found = [(one.model, one) for one in examined.explained]
    sizes = [(name, one.effective, one.latents) for name, one in found if one.effective is not None]
    said = [(name, one.reconstruction) for name, one in found if one.reconstruction is not None]
    why = "no model was trained here, so its corpus is not known"
    return (
        Check(
            "effective dimensions",
            "how many latents the corpus really uses (95 % of the variance of what the model hears)",
            "; ".join(f"{name}: {used} of {latents}" for name, used, latents in sizes) or why,
            "all of them, for noise" if sizes else "",
            GOOD if sizes else NONE,
        ),
        Check(
            "reconstruction",
            "how near the model says its own recordings (multi-scale spectral distance; 0 is the same)",
            "; ".join(f"{name}: {one.distance:.1f}" for name, one in said) or why,
            "; ".join(f"{one.chance:.1f}, what it says of other recordings" for _, one in said if one.chance is not None),
            _better([(one.distance, one.chance) for _, one in said if one.chance is not None]),
        ),
        Check(
            "over-smoothing",
            "what the model loses above 4 kHz",
            "; ".join(f"{name}: {one.bright:+.1f} dB" for name, one in said) or why,
            "0 is ideal; a low-pass at 4 kHz gives about -13 dB" if said else "",
            NONE if not said else GOOD if min(one.bright for _, one in said) > DULL else BAD,
        ),
        *(check for name, one in found for check in _of_latents(name, one)),
    )


def _better(pairs: Sequence[tuple[float, float]]) -> str:
    """Whether each distance is well below what chance gives."""
    if not pairs:
        return NONE
    return GOOD if all(own < 0.8 * chance for own, chance in pairs) else BAD if all(own < c for own, c in pairs) else CHANCE


def _of_latents(model: str, one: Explained) -> list[Check]:
    """The descriptor matrix, and the sweep's steadiness and consistency, of one model."""
    why = "; ".join(one.failures)
    found = []
    tells = "whether each latent goes with loudness, brightness, noisiness, pitch or onsets (rank correlation)"
    strongest = _strongest(one.matrix.get("correlation"))
    chance = one.matrix.get("chance")
    if strongest is None or not isinstance(chance, float):
        found.append(Check("what each latent does", tells, why or "not found", "", NONE))
    else:
        plain = int((strongest > chance).sum())
        words = f"{model}: {plain} of {len(strongest)} latents do something plain, the strongest {strongest.max():.2f}"
        verdict = GOOD if plain == len(strongest) else BAD if plain else CHANCE
        found.append(Check("what each latent does", tells, words, f"up to {chance:.2f}", verdict))
    for name, key, tells in (
        ("traversal", "monotonicity", "how steadily the sound follows while one latent rises"),
        ("consistency", "consistency", "whether a latent does the same from everywhere"),
    ):
        strongest, chance = _strongest(one.sweep.get(key)), one.sweep.get("chance")
        if strongest is None:
            found.append(Check(name, tells, why or "not found", "", NONE))
            continue
        words = f"{model}: {strongest.mean():.2f} in the mean of the latents (each by what it does most)"
        if key == "monotonicity" or not isinstance(chance, float):
            found.append(Check(name, tells, words, "0; 1 is perfectly steady", GOOD if strongest.mean() > 0.5 else BAD))
        else:
            verdict = GOOD if strongest.mean() > chance else CHANCE
            found.append(Check(name, tells, words, f"up to {chance:.2f} from {one.sweep.get('places')} places", verdict))
    return found


def _strongest(told: object) -> np.ndarray | None:
    """The largest absolute value of each row; None for what is no matrix."""
    found = numbers(told)
    return np.abs(np.nan_to_num(found)).max(axis=1) if found is not None and found.size else None


def of_mappings(examined: Examined) -> tuple[Check, ...]:
    """Repeatability of the anchors, and what the mappings do at, between and beyond them."""
    found = [_repeats(examined)]
    tells = "whether your own points of interest are met"
    hits = [(lesson.node, lesson.missed) for lesson in examined.taught if lesson.missed is not None]
    if not hits:
        return (*found, Check("anchor hit", tells, _why_untaught(examined), "", NONE))
    worst = max(missed for _, missed in hits)
    found.append(
        Check(
            "anchor hit",
            tells,
            "; ".join(f"{node}: missed by {missed:.2f} of a standard deviation" for node, missed in hits),
            "1, the mean of all targets",
            GOOD if worst <= HIT else BAD if worst < 1.0 else CHANCE,
        )
    )
    left = [(lesson.node, lesson.left_out) for lesson in examined.taught if lesson.left_out is not None]
    tells = "whether a gesture that was not taught is guessed from those that were"
    if left:
        verdict = GOOD if min(score for _, score in left) > 0.0 else CHANCE
        found.append(
            Check("leave one gesture out", tells, "; ".join(f"{node}: R2 {score:.2f}" for node, score in left), "0", verdict)
        )
    else:
        found.append(Check("leave one gesture out", tells, "at least three anchors are needed", "0", NONE))
    found.append(_ways(examined))
    found.append(_jitter(examined))
    return tuple(found)


def _repeats(examined: Examined) -> Check:
    name, tells = "repeatability", "whether the same target sounds the same each time, with the model's noise on, seeded, or zero"
    if not examined.repeats:
        return Check(name, tells, "needs two anchors and a decoder with a choice of noise", "1", NONE)
    words, seeded = [], []
    for one in examined.repeats:
        parts = [
            f"{noise} {score:.2f}" if score is not None else f"{noise} not heard ({one.reasons.get(noise, 'nothing sounded')})"
            for noise, score in one.by_noise.items()
        ]
        words.append(f"{one.node}: {', '.join(parts)}")
        seeded += [score for noise, score in one.by_noise.items() if noise != "on" and score is not None]
    verdict = NONE if not seeded else GOOD if min(seeded) <= STEADY else BAD if min(seeded) < 1.0 else CHANCE
    return Check(name, tells, "; ".join(words), "1, another anchor's sound", verdict)


def _ways(examined: Examined) -> Check:
    name, tells = "way between anchors", "how direct the way of the sound is while a gesture goes from one anchor to another"
    found = [(lesson.node, lesson.straight) for lesson in examined.taught if lesson.straight is not None]
    if not found:
        return Check(name, tells, "needs two anchors with different targets", "", NONE)
    verdict = GOOD if max(way for _, way in found) <= STRAIGHT else BAD
    words = "; ".join(f"{node}: {way:.2f} times the straight way" for node, way in found)
    return Check(name, tells, words, "1 is straight; chance gives no number", verdict)


def _jitter(examined: Examined) -> Check:
    name, tells = "jitter", "how far the sound trembles while a gesture is held"
    found = [(lesson.node, lesson.jitter) for lesson in examined.taught if lesson.jitter is not None]
    if not found:
        return Check(name, tells, "needs two anchors with different targets", "1", NONE)
    worst = max(value for _, value in found)
    words = "; ".join(f"{node}: {100 * value:.0f} % of the anchors' reach" for node, value in found)
    return Check(name, tells, words, "100 %", GOOD if worst < 0.25 else BAD if worst < 1.0 else CHANCE)


def of_performance(examined: Examined) -> tuple[Check, ...]:
    """Support, causality and coverage of what was played."""
    return (_support(examined), *_causality(examined.performance.spaces), _coverage(examined))


def _support(examined: Examined) -> Check:
    name, tells = "inside what was taught", "how much of the performance the mapping has to invent"
    supports = examined.performance.supports
    if not supports:
        return Check(name, tells, _why_untaught(examined), "", NONE)
    outside = {node: 1.0 - inside(support) for node, support in supports.items()}
    words = "; ".join(f"{node}: {100 * (1 - part):.0f} % of the time inside" for node, part in outside.items())
    return Check(name, tells, words, "no number", GOOD if max(outside.values()) <= OUTSIDE else BAD)


def _causality(spaces: Sequence[Space]) -> list[Check]:
    name, tells = "causality and lag", "whether the gesture makes the sound, and how long after it is heard"
    found = []
    for space in spaces:
        place, lag = f"{space.node}.{space.output}", space.lag
        if lag is None:
            found.append(Check(name, tells, f"{place}: gesture or sound rests, or the performance is too short", "", NONE))
            continue
        words = f"{place}: R2 {lag.score:.2f} at {1000 * lag.best:.0f} ms"
        chance = f"R2 {lag.chance:.2f}, up to {lag.bound:.2f}"
        found.append(Check(name, tells, words, chance, GOOD if lag.is_causal else CHANCE))
    return found or [Check(name, tells, "no control signal steers this patch", "", NONE)]


def _coverage(examined: Examined) -> Check:
    name, tells = (
        "coverage of the corpus",
        "how near the performance sounds to the recordings (squared MMD of log-mel colour)",
    )
    covered = examined.coverage
    if covered is None:
        return Check(name, tells, examined.uncovered, "", NONE)
    words = f"{covered.distance:.3f}, {covered.excess:.3f} more than two halves of the corpus"
    verdict = GOOD if covered.distance <= covered.bound else BAD
    return Check(name, tells, words, f"{covered.floor:.3f}, up to {covered.bound:.3f}: two halves of the corpus", verdict)


def _why_untaught(examined: Examined) -> str:
    failures = [f"{lesson.node}: {lesson.failure}" for lesson in examined.taught if lesson.failure]
    return "; ".join(failures) or "nothing in this patch is taught"


def inside(support: np.ndarray) -> float:
    """The share of a performance that is inside of what was taught, 0 to 1."""
    return float((support <= 1.0).mean()) if len(support) else 0.0
