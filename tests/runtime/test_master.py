from __future__ import annotations

import numpy as np

from runtime.master import CEILING, Master


def render(sound: np.ndarray, block: int) -> np.ndarray:
    master = Master(sound.shape[0], block, 44100)
    parts = [master.render([sound[:, start : start + block]]).copy() for start in range(0, sound.shape[1], block)]
    return np.concatenate(parts, axis=1)


def tone(level: float, frames: int = 8192) -> np.ndarray:
    wave = np.sin(2 * np.pi * 440 * np.arange(frames) / 44100).astype(np.float32)
    return np.float32(level) * np.stack([wave, wave])


def test_sound_below_the_ceiling_passes_bit_by_bit():
    sound = tone(0.89)
    np.testing.assert_array_equal(render(sound, 512), sound)


def test_sound_above_the_ceiling_never_leaves_above_it():
    assert np.abs(render(tone(20.0), 512)).max() <= CEILING + 1e-6


def test_the_limiter_sounds_the_same_at_every_block_length():
    sound = tone(1.0) * np.linspace(0.2, 3.0, 8192, dtype=np.float32)
    one = render(sound, 64)
    for block in (512, 2048):
        np.testing.assert_allclose(render(sound, block), one, atol=1e-6)


def test_the_limiter_lets_go_after_a_burst():
    sound = np.concatenate([tone(4.0, 4096), tone(0.5, 128 * 4096)], axis=1)
    np.testing.assert_allclose(render(sound, 512)[:, -4096:], sound[:, -4096:], atol=1e-3)


def test_mono_goes_to_every_channel():
    master = Master(2, 64, 44100)
    np.testing.assert_array_equal(master.render([np.full((1, 64), 0.25, np.float32)]), np.full((2, 64), 0.25, np.float32))


def test_sounds_are_summed_and_channels_that_the_card_lacks_are_left_out():
    master = Master(2, 64, 44100)
    mono, wide = np.full((1, 64), 0.25, np.float32), np.full((3, 64), 0.5, np.float32)
    np.testing.assert_array_equal(master.render([mono, wide]), np.full((2, 64), 0.75, np.float32))
    np.testing.assert_array_equal(master.render([wide]), np.full((2, 64), 0.5, np.float32))
    assert not master.render([]).any()


def test_finite_sounds_whose_sum_is_not_are_silence():
    master = Master(2, 64, 44100)
    huge = np.full((2, 64), 3e38, np.float32)
    with np.errstate(over="ignore"):
        assert not master.render([huge, huge]).any()
