"""One performance of the window's patch: starts the engine and speaks with it, so that the window's thread never waits for it.

One thread sends, one hears. The document is the window's: what plays follows it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graph_editor.prefs import Stage
from runtime import messages as say
from runtime.errors import ParamError, in_words
from runtime.live import ENDING
from runtime.patch import Node, Patch, dumps, loads
from runtime.registry import Registry
from runtime.sensing import Ports
from runtime.subpatch import flattened
from runtime.supervisor import Supervisor
from runtime.worker import Order

LOOK = 0.2
"""Seconds after which the hearing thread looks whether an engine that shall end has ended."""
FIXED = ("sample_rate", "block")
"""Settings that cannot change while the sound runs: what plays keeps those that it began with."""


class Session:
    """What plays a patch, from start to end, also if an engine dies on the way. The window's thread calls it; `tell` is called by its
    threads, with the session and each event. After a `Stopped` that `can_restart`, `restart` plays on."""

    def __init__(
        self,
        path: Path,
        patch: Patch,
        stage: Stage,
        registry: Callable[[], Registry],
        packages: tuple[str, ...],
        tell: Callable[[Session, Any], None],
    ) -> None:
        """`registry` is asked on a thread."""
        self.path, self.stage = path, stage
        self._newest, self._registry, self._packages, self._tell = patch, registry, packages, tell
        self._live: Supervisor | None = None
        self._outbox = Outbox()
        self._fixed: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._there: Patch | None = None
        """The flat patch that the engine has, as far as is known."""
        self._is_dead = False
        self._ending_since: float | None = None
        self._woken, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._run, name="glasspatch session", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The engine's process."""
        return self._live.pid if self._live is not None else None

    @property
    def can_restart(self) -> bool:
        """Whether the engine died and another may go on."""
        return self._is_dead

    def send(self, command: say.Command) -> None:
        """Asks the engine for something, in order; one that has ended hears nothing."""
        self._outbox.put(command)

    def edit(self, patch: Patch) -> None:
        """The document is this now. It is sent unless it sounds as what the engine has; the newest is enough."""
        self._newest = patch
        self._outbox.put(patch)

    def refresh(self) -> None:
        """Lets the engine look again at what lies beside the patch: something was made."""
        self._outbox.put(Again())

    def restart(self) -> None:
        """Plays on with the newest document, after a death."""
        self._woken.set()

    def end(self) -> None:
        """Lets it fade out and end; an engine that does not end in time is killed."""
        if self._ending_since is None:
            self._ending_since = time.monotonic()
            self._outbox.put(say.Quit())
            self._woken.set()

    def wait(self, seconds: float) -> bool:
        """Waits so long for the end; says whether it has come."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """Ends the engine at once."""
        if self._live is not None and self._live.pid is not None and self._live.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self._live.pid, signal.SIGKILL)

    # The hearing thread

    def _run(self) -> None:
        """Starts the engine and hears what it tells until it ends."""
        try:
            live = self._live = Supervisor(self._order(), spare_after=self.stage.spare_after, on_request=True)
        except Exception as error:
            self._finish(say.Stopped(f"the engine could not be started: {in_words(error)}"))
            return
        threading.Thread(target=self._send, args=(live,), name="glasspatch sends", daemon=True).start()
        try:
            last = self._hear(live)
        finally:
            live.close()
        self._finish(last)

    def _hear(self, live: Supervisor) -> say.Stopped:
        """Tells on what is told until the end, which it gives."""
        while True:
            for event in live.events(LOOK):
                if isinstance(event, say.Changed):
                    self._heed(event)
                if not isinstance(event, say.Stopped):
                    self._tell(self, event)
                elif not (event.fault and live.can_go_on):
                    return event
                else:
                    self._is_dead = True
                    self._tell(self, event)
                    self._woken.wait()
                    if self._ending_since is not None:
                        return say.Stopped()
                    self._go_on(live)
            if self._ending_since is not None and time.monotonic() - self._ending_since > ENDING:
                self.kill()

    def _go_on(self, live: Supervisor) -> None:
        with self._lock:
            self._there = self._flat(self._newest)
            live.document(dumps(self._there))
            live.go_on()
            self._woken.clear()
            self._is_dead = False

    def _heed(self, event: say.Changed) -> None:
        with self._lock:
            in_step = self._there is not None and dumps(self._there) == event.before
            self._there = loads(event.text) if in_step else None

    def _finish(self, event: say.Stopped) -> None:
        self._outbox.close()
        self._ended.set()
        self._tell(self, event)

    def _order(self) -> Order:
        patch, stage = self._newest, self.stage
        if stage.block is not None:
            patch = patch.with_setting("block", stage.block)
        self._fixed = {key: patch.settings[key] for key in FIXED if key in patch.settings}
        self._there = self._flat(patch)
        return Order(
            path=self.path.resolve(),
            text=dumps(self._there),
            device=stage.device,
            input=stage.input,
            latency=stage.latency,
            measure=stage.measure,
            ports=Ports(stage.osc, stage.osc_host, stage.midi),
            owns_file=False,
            packages=self._packages,
        )

    # The sending thread

    def _send(self, live: Supervisor) -> None:
        while (item := self._outbox.get()) is not None:
            with self._lock:
                if self._is_dead:
                    continue
                commands = self._commands(item)
            for command in commands:
                live.send(command)
                if isinstance(command, say.Edit):
                    live.document(command.text)

    def _commands(self, item: Any) -> list[Any]:
        """What to send for something that waited, and what the engine has then."""
        if isinstance(item, say.SetParam):
            self._there = self._there and with_param(self._there, item, self._registry())
            return [item]
        if not isinstance(item, Patch | Again):
            return [item]
        flat = self._flat(self._newest)
        found = None if self._there is None or isinstance(item, Again) else params_between(self._there, flat, self._registry())
        self._there = flat
        return [say.Edit(dumps(flat))] if found is None else list(found)

    def _flat(self, patch: Patch) -> Patch:
        settings = {key: value for key, value in patch.settings.items() if key not in FIXED}
        return flattened(replace(patch, settings={**settings, **self._fixed}), self._registry())


@dataclass(frozen=True)
class Again:
    """Send the newest document once more."""


class Outbox:
    """What waits to be sent, in order. Of what follows itself (an edit on an edit, a knob that turns) only the newest stays."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._waiting: deque[Any] = deque()
        self._closed = False

    def put(self, item: Any) -> None:
        with self._wake:
            if self._waiting and _replaces(item, self._waiting[-1]):
                self._waiting.pop()
            self._waiting.append(item)
            self._wake.notify()

    def get(self) -> Any | None:
        """The next, as soon as there is one; None when it is closed."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closed)
            return None if self._closed else self._waiting.popleft()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()


def _replaces(new: Any, old: Any) -> bool:
    if isinstance(new, say.SetParam) and isinstance(old, say.SetParam):
        return (new.node, new.param) == (old.node, old.param)
    return isinstance(new, Patch | say.Poll) and type(new) is type(old)


def params_between(before: Patch, after: Patch, registry: Registry) -> list[say.SetParam] | None:
    """The live params to set in a flat patch, so that it sounds as another; None where more than that differs."""
    if before.nodes.keys() != after.nodes.keys() or _around(before) != _around(after):
        return None
    found = []
    for name, node in after.nodes.items():
        old = before.nodes[name]
        if _heard(old) != _heard(node):
            return None
        cls = registry.get(node.type)
        for key in old.params.keys() | node.params.keys() if old.params != node.params else ():
            param = cls.spec.param(key) if cls is not None else None
            value = node.params.get(key, param.default if param is not None else None)
            if old.params.get(key, param.default if param is not None else None) == value:
                continue
            if param is None or not param.live:
                return None
            found.append(say.SetParam(name, key, value))
    return found


def with_param(patch: Patch, asked: say.SetParam, registry: Registry) -> Patch | None:
    """What becomes of a flat patch by a param that is set; None where that cannot be told."""
    node = patch.nodes.get(asked.node)
    cls = registry.get(node.type) if node is not None else None
    param = cls.spec.param(asked.param) if cls is not None else None
    try:
        return patch.with_param(asked.node, asked.param, param.coerce(param.heard(asked.value))) if param is not None else None
    except ParamError:
        return None


def _around(patch: Patch) -> Any:
    """All that can be heard of a patch but its nodes."""
    return patch.settings, sorted(patch.links), patch.scenes, patch.bindings


def _heard(node: Node) -> Node:
    """A node without its params and what cannot be heard: its place, colour and title."""
    return replace(node, params={}, position=(0.0, 0.0), view={})
