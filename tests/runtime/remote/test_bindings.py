"""Bindings: sources as text, ranges of params, and which knob is being moved."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.messages import Problem
from runtime.node import JobNode, StreamNode
from runtime.patch import Node, Patch
from runtime.registry import Registry
from runtime.remote.bindings import (
    ENOUGH,
    MOST_SOURCES,
    BindingError,
    Movement,
    number_of,
    of_midi,
    parse_source,
    problems,
    resolve,
    scale,
    source_of,
    span,
)
from runtime.remote.midi_messages import Message
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, NodeSpec, Port, PortType, TextParam


class Voice(StreamNode):
    """A voice."""

    spec = NodeSpec(
        type="test.voice",
        title="Voice",
        params=(
            FloatParam(name="level", default=0.0, low=-60.0, high=12.0),
            FloatParam(name="cutoff", default=440.0, low=20.0, high=20000.0, log=True),
            FloatParam(name="free", default=0.0),
            IntParam(name="voices", default=1, low=1, high=8),
            BoolParam(name="mute", default=False),
            ChoiceParam(name="shape", default="sine", choices=("sine", "saw", "noise")),
            TextParam(name="title"),
            FloatParam(name="size", default=1.0, low=0.0, high=2.0, live=False),
        ),
    )


class Trainer(JobNode):
    """A trainer."""

    spec = NodeSpec(
        type="test.trainer",
        title="Trainer",
        outputs=(Port("model", PortType.MODEL),),
        params=(FloatParam(name="rate", default=0.0, low=0.0, high=1.0),),
    )


REGISTRY = Registry()
REGISTRY.add(Voice)
REGISTRY.add(Trainer)


def resolved(param, **more):
    binding = {"source": "midi:nano cc7", "node": "voice", "param": param, **more}
    patch = Patch(nodes={"voice": Node("test.voice"), "trainer": Node("test.trainer")}, bindings=(binding,))
    return resolve(patch, REGISTRY), problems(patch, REGISTRY)


def entry(param, **more):
    (found,), wrong = resolved(param, **more)
    assert wrong == []
    return found


# Sources


@pytest.mark.parametrize("text", ["midi:nanoKONTROL2 MIDI 1 cc74/2", "midi: note60", "osc:/1/fader1", "osc:/hand 2"])
def test_a_source_is_written_as_it_is_read(text):
    assert str(parse_source(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a knob is written midi:PORT cc74 or osc:/fader, got ''"),
        ("key:a", "a knob is written"),
        ("osc:fader", "a knob is written"),
        ("osc:/fader 0", "a knob is written"),
        ("midi:nano", "'nano' is no MIDI control"),
        ("midi:nano cc200", "numbers from 0 to 127"),
    ],
)
def test_a_source_that_is_not_understood_says_what_to_write(text, words):
    with pytest.raises(BindingError, match=words):
        parse_source(text)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text(max_size=20).map("midi:{}".format) | st.text(max_size=20).map("osc:/{}".format))
def test_any_text_is_a_source_or_refused(text):
    try:
        found = parse_source(text)
    except BindingError:
        return
    assert parse_source(str(found)) == found


# Ranges


@pytest.mark.parametrize(
    ("param", "values"),
    [
        ("level", (-60.0, -24.0, 12.0)),
        ("cutoff", (20.0, pytest.approx(20 * 1000**0.5), 20000.0)),
        ("free", (0.0, 0.5, 1.0)),
        ("voices", (1, 4, 8)),
        ("mute", (False, False, True)),
        ("shape", ("sine", "saw", "noise")),
    ],
)
def test_a_knob_goes_over_the_params_own_range(param, values):
    found = tuple(scale(entry(param), way) for way in (0.0, 0.5, 1.0))
    assert found == values and [type(value) for value in found] == [type(scale(entry(param), 0.3))] * 3


def test_a_binding_may_have_a_range_of_its_own_and_turn_the_knob_around():
    assert [scale(entry("level", low=-6, high=-12), way) for way in (0, 0.5, 1)] == [-6, -9, -12]
    assert [scale(entry("shape", low=1, high=0), way) for way in (0, 1)] == ["noise", "sine"]
    assert scale(entry("cutoff", low=0, high=100), 0.5) == 50


def test_a_knob_cannot_go_further_than_its_way():
    assert scale(entry("level"), 7.0) == 12 and scale(entry("level"), -7.0) == -60


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(None, None, (0, 1)), (5.0, None, (5, 6)), (None, -3.0, (-4, -3)), (None, 10.0, (0, 10))]
)
def test_a_range_without_an_end_is_given_one(low, high, expected):
    ends = {name: end for name, end in (("low", low), ("high", high)) if end is not None}
    assert span(FloatParam(name="x", default=0.0, **ends)) == expected


def test_a_resolved_binding_is_plain_data():
    assert entry("shape") == {
        "source": "midi:nano cc7",
        "node": "voice",
        "param": "shape",
        "kind": "choice",
        "low": 0.0,
        "high": 1.0,
        "log": False,
        "choices": ["sine", "saw", "noise"],
    }


@pytest.mark.parametrize(
    ("param", "more", "node", "words"),
    [
        ("pitch", {}, "voice", "midi:nano cc7 moves pitch, but the node has no such param"),
        ("size", {}, "voice", "midi:nano cc7 cannot move size: it is fixed while the sound runs"),
        ("title", {}, "voice", "no knob can move title: it is a text"),
        ("rate", {"node": "trainer"}, "trainer", "cannot move rate"),
        ("level", {"node": "bass"}, "", "moves bass.level, but there is no node bass"),
        ("level", {"low": "deep"}, "voice", "low and high of midi:nano cc7 must be numbers, got 'deep' and 12.0"),
        ("level", {"source": "midi:nano"}, "voice", "is no MIDI control"),
        ("level", {"source": None}, "voice", "needs the texts source, node and param"),
        ("level", {"node": ["voice"]}, "", "needs the texts"),
    ],
)
def test_a_binding_that_cannot_be_is_a_problem_and_the_others_work(param, more, node, words):
    binding = {"source": "midi:nano cc7", "node": "voice", "param": param, **more}
    good = {"source": "osc:/fader", "node": "voice", "param": "level"}
    patch = Patch(nodes={"voice": Node("test.voice"), "trainer": Node("test.trainer")}, bindings=(binding, good))
    assert [found["source"] for found in resolve(patch, REGISTRY)] == ["osc:/fader"]
    (problem,) = problems(patch, REGISTRY)
    assert isinstance(problem, Problem) and problem.node == node and words in problem.message and not problem.stops


# What comes in


@pytest.mark.parametrize(
    ("source", "message", "way"),
    [
        ("midi:nano cc7", Message("cc", 3, 7, 0.5), 0.5),
        ("midi: cc7/3", Message("cc", 3, 7, 0.5), 0.5),
        ("midi:nano cc7/2", Message("cc", 3, 7, 0.5), None),
        ("midi:keystep cc7", Message("cc", 3, 7, 0.5), None),
        ("midi:nano pitchbend", Message("pitchbend", 1, 0, -1.0), 0.0),
        ("midi:nano note60", Message("note", 1, 60, 0.0), 0.0),
        ("midi:nano note", Message("note", 1, 127, 0.3), 1.0),
        ("midi:nano note", Message("note", 1, 127, 0.0), None),
        ("midi:nano velocity", Message("note", 1, 60, 0.0), None),
        ("midi:nano gate", Message("note", 1, 60, 0.3), 1.0),
    ],
)
def test_a_message_puts_its_own_knob_somewhere(source, message, way):
    assert of_midi(parse_source(source), "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0", message) == way


@pytest.mark.parametrize(("value", "way"), [(0.25, 0.25), (True, 1.0), (7, 1.0), (-1.0, 0.0), ("x", None), (float("nan"), None)])
def test_an_osc_value_is_a_way_if_it_is_a_number(value, way):
    assert number_of(value) == way


# Learning

FADER, KNOB = parse_source("osc:/fader"), source_of("nano", Message("cc", 1, 7, 0.0))


def test_a_knob_that_trembles_is_not_learned_and_one_that_is_turned_is():
    movement = Movement()
    movement.begin()
    assert not any(movement.hear(KNOB, (64 + number % 3) / 127) for number in range(1000))
    assert not movement.hear(KNOB, 70 / 127)
    assert movement.hear(KNOB, 64 / 127 + 1.1 * ENOUGH)


def test_a_knob_that_is_turned_slowly_is_learned():
    movement = Movement()
    movement.begin()
    moved = [movement.hear(KNOB, number / 127) for number in range(64)]
    assert moved.index(True) == 13


def test_where_a_knob_was_before_counts():
    movement = Movement()
    movement.hear(FADER, 0.0)
    movement.begin()
    assert movement.hear(FADER, 1.0)


def test_the_first_message_of_a_fader_only_tells_where_it_is():
    movement = Movement()
    movement.begin()
    assert not movement.hear(FADER, 1.0)
    assert movement.hear(FADER, 0.0)


@pytest.mark.parametrize(("message", "way"), [(Message("note", 1, 60, 0.4), 0.4), (Message("pitchbend", 1, 0, 1.0), 1.0)])
def test_a_key_or_a_wheel_is_learned_at_its_first_message(message, way):
    movement = Movement()
    movement.begin()
    assert movement.hear(source_of("nano", message), way)


def test_a_learned_source_is_written_with_its_channel_and_without_the_numbers_of_alsa():
    assert str(source_of("nano:nano MIDI 1 24:0", Message("cc", 2, 7, 0.5))) == "midi:nano:nano MIDI 1 cc7/2"


def test_a_flood_of_addresses_does_not_fill_the_memory():
    movement = Movement()
    for number in range(10_000):
        movement.hear(parse_source(f"osc:/{number}"), 0.5)
    assert len(movement._now) == len(movement._rest) == MOST_SOURCES
    assert not movement.hear(KNOB, 0.2) and movement.hear(KNOB, 0.4)
