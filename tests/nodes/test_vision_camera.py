"""Cameras: the newest picture, lost and found again, addresses that are wrong, and a face that is seen through one.

The pictures come from tests/camera.py over real sockets. Nothing here can stand in for a USB camera but its absence.
"""

import os
import socket
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nodes.vision import Camera
from nodes.vision_camera import OPTIONS, Picture, cameras, where
from nodes.vision_face import FEATURES, Face
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests import drive
from tests.camera import SyntheticCamera, age_of, encoded, padded

RATE = 44100
SIZE = (320, 240)


class Watch:
    """A camera node with its clock, as the senses would hold it."""

    def __init__(self, camera: str, **params) -> None:
        self.node, self.block = Camera(), Block(512)
        self.pictures, self.pause = 0, 0.0
        self.began = time.perf_counter()
        fixed = {"width": 0, "height": 0, "rate": 0.0, **params}
        self.node.prepare(Stream(RATE, 512, 0, False, Path(), arrived=self._arrived), camera, **fixed)

    def _arrived(self) -> None:
        self.pictures += 1
        time.sleep(self.pause)

    def look(self, mirror: bool = False) -> np.ndarray:
        self.block.start = int((time.perf_counter() - self.began) * RATE)
        return self.node.process(self.block, mirror)["image"]

    def sees(self) -> bool:
        self.look()
        return self.node.stamp is not None

    def fails(self) -> bool:
        self.look()
        return self.node.failure is not None


@contextmanager
def watching(camera: str, **params):
    watch = Watch(camera, **params)
    try:
        yield watch
    finally:
        watch.node.close()


def until(condition, limit: float = 20.0) -> None:
    """Asks again and again, as the senses tick, until it is so."""
    end = time.perf_counter() + limit
    while not condition():
        assert time.perf_counter() < end, "waited in vain"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def numbers():
    """A camera that goes on through all tests of this module; who stops one starts one of their own."""
    with SyntheticCamera("numbers", SIZE) as camera:
        yield camera


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    return encoded("numbers", (64, 48))["numbers"][:6]


