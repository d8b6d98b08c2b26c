"""What an artist does to teach a regressor: anchors recorded, heard, called otherwise and forgotten, and the scores in words."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graph_editor.countdown import Countdown
from runtime import messages as ask
from runtime.spec import PortType

if TYPE_CHECKING:
    from graph_editor.editor import Editor

PREDICTION, EXAMPLES = "prediction", "examples.json"
CARRIERS = ("control.smooth", "control.one_euro", "control.join", "control.select", "control.hold", "rave.limit", "rave.loop")
"""Nodes that calm or carry values under their names."""
HIT, NEARLY = 0.1, 0.5
"""Standard deviations by which an anchor may be missed to count as hit, or as nearly hit."""


def can_be_taught(editor: Editor, flat: str) -> bool:
    """Whether a node of the whole patch learns from anchors."""
    spec = editor.whole_spec(flat)
    return spec is not None and {"add", "remove", "train"} <= {action.name for action in spec.actions}


def has_targets(editor: Editor, flat: str) -> bool:
    """Whether each of a node's anchors stands for a target, and not for the gesture alone."""
    spec = editor.whole_spec(flat)
    return spec is not None and spec.output(PREDICTION) is not None


def taught(editor: Editor, flat: str) -> ask.Taught:
    """What a node was taught: as the performance told it, else as its files say it (without frames and scores)."""
    if editor.client.state == "playing" and flat in editor.taught:
        return editor.taught[flat]
    anchors = _read(editor.document.state.taught.get(flat, {}).get(EXAMPLES, b""))
    return ask.Taught(flat, anchors, "" if anchors else "nothing has been taught yet")


