"""The senses: a process beside the engine in which cameras, trackers, MIDI, OSC and the remote control run when live.

Only the newest values travel to the engine, and never more often than they change. A picture stays here.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from runtime.errors import in_words
from runtime.feed import Feed, feedable, outside
from runtime.jobs import limit_threads, print_into_log
from runtime.messages import Command, Problem, Told
from runtime.plan import Plan

TICK = 0.005
"""Seconds between two looks when nothing new was announced: less than a block, and next to no work."""
PATIENCE = 30.0
"""Seconds that trackers and cameras may take to get ready."""


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


# The child's side


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
        self._remote = self._listen(ports)

    def _listen(self, ports: Ports) -> Any:
        if not ports.osc and ports.midi is None:
            return None
        from runtime.remote.control import Remote

        try:
            return Remote(
                lambda command: self._send("command", command),
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
                self._tell_news()

    def _close(self) -> None:
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


# The engine's side


@dataclass
class Senses:
    """The engine's handle on its senses. A process that dies is started anew, and the feeds hold their last values meanwhile.

    `on_command(command)`, `on_told(event)` and `on_learned(binding)` are called on the handle's own thread."""

    path: Path
    ports: Ports
    on_command: Callable[[Command], None]
    on_told: Callable[[Any], None]
    on_learned: Callable[[dict[str, Any]], None]
    packages: tuple[str, ...] = ("nodes",)
    feeds: dict[str, Feed] = field(default_factory=dict)
    pictures: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._orders: dict[str, tuple[Any, ...]] = {}
        self._ready: Ready | None = None
        self._is_ready = threading.Event()
        self.malformed = 0
        """Packets so far that were no OSC."""
        self._closing = False
        self._connection: Connection | None = None
        self._process: Any = None
        self._sending = threading.Lock()

    def load(self, text: str, plan: Plan) -> tuple[dict[str, Feed], list[Problem]]:
        """Lets the senses play their part of a patch; gives a feed for each of its nodes, the one from before where its names
        stayed the same. May take seconds (trackers)."""
        wanted = feedable(plan)
        if not wanted and self._process is None and not self.ports.osc and self.ports.midi is None:
            return {}, []
        if self._process is None:
            self._begin()
        self._is_ready.clear()
        self._keep("load", text)
        if not wanted:
            return {}, []
        if not self._is_ready.wait(PATIENCE) or self._ready is None:
            words = f"the senses (camera, trackers, MIDI, OSC) were not ready within {PATIENCE:.0f} s"
            return self.feeds, [Problem(node, words) for node in sorted(wanted)]
        ready = self._ready
        feeds: dict[str, Feed] = {}
        for node in wanted:
            if node not in ready.names:
                continue
            spec, old = plan.steps[node].spec, self.feeds.get(node)
            names = {output: tuple(found) for output, found in ready.names[node].items()}
            feeds[node] = old if old and old.names == names and old.type == spec.type else Feed(spec, names)
            if feeds[node] is not old:
                feeds[node].put(ready.values[node])
        self.feeds = feeds
        return feeds, list(ready.problems)

    def set(self, node: str, param: str, value: Any) -> None:
        self._send("set", node, param, value)

    def bind(self, bindings: Any) -> None:
        if bindings or "bind" in self._orders:
            self._keep("bind", bindings)

    def learn(self, node: str, param: str) -> None:
        self._send("learn", node, param)

    def ask_picture(self, node: str, port: str) -> None:
        """Asks for the newest picture; it is in `pictures` a moment later."""
        self._send("picture", node, port)

    @property
    def is_open(self) -> bool:
        return self._process is not None

    def close(self) -> None:
        """Ends the process; may be called again."""
        self._closing = True
        self._send("quit")
        if self._process is not None:
            self._process.join(3.0)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()

    def open(self) -> None:
        """Starts the process, for the remote control's sake."""
        if self._process is None:
            self._begin()

    def _begin(self) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=work, args=(self.path, self.ports, self.packages, theirs), name="glasspatch senses"
        )
        self._process.start()
        theirs.close()
        threading.Thread(target=self._read, args=(self._connection,), name="glasspatch senses", daemon=True).start()

    def _keep(self, order: str, *what: Any) -> None:
        """Sends an order that a process started anew must get as well."""
        self._orders[order] = what
        self._send(order, *what)

    def _send(self, *order: Any) -> None:
        with self._sending:
            try:
                if self._connection is not None:
                    self._connection.send(order)
            except OSError:
                return  # it has died: the reader sees to it

    def _read(self, connection: Connection) -> None:
        began = time.monotonic()
        try:
            while True:
                kind, *what = connection.recv()
                if kind == "values":
                    node, values, stamp = what
                    feed = self.feeds.get(node)
                    if feed is not None:
                        feed.put(values, stamp)
                elif kind == "ready":
                    self._ready = what[0]
                    self._is_ready.set()
                elif kind == "command":
                    self.on_command(what[0])
                elif kind == "learned":
                    self.on_learned(what[0])
                elif kind == "malformed":
                    self.malformed = what[0]
                elif kind == "picture":
                    self.pictures[what[0]] = what[1]
                else:
                    self.on_told(what[0])
        except (EOFError, OSError):
            connection.close()
        if self._closing:
            return
        self.on_told(Told("the senses (camera, trackers, MIDI, OSC) have died; the last values are held while they start anew"))
        self._process.join()
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))  # one that dies at once must not be started in a whirl
        if not self._closing:
            self._begin()
            for order, what in self._orders.items():
                self._send(order, *what)
