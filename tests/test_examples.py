"""Hands, voice and gaze in place of the face: the examples as their user meets them, opened, checked and played."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.engine import Engine
from runtime.terminal.open import open_patch
from runtime.trust import trust
from tests.command import ROOT, call

PATCHES = ROOT / "patches"
EXAMPLES = ("hands", "voice", "gaze")
WHEN = {
    "hands": {"rest": 1.3, "spread": 2.7, "closed": 4.1, "low": 5.5},
    "gaze": {"straight": 1.9, "left": 3.9, "right": 5.9},
}
"""Seconds at which each anchor's pose is held."""
every_example = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copies of the examples whose model is trusted and whose jobs have run."""
    place = tmp_path_factory.mktemp("examples")
    (place / "demo").symlink_to(PATCHES / "demo", target_is_directory=True)
    shutil.copytree(PATCHES / "demo.assets" / "trainer", place / "demo.assets" / "trainer")
    assert call("trust", "demo.assets/trainer/model.ts", folder=place)[0] == 0
    for name in EXAMPLES:
        shutil.copy(PATCHES / f"{name}.json", place)
        shutil.copytree(PATCHES / f"{name}.assets", place / f"{name}.assets")
        code, _, err = call("run", f"{name}.json", folder=place)
        assert code == 0, err
    return place


@every_example
def test_nothing_is_wrong_with_an_example(name):
    opened = open_patch(PATCHES / f"{name}.json")
    assert opened.plan.problems == () and not opened.plan.blocked


@pytest.mark.slow
def test_an_example_is_rendered_from_the_command_line(folder):
    code, _, err = call("render", "voice.json", "-o", "voice.wav", "--seconds", 2, folder=folder)
    assert code == 0, err
    sound, rate = soundfile.read(folder / "voice.wav")
    assert len(sound) == 2 * rate and np.isfinite(sound).all()
    assert 0.02 < np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-3  # the limiter's ceiling


def played(path: Path, seconds: float) -> tuple[dict[str, np.ndarray], float]:
    """What the regressor predicts, how far outside it is, and the loudest frame, once a block; and the blocks of a second."""
    trust(path.parent / "demo.assets" / "trainer" / "model.ts")
    opened = open_patch(path)
    engine = Engine(opened.plan.settings, opened.assets)
    assert engine.load(opened.plan) == []
    rate = engine.sample_rate / engine.block
    found: dict[str, list[np.ndarray]] = {"prediction": [], "support": [], "peak": []}
    for _ in range(int(seconds * rate)):
        found["peak"].append(np.abs(engine.render()).max())
        for output in ("prediction", "support"):
            found[output].append(engine.value("regressor", output)[:, -1].copy())
    assert not engine.failed
    engine.close()
    return {output: np.array(values) for output, values in found.items()}, rate


@pytest.mark.slow
@pytest.mark.parametrize("name", WHEN)
def test_each_taught_pose_plays_its_own_target(name, folder):
    made, rate = played(folder / f"{name}.json", max(WHEN[name].values()) + 0.1)
    anchors = json.loads((PATCHES / f"{name}.assets/regressor/examples.json").read_text())["anchors"]
    assert 0.02 < made["peak"].max() < 1.0
    targets = {anchor["name"]: np.array(list(anchor["target"].values())) for anchor in anchors}
    assert set(targets) == set(WHEN[name])
    for pose, second in WHEN[name].items():
        now = made["prediction"][int(second * rate)]
        gaps = {other: float(np.abs(now - target).max()) for other, target in targets.items()}
        assert min(gaps, key=gaps.__getitem__) == pose and gaps[pose] < 1.0, (pose, gaps)


@pytest.mark.slow
def test_a_voice_plays_more_than_one_sound(folder):
    made, _ = played(folder / "voice.json", 4.0)
    assert made["prediction"].std(axis=0).max() > 1.0
    assert np.isfinite(made["support"]).all() and np.median(made["support"]) < 3.0


def test_the_examples_are_small_enough_to_be_shared():
    files = [PATCHES / "demo" / "hands.mp4", PATCHES / "demo" / "gaze.mp4"]
    files += [path for name in EXAMPLES for path in (PATCHES / f"{name}.assets").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000
