import pickle

import numpy as np

from runtime.engine import Engine
from runtime.feed import Feed, feedable, inside, outside
from tests.runtime.test_transition import OUT, compiled

FACE = {
    "video": ("vision.video", {"path": "face.mp4"}),
    "face": ("vision.face", {}),
    "calm": ("control.smooth", {"time": 0.0}),
    "tone": ("audio.oscillator", {}),
    "out": OUT,
}
LINKS = ("video.image -> face.image", "face.gesture -> calm.control", "tone.audio -> out.audio")


def test_pictures_are_sensed_beside_the_engine_and_the_rest_is_rendered():
    plan = compiled(FACE, *LINKS)
    assert feedable(plan) == {"video", "face"}
    assert [step.node for step in outside(plan).streams] == ["video", "face"]


def test_the_engine_gets_a_stand_in_with_the_controls_of_a_fed_node_and_no_pictures():
    plan = compiled(FACE, *LINKS)
    face = Feed(plan.steps["face"].spec, {"gesture": ("a", "b"), "confidence": ("confidence",)})
    within = inside(plan, {"face": face, "video": Feed(plan.steps["video"].spec, {})})
    assert sorted(within.steps) == ["calm", "face", "out", "tone"]
    engine = Engine(plan.settings)
    assert engine.load(within) == []
    face.put({"gesture": np.array([1.0, 2.0], np.float32)})
    engine.render()
    np.testing.assert_array_equal(engine.value("calm", "control"), np.repeat([[1.0], [2.0]], 8, axis=1))
    assert engine.names("calm", "control") == ("a", "b")


def test_an_output_without_news_keeps_its_values_when_another_has_some():
    plan = compiled(FACE, *LINKS)
    face = Feed(plan.steps["face"].spec, {"gesture": ("a", "b"), "confidence": ("c",)})
    engine = Engine(plan.settings)
    engine.load(inside(plan, {"face": face}))
    face.put({"gesture": np.array([1.0, 2.0], np.float32), "confidence": np.array([0.5], np.float32)})
    engine.render()
    face.put({"confidence": np.array([0.25], np.float32)})
    engine.render()
    assert engine.value("face", "gesture")[:, 3].tolist() == [1.0, 2.0]
    assert (engine.value("face", "confidence") == 0.25).all()


def test_values_from_another_process_are_taken_as_they_are():
    plan = compiled(FACE, *LINKS)
    face = Feed(plan.steps["face"].spec, {"gesture": ("a", "b"), "confidence": ("c",)})
    engine = Engine(plan.settings)
    engine.load(inside(plan, {"face": face}))
    face.put(pickle.loads(pickle.dumps({"gesture": np.array([1e-30, np.pi], np.float32)})))
    engine.render()
    assert not engine.failed
    assert engine.value("face", "gesture")[:, 0].tobytes() == np.array([1e-30, np.pi], np.float32).tobytes()


def test_the_journal_gets_each_new_value_once_with_its_block():
    plan = compiled(FACE, *LINKS)
    face, told = Feed(plan.steps["face"].spec, {"gesture": ("a",), "confidence": ("c",)}), []
    face.journal = lambda block, values: told.append((block, float(values["gesture"][0])))
    engine = Engine(plan.settings)
    engine.load(inside(plan, {"face": face}))
    engine.render()
    engine.render()
    face.put({"gesture": np.array([0.5], np.float32)})
    face.put({"gesture": np.array([0.75], np.float32)})
    engine.render()
    engine.render()
    assert told == [(0, 0.0), (2, 0.75)]


def test_the_age_of_a_value_is_known_when_the_engine_takes_it():
    plan = compiled(FACE, *LINKS)
    face = Feed(plan.steps["face"].spec, {"gesture": ("a",), "confidence": ("c",)})
    engine = Engine(plan.settings)
    engine.load(inside(plan, {"face": face}))
    face.put({"gesture": np.array([0.5], np.float32)}, stamp=1.0)
    engine.render()
    stamp, taken = face.applied
    assert stamp == 1.0 and taken > stamp
