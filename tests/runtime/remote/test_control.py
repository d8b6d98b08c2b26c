"""The remote control: OSC commands, knobs that move params, learning, floods and trouble."""

import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime import messages as say
from runtime.messages import SetParam
from runtime.patch import loads
from runtime.registry import discover
from runtime.remote import control as remote
from runtime.remote.bindings import problems
from runtime.remote.commands import COMMANDS, RemoteError, parse
from runtime.remote.control import MOST_COMMANDS, Remote
from runtime.remote.osc import Sender, subscribe
from runtime.terminal.open import NODES
from tests.jack import Knobs, running, until

# Commands


@pytest.mark.parametrize(
    ("address", "values", "command"),
    [
        ("start", (), say.Start()),
        ("stop", (), say.Stop()),
        ("stop/", (), say.Stop()),
        ("panic", (1.0,), say.Stop()),
        ("quit", (True,), say.Quit()),
        ("param/voice/level", (-6.0,), SetParam("voice", "level", -6.0)),
        ("param/voice/level", (-6, 4), SetParam("voice", "level", -6, 4.0)),
        ("param/voice/shape", ("saw",), SetParam("voice", "shape", "saw")),
        ("param/voice/mute", (0.0,), SetParam("voice", "mute", 0.0)),
        ("param/voice/mute", (True, 0.0), SetParam("voice", "mute", True, 0.0)),
        ("anchor/record", ("regressor", "smile"), say.RecordAnchor("regressor", "smile")),
        (
            "anchor/record",
            ("regressor", "smile", "z0", 1.5, "z1", -1),
            say.RecordAnchor("regressor", "smile", {"z0": 1.5, "z1": -1.0}),
        ),
        ("anchor/end", (127,), say.EndAnchor()),
        ("anchor/remove", ("regressor", "smile"), say.RemoveAnchor("regressor", "smile")),
        ("anchor/clear", ("regressor",), say.ClearAnchors("regressor")),
        ("anchor/rename", ("regressor", "smile", "grin"), say.RenameAnchor("regressor", "smile", "grin")),
        ("anchor/play", ("regressor", "smile"), say.Audition("regressor", "smile")),
        ("anchor/play", ("regressor",), say.Audition("regressor", None)),
        ("train", ("regressor",), say.Train("regressor")),
        ("undo", (), say.Undo()),
        ("redo", (), say.Redo()),
        ("scene", ("storm",), say.RecallScene("storm")),
        ("scene", ("storm", 8), say.RecallScene("storm", 8.0)),
        ("scene", (3.0,), say.RecallScene("3")),
        ("scene/keep", ("storm",), say.KeepScene("storm")),
        ("take/start", (), say.StartTake()),
        ("take/start", (1.0,), say.StartTake()),
        ("take/start", ("takes/evening",), say.StartTake("takes/evening")),
        ("take/start", ("takes/evening", "video"), say.StartTake("takes/evening", video=True)),
        ("take/start", ("", "video"), say.StartTake(video=True)),
        ("take/end", (), say.EndTake()),
        ("revive", ("voice",), say.Revive("voice")),
        ("learn", ("voice", "level"), say.Learn("voice", "level")),
        ("forget", ("voice", "level"), say.Forget("voice", "level")),
    ],
)
def test_a_message_is_a_command(address, values, command):
    assert parse(f"/glasspatch/{address}", values) == command


@pytest.mark.parametrize("address", ["start", "stop", "panic", "quit", "undo", "redo", "anchor/end", "take/start", "take/end"])
@pytest.mark.parametrize("zero", [0, 0.0, False])
def test_a_button_that_is_let_go_is_no_command(address, zero):
    assert parse(f"/glasspatch/{address}", (zero,)) is None


