"""What only the editor knows of a patch (frames, comments, bookmarks, pins), as frozen data from and to `Patch.view`.

Reading never raises: what is not understood is left out, and written back as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from runtime.patch import Patch

Point = tuple[float, float]
_KEYS = ("frames", "comments", "bookmarks", "pins")


@dataclass(frozen=True)
class Frame:
    """A titled frame around nodes, by name; it is as large as they need. `colour` is a name that the theme knows."""

    title: str
    nodes: tuple[str, ...]
    colour: str = "grey"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        return {**self.extra, "title": self.title, "nodes": list(self.nodes), "colour": self.colour}


@dataclass(frozen=True)
class Comment:
    """A text on the canvas; `position` is its upper left corner, `width` what its lines are broken at, in the patch's units."""

    text: str
    position: Point
    width: float = 220.0
    colour: str = "grey"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        place = {"position": [_short(x) for x in self.position], "width": _short(self.width)}
        return {**self.extra, "text": self.text, **place, "colour": self.colour}


@dataclass(frozen=True)
class Bookmark:
    """A view to come back to: the position in its middle, and the number of its zoom step."""

    name: str
    position: Point
    zoom: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        return {**self.extra, "name": self.name, "position": [_short(x) for x in self.position], "zoom": self.zoom}


def frames_of(patch: Patch) -> tuple[Frame, ...]:
    """The frames, the lowest first."""
    return _read(patch, "frames", _frame)


def comments_of(patch: Patch) -> tuple[Comment, ...]:
    """The comments."""
    return _read(patch, "comments", _comment)


def bookmarks_of(patch: Patch) -> tuple[Bookmark, ...]:
    """The bookmarks in their order."""
    return _read(patch, "bookmarks", _bookmark)


def pins_of(patch: Patch) -> tuple[str, ...]:
    """What the perform view shows, in its order: "node", "node.param" or "node.output", by flat names."""
    return _read(patch, "pins", _pin)


def with_frames(patch: Patch, frames: Iterable[Frame]) -> Patch:
    """The patch with these frames in place of its own."""
    return _written(patch, "frames", [frame.data() for frame in frames], _frame)


def with_comments(patch: Patch, comments: Iterable[Comment]) -> Patch:
    """The patch with these comments in place of its own."""
    return _written(patch, "comments", [comment.data() for comment in comments], _comment)


def with_bookmarks(patch: Patch, bookmarks: Iterable[Bookmark]) -> Patch:
    """The patch with these bookmarks in place of its own."""
    return _written(patch, "bookmarks", [bookmark.data() for bookmark in bookmarks], _bookmark)


def with_pins(patch: Patch, pins: Iterable[str]) -> Patch:
    """The patch with these pins in place of its own."""
    return _written(patch, "pins", list(dict.fromkeys(pins)), _pin)


One = TypeVar("One")


def _read(patch: Patch, key: str, read: Callable[[Any], One | None]) -> tuple[One, ...]:
    found = patch.view.get(key)
    return tuple(one for data in found if (one := read(data)) is not None) if isinstance(found, list | tuple) else ()


def _written(patch: Patch, key: str, listed: list[Any], read: Callable[[Any], Any]) -> Patch:
    before = patch.view.get(key)
    strange = [data for data in before if read(data) is None] if isinstance(before, list | tuple) else []
    view = {name: value for name, value in patch.view.items() if name != key}
    return replace(patch, view={**view, key: listed + strange} if listed or strange else view)


def _frame(data: Any) -> Frame | None:
    if not isinstance(data, Mapping) or not isinstance(data.get("title", ""), str):
        return None
    nodes, colour = data.get("nodes"), data.get("colour", "grey")
    if not isinstance(nodes, list | tuple) or not all(isinstance(name, str) for name in nodes) or not isinstance(colour, str):
        return None
    return Frame(data.get("title", ""), tuple(nodes), colour, _rest(data, "title", "nodes", "colour"))


def _comment(data: Any) -> Comment | None:
    if not isinstance(data, Mapping) or not isinstance(data.get("text"), str):
        return None
    position, width, colour = _point(data.get("position")), data.get("width", 220.0), data.get("colour", "grey")
    if position is None or not _is_number(width) or not isinstance(colour, str):
        return None
    return Comment(data["text"], position, float(width), colour, _rest(data, "text", "position", "width", "colour"))


def _bookmark(data: Any) -> Bookmark | None:
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        return None
    position, zoom = _point(data.get("position")), data.get("zoom")
    if position is None or isinstance(zoom, bool) or not isinstance(zoom, int):
        return None
    return Bookmark(data["name"], position, zoom, _rest(data, "name", "position", "zoom"))


def _pin(data: Any) -> str | None:
    return data if isinstance(data, str) and data else None


def _point(data: Any) -> Point | None:
    if not isinstance(data, list | tuple) or len(data) != 2 or not all(_is_number(x) for x in data):
        return None
    return float(data[0]), float(data[1])


def _is_number(value: Any) -> bool:
    # A patch may hold whole numbers that no float can hold.
    return type(value) in (int, float) and -1e12 < value < 1e12


def _rest(data: Mapping[str, Any], *known: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in known}


def _short(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number
