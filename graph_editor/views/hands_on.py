"""Controls that are played with the mouse: a pad, named sliders, and the points of a sequencer."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor.geometry import Point
from graph_editor.previews import Now, Seat, View
from graph_editor.theme import mix, text_width
from graph_editor.views.plate import CLEAR, Plate
from runtime.spec import PortType

SIDE = 170
"""Pixels of a pad's side at scale 1, at most."""
MOST = 8
"""Sliders of a node."""
REACH = 14
"""Pixels at scale 1 within which the mouse takes hold of a point."""


def params_of(seat: Seat) -> dict[str, Any]:
    """The node's params as they are now, with their defaults."""
    node = seat.editor.node_at(seat.flat)
    return {param.name: param.default for param in seat.spec.params} | dict(node.params if node else {})


def number(value: Any, default: float) -> float:
    """A param as a number, whatever somebody wrote into the file."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def words_of(text: Any) -> list[str]:
    """The names that a param lists."""
    return text.replace(",", " ").split() if isinstance(text, str) else []


def grid(plate: Plate, seat: Seat) -> None:
    """Faint lines at the quarters."""
    for share in (0.25, 0.5, 0.75):
        colour = (*seat.editor.look.colour("shade"), 14)
        dpg.draw_line((share * plate.width, 0), (share * plate.width, plate.height), color=colour, parent=plate.tag)
        dpg.draw_line((0, share * plate.height), (plate.width, share * plate.height), color=colour, parent=plate.tag)


class Pad(View):
    """A square to pull in: across is x, up is y."""

    sets = ("x", "y")

    def __init__(self, seat: Seat) -> None:
        self._seat, look = seat, seat.editor.look
        side = min(seat.width, seat.px(SIDE))
        self._plate = Plate(look, seat.parent, side, side, "pull: across and up")
        grid(self._plate, seat)
        colour = look.type_colour(PortType.CONTROL)
        faint = {"color": (*colour[:3], 70), "parent": self._plate.tag}
        self._across, self._up = dpg.draw_line((0, 0), (0, 0), **faint), dpg.draw_line((0, 0), (0, 0), **faint)
        self._dot = dpg.draw_circle((0, 0), seat.px(7), color=CLEAR, fill=colour, parent=self._plate.tag)
        self._words = dpg.add_text(" ", parent=seat.parent)
        dpg.bind_item_font(self._words, look.font("tiny", zoom=seat.zoom))
        dpg.bind_item_theme(self._words, look.words("faint"))
        self._shown: Any = None

    def update(self, now: Now) -> None:
        pulled = self._plate.pulled()
        if pulled is not None:
            self._seat.set(x=round(pulled[0], 4), y=round(pulled[1], 4))
        params = params_of(self._seat)
        x, y = (min(max(number(params[axis], 0.5), 0.0), 1.0) for axis in "xy")
        names = [*words_of(params["names"]), "x", "y"][:2]
        if (x, y, names) == self._shown:
            return
        self._shown = x, y, names
        place = x * self._plate.width, (1.0 - y) * self._plate.height
        dpg.configure_item(self._across, p1=(0, place[1]), p2=(self._plate.width, place[1]))
        dpg.configure_item(self._up, p1=(place[0], 0), p2=(place[0], self._plate.height))
        dpg.configure_item(self._dot, center=place)
        dpg.set_value(self._words, f"across: {names[0]} {x:.2f}   up: {names[1]} {y:.2f}")


class NamedSliders(View):
    """A bar for each name, to be pulled."""

    sets = tuple(f"s{place}" for place in range(1, MOST + 1))

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._row, self._gap = seat.px(20), seat.px(4)
        self._names: list[str] = []
        self._held: int | None = None
        self._shown: list[float] = []
        self._fills: list[Any] = []
        self._numbers: list[Any] = []
        self._group = dpg.add_group(parent=seat.parent)
        self._build(self._wanted(params_of(seat)))

    def _wanted(self, params: dict[str, Any]) -> list[str]:
        return words_of(params["names"])[:MOST]

    def _build(self, names: list[str]) -> None:
        seat, look = self._seat, self._seat.editor.look
        self._names, self._shown, self._held = names, [-1.0] * len(names), None
        dpg.delete_item(self._group, children_only=True)
        dpg.bind_item_font(self._group, look.font("tiny", zoom=seat.zoom))
        self._plate = plate = Plate(look, self._group, seat.width, max(len(names), 1) * self._row, "pull: sliders")
        colour, field = look.type_colour(PortType.CONTROL), look.colour("field")
        self._fills, self._numbers = [], []
        size = look.height("tiny", seat.zoom)
        for which, name in enumerate(names):
            top, bottom = which * self._row, (which + 1) * self._row - self._gap
            common: dict[str, Any] = {"parent": plate.tag, "color": CLEAR, "rounding": seat.px(3)}
            dpg.draw_rectangle((0, top), (seat.width, bottom), fill=field, **common)
            self._fills.append(dpg.draw_rectangle((0, top), (0, bottom), fill=mix(field, colour, 0.55), **common))
            words: dict[str, Any] = {"parent": plate.tag, "size": size, "color": look.colour("text")}
            dpg.draw_text((seat.px(6), top + (bottom - top - size) / 2), name.replace("_", " "), **words)
            room = text_width("0.00", size) + seat.px(6)
            self._numbers.append(dpg.draw_text((seat.width - room, top + (bottom - top - size) / 2), "", **words))
        self._seat.editor.canvas.underlay.stale = True

    def update(self, now: Now) -> None:
        params = params_of(self._seat)
        if self._wanted(params) != self._names:
            self._build(self._wanted(params))
        pulled = self._plate.pulled()
        if pulled is None:
            self._held = None
        elif self._names:
            if self._held is None:  # the one that was taken hold of, wherever the mouse goes
                self._held = min(int((1.0 - pulled[1]) * len(self._names)), len(self._names) - 1)
            self._seat.set(**{f"s{self._held + 1}": round(pulled[0], 4)})
            params = params_of(self._seat)
        for place in range(len(self._names)):
            value = min(max(number(params[f"s{place + 1}"], 0.5), 0.0), 1.0)
            if value != self._shown[place]:
                self._shown[place] = value
                bottom = (place + 1) * self._row - self._gap
                dpg.configure_item(self._fills[place], pmax=(max(value * self._seat.width, 2), bottom))
                dpg.configure_item(self._numbers[place], text=f"{value:.2f}")


class Points(View):
    """The points of a sequencer by their first two dimensions, joined in their order, with the place of now among them. A point
    is moved by pulling it; with one dimension they stand side by side."""

    wants = ("control",)
    sets = ("points",)

    def __init__(self, seat: Seat) -> None:
        self._seat, look = seat, seat.editor.look
        side = min(seat.width, seat.px(SIDE))
        self._plate = Plate(look, seat.parent, side, side, "pull: points")
        grid(self._plate, seat)
        self._drawn = dpg.add_draw_node(parent=self._plate.tag)
        self._now = dpg.draw_circle((-99, -99), seat.px(5), color=CLEAR, fill=look.colour("accent"), parent=self._plate.tag)
        self._text: Any = None
        self._points = np.zeros((0, 1))
        self._moved: tuple[int, Point] | None = None

    def update(self, now: Now) -> None:
        text = params_of(self._seat)["points"]
        if text != self._text:
            self._text = text
            self._points = points_in(text)
            self._range()
            self._draw()
        self._follow()
        values = now.values.get("control") if now.is_playing else None
        if values is None or not len(values) or not len(self._points):
            place: Point = (-99.0, -99.0)
        elif self._points.shape[1] > 1:
            place = self._place(np.asarray(values, float)[:2])
        else:
            place = self._plate.width - self._seat.px(6), self._place(np.array([0.0, float(values[0])]))[1]
        dpg.configure_item(self._now, center=place)

    def _range(self) -> None:
        shown = self._points[:, :2]
        self._low = np.minimum(shown.min(axis=0, initial=0.0), 0.0)
        self._high = np.maximum(shown.max(axis=0, initial=1.0), 1.0)
        if self._points.shape[1] == 1:
            self._low, self._high = np.append(0.0, self._low), np.append(1.0, self._high)

    def _place(self, value: np.ndarray) -> Point:
        left, top, wide, tall = self._room()
        share = (value - self._low) / np.maximum(self._high - self._low, 1e-9)
        return left + float(share[0]) * wide, top + (1.0 - float(share[1])) * tall

    def _value(self, place: Point) -> np.ndarray:
        left, top, wide, tall = self._room()
        share = np.clip(np.array([(place[0] - left) / wide, 1.0 - (place[1] - top) / tall]), 0.0, 1.0)
        return np.asarray(self._low + share * (self._high - self._low))

    def _room(self) -> tuple[int, int, int, int]:
        """Where the points may lie: left, top, width, height."""
        edge = self._seat.px(8)
        return edge, edge, self._plate.width - 2 * edge, self._plate.height - 2 * edge

    def _places(self) -> list[Point]:
        if self._points.shape[1] > 1:
            return [self._place(point[:2]) for point in self._points]
        count = len(self._points)
        return [self._place(np.array([(which + 0.5) / count, point[0]])) for which, point in enumerate(self._points)]

    def _draw(self) -> None:
        look, places = self._seat.editor.look, self._places()
        if self._moved is not None:
            places[self._moved[0]] = self._moved[1]
        colour = look.type_colour(PortType.CONTROL)
        dpg.delete_item(self._drawn, children_only=True)
        if len(places) > 1:
            dpg.draw_polyline([list(place) for place in places], color=(*colour[:3], 90), parent=self._drawn)
        size = look.height("tiny", self._seat.zoom)
        for which, place in enumerate(places, 1):
            dpg.draw_circle(place, self._seat.px(4), color=CLEAR, fill=colour, parent=self._drawn)
            at = (place[0] + self._seat.px(5), place[1] - size)
            dpg.draw_text(at, str(which), size=size, color=look.colour("muted"), parent=self._drawn)

    def _follow(self) -> None:
        """Moves the point that the mouse holds; what plays hears of it when it is let go."""
        mouse = self._plate.mouse() if self._plate.is_held else None
        if mouse is not None and len(self._points):
            if self._moved is None:
                gaps = [float(np.hypot(place[0] - mouse[0], place[1] - mouse[1])) for place in self._places()]
                nearest = int(np.argmin(gaps))
                if gaps[nearest] > self._seat.px(REACH):
                    return
                self._moved = nearest, mouse
            if mouse != self._moved[1]:
                self._moved = self._moved[0], mouse
                self._draw()
        elif self._moved is not None:
            (which, place), self._moved = self._moved, None
            value, points = self._value(place), self._points.copy()
            if points.shape[1] > 1:
                points[which, :2] = value
            else:
                points[which, 0] = value[1]
            self._seat.set(points="; ".join(" ".join(f"{part:.4g}" for part in point) for point in points))


def points_in(text: Any) -> np.ndarray:
    """The points that a sequencer's param lists, float64 [points, dims]; none where they cannot be read."""
    rows = [part.replace(",", " ").split() for part in str(text).replace("\n", ";").split(";") if part.strip()]
    try:
        found = np.array(rows, np.float64)
    except ValueError:
        return np.zeros((0, 1))
    return found if found.ndim == 2 and found.size else np.zeros((0, 1))
