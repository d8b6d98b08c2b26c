"""The only map between the patch and the node editor's items: shows the patch, and turns what the mouse does into edits."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import node_view
from graph_editor.dragging import Dragging, is_adding
from graph_editor.geometry import Box, Point, inside
from graph_editor.in_view import InView
from graph_editor.layout import ZOOMS
from graph_editor.node_view import NodeView
from graph_editor.notes_view import Notes
from graph_editor.theme import NODE_PADDING
from graph_editor.underlay import Underlay
from graph_editor.wiring import Wiring
from runtime.patch import Link, Patch
from runtime.spec import PortType

if TYPE_CHECKING:
    from graph_editor.editor import Editor

UNSETTLED = 3
"""Frames after a change until every node has been drawn in its new place."""
ASKED = 8
"""Of what rests, one in so many is asked in each frame where it lies."""


class Canvas:
    """The node editor. Used by the window's thread only.

    `selection` are the nodes that edits apply to: what the mouse chose in the node editor, or what we chose (all, what was
    pasted), which the library cannot be told and which therefore only looks selected."""

    def __init__(self, editor: Editor, parent: Any, size: tuple[int, int]) -> None:
        self.editor = editor
        self.corner: Point = (0.0, 0.0)
        """The upper left corner on the screen: the library does not tell that of a pane."""
        self.size = size
        self.views: dict[str, NodeView] = {}
        self.links: dict[Link, Any] = {}
        self.selection: set[str] = set()
        self.zoom = ZOOMS.index(1.0)
        self.origin: Point = (0.0, 0.0)
        """What is subtracted from a node's place on the canvas, in pixels of the screen."""
        self._patch = Patch()
        self._pins: dict[Any, tuple[str, str, bool]] = {}
        self.chosen: set[str] = set()
        """The nodes that the node editor itself has chosen, and therefore drags."""
        self._clearing = 0
        self._sizes: dict[str, tuple[float, float]] = {}
        self._boxes: dict[Any, Box] = {}
        """Of nodes, by their items; the one that was asked for the longest time ago comes first."""
        self._around: tuple[Any, ...] = ()
        self._unsettled = 0
        self.in_view = InView(self)
        with dpg.child_window(
            parent=parent, width=size[0], height=size[1], no_scrollbar=True, no_scroll_with_mouse=True
        ) as self.pane:
            self.underlay = Underlay(self, size)
            self.notes = Notes(self)
            self.wiring = Wiring(self)
            self.dragging = Dragging(self)
            with dpg.child_window(
                pos=(0, 0), width=size[0], height=size[1], no_scrollbar=True, no_scroll_with_mouse=True
            ) as self._inner:
                self.tag = dpg.add_node_editor(
                    callback=self.wiring.on_link,
                    delink_callback=self.wiring.on_unlink,
                    minimap=True,
                    minimap_location=dpg.mvNodeMiniMap_Location_BottomRight,
                )
        dpg.bind_item_theme(self.pane, editor.look.pane("canvas", (0, 0)))
        dpg.bind_item_theme(self._inner, editor.look.pane("clear", (0, 0)))
        self._make_reference()

    def _make_reference(self) -> None:
        """An invisible node whose place tells how far the view was panned: the library does not."""
        self._reference = dpg.add_node(label="", parent=self.tag, pos=(0, 0), draggable=False)
        dpg.bind_item_theme(self._reference, self.editor.look.unseen())
        self.pan: Point = (0.0, 0.0)

    def resize(self, corner: tuple[int, int], size: tuple[int, int]) -> None:
        """Lies at that place of the window, so large."""
        self.corner, self.size = (float(corner[0]), float(corner[1])), size
        dpg.set_item_pos(self.pane, list(corner))
        for pane in (self.pane, self._inner):
            dpg.configure_item(pane, width=size[0], height=size[1])
        self.underlay.resize(size)

    # Places

    @property
    def k(self) -> float:
        """Pixels of the screen per unit of the patch's positions."""
        return ZOOMS[self.zoom] * self.editor.look.scale

    def place(self, position: Point) -> tuple[int, int]:
        return round(position[0] * self.k - self.origin[0]), round(position[1] * self.k - self.origin[1])

    def to_patch(self, point: Point) -> Point:
        """A point of the screen as a position in the patch."""
        corner = self.corner
        return (
            (point[0] - corner[0] - self.pan[0] + self.origin[0]) / self.k,
            (point[1] - corner[1] - self.pan[1] + self.origin[1]) / self.k,
        )

    def box(self, name: str) -> Box | None:
        """Where a node lies on the screen, its padding included; None where it was never drawn."""
        view = self.views.get(name)
        if view is None:
            return None
        known = self._boxes.get(view.tag)
        if known is not None:
            return known
        size = dpg.get_item_rect_size(view.tag)
        if not size[0]:
            return None
        x, y = dpg.get_item_rect_min(view.tag)
        pad = [self.editor.look.px(p) * view.face.zoom for p in NODE_PADDING]
        box = self._boxes[view.tag] = x - pad[0], y - pad[1], x - pad[0] + size[0], y - pad[1] + size[1]
        return box

    def _forget_boxes(self, moves: bool) -> None:
        """Called once a frame: what may have moved is asked for anew, and of the rest a part, since bodies grow and shrink. To
        ask for all of them costs hundreds of nodes a third of the frame."""
        around = self.pan, self.origin, self.zoom, self.corner, id(self._patch)
        if moves or around != self._around or self.underlay.stale:
            self._around, self._unsettled = around, UNSETTLED
        if self._unsettled:
            self._unsettled -= 1
            self._boxes.clear()
        for tag in list(islice(self._boxes, -(-len(self._boxes) // ASKED))):
            del self._boxes[tag]

    def sizes(self) -> dict[str, tuple[float, float]]:
        """The nodes' sizes in the patch's units, of those that were drawn with their bodies."""
        for name, view in self.views.items():
            width, height = dpg.get_item_rect_size(view.tag)
            if width and view.face.zoom > node_view.BODILESS:
                self._sizes[name] = (width / self.k, height / self.k)
        return {name: size for name, size in self._sizes.items() if name in self.views}

    def pin_place(self, name: str, port: str, is_output: bool) -> Point | None:
        """Where a pin lies on the screen."""
        view, box = self.views.get(name), self.box(name)
        label = view.labels.get((port, is_output)) if view else None
        if box is None or label is None:
            return None
        _, y = dpg.get_item_rect_min(label)
        return (box[2] if is_output else box[0]), y + dpg.get_item_rect_size(label)[1] / 2

    def center(self) -> Point:
        """The middle of the canvas on the screen."""
        x, y = self.corner
        width, height = self.size
        return x + width / 2, y + height / 2

    def pin_of(self, item: Any) -> tuple[str, str, bool] | None:
        """(node, port, whether an output) of a pin's item."""
        return self._pins.get(item)

    def port_type(self, name: str, port: str, is_output: bool) -> PortType | None:
        """The type of a port; None where it is not known."""
        spec = self.editor.spec(name)
        found = (spec.output(port) if is_output else spec.input(port)) if spec else None
        return found.type if found else None

    def can_be_seen(self, name: str) -> bool:
        """Whether a node lies in the view."""
        box, (x, y), (width, height) = self.box(name), self.corner, self.size
        return box is not None and box[2] >= x and box[3] >= y and box[0] <= x + width and box[1] <= y + height

    def is_whole(self, name: str) -> bool:
        """Whether all of a node lies in the view."""
        box, (x, y), (width, height) = self.box(name), self.corner, self.size
        return box is not None and box[0] >= x and box[1] >= y and box[2] <= x + width and box[3] <= y + height

    def hovered_output(self) -> tuple[str, str] | None:
        """The source of the wire under the mouse."""
        link = self.wiring.hovered
        return (link.ends()[0], link.ends()[1]) if link is not None else None

    def pointed_at(self, point: Point) -> str | None:
        """The node under a point of the screen."""
        return next((name for name in reversed(self.views) if (box := self.box(name)) and inside(point, box)), None)

    def is_over(self, point: Point) -> bool:
        """Whether a point of the screen lies on the canvas and nothing lies over it."""
        x, y = self.corner
        width, height = self.size
        return inside(point, (x, y, x + width, y + height)) and dpg.is_item_hovered(self.tag)

    # Showing

    def show(self) -> None:
        """Brings the items to the document, to what is known of each node, and to the zoom. What did not change stays."""
        patch, editor = self.editor.document.patch, self.editor
        linked: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        for link in patch.links:
            source, output, target, port = link.ends()
            linked[source][1].add(output)
            linked[target][0].add(port)
        zoom = ZOOMS[self.zoom]
        stale: set[str] = set(self.views) - set(patch.nodes)
        faces = {}
        for name, node in patch.nodes.items():
            face = node_view.face_of(editor, name, node, editor.spec(name), zoom, linked[name])
            view = self.views.get(name)
            if view is None or view.face != face:
                faces[name] = face
                if view is not None:
                    stale.add(name)
            elif (view.face.troubles, view.face.failed) != (face.troubles, face.failed):
                node_view.tell(editor, view, face)
                self.in_view.begin(view)
        kept = set(patch.links)
        gone = (
            [link for link in self.links if link not in kept or link.ends()[0] in stale or link.ends()[2] in stale]
            if stale or patch.links is not self._patch.links
            else []
        )
        for link in gone:
            dpg.delete_item(self.links.pop(link))
        old = [self.views.pop(name) for name in stale]
        for name, face in faces.items():
            node = patch.nodes[name]
            view = node_view.build(editor, face, node, self.tag, self.place(node.position))
            self.views[name] = view
            self.in_view.begin(view)
            self._pins.update({pin: (name, port, out) for (port, out), pin in view.pins.items()})
        for view in old:  # after the new ones are made: an id made anew in the same frame would inherit the selection
            self._forget(view)
        for name, node in patch.nodes.items():
            view = self.views[name]
            node_view.refresh(view, node)
            place = self.place(node.position)
            if place != view.place:
                view.place = place
                dpg.set_item_pos(view.tag, list(place))
        if len(self.links) != len(patch.links):
            for link in patch.links:
                if link not in self.links:
                    self._show_link(link)
        self.selection &= set(patch.nodes)
        self.chosen &= set(patch.nodes)
        self.notes.show()
        self._patch = patch
        self.in_view.set_pieces()
        self._paint()
        self.underlay.stale = True

    def clear(self) -> None:
        """Takes everything away, to be shown anew (another document, theme or scale)."""
        for item in self.links.values():
            dpg.delete_item(item)
        self.links.clear()
        for view in self.views.values():
            self._forget(view)
        self.views.clear()
        self.notes.clear()
        self._pins.clear()
        self.in_view.forget()
        self._patch = Patch()

    def _forget(self, view: NodeView) -> None:
        if view.view is not None:
            view.view.close()
        for pin in view.pins.values():
            self._pins.pop(pin, None)
        dpg.delete_item(view.tag)

    def _show_link(self, link: Link) -> None:
        source, output, target, port = link.ends()
        one, two = self.views.get(source), self.views.get(target)
        start, end = (one.pins.get((output, True)) if one else None), (two.pins.get((port, False)) if two else None)
        if start is None or end is None:
            return  # a problem of the patch, told on its node: there is nothing to draw it between
        item = dpg.add_node_link(start, end, parent=self.tag)
        dpg.bind_item_theme(item, self.editor.look.link(self.port_type(source, output, True)))
        self.links[link] = item

    def _paint(self) -> None:
        for name, view in self.views.items():
            node_view.paint(self.editor, view, selected=name in self.selection)

    # Choosing

    def select(self, names: set[str]) -> None:
        """Chooses nodes from the program's side."""
        dpg.clear_selected_nodes(self.tag)
        self.chosen, self._clearing = set(), 3
        self.selection = names & set(self.views)
        self._paint()

    def _read_selection(self) -> None:
        tags = {view.tag: name for name, view in self.views.items()} if dpg.get_selected_nodes(self.tag) else {}
        chosen = {tags[tag] for tag in dpg.get_selected_nodes(self.tag) if tag in tags}
        if self._clearing:  # the library takes a frame or two to let go of what it had chosen
            self._clearing = self._clearing - 1 if chosen else 0
            return
        if chosen == self.chosen:
            return
        grabbed = self.dragging.grabbed in self.selection and chosen == {self.dragging.grabbed} and len(self.selection) > 1
        self.chosen = chosen
        if grabbed:
            return  # one of those that look selected is dragged: they move together
        self.selection = set(chosen)
        self._paint()

    def selected_links(self) -> list[Link]:
        chosen = set(dpg.get_selected_links(self.tag))
        return [link for link, item in self.links.items() if item in chosen]

    # Zoom and view

    def zoom_by(self, steps: int, at: Point | None = None) -> None:
        """Zooms by steps; the point of the screen `at` (the middle, if None) stays where it is."""
        zoom = min(max(self.zoom + steps, 0), len(ZOOMS) - 1)
        if zoom == self.zoom:
            return
        x, y = self.corner
        width, height = self.size
        at = at or (x + width / 2, y + height / 2)
        kept, _ = self.to_patch(at), self.sizes()
        self.zoom = zoom
        self.look_at(kept, at)

    def look_at(self, position: Point, at: Point | None = None) -> None:
        """Brings a position of the patch to a point of the screen, the middle if None."""
        x, y = self.corner
        width, height = self.size
        at = at or (x + width / 2, y + height / 2)
        self.origin = (
            position[0] * self.k - (at[0] - x - self.pan[0]),
            position[1] * self.k - (at[1] - y - self.pan[1]),
        )
        self.show()

    def middle(self) -> Point:
        """The position of the patch in the middle of the view."""
        x, y = self.corner
        width, height = self.size
        return self.to_patch((x + width / 2, y + height / 2))

    # Each frame

    def frame(self, mouse: Point, pressed: bool, released: bool, down: bool) -> None:
        """Called once a frame, after the items were drawn: reads what the mouse did."""
        if self.editor.document.patch is not self._patch:
            self.show()
        self._read_pan()
        self._forget_boxes(pressed or released or down)
        self.in_view.frame(moving=self._unsettled > 0)
        if pressed and self.is_over(mouse):
            self.dragging.begin(mouse)
            self.wiring.begin(mouse)
            if self.selection and self.dragging.grabbed is None and not self.wiring.is_drawing and not is_adding():
                self.selection = set()  # what only looked selected; the library lets go of the rest by itself
                self._paint()
        self._read_selection()
        if down and not self.wiring.is_drawing and self.dragging.pressed is not None:
            self.dragging.drag()
        if released:
            if self.wiring.is_drawing:
                self.wiring.end(mouse)
            self.dragging.end()
        self.underlay.frame(self.pan)
        self.notes.frame()
        free = self.dragging.pressed is None and self.is_over(mouse) and self.pointed_at(mouse) is None
        self.wiring.hover(mouse, free=free)

    def _read_pan(self) -> None:
        x, y = dpg.get_item_rect_min(self._reference)
        place = dpg.get_item_pos(self._reference)
        corner = self.corner
        self.pan = (x - place[0] - corner[0] - self._reference_shift[0], y - place[1] - corner[1] - self._reference_shift[1])

    _reference_shift: Point = (0.0, 0.0)

    def calibrate(self) -> None:
        """Called after the first frames, before anybody panned: where the reference lies then is no panning."""
        self._read_pan()
        self._reference_shift = self.pan
        self.pan = (0.0, 0.0)
