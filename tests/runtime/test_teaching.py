"""What an artist teaches on stage: anchors in plain data, heard, renamed, forgotten; and others who teach at the same time."""

import json
import threading
import time

import numpy as np
import pytest

from runtime import messages as ask
from runtime.artifacts import Assets, hash_file, write_atomically
from tests.command import write_patch
from tests.runtime.test_performance import Stage, record


@pytest.fixture
def taught(tmp_path):
    """A regressor that was taught three gestures of a slow wave, which the mapping hits."""
    stage = Stage(
        write_patch(
            tmp_path,
            {
                "hand": ("control.lfo", {"name": "height", "rate": 0.5}),
                "regressor": ("mapping.regressor", {"method": "knn", "neighbours": 1}),
                "calm": ("control.smooth", {"time": 0.0}),
            },
            *("hand.control -> regressor.gesture", "regressor.prediction -> calm.control"),
        )
    )
    for name, height in (("low", -1.0), ("high", 2.0), ("higher", 3.0)):
        record(stage, name, {"z0": height}, 6)
        stage.play(30)
    return stage


def plays(stage):
    stage.play(10)
    return float(stage.engine.value("calm", "control")[0, -1])


def lessons(stage):
    return [event for event in stage.told if isinstance(event, ask.Taught)]


def anchors(stage):
    path = stage.path.parent / "p.assets" / "regressor" / "examples.json"
    return {one["name"]: one["target"]["z0"] for one in json.loads(path.read_text())["anchors"]} if path.exists() else {}


# Commands


def test_forgetting_all_anchors_leaves_what_plays_and_is_undone(taught):
    before, files = plays(taught), anchors(taught)
    taught.do(ask.ClearAnchors("regressor"))
    assert anchors(taught) == {} and taught.engine.instance("regressor") is not None
    assert taught.words()[-1].endswith("nothing is taught any more; what it plays goes on until it is taught again")
    assert lessons(taught)[-1].anchors == () and plays(taught) in files.values()
    taught.do(ask.Undo())
    assert anchors(taught) == files and len(lessons(taught)[-1].anchors) == 3
    taught.do(ask.Redo())
    assert anchors(taught) == {} and before in files.values()


def test_a_regressor_that_was_cleared_is_taught_anew_with_other_targets(taught):
    taught.do(ask.ClearAnchors("regressor"))
    record(taught, "first", {"volume": 0.5}, 6)
    taught.play(10)
    assert taught.engine.names("regressor", "prediction") == ("volume",)
    assert [name for name, *_ in lessons(taught)[-1].anchors] == ["first"]


def test_an_anchor_keeps_its_place_target_and_gestures_under_another_name(taught):
    taught.do(ask.RenameAnchor("regressor", "high", "storm"))
    assert anchors(taught) == {"low": -1.0, "storm": 2.0, "higher": 3.0}
    assert lessons(taught)[-1].anchors[1][2] == lessons(taught)[-2].anchors[1][2]
    taught.do(ask.Undo())
    assert list(anchors(taught)) == ["low", "high", "higher"]


@pytest.mark.parametrize(
    ("anchor", "name", "words"),
    [
        ("high", "low", "there is an anchor 'low' already; forget it first, or choose another name"),
        ("hihg", "storm", "there is no anchor 'hihg'; there are: low, high, higher"),
        ("high", " ", "an anchor needs a name"),
    ],
)
def test_a_name_that_an_anchor_cannot_have_is_told_and_changes_nothing(taught, anchor, name, words):
    taught.do(ask.RenameAnchor("regressor", anchor, name))
    assert taught.words()[-1] == words and list(anchors(taught)) == ["low", "high", "higher"]


def test_files_that_were_changed_beside_the_performance_are_played_when_it_is_told(taught):
    path = taught.path.parent / "p.assets" / "regressor" / "examples.json"
    text = path.read_text()
    for height in ("-1.0", "2.0", "3.0"):
        text = text.replace(f'"z0": {height}', '"z0": 7.0')
    path.write_text(text)
    assert plays(taught) != 7.0
    taught.do(ask.Retaught("regressor"))
    assert plays(taught) == 7.0
    assert {target["z0"] for _, target, _ in lessons(taught)[-1].anchors} == {7.0}


# Auditions


