"""The paper's three experiments as its readers repeat them: the example patches, run from the command line with small numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.patch import load, save
from tests.command import ROOT, call

SMALL = {"config": "raspberry", "steps": 4, "crop": 32768, "batch": 2, "device": "cpu"}
SIZES = {"four": 4, "eight": 8, "sixteen": 16}


def laid_out(folder: Path, name: str) -> Path:
    """A copy of an example with the media of the demo beside it, its trainings as short as can be."""
    (folder / "demo").symlink_to(ROOT / "patches" / "demo", target_is_directory=True)
    shutil.copytree(ROOT / "patches" / "demo.assets" / "trainer", folder / "demo.assets" / "trainer")
    assert call("trust", "demo.assets/trainer/model.ts", folder=folder)[0] == 0
    patch = load(ROOT / "patches" / f"{name}.json")
    for node, drawn in patch.nodes.items():
        if drawn.type == "rave.trainer":
            for param, value in SMALL.items():
                patch = patch.with_param(node, param, value)
    path = folder / "p.json"
    save(path, patch)
    return path


def rendered(folder: Path, seconds: float = 2.0) -> np.ndarray:
    code, _, err = call("render", "p.json", "-o", "out.wav", "--seconds", seconds, folder=folder)
    assert code == 0, err
    sound, _ = soundfile.read(folder / "out.wav")
    assert np.isfinite(sound).all() and np.abs(sound).max() > 1e-4
    return sound


@pytest.mark.slow
def test_a_vae_is_trained_on_a_small_set_and_answers_a_sound(tmp_path):
    laid_out(tmp_path, "paper_1_small_vae")
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0, err
    card = json.loads((tmp_path / "p.assets/trainer/model.json").read_text())
    assert card["phase"] == "VAE" and card["latents"] == 8
    rendered(tmp_path)


@pytest.mark.slow
def test_a_face_is_taught_to_a_ready_model_and_the_report_tells_how_well(tmp_path):
    laid_out(tmp_path, "paper_2_gesture_to_latent")
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0, err
    for name, target, begin, end in (("neutral", "z0=0,z1=0", 0.0, 1.0), ("open", "z0=4,z1=-3", 2.0, 3.0)):
        arguments = ("--target", target, "--from", begin, "--to", end)
        code, _, err = call("teach", "p.json", "regressor", name, *arguments, folder=tmp_path)
        assert code == 0, err
    code, _, err = call("report", "p.json", "-o", "told", "--seconds", 5, folder=tmp_path)
    assert code == 0, err
    page = (tmp_path / "told/index.html").read_text()
    assert "was taught 2 anchors" in page and "smoothing (Smoothing)" in page


@pytest.mark.slow
def test_one_face_plays_three_models_of_one_archive_with_4_8_and_16_latents(tmp_path):
    laid_out(tmp_path, "paper_3_joined")
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0, err
    for name, latents in SIZES.items():
        card = json.loads((tmp_path / f"p.assets/trainer_{name}/model.json").read_text())
        assert card["latents"] == latents
    for name in SIZES:
        arguments = ("--target", "z0=2,z1=-2", "--from", 0.0, "--to", 0.3)
        code, _, err = call("teach", "p.json", f"regressor_{name}", "neutral", *arguments, folder=tmp_path)
        assert code == 0, err
    rendered(tmp_path)
