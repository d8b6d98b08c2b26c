"""The networks of mediapipe: the built-in ones, or a model file of the user's for its newer Tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from runtime.errors import NodeError

PICTURES = 33
"""ms from one picture to the next, as Tasks are told: they only ask that time goes on."""


class Hand(NamedTuple):
    """One hand: "left" or "right" as in a mirror, how sure of that, and its 21 points."""

    side: str
    sure: float
    points: np.ndarray


class Body(NamedTuple):
    """A body: its 33 points, and how well each is seen, 0 to 1."""

    points: np.ndarray
    seen: np.ndarray


class Network(NamedTuple):
    """What looks at a picture (uint8 [h, w, 3]), and what gives it back. Points are float32 [points, 3]: x and y in parts of the
    picture, z in parts of its width, smaller nearer to the camera."""

    look: Callable[[np.ndarray], Any]
    close: Callable[[], None]


def face_network(model: Path | None) -> Network:
    """Finds one face: its points (478, 468 without irises), or None."""
    if model is not None:
        task, detect = _task("FaceLandmarker", model, {})
        return Network(lambda picture: _first(detect(picture).face_landmarks), task.close)
    from mediapipe.python.solutions.face_mesh import FaceMesh

    mesh = FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=True)

    def look(picture: np.ndarray) -> np.ndarray | None:
        faces = mesh.process(picture).multi_face_landmarks
        return _first([face.landmark for face in faces or ()])

    return Network(look, mesh.close)


def hand_network(model: Path | None) -> Network:
    """Finds up to two hands: a list of Hand."""
    if model is not None:
        task, detect = _task("HandLandmarker", model, {"num_hands": 2})

        def seen(picture: np.ndarray) -> list[Hand]:
            found = detect(picture)
            sides = [side[0] for side in found.handedness]
            # Tasks tell the sides of the person, the built-in network those of a mirror (found by trying both on one picture).
            mirrored = {"left": "right", "right": "left"}
            return [
                Hand(mirrored[side.category_name.lower()], side.score, points_of(hand))
                for side, hand in zip(sides, found.hand_landmarks, strict=True)
            ]

        return Network(seen, task.close)
    from mediapipe.python.solutions.hands import Hands

    hands = Hands(static_image_mode=False, max_num_hands=2, model_complexity=1)

    def look(picture: np.ndarray) -> list[Hand]:
        found = hands.process(picture)
        sides = [side.classification[0] for side in found.multi_handedness or ()]
        return [
            Hand(side.label.lower(), side.score, points_of(hand.landmark))
            for side, hand in zip(sides, found.multi_hand_landmarks or (), strict=True)
        ]

    return Network(look, hands.close)


def body_network(model: Path | None) -> Network:
    """Finds one Body, or None."""
    if model is not None:
        task, detect = _task("PoseLandmarker", model, {})

        def seen(picture: np.ndarray) -> Body | None:
            found = detect(picture).pose_landmarks
            return _body(found[0]) if found else None

        return Network(seen, task.close)
    from mediapipe.python.solutions.pose import Pose

    pose = Pose(static_image_mode=False, model_complexity=1)  # 0 and 2 are not built in: they would be downloaded

    def look(picture: np.ndarray) -> Body | None:
        found = pose.process(picture).pose_landmarks
        return _body(found.landmark) if found else None

    return Network(look, pose.close)


def points_of(landmarks: Any) -> np.ndarray:
    """mediapipe's landmarks as float32 [points, 3]."""
    return np.array([(mark.x, mark.y, mark.z) for mark in landmarks], np.float32)


def _first(found: list[Any]) -> np.ndarray | None:
    return points_of(found[0]) if found else None


def _body(landmarks: Any) -> Body:
    return Body(points_of(landmarks), np.array([mark.visibility or 0.0 for mark in landmarks], np.float32))


def _task(kind: str, model: Path, options: dict[str, Any]) -> tuple[Any, Callable[[np.ndarray], Any]]:
    """A mediapipe Task of that kind, and what looks with it. Raises NodeError where the file is none for it."""
    if not model.is_file():
        raise NodeError(f"there is no model {model}; put it there, or leave model empty for the built-in one")
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    base = BaseOptions(model_asset_buffer=model.read_bytes())
    chosen = getattr(vision, f"{kind}Options")(base_options=base, running_mode=vision.RunningMode.VIDEO, **options)
    try:
        task = getattr(vision, kind).create_from_options(chosen)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise NodeError(f"{model.name} is no model for mediapipe's {kind} ({reason}); choose another") from error
    passed = 0

    def detect(picture: np.ndarray) -> Any:
        nonlocal passed
        passed += PICTURES
        return task.detect_for_video(mediapipe.Image(mediapipe.ImageFormat.SRGB, picture), passed)

    return task, detect