@lru_cache(maxsize=32)
def _read(examples: bytes) -> tuple[tuple[str, Mapping[str, float], int], ...]:
    """(name, target, 0) of each anchor of an examples file; none of a damaged one, of which a problem tells."""
    try:
        known = json.loads(examples)
        return tuple((str(a["name"]), {str(k): float(v) for k, v in a["target"].items()}, 0) for a in known["anchors"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def pupil(editor: Editor, flat: str, port: str) -> str | None:
    """The regressor that leads to an input, through what only calms or carries its values; None where there is none."""
    seen = set()
    source = editor.source_of(flat, port)
    while source is not None and source not in seen:
        if can_be_taught(editor, source[0]):
            return source[0] if has_targets(editor, source[0]) else None
        seen.add(source)
        spec = editor.whole_spec(source[0])
        if spec is None or spec.type not in CARRIERS:
            return None  # what a slider asks for would arrive as something else
        through = next((one.name for one in spec.inputs if one.type is PortType.CONTROL), None)
        source = editor.source_of(source[0], through) if through else None
    return None


def target_of(editor: Editor, flat: str) -> dict[str, float] | None:
    """The target of the next anchor: what the sliders ask for, and what plays where none was touched; None where none was."""
    wanted = editor.lesson.wanted.get(flat)
    if not wanted:
        return None
    snapshot, place = editor.client.snapshot, (flat, PREDICTION)
    if snapshot is not None and place in snapshot.values:
        playing = dict(zip(snapshot.names.get(place, ()), map(float, snapshot.values[place]), strict=False))
        return {name: wanted.get(name, value) for name, value in playing.items()} or dict(wanted)
    return dict(wanted)


def want(editor: Editor, flat: str, values: Mapping[str, float]) -> None:
    """A slider asks for values: they are the target of the next anchor, and are heard."""
    for name, value in values.items():
        editor.lesson.want(flat, name, value)
    target = target_of(editor, flat)
    if editor.client.state == "playing" and taught(editor, flat).anchors and target:
        editor.client.send(ask.Audition(flat, target=target))


def follow(editor: Editor, flat: str) -> None:
    """The sliders show what plays, and the mapping is heard again."""
    if editor.lesson.wanted.get(flat):
        editor.lesson.follow(flat)
        editor.client.send(ask.Audition(flat))


def free_name(editor: Editor, flat: str) -> str:
    """What the next anchor is called: as the artist said, else by the first number that is free."""
    said = editor.lesson.names.get(flat, "").strip()
    taken = {name for name, *_ in taught(editor, flat).anchors}
    return said or next(name for number in range(1, len(taken) + 2) if (name := f"pose {number}") not in taken)


# What is asked of the performance


def record(
    editor: Editor, flat: str, anchor: str = "", target: Mapping[str, float] | None = None, *, hands_free: bool = False
) -> None:
    """Records an anchor: a new one, or anew the one of that name; while one is recorded: keeps it."""
    if editor.lesson.recording is not None:
        keep(editor)
        return
    if editor.client.state != "playing":
        editor.say("press Live first: a gesture is recorded while the patch plays", wrong=True)
        return
    name = anchor or free_name(editor, flat)
    target = target if target is not None else target_of(editor, flat)
    if target is None and not taught(editor, flat).anchors and has_targets(editor, flat):
        _ask_target(editor, flat, name, hands_free)
        return
    editor.lesson.begin(flat, name, target, time.monotonic(), hands_free=hands_free)
    shown = Countdown(editor) if hands_free else None
    editor.each_frame(lambda: _frame(editor, shown))


def _ask_target(editor: Editor, flat: str, anchor: str, hands_free: bool) -> None:
    """Nothing plays yet that could be the target of the first anchor: it is typed."""

    def done(words: str) -> None:
        try:
            target = target_in(words)
        except ValueError as error:
            editor.say(str(error), wrong=True)
            return
        record(editor, flat, anchor, target, hands_free=hands_free)

    editor.dialogs.ask_text(
        "Target of the first anchor",
        "Pull the sliders of a decoder behind the regressor; or type names and values: height=0.5 width=-1",
        "",
        done,
    )


def target_in(words: str) -> dict[str, float]:
    """A target as an artist types it: height=0.5 width=-1. Raises ValueError."""
    found = {}
    for word in words.replace(",", " ").split():
        name, _, value = word.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = math.nan
        if not name or not math.isfinite(found[name]):
            raise ValueError(f"a target is made of names and numbers like height=0.5, got {word!r}")
    if not found:
        raise ValueError("a target needs a name and a number at least, like height=0.5")
    return found


def keep(editor: Editor) -> None:
    """Keeps the anchor that is being recorded, and trains with it; one that is not begun yet is given up."""
    recording, editor.lesson.recording = editor.lesson.recording, None
    if recording is not None and recording.begun:
        _end(editor, recording.node)


def _end(editor: Editor, flat: str) -> None:
    editor.lesson.names.pop(flat, None)
    editor.client.send(ask.EndAnchor())
    follow(editor, flat)


def _frame(editor: Editor, shown: Countdown | None) -> bool:
    """Called once a frame while something is recorded or about to be."""
    now, recording = time.monotonic(), editor.lesson.recording
    if recording is not None and editor.client.state != "playing":
        recording = editor.lesson.recording = None
    due = editor.lesson.due(now)
    if recording is not None and due == "begin":
        editor.client.send(ask.RecordAnchor(recording.node, recording.anchor, recording.target))
    elif recording is not None and due == "end":
        _end(editor, recording.node)
    recording = editor.lesson.recording
    if shown is not None:
        if recording is None:
            shown.close()
        else:
            shown.show(recording.words(now), recording.anchor, recording.begun)
    return recording is not None


def key(editor: Editor) -> None:
    """Records an anchor of the chosen regressor (or the only one); again: keeps it."""
    _by_key(editor, hands_free=False)


def hands_free_key(editor: Editor) -> None:
    """Records an anchor of the chosen regressor (or the only one) after a countdown; again: gives it up, or keeps it."""
    _by_key(editor, hands_free=True)


def _by_key(editor: Editor, *, hands_free: bool) -> None:
    if editor.lesson.recording is not None:
        keep(editor)
        return
    teachable = [name for name in editor.document.patch.nodes if can_be_taught(editor, editor.flat(name))]
    wanted = [name for name in teachable if name in editor.canvas.selection] or teachable
    if len(wanted) == 1:
        record(editor, editor.flat(wanted[0]), hands_free=hands_free)
    else:
        editor.say("choose the regressor that shall be taught" if wanted else "there is no regressor to teach", wrong=True)


def play(editor: Editor, flat: str, anchor: str) -> None:
    """Plays an anchor's target instead of the mapping; again: the mapping."""
    if asked(editor, ask.Audition(flat, None if taught(editor, flat).auditioned == anchor else anchor)):
        editor.lesson.follow(flat)


def forget(editor: Editor, flat: str, anchor: str) -> None:
    asked(editor, ask.RemoveAnchor(flat, anchor))


def rename(editor: Editor, flat: str, anchor: str) -> None:
    def done(name: str) -> None:
        if name.strip() and name.strip() != anchor:
            asked(editor, ask.RenameAnchor(flat, anchor, name.strip()))

    editor.dialogs.ask_text("Name of the anchor", "", anchor, done)


def train(editor: Editor, flat: str) -> None:
    asked(editor, ask.Train(flat))


def clear(editor: Editor, flat: str) -> None:
    asked(editor, ask.ClearAnchors(flat))


def asked(editor: Editor, command: Any) -> bool:
    """Asks it of the performance; says what to do where nothing plays."""
    if editor.client.state != "playing":
        editor.say("press Live first: anchors are heard and changed while the patch plays", wrong=True)
        return False
    editor.client.send(command)
    return True


# In words


def verdict(missed: float | None) -> tuple[str, str]:
    """How well an anchor is hit, in words and as a colour of the palette. `missed`: in standard deviations, None if not known."""
    if missed is None:
        return "", "muted"
    if missed < HIT:
        return "hit", "good"
    if missed < NEARLY:
        return f"missed by {missed:.2f}", "warn"
    return f"missed by {missed:.1f}", "bad"


def in_short(known: ask.Taught) -> str:
    """How good the mapping is, in one short line."""
    count = len(known.anchors)
    if not count:
        return "nothing taught yet"
    words = f"{count} anchor{'s' if count > 1 else ''}"
    if not known.hits:
        return words
    hit = sum(missed < HIT for missed in known.hits.values())
    return f"{words}, all hit" if hit == count else f"{words}, {hit} hit"


def in_full(known: ask.Taught) -> list[str]:
    """The scores in words, without what stands at each anchor and without warnings."""
    return [line for line in known.words.splitlines() if line and not line.startswith(("  ", "warning:"))]
