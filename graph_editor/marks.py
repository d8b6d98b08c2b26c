"""Edits of what lies around the nodes: frames, comments, bookmarks and the pins of the perform view. Patch to Patch, pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from graph_editor.look import (
    Bookmark,
    Comment,
    Frame,
    Point,
    bookmarks_of,
    comments_of,
    frames_of,
    pins_of,
    with_bookmarks,
    with_comments,
    with_frames,
    with_pins,
)
from runtime.errors import PatchError
from runtime.patch import Patch

# Frames. They are numbered from 0 in the order of `frames_of`.


def add_frame(patch: Patch, names: Iterable[str], title: str, colour: str = "grey") -> Patch:
    """Puts a titled frame around nodes. Raises PatchError where there are none."""
    nodes = _known(patch, names)
    if not nodes:
        raise PatchError("a frame needs nodes: choose some first")
    return with_frames(patch, (*frames_of(patch), Frame(title, nodes, colour)))


def remove_frame(patch: Patch, number: int) -> Patch:
    """Takes a frame away; its nodes stay."""
    _frame(patch, number)
    return with_frames(patch, (frame for place, frame in enumerate(frames_of(patch)) if place != number))


def set_frame(patch: Patch, number: int, *, title: str | None = None, colour: str | None = None) -> Patch:
    """Gives a frame another title or colour; None leaves it as it is."""
    old = _frame(patch, number)
    return _with_frame(patch, number, replace(old, title=old.title if title is None else title, colour=colour or old.colour))


def frame_nodes(patch: Patch, number: int, names: Iterable[str]) -> Patch:
    """Lets a frame lie around these nodes and no others. Raises PatchError where there are none."""
    nodes = _known(patch, names)
    if not nodes:
        raise PatchError("a frame needs nodes; to take the frame away, delete it")
    return _with_frame(patch, number, replace(_frame(patch, number), nodes=nodes))


def join_frame(patch: Patch, number: int, names: Iterable[str]) -> Patch:
    """Takes nodes into a frame, and out of the others."""
    nodes = _known(patch, names)
    _frame(patch, number)
    left = [
        replace(frame, nodes=tuple(dict.fromkeys((*frame.nodes, *nodes))))
        if place == number
        else replace(frame, nodes=tuple(name for name in frame.nodes if name not in nodes))
        for place, frame in enumerate(frames_of(patch))
    ]
    return with_frames(patch, (frame for frame in left if frame.nodes))


def leave_frames(patch: Patch, names: Iterable[str]) -> Patch:
    """Takes nodes out of every frame; a frame that has none left goes too."""
    gone = set(names)
    left = [replace(frame, nodes=tuple(name for name in frame.nodes if name not in gone)) for frame in frames_of(patch)]
    return with_frames(patch, (frame for frame in left if frame.nodes))


def with_frame_names(patch: Patch, new_name: Callable[[str], str]) -> Patch:
    """Calls the nodes in frames by their new names."""
    return with_frames(patch, (replace(frame, nodes=tuple(map(new_name, frame.nodes))) for frame in frames_of(patch)))


def move_frame(patch: Patch, number: int, by: Point) -> Patch:
    """Moves the nodes of a frame by so many units."""
    nodes = dict(patch.nodes)
    for name in _frame(patch, number).nodes:
        if name in nodes:
            x, y = nodes[name].position
            nodes[name] = replace(nodes[name], position=(x + by[0], y + by[1]))
    return replace(patch, nodes=nodes)


def _frame(patch: Patch, number: int) -> Frame:
    frames = frames_of(patch)
    if not 0 <= number < len(frames):
        raise PatchError("this frame is not there any more")
    return frames[number]


def _with_frame(patch: Patch, number: int, frame: Frame) -> Patch:
    return with_frames(patch, (frame if place == number else one for place, one in enumerate(frames_of(patch))))


def _known(patch: Patch, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name in patch.nodes)


# Comments and bookmarks, numbered in the order of `comments_of` and `bookmarks_of`.


def add_comment(patch: Patch, text: str, position: Point, colour: str = "grey") -> Patch:
    """Puts a text on the canvas, its upper left corner at a position."""
    return with_comments(patch, (*comments_of(patch), Comment(text, position, colour=colour)))


def set_comment(
    patch: Patch,
    number: int,
    *,
    text: str | None = None,
    position: Point | None = None,
    width: float | None = None,
    colour: str | None = None,
) -> Patch:
    """Changes a comment; None leaves it as it is, an empty text removes it."""
    comments = list(comments_of(patch))
    if not 0 <= number < len(comments):
        raise PatchError("this comment is not there any more")
    if text == "":
        return remove_comment(patch, number)
    old = comments[number]
    comments[number] = replace(
        old, text=text or old.text, position=position or old.position, width=width or old.width, colour=colour or old.colour
    )
    return with_comments(patch, comments)


def remove_comment(patch: Patch, number: int) -> Patch:
    """Takes a comment away."""
    return with_comments(patch, (comment for place, comment in enumerate(comments_of(patch)) if place != number))


def add_bookmark(patch: Patch, name: str, position: Point, zoom: int) -> Patch:
    """Keeps a view under a name; one of that name is replaced. `zoom` is the number of the zoom step."""
    bookmark = Bookmark(name, position, zoom)
    others = bookmarks_of(patch)
    if any(old.name == name for old in others):
        return with_bookmarks(patch, (bookmark if old.name == name else old for old in others))
    return with_bookmarks(patch, (*others, bookmark))


def remove_bookmark(patch: Patch, name: str) -> Patch:
    """Forgets a bookmark."""
    return with_bookmarks(patch, (bookmark for bookmark in bookmarks_of(patch) if bookmark.name != name))


# Pins


def toggle_pins(patch: Patch, pins: Iterable[str]) -> Patch:
    """Pins "node", "node.param" or "node.output" to the perform view; where all are pinned already, takes them off it."""
    wanted, old = list(dict.fromkeys(pins)), pins_of(patch)
    if all(pin in old for pin in wanted):
        return with_pins(patch, (pin for pin in old if pin not in wanted))
    return with_pins(patch, (*old, *wanted))


def move_pin(patch: Patch, pin: str, place: int) -> Patch:
    """Puts a pin at another place in the order of the perform view."""
    others = [one for one in pins_of(patch) if one != pin]
    return with_pins(patch, (*others[:place], pin, *others[place:])) if pin in pins_of(patch) else patch
