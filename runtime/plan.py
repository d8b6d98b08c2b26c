"""Compiles a patch into a plan: what can run, in which order, and a Problem for everything that cannot.

Compiling never raises for anything a user can draw. This is the only module that uses networkx.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from runtime.errors import ParamError, in_words
from runtime.messages import Problem
from runtime.node import JobNode
from runtime.patch import SETTINGS, Link, Node, Patch
from runtime.registry import Registry
from runtime.spec import NodeSpec, PathParam, Port
from runtime.subpatch import flatten

Source = tuple[str, str]
"""(node, output)."""
WAITS = "waits for "
"""How the words about a node begin that has no problem of its own."""


@dataclass(frozen=True)
class Step:
    """A node that can run: its class, its coerced params, for each input where it comes from (empty: not connected), what it does
    when it fails, the mode in which the artist has put it, and the name under which it draws random numbers (None: its own)."""

    node: str
    cls: type[Any]
    params: Mapping[str, Any]
    inputs: Mapping[str, tuple[Source, ...]]
    fault: str = "mute"
    mode: str | None = None
    seed: str | None = None

    @property
    def spec(self) -> NodeSpec:
        spec: NodeSpec = self.cls.spec
        return spec

    def values(self, folder: Path) -> dict[str, Any]:
        """The params as nodes get them: paths absolute in the patch's `folder`, an empty path None."""
        return {
            param.name: (folder / value if value else None) if isinstance(param, PathParam) else value
            for param in self.spec.params
            for value in [self.params[param.name]]
        }


@dataclass(frozen=True)
class Plan:
    """`jobs` and `streams` in an order in which every node comes after what it needs. `blocked` maps each node that could run
    by itself to the node that it waits for in vain. `patch` is what it was compiled from."""

    settings: Mapping[str, Any]
    jobs: tuple[Step, ...]
    streams: tuple[Step, ...]
    blocked: Mapping[str, str]
    problems: tuple[Problem, ...]
    patch: Patch | None = field(default=None, compare=False)

    @cached_property
    def steps(self) -> dict[str, Step]:
        """All steps by node."""
        return {step.node: step for step in (*self.jobs, *self.streams)}

    def waiting(self) -> tuple[Problem, ...]:
        """The problems of the nodes that could run, if what they wait for could."""
        return tuple(Problem(node, f"{WAITS}{source}, which cannot run") for node, source in sorted(self.blocked.items()))

    def behind(self, node: str) -> Plan:
        """The part of the plan that a node depends on, the node itself included."""
        wanted: set[str] = set()
        waiting = [node]
        while waiting:
            name = waiting.pop()
            if name in self.steps and name not in wanted:
                wanted.add(name)
                waiting += [source for sources in self.steps[name].inputs.values() for source, _ in sources]
        return replace(
            self,
            jobs=tuple(step for step in self.jobs if step.node in wanted),
            streams=tuple(step for step in self.streams if step.node in wanted),
        )


