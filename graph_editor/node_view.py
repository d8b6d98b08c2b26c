"""One node on the canvas: its title, ports, the params that matter most, what it says of itself, and its view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import param_files, theme
from graph_editor.layout import ROW, SHOWN_PARAMS, TROUBLE, inner_width, view_height
from graph_editor.previews import Seat, View, view_of
from graph_editor.widgets import Field, make_field
from runtime.patch import Node
from runtime.plan import WAITS
from runtime.spec import NodeSpec, PortType

if TYPE_CHECKING:
    from graph_editor.editor import Editor

BODILESS = 0.5
"""At this zoom and below a node shows its title and pins only."""


@dataclass(frozen=True)
class Face:
    """All that decides how a node is built: another face means building it anew."""

    node: str
    type: str
    title: str
    spec: NodeSpec | None
    ports: tuple[tuple[str, ...], tuple[str, ...]]
    mode: str | None
    folded: bool
    colour: str
    zoom: float
    # What is wrong comes and goes by itself, while a hand may hold a wire or a slider of the node: `tell` changes it in place.
    troubles: tuple[str, ...] = field(compare=False)
    failed: bool = field(compare=False)


@dataclass
class Body:
    """What stands in a node besides its pins: its `item`, the group that holds it, a blank that takes its place while nobody sees
    it, and what fills the group when it is seen for the first time (None once it did)."""

    item: Any
    content: Any
    blank: Any
    make: Callable[[Any], None] | None
    is_away: bool = True
    """Whether the blank stands in its place."""


@dataclass
class NodeView:
    """The items of one node: `pins` by (port, whether an output), with the label that tells where each lies."""

    face: Face
    tag: Any = 0
    pins: dict[tuple[str, bool], Any] = field(default_factory=dict)
    labels: dict[tuple[str, bool], Any] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    view: View | None = None
    place: tuple[int, int] = (0, 0)
    """Where the node editor was told to put it."""
    state: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Body | None = None
    trouble: Body | None = None

    @property
    def bodies(self) -> tuple[Body, ...]:
        return tuple(one for one in (self.body, self.trouble) if one is not None)


def face_of(editor: Editor, name: str, node: Node, spec: NodeSpec | None, zoom: float, linked: tuple[set[str], set[str]]) -> Face:
    """How a node shall look now. `linked` are the ports that its wires name, for nodes that this version does not know."""
    if spec is not None:
        ports = tuple(port.name for port in spec.inputs), tuple(port.name for port in spec.outputs)
    else:
        ports = tuple(sorted(linked[0])), tuple(sorted(linked[1]))
    failed = editor.failure(name)
    return Face(
        node=name,
        type=node.type,
        title=str(node.view.get("title") or (spec.title if spec else node.type)),
        spec=spec,
        ports=ports,
        mode=node.mode,
        folded=bool(node.view.get("folded")),
        colour=str(node.view.get("colour", "")),
        zoom=zoom,
        troubles=((failed,) if failed else ()) + editor.troubles(name),
        failed=bool(failed),
    )


def build(editor: Editor, face: Face, node: Node, parent: Any, place: tuple[int, int]) -> NodeView:
    """Makes the items of a node in the node editor `parent`; a blank of about its size stands for its body until `put_away` is
    told that it is seen."""
    look, zoom = editor.look, face.zoom
    view = NodeView(face, place=place, params=node.params)
    small = look.font("small", zoom=max(zoom, BODILESS))
    label = f"{theme.icon_of(face.type)}  {_title(face)}"
    view.tag = dpg.add_node(label=label, pos=place, parent=parent)
    dpg.bind_item_font(view.tag, look.font("text", "medium", max(zoom, BODILESS)))
    paint(editor, view, selected=False)
    bodiless = zoom <= BODILESS
    width = round(look.px(inner_width(face.spec)) * zoom)
    types = (
        {**{(p.name, False): p.type for p in face.spec.inputs}, **{(p.name, True): p.type for p in face.spec.outputs}}
        if face.spec
        else {}
    )
    if bodiless:
        with dpg.node_attribute(parent=view.tag, attribute_type=dpg.mvNode_Attr_Static):
            dpg.add_spacer(width=width, height=1)
    for port in face.ports[0]:
        _pin(editor, view, port, False, types.get((port, False)), small, width, bodiless)
    if not bodiless:
        _body(editor, view, width)
    for port in face.ports[1]:
        _pin(editor, view, port, True, types.get((port, True)), small, width, bodiless)
    if not (bodiless or face.ports[0] or face.ports[1]):
        with dpg.node_attribute(parent=view.tag, attribute_type=dpg.mvNode_Attr_Static):
            dpg.add_spacer(width=width, height=1)
    tell(editor, view, face)
    return view


def tell(editor: Editor, view: NodeView, face: Face) -> None:
    """Shows what is wrong with a node below all else in it, so that nothing moves when it comes and goes."""
    view.face = face
    if view.trouble is not None:
        dpg.delete_item(view.trouble.item)
        view.trouble = None
    if face.troubles and face.zoom > BODILESS:
        width = round(editor.look.px(inner_width(face.spec)) * face.zoom)
        view.trouble = _room(editor, view, width, TROUBLE, lambda _: _troubles(editor, view, width))


def _room(editor: Editor, view: NodeView, width: int, height: float, make: Callable[[Any], None]) -> Body:
    """A blank for what `make` makes once it is seen."""
    with dpg.node_attribute(parent=view.tag, attribute_type=dpg.mvNode_Attr_Static) as item:
        group = dpg.add_group(show=False)
        blank = dpg.add_spacer(width=width, height=round(editor.look.px(height) * view.face.zoom))
    dpg.bind_item_font(group, editor.look.font("small", zoom=view.face.zoom))
    return Body(item, group, blank, make)


def _body(editor: Editor, view: NodeView, width: int) -> None:
    """Room for the node's body, about as high as it will be."""
    face = view.face
    spec = None if face.folded else face.spec
    seat = view_of(face.type, spec) if spec else None
    own = getattr(seat, "sets", ())
    shown = [param for param in spec.params if param.name not in own][:SHOWN_PARAMS] if spec else []
    if not (shown or seat):
        return

    def make(content: Any) -> None:
        if shown:
            _params(editor, view, shown, width)
        if seat and spec:
            view.view = seat(Seat(editor, face.node, spec, content, width, face.zoom))

    view.body = _room(editor, view, width, ROW * len(shown) + (view_height(spec) if spec else 0.0), make)


