"""Scenes: named snapshots of params and of the models in use, kept in the patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runtime.errors import PatchError
from runtime.node import JobNode
from runtime.patch import Link, Patch
from runtime.registry import Registry
from runtime.spec import PortType


def scene_of(patch: Patch, registry: Registry) -> dict[str, Any]:
    """What a patch plays now, as a scene: the live params of its stream nodes, and which model leads to each model input."""
    params: dict[str, Any] = {}
    links: dict[str, str] = {}
    for name, node in patch.nodes.items():
        cls = registry.get(node.type)
        if cls is None or issubclass(cls, JobNode):
            continue
        for param in cls.spec.params:
            if param.live:
                params[f"{name}.{param.name}"] = node.params.get(param.name, param.default)
        models = {port.name for port in cls.spec.inputs if port.type is PortType.MODEL}
        links |= {link.target: link.source for link in patch.links if link.ends()[2] == name and link.ends()[3] in models}
    return {"params": params, "links": links}


def recalled(patch: Patch, scene: Mapping[str, Any]) -> Patch:
    """The patch as the scene has it; nodes that are not there any more are left out. Raises PatchError where it is no scene."""
    params, links = scene.get("params", {}), scene.get("links", {})
    if not isinstance(params, dict) or not isinstance(links, dict) or not isinstance(scene.get("seconds", 0.0), int | float):
        raise PatchError("a scene must hold objects params and links, and a number of seconds")
    for place, value in params.items():
        node, _, param = place.partition(".")
        if node in patch.nodes and param:
            patch = patch.with_param(node, param, value)
    for target, source in links.items():
        node, port = str(target).split(".")[0], str(source).split(".")[0]
        if node in patch.nodes and port in patch.nodes:
            others = tuple(link for link in patch.links if link.target != target)
            patch = replace(patch, links=tuple(sorted({*others, Link(str(source), str(target))})))
    return patch
