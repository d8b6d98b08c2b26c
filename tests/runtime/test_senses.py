"""The senses in their own process, with the demo's video and the real face tracker."""

import os
import shutil
import signal
import time

import numpy as np
import pytest

from runtime.messages import Told
from runtime.patch import dumps
from runtime.senses import Senses
from runtime.sensing import Ports
from runtime.terminal.open import open_patch
from tests.command import ROOT, write_patch

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(tmp_path):
    shutil.copytree(ROOT / "patches" / "demo", tmp_path / "demo")
    return open_patch(
        write_patch(
            tmp_path,
            {"video": ("vision.video", {"path": "demo/face.mp4"}), "face": ("vision.face", {}), "calm": ("control.smooth", {})},
            *("video.image -> face.image", "face.gesture -> calm.control"),
        )
    )


@pytest.fixture
def senses(opened):
    told = []
    found = Senses(opened.path, Ports(), lambda command, stamp: None, told.append, lambda binding: None)
    found.told = told
    yield found
    found.close()


def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"did not come true within {seconds} s"
        time.sleep(0.02)


def test_the_newest_gesture_comes_over_with_its_names_and_its_time(opened, senses):
    feeds, problems = senses.load(dumps(opened.patch), opened.plan)
    assert problems == [] and set(feeds) == {"face"} and feeds["face"].names["gesture"][0] == "mouth_width"
    first = feeds["face"].newest
    until(lambda: feeds["face"].newest is not first and feeds["face"].newest[0]["confidence"][0] == 1.0)
    assert 0.2 < feeds["face"].newest[0]["gesture"][0] < 0.6 and feeds["face"].newest[1] <= time.perf_counter()


def test_a_patch_that_changes_elsewhere_keeps_its_feeds(opened, senses):
    feeds, _ = senses.load(dumps(opened.patch), opened.plan)
    again, _ = senses.load(dumps(opened.patch.with_param("calm", "time", 10.0)), opened.plan)
    assert again["face"] is feeds["face"]


def test_senses_that_die_are_told_and_come_back_and_the_last_values_are_held_meanwhile(opened, senses):
    feeds, _ = senses.load(dumps(opened.patch), opened.plan)
    until(lambda: feeds["face"].newest[0]["confidence"][0] == 1.0)
    os.kill(senses._process.pid, signal.SIGKILL)
    until(lambda: any(isinstance(event, Told) and "have died" in event.words for event in senses.told))
    held = feeds["face"].newest
    assert held[0]["confidence"][0] == 1.0
    until(lambda: feeds["face"].newest is not held)


def test_marks_come_when_they_are_asked_for_and_lie_over_the_face(opened, senses):
    seen = []
    senses.on_seen = lambda *what: seen.append(what)
    senses.load(dumps(opened.patch), opened.plan)
    time.sleep(0.2)
    assert senses.marks == {}
    until(lambda: senses.ask_marks("face") or senses.marks.get("face") is not None)
    marks = senses.marks["face"]
    assert (
        marks.shape == (478, 3) and marks.dtype == np.float32 and 0.3 < marks[:, 0].mean() < 0.7 and marks[10, 1] < marks[152, 1]
    )
    senses.ask_marks("video")
    until(lambda: "video" in senses.marks)
    assert senses.marks["video"] is None and seen == []  # nothing for a take


def test_while_a_take_is_recorded_all_marks_come_even_after_the_senses_have_died(opened, senses, tmp_path):
    seen = []
    senses.on_seen = lambda *what: seen.append(what)
    senses.load(dumps(opened.patch), opened.plan)
    senses.record(tmp_path, time.perf_counter(), False)
    until(lambda: len(seen) > 10)
    kind, stamp, node, marks, size = seen[-1]
    assert (kind, stamp, node, marks.shape, size) == ("marks", None, "face", (478, 3), (320, 320))
    os.kill(senses._process.pid, signal.SIGKILL)
    until(lambda: any("have died" in event.words for event in senses.told))
    count = len(seen)
    until(lambda: len(seen) > count + 10)
    senses.end_record()
    count = len(seen)
    time.sleep(0.3)
    assert len(seen) == count and sorted(path.name for path in tmp_path.iterdir()) == ["demo", "p.json"]


def test_a_patch_without_anything_to_sense_starts_no_process(tmp_path):
    opened = open_patch(
        write_patch(tmp_path, {"tone": ("audio.oscillator", {}), "out": ("audio.output", {})}, "tone.audio -> out.audio")
    )
    senses = Senses(opened.path, Ports(), lambda command, stamp: None, lambda event: None, lambda binding: None)
    assert senses.load(dumps(opened.patch), opened.plan) == ({}, []) and not senses.is_open
    senses.close()
