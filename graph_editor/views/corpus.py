"""A corpus in its node: how many recordings or slices, how much sound, and what it looks like as a whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import made, theme
from graph_editor.made import MadeCorpus
from graph_editor.previews import Now, Seat, View
from graph_editor.theme import TYPE_COLOURS
from graph_editor.views.plate import bars
from runtime.patch import Node
from runtime.spec import PathParam, PortType

FOLDER = "corpus.folder"
COLUMNS = 160


def outputs_of(seat: Seat) -> list[str]:
    """The outputs of the node that are corpora."""
    return [port.name for port in seat.spec.outputs if port.type is PortType.CORPUS] or ["corpus"]


def corpus_of(seat: Seat, output: str | None = None) -> MadeCorpus | None:
    """The corpus that the node has made at an output (the first, where none is said), None until it was looked for."""
    path = seat.editor.document.path
    if path is None:
        return MadeCorpus()
    flat, output = seat.flat, output or outputs_of(seat)[0]
    look = partial(made.read_corpus, path, flat, output=output)
    return seat.editor.client.answers.ask(("corpus", path, flat, output), look, again=made.LOOK)


def node_of(seat: Seat) -> Node | None:
    """The node as the document has it now."""
    return seat.editor.node_at(seat.flat)


def number(count: int) -> str:
    """A count with thin gaps between its thousands."""
    return f"{count:,}".replace(",", " ")


def plural(count: int, word: str) -> str:
    return f"{number(count)} {word}{'' if count == 1 else 's'}"


def in_short(found: MadeCorpus, kind: str) -> str:
    """A corpus in a line: of a folder its recordings, else its slices."""
    if found.corpus is None:
        return ""
    if kind == FOLDER:
        return f"{plural(len(found.corpus.recordings), 'recording')}  ·  {made.length(found.total)}"
    return f"{plural(len(found.corpus.slices), 'slice')}  ·  {made.length(found.seconds)}"


class CorpusInShort(View):
    """The line and the waveform in the node."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        look, zoom = seat.editor.look, seat.zoom
        self._height = seat.px(34)
        with dpg.group(parent=seat.parent):
            self._words = dpg.add_text(" ")
            dpg.bind_item_font(self._words, look.font("small", zoom=zoom))
            self._list = dpg.add_drawlist(seat.width, self._height)
        self._line(0.0)
        self._told = ("", "")
        self._drawn: Any = None

    def update(self, now: Now) -> None:
        found = corpus_of(self._seat)
        if found is None:
            return
        self._say(found)
        peaks = overview(self._seat, found)
        if peaks is not None and peaks is not self._drawn:
            self._drawn = peaks
            dpg.delete_item(self._list, children_only=True)
            colour = self._seat.editor.look.readable(TYPE_COLOURS[PortType.AUDIO])
            step = max(self._seat.px(3), 2)
            bars(self._list, peaks, self._seat.width, self._height, colour, step)

    def _line(self, strength: float) -> None:
        middle = self._height / 2
        dpg.draw_line(
            (0, middle), (self._seat.width, middle), color=self._seat.editor.look.colour("line"), thickness=1, parent=self._list
        )

    def _say(self, found: MadeCorpus) -> None:
        seat = self._seat
        node = node_of(seat)
        changed = made.changed_since(node.params, found.params, seat.spec) if node and found.corpus else ()
        if found.fault:
            told = found.fault, "warn"
        elif found.corpus is None:
            told = self._before(node), "faint"
        elif changed:
            told = f"{theme.icon('rotate-ccw')} {in_short(found, seat.spec.type)}, run again", "warn"
        else:
            told = f"{theme.icon('check')} {self._made(found)}", "good"
        if told != self._told:
            self._told = told
            look = seat.editor.look
            dpg.set_value(self._words, look.wrapped(told[0], seat.width, zoom=seat.zoom))
            dpg.bind_item_theme(self._words, look.words(told[1]))
            seat.editor.canvas.underlay.stale = True

    def _made(self, found: MadeCorpus) -> str:
        """The corpus in a line; of several the slices of each."""
        outputs = outputs_of(self._seat)
        every = [(output, corpus_of(self._seat, output)) for output in outputs]
        shares = [(output, len(one.corpus.slices)) for output, one in every if one is not None and one.corpus is not None]
        if len(outputs) < 3 or len(shares) < len(outputs):
            return in_short(found, self._seat.spec.type)
        return "  ·  ".join(f"{output} {number(count)}" for output, count in shares if count)

    def _before(self, node: Node | None) -> str:
        """What is known before the first run."""
        path = self._seat.editor.document.path
        param = next((one.name for one in self._seat.spec.params if isinstance(one, PathParam)), None)
        chosen = str(node.params.get(param) or "") if node and param else ""
        if not chosen or path is None:
            return "not made yet"
        folder = path.parent / chosen
        count = self._seat.editor.client.answers.ask(("files", folder), partial(_count, folder))
        return f"{plural(count, 'file')}, not heard yet" if count else "not made yet"


def _count(folder: Path, _: int | None) -> int:
    return made.count_files(folder)


def overview(seat: Seat, found: MadeCorpus) -> np.ndarray | None:
    """The waveform of the whole corpus, None until it is read."""
    corpus = found.corpus
    if corpus is None:
        return None
    return seat.editor.client.answers.ask(
        ("overview", found.folder, found.fingerprint), lambda _: made.peaks(corpus, corpus.slices, COLUMNS)
    )
