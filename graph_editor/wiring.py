"""Wires by mouse: drawn from a pin with only what fits lit, refused in words, dropped on empty ground, pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import verbs, wires
from graph_editor.geometry import Point, inside, nearest_wire
from graph_editor.watching import travelling
from runtime.patch import Link

if TYPE_CHECKING:
    from graph_editor.canvas import Canvas

NEAR_PIN = 14
"""Pixels at scale 1 within which a press on a pin begins a wire, as the node editor sees it."""
REACH = 12.0
"""Pixels that the mouse may go from where it was told something: what is told stands 16 pixels beside it and must never come
under it, for a press would go to the words instead of the pin below them."""
Pin = tuple[str, str, bool]
"""(node, port, whether an output)."""


class Wiring:
    """What the mouse does with the wires of one canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._pin: Pin | None = None
        self._fitting: set[str] = set()
        self._linked = False
        self._pulled: Link | None = None
        """A wire that was pulled off one of its pins and hangs from the other until it is dropped."""
        self._frames = 0
        self._told_at: Point = (0.0, 0.0)
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
        """A wire was pulled off one of its pins: it hangs from the other one until it is dropped, which makes the step."""
        canvas = self._canvas
        link = next((link for link, shown in canvas.links.items() if shown == item), None)
        if link is None:
            return
        self._pulled, self._linked = link, False
        dpg.hide_item(item)
        source, output, target, port = link.ends()
        pins = (source, output, True), (target, port, False)
        away = []
        for pin in pins:
            place = canvas.pin_place(*pin) or (0.0, 0.0)
            away.append((place[0] - canvas.editor.mouse[0]) ** 2 + (place[1] - canvas.editor.mouse[1]) ** 2)
        self._take(pins[0] if away[0] > away[1] else pins[1])
        if not dpg.is_mouse_button_down(dpg.mvMouseButton_Left):  # it was only clicked
            self.end(canvas.editor.mouse)

    def _connect(self, one: Pin, two: Pin) -> None:
        editor = self._canvas.editor
        start, end = (one, two) if one[2] else (two, one)
        source, target = f"{start[0]}.{start[1]}", f"{end[0]}.{end[1]}"
        pulled, self._pulled = self._pulled, None
        if pulled is None:
            editor.connect(source, target)
        elif (source, target) != (pulled.source, pulled.target):
            verbs.try_edit(
                editor,
                f"lead the wire of {pulled.source} to {target}" if source == pulled.source else f"lead {source} to {target}",
                lambda patch: wires.reconnect(patch, editor.registry, pulled, source, target),
            )
        self._show_again(pulled)

    def _show_again(self, link: Link | None) -> None:
        """A wire that was pulled off and stayed where it was."""
        item = self._canvas.links.get(link) if link is not None else None
        if item is not None:
            dpg.show_item(item)

    # What the mouse does

    def begin(self, point: Point) -> None:
        """The button went down: on a pin, a wire begins; not where it has pulled one off, as is known by now."""
        pin = self._pin_at(point) if self._pulled is None else None
        if pin is not None:
            self._linked = False
            self._take(pin)

    def _take(self, pin: Pin) -> None:
        """A wire from this pin is in hand."""
        patch, editor = self._canvas.editor.document.patch, self._canvas.editor
        if self._pulled is not None:
            patch = wires.disconnect(patch, self._pulled.source, self._pulled.target)
        self._pin, self._fitting = pin, wires.fitting(patch, editor.registry, f"{pin[0]}.{pin[1]}", pin[2])
        self._light()

    def end(self, point: Point) -> None:
        """The button is up with a wire in hand."""
        pin, self._pin = self._pin, None
        self._light()
        canvas = self._canvas
        if pin is None or self._linked:
            return
        other = self._pin_at(point)
        if other is not None and other != pin:
            if other[2] == pin[2]:
                canvas.editor.say("a wire leads from an output to an input", wrong=True)
                self._show_again(self._pulled)
                self._pulled = None
            else:  # refused by the node editor itself: it is said why
                self._connect(pin, other)
        elif self._pulled is not None:
            pulled, self._pulled = self._pulled, None
            canvas.editor.edit("pull off a wire", wires.disconnect(canvas.editor.document.patch, pulled.source, pulled.target))
        elif other is None and canvas.is_over(point) and canvas.pointed_at(point) is None:
            canvas.editor.open_palette(point, wire=pin)

    def hover(self, point: Point, *, free: bool) -> None:
        """Finds the wire under the mouse, some times a second, and shows what travels on it."""
        self._frames += 1
        gone = self.hovered is not None and max(abs(one - two) for one, two in zip(point, self._told_at, strict=True)) > REACH
        if gone or self._frames % 6 == 0:
            self.hovered = self.at(point) if free and not gone else None
            self._tell(point)

    def _tell(self, point: Point) -> None:
        """Shows what travels on the wire under the mouse, beside the mouse."""
        editor, words, self._told_at = self._canvas.editor, "", point
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
