"""The corpus map on the screen: hover names a slice, a click plays it, a line drawn around slices tags them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import colouring, corpus_map, made, tags, theme
from graph_editor.corpus_map import Charted
from graph_editor.geometry import Point
from graph_editor.listening import Sound
from graph_editor.made import MadeCorpus
from graph_editor.theme import Colour
from graph_editor.views.plate import Plate, still
from runtime.corpus import Corpus, Tag, members, parts
from runtime.patch import Patch

if TYPE_CHECKING:
    from graph_editor.editor import Editor

COLOURS: tuple[Colour, ...] = (
    theme.FRAME_COLOURS["amber"], theme.FRAME_COLOURS["blue"], theme.FRAME_COLOURS["violet"], theme.FRAME_COLOURS["green"],
    theme.FRAME_COLOURS["rose"], theme.FRAME_COLOURS["teal"], (224, 160, 120), (150, 160, 255),
)  # fmt: skip
"""Of the groups, over again where there are more."""
MARGIN = 14
"""Pixels at scale 1 between the points and the edge."""
REACH = 9
"""Pixels at scale 1 within which the mouse finds a point."""
SOON = 0.3
"""Seconds between two looks at how far a map is."""
DRAGGED = 6.0
"""Pixels from which on a press is a line and no click."""


Legend = list[tuple[str, Sequence[float]]]
Drawn = tuple[np.ndarray, Legend]


@dataclass(frozen=True)
class Place:
    """Which node's corpus is looked at: its name in the shown patch, and the one that the runtime knows."""

    node: str
    flat: str
    where: tuple[str, ...]

    def find(self, editor: Editor) -> Patch | None:
        """The patch that the node lies in, None while another part of it is shown or the node has gone."""
        patch = editor.document.patch
        return patch if editor.document.where == self.where and self.node in patch.nodes else None


def play_slice(editor: Editor, corpus: Corpus, slice_number: int) -> None:
    """Lets a slice be heard."""
    piece = corpus.slices[slice_number]
    path = corpus.folder / corpus.recordings[piece.recording].path
    editor.client.listening.play(Sound(path, piece.start, piece.end), editor.preferences.device)


def in_words(corpus: Corpus, slice_number: int) -> str:
    """A slice: its recording and where in it."""
    piece = corpus.slices[slice_number]
    recording = corpus.recordings[piece.recording]
    start, end = piece.start / recording.sample_rate, piece.end / recording.sample_rate
    return f"{recording.path.rpartition('/')[2]}   {made.clock(start)} to {made.clock(end)}"


