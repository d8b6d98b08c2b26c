"""Wires by mouse: drawn from a pin with only what fits lit, refused in words, dropped on empty ground, pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import wires
from graph_editor.geometry import Point, inside, nearest_wire
from graph_editor.watching import travelling
from runtime.patch import Link

if TYPE_CHECKING:
    from graph_editor.canvas import Canvas

NEAR_PIN = 14
"""Pixels at scale 1 within which a press on a pin begins a wire, as the node editor sees it."""
Pin = tuple[str, str, bool]
"""(node, port, whether an output)."""


class Wiring:
    """What the mouse does with the wires of one canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._pin: Pin | None = None
        self._fitting: set[str] = set()
        self._linked = False
        self._frames = 0
        self.hovered: Link | None = None
        """The wire under the mouse."""

    @property
    def is_drawing(self) -> bool:
        """Whether a wire is in hand."""
        return self._pin is not None

    # What the node editor tells

    def on_link(self, _: Any, ends: tuple[Any, Any]) -> None:
        """A wire was led from pin to pin."""
        self._linked = True
        one, two = (self._canvas.pin_of(end) for end in ends[:2])
        if one is not None and two is not None:
            self._connect(one, two)

    def on_unlink(self, _: Any, item: Any) -> None:
        """A wire was pulled off its pin."""
        canvas = self._canvas
        link = next((link for link, shown in canvas.links.items() if shown == item), None)
        if link is not None:
            canvas.editor.edit("pull off a wire", wires.disconnect(canvas.editor.document.patch, link.source, link.target))

    def _connect(self, one: Pin, two: Pin) -> None:
        source, target = (one, two) if one[2] else (two, one)
        self._canvas.editor.connect(f"{source[0]}.{source[1]}", f"{target[0]}.{target[1]}")

    # What the mouse does

    def begin(self, point: Point) -> None:
        """The button went down: on a pin, a wire begins."""
        pin = self._pin_at(point)
        if pin is not None:
            editor = self._canvas.editor
            self._pin, self._linked = pin, False
            self._fitting = wires.fitting(editor.document.patch, editor.registry, f"{pin[0]}.{pin[1]}", pin[2])
            self._light()

    def end(self, point: Point) -> None:
        """The button is up with a wire in hand."""
        pin, self._pin = self._pin, None
        self._light()
        canvas = self._canvas
        if pin is None or self._linked:
            return
        other = self._pin_at(point)
        if other is None or other == pin:
            if canvas.is_over(point) and canvas.pointed_at(point) is None and other is None:
                canvas.editor.open_palette(point, wire=pin)
        elif other[2] == pin[2]:
            canvas.editor.say("a wire leads from an output to an input", wrong=True)
        else:  # refused by the node editor itself: it is said why
            self._connect(pin, other)

    def hover(self, point: Point, *, free: bool) -> None:
        """Finds the wire under the mouse, some times a second, and shows what travels on it."""
        self._frames += 1
        if self._frames % 6 == 0:
            self.hovered = self.at(point) if free else None
            self._tell(point)

    def _tell(self, point: Point) -> None:
        """Shows what travels on the wire under the mouse, beside the mouse."""
        editor, words = self._canvas.editor, ""
        if self.hovered is not None:
            source, output, *_ = self.hovered.ends()
            value = editor.value(source, output)
            words = f"{self.hovered.source} \u2192 {self.hovered.target}"
            words += f"\n{travelling(value)}" if value is not None else ""
        editor.dialogs.hint(words, point)

    def at(self, point: Point, within: float = 10.0) -> Link | None:
        """The wire under a point of the screen."""
        canvas = self._canvas
        ends = {}
        for link, item in canvas.links.items():
            source, output, target, port = link.ends()
            start, end = canvas.pin_place(source, output, True), canvas.pin_place(target, port, False)
            if start and end:
                ends[item] = start, end
        found = nearest_wire(point, ends, canvas.editor.look.px(within))
        return next((link for link, item in canvas.links.items() if item == found), None)

    def under(self, name: str) -> Link | None:
        """The wire that a node without wires lies on."""
        patch, box = self._canvas.editor.document.patch, self._canvas.box(name)
        if box is None or any(name in (link.ends()[0], link.ends()[2]) for link in patch.links):
            return None
        return self.at(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), within=24.0)

    def _pin_at(self, point: Point) -> Pin | None:
        canvas = self._canvas
        near = canvas.editor.look.px(NEAR_PIN)
        best: tuple[float, Pin] | None = None
        for name, view in canvas.views.items():
            box = canvas.box(name)
            if box is None or not inside(point, (box[0] - near, box[1] - near, box[2] + near, box[3] + near)):
                continue
            for port, out in view.pins:
                place = canvas.pin_place(name, port, out)
                away = max(abs(place[0] - point[0]), abs(place[1] - point[1])) if place else near + 1
                if away <= near and (best is None or away < best[0]):
                    best = away, (name, port, out)
        return best[1] if best else None

    def _light(self) -> None:
        """Lights the ports that the wire in hand fits; all of them where there is none."""
        canvas, mine = self._canvas, self._pin
        for name, view in canvas.views.items():
            for (port, out), pin in view.pins.items():
                lit = mine is None or (name, port, out) == mine or (out != mine[2] and f"{name}.{port}" in self._fitting)
                dpg.bind_item_theme(pin, canvas.editor.look.pin(canvas.port_type(name, port, out), lit))