def compile_patch(patch: Patch, registry: Registry, folder: Path | None = None) -> Plan:
    """The plan of a patch, whose subpatches are dissolved. With `folder`, the patch's own, files and folders that params name are
    looked for too."""
    import networkx as nx

    whole, flat = patch, flatten(patch, registry)
    patch, problems = flat.patch, list(flat.problems)
    settings = _settings(patch, problems)
    classes = {name: cls for name, node in patch.nodes.items() if (cls := _class_of(name, node, registry, problems))}
    params = {name: _params(name, patch.nodes[name], cls, folder, problems) for name, cls in classes.items()}
    inputs = _inputs(patch, classes, problems)

    graph: Any = nx.DiGraph()
    graph.add_nodes_from(sorted(classes))
    for name, ports in inputs.items():
        for port, found in ports.items():
            if not classes[name].spec.input(port).delayed:
                graph.add_edges_from((source, name) for source, _ in found)
    for loop in nx.strongly_connected_components(graph):
        one = min(loop)
        if len(loop) > 1 or graph.has_edge(one, one):
            way = " - ".join(sorted(loop))
            problems.append(
                Problem(one, f"{way} form a loop without a delay; lead the way back through a Feedback node, or remove a link")
            )
            problems += [Problem(name, f"is part of the loop of {one}") for name in sorted(loop - {one})]
            graph.remove_edges_from([(a, b) for a, b in graph.edges if a in loop and b in loop])
    problems += _unconnected(classes, inputs)

    stopped = {problem.node for problem in problems if problem.stops}
    blocked: dict[str, str] = {}
    runs: list[Step] = []
    missing = set(patch.nodes) - set(classes)
    for name in nx.lexicographical_topological_sort(graph):
        if name in stopped:
            continue
        for port, sources in inputs[name].items():
            spec = classes[name].spec.input(port)
            # A made thing may be there from an earlier run: whether it is, the engine sees when it loads.
            lies_on_disk = not spec.type.is_stream and not issubclass(classes[name], JobNode)
            lost = [source for source, _ in sources if source in stopped or source in blocked or source in missing]
            if lost and not (spec.optional or spec.many or spec.delayed or (lies_on_disk and lost[0] not in missing)):
                blocked[name] = lost[0]
        if name not in blocked:
            node, cls = patch.nodes[name], classes[name]
            mode = None if issubclass(cls, JobNode) else node.mode
            runs.append(Step(name, cls, params[name], inputs[name], node.fault or cls.spec.fault, mode, node.seed))
    alive = {step.node for step in runs}
    made = set(classes)
    runs = [
        replace(
            step,
            inputs={
                port: tuple(s for s in sources if s[0] in (alive if step.spec.input(port).type.is_stream else made))  # type: ignore[union-attr]
                for port, sources in step.inputs.items()
            },
        )
        for step in runs
    ]
    return Plan(
        settings=settings,
        jobs=tuple(step for step in runs if issubclass(step.cls, JobNode)),
        streams=tuple(step for step in runs if not issubclass(step.cls, JobNode)),
        blocked=blocked,
        problems=tuple(problems),
        patch=whole,
    )


