"""The body tracker: numbers by hand on made-up points, and mediapipe itself on a photograph."""

import numpy as np
import pytest

from nodes.vision_body import ANGLES, JOINTS, PLACE, Body, angles, place, positions
from tests import drive


def standing() -> np.ndarray:
    """A body that stands upright in a picture of 200x400, shoulders 40 pixels apart at height 100, its arms hanging."""
    pixels = np.zeros((33, 3))
    where = {"nose": (100, 70)}
    heights = {"shoulder": 100, "elbow": 140, "wrist": 180, "hip": 200, "knee": 260, "ankle": 320}
    for side, x in (("left", 80), ("right", 120)):
        where |= {f"{side}_{joint}": (x, y) for joint, y in heights.items()}
    for joint, at in where.items():
        pixels[JOINTS[joint], :2] = at
    return pixels


def points(pixels: np.ndarray) -> np.ndarray:
    return (pixels / (200, 400, 200)).astype(np.float32)


def test_a_standing_body_has_straight_limbs_and_hanging_arms():
    found = dict(zip(ANGLES, angles(points(standing()), 200, 400).tolist(), strict=True))
    expected = {name: 0.0 if name.endswith("arm") else np.pi for name in ANGLES}
    assert found == pytest.approx(expected, abs=1e-3)


def test_an_arm_held_out_and_an_elbow_bent_are_right_angles():
    pixels = standing()
    pixels[JOINTS["left_elbow"], :2], pixels[JOINTS["left_wrist"], :2] = (40, 100), (40, 60)
    found = dict(zip(ANGLES, angles(points(pixels), 200, 400).tolist(), strict=True))
    assert found["left_arm"] == pytest.approx(np.pi / 2, abs=1e-3) and found["left_elbow"] == pytest.approx(np.pi / 2, abs=1e-3)
    assert found["right_arm"] == pytest.approx(0.0, abs=1e-3)


def test_the_place_is_between_the_shoulders():
    found = dict(zip(PLACE, place(points(standing()), 200, 400).tolist(), strict=True))
    assert found == pytest.approx({"x": 0.5, "y": 0.25, "size": 0.1, "tilt": 0.0, "turn": 0.0}, abs=1e-6)


def test_shoulders_tilt_clockwise_and_turn_to_the_right():
    pixels = standing()
    pixels[JOINTS["right_shoulder"]] = (80 + 40 * np.cos(0.3), 100 + 40 * np.sin(0.3), 0)
    assert place(points(pixels), 200, 400)[3] == pytest.approx(0.3, abs=1e-5)
    pixels[JOINTS["right_shoulder"]] = (80 + 40 * np.cos(0.3), 100, 40 * np.sin(0.3))  # further away: turned to the right
    found = place(points(pixels), 200, 400)
    assert found[4] == pytest.approx(0.3, abs=1e-5) and found[2] == pytest.approx(0.1, abs=1e-5)


def test_joints_are_told_from_between_the_shoulders_in_their_distance():
    found = positions(points(standing()), 200, 400).reshape(-1, 2)
    names = list(JOINTS)
    assert found[names.index("nose")].tolist() == pytest.approx([0.0, -0.75], abs=1e-5)
    assert found[names.index("left_hip")].tolist() == pytest.approx([-0.5, 2.5], abs=1e-5)


def test_points_all_in_one_place_give_finite_numbers():
    for part in (place, angles, positions):
        assert np.isfinite(part(np.zeros((33, 3)), 200, 400)).all()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    from skimage import data

    return np.ascontiguousarray(data.astronaut())


def track(images, **params):
    node = Body()
    made = drive.stream(node, {"image": images}, params, frames=512 * len(images))
    names = node.stream_used.output_names["gesture"]
    return dict(zip(names, made["gesture"], strict=True)), made["confidence"][0], node


def test_a_person_in_a_photograph_is_followed(astronaut):
    moved = np.roll(astronaut, 60, axis=1)
    gesture, confidence, node = track([astronaut] * 4 + [moved.copy() for _ in range(12)])
    assert node.marks.shape == (33, 3) and 0.3 < confidence[0] <= 1.0
    assert gesture["x"][31] == pytest.approx(0.41, abs=0.05) and gesture["y"][31] == pytest.approx(0.49, abs=0.05)
    assert gesture["x"][-1] - gesture["x"][31] == pytest.approx(60 / 512, abs=0.03)
    assert 0.2 < gesture["size"][31] < 0.6 and abs(gesture["tilt"][31]) < 0.3


def test_left_is_left_in_the_picture(astronaut):
    gesture, _, _ = track([astronaut] * 2, gives="joints")
    assert gesture["left_shoulder_x"][-1] == pytest.approx(-0.5, abs=0.15) and gesture["right_shoulder_x"][-1] > 0.3


def test_angles_and_joints_together_have_names_that_differ():
    gesture, confidence, node = track([np.zeros((64, 64, 3), np.uint8)], gives="both")
    assert len(gesture) == len(PLACE) + len(ANGLES) + 2 * len(JOINTS)
    assert gesture["left_hip_angle"][-1] == np.float32(np.pi) and gesture["left_arm_angle"][-1] == np.float32(0.2)
    assert not confidence.any() and node.marks is None
