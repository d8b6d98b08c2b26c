"""Finds the node classes of a package, and the modules of it that could not be imported."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import in_words
from runtime.node import JobNode, StreamNode


@dataclass
class Registry:
    """Node classes by type id and alias; `failures` says in words which modules are missing and why."""

    nodes: dict[str, type[Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def get(self, type_id: str) -> type[Any] | None:
        """The class of a type id or of an older name of it; None for an unknown one."""
        return self.nodes.get(self.aliases.get(type_id, type_id))

    def add(self, node: type[Any]) -> None:
        """Takes a class in; its spec and its methods must agree. Raises ValueError where two nodes claim one type id."""
        spec = node.spec
        for name in (spec.type, *spec.aliases):
            if self.get(name) not in (None, node):
                raise ValueError(f"two nodes claim the type {name}")
        self.nodes[spec.type] = node
        self.aliases.update(dict.fromkeys(spec.aliases, spec.type))


def discover(*packages: str) -> Registry:
    """All nodes of these packages, one module per family. A module that fails to import takes only itself away."""
    registry = Registry()
    for name in (
        f"{package}.{module.name}"
        for package in packages
        for module in sorted(pkgutil.iter_modules(importlib.import_module(package).__path__), key=lambda item: item.name)
    ):
        try:
            for node in vars(importlib.import_module(name)).values():
                if inspect.isclass(node) and issubclass(node, StreamNode | JobNode) and node.__module__ == name:
                    registry.add(node)
        except Exception as error:
            registry.failures[name] = in_words(error)
    return registry


def help_of(node: type[Any]) -> str:
    """The player's help text of a node: its class docstring."""
    return inspect.cleandoc(node.__doc__ or "")
