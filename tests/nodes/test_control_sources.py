"""Sliders, pad, random values and random walk."""

import numpy as np
import pytest

from nodes.control_sources import Noise, Pad, Sliders, Walk
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

RATE = 64000  # a thousand steps in a second


def test_each_slider_is_a_dimension_from_low_to_high():
    node = Sliders()
    made = stream(node, params={"names": "dark, gravel", "s1": 0.25, "s2": 1.0, "low": -4.0, "high": 4.0})["control"]
    assert made.shape == (2, 64) and made.dtype == np.float32
    assert made[:, 0].tolist() == [-2.0, 4.0]
    assert node.stream_used.output_names == {"control": ("dark", "gravel")}


@pytest.mark.parametrize("names", ["", "a b c d e f g h i"])
def test_sliders_want_one_to_eight_names(names):
    with pytest.raises(NodeError, match="names must be one to 8 words, got "):
        stream(Sliders(), params={"names": names})


def test_a_slider_that_is_pulled_moves_from_step_to_step():
    node, ramp = Pad(), np.linspace(0.0, 1.0, 512, dtype=np.float32)
    node.prepare(Stream(RATE, 512, 0, True, None), names="x y")
    made = node.process(Block(512), ramp, 0.5, 0.0, 1.0)["control"]
    assert made[0].tolist() == ramp[63::64].tolist() and (made[1] == 0.5).all()


def test_a_pad_is_across_and_up():
    node = Pad()
    made = stream(node, params={"names": "left_right soft_loud", "x": 0.1, "y": 0.9, "low": -1.0})["control"]
    assert made[:, -1].tolist() == pytest.approx([-0.8, 0.8])
    assert node.stream_used.output_names == {"control": ("left_right", "soft_loud")}


def test_a_pad_with_one_name_is_refused():
    with pytest.raises(NodeError, match="names must be two words, one for across and one for up, got 'x'"):
        stream(Pad(), params={"names": "x"})


def noise(**params):
    return stream(Noise(), params=params, frames=64 * 8192, sample_rate=RATE, seed=3)["control"]


def test_random_values_that_jump_stay_for_their_time_and_lie_evenly_between_low_and_high():
    made = noise(way="jump", rate=100.0, low=2.0, high=4.0)[0]  # ten steps each
    assert (made[:8190].reshape(-1, 10) == made[:8190:10, None]).all()
    values = np.unique(made)
    assert len(values) == 820 and values.min() > 2.0 and values.max() < 4.0
    assert values.mean() == pytest.approx(3.0, abs=0.1) and values.std() == pytest.approx(2 / 12**0.5, abs=0.05)


def test_a_line_between_random_values_has_no_jumps_and_meets_them():
    jumping, made = noise(way="jump", rate=10.0)[0], noise(way="line", rate=10.0)[0]
    np.testing.assert_allclose(made[::100], jumping[::100], atol=1e-5)
    np.testing.assert_allclose(made[50:8000:100], (jumping[0:8000:100] + jumping[100:8100:100]) / 2, atol=1e-5)
    assert np.abs(np.diff(made)).max() <= 0.0101


def test_smooth_random_values_rest_where_they_turn():
    made = noise(way="smooth", rate=10.0)[0]
    assert np.abs(np.diff(made)[99:8000:100]).max() < 0.001


def test_a_new_rate_goes_on_from_where_the_random_values_were():
    node, block = Noise(), Block(64)
    node.prepare(Stream(RATE, 64, 0, True, None), names="x")
    block.start = 640_000
    before = node.process(block, 7.3, "line", 0.0, 1.0)["control"][0, 0]
    block.start += 64
    after = node.process(block, 0.1, "line", 0.0, 1.0)["control"][0, 0]
    assert abs(after - before) < 0.0075


def test_another_seed_gives_other_random_values():
    one, two = (stream(Noise(), params={"names": "a b"}, seed=seed)["control"] for seed in (1, 2))
    assert not np.array_equal(one, two) and not np.array_equal(one[0], one[1])


def test_a_walk_strays_in_a_second_as_far_as_its_speed_says():
    node = Walk()
    names = " ".join(f"w{number}" for number in range(500))
    made = stream(node, params={"names": names, "speed": 0.02}, frames=64000, block=512, sample_rate=RATE)["control"]
    inside = (made.min(axis=1) > 0.1) & (made.max(axis=1) < 0.9)  # those that met no wall
    assert (made[inside, -1] - made[inside, 0]).std() == pytest.approx(0.02, rel=0.15)


def test_a_walk_turns_back_at_its_walls():
    made = stream(Walk(), params={"speed": 10.0, "low": -2.0, "high": 2.0}, frames=64 * 8192, sample_rate=RATE)["control"]
    assert made.min() >= -2.0 and made.max() <= 2.0
    assert made.min() < -1.9 and made.max() > 1.9
