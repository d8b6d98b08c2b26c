"""Follows both hands and turns them into named gestures: place, pinch, spread, openness, fingers and joints."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nodes.vision_models import Hand, hand_network
from nodes.vision_tracker import EASE, LOST, ZERO, Follower, Sight, Tracker, model_param
from runtime.node import Block, Stream, StreamNode
from runtime.spec import ChoiceParam, NodeSpec, Port, PortType

SIDES = ("left", "right")
FINGERS = {
    "thumb": (1, 2, 3, 4),
    "index": (5, 6, 7, 8),
    "middle": (9, 10, 11, 12),
    "ring": (13, 14, 15, 16),
    "pinky": (17, 18, 19, 20),
}
"""The points of each finger from the palm to its tip."""
JOINTS = ("wrist", *(f"{finger}_{number}" for finger in FINGERS for number in range(1, 5)))
WRIST, MIDDLE = 0, 9
PALM = (0, 5, 17)
MEMORY = 30
"""Pictures for which it is remembered where a hand was: a second."""
NEAR = 0.5
"""Parts of the picture beyond which a hand is another one."""
FEATURES = ("x", "y", "size", "roll", "pinch", "spread", "open", *FINGERS)
REST = np.array([0.5, 0.6, 0.2, 0.0, 0.8, 0.35, 0.7, *[0.7] * len(FINGERS)], np.float32)
"""A hand before any was seen: half open, upright."""


def features(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """The gesture of one hand, float32 [12] in the order of FEATURES, of its 21 `points` (x and y in parts of the picture, z in
    parts of its width).

    x, y: the middle of the palm, 0..1 from left and top. size: from wrist to the middle knuckle in picture heights: nearer is
    larger. roll: radians by which the hand leans from upright, clockwise as seen. pinch: from the tip of the thumb to that of
    the index finger in hand sizes, 0 where they touch. spread: radians between index and little finger. thumb ... pinky: how
    straight each finger is, 1 quite straight, a fist about .4; open: the mean of the four fingers."""
    at = np.asarray(points, np.float64) * (width, height, width)
    size = max(float(np.linalg.norm(at[MIDDLE] - at[WRIST])), 1e-6)
    up = at[MIDDLE] - at[WRIST]
    straight = []
    for finger in FINGERS.values():
        bones = np.diff(at[list(finger)], axis=0)
        length = float(np.linalg.norm(bones, axis=1).sum())
        straight.append(float(np.linalg.norm(bones.sum(axis=0))) / max(length, 1e-6))
    index, pinky = at[8] - at[5], at[20] - at[17]
    cosine = index @ pinky / max(float(np.linalg.norm(index) * np.linalg.norm(pinky)), 1e-9)
    x, y = at[list(PALM), :2].mean(axis=0) / (width, height)
    return np.array(
        [
            x,
            y,
            size / height,
            np.arctan2(up[0], -up[1]),
            np.linalg.norm(at[4] - at[8]) / size,
            np.arccos(np.clip(cosine, -1.0, 1.0)),
            np.mean(straight[1:]),
            *straight,
        ],
        np.float32,
    )


def joints(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """All joints but the wrist, float32 [2 x 20]: across and down from the wrist, in hand sizes."""
    at = np.asarray(points, np.float64) * (width, height, width)
    size = max(float(np.linalg.norm(at[MIDDLE] - at[WRIST])), 1e-6)
    return ((at[1:, :2] - at[WRIST, :2]) / size).astype(np.float32).ravel()


class Sides:
    """Which hand is the left one. The network is not sure of that and changes its mind from picture to picture; so a hand stays
    what it was as long as it is seen near to where it was, and only then counts what the network says."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[np.ndarray, int]] = {}
        self._now = 0

    def of(self, hands: list[Hand]) -> list[Hand | None]:
        """[left, right] of what was found in the next picture, at most two hands."""
        self._now += 1
        known = {side: place for side, (place, when) in self._last.items() if self._now - when <= MEMORY}
        ways = [("left", "right"), ("right", "left")]
        chosen = min(ways, key=lambda way: sum(map(partial(_strangeness, known, len(hands)), way, hands)))
        found = dict(zip(chosen, hands[:2], strict=False))
        for side, hand in found.items():
            self._last[side] = hand.points[list(PALM), :2].mean(axis=0), self._now
        return [found.get(side) for side in SIDES]


