"""The regressor: what it learns, what it plays, what it keeps on disk, and how it says no."""

import importlib
import json
import re

import numpy as np
import pytest

from nodes import regression
from nodes.mapping import Regressor
from nodes.regression import Anchor, Examples, Settings
from nodes.regression_methods import METHODS
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import params_of, stream

GESTURE = ("mouth", "brow", "jaw")
TARGETS = ("z0", "gravel")
every_method = pytest.mark.parametrize("method", METHODS)


def taught(*anchors, gesture=GESTURE, targets=TARGETS):
    """Examples from (name, target, centre of the gesture), with a little tremble of each."""
    rng = np.random.default_rng(5)
    made = [
        Anchor(
            name, np.array(target, np.float32), (np.array(centre) + rng.normal(0, 0.01, (20, len(gesture)))).astype(np.float32)
        )
        for name, target, centre in anchors
    ]
    return Examples(gesture, targets, tuple(made))


def three():
    return taught(("calm", (-1.0, 0.0), (0, 0, 0)), ("open", (1.0, 0.5), (1, 0, 0)), ("frown", (0.0, 1.0), (0, 1, 0)))


def many(count=12, dims=8, latents=8):
    rng = np.random.default_rng(0)
    names = tuple(f"g{n}" for n in range(dims)), tuple(f"z{n}" for n in range(latents))
    anchors = [(f"a{n}", rng.normal(size=latents), rng.normal(0.3, 0.1, dims)) for n in range(count)]
    return taught(*anchors, gesture=names[0], targets=names[1])


def prepared(examples, names=None, **params):
    node = Regressor()
    node.examples = examples
    values = params_of(Regressor, params, None)
    del values["clamp"]
    node.prepare(Stream(44100, 512, 1, True, None, {"gesture": names or examples.gesture}), **values)
    return node


def play(node, gesture, clamp=True):
    """What a node gives for one gesture [dims], or for steps [dims, steps]."""
    steps = np.array(gesture, np.float32)
    return node.process(Block(512), steps[:, None].repeat(8, axis=1) if steps.ndim == 1 else steps, clamp)


@every_method
def test_anchors_are_hit(method):
    node = prepared(three(), method=method)
    for anchor in node.examples.anchors:
        made = play(node, anchor.frames.mean(0))["prediction"]
        assert made.shape == (2, 8) and made.dtype == np.float32
        np.testing.assert_allclose(made[:, 0], anchor.target, atol=0.05)


@pytest.mark.parametrize("method", ["mlp", "knn", "gp", "rbf"])
def test_twelve_anchors_of_eight_dimensions_are_hit(method):
    examples, settings = many(), Settings(method)
    assert regression.anchor_errors(regression.fit(examples, settings), examples).mean() < 0.15


def test_a_plane_misses_twelve_anchors_and_says_so():
    node = prepared(many(), method="ridge")
    assert node.scores(whole=False)["anchor_hit"] > 0.3
    assert "anchors are missed by 0.4" in node.describe(node.scores(whole=False))


def test_the_mlp_predicts_what_scikit_learn_does(monkeypatch):
    from sklearn.neural_network import MLPRegressor

    models, fit = [], MLPRegressor.fit
    monkeypatch.setattr(MLPRegressor, "fit", lambda model, x, y: models.append(fit(model, x, y)))
    mapping = regression.fit(many(), Settings())
    gestures = np.random.default_rng(1).normal(0.3, 0.2, (50, 8))
    expected = models[0].predict((gestures - mapping.mean) / mapping.scale) * mapping.target_scale + mapping.target_mean
    np.testing.assert_allclose(regression.predict(mapping, gestures, clamp=False), expected, atol=1e-6)


@pytest.mark.parametrize(
    "module, name, method", [("linear_model", "Ridge", "ridge"), ("gaussian_process", "GaussianProcessRegressor", "gp")]
)
def test_a_plane_and_a_gaussian_process_predict_what_scikit_learn_does(monkeypatch, module, name, method):
    cls = getattr(importlib.import_module(f"sklearn.{module}"), name)
    models, fit = [], cls.fit
    monkeypatch.setattr(cls, "fit", lambda model, x, y: models.append(fit(model, x, y)) or models[-1])
    mapping = regression.fit(many(), Settings(method))
    gestures = np.random.default_rng(1).normal(0.3, 0.2, (50, 8))
    expected = models[0].predict((gestures - mapping.mean) / mapping.scale) * mapping.target_scale + mapping.target_mean
    np.testing.assert_allclose(regression.predict(mapping, gestures, clamp=False), expected, atol=1e-6)


