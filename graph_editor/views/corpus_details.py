"""A corpus in the inspector: its recordings to listen to, one of them with its slices drawn in, the map, what was refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import made, theme
from graph_editor.listening import Sound
from graph_editor.made import MadeCorpus
from graph_editor.previews import Now, Seat, View
from graph_editor.theme import TYPE_COLOURS
from graph_editor.views import corpus_notes
from graph_editor.views.chart import Chart, Place, in_words, open_window, play_slice
from graph_editor.views.corpus import FOLDER, corpus_of, in_short, outputs_of, plural
from graph_editor.views.plate import CLEAR, Plate, curve
from runtime.corpus import Corpus, Slice
from runtime.spec import PortType

ROWS = 8
"""Recordings and refusals that are listed at once."""
LONG = 20.0
"""Seconds from which on a slice is played from where it was clicked."""


class CorpusAtLength(View):
    """All about what a node of the corpus family has made."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._shown: MadeCorpus | None = None
        self._outputs = outputs_of(seat)
        self._output = self._outputs[0]
        self._picture: corpus_notes.Picture | None = None
        self._chart: Chart | None = None
        self._strip: Strip | None = None
        if len(self._outputs) > 1:
            choice = dpg.add_combo(
                self._outputs,
                default_value=self._output,
                width=seat.width,
                parent=seat.parent,
                callback=lambda _, new: self._look(new),
            )
            dpg.bind_item_font(choice, seat.editor.look.font("small"))
        with dpg.group(parent=seat.parent) as self._place:
            self._text("not made yet: press Run to here", "faint")

    def update(self, now: Now) -> None:
        found = corpus_of(self._seat, self._output)
        if found is not None and found is not self._shown:
            self._shown = found
            self._build(found)

    def close(self) -> None:
        for part in (self._chart, self._strip, self._picture):
            if part is not None:
                part.close()
        self._chart = self._strip = self._picture = None

    def _look(self, output: str) -> None:
        """Shows what the node gave at another output."""
        self._output, self._shown = output, None

    def _build(self, found: MadeCorpus) -> None:
        self.close()
        dpg.delete_item(self._place, children_only=True)
        dpg.push_container_stack(self._place)
        try:
            if found.corpus is None:
                self._text(found.fault or "not made yet: press Run to here", "warn" if found.fault else "faint")
            else:
                self._corpus(found, found.corpus)
        finally:
            dpg.pop_container_stack()

    def _corpus(self, found: MadeCorpus, corpus: Corpus) -> None:
        seat, editor, look = self._seat, self._seat.editor, self._seat.editor.look
        self._text(in_short(found, seat.spec.type), "text")
        if seat.spec.type != FOLDER and found.total > 0:
            part = 100 * found.seconds / found.total
            self._text(f"{part:.0f} % of {made.length(found.total)} in {plural(len(corpus.recordings), 'recording')}", "faint")
        place = Place(seat.node, seat.flat, editor.document.where)
        if "report" in found.notes:
            self._picture = corpus_notes.report(seat, found)
        if "audit" in found.notes:
            self._head("What was taken out")
            for words, colour in corpus_notes.audit_in_short(found.notes["audit"]):
                self._text(words, colour)
        if not corpus.slices:
            self._text("no slice is here", "faint")
            return
        self._strip = Strip(seat, found, corpus)
        editor.each_frame(self._strip.frame)
        if len(corpus.slices) > 2:
            self._head("Map")
            self._chart = Chart(editor, place, found, dpg.add_group(), seat.width, round(seat.width * 0.72))
            editor.each_frame(self._chart.frame)
            self._button(f"{theme.icon('maximize')}  Open large", lambda: open_window(editor, place, found))
        self._head("Recordings")
        paths = [one.path for one in corpus.recordings]
        Listed(seat, paths, lambda row: made.length(corpus.recordings[row].seconds), self._choose, look.px(52))
        if corpus.rejected:
            self._head(f"Left out ({len(corpus.rejected)})")
            names = [one.path for one in corpus.rejected]
            Listed(seat, names, lambda row: corpus.rejected[row].reason, self._hear, 0, self._can_hear, "warn")
        files = corpus_notes.files_of(found.notes.get("audit"))
        if files:
            self._head("Before and after")
            Listed(seat, [one["path"] for one in files], lambda row: corpus_notes.levels(files[row]), None, 0)

    def _can_hear(self, row: int) -> bool:
        return self._shown is not None and self._shown.corpus is not None and self._shown.corpus.rejected[row].start is not None

    def _hear(self, row: int) -> None:
        """Plays a part that was left out."""
        if self._shown is not None and self._shown.corpus is not None:
            corpus = self._shown.corpus
            one = corpus.rejected[row]
            self._seat.editor.client.listening.play(
                Sound(corpus.folder / one.path, one.start or 0, one.end), self._seat.editor.preferences.device
            )

    def _choose(self, recording: int) -> None:
        """Plays a recording and shows it."""
        if self._shown is None or self._shown.corpus is None or self._strip is None:
            return
        corpus = self._shown.corpus
        self._strip.show(recording)
        path = corpus.folder / corpus.recordings[recording].path
        listening = self._seat.editor.client.listening
        playing = listening.now
        if playing is not None and playing[0] == Sound(path):
            listening.stop()
        else:
            listening.play(Sound(path), self._seat.editor.preferences.device)

    def _text(self, words: str, colour: str) -> None:
        look = self._seat.editor.look
        item = dpg.add_text(words, wrap=self._seat.width)
        dpg.bind_item_theme(item, look.words(colour))
        dpg.bind_item_font(item, look.font("small"))

    def _head(self, words: str) -> None:
        look = self._seat.editor.look
        dpg.add_spacer(height=look.px(4))
        item = dpg.add_text(words.upper())
        dpg.bind_item_theme(item, look.words("faint"))
        dpg.bind_item_font(item, look.font("tiny"))

    def _button(self, words: str, run: Callable[[], None]) -> None:
        look = self._seat.editor.look
        item = dpg.add_button(label=words, callback=lambda *_: run())
        dpg.bind_item_theme(item, look.button("small"))
        dpg.bind_item_font(item, look.font("small"))


