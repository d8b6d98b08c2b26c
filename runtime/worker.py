"""The engine process: commands in, events out, and sound for as long as nobody says stop - whatever becomes of the parent."""

from __future__ import annotations

import gc
import queue
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime import messages as ask
from runtime.errors import GlasspatchError, in_words
from runtime.jobs import flush_denormals, limit_threads, print_into_log
from runtime.senses import Senses
from runtime.sensing import Ports, Ready
from runtime.teller import Teller

if TYPE_CHECKING:
    from runtime.program import Instance

SWITCH = 0.0005
"""Seconds after which a thread must let others run. Python's own 5 ms let a busy thread hold up the sound for 27 ms."""
MANY, COLLECTING = 20_000, 0.3
"""New objects from which on collecting takes 20 ms and more, and the seconds that it takes at most; 0.1 after two libraries."""
TICK = 1.0 / 60.0
RECENT = 0.9
"""Weight of what was in the mean load of the last blocks."""


@dataclass(frozen=True)
class Order:
    """What to play, and on what. `device` None is the system's own, "none" the clock alone."""

    path: Path
    text: str
    device: str | None = None
    input: str | None = None
    latency: float | None = None
    measure: bool = False
    ports: Ports = field(default_factory=Ports)
    take: str | None = None
    video: bool = False
    """Whether takes hold what the cameras show, where nobody says otherwise."""
    seconds: float | None = None
    owns_file: bool = True
    packages: tuple[str, ...] = ("nodes",)
    """Where nodes are found."""
    muted: bool = False
    held: Ready | None = None
    """What the senses of an engine before this one gave last: the sound begins with it, and does not wait for them."""


def work(order: Order, connection: Connection, prepared: Mapping[str, Instance] | None = None) -> None:
    """The child's main function; nodes that are `prepared` already are taken over."""
    # The terminal sends Ctrl-C to parent and child alike; only the parent decides what stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(1)
    print_into_log("engine.log")
    sys.setswitchinterval(SWITCH)
    teller = Teller(connection)
    try:
        with tempfile.TemporaryDirectory(prefix="glasspatch-") as spool:
            Worker(order, connection, teller, Path(spool), prepared).run()
        teller.tell(ask.Stopped())
    except BaseException as error:
        traceback.print_exc()
        teller.tell(ask.Stopped(in_words(error)))
    teller.close()


