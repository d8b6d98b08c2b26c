"""Video files and the face tracker: clocks, broken files, and numbers computed by hand."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from nodes.vision import Video
from nodes.vision_face import EYES, FEATURES, REST, Face, all_points, features, gaze
from nodes.vision_reader import AHEAD, VideoReader
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests import drive, media

FPS = 25.0
COUNT = 20
SHADES = 5 + 12 * (7 * np.arange(COUNT) % COUNT)  # far apart from one picture to the next, so that the codec keeps them
SECOND = 44100


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """grey.mp4: 20 pictures, each a shade of its own beside a red stripe. face.mp4: half a second of a face. And files that
    are no videos."""
    import cv2

    folder = tmp_path_factory.mktemp("clips")
    writer = cv2.VideoWriter(str(folder / "grey.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), FPS, (64, 48))
    for number in range(COUNT):
        picture = np.full((48, 64, 3), SHADES[number], np.uint8)
        picture[:, 48:] = (0, 0, 220)  # OpenCV's order: blue, green, red
        writer.write(picture)
    writer.release()
    media.face_video(folder / "face.mp4", seconds=0.5)
    (folder / "text.mp4").write_text("this is no video")
    (folder / "empty.mp4").touch()
    whole = (folder / "face.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    return folder


def shade(picture: np.ndarray) -> int:
    """Which of grey.mp4's pictures it is."""
    return int(np.argmin(np.abs(SHADES - picture[:, :32].mean())))


def face_landmarks() -> np.ndarray:
    """468 landmarks whose distances are easy to see in a picture of 200x100: FaceMesh's x and y in parts of the picture."""
    points = np.zeros((478, 3))
    pixels = {
        10: (100, 10), 152: (100, 90), 234: (70, 40), 454: (130, 40), 2: (100, 60),
        78: (84, 70), 308: (116, 70), 13: (100, 68), 14: (100, 76), 159: (90, 38), 105: (90, 30), 386: (110, 38),
        334: (110, 26), 145: (90, 42), 374: (110, 40), 1: (100, 55), 200: (100, 79), 64: (94, 58), 294: (106, 58),
    }  # fmt: skip
    for index, (x, y) in pixels.items():
        points[index, :2] = x / 200, y / 100
    return points


def turned(points: np.ndarray, angle: float, axis: str) -> np.ndarray:
    """The landmarks rotated in space about an axis of the picture's (x right, y down, z away from the camera)."""
    c, s = np.cos(angle), np.sin(angle)
    turn = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    size = np.array([200, 100, 200])
    return (points * size - [100, 50, 0]) @ np.array(turn[axis]).T / size + [0.5, 0.5, 0.0]


def named(values: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, values.tolist(), strict=True))


def test_distances_are_pixels_divided_by_the_height_of_the_face():
    found = named(features(face_landmarks(), 200, 100))
    # By hand: the face is 80 pixels tall; the mouth is 32 wide and 8 open, and so on.
    wanted = {"mouth_width": 0.4, "mouth_height": 0.1, "brow_left": 0.1, "brow_right": 0.15, "eye_left": 0.05, "eye_right": 0.025}
    wanted |= {"jaw": 0.3, "nostrils": 0.15, "x": 0.5, "y": (10 + 90 + 40 + 40) / 400}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)


def test_a_face_twice_as_large_has_the_same_distances():
    near = face_landmarks() * 2.0
    assert features(near, 200, 100)[:8] == pytest.approx(features(face_landmarks(), 200, 100)[:8], abs=1e-6)


@pytest.mark.parametrize(("axis", "name", "sign"), [("z", "roll", 1), ("y", "yaw", -1), ("x", "pitch", -1)])
def test_a_turn_of_the_head_is_given_in_radians(axis, name, sign):
    straight = named(features(face_landmarks(), 200, 100))
    found = named(features(turned(face_landmarks(), 0.3, axis), 200, 100))
    for angle in ("pitch", "yaw", "roll"):
        assert found[angle] - straight[angle] == pytest.approx(0.3 * sign if angle == name else 0.0, abs=1e-6)


