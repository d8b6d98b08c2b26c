"""What lies over the window for a moment: words that fade, and questions that the keyboard can answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import theme
from graph_editor.chooser import ENTER, Choice, Chooser, Row

if TYPE_CHECKING:
    from graph_editor.editor import Editor

TOAST_SECONDS = {False: 3.5, True: 8.0}
"""How long words stay: longer where something is wrong."""
MOST_TOASTS, TOAST_WIDTH = 3, 400
"""How many words stay at once, and how wide they are in pixels at scale 1: the work under them shall be seen."""


class Dialogs:
    """The questions and words of one window."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._open: list[Any] = []
        self._accept: dict[Any, Callable[[], None]] = {}
        self._asking: set[Any] = set()
        self._keys: dict[Any, Callable[[int], bool]] = {}
        """Questions that take other keys too: lists and rows of buttons."""
        self._long: set[Any] = set()
        """Questions in whose text Enter begins a new line."""
        self._toasts: list[tuple[float, Any]] = []
        self._hint: tuple[Any, Any] | None = None

    # Words that fade

    def toast(self, words: str, *, wrong: bool = False) -> None:
        """Shows words at the foot of the canvas for some seconds; a click closes them."""
        look = self._editor.look
        words = "\n".join(words.splitlines()[:6])
        while len(self._toasts) >= MOST_TOASTS:
            dpg.delete_item(self._toasts.pop(0)[1])
        with dpg.window(
            no_title_bar=True,
            no_resize=True,
            no_move=True,
            autosize=True,
            min_size=[10, 10],
            no_focus_on_appearing=True,
            no_saved_settings=True,
            no_collapse=True,
        ) as shown:
            mark = theme.icon("triangle-alert" if wrong else "check")
            text = dpg.add_text(f"{mark}  {words}", wrap=look.px(TOAST_WIDTH))
        dpg.bind_item_font(text, look.font("small"))
        dpg.bind_item_theme(text, look.words("warn" if wrong else "text"))
        dpg.bind_item_theme(shown, look.popup())
        self._toasts.append((time.monotonic() + TOAST_SECONDS[wrong], shown))

    def frame(self) -> None:
        """Called once a frame: places the words and lets old ones go."""
        now = time.monotonic()
        clicked = dpg.is_mouse_button_clicked(dpg.mvMouseButton_Left)
        for toast in list(self._toasts):
            if toast[0] < now or (clicked and dpg.is_item_hovered(toast[1])):
                self._toasts.remove(toast)
                dpg.delete_item(toast[1])
        look = self._editor.look
        left, top = self._editor.canvas.corner
        y = top + self._editor.canvas.size[1] - look.px(12)
        for _, shown in reversed(self._toasts):
            y -= dpg.get_item_rect_size(shown)[1] + look.px(8)
            dpg.set_item_pos(shown, [int(left + look.px(14)), int(y)])

    def toasts(self) -> list[str]:
        """The words that are seen at this moment."""
        return [str(dpg.get_value(dpg.get_item_children(shown, 1)[0])) for _, shown in self._toasts]

    def hint(self, words: str, at: tuple[float, float]) -> None:
        """Shows words beside a point of the screen; empty words hide them."""
        if not words:
            if self._hint is not None:
                dpg.configure_item(self._hint[0], show=False)
            return
        if self._hint is None:
            with dpg.window(
                no_title_bar=True,
                no_resize=True,
                no_move=True,
                autosize=True,
                min_size=[10, 10],
                no_focus_on_appearing=True,
                no_saved_settings=True,
                no_collapse=True,
                show=False,
            ) as shown:
                self._hint = shown, dpg.add_text("")
            dpg.bind_item_theme(shown, self._editor.look.popup())
            dpg.bind_item_font(shown, self._editor.look.font("small"))
        dpg.set_value(self._hint[1], words)
        dpg.set_item_pos(self._hint[0], [int(at[0]) + 16, int(at[1]) + 16])
        dpg.configure_item(self._hint[0], show=True)

    # Questions

    def window(
        self,
        title: str,
        width: int = 420,
        *,
        height: int | None = None,
        at: tuple[float, float] | None = None,
        closed: Callable[[], None] | None = None,
    ) -> Any:
        """A window over the others: the parent of what a question or list is built of. It lies in the middle, or `at` a place in
        pixels at scale 1."""
        look = self._editor.look
        view_width, view_height = dpg.get_viewport_client_width(), dpg.get_viewport_client_height()
        tall = min(look.px(height), view_height - look.px(80)) if height else 0
        shown: Any = dpg.add_window(
            label=title,
            width=min(look.px(width), view_width - 20),
            height=tall,
            autosize=not height,
            min_size=[10, 10],
            no_collapse=True,
            no_saved_settings=True,
            pos=(look.px(at[0]), look.px(at[1]))
            if at
            else (
                max((view_width - look.px(width)) // 2, 10),
                max(min((view_height - tall) // 3, look.px(120)), 10),
            ),
            on_close=lambda *_: self._closed(shown, closed),
            no_resize=not height,
        )
        dpg.bind_item_theme(shown, look.popup())
        self._open.append(shown)
        dpg.focus_item(shown)
        return shown

    def close(self, shown: Any) -> None:
        """Closes a window of ours; may be called again."""
        if shown in self._open:
            self._open.remove(shown)
            self._accept.pop(shown, None)
            self._keys.pop(shown, None)
            self._asking.discard(shown)
            self._long.discard(shown)
            dpg.delete_item(shown)

    def close_top(self) -> bool:
        """Closes the question on top, else all words; says whether there was a question."""
        if self._open:
            self.close(self._open[-1])
            return True
        while self._toasts:
            dpg.delete_item(self._toasts.pop()[1])
        return False

    def close_all(self) -> None:
        for shown in list(self._open):
            self.close(shown)
        while self._toasts:
            dpg.delete_item(self._toasts.pop()[1])
        if self._hint is not None:
            dpg.delete_item(self._hint[0])
            self._hint = None

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    @property
    def is_asking(self) -> bool:
        """Whether the artist is asked something: what lies under the question waits for the answer."""
        return bool(self._open) and self._open[-1] in self._asking

    def key(self, key: int) -> bool:
        """A key that was pressed while a question is open; says whether it was for us."""
        shown = self._open[-1] if self._open else None
        if shown in self._keys:
            return self._keys[shown](key)
        if shown in self._accept and key in ENTER:
            ctrl = dpg.is_key_down(dpg.mvKey_LControl) or dpg.is_key_down(dpg.mvKey_RControl)
            if shown not in self._long or ctrl:
                self._accept[shown]()
            return True
        return False

    def ask_text(self, title: str, words: str, value: str, done: Callable[[str], None], *, lines: int = 1) -> None:
        """Asks for a text; Enter accepts it, Escape does not. In a text of several lines Ctrl+Enter is Enter."""
        shown = self.window(title)
        if words:
            self.text(shown, words, "muted", "small")
        field = dpg.add_input_text(
            parent=shown,
            default_value=value,
            width=-1,
            multiline=lines > 1,
            height=self._editor.look.px(22 * lines) if lines > 1 else 0,
            auto_select_all=lines == 1,
        )

        def accept() -> None:
            text = dpg.get_value(field)
            self.close(shown)
            done(text)

        self.buttons(shown, [("OK", "primary", accept), ("Cancel", "plain", lambda: self.close(shown))])
        self.accept_with_enter(shown, accept)
        if lines > 1:
            self._long.add(shown)
        dpg.focus_item(field)

    def ask(self, title: str, words: str, answers: Sequence[tuple[str, str, Callable[[], object]]]) -> None:
        """Asks a question with buttons: (words, kind of button, what happens). Enter is the first answer."""
        shown = self.window(title, 460)
        self.text(shown, words, "text", "text")

        def closing(run: Callable[[], object]) -> Callable[[], None]:
            def both() -> None:
                self.close(shown)
                run()

            return both

        self._asking.add(shown)
        self._keys[shown] = Row(self._editor.look, shown, [(label, kind, closing(run)) for label, kind, run in answers]).keys

    def accept_with_enter(self, shown: Any, accept: Callable[[], None]) -> None:
        """Enter shall mean this in a question of ours."""
        self._accept[shown] = accept
        self._asking.add(shown)

    def take_keys(self, shown: Any, keys: Callable[[int], bool]) -> None:
        """Lets a window of ours have keys while it is on top; `keys` says whether one was for it."""
        self._keys[shown] = keys

    def ask_choice(
        self,
        title: str,
        choices: Sequence[str | Choice],
        done: Callable[[str], object],
        width: int = 320,
        at: tuple[float, float] | None = None,
    ) -> None:
        """Asks for one of some words; `at` as in `window`."""
        shown = self.window(title, width, at=at)
        every = [one if isinstance(one, Choice) else Choice(one) for one in choices]

        def pick(place: int) -> None:
            self.close(shown)
            done(every[place].words)

        self._asking.add(shown)
        self._keys[shown] = Chooser(self._editor.look, shown, width, every, pick).key

    # Pieces

    def text(
        self, parent: Any, words: str, colour: Any = "text", size: str = "text", weight: str = "regular", wrap: int = 400
    ) -> Any:
        item = dpg.add_text(words, parent=parent, wrap=self._editor.look.px(wrap))
        dpg.bind_item_theme(item, self._editor.look.words(colour))
        dpg.bind_item_font(item, self._editor.look.font(size, weight))
        return item

    def buttons(self, parent: Any, answers: Sequence[tuple[str, str, Callable[[], object]]]) -> None:
        """A row of buttons."""
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=self._editor.look.px(8)):
            for label, kind, run in answers:
                item = dpg.add_button(label=label, callback=lambda *_, run=run: run())
                dpg.bind_item_theme(item, self._editor.look.button(kind))

    def _closed(self, shown: Any, closed: Callable[[], None] | None) -> None:
        self.close(shown)
        if closed:
            closed()