@contextmanager
def server(answer: bytes, hold: bool = True):
    """Somebody who gives the same answer to everybody, whatever is asked, and then says nothing more."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plug, _ = listener.accept()
                    plug.recv(4096)
                    plug.sendall(answer)
                    if hold:
                        held.append(plug)
                    else:
                        plug.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    for plug in held:
        plug.close()


# What a camera gives


def test_a_picture_is_read_only_uint8_rgb_and_knows_when_it_arrived(numbers):
    with watching(numbers.address) as watch:
        until(watch.sees)
        image, now = watch.look(), time.perf_counter()
        assert isinstance(image, Picture) and image.shape == (SIZE[1], SIZE[0], 3) and image.dtype == np.uint8
        assert not image.flags.writeable
        assert watch.began < image.stamp <= now
        assert watch.node.stamp == image.stamp and image[::2].stamp == image.stamp
        assert watch.node.failure is None


def test_pictures_are_red_green_blue():
    with SyntheticCamera("face", SIZE) as camera, watching(camera.address) as watch:
        until(watch.sees)
        red, _, blue = watch.look()[100:140, 130:190].reshape(-1, 3).mean(axis=0)
        assert red > blue + 20  # skin


def test_who_looks_seldom_still_sees_the_newest_picture(numbers):
    with watching(numbers.address) as watch:
        until(watch.sees)
        looks = []
        for _ in range(10):
            time.sleep(0.15)  # four or five pictures go by
            looks.append((watch.look(), time.perf_counter()))
        behind = [age_of(image, numbers.sent(), at)[0] for image, at in looks]
    # A queue of any length would make these 4 and more. A machine that is busy elsewhere may delay a few.
    assert np.median(behind) <= 1
    assert max(behind) <= 10


def test_pictures_that_a_newer_one_has_overtaken_are_passed_over(numbers):
    with watching(numbers.address) as watch:
        watch.pause = 0.15  # a machine that is too slow: four or five pictures come while one is worked on
        until(lambda: watch.pictures > 12)
        image, at = watch.look(), time.perf_counter()
        # One after another they would be 1.4 s old by now, and the system's sockets hold seconds of them.
        assert age_of(image, numbers.sent(), at)[1] < 0.7


def test_every_picture_is_told_when_it_arrives(numbers):
    with watching(numbers.address) as watch:
        until(lambda: watch.pictures >= 5)
        assert watch.sees()


def test_the_same_picture_is_the_same_object_in_the_mirror_too(numbers):
    with watching(numbers.address) as watch:
        until(watch.sees)

        def twice(mirror: bool) -> bool:
            # A picture may come in between, hence tried again.
            first, second = watch.look(mirror), watch.look(mirror)
            return first is second and first.stamp == watch.node.stamp

        until(lambda: twice(False))
        until(lambda: twice(True))
        first = watch.look()
        until(lambda: watch.look() is not first)


def test_a_mirror_turns_left_and_right_about(numbers):
    with watching(numbers.address) as watch:
        until(watch.sees)

        def turned() -> bool:
            straight, mirrored = watch.look(False), watch.look(True)
            assert not mirrored.flags.writeable
            return straight.stamp == mirrored.stamp and np.array_equal(straight[:, ::-1], mirrored)

        until(turned)


@pytest.mark.parametrize("path", ["bare", "chunked", "moved", "locked"])
def test_cameras_that_send_without_lengths_in_chunks_elsewhere_or_with_a_password_are_read(numbers, path):
    door = "me:secret@" if path == "locked" else ""
    with watching(f"http://{door}127.0.0.1:{numbers.port}/{path}?x=1") as watch:
        until(lambda: watch.pictures > 3)
        image, at = watch.look(), time.perf_counter()
        assert age_of(image, numbers.sent(), at)[0] <= 10
        assert watch.node.failure is None


@pytest.mark.parametrize("chunked", [False, True], ids=["as it is", "in a chunk"])
def test_a_picture_is_shown_before_the_next_one_begins(jpegs, chunked):
    part = b"--next\r\nContent-Type: image/jpeg\r\n\r\n" + padded(jpegs[5]) + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n"
    body = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(part), part) if chunked else b"\r\n" + part
    with server(head + body) as place, watching(f"http://{place}/") as watch:
        until(watch.sees)
        assert watch.pictures == 1


@pytest.mark.slow
def test_a_video_that_is_no_jpegs_is_read_by_opencv_and_its_loss_is_told(tmp_path):
    import cv2

    writer = cv2.VideoWriter(str(tmp_path / "film.ts"), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, SIZE)
    for shade in range(90):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 40 + shade, np.uint8))
    writer.release()
    film = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + (tmp_path / "film.ts").read_bytes()
    with server(film) as place, watching(f"http://{place}/film.ts") as watch:
        until(lambda: watch.pictures > 50)
        assert watch.look().shape == (SIZE[1], SIZE[0], 3)
        until(watch.fails)
        assert f"http://{place}/film.ts has stopped giving pictures" in watch.node.failure
        assert OPTIONS not in os.environ
        began = time.perf_counter()
        watch.node.close()
        assert time.perf_counter() - began < 2.0


# Lost and found again


def is_black(image: np.ndarray) -> bool:
    return not image.any()


@pytest.mark.slow
def test_a_camera_that_dies_gives_black_after_a_second_and_comes_back_by_itself():
    with SyntheticCamera("face", SIZE) as camera, watching(camera.address) as watch:
        until(watch.sees)
        shape = watch.look().shape
        camera.kill()
        last = watch.look().stamp
        until(watch.fails)
        assert watch.node.failure.startswith(f"{camera.address} has ended its stream of pictures")
        until(lambda: is_black(watch.look()))
        assert time.perf_counter() - last > 1.0
        assert watch.look().shape == shape and watch.node.stamp is None and watch.look().stamp is None
        until(lambda: watch.fails() and "does not answer; start the camera there" in watch.node.failure)
        camera.start()
        until(watch.sees)
        assert watch.node.failure is None and not is_black(watch.look())


@pytest.mark.slow
def test_a_camera_that_stalls_in_the_middle_of_a_picture_is_lost_and_taken_up_again():
    with SyntheticCamera("numbers", SIZE) as camera, watching(camera.address) as watch:
        until(watch.sees)
        camera.stall()
        until(watch.fails)
        assert "has given no picture for 1 s (it is tried again every second)" in watch.node.failure
        until(lambda: watch.node.stamp is None and is_black(watch.look()))
        camera.go()
        until(watch.sees)
        assert watch.node.failure is None
        assert age_of(watch.look(), camera.sent(), time.perf_counter())[1] < 1.0


def test_without_a_camera_the_picture_is_black_and_of_the_size_that_was_wished():
    with watching("/dev/video99", width=320, height=200) as watch:
        assert watch.look().shape == (200, 320, 3) and is_black(watch.look())
        assert watch.look() is watch.look()
    with watching("/dev/video99") as watch:
        assert watch.look().shape == (480, 640, 3)


# What is wrong, in words


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere cameras have no files")
@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ("/dev/video99", "there is no camera /dev/video99; plug it in, or choose another (it is tried again every second)"),
        ("99", "there is no camera /dev/video99"),
        ("/dev/null", "/dev/null gives no pictures; another program may be using it, or it is no camera"),
        ("http://not..known/video", "http://not..known/video is not known in this network; check the address"),
    ],
)
def test_a_camera_that_is_not_there_is_told_in_words(camera, words):
    with watching(camera) as watch:
        until(watch.fails)
        assert watch.node.failure.startswith(words)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none", "answers 404 Not Found; check what follows the first / of the address"),
        ("page", "shows a web page, no video; look there for the address of the video itself"),
        ("still", "gives a single picture; look for the address of its video"),
        ("locked", "asks for a name and a password; write the address as http://name:password@"),
    ],
)
def test_an_address_that_gives_no_video_is_told_in_words(numbers, path, words):
    address = f"http://127.0.0.1:{numbers.port}/{path}"
    with watching(address) as watch:
        until(watch.fails)
        assert watch.node.failure.startswith(f"{address} {words}")


def test_an_address_where_nobody_answers_is_told_in_words():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with watching(f"http://127.0.0.1:{port}/video") as watch:
        until(watch.fails)
        assert "does not answer; start the camera there, and check the address" in watch.node.failure


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "is busy; it may show its pictures to",
        ),
        (b"SSH-2.0-Camera\r\n", "does not speak HTTP; check the address"),
        (b"", "cannot be reached; is it awake, and in the same network?"),
        (b"HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n", "sends us around in circles; check the address"),
    ],
    ids=["busy", "no http", "silence", "circle"],
)
def test_a_server_that_is_no_camera_is_told_in_words(answer, words):
    with server(answer) as place, watching(f"http://{place}/round") as watch:
        until(watch.fails)
        assert watch.node.failure.startswith(f"http://{place}/round {words}")


@pytest.mark.slow
def test_a_stream_without_a_picture_is_told_in_words():
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n--next\r\n"
    with server(answer) as place, watching(f"http://{place}/video") as watch:
        until(watch.fails)
        assert watch.node.failure.startswith(f"http://{place}/video has given no picture for 3 s")


def test_a_password_is_never_shown(numbers):
    with watching(f"http://me:wrong@127.0.0.1:{numbers.port}/locked") as watch:
        until(watch.fails)
        assert watch.node.failure.startswith(f"http://127.0.0.1:{numbers.port}/locked asks for a name and a password")
    with pytest.raises(NodeError) as error:
        where("ftp://me:secret@phone/video")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "camera", ["webcam", "192.168.0.7:8080/video", "http://", "http://phone:99999/", "-1", "film.mp4", "file:///x"]
)
def test_what_names_no_camera_is_refused(camera):
    with pytest.raises(
        NodeError, match="camera must be empty, a number, a device such as /dev/video0, or an address that begins with"
    ):
        Watch(camera)


def test_cameras_are_named_by_number_device_or_address():
    named = {"": 0, " 2 ": 2, "/dev/v4l/by-id/usb-x": "/dev/v4l/by-id/usb-x", "rtsp://10.0.0.2/live ": "rtsp://10.0.0.2/live"}
    assert {text: where(text) for text in named} == named


def test_offline_a_camera_is_refused():
    with pytest.raises(NodeError, match="a camera has no past to render; put a video file"):
        drive.stream(Camera())


def test_the_machines_cameras_are_listed_in_words(tmp_path):
    for number, name, index in ((0, "Integrated Camera", 0), (1, "Integrated Camera", 1), (10, "Capture Card", 0), (2, "", 0)):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(f"{index}\n")
    assert cameras(tmp_path) == ["/dev/video0: Integrated Camera", "/dev/video2: a camera", "/dev/video10: Capture Card"]
    assert cameras(tmp_path / "none") == []


# Closing


def threads() -> int:
    return sum(thread.name == "glasspatch camera" for thread in threading.enumerate())


@pytest.mark.parametrize("stalled", [False, True], ids=["while pictures come", "in the middle of a stalled picture"])
def test_closing_ends_the_thread_in_time_and_may_be_done_again(stalled):
    with SyntheticCamera("numbers", SIZE) as camera:
        before = threads()
        watch = Watch(camera.address)
        until(watch.sees)
        if stalled:
            camera.stall()
        began = time.perf_counter()
        watch.node.close()
        watch.node.close()
        assert time.perf_counter() - began < 2.0
        assert threads() == before


def test_closing_does_not_wait_for_a_server_that_says_nothing():
    with server(b"") as place:
        watch = Watch(f"http://{place}/video")
        began = time.perf_counter()
        watch.node.close()
        assert time.perf_counter() - began < 2.0
        until(lambda: threads() == 0)


def test_a_camera_that_was_never_prepared_can_be_closed():
    Camera().close()


# A face in front of it


@pytest.mark.slow
def test_a_face_is_followed_through_the_camera_until_it_goes():
    with SyntheticCamera("face") as camera, watching(camera.address) as watch:
        face = Face()
        face.prepare(Stream(RATE, 512, 0, False, Path()), gaze=False, points=False, model=None)

        def look() -> dict[str, float]:
            made = face.process(watch.block, watch.look(), "hold", 0.2, False)
            return {"mouth": made["gesture"][FEATURES.index("mouth_height"), -1], "seen": made["confidence"][0, -1]}

        until(lambda: look()["seen"] == 1.0)
        shut = look()["mouth"]
        flipped = camera.flip()
        until(lambda: look()["mouth"] > shut + 0.05)
        # The gesture's age is that of the picture it was found in, which arrived after it was sent.
        assert flipped < face.stamp < time.perf_counter()
        camera.flip()
        until(lambda: look()["mouth"] < shut + 0.02)
        camera.show("nobody")
        until(lambda: look()["seen"] == 0.0)
        camera.show("shut")
        until(lambda: look()["seen"] == 1.0)
        camera.kill()
        until(lambda: look()["seen"] == 0.0)  # nobody is seen in a black picture
        assert face.stamp is None
        face.close()