def test_a_roll_leaves_the_distances_as_they_are():
    rolled = features(turned(face_landmarks(), 0.5, "z"), 200, 100)
    assert rolled[:8] == pytest.approx(features(face_landmarks(), 200, 100)[:8], abs=1e-6)


def test_landmarks_all_in_one_point_give_finite_numbers():
    assert np.isfinite(features(np.zeros((478, 3)), 200, 100)).all()


def test_a_video_shows_the_picture_of_each_moment(clips):
    # 44100 / 25 = 1764 frames a picture: at blocks of 588 frames each picture comes three times.
    images = drive.stream(Video(), params={"path": "grey.mp4"}, folder=clips, block=588, frames=588 * 3 * COUNT)["image"]
    assert [shade(image) for image in images] == [number for number in range(COUNT) for _ in range(3)]


def test_pictures_are_red_green_blue(clips):
    image = drive.stream(Video(), params={"path": "grey.mp4"}, folder=clips, frames=512)["image"][0]
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert image[24, 60, 0] > 180 > 60 > image[24, 60, 2]


def start_video(clips: Path, name: str, offline: bool = True, loop: bool = True) -> Video:
    node = Video()
    node.prepare(Stream(SECOND, 512, 0, offline, clips), clips / name, loop)
    return node


def test_the_same_picture_is_the_same_object(clips):
    node, block = start_video(clips, "grey.mp4"), Block(512)
    first = node.process(block)["image"]
    block.start = 1024
    assert node.process(block)["image"] is first
    block.start = 2048
    assert node.process(block)["image"] is not first
    node.close()


def test_a_loop_begins_again_in_time(clips):
    node, block = start_video(clips, "grey.mp4"), Block(512)
    found = []
    for number in (0, COUNT - 1, COUNT, COUNT + 5, 3 * COUNT + 2):
        block.start = number * 1764
        found.append(shade(node.process(block)["image"]))
    node.close()
    assert found == [0, COUNT - 1, 0, 5, 2]


def test_without_loop_the_last_picture_stays(clips):
    node, block = start_video(clips, "grey.mp4", loop=False), Block(512)
    block.start = 0
    node.process(block)
    block.start = 10 * SECOND
    assert shade(node.process(block)["image"]) == COUNT - 1
    node.close()


def test_a_video_put_into_a_playing_patch_begins_at_its_beginning(clips):
    node, block = start_video(clips, "grey.mp4"), Block(512)
    block.start = 99 * SECOND
    assert shade(node.process(block)["image"]) == 0
    node.close()


def test_live_nobody_waits_for_a_picture(clips):
    node, block = start_video(clips, "grey.mp4", offline=False, loop=False), Block(512)
    node.process(block)
    began = time.perf_counter()
    block.start = 10 * SECOND
    node.process(block)
    assert time.perf_counter() - began < 0.1
    # The blocks that follow catch up with what has been decoded meanwhile.
    limit = time.monotonic() + 5.0
    while shade(node.process(block)["image"]) < COUNT - 1 and time.monotonic() < limit:
        time.sleep(0.005)
    assert shade(node.process(block)["image"]) == COUNT - 1
    node.close()


def test_the_reader_stays_few_pictures_ahead(clips):
    reader = VideoReader(clips / "grey.mp4", loop=True)
    time.sleep(0.1)
    assert len(reader._ahead) == AHEAD
    reader.close()


def test_closing_ends_the_thread_and_may_be_done_again(clips):
    before = threading.active_count()
    node = start_video(clips, "grey.mp4")
    assert threading.active_count() == before + 1
    node.close()
    node.close()
    assert threading.active_count() == before
    Video().close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text.mp4", "text.mp4 is not a video that can be read, or it is cut short"),
        ("empty.mp4", "empty.mp4 is not a video that can be read"),
        ("cut.mp4", "cut.mp4 is not a video that can be read, or it is cut short"),
        ("none.mp4", "none.mp4 was not found; put the video there or choose another"),
        ("", "no video file is chosen"),
    ],
)
def test_a_file_that_is_no_video_is_refused_in_words(clips, name, words):
    before = threading.active_count()
    with pytest.raises(NodeError, match=words):
        drive.stream(Video(), params={"path": name}, folder=clips)
    assert threading.active_count() == before


