"""OSC in and out: what the texts mean, values that come in and go out over a real socket, and trouble."""

import math
import socket

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message_builder import OscMessageBuilder

from nodes.control_osc import OscIn, OscOut, places
from runtime.errors import NodeError
from runtime.node import Block, Stream
from runtime.remote.osc import Sender, subscribe
from tests.drive import params_of, stream
from tests.jack import until


def live(node, *, names=(), **params):
    """A node that is prepared as it is on stage, and how often it has told that something arrived."""
    arrived = []
    context = Stream(44100, 512, 0, False, None, {"control": names}, arrived=lambda: arrived.append(1))
    node.prepare(context, **params_of(type(node), params, None))
    return node, context, arrived


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def newest(node):
    made = node.process(Block(512))["control"]
    assert made.dtype == np.float32 and made.shape[1] == 8 and (made == made[:, :1]).all()
    return made[:, 0].tolist()


# The addresses


def test_a_dimension_is_a_value_of_the_messages_to_an_address():
    assert places("x=/hand/x, y = /hand 2 @0.5,z=/hand@-1e-1") == [
        ("x", "/hand/x", 0, 0.0),
        ("y", "/hand", 1, 0.5),
        ("z", "/hand", 0, -0.1),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "addresses must name at least one dimension, such as x=/hand/x, y=/hand 2@0.5"),
        (" , ", "addresses must name at least one dimension"),
        ("x", "addresses must be written x=/hand/x, y=/hand 2@0.5, got 'x'"),
        ("x=", "got 'x='"),
        ("=/x", "got '=/x'"),
        ("the x=/x", "got 'the x=/x'"),
        ("x=/x@1e99", "got 'x=/x@1e99'"),
        ("x=/x@.", "got 'x=/x@.'"),
        ("x=/x, x=/y", "addresses names x twice"),
        ("x=hand", "x must be an address, and the number of the value if it is not the first: /hand 2, got 'hand'"),
        ("x=/hand 0", "got '/hand 0'"),
        ("x=/hand two", "got '/hand two'"),
    ],
)
def test_addresses_that_are_not_understood_say_what_to_write(text, words):
    with pytest.raises(NodeError) as error:
        OscIn().prepare(Stream(44100, 512, 0, True, None), port=9001, host="", addresses=text)
    assert words in str(error.value)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text(max_size=20).map("x=/{}".format))
def test_any_text_is_addresses_or_refused(text):
    try:
        found = places(text)
    except NodeError as error:
        assert str(error)
        return
    assert all(name and address.startswith("/") and math.isfinite(value) for name, address, _, value in found)


# In


def test_offline_nothing_is_listened_to_and_the_initial_values_are_given():
    port = free_port()
    node = OscIn()
    made = stream(node, params={"port": port, "addresses": "x=/x@0.25, y=/y"})["control"]
    assert made.shape == (2, 64) and (made == [[0.25], [0.0]]).all()
    assert node.stream_used.output_names == {"control": ("x", "y")}
    assert node._listener is None


def test_live_each_dimension_keeps_its_newest_value():
    node, context, arrived = live(OscIn(), port=free_port(), addresses="x=/hand, y=/hand 2@0.5, on=/button")
    assert context.output_names == {"control": ("x", "y", "on")}
    assert newest(node) == [0.0, 0.5, 0.0] and arrived == []
    sender = Sender("", node._listener.subscription.port)
    sender.send("/hand", [0.25])
    until(lambda: newest(node) == [0.25, 0.5, 0.0])
    sender.send("/hand", [0.5, 0.75, 9])
    until(lambda: newest(node) == [0.5, 0.75, 0.0])
    sender.send("/button", [True])
    until(lambda: newest(node) == [0.5, 0.75, 1.0])
    assert len(arrived) == 3
    sender.close()
    node.close()
    assert newest(node) == [0.5, 0.75, 1.0]


def test_what_is_no_number_leaves_a_dimension_as_it_is():
    node, _, _ = live(OscIn(), port=free_port(), addresses="x=/x@0.5, y=/y")
    sender = Sender("", node._listener.subscription.port)
    for value in ("left", math.nan, math.inf):
        sender.send("/x", [value])
    double = OscMessageBuilder(address="/x")
    double.add_arg(1e300, "d")
    sender._socket.sendto(double.build().dgram, sender._place)
    sender.send("/elsewhere", [0.1])
    sender.send("/y", [1.0])
    until(lambda: newest(node)[1])
    assert newest(node) == [0.5, 1.0]
    sender.close()
    node.close()


