"""OSC: what packets hold, servers that are shared, floods and rubbish, and sending."""

import socket
import struct
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from runtime.remote.osc import MOST_VALUES, Listener, OscError, Sender, subscribe, unpack
from tests.jack import until

HEAD = b"#bundle\0" + bytes(8)


def message(address, *values):
    builder = OscMessageBuilder(address=address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


def part(data):
    return struct.pack(">i", len(data)) + data


@pytest.fixture
def heard():
    """A subscription at a free port, what it has heard, and a socket that is connected to it."""
    found = []
    subscription = subscribe("", 0, lambda *said: found.append(said))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect(("127.0.0.1", subscription.port))
        yield subscription, found, wire
    subscription.close()


# Packets


def test_a_message_is_its_address_and_its_values():
    packet = message("/hand", 0.5, 3, "left", True, False).dgram
    assert unpack(packet) == [("/hand", (0.5, 3, "left", True, False))]


def test_a_message_may_have_no_values():
    assert unpack(message("/glasspatch/stop").dgram) == [("/glasspatch/stop", ())]


def test_the_messages_of_nested_bundles_come_in_order():
    inner = OscBundleBuilder(IMMEDIATELY)
    inner.add_content(message("/b", 2))
    inner.add_content(message("/c", 3))
    outer = OscBundleBuilder(IMMEDIATELY)
    for content in (message("/a", 1), inner.build(), message("/d", 4)):
        outer.add_content(content)
    assert unpack(outer.build().dgram) == [("/a", (1,)), ("/b", (2,)), ("/c", (3,)), ("/d", (4,))]


def test_a_bundle_of_nothing_says_nothing():
    assert unpack(HEAD) == []


def test_arrays_are_flattened_and_what_is_no_value_is_left_out():
    builder = OscMessageBuilder(address="/mixed")
    builder.add_arg([1, [2, 3]])
    builder.add_arg(b"blob")
    builder.add_arg(None, "N")
    builder.add_arg(0.5)
    assert unpack(builder.build().dgram) == [("/mixed", (1, 2, 3, 0.5))]


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (b"", "begin with an address"),
        (b"hand\0\0\0\0", "begin with an address"),
        (b"/hand\0\0\0,f", "cannot be read"),
        (b"/hand\0\0\0,Q\0\0", "types that are not understood"),
        (b"/hand\0\0\0," + b"T" * MOST_VALUES + b"\0" * 4, f"{MOST_VALUES + 1} values"),
        (b"#bundle\0\0\0", "cut short"),
        (HEAD + b"\0\0", "cut short"),
        (HEAD + part(message("/a", 1).dgram)[:-4], "a part of 12 bytes"),
        (HEAD + struct.pack(">i", -4), "a part of -4 bytes"),
        (HEAD + struct.pack(">i", 0), "a part of 0 bytes"),
    ],
)
def test_what_is_no_osc_is_refused_in_words(packet, words):
    with pytest.raises(OscError, match=words):
        unpack(packet)


def test_a_bundle_in_three_thousand_bundles_is_read():
    packet = message("/a", 1).dgram
    for _ in range(3000):
        packet = HEAD + part(packet)
    assert unpack(packet) == [("/a", (1,))]


@settings(deadline=None)
@given(
    st.binary(max_size=200) | st.binary(max_size=100).map(lambda end: b"/a\0\0," + end) | st.binary().map(lambda end: HEAD + end)
)
def test_random_bytes_are_read_or_refused(packet):
    try:
        found = unpack(packet)
    except OscError:
        return
    for address, values in found:
        assert address.startswith("/") and all(isinstance(value, float | int | str) for value in values)


@settings(deadline=None)
@given(st.integers(0, 75))
def test_a_bundle_that_is_cut_anywhere_is_read_or_refused(length):
    packet = HEAD + part(message("/hand/x", 0.5, "a").dgram) + part(HEAD + part(message("/b", 1).dgram))
    try:
        unpack(packet[:length])
    except OscError as error:
        assert str(error)


# Listening


def test_a_message_reaches_the_handler(heard):
    _, found, wire = heard
    wire.send(message("/hand/x", 0.25).dgram)
    until(lambda: found)
    assert found == [("/hand/x", (0.25,))]


def test_listeners_at_one_port_share_a_server_and_all_hear(heard):
    one, found, wire = heard
    threads = threading.active_count()
    also = []
    two = subscribe("127.0.0.1", one.port, lambda *said: also.append(said))
    assert threading.active_count() == threads and not one.is_alone
    wire.send(message("/x", 1).dgram)
    until(lambda: found and also)
    two.close()
    assert one.is_alone
    wire.send(message("/x", 2).dgram)
    until(lambda: len(found) == 2)
    assert also == [("/x", (1,))]


def test_the_last_to_leave_frees_the_port():
    one = subscribe("", 0, print)
    one.close()
    one.close()
    subscribe("", one.port, print).close()


