"""Moments in a gesture: a gate that opens and closes, and values that are held from one moment to the next."""

from __future__ import annotations

import numpy as np

from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, Port, PortType


class Gate(StreamNode):
    """Tells when something is large: 1 from where a dimension rises above *on* until it falls below *off*. With off below on, a
    trembling value does not make it flutter."""

    spec = NodeSpec(
        type="control.gate",
        title="Gate",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(Port("gate", PortType.CONTROL, "the same dimensions: 1 while open, else 0"),),
        params=(
            FloatParam(name="on", default=0.6, doc="it opens at this value"),
            FloatParam(name="off", default=0.4, doc="it closes below this value; at most on"),
            FloatParam(name="least", default=0.0, low=0.0, high=10000.0, unit="ms", doc="it stays open at least so long"),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        names = stream.names["control"]
        self._rate = stream.sample_rate / STEP
        self._open = np.zeros((len(names), 1), bool)
        self._since = np.full((len(names), 1), -np.inf)  # the last step at which each was called to open
        self._now = 0
        stream.name("gate", names)

    def process(self, block: Block, control: np.ndarray, on: float, off: float, least: float) -> dict[str, np.ndarray]:
        opens = control >= on
        decided = np.concatenate([np.ones_like(self._open), opens | (control < min(off, on))], axis=1)
        state = np.take_along_axis(np.concatenate([self._open, opens], axis=1), newest(decided), axis=1)
        was, state = state[:, :-1], state[:, 1:]
        self._open = state[:, -1:]
        if least:
            numbers = self._now + np.arange(block.steps)
            rises = np.where(state & ~was, numbers, -np.inf)
            since = np.maximum.accumulate(np.concatenate([self._since, rises], axis=1), axis=1)[:, 1:]
            self._since = since[:, -1:]
            state = state | (numbers - since < least * self._rate / 1000.0)
        self._now += block.steps
        return {"gate": state.astype(np.float32)}


def newest(marked: np.ndarray) -> np.ndarray:
    """For each place of a row the newest marked place up to it; the first of each row must be marked."""
    places = np.where(marked, np.arange(marked.shape[1]), 0)
    return np.maximum.accumulate(places, axis=1)


class SampleAndHold(StreamNode):
    """Keeps a gesture as it was at a moment: whenever the gate opens it takes what comes in and holds it until the next time; or
    it follows while the gate is open, and holds while it is closed."""

    spec = NodeSpec(
        type="control.hold",
        title="Sample and hold",
        inputs=(
            Port("control", PortType.CONTROL, "any control"),
            Port("gate", PortType.CONTROL, "open above 0.5: one dimension for all, or one for each"),
        ),
        outputs=(Port("control", PortType.CONTROL, "the same dimensions, held; what came first until the gate has opened"),),
        params=(
            ChoiceParam(
                name="mode",
                default="sample",
                choices=("sample", "follow"),
                doc="sample: take one value whenever the gate opens; follow: go along while it is open",
            ),
        ),
    )

    def prepare(self, stream: Stream) -> None:
        names, gates = stream.names["control"], stream.names["gate"]
        if len(gates) not in (1, len(names)):
            raise NodeError(f"gate must have one dimension or {len(names)}, as control has, got {len(gates)}")
        self._held: np.ndarray | None = None
        self._was = np.zeros((len(gates), 1), bool)
        stream.name("control", names)

    def process(self, block: Block, control: np.ndarray, gate: np.ndarray, mode: str) -> dict[str, np.ndarray]:
        if self._held is None:
            self._held = control[:, :1]
        is_open = gate > 0.5
        both = np.concatenate([self._was, is_open], axis=1)
        taken = is_open if mode == "follow" else is_open & ~both[:, :-1]
        taken = np.broadcast_to(taken, control.shape)
        marked = np.concatenate([np.ones((len(control), 1), bool), taken], axis=1)
        made = np.take_along_axis(np.concatenate([self._held, control], axis=1), newest(marked), axis=1)[:, 1:]
        self._was, self._held = is_open[:, -1:], made[:, -1:]
        return {"control": np.ascontiguousarray(made)}
