"""Looks for what is wrong with the patch while it is drawn, on a thread: paths are looked for on disks, which may be slow."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from runtime import messages as say
from runtime.patch import Patch
from runtime.plan import compile_patch
from runtime.registry import Registry
from runtime.remote.bindings import problems as knob_problems
from runtime.subpatch import flattened

PAUSE = 0.1
"""Seconds between two compilations at least: a knob that is dragged must not keep a core busy."""


class Compiling:
    """Compiles the newest patch that it was given, and tells `Problems`, on a thread of its own."""

    def __init__(self, registry: Callable[[], Registry], tell: Callable[[say.Problems], None]) -> None:
        self._registry, self._tell = registry, tell
        self._wake = threading.Condition()
        self._wanted: tuple[Patch, Path | None] | None = None
        self._closed = False
        threading.Thread(target=self._run, name="glasspatch compiles", daemon=True).start()

    def ask(self, patch: Patch, path: Path | None) -> None:
        """Any thread. `path` is the patch's own; None where it has no place yet, and no files are looked for."""
        with self._wake:
            self._wanted = patch, path
            self._wake.notify()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted is not None or self._closed)
                if self._closed or self._wanted is None:
                    return
                (patch, path), self._wanted = self._wanted, None
            try:
                self._tell(problems_of(patch, path, self._registry()))
            except Exception as error:  # a fault of ours must not end the search for good
                traceback.print_exc()
                self._tell(say.Problems((say.Problem("", f"a fault of glasspatch itself: {error!r}", stops=False),)))
            time.sleep(PAUSE)


def problems_of(patch: Patch, path: Path | None, registry: Registry) -> say.Problems:
    """All that can be said of a patch without playing it."""
    plan = compile_patch(patch, registry, path.parent if path is not None else None)
    return say.Problems((*plan.problems, *knob_problems(flattened(patch, registry), registry), *plan.waiting()))
