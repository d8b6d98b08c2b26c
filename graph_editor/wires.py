"""Edits of wires: which may be drawn, and why another may not. Patch to Patch, pure.

A port is written "node.port", as in links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from runtime.errors import PatchError
from runtime.patch import Inside, Link, Patch
from runtime.registry import Registry
from runtime.spec import NodeSpec, Port, PortType
from runtime.subpatch import spec_of

NAMED = 2
"""Nodes that are named where something converts between two types."""


def why_not(patch: Patch, registry: Registry, source: str, target: str) -> str | None:
    """Why no wire may lead from an output to an input, in words; None where it may."""
    ends = _ends(patch, registry, source, target)
    if isinstance(ends, str):
        return ends
    output, port = ends
    start, end = source.partition(".")[0], target.partition(".")[0]
    if start == end:
        return "a wire leads to another node, not back into its own"
    if output.type is not port.type:
        converters = _converters(registry, output.type, port.type)
        way = f"lead it through {converters} first" if converters else f"nothing makes {port.type.value} of {output.type.value}"
        return f"{source} gives {output.type.value} and {target} takes {port.type.value}; {way}"
    if Link(source, target) in patch.links:
        return f"a wire from {source} to {target} is there already"
    if not port.delayed and target in _before(patch, registry, source):
        way_back = " - ".join(_way(patch, end, start))
        return f"{way_back} - {end} would be a loop without a delay; lead the way back through a Feedback node"
    return None


def fitting(patch: Patch, registry: Registry, port: str, is_output: bool) -> set[str]:
    """Every "node.port" at the other side to which a wire from this port may lead: those for which `why_not` is None. With 200
    nodes it takes a few milliseconds."""
    name, _, word = port.partition(".")
    node = patch.nodes.get(name)
    spec = spec_of(node, registry) if node else None
    own = (spec.output(word) if is_output else spec.input(word)) if spec else None
    if own is None:
        return set()
    there = {link.target if is_output else link.source for link in patch.links if port in (link.source, link.target)}
    loops: set[str] = set()
    if is_output:
        loops = _before(patch, registry, port)
    elif not own.delayed:
        loops = _after(patch, registry, port)
    found = set()
    for other, item in patch.nodes.items():
        known = spec_of(item, registry) if other != name else None
        for one in (known.inputs if is_output else known.outputs) if known else ():
            place = f"{other}.{one.name}"
            if one.type is own.type and place not in there and (one.delayed or place not in loops):
                found.add(place)
    return found


def connect(patch: Patch, registry: Registry, source: str, target: str) -> Patch:
    """Draws a wire; an input that takes one only loses its old one. Raises PatchError with the words of `why_not`."""
    why = why_not(patch, registry, source, target)
    if why:
        raise PatchError(why)
    ends = _ends(patch, registry, source, target)
    if isinstance(ends, tuple) and not ends[1].many:
        patch = replace(patch, links=tuple(link for link in patch.links if link.target != target))
    return patch.with_link(source, target)


def disconnect(patch: Patch, source: str, target: str) -> Patch:
    """Takes a wire away; nothing happens where there is none."""
    return patch.without_link(source, target)


def reconnect(patch: Patch, registry: Registry, old: Link, source: str, target: str) -> Patch:
    """Leads a wire elsewhere, in one step. Raises PatchError with the words of `why_not`."""
    return connect(patch.without_link(old.source, old.target), registry, source, target)


def insert(patch: Patch, registry: Registry, name: str, link: Link) -> Patch:
    """Puts a node into a wire, through its first input and output of the wire's type. Raises PatchError in words."""
    if link not in patch.links:
        raise PatchError("this wire is not there any more")
    start, output, end, _ = link.ends()
    if name in (start, end):
        raise PatchError(f"{name} is an end of this wire already")
    node, one = patch.nodes.get(name), patch.nodes.get(start)
    spec, source = spec_of(node, registry) if node else None, spec_of(one, registry) if one else None
    through = source.output(output) if source else None
    if spec is None or through is None:
        raise PatchError(f"nothing is known of the ports of {start if spec else name}, so it cannot be put into this wire")
    into = next((port.name for port in spec.inputs if port.type is through.type), None)
    out = next((port.name for port in spec.outputs if port.type is through.type), None)
    if into is None or out is None:
        kind = through.type.value
        raise PatchError(f"{spec.title} does not take {kind} and give {kind} again, so it cannot be put into this wire")
    patch = disconnect(patch, link.source, link.target)
    patch = connect(patch, registry, link.source, f"{name}.{into}")
    return connect(patch, registry, f"{name}.{out}", link.target)