def put_away(body: Body, away: bool) -> None:
    """Puts a blank of the same size in the place of what nobody sees: the library draws what lies outside of the view as well.
    What was made and not yet drawn stays until its size is known."""
    width, height = dpg.get_item_rect_size(body.content) if away else (0, 0)
    if away and not height:
        return
    body.is_away = away
    if away:
        dpg.configure_item(body.blank, width=round(width), height=round(height))
    elif body.make is not None:
        make, body.make = body.make, None
        dpg.push_container_stack(body.content)
        try:
            make(body.content)
        finally:
            dpg.pop_container_stack()
    dpg.configure_item(body.content, show=not away)
    dpg.configure_item(body.blank, show=away)


def paint(editor: Editor, view: NodeView, *, selected: bool) -> None:
    """Gives the node the outline and ground of its present state."""
    face = view.face
    trouble = "failed" if face.failed else "waiting" if waits(face) else "problem" if face.troubles else ""
    state = "selected" if selected else trouble or ("off" if face.mode else "")
    if state != view.state:
        view.state = state
        colour = theme.FRAME_COLOURS.get(face.colour, theme.family_of(face.type)[1])
        dpg.bind_item_theme(view.tag, editor.look.node(colour, face.zoom, state))


def waits(face: Face) -> bool:
    """Whether nothing is wrong with the node itself: it only lacks what another would give."""
    return bool(face.troubles) and all(words.startswith(WAITS) for words in face.troubles)


def refresh(view: NodeView, node: Node) -> None:
    """Brings the widgets to the node's params."""
    if node.params is not view.params:
        for name, shown in view.fields.items():
            new, old = node.params.get(name), view.params.get(name)
            if new != old and view.face.spec is not None:
                shown.show(legal(view.face.spec.param(name), new))
        view.params = node.params


