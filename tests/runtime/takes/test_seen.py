"""What a take holds of what was seen: landmarks, videos, cut short, on a full disk, told and exported."""

import subprocess
import sys
import textwrap
import threading
import time

import cv2
import numpy as np
import pytest

from runtime.errors import ArtifactError
from runtime.takes import film as film_module
from runtime.takes.film import WAITING, Film
from runtime.takes.pages import describe, export
from runtime.takes.seen import LANDMARKS, PARTS, SEEN, read_seen
from runtime.takes.take import read_take
from runtime.takes.writer import Journal
from tests.takes import BLOCK, RATE, begin, record


def points(block):
    return np.random.default_rng(block).uniform(-0.2, 1.2, (5, 3)).astype(np.float32)


def look(journal, block):
    """The face is seen in every second block but for 20 to 29; in block 20 it is lost."""
    if block % 2 == 0 and not 20 <= block < 30:
        journal.see(block, "marks", "face", points(block), (640, 480))
    elif block == 20:
        journal.see(block, "marks", "face", None, (640, 480))


SEEN_IN = [*range(0, 20, 2), 20, *range(30, 40, 2)]


def picture(number, size=(64, 48)):
    return np.full((size[1], size[0], 3), (200, 8 * number % 256, 30), np.uint8)


def filmed(folder, stamps, **given):
    """A film of numbered pictures; gives what was written and told."""
    written, told = [], []
    film = Film(folder, "video-camera", 100.0, lambda *what: written.append(what), told.append)
    for number, stamp in enumerate(stamps):
        film.put(picture(number, **given), stamp)
        until = time.monotonic() + 10.0
        while len(written) <= number and not told:
            assert time.monotonic() < until
            time.sleep(0.002)
    film.close()
    return written, told


def pictures_of(path):
    """(milliseconds, picture RGB) of each picture of a video."""
    capture, found = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while True:
        good, raw = capture.read()
        if not good:
            return found
        found.append((capture.get(cv2.CAP_PROP_POS_MSEC), raw[:, :, ::-1]))


# Landmarks


def test_landmarks_come_back_with_their_blocks_and_the_size_of_the_picture(tmp_path):
    take = read_take(record(tmp_path / "x.take", also=look)[0])
    (found,), videos = read_seen(take.path)
    assert found.node == "face" and found.blocks.tolist() == SEEN_IN and found.most == 5 and videos == ()
    assert (found.sizes == (640, 480)).all()
    read = found.points()
    assert read.dtype == np.float32 and read.shape == (len(SEEN_IN), 5, 3)
    for block, row in zip(SEEN_IN, read, strict=True):
        if block == 20:
            assert np.isnan(row).all()
        else:
            np.testing.assert_allclose(row, points(block), atol=0.5 / PARTS + 1e-7)


def test_points_far_outside_the_picture_stay_at_the_rim_of_what_can_be_kept(tmp_path):
    far = np.array([[9.0, -9.0], [np.nan, 1.0]], np.float32)
    take, _ = record(tmp_path / "x.take", 1, also=lambda journal, block: journal.see(0, "marks", "face", far, (1, 1)))
    np.testing.assert_allclose(read_seen(take)[0][0].points(), [[[2.0, -2.0], [0.0, 1.0]]], atol=1e-4)


def test_a_take_in_which_nothing_was_seen_has_no_file_of_it(tmp_path):
    take, _ = record(tmp_path / "x.take", 2)
    assert sorted(path.name for path in take.iterdir()) == ["sound.wav", "take.jsonl"] and read_seen(take) == ((), ())


def test_what_is_seen_while_no_take_is_recorded_is_kept_nowhere(tmp_path):
    journal = Journal(tmp_path / "spool")
    look(journal, 0)
    folder = begin(journal, tmp_path / "x.take")
    look(journal, 2)
    journal.end_take()
    look(journal, 4)
    journal.close()
    assert read_seen(folder)[0][0].blocks.tolist() == [2]


