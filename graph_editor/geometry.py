"""Where wires and nodes lie on the canvas: the curve of a wire, and what is near a point. No dearpygui."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def curve(start: Point, end: Point, parts: int = 16) -> list[Point]:
    """Points on the wire from an output to an input, as the node editor draws it: a cubic Bezier whose control points lie to the
    right of the output and to the left of the input, by a quarter of the distance."""
    reach = 0.25 * ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    one, two = (start[0] + reach, start[1]), (end[0] - reach, end[1])
    points = []
    for number in range(parts + 1):
        t = number / parts
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        points.append((a * start[0] + b * one[0] + c * two[0] + d * end[0], a * start[1] + b * one[1] + c * two[1] + d * end[1]))
    return points


def distance(point: Point, start: Point, end: Point) -> float:
    """From a point to the nearest point of the wire."""
    points = curve(start, end)
    return min(_to_segment(point, one, two) for one, two in pairwise(points))


def nearest_wire(point: Point, wires: Mapping[int, tuple[Point, Point]], within: float) -> int | None:
    """The wire that passes nearest to a point, None where none comes so near. `wires`: id -> its two ends."""
    best, found = within, None
    for wire, (start, end) in wires.items():
        reach = 0.25 * ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5 + within
        if not (min(start[0], end[0]) - reach <= point[0] <= max(start[0], end[0]) + reach):
            continue
        if not (min(start[1], end[1]) - within <= point[1] <= max(start[1], end[1]) + within):
            continue
        away = distance(point, start, end)
        if away < best:
            best, found = away, wire
    return found


def inside(point: Point, box: Box) -> bool:
    """Whether a point lies in a box, its edges included."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def around(boxes: Iterable[Box]) -> Box | None:
    """The smallest box around all of them; None around nothing."""
    every = list(boxes)
    if not every:
        return None
    return min(b[0] for b in every), min(b[1] for b in every), max(b[2] for b in every), max(b[3] for b in every)


def towards(boxes: Mapping[str, Box], start: str | None, way: Point, point: Point = (0.0, 0.0)) -> str | None:
    """The name of the box that one comes to from `start` (or a point, where that is None) in a direction, (1, 0) for the right:
    the nearest within 60 degrees of it, what lies straight ahead first; None where there is none. From a point, the nearest of
    all."""

    def middle(box: Box) -> Point:
        return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    x, y = middle(boxes[start]) if start is not None else point
    best: tuple[float, str] | None = None
    for name, box in boxes.items():
        dx, dy = middle(box)[0] - x, middle(box)[1] - y
        ahead, aside = dx * way[0] + dy * way[1], abs(dx * way[1] - dy * way[0])
        if name == start or (start is not None and (ahead <= 0 or aside > 1.732 * ahead)):
            continue
        away = (ahead**2 + aside**2) ** 0.5 if start is None else ahead + 2 * aside
        if best is None or (away, name) < best:
            best = away, name
    return best[1] if best else None


def _to_segment(point: Point, start: Point, end: Point) -> float:
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return float(((point[0] - start[0] - share * along[0]) ** 2 + (point[1] - start[1] - share * along[1]) ** 2) ** 0.5)
