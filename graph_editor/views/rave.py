"""A decoder's latents as sliders: they show what arrives, can be called by words, and ask for the target of the next anchor."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import edits, teaching, theme
from graph_editor.previews import Now, Seat, View
from graph_editor.theme import mix

RANGE = 4.0
"""Latents that a model knows lie between about -3 and 3; a slider that must show more is widened."""
MOST = 16
"""Latents that a node shows; all stand in the inspector."""
TALL = 0.28
"""Height of a slider in parts of the width that all have, at least: in the perform view they are large."""
FALLBACK = 8
"""Latents that are shown where nothing tells how many there are."""


class Latents(View):
    """In the node: one slider for each latent, up to MOST."""

    sources = ("latent",)
    height, per_row, most = 64, MOST, MOST

    def __init__(self, seat: Seat) -> None:
        self.seat, self.look = seat, seat.editor.look
        self._pupil = teaching.pupil(seat.editor, seat.flat, "latent")
        self._dims: tuple[str, ...] = ()
        self._called: tuple[str, ...] = ()
        self._sliders: list[Any] = []
        self._held: list[bool | None] = []
        self._limit = RANGE
        self._words = ""
        self._links: Any = seat.editor.document.whole.links
        self.group = dpg.add_group(parent=seat.parent)
        self._build(self._guess())

    def _guess(self) -> tuple[str, ...]:
        """The latents as they will be once it plays."""
        editor = self.seat.editor
        if self._pupil is not None and (anchors := teaching.taught(editor, self._pupil).anchors):
            return tuple(anchors[0][1])
        source = editor.source_of(self.seat.flat, "model")
        trainer = editor.node_at(source[0]) if source else None
        count = trainer.params.get("export_latents") if trainer else None
        return tuple(f"z{number}" for number in range(count if isinstance(count, int) and count > 0 else FALLBACK))

    def _names(self, dims: tuple[str, ...]) -> tuple[str, ...]:
        """What the artist calls the latents, else what they are called."""
        node = self.seat.editor.node_at(self.seat.flat)
        said = node.view.get("latents") if node else None
        said = [str(word) for word in said] if isinstance(said, list | tuple) else []
        return tuple(said[number] if number < len(said) and said[number] else dim for number, dim in enumerate(dims))

    def _build(self, dims: tuple[str, ...]) -> None:
        self._dims, self._called = dims, self._names(dims)
        dpg.delete_item(self.group, children_only=True)
        self._sliders, self._held = [], []
        shown = min(len(dims), self.most)
        gap = self.seat.px(3)
        columns = max(1, min(self.per_row, shown))
        width = (self.seat.width - (columns - 1) * gap) // columns
        dpg.push_container_stack(self.group)
        try:
            for first in range(0, shown, columns):
                with dpg.group(horizontal=True, horizontal_spacing=gap):
                    for number in range(first, min(first + columns, shown)):
                        self._slider(number, width)
            self.foot()
        finally:
            dpg.pop_container_stack()
        self._words = ""
        self.seat.editor.canvas.underlay.stale = True

    def _slider(self, number: int, width: int) -> None:
        look, seat = self.look, self.seat
        with dpg.group():
            slider = dpg.add_slider_float(
                label=f"##latent {self._dims[number]}",
                vertical=True,
                width=width,
                height=max(seat.px(self.height), round(seat.width * TALL)),
                min_value=-self._limit,
                max_value=self._limit,
                format="",
                no_input=True,
                callback=partial(self._moved, number),
            )
            name = self._called[number]
            size = look.width(name, "tiny", zoom=seat.zoom)
            if size <= width + 2:
                item = dpg.add_text(name, indent=max((width - size) // 2, 1))
                dpg.bind_item_font(item, look.font("tiny", zoom=seat.zoom))
                dpg.bind_item_theme(item, look.words("faint"))
        self._sliders.append(slider)
        self._held.append(None)

    def foot(self) -> None:
        """What stands below the sliders."""
        look, seat = self.look, self.seat
        self._text = dpg.add_text(" ")
        seat.editor.explain(
            self._text, "Pull a slider to ask for a sound: it is heard, and the next anchor takes it as its target"
        )
        dpg.bind_item_font(self._text, look.font("small", zoom=seat.zoom))
        dpg.bind_item_theme(self._text, look.words("muted"))

    def _moved(self, number: int, _: Any = None, value: float = 0.0, *__: Any) -> None:
        editor = self.seat.editor
        if self._pupil is None:
            editor.say("no regressor leads to these latents: there is nobody to teach", wrong=True)
            return
        known = teaching.taught(editor, self._pupil).anchors
        if known:
            teaching.want(editor, self._pupil, {self._dims[number]: float(value)})
        else:  # nothing plays yet that could fill in the others
            shown = {dim: float(dpg.get_value(slider)) for dim, slider in zip(self._dims, self._sliders, strict=False)}
            teaching.want(editor, self._pupil, {**dict.fromkeys(self._dims, 0.0), **shown})

    def update(self, now: Now) -> None:
        editor = self.seat.editor
        if editor.document.whole.links is not self._links:
            self._links = editor.document.whole.links
            self._pupil = teaching.pupil(editor, self.seat.flat, "latent")
        values = now.values.get("latent")
        dims = now.names.get("latent", ()) if values is not None else self._dims
        if dims and (tuple(dims) != self._dims or self._names(self._dims) != self._called):
            self._build(tuple(dims))
        wanted = editor.lesson.wanted.get(self._pupil or "", {})
        newest = np.nan_to_num(values).tolist() if values is not None else [0.0] * len(self._dims)
        self._widen([*newest, *wanted.values()])
        pointed = None
        for number, slider in enumerate(self._sliders):
            dim = self._dims[number]
            held = dim in wanted
            if held != self._held[number]:
                self._held[number] = held
                dpg.bind_item_theme(slider, self.look.slider(self._colour(number, held), self.seat.zoom))
            if not dpg.is_item_active(slider):
                dpg.set_value(slider, wanted[dim] if held else newest[number])
            if dpg.is_item_hovered(slider):
                pointed = number
        self._say(pointed, wanted, newest)

    def _say(self, pointed: int | None, wanted: dict[str, float], newest: list[float]) -> None:
        if pointed is not None:
            words = f"{self._called[pointed]}  {wanted.get(self._dims[pointed], newest[pointed]):.2f}"
        elif wanted:
            words = f"{len(wanted)} held for the next anchor"
        else:
            hidden = len(self._dims) - len(self._sliders)
            words = f"{len(self._dims)} latents" + (f", {hidden} more in the inspector" if hidden > 0 else "")
        if words != self._words:
            self._words = words
            dpg.set_value(self._text, words)

    def _colour(self, number: int, held: bool) -> theme.Colour:
        look = self.look
        if held:
            return look.colour("accent")
        green, violet = theme.family_of("control.smooth")[1], theme.family_of("rave.decoder")[1]
        return look.readable(mix(green, violet, number / max(len(self._dims) - 1, 1)))

    def _widen(self, values: list[float]) -> None:
        largest = max(map(abs, values), default=0.0)
        if largest > self._limit:
            self._limit = float(math.ceil(largest))
            for slider in self._sliders:
                dpg.configure_item(slider, min_value=-self._limit, max_value=self._limit)


class Sliders(Latents):
    """In the inspector: larger, in rows of eight, with fields to call them by words."""

    height, per_row, most = 92, 8, 256

    def __init__(self, seat: Seat) -> None:
        self._numbers: dict[Any, int] = {}
        with dpg.item_handler_registry() as self._handlers:
            dpg.add_item_deactivated_after_edit_handler(callback=self._typed)
        super().__init__(seat)

    def foot(self) -> None:
        super().foot()
        self._numbers.clear()
        look, seat, editor = self.look, self.seat, self.seat.editor
        with dpg.group(horizontal=True, horizontal_spacing=seat.px(6)):
            for words, kind, run, help_text in (
                (
                    f"{theme.icon('circle-dot')}  Record anchor",
                    "danger",
                    self._record,
                    "Record a gesture for this target (R; again: keep it)",
                ),
                (f"{theme.icon('rotate-ccw')}  Follow", "small", self._follow, "Let go of the sliders: they show what plays"),
            ):
                item = dpg.add_button(label=words, callback=lambda *_, run=run: run())
                dpg.bind_item_theme(item, look.button(kind, seat.zoom))
                dpg.bind_item_font(item, look.font("small"))
                editor.explain(item, help_text)
        label = dpg.add_text("What they do, by ear")
        dpg.bind_item_font(label, look.font("tiny"))
        dpg.bind_item_theme(label, look.words("faint"))
        gap = seat.px(6)
        for first in range(0, len(self._dims), 2):
            with dpg.group(horizontal=True, horizontal_spacing=gap):
                for number in range(first, min(first + 2, len(self._dims))):
                    self._field(number, (seat.width - gap) // 2)

    def _field(self, number: int, width: int) -> None:
        dim, name = self._dims[number], self._called[number]
        field = dpg.add_input_text(label=f"##word {dim}", width=width, hint=dim, default_value="" if name == dim else name)
        dpg.bind_item_font(field, self.look.font("small"))
        dpg.bind_item_handler_registry(field, self._handlers)
        self._numbers[field] = number

    def _typed(self, _: Any, field: Any) -> None:
        number = self._numbers.get(field)
        if number is not None:
            self._call(number, dpg.get_value(field))

    def close(self) -> None:
        dpg.delete_item(self._handlers)  # the library does not delete it with the fields

    def _call(self, number: int, word: str) -> None:
        editor, name = self.seat.editor, self.seat.node
        words = ["" if called == dim else called for called, dim in zip(self._called, self._dims, strict=True)]
        words[number] = word.strip()
        editor.edit(
            f"call {self._dims[number]} {word.strip() or 'nothing'}", edits.set_latent_names(editor.document.patch, name, words)
        )

    def _record(self) -> None:
        if self._pupil is not None:
            teaching.record(self.seat.editor, self._pupil)
        else:
            self.seat.editor.say("no regressor leads to these latents: there is nobody to teach", wrong=True)

    def _follow(self) -> None:
        if self._pupil is not None:
            teaching.follow(self.seat.editor, self._pupil)
