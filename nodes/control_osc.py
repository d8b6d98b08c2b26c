"""OSC in and out: a phone, another program or a sensor as a gesture, and gestures for other programs."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np

from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.remote.osc import HOST, Listener, OscError, Sender
from runtime.spec import ChoiceParam, IntParam, NodeSpec, Port, PortType, TextParam

EVERY = 0.01
"""Seconds between two sendings at least: as fast as a gesture moves, and nothing that a network would notice."""
MOST = float(np.finfo(np.float32).max)
INITIAL = re.compile(r"(.+?)\s*@\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)")


def entries(text: str, param: str, example: str) -> list[tuple[str, str, float]]:
    """(name, what it means, initial value) of each `name=meaning@value` of a text; the value may be left out (0). Raises
    NodeError in words."""
    found: list[tuple[str, str, float]] = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, meaning = map(str.strip, part.partition("="))
        initial = INITIAL.fullmatch(meaning)
        try:
            value = float(initial[2]) if initial else 0.0
        except ValueError:
            value = np.nan
        if not (name and equals and meaning) or re.search(r"[\s@]", name) or not abs(value) <= MOST:
            raise NodeError(f"{param} must be written {example}, got {part!r}")
        if name in (one for one, _, _ in found):
            raise NodeError(f"{param} names {name} twice")
        found.append((name, initial[1] if initial else meaning, value))
    if not found:
        raise NodeError(f"{param} must name at least one dimension, such as {example}")
    return found


def places(text: str) -> list[tuple[str, str, int, float]]:
    """(dimension, address, number of the value from 0, initial value) of each of the addresses. Raises NodeError."""
    found = []
    for name, meaning, initial in entries(text, "addresses", "x=/hand/x, y=/hand 2@0.5"):
        match = re.fullmatch(r"(/\S*)(?:\s+([1-9][0-9]?))?", meaning)
        if match is None:
            raise NodeError(
                f"{name} must be an address, and the number of the value if it is not the first: /hand 2, got {meaning!r}"
            )
        found.append((name, match[1], int(match[2] or 1) - 1, initial))
    return found


class OscIn(StreamNode):
    """Listens to OSC: a phone, another program, a sensor. Each dimension is one value of the messages to one address, and keeps
    its newest value. When a file is rendered nothing is listened to, and the dimensions keep their initial values."""

    spec = NodeSpec(
        type="control.osc",
        title="OSC in",
        outputs=(Port("control", PortType.CONTROL, "one dimension for each name of the addresses"),),
        params=(
            IntParam(name="port", default=9001, low=1, high=65535, doc="the UDP port to listen at", live=False),
            TextParam(name="host", default=HOST, doc="127.0.0.1 hears this machine only, 0.0.0.0 the network", live=False),
            TextParam(
                name="addresses",
                default="x=/x, y=/y",
                doc="names and their addresses: x=/hand/x, y=/hand 2@0.5 (the second value; 0.5 until it comes)",
                live=False,
            ),
        ),
        exact=False,
        outside=True,
    )
    _listener: Listener | None = None

    def prepare(self, stream: Stream, port: int, host: str, addresses: str) -> None:
        wanted = places(addresses)
        stream.name("control", (name for name, *_ in wanted))
        self._values = np.array([initial for *_, initial in wanted], np.float32)
        self._rows: dict[str, list[tuple[int, int]]] = {}
        for row, (_, address, index, _) in enumerate(wanted):
            self._rows.setdefault(address, []).append((row, index))
        self._arrived = stream.arrived
        if not stream.offline:
            self._listener = Listener(host, port, self._hear, self._fail, newest=True)

    def process(self, block: Block) -> dict[str, Any]:
        return {"control": np.repeat(self._values[:, None], block.steps, axis=1)}

    def close(self) -> None:
        if self._listener:
            self._listener.close()

    def _hear(self, address: str, values: tuple[Any, ...]) -> None:
        rows = self._rows.get(address)
        if rows is None:
            return
        newest = self._values.copy()  # `process` may be reading the old ones
        for row, index in rows:
            if index < len(values) and isinstance(values[index], int | float) and abs(values[index]) <= MOST:
                newest[row] = values[index]
        self._values = newest
        self._arrived()

    def _fail(self, words: str | None) -> None:
        self.failure = words
        self._arrived()


class OscOut(StreamNode):
    """Sends a gesture to another program by OSC, about a hundred times a second while it changes: each dimension to an address
    of its own (/gesture/x), or all of them in one message to /gesture. When a file is rendered nothing is sent."""

    spec = NodeSpec(
        type="control.osc_out",
        title="OSC out",
        inputs=(Port("control", PortType.CONTROL, "what is sent"),),
        params=(
            TextParam(name="host", default=HOST, doc="the machine to send to; 127.0.0.1 is this one", live=False),
            IntParam(name="port", default=9002, low=1, high=65535, doc="the UDP port to send to", live=False),
            TextParam(name="address", default="/gesture", doc="the address, or the beginning of it", live=False),
            ChoiceParam(
                name="messages",
                default="separate",
                choices=("separate", "together"),
                doc="separate: /gesture/x and a value; together: /gesture and all values",
                live=False,
            ),
        ),
    )
    _thread: threading.Thread | None = None

    def prepare(self, stream: Stream, host: str, port: int, address: str, messages: str) -> None:
        address = address.strip().rstrip("/")
        if not re.fullmatch(r"(/[^\s#*,?\[\]{}/]+)+", address):
            raise NodeError(f"address must begin with a / and have no blanks in it, such as /gesture, got {address!r}")
        together = messages == "together"
        self._addresses = [address] if together else [f"{address}/{name}" for name in stream.names["control"]]
        self._newest: np.ndarray | None = None
        if stream.offline:
            return
        try:
            self._sender = Sender(host, port)
        except OscError as error:
            raise NodeError(str(error)) from error
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send, name=f"glasspatch OSC out {port}", daemon=True)
        self._thread.start()

    def process(self, block: Block, control: np.ndarray) -> dict[str, Any]:
        self._newest = control[:, -1]
        return {}

    def close(self) -> None:
        if self._thread:
            self._ending.set()
            self._thread.join(5.0)
            self._sender.close()

    def _send(self) -> None:
        """The sending thread."""
        sent: list[list[float]] = [[] for _ in self._addresses]
        while not self._ending.wait(EVERY):
            newest = self._newest
            if newest is None or not np.isfinite(newest).all():
                continue
            values = [newest.tolist()] if len(sent) == 1 else [[value] for value in newest.tolist()]
            try:
                for number, (address, value) in enumerate(zip(self._addresses, values, strict=True)):
                    if value != sent[number]:
                        self._sender.send(address, value)
                        sent[number] = value
            except OscError as error:
                self.failure = str(error)
            else:
                self.failure = None
