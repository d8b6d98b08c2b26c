import json
import shutil
import time

import numpy as np
import pytest

from runtime import messages as ask
from runtime.artifacts import Assets, hash_file
from runtime.engine import Engine
from runtime.patch import dumps, load
from runtime.performance import Performance
from runtime.plan import compile_patch
from runtime.registry import discover
from runtime.senses import Senses
from runtime.sensing import Ports
from runtime.shelf import place
from runtime.terminal.open import NODES
from runtime.trust import trust
from tests.command import ROOT, write_patch
from tests.fake_streams import registry

REGISTRY = discover(NODES)


class Stage:
    """A performance without a sound card: the test renders."""

    def __init__(self, path, registry=REGISTRY):
        patch = load(path)
        self.path, self.told = path, []
        settings = compile_patch(patch, registry).settings
        self.engine = Engine(settings, Assets(path), offline=False, taught=lambda n: self.performance.teaching.folder_of(n))
        senses = Senses(path, Ports(), lambda command, stamp: None, self.told.append, lambda binding: None)
        spool = path.parent / f"spool{len(list(path.parent.glob('spool*')))}"
        spool.mkdir()
        self.performance = Performance(path, patch, registry, self.engine, senses, spool, self.told.append, owns_file=True)
        self.performance.begin()
        self.play(2)

    def do(self, *commands):
        for command in commands:
            self.performance.do(command)

    def play(self, blocks=1):
        return np.concatenate([self.engine.render().copy() for _ in range(blocks)], axis=1)[0]

    def words(self):
        return [event.words for event in self.told if isinstance(event, ask.Told)]


@pytest.fixture
def tone(tmp_path):
    return Stage(
        write_patch(
            tmp_path,
            {"tone": ("audio.oscillator", {"level": 0.2}), "soft": ("audio.gain", {}), "out": ("audio.output", {})},
            *("tone.audio -> soft.audio", "soft.audio -> out.audio"),
        )
    )


@pytest.fixture
def taught(tmp_path):
    """A regressor on a gesture that a slow oscillator makes."""
    folder = tmp_path / "taught"
    folder.mkdir()
    return Stage(
        write_patch(
            folder,
            {
                "hand": ("control.lfo", {"name": "height", "rate": 0.5}),
                "regressor": ("mapping.regressor", {"method": "knn", "neighbours": 1}),
                "calm": ("control.smooth", {"time": 0.0}),
            },
            *("hand.control -> regressor.gesture", "regressor.prediction -> calm.control"),
        )
    )


def loudness(sound):
    return np.abs(sound).max()


def test_a_param_is_set_and_the_document_follows(tone):
    tone.do(ask.SetParam("soft", "gain", -20.0))
    tone.play(10)
    assert loudness(tone.play(5)) == pytest.approx(0.02, rel=0.01)
    assert tone.performance.patch.nodes["soft"].params["gain"] == -20.0
    assert "gain" not in load(tone.path).nodes["soft"].params  # the file is touched only when that is asked for


def test_an_unknown_node_or_param_is_told_in_words_and_changes_nothing(tone):
    tone.do(ask.SetParam("sofd", "gain", 0.0), ask.SetParam("soft", "volume", 1.0), ask.SetParam("soft", "gain", "loud"))
    assert tone.words() == [
        "there is no node sofd; did you mean soft?",
        "soft has no param volume",
        "gain must be a number, got 'loud'",
    ]


def test_an_edit_is_undone_and_done_again(tone):
    before = tone.performance.patch
    tone.do(ask.Edit(dumps(before.without_node("soft"))))
    tone.play(4)
    tone.do(ask.Undo())
    assert tone.performance.patch == before
    assert loudness(tone.play(8)[-512:]) == pytest.approx(0.2, rel=0.01)
    tone.do(ask.Redo())
    assert "soft" not in tone.performance.patch.nodes
    tone.do(ask.Redo())
    assert tone.words()[-1] == "there is nothing to redo"


