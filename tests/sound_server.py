"""A real sound server without a sound card: PulseAudio with a null sink, recorded from its monitor."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

RATE = 44100
CARD = "ALSA: pulse"


class SoundServer:
    """PulseAudio of its own in a folder of its own; `env` is for the processes that play to it."""

    def __init__(self, folder: Path, rate: int = RATE) -> None:
        self.rate = rate
        run = folder / "xdg"
        (run / "pulse").mkdir(parents=True, mode=0o700)
        run.chmod(0o700)
        client, daemon = folder / "client.conf", folder / "daemon.conf"
        client.write_text("autospawn = no\nenable-shm = no\nenable-memfd = no\n")
        daemon.write_text("enable-shm = no\nenable-memfd = no\n")
        self.env = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(run),
            "PULSE_RUNTIME_PATH": str(run / "pulse"),
            "PULSE_SERVER": f"unix:{run}/pulse/native",
            "PULSE_CLIENTCONFIG": str(client),
            "PULSE_CONFIG": str(daemon),
        }
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--system=false", "--use-pid-file=no"]
        command += ["--disable-shm=yes", "--load=module-native-protocol-unix auth-anonymous=1", f"--load={self._sink}"]
        self._log = open(folder / "pulse.log", "wb")  # noqa: SIM115
        self._server = subprocess.Popen(command, env=self.env, stdout=self._log, stderr=self._log)
        self._wait_for_sink()
        # Without a steady listener the first stream may stall for two seconds.
        self._keeper = self._parec(subprocess.DEVNULL)
        time.sleep(0.3)

    @property
    def _sink(self) -> str:
        return f"module-null-sink sink_name=ci rate={self.rate} channels=2 format=float32le"

    def _wait_for_sink(self) -> None:
        for _ in range(200):
            if "ci" in self.pactl("list", "short", "sinks"):
                return
            time.sleep(0.05)
        raise RuntimeError("pulseaudio did not come up")

    def pactl(self, *arguments: str) -> str:
        done = subprocess.run(["pactl", *arguments], env=self.env, capture_output=True, text=True, check=False, timeout=20)
        return done.stdout

    def unload(self) -> None:
        """Takes the sink away, as if the card were pulled out."""
        self.pactl("unload-module", "module-null-sink")

    def reload(self) -> None:
        """Plugs it in again. It begins with two seconds of silence at once, and does not move meanwhile, but for norewinds."""
        self.pactl("load-module", *self._sink.split(), "norewinds=1")
        self._wait_for_sink()
        self._keeper.kill()
        self._keeper = self._parec(subprocess.DEVNULL)

    def _parec(self, out: object) -> subprocess.Popen[bytes]:
        form = ["--format=float32le", f"--rate={self.rate}", "--channels=2", "--raw", "--latency-msec=10"]
        return subprocess.Popen(["parec", "-d", "ci.monitor", *form], env=self.env, stdout=out, stderr=subprocess.DEVNULL)  # type: ignore[arg-type, call-overload, no-any-return]

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Records what is heard while it lasts."""
        recording = Recording(self._parec(subprocess.PIPE))
        try:
            yield recording
        finally:
            recording.end()

    def close(self) -> None:
        for process in (self._keeper, self._server):
            process.kill()
            process.wait()
        self._log.close()


class Recording:
    """What is heard, float32 [frames, 2], as it comes in; `times` are (frames so far, when they came, perf_counter)."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._parts, self._came = process, bytearray(), 0
        self.times: list[tuple[int, float]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while part := self._process.stdout.read1(65536):  # type: ignore[attr-defined]
            self._parts += part
            self._came += len(part)
            self.times.append((self._came // 8, time.perf_counter()))

    @property
    def sound(self) -> np.ndarray:
        whole = bytes(self._parts[: len(self._parts) // 8 * 8])
        return np.frombuffer(whole, np.float32).reshape(-1, 2)

    def taken(self) -> np.ndarray:
        """What came since the last time, which is then forgotten: a long recording needs no more memory than a short one."""
        sound = self.sound
        del self._parts[: 8 * len(sound)]
        return sound

    def wait_for(self, wanted: object, seconds: float = 30.0) -> None:
        """Until `wanted(sound)` is true of what was recorded so far."""
        until = time.monotonic() + seconds
        while not wanted(self.sound):  # type: ignore[operator]
            if time.monotonic() > until:
                raise AssertionError(f"was not heard within {seconds} s")
            time.sleep(0.05)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()


@contextmanager
def sound_server(rate: int = RATE) -> Iterator[SoundServer]:
    """A server of its own, ended at the end."""
    if shutil.which("pulseaudio") is None:
        import pytest

        pytest.skip("pulseaudio is not installed")
    with tempfile.TemporaryDirectory(prefix="gp-pulse-") as folder:
        server = SoundServer(Path(folder), rate)
        try:
            yield server
        finally:
            server.close()
