"""MIDI: bytes and controls, ports by name, and a controller that goes and comes back."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.remote import midi
from runtime.remote.midi import choose, ports, sender, subscribe
from runtime.remote.midi_messages import Control, Message, MidiError, control_of, decode, encode, parse, plain
from tests.jack import Knobs, running, until


@pytest.fixture(scope="module")
def jack():
    with running() as server:
        yield server


# Bytes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((0xB0, 74, 127), Message("cc", 1, 74, 1.0)),
        ((0xBF, 7, 0), Message("cc", 16, 7, 0.0)),
        ((0x91, 60, 127), Message("note", 2, 60, 1.0)),
        ((0x91, 60, 0), Message("note", 2, 60, 0.0)),
        ((0x81, 60, 64), Message("note", 2, 60, 0.0)),
        ((0xD0, 127), Message("aftertouch", 1, 0, 1.0)),
        ((0xA0, 60, 127), Message("aftertouch", 1, 60, 1.0)),
        ((0xE0, 0, 64), Message("pitchbend", 1, 0, 0.0)),
        ((0xE0, 127, 127), Message("pitchbend", 1, 0, 1.0)),
        ((0xE0, 0, 0), Message("pitchbend", 1, 0, -1.0)),
    ],
)
def test_bytes_are_a_message(data, message):
    assert decode(data) == message


@pytest.mark.parametrize("data", [(), (0xF8,), (0xC0, 5), (0xB0, 74), (0xF0, 1, 2, 0xF7), (0xF2, 1, 2)])
def test_other_messages_are_none_of_ours(data):
    assert decode(data) is None


@settings(deadline=None)
@given(st.binary(max_size=6))
def test_any_bytes_are_a_message_or_none(data):
    message = decode(data)
    if message is not None:
        assert 1 <= message.channel <= 16 and 0 <= message.number <= 127 and -1 <= message.value <= 1


@settings(deadline=None)
@given(st.sampled_from(["cc", "note", "pitchbend", "aftertouch"]), st.integers(1, 16), st.integers(0, 127), st.floats(-2, 2))
def test_a_message_comes_back_from_its_bytes(kind, channel, number, value):
    made = decode(encode(Message(kind, channel, number, value)))
    low = -1.0 if kind == "pitchbend" else 0.0
    assert (made.kind, made.channel) == (kind, channel)
    assert made.number == (number if kind in ("cc", "note") else 0)
    assert made.value == pytest.approx(min(max(value, low), 1.0), abs=0.5 / 127 + 1e-6)


# Controls


@pytest.mark.parametrize(
    "text", ["cc74", "cc74/2", "pitchbend", "aftertouch/16", "note", "velocity", "gate/1", "note60", "note60/3"]
)
def test_a_control_is_written_as_it_is_read(text):
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no MIDI control; write cc74, cc74/2"),
        ("cc", "is no MIDI control"),
        ("knob3", "is no MIDI control"),
        ("gate60", "is no MIDI control"),
        ("cc128", "numbers from 0 to 127"),
        ("cc1/0", "channels have numbers from 1 to 16"),
        ("cc1/17", "channels have numbers from 1 to 16"),
    ],
)
def test_a_control_that_is_not_understood_says_what_to_write(text, words):
    with pytest.raises(MidiError, match=words):
        parse(text)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_control_or_refused(text):
    try:
        found = parse(text)
    except MidiError:
        return
    assert parse(str(found)) == found


def test_a_control_hears_its_own_messages_only():
    message = Message("cc", 2, 74, 0.5)
    assert all(parse(text).hears(message) for text in ("cc74", "cc74/2"))
    assert not any(parse(text).hears(message) for text in ("cc73", "cc74/1", "note", "pitchbend"))
    assert all(parse(text).hears(Message("note", 1, 60, 1.0)) for text in ("note", "velocity", "gate", "note60"))
    assert not parse("note61").hears(Message("note", 1, 60, 1.0))


def test_a_message_knows_the_control_that_it_comes_from():
    assert control_of(Message("cc", 2, 74, 0.5)) == Control("cc", 74, 2)
    assert str(control_of(Message("note", 1, 60, 0.5))) == "note60/1"
    assert str(control_of(Message("pitchbend", 1, 0, 0.5))) == "pitchbend/1"


# Names

THERE = ["Midi Through:Midi Through Port-0 14:0", "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0", "Keystep:Keystep MIDI 1 28:0"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", 1),
        ("keystep", 2),
        ("Keystep:Keystep MIDI 1", 2),
        ("Keystep:Keystep MIDI 1 20:0", 2),
        (THERE[0], 0),
    ],
)
def test_a_port_is_found_by_its_name_or_a_part_of_it(wanted, found):
    assert choose(wanted, THERE) == THERE[found]


def test_the_system_s_own_port_is_the_first_only_where_there_is_no_other():
    assert choose("", THERE[:1]) == THERE[0]


@pytest.mark.parametrize(
    ("wanted", "there", "words"),
    [
        ("", [], "no MIDI port is there; plug in a MIDI device"),
        ("nano", [], "plug in nano"),
        ("launchpad", THERE, "no MIDI port is called 'launchpad'; there are: Midi Through:Midi Through Port-0, nanoKONTROL2"),
        ("MIDI 1", THERE, "may mean several MIDI ports: nanoKONTROL2:nanoKONTROL2 MIDI 1, Keystep:Keystep MIDI 1; write more"),
    ],
)
def test_a_port_that_is_not_found_says_what_there_is(wanted, there, words):
    with pytest.raises(MidiError, match=words):
        choose(wanted, there)


def test_the_numbers_of_alsa_are_no_part_of_a_name():
    assert plain(THERE[2]) == "Keystep:Keystep MIDI 1"


# Real ports


@pytest.mark.skipif(Path("/dev/snd/seq").exists(), reason="this machine has an ALSA sequencer")
def test_a_machine_without_midi_is_told_in_words(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "glasspatch-nowhere")
    with pytest.raises(MidiError, match="this machine has no MIDI: neither an ALSA sequencer nor a JACK server runs"):
        ports()
    told = []
    port = subscribe("", print, told.append)
    until(lambda: told)
    port.close()
    assert "this machine has no MIDI" in told[0] and not port.is_open


def test_the_ports_of_other_programs_are_listed(jack):
    with Knobs("Faders"), Knobs("Synth", hears=True):
        inputs, outputs = ports()
    assert "Faders:port" in inputs and "Synth:port" in outputs
    assert not [name for name in inputs + outputs if name.startswith(midi.CLIENT)]


def test_a_message_reaches_the_handler(jack):
    found = []
    with Knobs() as knobs:
        port = subscribe("knobs", found.append)
        knobs.reach(found)
        knobs.send(0xB1, 74, 127)
        knobs.send(0xF8)
        knobs.send(0xE0, 0, 64)
        until(lambda: len(found) == 2)
        port.close()
    assert found == [Message("cc", 2, 74, 1.0), Message("pitchbend", 1, 0, 0.0)]


def test_two_listeners_at_one_port_both_hear(jack):
    one, two = [], []
    with Knobs() as knobs:
        listening = [subscribe("Knobs", one.append), subscribe("Knobs", two.append)]
        until(lambda: knobs.send(0xB0, 1, 1) or (one and two))
        for port in listening:
            port.close()


def test_a_burst_comes_whole_and_in_order(jack):
    found = []
    with Knobs() as knobs:
        port = subscribe("Knobs", found.append)
        knobs.reach(found)
        for number in range(1000):
            knobs.send(0xB0, number // 128, number % 128)
        until(lambda: len(found) == 1000)
        port.close()
    assert [128 * message.number + round(127 * message.value) for message in found] == list(range(1000))


@pytest.mark.slow
def test_a_controller_that_is_unplugged_is_told_of_and_found_again(jack):
    found, told = [], []
    port = subscribe("Knobs", found.append, told.append)
    until(lambda: told)
    for _ in range(2):
        with Knobs() as knobs:
            until(lambda: told[-1] is None)
            until(lambda knobs=knobs: knobs.send(0xB0, 1, 1) or found)
        until(lambda: told[-1])
        found.clear()
    port.close()
    gone = "MIDI port 'Knobs:port' is gone; plug it in again, it is looked for each second"
    assert told[1:] == [None, gone, None, gone]


@pytest.mark.slow
def test_a_midi_system_that_dies_and_starts_again_is_found_again(jack):
    found, told = [], []
    port = subscribe("Knobs", found.append, told.append)
    try:
        with Knobs():
            until(lambda: port.is_open)
            jack.stop()
            until(lambda: port.failure)
    finally:
        jack.start()
    with Knobs() as knobs:
        until(lambda: knobs.send(0xB0, 1, 1) or found)
    port.close()


@pytest.mark.slow
def test_ports_can_be_opened_and_closed_while_messages_pour_in(jack):
    """With rtmidi's callbacks instead of fetching, this stands still for ever."""
    found = []
    with Knobs() as knobs:
        for _ in range(10):
            port = subscribe("Knobs", found.append)
            before = len(found)
            until(lambda before=before: knobs.send(0xB0, 1, 1) or len(found) > before + 20)
            port.close()


def test_a_handler_that_raises_is_told_of_and_does_not_stop_the_others(jack):
    found, told = [], []

    def fail(message):
        raise ValueError("broken")

    with Knobs() as knobs:
        listening = [subscribe("Knobs", fail, told.append), subscribe("Knobs", found.append)]
        until(lambda: knobs.send(0xB0, 1, 1) or (len(found) > 1 and "ValueError: broken" in told))
        for port in listening:
            port.close()


def test_what_is_sent_reaches_the_instrument(jack):
    with Knobs("Synth", hears=True) as synth:
        port = sender("synth")
        until(lambda: port.is_open)
        assert until(lambda: port.send(Message("cc", 3, 74, 1.0)) or synth.heard()) == [0xB2, 74, 127]
        port.close()
        port.send(Message("cc", 3, 74, 0.0))
        assert not port.is_open


def test_the_thread_ends_with_the_last_port(jack):
    port = subscribe("Knobs", print)
    until(lambda: port.failure)
    port.close()
    port.close()
    until(lambda: midi._hub._thread is None)