def test_pictures_that_cannot_be_decoded_leave_the_last_one_and_the_clock_right(clips, tmp_path):
    # Broken data in the middle of a longer file; what follows it must still come at its time.
    media.face_video(tmp_path / "whole.mp4", seconds=1.5)
    data = bytearray((tmp_path / "whole.mp4").read_bytes())
    middle = len(data) // 3
    data[middle : middle + 3000] = np.random.default_rng(0).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    (tmp_path / "broken.mp4").write_bytes(data)
    whole, broken = VideoReader(tmp_path / "whole.mp4", False), VideoReader(tmp_path / "broken.mp4", False)
    pairs = [(whole.at(number, wait=True), broken.at(number, wait=True)) for number in range(60)]
    differences = [float(np.abs(one.astype(int) - other).mean()) for one, other in pairs]
    whole.close()
    broken.close()
    assert max(differences) > 0.0
    assert differences[0] == 0.0 and differences[-1] < 3.0


def test_a_file_that_goes_while_it_is_looped_leaves_its_last_picture(clips, tmp_path):
    (tmp_path / "grey.mp4").write_bytes((clips / "grey.mp4").read_bytes())
    reader = VideoReader(tmp_path / "grey.mp4", loop=True)
    (tmp_path / "grey.mp4").unlink()
    assert shade(reader.at(10 * COUNT, wait=True)) == COUNT - 1
    reader.close()


def test_a_reader_that_gives_nothing_is_reported(clips, monkeypatch):
    monkeypatch.setattr("nodes.vision_reader.PATIENCE", 0.05)
    monkeypatch.setattr("nodes.vision_reader.AHEAD", 0)  # it never reads
    reader = VideoReader(clips / "grey.mp4", loop=True)
    with pytest.raises(NodeError, match="the video has given no picture"):
        reader.at(5, wait=True)
    reader.close()


PLAIN = {"gaze": False, "points": False, "model": None}


def track(images: list[np.ndarray], **params) -> dict[str, np.ndarray]:
    return drive.stream(Face(), {"image": images}, params, frames=512 * len(images))


@pytest.fixture(scope="session")
def neutral() -> np.ndarray:
    return media.face_picture({})


def test_the_gesture_has_its_names_and_a_value_for_every_step(neutral):
    node = Face()
    made = drive.stream(node, {"image": [neutral] * 2}, frames=1024)
    assert made["gesture"].shape == (13, 16) and made["gesture"].dtype == np.float32
    assert made["confidence"].shape == (1, 16)
    assert node.stream_used.output_names == {"gesture": FEATURES, "confidence": ("confidence",)}
    assert (made["confidence"] == 1.0).all()


@pytest.mark.parametrize(
    ("pose", "name", "low", "high"),
    [
        ({"mouth": 1.0}, "mouth_height", 0.06, 0.15),
        ({"brows": 1.0}, "brow_left", 0.03, 0.09),
        ({"wide": 1.0}, "mouth_width", 0.03, 0.12),
        ({"roll": 0.25}, "roll", 0.22, 0.28),
        ({"roll": -0.25}, "roll", -0.28, -0.22),
        ({"yaw": 1.0}, "yaw", 0.05, 0.4),
        ({"x": 0.1}, "x", 0.09, 0.11),
        ({"y": 0.1}, "y", 0.09, 0.11),
    ],
)
def test_a_real_face_moves_the_dimension_that_it_should(neutral, pose, name, low, high):
    gesture = named(track([media.face_picture(pose)] * 2)["gesture"][:, -1])
    assert low < gesture[name] - named(track([neutral] * 2)["gesture"][:, -1])[name] < high


def test_the_same_picture_object_is_not_tracked_again(neutral):
    node = Face()
    node.prepare(Stream(SECOND, 512, 0, True, Path()), **PLAIN)
    block = Block(512)
    for image in (neutral, neutral, neutral.copy(), neutral):
        node.process(block, image, "hold", 0.5, False)
    assert node._tracker.track(neutral)[0] == 3
    node.close()