def test_radial_basis_functions_predict_what_scipy_does():
    from scipy.interpolate import RBFInterpolator

    mapping = regression.fit(many(4), Settings("rbf"))
    model = RBFInterpolator(
        mapping.points, mapping.values, kernel="multiquadric", epsilon=1 / mapping.spacing, degree=0, smoothing=1e-3
    )
    inputs = np.concatenate([np.random.default_rng(1).normal(size=(50, 8)), mapping.points[:5]])
    made = regression.predict(mapping, inputs * mapping.scale + mapping.mean, clamp=False)
    np.testing.assert_allclose(made, model(inputs), atol=1e-6)


def test_of_many_examples_each_anchor_keeps_the_same_share():
    kept = regression.thinned([100, 3, 50], 30)
    assert [((kept >= low) & (kept < high)).sum() for low, high in ((0, 100), (100, 103), (103, 153))] == [10, 3, 10]
    assert kept[0] == 0 and kept[-1] == 152


def test_nearest_neighbours_predict_what_scikit_learn_does():
    from sklearn.neighbors import KNeighborsRegressor

    mapping = regression.fit(many(), Settings("knn", neighbours=7))
    model = KNeighborsRegressor(7, weights="distance").fit(mapping.points, mapping.values)
    inputs = np.concatenate([np.random.default_rng(1).normal(size=(50, 8)), mapping.points[:5]])
    made = regression.predict(mapping, inputs * mapping.scale + mapping.mean)
    np.testing.assert_allclose(made, model.predict(inputs), atol=1e-6)


def test_one_target_only_is_learnt_too():
    node = prepared(taught(("a", [1.0], (0, 0, 0)), ("b", [3.0], (1, 0, 0)), targets=("z0",)))
    assert play(node, (1, 0, 0))["prediction"][0, 0] == pytest.approx(3.0, abs=0.05)


@every_method
@pytest.mark.parametrize("gesture", [(0, 0, 0), (5, -5, 5)])
def test_one_anchor_gives_its_target_always(method, gesture):
    node = prepared(taught(("calm", (-1.5, 0.25), (0, 0, 0))), method=method)
    np.testing.assert_allclose(play(node, gesture, clamp=False)["prediction"][:, 0], [-1.5, 0.25], atol=1e-6)


def test_one_anchor_of_one_frame_gives_its_target():
    examples = Examples(GESTURE, TARGETS, (Anchor("a", np.array([1, 2], np.float32), np.zeros((1, 3), np.float32)),))
    assert play(prepared(examples), (0, 0, 0))["prediction"][:, 0].tolist() == [1, 2]


def test_the_clamp_keeps_the_prediction_within_what_was_taught():
    node = prepared(many())
    far = np.random.default_rng(3).normal(0.3, 2.0, (8, 8)).astype(np.float32)
    wild, clamped = play(node, far, clamp=False)["prediction"], play(node, far, clamp=True)["prediction"]
    taught_targets = np.array([anchor.target for anchor in node.examples.anchors])
    assert (wild > taught_targets.max(0)[:, None]).any() or (wild < taught_targets.min(0)[:, None]).any()
    assert (clamped <= taught_targets.max(0)[:, None]).all() and (clamped >= taught_targets.min(0)[:, None]).all()


def test_support_is_the_distance_to_the_nearest_example_over_the_spacing_of_the_anchors():
    # Two anchors of one frame: mean 1 and deviation 1, so that they lie 2 apart in standard units.
    frames = [np.array([[0.0]], np.float32), np.array([[2.0]], np.float32)]
    examples = Examples(("x",), ("z",), tuple(Anchor(str(n), np.array([n], np.float32), f) for n, f in enumerate(frames)))
    made = regression.support(regression.fit(examples, Settings("knn")), np.array([[0.0], [1.0], [2.0], [4.0], [6.0]]))
    np.testing.assert_allclose(made, [0, 0.5, 0, 1, 2])


