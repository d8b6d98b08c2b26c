"""Tries what may crash or hang, such as a model from elsewhere, in a process of its own that can be ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import Any

from runtime.errors import Cancelled, GlasspatchError, NodeError, in_words
from runtime.jobs import limit_threads

LOOK = 0.1
"""Seconds between two looks at whether the user has asked to stop."""


def attempt(
    module: str,
    function: str,
    argument: Any,
    seconds: float,
    *,
    what: str,
    tell: Callable[[str], None] = lambda words: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Any:
    """What `function(argument, tell)` of that module answers, called in a fresh process with one thread; `what` is tried, in the
    user's words. What it tells goes to `tell`.

    Raises NodeError in its own words where it refuses, where its process crashes and where it takes longer than `seconds`; and
    Cancelled."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_work, args=(there, module, function, argument), name=f"glasspatch trial of {what}")
    process.start()
    there.close()
    until, at = time.monotonic() + seconds, "it was opened"
    try:
        while True:
            wait([here, process.sentinel], timeout=LOOK)
            ended = not process.is_alive()  # asked before the pipe is emptied: what it said last is then in the pipe
            with suppress(EOFError, OSError):
                while here.poll():
                    kind, said = here.recv()
                    if kind == "done":
                        return said
                    if kind == "failed":
                        raise NodeError(said)
                    at = said
                    tell(said)
            if ended:
                raise NodeError(
                    f"{what} crashed while {at} ({_reason(process.exitcode)}); it cannot be used, and nothing else was harmed"
                )
            if is_cancelled():
                raise Cancelled("stopped by the user")
            if time.monotonic() > until:
                raise NodeError(f"{what} gave no answer within {seconds:g} s while {at}; it cannot be used on this machine")
    finally:
        process.kill()
        process.join()
        here.close()


def _reason(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "the system ended it, probably for want of memory"
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _work(connection: Connection, module: str, function: str, argument: Any) -> None:
    # Ctrl-C reaches parent and child alike; only the parent decides what stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(1)
    # Whatever it prints, also from C, is not for the user's screen.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    try:
        answer = getattr(import_module(module), function)(argument, lambda words: connection.send(("at", words)))
        connection.send(("done", answer))
    except GlasspatchError as error:
        connection.send(("failed", str(error)))
    except BaseException as error:
        traceback.print_exc()
        connection.send(("failed", in_words(error)))


def _end_with_parent(connection: Connection) -> None:
    with suppress(EOFError, OSError):
        connection.recv()
    os._exit(1)