class Strip:
    """One recording as a waveform with its slices; a click plays the slice under the mouse."""

    def __init__(self, seat: Seat, found: MadeCorpus, corpus: Corpus) -> None:
        self._seat, self._corpus = seat, corpus
        self._editor, look = seat.editor, seat.editor.look
        with dpg.group() as self._all:
            self._plate = Plate(look, self._all, seat.width, look.px(72), "waveform")
            self._words = dpg.add_text(" ")
            dpg.bind_item_font(self._words, look.font("small"))
            dpg.bind_item_theme(self._words, look.words("muted"))
        ground = dpg.add_draw_node(parent=self._plate.tag)
        self._lit = dpg.draw_rectangle(
            (-9, 0), (-9, self._plate.height), fill=(*look.colour("accent")[:3], 60), color=CLEAR, parent=ground
        )
        self._waves = dpg.add_draw_node(parent=self._plate.tag)
        self._needle = dpg.draw_line(
            (-9, 0), (-9, self._plate.height), color=look.colour("text"), thickness=1.5, parent=self._plate.tag
        )
        self._of = found.recording_of
        self._was_held = self._is_closed = False
        self._needle_at = -9.0
        self.show(corpus.slices[0].recording if corpus.slices else 0)

    def show(self, recording: int) -> None:
        """Shows another recording."""
        self._recording, self._drawn = recording, False
        self._slices = np.flatnonzero(self._of == recording)
        self._at: int | None = None
        dpg.delete_item(self._waves, children_only=True)
        self._say()

    def close(self) -> None:
        self._is_closed = True

    def frame(self) -> bool:
        """Called once a frame until it says False."""
        if self._is_closed or not dpg.does_item_exist(self._all):
            return False
        if self._plate.is_seen:
            self._draw()
            self._follow()
            self._show_needle()
        return True

    def _x(self, frame: int) -> float:
        return frame / self._corpus.recordings[self._recording].frames * self._plate.width

    def _draw(self) -> None:
        if self._drawn:
            return
        corpus, recording = self._corpus, self._recording
        key = ("waveform", str(corpus.folder), corpus.recordings[recording].sha256, self._plate.width)
        whole = _whole(corpus, recording)
        peaks = self._editor.client.answers.ask(key, lambda _: made.peaks(corpus, [whole], self._plate.width))
        if peaks is None:
            return
        self._drawn = True
        look = self._editor.look
        amber = look.type_colour(PortType.CORPUS)
        height = self._plate.height
        edges = sorted(
            {round(self._x(edge)) for one in self._slices for edge in (corpus.slices[one].start, corpus.slices[one].end)}
        )
        for number, one in enumerate(self._slices[: 4 * self._plate.width]):
            left, right = self._x(corpus.slices[one].start), self._x(corpus.slices[one].end)
            tint = (*amber[:3], 34 if number % 2 else 16)
            dpg.draw_rectangle((left, 0), (right, height), fill=tint, color=CLEAR, parent=self._waves)
        curve(self._waves, peaks, height, look.readable(TYPE_COLOURS[PortType.AUDIO]))
        if len(edges) > 2 and len(edges) < self._plate.width / 3:
            for x in edges:
                dpg.draw_line((x, 0), (x, height), color=(*amber[:3], 170), thickness=1, parent=self._waves)

    def _follow(self) -> None:
        mouse = self._plate.mouse()
        at, frame = None, 0
        if mouse is not None:
            frame = int(mouse[0] / self._plate.width * self._corpus.recordings[self._recording].frames)
            at = next(
                (int(one) for one in self._slices if self._corpus.slices[one].start <= frame < self._corpus.slices[one].end), None
            )
        if at != self._at:
            self._at = at
            left, right = (
                (-9.0, -9.0) if at is None else (self._x(self._corpus.slices[at].start), self._x(self._corpus.slices[at].end))
            )
            whole = at is not None and len(self._slices) == 1
            dpg.configure_item(self._lit, pmin=(left, 0), pmax=(left if whole else right, self._plate.height))
            self._say()
        held = self._plate.is_held
        if held and not self._was_held and at is not None:
            self._play(at, frame)
        self._was_held = held

    def _play(self, at: int, frame: int) -> None:
        piece, recording = self._corpus.slices[at], self._corpus.recordings[self._recording]
        if (piece.end - piece.start) / recording.sample_rate > LONG:
            sound = Sound(self._corpus.folder / recording.path, frame, piece.end)
            self._editor.client.listening.play(sound, self._editor.preferences.device)
        else:
            play_slice(self._editor, self._corpus, at)

    def _show_needle(self) -> None:
        playing = self._editor.client.listening.now
        recording = self._corpus.recordings[self._recording] if self._corpus.recordings else None
        x = -9.0
        if playing is not None and recording is not None and playing[0].path == self._corpus.folder / recording.path:
            x = self._x(playing[0].start + int(playing[1] * recording.sample_rate))
        if x != self._needle_at:
            self._needle_at = x
            dpg.configure_item(self._needle, p1=(x, 0), p2=(x, self._plate.height))

    def _say(self) -> None:
        recording = self._corpus.recordings[self._recording]
        words = (
            in_words(self._corpus, self._at)
            if self._at is not None
            else f"{recording.path.rpartition('/')[2]}   {plural(len(self._slices), 'slice')}"
        )
        dpg.set_value(self._words, self._editor.look.wrapped(words, self._plate.width))


