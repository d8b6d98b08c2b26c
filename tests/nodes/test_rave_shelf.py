"""A training that goes further: shelf, more steps, warm starts, what is varied and told, and what may go wrong (slow)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nodes.rave_checkpoints import alone_in
from nodes.rave_model import open_model
from runtime.artifacts import Artifact, hash_file
from runtime.errors import Cancelled, NodeError
from runtime.shelf import read_shelf, star
from tests.nodes.test_rave_training import Told, artifact_of, corpus_of, own_trust_list, record, train, weights

__all__ = ["own_trust_list"]  # the trust list of a user who is not there
FIRST = {"steps": 9, "shelf_every": 5}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("sound")
    return artifact_of(corpus_of(folder, [record(folder, "glide.wav", 14)]))


@pytest.fixture(scope="module")
def first(corpus: Artifact, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A training of the first phase only, and what it told."""
    folder, told = tmp_path_factory.mktemp("first") / "job", []
    train(folder, corpus, told=told, **FIRST)
    return folder, told


@pytest.fixture(scope="module")
def extended(first: tuple[Path, Told], corpus: Artifact, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The same with five steps more, and its reports."""
    folder = tmp_path_factory.mktemp("extended") / "job"
    reports, _ = train(folder, corpus, before=first[0])
    return folder, reports


def card_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return found


# The shelf


@pytest.mark.slow
def test_a_training_puts_models_on_its_shelf_on_the_way_and_at_its_end(first: tuple[Path, Told]) -> None:
    shelf = read_shelf(first[0])
    assert [(one.step, one.phase) for one in shelf] == [(9, "VAE"), (5, "VAE")]
    for one in shelf:
        model = open_model(one.model)  # a streaming model that is trusted
        assert one.card["fingerprint"] == hash_file(one.model)
        assert int(model.decode_params[0]) == 4


@pytest.mark.slow
def test_each_model_on_the_shelf_is_heard_on_the_test_phrase_and_on_a_walk(first: tuple[Path, Told]) -> None:
    original, rate = soundfile.read(first[0] / "shelf" / "original.flac")
    for one in read_shelf(first[0]):
        phrase, walk = (soundfile.read(one.sound(name))[0] for name in ("phrase", "walk"))
        assert len(phrase) == len(original) and len(walk) == 12 * rate // 2048 * 2048
        assert np.abs(phrase).max() > 1e-4 and np.abs(walk).max() > 1e-4


@pytest.mark.slow
def test_the_test_phrase_is_what_the_exported_model_gives_played_as_the_nodes_play_it(first: tuple[Path, Told]) -> None:
    import torch

    from nodes.rave_model import reset_caches

    one = read_shelf(first[0])[0]
    original, _ = soundfile.read(first[0] / "shelf" / "original.flac", dtype="float32")
    model = open_model(one.model)
    with torch.inference_mode():
        for _ in range(3):
            model.decode(model.encode(torch.zeros(1, 1, 2048)))
        reset_caches(model)
        torch.manual_seed(0)
        cut = torch.from_numpy(original[: len(original) // 2048 * 2048]).reshape(-1, 1, 1, 2048)
        points = [model.encode(piece) for piece in cut]
        said = torch.cat([model.decode(point) for point in points], -1)[0, 0].numpy()
    told, _ = soundfile.read(one.sound("phrase"), dtype="float32")
    np.testing.assert_allclose(told[: len(said)], said, atol=2e-3)


@pytest.mark.slow
def test_the_measures_say_how_near_it_is_and_that_it_repeats(first: tuple[Path, Told]) -> None:
    measures = read_shelf(first[0])[0].card["measures"]
    assert 1 < measures["distance"] < 30
    assert measures["repeats"] and measures["finite"] and measures["dice"] < 20
    assert len(measures["latents"]) == 4 and all(one["variance"] > 0 for one in measures["latents"])
    assert card_of(first[0])["measures"] == measures


# More steps, other latents


@pytest.mark.slow
def test_more_steps_go_on_and_end_as_one_long_training(
    extended: tuple[Path, list[str]], corpus: Artifact, tmp_path: Path
) -> None:
    assert "going on after step 9" in extended[1]
    train(tmp_path / "unbroken", corpus)
    expected, found = weights(tmp_path / "unbroken"), weights(extended[0])
    assert all((expected[name] == found[name]).all() for name in expected)
    assert card_of(extended[0])["phase"] == "GAN" and card_of(extended[0])["steps"] == 14


@pytest.mark.slow
def test_what_stood_on_the_shelf_before_stays_on_it(extended: tuple[Path, list[str]], first: tuple[Path, Told]) -> None:
    assert [one.step for one in read_shelf(extended[0])] == [14, 9, 5]
    assert read_shelf(extended[0])[1].model.read_bytes() == (first[0] / "model.ts").read_bytes()
    assert [one.step for one in read_shelf(first[0])] == [9, 5]


@pytest.mark.slow
def test_another_number_of_latents_or_other_words_for_the_card_train_nothing(
    extended: tuple[Path, list[str]], corpus: Artifact, tmp_path: Path
) -> None:
    reports, _ = train(
        tmp_path / "job", corpus, before=extended[0], export_latents=8, licence="CC BY 4.0", consent="the choir, by letter"
    )
    assert not [words for words in reports if words.startswith("step ")]
    card = card_of(tmp_path / "job")
    assert card["latents"] == 8 and card["rights"] == {"licence": "CC BY 4.0", "consent": "the choir, by letter"}
    assert card["license"].startswith("CC BY-NC 4.0")
    assert card["dropped"] == {"latents": 8, "variance": pytest.approx(1 - card["fidelity"][7])}
    assert card["recordings"] and card["seconds"]["read"] == pytest.approx(14, abs=0.01)


@pytest.mark.slow
def test_fewer_steps_than_were_made_are_kept_and_said(extended: tuple[Path, list[str]], corpus: Artifact, tmp_path: Path) -> None:
    _, warnings = train(tmp_path / "job", corpus, before=extended[0], steps=11)
    assert "it has been trained for 14 steps already" in warnings[-1]
    assert card_of(tmp_path / "job")["steps"] == 14


# What is told


@pytest.mark.slow
def test_a_training_tells_what_is_in_its_plan_and_each_step_as_facts(first: tuple[Path, Told]) -> None:
    facts: dict[str, Any] = {}
    for _, told in first[1]:
        facts |= told
    assert facts["seconds"]["read"] == pytest.approx(14, abs=0.01) and facts["rejected"] == []
    assert facts["plan"] == {"VAE": 9, "GAN": 0}
    assert (facts["step"], facts["steps"], facts["phase"], facts["left"]) == (9, 9, "VAE", 0.0)
    assert facts["steps_per_second"] > 0 and facts["memory"] > 1e8
    assert facts["losses"]["fullband_spectral_distance"] > 0 and facts["shelf"] == 9
    assert [words for words, _ in first[1] if words][:2] == [
        "14.0 s of sound are in: 13.4 s to learn from, 1.5 s held out; nothing refused",
        "9 steps of the VAE phase, which learns what the sounds are; no GAN phase",
    ]


@pytest.mark.slow
def test_a_long_training_is_estimated_by_a_few_steps_of_both_phases_before_it_begins(corpus: Artifact, tmp_path: Path) -> None:
    told: Told = []
    with pytest.raises(Cancelled):
        train(tmp_path / "job", corpus, stop_at=9, told=told, steps=200, gan_after=150)
    found = next(facts["estimate"] for _, facts in told if "estimate" in facts)
    assert found["vae"] > 0 and found["gan"] > 0 and found["memory"] > 1e8
    assert found["seconds"] == pytest.approx(150 * found["vae"] + 50 * found["gan"])
    assert "200 steps take about" in next(words for words, facts in told if "estimate" in facts)


# Warm starts, noise, what is varied


def folded(weights: dict[str, Any]) -> dict[str, Any]:
    """What encoder and decoder compute with: an export folds the norm (weight_g) of a layer into its weights (weight_v)."""
    found = {}
    for name, value in weights.items():
        if name.startswith(("encoder", "decoder")) and name.endswith(("weight_v", "bias")):
            scale = weights.get(name.removesuffix("weight_v") + "weight_g") if name.endswith("weight_v") else None
            flat = value.flatten(1).norm(dim=1).reshape(-1, *[1] * (value.ndim - 1)) if scale is not None else 1.0
            found[name] = value if scale is None else scale * value / flat
    return found


@pytest.mark.slow
@pytest.mark.parametrize("file", ["training.ckpt", "model.ts", "shelf/000000009/weights.ckpt"])
def test_a_warm_start_takes_the_weights_of_another_model(
    first: tuple[Path, Told], corpus: Artifact, tmp_path: Path, file: str
) -> None:
    path = corpus.path.parent / f"other{Path(file).suffix}"
    shutil.copy(first[0] / file, path)
    told: Told = []
    with pytest.raises(Cancelled):
        train(tmp_path / "job", corpus, stop_at=1, told=told, warm_start=path.name, gan_after=5)
    found = next(facts["warm_start"] for _, facts in told if "warm_start" in facts)
    before, after = weights(first[0]), weights(tmp_path / "job")
    if file == "model.ts":  # an exported model has no critic any more
        assert all(name.startswith("discriminator") for name in found["left"]), found["left"]
    else:
        assert found["taken"] == found["all"]
    before, after = folded(before), folded(after)
    apart = [float((before[name] - after[name]).abs().max()) for name in after]
    # One step of Adam moves a number by its learning rate, 0.001, at most; a weight is made of two.
    assert len(apart) > 20 and max(apart) < 5e-3, max(apart)


@pytest.mark.slow
def test_a_warm_start_of_another_shape_takes_what_fits_and_says_what_does_not(
    first: tuple[Path, Told], corpus: Artifact, tmp_path: Path
) -> None:
    shutil.copy(first[0] / "training.ckpt", corpus.path.parent / "other.ckpt")
    told: Told = []
    train(tmp_path / "job", corpus, told=told, warm_start="other.ckpt", steps=1, latent_size=8)
    words = next(words for words, facts in told if "warm_start" in facts)
    left = card_of(tmp_path / "job")["warm_start"]["left"]
    assert "% of the weights fit and are taken; not: decoder" in words
    assert 0 < len(left) < 8 and all(name.startswith(("encoder", "decoder")) for name in left)


def test_a_file_that_is_no_model_is_no_warm_start(corpus: Artifact, tmp_path: Path) -> None:
    (corpus.path.parent / "text.ckpt").write_text("not a checkpoint")
    with pytest.raises(NodeError, match=r"text\.ckpt is no warm start"):
        train(tmp_path / "job", corpus, warm_start="text.ckpt")
    with pytest.raises(NodeError, match=r"there is no file nowhere\.ckpt"):
        train(tmp_path / "job2", corpus, warm_start="nowhere.ckpt")


@pytest.mark.slow
def test_noise_and_all_that_is_varied_train_in_half_the_bits_too(corpus: Artifact, tmp_path: Path) -> None:
    varied = {f"vary_{name}": True for name in ("pitch", "gain", "compress", "mute")}
    reports, _ = train(tmp_path / "job", corpus, steps=6, gan_after=3, noise=True, precision="bf16", **varied)
    assert reports[-1].startswith("listening to step 6")
    card = card_of(tmp_path / "job")
    assert card["noise"] and card["augment"] == ["pitch", "compress", "gain", "mute"]
    assert all(np.isfinite(value) for value in card["losses"].values()) and card["measures"]["finite"]


@pytest.mark.slow
def test_two_processes_train_one_model_on_their_parts_of_each_batch(corpus: Artifact, tmp_path: Path) -> None:
    from nodes.rave_data import split_corpus, write_examples
    from nodes.rave_lightning import Machine, fit
    from nodes.rave_package import Training, quiet
    from runtime.corpus import Corpus
    from runtime.node import Job

    told: list[Any] = []
    job = Job(
        tmp_path, corpus.path.parent, 0, lambda *_: None, lambda: False, lambda _: None, lambda _, facts: told.append(facts)
    )
    split = split_corpus(14 * 44100, 44100, 2048, 16, (32768,))
    sound = Corpus.read(corpus.path, corpus.path.parent)
    with quiet():
        write_examples(job, sound, tmp_path / "examples", "key", 44100, split, 0.1)
        training = Training("raspberry", True, 16, 44100, 6, 3, 2, 32768, 0, "corpus")
        checkpoint = tmp_path / "training.ckpt"
        state = fit(job, training, tmp_path / "examples", 1, checkpoint, "cpu", lambda done: done, Machine(gpus=2))
    # `require_same` has compared the weights of both before the checkpoint was written.
    assert state["global_step"] == 6 and np.isfinite(list(state["callbacks"]["glasspatch"]["losses"].values())).all()
    assert [facts["step"] for facts in told if "step" in facts][-1] == 6
    assert "LOCAL_RANK" not in os.environ


# What may go wrong


@pytest.mark.slow
def test_a_checkpoint_cut_short_costs_no_more_than_the_steps_since_the_one_before(corpus: Artifact, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        train(tmp_path / "job", corpus, stop_at=3)
    with pytest.raises(Cancelled):
        train(tmp_path / "job", corpus, stop_at=2)
    newest = tmp_path / "job" / "training.ckpt"
    newest.write_bytes(newest.read_bytes()[:100_000])
    with pytest.raises(Cancelled, match="after step 3"):
        train(tmp_path / "job", corpus, stop_at=-1)


FULL = """
import resource, signal, sys
from pathlib import Path
import nodes.rave_lightning
from runtime.errors import NodeError
from tests.nodes.test_rave_training import Artifact, PortType, train
nodes.rave_lightning.CHECKPOINT_SECONDS = 0.0
class Tell(list):
    def append(self, told):
        if told[1].get("step", 0) == 3:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
nodes.rave_lightning.REPORT_SECONDS = 0.0
try:
    train(Path(sys.argv[1]), Artifact(PortType.CORPUS, Path(sys.argv[2]), sys.argv[3], {}), told=Tell())
except NodeError as error:
    print("REFUSED", error)
"""


@pytest.mark.slow
def test_a_disk_that_fills_up_during_a_training_costs_one_checkpoint(corpus: Artifact, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    command = [sys.executable, "-c", FULL, str(folder), str(corpus.path), corpus.fingerprint]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300)
    assert "REFUSED the checkpoint of step 3 cannot be written: the disk is full" in done.stdout, done.stderr[-2000:]
    assert "it goes on from the one before" in done.stdout and not (folder / "training.tmp").exists()
    with pytest.raises(Cancelled, match="after step 2"):
        train(folder, corpus, stop_at=-1)


def test_two_trainings_cannot_work_in_one_folder(corpus: Artifact, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    with alone_in(tmp_path / "job"), pytest.raises(NodeError, match="another training is at work in job"):
        train(tmp_path / "job", corpus)
    assert not list((tmp_path / "job").iterdir())


def test_a_corpus_of_digital_silence_is_refused_before_the_first_step(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(6 * 44100), 44100, subtype="PCM_16")
    from runtime.corpus import Recording

    silent = artifact_of(corpus_of(tmp_path, [Recording("quiet.wav", "", 44100, 1, 6 * 44100)]))
    with pytest.raises(NodeError, match="the corpus is digital silence"):
        train(tmp_path / "job", silent)


@pytest.mark.slow
def test_three_seconds_of_six_channels_at_192_khz_in_8_bits_train(tmp_path: Path) -> None:
    from runtime.corpus import Recording

    sound = 0.5 * np.sin(np.arange(3 * 192000) * 0.02)
    soundfile.write(tmp_path / "odd.wav", np.tile(sound[:, None], (1, 6)), 192000, subtype="PCM_U8")
    odd = artifact_of(corpus_of(tmp_path, [Recording("odd.wav", "", 192000, 6, 3 * 192000)]))
    train(tmp_path / "job", odd, steps=2, gan_after=1, latent_size=4)
    card = card_of(tmp_path / "job")
    assert card["steps"] == 2 and card["seconds"]["read"] == pytest.approx(3, abs=1e-3)


@pytest.mark.slow
def test_a_starred_step_stays_when_newer_ones_make_room(first: tuple[Path, Told], corpus: Artifact, tmp_path: Path) -> None:
    shutil.copytree(first[0], tmp_path / "before")
    star(tmp_path / "before", 5)
    train(tmp_path / "job", corpus, before=tmp_path / "before", shelf_keep=1, steps=10)
    assert [(one.step, one.model is not None, one.is_starred) for one in read_shelf(tmp_path / "job")] == [
        (10, True, False),
        (9, False, False),
        (5, True, True),
    ]
