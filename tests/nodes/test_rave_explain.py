"""Descriptors of sounds by hand, what goes with what beside chance, and both jobs on a model whose latents are known."""

import json

import numpy as np
import pytest
import soundfile

from nodes.rave_descriptors import DESCRIPTORS, describe, f0, matrix, names, onsets, spearman, sweep
from nodes.rave_explain import DescriptorMatrix, LatentSweep
from runtime.errors import Cancelled, NodeError
from tests.command import call, write_patch
from tests.drive import job
from tests.nodes.test_rave_corpus import corpus_of, heard
from tests.nodes.tiny_model import tiny_model

RATE = 44100


@pytest.fixture(scope="module", autouse=True)
def own_trust_list(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"), latents=4)


def tone(frequency, level=0.5, seconds=0.5):
    return level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)


def noise(level=0.1, seconds=0.5):
    return np.random.default_rng(0).normal(0, level, int(seconds * RATE))


# Descriptors


def test_a_tone_has_its_level_and_its_pitch_as_centroid_and_is_pure():
    found = dict(zip(DESCRIPTORS, describe(tone(1000.0), RATE), strict=True))
    assert found["loudness"] == pytest.approx(10 * np.log10(0.125), abs=0.01)
    assert 2 ** found["centroid"] == pytest.approx(1000, rel=0.01) and 2 ** found["f0"] == pytest.approx(1000, rel=0.005)
    assert found["flatness"] < -40 and found["onsets"] == 0


@pytest.mark.parametrize("frequency", [55.0, 110.0, 440.0, 1760.0])
def test_the_pitch_of_a_sound_with_overtones_is_its_fundamental(frequency):
    sound = sum(tone(frequency * n, 0.3 / n) for n in range(1, 8))
    assert f0(sound, RATE) == pytest.approx(frequency, rel=0.005)


def test_a_tone_too_high_for_a_pitch_is_not_taken_for_a_lower_one():
    assert f0(tone(6000.0), RATE) is None


def test_noise_has_no_pitch_and_is_flat():
    found = dict(zip(DESCRIPTORS, describe(noise(), RATE), strict=True))
    assert np.isnan(found["f0"]) and found["flatness"] > -1
    assert 2 ** found["centroid"] == pytest.approx(RATE / 4, rel=0.03)