class Worker:
    """The engine with its device, its senses and its performance, and the threads that turn them: one renders, one does what
    takes time, one listens to the parent."""

    def __init__(
        self, order: Order, connection: Connection, teller: Teller, spool: Path, prepared: Mapping[str, Instance] | None
    ) -> None:
        from runtime.engine import Engine
        from runtime.patch import loads
        from runtime.performance import Performance
        from runtime.plan import compile_patch
        from runtime.registry import discover
        from runtime.takes.writer import Journal

        self._order, self._connection, self._teller = order, connection, teller
        self._commands: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._quit = threading.Event()
        self._muted = order.muted
        self._peak, self._load, self._worst = 0.0, 0.0, 0.0
        self._since_asked: float | None = None
        patch, registry = loads(order.text), discover(*order.packages)
        settings = compile_patch(patch, registry).settings
        self._spool = spool
        taught = spool / "taught"
        taught.mkdir()
        self.senses = Senses(order.path, order.ports, self._asked, self._heard, self._learned, order.packages)
        from runtime.artifacts import Assets

        self.engine = Engine(
            settings, Assets(order.path), offline=False, taught=self._taught, prepared=prepared, play_ahead=self._play_ahead
        )
        self.performance = Performance(
            order.path, patch, registry, self.engine, self.senses, taught, teller.tell, owns_file=order.owns_file
        )
        self.performance.take = self._take
        self.journal = Journal(spool, self._cannot_keep)
        self.senses.on_seen = self._seen
        self.senses.held, self.senses.on_ready = order.held, lambda: self._commands.put(self.performance.begin)
        self.speaker: Any = None
        self._sound: threading.Thread | None = None

    def run(self) -> None:
        """Until told to quit, by whomever."""
        from runtime.playing import entered

        signal.signal(signal.SIGTERM, lambda *_: self._quit.set())
        with entered(self._order.path):
            self._run()

    def _run(self) -> None:
        from runtime.speaker import open_speaker

        if self._order.held is None:
            self.senses.open()
        self.performance.begin()
        flush_denormals()  # imports torch: the sound must not wait for that when it has been told to begin
        _settle_memory()
        latency = self._measured() if self._order.measure else self._order.latency
        listens = any(node.spec.listens for node in self.engine.instances().values())
        self.speaker = open_speaker(
            self._order.device,
            self._order.input if self._order.input or listens else None,
            listens=listens,
            sample_rate=self.engine.sample_rate,
            block=self.engine.block,
            latency=latency,
            tell=lambda words, wrong: self._teller.tell(ask.Told(words, wrong)),
        )
        self._teller.tell(ask.Playing(self.speaker.name, self.engine.sample_rate, self.engine.block, latency))
        self.engine.journal = self.journal.write
        if self._order.take is not None:  # before the sound begins, so that it holds the very first block
            self._commands.put(self._begin_take(self._order.take, self._order.video))
        self._sound = sound = threading.Thread(target=self._render, name="glasspatch engine")
        acting = threading.Thread(target=self._act, name="glasspatch acts", daemon=True)
        sound.start()
        acting.start()
        threading.Thread(target=self._listen, name="glasspatch listens", daemon=True).start()
        if self._order.held is not None:
            self.senses.open()
        self._quit.wait(self._order.seconds)
        self._quit.set()
        sound.join()
        acting.join(5.0)
        try:
            if self.journal.taking:
                self._end_take()
            self.journal.close()
        except GlasspatchError as error:  # the disk does not answer: everything else must end all the same
            self._teller.tell(ask.Told(in_words(error)))
        self.senses.close()
        for problem in self.engine.close():
            self._teller.tell(ask.Told(str(problem)))

    def _measured(self) -> float | None:
        """The smallest buffer that holds under the load of this very patch, tried on the card in silence."""
        from runtime.engine import Engine
        from runtime.speaker import NONE, measure_latency

        engine, played = self.engine, self.performance.played
        if self._order.device == NONE or played is None:
            return None
        self._teller.tell(ask.Told("looking for the smallest buffer that holds on this machine, in silence", wrong=False))
        settings = {"sample_rate": engine.sample_rate, "block": engine.block, "seed": 0}
        trial = Engine(settings, engine.assets, offline=False)
        try:
            trial.load(played)
            latency, tried = measure_latency(self._order.device, trial.render, sample_rate=engine.sample_rate, block=engine.block)
        finally:
            trial.close()
        found = ", ".join(f"{1000 * seconds:.0f} ms {'holds' if not gaps else f'{gaps} gaps'}" for seconds, gaps in tried)
        self._teller.tell(ask.Told(f"{found}; {1000 * latency:.0f} ms are used, to be on the safe side", wrong=False))
        return latency

    # Threads

    def _render(self) -> None:
        """The engine's thread: a block, then the device, which lets it wait."""
        flush_denormals()
        engine, speaker, journal = self.engine, self.speaker, self.journal
        gain, budget = 0.0 if self._muted else 1.0, engine.block / engine.sample_rate
        ramp = np.linspace(0.0, 1.0, engine.block, dtype=np.float32)
        try:
            ending = False
            while not ending:
                ending = self._quit.is_set()  # one block more, to fade out in
                heard = speaker.listen()
                if heard is not None:
                    journal.input(engine.blocks, heard)
                number, began = engine.blocks, time.perf_counter()
                sound = engine.render(heard)
                took = time.perf_counter() - began
                if journal.taking:
                    journal.sound(number, sound)
                wanted = 0.0 if self._muted or ending else 1.0
                if wanted != gain:
                    sound = sound * (gain + (wanted - gain) * ramp)
                    gain = wanted
                elif not gain:
                    sound = np.zeros_like(sound)
                self._load = RECENT * self._load + (1.0 - RECENT) * took / budget
                self._worst = max(self._worst, self._load) if number * budget > 1.0 else 0.0
                self._peak = max(0.8 * self._peak, float(np.abs(sound).max()))
                speaker.play(sound)
                while engine.events:
                    self._commands.put(engine.events.popleft())
        except BaseException as error:
            traceback.print_exc()
            self._teller.tell(ask.Stopped(in_words(error)))
            self._quit.set()
        finally:
            speaker.stop()

    def _act(self) -> None:
        """What takes time: edits, models, training. One thing after the other, never on the audio path."""
        performance = self.performance
        while not self._quit.is_set():
            try:
                command = self._commands.get(timeout=TICK)
            except queue.Empty:
                command = None
            try:
                if isinstance(command, ask.NodeFailed):
                    performance.failed(command)
                    self._teller.tell(command)
                elif callable(command):
                    command()
                elif command is not None:
                    self._do(command)
                performance.tick()
            except Exception as error:  # a fault of ours must not end what the artist can still do
                traceback.print_exc()
                self._teller.tell(ask.Told(in_words(error)))

    def _listen(self) -> None:
        """What the parent asks. When it is gone, the sound goes on until somebody says stop."""
        try:
            while True:
                command = self._connection.recv()
                if isinstance(command, ask.Poll):
                    self._teller.tell(self._snapshot(command))
                elif isinstance(command, ask.Quit):
                    self._quit.set()
                else:
                    self._commands.put(partial(self._do, command, by_owner=True))
        except (EOFError, OSError):
            return

    def _play_ahead(self, seconds: float) -> bool:
        """That of `Stream`."""
        if self._sound is not None:
            self.speaker.play_ahead(seconds)
        return self._sound is not None

    def _taught(self, node: str) -> Path:
        return self.performance.teaching.folder_of(node)

    def _do(self, command: Any, *, by_owner: bool = False) -> None:
        self.performance.do(command, by_owner=by_owner)
        if isinstance(command, ask.Edit | ask.RecallScene | ask.Teaching | ask.Undo | ask.Redo):
            if gc.get_count()[0] > MANY:
                self._play_ahead(COLLECTING)
            _settle_memory()

    # Commands that are the worker's own

    def _take(self, command: Any) -> None:
        if isinstance(command, ask.Quit):
            self._quit.set()
        elif isinstance(command, ask.Stop):
            self._muted = True
        elif isinstance(command, ask.Start):
            self._muted = False
        elif isinstance(command, ask.StartTake):
            self._begin_take(command.path, self._order.video if command.video is None else command.video)()
        elif isinstance(command, ask.EndTake):
            self._end_take()
        else:
            raise TypeError(f"{type(command).__name__} is nothing that can be asked of a performance")

    def _begin_take(self, path: str | None, video: bool) -> Callable[[], None]:
        """From now on what is heard is recorded; what is seen too when the function given is called, which waits for the sound.
        Where no take can be recorded, that is told."""
        from runtime.speaker import heard_at

        wanted = Path(path) if path else Path("takes") / f"{self._order.path.stem}.take"
        try:
            begun = self.journal.start_take(
                self.performance.assets.patch_folder / wanted,
                patch=self._order.path.name,
                sample_rate=self.engine.sample_rate,
                channels=2,
                block=self.engine.block,
                first_block=self.engine.blocks,
                settings=self.performance.settings,
                artifacts=self.performance.artifacts(),
            )
        except GlasspatchError as error:
            self._teller.tell(ask.Told(in_words(error)))
            return lambda: None
        self._teller.tell(ask.Told(f"recording {begun}", wrong=False))
        block = self.engine.blocks
        return lambda: self.senses.record(begun, heard_at(block, self.engine, self.speaker), video)

    def _end_take(self) -> None:
        self.senses.end_record()
        path = self.journal.end_take()
        if path is not None:
            self._teller.tell(ask.Told(f"the take is kept: {path}", wrong=False))

    def _cannot_keep(self, words: str) -> None:
        self._teller.tell(ask.Told(words))
        if not self.journal.taking:
            self.senses.end_record(wait=False)

    def _seen(self, kind: str, stamp: float | None, *what: Any) -> None:
        """Something was seen at that moment, or just now: it belongs to the block that was rendered then."""
        ago = 0.0 if stamp is None else time.perf_counter() - stamp
        self.journal.see(max(self.engine.blocks - round(ago * self.engine.sample_rate / self.engine.block), 0), kind, *what)

    def _heard(self, event: Any) -> None:
        self._commands.put(event) if isinstance(event, ask.NodeFailed) else self._teller.tell(event)

    def _asked(self, command: Any, stamp: float) -> None:
        """Somebody asked by OSC or MIDI, at that moment of time.perf_counter."""

        def do() -> None:
            self._do(command)
            if isinstance(command, ask.SetParam):
                self._since_asked = time.perf_counter() - stamp

        self._commands.put(do)

    def _learned(self, binding: dict[str, Any]) -> None:
        self._commands.put(lambda: self.performance.learned(binding))

    def _snapshot(self, asked: ask.Poll) -> ask.Snapshot:
        from runtime.latencies import latencies

        engine, values, controls = self.engine, {}, self.engine.control_outputs()
        for place in asked.values:
            value = engine.value(*place)
            if place in controls and value is not None:
                values[place] = value[:, -1].copy()
            elif value is not None and value.dtype == np.float32:
                values[place] = value[:, :: 1 if place in asked.whole else 8].copy()
            else:
                self.senses.ask_picture(*place)
                if place in self.senses.pictures:
                    values[place] = self.senses.pictures[place]
        for node in asked.marks:
            self.senses.ask_marks(node)
        rendering = self._load * engine.block / engine.sample_rate
        counters = {**self.speaker.counters(), "over_budget": engine.over_budget, "malformed": self.senses.malformed}
        return ask.Snapshot(
            seconds=engine.frame / engine.sample_rate,
            peak=self._peak,
            load=self._load,
            counters=counters,
            slowest=engine.slowest,
            load_per_node=engine.load_per_node(),
            latencies=latencies(engine, self.senses.feeds, self.speaker, rendering, self._since_asked),
            failed={node: failure.message for node, failure in engine.failed.items()},
            device=self.speaker.name,
            take=str(self.journal.taking) if self.journal.taking else None,
            values=values,
            marks={node: marks for node in asked.marks if (marks := self.senses.marks.get(node)) is not None},
            muted=self._muted,
            held=self.senses.now(),
            names={place: controls[place] for place in values if place in controls},
            worst_load=self._worst,
            latency=rendering + self.speaker.output_latency,
        )


def _settle_memory() -> None:
    """Collects now and never while it plays: with a model's heap a collection took a second."""
    gc.collect()
    gc.freeze()
    gc.disable()
