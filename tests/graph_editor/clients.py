"""A client as the window uses it, and patches that it plays: real engines on the clock device, real jobs in real processes."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from graph_editor.client import Client
from graph_editor.prefs import Stage
from runtime import messages as say
from runtime.patch import Link, Node, Patch

CLOCK = Stage(device="none", block=1024)


class Window:
    """What a window does with its client: it ticks, and keeps what it was told. The patch is its document."""

    def __init__(self, path: Path, patch: Patch, packages: tuple[str, ...] = ("nodes",)) -> None:
        self.path, self.patch = path, patch
        self.client = Client(packages)
        self.told: list[object] = []
        self._asked = 0

    def tick(self) -> None:
        self.client.poll((("soft", "audio"),))
        self.told += self.client.tick()

    def until(self, condition, seconds: float = 30.0):
        """Ticks until the condition holds, and gives what it gave."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"it never came; the state is {self.client.state}, told was {self.told[-8:]}"
            time.sleep(0.01)
            self.tick()
        return found

    def play(self, stage: Stage = CLOCK) -> None:
        self.client.play(self.path, self.patch, stage)
        self.until(lambda: self.client.state == "playing")

    def edit(self, patch: Patch) -> None:
        self.patch = patch
        self.client.edit(patch)

    def of(self, kind: type) -> list:
        return [event for event in self.told if isinstance(event, kind)]

    def words(self) -> str:
        return "\n".join(event.words for event in self.of(say.Told))

    def level(self) -> float:
        """How loud the last block of the node `soft` is, as the newest snapshot tells; -1 where none has told."""
        snapshot = self.client.snapshot
        value = snapshot.values.get(("soft", "audio")) if snapshot else None
        return -1.0 if value is None else float(abs(value).max())

    def settled_level(self) -> float:
        """The same after the engine has done all that it was asked before."""
        self._asked += 1
        self.client.send(say.Train(f"nobody_{self._asked}"))
        self.until(lambda: f"nobody_{self._asked} cannot be taught" in self.words())
        for _ in range(3):
            old = self.client.snapshot
            self.until(lambda old=old: self.client.snapshot is not old and self.level() >= 0.0)
        return self.level()


@contextmanager
def window(path: Path, patch: Patch, packages: tuple[str, ...] = ("nodes",)):
    found = Window(path, patch, packages)
    try:
        yield found
    finally:
        found.client.close()


def tone(gain: float = 0.0) -> Patch:
    """A tone of level 0.2 through the node `soft`."""
    return Patch(
        nodes={
            "tone": Node("audio.oscillator", params={"level": 0.2}),
            "soft": Node("audio.gain", params={"gain": gain}),
            "out": Node("audio.output"),
        },
        links=(Link("soft.audio", "out.audio"), Link("tone.audio", "soft.audio")),
        scenes={"quiet": {"params": {"soft.gain": -20.0}}},
    )


def moved(patch: Patch, name: str) -> Patch:
    """With a node at another place."""
    return patch.with_node(name, replace(patch.nodes[name], position=(500.0, 300.0), view={"title": "moved"}))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
