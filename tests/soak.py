"""A long performance on the real sound server, watched as an editor does: `python -m tests.soak [SECONDS] [BLOCK] [LATENCY]`.

Beside it a process naps on every core and notes when it wakes late, so that a gap can be told from a machine that was held up."""

from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Thread

import numpy as np

from runtime import messages as say
from runtime.jobs import limit_threads
from runtime.live import Live
from runtime.worker import Order
from tests.sound_server import CARD, RATE, Recording, sound_server
from tests.stage import Judge, set_stage

WATCHED = (("face", "gesture"), ("video", "image"), ("decoder", "audio"))
POLLS = 30
"""A second: an editor's frames."""
TELL = 30.0
"""Seconds between two lines of progress."""
NAP, LATE = 0.005, 0.02
"""Seconds that the sleepers sleep, and by which they wake too late to be noted: less than the smallest device buffer holds."""
BEFORE = 2.0
"""Seconds before a gap was heard in which what caused it lies: the buffer, the sound server, the recorder, a piece to judge."""
ENDS = 4.0
"""Seconds that the counter may lack in all: the beginning, its fade, and what is behind the last steady count."""
AUDIBLE = 0.005
"""Root mean square of the decoder at least: without it the counter alone would be proved."""


@dataclass
class Found:
    """What came out so far. Times are time.monotonic."""

    judge: Judge = field(default_factory=Judge)
    energy: float = 0.0
    """The sum of squares of the channel that the decoder plays on."""
    gaps: list[tuple[float, str]] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)
    """Of the machine: (when it was over, seconds)."""
    last: say.Snapshot | None = None
    worst: float = 0.0
    snapshots: int = 0
    faults: list[str] = field(default_factory=list)

    def hear(self, recording: Recording) -> None:
        """Judges what was recorded since the last time, and forgets it."""
        before, sound = dict(self.judge.found), recording.taken()
        self.energy += float((sound[:, 0].astype(np.float64) ** 2).sum())
        self.judge.hear(sound[:, 1])
        wrong = [f"{what} {n - before[what]}" for what, n in self.judge.found.items() if what != "frames" and n > before[what]]
        if wrong:
            self.gaps.append((time.monotonic(), ", ".join(wrong)))

    def be_told(self, live: Live, wait: float) -> None:
        for event in live.events(wait):
            if isinstance(event, say.Snapshot):
                self.last, self.worst, self.snapshots = event, max(self.worst, event.load), self.snapshots + 1
            elif isinstance(event, say.NodeFailed) or any(getattr(event, word, "") for word in ("wrong", "fault", "problems")):
                self.faults.append(str(event))

    def causes(self, began: float) -> Iterator[str]:
        """A line for each gap: what was heard, and whether the machine was held up before it."""
        for when, what in self.gaps:
            near = [f"{1000 * late:.0f} ms" for end, late in self.delays if when - BEFORE < end < when]
            yield f"{when - began:7.1f} s: {what}; a core was held up for {', '.join(near) or 'no time'}"

    @property
    def loudness(self) -> float:
        """The decoder's root mean square."""
        return math.sqrt(self.energy / max(self.judge.found["frames"], 1))

    def figures(self) -> str:
        counters = self.last.counters if self.last else {}
        parts = [f"{what} {count}" for what, count in self.judge.found.items()]
        parts += [f"{what} {counters.get(what, '?')}" for what in ("underflows", "starved", "over_budget")]
        slowest = self.last.slowest if self.last else None
        parts.append(f"worst load {100 * self.worst:.0f} %{f' (slowest {slowest[0]})' if slowest else ''}")
        parts += [f"decoder {20.0 * math.log10(self.loudness + 1e-9):.0f} dB", f"{self.snapshots} snapshots"]
        longest = max((late for _, late in self.delays), default=0.0)
        late = f"a core was held up {len(self.delays)} times, at most {1000 * longest:.0f} ms"
        return f"{', '.join(parts)}; {late}, load average {os.getloadavg()[0]:.2f}"


def soak(seconds: float, block: int, latency: float) -> bool:
    """Plays, prints, and gives whether every frame was heard as it should be."""
    limit_threads(1)  # as `glasspatch play` does: the engine inherits it
    found = Found()
    with sound_server() as server, tempfile.TemporaryDirectory() as folder, delays() as noted:
        os.environ.update(server.env, GLASSPATCH_CONFIG=folder)
        path = set_stage(Path(folder), seconds, block=block)
        with server.recording() as heard:
            with Live(Order(path, path.read_text(), device=CARD, latency=latency)) as live:
                while not live.has_played and live.is_alive:
                    found.be_told(live, 0.1)
                began = time.monotonic()
                number = 0
                while (played := time.monotonic() - began) < seconds and live.is_alive:
                    number += 1
                    live.send(say.Poll(WATCHED))
                    while (wait := number / POLLS - (time.monotonic() - began)) > 0.0 and live.is_alive:
                        found.be_told(live, wait)
                    while noted.poll():
                        found.delays.append(noted.recv())
                    if number % POLLS == 0:
                        found.hear(heard)
                    if number % (TELL * POLLS) == 0:
                        print(f"{played:7.1f} s: {found.figures()}", flush=True)
            time.sleep(0.5)
            found.hear(heard)
    for line in [*found.faults, *found.causes(began)]:
        print(line)
    lacking = seconds - found.judge.found["frames"] / RATE
    print(f"{seconds:g} s at block {block}, latency {latency:g} s: {found.figures()}")
    return not found.gaps and not found.faults and lacking < ENDS and found.loudness > AUDIBLE


@contextmanager
def delays() -> Iterator[Connection]:
    """Where a process beside this one tells the machine's delays, as (when it was over, seconds)."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_nap, args=(theirs,), name="sleepers", daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.kill()
        process.join()


def _nap(connection: Connection) -> None:
    sending = Lock()

    def nap(core: int) -> None:
        os.sched_setaffinity(0, {core})
        while True:
            before = time.monotonic()
            time.sleep(NAP)
            now = time.monotonic()
            if now - before - NAP > LATE:
                with sending:
                    try:
                        connection.send((now, now - before - NAP))
                    except OSError:
                        os._exit(0)  # the soak has gone

    threads = [Thread(target=nap, args=(core,)) for core in sorted(os.sched_getaffinity(0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the engine would play on without its parent
    given = [float(word) for word in sys.argv[1:]]
    seconds, block, latency = [*given, *(600.0, 512.0, 0.2)[len(given) :]]
    sys.exit(0 if soak(seconds, int(block), latency) else 1)
