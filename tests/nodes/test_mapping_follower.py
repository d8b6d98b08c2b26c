"""The gesture follower: which recorded movement is being played, how far it is, at other speeds and with tremble."""

import numpy as np
import pytest

from nodes import mapping_follower
from nodes.mapping_follower import RATE, Follower
from nodes.regression import Anchor, Examples
from runtime.errors import NodeError
from runtime.node import STEP, Stream
from tests.drive import stream

GESTURE = ("x", "y")


def circle(turns=1.0, frames=60):
    angle = 2 * np.pi * turns * np.linspace(0, 1, frames)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def line(frames=45):
    return np.stack([np.linspace(-1, 1, frames), np.zeros(frames)], axis=1).astype(np.float32)


MOVEMENTS = {"left": circle(1.0), "right": circle(-1.0), "line": line()}


def examples(movements=None):
    found = (movements or MOVEMENTS).items()
    return Examples(GESTURE, (), tuple(Anchor(name, np.zeros(0, np.float32), frames) for name, frames in found))


def follow(course, speed=1.0, block=512, taught=None, **params):
    """What a node says while a course is played `speed` times as fast as it was recorded."""
    node = Follower()
    node.examples = taught or examples()
    seconds = (len(course) - 1) / RATE / speed
    steps = int(seconds * 44100 / STEP) // 32 * 32
    at = np.arange(steps) * STEP / 44100 * RATE * speed
    gesture = np.stack([np.interp(at, np.arange(len(course)), part) for part in course.T]).astype(np.float32)
    made = stream(node, {"gesture": gesture}, params, block=block, frames=steps * STEP, names={"gesture": GESTURE})
    node.names = node.stream_used.output_names
    return made, node


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("number, name", list(enumerate(MOVEMENTS)))
def test_a_movement_is_recognised_and_followed_slower_and_faster(number, name, speed):
    made, node = follow(MOVEMENTS[name], speed)
    assert node.names["position"] == node.names["likelihood"] == tuple(MOVEMENTS)
    steps = made["position"].shape[1]
    later = slice(steps // 3, steps)
    true = np.linspace(0, 1, steps)
    assert np.abs(made["position"][number] - true)[later].max() < 0.12
    assert (made["likelihood"][number, later] > 0.9).all() and (made["winner"][0, later] == number).all()
    np.testing.assert_array_equal(made["winner"][1, later], made["position"][number, later])
    np.testing.assert_allclose(made["likelihood"].sum(0), 1, atol=1e-5)
    assert (made["support"][0, later] < 0.5).all()


def test_a_trembling_movement_is_followed_too():
    course = circle() + np.random.default_rng(0).normal(0, 0.1, (60, 2)).astype(np.float32)
    made, _ = follow(course)
    assert made["likelihood"][0, -1] > 0.9 and made["position"][0, -1] > 0.9


def test_another_movement_after_the_first_takes_over():
    made, _ = follow(np.concatenate([circle(1.0), circle(-1.0)]))
    half = made["winner"].shape[1] // 2
    assert made["winner"][0, half - 5] == 0 and made["winner"][0, -1] == 1
    assert made["position"][1, -1] > 0.9


def test_a_movement_played_again_begins_again():
    made, _ = follow(np.concatenate([line(), line()]))
    half = made["position"].shape[1] // 2
    assert made["position"][2, half - 5] > 0.9
    assert made["position"][2, half + half // 4] < 0.4
    assert made["position"][2, -5] > 0.9


def test_what_is_none_of_the_movements_is_outside():
    made, _ = follow(np.full((60, 2), 3.0, np.float32))
    assert made["support"][0, -1] > 1


def test_it_answers_the_same_at_every_block_length():
    course = np.concatenate([circle(0.7), line()])
    expected, _ = follow(course)
    for block in (64, 2048):
        made, _ = follow(course, block=block)
        for output, value in expected.items():
            np.testing.assert_allclose(made[output], value, atol=1e-6)


def test_what_was_learnt_is_read_back_and_follows_the_same(tmp_path, monkeypatch):
    old = Follower()
    old.examples = examples()
    old.prepare(Stream(44100, 512, 1, True, None, {"gesture": GESTURE}))
    old.save(tmp_path)
    new = Follower()
    new.load(tmp_path)
    monkeypatch.setattr(mapping_follower, "fit", lambda *_: pytest.fail("it was made again"))
    new.prepare(Stream(44100, 512, 1, True, None, {"gesture": GESTURE}))
    np.testing.assert_array_equal(new.mapping.states, old.mapping.states)
    np.testing.assert_array_equal(new.mapping.starts, old.mapping.starts)


def test_a_gesture_that_stands_still_is_refused_in_words():
    with pytest.raises(NodeError, match="gesture 'wave' has only 1 different frames: record it anew, and move while you do"):
        Follower().add("wave", {}, np.zeros((1, 2)), GESTURE)


def test_its_scores_say_how_likely_each_is_at_its_end_and_warn_of_two_that_are_one():
    node = Follower()
    node.examples = examples()
    assert max(node.scores()["anchor_hits"].values()) < 0.01
    node.examples = examples({**MOVEMENTS, "same": circle(1.0)})
    assert node.scores()["anchor_hits"]["same"] == pytest.approx(0.5, abs=0.01)
    node.examples = examples({"short": line(20), "turn": circle()})
    assert "short: 100 % likely at its end" in node.describe()
