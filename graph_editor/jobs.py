"""The jobs of one window: makes what is not made yet, one run after the other, on a thread, and knows how far each job is."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runtime import messages as say
from runtime.artifacts import Assets
from runtime.errors import in_words
from runtime.offline import Runner
from runtime.patch import Patch
from runtime.plan import compile_patch
from runtime.registry import Registry

PHASES = ("waiting", "running", "stopping", "done", "skipped", "stopped", "failed")
BUSY = ("waiting", "running", "stopping")
COURSE = 256
SOON = 0.02
"""Part of a job after which the time that is left can be guessed."""


@dataclass(frozen=True)
class JobState:
    """How far a job is. `phase`: one of PHASES. `fraction`: 0 to 1, None where nobody can know. `text`: what it does, or why it
    failed. `since`: when it began (time.monotonic). `left`: seconds, None where nobody can know. `warnings`: in words."""

    node: str
    phase: str
    fraction: float | None = None
    text: str = ""
    since: float = 0.0
    left: float | None = None
    warnings: tuple[str, ...] = ()
    first: tuple[float, float] | None = None
    """The first fraction that it told, and when: one that goes on does not begin at 0."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it knows by now (`say.JobTold`)."""
    course: tuple[Mapping[str, Any], ...] = ()
    """The facts that it told with a `step`, less than COURSE of them; the older, the fewer."""

    @property
    def is_busy(self) -> bool:
        return self.phase in BUSY


@dataclass(frozen=True)
class Planned:
    """A run begins: these jobs will be made, or are made already."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What was asked for."""

    path: Path
    patch: Patch
    only: str | None
    force: frozenset[str] = field(default_factory=frozenset)


class Jobs:
    """Runs jobs. The window's thread calls it; `tell` is called by its thread with each event."""

    def __init__(self, registry: Callable[[], Registry], tell: Callable[[Any], None]) -> None:
        self._registry, self._tell = registry, tell
        self._wake = threading.Condition()
        self._waiting: list[Run] = []
        self._runner: Runner | None = None
        self._at_work = self._closing = False
        self._thread: threading.Thread | None = None

    def run(self, run: Run) -> None:
        """After what runs now. One that waits already and asks for the same is replaced: the newest patch counts."""
        with self._wake:
            same = (run.path, run.only, run.force)
            self._waiting = [one for one in self._waiting if (one.path, one.only, one.force) != same] + [run]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="glasspatch jobs", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def stop(self, node: str | None = None) -> None:
        """Ends a job, or all, at the next checkpoint; asked again, at once."""
        with self._wake:
            if node is None:
                self._waiting.clear()
            runner = self._runner
        if runner is not None and node is not None:
            runner.stop_node(node)
        elif runner is not None:
            (runner.hurry if runner.stop.is_set() else runner.stop).set()

    def close(self, wait: float) -> None:
        """Ends all at their next checkpoints and waits so long for it; then at once."""
        self.stop()
        with self._wake:
            self._closing = True
            self._wake.notify_all()
            if not self._wake.wait_for(lambda: not self._at_work, wait):
                self.stop()
                self._wake.wait_for(lambda: not self._at_work, 5.0)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                run, self._at_work = self._waiting.pop(0), True
            try:
                self._make(run)
            except Exception as error:
                if not isinstance(error, OSError):
                    traceback.print_exc()
                self._tell(say.Told(in_words(error)))
            with self._wake:
                self._runner, self._at_work = None, False
                self._wake.notify_all()

    def _make(self, run: Run) -> None:
        assets = Assets(run.path)
        plan = compile_patch(run.patch, self._registry(), assets.patch_folder)
        if run.only is not None and run.only not in plan.steps:
            why = [problem.message for problem in plan.problems if problem.node == run.only]
            why += [f"it waits for {plan.blocked[run.only]}, which cannot run"] if run.only in plan.blocked else []
            self._tell(say.Told(f"{run.only} cannot run: {'; '.join(why) or 'it is not in the patch any more'}"))
            return
        ended: set[str] = set()

        def listen(event: say.JobEvent) -> None:
            if isinstance(event, say.JobDone | say.JobSkipped | say.JobStopped | say.JobFailed):
                ended.add(event.node)
            self._tell(event)

        runner = Runner(plan, assets, listen, only=run.only, force=run.force)
        planned = tuple(step.node for step in runner.waiting)
        if not runner.waiting:
            self._tell(say.Told("there is nothing to make: no job of this patch can run", wrong=bool(plan.problems)))
            return
        with assets.lock("run"):
            self._tell(Planned(planned))
            with self._wake:
                self._runner = runner
                if self._closing:
                    runner.stop.set()
            try:
                runner.run()
            finally:
                for node in planned:
                    if node not in ended:  # stopped before its turn came
                        self._tell(say.JobStopped(node))


def heard(jobs: Mapping[str, JobState], event: Any) -> Mapping[str, JobState]:
    """The states of jobs after an event; the same object where it changes none."""
    now = time.monotonic()
    if isinstance(event, Planned):
        return {node: JobState(node, "waiting", since=now) for node in event.nodes}
    node = getattr(event, "node", None)
    if not isinstance(event, say.JobEvent) or not isinstance(node, str):
        return jobs
    state = jobs.get(node, JobState(node, "waiting", since=now))
    match event:
        case say.JobStarted():
            state = replace(state, phase="running", since=now, text="goes on where it stopped" if event.goes_on else "")
        case say.JobProgress():
            state = _progressed(state, event, now)
        case say.JobTold():
            state = _told(state, event.facts)
        case say.JobWarned():
            state = replace(state, warnings=(*state.warnings, event.message))
        case say.JobDone():
            state = replace(state, phase="done", fraction=1.0, text="", left=None)
        case say.JobSkipped():
            state = replace(state, phase="skipped", fraction=1.0, text="is made already", left=None)
        case say.JobStopping():
            state = replace(state, phase="stopping", left=None)
        case say.JobStopped():
            state = replace(state, phase="stopped", text="what it had is kept; the next run goes on from there", left=None)
        case say.JobFailed():
            state = replace(state, phase="failed", text=event.message, left=None)
    return {**jobs, node: state}


def _progressed(state: JobState, event: say.JobProgress, now: float) -> JobState:
    left, first = None, state.first
    if event.fraction is not None:
        first = first or (event.fraction, now)
        done, spent = event.fraction - first[0], now - first[1]
        if done > SOON:
            left = spent * (1.0 - event.fraction) / done
    left = state.facts.get("left", left)
    return replace(state, fraction=event.fraction, text=event.text, left=left, first=first)


def _told(state: JobState, facts: Mapping[str, Any]) -> JobState:
    course = (*state.course, facts) if "step" in facts else state.course
    return replace(state, facts={**state.facts, **facts}, course=course if len(course) < COURSE else course[::2])
