"""Takes of the whole chain, played again to the very sample."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from runtime import messages as say
from runtime.live import Live
from runtime.patch import dumps, loads
from runtime.takes.replay import Changes, correct, replay
from runtime.takes.take import read_take
from runtime.worker import Order
from tests.command import call, write_patch
from tests.stage import set_stage

pytestmark = pytest.mark.slow


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