def fits(registry: Registry, port_type: PortType, as_source: bool) -> list[tuple[str, str]]:
    """(type id, port) of everything that an open wire fits: inputs where its known end is an output (`as_source`), else outputs.
    Of a node's ports those come first that it needs."""
    found = []
    for type_id, cls in registry.nodes.items():
        spec: NodeSpec = cls.spec
        ports = sorted(spec.inputs if as_source else spec.outputs, key=lambda port: port.optional)
        found += [(type_id, port.name) for port in ports if port.type is port_type]
    return found


def _ends(patch: Patch, registry: Registry, source: str, target: str) -> tuple[Port, Port] | str:
    """The two ports, or what is wrong with one of them."""
    found = []
    for place, is_output in ((source, True), (target, False)):
        name, _, word = place.partition(".")
        node = patch.nodes.get(name)
        if node is None:
            return f"there is no node {name}"
        spec = spec_of(node, registry)
        if spec is None:
            return f"{name} is a {node.type}, which this glasspatch does not have: nothing is known of its ports"
        port = spec.output(word) if is_output else spec.input(word)
        if port is None:
            ports = ", ".join(one.name for one in (spec.outputs if is_output else spec.inputs)) or "none"
            return f"{name} has no {'output' if is_output else 'input'} {word}; it has {ports}"
        found.append(port)
    return found[0], found[1]


def _converters(registry: Registry, given: PortType, wanted: PortType) -> str:
    titles = [
        cls.spec.title
        for cls in registry.nodes.values()
        if any(port.type is given for port in cls.spec.inputs) and any(port.type is wanted for port in cls.spec.outputs)
    ]
    return " or ".join(titles[:NAMED])


# Loops. A wire into port p from output o closes one where o already depends on p. What an output depends on goes through every
# input of its node that is not delayed; through a subpatch only where the wires inside lead.


def _before(patch: Patch, registry: Registry, source: str) -> set[str]:
    """Every input that an output depends on within the same block."""
    links = defaultdict(list)
    for link in patch.links:
        links[link.target].append(link.source)
    return _reached(source, lambda output: _inputs_of(patch, registry, output), lambda port: links.get(port, []))


def _after(patch: Patch, registry: Registry, target: str) -> set[str]:
    """Every output that depends on an input within the same block."""
    links = defaultdict(list)
    for link in patch.links:
        links[link.source].append(link.target)
    return _reached(target, lambda port: _outputs_of(patch, registry, port), lambda output: links.get(output, []))


def _reached(start: str, inside: Callable[[str], list[str]], along: Callable[[str], list[str]]) -> set[str]:
    """What is reached by going through a node, then along the wires, then through the next."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for place in inside(waiting.pop()):
            if place not in found:
                found.add(place)
                waiting += along(place)
    return found


def _inputs_of(patch: Patch, registry: Registry, output: str) -> list[str]:
    name, _, word = output.partition(".")
    node = patch.nodes.get(name)
    if node is None:
        return []
    if node.inside is not None:
        return [f"{name}.{port}" for port, needed in _through(node.inside, registry).items() if word in needed]
    spec = spec_of(node, registry)
    return [f"{name}.{port.name}" for port in spec.inputs if not port.delayed] if spec else []


def _outputs_of(patch: Patch, registry: Registry, place: str) -> list[str]:
    name, _, word = place.partition(".")
    node = patch.nodes.get(name)
    if node is None:
        return []
    if node.inside is not None:
        return [f"{name}.{output}" for output in _through(node.inside, registry).get(word, ())]
    spec = spec_of(node, registry)
    port = spec.input(word) if spec else None
    return [f"{name}.{one.name}" for one in spec.outputs] if spec and port and not port.delayed else []


def _through(inside: Inside, registry: Registry) -> Mapping[str, set[str]]:
    """For each input of a subpatch the outputs that depend on it."""
    found: dict[str, set[str]] = {port: set() for port in inside.inputs}
    for output, end in inside.outputs.items():
        needed = _before(inside.patch, registry, end)
        for port, place in inside.inputs.items():
            if place in needed:
                found[port].add(output)
    return found


def _way(patch: Patch, start: str, end: str) -> list[str]:
    """The nodes on a shortest way along the wires, for the words about a loop."""
    following = defaultdict(set)
    for link in patch.links:
        one, _, two, _ = link.ends()
        following[one].add(two)
    ways = [[start]]
    seen = {start}
    for way in ways:
        if way[-1] == end:
            return way
        for name in sorted(following[way[-1]] - seen):
            seen.add(name)
            ways.append([*way, name])
    return [start, end]
