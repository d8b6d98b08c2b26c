"""Every Problem and event that one part of the program tells another: frozen, plain, made of simple values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runtime.job_events import JobDone as JobDone
from runtime.job_events import JobEvent as JobEvent
from runtime.job_events import JobFailed as JobFailed
from runtime.job_events import JobProgress as JobProgress
from runtime.job_events import JobSkipped as JobSkipped
from runtime.job_events import JobStarted as JobStarted
from runtime.job_events import JobStopped as JobStopped
from runtime.job_events import JobStopping as JobStopping
from runtime.job_events import JobTold as JobTold
from runtime.job_events import JobWarned as JobWarned

if TYPE_CHECKING:
    from runtime.sensing import Ready


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


# What a performance tells.


@dataclass(frozen=True)
class Playing:
    """The sound has begun, on that device."""

    device: str
    sample_rate: int
    block: int
    latency: float | None = None
    """Seconds of buffer that were asked of the device, chosen or measured; None where it was left to us."""


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
    """The performance has changed the document (a knob, a scene, undo): this is its JSON text now, and what it was before. The
    owner of a document hears only of what it did not send itself as an edit or a param."""

    text: str
    what: str
    before: str


@dataclass(frozen=True)
class Asked:
    """Somebody asked by OSC or MIDI for something that the owner of the document does: `Undo` or `Redo`."""

    command: Any


@dataclass(frozen=True)
class Taught:
    """What a node is taught now: told when it begins to play, and after every change: at once, and again when all the scores are
    known. `anchors`: (name, target by name, frames of gesture). `words`: how good the mapping is, a line for each thing.
    `scores`: the same in numbers, as far as they are known; `hits`: by how much each anchor is missed, in standard deviations;
    `auditioned`: the anchor whose target plays instead of the mapping."""

    node: str
    anchors: tuple[tuple[str, Mapping[str, float], int], ...]
    words: str
    scores: Mapping[str, float] = field(default_factory=dict)
    hits: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    auditioned: str | None = None


@dataclass(frozen=True)
class Stopped:
    """The engine process has ended: because it was told to (`fault` empty), or by a fault."""

    fault: str = ""


@dataclass(frozen=True)
class Snapshot:
    """How the performance is at this moment. `values`: controls float32 [dims], sounds float32 [channels, frames], one frame in
    eight unless asked for `whole`, or pictures uint8 [h, w, 3]; `names`: what the dimensions of these controls are called; and
    `marks`: the points that nodes have found in their pictures, float32 [points, 2 or 3]; all as `Poll` asked for. A node that
    sees nothing is left out."""

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
    """Seconds from each source (a camera, the sound card's input, MIDI, OSC) to the loudspeakers; REMOTE is that of params which
    are set by knobs and commands."""
    failed: Mapping[str, str]
    device: str
    take: str | None
    values: Mapping[tuple[str, str], Any]
    marks: Mapping[str, Any] = field(default_factory=dict)
    muted: bool = False
    """Whether it was asked to be silent (`Stop`)."""
    held: Ready | None = None
    """What the senses give now: with it a next engine can begin before its own senses are there."""
    names: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    worst_load: float = 0.0
    """The most that `load` has been, but for the first second."""
    latency: float = 0.0
    """Seconds from the engine to the loudspeakers."""


REMOTE = "remote control"
"""What stands in `Snapshot.latencies` for MIDI and OSC that move params."""
LiveEvent = Playing | Told | Problems | Changed | Asked | Taught | Stopped | NodeFailed | Snapshot


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
class ClearAnchors:
    """Forget all anchors of a node; what it plays goes on until it is taught again, or the patch is opened again."""

    node: str


@dataclass(frozen=True)
class RenameAnchor:
    """Call an anchor by another name; its place, target and gestures stay."""

    node: str
    anchor: str
    name: str


@dataclass(frozen=True)
class Audition:
    """Play the target of an anchor, or a `target` that is none yet, instead of what the mapping makes of the gesture, until
    neither is asked for."""

    node: str
    anchor: str | None = None
    target: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Retaught:
    """The files of what a node was taught have been changed beside the performance: play what they hold now."""

    node: str


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
    """Record a take into a new folder of that path (None: `takes/` beside the patch, under a free name). `video`: with what the
    cameras show (None: as the performance was started)."""

    path: str | None = None
    video: bool | None = None


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
    """Ask for a `Snapshot`; `values` names (node, output) of streams whose newest value is wanted too, `marks` nodes whose points
    are: those of a tracker belong over the picture at its input. `whole` are those of the `values` whose sound is wanted frame
    by frame, the newest block of it."""

    values: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()
    whole: tuple[tuple[str, str], ...] = ()


Teaching = EndAnchor | RemoveAnchor | ClearAnchors | RenameAnchor | Retaught | Train
"""Commands after which a node plays what it has been taught anew."""

Command = (
    Edit
    | SetParam
    | RecordAnchor
    | EndAnchor
    | RemoveAnchor
    | ClearAnchors
    | RenameAnchor
    | Audition
    | Retaught
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
