"""Subpatches: what is drawn as one node and holds a patch. What runs is the flat patch, in which every one is dissolved.

In the flat patch a node is named with the subpatches around it, `voices__gain`. Scenes, bindings, problems, commands and the
folders of made things name it so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from runtime.errors import PatchError
from runtime.messages import Problem
from runtime.patch import SUBPATCH, Inside, Link, Node, Patch
from runtime.registry import Registry
from runtime.spec import INSIDE, LONGEST, NodeSpec, Port

VERSION = 1
TITLE = "Subpatch"
Path = tuple[str, ...]
"""The subpatches around a node from the outermost, then its own name."""
End = tuple[Path, str]
"""A node and one of its ports."""


@dataclass(frozen=True)
class Flat:
    """A patch without subpatches, and what came of the one with them. `drawn` tells for each link where it stands as drawn: in
    which subpatch, and which link; `passing` are the targets behind a bypassed subpatch, whose links are drawn nowhere."""

    patch: Patch
    names: Mapping[Path, str]
    drawn: Mapping[Link, tuple[Path, Link]] = field(default_factory=dict)
    passing: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


def flattened(patch: Patch, registry: Registry | None = None) -> Patch:
    """The patch with every subpatch dissolved; the patch itself where there is none. `registry` tells which ports are of one
    type, as a bypassed subpatch needs; without it that one is muted."""
    return flatten(patch, registry).patch


def flatten(patch: Patch, registry: Registry | None = None) -> Flat:
    """The same with the names of all nodes, and what is wrong with the subpatches themselves. Never raises."""
    if not any(node.type == SUBPATCH for node in patch.nodes.values()):
        return Flat(patch, {(name,): name for name in patch.nodes})
    return _Flattening(patch, registry).flat()


def names_in(patch: Patch) -> dict[Path, str]:
    """The flat name of every node, the subpatches included. A name that is taken already, or too long, gets an ending."""
    names: dict[Path, str] = {(name,): name for name in patch.nodes}
    taken = set(patch.nodes)
    for path in sorted((path for path, _ in nodes_in(patch) if len(path) > 1), key=lambda path: (len(path), path)):
        name = INSIDE.join(path)
        if len(name) > LONGEST - 4:
            name = f"{name[: LONGEST - 16]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        names[path] = free_name(name, taken)
        taken.add(names[path])
    return names


def place_of(patch: Patch, flat_name: str) -> tuple[Path, str] | None:
    """Where the node of a flat name is drawn: (the subpatches around it, its own name); None where there is none."""
    return next(((path[:-1], path[-1]) for path, name in names_in(patch).items() if name == flat_name), None)


def nodes_in(patch: Patch, where: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every node with its path, each subpatch before what is in it."""
    for name, node in patch.nodes.items():
        yield (*where, name), node
        if node.type == SUBPATCH and node.inside:
            yield from nodes_in(node.inside.patch, (*where, name))


def patch_at(patch: Patch, where: Path) -> Patch:
    """What is in a subpatch. Raises PatchError where there is none."""
    for name in where:
        node = patch.nodes.get(name)
        if node is None or node.inside is None:
            raise PatchError(f"there is no subpatch {name}")
        patch = node.inside.patch
    return patch


def with_patch_at(patch: Patch, where: Path, inner: Patch) -> Patch:
    """The patch with another one in a subpatch of it."""
    if not where:
        return inner
    node = patch.nodes[where[0]]
    inside = node.inside or Inside()
    below = with_patch_at(inside.patch, where[1:], inner)
    return patch.with_node(where[0], replace(node, inside=replace(inside, patch=below)))