@every_method
def test_support_is_exact_near_an_example_far_from_all_and_with_large_numbers(method):
    examples = many()
    shifted = tuple(Anchor(a.name, a.target, a.frames * 50 + 3000) for a in examples.anchors)
    mapping = regression.fit(Examples(examples.gesture, examples.targets, shifted), Settings(method))
    inputs = np.concatenate([mapping.points, mapping.points + 1e-4, np.random.default_rng(1).normal(0, 100, (50, 8))])
    gestures = (inputs * mapping.scale + mapping.mean).astype(np.float32)  # as they come; of those of `points` nothing is lost
    expected = regression.distances((gestures - mapping.mean) / mapping.scale, mapping.points).min(1) / mapping.spacing
    made = regression.support(mapping, gestures)
    np.testing.assert_allclose(made, expected, rtol=1e-7, atol=1e-9)


def test_support_is_above_1_only_outside_of_what_was_taught():
    node = prepared(three())
    assert play(node, (0.5, 0, 0))["support"].max() < 1
    assert play(node, (3, 3, 0))["support"].min() > 1


def test_the_outputs_are_named_by_the_targets(tmp_path):
    node = Regressor()
    node.examples = three()
    gesture = np.zeros((3, 64), np.float32)
    made = stream(node, {"gesture": gesture}, names={"gesture": GESTURE}, folder=tmp_path)
    assert node.stream_used.output_names == {"prediction": TARGETS, "support": ("support",)}
    assert made["prediction"].shape == (2, 64) and made["support"].shape == (1, 64)


@every_method
def test_the_prediction_is_the_same_at_every_block_length(method):
    gesture = np.random.default_rng(2).normal(size=(3, 64)).astype(np.float32)
    gesture[:, 20:40] = gesture[:, 20:21]
    gesture[1, 45:47] = np.nan

    def made(block):
        node = Regressor()
        node.examples = three()
        return stream(node, {"gesture": gesture}, {"method": method}, block=block, names={"gesture": GESTURE})

    for output in ("prediction", "support"):
        np.testing.assert_allclose(made(512)[output], made(64)[output], atol=1e-6)
        np.testing.assert_allclose(made(2048)[output], made(64)[output], atol=1e-6)


def test_one_seed_gives_one_mapping():
    one, two = (regression.fit(many(), Settings(seed=4)) for _ in range(2))
    other = regression.fit(many(), Settings(seed=5))
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))
    assert not np.array_equal(one.weights[0], other.weights[0])


def test_a_gesture_that_is_no_number_holds_the_last_prediction():
    node = prepared(three())
    before = play(node, (1, 0, 0))["prediction"][:, -1]
    lost = play(node, (np.nan, 0, 0))["prediction"]
    np.testing.assert_array_equal(lost, before[:, None].repeat(8, axis=1))
    half = np.array([(1, 0, 0)] * 3 + [(np.nan,) * 3] * 2 + [(0, 1, 0)] * 3, np.float32).T
    np.testing.assert_allclose(play(node, half)["prediction"][:, 4], before, atol=1e-6)


def test_a_gesture_that_is_no_number_from_the_start_gives_numbers():
    made = play(prepared(three()), (np.nan, np.nan, np.nan))
    assert np.isfinite(made["prediction"]).all() and np.isfinite(made["support"]).all()


def test_a_held_gesture_after_a_moving_one_is_predicted_for_all_steps():
    node = prepared(three())
    moving = np.linspace((0, 0, 0), (1, 0, 0), 8).T.astype(np.float32)
    last = play(node, moving)["prediction"][:, -1]
    np.testing.assert_allclose(play(node, (1, 0, 0))["prediction"], last[:, None].repeat(8, axis=1), atol=1e-6)


@every_method
def test_a_gesture_that_comes_again_is_answered_with_the_very_same_numbers(method):
    moving = np.linspace((0, 0, 0), (1, 0, 0), 8).T.astype(np.float32)
    again, once = prepared(three(), method=method), prepared(three(), method=method)
    for _ in range(3):
        given = play(again, moving)
    for output, value in play(once, moving).items():
        np.testing.assert_array_equal(given[output], value)
    assert (play(again, moving, clamp=False)["prediction"] == play(once, moving, clamp=False)["prediction"]).all()


