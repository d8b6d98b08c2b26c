"""Smoothing, slow oscillator and join."""

import numpy as np
import pytest

from nodes.control import Join, SlowOscillator, Smoothing
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

RATE = 64000  # a thousand steps in a second


def smoothed(control, time, block=512, names=("x",)):
    frames = control.shape[1] * 64
    node = Smoothing()
    made = stream(
        node, {"control": control}, {"time": time}, block=block, frames=frames, sample_rate=RATE, names={"control": names}
    )
    return made["control"], node


def test_after_its_time_the_smoothing_has_gone_63_percent_of_a_jump():
    jump = np.ones((1, 1024), np.float32)
    jump[0, 0] = 0
    made, _ = smoothed(jump, 100.0)
    assert made[0, 100] == pytest.approx(1 - np.exp(-1), abs=1e-5)
    assert made[0, 300] == pytest.approx(1 - np.exp(-3), abs=1e-5)


def test_the_first_value_is_where_the_smoothing_starts():
    made, _ = smoothed(np.full((2, 64), 7.0, np.float32), 1000.0, names=("x", "y"))
    np.testing.assert_allclose(made, 7.0, rtol=1e-6)


def test_a_time_of_0_leaves_the_control_as_it_is():
    control = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)
    np.testing.assert_array_equal(smoothed(control, 0.0, names=("x", "y", "z"))[0], control)


def test_smoothing_is_the_same_at_every_block_length():
    control = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)
    made = [smoothed(control, 20.0, block, ("x", "y", "z"))[0] for block in (64, 512, 2048)]
    np.testing.assert_allclose(made[1], made[0], atol=1e-6)
    np.testing.assert_allclose(made[2], made[0], atol=1e-6)


def test_smoothing_is_the_recurrence_of_a_one_pole_filter():
    control = np.random.default_rng(0).normal(size=(1, 64)).astype(np.float32)
    pole, state, expected = np.exp(-1 / 20), control[0, 0], []
    for value in control[0]:
        state = pole * state + (1 - pole) * value
        expected.append(state)
    np.testing.assert_allclose(smoothed(control, 20.0)[0][0], expected, atol=1e-6)


@pytest.mark.parametrize("block", [64, 512])
def test_a_value_that_is_no_number_is_held_and_does_not_stay_in_the_filter(block):
    control = np.ones((2, 64), np.float32)
    control[0, 5:20] = np.nan
    control[1, 0] = np.inf
    made, _ = smoothed(control, 10.0, block, ("x", "y"))
    assert (made[0] == 1).all()
    assert np.isfinite(made).all() and made[1, -1] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("time", [0.0, 10.0])
def test_very_large_values_are_smoothed_like_all_others(time):
    control = np.full((2, 64), 3e38, np.float32)
    np.testing.assert_allclose(smoothed(control, time, names=("x", "y"))[0], control, rtol=1e-6)


def test_smoothing_takes_a_new_time_without_a_jump():
    node, steps = Smoothing(), np.ones((1, 8), np.float32)
    node.prepare(Stream(RATE, 512, 0, True, None, {"control": ("x",)}))
    node.process(Block(512), 0 * steps, 50.0)
    before = node.process(Block(512), steps, 50.0)["control"][0, -1]
    after = node.process(Block(512), steps, 1000.0)["control"][0, 0]
    assert after == pytest.approx(before + (1 - before) * (1 - np.exp(-1 / 1000)), abs=1e-6)


def test_smoothing_passes_the_names_on():
    _, node = smoothed(np.ones((2, 64), np.float32), 10.0, names=("jaw", "gravel"))
    assert node.stream_used.output_names == {"control": ("jaw", "gravel")}


def test_a_slow_oscillator_goes_between_low_and_high():
    params = {"rate": 2.0, "low": -1.0, "high": 3.0, "phase": 0.25, "name": "tide"}
    node = SlowOscillator()
    made = stream(node, params=params, frames=64000 // 512 * 512, sample_rate=RATE)["control"]
    assert made[0, [0, 125, 250, 375]].tolist() == pytest.approx([3, 1, -1, 1], abs=1e-5)
    assert node.stream_used.output_names == {"control": ("tide",)}


def test_a_slow_oscillator_is_the_same_at_every_block_length():
    made = [stream(SlowOscillator(), params={"rate": 3.3}, block=block)["control"] for block in (64, 512, 2048)]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


def test_a_new_rate_goes_on_from_where_the_wave_was():
    node, block = SlowOscillator(), Block(512)
    node.prepare(Stream(RATE, 512, 0, True, None), name="lfo")
    block.start = 64000
    before = node.process(block, 5.1, 0.0, 1.0, 0.0)["control"][0, -1]
    block.start += 512
    after = node.process(block, 0.1, 0.0, 1.0, 0.0)["control"][0, 0]
    assert abs(after - before) < np.pi * 5.1 / 1000


def test_a_join_has_all_dimensions_in_order_and_makes_names_unique():
    one, two = np.full((2, 64), 1.0, np.float32), np.full((1, 64), 2.0, np.float32)
    node = Join()
    made = stream(node, {"control": (one, two, two)}, names={"control": ("x", "y", "x", "x")})["control"]
    assert made[:, 0].tolist() == [1, 1, 2, 2]
    assert node.stream_used.output_names == {"control": ("x", "y", "x_2", "x_3")}


def test_a_made_up_name_does_not_meet_a_given_one():
    node = Join()
    stream(node, {"control": (np.ones((4, 64), np.float32),)}, names={"control": ("x", "x", "x_2", "x_2")})
    assert len(set(node.stream_used.output_names["control"])) == 4


def test_a_join_of_nothing_says_what_to_do():
    with pytest.raises(NodeError, match="no control signal reaches it"):
        Join().prepare(Stream(44100, 512, 0, True, None, {"control": ()}))
