"""The seconds that are left, big over the whole window, for an artist who stands away from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dearpygui.dearpygui as dpg

from graph_editor import theme

if TYPE_CHECKING:
    from graph_editor.editor import Editor

WIDTH, HEIGHT = 380, 270


class Countdown:
    """Shown until it is closed."""

    def __init__(self, editor: Editor) -> None:
        look = self._look = editor.look
        self._shown = ("", "", False)
        width, height = look.px(WIDTH), look.px(HEIGHT)
        with dpg.window(
            no_title_bar=True,
            no_resize=True,
            no_move=True,
            no_collapse=True,
            no_saved_settings=True,
            no_scrollbar=True,
            width=width,
            height=height,
            pos=((dpg.get_viewport_client_width() - width) // 2, (dpg.get_viewport_client_height() - height) // 2),
        ) as self._tag:
            self._head = dpg.add_text("")
            self._number = dpg.add_text("")
            self._foot = dpg.add_text("")
        dpg.bind_item_font(self._head, look.font("title", "medium"))
        dpg.bind_item_font(self._number, look.font("huge", "semibold"))
        dpg.bind_item_font(self._foot, look.font("text"))
        dpg.bind_item_theme(self._foot, look.words("muted"))
        dpg.bind_item_theme(self._tag, look.popup())

    def show(self, number: str, anchor: str, begun: bool) -> None:
        """The seconds left, for which anchor, and whether they are recorded already."""
        if (number, anchor, begun) == self._shown:
            return
        self._shown = number, anchor, begun
        head = f"{theme.icon('circle-dot')}  recording {anchor}" if begun else f"get ready for {anchor}"
        foot = "hold the gesture, or move within it" if begun else "then hold the gesture"
        for item, words, size, weight, top in (
            (self._head, head, "title", "medium", 26),
            (self._number, number, "huge", "semibold", 66),
            (self._foot, foot, "text", "regular", HEIGHT - 46),
        ):
            dpg.set_value(item, words)
            left = (self._look.px(WIDTH) - self._look.width(words, size, weight)) // 2
            dpg.set_item_pos(item, [max(left, 8), self._look.px(top)])
        for item in (self._head, self._number):
            dpg.bind_item_theme(item, self._look.words("bad" if begun else "text"))

    def close(self) -> None:
        dpg.delete_item(self._tag)