def _settings(patch: Patch, problems: list[Problem]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for param in SETTINGS:
        try:
            values[param.name] = param.coerce(patch.settings.get(param.name, param.default))
        except ParamError as error:
            problems.append(Problem("", f"settings: {error}; {param.default} is used"))
            values[param.name] = param.default
    unknown = [f"settings.{key}" for key in patch.settings if key not in values] + list(patch.extra)
    problems += [_kept("", key) for key in sorted(unknown)]
    return values


def _class_of(name: str, node: Node, registry: Registry, problems: list[Problem]) -> type[Any] | None:
    cls = registry.get(node.type)
    if cls is None:
        family = node.type.partition(".")[0]
        reasons = [reason for module, reason in registry.failures.items() if module.endswith("." + family)]
        others = "; ".join(f"{module}: {reason}" for module, reason in registry.failures.items())
        meant = nearest(node.type, registry.nodes) or "; install what brings it, or remove the node"
        why = f" ({reasons[0]})" if reasons else f"; it may be in what cannot be opened ({others})" if others else meant
        problems.append(Problem(name, f"{node.type} is not a node that this glasspatch has{why}; the node is kept as it is"))
        return None
    problems += [_kept(name, key) for key in sorted(node.extra)]
    if node.version > cls.spec.version:
        problems.append(
            Problem(name, f"was saved by a newer {cls.spec.title} (version {node.version}); open it with a newer glasspatch")
        )
    return cls


def _params(name: str, node: Node, cls: type[Any], folder: Path | None, problems: list[Problem]) -> dict[str, Any]:
    given = dict(node.params)
    if node.version < cls.spec.version:
        try:
            given = dict(cls.upgrade(given, node.version))
        except Exception as error:  # whatever an upgrade makes of params that are not what it thinks
            problems.append(Problem(name, f"its params of version {node.version} cannot be understood ({in_words(error)})"))
    values: dict[str, Any] = {}
    for param in cls.spec.params:
        try:
            given_value = given.pop(param.name, param.default)
            values[param.name] = param.coerce(given_value)
        except ParamError as error:
            problems.append(Problem(name, str(error)))
            continue
        number = type(given_value) in (int, float)
        if number and values[param.name] != given_value:
            low, high = getattr(param, "low", None), getattr(param, "high", None)
            rule = f"{param.name} must be {low} to {high}{' ' + param.unit if param.unit else ''}"
            problems.append(Problem(name, f"{rule}, got {given_value}; {values[param.name]} is used", stops=False))
        if isinstance(param, PathParam) and (wrong := _wrong_path(param, values[param.name], folder)):
            problems.append(Problem(name, wrong))
    title = cls.spec.title
    has = ", ".join(param.name for param in cls.spec.params) or "none"
    text = f"is not a param of {title}, which has {has}; it is kept as it is"
    problems += [Problem(name, f"{key} {text}", stops=False) for key in sorted(given)]
    return values


def _kept(name: str, key: str) -> Problem:
    return Problem(name, f"{key} is not known to this version; it is kept as it is", stops=False)


def _wrong_path(param: PathParam, path: str, folder: Path | None) -> str | None:
    if not path:
        return f"{param.name} must be set: choose a {param.noun}" if param.required else None
    if folder is None or param.what == "output":
        return None
    found = folder / path
    try:
        there = found.exists()
    except OSError as error:  # too long for a file system, or in a folder that may not be read
        return f"the {param.noun} {path[:80]} cannot be looked for: {error.strerror}"
    if not there:
        return f"the {param.noun} {path} is not there; put it beside the patch, or choose another"
    if found.is_dir() != (param.what == "folder"):
        return f"{path} must be a {param.noun}"
    return None


def _inputs(patch: Patch, classes: Mapping[str, type[Any]], problems: list[Problem]) -> dict[str, dict[str, tuple[Source, ...]]]:
    """For each known node and each of its inputs the sources; wrong links become Problems of the node they lead to."""
    found: dict[str, dict[str, tuple[Source, ...]]] = {
        name: {port.name: () for port in cls.spec.inputs} for name, cls in classes.items()
    }
    for link, count in sorted(Counter(patch.links).items()):
        source, output, target, port = link.ends()
        place = target if target in patch.nodes else source if source in patch.nodes else ""
        if count > 1:
            problems.append(Problem(place, f"the link from {link.source} to {link.target} stands {count} times", stops=False))
        wrong = _wrong_link(link, patch, classes)
        if wrong:
            problems.append(Problem(place, wrong, stops=target in patch.nodes))
            continue
        if target not in classes:
            continue
        before = found[target][port]
        if before and not classes[target].spec.input(port).many:
            problems.append(
                Problem(
                    target, f"{port} has two links, from {'.'.join(before[0])} and {link.source}; remove one, or mix them first"
                )
            )
            continue
        found[target][port] = (*before, (source, output))
    return found


def _wrong_link(link: Link, patch: Patch, classes: Mapping[str, type[Any]]) -> str | None:
    source, output, target, port = link.ends()
    for end, name in ((source, link.source), (target, link.target)):
        if end not in patch.nodes:
            help_ = nearest(end, patch.nodes) or "; remove the link"
            return f"a link leads {'from' if name == link.source else 'to'} {name}, but there is no node {end}{help_}"
    one = classes[source].spec.output(output) if source in classes else None
    two = classes[target].spec.input(port) if target in classes else None
    if source in classes and one is None:
        return f"a link leads from {link.source}, but {source} has no output {output}{_these(classes[source].spec.outputs)}"
    if target in classes and two is None:
        return f"a link leads to {link.target}, but {target} has no input {port}{_these(classes[target].spec.inputs)}"
    if one and two and one.type != two.type:
        gives, takes = one.type.value, two.type.value
        return f"{link.source} gives {gives} and {link.target} takes {takes}; put a node between them that converts"
    return None


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint at the word that was probably meant, or nothing."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def _these(ports: Iterable[Port]) -> str:
    names = ", ".join(port.name for port in ports)
    return f"; it has {names}" if names else "; it has none"


def _unconnected(classes: Mapping[str, type[Any]], inputs: Mapping[str, Mapping[str, tuple[Source, ...]]]) -> list[Problem]:
    return [
        Problem(name, f"nothing is connected to {port.name}; lead {port.type.value} to it")
        for name, cls in sorted(classes.items())
        for port in cls.spec.inputs
        if not (port.optional or port.many or inputs[name][port.name])
    ]
