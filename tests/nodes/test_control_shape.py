"""Scale, calibrate, maths, summary and speed."""

import numpy as np
import pytest

from nodes.control_shape import SUMMARIES, Calibrate, Maths, Scale, Speed, Summary
from runtime.errors import NodeError
from tests.drive import stream

RATE = 64000  # a thousand steps in a second


def row(*values):
    """These values, and the last one up to 64 steps."""
    return np.array([[*values, *[values[-1]] * (64 - len(values))]], np.float32)


def of(node, given, params, names=("x",)):
    return stream(node, {"control": given}, params, names={"control": names}, sample_rate=RATE)


def test_a_scale_moves_one_range_to_another():
    made = of(Scale(), row(2, 3, 4), {"in_low": 2.0, "in_high": 4.0, "out_low": 10.0, "out_high": -10.0})["control"]
    assert made[0, :3].tolist() == [10, 0, -10]


def test_a_scale_stays_within_its_range_unless_told_otherwise():
    assert of(Scale(), row(-1, 2), {})["control"][0, :2].tolist() == [0, 1]
    assert of(Scale(), row(-1, 2), {"clamp": False})["control"][0, :2].tolist() == [-1, 2]


def test_a_bent_scale_begins_slowly():
    assert of(Scale(), row(0.5, -0.5), {"bend": 2.0, "clamp": False})["control"][0, :2].tolist() == [0.25, -0.25]


def test_a_scale_without_a_way_between_its_ends_is_at_its_beginning():
    assert (of(Scale(), row(5), {"in_low": 1.0, "in_high": 1.0, "out_low": 3.0})["control"] == 3.0).all()


def test_what_is_seen_becomes_the_range():
    made = of(Calibrate(), row(2, 4, 3, 0, 2), {})["control"][0]
    # At first there is no range; then 2..4; then 0..4.
    assert made[:5].tolist() == pytest.approx([0, 1, 0.5, 0, 0.5])


def test_a_range_that_is_not_learnt_any_more_stays():
    node = Calibrate()
    of(node, row(0, 10), {})
    from runtime.node import Block

    assert node.process(Block(64), np.array([[20]], np.float32), False, 0.0, 1.0, 0.02)["control"][0, 0] == 1.0
    assert node.process(Block(64), np.array([[5]], np.float32), False, 0.0, 1.0, 0.02)["control"][0, 0] == 0.5
    # Switched on again it begins anew.
    assert node.process(Block(64), np.array([[5]], np.float32), True, 0.0, 1.0, 0.02)["control"][0, 0] == 0.0


def test_trembling_is_not_stretched_over_the_whole_range():
    made = of(Calibrate(), row(0.5, 0.501, 0.5), {"least": 0.02})["control"][0]
    assert made[1] == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("add", [1, -1]),
        ("subtract", [5, 3]),
        ("multiply", [-6, -2]),
        ("divide", [-1.5, -0.5]),
        ("minimum", [-2, -2]),
        ("maximum", [3, 1]),
        ("distance", [5, 3]),
        ("remainder", [-1, -1]),
        ("power", [1 / 9, 1]),
        ("absolute", [3, 1]),
        ("root", [3**0.5, 1]),
        ("sine", [0, 0]),
        ("round", [3, 1]),
    ],
)
def test_maths_with_a_number(operation, expected):
    made = stream(Maths(), {"a": row(3, 1)}, {"operation": operation, "value": -2.0}, names={"a": ("x",)})["control"]
    assert made[0, :2].tolist() == pytest.approx(expected, abs=1e-6)


def test_maths_of_two_controls_goes_dimension_by_dimension_and_one_serves_all():
    a = np.array([[1.0], [2.0]], np.float32).repeat(64, 1)
    b = np.array([[10.0], [20.0]], np.float32).repeat(64, 1)
    names = {"a": ("x", "y"), "b": ("x", "y")}
    assert stream(Maths(), {"a": a, "b": b}, names=names)["control"][:, 0].tolist() == [10, 40]
    names = {"a": ("x", "y"), "b": ("x",)}
    assert stream(Maths(), {"a": a, "b": b[:1]}, names=names)["control"][:, 0].tolist() == [10, 20]


def test_maths_of_controls_that_do_not_fit_says_so():
    with pytest.raises(NodeError, match="b must have one dimension or 3, as a has, got 2"):
        stream(Maths(), names={"a": ("x", "y", "z"), "b": ("x", "y")})


@pytest.mark.parametrize("operation", ["divide", "remainder"])
def test_a_division_by_0_gives_a_number(operation):
    made = stream(Maths(), {"a": row(3, 1)}, {"operation": operation, "value": 0.0}, names={"a": ("x",)})["control"]
    assert made[0, :2].tolist() == ([0, 0] if operation == "divide" else [3, 1])


def test_a_result_that_is_too_large_stays_a_number():
    made = stream(Maths(), {"a": row(1e30)}, {"operation": "power", "value": 9.0}, names={"a": ("x",)})["control"]
    assert np.isfinite(made).all() and made[0, 0] == np.float32(1e30)


def test_a_summary_makes_one_number_of_all_dimensions():
    given = np.array([[3.0], [-4.0]], np.float32).repeat(64, 1)
    expected = {"mean": -0.5, "sum": -1, "largest": 3, "smallest": -4, "length": 5, "spread": 7}
    made = {word: float(of(Summary(), given, {"of": word}, ("x", "y"))["control"][0, 0]) for word in SUMMARIES}
    assert made == expected


def test_a_steady_movement_has_its_slope_whatever_the_window():
    ramp = np.stack([np.arange(1024) * 0.003, np.arange(1024) * -0.004]).astype(np.float32)
    for window in (10.0, 100.0):
        node = Speed()
        made = stream(node, {"control": ramp}, {"window": window}, names={"control": ("x", "y")}, sample_rate=RATE, frames=65536)
        assert made["slope"][:, -1].tolist() == pytest.approx([3.0, -4.0], rel=1e-3)
        assert made["speed"][0, -1] == pytest.approx(5.0, rel=1e-3)
    assert node.stream_used.output_names == {"slope": ("x_slope", "y_slope"), "speed": ("speed",)}


def test_a_movement_in_pictures_has_a_steady_slope_over_whole_pictures():
    # A camera of 25 pictures a second: forty steps each.
    pictures = np.repeat(np.arange(30) * 0.1, 40)[None, :1024].astype(np.float32)
    node = Speed()
    made = stream(node, {"control": pictures}, {"window": 120.0}, names={"control": ("x",)}, sample_rate=RATE, frames=65536)
    np.testing.assert_allclose(made["slope"][0, 200:], 2.5, rtol=1e-3)


def test_what_stands_still_has_no_speed_from_the_first_step_on():
    assert not of(Speed(), row(7), {})["slope"].any()
