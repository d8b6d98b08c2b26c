"""Answers that take their time: asked for every frame, worked out on threads, kept until something newer is known."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
KEPT = 200
"""Answers that are kept; the one that nobody asked for the longest goes first."""


@dataclass
class _Answer:
    value: Any = None
    fault: str = ""
    due: float = 0.0
    """When it is to be looked for again (time.monotonic)."""
    working: Future[Any] | None = None


class Answers:
    """What was asked beside the window's thread. Only that thread uses it; nothing here waits."""

    def __init__(self, aside: Callable[[Callable[[], Any]], Future[Any]]) -> None:
        """`aside` does work on a thread, as `Client.aside` does."""
        self._aside = aside
        self._known: OrderedDict[Hashable, _Answer] = OrderedDict()

    def ask(self, key: Hashable, work: Callable[[T | None], T], again: float | None = None) -> T | None:
        """The newest answer to a question, None until there is one. `work` is called on a thread with the answer so far: once,
        or, with `again`, anew after so many seconds for as long as somebody asks. What it raises is the question's `fault`."""
        answer = self._known.get(key)
        if answer is None:
            answer = self._known[key] = _Answer()
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        if answer.working is not None and answer.working.done():
            error = answer.working.exception()
            if error is None:
                answer.value, answer.fault = answer.working.result(), ""
            else:
                answer.fault = str(error) or type(error).__name__
            answer.working = None
            answer.due = time.monotonic() + again if again is not None else float("inf")
        if answer.working is None and time.monotonic() >= answer.due:
            value = answer.value
            answer.working = self._aside(lambda: work(value))
        found: T | None = answer.value
        return found

    def forget(self, key: Hashable) -> None:
        """Nobody will ask this again."""
        self._known.pop(key, None)

    def fault(self, key: Hashable) -> str:
        """Why a question has no newer answer; empty where nothing went wrong."""
        return self._known[key].fault if key in self._known else ""
