"""One performance of the window's patch: starts the engine and speaks with it, so that the window's thread never waits for it.

One thread sends, one hears. The document is the window's: what plays follows it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from graph_editor.prefs import Stage
from graph_editor.sending import Again, Outbox, params_between, with_param
from runtime import messages as say
from runtime.errors import in_words
from runtime.live import ENDING
from runtime.patch import Patch, dumps, loads
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
    """What plays a patch, from start to end, also if an engine dies on the way. The window's thread calls it; `tell` is called by
    its threads, with the session and each event. After a `Stopped` that `can_restart`, `restart` plays on."""

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
        self.has_spare = False
        """Whether a spare engine is ready."""
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
                    if not self._go_on(live):
                        return say.Stopped()
            self.has_spare = live.has_spare
            if self._ending_since is not None and time.monotonic() - self._ending_since > ENDING:
                self.kill()

    def _go_on(self, live: Supervisor) -> bool:
        """Lets the next engine play; not where the end was asked for, which is said."""
        with self._lock:
            if self._ending_since is not None:
                return False
            self._there = self._flat(self._newest)
            live.document(dumps(self._there))
            live.go_on()
            self._woken.clear()
            self._is_dead = False
        return True

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
        if found is None:
            self._there = flat
            return [say.Edit(dumps(flat))]
        for command in found:
            self._there = self._there and with_param(self._there, command, self._registry())
        return list(found)

    def _flat(self, patch: Patch) -> Patch:
        settings = {key: value for key, value in patch.settings.items() if key not in FIXED}
        return flattened(replace(patch, settings={**settings, **self._fixed}), self._registry())
