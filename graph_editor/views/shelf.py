"""The shelf of a training: each step with how it sounds, to be heard beside the original, and a star for the best."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import made, theme
from graph_editor.listening import Sound
from graph_editor.made import Checkpoint, MadeModel
from graph_editor.previews import Seat
from graph_editor.views.corpus import number
from runtime import shelf
from runtime.errors import in_words

MOST = 40
"""So many of the newest are shown."""


class Shelf:
    """The rows of a shelf, made anew when something on it has changed."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._group = dpg.add_group()

    def show(self, found: MadeModel) -> None:
        """Shows what is kept of a training."""
        dpg.delete_item(self._group, children_only=True)
        if not found.shelf:
            return
        look = self._seat.editor.look
        dpg.push_container_stack(self._group)
        try:
            dpg.add_spacer(height=look.px(4))
            with dpg.group(horizontal=True, horizontal_spacing=look.px(6)):
                self._text("ON THE SHELF", "faint", "tiny")
                if found.original is not None:
                    self._button(
                        "audio-lines", partial(self._play, found.original), "Play the test phrase itself, from the corpus"
                    )
            for one in found.shelf[:MOST]:
                self._row(one)
        finally:
            dpg.pop_container_stack()

    def _row(self, one: Checkpoint) -> None:
        look, editor = self._seat.editor.look, self._seat.editor
        with dpg.group(horizontal=True, horizontal_spacing=look.px(3)):
            if one.phrase is not None:
                self._button("play", partial(self._play, one.phrase), "Play its test phrase: the original, said by this model")
            if one.walk is not None:
                self._button("waves", partial(self._play, one.walk), "Play a walk through its latents")
            if one.shelf is not None and (one.is_whole or one.is_starred):
                words = "Take its star away" if one.is_starred else "Star it: it stays, and best points at it"
                self._button("star", partial(self._star, one), words, starred=one.is_starred)
            title = f"step {number(one.step)}" if one.shelf is not None and one.step is not None else one.name
            name = self._text(title, "good" if one.is_starred else "text", "small")
            editor.explain(name, f"{one.path}\n{time.strftime('%d %B %Y, %H:%M', time.localtime(one.when))}\n{measured(one)}")
        self._text("  ·  ".join(part for part in (one.phase, in_short(one), made.ago(one.when)) if part), "faint", "tiny")

    def _play(self, path: Path) -> None:
        editor = self._seat.editor
        editor.client.listening.play(Sound(path), editor.preferences.device)

    def _star(self, one: Checkpoint) -> None:
        editor, folder, step = self._seat.editor, one.shelf, one.step
        if folder is None or step is None:
            return
        future = editor.client.aside(lambda: shelf.star(folder, step, not one.is_starred))

        def look() -> bool:
            if not future.done():
                return True
            if (error := future.exception()) is not None:
                editor.say(in_words(error), wrong=True)
            editor.client.refresh()  # what plays `best` follows it
            return False

        editor.each_frame(look)

    def _button(self, icon: str, press: Callable[[], None], words: str, *, starred: bool = False) -> None:
        look = self._seat.editor.look
        item = dpg.add_button(label=theme.icon(icon), callback=lambda *_: press())
        dpg.bind_item_theme(item, look.button("primary" if starred else "ghost"))
        dpg.bind_item_font(item, look.font("tiny"))
        self._seat.editor.explain(item, words)

    def _text(self, words: str, colour: str, size: str) -> Any:
        item = dpg.add_text(words, wrap=self._seat.width)
        dpg.bind_item_theme(item, self._seat.editor.look.words(colour))
        dpg.bind_item_font(item, self._seat.editor.look.font(size))
        return item


def in_short(one: Checkpoint) -> str:
    """How near it is to the original: its distance, and what is missing above 4 kHz."""
    distance, bright = _number(one, "distance"), _number(one, "bright")
    told = [f"distance {distance:.2f}"] if distance is not None else []
    told += [f"{-bright:.0f} dB duller"] if bright is not None and bright <= -1 else []
    told += [] if one.is_whole or one.shelf is None else ["sounds only"]
    return "  ·  ".join(told)


def measured(one: Checkpoint) -> str:
    """All measures in words."""
    rows = [
        ("distance", "spectral distance to the original: {:.2f}"),
        ("bright", "its share above 4 kHz, re the original: {:+.1f} dB"),
        ("level", "its level, re the original: {:+.1f} dB"),
        ("dice", "what it draws by chance, re itself: {:+.0f} dB"),
    ]
    told = [words.format(value) for name, words in rows if (value := _number(one, name)) is not None]
    latents = one.measures.get("latents")
    if isinstance(latents, list) and latents:
        variances = [latent.get("variance") for latent in latents if isinstance(latent, dict)]
        told.append("variance of its latents: " + ", ".join(f"{value:.2g}" for value in variances if isinstance(value, float)))
    if "repeats" in one.measures:
        told.append("says the same twice" if one.measures["repeats"] is True else "does not say the same twice")
    return "\n".join(told)


def _number(one: Checkpoint, name: str) -> float | None:
    value = one.measures.get(name)
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None
