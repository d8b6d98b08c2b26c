"""The palette: type a word, press Enter, and the node stands at the mouse. Opened by a wire's end, it offers what fits only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import theme
from graph_editor.geometry import Point
from graph_editor.paint import Look
from graph_editor.search import Entry, entries, find

if TYPE_CHECKING:
    from graph_editor.editor import Editor

WIDTH, ROWS = 380, 9
"""Width in pixels at scale 1, and entries that are seen at once."""


@dataclass(frozen=True)
class Offer:
    """An entry, and the port that the open wire would lead to."""

    entry: Entry
    port: str | None = None


class Palette:
    """One popup, made once and shown where it is wanted."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._all = entries(editor.registry)
        self._offers: list[Offer] = []
        self._chosen = 0
        self._wire: tuple[str, str, bool] | None = None
        self._fitting: dict[str, str] | None = None
        self._at: Point = (0.0, 0.0)
        look = editor.look
        with dpg.window(
            show=False,
            no_title_bar=True,
            no_move=True,
            no_resize=True,
            no_collapse=True,
            width=look.px(WIDTH),
            autosize=True,
            no_saved_settings=True,
        ) as self.tag:
            self._input = dpg.add_input_text(hint="Find a node: a word, then Enter", width=-1, callback=lambda: self._search())
            self._hint = dpg.add_text("", show=False)
            dpg.bind_item_theme(self._hint, look.words("muted"))
            dpg.bind_item_font(self._hint, look.font("tiny"))
            with dpg.group() as self._rows:
                pass
        dpg.bind_item_theme(self.tag, look.popup())

    @property
    def is_open(self) -> bool:
        return bool(dpg.is_item_shown(self.tag))

    def open(self, at: Point, wire: tuple[str, str, bool] | None = None) -> None:
        """Opens at a point of the screen. `wire`: (node, port, whether an output) from which an open wire leads here."""
        self._at, self._wire, self._fitting = at, wire, None
        if wire is not None:
            kind = self._editor.canvas.port_type(*wire)
            self._fitting = self._editor.fitting_types(kind, as_source=wire[2]) if kind else {}
        dpg.set_value(self._input, "")
        width, height = dpg.get_viewport_client_width(), dpg.get_viewport_client_height()
        look = self._editor.look
        dpg.set_item_pos(self.tag, [int(min(at[0], width - look.px(WIDTH + 20))), int(min(at[1], height - look.px(420)))])
        dpg.configure_item(self.tag, show=True)
        dpg.focus_item(self.tag)
        dpg.focus_item(self._input)
        self._search()

    def close(self) -> None:
        dpg.configure_item(self.tag, show=False)

    def key(self, key: int) -> bool:
        """A key that was pressed while the palette is open; says whether it was for us."""
        if key == dpg.mvKey_Escape:
            self.close()
        elif key == dpg.mvKey_Down:
            self._choose(self._chosen + 1)
        elif key == dpg.mvKey_Up:
            self._choose(self._chosen - 1)
        elif key in (dpg.mvKey_Return, dpg.mvKey_NumPadEnter) and self._offers:
            self._take(self._chosen)
        else:
            return False
        return True

    def offered(self) -> list[str]:
        """The types that are offered, best first."""
        return [offer.entry.type for offer in self._offers]

    def _search(self) -> None:
        found = find(self._all, dpg.get_value(self._input))
        if self._fitting is not None:
            found = [entry for entry in found if entry.type in self._fitting]
        self._offers = [Offer(entry, (self._fitting or {}).get(entry.type)) for entry in found]
        self._choose(0)

    def _choose(self, number: int) -> None:
        self._chosen = min(max(number, 0), max(len(self._offers) - 1, 0))
        look = self._editor.look
        dpg.delete_item(self._rows, children_only=True)
        first = min(max(self._chosen - ROWS + 2, 0), max(len(self._offers) - ROWS, 0))
        for place in range(first, min(first + ROWS, len(self._offers))):
            self._row(place, self._offers[place], look)
        words = "" if self._offers else "nothing is called so"
        if self._wire is not None:
            words = f"what fits {self._wire[0]}.{self._wire[1]}" if self._offers else "nothing fits this wire"
        dpg.configure_item(self._hint, show=bool(words))
        dpg.set_value(self._hint, words)

    def _row(self, place: int, offer: Offer, look: Look) -> None:
        entry = offer.entry
        with dpg.group(parent=self._rows):
            with dpg.group(horizontal=True, horizontal_spacing=look.px(6)):
                mark = dpg.add_text(theme.icon_of(entry.type))
                dpg.bind_item_theme(mark, look.words(look.readable(theme.family_of(entry.type)[1])))
                row = dpg.add_selectable(
                    label=entry.title,
                    default_value=place == self._chosen,
                    width=look.px(170),
                    callback=lambda *_: self._take(place),
                )
                dpg.bind_item_font(row, look.font("text", "medium"))
                words = dpg.add_text(
                    theme.family_of(entry.type)[0]
                    + (f"  into {offer.port}" if offer.port and self._wire and self._wire[2] else "")
                )
                dpg.bind_item_theme(words, look.words("faint"))
                dpg.bind_item_font(words, look.font("small"))
            if place == self._chosen:
                line = dpg.add_text(_first_sentence(entry.help), wrap=look.px(WIDTH - 30))
                dpg.bind_item_theme(line, look.words("muted"))
                dpg.bind_item_font(line, look.font("small"))

    def _take(self, place: int) -> None:
        offer = self._offers[place]
        self.close()
        self._editor.add_node(offer.entry.type, self._at, wire=self._wire, port=offer.port)


def _first_sentence(help_text: str) -> str:
    line = " ".join(help_text.split())
    end = line.find(". ")
    return line if end < 0 else line[: end + 1]


def sidebar(editor: Editor, parent: Any) -> None:
    """The list of all nodes at the left: a click puts one into the middle of the view."""
    look = editor.look
    button = dpg.add_button(
        parent=parent, label=f"{theme.icon('search')}  Find a node", width=-1, callback=lambda: editor.open_palette(None)
    )
    dpg.bind_item_theme(button, look.button("file"))
    dpg.bind_item_font(button, look.font("small"))
    editor.explain(button, "Type a word, press Enter: the node stands at the mouse (Tab, or the right button on the canvas)")
    family = ""
    for entry in entries(editor.registry):
        words, colour, _ = theme.family_of(entry.type)
        if words != family:
            family = words
            dpg.add_spacer(parent=parent, height=look.px(3))
            head = dpg.add_text(words.upper(), parent=parent)
            dpg.bind_item_theme(head, look.words("faint"))
            dpg.bind_item_font(head, look.font("tiny"))
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=0):
            mark = dpg.add_text(theme.icon_of(entry.type))
            dpg.bind_item_theme(mark, look.words(look.readable(colour)))
            dpg.bind_item_font(mark, look.font("small"))
            row = dpg.add_button(label=entry.title, width=-1, callback=lambda *_, kind=entry.type: editor.add_node(kind, None))
            dpg.bind_item_theme(row, look.button("item"))
            dpg.bind_item_font(row, look.font("small"))
            editor.explain(row, _first_sentence(entry.help))
