"""Where nodes lie: sizes, free places, an arrangement from left to right, and what fits into the view. Pure; no dearpygui.

Positions and sizes are in the patch's units: pixels at scale and zoom 1. A place is a node's upper left corner.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from graph_editor.geometry import Box, Point, around
from graph_editor.layers import layered
from graph_editor.look import comments_of, frames_of
from graph_editor.theme import NARROW_WIDTH, NODE_PADDING, NODE_WIDTH, SIZES, text_width
from runtime.patch import Patch
from runtime.registry import Registry
from runtime.spec import BoolParam, FloatParam, IntParam, NodeSpec, PortType
from runtime.subpatch import spec_of

ZOOMS = (0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25)
Size = tuple[float, float]
WIDTH, HEAD, ROW, FOOT = NODE_WIDTH + 2.0 * NODE_PADDING[0], 40.0, 25.0, 14.0
"""Of a node as `node_view` builds it: its whole width, the title, one port or param, and the padding below."""
MARK = 24.0
"""Room for the icon before a title."""
SHOWN_PARAMS = 4
"""Params that stand in the node itself; the rest is in the inspector."""
PREVIEWS = {PortType.IMAGE: 150.0, PortType.AUDIO: 24.0, PortType.CONTROL: 80.0, PortType.MAPPING: 80.0, PortType.CORPUS: 80.0}
"""Room that the preview of a node's first output may take."""
VIEWS = {
    "audio.analyser": 220.0,
    "control.pad": 190.0,
    "control.sequencer": 175.0,
    "control.sliders": 165.0,
    "vision.body": 310.0,
    "vision.face": 310.0,
    "vision.hands": 340.0,
    "mapping.classifier": 190.0,
    "mapping.follower": 260.0,
    "mapping.regressor": 190.0,
    "mapping.space": 160.0,
    "rave.decoder": 130.0,
    "rave.matrix": 160.0,
    "rave.nearest": 80.0,
    "rave.sweep": 160.0,
    "rave.trainer": 130.0,
}
"""Room that the view of a kind of node takes."""
TROUBLE = 44.0
"""Room for the words about an input that nothing leads to, as on a new node."""
DEFAULT_SIZE: Size = (WIDTH, 160.0)
"""Of a node of which nothing is known."""
GAP = 24.0
"""Least distance between nodes that we place."""
CELL = 300.0
"""Side of a square of the grid in which nodes are looked up: about a node's size."""
MARGIN = 40.0
"""What is left free around what is brought into view."""
FRAME_MARGIN, FRAME_HEAD = 18.0, 42.0
"""Between a frame and its nodes, and above them for its title."""
COMMENT_HEIGHT = 100.0
"""About as high is a comment."""


def inner_width(spec: NodeSpec | None) -> int:
    """How wide a node is inside: most are alike; one with a single number, a short title and no view of its own is narrow."""
    if spec is None or spec.type in VIEWS or len(spec.params) > 1:
        return NODE_WIDTH
    ports = (*spec.inputs, *spec.outputs)
    small = all(port.type in (PortType.AUDIO, PortType.CONTROL) for port in ports)
    numbers = all(isinstance(param, FloatParam | IntParam | BoolParam) for param in spec.params)
    words = [text_width(port.name, SIZES["small"]) for port in ports]
    words.append(MARK + text_width(spec.title, SIZES["text"], "medium"))
    return NARROW_WIDTH if ports and small and numbers and max(words) <= NARROW_WIDTH else NODE_WIDTH


def size_of(spec: NodeSpec | None, folded: bool = False) -> Size:
    """About how large a node will be once it is drawn; rather too large than too small."""
    if spec is None:
        return DEFAULT_SIZE
    rows, wide = len(spec.inputs) + len(spec.outputs), inner_width(spec) + WIDTH - NODE_WIDTH
    if folded:
        return wide, HEAD + ROW * rows + FOOT
    trouble = 0.0 if all(port.optional for port in spec.inputs) else TROUBLE
    return wide, HEAD + ROW * (rows + min(len(spec.params), SHOWN_PARAMS)) + view_height(spec) + trouble + FOOT


def view_height(spec: NodeSpec) -> float:
    """About how high the view of a node will be, or the preview of what it gives."""
    return VIEWS.get(spec.type) or next((PREVIEWS[port.type] for port in spec.outputs if port.type in PREVIEWS), 0.0)


def sizes_of(patch: Patch, registry: Registry, drawn: Mapping[str, Size] | None = None) -> dict[str, Size]:
    """The size of every node: as it was `drawn` or as it is estimated, whichever is larger, since a node shrinks when the view is
    zoomed out."""
    found = {}
    for name, node in patch.nodes.items():
        width, height = size_of(spec_of(node, registry), bool(node.view.get("folded")))
        seen = (drawn or {}).get(name, (0.0, 0.0))
        found[name] = max(width, seen[0]), max(height, seen[1])
    return found


def boxes_of(patch: Patch, sizes: Mapping[str, Size], names: Iterable[str] | None = None) -> dict[str, Box]:
    """Where nodes lie (all, if None); one whose size is not known counts as DEFAULT_SIZE."""
    found = {}
    for name in patch.nodes if names is None else names:
        if name in patch.nodes:
            found[name] = box(patch.nodes[name].position, sizes.get(name, DEFAULT_SIZE))
    return found


