"""Convolution: the same as the sum that it stands for, at every length of impulse and block."""

import numpy as np
import pytest
import soundfile

from nodes.sound_convolution import LONG, SHORT, Convolution, Convolver
from runtime.errors import NodeError
from tests.drive import stream

RATE = 44100


def noise(channels, frames, seed=0):
    return np.random.default_rng(seed).standard_normal((channels, frames)).astype(np.float32)


def convolved(impulse, sound, block):
    convolver = Convolver(impulse)
    return np.concatenate([convolver.convolve(sound[:, at : at + block]) for at in range(0, sound.shape[1], block)], axis=1)


@pytest.mark.parametrize("length", [1, 511, 512, 513, 2 * LONG, 2 * LONG + 1, 5 * LONG + 77])
@pytest.mark.parametrize("block", [64, 512, 4096])
def test_a_convolution_is_the_sum_of_all_echoes(length, block):
    impulse, sound = noise(1, length) / np.float32(length**0.5), noise(1, 32768, 1)
    expected = np.fft.irfft(np.fft.rfft(sound[0], 1 << 17) * np.fft.rfft(impulse[0], 1 << 17))[:32768]
    np.testing.assert_allclose(convolved(impulse, sound, block)[0], expected, atol=2e-5)


def test_either_may_have_two_channels():
    stereo, mono = noise(2, 600), noise(1, 4096)
    for impulse, sound in (
        (stereo, mono),
        (stereo[:1], mono.repeat(2, 0) * np.float32([[1], [-1]])),
        (stereo, noise(2, 4096, 2)),
    ):
        made = convolved(impulse, sound, 512)
        for channel in range(2):
            one, two = sound[min(channel, len(sound) - 1)], impulse[min(channel, len(impulse) - 1)]
            np.testing.assert_allclose(made[channel], np.convolve(one, two)[:4096], atol=1e-3)


def play(folder, impulse, sound, **params):
    soundfile.write(folder / "i.wav", impulse.T, RATE, subtype="FLOAT")
    frames = sound.shape[1]
    return stream(Convolution(), {"audio": sound}, {"path": "i.wav", **params}, folder=folder, frames=frames)["audio"]


def test_noise_in_a_room_is_as_loud_as_before(tmp_path):
    room = noise(2, RATE) * np.exp(-np.arange(RATE) / 8000).astype(np.float32) * 0.01
    made, sound = None, noise(1, 3 * 43008) * 0.1
    made = play(tmp_path, room, sound)
    assert np.square(made[:, -43008:]).mean() ** 0.5 == pytest.approx(0.1, rel=0.15)


def test_the_mix_keeps_the_sound_and_adds_the_room(tmp_path):
    echo = np.zeros((1, 2 * SHORT), np.float32)
    echo[0, SHORT] = 0.3
    sound = noise(1, 4096)
    made = play(tmp_path, echo, sound, mix=0.25)
    expected = 0.75 * sound
    expected[:, SHORT:] += 0.25 * sound[:, :-SHORT]
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("impulse", "words"),
    [
        (np.zeros((1, 100), np.float32), "this impulse is silent"),
        (np.ones((1, 31 * RATE), np.float32), "an impulse lasts at most 30 s, this one 31 s"),
        (np.zeros((1, 0), np.float32), "is empty: it holds no sound"),
    ],
)
def test_an_impulse_that_is_none_is_refused_in_words(tmp_path, impulse, words):
    with pytest.raises(NodeError, match=words):
        play(tmp_path, impulse, noise(1, 512))
