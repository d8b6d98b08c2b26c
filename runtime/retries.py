"""When a failed node tries again: soon at first, ever later if it goes on failing."""

from __future__ import annotations

import time

TRIES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before a failed node tries again: the first time as it is, later prepared anew."""
CALM = 0.3
"""Seconds of playing well after which a node's earlier failures are forgotten: what is broken fails again at once."""


class Retries:
    """Counts the failures of nodes. One thread at a time."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, float]] = {}
        self._waiting: dict[str, float] = {}

    def failed(self, node: str) -> None:
        """A node has failed now."""
        now = time.monotonic()
        times, tried = self._failures.get(node, (0, 0.0))
        times = times + 1 if now - tried < CALM else 1
        wait = TRIES[min(times, len(TRIES)) - 1]
        self._failures[node] = (times, now + wait)
        self._waiting[node] = now + wait

    def forget(self, node: str) -> None:
        """The node is another now, as its params are: if it fails, it is tried as soon as one that never did."""
        self._failures.pop(node, None)

    def due(self) -> list[tuple[str, bool]]:
        """The nodes whose time has come, and whether they are to be made anew; each is given once."""
        now = time.monotonic()
        found = [node for node, at in self._waiting.items() if now >= at]
        for node in found:
            del self._waiting[node]
        return [(node, self._failures.get(node, (0, 0.0))[0] > 1) for node in found]
