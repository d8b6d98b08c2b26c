"""Three corpora out of one archive: the example patch as an artist opens it, run from the command line with small numbers."""

from __future__ import annotations

import json

import pytest

from runtime.artifacts import Assets
from runtime.corpus import Corpus
from runtime.patch import load, save
from tests.command import ROOT, call

SMALL = {"config": "raspberry", "steps": 4, "gan_after": 2, "latent_size": 4, "export_latents": 4, "batch": 2, "crop": 32768}
CORPORA = {"first": {"voices"}, "second": {"strings", "winds"}, "third": {"metal"}}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The example beside the demo's recordings, its trainings as short as can be, run once."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "demo").symlink_to(ROOT / "patches" / "demo", target_is_directory=True)
    patch = load(ROOT / "patches" / "three_corpora.json")
    for node in ("voices", "tones", "metal"):
        for param, value in SMALL.items():
            patch = patch.with_param(node, param, value)
    save(folder / "p.json", patch)
    code, _, err = call("check", "p.json", folder=folder)
    assert (code, err) == (0, "")
    code, _, err = call("run", "p.json", "--jobs", 2, folder=folder)
    assert code == 0, err
    return folder


@pytest.mark.slow
def test_each_slice_of_the_archive_is_in_one_of_three_corpora(archive):
    assets = Assets(archive / "p.json")
    whole = Corpus.read(assets.artifact("layout", "corpus").path, archive)
    shares = {name: Corpus.read(assets.artifact("three", name).path, archive) for name in (*CORPORA, "rest")}
    assert sum(len(one.slices) for one in shares.values()) == len(whole.slices) > 20
    for name, folders in CORPORA.items():
        found = {shares[name].recordings[piece.recording].path.split("/")[-2] for piece in shares[name].slices}
        assert found == folders
    assert not shares["rest"].slices


@pytest.mark.slow
def test_each_corpus_has_its_report_and_its_own_model(archive):
    for name in ("voices", "tones", "metal"):
        told = json.loads((archive / f"p.assets/coach_{name}/report.json").read_text())
        assert told["findings"] and told["numbers"]["usable"] > 10.0
        card = json.loads((archive / f"p.assets/{name}/model.json").read_text())
        assert card["latents"] == 4
    lineage = call("lineage", "p.json", "metal", folder=archive)[1]
    order = [
        lineage.index(f"{node} (")
        for node in ("metal", "coach_metal", "three", "layout", "describe", "slicer", "clean", "archive")
    ]
    assert order == sorted(order)


@pytest.mark.slow
def test_running_it_again_makes_nothing_anew(archive):
    code, _, err = call("run", "p.json", folder=archive)
    assert code == 0 and err.count("already made") == 12
