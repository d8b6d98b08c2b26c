"""What large patches are spared: bodies far outside of the view are not drawn, and their wires have fewer pieces. The library
itself draws all that there is, seen or not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graph_editor import node_view
from graph_editor.geometry import Box
from graph_editor.layout import size_of
from graph_editor.node_view import NodeView

if TYPE_CHECKING:
    from graph_editor.canvas import Canvas

FAR = 200
"""Pixels at scale 1 beyond the edge within which a node is drawn whole: it is there when the view moves."""
EVERY = 8
"""While nothing moves, bodies are looked at once in so many frames."""
PIECES = (0.08, 0.05, 0.03)
MOST_PIECES = 5000
"""Of how many straight pieces a wire is drawn, for each pixel of its length: finer than the first is not smoother to the eye. The
others are taken where the wires of a large patch, thousands of pixels long, would have more in all: they were half of a frame."""


class InView:
    """Of one canvas. Used by the window's thread only."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._turn = 0
        self._pieces = 0.0

    def frame(self, *, moving: bool) -> None:
        """Called once a frame: makes and shows the bodies that came near the view, puts those away that left it."""
        self._turn = (self._turn + 1) % EVERY
        if self._turn and not moving:
            return
        for name, view in self._canvas.views.items():
            box = self._canvas.box(name)
            if box is None:
                continue
            is_near = self._is_near(box)
            for body in view.bodies:
                if body.is_away == is_near:
                    node_view.put_away(body, not is_near)

    def begin(self, view: NodeView) -> None:
        """Makes at once what is new in a node where it will be near the view."""
        canvas = self._canvas
        x, y = (corner + pan + place for corner, pan, place in zip(canvas.corner, canvas.pan, view.place, strict=True))
        width, height = size_of(view.face.spec, view.face.folded)
        away = [body for body in view.bodies if body.is_away]
        if away and self._is_near((x, y, x + width * canvas.k, y + height * canvas.k)):
            for body in away:
                node_view.put_away(body, False)

    def set_pieces(self) -> None:
        """Chooses how fine the wires are: the library draws all of them alike."""
        canvas, pixels = self._canvas, 0.0
        nodes = canvas.editor.document.patch.nodes
        for source, _, target, _ in (link.ends() for link in canvas.links):
            pixels += math.dist(nodes[source].position, nodes[target].position) * canvas.k
        fine = next((one for one in PIECES if one * pixels <= MOST_PIECES), PIECES[-1])
        if fine != self._pieces:
            self._pieces = fine
            canvas.editor.look.set_pieces(fine)

    def forget(self) -> None:
        """Another theme or scale knows nothing of the wires."""
        self._pieces = 0.0

    def _is_near(self, box: Box) -> bool:
        """Whether what lies there on the screen is in the view, or soon will be."""
        (x, y), (width, height) = self._canvas.corner, self._canvas.size
        far = self._canvas.editor.look.px(FAR)
        return box[2] >= x - far and box[3] >= y - far and box[0] <= x + width + far and box[1] <= y + height + far
