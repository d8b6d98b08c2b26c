"""Numbers as artists type them."""

import pytest

from graph_editor.typed import value_of
from runtime.errors import ParamError
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, TextParam

PITCH = FloatParam(name="frequency", default=440.0, low=1.0, high=20000.0, unit="Hz", log=True)
TIME = FloatParam(name="time", default=0.1, low=0.0, high=10.0, unit="s")
LEVEL = FloatParam(name="gain", default=0.0, low=-60.0, high=24.0, unit="dB")
SHARE = FloatParam(name="mix", default=0.5, low=0.0, high=1.0)
STEPS = IntParam(name="steps", default=100, low=1, high=100000, unit="steps")
MODE = ChoiceParam(name="method", default="onsets", choices=("onsets", "silence", 3))


@pytest.mark.parametrize(
    ("param", "text", "value"),
    [
        (PITCH, "1.5 kHz", 1500.0),
        (PITCH, "220", 220.0),
        (PITCH, " 55hz ", 55.0),
        (PITCH, "2k", 2000.0),
        (PITCH, "1e3", 1000.0),
        (PITCH, "99 kHz", 20000.0),
        (TIME, "250 ms", 0.25),
        (TIME, "1,5", 1.5),
        (LEVEL, "-6 dB", -6.0),
        (LEVEL, "\u22126", -6.0),
        (SHARE, "30 %", 0.3),
        (SHARE, ".25", 0.25),
        (STEPS, "20k", 20000),
        (STEPS, "12 steps", 12),
        (MODE, "Silence", "silence"),
        (MODE, "3", 3),
        (BoolParam(name="loop", default=False), "on", True),
        (BoolParam(name="loop", default=False), "No", False),
        (TextParam(name="words"), " as typed ", " as typed "),
    ],
)
def test_what_is_typed_is_taken_in_the_param_s_own_unit(param, text, value):
    assert value_of(param, text) == pytest.approx(value)
    assert type(value_of(param, text)) is type(value)


@pytest.mark.parametrize(
    ("param", "text", "words"),
    [
        (PITCH, "loud", "frequency must be a number, got 'loud'"),
        (PITCH, "3 dB", "frequency must be a number in Hz, kHz, got '3 dB'"),
        (PITCH, "", "frequency must be a number, got ''"),
        (STEPS, "2.5", "steps must be a whole number, got 2.5"),
        (SHARE, "3 s", "mix must be a number in %, got '3 s'"),
        (MODE, "loud", "method must be one of onsets, silence, 3, got 'loud'"),
        (BoolParam(name="loop", default=False), "maybe", "loop must be true or false, got 'maybe'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(param, text, words):
    with pytest.raises(ParamError) as error:
        value_of(param, text)
    assert str(error.value) == words
