"""The parent's handle on a performance: starts the engine process, asks things of it, and hears what it tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from types import TracebackType
from typing import Any

from runtime import messages as ask
from runtime.worker import Order, work

ENDING = 8.0
"""Seconds that a performance may take to fade out, close its files and end."""


class Live:
    """A performance in a process of its own. One thread at a time may use it.

    It may be left open when this process dies: the sound goes on until it is told to stop by OSC, MIDI or the system."""

    def __init__(self, order: Order) -> None:
        """Starts the process; what becomes of it comes as events (`Playing`, or `Stopped` with the fault)."""
        self.order = order
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(order, theirs), name="glasspatch engine")
        self._process.start()
        theirs.close()
        self._ended = False
        self.has_played = False
        """Whether the sound has ever begun: an engine that dies before that would die again."""

    def send(self, command: ask.Command) -> None:
        """Asks for something; a performance that has ended hears nothing."""
        with suppress(OSError):
            self._connection.send(command)

    def events(self, wait: float = 0.0) -> Iterator[Any]:
        """What was told since the last time, waiting so many seconds for the first. The last one ever is `Stopped`."""
        until = time.monotonic() + wait
        while not self._ended:
            try:
                if not self._connection.poll(max(0.0, until - time.monotonic())):
                    return
                event = self._connection.recv()
            except (EOFError, OSError):
                self._ended = True
                self._process.join(ENDING)
                code = self._process.exitcode
                event = ask.Stopped(
                    f"the engine process ended unasked (code {code}); start it again, nothing of the patch is lost"
                )
            self._ended = self._ended or isinstance(event, ask.Stopped)
            self.has_played = self.has_played or isinstance(event, ask.Playing)
            until = 0.0
            yield event

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def close(self) -> None:
        """Fades out and ends the process; one that does not end is killed."""
        self.send(ask.Quit())
        self._process.join(ENDING)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
