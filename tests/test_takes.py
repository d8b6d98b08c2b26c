"""Takes of the whole chain, played again to the very sample."""

from __future__ import annotations

import json
import time

import cv2
import numpy as np
import pytest

from nodes.vision_face import features
from runtime import messages as say
from runtime.live import Live
from runtime.patch import dumps, loads
from runtime.takes.replay import Changes, correct, replay
from runtime.takes.seen import read_seen
from runtime.takes.take import read_take
from runtime.worker import Order
from tests.camera import NUMBERS, SyntheticCamera, number_of
from tests.command import call, write_patch
from tests.stage import set_stage

pytestmark = pytest.mark.slow
TONE = {"tone": ("audio.oscillator", {"level": 0.2}), "out": ("audio.output", {})}


def until(live, wanted, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in live.events(0.1):
            if isinstance(event, wanted):
                return event
    raise AssertionError(f"{wanted.__name__} was not told")


def played(path, doing, seconds=4.0, **more):
    """The take of a performance in which `doing(live, seconds so far)` is called every tenth of a second."""
    take = path.parent / "takes" / "one.take"
    with Live(Order(path, path.read_text(), device="none", take=str(take), **more)) as live:
        until(live, say.Playing)
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            doing(live, now)
            for _ in live.events(0.1):
                pass
    folders = sorted(take.parent.glob("*.take"))
    return read_take(folders[-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_take_with_random_edits_sounds_the_same_to_the_very_sample(tmp_path, seed):
    path = set_stage(tmp_path, 30.0)
    text, dice = path.read_text(), np.random.default_rng(seed)
    other = json.loads(text)
    other["nodes"]["tone"] = {"type": "audio.oscillator", "params": {"level": 0.02}}
    other["links"].append(["tone.audio", "mix.audio"])
    texts = [text, json.dumps(other), dumps(loads(text).with_param("decoder", "noise", "zero"))]

    def act(live, now):
        kind = dice.integers(0, 6)
        if kind == 0:
            live.send(say.Edit(texts[dice.integers(0, 3)], fade=float(dice.choice([0.0, 0.3]))))
        elif kind == 1:
            live.send(say.SetParam("level", "gain", float(dice.uniform(-30.0, -12.0)), float(dice.choice([0.0, 1.0]))))
        elif kind == 2:
            live.send(say.SetParam("smoothing", "time", float(dice.uniform(0.0, 200.0))))
        elif kind == 3:
            live.send(say.Undo())

    take = played(path, act)
    assert take.end is not None and {event.kind for event in take.events} >= {"load", "set", "feed"}
    again = replay(take)
    assert again.same is True, again.verdict


def test_a_take_in_which_a_gesture_was_taught_is_the_same_again_though_more_was_taught_later(tmp_path):
    path = set_stage(tmp_path, 30.0)
    target = {f"z{number}": 0.5 * number for number in range(8)}
    told = []

    def act(live, now):
        if not told and now > 1.0:
            live.send(say.RecordAnchor("regressor", "new", target))
            told.append("begun")
        elif len(told) == 1 and now > 2.0:
            live.send(say.EndAnchor())
            told.append("ended")

    take = played(path, act)
    assert replay(take).same is True
    assert call("teach", path, "regressor", "--remove-all", folder=tmp_path)[0] == 0
    assert replay(take).same is True


def test_a_take_in_which_anchors_were_auditioned_is_the_same_again(tmp_path):
    path = set_stage(tmp_path, 60.0)
    with Live(Order(path, path.read_text(), device="none", take=str(tmp_path / "one.take"))) as live:
        (one, *_), (two, *_), *_ = until(live, say.Taught).anchors
        until(live, say.Playing)
        for command in (
            say.Audition("regressor", one),
            say.Audition("regressor", two),
            say.RenameAnchor("regressor", two, "new"),
        ):
            live.send(command)
            assert until(live, say.Taught).auditioned == getattr(command, "name", command.anchor)
            time.sleep(0.5)
        live.send(say.Audition("regressor"))
        until(live, say.Taught)
        time.sleep(0.5)
    take = read_take(tmp_path / "one.take")
    assert [bool(event.data[2]) for event in take.events if event.kind == "hold"] == [True, True, True, False]
    again = replay(take)
    assert again.same is True, again.verdict


def test_a_take_can_be_played_with_another_value_or_speed_and_is_then_not_compared(tmp_path):
    path = set_stage(tmp_path, 30.0)
    take = played(path, lambda live, now: None, seconds=2.0)
    louder = replay(take, changes=Changes(params={"level.gain": "-6"}))
    slower = replay(take, changes=Changes(speed=0.5))
    assert louder.same is None and slower.frames == pytest.approx(2 * take.frames, abs=2 * take.block)
    other = replay(take, changes=Changes(models={"decoder": tmp_path / "demo.assets" / "trainer" / "model.ts"}))
    assert other.same is None and other.sha256 == take.end["sha256"]  # the same model by another way


def test_a_moment_is_corrected_from_a_take(tmp_path):
    path = set_stage(tmp_path, 30.0)
    take = played(path, lambda live, now: None, seconds=3.0)
    words = correct(take, "regressor", "meant", {f"z{number}": 1.0 for number in range(8)}, at=1.5, around=0.3)
    assert "5 anchors" in words
    examples = json.loads((tmp_path / "demo.assets" / "regressor" / "examples.json").read_text())
    assert examples["anchors"][-1]["name"] == "meant" and examples["anchors"][-1]["target"]["z0"] == 1.0


def test_the_command_line_plays_a_take_tells_of_it_and_plays_it_again(tmp_path):
    path = write_patch(
        tmp_path,
        {"tone": ("audio.oscillator", {"level": 0.2}), "out": ("audio.output", {})},
        "tone.audio -> out.audio",
    )
    arguments = ["play", path, "--device", "none", "--osc", 0, "--for", 2, "--take", "mine.take"]
    code, _, err = call(*arguments, folder=tmp_path)
    assert code == 0 and "the take is kept" in err
    code, out, _ = call("take", "info", "mine.take", folder=tmp_path)
    assert code == 0 and "mine.take, whole" in out
    code, out, err = call("take", "replay", "mine.take", "-o", "again.wav", folder=tmp_path)
    assert code == 0 and "every sample is the same" in out, err
    code, out, _ = call("take", "export", "mine.take", "-o", "mine.flac", folder=tmp_path)
    assert code == 0 and (tmp_path / "mine.flac").exists()
    code, _, err = call("take", "info", "nothing.take", folder=tmp_path)
    assert code == 1 and "nothing.take" in err


def test_a_take_of_a_camera_holds_the_points_of_the_face_from_which_its_gesture_can_be_computed_again(tmp_path):
    with SyntheticCamera() as camera:
        path = write_patch(
            tmp_path,
            {"camera": ("vision.camera", {"camera": camera.address}), "face": ("vision.face", {}), **TONE},
            *("camera.image -> face.image", "tone.audio -> out.audio"),
        )
        found = {}

        def look(live, now):
            live.send(say.Poll((("camera", "image"),), marks=("face", "camera")))
            for event in live.events(0.1):
                if isinstance(event, say.Snapshot):
                    found.update(event.values | event.marks)

        take = played(path, look, seconds=5.0)
    assert found["camera", "image"].shape == (240, 320, 3) and found["face"].shape == (478, 3) and "camera" not in found
    (landmarks,), videos = read_seen(take.path)
    assert videos == () and landmarks.seen > 20  # of up to 30 a second
    points, gesture = landmarks.points(), take.gestures["face", "gesture"]
    again = np.array([features(row, *size) for row, size in zip(points, landmarks.sizes, strict=True)])
    # Each gesture that the engine took is that of the marks which came in its block or the one before it.
    rows = [row for row in range(len(gesture.blocks)) if gesture.blocks[row] > landmarks.blocks[2]]
    off = []
    for row in rows:
        near = np.flatnonzero(np.abs(landmarks.blocks - gesture.blocks[row]) <= 2)
        off += [np.abs(again[near] - gesture.values[row]).max(axis=1).min()] if len(near) else []
    assert len(off) > 15 and np.median(off) < 0.002
    assert replay(take).same is True


def test_a_take_with_video_holds_what_the_camera_showed_in_time_with_the_sound(tmp_path):
    with SyntheticCamera("numbers", size=(320, 240)) as camera:
        path = write_patch(
            tmp_path,
            {"camera": ("vision.camera", {"camera": camera.address}), **TONE},
            "tone.audio -> out.audio",
        )
        code, _, err = call(
            "play", path, "--device", "none", "--osc", 0, "--for", 6, "--take", "a.take", "--video", folder=tmp_path
        )
        assert code == 0, err
        sent = np.array(camera.sent())
    take = read_take(tmp_path / "a.take")
    (video,) = read_seen(take.path)[1]
    capture, shown, times = cv2.VideoCapture(str(video.path), cv2.CAP_FFMPEG), [], []
    while (picture := capture.read())[0]:
        shown.append(number_of(picture[1]))
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    assert video.path.name == "video-camera.mkv" and len(shown) > 90 and abs(len(shown) - len(video.blocks)) <= 2
    # The camera's numbers begin again; the first is that of a picture which somebody saw.
    first = next(number for number in range(shown[0], len(sent), NUMBERS) if sent[number])
    offset = (np.array(times) - sent[first + np.cumsum(np.diff(shown, prepend=shown[0]) % NUMBERS)])[2:]
    assert np.ptp(offset) < 0.05  # the same clock
    blocks = np.array([take.seconds_of(int(block)) for block in video.blocks])
    assert abs(np.median(blocks[2:] - np.array(times)[-len(blocks) :][2:])) < 0.05
    code, out, _ = call("take", "info", "a.take", folder=tmp_path)
    assert code == 0 and "video     video-camera.mkv, 0:00:0" in out and f"{len(video.blocks)} pictures" in out
    assert replay(take).same is True
