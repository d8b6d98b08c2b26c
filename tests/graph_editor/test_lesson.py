"""How far a recording has come, and what the sliders ask for."""

import pytest

from graph_editor.lesson import Lesson
from graph_editor.teaching import target_in


def test_without_hands_a_recording_begins_after_three_seconds_and_ends_by_itself_once():
    lesson = Lesson(seconds=2.0)
    lesson.begin("regressor", "smile", {"z0": 1.0}, 100.0, hands_free=True)
    assert [lesson.due(100.0), lesson.due(102.9)] == ["", ""]
    assert [lesson.due(103.0), lesson.due(103.0), lesson.due(104.9)] == ["begin", "", ""]
    assert [lesson.due(105.0), lesson.due(106.0)] == ["end", ""]
    assert lesson.recording is None


def test_by_hand_a_recording_begins_at_once_and_ends_when_it_is_told_to():
    lesson = Lesson()
    lesson.begin("regressor", "smile", None, 100.0)
    assert [lesson.due(100.0), lesson.due(1000.0)] == ["begin", ""]
    assert lesson.recording.begun


@pytest.mark.parametrize(("now", "words"), [(100.0, "3"), (100.1, "3"), (101.5, "2"), (102.9, "1"), (103.0, "0")])
def test_the_seconds_until_it_begins_are_counted_down(now, words):
    lesson = Lesson()
    lesson.begin("regressor", "smile", None, 100.0, hands_free=True)
    assert lesson.recording.words(now) == words


def test_sliders_ask_for_values_of_one_regressor_until_they_follow_again():
    lesson = Lesson()
    lesson.want("one", "z0", 1.0)
    lesson.want("one", "z0", 2.0)
    lesson.want("two", "z1", 3.0)
    assert lesson.wanted == {"one": {"z0": 2.0}, "two": {"z1": 3.0}}
    lesson.follow("one")
    assert lesson.wanted == {"two": {"z1": 3.0}}


def test_a_target_is_typed_as_names_and_numbers():
    assert target_in("height=0.5, width=-1") == {"height": 0.5, "width": -1.0}


@pytest.mark.parametrize("words", ["height", "height=high", "=1", "height=nan", "height=0.5 width"])
def test_what_is_no_target_is_refused_with_the_word_that_is_wrong(words):
    with pytest.raises(ValueError, match=f"got '{words.split()[-1]}'"):
        target_in(words)


def test_an_empty_target_is_refused():
    with pytest.raises(ValueError, match="needs a name and a number at least"):
        target_in("  ")
