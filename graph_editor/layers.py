"""Draws a graph in layers from left to right: longest-path layers, barycentres against crossings, wires as straight as it goes.

After Sugiyama, Tagawa, Toda (1981), "Methods for visual understanding of hierarchical system structures"; the last step is an
isotonic regression (pool adjacent violators) per layer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

Point = tuple[float, float]
Size = tuple[float, float]
Wire = tuple[str, str]
ACROSS, DOWN, APART = 90.0, 36.0, 80.0
"""Distances between layers, between nodes of a layer, and between parts that are not wired together."""
SWEEPS = 12
"""Walks over all layers; the order hardly changes after eight on patches of 200 nodes."""


def layered(sizes: Mapping[str, Size], wires: Iterable[Wire], heights: Mapping[str, float]) -> dict[str, Point]:
    """The upper left corner of every node of `sizes`, whole numbers, the corner of the whole at (0, 0). `heights` is where the
    nodes lay before: it decides what nothing else decides. A wire that closes a loop does not count."""
    following: dict[str, set[str]] = defaultdict(set)
    for source, target in wires:
        following[source].add(target)
    places: dict[str, Point] = {}
    top = 0.0
    alone = []
    for part in _parts(sizes, following, heights):
        if len(part) == 1:
            alone += part
            continue
        found = _part(part, sizes, following, heights)
        places |= {name: (x, y + top) for name, (x, y) in found.items()}
        top = max(places[name][1] + sizes[name][1] for name in part) + APART
    return places | _rows(alone, sizes, top, max((x + sizes[name][0] for name, (x, _) in places.items()), default=0.0))


def _parts(sizes: Mapping[str, Size], following: Mapping[str, set[str]], heights: Mapping[str, float]) -> list[list[str]]:
    """The nodes in groups that no wire joins, the highest first."""
    beside: dict[str, set[str]] = defaultdict(set)
    for source, targets in following.items():
        for target in targets:
            beside[source].add(target)
            beside[target].add(source)
    parts, seen = [], set()
    for first in sorted(sizes, key=lambda name: (heights[name], name)):
        if first in seen:
            continue
        part, waiting = [], [first]
        seen.add(first)
        while waiting:
            name = waiting.pop()
            part.append(name)
            fresh = sorted(beside[name] - seen)
            seen |= set(fresh)
            waiting += fresh
        parts.append(sorted(part, key=lambda name: (heights[name], name)))
    return parts


def _rows(names: Sequence[str], sizes: Mapping[str, Size], top: float, width: float) -> dict[str, Point]:
    """Nodes without wires, in rows about as wide as the rest."""
    places: dict[str, Point] = {}
    x, y, tallest = 0.0, top, 0.0
    for name in names:
        if x and x + sizes[name][0] > max(width, 1200.0):
            x, y, tallest = 0.0, y + tallest + DOWN, 0.0
        places[name] = (x, y)
        x, tallest = x + sizes[name][0] + DOWN, max(tallest, sizes[name][1])
    return places


def _part(
    part: Sequence[str], sizes: Mapping[str, Size], following: Mapping[str, set[str]], heights: Mapping[str, float]
) -> dict[str, Point]:
    forward = _without_loops(part, following)
    layer = _layers(part, forward)
    # A wire over several layers passes through bends, so that it gets a lane of its own between the nodes.
    room, before, after = dict(sizes), defaultdict(list), defaultdict(list)
    rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for name in part:
        rows[layer[name]].append(name)
    lane = dict(heights)
    for source in part:
        for target in sorted(forward[source]):
            chain = [source]
            for depth in range(layer[source] + 1, layer[target]):
                bend = f"{source} {target} {depth}"
                room[bend], lane[bend] = (0.0, 8.0), (heights[source] + heights[target]) / 2
                rows[depth].append(bend)
                chain.append(bend)
            for one, two in zip(chain, [*chain[1:], target], strict=True):
                after[one].append(two)
                before[two].append(one)
    for row in rows:
        row.sort(key=lambda name: (lane[name], name))
    best = _crossings(rows, after), [list(row) for row in rows]
    for sweep in range(SWEEPS):
        _sweep(rows, before if sweep % 2 == 0 else after, forwards=sweep % 2 == 0)
        count = _crossings(rows, after)
        if count < best[0]:
            best = count, [list(row) for row in rows]
    rows = best[1]
    tops = _tops(rows, room, before, after)
    places, x = {}, 0.0
    for row in rows:
        for name in row:
            if name in layer:
                places[name] = (float(round(x)), float(round(tops[name])))
        x += max(room[name][0] for name in row) + ACROSS
    highest = min(y for _, y in places.values())
    return {name: (x, y - highest) for name, (x, y) in places.items()}


def _without_loops(part: Sequence[str], following: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The wires less those that lead back to a node on the way to their source."""
    forward: dict[str, set[str]] = {name: set() for name in part}
    state: dict[str, int] = {}
    entered = {target for name in part for target in following.get(name, ())}
    for first in sorted(part, key=lambda name: name in entered):
        if first in state:
            continue
        state[first] = 1
        waiting = [(first, iter(sorted(following.get(first, ()))))]
        while waiting:
            name, targets = waiting[-1]
            target = next(targets, None)
            if target is None:
                state[name] = 2
                waiting.pop()
            elif state.get(target) != 1:
                forward[name].add(target)
                if target not in state:
                    state[target] = 1
                    waiting.append((target, iter(sorted(following.get(target, ())))))
    return forward


