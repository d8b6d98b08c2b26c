"""What was found out about a model file by trying it: in the node the most important, in the inspector all of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor import made, theme
from graph_editor.previews import Now, Seat, View


def found_of(seat: Seat) -> Mapping[str, Any] | None:
    """What was found out about the node's model; empty before it was tried, None while nobody has looked yet."""
    path = seat.editor.document.path
    if path is None:
        return {}
    return seat.editor.client.answers.ask(("found", path, seat.flat), partial(made.read_found, path, seat.flat), again=made.LOOK)


def in_short(found: Mapping[str, Any]) -> tuple[str, str]:
    """The most important in one line, with the colour of words in which it is shown."""
    if not found:
        return "not tried yet; run it", "faint"
    parts = [f"{found['latents']} latents"] if isinstance(found.get("latents"), int) else []
    load = found.get("load")
    parts += [f"{100 * load:.0f} % of real time"] if isinstance(load, float) else []
    return "  ·  ".join(parts), "warn" if found.get("warnings") else "good"


class ModelInShort(View):
    """In the node."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        look = seat.editor.look
        self._text = dpg.add_text(" ", parent=seat.parent)
        dpg.bind_item_font(self._text, look.font("small", zoom=seat.zoom))
        self._shown: Any = None

    def update(self, now: Now) -> None:
        found = found_of(self._seat)
        if found is None or found is self._shown:
            return
        self._shown = found
        words, colour = in_short(found)
        look = self._seat.editor.look
        dpg.set_value(self._text, look.wrapped(words, self._seat.width, zoom=self._seat.zoom))
        dpg.bind_item_theme(self._text, look.words(colour))
        self._seat.editor.canvas.underlay.stale = True


class ModelAtLength(View):
    """In the inspector."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._place = dpg.add_group(parent=seat.parent)
        self._shown: Any = None

    def update(self, now: Now) -> None:
        found = found_of(self._seat)
        if found is None or found is self._shown:
            return
        self._shown = found
        dpg.delete_item(self._place, children_only=True)
        dpg.push_container_stack(self._place)
        try:
            self._build(found)
        finally:
            dpg.pop_container_stack()

    def _build(self, found: Mapping[str, Any]) -> None:
        look, width = self._seat.editor.look, self._seat.width
        if not found:
            self._words("not tried yet; run it to see what it is, how fast it is here and how soon it answers", "muted")
            return
        for warning in found.get("warnings", ()):
            self._words(f"{theme.icon('triangle-alert')} {warning}", "warn")
        for row in found.get("rows", ()):
            what, words = (str(one) for one in row)
            with dpg.group(horizontal=True, horizontal_spacing=0):
                self._words(what, "muted")
                used = look.width(what, "small") + look.width(words, "small")
                fits = used + look.px(6) <= width
                dpg.add_spacer(width=max(width - used, look.px(6)) if fits else look.px(6))
                if fits:
                    self._words(words, "text")
            if not fits:
                self._words(words, "text")

    def _words(self, words: str, colour: str) -> None:
        look = self._seat.editor.look
        item = dpg.add_text(words, wrap=self._seat.width)
        dpg.bind_item_font(item, look.font("small"))
        dpg.bind_item_theme(item, look.words(colour))
