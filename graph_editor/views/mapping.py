"""What a regressor was taught: its anchors as a strip to hear, record anew and forget, its scores, a light for the unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor import teaching, theme
from graph_editor.lesson import DURATIONS
from graph_editor.previews import Now, Seat, View
from runtime.messages import Taught

CELLS = 4
"""Anchors side by side in a node."""
MOST = 8
"""Anchors that a node shows; all stand in the inspector."""
LINGERS = 0.4
"""Seconds for which the light stays on at least: what flickers cannot be read."""


class Strip(View):
    """In the node: record, the anchors to hear, and the light."""

    wants: tuple[str, ...] = ("support", "prediction")
    what_is_recorded = (
        "Record an anchor: the gesture from now on, for what plays now or what the sliders ask for (R; again: keep it)"
    )

    def __init__(self, seat: Seat) -> None:
        self.seat, self.look = seat, seat.editor.look
        self._known: Any = None
        self._light: Any = None
        self._lit: tuple[str, str] = ("", "")
        self._until = 0.0
        self.group = dpg.add_group(parent=seat.parent)
        self._build_where_changed()

    def update(self, now: Now) -> None:
        self._build_where_changed()
        self._show_light(now)

    def _build_where_changed(self) -> None:
        editor, flat = self.seat.editor, self.seat.flat
        lesson = editor.lesson
        known = teaching.taught(editor, flat)
        recording = lesson.recording if lesson.recording is not None and lesson.recording.node == flat else None
        state = known, recording, tuple(lesson.wanted.get(flat, ())), lesson.seconds, editor.client.state == "playing"
        if state != self._known:
            self._known = state
            dpg.delete_item(self.group, children_only=True)
            self._lit = ("", "")
            dpg.push_container_stack(self.group)
            try:
                self.build(known, recording is not None, bool(recording and recording.begun))
            finally:
                dpg.pop_container_stack()
            editor.canvas.underlay.stale = True

    def build(self, known: Taught, recording: bool, begun: bool) -> None:
        """Makes the items; the view's group is on the container stack."""
        seat = self.seat
        with dpg.group(horizontal=True, horizontal_spacing=seat.px(6)):
            self.recorder(recording, begun)
        self.text(teaching.in_short(known), "muted", "small")
        self.warning(known)
        gap = seat.px(4)
        width = (seat.width - (CELLS - 1) * gap) // CELLS
        top = _largest(known)
        for first in range(0, min(len(known.anchors), MOST), CELLS):
            with dpg.group(horizontal=True, horizontal_spacing=gap):
                for name, target, _ in known.anchors[first : min(first + CELLS, MOST)]:
                    with dpg.group():
                        self.bars(known, name, target, width, seat.px(26), top)
                        self.play(known, name, width)
        if len(known.anchors) > MOST:
            self.text(f"and {len(known.anchors) - MOST} more, in the inspector", "faint", "tiny")
        self.light()

    # Pieces

    def recorder(self, recording: bool, begun: bool) -> None:
        """The buttons that record an anchor, or keep the one that is being recorded."""
        editor, flat = self.seat.editor, self.seat.flat
        if recording:
            words = f"{theme.icon('square')}  Keep" if begun else f"{theme.icon('x')}  Give up"
            self.button(words, "primary", lambda: teaching.keep(editor), "The gesture is complete: keep it, and train (R)")
            return
        self.button(
            f"{theme.icon('circle-dot')}  Record",
            "danger",
            lambda: teaching.record(editor, flat),
            self.what_is_recorded,
        )
        self.button(
            f"{theme.icon('timer')}  {self.hands_free()}",
            "small",
            lambda: teaching.record(editor, flat, hands_free=True),
            "Hands-free: counts down from 3, then records for so many seconds (Shift+R)",
        )

    def hands_free(self) -> str:
        """The words on the button that records without hands."""
        return f"{self.seat.editor.lesson.seconds:g} s"

    def play(self, known: Taught, name: str, width: int) -> None:
        """The button with an anchor's name, which plays it."""
        playing = known.auditioned == name
        words = short(name, width - self.seat.px(4), self.look, self.seat.zoom)
        item = self.button(
            words,
            "cell_on" if playing else "cell",
            partial(teaching.play, self.seat.editor, self.seat.flat, name),
            f"{name}: {'play the mapping again' if playing else 'hear this anchor'}",
            size="tiny",
        )
        dpg.configure_item(item, width=width)

    def bars(self, known: Taught, name: str, target: Mapping[str, float], width: int, height: int, top: float) -> None:
        """A target as little bars up and down from the middle, on a line that tells how well it is hit."""
        look, px = self.look, self.seat.px
        line = max(px(2), 1)
        room = height - line - px(2)
        teal = look.readable(theme.family_of("mapping.regressor")[1])
        colour = look.colour("accent") if known.auditioned == name else teal
        with dpg.drawlist(width, height):
            dpg.draw_rectangle((0, 0), (width, room), fill=look.colour("field"), color=(0, 0, 0, 0), rounding=px(3))
            wide = (width - px(4)) / max(len(target), 1)
            for number, value in enumerate(target.values()):
                # By the root: what differs little from the middle shall be told apart too.
                end = room / 2 - math.copysign(min(abs(value) / top, 1.0) ** 0.5, value) * (room / 2 - 1)
                left = px(2) + number * wide
                low, high = sorted((room / 2, end))
                dpg.draw_rectangle(
                    (left, low), (left + 0.72 * wide, max(high, low + 1)), fill=(*colour[:3], 200), color=(0, 0, 0, 0)
                )
            words, shade = teaching.verdict(known.hits.get(name))
            if words:
                dpg.draw_rectangle((0, height - line), (width, height), fill=look.colour(shade), color=(0, 0, 0, 0))

    def warning(self, known: Taught) -> None:
        """What is wrong with what was taught, its first sentence; the inspector has all."""
        if known.anchors and known.warnings:
            words = f"{theme.icon('triangle-alert')} {known.warnings[0].partition('. ')[0].partition('; ')[0]}"
            self.text(self.look.wrapped(words, self.seat.width, zoom=self.seat.zoom), "warn", "small")

    def light(self) -> None:
        """The place for whether the gesture is within what was taught."""
        self._light = self.text(" ", "faint", "small")

    def _show_light(self, now: Now) -> None:
        support = now.values.get("support")
        if not now.is_playing:
            shown = ("taught while it plays", "faint")
        elif support is None or not len(support):
            shown = (" ", "faint")
        elif support[0] > 1.0:
            shown, self._until = (f"{theme.icon('circle-dot')}  outside what you taught", "warn"), now.seconds + LINGERS
        elif now.seconds < self._until:
            return
        else:
            shown = (f"{theme.icon('circle-dot')}  within what you taught", "good")
        if shown != self._lit:
            self._lit = shown
            dpg.set_value(self._light, shown[0])
            dpg.bind_item_theme(self._light, self.look.words(shown[1]))

    def text(self, words: str, colour: str, size: str, wrap: int = -1) -> Any:
        item = dpg.add_text(words, wrap=wrap)
        dpg.bind_item_theme(item, self.look.words(colour))
        dpg.bind_item_font(item, self.look.font(size, zoom=self.seat.zoom))
        return item

    def button(self, words: str, kind: str, run: Callable[[], object], help_text: str = "", size: str = "small") -> Any:
        item = dpg.add_button(label=words, callback=lambda *_: run())
        dpg.bind_item_theme(item, self.look.button(kind, self.seat.zoom))
        dpg.bind_item_font(item, self.look.font(size, zoom=self.seat.zoom))
        if help_text:
            self.seat.editor.explain(item, help_text)
        return item


