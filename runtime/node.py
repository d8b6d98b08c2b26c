"""The whole contract for node authors: StreamNode and JobNode, and what they are handed.

The laws. A node sees only its named values. `process` only computes: no files, locks, waiting or printing. Inputs are
read-only, outputs are new arrays. Slow work is an action, or a job. What waits (a camera, a disk) runs beside, on a thread of
the node's own, and leaves its newest value in one slot. Every random number comes from `stream.seed` or `job.seed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from runtime.errors import Cancelled
from runtime.spec import NodeSpec

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

STEP = 64
"""Frames per CONTROL step. Every node that makes CONTROL makes `block.steps` of them, one for each 64 frames of the patch's
clock, so that a gesture has the same resolution, and the sound is the same, at every block length (the smallest is 64)."""


@dataclass
class Stream:
    """What a stream node may know when it is prepared, and where it declares what only then is known.

    `names` holds the dimension names of each connected CONTROL input (a delayed input has none yet). `seed` is
    the node's own, derived from the patch's. `offline` is True where nobody waits for the sound: then a node waits for its
    own slow sources instead of dropping what is late. `hurried` is True where a sound card waits for `process`: then what takes
    longer than a block goes beside, on a thread. `arrived` is called by a node's own thread when something new has come
    from outside, so that who runs the node looks at once; it is cheap, and any thread may call it. `origin` gives in plain data
    what the sound comes from: the `patch` as it is when the node is prepared, and the records behind all that was `made` for it.
    `play_ahead` is called in `prepare` before what keeps Python to itself for longer than 30 ms (opening a model, loading a
    library), with the seconds that it takes at most. A sound that is heard already is then played so far ahead, and goes on
    meanwhile. It says whether there is one.
    """

    sample_rate: int
    block: int
    seed: int
    offline: bool
    folder: Path
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hurried: bool = False
    arrived: Callable[[], None] = lambda: None
    origin: Callable[[], dict[str, Any]] = dict
    play_ahead: Callable[[float], bool] = lambda seconds: False
    output_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    latency: int = 0

    def name(self, output: str, names: Iterable[str]) -> None:
        """Names the dimensions of a CONTROL output; required for each of them. They travel with the plan, not with the blocks."""
        self.output_names[output] = tuple(names)

    def delay(self, frames: int) -> None:
        """Declares that the node answers its inputs `frames` later."""
        self.latency = frames


class Block:
    """The block being rendered. One object serves all blocks of an engine, so keep no reference to it."""

    __slots__ = ("start", "frames", "steps", "device_input", "master")

    def __init__(self, frames: int) -> None:
        self.start = 0
        self.frames = frames
        self.steps = max(frames // STEP, 1)
        self.device_input: np.ndarray | None = None
        self.master: list[np.ndarray] = []

    def play(self, audio: np.ndarray) -> None:
        """Adds a sound [channels, frames] to what the engine sends to the loudspeakers."""
        self.master.append(audio)


class StreamNode:
    """A node that computes one block at a time; the same code runs live and offline.

    The class docstring is the help text. `process(block, <inputs, live params>)` returns {output: array}. Arguments are
    handed over by position in the order of the signature, and are named like the spec's inputs and params.
    """

    spec: ClassVar[NodeSpec]
    process: ClassVar[Callable[..., dict[str, Any]]]
    prepare: ClassVar[Callable[..., None]]
    failure: str | None = None
    """What went wrong beside `process`, on a thread of the node's own, in words; the engine tells it."""
    stamp: float | None = None
    """When what the node gives happened, in seconds of time.perf_counter; None where it does not know."""
    marks: np.ndarray | None = None
    """Points that the node has found in its picture, float32 [points, 2 or 3]: x and y from left and top in parts of the picture,
    0 to 1, z in parts of its width; a new array whenever they change, None while there are none. `process` sets it; they are
    drawn over the picture and kept in takes."""

    def prepare(self, stream: Stream, **values: Any) -> None:  # type: ignore[no-redef]
        """Called before the first block, off the audio path, with the artifact inputs and the fixed params by name. May take
        its time, read files, and raise NodeError. The default names nothing and keeps nothing."""

    def close(self) -> None:
        """Called once, off the audio path, when the node leaves the engine."""

    def save(self, folder: Path) -> None:
        """Writes what the artist taught this node into its folder beside the patch."""

    def load(self, folder: Path) -> None:
        """Reads what `save` wrote; called before `prepare`. An absent or empty folder is a node that was taught nothing."""

    @staticmethod
    def upgrade(params: dict[str, Any], version: int) -> dict[str, Any]:
        """Params written by an older `version` of the node, in today's terms."""
        return params


@dataclass
class Job:
    """What a job node may know while it runs, in a process of its own.

    `folder` is the place to write; its content becomes the artifact when `run` returns. After a stop or a crash it is still
    there at the next try of the same job, so that long work can go on where it stopped. `patch_folder` is what paths in
    a corpus are relative to. `before` is the folder of what the job made earlier where nothing but `further` params has
    changed since: it may take from there what saves it work, and must leave it as it is.
    """

    folder: Path
    patch_folder: Path
    seed: int
    report: Callable[[float | None, str], None]
    is_cancelled: Callable[[], bool]
    warn: Callable[[str], None]
    tell: Callable[[str, Mapping[str, Any]], None] = lambda text, facts: None
    """Tells facts by name, with words where they are worth a line of their own ("" where not)."""
    before: Path | None = None

    def progress(self, fraction: float | None, text: str = "") -> None:
        """Tells how much is done, 0 to 1 (None where nobody can know), and what is happening. Raises Cancelled when the user
        has asked to stop."""
        if self.is_cancelled():
            raise Cancelled("stopped by the user")
        self.report(fraction, text)

    def track(self, items: Iterable[T], total: int | None = None, text: str = "") -> Iterator[T]:
        """The items one by one, with progress after each; raises Cancelled when the user has asked to stop."""
        count = total if total is not None else len(items) if isinstance(items, Sized) else None
        for done, item in enumerate(items):
            self.progress(done / count if count else None, text)
            yield item
        self.progress(1.0, text)


class JobNode:
    """A node that works once, in a child process, and leaves artifacts on disk.

    `run(job, <artifact inputs, params>)`, all by name, returns {output: path} where each path is the artifact's file or
    folder: `job.folder` itself, something in it, or a file of the user's beside the patch.
    """

    spec: ClassVar[NodeSpec]
    run: ClassVar[Callable[..., dict[str, Path]]]
    scratch: ClassVar[tuple[str, ...]] = ()
    """Names in `job.folder` of what `run` makes again where it is missing: it is not sent to another machine."""

    @staticmethod
    def upgrade(params: dict[str, Any], version: int) -> dict[str, Any]:
        """Params written by an older `version` of the node, in today's terms."""
        return params
