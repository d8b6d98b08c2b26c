"""Everything that runs outside the window: the performance, the jobs, the search for problems. Nothing here ever waits.

One thread, the window's, uses it; what may wait is done on threads inside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from graph_editor.jobs import JobState
from graph_editor.prefs import Stage
from runtime import messages as say
from runtime.patch import Patch

T = TypeVar("T")


class Client:
    """What plays and runs for one window."""

    snapshot: say.Snapshot | None
    """The newest; None while nothing plays."""
    state: str
    """off, starting, playing, stopping, or dead: the engine ended by a fault after it had played. One that never got to play (no such
    device) is off."""
    fault: str
    """Why the engine is dead, or did not begin to play."""
    jobs: Mapping[str, JobState]
    """The jobs of the newest runs, by node (flat name), in the order in which they run; a new run replaces finished ones."""

    def __init__(self, packages: tuple[str, ...] = ("nodes",)) -> None: ...

    def tick(self) -> list[Any]:
        """What happened since the last time (`runtime.messages`): `Problems` (of the newest compiled patch, together with what
        the engine could not load), all `LiveEvent`s but `Snapshot`, all `JobEvent`s. Call it once a frame: `state`, `snapshot` and `jobs`
        change in it only."""
        raise NotImplementedError

    # Playing

    def play(self, path: Path, patch: Patch, stage: Stage) -> None:
        """Starts the engine; where one is stopping, as soon as it has ended. No effect where one plays."""

    def edit(self, patch: Patch) -> None:
        """The document has changed: call it whatever the state. What plays follows as soon as it can, newest first; only what
        can be heard is sent (a node that was moved is not). What `Changed` told comes back here and is not sent
        again. `restart` plays the newest."""

    def send(self, command: say.Command) -> None:
        """Asks the performance for something; nobody hears it where nothing plays."""

    def poll(self, values: tuple[tuple[str, str], ...] = (), marks: tuple[str, ...] = ()) -> None:
        """Asks for a new `snapshot` with these values; at most one question is on its way."""

    def stop(self) -> None:
        """Fades out and ends the engine: stopping, then off. A dead one is put away at once."""

    def restart(self) -> None:
        """Starts a dead engine again, with the newest patch."""

    def others(self) -> list[tuple[int, str]]:
        """(process, patch) of performances on this machine that are not ours: of a window that was killed, or a terminal."""
        raise NotImplementedError

    def stop_others(self) -> None:
        """Lets them fade out and end; `Told` says when they have."""

    # Jobs

    def run(self, path: Path, patch: Patch, only: str | None = None, force: Collection[str] = ()) -> None:
        """Makes what is not made yet: everything, or one node (flat name) and what it needs; `force` is made again anyhow. Runs
        one after the other. What plays takes new results over by itself."""

    def stop_job(self, node: str) -> None:
        """Ends one job at its next checkpoint; what it had is kept. Asked again, at once."""

    def stop_jobs(self) -> None:
        """Ends all jobs at their next checkpoints; asked again, at once."""

    # Beside

    def compile(self, patch: Patch, path: Path | None) -> None:
        """Looks for problems; `tick` gives `Problems`. The newest wins."""

    def aside(self, work: Callable[[], T]) -> Future[T]:
        """Does something that may take its time on a thread; look at the future's `done()` once a frame."""
        raise NotImplementedError

    def taught_files(self, path: Path, node: str) -> dict[str, bytes]:
        """What a node (flat name) was taught, as the files in its folder beside the patch: small ones, read at once."""
        raise NotImplementedError

    def close(self, wait: float = 10.0) -> None:
        """Fades out, ends jobs at their next checkpoints, and gives both so many seconds in all; waits for it. What is left
        then is ended at once: a job goes on from its last checkpoint at the next run."""
