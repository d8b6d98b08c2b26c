"""What the artist teaches at this moment: the target that the sliders ask for, how far a recording has come. No dearpygui."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

COUNTDOWN = 3.0
"""Seconds to get ready before a gesture is recorded without hands."""
DURATIONS = (1.0, 2.0, 3.0, 5.0, 10.0)
"""Seconds that such a recording may take."""


@dataclass(frozen=True)
class Recording:
    """An anchor that is being recorded, or is about to be. `begins` and `ends` are moments of time.monotonic; `ends` is None
    where the artist says when it is complete. `begun`: the performance was told to."""

    node: str
    """Flat name of the regressor."""
    anchor: str
    target: Mapping[str, float] | None
    begins: float
    ends: float | None = None
    begun: bool = False

    def words(self, now: float) -> str:
        """What is shown big: the seconds until it begins, then those until it ends."""
        left = (self.begins if not self.begun else (self.ends or now)) - now
        return str(max(math.ceil(left), 0))


@dataclass
class Lesson:
    """Of one window; nothing of it is kept in the patch."""

    recording: Recording | None = None
    seconds: float = 3.0
    """How long a recording without hands takes."""
    wanted: dict[str, dict[str, float]] = field(default_factory=dict)
    """What the sliders ask of each regressor (by flat name): its next anchor's target, as far as they were touched."""
    names: dict[str, str] = field(default_factory=dict)
    """What the next anchor of each regressor shall be called, where the artist has said so."""

    def want(self, node: str, name: str, value: float) -> None:
        """A slider was moved."""
        self.wanted.setdefault(node, {})[name] = value

    def follow(self, node: str) -> None:
        """The sliders show again what plays."""
        self.wanted.pop(node, None)

    def begin(self, node: str, anchor: str, target: Mapping[str, float] | None, now: float, *, hands_free: bool = False) -> None:
        """Gets ready to record: at once, or after the countdown and then for `seconds`."""
        begins = now + COUNTDOWN if hands_free else now
        self.recording = Recording(node, anchor, target, begins, begins + self.seconds if hands_free else None)

    def due(self, now: float) -> str:
        """What shall be done now: "begin", "end" or nothing. Tells it once."""
        recording = self.recording
        if recording is None:
            return ""
        if not recording.begun:
            if now < recording.begins:
                return ""
            self.recording = replace(recording, begun=True)
            return "begin"
        if recording.ends is not None and now >= recording.ends:
            self.recording = None
            return "end"
        return ""
