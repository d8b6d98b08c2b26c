"""A JACK server without a sound card, of the tests' own, whose MIDI ports are as real as a controller's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runtime.remote.midi import jack_server


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
        self._process: subprocess.Popen[bytes] | None = None
        self._before = os.environ.get("JACK_DEFAULT_SERVER")
        self._name = ""

    def start(self) -> None:
        # JACK keeps a list of eight servers for the whole machine, and frees a dead one's place only for the same name.
        words: str | None = "all eight are taken"
        for name in [self._name] if self._name else [f"glasspatch-{number}" for number in range(8)]:
            os.environ["JACK_DEFAULT_SERVER"] = name
            if not jack_server() and (words := self._try(name)) is None:
                self._name = name
                return
        raise OSError(f"jackd does not start: {words}")

    def _try(self, name: str) -> str | None:
        command = ["jackd", "-n", name, "--no-realtime", "--no-mlock", "-d", "dummy", "-r", "48000", "-p", "512"]
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            end = time.monotonic() + 20.0
            while not jack_server():
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    log.seek(0)
                    return log.read()[-2000:].decode(errors="replace")
                time.sleep(0.02)
            # Another's server of the same name may have started meanwhile, and ours ended.
            time.sleep(0.1)
            return None if self._process.poll() is None else "another server took the name"

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()  # asked politely, it may wait for seconds
            process.wait()

    def close(self) -> None:
        self.stop()
        if self._before is None:
            os.environ.pop("JACK_DEFAULT_SERVER", None)
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

    def reach(self, found: list[Any]) -> None:
        """Waits until what is sent arrives in this list of messages, and empties it: JACK may lose what is sent at once after
        ports were joined."""
        count = 0
        while count < 128 and not found:
            self.send(0xBF, 119, count)
            count += 1
            end = time.monotonic() + 0.2
            while not found and time.monotonic() < end:
                time.sleep(0.002)
        until(lambda: found and round(127 * found[-1].value) == count - 1)
        found.clear()

    def heard(self) -> list[int] | None:
        found = self._port.get_message()
        return found[0] if found else None

    def __enter__(self) -> Knobs:
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close_port()
        self._port.delete()