def free_name(wanted: str, taken: set[str]) -> str:
    """The name, with a number where it is taken."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def spec_of(node: Node, registry: Registry) -> NodeSpec | None:
    """The spec of any node, None where its type is not known. That of a subpatch is made of the ports inside that it leads to, in
    the order of their names; one that leads nowhere is left out."""
    if node.type != SUBPATCH:
        cls = registry.get(node.type)
        return cls.spec if cls else None
    inside = node.inside or Inside()
    inputs = tuple(port for name in sorted(inside.inputs) if (port := port_of(node, name, "input", registry)))
    outputs = tuple(port for name in sorted(inside.outputs) if (port := port_of(node, name, "output", registry)))
    return NodeSpec(type=SUBPATCH, title=TITLE, version=VERSION, inputs=inputs, outputs=outputs)


def port_of(node: Node, name: str, side: str, registry: Registry) -> Port | None:
    """One port of any node; `side` is "input" or "output". An input that is connected inside its subpatch is optional."""
    if node.type != SUBPATCH:
        cls = registry.get(node.type)
        plain: Port | None = getattr(cls.spec, side)(name) if cls else None
        return plain
    inside = node.inside or Inside()
    end = (inside.inputs if side == "input" else inside.outputs).get(name, "")
    inner, _, port = end.partition(".")
    found = port_of(inside.patch.nodes[inner], port, side, registry) if inner in inside.patch.nodes else None
    if found is None:
        return None
    linked = side == "input" and any(link.target == end for link in inside.patch.links)
    return replace(found, name=name, optional=found.optional or linked)


class _Flattening:
    """One walk through a patch with subpatches."""

    def __init__(self, patch: Patch, registry: Registry | None) -> None:
        self.patch, self.registry = patch, registry
        self.names = names_in(patch)
        self.nodes = dict(nodes_in(patch))
        self.problems: list[Problem] = []
        self.links: list[tuple[Path, Link]] = [((), link) for link in patch.links]
        for path, node in self.nodes.items():
            if node.type == SUBPATCH:
                self._look_at(path, node)
                self.links += [(path, link) for link in node.inside.patch.links] if node.inside else []
        self.into: dict[End, list[End]] = {}
        for where, link in self.links:
            source, target = _ends(where, link)
            self.into.setdefault(target, []).append(source)
        self.passed = False

    def flat(self) -> Flat:
        nodes = {self.names[path]: self._node(path, node) for path, node in self.nodes.items() if node.type != SUBPATCH}
        links: list[Link] = []
        drawn: dict[Link, tuple[Path, Link]] = {}
        passing: set[str] = set()
        for where, link in self.links:
            source, target = _ends(where, link)
            to = self._inner(target, "input")
            if to is None:
                continue
            self.passed = False
            sources = self._sources(source, frozenset())
            for one in sources if self._takes_many(to) else sources[:1]:
                links.append(Link(self._text(one), self._text(to)))
                if not self.passed:
                    drawn[links[-1]] = (where, link)
            if self.passed:
                passing.add(self._text(to))
        flat = replace(self.patch, nodes=nodes, links=tuple(sorted(links)))
        return Flat(flat, self.names, drawn, frozenset(passing), tuple(dict.fromkeys(self.problems)))

    def _look_at(self, path: Path, node: Node) -> None:
        name = self.names[path]
        inside = node.inside or Inside()
        if not inside.patch.nodes:
            self._tell(name, "holds nothing; remove it, or put nodes into it")
        if node.version > VERSION:
            self._tell(name, f"was saved by a newer {TITLE} (version {node.version}); open it with a newer glasspatch")
        unknown = [*node.extra, *inside.patch.extra, *(f"params.{key}" for key in node.params)]
        for key in sorted(unknown):
            self._tell(name, f"{key} is not known to this version; it is kept as it is")
        for what, ports in (("input", inside.inputs), ("output", inside.outputs)):
            for port, end in sorted(ports.items()):
                if (inner := end.split(".")[0]) not in inside.patch.nodes:
                    self._tell(name, f"its {what} {port} leads to {end}, but there is no node {inner} in it")
        for inner in inside.patch.nodes:
            plain = INSIDE.join((*path, inner))
            if self.names[*path, inner] != plain and plain in self.names.values():
                self._tell(name, f"its node {inner} would be called like another one, {plain}; rename one of the two")

    def _tell(self, name: str, words: str) -> None:
        self.problems.append(Problem(name, words, stops=False))

    def _node(self, path: Path, node: Node) -> Node:
        around = [self.nodes[path[:depth]] for depth in range(1, len(path))]
        mode = "mute" if any(outer.mode for outer in around) else node.mode
        fault = node.fault or next((outer.fault for outer in reversed(around) if outer.fault), None)
        return node if (mode, fault) == (node.mode, node.fault) else replace(node, mode=mode, fault=fault)

    def _inner(self, end: End, side: str) -> End | None:
        """The end that a port of a subpatch leads to; a plain node's is itself. None where it leads nowhere."""
        path, port = end
        node = self.nodes.get(path)
        while node is not None and node.type == SUBPATCH:
            inside = node.inside or Inside()
            ports = inside.inputs if side == "input" else inside.outputs
            if port not in ports:
                has = f"; it has {', '.join(sorted(ports))}" if ports else "; it has none"
                name = self.names[path]
                way = "to" if side == "input" else "from"
                self._tell(name, f"a link leads {way} {name}.{port}, but {name} has no {side} {port}{has}")
                return None
            inner, _, port = ports[port].partition(".")
            path = (*path, inner)
            node = self.nodes.get(path)
            if node is None:
                return None  # told when the subpatch was looked at
        return path, port

    def _sources(self, end: End, seen: frozenset[Path]) -> list[End]:
        """The outputs of plain nodes that an output stands for: for a bypassed subpatch, what leads into it."""
        path, port = end
        node = self.nodes.get(path)
        if node is None or node.type != SUBPATCH:
            return [end]
        if node.mode == "bypass":
            self.passed = True
            through = self._through(node, port)
            before = self.into.get((path, through), []) if through and path not in seen else []
            if found := [one for source in before for one in self._sources(source, seen | {path})]:
                return found
        ports = (node.inside or Inside()).outputs
        if port not in ports:
            self._inner(end, "output")  # tells
            return []
        inner, _, port = ports[port].partition(".")
        if (*path, inner) not in self.nodes:
            return []
        return self._sources(((*path, inner), port), seen)

    def _through(self, node: Node, output: str) -> str | None:
        """The input that a bypassed subpatch lets pass to an output: the first stream of the same type."""
        spec = spec_of(node, self.registry) if self.registry else None
        wanted = spec.output(output) if spec else None
        if spec is None or wanted is None or not wanted.type.is_stream:
            return None
        return next((port.name for port in spec.inputs if port.type is wanted.type), None)

    def _takes_many(self, end: End) -> bool:
        node = self.nodes.get(end[0])
        port = port_of(node, end[1], "input", self.registry) if node and self.registry else None
        return bool(port and port.many)

    def _text(self, end: End) -> str:
        return f"{self.names.get(end[0]) or INSIDE.join(end[0])}.{end[1]}"