def test_an_auditioned_anchor_plays_its_target_until_none_is_asked_for(taught):
    for name, height in (("low", -1.0), ("higher", 3.0), ("high", 2.0)):
        taught.do(ask.Audition("regressor", name))
        assert plays(taught) == height and lessons(taught)[-1].auditioned == name
    prediction = np.empty(0)
    taught.do(ask.Audition("regressor"))
    for _ in range(100):
        taught.play()
        prediction = np.append(prediction, taught.engine.value("calm", "control")[0, -1])
    assert len(np.unique(prediction)) > 1 and lessons(taught)[-1].auditioned is None


def test_an_unknown_anchor_is_not_auditioned_and_what_there_is_is_told(taught):
    taught.do(ask.Audition("regressor", "storm"))
    assert taught.words()[-1] == "there is no anchor 'storm'; there are: low, high, higher"
    taught.do(ask.Audition("hand", "low"))
    assert taught.words()[-1] == "hand cannot be taught; name a Regressor that the patch has"


def test_an_audition_follows_its_anchor_and_ends_with_it(taught):
    taught.do(ask.Audition("regressor", "higher"), ask.RenameAnchor("regressor", "higher", "storm"))
    assert plays(taught) == 3.0 and lessons(taught)[-1].auditioned == "storm"
    record(taught, "storm", {"z0": 5.0}, 6)
    assert plays(taught) == 5.0
    taught.do(ask.RemoveAnchor("regressor", "storm"))
    assert lessons(taught)[-1].auditioned is None and plays(taught) in (-1.0, 2.0)


def test_what_is_auditioned_can_be_the_target_of_a_new_anchor(taught):
    taught.do(ask.Audition("regressor", "higher"))
    taught.play(4)
    record(taught, "again", None, 6)
    assert anchors(taught)["again"] == 3.0


def test_a_target_that_is_no_anchor_yet_is_heard_until_none_is_asked_for_and_taught_from_what_plays(taught):
    before = len(lessons(taught))
    taught.do(ask.Audition("regressor", target={"z0": 4.5}))
    assert plays(taught) == 4.5 and len(lessons(taught)) == before
    record(taught, "found", None, 6)
    assert anchors(taught)["found"] == 4.5
    taught.do(ask.Audition("regressor"))
    assert plays(taught) in (-1.0, 2.0, 3.0, 4.5) and lessons(taught)[-1].auditioned is None


def test_a_target_of_other_dimensions_is_not_heard_and_those_that_it_needs_are_told(taught):
    before = plays(taught)
    taught.do(ask.Audition("regressor", target={"z0": 4.5, "z1": 1.0}))
    assert taught.words()[-1] == "regressor plays z0, so a target of it needs a value for each of them and for nothing else"
    assert before in (-1.0, 2.0, 3.0) and plays(taught) in (-1.0, 2.0, 3.0)


# What is told


def test_what_is_taught_is_told_when_a_performance_begins(taught):
    again = Stage(taught.path)
    (told,) = lessons(again)
    assert [(name, target) for name, target, _ in told.anchors] == [
        ("low", {"z0": -1.0}),
        ("high", {"z0": 2.0}),
        ("higher", {"z0": 3.0}),
    ]
    assert told.node == "regressor" and all(frames > 0 for *_, frames in told.anchors)
    assert told.scores["anchors"] == 3.0 and set(told.hits) == {"low", "high", "higher"}


def test_a_regressor_that_was_never_taught_says_so_when_it_begins(tmp_path):
    nodes = {"hand": ("control.lfo", {}), "regressor": ("mapping.regressor", {})}
    (told,) = lessons(Stage(write_patch(tmp_path, nodes, "hand.control -> regressor.gesture")))
    assert (told.anchors, told.words, told.scores["anchors"]) == ((), "nothing has been taught yet", 0.0)


def test_scores_that_take_their_time_follow_and_nobody_waits_for_them(taught):
    told = lessons(taught)[-1]
    until = time.monotonic() + 30.0
    while "leave_one_gesture_out" not in told.scores and time.monotonic() < until:
        taught.performance.tick()
        told = lessons(taught)[-1]
    assert isinstance(told.scores["leave_one_gesture_out"], float) and "gestures that were not taught: R2" in told.words
    assert taught.words()[-1].startswith("regressor: gestures that were not taught: R2")


def test_examples_that_cannot_be_read_are_a_problem_and_the_rest_plays(taught):
    (taught.path.parent / "p.assets" / "regressor" / "examples.json").write_text("{")
    again = Stage(taught.path)
    problems = [str(one) for event in again.told if isinstance(event, ask.Problems) for one in event.problems]
    assert any("cannot be read" in one for one in problems) and lessons(again) == []
    assert again.engine.instance("hand") is not None


# Others who teach


