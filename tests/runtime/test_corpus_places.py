"""Where sounds lie on a map: brighter to the right, louder above, outliers held in."""

import numpy as np
import pytest

from runtime.corpus_places import arranged, place


def test_what_is_brighter_lies_to_the_right_and_what_is_louder_above():
    features = np.random.default_rng(2).normal(size=(200, 15)) * 0.05
    bright, loud = np.random.default_rng(3).normal(size=(2, 200))
    features[:, 1:8] += bright[:, None]
    features[:, 0] += loud
    features[:, 8:12] += loud[:, None]
    points = place(features)
    assert np.corrcoef(points[:, 0], bright)[0, 1] > 0.9
    assert np.corrcoef(points[:, 1], loud)[0, 1] > 0.9
    assert points.min() >= 0.0
    assert points.max() <= 1.0


def test_equal_sounds_lie_at_one_place_and_what_could_not_be_described_at_none():
    features = np.ones((4, 15))
    features[2] = np.nan
    points = place(features)
    np.testing.assert_array_equal(points[[0, 1, 3]], 0.5)
    assert np.isnan(points[2]).all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_map_of_hardly_any_slices_is_a_map(count):
    points = place(np.arange(count * 15.0).reshape(count, 15))
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()


def test_axes_that_lie_crosswise_are_turned_until_brighter_is_right_and_louder_is_above():
    bright, loud = np.random.default_rng(4).normal(size=(2, 100))
    points = arranged(np.column_stack([-loud, -bright]), bright, loud)
    assert np.corrcoef(points[:, 0], bright)[0, 1] > 0.9
    assert np.corrcoef(points[:, 1], loud)[0, 1] > 0.9


def test_an_outlier_does_not_press_the_others_into_a_corner():
    axes = np.random.default_rng(5).normal(size=(300, 2))
    axes[0] = 1e6
    points = arranged(axes, axes[:, 0], axes[:, 1])
    assert np.ptp(points[1:], axis=0).min() > 0.9
