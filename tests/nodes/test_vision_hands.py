"""The hand tracker: numbers by hand on made-up points, and mediapipe itself on drawn hands."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from nodes.vision_hands import FEATURES, FINGERS, JOINTS, MEMORY, REST, Hands, Sides, features, joints
from nodes.vision_models import Hand
from runtime.errors import NodeError
from tests import drive
from tests.hands import HANDS, hands_picture


def flat_hand() -> np.ndarray:
    """An upright hand in a picture of 200x100: wrist at (100, 80), knuckles at height 40, straight fingers of 30 pixels."""
    pixels = np.zeros((21, 3))
    pixels[0] = (100, 80, 0)
    for number, finger in enumerate(list(FINGERS)[1:]):
        for joint, point in enumerate(FINGERS[finger]):
            pixels[point] = (85 + 15 * number, 40 - 10 * joint, 0)
    for joint, point in enumerate(FINGERS["thumb"]):
        pixels[point] = (85 - 8 * joint, 70 - 8 * joint, 0)
    pixels[9, 0] = 100  # the middle knuckle is right above the wrist
    for point in FINGERS["middle"]:
        pixels[point, 0] = 100
    return (pixels / (200, 100, 200)).astype(np.float32)


def named(gesture: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, gesture.tolist(), strict=True))


def test_a_flat_hand_has_the_numbers_that_its_points_give():
    found = named(features(flat_hand(), 200, 100))
    # The palm: of wrist (100, 80), index knuckle (85, 40), pinky knuckle (130, 40).
    assert found["x"] == pytest.approx((100 + 85 + 130) / 3 / 200) and found["y"] == pytest.approx(160 / 3 / 100)
    assert found["size"] == pytest.approx(0.4) and found["roll"] == pytest.approx(0.0, abs=1e-6)
    assert found["spread"] == pytest.approx(0.0, abs=1e-3)
    assert [found[finger] for finger in FINGERS] == pytest.approx([1.0] * 5, abs=1e-6) and found["open"] == pytest.approx(1.0)
    # From the thumb's tip (61, 46) to the index's (85, 10), in hands of 40 pixels.
    assert found["pinch"] == pytest.approx(np.hypot(24, 36) / 40, abs=1e-5)


def test_fingertips_that_touch_are_a_pinch_of_0():
    hand = flat_hand()
    hand[4] = hand[8]
    assert named(features(hand, 200, 100))["pinch"] == 0.0


def test_a_finger_that_comes_back_to_its_knuckle_is_not_straight_at_all():
    hand = flat_hand()
    hand[8] = hand[5]
    found = named(features(hand, 200, 100))
    assert found["index"] == 0.0 and found["open"] == pytest.approx(0.75)


def test_fingers_that_point_apart_have_their_angle_as_spread():
    hand = flat_hand()
    for joint, point in enumerate(FINGERS["pinky"]):
        hand[point] = (130 + 10 * joint) / 200, 0.4, 0.0
    assert named(features(hand, 200, 100))["spread"] == pytest.approx(np.pi / 2, abs=1e-5)


def test_a_hand_that_leans_to_the_right_has_a_positive_roll_and_else_the_same_numbers():
    pixels = flat_hand() * (200, 100, 200)
    c, s = np.cos(0.3), np.sin(0.3)
    turned = pixels.copy()
    turned[:, 0] = 100 + c * (pixels[:, 0] - 100) - s * (pixels[:, 1] - 80)
    turned[:, 1] = 80 + s * (pixels[:, 0] - 100) + c * (pixels[:, 1] - 80)
    found, straight = (named(features(one / (200, 100, 200), 200, 100)) for one in (turned, pixels))
    assert found["roll"] == pytest.approx(0.3, abs=1e-5)
    for name in ("size", "pinch", "spread", "open", "thumb"):
        assert found[name] == pytest.approx(straight[name], abs=1e-5)


def test_joints_are_told_from_the_wrist_in_hand_sizes():
    found = joints(flat_hand(), 200, 100).reshape(-1, 2)
    assert len(found) == len(JOINTS) - 1
    assert found[JOINTS.index("middle_1") - 1].tolist() == pytest.approx([0.0, -1.0])
    assert found[JOINTS.index("index_4") - 1].tolist() == pytest.approx([-15 / 40, -70 / 40])


def test_points_all_in_one_place_give_finite_numbers():
    assert np.isfinite(features(np.zeros((21, 3)), 200, 100)).all()


def hand(side: str, x: float, sure: float = 0.7, y: float = 0.5) -> Hand:
    return Hand(side, sure, np.full((21, 3), (x, y, 0.0), np.float32))


def test_a_single_hand_is_that_which_the_network_says():
    one = hand("right", 0.2)
    assert Sides().of([one]) == [None, one] and Sides().of([]) == [None, None]


def test_of_two_hands_called_the_same_the_one_on_the_left_is_the_left_one():
    one, two = hand("right", 0.3), hand("right", 0.7)
    assert Sides().of([one, two]) == [one, two] and Sides().of([two, one]) == [one, two]


def test_crossed_hands_are_what_the_network_says_if_it_is_sure_of_both():
    one, two = hand("right", 0.45, 1.0), hand("left", 0.55, 1.0)
    assert Sides().of([one, two]) == [two, one]


def test_a_hand_stays_what_it_was_whatever_the_network_says_of_it_later():
    sides = Sides()
    assert sides.of([hand("left", 0.3), hand("right", 0.7, y=0.7)])[0].points[0, 0] == np.float32(0.3)
    for step in range(1, 9):  # they cross over
        left, right = sides.of([hand("right", 0.3 + 0.05 * step), hand("left", 0.7 - 0.05 * step, y=0.7)])
        assert left.points[0, 0] == np.float32(0.3 + 0.05 * step) and right.points[0, 0] == np.float32(0.7 - 0.05 * step)
    alone = hand("right", 0.72)
    assert sides.of([alone]) == [alone, None]


def test_a_hand_that_was_away_for_long_is_judged_anew():
    sides, one = Sides(), hand("right", 0.3)
    sides.of([hand("left", 0.3)])
    for _ in range(MEMORY + 1):
        sides.of([])
    assert sides.of([one]) == [None, one]


def track(images, **params):
    node = Hands()
    made = drive.stream(node, {"image": images}, params, frames=512 * len(images))
    names = node.stream_used.output_names["gesture"]
    return dict(zip(names, made["gesture"], strict=True)), made["confidence"], node


@pytest.fixture(scope="module")
def seen():
    """What is seen of both hands in each pose, after three pictures of it."""
    images = [hands_picture(pose, pose) for pose in HANDS.values() for _ in range(3)]
    gesture, confidence, node = track(images)
    last = {pose: {name: float(row[24 * number + 23]) for name, row in gesture.items()} for number, pose in enumerate(HANDS)}
    return last, confidence, node


def test_both_drawn_hands_are_seen_each_on_its_side(seen):
    last, confidence, node = seen
    assert (confidence[:, [23, 47, 71, 95, 119]] == 1.0).all() and node.marks.shape == (42, 3)
    assert last["rest"]["left_x"] == pytest.approx(0.26, abs=0.04) and last["rest"]["right_x"] == pytest.approx(0.74, abs=0.04)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("pose", "name", "low", "high"),
    [("spread", "spread", 0.15, 0.6), ("closed", "spread", -0.5, -0.1), ("low", "y", 0.09, 0.15), ("near", "size", 0.02, 0.12)],
)
def test_a_drawn_hand_moves_the_dimension_that_it_should(seen, side, pose, name, low, high):
    last, _, _ = seen
    assert low < last[pose][f"{side}_{name}"] - last["rest"][f"{side}_{name}"] < high


def test_a_hand_that_is_not_there_rests_without_confidence_while_the_other_is_followed():
    gesture, confidence, node = track([hands_picture(None, {})] * 3)
    assert confidence[:, -1].tolist() == [0.0, 1.0] and node.marks.shape == (21, 3)
    assert [float(gesture[f"left_{name}"][-1]) for name in FEATURES] == REST.tolist()
    assert node.stream_used.output_names["confidence"] == ("left", "right")


def test_joints_can_be_had_instead():
    gesture, _, _ = track([hands_picture({}, {})] * 2, gives="joints")
    assert len(gesture) == 2 * 2 * 20
    assert gesture["right_middle_4_y"][-1] < -1.5  # far above the wrist


def test_no_hand_in_any_picture_gives_the_rest_and_no_marks():
    gesture, confidence, node = track([np.zeros((48, 64, 3), np.uint8)] * 2)
    assert not confidence.any() and node.marks is None and gesture["left_open"][-1] == np.float32(0.7)


def bundle(path: Path) -> Path:
    """A model file for mediapipe's Tasks out of the networks that mediapipe brings."""
    import mediapipe

    modules = Path(mediapipe.__file__).parent / "modules"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.write(modules / "palm_detection/palm_detection_full.tflite", "hand_detector.tflite")
        file.write(modules / "hand_landmark/hand_landmark_full.tflite", "hand_landmarks_detector.tflite")
    return path


def test_a_model_file_of_the_users_sees_the_same(tmp_path, seen):
    bundle(tmp_path / "hands.task")
    node = Hands()
    made = drive.stream(node, {"image": [hands_picture({}, {})] * 3}, {"model": "hands.task"}, frames=512 * 3, folder=tmp_path)
    assert (made["confidence"] == 1.0).all()
    names = node.stream_used.output_names["gesture"]
    gesture = dict(zip(names, made["gesture"][:, -1].tolist(), strict=True))
    for name in ("left_x", "right_x", "left_size", "right_size"):
        assert gesture[name] == pytest.approx(seen[0]["rest"][name], abs=0.05)


def test_a_model_that_is_none_is_refused_in_words(tmp_path):
    (tmp_path / "hands.task").write_bytes(b"no model")
    with pytest.raises(NodeError, match=r"hands.task is no model for mediapipe's HandLandmarker"):
        drive.stream(Hands(), params={"model": "hands.task"}, folder=tmp_path)
