"""Outputs that are held: for a while they give a value of their own instead of what their node computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.faults import Process
from runtime.node import Block
from runtime.program import LEAVING, Program


@dataclass(frozen=True)
class Held:
    """What an output gives: up to the block that starts at `since` it was `before`, from the next on it is `after`, and in that
    block it goes from one to the other. Both are float32 [dims]; None is what the node computes."""

    before: np.ndarray | None
    after: np.ndarray | None
    since: int

    def over(self, block: Block, made: np.ndarray) -> np.ndarray:
        """What the output gives in this block, instead of the CONTROL `made` by the node; a held value that does not have as
        many dimensions counts for nothing."""
        if block.start != self.since:
            return self._or(self.after, made)
        steps = made.shape[1]
        rise = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, steps + 1) / steps)).astype(np.float32)
        before = self._or(self.before, made)
        mixed: np.ndarray = before + (self._or(self.after, made) - before) * rise
        return mixed

    @staticmethod
    def _or(value: np.ndarray | None, made: np.ndarray) -> np.ndarray:
        if value is None or len(value) != len(made):
            return made
        return np.repeat(value[:, None], made.shape[1], axis=1)


class Over:
    """A node's own `process`, with some of its outputs held."""

    def __init__(self, process: Process, held: dict[str, Held]) -> None:
        self._process, self._held = process, held

    def __call__(self, block: Block, *arguments: Any) -> dict[str, Any]:
        made = self._process(block, *arguments)
        return {**made, **{output: held.over(block, made[output]) for output, held in self._held.items()}}


class Holds:
    """The held outputs of an engine, by node. Only the rendering thread uses it."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Held]] = {}

    def hold(self, program: Program, start: int, node: str, output: str, value: np.ndarray | None) -> None:
        """From the block on that begins at frame `start`, the output gives `value` [dims]; None lets go of it."""
        held = self._held.setdefault(node, {})
        held[output] = Held(held[output].after if output in held else None, value, start)
        self._put_into(program)

    def follow(self, program: Program) -> None:
        """Goes over to another program; what was held of nodes that it does not have is forgotten."""
        playing = {name.removesuffix(LEAVING) for name in program.calls}
        self._held = {node: held for node, held in self._held.items() if node in playing}
        self._put_into(program)

    def _put_into(self, program: Program) -> None:
        """What plays of a node is held, and what fades out of it as well."""
        for name, call in program.calls.items():
            held = self._held.get(name.removesuffix(LEAVING))
            if held and not isinstance(call[2], Over):
                program.calls[name] = (*call[:2], Over(call[2], held), *call[3:])