def test_a_knob_that_turns_is_undone_in_one_step(tone):
    for gain in range(-30, 0):
        tone.do(ask.SetParam("soft", "gain", float(gain)))
    tone.do(ask.Undo())
    assert "gain" not in tone.performance.patch.nodes["soft"].params
    tone.do(ask.Undo())
    assert tone.words()[-1] == "there is nothing to undo"


def test_undo_touches_the_file_only_where_something_kept_in_it_is_undone(tone):
    written = tone.path.stat().st_mtime_ns, tone.path.read_bytes()
    tone.do(ask.SetParam("soft", "gain", -20.0), ask.Undo())
    assert (tone.path.stat().st_mtime_ns, tone.path.read_bytes()) == written
    tone.do(ask.KeepScene("a"), ask.Undo())
    assert load(tone.path).scenes == {}


def test_an_edit_that_is_no_patch_leaves_what_plays(tone):
    tone.do(ask.Edit("{"))
    assert "not JSON" in tone.words()[-1] and loudness(tone.play(4)) > 0.19


def test_the_block_length_cannot_change_while_it_plays(tone):
    tone.do(ask.Edit(dumps(tone.performance.patch.with_setting("block", 1024))))
    assert tone.words() == ["block cannot change while the sound runs; stop and start again"]


def test_a_scene_is_kept_in_the_file_and_recalled_in_its_time(tone):
    tone.do(ask.SetParam("soft", "gain", -40.0), ask.KeepScene("quiet"), ask.SetParam("soft", "gain", 0.0))
    tone.play(10)
    assert load(tone.path).scenes["quiet"]["params"]["soft.gain"] == -40.0
    assert "gain" not in load(tone.path).nodes["soft"].params
    tone.do(ask.RecallScene("quiet", 1.0))
    assert 0.2 * 10**-1.5 < loudness(tone.play(43)[-512:]) < 0.2 * 10**-0.5  # half-way
    tone.play(50)
    assert loudness(tone.play(4)) == pytest.approx(0.002, rel=0.05)


def test_a_scene_may_lead_another_source_to_an_input_that_takes_a_model_and_others_are_left():
    from runtime.patch import loads
    from runtime.scenes import recalled, scene_of

    nodes = {
        "a": {"type": "rave.file", "params": {"path": "a.ts"}},
        "b": {"type": "rave.file", "params": {"path": "b.ts"}},
        "d": {"type": "rave.decoder"},
        "l": {"type": "control.lfo"},
    }
    text = {"format": 1, "nodes": nodes, "links": [["a.model", "d.model"], ["l.control", "d.latent"]]}
    patch = loads(json.dumps(text))
    scene = scene_of(patch, REGISTRY)
    assert scene["links"] == {"d.model": "a.model"}
    other = recalled(patch, {**scene, "links": {"d.model": "b.model"}})
    assert [f"{link.source} -> {link.target}" for link in other.links] == ["b.model -> d.model", "l.control -> d.latent"]


def test_an_unknown_scene_is_told_with_those_that_there_are(tone):
    tone.do(ask.KeepScene("storm"), ask.RecallScene("strom"))
    assert tone.words()[-1] == "there is no scene 'strom'; there are: storm"


def record(stage, anchor, target, blocks):
    stage.do(ask.RecordAnchor("regressor", anchor, target))
    for _ in range(blocks):
        stage.play()
        stage.performance.teaching._next_gesture = 0.0
        stage.performance.tick()
    stage.do(ask.EndAnchor())


def test_a_regressor_is_taught_on_stage_from_nothing_and_plays_at_once(taught):
    taught.play(2)
    record(taught, "low", {"z0": -1.0}, 6)
    taught.play(60)
    record(taught, "high", {"z0": 2.0}, 6)
    taught.play(10)
    assert float(taught.engine.value("regressor", "prediction")[0, -1]) in (-1.0, 2.0)
    examples = json.loads((taught.path.parent / "p.assets" / "regressor" / "examples.json").read_text())
    assert [anchor["name"] for anchor in examples["anchors"]] == ["low", "high"]


