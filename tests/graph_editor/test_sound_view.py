"""The wave and the spectrum of a block, on tones whose levels are known."""

import numpy as np
import pytest

from graph_editor.views.sound import BANDS, HIGH, LOW, Spectrum, trigger

RATE = 44100.0


def tone(hertz, frames=512, level=1.0):
    return (level * np.sin(2 * np.pi * hertz / RATE * np.arange(frames))).astype(np.float32)[None]


def middle(band):
    edges = np.geomspace(LOW, HIGH, BANDS + 1)
    return float(np.sqrt(edges[band] * edges[band + 1]))


@pytest.mark.parametrize("frames", [64, 512, 4096])
@pytest.mark.parametrize("hertz", [2000.0, 10000.0])
def test_a_tone_is_highest_in_its_own_band_at_its_own_level(hertz, frames):
    levels = Spectrum(frames, RATE).of(tone(hertz, frames, 0.1))
    assert levels.max() == pytest.approx(-20.0, abs=1.5)
    assert abs(middle(int(levels.argmax())) - hertz) <= max(0.1 * hertz, RATE / frames)


def test_nothing_is_shown_above_half_the_sample_rate():
    levels = Spectrum(256, 16000.0).of(np.random.default_rng(0).normal(size=(1, 256)).astype(np.float32))
    assert all(levels[band] == pytest.approx(-120.0) for band in range(BANDS) if middle(band) > 8000.0)
    assert levels[[band for band in range(BANDS) if middle(band) < 7000.0]].min() > -60.0


def test_a_wave_is_shown_from_its_first_rise_through_zero_where_enough_of_it_is_left():
    wave = -tone(441.0)[0]  # falls first; 100 frames a period, so it rises after 50
    assert trigger(wave, 300) == 50
    assert trigger(wave, 500) == 0
    assert trigger(np.zeros(512, np.float32), 300) == 0