class Chart:
    """One map. `frame` is called once a frame until it says False."""

    def __init__(self, editor: Editor, place: Place, found: MadeCorpus, parent: Any, width: int, height: int) -> None:
        assert found.corpus is not None
        self._editor, self._place, self._found, self._corpus = editor, place, found, found.corpus
        with dpg.group(parent=parent) as self._all:
            self._plate = Plate(editor.look, self._all, width, height, "map")
            self._words = dpg.add_text(" ")
            dpg.bind_item_font(self._words, editor.look.font("small"))
            dpg.bind_item_theme(self._words, editor.look.words("muted"))
            self._choice = dpg.add_group()
            self._legend = dpg.add_group()
            self._tags = dpg.add_group()
        self._scheme = colouring.FOLDERS
        self._schemes: list[str] = []
        self._pixels: np.ndarray | None = None
        self._points: np.ndarray | None = None
        self._tagged: dict[str, Tag] | None = None
        self._patch: Any = None
        self._legend_told: Any = None
        self._picture: tuple[Any, Callable[[Any], Drawn]] | None = None
        self._texture: Any = None
        self._line: list[Point] = []
        self._drawn: Any = None
        self._mark: Any = None
        self._at: int | None = None
        self._is_closed = False
        self._told = ""

    def close(self) -> None:
        """Gives the picture back."""
        self._is_closed = True
        if self._texture is not None and dpg.does_item_exist(self._texture):
            for item in (self._image, self._texture):
                if dpg.does_item_exist(item):
                    dpg.delete_item(item)
        self._texture = None

    def frame(self) -> bool:
        """Brings the drawing to what is known, and follows the mouse."""
        if self._is_closed or not dpg.does_item_exist(self._all):
            self.close()
            return False
        if not self._plate.is_seen:
            return True
        self._find_points()
        self._find_tags()
        self._show_picture()
        if self._points is not None:
            self._follow()
        return True

    # What is shown

    def _find_points(self) -> None:
        if self._points is not None:
            return
        table = self._corpus.table
        across, up = (table.column("x"), table.column("y")) if table is not None else (None, None)
        if across is not None and up is not None:
            self._place_points(np.column_stack([across, up]))
            return
        found, key = self._found, ("map", self._found.fingerprint)
        answers = self._editor.client.answers
        charted: Charted | None = answers.ask(
            key, partial(corpus_map.chart, found.folder, self._corpus.folder, found.fingerprint), again=SOON
        )
        if charted is not None and charted.points is not None and len(charted.points) == len(self._corpus.slices):
            self._place_points(charted.points)
        else:
            fraction = charted.fraction if charted is not None else 0.0
            fault = answers.fault(key)
            self._say(fault or f"listening to {len(self._corpus.slices):,} slices ... {100 * fraction:.0f} %".replace(",", " "))

    def _place_points(self, points: np.ndarray) -> None:
        """The map is known: from a Layout, or worked out beside the window."""
        self._points = points
        room = self._editor.look.px(MARGIN)
        size = np.array([self._plate.width - 2 * room, self._plate.height - 2 * room], np.float32)
        flipped = np.column_stack([points[:, 0], 1.0 - points[:, 1]])
        self._pixels = flipped * size + room
        self._stale()
        self._say("")

    def _find_tags(self) -> None:
        patch = self._place.find(self._editor)
        if patch is self._patch and self._tagged is not None:
            return
        self._patch = patch
        by_hand = tags.hand_set(patch, self._place.node) if patch is not None else {}
        # A Tag node's corpus tells what was set by hand when it was made; the node itself knows better.
        past = self._found.params.get(tags.KEY)
        given = {name: tag for name, tag in self._corpus.tags.items() if not isinstance(past, dict) or name not in past}
        found = given | by_hand
        if found == self._tagged:
            return
        self._tagged = found
        self._offer_schemes()
        dpg.delete_item(self._tags, children_only=True)
        look = self._editor.look
        for name, tag in found.items():
            count = int(members(self._corpus, tag).sum())
            with dpg.group(horizontal=True, parent=self._tags, horizontal_spacing=look.px(4)):
                item = dpg.add_text(f"{theme.icon('tag')}  {name}  \u00b7  {count} slice{'' if count == 1 else 's'}")
                dpg.bind_item_font(item, look.font("small"))
                if name in by_hand:
                    gone = dpg.add_button(label=theme.icon("x"), callback=partial(self._untag, name))
                    dpg.bind_item_theme(gone, look.button("ghost"))
                    dpg.bind_item_font(gone, look.font("tiny"))
                    self._editor.explain(gone, "Remove this tag from all its slices")
            if tag.reason:
                self._editor.explain(item, tag.reason)
        self._stale()

    def _stale(self) -> None:
        """Has the picture drawn anew, on a thread."""
        if self._pixels is None:
            return
        look, pixels, corpus = self._editor.look, self._pixels, self._corpus
        every, found, scheme = dict(self._tagged or {}), self._found, self._scheme
        tints = np.array([look.readable(colour)[:3] for colour in COLOURS], np.float64) / 255.0
        grey = [one / 255.0 for one in look.colour("faint")[:3]]
        ring = np.array(look.colour("text")[:3], np.float64) / 255.0
        size = self._plate.width, self._plate.height
        crowd = min(max((2500 / max(len(pixels), 1)) ** 0.25, 0.55), 1.25)
        radius = max(2.9 * look.scale * crowd, 1.2)

        def draw(_: Any) -> Drawn:
            ringed = np.zeros(len(pixels), bool)
            for tag in every.values():
                ringed |= members(corpus, tag)
            colours, legend = colouring.colours(found, scheme, every, tints, grey)
            return corpus_map.picture(pixels, colours, ringed, ring, size, radius), legend

        self._picture = ("picture", object()), draw

    def _show_picture(self) -> None:
        if self._picture is None:
            return
        answer = self._editor.client.answers.ask(*self._picture)
        if answer is None:
            return
        drawn, legend = answer
        self._show_legend(legend)
        self._editor.client.answers.forget(self._picture[0])
        self._picture = None
        width, height = self._plate.width, self._plate.height
        before, self._texture = self._texture, still(drawn)
        if before is None:
            self._image = dpg.draw_image(self._texture, (0, 0), (width, height), parent=self._plate.tag)
            radius = self._editor.look.px(7)
            self._mark = dpg.draw_circle(
                (-50, -50), radius, color=self._editor.look.colour("text"), thickness=2, parent=self._plate.tag
            )
        else:
            dpg.configure_item(self._image, texture_tag=self._texture)
            dpg.delete_item(before)

    def _offer_schemes(self) -> None:
        """By what the points may be coloured; nothing where there is but one way."""
        schemes = colouring.schemes(self._found, self._tagged or {})
        if schemes == self._schemes:
            return
        self._schemes = schemes
        self._scheme = self._scheme if self._scheme in schemes else schemes[0]
        dpg.delete_item(self._choice, children_only=True)
        if len(schemes) > 1:
            look = self._editor.look
            with dpg.group(horizontal=True, parent=self._choice, horizontal_spacing=look.px(6)) as row:
                dpg.bind_item_theme(dpg.add_text("colour by"), look.words("muted"))
                dpg.add_combo(
                    schemes, default_value=self._scheme, width=look.px(140), callback=lambda _, new: self._recolour(new)
                )
            dpg.bind_item_font(row, look.font("small"))

    def _recolour(self, scheme: str) -> None:
        self._scheme = scheme
        self._stale()

    def _show_legend(self, legend: Legend) -> None:
        """The colours with what they mean, as many to a line as fit."""
        told = [words for words, _ in legend], self._scheme
        if told == self._legend_told:
            return
        self._legend_told = told
        dpg.delete_item(self._legend, children_only=True)
        look = self._editor.look
        shown = legend[: len(COLOURS) + 1]
        more = len(legend) - len(shown)
        room, row = 0, None
        for words, tint in [
            *((f"\u25cf {name}", tint) for name, tint in shown),
            *([(f"and {more} more", None)] if more > 0 else []),
        ]:
            width = look.width(words, "tiny") + look.px(12)
            if row is None or room + width > self._plate.width:
                row, room = dpg.add_group(horizontal=True, horizontal_spacing=look.px(12), parent=self._legend), 0
            room += width
            item = dpg.add_text(words, parent=row)
            dpg.bind_item_font(item, look.font("tiny"))
            colour: Any = "faint" if tint is None else tuple(round(255 * float(one)) for one in tint)
            dpg.bind_item_theme(item, look.words(colour))

    def _say(self, words: str) -> None:
        words = words or "hover names a slice, a click plays it; draw around slices to tag them"
        if words != self._told:
            self._told = words
            dpg.set_value(self._words, self._editor.look.wrapped(words, self._plate.width))

    # The mouse

    def _follow(self) -> None:
        mouse = self._plate.mouse()
        if self._plate.is_held and mouse is not None:
            if not self._line or _far(self._line[-1], mouse) > 2.0:
                self._line.append(mouse)
                self._draw_line()
            return
        if self._line:
            line, self._line = self._line, []
            self._draw_line()
            self._released(line)
        self._hover(mouse)

    def _hover(self, mouse: Point | None) -> None:
        assert self._pixels is not None
        at = corpus_map.nearest(self._pixels, mouse, self._editor.look.px(REACH)) if mouse is not None else None
        if at != self._at:
            self._at = at
            names = [name for name, tag in (self._tagged or {}).items() if at is not None and members(self._corpus, tag)[at]]
            self._say(
                in_words(self._corpus, at) + (f"   {theme.icon('tag')} {', '.join(names)}" if names else "")
                if at is not None
                else ""
            )
            if self._mark is not None:
                x, y = self._pixels[at] if at is not None else (-50.0, -50.0)
                dpg.configure_item(self._mark, center=(float(x), float(y)))

    def _draw_line(self) -> None:
        if self._drawn is None:
            colour = self._editor.look.colour("accent")
            self._drawn = dpg.draw_polygon([(-9.0, -9.0), (-9.0, -9.0)], color=colour, thickness=2, parent=self._plate.tag)
        points = self._line if len(self._line) > 1 else [(-9.0, -9.0), (-9.0, -9.0)]
        dpg.configure_item(self._drawn, points=[*points, points[0]])

    def _released(self, line: list[Point]) -> None:
        assert self._pixels is not None
        if max(_far(line[0], point) for point in line) < DRAGGED:
            at = corpus_map.nearest(self._pixels, line[-1], self._editor.look.px(REACH))
            if at is not None:
                play_slice(self._editor, self._corpus, at)
            return
        chosen = np.flatnonzero(corpus_map.enclosed(self._pixels, line))
        if len(chosen):
            self._ask_tag(chosen)
        else:
            self._editor.say("there is no slice inside that line")

    # Tags

    def _ask_tag(self, chosen: np.ndarray) -> None:
        dialogs, look = self._editor.dialogs, self._editor.look
        shown = dialogs.window(f"Tag {len(chosen)} slice{'' if len(chosen) == 1 else 's'}")
        dialogs.text(shown, "What do they have in common?", "muted", "small")
        name = dpg.add_input_text(parent=shown, width=look.px(390), hint="a name, as bells or too soft")
        reason = dpg.add_input_text(parent=shown, width=look.px(390), hint="why (may stay empty)")

        def accept() -> None:
            words, why = str(dpg.get_value(name)).strip(), str(dpg.get_value(reason)).strip()
            dialogs.close(shown)
            if words:
                self._tag(words, chosen, why)

        dialogs.buttons(shown, [("Tag", "primary", accept), ("Cancel", "plain", lambda: dialogs.close(shown))])
        dialogs.accept_with_enter(shown, accept)
        dpg.focus_item(name)

    def _tag(self, name: str, chosen: np.ndarray, reason: str) -> None:
        editor, patch = self._editor, self._place.find(self._editor)
        if patch is None:
            return
        more = parts(self._corpus, (int(one) for one in chosen))
        is_kept = tags.keeper(patch, self._place.node) is not None
        patch = tags.tag(patch, editor.registry, self._place.node, name, more, reason, editor.canvas.sizes())
        editor.edit(f"tag {len(chosen)} slices {name}", patch)
        if not is_kept:
            kept = tags.keeper(patch, self._place.node)
            editor.say(f"the node {kept} keeps your tags; lead its wire to a Select or a Split")

    def _untag(self, name: str, *_: Any) -> None:
        editor, patch = self._editor, self._place.find(self._editor)
        if patch is not None:
            changed = tags.untag(patch, editor.registry, self._place.node, name, editor.canvas.sizes())
            editor.edit(f"remove tag {name}", changed)


def _far(one: Point, two: Point) -> float:
    return float(np.hypot(one[0] - two[0], one[1] - two[1]))


def open_window(editor: Editor, place: Place, found: MadeCorpus) -> None:
    """The map, large, in a window of its own."""
    look = editor.look
    room = dpg.get_viewport_client_height() / look.scale - 120
    height = max(min(720.0, room), 300.0)
    shown = editor.dialogs.window(f"Corpus map of {place.node}", 900, height=round(height), closed=lambda: chart.close())
    width = min(look.px(900), dpg.get_viewport_client_width() - 20)
    chart = Chart(editor, place, found, shown, width - look.px(40), look.px(height - 190))
    path = editor.document.path

    def frame() -> bool:
        if editor.document.path != path or editor.document.whole is None:
            editor.dialogs.close(shown)
        return chart.frame()

    editor.each_frame(frame)
