"""The remote control of a performance: OSC commands under /glasspatch, and knobs of MIDI and OSC that move params."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from runtime.errors import in_words
from runtime.messages import Command, SetParam
from runtime.remote import midi, osc
from runtime.remote.bindings import BindingError, Movement, Source, number_of, of_midi, parse_source, scale, source_of, way_of
from runtime.remote.commands import PREFIX, RemoteError, command_of, parse
from runtime.remote.midi_messages import Message, control_of, plain
from runtime.remote.osc import Value

PAUSE = 0.005
"""Seconds between two deliveries: each param is set 200 times a second at most, by its newest value."""
MOST_COMMANDS = 200
"""Other commands that are taken in a second: nobody presses so fast, but a broken program may."""
MOST_PARAMS = 2000
"""Params that may wait for one delivery."""
AGAIN = 60.0
"""Seconds after which the same problem is told once more."""
TELL = 0.2
"""Seconds between two problems that are told; others in between are only counted."""
LEARN = 30.0
"""Seconds that a param waits for the knob that shall move it: on stage, one touched much later is meant otherwise."""


class Remote:
    """Listens, and calls `on_command(command)` on a thread of its own. Ports that cannot be had are tried again each second.

    `osc_port` None and `midi_port` None listen nowhere; `midi_port` "" is the first there is. A binding that names another MIDI
    port listens there too. `on_problem(words)` is told each thing at most once a minute; `on_learned(binding)` gets the new
    binding for the patch: {"source", "node", "param"}. Any thread may call the methods, but not from within these."""

    def __init__(
        self,
        on_command: Callable[[Command], None],
        *,
        osc_port: int | None = None,
        osc_host: str = osc.HOST,
        midi_port: str | None = None,
        on_problem: Callable[[str], None] = lambda words: None,
        on_learned: Callable[[dict[str, Any]], None] = lambda binding: None,
    ) -> None:
        self._on_command, self._on_problem, self._on_learned = on_command, on_problem, on_learned
        self.problems = 0
        """Messages so far that were no command, or had to be left out."""
        self._lock = threading.Lock()
        self._waiting: dict[tuple[Any, ...], Command] = {}
        self._orders = 0
        self._second, self._in_second = -math.inf, 0
        self._told: dict[str, float] = {}
        self._told_last = -math.inf
        self._from_midi: list[tuple[Source, Mapping[str, Any]]] = []
        self._from_osc: dict[str, list[tuple[Source, Mapping[str, Any]]]] = {}
        self._movement = Movement()
        self._down: set[tuple[Source, str]] = set()
        self._learning: tuple[str, str, float] | None = None
        self._midi_port = midi_port
        self._ports: dict[str, midi.Port] = {}
        self._changing_ports = threading.Lock()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver, name="glasspatch remote", daemon=True)
        self._thread.start()
        self._osc_place = f"OSC port {osc_port}"
        self._osc: osc.Listener | None = None  # it may hear something before it is assigned
        self._osc = None if osc_port is None else osc.Listener(osc_host, osc_port, self._hear_osc, self._osc_failed)
        self._follow_ports()

    @property
    def osc_port(self) -> int | None:
        """The port that is listened to now."""
        return self._osc.subscription.port if self._osc and self._osc.subscription else None

    @property
    def malformed(self) -> int:
        """Packets so far that were no OSC."""
        return self._osc.subscription.malformed if self._osc and self._osc.subscription else 0

    def set_bindings(self, bindings: Iterable[Mapping[str, Any]]) -> None:
        """From now on these knobs move these params: what `runtime.remote.bindings.resolve` gives."""
        from_midi: list[tuple[Source, Mapping[str, Any]]] = []
        from_osc: dict[str, list[tuple[Source, Mapping[str, Any]]]] = {}
        for entry in bindings:
            try:
                source = parse_source(entry["source"])
            except BindingError as error:
                self._problem(str(error))
                continue
            if source.control:
                from_midi.append((source, entry))
            else:
                from_osc.setdefault(source.address, []).append((source, entry))
        with self._lock:
            self._from_midi, self._from_osc = from_midi, from_osc
        self._follow_ports()

    def learn(self, node: str, param: str) -> None:
        """The next knob that moves shall move this param. Without a MIDI port, the first there is is listened to meanwhile."""
        with self._lock:
            self._movement.begin()
            self._learning = (node, param, time.monotonic() + LEARN)
        self._follow_ports()

    def close(self) -> None:
        """Ends all listening; what was heard before is delivered. May be called again."""
        if self._osc:
            self._osc.close()
        with self._changing_ports:
            for port in self._ports.values():
                port.close()
            self._ports.clear()
            self._closing.set()
        self._wake.set()
        self._thread.join(5.0)

    # Ports

    def _follow_ports(self) -> None:
        """Opens and closes MIDI ports as the bindings and the learning want it."""
        with self._changing_ports:
            if self._closing.is_set():
                return
            own = set() if self._midi_port is None else {self._midi_port}
            if self._learning and not own:
                own = {""}
            wanted = own | {source.port for source, _ in self._from_midi if not any(map(partial(self._covers, source.port), own))}
            for name in self._ports.keys() - wanted:
                self._ports.pop(name).close()
            for name in wanted - self._ports.keys():
                told = self._midi_failed if name or self._midi_port is not None else lambda words: None
                self._ports[name] = midi.subscribe(name, partial(self._hear_midi, name), told)

    def _covers(self, bound: str, own: str) -> bool:
        """Whether a binding's port is listened to already, by the name that the artist gave."""
        opened = self._ports[own].name if own in self._ports else ""
        return not bound or (own != "" and own.lower() in bound.lower()) or plain(bound).lower() in opened.lower()

    def _midi_failed(self, words: str | None) -> None:
        if words:
            self._on_problem(words)

    def _osc_failed(self, words: str | None) -> None:
        self._on_problem(words or f"the remote control listens at {self._osc_place} now")

    # What is heard

    def _hear_osc(self, address: str, values: tuple[Value, ...]) -> None:
        if address.startswith(PREFIX + "/") or address == PREFIX:
            try:
                command = parse(address, values)
            except RemoteError as error:
                self._problem(str(error))
            else:
                if command is not None:
                    self._put(command)
            return
        bound, learned = self._from_osc.get(address, ()), False
        for index, value in enumerate(values):
            way = number_of(value)
            if way is None:
                continue
            if self._learn_from(Source(address=address, index=index), way):
                learned = True
                continue
            for source, entry in bound:
                if source.index == index:
                    self._act(source, entry, way)
        if not (bound or learned) and self._osc and self._osc.subscription and self._osc.subscription.is_alone:
            self._problem(f"nothing listens to {address}: commands begin with {PREFIX}, and no knob of that name is learned")

    def _hear_midi(self, wanted: str, message: Message) -> None:
        port = self._ports.get(wanted)
        name = port.name if port else wanted
        way = way_of(control_of(message), message)
        if way is None or self._learn_from(source_of(name, message), way):
            return
        for source, entry in self._from_midi:
            place = of_midi(source, name, message)
            if place is not None:
                self._act(source, entry, place)

    def _act(self, source: Source, entry: Mapping[str, Any], way: float) -> None:
        """Moves the param that is bound, or asks for what a button that was just pressed is bound to."""
        if "command" not in entry:
            self._put(SetParam(entry["node"], entry["param"], scale(entry, way)))
            return
        # A key counts however softly it is struck; a knob or a button from its middle on.
        key, down = (source, entry["command"]), way > (0.0 if source.control and source.control.kind == "note" else 0.5)
        if down and key not in self._down:
            self._put(command_of(entry["command"]))
        (self._down.add if down else self._down.discard)(key)

    def _learn_from(self, source: Source, way: float) -> bool:
        """Whether this was the knob that a param waits for."""
        with self._lock:
            moved = self._movement.hear(source, way)
            if not self._learning or not moved or time.monotonic() > self._learning[2]:
                return False
            node, param, _ = self._learning
            self._learning = None
        self._on_learned({"source": str(source), "node": node, "param": param})
        return True

    # What is told

    def _put(self, command: Command) -> None:
        """Lets a command wait for its delivery. A param that is set again before keeps the newest value; all keep their order."""
        with self._lock:
            if isinstance(command, SetParam):
                # Not across another command: a scene that is kept between two values must hold the first.
                key: tuple[Any, ...] = (self._orders, command.node, command.param)
                refused = key not in self._waiting and len(self._waiting) >= MOST_PARAMS
            else:
                now = time.monotonic()
                if now - self._second >= 1.0:
                    self._second, self._in_second = now, 0
                self._in_second += 1
                refused = self._in_second > MOST_COMMANDS
                self._orders += not refused
                key = (self._orders,)
            if not refused:
                self._waiting[key] = command
        if refused:
            self._problem("more commands come in than anybody can mean; some are left out")
        else:
            self._wake.set()

    def _deliver(self) -> None:
        while not self._closing.is_set() or self._waiting:
            self._wake.wait(1.0)
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, {}
                late = self._learning if self._learning and time.monotonic() > self._learning[2] else None
                self._learning = None if late else self._learning
            if late:
                self._on_problem(f"no knob was moved for {late[0]}.{late[1]} in {LEARN:.0f} s; learn it again")
                self._follow_ports()
            for command in waiting.values():
                try:
                    self._on_command(command)
                except Exception as error:  # one command that fails must not end the remote control
                    self._problem(in_words(error))
            self._closing.wait(PAUSE)

    def _problem(self, words: str) -> None:
        now = time.monotonic()
        with self._lock:
            self.problems += 1
            if now - self._told.get(words, -math.inf) < AGAIN or now - self._told_last < TELL:
                return
            self._told = {told: when for told, when in self._told.items() if now - when < AGAIN} | {words: now}
            self._told_last = now
        self._on_problem(words)
