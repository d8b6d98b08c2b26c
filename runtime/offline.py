"""Runs a patch's jobs: in child processes, in dependency order, side by side, skipped when already made."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Event
from typing import Any

from runtime import messages as say
from runtime.artifacts import RECORD, Artifact, Assets, write_atomically
from runtime.errors import NodeError, in_words
from runtime.jobs import Order, work
from runtime.plan import Plan, Step
from runtime.records import difference, goes_on_from, is_made, key_of, record_of

GRACE = 60.0
"""Seconds that a job gets to reach a checkpoint after Ctrl-C before it is ended; a second Ctrl-C ends it at once."""


@dataclass
class Child:
    """A job that runs in a process of its own."""

    step: Step
    record: dict[str, Any]
    process: SpawnProcess
    connection: Connection
    since: float
    result: tuple[Any, ...] | None = None
    asked: float | None = None
    """When it was asked to stop."""


class Runner:
    """Runs the jobs of a plan in dependency order, `jobs` side by side, and says what happens through `listen`.

    `only` keeps one node and what it depends on; `force` names nodes to make again whatever their record says. `stop` may be set
    from a signal handler: running jobs are asked to end at a checkpoint, no new one starts. Setting `hurry` ends them at once.
    """

    def __init__(
        self,
        plan: Plan,
        assets: Assets,
        listen: Callable[[say.JobEvent], None],
        *,
        only: str | None = None,
        jobs: int = 1,
        force: Collection[str] = (),
    ) -> None:
        self.plan, self.assets, self.listen = plan, assets, listen
        self.waiting = list((plan if only is None else plan.behind(only)).jobs)
        self.side_by_side = max(jobs, 1)
        self.force = set(force)
        self.stop, self.hurry = Event(), Event()
        self._unwanted: set[str] = set()
        self._hurried: set[str] = set()
        self.children: list[Child] = []
        self.finished: set[str] = set()
        self.failed: set[str] = set()
        self._spawn = multiprocessing.get_context("spawn")

    def stop_node(self, node: str) -> None:
        """Asks one job to end at a checkpoint, or not to begin; asked again, it ends at once. Any thread may call it."""
        (self._hurried if node in self._unwanted else self._unwanted).add(node)

    def run(self) -> bool:
        """Works until nothing is left to do; True where every job is made."""
        try:
            while self.waiting or self.children:
                self._start_what_is_ready()
                self._hear()
                self._end_what_should_stop()
        finally:
            for child in self.children:
                child.process.kill()
                child.process.join()
        return not self.failed and not self.stop.is_set()

    def _start_what_is_ready(self) -> None:
        wanted = {step.node for step in self.waiting} | {child.step.node for child in self.children}
        for step in list(self.waiting):
            sources = {source for found in step.inputs.values() for source, _ in found}
            if self.stop.is_set():
                self.waiting.remove(step)
            elif step.node in self._unwanted:
                self.waiting.remove(step)
                self.failed.add(step.node)
                self.listen(say.JobStopped(step.node))
            elif sources & self.failed:
                self.waiting.remove(step)
                self.failed.add(step.node)
                self.listen(
                    say.JobFailed(step.node, f"needs {' and '.join(sorted(sources & self.failed))}, which could not be made")
                )
            elif not sources & wanted and len(self.children) < self.side_by_side:
                self.waiting.remove(step)
                wanted.discard(step.node)
                try:
                    self._start(step)
                except Exception as error:
                    self._fail(step.node, in_words(error))
                wanted |= {child.step.node for child in self.children}

    def _start(self, step: Step) -> None:
        node = step.node
        artifacts = {port: self._artifact(sources) for port, sources in step.inputs.items()}
        record = record_of(step, self.plan.settings["seed"], artifacts, self.assets)
        if node not in self.force and is_made(step, record["key"], self.assets):
            self.finished.add(node)
            self.listen(say.JobSkipped(node))
            return
        folder = self.assets.working(node)
        forced, begun, made = node in self.force, _begun(folder), self.assets.record(node)
        goes_on = not forced and bool(begun) and goes_on_from(step.spec, begun, record)
        before = self.assets.node(node) if not forced and made and goes_on_from(step.spec, made, record) else None
        if not goes_on:
            self._tell_what_changed(step, record, before is not None)
            self.assets.set_aside(node)
            folder.mkdir(parents=True)
        elif key_of(step.spec, begun) != record["key"]:
            self.listen(say.JobTold(node, f"goes on where it was: {difference(step, begun, record)}"))
        write_atomically(folder / RECORD, json.dumps(record, sort_keys=True).encode())
        here, there = self._spawn.Pipe()
        order = Order(
            node=node,
            module=step.cls.__module__,
            cls=step.cls.__name__,
            params=step.values(self.assets.patch_folder),
            artifacts=artifacts,
            folder=folder,
            patch_folder=self.assets.patch_folder,
            seed=record["seed"],
            threads=max((os.cpu_count() or 1) // self.side_by_side, 1),
            before=before,
        )
        process = self._spawn.Process(target=work, args=(order, there), name=f"glasspatch {node}")
        process.start()
        there.close()
        self.children.append(Child(step, record, process, here, time.monotonic()))
        self.listen(say.JobStarted(node, goes_on))

    def _tell_what_changed(self, step: Step, record: dict[str, Any], goes_on: bool) -> None:
        """Hours of work may be about to be replaced: says why, and where what was made is kept. `goes_on`: from what was made."""
        node = step.node
        if begun := _begun(self.assets.working(node)):
            why = "you asked for it" if node in self.force else difference(step, begun, record)
            self.listen(say.JobWarned(node, f"begins anew: {why}; what was begun is kept in {node}.stopped until the next time"))
        if (old := self.assets.record(node)) and node not in self.force:
            how = "goes on from what it made before" if goes_on else "is made anew"
            words = f"{how}: {difference(step, old, record)}; the old result will be kept in {node}.previous"
            self.listen(say.JobTold(node, words) if goes_on else say.JobWarned(node, words))

    def _artifact(self, sources: tuple[tuple[str, str], ...]) -> Artifact | None:
        if not sources:
            return None
        found = self.assets.artifact(*sources[0])
        if found is None:
            raise NodeError(f"{sources[0][0]} has not been made; run it first")
        return found

    def _hear(self) -> None:
        if not self.children:
            return
        wait([child.connection for child in self.children] + [child.process.sentinel for child in self.children], timeout=0.1)
        for child in list(self.children):
            ended = not child.process.is_alive()  # asked before the pipe is emptied: what it said last is then in the pipe
            try:
                while child.connection.poll():
                    self._take(child, child.connection.recv())
            except (EOFError, OSError):
                pass  # the end of the pipe: nothing more will come
            if ended:
                self.children.remove(child)
                child.process.join()
                child.connection.close()
                self._finish(child)

    def _take(self, child: Child, message: tuple[Any, ...]) -> None:
        node = child.step.node
        if message[0] == "progress":
            self.listen(say.JobProgress(node, message[1], message[2]))
        elif message[0] == "told":
            self.listen(say.JobTold(node, message[1], message[2]))
        elif message[0] == "warning":
            self.listen(say.JobWarned(node, message[1]))
        else:
            child.result = message

    def _finish(self, child: Child) -> None:
        node = child.step.node
        if child.result is None:
            if child.asked is not None:
                child.result = ("stopped",)
            else:
                log = self.assets.working(node) / "log.txt"
                code = child.process.exitcode
                self._fail(node, f"its process ended by itself (exit code {code}); see {log}; run again to go on where it was")
                return
        if child.result[0] == "done":
            try:
                made = [port for port in child.step.spec.outputs if not port.standing]
                outputs = {port.name: (port.type, child.result[1][port.name]) for port in made}
                self.assets.finish(node, child.record, outputs)
            except Exception as error:
                self._fail(node, in_words(error))
                return
            self.finished.add(node)
            self.listen(say.JobDone(node, time.monotonic() - child.since))
        elif child.result[0] == "stopped":
            self.failed.add(node)
            self.listen(say.JobStopped(node))
        else:
            self._fail(node, child.result[1])

    def _fail(self, node: str, message: str) -> None:
        self.failed.add(node)
        self.listen(say.JobFailed(node, message))

    def _end_what_should_stop(self) -> None:
        now = time.monotonic()
        for child in self.children:
            node = child.step.node
            if child.asked is None and (self.stop.is_set() or node in self._unwanted):
                child.asked = now
                self.listen(say.JobStopping(node))
                try:
                    child.connection.send("stop")
                except OSError:
                    continue
            if self.hurry.is_set() or node in self._hurried or (child.asked is not None and now - child.asked > GRACE):
                child.process.kill()


def _begun(folder: Path) -> dict[str, Any]:
    """The record with which an earlier try of a job began; empty where there is none."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
