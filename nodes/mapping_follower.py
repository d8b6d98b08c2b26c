"""The gesture follower: knows recorded gestures as courses in time, and says which one is being played and how far it is.

Dynamic time warping, online: the present gesture is laid upon each recorded one so that time may run slower or up to twice as
fast (steps of 0, 1 or 2 frames, as in the Gesture Follower, Bevilacqua et al. 2010), old costs fade away, and at any moment any
gesture may begin anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nodes import regression
from nodes.mapping_learner import GESTURE, Learner, actions
from nodes.regression import Examples, Settings
from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import FloatParam, NodeSpec, Port, PortType

RATE = 30.0
"""Looks at the gesture in a second: as many frames as were recorded of it."""
FEWEST = 3
"""Frames of the shortest gesture that has a beginning, a middle and an end."""
BEGIN = 6.0
"""What it costs to begin a gesture anew: as much as being three and a half tolerances off for one look. With less, what begins
where another ends takes over before the end."""
OFF = 3.0
"""Tolerances by which the gesture may be off on the best way before it is none of the recorded ones."""


@dataclass(frozen=True, eq=False)
class Courses:
    """Recorded gestures one after the other: `states` [n, dims] in standard units, the first of each at `starts` [gestures]."""

    key: str
    mean: np.ndarray
    scale: np.ndarray
    states: np.ndarray
    starts: np.ndarray

    def is_sound(self) -> bool:
        """Whether it can be followed. Raises whatever numpy does where its arrays do not fit together."""
        costs, _ = advance(self, np.zeros(len(self.states)), np.zeros(len(self.mean)), 1.0, 0.9)
        return bool(np.isfinite(costs).all()) and self.starts[0] == 0 and bool((np.diff(self.starts) > 1).all())


def fit(examples: Examples) -> Courses:
    """The courses of all gestures. Raises NodeError for a gesture that does not move."""
    for one in examples.anchors:
        _check(one.name, len(one.frames))
    frames = np.concatenate([one.frames for one in examples.anchors]).astype(np.float64)
    deviation = frames.std(0)
    mean, scale = frames.mean(0), np.where(deviation > 1e-9, deviation, 1.0)
    starts = np.cumsum([0, *(len(one.frames) for one in examples.anchors[:-1])])
    return Courses(key_of(examples), mean, scale, (frames - mean) / scale, starts)


def _check(name: str, frames: int) -> None:
    if frames < FEWEST:
        raise NodeError(f"gesture {name!r} has only {frames} different frames: record it anew, and move while you do")


def key_of(examples: Examples) -> str:
    """Changes whenever the courses could come out differently."""
    return regression.key_of(examples, Settings("courses"))


def advance(
    courses: Courses, costs: np.ndarray, gesture: np.ndarray, tolerance: float, memory: float
) -> tuple[np.ndarray, np.ndarray]:
    """One look: from the costs of being at each state, [n], to the costs now, and what the look itself cost at each state.

    `gesture` [dims] in standard units; being off by `tolerance` in all dimensions costs a half; of what was before, `memory` (0
    to 1) is remembered."""
    away = courses.states - gesture
    here = np.einsum("nd,nd->n", away, away) / (2.0 * tolerance**2 * away.shape[1])
    before = np.full(len(costs) + 2, np.inf)
    before[2:] = costs
    one, two = before[1:-1].copy(), before[:-2].copy()
    anew = costs.min() + BEGIN
    one[courses.starts], two[courses.starts] = anew, np.inf
    two[courses.starts + 1] = np.inf
    return here + memory * np.minimum(np.minimum(costs, one), two), here


def read(courses: Courses, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each gesture is, 0 to 1, and how likely each is, together 1: both [gestures]."""
    starts = courses.starts
    ends = np.append(starts[1:], len(costs))
    least = np.minimum.reduceat(costs, starts)
    weights = np.exp(np.repeat(least, ends - starts) - costs)
    places = np.arange(len(costs)) - np.repeat(starts, ends - starts)
    position = np.add.reduceat(weights * places, starts) / np.add.reduceat(weights, starts) / (ends - starts - 1)
    likely = np.exp(least.min() - least)
    return position, likely / likely.sum()


