"""Every Problem and event that one part of the program tells another: frozen, plain, made of simple values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something drawn that cannot run or is not understood: which node ("" for the patch itself), what is wrong and what to do.

    A problem that `stops` keeps its node, and what depends on it, from running; the rest runs."""

    node: str
    message: str
    stops: bool = True

    def __str__(self) -> str:
        return f"{self.node or 'patch'}: {self.message}"


@dataclass(frozen=True)
class NodeFailed:
    """A playing node raised or gave NaN at that frame: it goes silent with a short fade until it is changed or loaded anew."""

    node: str
    message: str
    frame: int

    def __str__(self) -> str:
        return f"{self.node}: {self.message}"


@dataclass(frozen=True)
class JobStarted:
    node: str
    goes_on: bool = False
    """True where an earlier try left work behind."""


@dataclass(frozen=True)
class JobProgress:
    node: str
    fraction: float | None
    """0 to 1; None where nobody can know."""
    text: str = ""


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


JobEvent = JobStarted | JobProgress | JobWarned | JobDone | JobSkipped | JobStopping | JobStopped | JobFailed
