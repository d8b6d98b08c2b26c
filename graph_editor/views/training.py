"""A training: its phase, step and time left with the course of its loss; then what the model's card tells, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import made, theme
from graph_editor.jobs import JobState
from graph_editor.made import MadeModel
from graph_editor.previews import Now, Seat, View
from graph_editor.views.corpus import number
from graph_editor.views.plate import CLEAR, course
from graph_editor.views.shelf import Shelf
from runtime.spec import PortType

REFUSED = 6
"""So many of what was refused are named."""
BEFORE = ("seconds", "rejected", "plan", "estimate")
"""Facts that a training tells before its first step."""
PHASES = {"VAE": "learns what the sounds are", "GAN": "learns detail"}
LOSS = "fullband_spectral_distance"
LOSSES = (
    ("validation", "distance, sound held out"),
    (LOSS, "distance, whole band"),
    ("multiband_spectral_distance", "distance, 16 bands"),
    ("feature_matching", "feature matching"),
    ("adversarial", "adversarial"),
    ("loss_dis", "critic"),
    ("regularization", "regularization"),
)


def losses_of(job: JobState) -> np.ndarray:
    """The spectral distance over the course of a training: float [n, 2] of (step, distance)."""
    told = [(facts["step"], facts.get("losses", {}).get(LOSS, np.nan)) for facts in job.course]
    return np.array([(step, loss) for step, loss in told if np.isfinite(loss)], float).reshape(-1, 2)


def fitted(points: np.ndarray, steps: float) -> np.ndarray:
    """Points (step, loss) as 0 to 1: from step 0 to `steps`, and by the logarithm of the loss from the least to the most."""
    if not len(points):
        return points
    loss = np.log(np.maximum(points[:, 1], 1e-6))
    low, high = loss.min(), loss.max()
    share = (loss - low) / (high - low) if high - low > 1e-9 else np.full(len(loss), 0.5)
    return np.column_stack([np.clip(points[:, 0] / max(steps, 1.0), 0.0, 1.0), share])


def model_of(seat: Seat) -> MadeModel | None:
    path = seat.editor.document.path
    if path is None:
        return MadeModel()
    return seat.editor.client.answers.ask(("model", path, seat.flat), partial(made.read_model, path, seat.flat), again=made.LOOK)


def job_of(seat: Seat) -> JobState | None:
    """The job while it is at work or waits."""
    job = seat.editor.client.jobs.get(seat.flat)
    return job if job is not None and job.is_busy else None


class Progress:
    """The words, the bar and the course of a training, `height` pixels for the course."""

    def __init__(self, seat: Seat, height: int) -> None:
        self._seat, self._height = seat, height
        look = seat.editor.look
        self._words = self._text("faint")
        self._bar_height = seat.px(7)
        self._bar = dpg.add_drawlist(seat.width, self._bar_height)
        self._plot = dpg.add_drawlist(seat.width, height)
        self._told = self._text("muted")
        self._colour = look.type_colour(PortType.MODEL)
        self._shown: Any = None

    def _text(self, colour: str) -> Any:
        look = self._seat.editor.look
        item = dpg.add_text(" ")
        dpg.bind_item_font(item, look.font("small", zoom=self._seat.zoom))
        dpg.bind_item_theme(item, look.words(colour))
        return item

    def show(self, job: JobState | None, found: MadeModel | None) -> None:
        """Brings it to what is known; a frame in which nothing is new costs nothing."""
        shown = job if job is not None else found
        if shown is None or shown is self._shown:
            return
        self._shown = shown
        if job is not None:
            self._show_job(job)
        elif found is not None:
            self._show_model(found)
        self._seat.editor.canvas.underlay.stale = True

    def _show_job(self, job: JobState) -> None:
        facts, left = job.facts, f"  ·  {made.length(job.left)} left" if job.left is not None else ""
        steps = facts.get("steps", 0)
        if "step" in facts:
            step, phase, pace = facts["step"], facts.get("phase", ""), facts.get("steps_per_second", 0.0)
            self._say(f"{theme.icon('zap')} {100 * step / max(steps, 1):.0f} %{left}", "text")
            loss = facts.get("losses", {}).get(LOSS)
            told = [f"step {number(step)} of {number(steps)}", *([f"distance {loss:.2f}"] if loss is not None else [])]
            held = f"{speed(pace)}  ·  {facts.get('memory', 0) / 1e9:.1f} GB"
            self._tell(f"{phase} {PHASES.get(phase, '')}\n{', '.join(told)}\n{held}")
        else:
            self._say(f"{theme.icon('clock' if job.phase == 'waiting' else 'zap')} {job.text or job.phase}{left}", "text")
            self._tell(expected(facts))
        self._draw_bar(job.fraction, turn_of(facts))
        self._draw(fitted(losses_of(job), float(steps or 1)))

    def _show_model(self, found: MadeModel) -> None:
        card = found.card
        if not card:
            kept = next((one for one in found.shelf if one.path.parent.name.endswith(".partial")), None)
            self._say("begun; run again to go on" if kept else "not made yet", "faint")
            self._tell("")
            self._draw_bar(None, None)
            self._draw(np.zeros((0, 2)))
            return
        node = self._seat.editor.node_at(self._seat.flat)
        changed = made.changed_since(node.params, found.params, self._seat.spec) if node is not None else ()
        steps = card.get("steps", 0)
        words = f"{number(steps) if isinstance(steps, int) else '?'} steps  ·  {card.get('latents', '?')} latents"
        self._say(
            f"{theme.icon('rotate-ccw')} {words}, run again" if changed else f"{theme.icon('check')} {words}",
            "warn" if changed else "good",
        )
        points = history(card)
        seconds = _number(card.get("seconds"), "corpus")
        told = [f"{made.length(seconds)} of sound"] if seconds is not None else []
        told += [f"distance {points[-1][1]:.2f}"] if len(points) else []
        self._tell("  ·  ".join(told))
        self._draw_bar(1.0, turn_of({"plan": {"VAE": card.get("gan_after"), "GAN": 1}, "steps": steps}))
        self._draw(fitted(points, float(steps) if isinstance(steps, int) else 1.0))

    def _say(self, words: str, colour: str) -> None:
        look = self._seat.editor.look
        dpg.set_value(self._words, look.wrapped(words, self._seat.width, zoom=self._seat.zoom))
        dpg.bind_item_theme(self._words, look.words(colour))

    def _tell(self, words: str) -> None:
        look = self._seat.editor.look
        lines = [look.wrapped(line, self._seat.width, zoom=self._seat.zoom) for line in words.split("\n")]
        dpg.set_value(self._told, "\n".join(lines) or " ")

    def _draw_bar(self, fraction: float | None, turn: float | None) -> None:
        """How much is done; what is done of the second phase, from `turn` on, in another colour."""
        look, width, height = self._seat.editor.look, self._seat.width, self._bar_height
        dpg.delete_item(self._bar, children_only=True)

        def part(start: float, end: float, colour: Any) -> None:
            dpg.draw_rectangle((start, 0), (end, height), fill=colour, color=CLEAR, rounding=height / 2, parent=self._bar)

        part(0, width, look.colour("field"))
        reach = max(width * min(fraction, 1.0), height) if fraction else 0.0
        if reach:
            part(0, reach, self._colour)
        if turn is not None and reach > width * turn:
            part(width * turn, reach, look.colour("accent"))
        if turn is not None:
            dpg.draw_line((width * turn, 0), (width * turn, height), color=look.colour("text"), thickness=1.5, parent=self._bar)

    def _draw(self, points: np.ndarray) -> None:
        seat, look = self._seat, self._seat.editor.look
        dpg.delete_item(self._plot, children_only=True)
        ground = look.colour("back")
        dpg.draw_rectangle((0, 0), (seat.width, self._height), fill=ground, color=CLEAR, rounding=seat.px(5), parent=self._plot)
        for part in (0.25, 0.5, 0.75):
            y = self._height * part
            dpg.draw_line((0, y), (seat.width, y), color=(*look.colour("shade")[:3], 12), parent=self._plot)
        if len(points):
            thin = points[:: max(len(points) // 80, 1)]
            course(self._plot, thin, seat.width - seat.px(5), self._height, self._colour, ground, max(1.4 * seat.zoom, 1.0))


def history(card: Mapping[str, Any]) -> np.ndarray:
    """The validation losses of a card: float [n, 2] of (step, loss); what is no number is left out."""
    found = card.get("validation")
    rows = [row for row in found if isinstance(row, list) and len(row) == 2] if isinstance(found, list) else []
    numbers = [row for row in rows if all(isinstance(one, int | float) and np.isfinite(one) for one in row)]
    return np.array(numbers, float).reshape(-1, 2)


def _number(data: Any, name: str) -> float | None:
    value = data.get(name) if isinstance(data, Mapping) else None
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


class TrainingInShort(View):
    """In the node."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        with dpg.group(parent=seat.parent):
            self._progress = Progress(seat, seat.px(52))

    def update(self, now: Now) -> None:
        self._progress.show(job_of(self._seat), model_of(self._seat))


