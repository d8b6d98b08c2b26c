"""A gesture that is recognised on stage asks for something: a scene, a param, whatever a button may ask for."""

import json

import pytest

from runtime import messages as ask
from runtime.remote.bindings import BindingError, parse_source
from tests.command import write_patch
from tests.runtime.test_performance import Stage, record

NODES = {
    "hand": ("control.lfo", {"name": "height", "rate": 0.5}),
    "regressor": ("mapping.classifier", {"neighbours": 1}),
    "tone": ("audio.oscillator", {"level": 0.1}),
    "soft": ("audio.gain", {}),
    "out": ("audio.output", {}),
}
LINKS = ("hand.control -> regressor.gesture", "tone.audio -> soft.audio", "soft.audio -> out.audio")


def stage(tmp_path, *bindings):
    path = write_patch(tmp_path, NODES, *LINKS)
    data = json.loads(path.read_text())
    data["bindings"] = list(bindings)
    data["scenes"] = {name: {"params": {"soft.gain": gain}} for name, gain in (("bright", -6.0), ("dark", -20.0))}
    path.write_text(json.dumps(data))
    return Stage(path)


def gain(stage):
    return stage.performance.patch.nodes["soft"].params.get("gain", 0.0)


def test_a_class_that_wins_recalls_a_scene_once(tmp_path):
    made = stage(
        tmp_path,
        {"source": "gesture:regressor low", "command": "/scene dark"},
        {"source": "gesture:regressor high", "command": "/scene bright"},
    )
    record(made, "high", None, 6)
    made.play(70)
    record(made, "low", None, 6)
    seen = [gain(made)]
    for _ in range(180):  # the hand goes up and down once
        made.play()
        made.performance.tick()
        if seen[-1] != gain(made):
            seen.append(gain(made))
    assert seen[0] == 0.0 and len(seen) >= 3 and set(seen[1:]) == {-6.0, -20.0}
    scenes = [event for event in made.told if isinstance(event, ask.Changed) and event.what.startswith("scene")]
    assert len(scenes) == len(seen) - 1


def test_what_it_is_at_first_asks_for_nothing(tmp_path):
    made = stage(tmp_path, {"source": "gesture:regressor only", "command": "/scene dark"})
    record(made, "only", None, 6)
    for _ in range(60):
        made.play()
        made.performance.tick()
    assert gain(made) == 0.0


def problems(made):
    return [problem.message for event in made.told if isinstance(event, ask.Problems) for problem in event.problems]


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        ({"source": "gesture:nobody low", "command": "/stop"}, "there is no node nobody"),
        ({"source": "gesture:tone low", "command": "/stop"}, "tone recognises no gestures: name a Classifier or follower"),
        ({"source": "gesture:regressor", "command": "/stop"}, "a gesture is written gesture:NODE NAME, got 'gesture:regressor'"),
        ({"source": "gesture:regressor low", "node": "soft", "param": "gain"}, "is a gesture and moves no param"),
    ],
)
def test_a_binding_that_cannot_be_is_told_and_the_rest_plays(tmp_path, binding, words):
    made = stage(tmp_path, binding)
    assert any(words in message for message in problems(made))


def test_a_gesture_is_written_back_as_it_was_read():
    assert str(parse_source("gesture:classes big smile")) == "gesture:classes big smile"
    with pytest.raises(BindingError, match="gesture:NODE NAME"):
        parse_source("gesture: ")
