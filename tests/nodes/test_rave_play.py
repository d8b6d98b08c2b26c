"""Timbre transfer, the prior, and two models at once."""

from pathlib import Path

import numpy as np
import pytest

from nodes.rave import RaveDecoder, RaveEncoder
from nodes.rave_play import RaveCrossfade, RaveForward, RavePrior
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream
from tests.nodes.tiny_model import tiny_model

FRAMES = 8192
LATENTS = ("z0", "z1", "z2", "z3")


@pytest.fixture(scope="module", autouse=True)
def own_trust_list(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"))


def tone(frequency=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * frequency * np.arange(FRAMES) / 44100)).astype(np.float32)[None]


def gesture(dims=4):
    return np.random.default_rng(1).normal(0, 0.5, (dims, FRAMES // 64)).astype(np.float32)


def transfer(model, block=512, noise="seeded", seed=0, sound=None):
    sound = tone() if sound is None else sound
    node = RaveForward()
    made = stream(node, {"audio": sound}, {"noise": noise}, block=block, frames=FRAMES, artifacts={"model": model}, seed=seed)
    return made["audio"], node


def test_a_sound_comes_out_one_latent_frame_later_at_its_pitch_and_level(model):
    heard, node = transfer(model, noise="zero")
    assert heard.shape == (1, FRAMES) and heard.dtype == np.float32 and node.stream_used.latency == 512
    assert np.all(heard[:, :512] == 0)
    steady = heard[0, 1024:]
    assert np.sqrt((steady**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    crossings = (steady[1:] * steady[:-1] < 0).sum() / 2 / (len(steady) / 44100)
    assert crossings == pytest.approx(440, rel=0.03)


@pytest.mark.parametrize("noise", ["seeded", "zero"])
def test_the_transfer_is_the_same_at_every_block_length(model, noise):
    expected, _ = transfer(model, noise=noise)
    for block in (64, 2048):
        np.testing.assert_allclose(transfer(model, block, noise)[0], expected, atol=1e-6)


def test_seeded_noise_is_the_same_twice_and_zero_noise_with_every_seed(model):
    assert transfer(model)[0].tobytes() == transfer(model)[0].tobytes()
    assert transfer(model, seed=1)[0].tobytes() != transfer(model)[0].tobytes()
    assert transfer(model, noise="on")[0].tobytes() != transfer(model)[0].tobytes()
    assert transfer(model, noise="zero", seed=1)[0].tobytes() == transfer(model, noise="zero")[0].tobytes()


def test_it_says_what_encoder_and_decoder_say_one_after_the_other(model):
    node = RaveEncoder()
    given = {"frames": FRAMES, "artifacts": {"model": model}}
    latent = stream(node, {"audio": tone()}, {"noise": "zero"}, **given)["latent"]
    both = stream(RaveDecoder(), {"latent": latent}, {"noise": "zero"}, **given)["audio"]

    # Until the first latent is known the decoder plays the middle of the model, and its phase goes on from there.
    def level(sound):
        return np.sqrt((sound[0, 1024:] ** 2).mean())

    assert level(transfer(model, noise="zero")[0]) == pytest.approx(level(both), rel=1e-3)


def test_stereo_is_mixed_for_a_mono_model(model):
    stereo = np.concatenate([tone(level=1.0), np.zeros((1, FRAMES), np.float32)])
    np.testing.assert_allclose(transfer(model, sound=stereo)[0], transfer(model)[0], atol=1e-6)


def test_a_model_at_another_rate_is_refused(model):
    with pytest.raises(NodeError, match="set the patch's sample_rate to 44100"):
        RaveForward().prepare(Stream(48000, 512, 0, True, Path()), model=model, noise="seeded")


# The prior


def made_up(tmp_path, block=512, **params):
    model = tiny_model(tmp_path, "prior", prior=True, ratio=1024)
    node = RavePrior()
    return stream(node, {}, params, block=block, frames=FRAMES, artifacts={"model": model})["latent"], node


def test_a_prior_makes_up_a_new_latent_for_each_frame_of_the_model(tmp_path):
    latent, node = made_up(tmp_path)
    assert node.stream_used.output_names["latent"] == LATENTS and latent.shape == (4, FRAMES // 64)
    frames = latent.reshape(4, -1, 16)
    assert (frames == frames[:, :, :1]).all() and len(np.unique(frames[0, :, 0])) == FRAMES // 1024


def test_a_prior_is_the_same_at_every_block_length_and_as_daring_as_it_is_told(tmp_path):
    expected, _ = made_up(tmp_path)
    for block in (64, 4096):
        np.testing.assert_array_equal(made_up(tmp_path, block)[0], expected)
    np.testing.assert_allclose(made_up(tmp_path, temperature=2.0)[0], 2 * expected, rtol=1e-6)
    assert not made_up(tmp_path, temperature=0.0)[0].any()


def test_a_model_without_a_prior_is_refused_in_words(model):
    with pytest.raises(NodeError, match=r"tiny\.ts has no prior: it was exported without one; lead a gesture to the decoder"):
        RavePrior().prepare(Stream(44100, 512, 0, True, Path()), model=model, noise="seeded")


# Two models


def both(one, two, fade, block=512, latent=None):
    latent = gesture() if latent is None else latent
    return stream(
        RaveCrossfade(), {"latent": latent}, {"fade": fade}, block=block, frames=FRAMES, artifacts={"model": one, "other": two}
    )["audio"]


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"), "other", latents=2, ratio=2048)


def test_at_its_ends_each_model_plays_alone(model, other):
    given = {"frames": FRAMES}
    alone = stream(RaveDecoder(), {"latent": gesture()}, artifacts={"model": model}, **given)["audio"]
    np.testing.assert_allclose(both(model, other, 0.0), alone, atol=1e-6)
    alone = stream(RaveDecoder(), {"latent": gesture()[:2]}, artifacts={"model": other}, seed=1, **given)["audio"]
    np.testing.assert_allclose(both(model, other, 1.0), alone, atol=1e-6)


def test_in_the_middle_both_are_heard_three_decibels_softer(model, other):
    expected = (both(model, other, 0.0) + both(model, other, 1.0)) * np.sqrt(0.5)
    np.testing.assert_allclose(both(model, other, 0.5), expected, atol=1e-6)


def test_two_models_of_other_frame_lengths_sound_the_same_at_every_block_length(model, other):
    expected = both(model, other, 0.3)
    for block in (64, 4096):
        np.testing.assert_allclose(both(model, other, 0.3, block), expected, atol=1e-6)


def test_a_moving_fade_arrives_frame_by_frame(model, other):
    node = RaveCrossfade()
    context = Stream(44100, 512, 0, True, Path(), {"latent": LATENTS})
    node.prepare(context, model, other, "zero")
    ramp = np.linspace(0, 1, 512, dtype=np.float32)
    heard = node.process(Block(512), gesture()[:, :8], ramp)["audio"]
    assert heard.shape == (1, 512) and heard.dtype == np.float32


def test_more_latents_than_either_model_has_are_refused(model, other):
    with pytest.raises(NodeError, match="have 4 latents at most and are given 5"):
        RaveCrossfade().prepare(Stream(44100, 512, 0, True, Path(), {"latent": tuple("abcde")}), model, other, "seeded")
