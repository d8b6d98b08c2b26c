"""A corpus heard by a model once: where its slices lie in latent space, which is nearest, and what region they cover."""

import numpy as np
import pytest
import soundfile

from nodes import rave_encoded
from nodes.rave_corpus import EncodeCorpus
from nodes.rave_encoded import Encoded, Nearest, encoded, limited
from nodes.rave_nearest import NearestRecording, SoftLimit
from runtime.artifacts import Artifact, hash_file
from runtime.corpus import Corpus, Recording, Slice
from runtime.errors import Cancelled, NodeError
from runtime.node import Stream
from runtime.spec import PortType
from tests.drive import job, stream
from tests.nodes.tiny_model import tiny_model

RATE = 44100
NAMES = ("z0", "z1", "z2", "z3")


@pytest.fixture(scope="module", autouse=True)
def own_trust_list(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"))


def tone(frequency, level, seconds=0.5, rate=RATE):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


SOUNDS = {"low": tone(220, 0.5), "high": tone(880, 0.5), "soft": tone(440, 0.125), "short": tone(440, 0.5, 0.002)}


def corpus_of(folder, sounds=None, rate=RATE):
    """A corpus of one slice for each sound, on disk."""
    recordings, slices = [], []
    for number, (name, sound) in enumerate((sounds or SOUNDS).items()):
        path = folder / "archive" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, sound, rate, subtype="FLOAT")
        recordings.append(Recording(f"archive/{name}.wav", hash_file(path), rate, 1, len(sound)))
        slices.append(Slice(number, 0, len(sound)))
    (folder / "corpus").mkdir(exist_ok=True)
    Corpus(folder, tuple(recordings), tuple(slices)).write(folder / "corpus")
    return Artifact(PortType.CORPUS, folder / "corpus", "", {})


def heard(folder, model, corpus=None, **how):
    given = {"model": model, "corpus": corpus or corpus_of(folder)}
    outputs, reports, warnings = job(EncodeCorpus(), folder / "made", patch_folder=folder, artifacts=given, **how)
    return Artifact(PortType.CORPUS, outputs["corpus"], "", {}), reports, warnings


def test_every_slice_is_heard_as_what_it_is(tmp_path, model):
    made, reports, warnings = heard(tmp_path, model)
    found = rave_encoded.read(made.path)
    assert found.model == model.fingerprint and found.latents == 4 and not warnings and reports[-1][0] == 1.0
    # The first and the last frame are partly faded or silent.
    means = [np.median(found.frames[a:b], axis=0) for a, b in zip(found.first[:-1], found.first[1:], strict=True)]
    np.testing.assert_allclose(means[0], [0.5, -1, 0, 0], atol=0.1)
    np.testing.assert_allclose(means[1], [0.5, 1, 0, 0], atol=0.1)
    np.testing.assert_allclose(means[2], [-1.5, 0, 0, 0], atol=0.1)
    # Half a second has 43 whole frames and one that silence fills up; two milliseconds have one.
    assert np.diff(found.first).tolist() == [44, 44, 44, 1]


def test_the_corpus_goes_on_as_it_is(tmp_path, model):
    given = corpus_of(tmp_path)
    made, _, _ = heard(tmp_path, model, given)
    assert Corpus.read(made.path, tmp_path) == Corpus.read(given.path, tmp_path)


def test_a_corpus_of_another_rate_is_resampled_for_the_model(tmp_path, model):
    corpus = corpus_of(tmp_path, {"low": tone(220, 0.5, rate=22050)}, 22050)
    found = rave_encoded.read(heard(tmp_path, model, corpus)[0].path)
    assert found.frames[5:40, 1].mean() == pytest.approx(-1, abs=0.1)


def test_it_hears_the_same_twice_and_can_be_stopped(tmp_path, model):
    one, two = (rave_encoded.read(heard(tmp_path, model)[0].path) for _ in range(2))
    assert one.frames.tobytes() == two.frames.tobytes() and one.points.tobytes() == two.points.tobytes()
    with pytest.raises(Cancelled):
        heard(tmp_path, model, cancel_after=2)


def test_a_corpus_without_slices_is_refused(tmp_path, model):
    (tmp_path / "corpus").mkdir()
    Corpus(tmp_path, (), ()).write(tmp_path / "corpus")
    with pytest.raises(NodeError, match="holds no slices, so there is nothing to hear"):
        heard(tmp_path, model, Artifact(PortType.CORPUS, tmp_path / "corpus", "", {}))