def test_before_a_face_is_seen_the_gesture_is_at_rest_without_confidence():
    made = track([np.zeros((48, 64, 3), np.uint8)])
    assert np.array_equal(made["gesture"][:, -1], REST)
    assert not made["confidence"].any()


def test_the_marks_are_the_points_of_the_face_and_the_gesture_is_computed_from_them(neutral):
    node = Face()
    made = drive.stream(node, {"image": [neutral]}, frames=512)
    assert node.marks.shape == (478, 3) and node.marks.dtype == np.float32
    height, width = neutral.shape[:2]
    assert np.array_equal(features(node.marks, width, height), made["gesture"][:, -1])


def test_while_no_face_is_seen_there_are_no_marks(neutral):
    node = Face()
    drive.stream(node, {"image": [neutral, np.zeros_like(neutral)]}, frames=1024)
    assert node.marks is None


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2)])
def test_a_picture_of_any_size_is_taken(shape):
    assert not track([np.zeros((*shape, 3), np.uint8)])["confidence"].any()


def lose(neutral: np.ndarray, lost: str) -> dict[str, np.ndarray]:
    """Two gestures, an open mouth last, then two seconds without a face; 44032 frames are 688 steps or about a second."""
    away = np.zeros_like(neutral)
    images = [neutral, media.face_picture({"mouth": 1.0}), *([away] * 172)]
    return track(images, lost=lost, ease=0.5)


def test_a_lost_face_holds_its_last_gesture(neutral):
    made = lose(neutral, "hold")
    assert np.array_equal(made["gesture"][:, -1], made["gesture"][:, 15])


def test_a_lost_face_goes_to_the_mean_gesture_within_the_ease_time(neutral):
    mouth = lose(neutral, "ease")["gesture"][FEATURES.index("mouth_height")]
    mean = (mouth[0] + mouth[15]) / 2.0
    after = 15 + round(0.5 * SECOND / 64)
    # e-fold in .5 s, by hand: what is left of the way is exp(-1).
    assert (mouth[after] - mean) / (mouth[15] - mean) == pytest.approx(np.exp(-1.0), abs=0.01)
    assert mouth[-1] == pytest.approx(mean, abs=0.03 * abs(mouth[15] - mean))
    assert np.abs(np.diff(mouth[16:])).max() < 0.01


def test_confidence_falls_to_nothing_within_the_ease_time(neutral):
    confidence = lose(neutral, "hold")["confidence"][0]
    assert confidence[15] == 1.0
    assert confidence[15 + 172] == pytest.approx(1.0 - 172 * 64 / SECOND / 0.5, abs=1e-5)
    assert confidence[-1] == 0.0


def test_hurried_the_tracker_works_beside_and_gives_the_gesture_soon_after(neutral):
    before = threading.active_count()
    node = Face()
    node.prepare(Stream(SECOND, 512, 0, False, Path(), hurried=True), **PLAIN)
    block = Block(512)
    limit = time.monotonic() + 5.0
    while node.process(block, neutral, "hold", 0.5, False)["confidence"][0, 0] < 1.0 and time.monotonic() < limit:
        time.sleep(0.005)
    gesture = node.process(block, neutral, "hold", 0.5, False)["gesture"][:, 0]
    node.close()
    node.close()
    assert gesture == pytest.approx(track([neutral])["gesture"][:, 0], abs=1e-4)
    assert threading.active_count() <= before


NOTHING = np.zeros((0, 0, 3), np.uint8)  # the network refuses it


def test_live_where_nobody_is_hurried_the_gesture_comes_with_its_picture(neutral):
    before = threading.active_count()
    node = Face()
    node.prepare(Stream(SECOND, 512, 0, False, Path()), **PLAIN)
    assert threading.active_count() == before
    assert node.process(Block(512), neutral, "hold", 0.5, False)["confidence"][0, 0] == 1.0
    node.close()


