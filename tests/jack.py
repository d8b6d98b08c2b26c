"""A JACK server without a sound card, of the tests' own, whose MIDI ports are as real as a controller's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.midi import jack_server


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Waits for a condition and gives what it gave; fails the test if it does not come."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.002)
    return found


class Jack:
    """The server; `start` and `stop` may be called again and again. While it is there, clients of this process find it."""

    def __init__(self) -> None:
        self.name = f"glasspatch-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None
        self._before = os.environ.get("JACK_DEFAULT_SERVER")
        os.environ["JACK_DEFAULT_SERVER"] = self.name

    def start(self) -> None:
        command = ["jackd", "-n", self.name, "--no-realtime", "--no-mlock", "-d", "dummy", "-r", "48000", "-p", "512"]
        log = Path(tempfile.gettempdir()) / f"{self.name}.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20.0
        while not jack_server():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise OSError(f"jackd does not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        log.unlink()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()  # asked politely, it may wait for seconds
            process.wait()
        for left in Path("/dev/shm").glob(f"jack*{self.name}_*"):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        self.stop()
        if self._before is None:
            del os.environ["JACK_DEFAULT_SERVER"]
        else:
            os.environ["JACK_DEFAULT_SERVER"] = self._before


@contextmanager
def running() -> Iterator[Jack]:
    """A server that runs; skips the test where JACK is not installed."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed: there is no MIDI to test with")
    jack = Jack()
    try:
        jack.start()
        yield jack
    finally:
        jack.close()


class Knobs:
    """A controller with one virtual port: an output of another program, or its input (`hears`)."""

    def __init__(self, name: str = "Knobs", *, hears: bool = False) -> None:
        import rtmidi

        kind = rtmidi.MidiIn if hears else rtmidi.MidiOut
        self._port = kind(rtmidi.API_UNIX_JACK, name=name)
        self._port.open_virtual_port("port")
        self.name = f"{name}:port"

    def send(self, *data: int) -> None:
        self._port.send_message(list(data))

    def heard(self) -> list[int] | None:
        found = self._port.get_message()
        return found[0] if found else None

    def __enter__(self) -> Knobs:
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close_port()
        self._port.delete()