def test_silence_has_a_level_and_nothing_else():
    found = dict(zip(DESCRIPTORS, describe(np.zeros(RATE // 2), RATE), strict=True))
    assert found["loudness"] == -100 and found["onsets"] == 0
    assert all(np.isnan(found[name]) for name in ("centroid", "flatness", "f0"))


def test_onsets_are_counted_in_a_second():
    sound = np.zeros(RATE * 2)
    for start in np.arange(0.1, 2.0, 0.25):  # eight clicks in two seconds
        sound[int(start * RATE) : int(start * RATE) + 2000] = 0.5
    assert onsets(sound, RATE) == pytest.approx(4.0, abs=0.1)
    assert onsets(noise(), RATE) == 0


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(1), tone(440.0)[:300]])
def test_tiny_sounds_are_described_without_an_error(sound):
    assert np.isfinite(describe(np.concatenate([sound, np.zeros(1)]), RATE)[0])


# What goes with what


def test_rank_correlation_is_that_of_scipy_and_leaves_out_what_is_not_known():
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    latents = random.normal(size=(60, 2))
    described = np.column_stack([latents[:, 0] ** 3 + random.normal(size=60), latents[:, 1]])
    described[::3, 1] = np.nan
    found = spearman(latents, described)
    assert found[0, 0] == pytest.approx(spearmanr(latents[:, 0], described[:, 0])[0])
    assert found[1, 1] == pytest.approx(1.0)
    described[:50, 1] = np.nan
    assert np.isnan(spearman(latents, described)[:, 1]).all()
    assert spearman(latents, np.ones((60, 1))).tolist() == [[0], [0]]


def test_chance_is_what_the_practice_says_for_500_sounds():
    random = np.random.default_rng(1)
    found = matrix(random.normal(size=(500, 8)), random.normal(size=(500, 5)), 0)
    # 95 % of |rho| of unrelated ranks lie below 1.96 / sqrt(499).
    assert found.chance == pytest.approx(1.96 / np.sqrt(499), rel=0.05)
    assert (np.abs(found.correlation) <= found.bounds).mean() > 0.85


def test_what_few_sounds_have_may_go_with_more_by_chance_and_what_never_changes_with_nothing():
    random = np.random.default_rng(1)
    described = random.normal(size=(500, 3))
    described[50:, 1] = np.nan
    described[:, 2] = 1.0
    found = matrix(random.normal(size=(500, 4)), described, 0)
    assert found.bounds[0] == found.chance and found.bounds[1] == pytest.approx(1.96 / np.sqrt(49), rel=0.15)
    assert found.bounds[2] == 1.0


def test_a_latent_is_named_after_what_it_does_most_clearly_and_never_by_chance():
    values = np.array([[0.9, 0.1, 0, 0, 0], [-0.5, 0, 0, 0, 0], [0.7, 0, 0, np.nan, 0], [0.25, 0, 0, 0, 0], [0, -0.6, 0, 0, 0]])
    assert names(values, np.full(5, 0.1), ("z0", "z1", "z2", "z3", "z4")) == ("louder", "softer", "louder_2", "z3", "darker")
    assert names(values[:1] * 0.9, np.full(5, 0.95), ("z0",)) == ("z0",)


def test_a_sweep_says_how_steadily_smoothly_and_consistently_a_descriptor_follows():
    way = np.linspace(-1, 1, 21)
    described = np.zeros((4, 2, 21, 2))
    described[:, 0, :, 0] = way  # the first latent moves the first descriptor, everywhere the same way
    described[:, 0, :, 1] = np.array([1, -1, 1, -1])[:, None] * way  # and the second now up, now down
    described[:, 1, :, 0] = np.where(np.arange(21) % 2, 1.0, -1.0)  # the second latent shakes it
    found = sweep(described)
    assert found.monotonicity[0].tolist() == pytest.approx([1, 0]) and found.consistency[0].tolist() == pytest.approx([1, 0])
    assert found.smoothness[0, 0] == pytest.approx(1) and found.smoothness[1, 0] == pytest.approx(1 / 20)
    assert abs(found.monotonicity[1, 0]) < 0.1 and np.isnan(found.smoothness[1, 1])
    np.testing.assert_allclose(found.curves[0, 0], way)
    assert sweep(np.zeros((32, 1, 5, 1))).chance == pytest.approx(0.141, abs=0.001)


# The jobs


def explained(folder):
    return json.loads((folder / "made/explained.json").read_text())


def run(node, folder, model, corpus=None, cancel_after=None, **params):
    given = {"model": model, "corpus": corpus}
    return job(node, folder / "made", params, patch_folder=folder, artifacts=given, cancel_after=cancel_after)


def test_the_matrix_finds_what_the_latents_do_and_proposes_names(tmp_path, model):
    outputs, reports, _ = run(DescriptorMatrix(), tmp_path, model, sounds=100, length=0.1)
    assert outputs == {"model": model.path} and reports[-1][0] == 1.0
    told = explained(tmp_path)
    assert told["model"] == model.fingerprint and told["latents"] == ["z0", "z1", "z2", "z3"]
    found = np.array(told["correlation"], float)
    place = {name: number for number, name in enumerate(DESCRIPTORS)}
    assert found[0, place["loudness"]] > 0.8 and found[1, place["f0"]] > 0.95 and found[2, place["flatness"]] > 0.7
    assert told["names"][0] == "louder" and told["names"][2] == "noisier" and told["names"][3] == "z3"
    assert told["names"][1] in ("higher", "brighter")
    assert told["chance"] == pytest.approx(1.96 / np.sqrt(99), rel=0.1)
    assert (tmp_path / "made/explained.png").stat().st_size > 5000


def test_the_matrix_is_the_same_twice_and_can_be_stopped(tmp_path, model):
    found = []
    for _ in range(2):
        run(DescriptorMatrix(), tmp_path, model, sounds=50, length=0.1)
        found.append([(tmp_path / "made" / name).read_bytes() for name in ("explained.json", "explained.png")])
    assert found[0] == found[1]
    with pytest.raises(Cancelled):
        run(DescriptorMatrix(), tmp_path, model, cancel_after=2, sounds=50, length=0.1)


def test_the_sweep_can_be_heard_and_tells_what_follows(tmp_path, model):
    outputs, _, _ = run(LatentSweep(), tmp_path, model, places=3, length=0.1)
    assert outputs == {"model": model.path}
    told = explained(tmp_path)
    loud, pitch = DESCRIPTORS.index("loudness"), DESCRIPTORS.index("f0")
    assert told["monotonicity"][0][loud] > 0.9 and told["consistency"][1][pitch] == 1
    assert told["smoothness"][1][pitch] > 0.9 and len(told["curves"][0][loud]) == 21
    sound, rate = soundfile.read(tmp_path / "made/z0.wav")
    assert rate == RATE and np.abs(sound).max() <= 0.5
    steps = np.array_split(sound, 21)
    assert (steps[12] ** 2).mean() > 4 * (steps[5] ** 2).mean()
    assert {path.name for path in (tmp_path / "made").glob("*.wav")} == {"z0.wav", "z1.wav", "z2.wav", "z3.wav"}


def test_with_a_corpus_the_latents_are_as_large_as_it_makes_them(tmp_path, model):
    corpus = heard(tmp_path, model, corpus_of(tmp_path))[0]
    (tmp_path / "sweep").mkdir()
    job(
        LatentSweep(),
        tmp_path / "sweep" / "made",
        {"places": 2, "length": 0.1},
        patch_folder=tmp_path,
        artifacts={"model": model, "corpus": corpus},
    )
    values = np.array(explained(tmp_path / "sweep")["values"])
    with np.load(corpus.path / "latents.npz") as file:
        frames = file["frames"]
    np.testing.assert_allclose(values[0, [0, -1]], frames[:, 0].mean() + np.array([-3, 3]) * frames[:, 0].std(), atol=1e-3)


def test_a_corpus_heard_by_another_model_is_refused(tmp_path, model):
    corpus = heard(tmp_path, model, corpus_of(tmp_path))[0]
    other = tiny_model(tmp_path, "other", latents=2)
    with pytest.raises(NodeError, match=r"heard by a model of 4 latents, but other.ts has 2; encode it with this model"):
        run(DescriptorMatrix(), tmp_path, other, corpus, sounds=50)


@pytest.mark.slow
def test_a_patch_explains_its_model_and_plays_it_on_with_what_the_corpus_covers(tmp_path):
    tiny_model(tmp_path, latents=4)
    corpus_of(tmp_path)
    nodes = {
        "file": ("rave.file", {"path": "tiny.ts"}),
        "archive": ("corpus.folder", {"path": "archive"}),
        "heard": ("rave.encode", {}),
        "matrix": ("rave.matrix", {"sounds": 50, "length": 0.1}),
        "wave": ("control.lfo", {"low": -20.0, "high": 20.0, "rate": 2.0}),
        "limit": ("rave.limit", {}),
        "nearest": ("rave.nearest", {}),
        "decoder": ("rave.decoder", {}),
        "out": ("audio.output", {}),
    }
    write_patch(
        tmp_path,
        nodes,
        *("file.model -> heard.model", "archive.corpus -> heard.corpus", "file.model -> matrix.model"),
        *("heard.corpus -> matrix.corpus", "heard.corpus -> limit.corpus", "heard.corpus -> nearest.corpus"),
        *("wave.control -> limit.latent", "limit.latent -> nearest.latent", "limit.latent -> decoder.latent"),
        *("matrix.model -> decoder.model", "decoder.audio -> out.audio"),
    )
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0, err
    assert json.loads((tmp_path / "p.assets/matrix/explained.json").read_text())["names"][0] == "louder"
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.5, folder=tmp_path)
    assert code == 0, err
    assert np.abs(soundfile.read(tmp_path / "a.wav")[0]).max() > 0.05
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0 and not (tmp_path / "p.assets/matrix.previous").exists()