@pytest.mark.parametrize("name", [SEEN, LANDMARKS])
def test_landmarks_cut_at_any_byte_are_readable_up_to_there(tmp_path, name):
    take, _ = record(tmp_path / "x.take", also=look)
    whole = (take / name).read_bytes()
    counts = []
    for length in range(0, len(whole), 7):
        (take / name).write_bytes(whole[:length])
        landmarks, _ = read_seen(take)
        counts.append(len(landmarks[0].spans) if landmarks else 0)
        assert not landmarks or len(landmarks[0].points()) == counts[-1]
    assert counts[0] == 0 and counts == sorted(counts) and counts[-1] >= len(SEEN_IN) - 1


@pytest.mark.parametrize("line", ['[1,"marks","face",0,-1,3,1,1]', '[1,"marks",3,0,1,3,1,1]', "7", '["1","picture","a",0]', "{}"])
def test_a_line_that_says_nonsense_ends_what_was_seen(tmp_path, line):
    take, _ = record(tmp_path / "x.take", also=look)
    lines = (take / SEEN).read_text().splitlines()
    (take / SEEN).write_text("\n".join([*lines[:3], line, *lines[3:]]))
    assert len(read_seen(take)[0][0].spans) == 3


FULL = """
    import resource, signal, sys, time
    from pathlib import Path
    import numpy as np
    from runtime.takes.writer import Journal
    from tests.takes import begin, noise
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    told = []
    journal = Journal(Path(sys.argv[1]) / "spool", told.append)
    folder = begin(journal, Path(sys.argv[1]) / "x.take", encoding="flac")
    for block in range(50):
        journal.see(block, "marks", "face", np.full((1000, 3), 0.5, np.float32), (640, 480))
        journal.sound(block, np.zeros((2, 512), np.float32))
    assert journal.end_take() == folder
    print(*told, sep="\\n")
"""


def test_where_landmarks_can_grow_no_more_the_take_is_whole_and_it_is_told_once(tmp_path):
    script = [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path)]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.count("\n") == 1 and "what is seen is no longer kept in x.take: the disk is full" in ran.stdout
    take = read_take(tmp_path / "x.take")
    assert take.blocks == 50 and "failure" not in take.end
    assert read_seen(take.path)[0][0].points().shape == (16, 1000, 3)


# Videos


def test_a_video_holds_the_pictures_with_their_times(tmp_path):
    written, told = filmed(tmp_path, [100.0, 100.04, 100.5, 102.0])
    found = pictures_of(tmp_path / "video-camera.mkv")
    assert told == [] and written[2] == ("video-camera.mkv", 100.5, 0)
    assert [round(when) for when, _ in found] == [0, 40, 500, 2000]
    for number, (_, shown) in enumerate(found):
        np.testing.assert_allclose(shown.mean(axis=(0, 1)), picture(number)[0, 0], atol=3)


def test_the_times_of_a_video_begin_with_the_take_and_only_grow(tmp_path):
    filmed(tmp_path, [99.98, 99.99, 100.2, 100.1])
    assert [round(when) for when, _ in pictures_of(tmp_path / "video-camera.mkv")] == [0, 1, 200, 201]


def test_the_first_picture_of_a_camera_that_comes_later_stands_from_the_beginning(tmp_path):
    filmed(tmp_path, [100.2, 100.3])
    assert [round(when) for when, _ in pictures_of(tmp_path / "video-camera.mkv")] == [0, 200, 300]


def test_a_video_cut_anywhere_is_readable_up_to_there(tmp_path):
    filmed(tmp_path, 100.0 + np.arange(10) / 30)
    whole = (tmp_path / "video-camera.mkv").read_bytes()
    counts = []
    for length in range(400, len(whole), 301):
        (tmp_path / "cut.mkv").write_bytes(whole[:length])
        counts.append(len(pictures_of(tmp_path / "cut.mkv")))
    assert counts == sorted(counts) and counts[-1] >= 9


