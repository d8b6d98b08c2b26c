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
from runtime.errors import in_words
from runtime.live import ENDING, Live
from runtime.patch import Patch, dumps, loads
from runtime.registry import Registry
from runtime.sensing import Ports
from runtime.subpatch import flattened
from runtime.worker import Order

LOOK = 0.2
"""Seconds after which the hearing thread looks whether an engine that shall end has ended."""
FIXED = ("sample_rate", "block")
"""Settings that cannot change while the sound runs: what plays keeps those that it began with."""


@dataclass(frozen=True)
class Former:
    """What an engine knew when it died, and the next one should: the buffer that was measured, whether it was silent on request,
    what the senses gave last, and the take that was recorded."""

    has_played: bool = False
    latency: float | None = None
    muted: bool = False
    held: Any = None
    take: str | None = None


class Session:
    """An engine process from start to end. The window's thread calls it; `tell` is called by its threads, with the session and
    each event; the last is `Stopped`."""

    def __init__(
        self,
        path: Path,
        patch: Patch,
        stage: Stage,
        registry: Callable[[], Registry],
        packages: tuple[str, ...],
        tell: Callable[[Session, Any], None],
        former: Former | None = None,
    ) -> None:
        """`registry` is asked on a thread. `former`: what an engine before this one knew when it died."""
        self.path = path
        self.stage = stage
        self._patch, self._registry, self._packages, self._tell = patch, registry, packages, tell
        self._former = former or Former()
        self.former = self._former
        """What a next engine must know to go on from here."""
        self.has_played = False
        self._live: Live | None = None
        self._outbox = Outbox()
        self._fixed: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._known: Patch | None = None
        self._text = ""
        self._ending_since: float | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="glasspatch session", daemon=True).start()

    @property
    def pid(self) -> int | None:
        return self._live.pid if self._live is not None else None

    def send(self, command: say.Command) -> None:
        """Asks the engine for something, in order; one that has ended hears nothing."""
        self._outbox.put(command)

    def edit(self, patch: Patch) -> None:
        """The document is this now. It is sent unless it sounds as what the engine has; the newest is enough."""
        self._outbox.put(patch)

    def refresh(self) -> None:
        """Lets the engine look again at what lies beside the patch: something was made."""
        self._outbox.put(Again())

    def end(self) -> None:
        """Lets it fade out and end; whoever does not end in time is killed."""
        if self._ending_since is None:
            self._ending_since = time.monotonic()
            self._outbox.put(say.Quit())

    def wait(self, seconds: float) -> bool:
        """Waits so long for the end; says whether it has come."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """Ends it at once."""
        if self._live is not None and self._live.pid is not None and self._live.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self._live.pid, signal.SIGKILL)

    # Threads

    def _run(self) -> None:
        """Starts the engine and hears what it tells until it ends."""
        try:
            live = self._live = Live(self._order())
        except Exception as error:
            self._finish(say.Stopped(f"the engine could not be started: {in_words(error)}"))
            return
        threading.Thread(target=self._send, args=(live,), name="glasspatch sends", daemon=True).start()
        while True:
            for event in live.events(LOOK):
                if isinstance(event, say.Stopped):
                    live.end(ENDING)
                    self._finish(event)
                    return
                self._heed(event)
                self._tell(self, event)
            if self._ending_since is not None and time.monotonic() - self._ending_since > ENDING:
                self.kill()

    def _order(self) -> Order:
        patch, stage, former = self._patch, self.stage, self._former
        if stage.block is not None:
            patch = patch.with_setting("block", stage.block)
        self._fixed = {key: patch.settings[key] for key in FIXED if key in patch.settings}
        flat = flattened(patch, self._registry())
        self._known, self._text = audible(flat), dumps(flat)
        return Order(
            path=self.path.resolve(),
            text=self._text,
            device=stage.device,
            input=stage.input,
            latency=former.latency if former.has_played else stage.latency,
            measure=stage.measure and not former.has_played,
            ports=Ports(stage.osc, stage.osc_host, stage.midi),
            take=former.take,
            owns_file=False,
            packages=self._packages,
            muted=former.muted,
            held=former.held,
        )

    def _heed(self, event: Any) -> None:
        match event:
            case say.Playing():
                self.has_played = True
                self.former = replace(self.former, has_played=True, latency=event.latency)
            case say.Snapshot():
                self.former = replace(self.former, muted=event.muted, held=event.held, take=event.take)
            case say.Changed():
                with self._lock:
                    in_step = self._known is not None and event.before == self._text
                    self._known = audible(loads(event.text)) if in_step else None
                    self._text = event.text

    def _finish(self, event: say.Stopped) -> None:
        self._outbox.close()
        self._ended.set()
        self._tell(self, event)

    def _send(self, live: Live) -> None:
        newest = self._patch
        while (item := self._outbox.get()) is not None:
            again = isinstance(item, Again)
            if isinstance(item, Patch) or again:
                newest = item if isinstance(item, Patch) else newest
                self._send_edit(live, newest, again)
            else:
                if isinstance(item, say.SetParam):
                    with self._lock:
                        self._known = None  # what it makes of the value is its own affair
                live.send(item)

    def _send_edit(self, live: Live, patch: Patch, again: bool) -> None:
        settings = {key: value for key, value in patch.settings.items() if key not in FIXED}
        flat = flattened(replace(patch, settings={**settings, **self._fixed}), self._registry())
        heard = audible(flat)
        with self._lock:
            if heard == self._known and not again:
                return
            self._known, self._text = heard, dumps(flat)
        live.send(say.Edit(self._text))


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


def audible(patch: Patch) -> Patch:
    """A flat patch without what cannot be heard: positions, colours, frames."""
    nodes = {name: replace(node, position=(0.0, 0.0), view={}) for name, node in patch.nodes.items()}
    return replace(patch, nodes=nodes, view={})
