"""Compressor and limiter."""

import math

import numpy as np
import pytest

from nodes.sound_dynamics import Compressor, Limiter, lowest, softer
from tests.drive import stream

RATE = 44100
SECOND = 86 * 512


def steady(level, frames=SECOND):
    """A sound that is as loud in every frame, in dB."""
    return np.full((1, frames), 10 ** (level / 20), np.float32)


def levels(sound):
    return 20 * np.log10(np.maximum(np.abs(sound), 1e-9))


def test_above_the_threshold_ratio_db_more_come_out_as_one():
    assert softer(np.array([-30.0, -8.0, 0.0]), -20.0, 4.0).tolist() == pytest.approx([0.0, -9.0, -15.0])


def test_around_the_threshold_the_compressor_begins_softly():
    found = softer(np.linspace(-23.0, -17.0, 601), -20.0, 2.0)
    assert found[0] == 0.0 and found[-1] == pytest.approx(-1.5) and found[300] == pytest.approx(-0.375)
    assert (np.diff(found, 2) < 1e-9).all()


def compressed(sound, **params):
    params = {"threshold": -20.0, "ratio": 4.0, "attack": 10.0, "release": 100.0, **params}
    return stream(Compressor(), {"audio": sound}, params, frames=sound.shape[1])


def test_a_steady_sound_is_as_much_softer_as_its_curve_says():
    made = compressed(steady(-8.0))
    assert levels(made["audio"])[0, -1] == pytest.approx(-17.0, abs=0.01)
    assert made["reduction"][0, -1] == pytest.approx(-9.0, abs=0.01)
    assert levels(compressed(steady(-30.0), gain=6.0)["audio"])[0, -1] == pytest.approx(-24.0, abs=0.01)


def test_attack_and_release_have_gone_63_percent_of_the_way_in_their_time():
    sound = np.concatenate([steady(-8.0), steady(-60.0)], axis=1)
    made = compressed(sound)
    reduction = levels(made["audio"])[0] - levels(sound)[0]
    assert reduction[441] == pytest.approx(-9.0 * (1 - math.exp(-1)), abs=0.05)
    assert reduction[SECOND + 4410] == pytest.approx(-9.0 * math.exp(-1), abs=0.05)


def test_a_key_decides_how_loud_it_is():
    made = stream(Compressor(), {"audio": steady(-40.0), "key": steady(-8.0)}, {"threshold": -20.0}, frames=SECOND)["audio"]
    assert levels(made)[0, -1] == pytest.approx(-49.0, abs=0.05)


def limited(sound, **params):
    return stream(Limiter(), {"audio": sound}, {"ceiling": -6.0, "ahead": 2.0, **params}, frames=sound.shape[1])["audio"]


def test_nothing_is_ever_louder_than_the_ceiling_and_what_is_softer_stays():
    random = np.random.default_rng(0)
    sound = (random.standard_normal((2, SECOND)) * np.exp(random.uniform(-6, 1.5, (1, SECOND // 512))).repeat(512, 1)).astype(
        np.float32
    )
    made = limited(sound)
    assert np.abs(made).max() <= 10 ** (-6 / 20) * (1 + 1e-6) and np.abs(made).max() > 0.45
    soft = sound * np.float32(0.4 / np.abs(sound).max())
    late = 88  # 2 ms, the time that it hears ahead
    np.testing.assert_allclose(limited(soft)[:, late:], soft[:, :-late], atol=1e-6)


def test_a_single_peak_is_met_exactly_and_the_way_there_is_straight():
    sound = np.full((1, 4096), 0.1, np.float32)
    sound[0, 2000] = 1.0
    made = limited(sound, release=1000.0)[0]
    assert made[2088] == pytest.approx(10 ** (-6 / 20), abs=1e-4)
    assert np.abs(np.diff(made[2000:2088])).max() < 0.1 * 6 / 20 * math.log(10) / 88 * 1.1  # 6 dB in 88 equal parts


def test_a_limiter_recovers_by_10_db_in_its_release():
    sound = np.concatenate([steady(14.0, 8192), steady(-20.0, 32768)], axis=1)
    made = levels(limited(sound, release=100.0)[0])
    reduction = made[88:] + np.where(np.arange(len(made) - 88) < 8192, -14.0, 20.0)
    assert reduction[8000] == pytest.approx(-20.0, abs=0.01)
    # The window of the mean is passed first, and half of it delays the slope.
    assert reduction[8192 + 4410] == pytest.approx(-10.0, abs=0.15)


def test_a_limiter_tells_how_late_it_is():
    node = Limiter()
    stream(node, {"audio": steady(0.0, 512)}, {"ahead": 5.0}, frames=512)
    assert node.stream_used.latency == 220


@pytest.mark.parametrize("window", [1, 2, 3, 8, 89])
def test_the_lowest_of_each_window(window):
    values = np.random.default_rng(0).standard_normal(300)
    expected = [values[at : at + window].min() for at in range(300 - window + 1)]
    np.testing.assert_array_equal(lowest(values, window), expected)