class TrainingAtLength(View):
    """In the inspector: the same, larger; what is in and what was refused; the losses one by one; the shelf of what is kept."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        with dpg.group(parent=seat.parent):
            self._progress = Progress(seat, seat.px(96))
            self._running = dpg.add_group()
            self._card = dpg.add_group()
            self._shelf = Shelf(seat)
        self._shown: MadeModel | None = None
        self._told: Mapping[str, Any] = {}

    def update(self, now: Now) -> None:
        found, job = model_of(self._seat), job_of(self._seat)
        self._progress.show(job, found)
        told = {name: job.facts[name] for name in BEFORE if name in job.facts} if job else {}
        if told != self._told:
            self._told = told
            with inside(self._running):
                self._expectations(told)
        if found is not None and found is not self._shown:
            self._shown = found
            with inside(self._card):
                if found.card:
                    self._made_from(found.card)
            self._shelf.show(found)

    def _expectations(self, told: Mapping[str, Any]) -> None:
        if not told:
            return
        self._head("This training")
        rows = sound_rows(told.get("seconds"), told.get("rejected"))
        plan, guess = told.get("plan", {}), told.get("estimate", {})
        rows += [(f"{phase} phase", f"{number(plan[phase])} steps" if plan[phase] else "never reached") for phase in plan]
        if guess:
            seconds, memory = guess.get("seconds"), guess.get("memory", 0)
            rows += [("will take about", made.length(seconds))] if seconds is not None else []
            rows += [("memory", f"{memory / 1e9:.1f} GB")]
        self._rows(rows)
        self._refused(told.get("rejected"))

    def _made_from(self, card: Mapping[str, Any]) -> None:
        self._head("Made from")
        dropped = _number(card.get("dropped"), "variance")
        told = [
            ("architecture", str(card.get("config", "?")) + (", causal" if card.get("causal") else "")),
            ("phase reached", str(card.get("phase", "?"))),
            ("recordings", str(len(card["recordings"])) if isinstance(card.get("recordings"), list) else "?"),
            *sound_rows(card.get("seconds"), card.get("rejected")),
            ("latents", f"{card.get('latents', '?')} of {card.get('latent_size', '?')}"),
            *([("left out by these", f"{100 * dropped:.1f} %")] if dropped is not None else []),
        ]
        self._rows(told)
        self._refused(card.get("rejected"))
        rights = card.get("rights")
        for name, words in rights.items() if isinstance(rights, Mapping) else ():
            self._text(f"{name}: {words}", "muted", "small")
        self._head("Losses at the end")
        self._rows(
            [(words, f"{value:.3f}") for name, words in LOSSES if (value := _number(card.get("losses"), name)) is not None]
        )

    def _refused(self, rejected: Any) -> None:
        """What was left out, and why."""
        rows = [one for one in rejected if isinstance(one, Mapping)] if isinstance(rejected, list) else []
        for one in rows[:REFUSED]:
            self._text(f"{theme.icon('triangle-alert')} {one.get('path')}: {one.get('reason')}", "warn", "tiny")
        if len(rows) > REFUSED:
            self._text(f"and {len(rows) - REFUSED} more", "faint", "tiny")

    def _rows(self, rows: list[tuple[str, str]]) -> None:
        look = self._seat.editor.look
        for words, value in rows:
            with dpg.group(horizontal=True, horizontal_spacing=0):
                self._text(words, "muted", "small")
                used = look.width(words, "small") + look.width(value, "small")
                dpg.add_spacer(width=max(self._seat.width - used, look.px(6)))
                self._text(value, "text", "small")

    def _head(self, words: str) -> None:
        dpg.add_spacer(height=self._seat.editor.look.px(4))
        self._text(words.upper(), "faint", "tiny")

    def _text(self, words: str, colour: str, size: str) -> Any:
        item = dpg.add_text(words, wrap=self._seat.width)
        dpg.bind_item_theme(item, self._seat.editor.look.words(colour))
        dpg.bind_item_font(item, self._seat.editor.look.font(size))
        return item


@contextmanager
def inside(group: Any) -> Iterator[None]:
    """What is made meanwhile stands in the group, in place of what stood there."""
    dpg.delete_item(group, children_only=True)
    dpg.push_container_stack(group)
    try:
        yield
    finally:
        dpg.pop_container_stack()


def sound_rows(seconds: Any, rejected: Any) -> list[tuple[str, str]]:
    """How much sound is in, what became of it, and how much was refused."""
    words = (("read", "sound"), ("training", "learned from"), ("validation", "held out"), ("silent", "digital silence"))
    rows = [(told, made.length(value)) for name, told in words if (value := _number(seconds, name)) is not None and value > 0]
    return rows + ([("refused", f"{len(rejected)} files or parts")] if isinstance(rejected, list) and rejected else [])


def turn_of(facts: Mapping[str, Any]) -> float | None:
    """Where the second phase begins, as a part of all steps; None where it is not reached."""
    plan = facts.get("plan")
    first, second = (plan.get("VAE"), plan.get("GAN")) if isinstance(plan, Mapping) else (None, None)
    if not isinstance(first, int) or not isinstance(second, int):
        return None
    steps = facts.get("steps") or first + second
    return first / steps if isinstance(steps, int) and 0 < first < steps else None


def speed(pace: float) -> str:
    """Steps in a second, or seconds in a step, as people say it."""
    return f"{pace:.1f} steps a second" if pace >= 1 else f"{1 / pace:.1f} s a step" if pace > 0 else ""


def expected(facts: Mapping[str, Any]) -> str:
    """What is known of a training before its first step, in a line or two."""
    guess, seconds = facts.get("estimate"), _number(facts.get("seconds"), "read")
    told = [f"{made.length(seconds)} of sound"] if seconds is not None else []
    if isinstance(guess, Mapping) and guess.get("seconds") is not None:
        told.append(f"will take about {made.length(guess['seconds'])}, {guess.get('memory', 0) / 1e9:.1f} GB")
    return "\n".join(told)
