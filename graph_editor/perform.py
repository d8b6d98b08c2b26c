"""The perform view: the whole window for the controls that the artist pinned, big, with scenes, meters and camera; no edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import layout, playing, theme
from graph_editor.look import pins_of
from graph_editor.node_view import legal
from graph_editor.playing import FULL, GAPS, STATES
from graph_editor.previews import Seat, View, view_of
from graph_editor.widgets import Field, make_field
from runtime.patch import Node
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, NodeSpec, PathParam

if TYPE_CHECKING:
    from graph_editor.editor import Editor

COLUMN = 400
"""Least width of a pinned control in pixels at scale 1."""
SEEN = 1.4
"""How much larger than in the patch all is: on stage one stands back."""
HEAD = 100.0
"""About the height of a pinned param with its title in pixels at scale 1."""


class Perform:
    """The open view."""

    def __init__(self, editor: Editor) -> None:
        self._editor, look = editor, editor.look
        self.views: list[tuple[str, View]] = []
        self._shown: Any = None
        self._fields: dict[tuple[str, str], tuple[Field, Any]] = {}
        width, height = dpg.get_viewport_client_width(), dpg.get_viewport_client_height()
        with dpg.window(
            pos=(0, 0),
            width=width,
            height=height,
            no_title_bar=True,
            no_resize=True,
            no_move=True,
            no_collapse=True,
            no_saved_settings=True,
        ) as self.tag:
            pass
        dpg.bind_item_theme(self.tag, look.pane("panel", (28, 22), (14, 12)))
        self.show()

    def resize(self) -> None:
        dpg.configure_item(self.tag, width=dpg.get_viewport_client_width(), height=dpg.get_viewport_client_height())
        self._shown = None

    def close(self) -> None:
        for _, view in self.views:
            view.close()
        dpg.delete_item(self.tag)

    def show(self) -> None:
        """Brings the view to the document and to what plays."""
        editor = self._editor
        whole = editor.document.whole
        pins, scenes = pins_of(whole), tuple(whole.scenes)
        client = editor.client
        taking = bool(client.snapshot and client.snapshot.take and client.state == "playing")
        key = (pins, scenes, client.state, editor.is_silent, taking, dpg.get_item_width(self.tag))
        if key != self._shown:
            self._shown = key
            self._build(pins, scenes, taking)
        self._tell()
        for (name, param), (field, spec_param) in self._fields.items():
            node = editor.node_at(name)
            if node is not None and not dpg.is_item_active(field.item):
                field.show(legal(spec_param, node.params.get(param)))

    def _tell(self) -> None:
        """How the sound does, where one looks while playing."""
        client, words, colour = self._editor.client, " ", "muted"
        if client.state == "playing" and client.snapshot is not None:
            gaps = sum(client.snapshot.counters.get(key, 0) for key in GAPS)
            words = f"load {100 * client.snapshot.load:.0f} %,  {gaps} gap{'' if gaps == 1 else 's'}"
            colour = "warn" if gaps or client.snapshot.load > FULL else "good"
        elif client.state != "off":
            words, colour = STATES[client.state], "bad" if client.state == "dead" else "muted"
        if words != dpg.get_value(self._told):
            dpg.set_value(self._told, words)
            dpg.bind_item_theme(self._told, self._editor.look.words(colour))

    def field(self, name: str, param: str) -> Field:
        """The widget of a param that is shown."""
        return self._fields[name, param][0]

    def _build(self, pins: tuple[str, ...], scenes: tuple[str, ...], taking: bool) -> None:
        for _, view in self.views:
            view.close()
        self.views, self._fields = [], {}
        dpg.delete_item(self.tag, children_only=True)
        self._head(scenes, taking)
        found = [
            (name, param, node)
            for pin in pins
            for name, _, param in [pin.partition(".")]
            if (node := self._editor.node_at(name)) is not None
        ]
        if not found:
            self._text(
                "Nothing is pinned yet. In the patch, choose a node and press P: it stands here, big, with its controls.",
                "muted",
                "title",
            )
            return
        room = int(dpg.get_item_width(self.tag) or 1000) - self._editor.look.px(60)
        columns = max(1, min(len(found), room // self._editor.look.px(COLUMN)))
        wide = room // columns - self._editor.look.px(20)
        with dpg.table(parent=self.tag, header_row=False, policy=dpg.mvTable_SizingFixedSame):
            for _ in range(columns):
                dpg.add_table_column(width_fixed=True, init_width_or_weight=wide)
            with dpg.table_row():
                cells = [dpg.add_group() for _ in range(columns)]
            heights = [0.0] * columns
            for name, param, node in found:
                lowest = heights.index(min(heights))
                heights[lowest] += HEAD if param else layout.size_of(self._editor.whole_spec(name))[1] + HEAD
                self._pinned(cells[lowest], name, param, node, wide - self._editor.look.px(24))

    def _head(self, scenes: tuple[str, ...], taking: bool) -> None:
        editor = self._editor
        state = editor.client.state
        with dpg.group(parent=self.tag, horizontal=True, horizontal_spacing=editor.look.px(10)):
            self._button(
                "radio",
                "Live" if state != "dead" else "Restart",
                "live" if state == "off" else "plain",
                lambda: playing.live(editor),
            )
            self._button("square", "Stop", "plain", lambda: playing.stop(editor))
            self._button("volume-x", "Panic", "danger" if editor.is_silent else "plain", lambda: playing.panic(editor))
            self._button(
                "circle-dot", "End take" if taking else "Take", "danger" if taking else "plain", lambda: playing.take(editor)
            )
            dpg.add_spacer(width=editor.look.px(20))
            for number, scene in enumerate(scenes):
                self._button("sparkles", f"{number + 1}  {scene}", "primary", lambda scene=scene: playing.recall(editor, scene))
            dpg.add_spacer(width=editor.look.px(20))
            self._button("minimize", "Back to the patch", "ghost", lambda: end(editor))
            self._told = dpg.add_text(" ")
            dpg.bind_item_font(self._told, editor.look.font("title"))
        dpg.add_spacer(parent=self.tag, height=editor.look.px(10))

    def _pinned(self, cell: Any, name: str, param: str, node: Node, width: int) -> None:
        editor = self._editor
        spec = editor.whole_spec(name)
        if spec is None:
            return
        title = str(node.view.get("title") or spec.title)
        with dpg.group(horizontal=True, parent=cell):
            mark = dpg.add_text(theme.icon_of(node.type))
            dpg.bind_item_theme(mark, editor.look.words(editor.look.readable(theme.family_of(node.type)[1])))
            words = dpg.add_text(title if not param else f"{title}: {param.replace('_', ' ')}")
            dpg.bind_item_font(words, editor.look.font("title", "medium"))
        if param:
            found = spec.param(param)
            if found is not None:
                self._control(cell, name, found, node, width)
            return
        for one in spec.params:
            if one.live and isinstance(one, FloatParam | IntParam | BoolParam | ChoiceParam) and not isinstance(one, PathParam):
                label = dpg.add_text(one.name.replace("_", " "), parent=cell)
                dpg.bind_item_theme(label, editor.look.words("muted"))
                self._control(cell, name, one, node, width)
        self._view(cell, name, node, spec, width)
        dpg.add_spacer(parent=cell, height=editor.look.px(14))

    def _control(self, cell: Any, name: str, param: Any, node: Node, width: int) -> None:
        editor = self._editor
        field = make_field(
            editor.look,
            param,
            legal(param, node.params.get(param.name)),
            lambda new: editor.set_whole_params(name, {param.name: new}),
            parent=cell,
            width=width,
            size="title",
        )
        dpg.bind_item_font(field.item, editor.look.font("title"))
        dpg.bind_item_theme(field.item, editor.look.big())
        self._fields[name, param.name] = field, param

    def _view(self, cell: Any, name: str, node: Node, spec: NodeSpec, width: int) -> None:
        make = view_of(node.type, spec)
        if make is not None:
            self.views.append((name, make(Seat(self._editor, name, spec, cell, width, SEEN, is_whole=True))))

    def _text(self, words: str, colour: str, size: str) -> None:
        item = dpg.add_text(words, parent=self.tag, wrap=0)
        dpg.bind_item_theme(item, self._editor.look.words(colour))
        dpg.bind_item_font(item, self._editor.look.font(size))

    def _button(self, icon: str, words: str, kind: str, run: Any) -> None:
        item = dpg.add_button(label=f"{theme.icon(icon)}  {words}", callback=lambda *_: run())
        dpg.bind_item_theme(item, self._editor.look.button(kind))
        dpg.bind_item_font(item, self._editor.look.font("title", "medium"))


def begin(editor: Editor) -> None:
    """Shows only what is pinned; edits wait until the patch is seen again."""
    if editor.performing is None:
        editor.performing = Perform(editor)
        editor.client.goes_on = True  # on stage nobody has a hand free for a button
        if not dpg.is_viewport_decorated():
            return
        dpg.toggle_viewport_fullscreen()


def end(editor: Editor) -> None:
    """Back to the patch."""
    if editor.performing is not None:
        editor.performing.close()
        editor.performing = None
        editor.client.goes_on = False
        dpg.toggle_viewport_fullscreen()


def toggle(editor: Editor) -> None:
    (end if editor.performing is not None else begin)(editor)
