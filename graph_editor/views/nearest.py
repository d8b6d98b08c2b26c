"""Where the present sound comes from: the name of the nearest recording, how far away it is, and the slice to be heard."""

from __future__ import annotations

from functools import partial
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor import made, theme
from graph_editor.made import MadeCorpus
from graph_editor.previews import Now, Seat, View
from graph_editor.views.chart import play_slice
from graph_editor.views.mapping import short
from runtime.corpus import Corpus

RECENT = 6
"""Slices that the inspector remembers, the newest first."""
KINDS = (
    (0.5, "very near: it sounds like this recording", "good"),
    (1.5, "near", "text"),
    (float("inf"), "far from all: the model invents", "warn"),
)
"""What a distance means, up to so many times the distance from one slice to the next."""


class Nearest(View):
    """In the node: the recording, where in it, how far away, and a button to hear it. In the inspector also the last ones."""

    wants = ("nearest", "novelty")
    recent = 0

    def __init__(self, seat: Seat) -> None:
        self._seat, self._look = seat, seat.editor.look
        self._slice: int | None = None
        self._told: tuple[str, ...] = ()
        self._past: list[int] = []
        self._rows: list[Any] = []
        with dpg.group(parent=seat.parent):
            with dpg.group(horizontal=True, horizontal_spacing=seat.px(6)):
                self._hear = self._button(f"{theme.icon('play')}##hear nearest", self._play)
                with dpg.group():
                    self._name = self._text("text", "small")
                    self._place = self._text("muted", "tiny")
            self._far = self._text("faint", "small")
            for number in range(self.recent):
                with dpg.group(horizontal=True, horizontal_spacing=seat.px(6), show=False) as row:
                    self._button(f"{theme.icon('play')}##hear {number}", partial(self._play_past, number))
                    self._rows.append((row, self._text("muted", "small")))
        dpg.configure_item(self._hear, show=False)

    def update(self, now: Now) -> None:
        corpus = self._corpus()
        found = now.values.get("nearest")
        if corpus is None or found is None or len(found) < 2:
            self._say(("", "", "where a sound comes from shows while it plays" if corpus else "run it first", "faint"))
            return
        number = int(found[0])
        if not 0 <= number < len(corpus.slices):
            return
        if number != self._slice:
            self._slice = number
            self._remember(corpus, number)
        name, place = named(corpus, number)
        novelty = now.values.get("novelty")
        apart = float(novelty[0]) if novelty is not None and len(novelty) else 0.0
        words, colour = next((words, colour) for most, words, colour in KINDS if apart <= most)
        room = self._seat.width - self._seat.px(44)
        name = short(name, room, self._look, self._seat.zoom, "small")
        self._say((name, place, f"{float(found[1]):.2f} away, {words}", colour))

    def _say(self, told: tuple[str, ...]) -> None:
        if told == self._told:
            return
        self._told = told
        name, place, words, colour = told
        dpg.configure_item(self._hear, show=bool(name))
        for item, text in ((self._name, name), (self._place, place)):
            dpg.set_value(item, text)
        dpg.set_value(self._far, self._look.wrapped(words, self._seat.width, zoom=self._seat.zoom))
        dpg.bind_item_theme(self._far, self._look.words(colour))

    def _remember(self, corpus: Corpus, number: int) -> None:
        if not self.recent:
            return
        self._past = [number, *(one for one in self._past if one != number)][: self.recent]
        for (row, item), past in zip(self._rows, self._past, strict=False):
            dpg.configure_item(row, show=True)
            dpg.set_value(item, "   ".join(named(corpus, past)))

    def _corpus(self) -> Corpus | None:
        """The corpus whose slices the numbers mean, None until it is read."""
        editor = self._seat.editor
        path, source = editor.document.path, editor.source_of(self._seat.flat, "corpus")
        if path is None or source is None:
            return None
        read = partial(made.read_corpus, path, source[0])
        found: MadeCorpus | None = editor.client.answers.ask(("corpus", path, source[0]), read, again=made.LOOK)
        return found.corpus if found is not None else None

    def _play(self) -> None:
        if self._slice is not None:
            self._hear_slice(self._slice)

    def _play_past(self, number: int) -> None:
        if number < len(self._past):
            self._hear_slice(self._past[number])

    def _hear_slice(self, number: int) -> None:
        corpus = self._corpus()
        if corpus is not None and number < len(corpus.slices):
            play_slice(self._seat.editor, corpus, number)

    def _text(self, colour: str, size: str) -> Any:
        item = dpg.add_text(" ")
        dpg.bind_item_font(item, self._look.font(size, zoom=self._seat.zoom))
        dpg.bind_item_theme(item, self._look.words(colour))
        return item

    def _button(self, words: str, run: Any) -> Any:
        item = dpg.add_button(label=words, callback=lambda *_: run())
        dpg.bind_item_theme(item, self._look.button("small", self._seat.zoom))
        dpg.bind_item_font(item, self._look.font("small", zoom=self._seat.zoom))
        self._seat.editor.explain(item, "Hear this slice of the recording")
        return item


class NearestAtLength(Nearest):
    """In the inspector, with the last slices that were nearest."""

    recent = RECENT


def named(corpus: Corpus, number: int) -> tuple[str, str]:
    """A slice in words: its recording, and where in it."""
    piece = corpus.slices[number]
    recording = corpus.recordings[piece.recording]
    start, end = piece.start / recording.sample_rate, piece.end / recording.sample_rate
    return recording.path.rpartition("/")[2], f"{made.clock(start)} to {made.clock(end)}"
