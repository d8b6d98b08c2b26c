"""The parent's handle on an engine process: starts it, asks things of it, and hears what it tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from types import TracebackType
from typing import Any

from runtime import messages as ask
from runtime.spare import Go, Prepared, stand_by
from runtime.worker import Order, work

ENDING = 8.0
"""Seconds that a performance may take to fade out, close its files and end."""


class Live:
    """A performance in a process of its own. One thread at a time may use it.

    It may be left open when this process dies: the sound goes on until it is told to stop by OSC, MIDI or the system."""

    def __init__(self, order: Order, *, spare: bool = False) -> None:
        """Starts the process; what becomes of it comes as events (`Playing`, or `Stopped` with the fault). A `spare` one gets
        ready and waits until `go`; it ends with this process."""
        self.order = order
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        if spare:
            self._process = context.Process(target=stand_by, args=(theirs,), name="glasspatch spare")
        else:
            self._process = context.Process(target=work, args=(order, theirs), name="glasspatch engine")
        self._process.start()
        theirs.close()
        self._ended = False
        self._is_prepared = False
        self.has_played = False
        """Whether the sound has ever begun: an engine that dies before that would die again."""
        if spare:
            self.send(order)

    def send(self, command: ask.Command | Order | Go) -> None:
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
                event = ask.Stopped(f"the engine process ended unasked (code {code}); nothing of the patch is lost")
            if isinstance(event, Prepared):
                self._is_prepared = True
                continue
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
        self.end(ENDING)

    def end(self, seconds: float = 0.0) -> None:
        """Waits so long for the process to end, and kills one that does not."""
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # A spare

    @property
    def is_prepared(self) -> bool:
        """Whether a spare is ready for the newest order that it got."""
        for _ in self.events():
            pass
        return self._is_prepared and self.is_alive

    def follow(self, order: Order) -> None:
        """Lets a spare get ready for a newer order."""
        self._is_prepared = False
        self.send(order)

    def go(self, order: Order) -> None:
        """Lets a spare play, at once."""
        self.order = order
        self.send(Go(order))
