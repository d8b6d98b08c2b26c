"""What a typed text means for a param: numbers with their units ("1.5 kHz", "250 ms", "30 %"), on and off, a choice's word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam

UNITS: Mapping[str, Mapping[str, float]] = {
    "": {"%": 0.01},
    "Hz": {"Hz": 1.0, "kHz": 1e3},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0},
    "ms": {"ms": 1.0, "s": 1e3, "us": 1e-3, "min": 6e4},
    "dBFS": {"dBFS": 1.0, "dB": 1.0},
}
"""For the unit of a param: what else may be typed, and how many of the param's it is."""
COUNTS = {"k": 1e3, "m": 1e6}
"""What may stand behind any number: 20k steps."""
ON, OFF = ("on", "yes", "true", "1"), ("off", "no", "false", "0")
_NUMBER = re.compile(r"([-+\u2212]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+]?\d+)?)\s*(\D*)", re.IGNORECASE)


def value_of(param: Any, text: str) -> Any:
    """The legal value that is meant. A number out of range is clamped. Raises ParamError in words."""
    words = text.strip()
    if isinstance(param, BoolParam):
        return param.coerce(True if words.lower() in ON else False if words.lower() in OFF else words)
    if isinstance(param, ChoiceParam):
        named = {str(choice).lower(): choice for choice in param.choices}
        return param.coerce(named.get(words.lower(), words))
    if isinstance(param, FloatParam):
        return param.coerce(_number(param, words))
    if isinstance(param, IntParam):
        return param.coerce(_number(param, words))
    return param.coerce(text)


def _number(param: FloatParam | IntParam, words: str) -> float:
    found = _NUMBER.fullmatch(words)
    if found is None:
        raise param.refuse("a number", words)
    factors = {param.unit: 1.0, **UNITS.get(param.unit, {})}
    units = {unit.lower(): factor for unit, factor in {**COUNTS, **factors, "": 1.0}.items()}
    unit = found[2].strip().lower()
    if unit not in units:
        raise param.refuse(f"a number in {', '.join(one for one in factors if one)}" if any(factors) else "a plain number", words)
    return float(found[1].replace(",", ".").replace("\u2212", "-")) * units[unit]