def extent(patch: Patch, sizes: Mapping[str, Size]) -> Box | None:
    """The smallest box around all that the patch shows: nodes, frames and comments; None around nothing."""
    nodes = boxes_of(patch, sizes)
    found = [*nodes.values(), *(box(one.position, (one.width, COMMENT_HEIGHT)) for one in comments_of(patch))]
    for frame in frames_of(patch):
        framed = around(nodes[name] for name in frame.nodes if name in nodes)
        if framed is not None:
            left, top, right, bottom = framed
            found.append((left - FRAME_MARGIN, top - FRAME_HEAD, right + FRAME_MARGIN, bottom + FRAME_MARGIN))
    return around(found)


def box(position: Point, size: Size) -> Box:
    """The box of that size whose upper left corner is at a position."""
    return position[0], position[1], position[0] + size[0], position[1] + size[1]


def bounds(patch: Patch, sizes: Mapping[str, Size], names: Iterable[str] | None = None) -> Box | None:
    """The smallest box around nodes (all, if None); None around nothing."""
    return around(boxes_of(patch, sizes, names).values())


def fitting_zoom(wanted: Box, view: Size) -> int:
    """The number of the largest zoom step at which a box fits into a view of that size (in pixels at scale 1) with a margin; the
    smallest one where none does."""
    width, height = wanted[2] - wanted[0] + 2 * MARGIN, wanted[3] - wanted[1] + 2 * MARGIN
    steps = [number for number, zoom in enumerate(ZOOMS) if width * zoom <= view[0] and height * zoom <= view[1]]
    return max(steps, default=0)


def free_place(patch: Patch, sizes: Mapping[str, Size], wanted: Point, size: Size = DEFAULT_SIZE) -> Point:
    """The place nearest to the one that is wanted where a node of that size lies over no other."""
    dx, dy = free_shift(list(boxes_of(patch, sizes).values()), [box(wanted, size)])
    return wanted[0] + dx, wanted[1] + dy


def free_shift(taken: Sequence[Box], moving: Sequence[Box]) -> Point:
    """The shortest shift after which no moving box lies over one that is taken, or nearer than GAP, found by sliding out of one
    box after the other in the order of the way; (0, 0) where they lie free already."""
    cells: dict[tuple[int, int], list[Box]] = defaultdict(list)
    for one in taken:
        for cell in _cells(one):
            cells[cell].append(one)
    waiting: list[tuple[float, Point]] = [(0.0, (0.0, 0.0))]
    seen = {(0.0, 0.0)}
    while True:
        _, (dx, dy) = heapq.heappop(waiting)
        met = _met(cells, moving, dx, dy)
        if met is None:
            return dx, dy
        (left, top, right, bottom), one = met
        for shift in (
            (left - GAP - one[2], dy),
            (right + GAP - one[0], dy),
            (dx, top - GAP - one[3]),
            (dx, bottom + GAP - one[1]),
        ):
            if shift not in seen:
                seen.add(shift)
                heapq.heappush(waiting, (shift[0] ** 2 + shift[1] ** 2, shift))


def _cells(around_it: Box) -> Iterator[tuple[int, int]]:
    """The squares of a coarse grid that a box touches."""
    for x in range(int(around_it[0] // CELL), int(around_it[2] // CELL) + 1):
        for y in range(int(around_it[1] // CELL), int(around_it[3] // CELL) + 1):
            yield x, y


def _met(cells: Mapping[tuple[int, int], list[Box]], moving: Sequence[Box], dx: float, dy: float) -> tuple[Box, Box] | None:
    """A taken box that is met after a shift, and the moving one that meets it."""
    # A little less than GAP: what was slid out of a box by rounded numbers shall not count as meeting it again.
    gap = GAP - 1e-6
    for one in moving:
        x0, y0, x1, y1 = one[0] + dx - gap, one[1] + dy - gap, one[2] + dx + gap, one[3] + dy + gap
        for cell in _cells((x0, y0, x1, y1)):
            for there in cells.get(cell, ()):
                if there[0] < x1 and there[2] > x0 and there[1] < y1 and there[3] > y0:
                    return there, one
    return None


def arrange(patch: Patch, registry: Registry, sizes: Mapping[str, Size]) -> dict[str, Point]:
    """A place for every node: from left to right as the wires lead, few crossings, none over another. What is not wired together
    lies below, and the whole stays where it was."""
    every = sizes_of(patch, registry, sizes)
    now = bounds(patch, every)
    if now is None:
        return {}
    wires = []
    for link in patch.links:
        source, _, target, port = link.ends()
        if source in patch.nodes and target in patch.nodes and source != target:
            spec = spec_of(patch.nodes[target], registry)
            found = spec.input(port) if spec else None
            if not (found and found.delayed):
                wires.append((source, target))
    heights = {name: node.position[1] for name, node in patch.nodes.items()}
    return {name: (now[0] + x, now[1] + y) for name, (x, y) in layered(every, wires, heights).items()}
