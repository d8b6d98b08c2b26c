"""Shows a performance in the terminal: one line that says how it is, and what must stay readable above it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runtime import messages as say

if TYPE_CHECKING:
    from runtime.live import Live
    from runtime.supervisor import Supervisor

EVERY = 0.25
"""Seconds between two looks at a performance: the status line is read, not watched."""
QUIET = 10.0
"""Seconds between two status lines where there is no screen."""


def watch(
    live: Live | Supervisor,
    status: Status,
    leaving: Callable[[], bool],
    commands: Callable[[], Sequence[say.Command]] = lambda: (),
) -> str:
    """Shows what a performance tells until it ends, and hands on what is asked meanwhile; gives the fault that ended it, or
    nothing."""
    asked, quitting = 0.0, False
    while True:
        if leaving() and not quitting:
            live.send(say.Quit())
            quitting = True
        for command in commands():
            live.send(command)
        for event in live.events(EVERY):
            match event:
                case say.Stopped(fault):
                    status.end()
                    return fault
                case say.Snapshot():
                    status.show(event)
                case say.Playing(device, rate, block):
                    status.line(f"playing on {device}, {rate} Hz, blocks of {block}; Ctrl-C fades out")
                case say.Told(words, wrong):
                    status.line(f"{'!! ' if wrong else ''}{words}")
                case say.Problems(problems):
                    for problem in problems:
                        status.line(f"!! {problem}")
                case say.NodeFailed():
                    status.line(f"!! {event}; it tries again by itself")
                case _:
                    pass
        if time.monotonic() - asked >= EVERY:
            asked = time.monotonic()
            live.send(say.Poll())


class Status:
    """One line that says how the performance is; what must stay readable is printed above it."""

    def __init__(self) -> None:
        self._screen = sys.stderr.isatty()
        self._shown = 0
        self._last = time.monotonic()
        self.snapshot: say.Snapshot | None = None
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)
        self._clear()
        print(text, file=sys.stderr, flush=True)

    def show(self, snapshot: say.Snapshot) -> None:
        self.snapshot = snapshot
        text = status_line(snapshot)
        if self._screen:
            self._clear()
            print(text, end="\r", file=sys.stderr, flush=True)
            self._shown = len(text)
        elif time.monotonic() - self._last >= QUIET:
            self._last = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        self._clear()
        if self.snapshot is not None:
            print(status_line(self.snapshot), file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._shown:
            print(" " * self._shown, end="\r", file=sys.stderr)
            self._shown = 0


def status_line(now: say.Snapshot) -> str:
    """The performance in one line: time, level, load, gaps, latency, what has failed."""
    minutes, rest = divmod(int(now.seconds), 60)
    level = max(-60.0, 20.0 * _log10(now.peak))
    gaps = " ".join(f"{name} {count}" for name, count in now.counters.items() if count) or "no gaps"
    ways = {"sound": now.latency} if now.latency else {}
    late = ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in (ways | dict(sorted(now.latencies.items()))).items())
    load = f"load {100 * now.load:3.0f} % (worst {100 * now.worst_load:.0f} %)"
    parts = [f"{minutes:02}:{rest:02}", f"{level:4.0f} dB", load, gaps]
    parts += [late] if late else []
    parts += [f"slowest {now.slowest[0]}"] if now.slowest else []
    parts += [f"failed: {', '.join(now.failed)}"] if now.failed else []
    parts += ["take"] if now.take else []
    return " | ".join(parts)


def _log10(value: float) -> float:
    return math.log10(max(value, 1e-6))
