"""Follows a body and turns it into named gestures: the angles of its joints, or where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nodes.vision_models import Body as Seen
from nodes.vision_models import body_network
from nodes.vision_tracker import EASE, LOST, ZERO, Follower, Sight, Tracker, model_param
from runtime.node import Block, Stream, StreamNode
from runtime.spec import ChoiceParam, NodeSpec, Port, PortType

JOINTS = {
    "nose": 0,
    "left_shoulder": 12, "right_shoulder": 11, "left_elbow": 14, "right_elbow": 13, "left_wrist": 16, "right_wrist": 15,
    "left_hip": 24, "right_hip": 23, "left_knee": 26, "right_knee": 25, "left_ankle": 28, "right_ankle": 27,
}  # fmt: skip
"""Where each joint is among mediapipe's 33 points, which call left what is left to the person: here it is left in the picture."""
PLACE = ("x", "y", "size", "tilt", "turn")
ANGLES = {
    "left_elbow": ("left_shoulder", "left_elbow", "left_wrist"), "right_elbow": ("right_shoulder", "right_elbow", "right_wrist"),
    "left_arm": ("left_hip", "left_shoulder", "left_elbow"), "right_arm": ("right_hip", "right_shoulder", "right_elbow"),
    "left_hip": ("left_shoulder", "left_hip", "left_knee"), "right_hip": ("right_shoulder", "right_hip", "right_knee"),
    "left_knee": ("left_hip", "left_knee", "left_ankle"), "right_knee": ("right_hip", "right_knee", "right_ankle"),
}  # fmt: skip
"""Angles at the middle one of three joints: pi is straight. An arm that hangs is near 0, one held up near pi."""
REST = {"x": 0.5, "y": 0.4, "size": 0.25, "arm": 0.2}
"""A body before any was seen, upright with hanging arms; all other angles are straight."""


def place(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Where a body is and how it is turned, float32 [5] in the order of PLACE: the middle between the shoulders, 0..1 from left
    and top; the distance of the shoulders in picture heights (nearer is larger); radians by which their line is tilted,
    clockwise as seen, and turned, to the picture's right."""
    at = _pixels(points, width, height)
    left, right = at[JOINTS["left_shoulder"]], at[JOINTS["right_shoulder"]]
    across = right - left
    wide = max(float(np.linalg.norm(across)), 1e-6)
    x, y = (left + right)[:2] / 2.0 / (width, height)
    return np.array(
        [x, y, wide / height, np.arctan2(across[1], across[0]), np.arcsin(np.clip(across[2] / wide, -1.0, 1.0))], np.float32
    )


def angles(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """The angles of a body, float32 [8] in the order of ANGLES, radians 0 to pi."""
    at = _pixels(points, width, height)
    found = []
    for first, middle, last in ANGLES.values():
        one, two = at[JOINTS[first]] - at[JOINTS[middle]], at[JOINTS[last]] - at[JOINTS[middle]]
        cosine = one @ two / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-9)
        found.append(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return np.array(found, np.float32)


def positions(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Where the joints are, float32 [2 x 13]: across and down from the middle between the shoulders, in parts of their
    distance."""
    at = _pixels(points, width, height)
    left, right = at[JOINTS["left_shoulder"]], at[JOINTS["right_shoulder"]]
    wide = max(float(np.linalg.norm(right - left)), 1e-6)
    return ((at[list(JOINTS.values()), :2] - (left + right)[:2] / 2.0) / wide).astype(np.float32).ravel()


def _pixels(points: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(points, np.float64) * (width, height, width)


class Body(StreamNode):
    """Follow a body: where it is, how its shoulders are tilted and turned, and the angles of arms, hips and knees, or where the
    joints are. Left and right are those of the picture, as in a mirror. *confidence* is how well the joints are seen. What is
    outside the picture is guessed.

    `stamp` is when the picture behind the newest gesture arrived from a camera, in seconds of time.perf_counter; else None.
    `marks` are the 33 points of the body."""

    spec = NodeSpec(
        type="vision.body",
        title="Body tracker",
        inputs=(Port("image", PortType.IMAGE, "pictures with one body"),),
        outputs=(
            Port("gesture", PortType.CONTROL, "place 0..1 and size, angles in radians, joints in shoulder widths"),
            Port("confidence", PortType.CONTROL, "0 to 1: how well the joints are seen, falling to 0 when lost"),
        ),
        params=(
            ChoiceParam(
                name="gives",
                default="angles",
                choices=("angles", "joints", "both"),
                doc="angles of arms and legs, or x and y of 13 joints, beside the place",
                live=False,
            ),
            LOST,
            EASE,
            ZERO,
            model_param("pose_landmarker_full.task"),
        ),
        exact=False,
    )
    _tracker: Tracker | None = None

    def prepare(self, stream: Stream, gives: str, model: Path | None) -> None:
        self._parts = [place, *([angles] if gives != "joints" else []), *([positions] if gives != "angles" else [])]
        named = {place: PLACE, angles: ANGLES, positions: [f"{joint}_{axis}" for joint in JOINTS for axis in "xy"]}
        if gives == "both":  # an angle and a joint may be called the same
            named[angles] = [f"{name}_angle" for name in ANGLES]
        names = [name for part in self._parts for name in named[part]]
        stream.name("gesture", names)
        stream.name("confidence", ("confidence",))
        network = body_network(model)
        self._find = network.look
        self._tracker = Tracker(self._look, network.close, beside=stream.hurried)
        self._follower = Follower(rest_of(names), stream.sample_rate)

    def process(self, block: Block, image: np.ndarray, lost: str, ease: float, zero: bool) -> dict[str, Any]:
        number, sight, self.stamp = self._tracker.track(image)
        found, sure, self.marks = (sight.parts[0], sight.sure[0], sight.marks) if sight else (None, 0.0, None)
        gesture, confidence = self._follower.follow(block, number, found, sure, lost, ease, zero)
        return {"gesture": gesture, "confidence": confidence}

    def _look(self, picture: np.ndarray) -> Sight:
        body: Seen | None = self._find(picture)
        if body is None:
            return Sight((None,), (0.0,), None)
        height, width = picture.shape[:2]
        gesture = np.concatenate([part(body.points, width, height) for part in self._parts])
        sure = float(body.seen[list(JOINTS.values())].mean())
        return Sight((gesture,), (sure,), body.points)

    def close(self) -> None:
        if self._tracker:
            self._tracker.close()


def rest_of(names: list[str]) -> np.ndarray:
    """The gesture before a body was seen, for the dimensions of these names."""
    angle = {f"{name}{end}": np.pi for name in ANGLES for end in ("", "_angle")}
    angle |= {f"{side}_arm{end}": REST["arm"] for side in ("left", "right") for end in ("", "_angle")}
    return np.array([REST.get(name, angle.get(name, 0.0)) for name in names], np.float32)
