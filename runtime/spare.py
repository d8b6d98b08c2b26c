"""The spare engine's process: it imports and prepares all that takes its time, and plays at once when it is told to."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.jobs import limit_threads, print_into_log

if TYPE_CHECKING:
    from runtime.plan import Plan
    from runtime.program import Instance
    from runtime.registry import Registry
    from runtime.worker import Order

NEEDED = ("runtime.worker", "runtime.performance", "runtime.takes.writer", "runtime.playing", "runtime.speaker", "torch")
"""What every engine imports. sounddevice is not among them: it would look for cards, and other processes hear of that."""


@dataclass(frozen=True)
class Go:
    """Play this from now on."""

    order: Order


@dataclass(frozen=True)
class Prepared:
    """All that can be prepared of the newest order is."""


def stand_by(connection: Connection) -> None:
    """The child's main function. It hears orders to be prepared for, and one to `Go`; it ends when the parent does."""
    # The terminal sends Ctrl-C to parent and child alike; only the parent decides what stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(1)
    print_into_log("spare.log")
    preparation = Preparation()
    in_idle_time(preparation.begin)
    try:
        while not isinstance(asked := connection.recv(), Go):
            in_idle_time(partial(preparation.follow, asked))
            connection.send(Prepared())
    except (EOFError, OSError):
        return  # the parent has gone or has closed
    from runtime.worker import work

    work(asked.order, connection, preparation.current())


def in_idle_time(call: Callable[[], None]) -> None:
    """Calls when nobody else wants the processor, and waits for it; what it raises goes into the log. The calling thread stays as
    it is: what has given its priority away does not get it back."""

    def modestly() -> None:
        if sys.platform == "linux":  # where threads are scheduled one by one
            with suppress(OSError):
                os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
        try:
            call()
        except Exception:  # what cannot be prepared now is told when it is to play
            traceback.print_exc()

    thread = threading.Thread(target=modestly, name="glasspatch spare")
    thread.start()
    thread.join()


class Preparation:
    """The prepared nodes of the newest order: those that neither play nor write nor send."""

    def __init__(self) -> None:
        self._instances: dict[str, Instance] = {}
        self._stamps: dict[str, Any] = {}
        self._registry: Registry | None = None

    def begin(self) -> None:
        """Imports what every engine needs."""
        for name in NEEDED:
            import_module(name)

    def follow(self, order: Order) -> None:
        """Prepares what is new in an order and lets go what it no longer has."""
        from runtime.artifacts import Assets
        from runtime.feed import inside
        from runtime.instances import Surroundings, prepare
        from runtime.patch import loads
        from runtime.plan import compile_patch
        from runtime.registry import discover
        from runtime.senses import feeds_of

        self._registry = self._registry or discover(*order.packages)
        self._taught = (assets := Assets(order.path)).node
        plan = compile_patch(loads(order.text), self._registry, assets.patch_folder)
        feeds = feeds_of(plan, order.held, {}) if order.held else {}
        rate, block, seed = (plan.settings[key] for key in ("sample_rate", "block", "seed"))
        around = Surroundings(rate, block, seed, False, True, assets, assets.node, lambda: None)
        old, stamps = self.current(), {step.node: _stamp(self._taught(step.node)) for step in plan.streams}
        program, problems = prepare(quiet(inside(plan, feeds)), old, around)
        kept = {one.node for one in program.instances.values()}
        for one in self._instances.values():
            if one.node not in kept:
                one.node.close()
        self._instances, self._stamps = program.instances, stamps
        for problem in problems:
            print(problem, flush=True)
        gc.collect()
        gc.freeze()

    def current(self) -> dict[str, Instance]:
        """What is prepared, without the nodes that have been taught since."""
        return {
            name: one
            for name, one in self._instances.items()
            if not one.step.spec.actions or _stamp(self._taught(name)) == self._stamps[name]
        }


def quiet(plan: Plan) -> Plan:
    """The part of a plan that may be prepared while another engine plays it: what gives nothing plays or sends, and what has an
    output path writes."""

    def is_quiet(spec: Any) -> bool:
        return bool(spec.outputs) and not any(getattr(param, "what", "") == "output" for param in spec.params)

    return replace(plan, streams=tuple(step for step in plan.streams if is_quiet(step.spec)))


def _stamp(folder: Path) -> list[tuple[str, int, int]]:
    """Changes with every file of what a node was taught."""
    with suppress(OSError):
        return sorted((file.name, found.st_mtime_ns, found.st_size) for file in folder.iterdir() if (found := file.stat()))
    return []
