"""The spare engine's process: it imports and prepares all that takes its time, and plays at once when it is told to."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.jobs import limit_threads, print_into_log

if TYPE_CHECKING:
    from runtime.plan import Plan
    from runtime.program import Instance
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
    """The child's main function. It hears orders to be prepared for, and one to `Go`; it ends when the parent does.

    A thread prepares when nobody else wants the processor, and the main thread plays: what has been modest may not go back."""
    # The terminal sends Ctrl-C to parent and child alike; only the parent decides what stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(1)
    print_into_log("spare.log")
    found: list[Any] = []
    waiting = threading.Thread(target=_wait, args=(connection, found), name="glasspatch spare")
    waiting.start()
    waiting.join()
    if found:
        from runtime.worker import work

        order, prepared = found
        work(order, connection, prepared)


def _wait(connection: Connection, found: list[Any]) -> None:
    """Prepares until it is told to go; `found` is then the order and what is prepared of it."""
    if sys.platform == "linux":  # where threads are scheduled one by one, and those that it starts as it is
        with suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
    preparation: Preparation | None = None
    try:
        while not isinstance(asked := connection.recv(), Go):
            try:
                preparation = preparation or Preparation(asked)
                preparation.follow(asked)
            except Exception:  # what cannot be prepared now is told when it is to play
                traceback.print_exc()
            gc.collect()
            gc.freeze()
            connection.send(Prepared())
    except (EOFError, OSError):
        return  # the parent has gone or has closed
    found += [asked.order, preparation.current() if preparation else {}]


class Preparation:
    """The prepared nodes of the newest order: those that neither play nor write nor send."""

    def __init__(self, order: Order) -> None:
        for name in NEEDED:
            import_module(name)
        from runtime.artifacts import Assets
        from runtime.registry import discover

        self._assets, self._registry = Assets(order.path), discover(*order.packages)
        self._instances: dict[str, Instance] = {}
        self._stamps: dict[str, Any] = {}

    def follow(self, order: Order) -> None:
        """Prepares what is new in an order and lets go what it no longer has."""
        from runtime.feed import inside
        from runtime.instances import Surroundings, prepare
        from runtime.patch import loads
        from runtime.plan import compile_patch
        from runtime.senses import feeds_of

        plan = compile_patch(loads(order.text), self._registry, self._assets.patch_folder)
        feeds = feeds_of(plan, order.held, {}) if order.held else {}
        set = plan.settings
        around = Surroundings(
            set["sample_rate"], set["block"], set["seed"], False, True, self._assets, self._assets.node, lambda: None
        )
        old, stamps = self.current(), {step.node: _stamp(self._assets.node(step.node)) for step in plan.streams}
        program, problems = prepare(quiet(inside(plan, feeds)), old, around)
        kept = {one.node for one in program.instances.values()}
        for one in self._instances.values():
            if one.node not in kept:
                one.node.close()
        self._instances, self._stamps = program.instances, stamps
        for problem in problems:
            print(problem, flush=True)

    def current(self) -> dict[str, Instance]:
        """What is prepared, without the nodes that have been taught since."""
        return {
            name: one
            for name, one in self._instances.items()
            if not one.step.spec.actions or _stamp(self._assets.node(name)) == self._stamps[name]
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
