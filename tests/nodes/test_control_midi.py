"""MIDI in and out: what the texts mean, knobs and keys over real ports, and a controller that is unplugged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.control_midi import MidiIn, MidiOut, controls_of, rows_of
from runtime.errors import NodeError
from runtime.node import Block, Stream
from runtime.remote.midi_messages import Message
from tests.drive import params_of, stream
from tests.jack import Knobs, running, until


@pytest.fixture(scope="module")
def jack():
    with running() as server:
        yield server


def prepared(node, *, offline=False, names=(), arrived=lambda: None, **params):
    node.prepare(Stream(44100, 512, 0, offline, None, {"control": names}, arrived=arrived), **params_of(type(node), params, None))
    return node


def newest(node):
    made = node.process(Block(512))["control"]
    assert made.dtype == np.float32 and made.shape[1] == 8 and (made == made[:, :1]).all()
    return made[:, 0].tolist()


def gesture(*values):
    return np.repeat(np.array(values, np.float32)[:, None], 8, axis=1)


# The controls


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "controls must name at least one dimension, such as volume=cc7"),
        ("volume", "controls must be written volume=cc7, cutoff=cc74/2@0.5, bend=pitchbend, note=note, got 'volume'"),
        ("volume=knob1", "controls, volume: 'knob1' is no MIDI control; write cc74"),
        ("volume=cc7, volume=cc8", "controls names volume twice"),
        ("volume=cc7@loud", "controls, volume: 'cc7@loud' is no MIDI control"),
    ],
)
def test_controls_that_are_not_understood_say_what_to_write(text, words):
    with pytest.raises(NodeError) as error:
        prepared(MidiIn(), offline=True, controls=text)
    assert words in str(error.value)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text(max_size=20).map("x=cc{}".format))
def test_any_text_is_controls_or_refused(text):
    try:
        assert controls_of(text, "x=cc1")
    except NodeError as error:
        assert str(error)


def test_offline_nothing_is_listened_to_and_the_initial_values_are_given():
    node = MidiIn()
    made = stream(node, params={"controls": "volume=cc7@0.8, bend=pitchbend"})["control"]
    assert made.shape == (2, 64) and (made == np.float32([[0.8], [0.0]])).all()
    assert node.stream_used.output_names == {"control": ("volume", "bend")}
    assert node._port is None


# What messages make of the dimensions; they are handed over as the MIDI thread does


def played(controls, *messages):
    node = prepared(MidiIn(), offline=True, controls=controls)
    found = []
    for message in messages:
        node._hear(message)
        found.append(newest(node))
    return found


def down(number, velocity=1.0, channel=1):
    return Message("note", channel, number, velocity)


def up(number, channel=1):
    return Message("note", channel, number, 0.0)


def test_knobs_and_wheels_keep_their_newest_values():
    found = played(
        "a=cc7, b=cc74/2@0.5, c=pitchbend, d=aftertouch",
        Message("cc", 3, 7, 0.25),
        Message("cc", 1, 74, 1.0),
        Message("cc", 2, 74, 1.0),
        Message("pitchbend", 1, 0, -1.0),
        Message("aftertouch", 1, 60, 0.5),
    )
    assert found[1] == [0.25, 0.5, 0.0, 0.0]
    assert found[-1] == [0.25, 1.0, -1.0, 0.5]


def test_the_key_that_was_pressed_last_and_is_still_down_is_the_note():
    keys = [down(60, 0.5), down(64, 0.25), up(64), up(60), up(60)]
    assert played("n=note@48, v=velocity, g=gate", *keys) == [
        [60, 0.5, 1],
        [64, 0.25, 1],
        [60, 0.25, 1],
        [60, 0.25, 0],
        [60, 0.25, 0],
    ]


def test_a_channel_has_keys_of_its_own():
    keys = [down(60, channel=1), down(64, channel=2), up(64, channel=2)]
    assert played("one=gate/1, two=gate/2, n=note/2", *keys) == [[1, 0, 0], [1, 1, 64], [1, 0, 64]]


def test_one_key_can_be_a_dimension():
    assert played("kick=note36", down(36, 0.5), down(38), up(36)) == [[0.5], [0.5], [0.0]]


def test_all_keys_up_lets_every_key_go():
    panic = Message("cc", 1, 123, 0.0)
    assert played("g=gate, k=note36", down(36, 0.5), panic, up(36)) == [[1, 0.5], [0, 0], [0, 0]]
    assert played("g=gate/2", down(36, channel=2), panic) == [[1], [1]]


# Real ports


def test_a_knob_of_a_real_port_moves_a_dimension(jack):
    arrived = []
    with Knobs() as knobs:
        node = prepared(MidiIn(), port="knobs", controls="cutoff=cc74@0.5", arrived=lambda: arrived.append(1))
        until(lambda: node._port.is_open)
        assert newest(node) == [0.5]
        told = len(arrived)
        until(lambda: knobs.send(0xB0, 74, 127) or newest(node) == [1.0])
        until(lambda: len(arrived) > told)
        node.close()
    assert newest(node) == [1.0]


@pytest.mark.slow
def test_a_controller_that_is_unplugged_lets_its_keys_go_and_keeps_its_knobs(jack):
    node = prepared(MidiIn(), port="Knobs", controls="cutoff=cc74, g=gate")
    until(lambda: node.failure)
    assert node.failure == "no MIDI port is there; plug in Knobs"
    with Knobs() as knobs:
        until(lambda: node.failure is None)
        until(lambda: knobs.send(0xB0, 74, 127) or knobs.send(0x90, 60, 100) or newest(node) == [1.0, 1.0])
    until(lambda: node.failure)
    assert "MIDI port 'Knobs:port' is gone; plug it in again" in node.failure
    assert newest(node) == [1.0, 0.0]
    with Knobs() as knobs:
        until(lambda: node.failure is None)
        until(lambda: knobs.send(0xB0, 74, 0) or newest(node) == [0.0, 0.0])
    node.close()


def test_a_node_that_was_never_prepared_can_be_closed():
    MidiIn().close()
    MidiOut().close()


# Out


def test_dimensions_are_the_controllers_from_20_on_unless_they_are_named():
    assert [(row, str(control)) for row, control in rows_of("", ("x", "y"))] == [(0, "cc20"), (1, "cc21")]
    assert [(row, str(control)) for row, control in rows_of("y=cc1/2, x=pitchbend", ("x", "y"))] == [
        (1, "cc1/2"),
        (0, "pitchbend"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z=cc1", "controls names z, but the dimensions are x, y"),
        ("x=note", "controls, x: notes cannot be sent; write cc74, pitchbend or aftertouch"),
        ("x", "controls must be written x=cc1, y=cc74/2, got 'x'"),
    ],
)
def test_controls_that_cannot_be_sent_say_what_to_write(text, words):
    with pytest.raises(NodeError) as error:
        prepared(MidiOut(), offline=True, names=("x", "y"), controls=text)
    assert words in str(error.value)


def test_too_many_dimensions_are_refused():
    with pytest.raises(NodeError, match="120 dimensions are too many"):
        prepared(MidiOut(), offline=True, names=[f"d{number}" for number in range(120)])


def test_offline_nothing_is_sent():
    node = MidiOut()
    assert stream(node, {"control": np.ones((1, 64), np.float32)}, names={"control": ("x",)}) == {}
    assert node._port is None


def test_a_gesture_is_sent_when_it_changes(jack):
    with Knobs("Synth", hears=True) as synth:
        node = prepared(MidiOut(), names=("x", "y"), port="synth", controls="x=cc1, y=pitchbend/2")
        until(lambda: node._port.is_open)
        node.process(Block(512), gesture(0.5, -1.0))
        assert [until(synth.heard) for _ in range(2)] == [[0xB0, 1, 64], [0xE1, 0, 0]]
        node.process(Block(512), gesture(0.501, -1.0))
        node.process(Block(512), gesture(np.nan, 0.0))
        node.process(Block(512), gesture(2.0, -1.0))
        assert until(synth.heard) == [0xB0, 1, 127]
        node.close()


@pytest.mark.slow
def test_an_instrument_that_comes_back_gets_what_it_missed(jack):
    node = prepared(MidiOut(), names=("x",), port="Synth")
    node.process(Block(512), gesture(1.0))
    until(lambda: node.failure)
    for _ in range(2):
        with Knobs("Synth", hears=True) as synth:
            assert until(synth.heard) == [0xB0, 20, 127]
        until(lambda: node.failure)
    node.close()
