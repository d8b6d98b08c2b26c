"""The trainer: what it reads from a corpus (fast), and real trainings of a tiny model (slow)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nodes.rave_data import Seeded, Steps, chunks, read_mono, split_corpus, stretches, write_examples
from nodes.rave_model import open_model
from nodes.rave_package import Training
from nodes.rave_training import RaveTrainer, plan
from runtime.artifacts import Artifact, fingerprint, hash_file
from runtime.corpus import Corpus, Recording, Slice
from runtime.errors import Cancelled, NodeError
from runtime.node import Job
from runtime.spec import PortType
from runtime.trust import require_trust
from tests.drive import job, params_of

TINY = {
    "config": "raspberry",
    "steps": 14,
    "gan_after": 9,
    "batch": 2,
    "crop": 32768,
    "export_latents": 4,
    "device": "cpu",
    "threads": 1,
}


@pytest.fixture(scope="module", autouse=True)
def own_trust_list(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


def record(folder: Path, name: str, seconds: float, rate: int = 44100, channels: int = 1) -> Recording:
    """A glide with a little noise, written as a sound file."""
    at = np.arange(int(seconds * rate)) / rate
    glide = 0.4 * np.sin(2 * np.pi * (150 * at + 40 * np.sin(at)))
    noise = 0.02 * np.random.default_rng(0).standard_normal((channels, len(at)))
    soundfile.write(folder / name, (glide + noise).T, rate, subtype="FLOAT")
    return Recording(name, hash_file(folder / name), rate, channels, len(at))


def corpus_of(folder: Path, recordings: list[Recording], slices: list[Slice] | None = None) -> Corpus:
    whole = [Slice(number, 0, recording.frames) for number, recording in enumerate(recordings)]
    return Corpus(folder, tuple(recordings), tuple(whole if slices is None else slices))


def artifact_of(corpus: Corpus) -> Artifact:
    folder = corpus.folder / "corpus"
    folder.mkdir(exist_ok=True)
    corpus.write(folder)
    return Artifact(PortType.CORPUS, folder, fingerprint(folder), {})


def no_job(folder: Path) -> Job:
    return Job(folder, folder, 0, lambda fraction, text: None, lambda: False, lambda text: None)


Told = list[tuple[str, Mapping[str, Any]]]


def train(
    folder: Path,
    corpus: Artifact,
    stop_at: int | None = None,
    told: Told | None = None,
    before: Path | None = None,
    **params: Any,
) -> tuple[list[str], list[str]]:
    """Trains into `folder`; asks to stop when step `stop_at` has been begun. Gives reports and warnings; facts go to `told`."""
    reports: list[str] = []
    warnings: list[str] = []
    folder.mkdir(exist_ok=True)
    asked = 0

    def is_cancelled() -> bool:
        # Asked once for each piece of sound (here one) and once before each step.
        nonlocal asked
        asked += 1
        return stop_at is not None and asked > stop_at + 1

    context = Job(
        folder,
        corpus.path.parent,
        0,
        lambda fraction, text: reports.append(text),
        is_cancelled,
        warnings.append,
        lambda text, facts: told.append((text, facts)) if told is not None else None,
        before,
    )
    values = params_of(RaveTrainer, {**TINY, **params}, corpus.path.parent)
    RaveTrainer().run(context, corpus=corpus, **values)
    return reports, warnings


def weights(folder: Path) -> dict[str, Any]:
    import torch

    return torch.load(folder / "training.ckpt", weights_only=True)["state_dict"]


# What is read from the corpus


def test_every_second_of_the_corpus_becomes_examples(tmp_path: Path) -> None:
    import lmdb
    from udls.generated import AudioExample

    recordings = [record(tmp_path, "a.wav", 2.3), record(tmp_path, "b.wav", 0.2), record(tmp_path, "c.wav", 4.1)]
    corpus = corpus_of(tmp_path, recordings)
    split = split_corpus(int(corpus.seconds * 44100), 44100, 2048, 16, (32768,))
    found = write_examples(no_job(tmp_path), corpus, tmp_path / "lmdb", "key", 44100, split, 0.1)
    assert found["seconds_in"] == pytest.approx(6.6, abs=1e-3)
    with lmdb.open(str(tmp_path / "lmdb"), lock=False) as env, env.begin() as transaction:
        stored = [AudioExample.FromString(value).buffers["waveform"] for _, value in transaction.cursor()]
    sound = np.concatenate([np.frombuffer(buffer.data, np.int16) for buffer in stored]) / 32767
    assert len(stored) == found["examples"] == split.examples == 5
    whole = np.concatenate([piece for stretch in stretches(corpus) for piece in read_mono(corpus, stretch, 44100)])
    kept = len(whole) // split.chunk * split.chunk
    np.testing.assert_allclose(sound[:kept], whole[:kept], atol=1e-4)
    np.testing.assert_allclose(sound[kept:], whole[-split.chunk :], atol=1e-4)


def test_a_stereo_recording_at_another_rate_is_mixed_and_resampled(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [record(tmp_path, "a.wav", 3.0, rate=48000, channels=2)])
    sound = np.concatenate(list(read_mono(corpus, corpus.slices[0], 44100)))
    assert len(sound) == pytest.approx(3 * 44100, abs=2)
    expected = 0.4 * np.sin(2 * np.pi * (150 + 40 * np.sin(1.0)))
    assert sound[44100] == pytest.approx(expected, abs=0.1)


def test_touching_and_overlapping_slices_are_merged() -> None:
    recording = Recording("a.wav", "", 44100, 1, 1000)
    slices = [Slice(0, 500, 700), Slice(0, 0, 100), Slice(0, 100, 200), Slice(0, 600, 800)]
    corpus = corpus_of(Path(), [recording], slices)
    assert stretches(corpus) == [Slice(0, 0, 200), Slice(0, 500, 800)]


def test_each_stretch_is_faded_at_both_ends(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.ones(44100), 44100, subtype="FLOAT")
    corpus = corpus_of(tmp_path, [Recording("one.wav", "", 44100, 1, 44100)])
    sound = np.concatenate(list(read_mono(corpus, corpus.slices[0], 44100)))
    assert sound[0] == 0 and sound[-1] == 0
    assert np.all(sound[220:-220] == 1)


def test_the_last_chunk_is_filled_with_the_sound_before_it() -> None:
    cut = list(chunks(iter([np.arange(7), np.arange(7, 10)]), 4))
    assert [chunk.tolist() for chunk in cut] == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9]]


def test_a_sound_shorter_than_a_chunk_is_repeated() -> None:
    assert [chunk.tolist() for chunk in chunks(iter([np.arange(3)]), 5)] == [[1, 2, 0, 1, 2]]


def test_digital_silence_is_counted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(5 * 44100), 44100)
    corpus = corpus_of(tmp_path, [Recording("quiet.wav", "", 44100, 1, 5 * 44100)])
    split = split_corpus(5 * 44100, 44100, 2048, 16, (32768,))
    found = write_examples(no_job(tmp_path), corpus, tmp_path / "lmdb", "key", 44100, split, 0.1)
    assert found["seconds_silent"] == pytest.approx(split.examples * split.chunk / 44100)


def test_examples_of_the_same_corpus_are_not_written_twice(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [record(tmp_path, "a.wav", 4)])
    split = split_corpus(4 * 44100, 44100, 2048, 16, (32768,))
    first = write_examples(no_job(tmp_path), corpus, tmp_path / "lmdb", "key", 44100, split, 0.1)
    (tmp_path / "a.wav").unlink()
    assert write_examples(no_job(tmp_path), corpus, tmp_path / "lmdb", "key", 44100, split, 0.1) == first
    with pytest.raises(NodeError, match=r"a.wav cannot be read"):
        write_examples(no_job(tmp_path), corpus, tmp_path / "lmdb", "other", 44100, split, 0.1)


def test_two_percent_of_a_long_corpus_are_held_out() -> None:
    split = split_corpus(3600 * 44100, 44100, 2048, 16, (65536, 32768))
    assert (split.crop, split.examples, split.validation) == (65536, 1212, 25)


def test_a_short_corpus_is_cut_into_shorter_crops() -> None:
    assert split_corpus(100_000, 44100, 2048, 16, (65536, 32768)).crop == 32768


# What is refused before the first step


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(NodeError, match="the corpus is empty"):
        plan(Corpus(Path(), (), ()), "raspberry", 44100, 16, 0)


def test_a_corpus_too_short_is_refused_with_the_seconds_needed(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [Recording("a.wav", "", 44100, 1, 44100)])
    with pytest.raises(NodeError, match=r"holds 1.0 s; a latent_size of 16 needs more than 1.5 s"):
        plan(corpus, "raspberry", 44100, 16, 0)


def test_a_latent_size_too_large_for_the_corpus_is_refused_with_the_one_to_set(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [Recording("a.wav", "", 44100, 1, 10 * 44100)])
    with pytest.raises(NodeError, match=r"set latent_size to at most 64"):
        plan(corpus, "raspberry", 44100, 128, 0)
    assert plan(corpus, "raspberry", 44100, 64, 0).validation * 32 >= 64


def test_the_seconds_that_a_refusal_names_are_enough(tmp_path: Path) -> None:
    for latent_size in (4, 16, 64, 128):
        with pytest.raises(NodeError) as refused:
            split_corpus(40_000, 44100, 2048, latent_size, (65536, 32768))
        seconds = float(str(refused.value).partition("more than ")[2].partition(" s")[0]) + 0.1
        split_corpus(int(seconds * 44100), 44100, 2048, latent_size, (65536, 32768))


def test_overlapping_slices_count_once_towards_the_seconds_needed() -> None:
    recording = Recording("a.wav", "", 44100, 1, 44100)
    with pytest.raises(NodeError, match=r"the corpus holds 1\.0 s"):
        plan(corpus_of(Path(), [recording], [Slice(0, 0, 44100)] * 20), "raspberry", 44100, 16, 0)


@pytest.mark.parametrize(("crop", "rule"), [(50_000, "multiple of 2048"), (2048, "at least 32768")])
def test_an_impossible_crop_is_refused_with_the_one_to_set(tmp_path: Path, crop: int, rule: str) -> None:
    corpus = corpus_of(tmp_path, [Recording("a.wav", "", 44100, 1, 60 * 44100)])
    with pytest.raises(NodeError, match=rule):
        plan(corpus, "raspberry", 44100, 16, crop)


def test_a_device_that_is_not_there_is_refused_before_the_training(tmp_path: Path) -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    corpus = artifact_of(corpus_of(tmp_path, [record(tmp_path, "a.wav", 4)]))
    with pytest.raises(NodeError, match="no mps device"):
        train(tmp_path / "job", corpus, device="mps")


# The order of the steps


def test_all_examples_are_heard_before_one_is_heard_again() -> None:
    heard = [index for batch in Steps(np.arange(10, 17), 3, 7, 0) for _, index in batch]
    assert sorted(heard[:7]) == sorted(heard[7:14]) == sorted(heard[14:]) == list(range(10, 17))


def test_a_resumed_training_hears_what_an_uninterrupted_one_would_have_heard() -> None:
    class Random:
        def __getitem__(self, index: int) -> float:
            return index + np.random.random()

    def hear(first: int) -> list[float]:
        seeded = Seeded(Random(), 3)
        return [seeded[item] for batch in Steps(np.arange(9), 4, 12, 3, first) for item in batch]

    assert hear(0)[5 * 4 :] == hear(5)


def test_the_end_of_the_first_phase_is_validated_whatever_the_schedule() -> None:
    def validations(steps: int, gan_after: int) -> list[int]:
        training = Training("raspberry", True, 16, 44100, steps, gan_after, 2, 32768, 0, "")
        return sorted(training.validations)

    assert validations(100, 37)[-1] == 100 and 37 in validations(100, 37)
    assert validations(1, 1) == [1]
    assert validations(50, 1000) == list(range(5, 51, 5))


# Real trainings


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("sound")
    return artifact_of(corpus_of(folder, [record(folder, "glide.wav", 14)]))


@pytest.fixture(scope="module")
def trained(corpus: Artifact, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("trained")
    reports, _ = train(folder, corpus)
    return folder, reports


@pytest.mark.slow
def test_a_trained_model_has_the_methods_and_attributes_of_a_streaming_export(trained: tuple[Path, list[str]]) -> None:
    import torch

    model = open_model(trained[0] / "model.ts")
    assert model.decode_params.tolist() == [4, 2048, 1, 1]
    assert model.encode_params.tolist() == [1, 1, 4, 2048]
    assert set(model.get_methods()) == {"encode", "decode", "forward"}
    with torch.inference_mode():
        latent = model.encode(torch.zeros(1, 1, 4096))
        assert latent.shape == (1, 4, 2)
        assert model.decode(latent).shape == model.forward(torch.zeros(1, 1, 4096)).shape == (1, 1, 4096)


@pytest.mark.slow
def test_a_trained_model_is_trusted_and_the_working_data_are_gone(trained: tuple[Path, list[str]]) -> None:
    require_trust(trained[0] / "model.ts")
    assert sorted(item.name for item in trained[0].iterdir()) == ["model.json", "model.ts", "shelf", "training.ckpt"]


@pytest.mark.slow
def test_the_card_tells_what_the_model_was_made_of(trained: tuple[Path, list[str]], corpus: Artifact) -> None:
    card = json.loads((trained[0] / "model.json").read_text())
    assert (card["config"], card["steps"], card["phase"], card["sample_rate"], card["ratio"]) == (
        "raspberry",
        14,
        "GAN",
        44100,
        2048,
    )
    assert card["seconds"]["corpus"] == pytest.approx(card["seconds"]["read"], abs=0.01) == pytest.approx(14, abs=0.01)
    assert card["seconds"]["training"] + card["seconds"]["validation"] >= 14
    assert len(card["variance"]) == card["latent_size"] == 16
    assert sum(card["variance"]) == pytest.approx(1, abs=1e-3)
    assert [entry["path"] for entry in card["recordings"]] == ["glide.wav"]
    assert 9 in [step for step, _ in card["validation"]]


@pytest.mark.slow
def test_training_reports_both_phases_and_the_last_step(trained: tuple[Path, list[str]]) -> None:
    assert any("VAE phase" in text for text in trained[1])
    assert any(text.startswith("step 14 of 14, GAN phase") for text in trained[1])


@pytest.mark.slow
@pytest.mark.parametrize("step", [5, 11])
def test_a_stopped_training_goes_on_at_the_same_step_and_ends_as_if_it_had_not_stopped(
    trained: tuple[Path, list[str]], corpus: Artifact, tmp_path: Path, step: int
) -> None:
    with pytest.raises(Cancelled, match=f"after step {step} of 14"):
        train(tmp_path / "job", corpus, stop_at=step)
    reports, warnings = train(tmp_path / "job", corpus)
    assert f"going on after step {step}" in reports
    assert not warnings
    expected, found = weights(trained[0]), weights(tmp_path / "job")
    assert all((expected[name] == found[name]).all() for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\0" * 1000])
def test_a_damaged_checkpoint_is_reported_and_the_training_starts_anew(
    trained: tuple[Path, list[str]], corpus: Artifact, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "training.ckpt").write_bytes(damage((trained[0] / "training.ckpt").read_bytes()))
    reports, warnings = train(tmp_path / "job", corpus, steps=1, gan_after=1)
    assert "is damaged" in warnings[-1] and len(warnings) == 2  # the other says that there is no second phase
    assert any(text.startswith("step 1 of 1") for text in reports)


@pytest.mark.slow
def test_a_checkpoint_of_other_settings_is_not_gone_on_with(
    trained: tuple[Path, list[str]], corpus: Artifact, tmp_path: Path
) -> None:
    (tmp_path / "job").mkdir()
    shutil.copy(trained[0] / "training.ckpt", tmp_path / "job")
    _, warnings = train(tmp_path / "job", corpus, steps=1, gan_after=1)
    assert "other settings" in warnings[-1]
    assert (tmp_path / "job" / "training.other.ckpt").stat().st_size == (trained[0] / "training.ckpt").stat().st_size


@pytest.mark.slow
def test_a_training_that_never_reaches_the_second_phase_says_so_before_it_begins(corpus: Artifact, tmp_path: Path) -> None:
    params = {**TINY, "steps": 1, "gan_after": 100}
    _, reports, warnings = job(RaveTrainer(), tmp_path, params, patch_folder=corpus.path.parent, artifacts={"corpus": corpus})
    assert "the GAN phase begins after step 100 and the training ends at 1" in warnings[0]
    assert json.loads((tmp_path / "model.json").read_text())["phase"] == "VAE"
    assert [fraction for fraction, _ in reports] == sorted(fraction for fraction, _ in reports)  # type: ignore[type-var]


CRASH = """
import sys
from pathlib import Path
import nodes.rave_lightning
from tests.nodes.test_rave_training import Artifact, PortType, train
nodes.rave_lightning.CHECKPOINT_SECONDS = 0.0
train(Path(sys.argv[1]), Artifact(PortType.CORPUS, Path(sys.argv[2]), sys.argv[3], {}), steps=100_000, gan_after=9)
"""


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_from_its_last_checkpoint(corpus: Artifact, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CRASH, str(folder), str(corpus.path), corpus.fingerprint]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 240
        while not (folder / "training.ckpt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (folder / "training.ckpt").exists(), f"no checkpoint came (exit code {process.poll()})"
        time.sleep(1)
        process.kill()
    with pytest.raises(Cancelled, match=r"after step [1-9]\d* of 100000"):
        train(folder, corpus, stop_at=0, steps=100_000, gan_after=9)
