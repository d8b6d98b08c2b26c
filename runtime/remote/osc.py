"""OSC over UDP, in and out: one server thread for each port of this process, shared by all who listen there."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from runtime.errors import GlasspatchError, in_words

Value = float | int | str | bool
Handler = Callable[[str, tuple[Value, ...]], None]

HOST = "127.0.0.1"
RECEIVE_BUFFER = 4 << 20
"""Bytes that the system is asked to keep for us between two looks (Linux gives 416 KiB unless told otherwise): a burst of OSC is
lost there, not on the wire."""
DRAIN = 512
"""Packets taken from the system before their messages are handed on: what comes in faster waits there, and is lost there."""
LARGEST = 65536
TYPES = frozenset(b",ifsbhdtrmTFN[]")
"""What the packet library reads. It logs a warning for each other type, and reads wrong what follows."""
MOST_VALUES = 256
"""Values in one message; the library's work grows with their square."""
RETRY = 1.0
"""Seconds between two tries to listen on a port that another program has."""
BUNDLE = b"#bundle\0"
HEAD = 16
"""Bytes of a bundle before its first part: its mark and its time."""


class OscError(GlasspatchError):
    """A port that cannot be listened to, a place that cannot be sent to, a packet that is no OSC."""


# Packets


def unpack(packet: bytes) -> list[tuple[str, tuple[Value, ...]]]:
    """The messages of a packet, those of bundles in order: (address, values). Arrays are flattened; blobs, colours, MIDI, times
    and nil are left out. Times of bundles are not waited for. Raises OscError for what is no OSC."""
    found: list[tuple[str, tuple[Value, ...]]] = []
    waiting = [(0, len(packet))]
    while waiting:
        start, end = waiting.pop()
        if not packet.startswith(BUNDLE, start, end):
            found.append(_message(packet[start:end]))
            continue
        parts, at = [], start + HEAD
        if at > end:
            raise OscError("a bundle is cut short")
        while at < end:
            if at + 4 > end:
                raise OscError("a bundle is cut short")
            (size,) = struct.unpack_from(">i", packet, at)
            at += 4
            if size <= 0 or size % 4 or at + size > end:  # a negative size would send the library round in a circle
                raise OscError(f"a bundle holds a part of {size} bytes")
            parts.append((at, at + size))
            at += size
        waiting += reversed(parts)
    return found


