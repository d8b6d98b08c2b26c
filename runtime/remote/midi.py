"""MIDI ports, in and out: found by name, and found again when they come back. The only user of rtmidi.

Messages are fetched, not called back: rtmidi's callbacks come on the MIDI system's own thread, and while that waits for Python,
Python may wait for it in opening or closing a port; with JACK this stood still for ever within a second.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.errors import in_words
from runtime.remote.midi_messages import Message, MidiError, decode, encode, plain

LOOK = 1.0
"""Seconds between two looks at the list of ports; rtmidi does not tell when one comes or goes."""
TICK = 0.001
"""Seconds between two looks for messages: what MIDI's own cable takes for one. Costs 1 to 2 % of a core."""
QUEUE = 4096
"""Messages that may wait for us in each port; the newest are lost beyond that."""
MOST_SENT = 1000
"""Messages sent between two looks at the ports, about what MIDI's cable carries in that time; JACK's output would wait for
a server that has died, once its buffer is full."""
SETTLE = 0.25
"""Seconds after opening until a port counts as open: JACK loses what is sent before its next two or three periods."""
CLIENT = "Glasspatch"


# Ports by name


def choose(wanted: str, there: Sequence[str]) -> str:
    """The port that is meant by its name, or by a part of it that no other has; "" is the first. Raises MidiError in words."""
    if not there:
        raise MidiError(f"no MIDI port is there; plug in {wanted or 'a MIDI device'}")
    if not wanted:
        return next((name for name in there if not name.startswith("Midi Through")), there[0])
    for same in (lambda name: name == wanted, lambda name: plain(name) == plain(wanted)):
        for name in there:
            if same(name):
                return name
    fitting = [name for name in there if wanted.lower() in name.lower()]
    if not fitting:
        raise MidiError(f"no MIDI port is called {wanted!r}; there are: {', '.join(map(plain, there))}")
    if len({plain(name) for name in fitting}) > 1:
        raise MidiError(f"{wanted!r} may mean several MIDI ports: {', '.join(map(plain, fitting))}; write more of the name")
    return fitting[0]


def ports() -> tuple[list[str], list[str]]:
    """The names of the inputs and of the outputs that are there now. Raises MidiError where there is no MIDI system."""
    inputs, outputs = _hub.names()
    return [plain(name) for name in inputs], [plain(name) for name in outputs]


class Port:
    """One input or output that is wanted. What is not there, or goes, is looked for each second by its name."""

    def __init__(self, wanted: str, take: Callable[[Message], None] | None, on_failure: Callable[[str | None], None]) -> None:
        self.wanted, self.take, self._on_failure = wanted.strip(), take, on_failure
        self.failure: str | None = None
        """Why it is not open, in words."""
        self.name = ""
        """The port that is open, or was open last."""
        self.rtmidi: Any = None
        self.opened = 0.0
        self.system: Any = None
        self.sent = 0
        self.is_closed = False

    @property
    def is_open(self) -> bool:
        return self.rtmidi is not None and time.monotonic() - self.opened >= SETTLE

    def close(self) -> None:
        """Ends it; may be called again, by any thread. A handler that is at work may finish."""
        _hub.leave(self)

    def send(self, message: Message) -> None:
        """Sends a message at once; what is not open sends nothing. Any thread may call it."""
        with _hub.lock:
            if self.rtmidi is not None and self.sent < MOST_SENT:
                self.sent += 1
                self.rtmidi.send_message(encode(message))

    def tell(self, failure: str | None) -> None:
        if failure != self.failure:
            self.failure = failure
            self._on_failure(failure)


def _ignore(failure: str | None) -> None:
    pass


def subscribe(name: str, handler: Callable[[Message], None], on_failure: Callable[[str | None], None] = _ignore) -> Port:
    """Calls `handler(message)` for what comes in at a port: its name, a part of it, or "" for the first. Does not wait for it and
    never fails: `on_failure(words, or None when well)` tells each change. Both are called on the process's MIDI thread."""
    return _hub.enter(Port(name, handler, on_failure))


def sender(name: str, on_failure: Callable[[str | None], None] = _ignore) -> Port:
    """A port to `send` to, found like those of `subscribe`."""
    return _hub.enter(Port(name, None, on_failure))


# The MIDI systems of this machine


def _systems() -> dict[int, str]:
    """rtmidi's numbers of the MIDI systems that run, the machine's own first, each with a word that changes when it starts anew.
    A system that does not run is not tried: it would write its complaint on the terminal each second."""
    import rtmidi

    found: dict[int, str] = {}
    for api in rtmidi.get_compiled_api():
        if api == rtmidi.API_LINUX_ALSA:
            if os.access("/dev/snd/seq", os.R_OK | os.W_OK):
                found[api] = "ALSA"
        elif api == rtmidi.API_UNIX_JACK:
            if server := jack_server():
                found[api] = server
        elif api != rtmidi.API_RTMIDI_DUMMY:
            found[api] = "system"
    return found


def jack_server() -> str:
    """The socket's number of the JACK server that clients find; "" where none runs. The file itself outlives a server that was
    killed, so Linux's list of open sockets is asked."""
    ending = f"/jack_{os.environ.get('JACK_DEFAULT_SERVER', 'default')}_{os.getuid()}_0"
    try:
        lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    listening = "00010000"
    for fields in map(str.split, lines):
        if len(fields) > 7 and fields[3] == listening and fields[-1].endswith(ending):
            return fields[6]
    return ""


