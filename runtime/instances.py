"""Prepares the nodes of a plan: with their artifacts, params, names and what they were taught; unchanged ones are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runtime.artifacts import Artifact, Assets
from runtime.errors import ParamError, in_words
from runtime.messages import Problem
from runtime.node import Stream
from runtime.patch import dumps
from runtime.plan import Plan, Step
from runtime.program import Instance, Program
from runtime.seeds import node_seed
from runtime.shelf import POINTERS
from runtime.spec import PortType


@dataclass(frozen=True)
class Surroundings:
    """What all nodes of an engine are prepared with. `taught` is the folder of what a node was taught; `play_ahead` that of
    `Stream`."""

    sample_rate: int
    block: int
    seed: int
    offline: bool
    hurried: bool
    assets: Assets | None
    taught: Callable[[str], Path] | None
    arrived: Callable[[], None]
    play_ahead: Callable[[float], bool] = lambda seconds: False

    @property
    def folder(self) -> Path:
        """The patch's own."""
        return self.assets.patch_folder if self.assets else Path.cwd()


def prepare(
    plan: Plan, old: Mapping[str, Instance], around: Surroundings, renew: Collection[str] = ()
) -> tuple[Program, list[Problem]]:
    """The plan's nodes in playing order, and a Problem for each that cannot be prepared. Those of `old` whose type, fixed params,
    artifacts and names stayed the same are taken over, but for those to `renew`."""
    program, problems = Program({}), []
    origin = partial(_origin, plan, around.assets)
    for step in plan.streams:
        needed = {source for port, found in step.inputs.items() if _needs(step, port) for source, _ in found}
        if needed - set(program.instances):
            continue
        try:
            former = None if step.node in renew else old.get(step.node)
            program.instances[step.node] = _instance(step, former, program, around, origin)
        except Exception as error:
            problems.append(Problem(step.node, in_words(error)))
    return program, problems


def _needs(step: Step, port: str) -> bool:
    spec = step.spec.input(port)
    return spec is not None and spec.type.is_stream and not (spec.optional or spec.many or spec.delayed)


def _instance(
    step: Step, old: Instance | None, program: Program, around: Surroundings, origin: Callable[[], dict[str, Any]]
) -> Instance:
    spec = step.spec
    artifacts = {port.name: _artifact(step, port.name, around.assets) for port in spec.inputs if not port.type.is_stream}
    values = step.values(around.folder)
    fixed = {param.name: values[param.name] for param in spec.params if not param.live}
    names = {
        port.name: tuple(
            name
            for source, output in step.inputs[port.name]
            if source in program.instances
            for name in program.instances[source].stream.output_names.get(output, ())
        )
        for port in spec.inputs
        if port.type is PortType.CONTROL and not port.delayed
    }
    prints = {name: artifact and (str(artifact.path), artifact.fingerprint) for name, artifact in artifacts.items()}
    key = (step.cls, fixed, prints, names)
    if old is not None and old.key == key:
        old.stream.play_ahead = around.play_ahead  # it may have been prepared elsewhere, where nothing sounds
        return Instance(step, old.node, key, old.stream)
    node = step.cls()
    stream = Stream(
        around.sample_rate,
        around.block,
        node_seed(around.seed, step.seed or step.node),
        around.offline,
        around.folder,
        names,
        around.hurried,
        around.arrived,
        origin,
        around.play_ahead,
    )
    if around.taught is not None:
        node.load(around.taught(step.node))
    try:
        node.prepare(stream, **fixed, **artifacts)
    except BaseException:
        node.close()
        raise
    for port in spec.outputs:
        if port.type is PortType.CONTROL and port.name not in stream.output_names:
            raise TypeError(f"{spec.type} must name the dimensions of {port.name} in prepare")
    return Instance(step, node, key, stream)


def _origin(plan: Plan, assets: Assets | None) -> dict[str, Any]:
    """See `Stream.origin`."""
    made: dict[str, Any] = {}
    if assets is not None:
        for step in plan.streams:
            for port in step.spec.inputs:
                for source, _ in () if port.type.is_stream else step.inputs[port.name]:
                    made |= {record["node"]: record for record in assets.lineage(source) if "node" in record}
    return {"patch": json.loads(dumps(plan.patch)) if plan.patch else None, "made": made}


def _artifact(step: Step, port: str, assets: Assets | None) -> Artifact | None:
    sources = step.inputs[port]
    if not sources:
        return None
    found = assets.artifact(*sources[0]) if assets else None
    if found is None and sources[0][1] in POINTERS:
        node, output = sources[0]
        raise ParamError(f"the shelf of {node} has no {output} model yet; train for a while, or star a step on it")
    if found is None:
        raise ParamError(f"the {port} of {sources[0][0]} has not been made yet; run the patch first (Run, or glasspatch run)")
    found.verify()
    return found
