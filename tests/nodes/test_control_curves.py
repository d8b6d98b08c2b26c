"""Curves from tables, and the sequencer of points."""

import numpy as np
import pytest

from nodes.control_curves import Curve, Sequencer
from runtime.errors import NodeError
from tests.drive import stream

RATE = 64000  # a thousand steps in a second


def played(folder, text, *, frames=64 * 1024, **params):
    (folder / "curve.csv").write_text(text)
    node = Curve()
    made = stream(node, params={"path": "curve.csv", **params}, folder=folder, frames=frames, sample_rate=RATE)["control"]
    return made, node.stream_used.output_names["control"]


def test_a_curve_goes_in_straight_lines_from_moment_to_moment(tmp_path):
    made, names = played(tmp_path, "seconds,jaw,gravel\n0,0,5\n0.1,1,5\n0.3,0,7\n")
    assert names == ("jaw", "gravel")
    assert made[0, [0, 50, 100, 200, 300, 900]].tolist() == pytest.approx([0, 0.5, 1, 0.5, 0, 0])
    assert made[1, [0, 50, 100, 200, 300, 900]].tolist() == pytest.approx([5, 5, 5, 6, 7, 7])


def test_a_curve_begins_with_its_first_moment_whenever_that_was(tmp_path):
    assert played(tmp_path, "t,x\n7,1\n8,2\n")[0][0, [0, 500]].tolist() == pytest.approx([1, 1.5])


def test_a_curve_can_begin_again_and_be_faster(tmp_path):
    table = "seconds,x\n0,0\n0.2,2\n"
    assert played(tmp_path, table, loop=True)[0][0, [100, 300]].tolist() == pytest.approx([1, 1], abs=1e-4)
    assert played(tmp_path, table, speed=2.0)[0][0, [50, 300]].tolist() == pytest.approx([1, 2], abs=1e-4)


def test_a_cell_without_a_number_has_the_value_between_its_neighbours(tmp_path):
    made, _ = played(tmp_path, "seconds,x,y\n0,0,\n0.1,oops,3\n0.2,2\n")
    assert made[0, 100] == pytest.approx(1.0) and (made[1] == 3.0).all()


def test_a_table_of_one_line_stays_where_it_is(tmp_path):
    assert (played(tmp_path, "seconds,x\n3,4\n", loop=True)[0] == 4.0).all()


@pytest.mark.parametrize("block", [64, 2048])
def test_a_curve_is_the_same_at_every_block_length(tmp_path, block):
    (tmp_path / "c.csv").write_text("seconds,x\n0,0\n0.01,2\n0.05,-3\n")
    params = {"path": "c.csv", "loop": True, "speed": 1.3}
    made = [
        stream(Curve(), params=params, folder=tmp_path, block=size, frames=16384, sample_rate=RATE)["control"]
        for size in (512, block)
    ]
    np.testing.assert_allclose(made[1], made[0], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must have a line of names and lines of numbers"),
        ("seconds\n1\n", "must have a line of names and lines of numbers"),
        ("seconds,x\nlater,more\n", "holds no numbers below its first line"),
        ("seconds,x\n0,1\n2,1\n1,5\n", "must rise from line to line; see line 4"),
    ],
)
def test_a_table_that_is_none_is_refused_in_words(tmp_path, text, words):
    with pytest.raises(NodeError, match=words):
        played(tmp_path, text)


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NodeError, match="cannot be read"):
        stream(Curve(), params={"path": "none.csv"}, folder=tmp_path)
    with pytest.raises(NodeError, match="choose a table to play"):
        stream(Curve(), folder=tmp_path)


def points(next=None, steps=1024, **params):
    inputs = {"next": next} if next is not None else {}
    return stream(
        Sequencer(),
        inputs,
        {"names": "x", "points": "0; 1; 3", **params},
        frames=64 * steps,
        sample_rate=RATE,
        names={"next": ("go",)} if next is not None else {},
    )["control"]


def test_a_sequence_jumps_from_point_to_point_in_time():
    made = points(rate=10.0, glide=0.0)[0]
    assert made[[0, 98, 150, 250, 350, 450]].tolist() == [0, 0, 1, 3, 0, 1]


def test_a_sequence_glides_in_a_straight_line_and_then_rests():
    made = points(rate=10.0, glide=0.05)[0]
    # It sets out with the hundredth step, and the first step of the way is one fiftieth of it.
    assert made[[99, 123, 148, 160]].tolist() == pytest.approx([0.02, 0.5, 1, 1])


def test_a_glide_that_is_cut_short_goes_on_from_where_it_is():
    made = points(rate=10.0, glide=0.2)[0]
    assert np.abs(np.diff(made)).max() <= 3.0 / 200 + 1e-6


@pytest.mark.parametrize(
    ("order", "expected"),
    [("forwards", [0, 1, 3, 0, 1, 3]), ("backwards", [0, 3, 1, 0, 3, 1]), ("there and back", [0, 1, 3, 1, 0, 1])],
)
def test_the_order_of_the_points(order, expected):
    assert points(rate=10.0, glide=0.0, order=order)[0, 50:650:100].tolist() == expected


def test_in_random_order_no_point_follows_itself():
    made = points(rate=100.0, glide=0.0, order="random")[0, 5::10]
    assert (np.diff(made) != 0).all() and set(made.tolist()) == {0, 1, 3}


def test_next_goes_one_further_each_time_it_rises():
    go = np.zeros((1, 1024), np.float32)
    go[0, 100:200] = go[0, 300:310] = 1.0
    made = points(go, rate=0.0, glide=0.0)[0]
    assert made[[99, 100, 250, 299, 300, 1000]].tolist() == [0, 1, 1, 1, 3, 3]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"points": ""}, "points is empty"),
        ({"points": "1 2; 3"}, "each point must be 1 numbers, one for each name, got '1 2'"),
        ({"points": "high"}, "each point must be 1 numbers, one for each name, got 'high'"),
        ({"names": ""}, "names is empty"),
    ],
)
def test_points_that_are_none_are_refused_in_words(params, words):
    with pytest.raises(NodeError, match=words):
        points(**params)
