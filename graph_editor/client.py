"""Everything that runs outside the window: the performance, the jobs, the search for problems. Nothing here ever waits.

One thread, the window's, uses it; what may wait is done on threads inside.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from graph_editor import taught
from graph_editor.answers import Answers
from graph_editor.compiling import Compiling
from graph_editor.jobs import Jobs, JobState, Planned, Run, heard
from graph_editor.listening import Listening
from graph_editor.prefs import Stage
from graph_editor.session import Session
from runtime import messages as say
from runtime.patch import Patch
from runtime.playing import playing, stop_all
from runtime.registry import Registry, discover

T = TypeVar("T")

RESTARTS, RESTARTS_IN = 5, 60.0
"""How often, in so many seconds, a dead engine is restarted unasked."""
ANSWER = 1.0
"""Seconds after which an answer to `poll` is waited for no longer."""


class Client:
    """What plays and runs for one window. `tick` brings the news: what is read here changes in it only, but for `state`, which
    also follows what is asked for."""

    def __init__(self, packages: tuple[str, ...] = ("nodes",)) -> None:
        """`packages`: where nodes are found."""
        self.state = "off"
        """off, starting, playing, stopping, or dead: ended by a fault after it had played. An engine that never got so far (there
        is no such device) is off."""
        self.fault = ""
        """Why the engine is dead, or did not begin to play."""
        self.snapshot: say.Snapshot | None = None
        """The newest; None while nothing plays."""
        self.goes_on = False
        """Whether a dead engine is restarted unasked, as on stage. One that dies again and again is not."""
        self.jobs: Mapping[str, JobState] = {}
        """The jobs of the newest run, by node (flat name), in the order in which they run."""
        self.answers = Answers(self.aside)
        """What is read and worked out for the eye."""
        self.listening = Listening(lambda words: self._events.append((None, say.Told(words))))
        """What is played for the ear, beside the performance."""
        self._packages = packages
        self._events: deque[tuple[Session | None, Any]] = deque()
        self._registry: Registry | None = None
        self._registry_lock = threading.Lock()
        self._compiling = Compiling(self._nodes, lambda found: self._events.append((None, found)))
        self._jobs = Jobs(self._nodes, lambda event: self._events.append((None, event)))
        self._session: Session | None = None
        self._ending: list[Session] = []
        self._wanted: tuple[Path, Patch, Stage] | None = None
        self._deaths: list[float] = []
        self._play_again = False
        self._asked: float | None = None
        self._drawn, self._loaded = say.Problems(()), say.Problems(())

    def _nodes(self) -> Registry:
        with self._registry_lock:
            if self._registry is None:
                self._registry = discover(*self._packages)
            return self._registry

    def tick(self) -> list[Any]:
        """What happened since the last time (`runtime.messages`): `Problems` of the newest patch that was compiled, with what the
        engine could not load; every `LiveEvent` but `Snapshot`; every `JobEvent`. Call it once a frame."""
        told: list[Any] = []
        while self._events:
            session, event = self._events.popleft()
            if session is None:
                told += self._beside(event)
            elif session is self._session:
                told += self._played(session, event)
        return told

    def _beside(self, event: Any) -> list[Any]:
        """News of the jobs and of the search for problems."""
        if isinstance(event, say.Problems):
            self._drawn = event
            return [self._problems()]
        self.jobs = heard(self.jobs, event)
        on_shelf = isinstance(event, say.JobTold) and "shelf" in event.facts
        if (on_shelf or isinstance(event, say.JobDone)) and self._session is not None:
            self._session.refresh()
        return [] if isinstance(event, Planned) else [event]

    def _played(self, session: Session, event: Any) -> list[Any]:
        """News of the performance."""
        match event:
            case say.Snapshot():
                self.snapshot, self._asked = event, None
                return []
            case say.Problems():
                self._loaded = event
                return [self._problems()]
            case say.Playing() if self.state == "starting":
                self.state = "playing"
            case say.Stopped():
                return self._stopped(session, event)
        return [event]

    def _stopped(self, session: Session, event: say.Stopped) -> list[Any]:
        self.fault = "" if self.state == "stopping" else event.fault
        self.state = "dead" if self.fault and session.can_restart else "off"
        self.snapshot, self._loaded = None, say.Problems(())
        if self.state == "dead":
            now = time.monotonic()
            self._deaths = [moment for moment in self._deaths if now - moment < RESTARTS_IN] + [now]
            if self.goes_on and len(self._deaths) <= RESTARTS:
                self.restart()
                return [say.Told(f"{event.fault}; it is started again"), self._problems()]
        else:
            self._session = None
            if self._play_again:
                self._begin()
        return [event, self._problems()]

    def _problems(self) -> say.Problems:
        return say.Problems(tuple(dict.fromkeys((*self._drawn.problems, *self._loaded.problems))))

    # Playing

    def play(self, path: Path, patch: Patch, stage: Stage) -> None:
        """Starts the engine; where one is stopping, as soon as it has ended. No effect where one plays."""
        if self.state in ("starting", "playing"):
            return
        if self.state == "dead":
            self.stop()
        self._wanted = path, patch, stage
        if self.state == "stopping":
            self._play_again = True
        else:
            self._begin()

    def edit(self, patch: Patch) -> None:
        """The document has changed: call it whatever the state. What plays follows as soon as it can, newest first; only what
        can be heard is sent (a node that was moved is not). What `Changed` told comes back here and is not sent again. `restart`
        plays the newest."""
        if self._wanted is not None:
            self._wanted = self._wanted[0], patch, self._wanted[2]
        if self._session is not None and self.state != "stopping":
            self._session.edit(patch)

    def refresh(self) -> None:
        """What lies beside the patch has changed (a model is trusted now): what plays takes it over."""
        if self._session is not None:
            self._session.refresh()

    def send(self, command: say.Command) -> None:
        """Asks the performance for something; nobody hears it where nothing plays."""
        if self._session is not None:
            self._session.send(command)

    def poll(
        self,
        values: tuple[tuple[str, str], ...] = (),
        marks: tuple[str, ...] = (),
        whole: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Asks for a new `snapshot` with these values. Ask as often as you like: one question at a time is on its way."""
        now = time.monotonic()
        if self._session is not None and self.state == "playing" and (self._asked is None or now - self._asked > ANSWER):
            self._asked = now
            self._session.send(say.Poll(values, marks, whole))

    def stop(self) -> None:
        """Fades out and ends the engine: stopping, then off. A dead one is put away at once."""
        self._play_again = False
        if self._session is not None:
            self._session.end()
            self._ending = [one for one in self._ending if not one.wait(0.0)] + [self._session]
        if self.state == "dead":
            self._session = None
        self.state, self.snapshot = "off" if self._session is None else "stopping", None

    def restart(self) -> None:
        """Lets another engine go on for a dead one: with the newest patch, silent where that was asked for, and at once where a
        spare has had the time to get ready."""
        if self.state == "dead" and self._session is not None:
            self._asked, self.fault, self.state = None, "", "starting"
            self._session.restart()

    def _begin(self) -> None:
        assert self._wanted is not None
        path, patch, stage = self._wanted
        self._play_again, self._asked, self.fault, self.state = False, None, "", "starting"
        self._session = Session(path, patch, stage, self._nodes, self._packages, lambda *news: self._events.append(news))

    @property
    def pid(self) -> int | None:
        """The engine's process while there is one."""
        return self._session.pid if self._session is not None else None

    @property
    def has_spare(self) -> bool:
        """Whether a spare engine is ready for a restart."""
        return self._session is not None and self._session.has_spare

    def others(self) -> list[tuple[int, str]]:
        """(process, patch) of performances on this machine that are not ours: a window was killed, or a terminal plays."""
        own = self.pid
        with suppress(OSError):
            return [(pid, patch) for pid, patch in playing() if pid != own]
        return []

    def stop_others(self) -> None:
        """Lets them fade out and end; `Told` says when they have."""
        own = self.pid

        def stop() -> None:
            ended = stop_all(None, but=own)
            words = ", ".join(Path(patch).name for _, patch in ended) or "nothing else was playing"
            self._events.append((None, say.Told(f"stopped: {words}" if ended else words, wrong=False)))

        self.aside(stop)

    # Jobs

    def run(self, path: Path, patch: Patch, only: str | None = None, force: Collection[str] = ()) -> None:
        """Makes what is not made yet: everything, or one node (flat name) and what it needs; `force` is made again anyhow. Runs
        come one after the other. What plays takes over what was made."""
        self._jobs.run(Run(path, patch, only, frozenset(force)))

    def stop_job(self, node: str) -> None:
        """Ends one job at its next checkpoint; what it had is kept. Asked again, at once."""
        self._jobs.stop(node)

    def stop_jobs(self) -> None:
        """Ends all jobs at their next checkpoints; asked again, at once. Runs that wait are forgotten."""
        self._jobs.stop()

    # Beside

    def compile(self, patch: Patch, path: Path | None) -> None:
        """Looks for problems; `tick` gives `Problems`. The newest wins."""
        self._compiling.ask(patch, path)

    def aside(self, work: Callable[[], T]) -> Future[T]:
        """Does something that may take its time on a thread of its own; look at the future's `done()` once a frame."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="glasspatch aside", daemon=True).start()
        return future

    def taught_files(self, path: Path, node: str) -> dict[str, bytes]:
        """What a node (flat name) was taught: the files in its folder beside the patch, small ones, read at once."""
        return taught.read(path, node)

    def close(self, wait: float = 10.0) -> None:
        """Fades out, ends jobs at their next checkpoints, gives both so many seconds, and waits for it. What is left then is
        ended at once: a job goes on from its last checkpoint at the next run."""
        until = time.monotonic() + wait
        self.stop()
        self.listening.close()
        self._jobs.close(wait)
        self._compiling.close()
        for session in self._ending:
            if not session.wait(max(until - time.monotonic(), 0.0)):
                session.kill()
                session.wait(2.0)
        self._session, self.state = None, "off"
