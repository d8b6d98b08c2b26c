"""Every Problem and event that one part of the program tells another: frozen, plain, made of simple values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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


# What a performance tells.


@dataclass(frozen=True)
class Playing:
    """The sound has begun, on that device."""

    device: str
    sample_rate: int
    block: int


@dataclass(frozen=True)
class Told:
    """Something that the artist should know, in words. `wrong` is False for good news (a camera is back)."""

    words: str
    wrong: bool = True


@dataclass(frozen=True)
class Problems:
    """What of the patch cannot run as it is now; empty when all runs."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Changed:
    """The performance has changed the document (a knob, a scene, undo): this is its JSON text now."""

    text: str
    what: str


@dataclass(frozen=True)
class Stopped:
    """The engine process has ended: because it was told to (`fault` empty), or by a fault."""

    fault: str = ""


@dataclass(frozen=True)
class Snapshot:
    """How the performance is at this moment. `values`: float32 [dims] or pictures uint8 [h, w, 3], as `Poll` asked for."""

    seconds: float
    peak: float
    load: float
    """Share of a block's time that rendering took, lately; above 1 the sound breaks."""
    counters: Mapping[str, int]
    """Counted apart: underflows (driver), starved (our ring), over_budget (blocks), input_starved, overflows, malformed."""
    slowest: tuple[str, float] | None
    """The node that took most of the last block over budget, and its seconds."""
    load_per_node: Mapping[str, float]
    latencies: Mapping[str, float]
    """Seconds from each source (a camera, the sound card's input, MIDI, OSC) to the loudspeakers."""
    failed: Mapping[str, str]
    device: str
    take: str | None
    values: Mapping[tuple[str, str], Any]


LiveEvent = Playing | Told | Problems | Changed | Stopped | NodeFailed | Snapshot


# Commands: what an artist may ask of a performance, whoever brings it: the editor, the command line, OSC, MIDI or a key.


@dataclass(frozen=True)
class Edit:
    """Play this patch (its JSON text) from now on. `fade`: the crossfade in seconds; None is the shortest without a click."""

    text: str
    fade: float | None = None


@dataclass(frozen=True)
class SetParam:
    """Set a live param, gliding there in so many `seconds`; None is the usual short glide against clicks."""

    node: str
    param: str
    value: Any
    seconds: float | None = None


@dataclass(frozen=True)
class RecordAnchor:
    """Begin to record the gestures that reach a regressor as an anchor. `target` None: what the regressor plays now."""

    node: str
    anchor: str
    target: Mapping[str, float] | None = None


@dataclass(frozen=True)
class EndAnchor:
    """The gesture is complete: keep the anchor (and train with it)."""


@dataclass(frozen=True)
class RemoveAnchor:
    node: str
    anchor: str


@dataclass(frozen=True)
class Train:
    node: str


@dataclass(frozen=True)
class Undo:
    """Take back the last edit, param, scene, anchor or training."""


@dataclass(frozen=True)
class Redo:
    pass


@dataclass(frozen=True)
class RecallScene:
    """Go to a named scene. `seconds` None: the time that the scene itself names."""

    scene: str
    seconds: float | None = None


@dataclass(frozen=True)
class KeepScene:
    """Keep the present params and models under a name."""

    scene: str


@dataclass(frozen=True)
class Learn:
    """The next knob that moves (MIDI or OSC) shall move this param over its whole range."""

    node: str
    param: str


@dataclass(frozen=True)
class Forget:
    """No knob shall move this param any more."""

    node: str
    param: str


@dataclass(frozen=True)
class StartTake:
    """Record a take into a new folder of that path (None: `takes/` beside the patch, under a free name)."""

    path: str | None = None


@dataclass(frozen=True)
class EndTake:
    pass


@dataclass(frozen=True)
class Revive:
    """Let a failed node try again at once."""

    node: str


@dataclass(frozen=True)
class Start:
    """Let the sound in again after Stop."""


@dataclass(frozen=True)
class Stop:
    """Fade to silence; everything goes on behind it and `Start` lets it in again."""


@dataclass(frozen=True)
class Quit:
    """Fade out and end the engine process."""


@dataclass(frozen=True)
class Poll:
    """Ask for a `Snapshot`; `values` names (node, output) of streams whose newest value is wanted too."""

    values: tuple[tuple[str, str], ...] = ()


Command = (
    Edit
    | SetParam
    | RecordAnchor
    | EndAnchor
    | RemoveAnchor
    | Train
    | Undo
    | Redo
    | RecallScene
    | KeepScene
    | Learn
    | Forget
    | StartTake
    | EndTake
    | Revive
    | Start
    | Stop
    | Quit
    | Poll
)
