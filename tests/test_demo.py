"""The demo as its user meets it: one command, a sound, a picture, and a patch that can be asked why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.artifacts import Assets
from tests.command import ROOT, call

DEMO = ROOT / "patches" / "demo.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.mark.slow
def test_the_demo_renders_a_sound_and_a_picture_without_training_anything(folder):
    code, out, err = call("demo", "-o", "out", "--seconds", 4, folder=folder)
    assert code == 0, err
    assert "slicer: already made" in err and "trainer: already made" in err
    assert "out/performance.wav" in out and "out/performance.png" in out
    sound, rate = soundfile.read(folder / "out/performance.wav")
    assert len(sound) == 4 * rate and np.isfinite(sound).all() and np.abs(sound).max() > 0.02
    assert (folder / "out/performance.png").stat().st_size > 50_000


@pytest.mark.slow
def test_a_second_demo_goes_on_with_what_the_user_changed(folder):
    patch = folder / "out/demo.json"
    changed = patch.read_text().replace('"gain": ', '"gain": -').replace('"gain": -0.0', '"gain": -3.0')
    patch.write_text(changed)
    code, _, err = call("demo", "-o", "out", "--seconds", 0.5, folder=folder)
    assert code == 0 and patch.read_text() == changed, err


@pytest.mark.slow
def test_the_demo_can_be_asked_which_recordings_made_its_model(folder):
    code, out, _ = call("lineage", "out/demo.json", "trainer", folder=folder)
    assert code == 0 and "archive (corpus.folder" in out
    card = json.loads((folder / "out/demo.assets/trainer/model.json").read_text())
    assert len(card["recordings"]) == 8


def test_the_demo_model_is_the_one_that_its_record_tells():
    artifact = Assets(DEMO).artifact("trainer", "model")
    assert artifact is not None
    artifact.verify()


def test_every_recording_of_the_demo_is_the_one_that_the_model_heard():
    from runtime.artifacts import hash_file

    card = json.loads((DEMO.parent / "demo.assets/trainer/model.json").read_text())
    for recording in card["recordings"]:
        assert hash_file(DEMO.parent / recording["path"]) == recording["sha256"], recording["path"]


def test_the_examples_are_small_enough_to_be_shared():
    files = [path for path in DEMO.parent.rglob("*") if path.is_file() and path.name not in ("training.ckpt", "log.txt")]
    sizes = [path.stat().st_size for path in files]
    assert max(sizes) < 10_000_000 and sum(sizes) < 40_000_000