@pytest.mark.parametrize(
    ("address", "values", "words"),
    [
        ("/hand/x", (1.0,), "commands begin with /glasspatch, got /hand/x"),
        ("/glasspatch/strat", (), "/glasspatch/strat is no command; did you mean /glasspatch/start?"),
        ("/glasspatch", (), "/glasspatch is no command"),
        ("/glasspatchstart", (), "is no command"),
        ("/glasspatch/stop", (1, 2), "/glasspatch/stop takes no values, got 1 2"),
        ("/glasspatch/stop", ("now",), "takes no values, got 'now'"),
        ("/glasspatch/param/voice", (1.0,), "write /glasspatch/param/NODE/PARAM and a value"),
        ("/glasspatch/param/voice/", (1.0,), "write /glasspatch/param/NODE/PARAM and a value"),
        ("/glasspatch/param/voice/level", (), "needs a value, got none"),
        ("/glasspatch/param/voice/level", (float("nan"),), "needs a value, got nan"),
        ("/glasspatch/param/voice/level", (1.0, "slowly"), "the last value is a time in seconds, got 'slowly'"),
        ("/glasspatch/param/voice/level", (1.0, -1.0), "the last value is a time in seconds, got -1.0"),
        ("/glasspatch/param/voice/level", (1.0, 2.0, 3.0), "the last value is a time in seconds, got 2.0 3.0"),
        ("/glasspatch/scene", (), "/glasspatch/scene needs name, got none"),
        ("/glasspatch/scene", (0.5,), "needs name, got 0.5"),
        ("/glasspatch/scene", (" ",), "needs name, got ' '"),
        ("/glasspatch/learn", ("voice",), "/glasspatch/learn needs node and param, got 'voice'"),
        ("/glasspatch/anchor/record", ("regressor",), "needs node and name"),
        ("/glasspatch/anchor/record", ("regressor", "smile", "z0"), "a target is written z0 1.5 z1 -0.5, got 'z0'"),
        ("/glasspatch/anchor/record", ("regressor", "smile", 1.0, "z0"), "a target is written"),
    ],
)
def test_what_is_no_command_says_what_to_send(address, values, words):
    with pytest.raises(RemoteError) as error:
        parse(address, values)
    assert words in str(error.value)


@settings(deadline=None)
@given(
    st.sampled_from(COMMANDS).map("/glasspatch{}".format) | st.text(max_size=30),
    st.lists(st.floats() | st.integers() | st.text(max_size=5) | st.booleans(), max_size=5),
)
def test_any_message_is_a_command_or_refused(address, values):
    try:
        command = parse(address, tuple(values))
    except RemoteError as error:
        assert str(error)
        return
    assert command is None or isinstance(command, say.Command)


# The remote control


class Stage:
    """A remote control at a free OSC port, and all that it tells."""

    def __init__(self, **more):
        self.commands, self.problems, self.learned = [], [], []
        self.remote = Remote(
            more.pop("on_command", self.commands.append),
            osc_port=more.pop("osc_port", 0),
            on_problem=self.problems.append,
            on_learned=self.learned.append,
            **more,
        )
        self._sender = Sender("", self.remote.osc_port) if self.remote.osc_port else None

    def send(self, address, *values):
        self._sender.send(address, values)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.remote.close()
        if self._sender:
            self._sender.close()


def bound(source, **more):
    usual = {"source": source, "node": "voice", "param": "level", "kind": "float", "low": 0.0, "high": 10.0, "log": False}
    return usual | {"choices": []} | more


@pytest.fixture
def stage():
    with Stage() as found:
        yield found


@pytest.fixture(scope="module")
def jack():
    with running() as server:
        yield server


def test_a_command_comes_in_by_osc(stage):
    stage.send("/glasspatch/scene", "storm", 2.0)
    until(lambda: stage.commands)
    assert stage.commands == [say.RecallScene("storm", 2.0)]


def test_a_button_triggers_once(stage):
    for value in (1.0, 0.0, 1.0, 0.0):
        stage.send("/glasspatch/undo", value)
    stage.send("/glasspatch/stop")
    until(lambda: say.Stop() in stage.commands)
    assert stage.commands == [say.Undo(), say.Undo(), say.Stop()]


def test_a_bad_command_is_told_once_in_words(stage):
    for _ in range(50):
        stage.send("/glasspatch/strat")
    stage.send("/glasspatch/stop")
    until(lambda: stage.commands)
    assert stage.problems == ["/glasspatch/strat is no command; did you mean /glasspatch/start?"]
    assert stage.remote.problems == 50


def test_many_bad_commands_are_counted_and_few_are_told(stage, monkeypatch):
    monkeypatch.setattr(remote, "TELL", 1000.0)
    for number in range(100):
        stage.send(f"/glasspatch/nonsense{number}")
    until(lambda: stage.remote.problems == 100)
    assert len(stage.problems) == 1


def test_an_address_that_nobody_listens_to_is_told(stage):
    stage.send("/fader", 0.5)
    until(lambda: stage.problems)
    assert stage.problems == ["nothing listens to /fader: commands begin with /glasspatch, and no knob of that name is learned"]


