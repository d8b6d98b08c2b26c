"""JSON as patches are written: strict to read, and one text for equal values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from runtime.errors import PatchError

DEEPEST = 100
"""Levels of objects and lists in a patch: what can be read can then be written too."""


def read(text: str) -> Any:
    """The value of a JSON text: no infinite number, no key twice in an object, at most DEEPEST levels. Raises PatchError."""
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except PatchError:
        raise
    except RecursionError:
        raise PatchError("this is not a patch: it is nested too deeply") from None
    except ValueError as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise PatchError(f"this is not a patch: it is not JSON ({where})") from None
    if _depth(data) > DEEPEST:
        raise PatchError("this is not a patch: it is nested too deeply")
    return data


def written(value: Any, indent: str = "") -> str:
    """The value as JSON text: sorted keys, two-space indent, lists of plain values on one line."""
    if isinstance(value, Mapping) and value:
        inner = indent + "  "
        lines = [f"{inner}{json.dumps(key)}: {written(value[key], inner)}" for key in sorted(value)]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        inner = indent + "  "
        return "[\n" + ",\n".join(inner + written(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, sort_keys=True, allow_nan=False)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PatchError(f"{twice!r} stands twice in one object; rename or remove one of them")
    return found


def _no_constant(text: str) -> Any:
    raise PatchError(f"{text} is not a number that a patch may hold")


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        inner = [item for item in level if isinstance(item, dict | list)]
        level = [part for item in inner for part in (item.values() if isinstance(item, dict) else item)]
        depth += 1
    return depth


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_constant(text)
    return number
