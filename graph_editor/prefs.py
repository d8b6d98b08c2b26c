"""What the user prefers in every patch: the look, the devices, the keys. Kept as JSON in the user's folder."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from runtime.artifacts import write_atomically
from runtime.folders import config_folder
from runtime.patch import BLOCKS

FILE = "preferences.json"
THEMES = ("dark", "light", "contrast")


@dataclass(frozen=True)
class Stage:
    """What a patch is played on. `device` None is the system's own, "none" the clock alone; `block` None the patch's own;
    `latency` in seconds, None as the device likes; `osc` 0 listens nowhere."""

    device: str | None = None
    input: str | None = None
    block: int | None = None
    latency: float | None = None
    measure: bool = False
    """Whether the smallest buffer that holds is looked for first, in silence."""
    osc: int = 0
    osc_host: str = "127.0.0.1"
    midi: str | None = None
    spare_after: float | None = 5.0
    """Seconds of sound after which a spare engine gets ready, so that a restart takes no time; None: none does."""


@dataclass(frozen=True)
class Preferences:
    """All of them; each is legal, whatever the file held. `shortcuts` gives commands other keys: {"save": "Ctrl+W"}."""

    theme: str = "dark"
    scale: float = 1.0
    device: str | None = None
    input: str | None = None
    block: int | None = None
    latency: float | None = None
    osc: int = 9000
    osc_host: str = "127.0.0.1"
    midi: str | None = None
    shortcuts: Mapping[str, str] = field(default_factory=dict)
    width: int = 1600
    height: int = 900

    def stage(self) -> Stage:
        """What to play on."""
        return Stage(self.device, self.input, self.block, self.latency, False, self.osc, self.osc_host, self.midi)


def load() -> Preferences:
    """The user's preferences. What is missing or makes no sense is as if it were not there. Never raises."""
    try:
        found = json.loads((config_folder() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Preferences()
    return legal(found)


def legal(found: Any) -> Preferences:
    """Preferences from whatever a file held."""
    if not isinstance(found, dict):
        return Preferences()
    names = {one.name for one in fields(Preferences)}
    return Preferences(**{key: value for key, value in found.items() if key in names and _LEGAL[key](value)})


def save(preferences: Preferences) -> None:
    """Keeps them, whole or not at all. Raises OSError."""
    text = json.dumps(asdict(preferences), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(config_folder() / FILE, text.encode(), through_links=True)


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and math.isfinite(value) and low <= value <= high


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _or_none(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or test(value)


def _are_shortcuts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


_LEGAL: Mapping[str, Callable[[Any], bool]] = {
    "theme": lambda value: value in THEMES,
    "scale": _number(0.5, 4.0),
    "device": _or_none(_text),
    "input": _or_none(_text),
    "block": _or_none(lambda value: value in BLOCKS and value >= 256),
    "latency": _or_none(_number(0.001, 2.0)),
    "osc": _whole(0, 65535),
    "osc_host": _text,
    "midi": _or_none(_text),
    "shortcuts": _are_shortcuts,
    "width": _whole(400, 16384),
    "height": _whole(300, 16384),
}