def test_a_port_of_another_program_is_refused_in_words():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(OscError, match=f"OSC port {port} is in use by another program; choose another port"):
            subscribe("", port, print)


def test_the_same_port_at_another_host_says_what_to_do(heard):
    with pytest.raises(OscError, match=r"is listened to at 127\.0\.0\.1 already; give the same host"):
        subscribe("0.0.0.0", heard[0].port, print)


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("192.0.2.1", 9000, "192.0.2.1 is no address of this machine; listen at 127.0.0.1"),
        ("no such machine", 9000, "there is no machine 'no such machine'"),
        ("", 70000, "from 1 to 65535, got 70000"),
    ],
)
def test_a_place_that_cannot_be_listened_at_is_refused_in_words(host, port, words):
    with pytest.raises(OscError, match=words):
        subscribe(host, port, print)


def test_rubbish_is_counted_and_what_comes_after_is_heard(heard):
    subscription, found, wire = heard
    rubbish = [b"\xff" * 40, HEAD + struct.pack(">i", -4), b"/a\0\0,ffff\0\0\0", b"/\xff\xff\0,i\0\0\0\0\0\1"]
    for packet in rubbish:
        wire.send(packet)
    wire.send(message("/x", 1).dgram)
    until(lambda: found)
    assert found == [("/x", (1,))] and subscription.malformed == len(rubbish)


def test_a_handler_that_raises_is_told_of_and_does_not_stop_the_others(heard):
    good, found, wire = heard

    def fail(address, values):
        raise ValueError("broken")

    bad = subscribe("", good.port, fail)
    for number in (1, 2):
        wire.send(message("/x", number).dgram)
    until(lambda: len(found) == 2 and bad.failure)
    assert bad.failure == "ValueError: broken"
    bad.close()


def test_of_what_waits_a_stream_gets_the_newest_and_a_command_each(heard):
    each, found, wire = heard
    entered, go_on, streamed = threading.Event(), threading.Event(), []

    def slow(address, values):
        streamed.append((address, values))
        entered.set()
        assert go_on.wait(20)

    stream = subscribe("", each.port, slow, newest=True)
    wire.send(message("/first", 0).dgram)
    assert entered.wait(20)
    for number in range(100):
        wire.send(message("/x", number).dgram)
        wire.send(message("/y", -number).dgram)
    go_on.set()
    until(lambda: len(found) == 201 and len(streamed) == 3)
    assert streamed == [("/first", (0,)), ("/x", (99,)), ("/y", (-99,))]
    assert [values[0] for address, values in found if address == "/x"] == list(range(100))
    stream.close()


@pytest.mark.slow
def test_a_flood_of_50000_packets_neither_fills_the_memory_nor_ends_the_listening(heard):
    subscription, _, wire = heard
    count, newest = [0], {}

    def each(address, values):
        count[0] += 1

    one = subscribe("", subscription.port, each)
    two = subscribe("", subscription.port, newest.__setitem__, newest=True)
    subscription.close()
    packets = [message("/hand/x", number / 500).dgram for number in range(500)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(50_000):
        wire.send(packets[number % 500])
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    until(lambda: wire.send(message("/after", 1).dgram) and "/after" in newest)
    assert count[0] > 1000
    assert peak < 4_000_000
    one.close()
    two.close()


def test_a_listener_gets_the_port_when_the_other_program_ends():
    found, told = [], []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        listener = Listener("", port, lambda *said: found.append(said), told.append)
        assert told == [f"OSC port {port} is in use by another program; choose another port, or end that program"]
    until(lambda: len(told) == 2)
    assert told[1] is None
    sender = Sender("", port)
    sender.send("/x", [1])
    until(lambda: found)
    sender.close()
    listener.close()


def test_a_listener_that_never_got_its_port_can_be_closed():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        listener = Listener("", other.getsockname()[1], print, lambda words: None)
        listener.close()
        listener.close()


# Sending


def test_what_is_sent_is_heard(heard):
    subscription, found, _ = heard
    sender = Sender("127.0.0.1", subscription.port)
    sender.send("/hand", [0.5, 1, "left", True])
    until(lambda: found)
    sender.close()
    assert found == [("/hand", (0.5, 1, "left", True))]


def test_sending_where_nobody_listens_is_no_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sender = Sender("", port)
    for number in range(10):
        sender.send("/x", [number])
    sender.close()


def test_what_is_too_long_for_a_packet_is_an_error_in_words():
    sender = Sender("", 9)
    with pytest.raises(OscError, match=r"cannot send OSC to 127\.0\.0\.1 port 9"):
        sender.send("/x", ["a" * 70000])
    sender.close()


def test_a_machine_that_is_not_known_cannot_be_sent_to():
    with pytest.raises(OscError, match="there is no machine"):
        Sender("no such machine", 9000)