# Which is nearest


@pytest.fixture(scope="module")
def made(tmp_path_factory, model):
    return heard(tmp_path_factory.mktemp("corpus"), model)[0]


def nearest(made, latent, block=512, names=NAMES):
    node = NearestRecording()
    frames = latent.shape[1] * 64
    found = stream(node, {"latent": latent}, block=block, frames=frames, names={"latent": names}, artifacts={"corpus": made})
    return found, node.stream_used.output_names


def test_it_tells_the_slice_and_the_distance(made):
    places = np.array([[0.5, -1, 0, 0], [0.5, 1, 0.7, 0], [-1.5, 0, 0, 0]], np.float32).repeat(8, axis=0).T
    found, names = nearest(made, places)
    assert names == {"nearest": ("slice", "distance"), "novelty": ("novelty",)}
    assert found["nearest"][0].tolist() == [0.0] * 8 + [1.0] * 8 + [2.0] * 8
    assert found["nearest"][1, 0] < 0.2 and found["nearest"][1, 8] == pytest.approx(0.7, abs=0.1)
    np.testing.assert_allclose(
        found["novelty"][0] / found["nearest"][1], found["novelty"][0, 0] / found["nearest"][1, 0], rtol=1e-5
    )


def test_latents_that_are_not_given_count_as_0_and_no_number_as_0(made):
    found, _ = nearest(made, np.full((2, 8), [[0.5], [1.0]], np.float32), names=("z0", "z1"))
    assert found["nearest"][0, 0] == 1
    found, _ = nearest(made, np.full((4, 8), np.nan, np.float32))
    assert np.isfinite(found["nearest"]).all()


def test_it_tells_the_same_at_every_block_length(made):
    latent = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    expected, _ = nearest(made, latent)
    for block in (64, 2048):
        for output, value in nearest(made, latent, block)[0].items():
            np.testing.assert_array_equal(value, expected[output])


def test_a_corpus_that_was_not_encoded_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(NodeError, match="was not heard by a model yet; lead it through Encode corpus first"):
        nearest(corpus_of(tmp_path), np.zeros((4, 8), np.float32))


def test_more_latents_than_the_corpus_was_heard_with_are_refused(made):
    with pytest.raises(NodeError, match="heard by a model of 4 latents and is given 5"):
        nearest(made, np.zeros((5, 8), np.float32), names=tuple("abcde"))


@pytest.mark.parametrize("damage", [lambda data: data[:2000], lambda data: b"", lambda data: b"PK no zip"])
def test_damaged_latents_are_refused_in_words(tmp_path, model, damage):
    made, _, _ = heard(tmp_path, model)
    file = made.path / "latents.npz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(NodeError, match=r"the latents of the corpus are damaged .* run the patch again"):
        nearest(made, np.zeros((4, 8), np.float32))