def _ends(where: Path, link: Link) -> tuple[End, End]:
    source, output, target, port = link.ends()
    return ((*where, source), output), ((*where, target), port)


# What happened in the flat patch, in the one with subpatches


def folded_back(patch: Patch, flat: Patch) -> Patch:
    """The patch with the params of its nodes, the links between them, the scenes and the bindings as in the flat one. Nodes that
    the flat one has not, or has more, change nothing."""
    was = flatten(patch)
    nodes = dict(nodes_in(patch))
    folded = patch
    for path, name in was.names.items():
        now = flat.nodes.get(name)
        if now is not None and nodes[path].type != SUBPATCH and dict(now.params) != dict(nodes[path].params):
            level = patch_at(folded, path[:-1])
            level = level.with_node(path[-1], replace(level.nodes[path[-1]], params=now.params))
            folded = with_patch_at(folded, path[:-1], level)
    paths = {name: path for path, name in was.names.items()}
    for link in sorted(set(was.patch.links) - set(flat.links)):
        where, drawn = was.drawn.get(link, ((), link))
        source, _, target, _ = link.ends()
        if link.target not in was.passing and source in flat.nodes and target in flat.nodes:
            folded = with_patch_at(folded, where, patch_at(folded, where).without_link(drawn.source, drawn.target))
    for link in sorted(set(flat.links) - set(was.patch.links)):
        source, output, target, port = link.ends()
        if link.target not in was.passing and source in paths and target in paths:
            folded = _linked(folded, (paths[source], output), (paths[target], port))
    return replace(folded, scenes=flat.scenes, bindings=flat.bindings)


def _linked(patch: Patch, source: End, target: End) -> Patch:
    """Adds a link between two plain nodes wherever they are drawn; subpatches get the ports that it needs."""
    one, two = source[0], target[0]
    depth = 0
    while depth < min(len(one), len(two)) - 1 and one[depth] == two[depth]:
        depth += 1
    level = patch_at(patch, one[:depth])
    level, start = exposed(level, one[depth:], source[1], "output")
    level, end = exposed(level, two[depth:], target[1], "input")
    return with_patch_at(patch, one[:depth], level.with_link(start, end))


def exposed(patch: Patch, path: Path, port: str, side: str) -> tuple[Patch, str]:
    """(the patch in which a port of a node in subpatches can be reached from outside, and the `node.port` to do so). `side` is
    "input" or "output"; subpatches that have no port for it get one."""
    name = path[0]
    if len(path) == 1:
        return patch, f"{name}.{port}"
    node = patch.nodes[name]
    inside = node.inside or Inside()
    inner, end = exposed(inside.patch, path[1:], port, side)
    ports = dict(inside.inputs if side == "input" else inside.outputs)
    own = next((own for own, leads_to in sorted(ports.items()) if leads_to == end), None)
    if own is None:
        own = free_name(port, set(ports))
        ports[own] = end
    changed = replace(inside, patch=inner, inputs=ports) if side == "input" else replace(inside, patch=inner, outputs=ports)
    return (patch.with_node(name, replace(node, inside=changed)) if changed != inside else patch), f"{name}.{own}"
