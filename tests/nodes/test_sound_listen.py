"""Envelope follower, descriptors and analyser: known sounds have known numbers."""

import math

import numpy as np
import pytest

from nodes.sound_analysis import note_of, period_of
from nodes.sound_listen import Analyser, Descriptors, EnvelopeFollower
from tests.drive import stream

RATE = 44100
SECOND = 86 * 512


def tone(hertz, level=0.5, frames=SECOND, rate=RATE):
    return (level * np.sin(2 * np.pi * hertz * np.arange(frames) / rate)).astype(np.float32)[None]


def noise(frames=SECOND):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (1, frames)).astype(np.float32)


def voiced(hertz, frames=SECOND):
    """Twenty partials, as of a voice or a string."""
    return sum(tone(hertz * k, 0.3 / k, frames) for k in range(1, 21) if hertz * k < 20000)


def followed(sound, **params):
    return stream(EnvelopeFollower(), {"audio": sound}, params, frames=sound.shape[1])["envelope"][0]


def test_an_envelope_is_0_at_the_floor_and_1_at_full_scale():
    made = [followed(np.full((1, SECOND), 10 ** (level / 20), np.float32))[-1] for level in (0.0, -30.0, -60.0, -90.0)]
    assert made == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-4)


def test_as_strength_an_envelope_is_the_rms():
    made = followed(tone(689.0625), scale="strength", attack=0.0, release=0.0)  # a whole wave in each step
    np.testing.assert_allclose(made, 0.5 / 2**0.5, rtol=1e-3)


def test_an_envelope_rises_in_its_attack_and_falls_in_its_release():
    sound = np.zeros((1, 2 * SECOND), np.float32)
    sound[0, :SECOND] = 1.0
    made = followed(sound, attack=50.0, release=200.0)
    steps = RATE / 64 / 1000
    assert made[round(50 * steps) - 1] == pytest.approx(1 - math.exp(-1), abs=0.01)
    assert made[SECOND // 64 + round(200 * steps) - 1] == pytest.approx(math.exp(-1), abs=0.01)


def heard(sound, rate=RATE):
    node = Descriptors()
    made = stream(node, {"audio": sound}, frames=sound.shape[1], sample_rate=rate)["descriptors"]
    names = node.stream_used.output_names["descriptors"]
    return dict(zip(names, made, strict=True))


@pytest.mark.parametrize("hertz", [65.0, 110.0, 220.0, 441.7, 950.0])
@pytest.mark.parametrize("sound", [tone, voiced])
def test_the_pitch_of_a_tone_is_its_note(hertz, sound):
    made = heard(sound(hertz))
    np.testing.assert_allclose(made["pitch"][80:], note_of(hertz), atol=0.1)
    assert made["voicing"][80:].min() > 0.9


def test_a_pitch_is_found_at_other_sample_rates_too():
    for rate in (22050, 48000, 96000):
        made = heard(tone(220.0, rate=rate), rate)
        assert made["pitch"][-1] == pytest.approx(57.0, abs=0.1)


def test_noise_has_no_pitch_and_keeps_the_last_one():
    made = heard(np.concatenate([tone(220.0), noise()], axis=1))
    assert made["voicing"][-100:].max() < 0.6
    np.testing.assert_allclose(made["pitch"][-600:], 57.0, atol=1.0)


def test_the_centroid_of_a_tone_is_the_tone_and_that_of_noise_is_its_middle():
    assert heard(tone(1000.0))["centroid"][-1] == pytest.approx(note_of(1000.0), abs=0.05)
    assert heard(noise())["centroid"][-100:].mean() == pytest.approx(note_of(RATE / 4), abs=1.0)


def test_flatness_tells_a_tone_from_noise():
    assert heard(tone(440.0))["flatness"][-1] < 0.01 and heard(noise())["flatness"][-100:].mean() > 0.4


def test_loudness_is_the_level_in_db():
    assert heard(tone(440.0, 1.0))["loudness"][-1] == pytest.approx(-3.01, abs=0.1)
    assert heard(0 * noise())["loudness"][-1] == -70.0


def test_each_stroke_is_one_onset_and_a_held_tone_has_none():
    sound = np.zeros((1, 4 * SECOND), np.float32)
    begins = [10_000, 40_000, 90_000, 130_000]
    for begin in begins:
        length = sound.shape[1] - begin
        sound[0, begin:] += (tone(330.0, 0.5, length)[0] * np.exp(-np.arange(length) / 4000)).astype(np.float32)
    onset = heard(sound)["onset"]
    rises = np.flatnonzero(np.diff(onset) > 0) + 1
    assert len(rises) == len(begins)
    late = rises * 64 - np.array(begins)
    assert late.min() >= 0 and late.max() < 1600  # at most three looks, 36 ms
    assert not heard(tone(330.0))["onset"][100:].any()


def test_in_silence_brightness_and_pitch_stay_where_they_were():
    made = heard(np.concatenate([tone(330.0), np.zeros((1, SECOND), np.float32)], axis=1))
    assert made["pitch"][-1] == pytest.approx(note_of(330.0), abs=0.2) and made["voicing"][-1] == 0.0
    assert made["loudness"][-1] == -70.0


def test_a_period_between_two_frames_is_found():
    frames = np.sin(2 * np.pi * np.arange(2048) / 100.3)
    period, exact = period_of(frames, 44, 735)
    assert period == pytest.approx(100.3, abs=0.02) and exact > 0.99


def test_the_analyser_tells_the_level_of_each_octave():
    node = Analyser()
    made = stream(node, {"audio": tone(1000.0, 1.0)}, frames=SECOND)
    names = node.stream_used.output_names["levels"]
    levels = dict(zip(names, made["levels"][:, -1].tolist(), strict=True))
    assert levels["band_1000"] == pytest.approx(0.0, abs=0.2) and levels["level"] == pytest.approx(-3.0, abs=0.1)
    assert max(levels[name] for name in names if name not in ("level", "centroid", "band_1000")) < -40.0
    np.testing.assert_array_equal(made["audio"], tone(1000.0, 1.0))
