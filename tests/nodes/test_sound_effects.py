"""Noise, filter, delay, reverb and crossfade: numbers by hand, and no clicks."""

import math

import numpy as np
import pytest
from scipy.signal import sosfilt

from nodes.sound_delay import Delay
from nodes.sound_fade import Crossfade
from nodes.sound_filter import Filter
from nodes.sound_noise import COLOURS, Noise
from nodes.sound_reverb import Reverb, primes_near
from runtime.node import Block, Stream
from tests.drive import stream

RATE = 44100
SECOND = 86 * 512


def noise(channels=1, frames=SECOND, seed=1):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, frames)).astype(np.float32)


def impulse(frames, channels=1):
    sound = np.zeros((channels, frames), np.float32)
    sound[:, 0] = 1.0
    return sound


def rms(sound):
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean()))


# Noise


@pytest.mark.parametrize("colour", COLOURS)
def test_noise_of_every_colour_is_as_strong_as_its_level(colour):
    made = stream(Noise(), params={"colour": colour, "level": 0.2, "channels": 2}, frames=20 * SECOND)["audio"]
    assert rms(made[0]) == pytest.approx(0.2, rel=0.1) and rms(made[1]) == pytest.approx(0.2, rel=0.1)
    assert abs(np.corrcoef(made)[0, 1]) < 0.1


