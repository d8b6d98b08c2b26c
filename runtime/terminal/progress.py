"""Shows jobs in the terminal: a bar with time left for each on a screen, plain lines in a log."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from runtime import messages as say

EVERY = 10.0
"""Seconds between two lines about one job where there is no screen."""


class Bars:
    """Takes the runner's events. Each job keeps its own line; what must stay readable is printed above the bars."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self.out = out
        self.screen = out.isatty()
        self.bars: dict[str, Any] = {}
        self.since: dict[str, float] = {}
        self.told: dict[str, float] = {}
        self.left: dict[str, float | None] = {}
        """Seconds that jobs say they will take; others are guessed by how far they have come."""

    def __call__(self, event: say.JobEvent) -> None:
        match event:
            case say.JobStarted(node, goes_on):
                self.since[node] = self.told[node] = time.monotonic()
                self.line(f"{node}: {'goes on where it stopped' if goes_on else 'starts'}")
                self._open(node)
            case say.JobProgress(node, fraction, text):
                self._progress(node, fraction, text)
            case say.JobTold(node, message, facts):
                self.left[node] = facts.get("left", self.left.get(node))
                if message:
                    self.line(f"{node}: {message}")
            case say.JobWarned(node, message):
                self.line(f"{node}: {message}")
            case say.JobSkipped(node):
                self.line(f"{node}: already made")
            case say.JobDone(node, seconds):
                self._close(node)
                self.line(f"{node}: done in {in_time(seconds)}")
            case say.JobStopping(node):
                self.line(f"{node}: stopping at its next checkpoint; Ctrl-C again ends it at once")
            case say.JobStopped(node):
                self._close(node)
                self.line(f"{node}: stopped; what it had is kept and the next run goes on from there")
            case say.JobFailed(node, message):
                self._close(node)
                self.line(f"{node}: {message}")

    def line(self, text: str) -> None:
        """Prints a line that stays."""
        if self.bars:
            from tqdm import tqdm

            tqdm.write(text, file=self.out)
        else:
            print(text, file=self.out, flush=True)

    def _open(self, node: str) -> None:
        if self.screen:
            from tqdm import tqdm

            form = "{desc} {percentage:3.0f}% |{bar:24}| {elapsed}<{remaining} {postfix}"
            self.bars[node] = tqdm(total=1.0, desc=node, bar_format=form, file=self.out, leave=False)

    def _close(self, node: str) -> None:
        if node in self.bars:
            self.bars.pop(node).close()

    def _progress(self, node: str, fraction: float | None, text: str) -> None:
        if node in self.bars:
            bar = self.bars[node]
            bar.set_postfix_str(text, refresh=False)
            bar.update(max((fraction or 0.0) - bar.n, 0.0))
            return
        now = time.monotonic()
        if not self.screen and now - self.told[node] >= EVERY:
            self.told[node] = now
            left = self.left.get(node)
            if left is None and fraction:
                left = (now - self.since[node]) * (1 - fraction) / fraction
            part = [f"{100 * fraction:.0f} %"] if fraction is not None else []
            part += [f"{in_time(left)} left"] if left is not None else []
            self.line(f"{node}: {', '.join([*part, *([text] if text else [])])}")


def in_time(seconds: float) -> str:
    """A duration as people write it: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
