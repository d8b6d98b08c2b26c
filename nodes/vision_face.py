"""Follows a face and turns it into a named gesture: distances, head pose, place, gaze, and all its points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nodes.vision_models import face_network
from nodes.vision_tracker import EASE, LOST, ZERO, Follower, Sight, Tracker, model_param
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, NodeSpec, Port, PortType

DISTANCES = {
    "mouth_width": (78, 308),
    "mouth_height": (13, 14),
    "brow_left": (159, 105),
    "brow_right": (386, 334),
    "eye_left": (159, 145),
    "eye_right": (386, 374),
    "jaw": (1, 200),
    "nostrils": (64, 294),
}
"""Pairs of FaceMesh landmarks (Tecks, Peschlow and Vigliensoni 2024, arXiv 2407.15216)."""
FACE_HEIGHT = (10, 152)
FEATURES = (*DISTANCES, "pitch", "yaw", "roll", "x", "y")
REST = np.array([0.36, 0.03, 0.11, 0.11, 0.06, 0.06, 0.30, 0.26, 0.0, 0.0, 0.0, 0.5, 0.5], np.float32)
"""The gesture before anybody was seen: about the proportions of a resting face, straight, in the middle of the picture."""
NOSE_TILT = 0.151  # radians by which the line from forehead (10) to nose base (2) leans forward in FaceMesh's canonical face


def features(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:
    """The gesture of one face, float32 [13] in the order of FEATURES.

    `landmarks` are FaceMesh's [468 or more, 3]: x and y in parts of the picture, z in parts of its width, smaller nearer to the
    camera. The distances are measured in the picture, in parts of the face's height (landmarks 10 to 152). *left* is left in
    the picture. pitch, yaw, roll are radians, 0 for a face straight ahead: pitch upwards, yaw to the picture's right, roll
    clockwise as seen, from the line between the ears (234, 454) and that from forehead to nose base (10, 2): neither moves
    with the mouth. x, y are the middle of the face (of 10, 152, 234, 454), 0..1 from left and top; outside as it leaves.
    """
    points = np.asarray(landmarks, np.float64) * (width, height, width)

    def distance(pair: tuple[int, int]) -> float:
        return float(np.hypot(*(points[pair[0], :2] - points[pair[1], :2])))

    tall = max(distance(FACE_HEIGHT), 1e-6)
    across = points[454] - points[234]
    across /= max(np.linalg.norm(across), 1e-9)
    down = points[2] - points[10]
    down -= across * (down @ across)
    away = np.cross(across, down)
    # across, down, away are the columns of Rz(roll) Ry(-yaw) Rx(-pitch).
    pitch = -np.arctan2(down[2], away[2]) - NOSE_TILT
    yaw = np.arcsin(np.clip(across[2], -1.0, 1.0))
    roll = np.arctan2(across[1], across[0])
    place = points[[10, 152, 234, 454], :2].mean(axis=0) / (width, height)
    return np.array([*(distance(pair) / tall for pair in DISTANCES.values()), pitch, yaw, roll, *place], np.float32)


EYES = ((33, 133, 468), (362, 263, 473))
"""For each eye in the picture from the left: its corners from the left, and the middle of its iris."""
GAZE = ("gaze_x", "gaze_y")
POINTS = 478
MARKS = tuple(f"p{number}_{axis}" for number in range(POINTS) for axis in "xy")


def gaze(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:
    """Where the eyes look, float32 [2]: how far the irises are from the middle between the corners of their eyes, in parts of
    half an eye's width, the mean of both eyes; to the picture's right, and up. 0 is straight ahead within a few hundredths, and
    a glance to the side about .5. `landmarks` as of `features`, with irises."""
    points = np.asarray(landmarks, np.float64)[:, :2] * (width, height)
    found = []
    for left, right, iris in EYES:
        along = (points[right] - points[left]) / 2.0
        half = max(float(np.hypot(*along)), 1e-6)
        off = points[iris] - (points[left] + points[right]) / 2.0
        found.append((off @ along / half**2, (along[1] * off[0] - along[0] * off[1]) / half**2))
    return np.mean(found, axis=0).astype(np.float32)


def all_points(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:
    """Every point of a face, float32 [2 x 478]: across and down from the middle of the face, in face heights."""
    points = np.asarray(landmarks, np.float64)[:, :2] * (width, height)
    tall = max(float(np.hypot(*(points[FACE_HEIGHT[0]] - points[FACE_HEIGHT[1]]))), 1e-6)
    return ((points - points[[10, 152, 234, 454]].mean(axis=0)) / tall).astype(np.float32).ravel()


class Face(StreamNode):
    """Follow a face: eight distances of mouth, brows, eyes, jaw and nostrils in parts of the face's height, how the head is
    turned in radians, and where it is in the picture; its gaze and all its points if you want them. *confidence* is 1 while a
    face is seen and falls to 0 in the ease time after it was lost; the tracker knows no finer measure of how sure it is. Left
    and right are those of the picture.

    `stamp` is when the picture behind the newest gesture arrived from a camera, in seconds of time.perf_counter; else None.
    `marks` are all points of the face."""

    spec = NodeSpec(
        type="vision.face",
        title="Face tracker",
        version=2,
        inputs=(Port("image", PortType.IMAGE, "pictures with one face"),),
        outputs=(
            Port("gesture", PortType.CONTROL, "distances in face heights, head pose in radians, place in the picture 0..1"),
            Port("confidence", PortType.CONTROL, "1 while a face is seen, falling to 0 when it is lost"),
        ),
        params=(
            LOST,
            EASE,
            ZERO,
            BoolParam(
                name="gaze",
                default=False,
                doc="also where the eyes look: gaze_x to the right, gaze_y up, about -.5 to .5",
                live=False,
            ),
            BoolParam(
                name="points",
                default=False,
                doc="also x and y of all 478 points, from the middle of the face in face heights",
                live=False,
            ),
            model_param("face_landmarker.task"),
        ),
        exact=False,
    )
    _tracker: Tracker | None = None

    @staticmethod
    def upgrade(params: dict[str, Any], version: int) -> dict[str, Any]:
        return {**params, "lost": "ease"} if params.get("lost") == "rest" else params

    def prepare(self, stream: Stream, gaze: bool, points: bool, model: Path | None) -> None:
        self._more = gaze, points
        names = (*FEATURES, *(GAZE if gaze else ()), *(MARKS if points else ()))
        stream.name("gesture", names)
        stream.name("confidence", ("confidence",))
        network = face_network(model)
        self._find = network.look
        self._tracker = Tracker(self._look, network.close, beside=stream.hurried)
        rest = np.concatenate([REST, np.zeros(len(names) - len(REST), np.float32)])
        self._follower = Follower(rest, stream.sample_rate)

    def process(self, block: Block, image: np.ndarray, lost: str, ease: float, zero: bool) -> dict[str, Any]:
        number, sight, self.stamp = self._tracker.track(image)
        found, self.marks = (sight.parts[0], sight.marks) if sight else (None, None)
        gesture, confidence = self._follower.follow(block, number, found, 1.0, lost, ease, zero)
        return {"gesture": gesture, "confidence": confidence}

    def _look(self, picture: np.ndarray) -> Sight:
        marks = self._find(picture)
        if marks is None:
            return Sight((None,), (0.0,), None)
        height, width = picture.shape[:2]
        parts = [features(marks, width, height)]
        with_gaze, with_points = self._more
        if (with_gaze or with_points) and len(marks) != POINTS:
            raise NodeError(f"this model finds {len(marks)} points, without irises; gaze and points need one that finds {POINTS}")
        parts += [gaze(marks, width, height)] if with_gaze else []
        parts += [all_points(marks, width, height)] if with_points else []
        return Sight((np.concatenate(parts),), (1.0,), marks)

    def close(self) -> None:
        if self._tracker:
            self._tracker.close()