def test_pictures_of_another_size_begin_another_file(tmp_path):
    filmed(tmp_path, [100.0])
    filmed(tmp_path, [100.0, 100.1], size=(32, 24))
    assert [len(pictures_of(path)) for path in (tmp_path / "video-camera.mkv", tmp_path / "video-camera-2.mkv")] == [1, 2]


def test_what_a_film_cannot_keep_up_with_is_left_out_and_counted_and_nobody_waits(tmp_path):
    written, go = [], threading.Event()

    def slow(*what):
        written.append(what)
        go.wait(10.0)

    film = Film(tmp_path, "video-camera", 100.0, slow, lambda words: None)
    film.put(picture(0), 100.0)
    while not written:
        time.sleep(0.002)
    began = time.monotonic()
    for number in range(1, 100):
        film.put(picture(number), 100.0 + number)
    assert time.monotonic() - began < 1.0
    go.set()
    film.close()
    assert len(written) == 1 + WAITING == len(pictures_of(tmp_path / "video-camera.mkv"))
    assert written[-1][2] == 99 - WAITING


def test_the_last_of_the_disk_is_for_the_sound(tmp_path, monkeypatch):
    monkeypatch.setattr(film_module, "ROOM", 2**62)
    written, told = filmed(tmp_path, [100.0])
    assert written == [] and len(told) == 1 and "the video of video-camera has ended: the last" in told[0]


FULL_VIDEO = """
    import resource, signal, sys
    from pathlib import Path
    import numpy as np
    from runtime.takes.film import Film
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    told, dice = [], np.random.default_rng(0)
    film = Film(Path(sys.argv[1]), "video-camera", 0.0, lambda *what: None, told.append)
    while not told:
        film.put(dice.integers(0, 256, (64, 64, 3), np.uint8), 0.0)
    film.put(np.zeros((64, 64, 3), np.uint8), 0.0)
    film.close()
    print(*told, sep="\\n")
"""


def test_a_video_that_can_grow_no_more_ends_with_a_whole_picture_and_it_is_told(tmp_path):
    script = [sys.executable, "-c", textwrap.dedent(FULL_VIDEO), str(tmp_path)]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.count("\n") == 1 and "the video of video-camera has ended: the disk is full" in ran.stdout
    assert len(pictures_of(tmp_path / "video-camera.mkv")) >= 5


# In words, and exported


def seen_take(tmp_path):
    def also(journal, block):
        look(journal, block)
        if block >= 10:
            journal.see(block, "picture", "video-camera.mkv", 2)

    folder, _ = record(tmp_path / "x.take", before=10, also=also)
    filmed(folder, [100.0])
    return read_take(folder)


def test_what_was_seen_is_told(tmp_path):
    words = describe(seen_take(tmp_path)).splitlines()
    assert "landmarks face, 15 pictures, 5 points" in words  # from block 10 on
    seconds = 39 * BLOCK / RATE
    assert f"video     video-camera.mkv, 0:00:{seconds:04.1f}, 40 pictures (2 left out: the machine was too slow)" in words


def test_landmarks_are_exported_as_arrays(tmp_path):
    take = seen_take(tmp_path)
    export(take, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"face.seconds", "face.points", "face.sizes"}
        assert arrays["face.points"].shape == (16, 5, 3) and arrays["face.sizes"][0].tolist() == [640, 480]
        assert arrays["face.seconds"][0] == 0.0 and arrays["face.seconds"][1] == pytest.approx(2 * BLOCK / RATE)


def test_a_take_without_landmarks_says_so_where_they_are_to_be_exported(tmp_path):
    take = read_take(record(tmp_path / "x.take", 2)[0])
    with pytest.raises(ArtifactError, match=r"x\.take holds no landmarks"):
        export(take, tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
