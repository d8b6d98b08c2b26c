"""What each latent of a model does: the matrix of descriptors beside chance, sweeps to be heard, and names to be taken."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import edits, made, theme
from graph_editor.listening import Sound
from graph_editor.previews import Now, Seat, View
from graph_editor.theme import mix
from graph_editor.views.plate import CLEAR
from runtime.artifacts import Assets

MORE, LESS = (236, 168, 72), (122, 132, 255)
"""A descriptor that grows with a latent, and one that shrinks."""
DECODER = "rave.decoder"


def explained_of(seat: Seat) -> Mapping[str, Any] | None:
    """What the node has found out; empty before it was run, None while nobody has looked yet."""
    path = seat.editor.document.path
    if path is None:
        return {}
    read = partial(made.read_explained, path, seat.flat)
    return seat.editor.client.answers.ask(("explained", path, seat.flat), read, again=made.LOOK)


def table_of(found: Mapping[str, Any]) -> np.ndarray:
    """The numbers that are shown, [latents, descriptors] of -1 to 1: a matrix's correlations; of a sweep how far all places
    agree, with the sign of the way. NaN where nothing can be said."""
    if found.get("kind") == "matrix":
        return np.array(found["correlation"], float)
    agreed: np.ndarray = np.array(found["consistency"], float)
    agreed *= np.sign(np.nan_to_num(np.array(found["monotonicity"], float)))
    return agreed


class Explained(View):
    """In the node: the table, small."""

    letters = "tiny"

    def __init__(self, seat: Seat) -> None:
        self.seat, self.look = seat, seat.editor.look
        self._shown: Any = None
        self.group = dpg.add_group(parent=seat.parent)

    def update(self, now: Now) -> None:
        found = explained_of(self.seat)
        if found is None or found is self._shown:
            return
        self._shown = found
        dpg.delete_item(self.group, children_only=True)
        dpg.push_container_stack(self.group)
        try:
            if found:
                self.build(found)
            else:
                self.text("not made yet: press Run to here", "faint")
        finally:
            dpg.pop_container_stack()
        self.seat.editor.canvas.underlay.stale = True

    def build(self, found: Mapping[str, Any]) -> None:
        """Makes the items; the view's group is on the container stack."""
        self.table(found, self.seat.px(14), numbers=False)
        named = sum(name != latent for name, latent in zip(found.get("names", ()), found["latents"], strict=False))
        if named:
            self.text(f"{named} of {len(found['latents'])} latents do something plain", "muted")

    def table(self, found: Mapping[str, Any], row: int, *, numbers: bool) -> None:
        """Draws the table; a cell that chance may give stays empty."""
        seat, look = self.seat, self.look
        values, latents, descriptors = table_of(found), found["latents"], found["descriptors"]
        called = found.get("names", latents)
        bounds = found.get("bounds", [found["chance"]] * len(descriptors))
        size = max(look.px(11) * seat.zoom, 6)
        left = max(look.width(str(name), "tiny", zoom=seat.zoom) for name in called) + seat.px(8)
        wide = (seat.width - left) / len(descriptors)
        head = row + seat.px(2)
        field = look.colour("field")
        with dpg.group() as place, dpg.drawlist(seat.width, head + row * len(latents)):
            dpg.bind_item_font(place, look.font("tiny", zoom=seat.zoom))  # a drawing has none of its own
            for column, name in enumerate(descriptors):
                words = name if look.width(name, "tiny", zoom=seat.zoom) <= wide else f"{name[:4]}."
                dpg.draw_text((left + column * wide + 2, 0), words, size=size, color=look.colour("faint"))
            for line, name in enumerate(called):
                top = head + line * row
                dpg.draw_text((0, top + (row - size) / 2), str(name), size=size, color=look.colour("text"))
                for column in range(len(descriptors)):
                    value = values[line, column]
                    clear = bool(abs(value) > bounds[column])
                    colour = mix(field, MORE if value > 0 else LESS, float(min(abs(value), 1.0))) if clear else field
                    corner = left + column * wide
                    dpg.draw_rectangle(
                        (corner, top), (corner + wide - 2, top + row - 2), fill=colour, color=CLEAR, rounding=seat.px(3)
                    )
                    if numbers and np.isfinite(value):
                        shade = "faint" if not clear else "back" if abs(value) > 0.5 else "text"
                        dpg.draw_text((corner + 4, top + (row - size) / 2), f"{value:+.2f}", size=size, color=look.colour(shade))

    def text(self, words: str, colour: str) -> Any:
        item = dpg.add_text(self.look.wrapped(words, self.seat.width, zoom=self.seat.zoom))
        dpg.bind_item_font(item, self.look.font("small", zoom=self.seat.zoom))
        dpg.bind_item_theme(item, self.look.words(colour))
        return item