def test_a_block_that_was_given_does_not_change_when_a_value_comes():
    node, _, _ = live(OscIn(), port=free_port(), addresses="x=/x")
    before = node.process(Block(512))["control"]
    sender = Sender("", node._listener.subscription.port)
    sender.send("/x", [1.0])
    until(lambda: newest(node) == [1.0])
    assert (before == 0).all()
    sender.close()
    node.close()


def test_two_nodes_listen_at_one_port():
    port = free_port()
    nodes = [live(OscIn(), port=port, addresses=f"v={address}")[0] for address in ("/x", "/y")]
    sender = Sender("", port)
    sender.send("/x", [1.0])
    sender.send("/y", [2.0])
    until(lambda: [newest(node) for node in nodes] == [[1.0], [2.0]])
    sender.close()
    for node in nodes:
        node.close()


def test_a_port_in_use_is_told_and_taken_when_it_is_free():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        node, _, arrived = live(OscIn(), port=port, addresses="x=/x@0.5")
        assert node.failure == f"OSC port {port} is in use by another program; choose another port, or end that program"
        assert newest(node) == [0.5] and arrived
    until(lambda: node.failure is None)
    sender = Sender("", port)
    sender.send("/x", [1.0])
    until(lambda: newest(node) == [1.0])
    sender.close()
    node.close()


def test_a_node_that_was_never_prepared_can_be_closed():
    OscIn().close()
    OscOut().close()


# Out


@pytest.fixture
def heard():
    found = []
    subscription = subscribe("", 0, lambda *said: found.append(said))
    yield subscription.port, found
    subscription.close()


def gesture(*values):
    return np.repeat(np.array(values, np.float32)[:, None], 8, axis=1)


def test_each_dimension_is_sent_to_an_address_of_its_own_when_it_changes(heard):
    port, found = heard
    node, _, _ = live(OscOut(), names=("x", "y"), port=port)
    assert node.process(Block(512), gesture(0.25, 0.5)) == {}
    until(lambda: len(found) == 2)
    node.process(Block(512), gesture(0.25, 0.5))
    node.process(Block(512), gesture(0.25, 0.75))
    until(lambda: len(found) == 3)
    node.close()
    assert found == [("/gesture/x", (0.25,)), ("/gesture/y", (0.5,)), ("/gesture/y", (0.75,))]


def test_all_dimensions_are_sent_together(heard):
    port, found = heard
    node, _, _ = live(OscOut(), names=("x", "y"), port=port, address="/wek/inputs/", messages="together")
    node.process(Block(512), gesture(0.25, 0.5))
    until(lambda: found)
    node.close()
    assert found == [("/wek/inputs", (0.25, 0.5))]


def test_what_is_no_number_is_not_sent(heard):
    port, found = heard
    node, _, _ = live(OscOut(), names=("x",), port=port)
    node.process(Block(512), gesture(np.nan))
    node.process(Block(512), gesture(1.0))
    until(lambda: found)
    node.close()
    assert found == [("/gesture/x", (1.0,))]


def test_offline_nothing_is_sent(heard):
    port, found = heard
    node = OscOut()
    stream(node, {"control": np.ones((1, 64), np.float32)}, {"port": port}, names={"control": ("x",)})
    assert node._thread is None
    sender = Sender("", port)
    sender.send("/after", [])
    until(lambda: found)
    sender.close()
    assert found == [("/after", ())]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"address": "gesture"}, "address must begin with a / and have no blanks in it, such as /gesture, got 'gesture'"),
        ({"address": ""}, "address must begin with a /"),
        ({"address": "/the hand"}, "address must begin with a /"),
        ({"host": "no such machine"}, "there is no machine 'no such machine' in this network"),
    ],
)
def test_a_place_that_cannot_be_sent_to_is_refused_in_words(params, words):
    with pytest.raises(NodeError) as error:
        live(OscOut(), names=("x",), **params)
    assert words in str(error.value)
