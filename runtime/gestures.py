"""What a recognised gesture asks for: a binding from `gesture:NODE NAME` to a command such as "/scene storm 2"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.engine import Engine
from runtime.remote.bindings import WINNER, parse_source
from runtime.remote.commands import command_of


class Gestures:
    """Watches the nodes of an engine that recognise gestures. One thread at a time calls it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asks: dict[tuple[str, str], list[Any]] = {}
        self._last: dict[str, str | None] = {}

    def bind(self, bindings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Takes the bindings from gestures, as `resolve` gives them, and gives the others."""
        self._asks, others = {}, []
        for binding in bindings:
            source = parse_source(binding["source"])
            if source.node:
                self._asks.setdefault((source.node, source.gesture), []).append(command_of(binding["command"]))
            else:
                others.append(binding)
        return others

    def won(self) -> list[Any]:
        """The commands of the gestures that have won since it was asked last. What it is when it is first heard of was there
        before, and asks for nothing."""
        found: list[Any] = []
        for node in {node for node, _ in self._asks}:
            name = self._winner(node)
            if name is not None and name != self._last.get(node):
                if self._last.get(node) is not None:
                    found += self._asks.get((node, name), [])
                self._last[node] = name
        return found

    def _winner(self, node: str) -> str | None:
        instance = self._engine.instance(node)
        value = self._engine.value(node, WINNER)
        if instance is None or value is None:
            return None
        names = self._engine.names(node, instance.spec.outputs[0].name)
        number = int(value[0, -1])
        return names[number] if 0 <= number < len(names) else None
