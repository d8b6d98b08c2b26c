"""What an engine is sent so that it plays a patch: nothing, a few params, or all of it; and what waits to be sent."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from runtime import messages as say
from runtime.errors import ParamError
from runtime.patch import Node, Patch
from runtime.registry import Registry
from runtime.spec import Param


@dataclass(frozen=True)
class Again:
    """Send the newest document once more."""


class Outbox:
    """What waits to be sent, in order. Of what follows itself (an edit on an edit, a knob that turns) only the newest stays."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._waiting: deque[Any] = deque()
        self._closed = False

    def put(self, item: Any) -> None:
        with self._wake:
            if self._waiting and _replaces(item, self._waiting[-1]):
                self._waiting.pop()
            self._waiting.append(item)
            self._wake.notify()

    def get(self) -> Any | None:
        """The next, as soon as there is one; None when it is closed."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closed)
            return None if self._closed else self._waiting.popleft()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()


def _replaces(new: Any, old: Any) -> bool:
    if isinstance(new, say.SetParam) and isinstance(old, say.SetParam):
        return (new.node, new.param) == (old.node, old.param)
    return isinstance(new, Patch | say.Poll) and type(new) is type(old)


def params_between(before: Patch, after: Patch, registry: Registry) -> list[say.SetParam] | None:
    """The live params to set in a flat patch, so that it sounds as another; None where more than that differs."""
    if before.nodes.keys() != after.nodes.keys() or _around(before) != _around(after):
        return None
    found = []
    for name, node in after.nodes.items():
        old = before.nodes[name]
        if _heard(old) != _heard(node):
            return None
        cls = registry.get(node.type)
        for key in old.params.keys() | node.params.keys() if old.params != node.params else ():
            param = cls.spec.param(key) if cls is not None else None
            if param is None:
                return None
            was, now = old.params.get(key, param.default), node.params.get(key, param.default)
            if was != now and not (param.live and _is_legal(param, was) and _is_legal(param, now)):
                return None
            found += [say.SetParam(name, key, now)] if was != now else []
    return found


def _is_legal(param: Param, value: Any) -> bool:
    """Whether a value is taken as it is; any other is, or was, a problem of its node."""
    try:
        return bool(param.coerce(value) == value)
    except ParamError:
        return False


def with_param(patch: Patch, asked: say.SetParam, registry: Registry) -> Patch | None:
    """What becomes of a flat patch by a param that is set; None where that cannot be told."""
    node = patch.nodes.get(asked.node)
    cls = registry.get(node.type) if node is not None else None
    param = cls.spec.param(asked.param) if cls is not None else None
    try:
        return patch.with_param(asked.node, asked.param, param.coerce(param.heard(asked.value))) if param is not None else None
    except ParamError:
        return None


def _around(patch: Patch) -> Any:
    """All that can be heard of a patch but its nodes."""
    return patch.settings, sorted(patch.links), patch.scenes, patch.bindings


def _heard(node: Node) -> Node:
    """A node without its params and what cannot be heard: its place, colour and title."""
    return replace(node, params={}, position=(0.0, 0.0), view={})
