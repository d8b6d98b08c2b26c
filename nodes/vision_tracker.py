"""What all trackers share: a network that looks at pictures beside the engine, and what is told while nobody is seen."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from runtime.node import STEP, Block
from runtime.spec import BoolParam, ChoiceParam, FloatParam, PathParam

CALM = 12
"""Newest gestures whose mean becomes zero: less than half a second."""

LOST = ChoiceParam(
    name="lost",
    default="hold",
    choices=("hold", "ease", "fade"),
    doc="while nothing is seen: hold the last gesture, ease to rest (zero, or the mean of all that was seen), or fade to 0",
)
EASE = FloatParam(name="ease", default=0.5, low=0.01, high=10.0, unit="s", log=True, doc="time to get there")
ZERO = BoolParam(name="zero", default=False, doc="take the present gesture as zero: rest, and switch it on; again to do so anew")


def model_param(file: str) -> PathParam:
    """A tracker's own model file; `file` is what it is called where mediapipe's makers give it away."""
    return PathParam(name="model", required=False, doc=f"another model, such as {file} of mediapipe; empty: the built-in one")


class Sight(NamedTuple):
    """What a network saw in one picture. `parts` are float32 [dims] for each thing that it looks for, None where it is not seen;
    `sure` how sure of each, 0 to 1; `marks` all its points, float32 [points, 3], None where there are none."""

    parts: tuple[np.ndarray | None, ...]
    sure: tuple[float, ...]
    marks: np.ndarray | None


class Found(NamedTuple):
    """What a tracker saw last: `number` counts the pictures, `sight` is None before the first; `stamp` is when the picture
    arrived, if a camera's."""

    number: int
    sight: Sight | None
    stamp: float | None


class Tracker:
    """Looks at pictures with `look`. With `beside` it works on a thread of its own on the newest picture, and `track` gives what
    was found last; else `track` works at once. `track` may be called by one thread at a time. `free` gives the network back."""

    def __init__(self, look: Callable[[np.ndarray], Sight], free: Callable[[], None], beside: bool) -> None:
        self._look_at, self._free_it = look, free
        self._look_at(np.zeros((64, 64, 3), np.uint8))  # the first call makes the graph: up to .2 s
        self._seen: np.ndarray | None = None
        self._found = Found(0, None, None)
        self._fault: Exception | None = None
        self._closed = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="glasspatch tracker", daemon=True) if beside else None
        if self._thread:
            self._thread.start()

    def track(self, picture: np.ndarray) -> Found:
        """What was found last. The same picture object as before is not looked at again. Raises what the network raised."""
        if self._fault:
            raise self._fault
        if picture is not self._seen:
            self._seen = picture
            if self._thread:
                self._wake.set()
            else:
                self._look(picture)
        return self._found

    def close(self) -> None:
        """Ends the thread and frees the network. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._thread:
            self._wake.set()
            self._thread.join(timeout=5.0)
        else:
            self._free()

    def _free(self) -> None:
        with suppress(RuntimeError):  # a network that failed says so once more when it is closed
            self._free_it()

    def _look(self, picture: np.ndarray) -> None:
        sight = self._look_at(np.ascontiguousarray(picture))
        self._found = Found(self._found.number + 1, sight, getattr(picture, "stamp", None))

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closed:
                break
            try:
                self._look(self._seen)
            except Exception as error:  # belongs to whoever asks: a thread that ended unheard would freeze the gesture
                self._fault = error
                break
        self._free()


class Follower:
    """Makes a steady gesture of what is seen of one thing and not seen: what it does while it is lost, and its zero."""

    def __init__(self, rest: np.ndarray, sample_rate: int) -> None:
        """`rest`: the gesture before anything was seen, float32 [dims]."""
        self._rate = sample_rate
        self._done, self._count = 0, 0
        self._gesture, self._mean = rest, rest.astype(np.float64)
        self._unseen, self._sure = np.inf, 1.0  # seconds since it was seen, and how sure that was
        self._at: int | None = None  # the frame at which _gesture and _unseen hold
        self._manner = ("hold", 1.0)  # lost and ease since then
        self._newest: deque[np.ndarray] = deque(maxlen=CALM)
        self._zero: np.ndarray | None = None

    def follow(
        self, block: Block, number: int, found: np.ndarray | None, sure: float, lost: str, ease: float, zero: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """(gesture float32 [dims, steps], confidence float32 [1, steps]) of a block, after picture `number` in which `found` was
        seen, or nothing."""
        if found is not None:
            if number != self._done:
                self._count += 1
                self._mean = self._mean + (found - self._mean) / self._count
                self._newest.append(found)
            self._gesture, self._unseen, self._sure, self._at = found, 0.0, sure, block.start + block.frames
            gesture = np.repeat(found[:, None], block.steps, axis=1)
            confidence = np.full((1, block.steps), sure, np.float32)
        else:
            # Time is read off the blocks' starts: beside the engine proper they leave gaps and overlap.
            passed = max(block.start - self._at, 0) / self._rate if self._at is not None else 0.0
            self._gesture = self._faded(np.array([passed]), *self._manner)[:, 0]
            self._unseen, self._at = self._unseen + passed, block.start
            elapsed = np.arange(1, block.steps + 1) * (STEP / self._rate)
            gesture = self._faded(elapsed, lost, ease)
            confidence = (self._sure * np.clip(1.0 - (self._unseen + elapsed[None]) / ease, 0.0, 1.0)).astype(np.float32)
        self._done, self._manner = number, (lost, ease)
        if not zero:
            self._zero = None
        elif self._zero is None and self._newest:
            self._zero = np.mean(self._newest, axis=0, dtype=np.float64).astype(np.float32)
        return (gesture if self._zero is None else gesture - self._zero[:, None]), confidence

    def _faded(self, elapsed: np.ndarray, lost: str, ease: float) -> np.ndarray:
        """The gesture after those seconds in which it was not seen, float32 [dims, seconds]."""
        if lost == "hold":
            return np.repeat(self._gesture[:, None], len(elapsed), axis=1)
        zero = np.zeros_like(self._mean) if self._zero is None else self._zero
        goal = zero if lost == "fade" or self._zero is not None else self._mean
        # Two thirds of the way in the ease time; a jump would be heard.
        part = 1.0 - np.exp(-elapsed / ease)
        return (self._gesture[:, None] + (goal - self._gesture)[:, None] * part).astype(np.float32)