def test_a_gap_that_comes_again_is_filled_with_what_was_before_it_now():
    node, gap = prepared(three()), np.array([(np.nan,) * 3] * 4 + [(1, 0, 0)] * 4, np.float32).T
    play(node, (0, 1, 0))
    first, second = (play(node, gap)["prediction"] for _ in range(2))
    assert not np.allclose(first[:, 0], first[:, 4], atol=0.1)
    np.testing.assert_allclose(second, second[:, 4:5].repeat(8, axis=1), atol=1e-6)


def test_a_newly_trained_mapping_is_heard_even_while_the_gesture_is_held():
    node = prepared(three())
    play(node, (1, 0, 0))
    install(node, node.add("open", {"z0": 9.0, "gravel": 9.0}, node.examples.anchors[1].frames, GESTURE))
    install(node, node.train())
    assert play(node, (1, 0, 0))["prediction"][0, 0] == pytest.approx(9, abs=0.2)


def test_gestures_are_matched_by_name_and_further_dimensions_left_out():
    straight, mixed = prepared(three()), prepared(three(), ("extra", "jaw", "mouth", "brow"))
    np.testing.assert_array_equal(play(straight, (0.3, 0.6, 0.1))["prediction"], play(mixed, (9, 0.1, 0.3, 0.6))["prediction"])


def test_missing_dimensions_are_refused_by_name():
    with pytest.raises(NodeError, match="taught with gestures of mouth, brow, jaw, but brow, jaw are missing now"):
        prepared(three(), ("mouth", "nose"))


def test_an_untaught_regressor_says_how_to_teach_it():
    with pytest.raises(
        NodeError, match="has not been taught yet: record anchors with Record in its node, or with `glasspatch teach PA"
    ):
        prepared(Examples(GESTURE, TARGETS))


def install(node, attributes):
    for name, value in attributes.items():
        setattr(node, name, value)


def test_a_node_that_was_never_prepared_can_be_taught_and_saved(tmp_path):
    node = Regressor()
    node.load(tmp_path / "regressor")
    install(node, node.add("calm", {"z0": 0.0, "z1": 1.0}, np.zeros((5, 2)), ("x", "y")))
    install(node, node.add("open", {"z1": 0.0, "z0": 1.0}, np.ones((5, 2))[:, ::-1] * (3, 1), ("y", "x")))
    install(node, node.train())
    node.save(tmp_path / "regressor")
    again = Regressor()
    again.load(tmp_path / "regressor")
    assert again.examples.gesture == ("x", "y") and again.examples.targets == ("z0", "z1")
    assert [anchor.name for anchor in again.examples.anchors] == ["calm", "open"]
    assert again.examples.anchors[1].target.tolist() == [1, 0] and again.examples.anchors[1].frames[0].tolist() == [1, 3]
    assert again.mapping.key == node.mapping.key


def test_actions_leave_the_playing_node_as_it_is_until_they_are_installed():
    node = prepared(three())
    examples, mapping = node.examples, node.mapping
    node.add("new", {"z0": 1.0, "gravel": 1.0}, np.zeros((3, 3)), GESTURE)
    node.remove("calm"), node.train(), node.clear()
    assert node.examples is examples and node.mapping is mapping


def test_an_anchor_added_again_is_recorded_anew_in_its_place():
    node = prepared(three())
    install(node, node.add("open", {"z0": 5.0, "gravel": 6.0}, np.zeros((2, 3)), GESTURE))
    assert [anchor.name for anchor in node.examples.anchors] == ["calm", "open", "frown"]
    assert len(node.examples.anchors[1].frames) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((" ", {"z0": 1, "gravel": 1}, np.zeros((2, 3)), GESTURE), "an anchor needs a name"),
        (("a", {}, np.zeros((2, 3)), GESTURE), "must be numbers with names"),
        (("a", {"z0": np.nan, "gravel": 1}, np.zeros((2, 3)), GESTURE), "must be numbers with names"),
        (("a", {"z0": 1, "gravel": 1}, np.full((2, 3), np.nan), GESTURE), "'a' has no gesture: nothing was tracked"),
        (("a", {"z0": 1, "gravel": 1}, np.zeros((0, 3)), GESTURE), "'a' has no gesture"),
        (("a", {"z0": 1, "gravel": 1}, np.zeros((2, 2)), GESTURE), "gestures of 2 numbers, but 3 names"),
        (("a", {"z0": 1, "z1": 1}, np.zeros((2, 3)), GESTURE), "has z0, z1, but the other anchors have z0, gravel"),
        (("a", {"z0": 1, "gravel": 1}, np.zeros((2, 2)), ("mouth", "jaw")), "but brow is missing now"),
    ],
)
def test_an_anchor_that_does_not_fit_is_refused_in_words(arguments, message):
    with pytest.raises(NodeError, match=message):
        prepared(three()).add(*arguments)