def test_an_address_that_a_node_may_listen_to_is_not_told(stage):
    node = subscribe("", stage.remote.osc_port, lambda *said: None)
    stage.send("/fader", 0.5)
    stage.send("/glasspatch/stop")
    until(lambda: stage.commands)
    node.close()
    assert stage.problems == []


def test_a_bound_fader_moves_its_param(stage):
    stage.remote.set_bindings([bound("osc:/fader"), bound("osc:/pad 2", param="tone", low=1.0, high=0.0)])
    stage.send("/fader", 0.25)
    stage.send("/pad", 0.9, 0.25)
    until(lambda: len(stage.commands) == 2)
    assert stage.commands == [SetParam("voice", "level", 2.5), SetParam("voice", "tone", 0.75)]
    assert stage.problems == []


def test_a_binding_that_is_not_understood_is_told_and_the_others_work(stage):
    stage.remote.set_bindings([bound("key:a"), bound("osc:/fader")])
    stage.send("/fader", 1.0)
    until(lambda: stage.commands)
    assert stage.problems == ["a knob is written midi:PORT cc74 or osc:/fader, got 'key:a'"]


def test_while_a_command_is_at_work_a_param_keeps_its_newest_value_only():
    entered, go_on, commands = threading.Event(), threading.Event(), []

    def slow(command):
        commands.append(command)
        entered.set()
        assert go_on.wait(20)

    with Stage(on_command=slow) as stage:
        stage.send("/glasspatch/start")
        assert entered.wait(20)
        for number in range(100):
            stage.send("/glasspatch/param/voice/level", number)
            stage.send("/glasspatch/param/voice/tone", -number)
        stage.send("/glasspatch/scene/keep", "storm")
        for number in range(100, 200):
            stage.send("/glasspatch/param/voice/level", number)
        stage.send("/glasspatch/stop")
        until(lambda: any(isinstance(command, say.Stop) for command in stage.remote._waiting.values()))
        go_on.set()
        until(lambda: say.Stop() in commands)
    assert commands == [
        say.Start(),
        SetParam("voice", "level", 99),
        SetParam("voice", "tone", -99),
        say.KeepScene("storm"),
        SetParam("voice", "level", 199),
        say.Stop(),
    ]


@pytest.mark.slow
def test_a_flood_of_50000_messages_sets_a_param_a_few_times_and_ends_with_the_newest(stage):
    stage.remote.set_bindings([bound("osc:/fader")])
    began = time.monotonic()
    for number in range(50_000):
        stage.send("/fader", number % 500 / 1000)
    until(lambda: stage.send("/fader", 1.0) or SetParam("voice", "level", 10.0) in stage.commands)
    seconds = time.monotonic() - began
    assert len(stage.commands) < 200 * seconds + 2
    assert stage.problems == []


def test_a_program_that_sends_commands_without_end_is_told_of(stage):
    for _ in range(5 * MOST_COMMANDS):
        stage.send("/glasspatch/undo")
    until(lambda: stage.problems)
    assert stage.problems == ["more commands come in than anybody can mean; some are left out"]


def test_a_command_that_fails_does_not_end_the_remote_control():
    heard = []

    def fail(command):
        heard.append(command)
        raise ValueError("broken")

    with Stage(on_command=fail) as stage:
        stage.send("/glasspatch/start")
        until(lambda: heard)
        stage.send("/glasspatch/stop")
        until(lambda: len(heard) == 2)
        assert stage.problems == ["ValueError: broken"]


def test_rubbish_is_counted(stage):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.sendto(b"\xff\xff\xff", ("127.0.0.1", stage.remote.osc_port))
    until(lambda: stage.remote.malformed)
    stage.send("/glasspatch/stop")
    until(lambda: stage.commands)


def test_a_port_of_another_program_is_told_and_taken_when_it_is_free():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        stage = Stage(osc_port=port)
        assert stage.remote.osc_port is None
    with stage:
        until(lambda: len(stage.problems) == 2)
        assert stage.problems == [
            f"OSC port {port} is in use by another program; choose another port, or end that program",
            f"the remote control listens at OSC port {port} now",
        ]
        with Stage(osc_port=port) as second:
            second.send("/glasspatch/stop")
            until(lambda: stage.commands)


# Learning


