"""Nodes by mouse: what is dragged, what moves along, and what becomes of it where it is dropped - on a wire, or into a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dearpygui.dearpygui as dpg

from graph_editor import edits, marks, node_view, wires
from graph_editor.geometry import Point, inside
from graph_editor.look import frames_of
from runtime.errors import PatchError
from runtime.patch import Patch

if TYPE_CHECKING:
    from graph_editor.canvas import Canvas


class Dragging:
    """What the mouse does with the nodes and notes of one canvas while its button is down."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.pressed: Point | None = None
        """Where the button went down on the canvas; None while it is up."""
        self.grabbed: str | None = None
        """The node under the mouse then."""

    def begin(self, mouse: Point) -> None:
        """The button went down on the canvas."""
        canvas = self._canvas
        self.pressed, self.grabbed = mouse, canvas.pointed_at(mouse)
        note = canvas.notes.at(mouse) if self.grabbed is None else None
        if note is not None:
            canvas.notes.grab(note)

    def drag(self) -> None:
        """The mouse moves with the button down: what looks selected moves with the node that the library drags."""
        canvas = self._canvas
        canvas.notes.drag()
        view = canvas.views.get(self.grabbed or "")
        if view is None or self.grabbed is None:
            return
        now = dpg.get_item_pos(view.tag)
        dx, dy = now[0] - view.place[0], now[1] - view.place[1]
        if not (dx or dy):
            return
        movers = canvas.selection if self.grabbed in canvas.selection else {self.grabbed}
        for name in movers - canvas.chosen - {self.grabbed}:
            other = canvas.views[name]
            dpg.set_item_pos(other.tag, [other.place[0] + dx, other.place[1] + dy])
        canvas.underlay.stale = True

    def end(self) -> None:
        """The button is up: what was moved becomes a step; the keyboard leaves the canvas."""
        canvas = self._canvas
        if self.pressed is not None:
            still = not canvas.notes.drop() and not self._moved()
            if still and self.grabbed in canvas.selection and len(canvas.selection) > 1 and not is_adding():
                canvas.select({self.grabbed})
            view = canvas.views.get(self.grabbed or "")
            if view is None or not node_view.is_on_widget(view):
                canvas.editor.panes.take_focus()
        self.pressed, self.grabbed = None, None

    def _moved(self) -> bool:
        """Makes what was moved a step; says whether anything was."""
        canvas, moved = self._canvas, {}
        for name, view in canvas.views.items():
            place = tuple(dpg.get_item_pos(view.tag))
            if place != view.place:
                moved[name] = (place[0] + canvas.origin[0]) / canvas.k, (place[1] + canvas.origin[1]) / canvas.k
                view.place = (int(place[0]), int(place[1]))
        if not moved:
            return False
        patch = edits.move(canvas.editor.document.patch, moved)
        what = f"move {next(iter(moved))}" if len(moved) == 1 else f"move {len(moved)} nodes"
        patch, what = self._put_into_wire(patch, what, moved)
        patch, what = self._put_into_frame(patch, what, moved)
        canvas.editor.edit(what, patch)
        return True

    def _put_into_wire(self, patch: Patch, what: str, moved: dict[str, Point]) -> tuple[Patch, str]:
        """A single node that is dropped on a wire is put into it, where it fits."""
        link = self._canvas.wiring.under(next(iter(moved))) if len(moved) == 1 else None
        if link is None:
            return patch, what
        name, editor = next(iter(moved)), self._canvas.editor
        try:
            return wires.insert(patch, editor.registry, name, link), f"put {name} into a wire"
        except PatchError as error:
            editor.say(str(error), wrong=True)
            return patch, what

    def _put_into_frame(self, patch: Patch, what: str, moved: dict[str, Point]) -> tuple[Patch, str]:
        """Nodes of no frame that are dropped in one belong to it from now on. Those of a frame stay in it: it grows with them."""
        frames = frames_of(patch)
        framed = {name for frame in frames for name in frame.nodes}
        for number, around in self._canvas.underlay.boxes().items():
            boxes = [(name, self._canvas.box(name)) for name in moved if name not in framed]
            found = [name for name, b in boxes if b and inside(((b[0] + b[2]) / 2, (b[1] + b[3]) / 2), around)]
            if found:
                title = frames[number].title or "a frame"
                return marks.join_frame(patch, number, found), f"{what} into {title}"
        return patch, what


def is_adding() -> bool:
    """Whether what is chosen now is chosen besides what was chosen before."""
    return any(dpg.is_key_down(key) for key in (dpg.mvKey_LControl, dpg.mvKey_RControl, dpg.mvKey_LShift, dpg.mvKey_RShift))
