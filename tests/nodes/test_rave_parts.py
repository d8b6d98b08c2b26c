"""The parts of a training that take no training: measures, what is varied, plans, estimates, checkpoints, memory."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest

from nodes.rave_audition import walk
from nodes.rave_augment import AFTER, augmented, compress, gain, mute
from nodes.rave_checkpoints import write_checkpoint
from nodes.rave_data import Steps
from nodes.rave_lightning import enough_memory, in_time
from nodes.rave_package import Training, latents_kept
from nodes.rave_plan import CONFIGS, phases, plan, shelf_steps
from nodes.rave_ranks import rank, ranks, require_gpus, share_of
from nodes.rave_trial import Estimate
from runtime.corpus import Corpus, Recording, Slice
from runtime.errors import NodeError
from runtime.measures import bright_share, level, spectral_distance

RATE = 44100
AT = np.arange(RATE) / RATE


def training(steps: int, gan_after: int, **more: object) -> Training:
    return Training("raspberry", True, 16, RATE, steps, gan_after, 2, 32768, 0, "", **more)  # type: ignore[arg-type]


# Measures


def test_the_distance_of_a_sound_to_itself_is_nothing_and_grows_with_what_is_missing():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    softer, dull = 0.5 * noise, np.convolve(noise, np.ones(8) / 8, "same")
    assert spectral_distance(noise, noise) == 0
    # Half as loud: a quarter of the power is missing, and ln 2 in each logarithm, on five scales.
    assert spectral_distance(noise, softer) == pytest.approx(5 * (0.25 + np.log(2)), rel=1e-3)
    assert spectral_distance(noise, dull) > spectral_distance(noise, softer)


def test_a_model_that_answers_late_is_not_taken_for_a_worse_one():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    late = np.concatenate([np.zeros(4 * 512, np.float32), noise])[: len(noise)]
    assert spectral_distance(noise, late) < 1e-6 < spectral_distance(noise, np.roll(noise, 20_000))


def test_a_sound_shorter_than_a_spectrum_has_no_distance():
    assert np.isnan(spectral_distance(np.zeros(100), np.zeros(100)))


def test_the_bright_share_of_two_equal_tones_is_half_and_of_silence_nothing():
    two = np.sin(2 * np.pi * 1000 * AT) + np.sin(2 * np.pi * 8000 * AT)
    assert bright_share(two, RATE) == pytest.approx(-3.01, abs=0.01)
    assert bright_share(np.zeros(1000), RATE) == -120
    assert level(np.sin(2 * np.pi * 1000 * AT)) == pytest.approx(-3.01, abs=0.01)


def test_a_walk_swings_two_deviations_around_the_middle_and_is_the_same_each_time():
    mean, deviation = np.array([1.0, -1.0]), np.array([0.5, 0.0])
    way = walk(mean, deviation, 400, seed=3)
    assert way.dtype == np.float32 and way.shape == (2, 400)
    assert way[0].min() == pytest.approx(0.0, abs=0.02) and way[0].max() == pytest.approx(2.0, abs=0.02)
    assert (way[1] == -1).all() and (way == walk(mean, deviation, 400, seed=3)).all()


# What is varied


TONE = (0.5 * np.sin(2 * np.pi * 440 * AT))[None].astype(np.float32)


def test_gain_makes_louder_or_softer_and_never_over_full_scale():
    random.seed(0)
    peaks = [float(np.abs(gain(TONE, RATE)).max()) / 0.5 for _ in range(200)]
    assert 10 ** (-6 / 20) <= min(peaks) < 0.55 and 1.35 < max(peaks) <= 10 ** (3 / 20)
    assert max(float(np.abs(gain(np.ones((1, 9)), RATE)).max()) for _ in range(50)) == 1.0


def test_mute_leaves_no_digital_silence():
    assert np.abs(mute(TONE, RATE)).max() == pytest.approx(0.0005)


def test_compress_brings_the_soft_part_forward_and_keeps_the_peak():
    random.seed(1)
    sound = TONE * np.where(AT < 0.5, 1.0, 0.05)
    found = compress(sound, RATE)
    assert np.abs(found).max() == pytest.approx(0.5)
    assert np.abs(found[0, -5000:]).max() > 1.5 * np.abs(sound[0, -5000:]).max()
    assert np.isfinite(compress(np.zeros((1, 1000)), RATE)).all()


class Examples:
    """An AudioDataset, as far as it concerns what is varied."""

    def __init__(self, *steps):
        from rave import transforms

        self._transforms = transforms.Compose(list(steps))


def test_what_is_varied_goes_around_the_crop_and_leaves_the_data_set_as_it_was():
    from nodes.rave_package import import_rave

    import_rave()
    crop, last = object(), object()
    plain = Examples(object(), crop, last)
    found = augmented(plain, ("pitch", "gain", "mute"), 32768, RATE)
    assert len(plain._transforms.transform_list) == 3
    steps = found._transforms.transform_list
    assert (steps.index(crop), steps.index(last)) == (2, 5)
    assert [one.p for one in (steps[1], *steps[3:5])] == [0.5, AFTER["gain"][0], AFTER["mute"][0]]
    assert augmented(plain, (), 32768, RATE)._transforms.transform_list == plain._transforms.transform_list


def test_pitch_leaves_enough_sound_for_the_crop():
    from nodes.rave_package import import_rave

    import_rave()
    from rave import transforms

    found = augmented(Examples(np.asarray, transforms.RandomCrop(32768), np.asarray), ("pitch",), 32768, RATE)
    tone = np.sin(2 * np.pi * 440 * np.arange(65536) / RATE)[None].astype(np.float32)
    random.seed(0)
    heard = [found._transforms(tone) for _ in range(20)]
    assert {one.shape for one in heard} == {(1, 32768)}
    crossings = {int((np.diff(np.signbit(one[0])) != 0).sum()) // 30 for one in heard}
    assert len(crossings) > 3  # other pitches


# Plans


@pytest.mark.parametrize("config", CONFIGS)
def test_a_minute_of_sound_trains_with_every_config_at_its_defaults(config):
    sound = Corpus(Path(), (Recording("a.wav", "", RATE, 1, 60 * RATE),), (Slice(0, 0, 60 * RATE),))
    assert plan(sound, config, RATE, 16, 0).training >= 8


def test_the_phases_of_a_plan_are_counted():
    assert phases(training(100, 60)) == {"VAE": 60, "GAN": 40}
    assert phases(training(50, 60)) == {"VAE": 50, "GAN": 0}


def test_a_training_goes_to_the_shelf_every_so_many_steps_and_after_its_first_phase():
    assert shelf_steps(training(1000, 700), 300) == {300, 600, 700, 900}
    assert len(shelf_steps(training(200_000, 100_000), 0)) == 19
    assert shelf_steps(training(14, 9), 0) == {9}
    assert shelf_steps(training(9, 9), 0) == frozenset()


def test_the_time_left_is_counted_by_phases():
    guess = Estimate(vae=2.0, gan=5.0)
    assert guess.seconds(training(100, 60)) == 60 * 2 + 40 * 5
    assert guess.seconds(training(100, 60), 50) == 10 * 2 + 40 * 5
    assert guess.seconds(training(100, 60), 90) == 50
    assert Estimate(vae=2.0).seconds(training(100, 60), 50) is None
    assert Estimate(vae=2.0).seconds(training(50, 60), 50) == 0


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (720, "12 min"), (12600, "3.5 h"), (525000, "6.1 days")])
def test_an_estimate_reads_as_people_speak(seconds, words):
    assert in_time(seconds) == words


def test_the_number_of_latents_follows_from_how_much_they_shall_explain():
    explained = np.array([0.5, 0.8, 0.96, 0.99, 1.0, 1.0, 1.0, 1.0])
    assert [latents_kept(explained, 0, least) for least in (0.5, 0.9, 0.995)] == [2, 4, 8]


def test_a_training_that_uses_nothing_new_goes_on_from_a_checkpoint_of_before():
    # Taken from the program as it was when only these ten things decided what a step does.
    assert training(5, 9).key == "2ba6631950324049e8fe1480b3b4f9ccf3d0a58bb297c29ad7332d486990b03a"
    assert training(5, 9).key == training(500, 9).key
    assert len({training(5, 9, **more).key for more in ({}, {"noise": True}, {"augment": ("gain",)}, {"warm": "ab"})}) == 4


# Several GPUs


def test_each_gpu_hears_its_part_of_every_batch():
    whole = [[index for _, index in batch] for batch in Steps(np.arange(10), 4, 5, 0)]
    parts = [[[index for _, index in batch] for batch in Steps(np.arange(10), 4, 5, 0, 0, (part, 2))] for part in (0, 1)]
    assert [sorted(one + two) for one, two in zip(*parts, strict=True)] == [sorted(batch) for batch in whole]
    assert {len(batch) for batch in parts[0]} == {2}


def test_a_batch_that_cannot_be_parted_and_gpus_that_are_not_there_are_refused():
    with pytest.raises(NodeError, match="a batch of 7 cannot be parted among 2 GPUs; set batch to 6"):
        share_of(7, 2)
    with pytest.raises(NodeError, match="gpus is 4, and this machine has none that the training may use; set gpus to 1"):
        require_gpus(4, "cpu", 8)
    require_gpus(1, "cpu", 7)


def fail() -> None:
    raise ValueError("this GPU is broken")


def test_a_gpu_that_fails_is_told_and_the_environment_is_as_before():
    before = dict(os.environ)
    with pytest.raises(NodeError, match="one of the GPUs failed"), ranks(2, fail):
        assert rank() == 0 and os.environ["WORLD_SIZE"] == "2"
    assert dict(os.environ) == before


# Checkpoints and memory


def test_a_checkpoint_that_cannot_be_written_leaves_both_that_were_there(tmp_path):
    path = tmp_path / "training.ckpt"
    for words in ("one", "two"):
        write_checkpoint(path, 1, lambda name, words=words: Path(name).write_text(words))

    def full(name: str) -> None:
        Path(name).write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NodeError, match="the checkpoint of step 3 cannot be written: the disk is full"):
        write_checkpoint(path, 3, full)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"training.ckpt": "two", "training.older.ckpt": "one"}


def test_memory_that_does_not_suffice_proposes_a_smaller_batch():
    import torch

    with pytest.raises(NodeError, match="a batch of 8 does not fit; set batch to 4"), enough_memory(8):
        torch.empty(2**58)
    with pytest.raises(NodeError, match="set batch to 1"), enough_memory(2):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
    with pytest.raises(NodeError, match="a batch of 1 does not fit; set a shorter crop"), enough_memory(1):
        raise MemoryError
    with pytest.raises(RuntimeError, match="shape"), enough_memory(1):
        raise RuntimeError("shape mismatch")