def test_two_performances_teach_the_same_node_and_nothing_is_lost(taught):
    other = Stage(taught.path)

    def teach(stage, letter):
        for number in range(6):
            record(stage, f"{letter}{number}", {"z0": 1.0}, 3)

    threads = [threading.Thread(target=teach, args=(stage, letter)) for stage, letter in ((taught, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    wanted = {f"{letter}{number}" for letter in "ab" for number in range(6)}
    assert set(anchors(taught)) == {"low", "high", "higher"} | wanted


def test_a_node_is_taught_while_a_training_of_another_holds_the_patch(taught):
    with Assets(taught.path).lock("run"):
        record(taught, "new", {"z0": 1.0}, 6)
    assert anchors(taught)["new"] == 1.0


def test_who_cannot_get_at_a_node_is_told_who_teaches_it_and_the_sound_goes_on(taught, monkeypatch):
    monkeypatch.setattr("runtime.artifacts.PATIENCE", 0.1)
    with Assets(taught.path).lock_taught("regressor", "teach"):
        taught.do(ask.RemoveAnchor("regressor", "low"))
    assert "is working on regressor; wait until it is done or stop it" in taught.words()[-1]
    assert "low" in anchors(taught) and plays(taught) in (-1.0, 2.0, 3.0)


# Nodes that learn gestures without targets


@pytest.fixture
def classifying(tmp_path):
    return Stage(
        write_patch(
            tmp_path,
            {
                "hand": ("control.lfo", {"name": "height", "rate": 0.5}),
                "regressor": ("mapping.classifier", {"neighbours": 1}),
                "calm": ("control.smooth", {"time": 0.0}),
            },
            *("hand.control -> regressor.gesture", "regressor.classes -> calm.control"),
        )
    )


def test_a_classifier_is_taught_on_stage_by_name_alone(classifying):
    for name in ("low", "high"):
        record(classifying, name, None, 6)
        classifying.play(30)
    assert lessons(classifying)[-1].anchors == (("low", {}, 6), ("high", {}, 6))
    assert classifying.engine.names("regressor", "classes") == ("low", "high")
    classifying.play(10)
    assert sorted(classifying.engine.value("calm", "control")[:, -1]) == [0.0, 1.0]
    classifying.do(ask.RemoveAnchor("regressor", "low"))
    assert classifying.engine.names("regressor", "classes") == ("high",)
    classifying.do(ask.Undo())
    assert classifying.engine.names("regressor", "classes") == ("low", "high")


def test_of_a_class_there_is_nothing_to_hear(classifying):
    record(classifying, "low", None, 6)
    classifying.do(ask.Audition("regressor", "low"))
    assert classifying.words()[-1] == "regressor learns gestures without targets: there is nothing to hear of one"


# A model that is replaced


def test_pressing_train_takes_the_anchors_as_they_are_for_the_model_that_is_connected_now(tmp_path, monkeypatch):
    from tests.nodes.test_mapping_models import model

    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))
    model(tmp_path, "two", 2), model(tmp_path, "one", 1, axes=1)

    def stage(name):
        nodes = {
            "hand": ("control.lfo", {"name": "height", "rate": 0.5}),
            "file": ("rave.file", {"path": f"{name}.ts"}),
            "regressor": ("mapping.regressor", {"method": "knn", "neighbours": 1}),
            "calm": ("control.smooth", {"time": 0.0}),
        }
        links = ("hand.control -> regressor.gesture", "file.model -> regressor.model", "regressor.prediction -> calm.control")
        path = write_patch(tmp_path, nodes, *links)
        found = tmp_path / f"{name}.ts"
        made = {"path": found.name, "type": "model", "fingerprint": hash_file(found)}
        write_atomically(tmp_path / "p.assets" / "file" / "record.json", json.dumps({"outputs": {"model": made}}).encode())
        return Stage(path)

    first = stage("two")
    record(first, "low", {"z0": 1.0, "z1": 2.0}, 6)
    second = stage("one")
    assert "this one has 1, so that z1 lead nowhere" in lessons(second)[-1].warnings[0]
    assert second.engine.names("regressor", "prediction") == ("z0",) and list(anchors(second)) == ["low"]
    second.do(ask.Audition("regressor", "low"))
    assert plays(second) == 1.0
    second.do(ask.Audition("regressor"))
    second.do(ask.Train("regressor"))
    assert lessons(second)[-1].warnings == () and lessons(second)[-1].anchors[0][1] == {"z0": 1.0}
    second.do(ask.Undo())
    assert lessons(second)[-1].anchors[0][1] == {"z0": 1.0, "z1": 2.0}
