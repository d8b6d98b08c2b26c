"""The parts of the window: the bars above and below, the list of nodes, the canvas, the inspector, and what lies over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor.bars import Statusbar, Toolbar
from graph_editor.canvas import Canvas
from graph_editor.dialogs import Dialogs
from graph_editor.inspector import Inspector
from graph_editor.palette import Palette, sidebar
from graph_editor.theme import BOTTOM, LEFT, RIGHT, TOP

if TYPE_CHECKING:
    from graph_editor.editor import Editor


class Panes:
    """Builds all parts at once; another theme or scale builds them anew."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        px = editor.look.px
        bare: dict[str, Any] = {"no_scrollbar": True, "no_scroll_with_mouse": True, "always_use_window_padding": True}
        width = dpg.get_viewport_client_width()
        with dpg.window(
            no_scrollbar=True, no_scroll_with_mouse=True, no_title_bar=True, no_move=True, no_resize=True
        ) as self.window:
            with dpg.child_window(pos=(0, 0), width=width, height=px(TOP), **bare) as self._top:
                self.toolbar = Toolbar(editor, self._top)
            with dpg.child_window(width=px(LEFT), pos=(0, px(TOP) + 1), always_use_window_padding=True) as self._left:
                sidebar(editor, self._left)
            self.canvas = Canvas(editor, self.window, (100, 100))
            self._right = dpg.add_child_window(width=px(RIGHT), always_use_window_padding=True)
            with dpg.child_window(width=width, height=px(BOTTOM), **bare) as self._bottom:
                self.statusbar = Statusbar(editor, self._bottom)
        self.inspector = Inspector(editor, self._right)
        self.palette = Palette(editor)
        self.dialogs = Dialogs(editor)
        pane = editor.look.pane
        for part, theme in (
            (self.window, pane("back", (0, 0))),
            (self._top, pane("panel", (14, 10))),
            (self._left, pane("panel", (12, 10), (8, 3))),
            (self._right, pane("panel", (16, 12))),
            (self._bottom, pane("panel", (14, 6))),
        ):
            dpg.bind_item_theme(part, theme)
        dpg.set_primary_window(self.window, True)
        self.resize()

    def resize(self) -> None:
        """Fits the parts into the window."""
        px = self._editor.look.px
        width, height = dpg.get_viewport_client_width(), dpg.get_viewport_client_height()
        middle = max(height - px(TOP) - px(BOTTOM) - 2, 50)
        dpg.configure_item(self._top, width=width)
        dpg.configure_item(self._left, height=middle)
        dpg.configure_item(self._right, pos=(width - px(RIGHT), px(TOP) + 1), height=middle)
        dpg.configure_item(self._bottom, pos=(0, height - px(BOTTOM)), width=width)
        self.canvas.resize((px(LEFT) + 1, px(TOP) + 1), (max(width - px(LEFT) - px(RIGHT) - 2, 50), middle))
        self.toolbar.place(width)

    def take_focus(self) -> None:
        """Takes the keyboard off the canvas: while it is there, the library answers Tab by scrolling to its next field."""
        dpg.focus_item(self._bottom)

    def show(self) -> None:
        """Brings the panes beside the canvas to what is known."""
        self.inspector.show()
        self.toolbar.show()
        self.statusbar.show()
        self.dialogs.frame()

    def close(self) -> None:
        """Takes everything away."""
        self.canvas.clear()
        self.inspector.clear()
        self.dialogs.close_all()
        for part in (self.window, self.palette.tag):
            dpg.delete_item(part)