@pytest.mark.parametrize("every", [220, 512, 4410], ids=["overlapping", "one after another", "with gaps"])
def test_time_without_a_face_is_that_of_the_blocks_starts(neutral, every):
    # As beside the engine: ticks when something arrives, every one a block long, their starts on the wall's clock.
    node, block = Face(), Block(512)
    node.prepare(Stream(SECOND, 512, 0, False, Path()), **PLAIN)
    shut, opened = (node.process(block, image, "ease", 0.5, False) for image in (neutral, media.face_picture({"mouth": 1.0})))
    away, mouth = np.zeros_like(neutral), FEATURES.index("mouth_height")
    mean = (shut["gesture"][mouth, -1] + opened["gesture"][mouth, -1]) / 2.0
    while block.start < SECOND // 2:
        block.start += every
        made = node.process(block, away, "ease", 0.5, False)
    node.close()
    # The last picture's block ended after 512 frames, or where the next began; the first step is 64 frames after the start.
    seconds = (block.start + 64 - min(every, 512)) / SECOND
    left = (made["gesture"][mouth, 0] - mean) / (opened["gesture"][mouth, -1] - mean)
    assert left == pytest.approx(np.exp(-seconds / 0.5), abs=1e-4)
    assert made["confidence"][0, 0] == pytest.approx(max(1.0 - seconds / 0.5, 0.0), abs=1e-5)


def test_hurried_a_fault_of_the_tracker_is_raised_at_a_later_block():
    node = Face()
    node.prepare(Stream(SECOND, 512, 0, False, Path(), hurried=True), **PLAIN)
    limit = time.monotonic() + 5.0
    with pytest.raises(RuntimeError, match="must be > 0"):
        while time.monotonic() < limit:
            node.process(Block(512), NOTHING, "hold", 0.5, False)
            time.sleep(0.005)
    node.close()


def test_a_tracker_that_failed_can_be_closed():
    node = Face()
    node.prepare(Stream(SECOND, 512, 0, True, Path()), **PLAIN)
    with pytest.raises(RuntimeError, match="must be > 0"):
        node.process(Block(512), NOTHING, "hold", 0.5, False)
    node.close()


def test_the_same_video_gives_the_same_gesture_each_time(clips):
    def once() -> np.ndarray:
        images = drive.stream(Video(), params={"path": "face.mp4"}, folder=clips, block=1470, frames=1470 * 15)["image"]
        return drive.stream(Face(), {"image": list(images)}, block=1470, frames=1470 * 15)["gesture"]

    assert np.array_equal(once(), once())


def test_closing_a_tracker_that_was_never_prepared_is_allowed():
    Face().close()


