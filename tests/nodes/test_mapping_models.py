"""A model that is replaced under a regressor: what was taught is kept, marked, and fitted to the new model when asked."""

from pathlib import Path

import numpy as np
import pytest

from nodes.mapping import Regressor
from nodes.regression import Anchor, Examples
from runtime.artifacts import Artifact, hash_file
from runtime.node import Block, Stream
from runtime.spec import PortType
from runtime.trust import trust

FRAMES = (np.zeros((3, 1), np.float32), np.ones((3, 1), np.float32))


@pytest.fixture(autouse=True)
def own_trust_list(monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))


def model(folder, name, latents, axes=0, detail=0, trusted=True):
    """A TorchScript file with the latent space of a RAVE model; `detail` is what else may be in it."""
    import torch

    class Latents(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("decode_params", torch.tensor([latents, 2048, 1, 1]))
            self.register_buffer("latent_pca", torch.full((16, 16), float(axes)))
            self.register_buffer("latent_mean", torch.zeros(16))
            self.register_buffer("detail", torch.tensor(detail))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    path = Path(folder, f"{name}.ts")
    torch.jit.save(torch.jit.script(Latents()), str(path))
    if trusted:
        trust(path)
    return Artifact(PortType.MODEL, path, hash_file(path), {})


def examples(latents):
    targets = tuple(f"z{n}" for n in range(latents))
    return Examples(("x",), targets, tuple(Anchor(str(n), np.full(latents, n + 1, np.float32), f) for n, f in enumerate(FRAMES)))


def prepared(taught, artifact):
    node = Regressor()
    node.examples = taught
    node.stream = Stream(44100, 512, 1, True, None, {"gesture": ("x",)})
    node.prepare(node.stream, "rbf", 8, 5, artifact)
    return node


def play(node, x):
    return node.process(Block(512), np.full((1, 8), x, np.float32), True)["prediction"][:, 0]


def test_the_first_model_is_remembered_with_the_anchors_on_disk(tmp_path):
    node = prepared(examples(4), model(tmp_path, "a", 4))
    assert node.mark == "" and node.examples.space.latents == 4
    node.save(tmp_path / "node")
    again = Regressor()
    again.load(tmp_path / "node")
    assert again.examples.space == node.examples.space


def test_another_model_of_the_same_latent_space_changes_nothing(tmp_path):
    first = prepared(examples(4), model(tmp_path, "a", 4))
    second = prepared(first.examples, model(tmp_path, "b", 4, detail=1))
    assert second.mark == "" and second.examples.space.file != first.examples.space.file
    assert second.scores()["warnings"] == []


def test_a_model_with_other_axes_is_marked_and_the_mapping_goes_on(tmp_path):
    first = prepared(examples(4), model(tmp_path, "a", 4))
    second = prepared(first.examples, model(tmp_path, "b", 4, axes=1))
    assert second.mark.startswith("the model was replaced by one with other latents: the same values mean other sounds now")
    assert second.scores(whole=False)["warnings"] == [second.mark] and f"warning: {second.mark}" in second.describe()
    np.testing.assert_array_equal(play(second, 1.0), play(first, 1.0))


def test_a_model_with_fewer_latents_is_played_as_far_as_it_reaches_and_the_anchors_stay_whole(tmp_path):
    first = prepared(examples(4), model(tmp_path, "a", 4))
    second = prepared(first.examples, model(tmp_path, "b", 2))
    assert "recorded for a model of 4 latents, and this one has 2, so that z2, z3 lead nowhere" in second.mark
    assert second.stream.output_names["prediction"] == ("z0", "z1")
    np.testing.assert_allclose(play(second, 1.0), [2, 2], atol=0.01)
    assert all(len(anchor.target) == 4 for anchor in second.examples.anchors)


def test_anchors_of_an_older_patch_that_are_too_many_for_the_model_are_marked(tmp_path):
    assert "z2, z3 lead nowhere" in prepared(examples(4), model(tmp_path, "a", 2)).mark


@pytest.mark.parametrize(("latents", "targets"), [(2, ("z0", "z1")), (6, ("z0", "z1", "z2", "z3", "z4", "z5"))])
def test_once_accepted_the_anchors_have_the_latents_of_the_new_model(tmp_path, latents, targets):
    first = prepared(examples(4), model(tmp_path, "a", 4))
    first.save(tmp_path / "node")
    artifact = model(tmp_path, "b", latents)
    stays = Regressor()
    stays.load(tmp_path / "node")
    assert prepared(stays.examples, artifact).mark
    accepted = prepared(stays.settle()["examples"], artifact)
    assert accepted.mark == "" and accepted.stream.output_names["prediction"] == targets
    np.testing.assert_allclose(play(accepted, 1.0), [2, 2, 2, 2, 0, 0][: len(targets)], atol=0.01)
    assert prepared(accepted.examples, artifact).mark == ""


def test_a_model_that_is_not_trusted_is_not_opened_to_be_looked_at(tmp_path):
    node = prepared(examples(4), model(tmp_path, "a", 2, trusted=False))
    assert node.mark == "" and node.examples.space is None and len(play(node, 0.0)) == 4