class Follower(Learner, StreamNode):
    """Follows gestures in time: record some movements under their names, and while you play one of them again, slower or up to
    twice as fast, it says how far you are, from 0 at its beginning to 1 at its end, and how likely it is each of them. So a
    movement can unfold a sound from beginning to end, or a whole phrase choose what sounds next."""

    spec = NodeSpec(
        type="mapping.follower",
        title="Gesture follower",
        inputs=(GESTURE,),
        outputs=(
            Port("position", PortType.CONTROL, "for each gesture how far it is, 0 to 1, if it is this one"),
            Port("likelihood", PortType.CONTROL, "for each gesture how likely it is the one that is played; together 1"),
            Port("winner", PortType.CONTROL, "the number of the likeliest gesture, from 0, and how far it is"),
            Port("support", PortType.CONTROL, "how far you are off on the best way; above 1 is none of the gestures"),
        ),
        params=(
            FloatParam(
                name="tolerance",
                default=0.3,
                low=0.02,
                high=3.0,
                log=True,
                doc="how far a gesture may be off, in standard deviations of all that was recorded; larger decides later",
            ),
            FloatParam(
                name="memory",
                default=1.0,
                low=0.1,
                high=20.0,
                unit="s",
                log=True,
                doc="how long the past counts; longer is surer which gesture it is, and notices a change later",
            ),
        ),
        actions=actions("a movement from its beginning to its end", "forget all movements; what is playing goes on"),
    )
    fitted = Courses

    def prepare(self, stream: Stream) -> None:
        self.begin(stream)
        self._every = max(round(stream.sample_rate / STEP / RATE), 1)
        names = tuple(one.name for one in self.examples.anchors)
        self._costs = np.full(len(self.mapping.states), BEGIN)
        self._costs[self.mapping.starts] = 0.0
        self._off = 0.0
        self._now = np.zeros(2 * len(names) + 3, np.float32)
        stream.name("position", names)
        stream.name("likelihood", names)
        stream.name("winner", ("winner", "position"))
        stream.name("support", ("support",))

    def add(self, name: str, target: Mapping[str, float], frames: np.ndarray, gesture_names: tuple[str, ...]) -> dict[str, Any]:
        added = super().add(name, target, frames, gesture_names)
        _check(name, next(len(one.frames) for one in added["examples"].anchors if one.name == name))
        return added

    def learn(self) -> Courses:
        return fit(self.examples)

    def key(self) -> str:
        return key_of(self.examples)

    def shape(self) -> Any:
        return self.examples.gesture, tuple(one.name for one in self.examples.anchors)

    def process(self, block: Block, gesture: np.ndarray, tolerance: float, memory: float) -> dict[str, np.ndarray]:
        gesture, steps = self.hear(gesture), block.steps
        made = np.empty((len(self._now), steps), np.float32)
        first = block.start // STEP
        # It looks at fixed steps of the clock, whatever the block's length.
        looks = range(-first % self._every, steps, self._every)
        shown = 0
        for step in looks:
            made[:, shown:step] = self._now[:, None]
            self._look(gesture[:, step], tolerance, memory)
            shown = step
        made[:, shown:] = self._now[:, None]
        count = len(self.mapping.starts)
        return {
            "position": made[:count].copy(),
            "likelihood": made[count : 2 * count].copy(),
            "winner": made[2 * count : 2 * count + 2].copy(),
            "support": made[2 * count + 2 :].copy(),
        }

    def _look(self, gesture: np.ndarray, tolerance: float, memory: float) -> None:
        courses = self.mapping
        keep = math.exp(-1.0 / (memory * RATE))
        self._costs, here = advance(courses, self._costs, (gesture - courses.mean) / courses.scale, tolerance, keep)
        position, likely = read(courses, self._costs)
        best = int(likely.argmax())
        # The mean cost on the best way, as a distance: a half is one tolerance.
        self._off = keep * self._off + (1.0 - keep) * float(here[self._costs.argmin()])
        support = math.sqrt(2.0 * self._off) / OFF
        self._now = np.concatenate([position, likely, [best, position[best], support]]).astype(np.float32)

    def scores(self, whole: bool = True) -> dict[str, Any]:
        """How well the gestures are told apart: `anchor_hits` by gesture is how unlikely it is at its own end, when it is played
        once more exactly as it was recorded."""
        examples = self.examples
        if not examples.anchors:
            return {"anchors": 0, "frames": 0, "warnings": ["nothing has been taught yet"]}
        courses = self.learnt()
        missed = {one.name: 1.0 - self._end(courses, number) for number, one in enumerate(examples.anchors)}
        return {
            "anchors": len(examples.anchors),
            "frames": sum(len(one.frames) for one in examples.anchors),
            "anchor_hits": missed,
            "warnings": [
                f"gesture {name!r} is taken for another even at its end: it is too like that one, record it differently"
                for name, error in missed.items()
                if error > 0.5
            ],
        }

    @staticmethod
    def _end(courses: Courses, number: int) -> float:
        """How likely a gesture is at its end."""
        costs = np.zeros(len(courses.states))
        ends = np.append(courses.starts[1:], len(costs))
        for state in courses.states[courses.starts[number] : ends[number]]:
            costs, _ = advance(courses, costs, state, 0.3, math.exp(-1.0 / RATE))
        return float(read(courses, costs)[1][number])

    def describe(self, scores: Mapping[str, Any] | None = None) -> str:
        """The scores in words, one line each; those that are known already may be given."""
        scores = scores or self.scores()
        if not scores["anchors"]:
            return "nothing has been taught yet"
        lines = [f"{scores['anchors']} gesture{'s' * (scores['anchors'] > 1)} from {scores['frames']} frames"]
        lines += [f"  {name}: {100 * (1 - error):.0f} % likely at its end" for name, error in scores["anchor_hits"].items()]
        return "\n".join(lines + [f"warning: {text}" for text in scores["warnings"]])