class Anchors(Strip):
    """In the inspector: the next anchor's name and target, every anchor with its numbers, the scores in words."""

    def build(self, known: Taught, recording: bool, begun: bool) -> None:
        seat, editor, flat = self.seat, self.seat.editor, self.seat.flat
        self.light()
        with dpg.group(horizontal=True, horizontal_spacing=seat.px(6)):
            self.recorder(recording, begun)
            self._duration()
        name = dpg.add_input_text(
            width=seat.width,
            hint=f"name of the next: {teaching.free_name(editor, flat)}",
            default_value=editor.lesson.names.get(flat, ""),
            callback=lambda _, new: editor.lesson.names.__setitem__(flat, new),
        )
        dpg.bind_item_font(name, self.look.font("small"))
        self.target(known)
        self.live()
        top = _largest(known)
        for anchor, values, frames in known.anchors:
            self._anchor(known, anchor, values, frames, top)
        for line in teaching.in_full(known):
            self.text(line, "muted", "small", wrap=seat.width)
        for warning in known.warnings:
            if known.anchors:
                self.text(f"{theme.icon('triangle-alert')} {warning}", "warn", "small", wrap=seat.width)
        if known.anchors:
            with dpg.group(horizontal=True, horizontal_spacing=seat.px(6)):
                self.button(
                    f"{theme.icon('sparkles')}  Train", "small", lambda: teaching.train(editor, flat), "Learn all of them anew"
                )
                self.button(
                    f"{theme.icon('trash-2')}  Forget all",
                    "small",
                    lambda: teaching.clear(editor, flat),
                    "Forget all of them; what plays goes on until it is taught again. Undo brings them back",
                )

    def live(self) -> None:
        """What the node gives at this moment, where that is shown."""

    def target(self, known: Taught) -> None:
        """What the target of the next anchor will be."""
        seat, editor, flat = self.seat, self.seat.editor, self.seat.flat
        wanted = editor.lesson.wanted.get(flat, {})
        target = f"Target: the sliders ({', '.join(wanted)}), else what plays now" if wanted else "Target: what plays now"
        if not wanted and not known.anchors:
            target = "Target: pull the decoder's sliders first"
        self.text(target, "muted", "tiny", wrap=seat.width)
        if wanted:
            self.button(
                f"{theme.icon('rotate-ccw')}  Follow what plays",
                "small",
                lambda: teaching.follow(editor, flat),
                "Let go of the sliders",
            )

    def hands_free(self) -> str:
        return "Hands-free"

    def _duration(self) -> None:
        editor = self.seat.editor
        words = {f"{seconds:g} s": seconds for seconds in DURATIONS}

        def chosen(_: Any, word: str) -> None:
            editor.lesson.seconds = words[word]

        item = dpg.add_combo(list(words), default_value=f"{editor.lesson.seconds:g} s", width=self.seat.px(62), callback=chosen)
        dpg.bind_item_font(item, self.look.font("small"))
        editor.explain(item, "How long a hands-free recording takes")

    def _anchor(self, known: Taught, name: str, target: Mapping[str, float], frames: int, top: float) -> None:
        seat, editor, flat = self.seat, self.seat.editor, self.seat.flat
        side, gap = seat.px(30), seat.px(4)
        heard = teaching.has_targets(editor, flat)
        with dpg.group(horizontal=True, horizontal_spacing=gap):
            if heard:
                playing = known.auditioned == name
                play = self.button(
                    f"{theme.icon('square' if playing else 'play')}##play {name}",
                    "primary" if playing else "small",
                    partial(teaching.play, editor, flat, name),
                    "Play the mapping again" if playing else "Hear this anchor",
                )
                dpg.configure_item(play, width=side)
            room = seat.width - (2 + heard) * (side + gap)
            call = self.button(
                short(name, room - seat.px(18), self.look, 1.0, "small"),
                "item",
                partial(teaching.rename, editor, flat, name),
                "Call it otherwise",
            )
            dpg.configure_item(call, width=room)
            again = self.button(
                f"{theme.icon('circle-dot')}##again {name}",
                "small",
                partial(teaching.record, editor, flat, name, target),
                f"Record the gesture of {name} anew" + ("; its target stays" if heard else ""),
            )
            dpg.configure_item(again, width=side)
            gone = self.button(
                f"{theme.icon('trash-2')}##forget {name}", "small", partial(teaching.forget, editor, flat, name), f"Forget {name}"
            )
            dpg.configure_item(gone, width=side)
        if heard:
            self.bars(known, name, target, seat.width, seat.px(24), top)
        words, colour = self.verdict(known.hits.get(name))
        with dpg.group(horizontal=True, horizontal_spacing=seat.px(6)):
            if frames:
                self.text(f"{frames} frames of gesture", "faint", "tiny")
            if words:
                self.text(words, colour, "tiny")

    def verdict(self, missed: float | None) -> tuple[str, str]:
        """How well an anchor is learnt, in words and as a colour."""
        return teaching.verdict(missed)


def _largest(known: Taught) -> float:
    """What the bars of all targets are drawn against, so that they can be compared."""
    return max((abs(value) for _, target, _ in known.anchors for value in target.values()), default=1.0) or 1.0


def short(words: str, room: float, look: Any, zoom: float, size: str = "tiny") -> str:
    """Words that fit into so many pixels, at their end an ellipsis where they had to be shortened."""
    while len(words) > 1 and look.width(words, size, zoom=zoom) > room:
        words = words[:-2].rstrip() + "\u2026"
    return words