def test_an_anchor_is_undone_on_disk_and_in_the_sound(taught):
    record(taught, "low", {"z0": -1.0}, 6)
    record(taught, "high", {"z0": 2.0}, 6)
    taught.do(ask.Undo())
    taught.play(4)
    examples = json.loads((taught.path.parent / "p.assets" / "regressor" / "examples.json").read_text())
    assert [anchor["name"] for anchor in examples["anchors"]] == ["low"]
    assert float(taught.engine.value("regressor", "prediction")[0, -1]) == -1.0


def test_an_anchor_without_a_target_means_what_plays_now(taught):
    record(taught, "low", {"z0": -1.0}, 6)
    taught.play(4)
    record(taught, "again", None, 6)
    examples = json.loads((taught.path.parent / "p.assets" / "regressor" / "examples.json").read_text())
    assert examples["anchors"][1]["target"] == {"z0": -1.0}


def test_what_cannot_be_taught_is_told(tone, taught):
    tone.do(ask.RecordAnchor("soft", "a", {"z0": 1.0}), ask.EndAnchor(), ask.Train("nobody"))
    assert tone.words() == [
        "soft cannot be taught; name a Regressor that the patch has",
        "no anchor is being recorded",
        "nobody cannot be taught; name a Regressor that the patch has",
    ]
    taught.do(ask.RecordAnchor("regressor", "first"))
    assert taught.words()[-1] == "regressor plays nothing yet: name the target of its first anchors"


def test_a_failed_node_tries_again_by_itself_and_later_is_made_anew(tmp_path):
    path = write_patch(tmp_path, {"bad": ("fake.faulty", {}), "out": ("fake.out", {})}, "bad.audio -> out.audio")
    stage = Stage(path, registry())
    stage.play(2)
    node = stage.engine.instance("bad")
    stage.do(ask.SetParam("bad", "fault", "raise"))
    stage.play(2)
    assert set(stage.engine.failed) == {"bad"}
    until = time.monotonic() + 10.0
    while stage.engine.instance("bad") is node and time.monotonic() < until:
        while stage.engine.events:
            stage.performance.failed(stage.engine.events.popleft())
        stage.performance.tick()
        stage.play()
    assert stage.engine.instance("bad") is not node
    stage.do(ask.SetParam("bad", "fault", ""))
    stage.play(8)
    assert stage.engine.failed == {} and loudness(stage.play(4)) == 0.5


def test_a_decoder_follows_the_shelf_of_a_training_that_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))

    def put(step, source):
        item = place(tmp_path / "p.assets" / "trainer.partial", step)
        item.mkdir(parents=True)
        shutil.copy(source, item / "model.ts")
        (item / "card.json").write_text(json.dumps({"step": step, "fingerprint": hash_file(item / "model.ts")}))

    nodes = {
        "trainer": ("rave.trainer", {}),
        "corpus": ("corpus.folder", {"path": "sounds"}),
        "lfo": ("control.lfo", {}),
        "decoder": ("rave.decoder", {}),
        "out": ("audio.output", {}),
    }
    path = write_patch(
        tmp_path,
        nodes,
        *("corpus.corpus -> trainer.corpus", "trainer.latest -> decoder.model"),
        *("lfo.control -> decoder.latent", "decoder.audio -> out.audio"),
    )
    stage = Stage(path)
    problems = [event for event in stage.told if isinstance(event, ask.Problems)][-1]
    assert any("the shelf of trainer has no latest model yet" in one.message for one in problems.problems)
    model = ROOT / "patches" / "demo.assets" / "trainer" / "model.ts"
    other = tmp_path / "other.ts"
    other.write_bytes(model.read_bytes() + b"\0")  # another file, and the same model
    trust(model)
    trust(other)
    put(250, model)
    stage.performance.tick()
    stage.play(40)
    assert np.abs(stage.play(40)).max() > 1e-4
    first = stage.engine.instance("decoder")
    time.sleep(1.1)
    stage.performance.tick()
    assert stage.engine.instance("decoder") is first, "nothing new is on the shelf"
    put(500, other)
    time.sleep(1.1)
    stage.performance.tick()
    stage.play(4)
    assert stage.engine.instance("decoder") is not first
