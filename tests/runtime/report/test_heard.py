"""Descriptors of signals whose answer is known."""

import numpy as np
import pytest

from runtime.report import heard

RATE = 44100


def sine(frequency, level=1.0, seconds=1.0):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_a_full_sine_has_minus_three_dbfs_and_its_own_frequency_as_centroid():
    found = heard.descriptors(sine(1000.0), RATE, 512)[8:]
    assert found[:, 0] == pytest.approx(-3.01, abs=0.1)
    assert 2 ** found[:, 1] == pytest.approx(1000.0, rel=0.01)


def test_noise_is_flatter_than_a_tone():
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert heard.descriptors(noise, RATE, 512)[10, 2] > -4.0
    assert heard.descriptors(sine(440.0), RATE, 512)[10, 2] < -30.0


def test_silence_keeps_the_colour_that_was_before_it():
    sound = np.concatenate([sine(1000.0), np.zeros(RATE, np.float32)])
    found = heard.descriptors(sound, RATE, 512)
    assert 2 ** found[-1, 1] == pytest.approx(2 ** found[80, 1], rel=0.3)
    assert found[-1, 0] < heard.SILENT


def test_pure_silence_is_finite():
    assert np.isfinite(heard.descriptors(np.zeros(RATE, np.float32), RATE, 512)).all()


def test_a_spectrum_knows_nothing_of_what_comes_after_its_step():
    later = np.concatenate([sine(1000.0), np.zeros(1024, np.float32)])
    changed = later.copy()
    changed[RATE:] = 1.0
    steps = RATE // 512
    assert np.array_equal(heard.descriptors(later, RATE, 512)[:steps], heard.descriptors(changed, RATE, 512)[:steps])


def test_passages_are_whole_seconds_and_the_rest_counts_for_nothing():
    assert heard.passages(sine(440.0, seconds=2.7), RATE).shape == (2, 2 * heard.BANDS)
    assert heard.passages(sine(440.0, seconds=0.5), RATE).shape == (0, 2 * heard.BANDS)


def test_two_passages_of_one_tone_have_the_same_colour_and_another_tone_has_not():
    low, high = heard.passages(sine(220.0, seconds=2.0), RATE), heard.passages(sine(3520.0), RATE)
    assert np.abs(low[0] - low[1]).max() < 6.0  # the first second begins with a step out of silence
    assert np.abs(low[1] - high[0]).max() > 30.0
