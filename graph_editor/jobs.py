"""The jobs of one window: runs them one run after the other on a thread, and knows how far each is."""

from __future__ import annotations

from dataclasses import dataclass

WAITING, RUNNING, STOPPING, DONE, SKIPPED, STOPPED, FAILED = (
    "waiting",
    "running",
    "stopping",
    "done",
    "skipped",
    "stopped",
    "failed",
)


@dataclass(frozen=True)
class JobState:
    """How far a job is. `phase`: waiting, running, stopping, done, skipped, stopped, failed. `fraction`: 0 to 1, None where nobody
    can know. `text`: what it does, or why it failed. `since`: when it began (time.monotonic). `left`: seconds, None where
    nobody can know. `warnings`: what it warned of, in words."""

    node: str
    phase: str
    fraction: float | None = None
    text: str = ""
    since: float = 0.0
    left: float | None = None
    warnings: tuple[str, ...] = ()
