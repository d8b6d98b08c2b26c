"""Oscillator, file player, gain, mix and output."""

import numpy as np
import pytest
import soundfile

from nodes.sound import SHAPES, Gain, Mix, Oscillator, Output
from nodes.sound_files import read_sound
from nodes.sound_player import Player
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

RATE = 44100


def prepared_oscillator(shape="sine", seed=0):
    node = Oscillator()
    node.prepare(Stream(RATE, 512, seed, True, None), shape=shape)
    return node


def block_at(start, frames=512):
    block = Block(frames)
    block.start = start
    return block


def write_sound(path, sound, rate=RATE):
    soundfile.write(path, sound.T, rate, subtype="FLOAT")
    return sound


def noise(channels, frames):
    return np.random.default_rng(1).uniform(-1, 1, (channels, frames)).astype(np.float32)


def test_a_sine_at_frame_n_is_sin_2_pi_f_n_over_rate():
    made = stream(Oscillator(), params={"frequency": 441.5, "level": 0.5}, frames=16384)["audio"]
    expected = 0.5 * np.sin(2 * np.pi * 441.5 * np.arange(16384) / RATE)
    assert made.dtype == np.float32 and made.shape == (1, 16384)
    np.testing.assert_allclose(made[0], expected, atol=1e-6)