def _layers(part: Sequence[str], forward: Mapping[str, set[str]]) -> dict[str, int]:
    """The layer of each node: after all that leads to it, and what nothing leads to directly before what it feeds."""
    leading = dict.fromkeys(part, 0)
    for name in part:
        for target in forward[name]:
            leading[target] += 1
    sources = [name for name in part if not leading[name]]
    layer = dict.fromkeys(part, 0)
    waiting = list(sources)
    while waiting:
        name = waiting.pop()
        for target in forward[name]:
            layer[target] = max(layer[target], layer[name] + 1)
            leading[target] -= 1
            if not leading[target]:
                waiting.append(target)
    for name in sources:
        layer[name] = min((layer[target] for target in forward[name]), default=1) - 1
    return layer


def _sweep(rows: list[list[str]], beside: Mapping[str, list[str]], forwards: bool) -> None:
    """Sorts each layer by the mean place of its neighbours in the layer before."""
    order = range(1, len(rows)) if forwards else range(len(rows) - 2, -1, -1)
    for number in order:
        other = rows[number - 1 if forwards else number + 1]
        place = {name: index / max(len(other) - 1, 1) for index, name in enumerate(other)}
        row = rows[number]
        now = {name: index / max(len(row) - 1, 1) for index, name in enumerate(row)}
        mean = {name: sum(place[one] for one in beside[name]) / len(beside[name]) if beside[name] else now[name] for name in row}
        row.sort(key=lambda name: (mean[name], now[name]))


def _crossings(rows: Sequence[Sequence[str]], after: Mapping[str, list[str]]) -> int:
    """How many pairs of wires cross."""
    count = 0
    for one, two in pairwise(rows):
        place = {name: index for index, name in enumerate(two)}
        ends = [index for name in one for index in sorted(place[target] for target in after[name])]
        # Each earlier wire that ends further down crosses this one: counted with a Fenwick tree.
        tree = [0] * (len(two) + 1)
        for number, end in enumerate(ends):
            index, lower = end + 1, 0
            while index:
                lower += tree[index]
                index &= index - 1
            count += number - lower
            index = end + 1
            while index <= len(two):
                tree[index] += 1
                index += index & -index
    return count


def _tops(
    rows: Sequence[Sequence[str]], room: Mapping[str, Size], before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> dict[str, float]:
    """The upper edge of everything in the rows: as level with its neighbours as its order and size allow."""
    top: dict[str, float] = {}
    for row in rows:
        y = 0.0
        for name in row:
            top[name] = y
            y += room[name][1] + DOWN
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for name in row:
                near = (before[name] if sweep % 2 == 0 else after[name]) or [*before[name], *after[name]]
                # Ports are near the upper edge: level edges make straighter wires than level middles.
                wanted.append(sum(top[one] for one in near) / len(near) if near else top[name])
            offsets, y = [], 0.0
            for name in row:
                offsets.append(y)
                y += room[name][1] + DOWN
            free = _isotonic([want - offset for want, offset in zip(wanted, offsets, strict=True)])
            top |= {name: value + offset for name, value, offset in zip(row, free, offsets, strict=True)}
    return top


def _isotonic(values: Sequence[float]) -> list[float]:
    """The nearest numbers, by least squares, none of which is below the one before it."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]
