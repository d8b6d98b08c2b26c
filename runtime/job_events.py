"""What one job tells while it is made: frozen, plain, made of simple values. Part of `runtime.messages`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class JobStarted:
    """`goes_on`: an earlier try left work behind."""

    node: str
    goes_on: bool = False


@dataclass(frozen=True)
class JobProgress:
    """`fraction`: 0 to 1; None where nobody can know."""

    node: str
    fraction: float | None
    text: str = ""


@dataclass(frozen=True)
class JobTold:
    """What a job knows by now: `facts` by name, the newest of a name counts; where there is a `text`, it says it in words that
    are worth a line of their own."""

    node: str
    text: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobWarned:
    node: str
    message: str


@dataclass(frozen=True)
class JobDone:
    node: str
    seconds: float


@dataclass(frozen=True)
class JobSkipped:
    """What the job would make is there already, made from the same inputs, params and seed."""

    node: str


@dataclass(frozen=True)
class JobStopping:
    """The user asked the job to stop; it ends at its next checkpoint."""

    node: str


@dataclass(frozen=True)
class JobStopped:
    """The user stopped the job; what it had is kept and the next run goes on from there."""

    node: str


@dataclass(frozen=True)
class JobFailed:
    node: str
    message: str


JobEvent = JobStarted | JobProgress | JobTold | JobWarned | JobDone | JobSkipped | JobStopping | JobStopped | JobFailed