def _strangeness(known: dict[str, np.ndarray], count: int, side: str, hand: Hand) -> float:
    """How little a hand looks like that of a side: how far from where that was in parts of the picture; what the network says,
    and of two hands which is further on that side of the picture, count less."""
    place = hand.points[list(PALM), :2].mean(axis=0)
    said = 0.0 if hand.side == side else 0.1 * hand.sure
    if side in known:
        return min(float(np.hypot(*(place - known[side]))), NEAR) + said
    across = (float(place[0]) if side == "left" else 1.0 - float(place[0])) if count > 1 else 0.0
    return NEAR + said + 0.2 * across


class Hands(StreamNode):
    """Follow both hands: where each is, how it leans, its pinch, spread and openness, how straight each finger is; or all its
    joints. Left and right are those of the picture, as in a mirror. *confidence* tells of each hand whether it is seen.

    `stamp` is when the picture behind the newest gesture arrived from a camera, in seconds of time.perf_counter; else None.
    `marks` are the points of the hands that are seen, the left one's first."""

    spec = NodeSpec(
        type="vision.hands",
        title="Hand tracker",
        inputs=(Port("image", PortType.IMAGE, "pictures with one or two hands"),),
        outputs=(
            Port("gesture", PortType.CONTROL, "left_x, left_pinch, ... right_x, ...: places 0..1, angles in radians, hand sizes"),
            Port("confidence", PortType.CONTROL, "left and right: 1 while seen, falling to 0 when lost"),
        ),
        params=(
            ChoiceParam(
                name="gives",
                default="gesture",
                choices=("gesture", "joints", "both"),
                doc="gesture: twelve numbers a hand; joints: x and y of each from the wrist in hand sizes",
                live=False,
            ),
            LOST,
            EASE,
            ZERO,
            model_param("hand_landmarker.task"),
        ),
        exact=False,
    )
    _tracker: Tracker | None = None

    def prepare(self, stream: Stream, gives: str, model: Path | None) -> None:
        self._gives = gives
        names = FEATURES if gives != "joints" else ()
        rest = [REST] if gives != "joints" else []
        if gives != "gesture":
            names = (*names, *(f"{joint}_{axis}" for joint in JOINTS[1:] for axis in "xy"))
            rest.append(np.zeros(2 * (len(JOINTS) - 1), np.float32))
        stream.name("gesture", [f"{side}_{name}" for side in SIDES for name in names])
        stream.name("confidence", SIDES)
        self._sides = Sides()
        network = hand_network(model)
        self._find = network.look
        self._tracker = Tracker(self._look, network.close, beside=stream.hurried)
        self._followers = [Follower(np.concatenate(rest), stream.sample_rate) for _ in SIDES]

    def process(self, block: Block, image: np.ndarray, lost: str, ease: float, zero: bool) -> dict[str, Any]:
        number, sight, self.stamp = self._tracker.track(image)
        self.marks = sight.marks if sight else None
        parts, sure = (sight.parts, sight.sure) if sight else ((None, None), (0.0, 0.0))
        made = [
            follower.follow(block, number, part, one, lost, ease, zero)
            for follower, part, one in zip(self._followers, parts, sure, strict=True)
        ]
        gestures, confidences = zip(*made, strict=True)
        return {"gesture": np.concatenate(gestures), "confidence": np.concatenate(confidences)}

    def _look(self, picture: np.ndarray) -> Sight:
        height, width = picture.shape[:2]
        found = self._sides.of(self._find(picture))
        marks = [hand.points for hand in found if hand is not None]
        parts = tuple(self._part(hand.points, width, height) if hand is not None else None for hand in found)
        sure = tuple(0.0 if hand is None else 1.0 for hand in found)
        return Sight(parts, sure, np.concatenate(marks) if marks else None)

    def _part(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        parts = [features(points, width, height)] if self._gives != "joints" else []
        parts += [joints(points, width, height)] if self._gives != "gesture" else []
        return np.concatenate(parts)

    def close(self) -> None:
        if self._tracker:
            self._tracker.close()
