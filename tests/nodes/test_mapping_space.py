"""The gesture space: directions found in movement that nobody named."""

import numpy as np
import pytest

from nodes import mapping_space
from nodes.mapping_space import GestureSpace
from nodes.regression import Anchor, Examples
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

GESTURE = ("a", "b", "c", "d")
every_method = pytest.mark.parametrize("method", ["pca", "autoencoder"])


def plane(frames=200):
    """Movement in two directions only, though it has four dimensions: a, b and c together, and d."""
    random = np.random.default_rng(0)
    one, two = random.normal(size=(2, frames))
    return np.stack([one, 0.5 * one, -one, two], axis=1).astype(np.float32)


def examples(frames=None):
    return Examples(GESTURE, (), (Anchor("free", np.zeros(0, np.float32), plane() if frames is None else frames),))


def prepared(taught, method="pca", dimensions=2):
    node = GestureSpace()
    node.examples = taught
    node.context = Stream(44100, 512, 1, True, None, {"gesture": GESTURE})
    node.prepare(node.context, method, dimensions)
    return node


def play(node, gesture, range=2.0):
    return node.process(Block(512), np.array(gesture, np.float32)[:, None].repeat(8, axis=1), range)


@every_method
def test_two_directions_keep_all_of_a_movement_that_has_two(method):
    node = prepared(examples(), method)
    assert node.context.output_names["control"] == ("d0", "d1")
    assert node.scores()["kept"] > 0.97
    assert "2 directions keep" in node.describe()


def test_pca_gives_each_direction_a_dimension_of_its_own():
    node = prepared(examples())
    rest = play(node, plane().mean(0))["control"][:, 0]
    np.testing.assert_allclose(rest, 0, atol=1e-5)
    together = play(node, plane().mean(0) + np.array((1, 0.5, -1, 0), np.float32))["control"][:, 0]
    alone = play(node, plane().mean(0) + np.array((0, 0, 0, 1), np.float32))["control"][:, 0]
    assert abs(together[0]) > 0.9 and abs(together[1]) < 0.2
    assert abs(alone[1]) > 0.9 and abs(alone[0]) < 0.2


@every_method
def test_what_was_recorded_lies_within_the_range_and_the_knob_widens_it(method):
    node = prepared(examples(), method)
    made = np.stack([play(node, frame)["control"][:, 0] for frame in plane()[::4]])
    assert (np.abs(made) < 2.0).mean() > 0.9
    np.testing.assert_allclose(play(node, plane()[3], range=4.0)["control"], 2 * play(node, plane()[3])["control"], rtol=1e-6)


def test_support_is_above_1_only_outside_of_what_was_recorded():
    node = prepared(examples())
    assert np.median([play(node, frame)["support"][0, 0] for frame in plane()[::10]]) < 1
    assert play(node, (9, -9, 9, 9))["support"][0, 0] > 1


@every_method
def test_the_forward_pass_is_that_of_scikit_learn(monkeypatch, method):
    import sklearn.decomposition
    import sklearn.neural_network

    cls = sklearn.decomposition.PCA if method == "pca" else sklearn.neural_network.MLPRegressor
    models, fit = [], cls.fit
    monkeypatch.setattr(cls, "fit", lambda model, *given: models.append(fit(model, *given)) or models[-1])
    learnt = mapping_space.fit(examples(), method, 2, 0)
    standard = ((plane() - learnt.mean) / learnt.scale)[:20]
    made = mapping_space.direction(learnt.weights, standard.T)
    if method == "pca":
        np.testing.assert_allclose(np.abs(made.T), np.abs(models[0].transform(standard)), atol=1e-6)
    else:
        full = np.tanh(made.T @ models[0].coefs_[2] + models[0].intercepts_[2]) @ models[0].coefs_[3] + models[0].intercepts_[3]
        np.testing.assert_allclose(full, models[0].predict(standard), atol=1e-6)


@every_method
def test_it_answers_the_same_at_every_block_length(method):
    gesture = np.random.default_rng(2).normal(size=(4, 64)).astype(np.float32)
    gesture[1, 45:47] = np.nan

    def made(block):
        node = GestureSpace()
        node.examples = examples()
        return stream(node, {"gesture": gesture}, {"method": method}, block=block, names={"gesture": GESTURE})

    for output, value in made(512).items():
        assert np.isfinite(value).all()
        for block in (64, 2048):
            np.testing.assert_allclose(made(block)[output], value, atol=1e-5)


@every_method
def test_what_was_learnt_is_read_back_and_answers_the_same(tmp_path, monkeypatch, method):
    old = prepared(examples(), method)
    old.save(tmp_path)
    new = GestureSpace()
    new.load(tmp_path)
    monkeypatch.setattr(mapping_space, "fit", lambda *_: pytest.fail("it was trained again"))
    new.prepare(Stream(44100, 512, 1, True, None, {"gesture": GESTURE}), method, 2)
    np.testing.assert_array_equal(play(new, plane()[5])["control"], play(old, plane()[5])["control"])


def test_more_directions_than_there_is_movement_are_refused_with_the_number_to_set():
    still = plane()
    still[:, 1:] = 0.5
    with pytest.raises(
        NodeError, match="have 1 dimensions that move, too few for 2 directions; record more, or set dimensions to 1"
    ):
        prepared(examples(still))
    with pytest.raises(NodeError, match="have 2 different frames"):
        prepared(examples(plane()[:2]), dimensions=3)


def test_directions_that_keep_little_are_told():
    node = prepared(examples(np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)), dimensions=1)
    assert "keep only" in node.scores()["warnings"][0]
