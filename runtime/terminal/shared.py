"""What all commands share: opening a patch aloud, the terminal's manners, and the arguments' types."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.terminal.open import Opened


class UsageError(Exception):
    """The command was given something that does not exist."""


def open_told(path: Path, block: int | None = None, *, tell: bool = True) -> Opened:
    from runtime.terminal.open import open_patch

    opened = open_patch(path, block)
    for problem in opened.plan.problems if tell else ():
        print(problem, file=sys.stderr)
    return opened


def as_engine() -> None:
    """Makes this process fit for an engine: one thread for numpy, before it is imported, and a quiet screen. Libraries that print
    from C (mediapipe does so for every face) print into the user's log; what we say ourselves still reaches the screen."""
    from runtime.jobs import limit_threads, print_into_log

    limit_threads(1)
    sys.stderr = open(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace", closefd=True)  # noqa: SIM115
    print_into_log("libraries.log", streams=(2,))


@contextmanager
def on_interrupt(call: Callable[[], None]) -> Iterator[None]:
    """While it lasts, Ctrl-C (and the system's polite end) calls `call` instead of breaking off in the middle."""
    before = {number: signal.signal(number, lambda *_: call()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def seconds(text: str) -> float:
    value = math.nan
    with suppress(ValueError):
        value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"must be seconds, 0 or more, got {text}")
    return value


def length(text: str) -> float:
    value = seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be more than 0 seconds")
    return value


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text}")
    return int(text)


def block_length(text: str) -> int:
    from runtime.patch import BLOCKS

    if not text.isdecimal() or int(text) not in BLOCKS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(map(str, BLOCKS))}, got {text}")
    return int(text)


def target(text: str) -> dict[str, float]:
    try:
        return {name.strip(): float(value) for name, value in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(f"must look like z0=1.5,z1=-0.5, got {text!r}") from None
