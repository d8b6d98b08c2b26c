"""Importing what numba compiles at its first use and keeps beside its code: one process at a time."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

PATIENCE = 60.0
"""Seconds after which another process that compiles is waited for no longer: twice what compiling everything takes."""


def import_compiled(name: str) -> ModuleType:
    """The module of that name, as by `import`. Of librosa name the part that is used: it loads its parts when they are asked for,
    and `librosa.filters` alone compiles nothing.

    Of two processes that compile the same for the first time, at the same time, each may write into numba's list where the other
    has put something else; who follows that list later runs the wrong code and crashes. So they come one after the other, and the
    second finds everything compiled."""
    if name not in sys.modules:
        with _alone():
            import_module(name)
    return import_module(name)  # which waits where another thread is just importing it


@contextmanager
def _alone() -> Iterator[None]:
    """Holds a lock on numba's own file, which all that use this numba see. Nothing is written: it may be read-only."""
    import fcntl

    numba = importlib.util.find_spec("numba")
    if numba is None or numba.origin is None:  # then importing says what is missing
        yield
        return
    with open(numba.origin, "rb") as file:
        given_up = time.monotonic() + PATIENCE
        while time.monotonic() < given_up:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # another process holds it
                time.sleep(0.05)
            except OSError:  # a file system that has no locks
                break
        yield
