"""The measures, on sounds whose answer is known."""

import numpy as np
import pytest

from runtime import measures

RATE = 44100
NOISE = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)


def test_a_sound_is_no_distance_from_itself_even_late():
    assert measures.spectral_distance(NOISE, NOISE) == 0.0
    late = np.concatenate([np.zeros(2 * measures.LAG, np.float32), NOISE])[: len(NOISE)]
    assert measures.spectral_distance(NOISE, late) == pytest.approx(0.0, abs=1e-6)


def test_another_sound_is_farther_away_than_a_softer_one():
    other = (0.1 * np.random.default_rng(1).standard_normal(RATE)).astype(np.float32)
    assert measures.spectral_distance(NOISE, other) > measures.spectral_distance(NOISE, 0.9 * NOISE) > 0.0


def test_a_sound_shorter_than_a_spectrum_has_no_distance():
    assert np.isnan(measures.spectral_distance(NOISE[:100], NOISE[:100]))


def test_white_noise_has_most_of_its_energy_above_4_khz():
    # 4 of 22.05 kHz lie below, so the share above is 10 log10(1 - 4 / 22.05).
    assert measures.bright_share(NOISE, RATE) == pytest.approx(10 * np.log10(1 - 4 / 22.05), abs=0.1)


def test_the_level_of_a_full_sine_is_minus_three_decibels_and_silence_is_finite():
    assert measures.level(np.sin(np.arange(RATE) * 0.1)) == pytest.approx(-3.01, abs=0.05)
    assert measures.level(np.zeros(10)) == -120.0
    assert measures.bright_share(np.zeros(100), RATE) == -120.0