def test_an_unknown_anchor_cannot_be_removed():
    with pytest.raises(NodeError, match="there is no anchor 'grin'; there are: calm, open, frown"):
        prepared(three()).remove("grin")


def test_training_on_nothing_is_refused():
    with pytest.raises(NodeError, match="nothing to learn yet"):
        Regressor().train()


def test_other_dimensions_cannot_be_trained_into_a_playing_node():
    node = prepared(three())
    install(node, node.clear())
    install(node, node.add("a", {"other": 1.0}, np.zeros((2, 3)), GESTURE))
    with pytest.raises(NodeError, match="other dimensions than before"):
        node.train()
    assert np.isfinite(play(node, (0, 0, 0))["prediction"]).all()


def test_cleared_examples_are_removed_from_the_disk(tmp_path):
    node = saved(tmp_path)
    install(node, node.clear())
    node.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def encrypted(data):
    """A zip file whose entries say that they need a password."""
    marked = bytearray(data)
    for sign, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for at in [match.start() for match in re.finditer(re.escape(sign), data)]:
            marked[at + place] |= 1
    return bytes(marked)


def saved(folder, examples=None, **params):
    node = prepared(examples or three(), **params)
    node.save(folder)
    return node


def loaded(folder):
    node = Regressor()
    node.load(folder)
    return node


@every_method
def test_a_stored_mapping_is_used_without_training(tmp_path, monkeypatch, method):
    old = saved(tmp_path, method=method)
    new = loaded(tmp_path)
    monkeypatch.setattr(regression, "fit", lambda *_: pytest.fail("it was trained again"))
    new.prepare(Stream(44100, 512, 1, True, None, {"gesture": GESTURE}), method=method, hidden=8, neighbours=5)
    np.testing.assert_array_equal(play(new, (0.3, 0.4, 0))["prediction"], play(old, (0.3, 0.4, 0))["prediction"])


def test_a_target_edited_by_hand_is_learnt_when_the_patch_is_opened(tmp_path):
    saved(tmp_path)
    document = json.loads((tmp_path / "examples.json").read_text())
    document["anchors"][1]["target"]["z0"] = 4.0
    (tmp_path / "examples.json").write_text(json.dumps(document))
    node = prepared(loaded(tmp_path).examples)
    assert play(node, (1, 0, 0))["prediction"][0, 0] == pytest.approx(4.0, abs=0.1)


def test_the_examples_file_can_be_read_by_people_and_equal_examples_give_equal_bytes(tmp_path):
    saved(tmp_path / "a"), saved(tmp_path / "b")
    text = (tmp_path / "a/examples.json").read_text()
    assert json.loads(text)["anchors"][1]["target"] == {"z0": 1.0, "gravel": 0.5}
    assert text == (tmp_path / "b/examples.json").read_text()


def test_targets_are_read_back_to_the_last_bit_and_look_short(tmp_path):
    targets = np.array([0.1, 1 / 3, -1234567.8, 1e-9], np.float32)
    saved(tmp_path, Examples(("x",), ("a", "b", "c", "d"), (Anchor("one", targets, np.zeros((1, 1), np.float32)),)))
    np.testing.assert_array_equal(loaded(tmp_path).examples.anchors[0].target, targets)
    assert '"a": 0.1,' in (tmp_path / "examples.json").read_text()


def test_frames_of_forgotten_anchors_do_not_stay_on_the_disk(tmp_path):
    node = saved(tmp_path)
    install(node, node.remove("open"))
    node.save(tmp_path)
    with np.load(tmp_path / "examples.npz") as file:
        assert len(file.files) == 2