def crowd(slices=5000, latents=8, frames=3):
    random = np.random.default_rng(0)
    centres = random.normal(size=(slices // 50, latents))
    places = centres[random.integers(0, len(centres), slices)] + 0.3 * random.normal(size=(slices, latents))
    return encoded("m", list((places[:, None] + 0.2 * random.normal(size=(slices, frames, latents))).astype(np.float32)), 0)


def test_among_many_slices_the_very_nearest_is_found_nearly_always():
    made = crowd()
    search, random = Nearest(made), np.random.default_rng(1)
    asked = (made.frames[random.integers(0, len(made.frames), 300)] + 0.3 * random.normal(size=(300, 8))).astype(np.float32)
    hits = 0
    for latent in asked:
        apart = np.sqrt(((made.frames - latent) ** 2).sum(1))
        number, distance = search.find(latent)
        hits += distance == pytest.approx(apart.min(), rel=1e-4)
        # Whatever it finds: the distance is that of the slice that it names.
        assert distance == pytest.approx(apart[made.first[number] : made.first[number + 1]].min(), rel=1e-4)
    assert hits >= 285


def test_of_too_many_frames_each_slice_keeps_some(monkeypatch):
    monkeypatch.setattr(rave_encoded, "MOST_POINTS", 6)
    made = encoded("m", [np.full((100, 2), n, np.float32) for n in range(3)], 0)
    assert np.bincount(made.slices).tolist() == [2, 2, 2] and len(made.frames) == 300
    assert [Nearest(made).find(np.array([n, n]))[0] for n in range(3)] == [0, 1, 2]


def test_one_slice_of_one_frame_can_be_near_and_has_a_region():
    made = encoded("m", [np.ones((1, 3), np.float32)], 0)
    assert Nearest(made).find(np.zeros(3)) == (0, pytest.approx(np.sqrt(3)))
    assert np.isfinite(limited(made, np.full((3, 2), 9.0), 0.7)[0]).all() and rave_encoded.spacing(made) == 1.0


def test_slices_lie_as_far_apart_as_their_means():
    made = encoded("m", [np.array([[n * 2.0], [n * 2.0 + 1]], np.float32) for n in range(5)], 0)
    assert rave_encoded.spacing(made) == pytest.approx(2.0)


# The region


def ball(knee=0.7, **params):
    """An encoded corpus whose region is a ball of radius 2 around (1, 0)."""
    return Encoded(
        "m", *[np.zeros((1, 2), np.float32), np.array([0, 1]), np.zeros((1, 2), np.float32), np.zeros(1, int)],
        np.zeros((1, 2), np.float32), np.array([0, 1]), np.array([1.0, 0.0]), np.eye(2), 2.0,
    )  # fmt: skip


def test_inside_the_knee_nothing_changes_and_beyond_the_edge_is_never_passed():
    given = np.array([[2.0, 0.0], [2.8, 0.0], [100.0, 0.0], [1.0, -50.0]]).T
    made, out = limited(ball(), given, 0.5)
    np.testing.assert_allclose(out, [0.5, 0.9, 49.5, 25.0])
    np.testing.assert_allclose(made[:, 0], [2.0, 0.0])
    assert 2.0 < made[0, 1] < 2.8
    assert made[0, 1] == pytest.approx(1 + 2 * (0.5 + 0.5 * np.tanh(0.8)))
    np.testing.assert_allclose(made[:, 2], [3.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(made[:, 3], [1.0, -2.0], atol=1e-6)


def test_a_knee_of_one_is_a_wall():
    made, _ = limited(ball(), np.array([[2.9, 7.0], [0.0, 0.0]]), 1.0)
    np.testing.assert_allclose(made[0], [2.9, 3.0])


def test_nearly_all_of_the_corpus_lies_within_its_region():
    frames = np.random.default_rng(0).normal(size=(4000, 5)) * [3, 2, 1, 0.5, 0]
    made = encoded("m", [frames.astype(np.float32)], 0)
    _, out = limited(made, frames.T, 0.7)
    assert (out <= 1).mean() == pytest.approx(0.99, abs=0.002)
    assert limited(made, np.array([[9.0, 0, 0, 0, 0]]).T, 0.7)[1] == pytest.approx(9 / 3 / made.edge, rel=0.1)


def soft(made, latent, names=NAMES, **params):
    node = SoftLimit()
    frames = latent.shape[1] * 64
    found = stream(node, {"latent": latent}, params, frames=frames, names={"latent": names}, artifacts={"corpus": made})
    return found, node.stream_used.output_names


def test_the_soft_limit_keeps_names_and_can_be_switched_off(made):
    far = np.full((4, 8), 50.0, np.float32)
    found, names = soft(made, far, names=("gravel", "b", "c", "d"))
    assert names == {"latent": ("gravel", "b", "c", "d"), "outside": ("outside",)}
    assert np.abs(found["latent"]).max() < 10 and found["outside"][0, 0] > 5
    off, _ = soft(made, far, limit=False)
    np.testing.assert_array_equal(off["latent"], far)
    assert off["outside"][0, 0] == found["outside"][0, 0]


def test_the_soft_limit_of_fewer_latents_gives_as_many(made):
    found, _ = soft(made, np.full((2, 8), 50.0, np.float32), names=("z0", "z1"))
    assert found["latent"].shape == (2, 8)


def test_more_latents_than_the_region_has_are_refused(made):
    with pytest.raises(NodeError, match="encode it with the model that plays"):
        SoftLimit().prepare(Stream(RATE, 512, 0, True, None, {"latent": tuple("abcde")}), made)
