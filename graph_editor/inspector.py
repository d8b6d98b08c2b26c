"""The pane at the right: all about the chosen node, or about the patch where none is chosen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import note_verbs, param_files, playing, subpatch_verbs, tags, theme, verbs
from graph_editor.node_view import legal
from graph_editor.previews import Seat, View, detail_of
from graph_editor.widgets import Field, in_words, make_exact_field
from runtime.patch import SETTINGS, Node
from runtime.registry import help_of
from runtime.spec import NodeSpec, PathParam, Port, PortType
from runtime.trust import ELSEWHERE

if TYPE_CHECKING:
    from graph_editor.editor import Editor

WIDE = theme.RIGHT - 34
"""Room in the pane in pixels at scale 1."""


class Inspector:
    """Shows one node; built anew when another is chosen or its ports, problems or learned knobs change."""

    def __init__(self, editor: Editor, parent: Any) -> None:
        self._editor, self._parent = editor, parent
        self._shown: Any = None
        self._name: str | None = None
        self._fields: dict[str, Field] = {}
        self._params: Any = None
        self._resets: dict[str, Any] = {}
        self.views: list[tuple[str, View]] = []

    def show(self) -> None:
        """Brings the pane to the selection and the document."""
        editor = self._editor
        patch, chosen = editor.document.patch, sorted(editor.canvas.selection)
        name = chosen[0] if len(chosen) == 1 and chosen[0] in patch.nodes else None
        node = patch.nodes.get(name) if name else None
        if node is None or name is None:
            key: Any = (
                tuple(chosen),
                len(patch.nodes),
                len(patch.links),
                tuple(editor.document.whole.scenes),
                editor.title(),
                editor.look.name,
            )
        else:
            links = tuple(link for link in patch.links if name in (link.ends()[0], link.ends()[2]))
            key = (
                name,
                node.type,
                tuple((key, value) for key, value in node.view.items() if key != tags.KEY),
                node.mode,
                links,
                editor.troubles(name),
                editor.failure(name),
                editor.learned(name),
                editor.look.name,
                editor.look.scale,
                node.inside,
                node.fault,
            )
        if key != self._shown:
            self._shown = key
            self._build(name, node, chosen)
        if node is None and self._fields and patch.settings is not self._params:
            for setting in SETTINGS:
                if setting.name in self._fields:
                    self._fields[setting.name].show(legal(setting, patch.settings.get(setting.name)))
            self._params = patch.settings
        if node is not None and node.params is not self._params:
            spec = editor.spec(name)
            for param, shown in self._fields.items():
                if spec is not None:
                    value = legal(spec.param(param), node.params.get(param))
                    shown.show(value)
                    dpg.configure_item(self._resets[param], show=value != spec.param(param).default)
            self._params = node.params

    def fields(self) -> list[tuple[str, str, Field]]:
        """(node, param, its field) of all that can be set here; "" for the patch's own settings."""
        return [(self._name or "", param, field) for param, field in self._fields.items()]

    def clear(self) -> None:
        """Gives back what the views hold."""
        for _, view in self.views:
            view.close()
        self.views = []

    def rebuild(self) -> None:
        """Builds the pane anew at the next `show`, whatever it shows."""
        self._shown = None

    def _build(self, name: str | None, node: Node | None, chosen: list[str]) -> None:
        self.clear()
        self._name, self._fields, self._resets, self._params = name, {}, {}, None
        dpg.delete_item(self._parent, children_only=True)
        dpg.push_container_stack(self._parent)
        try:
            if name is not None and node is not None:
                self._node(name, node)
            elif len(chosen) > 1:
                self._several(chosen)
            else:
                self._patch()
        finally:
            dpg.pop_container_stack()

    # One node

    def _node(self, name: str, node: Node) -> None:
        editor, look = self._editor, self._editor.look
        spec, cls = editor.spec(name), editor.registry.get(node.type)
        colour = look.readable(theme.family_of(node.type)[1])
        title = str(node.view.get("title") or (spec.title if spec else node.type))
        with dpg.group(horizontal=True):
            self._text(theme.icon_of(node.type), colour, "title")
            self._text(title, "text", "title", "semibold", wrap=look.px(WIDE - 30))
        self._text(f"{name}  ·  {node.type}", "faint", "tiny")
        if cls is not None:
            self._text(" ".join(help_of(cls).split("\n\n")[0].split()), "muted", "small", wrap=look.px(WIDE))
        for words in ((failed,) if (failed := editor.failure(name)) else ()) + editor.troubles(name):
            self._text(
                f"{theme.icon('triangle-alert')} {words}", "bad" if words == failed else "warn", "small", wrap=look.px(WIDE)
            )
        if editor.failure(name):
            self._button("Try again", "small", lambda: playing.revive(editor, name))
        if any(ELSEWHERE in words for words in editor.troubles(name)):
            self._button("Trust this model...", "small", lambda: playing.trust_asked(editor, name))
        self._actions(name, node, spec)
        if spec is not None:
            if spec.params:
                self._head("Parameters")
                for param in spec.params:
                    self._param(name, node, param)
            self._ports(name, spec)
            self._details(name, spec)

    def _actions(self, name: str, node: Node, spec: NodeSpec | None) -> None:
        editor = self._editor
        with dpg.group(horizontal=True, horizontal_spacing=editor.look.px(6)):
            if editor.is_job(name):
                self._button(f"{theme.icon('play')}  Run to here", "small", lambda: playing.run(editor, name))
            else:
                for mode, words in (("bypass", "Bypass"), ("mute", "Mute")):
                    kind = "primary" if node.mode == mode else "small"
                    self._button(words, kind, lambda mode=mode: verbs.set_mode(editor, mode))
            if node.inside is not None:
                self._button("Enter", "small", lambda: subpatch_verbs.enter(editor))
            self._button(theme.icon("pencil"), "small", lambda: verbs.rename(editor), "Rename")
            self._button(theme.icon("palette"), "small", lambda: verbs.colour(editor), "Colour")
            self._button(theme.icon("trash-2"), "small", lambda: verbs.delete(editor), "Delete")

    def _param(self, name: str, node: Node, param: Any) -> None:
        editor, look = self._editor, self._editor.look
        value = legal(param, node.params.get(param.name))
        label = 96
        with dpg.group(horizontal=True, horizontal_spacing=look.px(4)) as row:
            words = self._text(param.name.replace("_", " "), "muted", "small")
            size = look.width(param.name.replace("_", " "), "small")
            dpg.add_spacer(width=max(1, int(look.px(label) - size)))
            room = WIDE - label - 62
            self._fields[param.name] = make_exact_field(
                look,
                param,
                value,
                lambda new: editor.set_param(name, param.name, new),
                parent=row,
                width=look.px(room),
                choose=lambda: param_files.choose(editor, name, param),
            )
            dpg.bind_item_font(self._fields[param.name].item, look.font("small"))
            if param.live:
                knob = editor.learned(name).get(param.name)
                self._button(
                    theme.icon("piano"),
                    "ghost" if knob is None else "small",
                    lambda: playing.learn(editor, name, param.name),
                    f"moved by {knob}; press to choose another" if knob else "Learn: move a MIDI or OSC knob after pressing this",
                )
            with dpg.group() as reset:  # with its help: that of a hidden item would stand at the one before it
                self._button(
                    theme.icon("rotate-ccw"), "ghost", lambda: editor.reset_param(name, param.name), "Back to its default"
                )
            dpg.configure_item(reset, show=value != param.default)
            self._resets[param.name] = reset
        bounds = self._bounds(param)
        editor.explain(
            words, "  ".join(part for part in (param.doc, bounds, "" if param.live else "prepares the node anew") if part)
        )

    @staticmethod
    def _bounds(param: Any) -> str:
        low, high = getattr(param, "low", None), getattr(param, "high", None)
        if isinstance(param, PathParam) or low in (None, float("-inf")) or high in (None, float("inf")):
            return f"(default {in_words(param, param.default)})" if not isinstance(param, PathParam) else ""
        return f"({in_words(param, low)} to {in_words(param, high)}, default {in_words(param, param.default)})"

    def _ports(self, name: str, spec: NodeSpec) -> None:
        patch = self._editor.document.patch
        if not (spec.inputs or spec.outputs):
            return
        self._head("Ports")
        for port in spec.inputs:
            sources = [link.source for link in patch.links if link.target == f"{name}.{port.name}"]
            fine = port.optional or port.many or bool(sources)
            self._port(name, port, "input", "<- " + ", ".join(sources) if sources else "not connected", fine)
        for port in spec.outputs:
            targets = [link.target for link in patch.links if link.source == f"{name}.{port.name}"]
            self._port(name, port, "output", "-> " + ", ".join(targets) if targets else "", True)

    def _port(self, name: str, port: Port, side: str, words: str, fine: bool) -> None:
        editor, look = self._editor, self._editor.look
        with dpg.group(horizontal=True):
            if editor.document.patch.nodes[name].inside is not None:
                run = partial(subpatch_verbs.ask_port, editor, name, port.name, side)
                self._button(theme.icon("pencil"), "ghost", run, "Call it otherwise, or take it away")
            elif editor.document.where:
                run = partial(subpatch_verbs.expose, editor, f"{name}.{port.name}", side)
                self._button(theme.icon("plus"), "ghost", run, "Give the subpatch around it a port for this")
            self._text(theme.icon(theme.TYPE_ICONS[port.type]), look.type_colour(port.type), "small")
            item = self._text(port.name, "text", "small")
            self._text(
                words.replace("<-", "\u2190").replace("->", "\u2192"), "faint" if fine else "warn", "small", wrap=look.px(WIDE)
            )
        self._editor.explain(item, f"{port.type.value}: {port.doc}" if port.doc else port.type.value)

    def _details(self, name: str, spec: NodeSpec) -> None:
        """The larger view of a node, where its family brings one."""
        make = detail_of(spec.type, spec)
        if make is None:
            return
        look = self._editor.look
        self._head("Look and listen")
        with dpg.group() as place:
            pass
        self.views.append((name, make(Seat(self._editor, name, spec, place, look.px(WIDE), 1.0))))

    # Several nodes, or none

    def _several(self, chosen: list[str]) -> None:
        editor = self._editor
        self._text(f"{len(chosen)} nodes", "text", "title", "semibold")
        self._text(", ".join(chosen), "muted", "small", wrap=editor.look.px(WIDE))
        for words, run in (
            ("Align left", lambda: verbs.align(editor, "left")),
            ("Align top", lambda: verbs.align(editor, "top")),
            ("In a row", lambda: verbs.align(editor, "row")),
            ("In a column", lambda: verbs.align(editor, "column")),
            ("Frame", lambda: note_verbs.frame(editor)),
            ("Make a subpatch", lambda: subpatch_verbs.group(editor)),
        ):
            self._button(words, "small", run)

    def _patch(self) -> None:
        editor, look = self._editor, self._editor.look
        patch = editor.document.patch
        with dpg.group(horizontal=True):
            self._text(theme.icon("workflow"), "accent", "title")
            self._text(editor.title(), "text", "title", "semibold", wrap=look.px(WIDE - 30))
        self._text(f"{len(patch.nodes)} nodes  ·  {len(patch.links)} wires", "faint", "small")
        if not patch.nodes:
            self._text(
                "Press Tab, type a word, press Enter: the first node. Pull wires from port to port; colours fit colours.",
                "muted",
                "small",
                wrap=look.px(WIDE),
            )
        if not editor.document.where:
            self._head("Settings")
            for param in SETTINGS:
                with dpg.group(horizontal=True):
                    words = self._text(param.name.replace("_", " "), "muted", "small")
                    size = look.width(param.name.replace("_", " "), "small")
                    dpg.add_spacer(width=max(1, int(look.px(96) - size)))
                    shown = make_exact_field(
                        look,
                        param,
                        legal(param, patch.settings.get(param.name)),
                        partial(editor.set_setting, param.name),
                        parent=dpg.last_container(),
                        width=look.px(150),
                        choose=lambda: None,
                    )
                    dpg.bind_item_font(shown.item, look.font("small"))
                    self._fields[param.name] = shown
                editor.explain(words, param.doc)
        self._scenes()
        self._head("Wires")
        for kind in PortType:
            with dpg.group(horizontal=True):
                self._text(theme.icon(theme.TYPE_ICONS[kind]), look.type_colour(kind), "small")
                self._text(kind.value, "muted", "small")

    def _scenes(self) -> None:
        editor = self._editor
        self._head("Scenes")
        for number, scene in enumerate(editor.document.whole.scenes):
            with dpg.group(horizontal=True, horizontal_spacing=editor.look.px(4)):
                self._button(f"{number + 1}  {scene}", "small", lambda scene=scene: playing.recall(editor, scene), "Go there")
                self._button(
                    theme.icon("save"),
                    "ghost",
                    lambda scene=scene: playing.keep_scene(editor, scene),
                    "Keep the present params under this name",
                )
                self._button(
                    theme.icon("trash-2"), "ghost", lambda scene=scene: playing.forget_scene(editor, scene), "Forget this scene"
                )
        self._button(f"{theme.icon('plus')}  Keep as a scene...", "small", lambda: playing.ask_scene(editor))

    # Pieces

    def _head(self, words: str) -> None:
        dpg.add_spacer(height=self._editor.look.px(4))
        self._text(words.upper(), "faint", "tiny")

    def _text(self, words: str, colour: Any, size: str, weight: str = "regular", wrap: int = -1) -> Any:
        item = dpg.add_text(words, wrap=wrap)
        dpg.bind_item_theme(item, self._editor.look.words(colour))
        dpg.bind_item_font(item, self._editor.look.font(size, weight))
        return item

    def _button(self, words: str, kind: str, run: Any, help_text: str = "") -> Any:
        item = dpg.add_button(label=words, callback=lambda *_: run())
        dpg.bind_item_theme(item, self._editor.look.button(kind))
        dpg.bind_item_font(item, self._editor.look.font("small"))
        if help_text:
            self._editor.explain(item, help_text)
        return item