def test_a_sine_does_not_drift_within_an_hour():
    node, start = prepared_oscillator(), 3600 * RATE + 37
    node.process(block_at(0), 1000.3, 1.0)
    made = node.process(block_at(start), 1000.3, 1.0)["audio"]
    cycles = (1000.3 * np.arange(start, start + 512) / RATE) % 1.0
    np.testing.assert_allclose(made[0], np.sin(2 * np.pi * cycles), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_resting_tone_is_bit_for_bit_the_same_at_every_block_length(shape):
    made = [
        stream(Oscillator(), params={"shape": shape, "frequency": 333.3}, block=block, frames=16384, seed=77)["audio"]
        for block in (64, 512, 2048, 8192)
    ]
    assert all(np.array_equal(made[0], other) for other in made[1:])


def test_a_block_length_that_divides_nothing_gives_the_same_tone():
    made = stream(Oscillator(), params={"frequency": 333.3}, block=300, frames=9000, seed=3)["audio"]
    np.testing.assert_array_equal(
        made, stream(Oscillator(), params={"frequency": 333.3}, block=512, frames=9216, seed=3)["audio"][:, :9000]
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tone_stays_within_its_level_and_has_no_offset(shape):
    made = stream(Oscillator(), params={"shape": shape, "frequency": 441.0, "level": 1.0}, frames=44032)["audio"]
    assert np.abs(made).max() <= 1.0 + 1e-6
    assert abs(made[0, :44000].mean()) < 0.01


def test_a_saw_has_far_weaker_aliases_than_a_plain_one():
    frames, frequency = 44100, 3001.0
    made = stream(Oscillator(), params={"shape": "saw", "frequency": frequency, "level": 1.0}, block=2100, frames=frames)[
        "audio"
    ][0]
    plain = 2 * ((frequency * np.arange(frames) / RATE) % 1.0) - 1

    def aliases(sound):
        bins = np.abs(np.fft.rfft(sound * np.hanning(frames)))[:8000]  # below 8 kHz: harmonics at 3001 and 6002 Hz only
        for harmonic in (0, 3001, 6002):
            bins[max(harmonic - 3, 0) : harmonic + 4] = 0
        return np.sqrt((bins**2).sum())

    assert aliases(made) < 0.25 * aliases(plain)


def test_a_gliding_frequency_leaves_no_jump_and_is_the_same_at_every_block_length():
    ramp = np.linspace(200, 900, 2048).astype(np.float32)

    def glide(frames):
        node = prepared_oscillator()
        parts = [node.process(block_at(s, frames), 200.0, 1.0)["audio"] for s in range(0, 2048, frames)]
        parts += [node.process(block_at(2048 + s, frames), ramp[s : s + frames], 1.0)["audio"] for s in range(0, 2048, frames)]
        parts += [node.process(block_at(4096 + s, frames), 900.0, 1.0)["audio"] for s in range(0, 2048, frames)]
        return np.concatenate(parts, axis=1)

    made = glide(64)
    assert np.abs(np.diff(made[0])).max() <= 2 * np.pi * 900 / RATE * 1.001
    np.testing.assert_allclose(glide(512), made, atol=1e-6)
    np.testing.assert_allclose(glide(2048), made, atol=1e-6)


def test_a_frequency_above_half_the_rate_makes_no_other_tone():
    low = stream(Oscillator(), params={"frequency": 9000.0}, sample_rate=8000)["audio"]
    assert np.abs(low).max() < 1e-6  # exactly half the rate, sampled where it is 0


def test_the_phase_goes_on_when_the_frequency_jumps():
    node = prepared_oscillator()
    before = node.process(block_at(0), 441.0, 1.0)["audio"]
    after = node.process(block_at(512), 100.0, 1.0)["audio"]
    assert after[0, 0] == pytest.approx(np.sin(2 * np.pi * 441.0 * 512 / RATE), abs=1e-6)
    assert abs(after[0, 0] - before[0, -1]) < 2 * np.pi * 441 / RATE


def test_a_ramp_of_the_level_is_heard_frame_by_frame():
    ramp = np.linspace(0, 1, 512).astype(np.float32)
    node = prepared_oscillator()
    made = node.process(block_at(0), 441.0, ramp)["audio"]
    np.testing.assert_allclose(made[0], ramp * np.sin(2 * np.pi * 441.0 * np.arange(512) / RATE), atol=1e-6)
    after = node.process(block_at(512), 441.0, 1.0)["audio"]
    np.testing.assert_allclose(after[0], np.sin(2 * np.pi * 441.0 * np.arange(512, 1024) / RATE), atol=1e-6)


def test_oscillators_share_no_state():
    one, two = prepared_oscillator(), prepared_oscillator()
    first = one.process(block_at(0), 441.0, 1.0)["audio"].copy()
    two.process(block_at(0), 100.0, 0.1)
    np.testing.assert_array_equal(one.process(block_at(0), 441.0, 1.0)["audio"], first)


def test_a_gain_of_minus_6_0206_db_halves():
    sound = noise(2, 4096)
    made = stream(Gain(), {"audio": sound}, {"gain": -6.020599913})["audio"]
    np.testing.assert_allclose(made, sound / 2, rtol=1e-6)
    assert made.dtype == np.float32


def test_a_ramp_of_gain_is_heard_frame_by_frame():
    node = Gain()
    node.prepare(Stream(RATE, 4, 0, True, None))
    ramp = np.array([0.0, -20.0, -40.0, 20.0], np.float32)
    made = node.process(block_at(0, 4), np.ones((2, 4), np.float32), ramp)["audio"]
    np.testing.assert_allclose(made, [[1, 0.1, 0.01, 10]] * 2, rtol=1e-5)
    assert made.dtype == np.float32


def test_gain_gives_a_new_array_even_at_0_db():
    node, sound = Gain(), noise(1, 512)
    node.prepare(Stream(RATE, 512, 0, True, None))
    assert not np.shares_memory(node.process(block_at(0), sound, 0.0)["audio"], sound)


def test_a_mix_is_the_sum():
    sounds = tuple(np.full((1, 4096), value, np.float32) for value in (0.5, 0.25, -1.0))
    made = stream(Mix(), {"audio": sounds})["audio"]
    assert made.shape == (1, 4096) and (made == -0.25).all()


def test_a_mix_spreads_mono_to_all_channels_and_leaves_missing_channels_silent():
    sounds = (
        np.full((1, 512), 1.0, np.float32),
        np.array([[10.0], [20.0]], np.float32).repeat(512, axis=1),
        np.array([[100.0], [200.0], [300.0]], np.float32).repeat(512, axis=1),
    )
    made = stream(Mix(), {"audio": sounds}, frames=512)["audio"]
    assert made[:, 0].tolist() == [111.0, 221.0, 301.0]


def test_a_mix_gives_a_new_array_even_of_one_sound():
    sound = noise(1, 512)
    assert not np.shares_memory(Mix().process(block_at(0), (sound,))["audio"], sound)


def test_a_mix_of_nothing_is_silence():
    made = stream(Mix(), {"audio": ()}, frames=512)["audio"]
    assert made.shape == (1, 512) and not made.any()


def test_a_mix_leaves_its_inputs_as_they_were():
    sounds = (noise(2, 512), noise(1, 512), noise(1, 512))
    kept = [sound.copy() for sound in sounds]
    stream(Mix(), {"audio": sounds}, frames=512)
    stream(Mix(), {"audio": sounds[1:]}, frames=512)
    assert all(np.array_equal(one, two) for one, two in zip(sounds, kept, strict=True))


def test_the_output_plays_what_it_gets_at_its_level():
    sound = noise(2, 1024)
    made = stream(Output(), {"audio": sound}, {"level": 20.0}, frames=1024)
    np.testing.assert_allclose(made["master"], 10 * sound, rtol=1e-6)
    assert made["master"].dtype == np.float32


@pytest.mark.parametrize("block", [64, 512, 2048])
def test_a_file_is_played_from_its_first_frame_and_then_there_is_silence(tmp_path, block):
    sound = write_sound(tmp_path / "a.wav", noise(2, 3000))
    made = stream(Player(), params={"path": "a.wav"}, block=block, folder=tmp_path)["audio"]
    np.testing.assert_array_equal(made[:, :3000], sound)
    assert made.shape == (2, 4096) and not made[:, 3000:].any()


def test_a_looped_file_starts_again_at_its_end(tmp_path):
    sound = write_sound(tmp_path / "a.wav", noise(1, 300))
    made = stream(Player(), params={"path": "a.wav", "loop": True, "level": -20.0}, folder=tmp_path)["audio"]
    np.testing.assert_allclose(made[0], np.tile(sound[0], 14)[:4096] * 0.1, atol=1e-7)


def test_a_file_of_another_rate_keeps_its_pitch(tmp_path):
    write_sound(tmp_path / "a.wav", np.sin(2 * np.pi * 500 * np.arange(22050) / 22050).astype(np.float32)[None], 22050)
    made = read_sound(tmp_path / "a.wav", RATE)
    assert made.shape == (1, 44100) and made.dtype == np.float32
    np.testing.assert_allclose(made[0, 1000:-1000], np.sin(2 * np.pi * 500 * np.arange(44100) / RATE)[1000:-1000], atol=1e-3)


def test_a_player_without_a_path_says_so(tmp_path):
    with pytest.raises(NodeError, match="choose a sound file"):
        stream(Player(), folder=tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NodeError, match=r"there is no file .*gone.wav"):
        stream(Player(), params={"path": "gone.wav"}, folder=tmp_path)


def test_a_file_that_is_no_sound_is_refused_in_words(tmp_path):
    (tmp_path / "a.wav").write_text("a poem")
    with pytest.raises(NodeError, match=r"a.wav cannot be read as a sound file"):
        stream(Player(), params={"path": "a.wav"}, folder=tmp_path)


def test_a_file_cut_within_its_header_is_refused_in_words(tmp_path):
    write_sound(tmp_path / "a.wav", noise(1, 100))
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:20])
    with pytest.raises(NodeError, match=r"a.wav (cannot be read|is empty)"):
        read_sound(tmp_path / "a.wav", RATE)


def test_an_empty_file_is_refused_in_words(tmp_path):
    write_sound(tmp_path / "a.wav", np.zeros((1, 0), np.float32))
    (tmp_path / "none.wav").touch()
    with pytest.raises(NodeError, match="is empty: it holds no sound"):
        read_sound(tmp_path / "a.wav", RATE)
    with pytest.raises(NodeError, match="cannot be read"):
        read_sound(tmp_path / "none.wav", RATE)


def test_a_file_with_nan_is_refused_in_words(tmp_path):
    sound = noise(1, 100)
    sound[0, 5] = np.nan
    write_sound(tmp_path / "a.wav", sound)
    with pytest.raises(NodeError, match="values that are no numbers"):
        read_sound(tmp_path / "a.wav", RATE)


def test_feedback_gives_what_it_is_handed_and_says_that_the_block_length_matters():
    from nodes.sound import Feedback

    sound = np.arange(64, dtype=np.float32)[None]
    np.testing.assert_array_equal(stream(Feedback(), {"audio": sound}, block=64, frames=64)["audio"], sound)
    assert not Feedback.spec.exact and Feedback.spec.inputs[0].delayed