def is_on_widget(view: NodeView) -> bool:
    """Whether the mouse is on something in the node that takes clicks itself."""
    waiting = [view.tag]
    while waiting:
        for item in dpg.get_item_children(waiting.pop(), 1):
            kind = dpg.get_item_type(item).rpartition("::")[2]
            if kind in ("mvNodeAttribute", "mvGroup", "mvTable", "mvTableRow"):
                waiting.append(item)
            elif kind not in ("mvText", "mvSpacer", "mvTooltip") and dpg.is_item_hovered(item):
                return True
    return False


def legal(param: Any, value: Any) -> Any:
    """A param's value as widgets can show it: its default where there is none, or where it is no value at all."""
    from runtime.errors import ParamError

    try:
        return param.default if value is None else param.coerce(value)
    except ParamError:
        return param.default


def _title(face: Face) -> str:
    return face.title + {"mute": "  (muted)", "bypass": "  (bypassed)"}.get(face.mode or "", "")


def _pin(
    editor: Editor, view: NodeView, port: str, is_output: bool, kind: PortType | None, font: Any, width: int, bodiless: bool
) -> None:
    side = dpg.mvNode_Attr_Output if is_output else dpg.mvNode_Attr_Input
    shape = getattr(dpg, f"mvNode_PinShape_{theme.PIN.get(kind, 'Circle') if kind else 'Circle'}")
    pin = dpg.add_node_attribute(parent=view.tag, attribute_type=side, shape=shape)
    dpg.bind_item_theme(pin, editor.look.pin(kind))
    words = "" if bodiless else port.replace("_", " ")
    if is_output and not bodiless:
        indent = max(1, width - editor.look.width(words, "small", zoom=view.face.zoom))
        item = dpg.add_text(words, parent=pin, indent=indent)
    elif bodiless:  # a text, though an empty one: of other items the library tells no place
        item = dpg.add_text(" ", parent=pin)
        dpg.bind_item_font(item, editor.look.font("small", zoom=view.face.zoom))
    else:
        item = dpg.add_text(words, parent=pin)
    if not bodiless:
        dpg.bind_item_font(item, font)
        dpg.bind_item_theme(item, editor.look.words("muted"))
    view.pins[port, is_output] = pin
    view.labels[port, is_output] = item


def _troubles(editor: Editor, view: NodeView, width: int) -> None:
    look, face = editor.look, view.face
    more = f"  (+{len(face.troubles) - 1})" if len(face.troubles) > 1 else ""
    words = f"{theme.icon('clock' if waits(face) else 'triangle-alert')} {face.troubles[0]}{more}"
    item = dpg.add_text(look.wrapped(words, width, zoom=face.zoom))
    dpg.bind_item_theme(item, look.words("bad" if face.failed else "muted" if waits(face) else "warn"))
    editor.explain(item, "\n".join(face.troubles))


def _params(editor: Editor, view: NodeView, shown: Sequence[Any], width: int) -> None:
    left = round(width * 0.38)
    for param in shown:
        label = param.name.replace("_", " ")
        with dpg.group(horizontal=True, horizontal_spacing=0) as row:
            words = dpg.add_text(label)
            dpg.bind_item_theme(words, editor.look.words("muted"))
            size = editor.look.width(label, "small", zoom=view.face.zoom)
            dpg.add_spacer(width=max(4, left - size))
            room = width - max(left, size + 4)
            value = legal(param, view.params.get(param.name))
            view.fields[param.name] = _field(editor, view.face.node, param, value, row, room, view.face.zoom)
        editor.explain(words, f"{param.name}: {param.doc}" if param.doc else param.name)


def _field(editor: Editor, name: str, param: Any, value: Any, parent: Any, width: int, zoom: float) -> Field:
    def change(new: Any) -> None:
        editor.set_param(name, param.name, new)

    return make_field(
        editor.look,
        param,
        value,
        change,
        parent=parent,
        width=width,
        zoom=zoom,
        choose=lambda: param_files.choose(editor, name, param),
    )
