"""The formulas of the checks, on signals whose answer is known."""

import numpy as np
import pytest

from runtime.report import checks


def walk(steps, dims, seed=0):
    """A slow random movement, smooth enough to be a gesture."""
    noise = np.random.default_rng(seed).standard_normal((steps + 50, dims))
    return np.array([noise[i : i + 50].mean(0) for i in range(steps)])


def test_two_dimensions_that_move_as_one_are_one_effective_dimension():
    line = np.linspace(0, 1, 100)
    assert checks.effective_dims(np.column_stack([line, 3 * line, np.zeros(100)])) == 1


def test_independent_dimensions_count_each():
    assert checks.effective_dims(np.random.default_rng(0).standard_normal((2000, 5))) == 5


def test_a_gesture_that_rests_has_no_effective_dimension():
    assert checks.effective_dims(np.ones((10, 3))) == 0


def test_the_lag_of_a_sound_that_follows_after_seven_steps_is_found():
    gesture = walk(1200, 3)
    sound = np.roll(gesture @ np.array([[1.0], [-2.0], [0.5]]), 7, axis=0)
    found = checks.causality(gesture, sound, range(20), 0.01)
    assert found.best == pytest.approx(0.07)
    assert found.score > 0.99
    assert found.is_causal


def test_a_sound_that_follows_nothing_is_no_better_than_chance():
    found = checks.causality(walk(1200, 3, seed=1), walk(1200, 2, seed=2), range(20), 0.01)
    assert not found.is_causal


def test_a_performance_shorter_than_ten_times_the_longest_lag_tells_no_lag():
    assert checks.causality(walk(100, 2), walk(100, 1), range(20), 0.01) is None


def test_a_gesture_at_rest_tells_no_lag():
    assert checks.causality(np.ones((1000, 2)), walk(1000, 1), range(5), 0.01) is None


def test_ridge_scores_a_straight_relation_one_and_noise_at_most_zero():
    inputs = np.random.default_rng(0).standard_normal((500, 4))
    assert checks.ridge_score(inputs, inputs @ np.ones((4, 1))) == pytest.approx(1.0, abs=1e-3)
    assert checks.ridge_score(inputs, np.random.default_rng(1).standard_normal((500, 2))) < 0.02


def test_the_discrepancy_of_two_pairs_of_points_is_that_of_the_formula():
    # Kernel exp(-d^2 / 2): within each pair d = 1, across d = 0, 1, 1, 2 from {0, 1} and {0 + 1, 1 + 1} on a line.
    one, two = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    within, across = np.exp(-0.5), (np.exp(-0.5) + np.exp(-2.0) + 1.0 + np.exp(-0.5)) / 4
    assert checks.discrepancy(one, two, 1.0) == pytest.approx(2 * within - 2 * across)


def test_more_of_the_same_covers_the_corpus_and_something_else_does_not():
    generator = np.random.default_rng(0)
    corpus = generator.standard_normal((120, 6))
    same = checks.coverage(generator.standard_normal((60, 6)), corpus)
    other = checks.coverage(generator.standard_normal((60, 6)) + 2.0, corpus)
    assert abs(same.excess) < 0.02 < 0.1 < other.excess
    assert other.distance > other.bound


def test_a_single_passage_tells_no_coverage():
    assert checks.coverage(np.zeros((1, 3)), np.zeros((10, 3))) is None


def test_renders_that_are_the_same_each_time_score_zero():
    assert checks.repeatability([np.zeros((3, 2)), np.ones((3, 2))]) == 0.0


def test_renders_as_different_as_other_anchors_score_one():
    # Both anchors give 0 and 2: within each 2; across 0, 2, 2, 0 with median 1... so a third render makes the medians equal.
    one = np.array([[0.0], [1.0], [2.0]])
    assert checks.repeatability([one, one]) == pytest.approx(1.0)


def test_one_anchor_tells_no_repeatability():
    assert checks.repeatability([np.zeros((3, 2))]) is None


def test_a_straight_way_is_one_and_a_detour_over_a_corner_more():
    assert checks.straightness(np.zeros(2), np.ones(2), lambda g: g) == pytest.approx(1.0)
    # Along x first and then up y: from (0, 0) over (1, 0) to (1, 1), a path of 2 over a chord of the root of 2.
    corner = checks.straightness(
        np.zeros(1), np.ones(1), lambda g: np.column_stack([np.minimum(2 * g[:, 0], 1), np.maximum(2 * g[:, 0] - 1, 0)])
    )
    assert corner == pytest.approx(np.sqrt(2.0))


def test_a_way_that_ends_where_it_began_has_no_length_to_compare_with():
    assert checks.straightness(np.zeros(1), np.ones(1), lambda g: np.zeros((len(g), 2))) is None


def test_jitter_is_the_trembling_as_a_part_of_the_reach():
    # Two gestures around 0 and 10 that tremble by 1: the answers' reach is 5, so a fifth.
    held = [np.array([[-1.0], [1.0]]), np.array([[9.0], [11.0]])]
    assert checks.jitter(held, lambda g: g) == pytest.approx(0.2)