class ExplainedAtLength(Explained):
    """In the inspector: the table with numbers, what they mean, a button for each sweep, and the names to be taken."""

    def build(self, found: Mapping[str, Any]) -> None:
        self.table(found, self.seat.px(22), numbers=True)
        chance = found["chance"]
        if found["kind"] == "matrix":
            self.text(
                f"How each latent goes with what is heard, in {found['sounds']} random sounds: 1 always more, -1 always less. "
                f"Chance gives up to {chance:.2f}; what is below has no colour.",
                "muted",
            )
            self._names(found)
        else:
            self.text(
                f"Whether a latent does the same everywhere, from {found['places']} places: 1 always more, -1 always less. "
                f"Chance gives {chance:.2f}; what is below has no colour. Hear each from low to high:",
                "muted",
            )
            self._sweeps(found)

    def _sweeps(self, found: Mapping[str, Any]) -> None:
        path = self.seat.editor.document.path
        if path is None:
            return
        folder = Assets(path).node(self.seat.flat)
        for first in range(0, len(found["latents"]), 4):
            with dpg.group(horizontal=True, horizontal_spacing=self.seat.px(6)):
                for name in found["latents"][first : first + 4]:
                    self._button(f"{theme.icon('play')} {name}##sweep", partial(self._hear, folder / f"{name}.wav"))

    def _hear(self, path: Path) -> None:
        editor = self.seat.editor
        editor.client.listening.play(Sound(path), editor.preferences.device)

    def _names(self, found: Mapping[str, Any]) -> None:
        plain = [f"{latent}: {name}" for latent, name in zip(found["latents"], found["names"], strict=True) if name != latent]
        if not plain:
            self.text("No latent does something plain enough for a name.", "muted")
            return
        self.text(", ".join(plain), "text")
        if self._decoders():
            self._button(f"{theme.icon('sparkles')}  Call them so", self._take)

    def _decoders(self) -> list[str]:
        """The decoders of the shown patch that play this model."""
        editor = self.seat.editor
        return [
            name
            for name, node in editor.document.patch.nodes.items()
            if node.type == DECODER and (editor.source_of(editor.flat(name), "model") or ("",))[0] == self.seat.flat
        ]

    def _take(self) -> None:
        """Calls the latents of those decoders by the proposed names; what the artist has named keeps its name."""
        editor, found, patch = self.seat.editor, self._shown, self.seat.editor.document.patch
        for decoder in self._decoders():
            said = patch.nodes[decoder].view.get("latents", ())
            proposed = ["" if name == latent else name for latent, name in zip(found["latents"], found["names"], strict=True)]
            kept = [said[n] if n < len(said) and said[n] else name for n, name in enumerate(proposed)]
            patch = edits.set_latent_names(patch, decoder, kept)
        editor.edit("call the latents by what they do", patch)

    def _button(self, words: str, run: Any) -> None:
        item = dpg.add_button(label=words, callback=lambda *_: run())
        dpg.bind_item_theme(item, self.look.button("small"))
        dpg.bind_item_font(item, self.look.font("small"))