def test_the_old_list_still_finds_its_frames_when_saving_is_cut_before_the_list(tmp_path, monkeypatch):
    from nodes import mapping_files

    node, whole = saved(tmp_path), mapping_files.write_atomically
    install(node, node.add("open", {"z0": 0.0, "gravel": 0.0}, np.ones((4, 3)), GESTURE))

    def cut(path, data):
        if path.name == "examples.json":
            raise OSError(28, "No space left on device")
        whole(path, data)

    monkeypatch.setattr(mapping_files, "write_atomically", cut)
    with pytest.raises(OSError, match="No space left"):
        node.save(tmp_path)
    assert loaded(tmp_path).examples.anchors[1].target.tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("examples.json", lambda data: data[: len(data) // 2], "cannot be read"),
        ("examples.json", lambda data: b"[]", "cannot be read"),
        ("examples.json", lambda data: b"[" * 100_000, "cannot be read"),
        ("examples.json", lambda data: data.replace(b'"z0": 1.0', b'"z0": 1' + b"0" * 400), "cannot be read"),
        ("examples.npz", lambda data: encrypted(data), "cannot be read"),
        ("examples.json", lambda data: data.replace(b'"z0": 1.0', b'"z9": 1.0'), "'z0' is missing"),
        ("examples.json", lambda data: data.replace(b'"z0": 1.0', b'"z0": NaN'), "values that are no numbers"),
        ("examples.json", lambda data: data.replace(b'"jaw"', b'"jaw", "nose"'), "the gestures of anchor 'calm' have the shape"),
        ("examples.json", lambda data: data.replace(b'"open"', b'"calm"'), "two anchors have the same name"),
        ("examples.json", lambda data: data.replace(b'"format": 1', b'"format": 2'), "written by a newer version"),
        ("examples.npz", lambda data: data[: len(data) // 2], "cannot be read"),
        ("examples.npz", lambda data: b"", "cannot be read"),
        ("examples.npz", None, "cannot be read"),
        ("examples.json", None, "cannot be read"),
    ],
)
def test_damaged_examples_are_refused_in_words_and_left_alone(tmp_path, name, damage, message):
    saved(tmp_path)
    if damage is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(NodeError, match=message):
        loaded(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_pickle_in_place_of_the_frames_is_refused(tmp_path):
    saved(tmp_path)
    np.savez(tmp_path / "examples.npz", frames=np.array([{"a": print}], dtype=object))
    with pytest.raises(NodeError, match="cannot be read"):
        loaded(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"PK no zip", None])
def test_damaged_weights_are_made_anew(tmp_path, damage):
    saved(tmp_path)
    data = (tmp_path / "mapping.npz").read_bytes()
    (tmp_path / "mapping.npz").write_bytes(data[:300] if damage is None else damage)
    node = loaded(tmp_path)
    assert node.mapping is None and len(node.examples.anchors) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"weights_0": np.zeros((7, 3))},
        {"weights_2": np.zeros((8, 1))},
        {"points": np.zeros((9, 2))},
        {"points": np.zeros((0, 3))},
        {"low": np.zeros(1)},
        {"scale": np.ones(1)},
        {"spacing": np.ones(3)},
        {"method": np.asarray("ridge"), "weights_0": np.zeros((3, 5)), "weights_1": np.zeros(5)},
        {"method": np.asarray("rbf"), "weights_0": np.zeros((4, 1))},
        {"neighbours": np.float64(np.inf)},
        {"weights_3": np.full(2, np.nan)},
    ],
)
def test_weights_that_do_not_fit_the_examples_are_made_anew(tmp_path, change):
    saved(tmp_path)
    np.savez(tmp_path / "mapping.npz", **{**np.load(tmp_path / "mapping.npz"), **change})
    assert loaded(tmp_path).mapping is None


def test_gestures_of_other_dimensions_than_were_taught_are_refused():
    mapping = regression.fit(three(), Settings())
    with pytest.raises(ValueError, match="was taught 3 dimensions and is given 2"):
        regression.answer(mapping, np.zeros((2, 8), np.float32))


def test_what_it_answers_has_the_float32_that_the_engine_compares_with():
    made = regression.answer(regression.fit(three(), Settings()), np.zeros((3, 8), np.float32))
    assert all(part.dtype is np.dtype(np.float32) for part in made)


def test_duplicate_frames_change_nothing():
    examples = three()
    doubled = Examples(
        GESTURE, TARGETS, tuple(Anchor(a.name, a.target, np.concatenate([a.frames] * 3)) for a in examples.anchors)
    )
    one, two = (regression.fit(e, Settings("knn")) for e in (examples, doubled))
    assert one.points.shape == two.points.shape
    gestures = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_allclose(regression.predict(one, gestures), regression.predict(two, gestures), atol=1e-5)


