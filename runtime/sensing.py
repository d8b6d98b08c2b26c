"""The child's side of the senses: renders the outer part of a patch and tells what has changed, newest values only.

A picture stays here, but for thumbnails that are asked for and the video of a take.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from runtime.errors import in_words
from runtime.feed import outside
from runtime.jobs import limit_threads, print_into_log
from runtime.messages import Problem, Told
from runtime.plan import Plan
from runtime.sight import Sight

TICK = 0.005
"""Seconds between two looks when nothing new was announced: less than a block, and next to no work."""


@dataclass(frozen=True)
class Ports:
    """Where the remote control listens; `osc` 0 is nowhere."""

    osc: int = 0
    host: str = "127.0.0.1"
    midi: str | None = None


@dataclass(frozen=True)
class Ready:
    """The senses have taken a patch in: dimension names and first values of each output, and what could not be prepared."""

    names: Mapping[str, Mapping[str, tuple[str, ...]]]
    values: Mapping[str, Mapping[str, Any]]
    problems: tuple[Problem, ...]


def work(path: Path, ports: Ports, packages: tuple[str, ...], connection: Connection) -> None:
    """The child's main function; it ends when the engine's process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(1)
    print_into_log("senses.log")
    wake, orders, sending = threading.Event(), deque[tuple[Any, ...]](), threading.Lock()

    def send(*message: Any) -> None:
        with sending:
            try:
                connection.send(message)
            except OSError:
                os._exit(0)  # nobody is there to sense for

    def listen() -> None:
        try:
            while True:
                orders.append(connection.recv())
                wake.set()
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    _Loop(path, ports, packages, send, wake, orders).run()


class _Loop:
    """Renders the outer part of a patch whenever something new has come, on the wall's clock."""

    def __init__(
        self,
        path: Path,
        ports: Ports,
        packages: tuple[str, ...],
        send: Callable[..., None],
        wake: threading.Event,
        orders: deque[tuple[Any, ...]],
    ) -> None:
        from runtime.artifacts import Assets

        self._packages, self._send, self._wake, self._orders = packages, send, wake, orders
        self._assets = Assets(path)
        self._engine: Any = None
        self._sent: dict[tuple[str, str], bytes] = {}
        self._failures: dict[str, str | None] = {}
        self._malformed = 0
        self._sight = Sight(send)
        self._remote = self._listen(ports)

    def _listen(self, ports: Ports) -> Any:
        if not ports.osc and ports.midi is None:
            return None
        from runtime.remote.control import Remote

        try:
            return Remote(
                lambda command: self._send("command", command, time.perf_counter()),
                osc_port=ports.osc or None,
                osc_host=ports.host,
                midi_port=ports.midi,
                on_problem=lambda words: self._send("told", Told(words)),
                on_learned=lambda binding: self._send("learned", binding),
            )
        except Exception as error:
            self._send("told", Told(in_words(error)))
            return None

    def run(self) -> None:
        began = time.perf_counter()
        while True:
            self._wake.wait(TICK)
            self._wake.clear()
            while self._orders:
                order = self._orders.popleft()
                if order[0] == "quit":
                    self._close()
                    return
                try:
                    getattr(self, f"_{order[0]}")(*order[1:])
                except Exception as error:
                    self._send("told", Told(f"the senses could not {order[0]}: {in_words(error)}"))
            if self._engine is not None:
                self._engine.seek(int((time.perf_counter() - began) * self._engine.sample_rate))
                self._engine.render()
                self._sight.look(self._engine)
                self._tell_news()

    def _close(self) -> None:
        self._sight.end().join()
        if self._engine is not None:
            self._engine.close()
        if self._remote is not None:
            self._remote.close()

    # Orders

    def _load(self, text: str) -> None:
        from runtime.engine import Engine
        from runtime.patch import loads
        from runtime.plan import compile_patch
        from runtime.registry import discover

        plan = outside(compile_patch(loads(text), discover(*self._packages), self._assets.patch_folder))
        if self._engine is None or any(getattr(self._engine, key) != plan.settings[key] for key in ("sample_rate", "block")):
            if self._engine is not None:
                self._engine.close()
            self._engine = Engine(
                plan.settings, self._assets, offline=False, hurried=False, taught=self._assets.node, arrived=self._wake.set
            )
        problems = self._engine.load(plan)
        self._engine.render()
        self._engine.tidy()
        names: dict[str, dict[str, tuple[str, ...]]] = {}
        values: dict[str, dict[str, Any]] = {}
        for node, output in self._engine.control_outputs():
            names.setdefault(node, {})[output] = self._engine.names(node, output)
            values.setdefault(node, {})[output] = self._engine.value(node, output)[:, -1].copy()
        self._above = {step.node: _sources(plan, step.node) for step in plan.streams}
        self._sent.clear()
        self._send("ready", Ready(names, values, tuple(problems)))

    def _set(self, node: str, param: str, value: Any) -> None:
        if self._engine is not None and self._engine.instance(node) is not None:
            self._engine.set_param(node, param, value)

    def _bind(self, bindings: Any) -> None:
        if self._remote is not None:
            self._remote.set_bindings(bindings)

    def _learn(self, node: str, param: str) -> None:
        if self._remote is None:
            raise ValueError("no MIDI or OSC port is open to learn from")
        self._remote.learn(node, param)

    def _picture(self, node: str, port: str) -> None:
        value = self._engine.value(node, port) if self._engine is not None else None
        if value is not None and value.ndim == 3:
            step = max(1, -(-max(value.shape[:2]) // 320))
            self._send("picture", (node, port), value[::step, ::step].copy())

    def _marks(self, node: str) -> None:
        if self._engine is not None:
            self._sight.ask(self._engine, node)

    def _record(self, *take: Any) -> None:
        self._sight.record(*take) if take else self._sight.end()

    # News

    def _tell_news(self) -> None:
        engine = self._engine
        news: dict[str, dict[str, Any]] = {}
        for node, output in engine.control_outputs():
            value = engine.value(node, output)
            if value is None:
                continue
            newest = value[:, -1]
            data = newest.tobytes()
            if self._sent.get((node, output)) != data:
                self._sent[node, output] = data
                news.setdefault(node, {})[output] = newest.copy()
        for node, values in news.items():
            self._send("values", node, values, self._stamp(node))
        while engine.events:
            self._send("failed", engine.events.popleft())
        malformed = self._remote.malformed if self._remote is not None else 0
        if malformed != self._malformed:
            self._malformed = malformed
            self._send("malformed", malformed)
        for name, node in engine.instances().items():
            if node.failure != self._failures.get(name):
                self._failures[name] = node.failure
                self._send("told", Told(f"{name}: {node.failure or 'is well again'}", wrong=bool(node.failure)))

    def _stamp(self, node: str) -> float | None:
        """When what the node tells happened: the time of the picture behind it, or now."""
        own: float | None = getattr(self._engine.instance(node), "stamp", None)
        if own is not None:
            return own
        stamps = [
            stamp
            for name in self._above.get(node, ())
            if (stamp := getattr(self._engine.instance(name), "stamp", None)) is not None
        ]
        return max(stamps, default=time.perf_counter())


def _sources(plan: Plan, node: str) -> tuple[str, ...]:
    """The node and all before it."""
    return tuple(plan.behind(node).steps)