def test_the_fader_that_moves_is_learned_and_one_that_trembles_is_not(stage):
    stage.remote.learn("voice", "level")
    for number in range(20):
        stage.send("/sensor", 0.5 + 0.01 * (number % 2))
        stage.send("/pad", 0.5, number / 20)
    until(lambda: stage.learned)
    stage.send("/pad", 0.5, 0.0)
    stage.send("/glasspatch/stop")
    until(lambda: stage.commands)
    assert stage.learned == [{"source": "osc:/pad 2", "node": "voice", "param": "level"}]
    assert stage.commands == [say.Stop()]


def test_commands_are_not_learned(stage):
    stage.remote.learn("voice", "level")
    for value in (0.0, 1.0):
        stage.send("/glasspatch/param/voice/level", value)
        stage.send("/glasspatch/undo", value)
    until(lambda: say.Undo() in stage.commands)
    assert stage.learned == []


def test_a_param_that_waits_too_long_for_its_knob_is_told_and_learns_no_more(stage, monkeypatch):
    monkeypatch.setattr(remote, "LEARN", 0.01)
    stage.remote.learn("voice", "level")
    until(lambda: stage.problems)
    assert stage.problems == ["no knob was moved for voice.level in 0 s; learn it again"]
    stage.send("/pad", 0.0)
    stage.send("/pad", 1.0)
    stage.send("/glasspatch/stop")
    until(lambda: stage.commands)
    assert stage.learned == []


# MIDI


def test_a_midi_knob_is_learned_and_then_moves_its_param(jack):
    with Knobs() as knobs, Stage(midi_port="knobs") as stage:
        until(lambda: stage.remote._ports["knobs"].is_open)
        stage.remote.learn("voice", "level")
        for value in (64, 65, 64, 65):
            knobs.send(0xB1, 74, value)
        until(lambda: knobs.send(0xB1, 74, 64) or knobs.send(0xB1, 74, 90) or stage.learned)
        assert stage.learned == [{"source": "midi:Knobs:port cc74/2", "node": "voice", "param": "level"}]
        stage.remote.set_bindings([bound(stage.learned[0]["source"])])
        assert list(stage.remote._ports) == ["knobs"]
        until(lambda: knobs.send(0xB1, 74, 127) or SetParam("voice", "level", 10.0) in stage.commands)


def test_a_binding_opens_the_port_that_it_names(jack):
    with Knobs() as knobs, Stage() as stage:
        stage.remote.set_bindings([bound("midi:Knobs cc7", kind="bool")])
        until(lambda: knobs.send(0xB0, 7, 127) or stage.commands)
        assert stage.commands[0] == SetParam("voice", "level", True)
        stage.remote.set_bindings([])
        assert stage.remote._ports == {}


def test_without_a_port_the_first_one_is_listened_to_while_a_knob_is_learned(jack):
    with Knobs() as knobs, Stage() as stage:
        stage.remote.learn("voice", "level")
        until(lambda: knobs.send(0x90, 60, 100) or stage.learned)
        stage.remote.set_bindings([])
        assert stage.learned[0]["source"] == "midi:Knobs:port note60/1" and stage.remote._ports == {}


@pytest.mark.slow
def test_a_controller_that_is_not_there_is_told_and_found_when_it_comes(jack):
    with Stage(midi_port="Faders") as stage:
        stage.remote.set_bindings([bound("midi: cc7")])
        until(lambda: stage.problems)
        assert stage.problems == ["no MIDI port is there; plug in Faders"]
        with Knobs("Faders") as knobs:
            until(lambda: knobs.send(0xB0, 7, 0) or stage.commands)
        until(lambda: len(stage.problems) == 2)
        assert "'Faders:port' is gone; plug it in again" in stage.problems[1]


def test_a_button_that_is_bound_to_a_command_asks_for_it_once_a_press(stage):
    stage.remote.set_bindings([{"source": "osc:/pad/1", "command": "/scene storm 2"}])
    for value in (1.0, 0.9, 0.0, 1.0, 0.0):
        stage.send("/pad/1", value)
    until(lambda: len(stage.commands) == 2)
    assert stage.commands == [say.RecallScene("storm", 2.0)] * 2


def test_a_binding_to_no_command_is_told():
    patch = loads('{"format": 1, "bindings": [{"source": "midi:Pad note36", "command": "/sceen storm"}]}')
    (found,) = problems(patch, discover(NODES))
    assert found.message.startswith("midi:Pad note36: /glasspatch/sceen is no command")
