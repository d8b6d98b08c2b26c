"""Dimensions by name: take some of them, put them in order, call them by other names."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np

from nodes.control import unique_names
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, NodeSpec, Port, PortType, TextParam


class Select(StreamNode):
    """Takes some dimensions by name, in the order in which you write them. A star stands for any letters: left_* is all of
    the left hand."""

    spec = NodeSpec(
        type="control.select",
        title="Select",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(Port("control", PortType.CONTROL, "the dimensions that were chosen"),),
        params=(
            TextParam(name="names", default="*", doc="the dimensions, such as x, mouth_*", live=False),
            BoolParam(name="others", default=False, doc="take all but those", live=False),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream, names: str, others: bool) -> None:
        given = stream.names["control"]
        chosen = chosen_of(names, given)
        self._rows = [row for row in range(len(given)) if row not in chosen] if others else chosen
        if not self._rows:
            raise NodeError(f"names leaves no dimension of {', '.join(given)}; choose fewer of them to be left out")
        stream.name("control", [given[row] for row in self._rows])

    def process(self, block: Block, control: np.ndarray) -> dict[str, np.ndarray]:
        return {"control": control[self._rows]}


def chosen_of(text: str, given: tuple[str, ...]) -> list[int]:
    """Where the dimensions that a text names are among the given ones. Raises NodeError where it names one that is not there."""
    rows: list[int] = []
    for word in text.replace(",", " ").split():
        found = [row for row, name in enumerate(given) if fnmatchcase(name, word)]
        if not found:
            raise NodeError(f"names has {word!r}, but there is only {', '.join(given) or 'nothing'}")
        rows += [row for row in found if row not in rows]
    if not rows:
        raise NodeError(f"names is empty; write which dimensions you want of {', '.join(given) or 'those that come in'}")
    return rows


class Rename(StreamNode):
    """Calls dimensions by other names, such as those that a regressor was taught with."""

    spec = NodeSpec(
        type="control.rename",
        title="Rename",
        inputs=(Port("control", PortType.CONTROL, "any control"),),
        outputs=(Port("control", PortType.CONTROL, "the same dimensions with their new names"),),
        params=(
            TextParam(name="names", default="", doc="old=new, or only new names for all in their order", live=False),
            TextParam(name="before", default="", doc="is put before every name, such as voice_", live=False),
        ),
        pure=True,
    )

    def prepare(self, stream: Stream, names: str, before: str) -> None:
        called = renamed(names, stream.names["control"])
        stream.name("control", unique_names(before.strip() + name for name in called))

    def process(self, block: Block, control: np.ndarray) -> dict[str, np.ndarray]:
        return {"control": control.copy()}


def renamed(text: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """The given names as a text calls them. Raises NodeError where it names one that is not there, or too few or many."""
    words = text.replace(",", " ").split()
    if not words:
        return given
    pairs = [word.partition("=")[::2] for word in words]
    if all("=" not in word for word in words):
        if len(words) != len(given):
            raise NodeError(f"names has {len(words)} names for {len(given)} dimensions ({', '.join(given)}); write one for each")
        return tuple(words)
    for old, new in pairs:
        if not old or not new:
            raise NodeError(f"names must be old=new for each dimension to rename, got {old or new!r} among them")
        if old not in given:
            raise NodeError(f"names has {old!r}, but there is only {', '.join(given) or 'nothing'}")
    called = dict(pairs)
    return tuple(called.get(name, name) for name in given)
