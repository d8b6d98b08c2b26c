"""What the engine plays to: a sound card that may go and come back, or a clock where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from runtime.device import DeviceError, DeviceLost, SoundDevice, find, refresh
from runtime.errors import in_words

AGAIN = 0.25
"""Seconds between two tries to open a lost card again: the sound shall be back within a second of the card."""
LATENCIES = (0.01, 0.02, 0.03, 0.045, 0.07, 0.1, 0.17, 0.25, 0.4)
"""Seconds of buffer that are tried, smallest first."""
NONE = "none"
STARTING = 3.0


class Clock:
    """Takes the place of a sound card: `play` waits until the block would have been played. Nothing is heard."""

    name = "no sound card (its clock alone)"
    output_latency = input_latency = 0.0

    def __init__(self, sample_rate: int, block: int) -> None:
        self._seconds = block / sample_rate
        self._due = float("-inf")  # time begins with the first block

    def play(self, sound: np.ndarray) -> None:
        now = time.perf_counter()
        if now - self._due > 1.0:  # the machine slept: what was missed is past
            self._due = now
        self._due += self._seconds
        if self._due > now:
            time.sleep(self._due - now)

    def play_ahead(self, seconds: float) -> None:
        pass

    def listen(self) -> np.ndarray | None:
        return None

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}


class Speaker:
    """A sound card that may go and come back: meanwhile a clock takes its place, and a thread looks for it by its name.
    `tell(words, wrong)` hears of both. One thread plays; `play` and `listen` never raise."""

    def __init__(
        self, open_device: Callable[[], SoundDevice], tell: Callable[[str, bool], None], sample_rate: int, block: int
    ) -> None:
        """Raises DeviceError where the card cannot be opened the first time."""
        self._open, self._tell = open_device, tell
        self._sample_rate, self._block = sample_rate, block
        self._now: SoundDevice | Clock = self._opened()
        self._back: SoundDevice | None = None
        self._lost = threading.Event()
        self._closing = False
        self._counted: dict[str, int] = {}
        self.lost = 0

    def play(self, sound: np.ndarray) -> None:
        if self._back is not None:
            self._now, self._back = self._back, None
            self._tell(f"{self.name} is back", False)
        try:
            self._now.play(sound)
        except DeviceLost as error:
            self.lost += 1
            gone, self._now = self._now, Clock(self._sample_rate, self._block)
            self._counted = self.counters(gone)
            self._tell(f"{error}; everything goes on without it, and it is looked for", True)
            threading.Thread(target=self._look_for, args=(gone,), name="glasspatch device", daemon=True).start()

    def play_ahead(self, seconds: float) -> None:
        """That of the card."""
        self._now.play_ahead(seconds)

    def _look_for(self, gone: Any) -> None:
        gone.close()
        while not self._closing:
            try:
                with suppress(DeviceError):  # the lost card hangs in PortAudio: then only what was there before can come back
                    refresh()
                back = self._opened()
                if self._closing:
                    back.close()
                self._back = back
                return
            except Exception:  # not there yet, whatever PortAudio calls it
                time.sleep(AGAIN)

    def _opened(self) -> SoundDevice:
        """An open card that moves."""
        device = self._open()
        try:
            device.prime()
        except BaseException:
            device.close()
            raise
        return device

    def listen(self) -> np.ndarray | None:
        return self._now.listen()

    def stop(self) -> None:
        """Fades out and closes."""
        self._closing = True
        self._now.stop()
        if self._back is not None:
            self._back.close()

    def counters(self, device: Any = None) -> dict[str, int]:
        """What has gone wrong so far, by kind."""
        now = (device or self._now).counters()
        counted = {key: self._counted.get(key, 0) + now.get(key, 0) for key in {*self._counted, *now}}
        return {**counted, "lost": self.lost}

    @property
    def name(self) -> str:
        return self._now.name

    @property
    def output_latency(self) -> float:
        return self._now.output_latency

    @property
    def input_latency(self) -> float:
        return self._now.input_latency


def heard_at(block: int, engine: Any, speaker: Any) -> float:
    """When the beginning of a block is heard, in seconds of time.perf_counter. Waits until it is rendered and the card's buffer,
    which takes its first blocks at once, is full; STARTING seconds at most."""
    seconds, limit = engine.block / engine.sample_rate, time.perf_counter() + STARTING
    while engine.blocks <= max(block, speaker.output_latency / seconds) and time.perf_counter() < limit:
        time.sleep(0.002)
    ahead: float = (engine.blocks - block) * seconds - speaker.output_latency
    return time.perf_counter() - ahead


def open_speaker(
    output: str | None,
    input: str | None = None,
    *,
    listens: bool,
    sample_rate: int,
    block: int,
    latency: float | None,
    tell: Callable[[str, bool], None],
) -> Any:
    """The sound card of that name, or the clock alone: for the name "none", and where there is no card at all. Raises DeviceError
    where there are cards, but none of that name."""
    if output == NONE:
        return Clock(sample_rate, block)
    if not output:
        try:
            find(None, "output")
        except Exception as error:
            tell(f"{in_words(error)}; playing to the clock alone, nothing can be heard", True)
            return Clock(sample_rate, block)

    def open_device() -> SoundDevice:
        return SoundDevice(output, input, listens=listens, sample_rate=sample_rate, block=block, latency=latency)

    return Speaker(open_device, tell, sample_rate, block)


def measure_latency(
    output: str | None,
    render: Callable[[], np.ndarray],
    *,
    sample_rate: int,
    block: int,
    seconds: float = 2.0,
    latencies: Sequence[float] = LATENCIES,
) -> tuple[float, list[tuple[float, int]]]:
    """The smallest buffer that holds on this machine: each is tried for so many seconds with `render` as the load, in silence;
    the one after the first without a gap is chosen, for a margin. Gives it, and what was tried: (seconds of buffer, gaps).
    Buffers that the card refuses are passed over; raises its DeviceError where it refuses all."""
    tried: list[tuple[float, int]] = []
    refused: DeviceError | None = None
    for place, latency in enumerate(latencies):
        if latency < 2 * block / sample_rate:
            continue  # the card takes from one block while the next is rendered
        try:
            device = SoundDevice(output, sample_rate=sample_rate, block=block, latency=latency)
        except DeviceError as error:
            refused = error
            continue
        try:
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                device.play(render() * np.float32(0.0))
        except DeviceLost:
            device.starved += 1
        finally:
            device.close()
        gaps = device.underflows + device.starved
        tried.append((latency, gaps))
        if not gaps:
            return latencies[min(place + 1, len(latencies) - 1)], tried
    if refused is not None and not tried:
        raise refused
    return latencies[-1], tried
