"""The words of a number beside its slider."""

import pytest

from graph_editor.widgets import fitting
from runtime.spec import FloatParam, IntParam


def wide(letters):
    return lambda text: len(text) <= letters


@pytest.mark.parametrize(
    ("value", "letters", "shown"),
    [
        (-60.0, 10, "-60 dB"),
        (0.07, 10, "0.07 dB"),
        (-43.267, 10, "-43.27 dB"),
        (-43.267, 8, "-43.3 dB"),
        (-43.267, 6, "-43 dB"),
        (-43.267, 3, "-43"),
        (0.0, 10, "0 dB"),
        (100.0, 10, "100 dB"),
        (12345.6, 10, "12346 dB"),
    ],
)
def test_a_number_has_as_many_places_as_there_is_room_for_and_no_idle_noughts(value, letters, shown):
    assert fitting(FloatParam(name="gain", default=0.0, unit="dB"), value, wide(letters)) == shown


def test_a_small_number_is_never_rounded_to_nothing():
    time = FloatParam(name="time", default=1.0, unit="s")
    assert fitting(time, 0.0004, wide(20)) == "0.0004 s"
    assert fitting(time, 0.004, wide(5)) == "0.004"
    assert fitting(time, 0.004, wide(3)) == "0.004"


def test_a_whole_number_loses_its_unit_before_its_digits():
    steps = IntParam(name="steps", default=1, unit="steps")
    assert fitting(steps, 200, wide(9)) == "200 steps"
    assert fitting(steps, 200, wide(8)) == "200"
