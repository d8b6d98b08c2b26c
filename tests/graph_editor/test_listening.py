"""What is played for the ear beside the performance."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from graph_editor.listening import Listening, Sound
from tests.sound_server import RATE, sound_server

CODE = """
import json, sys, time
from pathlib import Path
from graph_editor.listening import Listening, Sound
told = []
player = Listening(told.append)
for path, start, end, wait in json.loads(sys.argv[1]):
    sound = Sound(Path(path), start, end)
    player.play(sound, "pulse")
    while not (player.now and player.now[0] == sound):
        time.sleep(0.002)
    time.sleep(wait)
player.close()
print(json.dumps(told))
"""


def until(wanted, seconds=5.0):
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def player():
    told = []
    found = Listening(told.append)
    found.told = told
    yield found
    found.close()


def written(path, sound, rate=RATE):
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return path


def test_without_a_sound_card_it_is_silent_and_keeps_time(player, tmp_path):
    path = written(tmp_path / "a.wav", np.zeros(RATE))
    player.play(Sound(path, RATE // 2), "none")
    until(lambda: player.now is not None)
    began = time.monotonic()
    until(lambda: player.now is None)
    assert 0.3 < time.monotonic() - began < 0.8
    assert player.told == []


def test_the_next_sound_takes_the_place_of_the_last_and_stop_ends_it(player, tmp_path):
    one, two = (written(tmp_path / name, np.zeros(20 * RATE)) for name in ("one.wav", "two.wav"))
    player.play(Sound(one), "none")
    until(lambda: player.now and player.now[0].path == one)
    player.play(Sound(two), "none")
    until(lambda: player.now and player.now[0].path == two, 1.0)
    player.stop()
    until(lambda: player.now is None, 1.0)


@pytest.mark.parametrize("content", [None, b"not a sound"])
def test_what_cannot_be_played_is_told_in_words_and_the_next_sound_plays(player, tmp_path, content):
    path = tmp_path / "bad.wav"
    if content:
        path.write_bytes(content)
    player.play(Sound(path), "none")
    until(lambda: player.told)
    assert player.told[0].startswith("bad.wav cannot be played: ")
    good = written(tmp_path / "good.wav", np.zeros(5 * RATE))
    player.play(Sound(good), "none")
    until(lambda: player.now and player.now[0].path == good)


def test_a_slice_that_lies_behind_the_end_of_its_recording_is_told(player, tmp_path):
    player.play(Sound(written(tmp_path / "a.wav", np.zeros(100)), 200, 300), "none")
    until(lambda: player.told)
    assert "run the patch again" in player.told[0]


@pytest.mark.stage
def test_through_a_sound_card_it_is_heard_at_half_its_level_limited_and_without_a_click(tmp_path):
    t = np.arange(2 * RATE) / RATE
    tone = written(tmp_path / "tone.wav", 0.8 * np.cos(2 * np.pi * 440 * t))
    hot = written(tmp_path / "hot.wav", 8.0 * np.cos(2 * np.pi * 440 * t))
    with sound_server() as server:
        plan = [[str(tone), 0, RATE // 2, 0.9], [str(tone), 0, None, 0.4], [str(hot), 0, None, 0.6]]
        with server.recording() as recording:
            done = subprocess.run(
                [sys.executable, "-c", CODE, json.dumps(plan)], env=server.env, capture_output=True, text=True, timeout=60
            )
            time.sleep(0.5)
        sound = recording.sound[:, 0]
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == []
    heard = np.abs(sound) > 1e-3
    first = int(np.argmax(heard))
    quiet = first + np.argmax(np.convolve(heard[first:], np.ones(RATE // 20), "valid") == 0)  # 50 ms without sound
    assert (quiet - first) / RATE == pytest.approx(0.5, abs=0.08)  # a busy machine may put a gap into it, faded
    assert np.abs(sound[first:quiet]).max() == pytest.approx(0.4, abs=0.01)
    assert (
        0.44 < np.abs(sound).max() < 0.56
    )  # the limiter's ceiling is 0.891, half of it 0.446; the fade into a gap may overshoot
    steps = np.abs(np.diff(sound))
    assert (
        steps[: quiet + RATE].max() < 1.1 * 0.45 * 8 * 2 * np.pi * 440 / RATE
    )  # the hot tone is cut off at the limiter's ceiling
