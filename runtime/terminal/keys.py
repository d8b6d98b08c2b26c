"""The keyboard as a remote control, in a terminal: one key, one command."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runtime import messages as ask

HELP = "keys: space stops and starts, 1-9 scenes, t take, u undo, r redo, q ends"


class Keys:
    """What the keys mean in a performance with these scenes; toggles remember. One thread."""

    def __init__(self, scenes: Mapping[str, Any]) -> None:
        self._scenes = list(scenes)
        self._stopped = self._taking = False

    def command(self, key: str) -> ask.Command | None:
        """What a key asks for, or None."""
        if key == " ":
            self._stopped = not self._stopped
            return ask.Stop() if self._stopped else ask.Start()
        if key == "t":
            self._taking = not self._taking
            return ask.StartTake() if self._taking else ask.EndTake()
        if key.isdecimal() and 1 <= int(key) <= len(self._scenes):
            return ask.RecallScene(self._scenes[int(key) - 1])
        others: dict[str, ask.Command] = {"u": ask.Undo(), "r": ask.Redo(), "q": ask.Quit()}
        return others.get(key)


@contextmanager
def pressed() -> Iterator[Callable[[], str]]:
    """While it lasts, keys reach us one by one: a function that gives those pressed since, never waiting. Where there is no
    terminal none ever is."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)

    def read() -> str:
        # Not through sys.stdin, which would take more than it gives and leave the rest unseen.
        return os.read(handle, 100).decode(errors="ignore") if select.select([handle], [], [], 0)[0] else ""

    try:
        tty.setcbreak(handle)
        yield read
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