@pytest.mark.parametrize(("colour", "slope"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_noise_falls_by_its_decibels_an_octave(colour, slope):
    made = stream(Noise(), params={"colour": colour}, frames=20 * SECOND)["audio"][0]
    power = np.square(np.abs(np.fft.rfft(made)))
    hertz = np.fft.rfftfreq(len(made), 1 / RATE)
    levels = [10 * math.log10(power[(hertz >= low) & (hertz < 2 * low)].mean()) for low in (100, 200, 400, 800, 1600, 3200)]
    assert np.polyfit(range(6), levels, 1)[0] == pytest.approx(slope, abs=0.2)


# Filter


def slowly(sound, mode, cutoff, resonance):
    """The filter as its source writes it, frame by frame."""
    k, low, band, out = 2.0 * 80.0**-resonance, 0.0, 0.0, []
    for x, hertz in zip(sound.astype(np.float64), np.broadcast_to(cutoff, len(sound)), strict=True):
        g = math.tan(math.pi * hertz / RATE)
        v1 = (band + g * (x - low)) / (1.0 + g * (g + k))
        v2 = low + g * v1
        band, low = 2.0 * v1 - band, 2.0 * v2 - low
        out.append({"low": v2, "high": x - k * v1 - v2, "band": k * v1, "notch": x - k * v1}[mode])
    return np.array(out)


def played(given, cutoffs, resonance=0.5, mode="low", block=512):
    node, made = Filter(), []
    node.prepare(Stream(RATE, block, 0, True, None), mode=mode)
    for number, cutoff in enumerate(cutoffs):
        made.append(node.process(Block(block), given[:, number * block : (number + 1) * block], None, cutoff, resonance)["audio"])
    return np.concatenate(made, axis=1)


@pytest.mark.parametrize("mode", ["low", "high", "band", "notch"])
def test_a_filter_is_that_of_its_source_at_rest_and_while_it_moves(mode):
    sound = noise(2, 2048)
    ramp = np.geomspace(300, 9000, 512).astype(np.float32)
    made = played(sound, [300.0, ramp, 9000.0, 9000.0], mode=mode)
    cutoff = np.concatenate([np.full(512, 300.0), ramp, np.full(1024, 9000.0)])
    for channel in range(2):
        np.testing.assert_allclose(made[channel], slowly(sound[channel], mode, cutoff, 0.5), atol=1e-6)


@pytest.mark.parametrize(("mode", "at"), [("low", -3.01), ("high", -3.01), ("band", 0.0), ("notch", -120.0)])
def test_a_filter_without_ringing_has_its_level_at_the_cutoff(mode, at):
    flat = math.log(2.0**0.5) / math.log(80.0)  # Q is the square root of one half
    made = stream(Filter(), {"audio": impulse(16384)}, {"mode": mode, "cutoff": 1000.0, "resonance": flat}, frames=16384)
    response = abs(np.exp(-2j * np.pi * 1000.0 / RATE * np.arange(16384)) @ made["audio"][0].astype(np.float64))
    assert 20 * math.log10(max(response, 1e-6)) == pytest.approx(at, abs=0.02 if at > -100 else 70)


def test_full_resonance_rings_32_db_above_the_sound():
    made = stream(Filter(), {"audio": impulse(32768)}, {"cutoff": 1000.0, "resonance": 1.0}, frames=32768)["audio"][0]
    response = abs(np.exp(-2j * np.pi * 1000.0 / RATE * np.arange(32768)) @ made.astype(np.float64))
    assert 20 * math.log10(response) == pytest.approx(20 * math.log10(40), abs=0.1)


def test_a_shift_of_one_octave_doubles_the_cutoff():
    sound, shift = noise(), np.ones((1, SECOND // 64), np.float32)
    made = stream(Filter(), {"audio": sound, "shift": shift}, {"cutoff": 500.0}, frames=SECOND, names={"shift": ("x",)})
    plain = stream(Filter(), {"audio": sound}, {"cutoff": 1000.0}, frames=SECOND)
    np.testing.assert_allclose(made["audio"], plain["audio"], atol=1e-5)


def test_a_jump_of_the_gesture_makes_no_click():
    t = np.arange(8192) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 220 * t)).astype(np.float32)[None]
    shift = np.where(np.arange(128) < 64, 0.0, 5.0).astype(np.float32)[None]
    made = stream(Filter(), {"audio": tone, "shift": shift}, {"cutoff": 300.0}, frames=8192, names={"shift": ("x",)})["audio"][0]
    # A cutoff that jumped by five octaves would step by up to a third of the tone.
    assert np.abs(np.diff(made, 2))[4000:4300].max() < 0.01


def test_a_cutoff_above_half_the_rate_lets_all_through():
    sound = noise()
    made = stream(Filter(), {"audio": sound}, {"cutoff": 20000.0, "resonance": 0.0}, frames=SECOND, sample_rate=22050)["audio"]
    assert np.isfinite(made).all() and rms(made) < 1.1 * rms(sound)


def test_another_number_of_channels_does_not_stop_the_filter():
    node = Filter()
    node.prepare(Stream(RATE, 512, 0, True, None), mode="low")
    for channels in (1, 2, 1, 3):
        made = node.process(Block(512), noise(channels, 512), None, 500.0, 0.2)["audio"]
        assert made.shape == (channels, 512)


# Delay


def test_an_echo_comes_after_its_time_and_again_softer():
    made = stream(Delay(), {"audio": impulse(SECOND)}, {"time": 100.0, "feedback": 0.5, "mix": 0.5}, frames=SECOND)["audio"][0]
    places = np.flatnonzero(np.abs(made) > 1e-4)
    assert places[:5].tolist() == [0, 4410, 8820, 13230, 17640]
    assert made[places[:5]].tolist() == pytest.approx([0.5, 0.5, 0.25, 0.125, 0.0625])


def test_echoes_closer_than_a_block_come_too():
    made = stream(Delay(), {"audio": impulse(4096)}, {"time": 3.0, "feedback": 0.9, "mix": 1.0}, block=2048)["audio"][0]
    places = np.flatnonzero(made)
    assert places[:4].tolist() == [132, 264, 396, 528]
    assert made[places[:4]].tolist() == pytest.approx([1.0, 0.9, 0.81, 0.729])


def test_a_new_time_slides_there_without_a_click():
    t = np.arange(2 * SECOND) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 220 * t)).astype(np.float32)[None]
    node, made = Delay(), []
    node.prepare(Stream(RATE, 512, 0, True, None))
    for number in range(2 * SECOND // 512):
        time = 50.0 if number < 20 else 60.0
        made.append(node.process(Block(512), tone[:, number * 512 : number * 512 + 512], time, 0.0, 1.0)["audio"][0])
    made = np.concatenate(made)
    assert np.abs(np.diff(made[4000:])).max() < 0.5 * 2 * np.pi * 220 / RATE * 1.2
    np.testing.assert_allclose(made[-1024:], tone[0, -1024 - 2646 : -2646], atol=1e-6)


# Reverb


def decay_of(sound):
    """Seconds to -60 dB, from the slope of the energy that is left between -5 and -35 dB (Schroeder 1965)."""
    left = np.cumsum(np.square(sound[::-1], dtype=np.float64))[::-1]
    level = 10 * np.log10(left / left[0])
    begin, end = np.argmax(level < -5), np.argmax(level < -35)
    return 60.0 / 30.0 * (end - begin) / RATE


@pytest.mark.parametrize("decay", [0.5, 2.0])
def test_a_room_dies_away_in_its_decay(decay):
    frames = int(decay * 1.2 * RATE) // 512 * 512
    made = stream(Reverb(), {"audio": impulse(frames)}, {"decay": decay, "damping": 0.0, "mix": 1.0}, frames=frames)["audio"]
    assert made.shape[0] == 2
    assert decay_of(made[0]) == pytest.approx(decay, rel=0.08) and decay_of(made[1]) == pytest.approx(decay, rel=0.08)


def test_damping_lets_the_high_part_die_sooner():
    made = stream(Reverb(), {"audio": impulse(2 * SECOND)}, {"decay": 2.0, "damping": 0.5, "mix": 1.0}, frames=2 * SECOND)[
        "audio"
    ]
    from scipy.signal import butter

    low, high = (sosfilt(butter(4, 500, kind, fs=RATE, output="sos"), made[0]) for kind in ("low", "high"))
    high = sosfilt(butter(4, 6000, "high", fs=RATE, output="sos"), high)
    assert decay_of(low) == pytest.approx(2.0, rel=0.15) and decay_of(high) < 0.7 * decay_of(low)


def test_a_room_is_about_as_loud_as_the_sound_however_long_it_lasts():
    sound = noise(1, 6 * SECOND)
    for decay in (0.5, 4.0):
        made = stream(Reverb(), {"audio": sound}, {"decay": decay, "mix": 1.0, "damping": 0.0}, frames=6 * SECOND)["audio"]
        assert 20 * math.log10(rms(made[:, -SECOND:]) / rms(sound)) == pytest.approx(0.0, abs=0.5)


def test_both_sides_of_a_room_differ():
    made = stream(Reverb(), {"audio": noise()}, {"mix": 1.0}, frames=SECOND)["audio"]
    assert abs(np.corrcoef(made)[0, 1]) < 0.4


def test_a_room_without_mix_leaves_the_sound_as_it_is():
    sound = noise(2)
    np.testing.assert_array_equal(stream(Reverb(), {"audio": sound}, {"mix": 0.0}, frames=SECOND)["audio"], sound)


def test_no_two_lines_are_alike():
    assert primes_near([10, 10, 11, 1]) == [11, 13, 17, 2]


# Crossfade


def test_a_crossfade_is_equally_strong_on_its_way():
    a, b = noise(1, 4096, 1), noise(2, 4096, 2)
    for position, left, right in ((0.0, 1.0, 0.0), (0.5, 0.5**0.5, 0.5**0.5), (1.0, 0.0, 1.0)):
        made = stream(Crossfade(), {"a": a, "b": b}, {"position": position})["audio"]
        np.testing.assert_allclose(made, left * a + right * b, atol=1e-6)


def test_a_gesture_plays_the_crossfade_without_clicks():
    ones, place = np.ones((1, 4096), np.float32), np.array([[0.0] * 32 + [1.0] * 32], np.float32)
    made = stream(Crossfade(), {"a": ones, "place": place}, names={"place": ("x",)})["audio"][0]
    assert made[2047] == 1.0 and abs(made[2048 + 63]) < 1e-6
    assert np.abs(np.diff(made)).max() < 1.6 / 64