def test_a_dimension_that_never_moved_does_no_harm():
    examples = Examples(
        ("x", "still"),
        ("z",),
        tuple(Anchor(str(n), np.array([n], np.float32), np.array([[n, 0.5]] * 3, np.float32)) for n in range(3)),
    )
    for method in METHODS:
        np.testing.assert_allclose(play(prepared(examples, method=method), (1, 0.5))["prediction"], 1, atol=0.05)


def test_a_dimension_that_only_trembled_counts_less_than_its_deviation():
    rng = np.random.default_rng(0)
    frames = [np.stack([np.full(20, n), rng.normal(0, 0.01, 20)], axis=1).astype(np.float32) for n in range(4)]
    examples = Examples(("x", "still"), ("z",), tuple(Anchor(str(n), np.array([n], np.float32), f) for n, f in enumerate(frames)))
    _, scale = regression.units_of(examples)
    deviation = np.concatenate(frames).std(0)
    np.testing.assert_allclose(scale / deviation, [1, 3], rtol=1e-6)


@every_method
def test_the_very_same_gesture_with_two_targets_gives_numbers_and_is_told(method):
    frames = np.zeros((1, 3), np.float32)
    examples = Examples(GESTURE, TARGETS, tuple(Anchor(str(n), np.array([n, n], np.float32), frames) for n in range(2)))
    node = prepared(examples, method=method)
    for gesture in ((0, 0, 0), (5, 5, 5)):
        made = play(node, gesture)["prediction"]
        assert np.isfinite(made).all() and (made >= 0).all() and (made <= 1).all()
    assert "between them the mapping can only guess" in node.scores()["warnings"][0]


def test_equal_gestures_with_different_targets_are_told_and_give_something_between():
    node = prepared(taught(("calm", (0.0, 0.0), (0, 0, 0)), ("sly", (1.0, 1.0), (0, 0, 0)), ("open", (2.0, 0.0), (1, 1, 1))))
    assert [text[:74] for text in node.scores()["warnings"]] == [
        "anchors 'calm' and 'sly' have nearly the same gesture but different target"
    ]
    assert 0 <= play(node, (0, 0, 0))["prediction"][0, 0] <= 1
    assert "warning: anchors 'calm' and 'sly'" in node.describe()


def test_scores_tell_hits_and_the_error_on_gestures_left_out():
    # The target is a plain function of the gesture: then even a gesture that was left out is answered well.
    places = [(x, y) for x in (0, 1, 2, 3) for y in (0, 1, 2)]
    node = prepared(taught(*[(f"{x}{y}", (x, y), (x, y, 0)) for x, y in places]))
    scores = node.scores()
    assert scores["anchors"] == 12 and scores["frames"] == 240 and scores["warnings"] == []
    assert scores["anchor_hit"] < 0.1 and set(scores["anchor_hits"]) == {f"{x}{y}" for x, y in places}
    assert scores["leave_one_gesture_out"] > 0.7


def test_the_training_error_is_over_all_frames_in_standard_deviations_of_the_targets():
    frames = np.zeros((1, 3), np.float32)
    same = Examples(GESTURE, ("z",), tuple(Anchor(str(n), np.array([n], np.float32), frames) for n in range(2)))
    # Nothing but their mean can be answered, half a unit from both; so is the standard deviation of the targets.
    assert prepared(same, method="ridge").scores(whole=False)["training_error"] == pytest.approx(1.0)
    scores = prepared(many(), method="ridge").scores(whole=False)
    assert scores["training_error"] > scores["anchor_hit"]


def test_unrelated_targets_score_badly_on_gestures_left_out():
    assert regression.leave_one_gesture_out(many(6), Settings()) < 0.3


def test_below_three_anchors_leaving_one_out_says_nothing():
    node = prepared(taught(("a", (0, 0), (0, 0, 0)), ("b", (1, 1), (1, 1, 1))))
    assert node.scores()["leave_one_gesture_out"] is None
    assert "2 anchors from 40 frames" in node.describe()


def test_a_regressor_without_examples_describes_itself():
    assert Regressor().describe() == "nothing has been taught yet"