@pytest.mark.slow
def test_a_whole_video_is_tracked_and_the_gesture_follows_the_face(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    moves = media.face_video(folder / "face.mp4", seconds=12.0)
    assert (folder / "face.mp4").stat().st_size < 500_000
    images = drive.stream(Video(), params={"path": "face.mp4"}, folder=folder, block=1470, frames=1470 * 360)["image"]
    made = drive.stream(Face(), {"image": list(images)}, block=1470, frames=1470 * 360)
    assert (made["confidence"] == 1.0).all()
    steps = 1470 // 64
    gesture = dict(zip(FEATURES, made["gesture"][:, steps - 1 :: steps], strict=True))
    follows = {"mouth_height": "mouth", "brow_left": "brows", "mouth_width": "wide", "roll": "roll", "yaw": "yaw", "x": "x"}
    for name, channel in follows.items():
        assert np.corrcoef(gesture[name], moves[channel])[0, 1] > 0.9, name


# Gaze, points, zero and what happens while nobody is seen


def with_eyes(across: float, up: float) -> np.ndarray:
    """A face whose eyes are 20 pixels wide in a picture of 200x100, with irises so far from their middles."""
    points = face_landmarks()
    for (left, right, iris), middle in zip(EYES, (80, 120), strict=True):
        points[left, :2], points[right, :2] = ((middle - 10) / 200, 0.4), ((middle + 10) / 200, 0.4)
        points[iris, :2] = (middle + across) / 200, (40 - up) / 100
    return points


def test_gaze_is_the_place_of_the_irises_in_half_eye_widths():
    assert gaze(with_eyes(0, 0), 200, 100) == pytest.approx([0, 0], abs=1e-6)
    assert gaze(with_eyes(5, 2), 200, 100) == pytest.approx([0.5, 0.2], abs=1e-5)


def test_a_roll_of_the_head_does_not_change_the_gaze():
    assert gaze(turned(with_eyes(5, 2), 0.4, "z"), 200, 100) == pytest.approx([0.5, 0.2], abs=1e-5)


def test_all_points_are_told_from_the_middle_of_the_face_in_face_heights():
    points = face_landmarks()
    found = all_points(points, 200, 100)
    height = np.hypot(*((points[10, :2] - points[152, :2]) * (200, 100)))
    middle = points[[10, 152, 234, 454], :2].mean(axis=0)
    assert found[2 * 10 : 2 * 10 + 2] == pytest.approx((points[10, :2] - middle) * (200, 100) / height, abs=1e-6)


def test_eyes_that_look_aside_are_seen(neutral):
    node = Face()
    pictures = [media.face_picture({"look": look}) for look in (-1.0, 1.0)]
    made = drive.stream(node, {"image": [pictures[0]] * 3 + [pictures[1]] * 3}, {"gaze": True}, frames=512 * 6)["gesture"]
    assert node.stream_used.output_names["gesture"] == (*FEATURES, "gaze_x", "gaze_y")
    assert made[13, -1] - made[13, 16] > 0.15


def test_all_points_can_be_had(neutral):
    node = Face()
    made = drive.stream(node, {"image": [neutral]}, {"points": True}, frames=512)["gesture"]
    assert made.shape == (13 + 2 * 478, 8) and len(node.stream_used.output_names["gesture"]) == len(made)


def test_the_present_gesture_can_be_taken_as_zero(neutral):
    node, block = Face(), Block(512)
    node.prepare(Stream(SECOND, 512, 0, True, Path()), **PLAIN)
    rest = node.process(block, neutral, "hold", 0.5, False)["gesture"]
    zero = node.process(block, neutral, "hold", 0.5, True)["gesture"]
    opened = node.process(block, media.face_picture({"mouth": 1.0}), "hold", 0.5, True)["gesture"]
    again = node.process(block, neutral.copy(), "hold", 0.5, False)["gesture"]
    node.close()
    assert zero == pytest.approx(np.zeros((13, 8)), abs=1e-6)
    assert opened[FEATURES.index("mouth_height"), 0] > 0.05
    assert again == pytest.approx(rest, abs=0.05)  # the network is slow to let go of the open mouth


@pytest.mark.parametrize(("lost", "zero", "goal"), [("fade", False, 0.0), ("ease", True, 0.0), ("fade", True, 0.0)])
def test_a_lost_face_fades_to_nothing_or_to_its_zero(neutral, lost, zero, goal):
    away = np.zeros_like(neutral)
    made = track([neutral, media.face_picture({"roll": 0.25}), *([away] * 172)], lost=lost, zero=zero, ease=0.3)["gesture"]
    assert abs(made[FEATURES.index("roll"), -1] - goal) < 0.02


def test_an_older_patch_that_went_to_rest_eases_there():
    assert Face.upgrade({"lost": "rest", "ease": 1.0}, 1) == {"lost": "ease", "ease": 1.0}


def test_a_model_that_is_none_is_refused_in_words(tmp_path):
    (tmp_path / "face.task").write_bytes(b"no model")
    with pytest.raises(NodeError, match=r"face.task is no model for mediapipe's FaceLandmarker"):
        drive.stream(Face(), params={"model": "face.task"}, folder=tmp_path)
    with pytest.raises(NodeError, match=r"there is no model .*gone.task"):
        drive.stream(Face(), params={"model": "gone.task"}, folder=tmp_path)


def test_pictures_that_change_their_size_are_followed(neutral):
    sizes = [(320, 320), (640, 480), (200, 300)]
    made = track([media.face_picture({}, size) for size in sizes for _ in range(3)])
    assert (made["confidence"] == 1.0).all()
    assert made["gesture"][0, -1] == pytest.approx(made["gesture"][0, 16], abs=0.03)


def test_a_video_of_one_picture_stays(tmp_path):
    media.face_video(tmp_path / "one.mp4", seconds=1 / 30)
    images = drive.stream(Video(), params={"path": "one.mp4"}, folder=tmp_path, frames=8192)["image"]
    assert len(images) == 16 and (images == images[0]).all()
