"""The page's parts from plain data: what somebody wrote into a card or called a file can neither break nor run in it."""

from pathlib import Path

import pytest

from runtime.corpus import Corpus, Recording, Rejected, Slice
from runtime.report import page
from runtime.report.explained import Explained, numbers
from runtime.report.made import MadeCorpus, MadeModel, colours, seconds_of
from runtime.report.taught import Taught, TaughtAnchor, arranged


def model(card):
    return MadeModel("trainer", ("trainer", "model"), "RAVE trainer", Path("model.ts"), "abc", card, ("slicer", "corpus"))


@pytest.mark.parametrize(
    "card",
    [
        {"steps": None, "losses": [], "fidelity": "much", "seconds": 3, "latents": "eight"},
        {"fidelity": [0.5, 1.0], "latents": [], "losses": {"validation": "low"}},
        {"recordings": 3, "phase": {"a": 1}},
    ],
)
def test_a_card_that_somebody_wrote_into_is_shown_as_far_as_it_is_one(card):
    assert "<h3>trainer" in "".join(page.model(model(card)))
    assert page.learnt(model(card)).startswith("<b>trainer</b> learnt its sound from")


def test_a_model_without_a_card_says_so():
    assert "No card lies beside it" in "".join(page.model(model({})))


def test_the_name_of_a_file_is_text_and_nothing_else():
    name = "<script>alert(1)</script>.wav"
    corpus = Corpus(Path(), (Recording(name, "0" * 64, 8000, 1, 8000),), (Slice(0, 0, 8000),), (Rejected(name, "is <b>bad</b>"),))
    made = "".join(page.corpus(MadeCorpus("archive", ("archive", "corpus"), "Audio folder", (), {"path": "<i>"}, corpus)))
    assert "<script>" not in made and "<b>bad" not in made and "<i>" not in made
    assert "&lt;script&gt;" in made


def test_anchors_are_listed_with_their_targets_and_misses():
    lesson = Taught("regressor", "Regressor", {}, (TaughtAnchor("gravel", {"z0": 1.5}, 30, 0.125),))
    made = "".join(page.lesson_of(lesson))
    assert "<td>gravel</td><td>30</td><td>z0 1.5</td><td>0.12</td>" in made


def test_what_could_not_be_examined_says_why():
    assert "has not been taught yet" in "".join(page.lesson_of(Taught("r", "Regressor", {}, failure="has not been taught yet")))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "an unknown length"),
        (1.25, "1.2 s"),
        (59.96, "60.0 s"),
        (61.0, "1 min 1 s"),
        (3600.0, "1 h 0 min"),
        (7284.0, "2 h 1 min"),
    ],
)
def test_lengths_are_said_as_people_say_them(seconds, words):
    assert page.clock(seconds) == words


def test_seconds_of_a_recording_are_those_of_its_slices():
    recordings = (Recording("a.wav", "0" * 64, 1000, 1, 9000), Recording("b.wav", "1" * 64, 2000, 1, 9000))
    corpus = Corpus(Path(), recordings, (Slice(0, 0, 500), Slice(0, 500, 1500), Slice(1, 0, 1000)))
    assert seconds_of(corpus) == {"a.wav": 1.5, "b.wav": 0.5}


def test_gestures_are_arranged_by_name_and_what_was_not_taught_rests():
    import numpy as np

    frames = np.array([[1.0, 2.0]], np.float32)
    assert arranged(frames, ("x", "y"), ("y", "z", "x")).tolist() == [[2.0, 0.0, 1.0]]


def test_the_colour_of_a_corpus_is_read_at_the_rate_of_the_patch(tmp_path):
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(np.arange(96000) * 0.1), 48000)
    corpus = Corpus(tmp_path, (Recording("a.wav", "0" * 64, 48000, 1, 96000),), (Slice(0, 0, 96000),))
    assert colours(corpus, 44100).shape == (2, 80)


@pytest.mark.parametrize("told", [None, "much", [], [1, 2], [[1.0], [1.0, 2.0]]])
def test_what_is_no_matrix_is_none(told):
    assert numbers(told) is None


def test_what_a_node_could_not_say_is_no_number():
    import numpy as np

    found = numbers([[0.5, None], [1, -1.0]])
    assert np.isnan(found[0, 1])
    assert found[1].tolist() == [1.0, -1.0]


def test_a_model_of_which_nothing_was_found_says_why():
    assert "it cannot be opened" in "".join(page.latents(Explained("model", failures=("Sweep: it cannot be opened",))))
