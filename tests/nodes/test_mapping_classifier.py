"""The classifier: which gesture it takes this for, how sure it is, what it keeps, and what it says of examples that are alike."""

import numpy as np
import pytest

from nodes import mapping_classifier
from nodes.mapping_classifier import Classifier, probabilities
from nodes.regression import Anchor, Examples
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

GESTURE = ("mouth", "brow")
CENTRES = {"calm": (0, 0), "open": (1, 0), "frown": (0, 1)}
every_method = pytest.mark.parametrize("method", ["knn", "logistic"])


def examples(centres=None, scatter=0.05, frames=30):
    random = np.random.default_rng(1)
    return Examples(
        GESTURE,
        (),
        tuple(
            Anchor(name, np.zeros(0, np.float32), (np.array(centre) + random.normal(0, scatter, (frames, 2))).astype(np.float32))
            for name, centre in (centres or CENTRES).items()
        ),
    )


def prepared(taught, method="knn", neighbours=5):
    node = Classifier()
    node.examples = taught
    node.context = Stream(44100, 512, 1, True, None, {"gesture": GESTURE})
    node.prepare(node.context, method, neighbours)
    return node


def play(node, gesture, certainty=0.6):
    steps = np.array(gesture, np.float32)
    return node.process(Block(512), steps[:, None].repeat(8, axis=1) if steps.ndim == 1 else steps, certainty)


@every_method
def test_each_gesture_is_recognised_by_name_and_number(method):
    node = prepared(examples(), method)
    assert node.context.output_names["classes"] == ("calm", "open", "frown")
    for number, centre in enumerate(CENTRES.values()):
        made = play(node, centre)
        assert made["classes"].shape == (3, 8) and made["classes"].dtype == np.float32
        assert made["classes"][number, 0] > 0.9 and made["winner"][0, 0] == number
        np.testing.assert_allclose(made["classes"].sum(0), 1, atol=1e-6)


def test_nearest_neighbours_are_as_sure_as_scikit_learn_is():
    from sklearn.neighbors import KNeighborsClassifier

    learnt = mapping_classifier.fit(examples(scatter=0.4), "knn", 7)
    model = KNeighborsClassifier(7, weights="distance").fit(learnt.points, learnt.labels)
    inputs = np.random.default_rng(2).normal(size=(50, 2))
    np.testing.assert_allclose(probabilities(learnt, inputs.T).T, model.predict_proba(inputs), atol=1e-6)


@pytest.mark.parametrize("count", [2, 3])
def test_logistic_regression_is_as_sure_as_scikit_learn_is(monkeypatch, count):
    from sklearn.linear_model import LogisticRegression

    models, fit = [], LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", lambda model, x, y: models.append(fit(model, x, y)) or models[-1])
    learnt = mapping_classifier.fit(examples(dict(list(CENTRES.items())[:count]), scatter=0.4), "logistic", 5)
    inputs = np.random.default_rng(2).normal(size=(50, 2))
    np.testing.assert_allclose(probabilities(learnt, inputs.T).T, models[0].predict_proba(inputs), atol=1e-6)


@every_method
def test_one_class_is_always_certain(method):
    made = play(prepared(examples({"calm": (0, 0)}), method), (5, 5))
    assert made["classes"][0, 0] == 1 and made["winner"][0, 0] == 0 and made["support"][0, 0] > 1


def test_the_winner_stays_until_another_class_is_certain_enough():
    node = prepared(examples(), "logistic")
    assert play(node, CENTRES["calm"])["winner"][0, -1] == 0
    between = (0.6, 0.0)
    assert 0.5 < play(node, between, certainty=0.99)["classes"][1, 0] < 0.99
    assert play(node, between, certainty=0.99)["winner"][0, -1] == 0
    assert play(node, between, certainty=0.5)["winner"][0, -1] == 1


@every_method
def test_it_answers_the_same_at_every_block_length(method):
    gesture = np.random.default_rng(2).normal(0.3, 0.6, (2, 64)).astype(np.float32)
    gesture[:, 20:40] = gesture[:, 20:21]
    gesture[1, 45:47] = np.nan

    def made(block):
        node = Classifier()
        node.examples = examples()
        return stream(node, {"gesture": gesture}, {"method": method}, block=block, names={"gesture": GESTURE})

    for output, value in made(512).items():
        assert np.isfinite(value).all()
        for block in (64, 2048):
            np.testing.assert_allclose(made(block)[output], value, atol=1e-6)


@every_method
def test_what_was_learnt_is_read_back_and_answers_the_same(tmp_path, monkeypatch, method):
    old = prepared(examples(), method)
    old.save(tmp_path)
    new = Classifier()
    new.load(tmp_path)
    monkeypatch.setattr(mapping_classifier, "fit", lambda *_: pytest.fail("it was trained again"))
    new.prepare(Stream(44100, 512, 1, True, None, {"gesture": GESTURE}), method, 5)
    for output, value in play(old, (0.4, 0.3)).items():
        np.testing.assert_array_equal(play(new, (0.4, 0.3))[output], value)


def test_damaged_weights_are_made_anew(tmp_path):
    prepared(examples(), "logistic").save(tmp_path)
    np.savez(tmp_path / "mapping.npz", **{**np.load(tmp_path / "mapping.npz"), "weights": np.zeros((3, 7))})
    node = Classifier()
    node.load(tmp_path)
    assert node.mapping is None and len(node.examples.anchors) == 3


def test_it_is_taught_by_name_alone_and_says_how_well_classes_are_told_apart():
    node = Classifier()
    for name, centre in CENTRES.items():
        frames = np.array(centre) + np.random.default_rng(0).normal(0, 0.05, (20, 2))
        node.examples = node.add(name, {"ignored": 1.0}, frames, GESTURE)["examples"]
    assert node.anchors() == (("calm", {}, 20), ("open", {}, 20), ("frown", {}, 20))
    scores = node.scores()
    assert scores["training_error"] == 0 and scores["second_halves"] == 1 and scores["warnings"] == []
    assert "from the first half of each gesture 100 % of the second halves are recognised (chance 33 %)" in node.describe()


def test_gestures_that_are_alike_are_told():
    node = prepared(examples({"calm": (0, 0), "still": (0, 0), "open": (1, 1)}))
    assert node.scores()["warnings"] == [
        "'calm' and 'still' are nearly the same gesture and cannot be told apart: record one of them differently"
    ]


def test_an_untaught_classifier_says_how_to_teach_it():
    with pytest.raises(
        NodeError, match="this classifier has not been taught yet: record gestures with Record in its node, or with `glasspatch"
    ):
        prepared(Examples(GESTURE, ()))


def test_other_classes_cannot_be_trained_into_a_playing_node():
    node = prepared(examples())
    node.examples = node.remove("open")["examples"]
    with pytest.raises(NodeError, match="other dimensions than before"):
        node.train()
