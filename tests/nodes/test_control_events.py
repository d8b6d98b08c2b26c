"""Gate, sample and hold, select, rename, and the One Euro filter."""

import math

import numpy as np
import pytest

from nodes.control_events import Gate, SampleAndHold
from nodes.control_names import Rename, Select
from nodes.control_one_euro import OneEuro
from runtime.errors import NodeError
from tests.drive import stream

RATE = 64000  # a thousand steps in a second
NAMES = ("left_x", "left_y", "right_x")


def row(*values):
    """These values, and the last one up to 64 steps."""
    return np.array([[*values, *[values[-1]] * (64 - len(values))]], np.float32)


def of(node, given, params=None, names=("x",), block=512):
    return stream(node, given, params, names=dict.fromkeys(given, names), sample_rate=RATE, block=block)


def test_a_gate_opens_at_on_and_closes_below_off():
    made = of(Gate(), {"control": row(0.5, 0.6, 0.5, 0.4, 0.39, 0.5, 0.9)}, {"on": 0.6, "off": 0.4})["gate"]
    assert made[0, :7].tolist() == [0, 1, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("block", [64, 512])
def test_a_gate_stays_open_for_its_least_time(block):
    given = np.zeros((1, 64), np.float32)
    given[0, 6] = 1.0
    made = of(Gate(), {"control": given}, {"least": 10.0}, block=block)["gate"][0]
    assert np.flatnonzero(made).tolist() == list(range(6, 16))


def test_sample_and_hold_takes_a_value_whenever_the_gate_opens():
    made = of(SampleAndHold(), {"control": row(*range(8)), "gate": row(0, 0, 1, 1, 0, 0, 1, 1)})["control"]
    assert made[0, :8].tolist() == [0, 0, 2, 2, 2, 2, 6, 6]


def test_following_goes_along_while_the_gate_is_open():
    made = of(SampleAndHold(), {"control": row(*range(8)), "gate": row(0, 0, 1, 1, 0, 0, 1, 1)}, {"mode": "follow"})["control"]
    assert made[0, :8].tolist() == [0, 0, 2, 3, 3, 3, 6, 7]


def test_a_gate_that_does_not_fit_is_refused():
    with pytest.raises(NodeError, match="gate must have one dimension or 3, as control has, got 2"):
        stream(SampleAndHold(), names={"control": NAMES, "gate": ("a", "b")})


def chosen(names, others=False):
    node, given = Select(), np.arange(3, dtype=np.float32)[:, None].repeat(64, 1)
    made = stream(node, {"control": given}, {"names": names, "others": others}, names={"control": NAMES})["control"]
    return made[:, 0].tolist(), node.stream_used.output_names["control"]


def test_select_takes_dimensions_in_the_order_in_which_they_are_written():
    assert chosen("right_x, left_x") == ([2, 0], ("right_x", "left_x"))


def test_a_star_stands_for_any_letters():
    assert chosen("left_*") == ([0, 1], ("left_x", "left_y"))
    assert chosen("*_x left_y") == ([0, 2, 1], ("left_x", "right_x", "left_y"))


def test_select_can_leave_out_what_is_named():
    assert chosen("left_*", others=True) == ([2], ("right_x",))


@pytest.mark.parametrize(
    ("names", "others", "words"),
    [
        ("jaw", False, "names has 'jaw', but there is only left_x, left_y, right_x"),
        ("", False, "names is empty; write which dimensions you want of left_x"),
        ("*", True, "names leaves no dimension of left_x"),
    ],
)
def test_a_choice_of_nothing_is_refused_in_words(names, others, words):
    with pytest.raises(NodeError, match=words):
        chosen(names, others)


def called(names, before=""):
    node = Rename()
    stream(node, {"control": np.zeros((3, 64), np.float32)}, {"names": names, "before": before}, names={"control": NAMES})
    return node.stream_used.output_names["control"]


def test_rename_changes_the_names_that_it_names():
    assert called("left_x=z0 right_x=z1") == ("z0", "left_y", "z1")
    assert called("a b c") == ("a", "b", "c")
    assert called("left_x=right_x", before="my_") == ("my_right_x", "my_left_y", "my_right_x_2")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("a b", "names has 2 names for 3 dimensions"),
        ("jaw=z0", "names has 'jaw', but there is only left_x"),
        ("left_x=z0 b", "names must be old=new for each dimension to rename, got 'b'"),
    ],
)
def test_names_that_do_not_fit_are_refused_in_words(names, words):
    with pytest.raises(NodeError, match=words):
        called(names)


def euro(values, rest, speed, calm):
    """The authors' own filter, value by value (Casiez, Roussel and Vogel 2012, algorithm 1), with the slope of what came in."""

    def share(cutoff):
        tau = 1.0 / (2.0 * math.pi * cutoff)
        return 1.0 / (1.0 + tau * 1000.0)

    last, slope, made, out = values[0], 0.0, values[0], []
    for value in values:
        slope += share(calm) * ((value - last) * 1000.0 - slope)
        made += share(rest + speed * abs(slope)) * (value - made)
        last = value
        out.append(made)
    return np.array(out)


@pytest.mark.parametrize("block", [64, 512])
def test_the_one_euro_filter_is_that_of_its_authors(block):
    values = np.random.default_rng(0).normal(size=64).cumsum().astype(np.float32)
    made = of(OneEuro(), {"control": values[None]}, {"rest": 0.7, "speed": 0.3, "calm": 1.5}, block=block)["control"]
    np.testing.assert_allclose(made[0], euro(values.astype(float), 0.7, 0.3, 1.5), rtol=1e-5)


def test_the_one_euro_filter_calms_what_rests_and_follows_what_moves():
    random, params = np.random.default_rng(0), {"rest": 1.0, "speed": 5.0}
    still = (0.5 + 0.01 * random.standard_normal((1, 1024))).astype(np.float32)
    moving = np.where(np.arange(1024) < 512, 0.0, 10.0).astype(np.float32)[None]
    made = [
        stream(OneEuro(), {"control": given}, params, names={"control": ("x",)}, frames=65536, sample_rate=RATE)["control"]
        for given in (still, moving)
    ]
    assert made[0][0, 100:].std() < 0.2 * still.std()
    assert made[1][0, 512 + 60] > 9.0  # 60 ms after a jump