def _whole(corpus: Corpus, recording: int) -> Slice:
    return Slice(recording, 0, corpus.recordings[recording].frames)


class Listed:
    """A long list, some rows at a time: names, and the `words` of a row. With `play`, each row that it `can` play has a button
    that calls it with the row's number. The words stand at the right in so many pixels; where that is 0, below the name."""

    def __init__(
        self,
        seat: Seat,
        rows: list[str],
        words: Callable[[int], str],
        play: Callable[[int], None] | None,
        right: int,
        can: Callable[[int], bool] = lambda _: True,
        colour: str = "muted",
    ) -> None:
        self._colour = colour
        self._seat, self._rows, self._words, self._play, self._right, self._can = seat, rows, words, play, right, can
        self._first = 0
        self._chosen = list(range(len(rows)))
        look = seat.editor.look
        with dpg.group() as group:
            if len(rows) > ROWS:
                field = dpg.add_input_text(hint="find a name", width=seat.width, callback=lambda _, words: self._find(words))
                dpg.bind_item_font(field, look.font("small"))
            self._place = dpg.add_group()
            if len(rows) > ROWS:
                with dpg.group(horizontal=True):
                    for icon, way in (("chevron-left", -ROWS), ("chevron-right", ROWS)):
                        item = dpg.add_button(label=theme.icon(icon), callback=partial(self._turn, way))
                        dpg.bind_item_theme(item, look.button("ghost"))
                        dpg.bind_item_font(item, look.font("small"))
                    self._where = dpg.add_text("")
                    dpg.bind_item_font(self._where, look.font("tiny"))
                    dpg.bind_item_theme(self._where, look.words("faint"))
        dpg.bind_item_font(group, look.font("small"))
        self._show()

    def _find(self, words: str) -> None:
        wanted = words.lower().split()
        self._chosen = [number for number, name in enumerate(self._rows) if all(word in name.lower() for word in wanted)]
        self._first = 0
        self._show()

    def _turn(self, way: int, *_: Any) -> None:
        if 0 <= self._first + way < len(self._chosen):
            self._first += way
            self._show()

    def _show(self) -> None:
        dpg.delete_item(self._place, children_only=True)
        for number in self._chosen[self._first : self._first + ROWS]:
            self._row(number, self._rows[number], self._words(number))
        if len(self._rows) > ROWS:
            last = min(self._first + ROWS, len(self._chosen))
            dpg.set_value(self._where, f"{min(self._first + 1, last)} to {last} of {len(self._chosen)}")

    def _row(self, number: int, path: str, words: str) -> None:
        look = self._seat.editor.look
        name = path.rpartition("/")[2]
        with dpg.group(horizontal=True, parent=self._place, horizontal_spacing=0):
            room = self._seat.width
            if self._play is not None and self._can(number):
                button = dpg.add_button(label=theme.icon("play"), callback=partial(self._press, number))
                dpg.bind_item_theme(button, look.button("ghost"))
                dpg.bind_item_font(button, look.font("tiny"))
                room -= look.px(34) + self._right
            shown = shortened(name, room, lambda text: look.width(text, "small"))
            item = dpg.add_text(shown)
            dpg.bind_item_theme(item, look.words("text"))
            self._seat.editor.explain(item, path)
            if self._right:
                used = look.width(shown, "small")
                dpg.add_spacer(width=max(room - used + self._right - look.width(words, "small"), 1))
                told = dpg.add_text(words)
                dpg.bind_item_theme(told, look.words("muted"))
        if not self._right:
            told = dpg.add_text(words, wrap=self._seat.width, parent=self._place)
            dpg.bind_item_theme(told, look.words(self._colour))

    def _press(self, number: int, *_: Any) -> None:
        if self._play is not None:
            self._play(number)


def shortened(name: str, room: float, width: Callable[[str], float]) -> str:
    """A name that fits into so many pixels, its middle left out: the end tells the takes of one recording apart."""
    if width(name) <= room:
        return name
    for kept in range(len(name) - 1, 1, -1):
        short = f"{name[: (kept + 1) // 2]}\u2026{name[len(name) - kept // 2 :]}"
        if width(short) <= room:
            return short
    return name[:1]