@dataclass
class _System:
    """A MIDI system, with clients of ours that only look. A new client for each look would make JACK sort its graph each time."""

    api: int
    identity: str
    lists: tuple[Any, Any]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def look(self) -> None:
        self.inputs, self.outputs = ([n for n in one.get_ports() if not n.startswith(CLIENT)] for one in self.lists)

    def close(self) -> None:
        for lister in self.lists:
            lister.delete()


class _Hub:
    """The one thread of the process that opens, reads and closes ports. It lives while somebody wants one."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._members: list[Port] = []
        self._systems: dict[int, _System] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def enter(self, port: Port) -> Port:
        with self.lock:
            self._members.append(port)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="glasspatch MIDI", daemon=True)
                self._thread.start()
            self._wake.set()
        return port

    def leave(self, port: Port) -> None:
        with self.lock:
            port.is_closed = True
            self._shut(port)
            if port in self._members:
                self._members.remove(port)
            self._wake.set()

    def names(self) -> tuple[list[str], list[str]]:
        with self.lock:
            trouble = self._look_at_systems()
            inputs = [name for one in self._systems.values() for name in one.inputs]
            outputs = [name for one in self._systems.values() for name in one.outputs]
            if not self._members:
                self._forget_systems()
        if trouble:
            raise MidiError(trouble)
        return inputs, outputs

    def _work(self) -> None:
        looked = -LOOK
        while True:
            told: list[tuple[Port, str | None]] = []
            messages: list[tuple[Port, Sequence[int]]] = []
            with self.lock:
                if not self._members:
                    self._forget_systems()
                    self._thread = None
                    return
                if self._wake.is_set() or time.monotonic() - looked >= LOOK:
                    self._wake.clear()
                    looked = time.monotonic()
                    told = self._look()
                reading = [port for port in self._members if port.take and port.rtmidi]
                for port in reading:
                    messages += self._read(port)
            for port, failure in told:
                port.tell(failure)
            for port, data in messages:
                self._hand_on(port, data)
            self._wake.wait(TICK if reading else LOOK)

    def _read(self, port: Port) -> list[tuple[Port, Sequence[int]]]:
        found: list[tuple[Port, Sequence[int]]] = []
        while len(found) < QUEUE and (waiting := port.rtmidi.get_message()):
            found.append((port, waiting[0]))
        return found

    def _hand_on(self, port: Port, data: Sequence[int]) -> None:
        message = decode(data)
        if message is None or port.take is None or port.is_closed:
            return
        try:
            port.take(message)
        except Exception as error:  # a listener that fails must not take the others with it
            port.tell(in_words(error))

    def _look(self) -> list[tuple[Port, str | None]]:
        """Closes what has gone and opens what has come; gives each port's state in words."""
        trouble = self._look_at_systems()
        told: list[tuple[Port, str | None]] = []
        for port in self._members:
            port.sent = 0
            names = {api: one.inputs if port.take else one.outputs for api, one in self._systems.items()}
            if port.rtmidi is not None and port.name not in names.get(port.system, ()):
                self._shut(port)
            try:
                if port.rtmidi is None:
                    if trouble:
                        raise MidiError(trouble)
                    self._open(port, names)
            except Exception as error:  # rtmidi's own kinds too; the next look tries again
                gone = f"MIDI port {plain(port.name)!r} is gone; plug it in again, it is looked for each second"
                told.append((port, gone if port.name else in_words(error)))
            else:
                told.append((port, None))
        return told

    def _look_at_systems(self) -> str | None:
        """Takes stock of the ports; gives in words why there can be none."""
        try:
            import rtmidi

            running = _systems()
        except ImportError:
            return "MIDI needs the package python-rtmidi; install it with pip"
        trouble: str | None = "this machine has no MIDI: neither an ALSA sequencer nor a JACK server runs"
        for api in list(self._systems):
            if running.get(api) != self._systems[api].identity:
                for port in self._members:
                    if port.system == api:
                        self._shut(port)
                self._systems.pop(api).close()
        for api, identity in running.items():
            try:
                if api not in self._systems:
                    lists = (rtmidi.MidiIn(api, name=f"{CLIENT} looks"), rtmidi.MidiOut(api, name=f"{CLIENT} looks"))
                    self._systems[api] = _System(api, identity, lists)
                self._systems[api].look()
                trouble = None
            except Exception as error:
                trouble = trouble and f"MIDI does not work: {in_words(error)}"
        return trouble

    def _open(self, port: Port, names: dict[int, list[str]]) -> None:
        """Opens the port that is meant, in the first system that has it. One that was open before is meant by its whole name."""
        import rtmidi

        filled = {api: there for api, there in names.items() if there} or {0: []}
        for last, (api, there) in enumerate(filled.items(), 1):
            try:
                name = choose(port.name or port.wanted, there)
            except MidiError:
                if last == len(filled):
                    raise
                continue
            opened = rtmidi.MidiIn(api, name=CLIENT, queue_size_limit=QUEUE) if port.take else rtmidi.MidiOut(api, name=CLIENT)
            try:
                opened.open_port(opened.get_ports().index(name))
            except BaseException:
                opened.delete()
                raise
            port.rtmidi, port.name, port.system, port.opened = opened, name, api, time.monotonic()
            return

    def _shut(self, port: Port) -> None:
        opened, port.rtmidi = port.rtmidi, None
        if opened is not None:
            opened.close_port()
            opened.delete()

    def _forget_systems(self) -> None:
        for system in self._systems.values():
            system.close()
        self._systems.clear()


_hub = _Hub()
"""The ports of a process share one thread, and one look at the list: so it is the module's."""
