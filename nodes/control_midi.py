"""MIDI in and out: knobs, keys and wheels as a gesture, and gestures for other instruments."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from nodes.control_osc import EVERY, entries
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.remote.midi import Port as MidiPort
from runtime.remote.midi import sender, subscribe
from runtime.remote.midi_messages import Control, Message, MidiError, parse
from runtime.spec import NodeSpec, Port, PortType, TextParam

PANIC = (120, 123)
"""Controllers that mean: all sound off, all keys up."""


def controls_of(text: str, example: str) -> list[tuple[str, Control, float]]:
    """(dimension, control, initial value) of each of the controls. Raises NodeError."""
    found = []
    for name, meaning, initial in entries(text, "controls", example):
        try:
            found.append((name, parse(meaning), initial))
        except MidiError as error:
            raise NodeError(f"controls, {name}: {error}") from error
    return found


class MidiIn(StreamNode):
    """Listens to a MIDI controller. Each dimension is one knob, wheel or key and keeps its newest value, 0 to 1: *note* is the
    number of the key that was pressed last and is still down, *velocity* how hard, *gate* 1 while a key is down, *pitchbend* goes
    from -1 to 1. A controller that is unplugged is found again. When a file is rendered nothing is listened to, and the
    dimensions keep their initial values."""

    spec = NodeSpec(
        type="control.midi",
        title="MIDI in",
        outputs=(Port("control", PortType.CONTROL, "one dimension for each name of the controls"),),
        params=(
            TextParam(name="port", doc="the controller's name or a part of it; empty is the first that is there", live=False),
            TextParam(
                name="controls",
                default="modulation=cc1, bend=pitchbend, note=note@60, velocity=velocity, gate=gate",
                doc="names and what they mean: cutoff=cc74/2@0.5 (channel 2; 0.5 until it moves), pitchbend, aftertouch, note, "
                "velocity, gate, or note36 for one key",
                live=False,
            ),
        ),
        exact=False,
        outside=True,
    )
    _port: MidiPort | None = None

    def prepare(self, stream: Stream, port: str, controls: str) -> None:
        wanted = controls_of(controls, "volume=cc7, cutoff=cc74/2@0.5, bend=pitchbend, note=note")
        stream.name("control", (name for name, _, _ in wanted))
        self._values = np.array([initial for *_, initial in wanted], np.float32)
        self._controls = [control for _, control, _ in wanted]
        self._down: dict[tuple[int, int], None] = {}  # keys that are down, (channel, number), the last pressed last
        self._arrived = stream.arrived
        if not stream.offline:
            self._port = subscribe(port, self._hear, self._fail)

    def process(self, block: Block) -> dict[str, Any]:
        return {"control": np.repeat(self._values[:, None], block.steps, axis=1)}

    def close(self) -> None:
        if self._port:
            self._port.close()

    def _hear(self, message: Message) -> None:
        if message.kind == "note":
            self._down.pop((message.channel, message.number), None)
            if message.value:
                self._down[message.channel, message.number] = None
        elif message.kind == "cc" and message.number in PANIC:
            self._let_go(message.channel)
        values = self._values.copy()  # `process` may be reading the old ones
        for row, control in enumerate(self._controls):
            if control.hears(message):
                value = self._value(control, message)
                values[row] = values[row] if value is None else value
        self._values = values
        self._arrived()

    def _value(self, control: Control, message: Message) -> float | None:
        """What a message makes of a control; None leaves it as it is."""
        if control.kind == "gate":
            return float(bool(self._held(control)))
        if control.kind == "note" and control.number is None:
            held = self._held(control)
            return float(held[-1]) if held else None
        if control.kind == "velocity":
            return message.value or None
        return message.value

    def _held(self, control: Control) -> list[int]:
        return [number for channel, number in self._down if not control.channel or channel == control.channel]

    def _let_go(self, channel: int | None = None) -> None:
        """All keys (of a channel) count as up."""
        self._down = {key: None for key in self._down if channel and key[0] != channel}
        values = self._values.copy()
        for row, control in enumerate(self._controls):
            if control.kind == "gate":
                values[row] = bool(self._held(control))
            elif (
                control.kind == "note" and control.number is not None and not (channel and control.channel not in (None, channel))
            ):
                values[row] = 0.0
        self._values = values

    def _fail(self, words: str | None) -> None:
        self.failure = words
        if words:
            self._let_go()  # keys of a port that is gone are never released
        self._arrived()


class MidiOut(StreamNode):
    """Sends a gesture to another instrument as MIDI controllers, about a hundred times a second while it changes: 0 to 1 over the
    controller's whole way, -1 to 1 for pitchbend. With no controls named, the dimensions are the controllers 20, 21, 22 and
    so on. When a file is rendered nothing is sent."""

    spec = NodeSpec(
        type="control.midi_out",
        title="MIDI out",
        inputs=(Port("control", PortType.CONTROL, "what is sent"),),
        params=(
            TextParam(name="port", doc="the instrument's name or a part of it; empty is the first that is there", live=False),
            TextParam(
                name="controls", doc="dimensions and what they move: x=cc1, y=cc74/2, z=pitchbend, a=aftertouch", live=False
            ),
        ),
    )
    _port: MidiPort | None = None

    def prepare(self, stream: Stream, port: str, controls: str) -> None:
        self._rows = rows_of(controls, tuple(stream.names["control"]))
        self._newest: np.ndarray | None = None
        if stream.offline:
            return
        self._port = sender(port, self._fail)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send, name="glasspatch MIDI out", daemon=True)
        self._thread.start()

    def process(self, block: Block, control: np.ndarray) -> dict[str, Any]:
        self._newest = control[:, -1]
        return {}

    def close(self) -> None:
        if self._port:
            self._ending.set()
            self._thread.join(5.0)
            self._port.close()

    def _send(self) -> None:
        """The sending thread. What was sent is forgotten while the port is not there: an instrument that comes back gets all."""
        sent: dict[int, int] = {}
        while not self._ending.wait(EVERY):
            newest = self._newest
            if not self._port.is_open:
                sent.clear()
            elif newest is not None and np.isfinite(newest).all():
                for row, control in self._rows:
                    value = float(newest[row])
                    step = round(value * (8191 if control.kind == "pitchbend" else 127))
                    if sent.get(row) != step:
                        self._port.send(Message(control.kind, control.channel or 1, control.number or 0, value))
                        sent[row] = step

    def _fail(self, words: str | None) -> None:
        self.failure = words


def rows_of(text: str, names: tuple[str, ...]) -> list[tuple[int, Control]]:
    """(dimension, control) of each that is to be sent. Raises NodeError in words."""
    if not text.strip():
        if len(names) > 100:
            raise NodeError(f"{len(names)} dimensions are too many for controllers; name those to send in controls")
        return [(row, Control("cc", 20 + row)) for row in range(len(names))]
    found = []
    for name, control, _ in controls_of(text, "x=cc1, y=cc74/2"):
        if name not in names:
            raise NodeError(f"controls names {name}, but the dimensions are {', '.join(names)}")
        if control.kind not in ("cc", "pitchbend", "aftertouch"):
            raise NodeError(f"controls, {name}: notes cannot be sent; write cc74, pitchbend or aftertouch")
        found.append((names.index(name), control))
    return found
