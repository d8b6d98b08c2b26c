"""The senses: a process beside the engine in which cameras, trackers, MIDI, OSC and the remote control run when live.

Only the newest values travel to the engine, and never more often than they change. `runtime.sensing` is what runs there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from runtime.feed import Feed, feedable
from runtime.messages import Command, Problem, Told
from runtime.plan import Plan
from runtime.sensing import Ports, Ready, work

PATIENCE = 30.0
"""Seconds that trackers and cameras may take to get ready."""
ENDING = 3.0
"""Seconds that the videos of a take may take to end."""


@dataclass
class Senses:
    """The engine's handle on its senses. A process that dies is started anew, and the feeds hold their last values meanwhile.

    Called on the handle's own thread are `on_command(command, stamp)`, `on_told(event)`, `on_learned(binding)`, and, while
    a take is recorded, `on_seen("marks", None, node, marks or None, (width, height))` and `on_seen("picture", stamp, file, left
    out)`. Stamps say when it came, in seconds of time.perf_counter."""

    path: Path
    ports: Ports
    on_command: Callable[[Command, float], None]
    on_told: Callable[[Any], None]
    on_learned: Callable[[dict[str, Any]], None]
    packages: tuple[str, ...] = ("nodes",)
    feeds: dict[str, Feed] = field(default_factory=dict)
    pictures: dict[tuple[str, str], Any] = field(default_factory=dict)
    marks: dict[str, Any] = field(default_factory=dict)
    on_seen: Callable[..., None] = lambda *seen: None
    held: Ready | None = None
    """What the senses gave in an engine before this one: until `open` the feeds begin with it, and nobody waits for a process."""
    on_ready: Callable[[], None] = lambda: None
    """Called on the handle's own thread when the senses are ready for which nobody waited: the patch shall be loaded again."""

    def __post_init__(self) -> None:
        self._orders: dict[str, tuple[Any, ...]] = {}
        self._ready: Ready | None = None
        self._is_ready = threading.Event()
        self._recorded = threading.Event()
        self._late = False
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
        if self.held is not None:
            self._orders["load"] = (text,)
            self.feeds = feeds_of(plan, self.held, self.feeds)
            return self.feeds, []
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
        self.feeds = feeds_of(plan, self._ready, self.feeds)
        return self.feeds, list(self._ready.problems)

    def now(self) -> Ready:
        """What the feeds give now, as an engine after this one may hold it."""
        return Ready(
            {node: dict(feed.names) for node, feed in self.feeds.items()},
            {node: dict(feed.newest[0]) for node, feed in self.feeds.items()},
            (),
        )

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

    def ask_marks(self, node: str) -> None:
        """Asks for the newest marks; they are in `marks` a moment later, None where nothing is seen."""
        self._send("marks", node)

    def record(self, folder: Path, began: float, video: bool) -> None:
        """A take is recorded in that folder: tell what is seen, and with `video` write what cameras show. `began`: when its sound
        did, in seconds of time.perf_counter."""
        self._keep("record", str(folder), began, video)

    def end_record(self, wait: bool = True) -> None:
        """The take ends; waits until its videos are whole."""
        if self._orders.pop("record", None) is not None and self._process is not None:
            self._recorded.clear()
            self._send("record")
            if wait:
                self._recorded.wait(ENDING)

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
        """Starts the process where it has something to do: the remote control, or what was loaded while values were held."""
        self._late, self.held = self.held is not None, None
        if self._process is None and (self._orders or self.ports.osc or self.ports.midi is not None):
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
        for order, what in self._orders.items():
            self._send(order, *what)

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
                    if self._late:
                        self._late = False
                        self.on_ready()
                elif kind == "command":
                    self.on_command(*what)
                elif kind == "learned":
                    self.on_learned(what[0])
                elif kind == "malformed":
                    self.malformed = what[0]
                elif kind == "picture":
                    self.pictures[what[0]] = what[1]
                elif kind == "marks":
                    node, marks, size = what
                    self.marks[node] = marks
                    if size is not None:
                        self.on_seen("marks", None, node, marks, size)
                elif kind == "filmed":
                    file, stamp, left_out = what
                    self.on_seen("picture", stamp, file, left_out)
                elif kind == "recorded":
                    self._recorded.set()
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


def feeds_of(plan: Plan, ready: Ready, before: Mapping[str, Feed]) -> dict[str, Feed]:
    """A feed for each node of a plan that the senses are ready for: the one from `before` where its names stayed the same."""
    feeds: dict[str, Feed] = {}
    for node in feedable(plan):
        if node not in ready.names:
            continue
        spec, old = plan.steps[node].spec, before.get(node)
        names = {output: tuple(found) for output, found in ready.names[node].items()}
        feeds[node] = old if old and old.names == names and old.type == spec.type else Feed(spec, names)
        if feeds[node] is not old:
            feeds[node].put(ready.values[node])
    return feeds
