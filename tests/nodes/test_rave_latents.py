"""Latents with names, scales and biases, and the loop of latents."""

import numpy as np
import pytest

from nodes.rave_latents import LatentLoop, Latents, closed
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

NAMES = ("z0", "z1", "z2")


def moving(steps=64):
    return np.random.default_rng(0).normal(size=(3, steps)).astype(np.float32)


def shaped(latent, **params):
    node = Latents()
    made = stream(node, {"latent": latent}, params, names={"latent": NAMES})["latent"]
    return made, node.stream_used.output_names["latent"]


def test_latents_go_on_under_the_artists_names_unchanged():
    made, names = shaped(moving(), names="gravel, , low")
    assert names == ("gravel", "z1", "low")
    np.testing.assert_array_equal(made, moving())


def test_each_latent_is_scaled_and_then_shifted():
    made, _ = shaped(moving(), names="gravel", scale=2.0, bias=1.0, scales="gravel=3 z1=-1", biases="z2=0.5, z0=-1")
    expected = moving() * np.array([[6], [-2], [2]]) + np.array([[0], [1], [1.5]])
    np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"names": "a, b, c, d"}, "there are 4 names for 3 latents"),
        ({"names": "a, a"}, "two latents would be called a"),
        ({"names": "z1"}, "two latents would be called z1"),
        ({"scales": "z0:2"}, "scales must be names and numbers like gravel=2 z3=0.5, got 'z0:2'"),
        ({"biases": "z0=loud"}, "biases must be names and numbers"),
        ({"biases": "z7=1"}, "biases speaks of 'z7', but the latents are z0, z1, z2"),
    ],
)
def test_words_that_cannot_be_understood_are_refused(params, message):
    with pytest.raises(NodeError, match=message):
        shaped(moving(), **params)


# The loop


def looped(block=512, steps=64, names=NAMES):
    """A node, and a function that plays a block of latents with params."""
    node = LatentLoop()
    context = Stream(44100, block, 0, True, None, {"latent": names})
    node.prepare(context)

    def play(latent, record=False, play=True, speed=1.0, seam=0.0):
        return node.process(Block(block), latent, record, play, speed, seam)

    return node, play


def test_without_a_loop_what_comes_in_goes_out():
    _, play = looped()
    np.testing.assert_array_equal(play(moving(8))["latent"], moving(8))


def test_what_was_recorded_comes_again_and_again():
    _, play = looped()
    recorded = moving(16)
    heard = [play(recorded[:, :8], record=True), play(recorded[:, 8:], record=True)]
    np.testing.assert_array_equal(np.concatenate([one["latent"] for one in heard], axis=1), recorded)
    assert heard[1]["place"][0, 0] == pytest.approx(8 * 64 / 44100)
    again = [play(np.zeros((3, 8), np.float32)) for _ in range(4)]
    np.testing.assert_allclose(np.concatenate([one["latent"] for one in again], axis=1), np.tile(recorded, 2), atol=1e-6)
    np.testing.assert_allclose(again[1]["place"][0], np.arange(8, 16) / 16)


def test_a_loop_plays_at_half_speed_and_backwards():
    _, play = looped()
    ramp = np.arange(8, dtype=np.float32)[None].repeat(3, axis=0)
    play(ramp, record=True)
    still = np.zeros((3, 8), np.float32)
    np.testing.assert_allclose(play(still, speed=0.5)["latent"][0], np.arange(8) / 2)
    np.testing.assert_allclose(play(still, speed=-1.0)["latent"][0], [4, 3, 2, 1, 0, 7, 6, 5])


def test_switched_off_one_is_heard_again_and_the_loop_stays():
    _, play = looped()
    play(moving(8), record=True)
    np.testing.assert_array_equal(play(-moving(8), play=False)["latent"], -moving(8))
    np.testing.assert_allclose(play(-moving(8))["latent"], moving(8), atol=1e-6)


def test_a_new_recording_takes_the_place_of_the_loop():
    _, play = looped()
    play(moving(8), record=True), play(moving(8))
    play(-moving(8), record=True)
    np.testing.assert_allclose(play(moving(8))["latent"], -moving(8), atol=1e-6)


def test_the_seam_leads_the_end_back_to_the_beginning():
    recorded = np.arange(10, dtype=np.float32)[None]
    np.testing.assert_allclose(closed(recorded, 4)[0], [0, 1, 2, 3, 4, 5, 6 * 0.75, 7 * 0.5, 8 * 0.25, 0])
    np.testing.assert_array_equal(closed(recorded, 0), recorded)
    assert closed(recorded[:, :1], 4).tolist() == [[0]]


def test_a_loop_is_the_same_at_every_block_length():
    def heard(block):
        _, play = looped(block)
        steps = block // 64
        given = moving(128)
        return np.concatenate(
            [play(given[:, at : at + steps], record=at < 64, speed=1.3, seam=10.0)["latent"] for at in range(0, 128, steps)],
            axis=1,
        )

    np.testing.assert_allclose(heard(64), heard(2048), atol=1e-4)


def test_the_longest_loop_keeps_what_fits_and_numbers_that_are_none_become_0(monkeypatch):
    monkeypatch.setattr("nodes.rave_latents.LONGEST", 12 * 64 / 44100 + 1e-9)
    _, play = looped()
    sick = moving(8)
    sick[0, 0] = np.nan
    play(sick, record=True), play(moving(8), record=True), play(moving(8), record=True)
    again = np.concatenate([play(moving(8))["latent"] for _ in range(3)], axis=1)
    assert again[0, 0] == 0 and np.isfinite(again).all()
    np.testing.assert_allclose(again[:, 12:24], again[:, :12], atol=1e-6)
