"""The OSC commands of the remote control: an address under /glasspatch and its values, turned into a command."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence

from runtime.errors import GlasspatchError
from runtime.messages import (
    Audition,
    ClearAnchors,
    Command,
    EndAnchor,
    EndTake,
    Forget,
    KeepScene,
    Learn,
    Quit,
    RecallScene,
    RecordAnchor,
    Redo,
    RemoveAnchor,
    RenameAnchor,
    Revive,
    SetParam,
    Start,
    StartTake,
    Stop,
    Train,
    Undo,
)
from runtime.plan import nearest
from runtime.remote.osc import Value

PREFIX = "/glasspatch"


class RemoteError(GlasspatchError):
    """An OSC message that is no command."""


_PLAIN: dict[str, Callable[[], Command]] = {
    "/start": Start,
    "/stop": Stop,
    "/panic": Stop,
    "/quit": Quit,
    "/undo": Undo,
    "/redo": Redo,
    "/anchor/end": EndAnchor,
    "/take/start": StartTake,
    "/take/end": EndTake,
}
_NODE: dict[str, Callable[[str], Command]] = {"/train": Train, "/revive": Revive, "/anchor/clear": ClearAnchors}
_NODE_AND_WORD: dict[str, tuple[Callable[[str, str], Command], str]] = {
    "/learn": (Learn, "param"),
    "/forget": (Forget, "param"),
    "/anchor/remove": (RemoveAnchor, "anchor"),
}
COMMANDS = (
    *_PLAIN,
    *_NODE,
    *_NODE_AND_WORD,
    "/anchor/record",
    "/anchor/rename",
    "/anchor/play",
    "/scene",
    "/scene/keep",
    "/param/NODE/PARAM",
)


def command_of(text: str) -> Command:
    """The command in a line such as "/scene storm 2", for a button that is bound to it. Raises RemoteError."""
    try:
        address, *words = shlex.split(text)
    except ValueError as error:
        raise RemoteError(f"a command must look like /scene storm 2, got {text!r}") from error
    values: list[Value] = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError:
            values.append(word)
    found = parse(PREFIX + address, values)
    if found is None:
        raise RemoteError(f"{text!r} asks for nothing")
    return found


def parse(address: str, values: Sequence[Value]) -> Command | None:
    """The command that an OSC message means; None for the release of a button (a command that needs no values, with a 0). Raises
    RemoteError in words."""
    name = address.rstrip("/")
    if not name.startswith(PREFIX):
        raise RemoteError(f"commands begin with {PREFIX}, got {address}")
    name = name[len(PREFIX) :]
    if name in _PLAIN:
        return _button(name, values)
    if name.startswith("/param/"):
        return _param(name, values)
    if name in _NODE:
        (node,) = _words(name, values, "node")
        return _NODE[name](node)
    if name in _NODE_AND_WORD:
        make, what = _NODE_AND_WORD[name]
        return make(*_words(name, values, "node", what))
    if name == "/scene":
        (scene,) = _words(name, values[:1], "name")
        return RecallScene(scene, _seconds(name, values[1:]))
    if name == "/scene/keep":
        return KeepScene(*_words(name, values, "name"))
    if name == "/anchor/rename":
        return RenameAnchor(*_words(name, values, "node", "anchor", "name"))
    if name == "/anchor/play":
        node, *which = _words(name, values, "node", *(["anchor"] if values[1:] else []))
        return Audition(node, which[0] if which else None)
    if name == "/anchor/record":
        node, anchor = _words(name, values[:2], "node", "name")
        return RecordAnchor(node, anchor, _target(values[2:]))
    raise RemoteError(f"{address} is no command{nearest(name, COMMANDS).replace(' /', f' {PREFIX}/')}")


def _button(name: str, values: Sequence[Value]) -> Command | None:
    """A button sends a number when it is pressed, and 0 when it is let go."""
    if name == "/take/start" and values and isinstance(values[0], str):
        if list(values[1:]) not in ([], ["video"]):
            raise RemoteError(f"{PREFIX}{name} takes a path and the word video, got {_shown(values)}")
        return StartTake(values[0] or None, True if values[1:] else None)
    if len(values) > 1 or any(isinstance(value, str) for value in values):
        raise RemoteError(f"{PREFIX}{name} takes no values, got {_shown(values)}")
    return None if values and not values[0] else _PLAIN[name]()


def _param(name: str, values: Sequence[Value]) -> Command:
    """Bools and choices may come as numbers, since most controllers know nothing else: who knows the param understands them."""
    parts = name.split("/")
    if len(parts) != 4 or not all(parts[2:]):
        raise RemoteError(f"write {PREFIX}/param/NODE/PARAM and a value, got {PREFIX}{name}")
    if not values or (isinstance(values[0], float) and not math.isfinite(values[0])):
        raise RemoteError(f"{PREFIX}{name} needs a value, got {_shown(values)}")
    return SetParam(parts[2], parts[3], values[0], _seconds(name, values[1:]))


def _words(name: str, values: Sequence[Value], *what: str) -> tuple[str, ...]:
    """Names; a whole number is one too (scene 3)."""
    found = [str(int(value)) if _is_number(value) and float(value).is_integer() else value for value in values]
    if len(found) != len(what) or not all(isinstance(word, str) and word.strip() for word in found):
        raise RemoteError(f"{PREFIX}{name} needs {' and '.join(what)}, got {_shown(values)}")
    return tuple(str(word).strip() for word in found)


def _seconds(name: str, values: Sequence[Value]) -> float | None:
    if not values:
        return None
    if len(values) > 1 or not _is_number(values[0]) or float(values[0]) < 0:
        raise RemoteError(f"{PREFIX}{name}: the last value is a time in seconds, got {_shown(values)}")
    return float(values[0])


def _target(values: Sequence[Value]) -> dict[str, float] | None:
    names, numbers = values[::2], values[1::2]
    if (
        len(names) != len(numbers)
        or not all(isinstance(name, str) and name for name in names)
        or not all(map(_is_number, numbers))
    ):
        raise RemoteError(f"{PREFIX}/anchor/record: a target is written z0 1.5 z1 -0.5, got {_shown(values)}")
    return {str(name): float(number) for name, number in zip(names, numbers, strict=True)} or None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(values: Sequence[Value]) -> str:
    text = " ".join(map(repr, values)) or "none"
    return text if len(text) < 80 else text[:77] + "..."
