"""Patches with subpatches on the command line and on stage: nodes in them go by their flat names."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from runtime import messages as ask
from runtime.patch import SUBPATCH, Inside, Node, Patch, dumps, load, save
from runtime.subpatch import patch_at
from tests.command import call
from tests.runtime.test_performance import Stage, loudness


def sub(nodes, *links, inputs=None, outputs=None):
    inner = Patch(nodes={name: Node(kind, params=params) for name, (kind, params) in nodes.items()})
    for link in links:
        inner = inner.with_link(*link.split(" -> "))
    return Node(SUBPATCH, inside=Inside(inner, inputs or {}, outputs or {}))


@pytest.fixture
def path(tmp_path):
    """A tone through a gain in `voice`, a gesture and its regressor in `hand`, and jobs in `archive`."""
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds/a.wav", np.random.default_rng(0).normal(0, 0.1, 44100), 22050)
    slicing = {"folder": ("corpus.folder", {"path": "sounds"}), "slicer": ("corpus.slicer", {"method": "fixed", "length": 0.5})}
    mapping = {"wave": ("control.lfo", {"rate": 0.5, "low": 0.0, "high": 1.0}), "regressor": ("mapping.regressor", {})}
    patch = Patch(
        nodes={
            "voice": sub(
                {"tone": ("audio.oscillator", {"level": 0.2}), "soft": ("audio.gain", {})},
                "tone.audio -> soft.audio",
                outputs={"out": "soft.audio"},
            ),
            "hand": sub(mapping, "wave.control -> regressor.gesture"),
            "archive": sub(slicing, "folder.corpus -> slicer.corpus", outputs={"corpus": "slicer.corpus"}),
            "out": Node("audio.output"),
        }
    )
    save(tmp_path / "p.json", patch.with_link("voice.out", "out.audio"))
    return tmp_path / "p.json"


def test_run_makes_what_is_in_a_subpatch_and_lineage_and_check_tell_of_it(path):
    folder = path.parent
    code, out, _ = call("check", "p.json", folder=folder)
    assert code == 0 and "archive__slicer: has not been made yet" in out and "7 nodes, nothing wrong" in out
    code, _, err = call("run", "p.json", "--only", "archive__slicer", folder=folder)
    assert code == 0 and "archive__folder: done in" in err and "archive__slicer: done in" in err
    assert len(json.loads((folder / "p.assets/archive__slicer/corpus.json").read_text())["slices"]) == 4
    code, out, _ = call("lineage", "p.json", "archive__slicer", folder=folder)
    assert code == 0 and "archive__slicer (corpus.slicer version" in out and "from archive__folder.corpus" in out
    code, _, err = call("run", "p.json", folder=folder)
    assert code == 0 and "archive__slicer: already made" in err


def test_check_names_what_is_wrong_in_a_subpatch(path):
    patch = load(path)
    save(path, patch.with_link("voice.dry", "out.audio").with_node("archive", sub({"b": ("audio.gian", {})})))
    code, _, err = call("check", path, folder=path.parent)
    assert code == 1
    assert "voice: a link leads from voice.dry, but voice has no output dry; it has out" in err
    assert "archive__b: audio.gian is not a node that this glasspatch has; did you mean audio.gain?" in err


def test_a_regressor_in_a_subpatch_is_taught_and_the_patch_is_rendered(path):
    folder = path.parent
    for name, target, start, end in (("up", "z0=1", 0.4, 0.6), ("down", "z0=-1", 1.4, 1.6)):
        code, out, err = call(
            "teach", "p.json", "hand__regressor", name, "--target", target, "--from", start, "--to", end, folder=folder
        )
        assert code == 0, err
    assert "2 anchors" in out and (folder / "p.assets/hand__regressor/examples.json").exists()
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.5, folder=folder)
    assert (code, err) == (0, "")
    sound, _ = soundfile.read(folder / "a.wav")
    assert np.abs(sound).max() == pytest.approx(0.2, rel=0.01)


def test_what_is_in_a_subpatch_is_played_live_and_leaves_the_file_alone(path):
    before = path.read_bytes()
    call("teach", "p.json", "hand__regressor", "up", "--target", "z0=1", "--from", 0.4, "--to", 0.6, folder=path.parent)
    code, out, err = call(
        "play", "p.json", "--device", "none", "--for", 1.5, "--osc", 0, "--take", "takes/a.take", folder=path.parent
    )
    assert code == 0, out + err
    code, out, err = call("take", "replay", "takes/a.take", "-o", "b.wav", "--set", "voice__soft.gain=-6", folder=path.parent)
    assert code == 0, out + err
    sound, _ = soundfile.read(path.parent / "b.wav")
    assert np.abs(sound[-10000:]).max() == pytest.approx(0.1, rel=0.01)
    code, out, err = call("take", "replay", "takes/a.take", "-o", "c.wav", "--patch", "p.json", folder=path.parent)
    assert code == 0, out + err
    assert path.read_bytes() == before


# On stage


@pytest.fixture
def stage(path):
    found = Stage(path)
    found.play(10)
    return found


def test_a_param_in_a_subpatch_is_set_by_its_flat_name(stage):
    stage.do(ask.SetParam("voice__soft", "gain", -20.0))
    stage.play(10)
    assert loudness(stage.play(5)) == pytest.approx(0.02, rel=0.01)
    assert stage.performance.patch.nodes["voice__soft"].params["gain"] == -20.0


def test_an_edit_of_a_subpatch_is_heard(stage):
    patch = load(stage.path)
    stage.do(ask.Edit(dumps(patch.with_node("voice", replace(patch.nodes["voice"], mode="mute")))))
    stage.play(10)
    assert loudness(stage.play(5)) == 0.0
    stage.do(ask.Undo())
    stage.play(10)
    assert loudness(stage.play(5)) == pytest.approx(0.2, rel=0.01)


def test_scenes_that_are_kept_go_into_the_file_and_its_subpatches_stay(stage):
    before = load(stage.path)
    stage.do(ask.SetParam("voice__soft", "gain", -20.0), ask.KeepScene("calm"), ask.SetParam("voice__soft", "gain", 0.0))
    after = load(stage.path)
    assert after.nodes == before.nodes and after.links == before.links
    assert after.scenes["calm"]["params"]["voice__soft.gain"] == -20.0
    stage.do(ask.RecallScene("calm"))
    stage.play(10)
    assert loudness(stage.play(5)) == pytest.approx(0.02, rel=0.01)


def test_a_regressor_in_a_subpatch_is_taught_live(stage):
    stage.do(ask.RecordAnchor("hand__regressor", "up", {"z0": 1.0}))
    for _ in range(20):
        stage.play(2)
        stage.performance._next_gesture = 0.0
        stage.performance.tick()
    stage.do(ask.EndAnchor())
    assert (stage.path.parent / "p.assets/hand__regressor/examples.json").exists()
    assert patch_at(load(stage.path), ("hand",)).nodes["regressor"].params == {}