def _message(data: bytes) -> tuple[str, tuple[Value, ...]]:
    from pythonosc.osc_message import OscMessage

    if not data.startswith(b"/"):
        raise OscError("a message must begin with an address such as /hand/x")
    types = data[data.find(b"\0") // 4 * 4 + 4 :].split(b"\0", 1)[0]
    if len(types) > MOST_VALUES or not TYPES.issuperset(types):
        raise OscError(f"a message has {len(types)} values, or types that are not understood")
    try:
        message = OscMessage(data)
    except Exception as error:  # it raises several kinds of its own, and those of struct, of decoding and of indexing
        raise OscError(f"a message cannot be read: {in_words(error)}") from error
    return message.address, tuple(_plain(message.params))


def _plain(values: Sequence[Any]) -> list[Value]:
    flat: list[Value] = []
    for value in values:
        if isinstance(value, list):
            flat += _plain(value)
        elif isinstance(value, float | int | str):
            flat.append(value)
    return flat


# In


class Subscription:
    """One listener at one port. Its handler is called on the server's thread, and must neither subscribe nor close."""

    def __init__(self, server: _Server, handler: Handler, newest: bool) -> None:
        self._server, self._newest = server, newest
        self.handler = handler
        self.failure: str | None = None
        """What the handler raised last, in words; the messages go on all the same."""

    @property
    def port(self) -> int:
        """The port that is listened to: that asked for, or the one that the system chose for port 0."""
        return self._server.port

    @property
    def malformed(self) -> int:
        """Packets so far that were no OSC and were ignored."""
        return self._server.malformed

    @property
    def is_alone(self) -> bool:
        """Whether nobody else listens at this port."""
        return len(self._server.listeners) < 2

    def close(self) -> None:
        """Ends it; the last one frees the port. May be called again."""
        with _lock:
            self._server.listeners = tuple(one for one in self._server.listeners if one is not self)
            if not self._server.listeners and _servers.get(self._server.place) is self._server:
                del _servers[self._server.place]
                self._server.close()

    def take(self, messages: list[tuple[str, tuple[Value, ...]]]) -> None:
        """What the server has drained, in order."""
        for address, values in dict(messages).items() if self._newest else messages:
            try:
                self.handler(address, values)
            except Exception as error:  # a listener that fails must not take the others with it
                self.failure = in_words(error)


class _Server:
    """The socket of one (host, port), and the thread that reads it."""

    def __init__(self, family: int, place: tuple[Any, ...]) -> None:
        self.malformed = 0
        self.listeners: tuple[Subscription, ...] = ()
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.setblocking(False)
            self._socket.bind(place)
        except BaseException:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.place = (place[0], self.port)
        self._woken, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name=f"glasspatch OSC {self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._wake.send(b"\0")
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector, self._socket, self._woken, self._wake:
            selector.register(self._socket, selectors.EVENT_READ)
            ending = selector.register(self._woken, selectors.EVENT_READ)
            while True:
                if any(key is ending for key, _ in selector.select()):
                    return
                messages = self._drain()
                for listener in self.listeners:
                    listener.take(messages)

    def _drain(self) -> list[tuple[str, tuple[Value, ...]]]:
        """The messages that wait, of a bounded number of packets and bytes."""
        messages: list[tuple[str, tuple[Value, ...]]] = []
        size = 0
        for _ in range(DRAIN):
            try:
                packet = self._socket.recv(LARGEST)
            except BlockingIOError:
                break
            except OSError:  # the network reports that an earlier answer of somebody's was not wanted
                continue
            try:
                messages += unpack(packet)
            except OscError:
                self.malformed += 1
            size += len(packet)
            if size > LARGEST:
                break
        return messages


# One server for each port of the process is what a port is: the system gives it once. So the list is the module's.
_lock = threading.Lock()
_servers: dict[tuple[str, int], _Server] = {}


def subscribe(host: str, port: int, handler: Handler, *, newest: bool = False) -> Subscription:
    """Calls `handler(address, values)` for each message that comes in at a UDP port (0: a free one). `host` "" is this machine
    only, "0.0.0.0" the whole network. With `newest`, of many messages to one address that wait together only the last is handed
    on, as a stream of values wants it. Raises OscError where the port cannot be had. Any thread may call it."""
    family, place = _resolve(host, port)
    with _lock:
        server = _servers.get(place[:2]) if port else None
        if server is None:
            try:
                server = _Server(family, place)
            except OSError as error:
                raise OscError(_why(error, host or HOST, port)) from error
            _servers[server.place] = server
        subscription = Subscription(server, handler, newest)
        server.listeners = (*server.listeners, subscription)
        return subscription


def _resolve(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    if not 0 <= port <= 65535:
        raise OscError(f"an OSC port must be a number from 1 to 65535, got {port}")
    try:
        family, _, _, _, place = socket.getaddrinfo(host or HOST, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise OscError(f"there is no machine {host!r} in this network; 127.0.0.1 is this machine") from error
    return family, place


def _why(error: OSError, host: str, port: int) -> str:
    ours = [place[0] for place in _servers if place[1] == port]
    if error.errno == errno.EADDRINUSE and ours:
        return f"OSC port {port} is listened to at {ours[0]} already; give the same host here, or another port"
    if error.errno == errno.EADDRINUSE:
        return f"OSC port {port} is in use by another program; choose another port, or end that program"
    if error.errno == errno.EACCES:
        return f"OSC port {port} belongs to the system; choose one from 1024 on"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; listen at 127.0.0.1 (this machine only) or 0.0.0.0 (the whole network)"
    return f"cannot listen at OSC port {port}: {in_words(error)}"


class Listener:
    """A subscription that does not give up: while the port cannot be had it tries again each second. `on_failure(words, or None
    when well again)` is called at each change, on any thread."""

    def __init__(
        self, host: str, port: int, handler: Handler, on_failure: Callable[[str | None], None], *, newest: bool = False
    ) -> None:
        self._subscribe: Callable[[], Subscription] = partial(subscribe, host, port, handler, newest=newest)
        self._on_failure = on_failure
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.subscription: Subscription | None = None
        try:
            self.subscription = self._subscribe()
        except OscError as error:
            on_failure(str(error))
            self._thread = threading.Thread(target=self._retry, name=f"glasspatch OSC {port}", daemon=True)
            self._thread.start()

    def _retry(self) -> None:
        while not self._ending.wait(RETRY):
            with suppress(OscError):
                self.subscription = self._subscribe()
                self._on_failure(None)
                return

    def close(self) -> None:
        """Ends it; may be called again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        if self.subscription is not None:
            self.subscription.close()


# Out


class Sender:
    """Sends to one place. Raises OscError where the host is not known (which may take seconds to find out)."""

    def __init__(self, host: str, port: int) -> None:
        self._family, self._place = _resolve(host, port)
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, address: str, values: Sequence[Value]) -> None:
        """Sends one message and does not wait: what the system has no room for is lost, as on the way. Raises OscError where the
        network is not there, or the message cannot be written."""
        from pythonosc.osc_message_builder import OscMessageBuilder

        try:
            builder = OscMessageBuilder(address=address)
            for value in values:
                builder.add_arg(value)
            self._socket.sendto(builder.build().dgram, self._place)
        except BlockingIOError:
            return
        except OSError as error:
            raise OscError(f"cannot send OSC to {self._place[0]} port {self._place[1]}: {in_words(error)}") from error
        except Exception as error:  # the library has several of its own
            raise OscError(f"{address} cannot be sent: {in_words(error)}") from error

    def close(self) -> None:
        self._socket.close()
