"""Titles of frames and comments on the canvas: nodes without pins that can be chosen, moved, written in and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import marks, theme, verbs
from graph_editor.geometry import Point, inside
from graph_editor.look import Comment, Frame, comments_of, frames_of
from runtime.patch import Patch

if TYPE_CHECKING:
    from graph_editor.canvas import Canvas

Key = tuple[str, int]
"""("frame" or "comment", its number)."""


class Notes:
    """The frames' titles and the comments of one canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._tags: dict[Key, Any] = {}
        self._faces: dict[Key, Any] = {}
        self._places: dict[Key, tuple[int, int]] = {}
        self._grabbed: Key | None = None
        self._moved = (0, 0)

    def show(self) -> None:
        """Brings the items to the document and the zoom."""
        canvas = self._canvas
        patch, zoom = canvas.editor.document.patch, canvas.k / canvas.editor.look.scale
        wanted: dict[Key, Frame | Comment] = {("frame", number): one for number, one in enumerate(frames_of(patch))}
        wanted |= {("comment", number): one for number, one in enumerate(comments_of(patch))}
        old = [key for key in self._tags if key not in wanted or self._faces[key] != (wanted[key], zoom)]
        gone = [self._tags.pop(key) for key in old]
        for key, one in wanted.items():
            if key not in self._tags:
                self._tags[key] = self._build(one, zoom)
                self._faces[key] = one, zoom
                self._places.pop(key, None)
        for tag in gone:  # after the new ones are made: an id made anew in the same frame would inherit the selection
            dpg.delete_item(tag)
        for key, one in wanted.items():
            if isinstance(one, Comment):
                self._put(key, canvas.place(one.position))

    def clear(self) -> None:
        for tag in self._tags.values():
            dpg.delete_item(tag)
        self._tags.clear()
        self._faces.clear()
        self._places.clear()

    def frame(self) -> None:
        """Called once a frame: keeps the titles at their frames."""
        canvas = self._canvas
        if self._grabbed is not None:
            return
        corner, pan = canvas.corner, canvas.pan
        for number, box in canvas.underlay.boxes().items():
            self._put(("frame", number), (round(box[0] - corner[0] - pan[0]), round(box[1] - corner[1] - pan[1])))

    def at(self, point: Point) -> Key | None:
        """What of ours lies under a point of the screen."""
        for key, tag in reversed(self._tags.items()):
            width, height = dpg.get_item_rect_size(tag)
            if width:
                x, y = dpg.get_item_rect_min(tag)
                if inside(point, (x - 12, y - 8, x - 12 + width, y - 8 + height)):
                    return key
        return None

    def grab(self, key: Key) -> None:
        """The mouse was pressed on this one."""
        self._grabbed, self._moved = key, (0, 0)

    def drag(self) -> None:
        """The mouse moves with the button down: the nodes of a frame come along."""
        key = self._grabbed
        tag = self._tags.get(key) if key else None
        if tag is None or key is None or key not in self._places:
            return
        now, was = dpg.get_item_pos(tag), self._places[key]
        self._moved = (int(now[0] - was[0]), int(now[1] - was[1]))
        if key[0] == "frame" and any(self._moved):
            canvas = self._canvas
            for name in frames_of(canvas.editor.document.patch)[key[1]].nodes:
                if name in canvas.views:
                    view = canvas.views[name]
                    dpg.set_item_pos(view.tag, [view.place[0] + self._moved[0], view.place[1] + self._moved[1]])
            canvas.underlay.stale = True

    def drop(self) -> bool:
        """The button is up: makes the move a step; says whether there was one."""
        key, self._grabbed = self._grabbed, None
        if key not in self._tags or key is None or not any(self._moved):
            return False
        canvas, k = self._canvas, self._canvas.k
        by = self._moved[0] / k, self._moved[1] / k
        patch = canvas.editor.document.patch
        if key[0] == "frame":
            canvas.editor.edit("move a frame", marks.move_frame(patch, key[1], by))
        else:
            x, y = comments_of(patch)[key[1]].position
            canvas.editor.edit("move a comment", marks.set_comment(patch, key[1], position=(x + by[0], y + by[1])))
        return True

    def chosen(self) -> list[Key]:
        """Those that the mouse chose."""
        tags = set(dpg.get_selected_nodes(self._canvas.tag))
        return [key for key, tag in self._tags.items() if tag in tags]

    def colour(self, key: Key, colour: str) -> None:
        """Gives a frame or a comment another colour."""
        editor = self._canvas.editor
        change = marks.set_frame if key[0] == "frame" else marks.set_comment
        verbs.try_edit(editor, f"colour a {key[0]}", lambda patch: change(patch, key[1], colour=colour))

    def write(self, key: Key) -> None:
        """Asks for another text."""
        editor = self._canvas.editor
        patch = editor.document.patch
        if key[0] == "frame":
            now, words, lines = frames_of(patch)[key[1]].title, "Its title", 1
        else:
            now, words, lines = comments_of(patch)[key[1]].text, "Empty: it goes", 4

        def done(text: str) -> None:
            text = text.strip()

            def change(patch: Patch) -> Patch:
                if key[0] == "frame":
                    return marks.set_frame(patch, key[1], title=text)
                return marks.set_comment(patch, key[1], text=text)

            verbs.try_edit(editor, "title of a frame" if key[0] == "frame" else "write a comment", change)

        editor.dialogs.ask_text(key[0].capitalize(), words, now, done, lines=lines)

    def _put(self, key: Key, place: tuple[int, int]) -> None:
        if key in self._tags and self._places.get(key) != place:
            self._places[key] = place
            dpg.set_item_pos(self._tags[key], list(place))

    def _build(self, one: Frame | Comment, zoom: float) -> Any:
        canvas, look = self._canvas, self._canvas.editor.look
        is_frame = isinstance(one, Frame)
        tag = dpg.add_node(
            label=one.title or "frame" if isinstance(one, Frame) else theme.icon("message-square"), parent=canvas.tag, pos=(0, 0)
        )
        colour = theme.FRAME_COLOURS.get(one.colour, theme.FRAME_COLOURS["grey"])
        dpg.bind_item_theme(tag, look.note(colour, zoom, not is_frame))
        dpg.bind_item_font(tag, look.font("small", "medium", max(zoom, 0.8)))
        with dpg.node_attribute(parent=tag, attribute_type=dpg.mvNode_Attr_Static):
            if isinstance(one, Comment):
                dpg.add_text(one.text, wrap=round(one.width * canvas.k))
            elif is_frame:
                dpg.add_spacer(width=1, height=1)
        return tag
