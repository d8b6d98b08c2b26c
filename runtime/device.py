"""The sound card, by name: a stream that never waits for us.

The only user of sounddevice.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.ahead import Ahead
from runtime.errors import GlasspatchError, in_words
from runtime.hearing import Hearing
from runtime.resampler import Resampler, folded

LOST = 0.5
"""Seconds without a callback after which a card counts as lost: an unplugged one says nothing."""
SILENCE, RISE = 0.05, 0.02
"""Seconds of silence and of the ramp with which a stream begins."""
STARVED = 0.005
"""Seconds of the fades around a gap."""
STARTING = 3.0
"""The same while a card starts: some sound servers take their time with the first stream."""
CALM = 0.95
"""Weight of what was in the mean latency: some cards take their sound in pieces."""
LATENCY = 0.1
"""Seconds of buffer where nobody says more: 512 frames held under load with it (`--latency auto` finds the smallest)."""
HANGS = 2.0
"""Seconds that PortAudio may take to close a stream: that of a dead card may never come back."""
ENDS = "glasspatch device ends"
"""The name of a thread that closes a stream."""


class DeviceError(GlasspatchError):
    """No such sound card, or it cannot be opened as wished."""


class DeviceLost(GlasspatchError):
    """The sound card has gone while it played."""


@dataclass(frozen=True)
class DeviceInfo:
    """A sound card as its host API names it. `index` is PortAudio's, true until the list is made anew."""

    name: str
    host: str
    inputs: int
    outputs: int
    rate: float
    index: int

    def __str__(self) -> str:
        return f"{self.host}: {self.name}"


def devices() -> list[DeviceInfo]:
    """All sound cards, inputs and outputs."""
    import sounddevice

    hosts = sounddevice.query_hostapis()
    return [
        DeviceInfo(
            one["name"],
            hosts[one["hostapi"]]["name"],
            one["max_input_channels"],
            one["max_output_channels"],
            one["default_samplerate"],
            index,
        )
        for index, one in enumerate(sounddevice.query_devices())
    ]


def find(name: str | None, kind: str) -> DeviceInfo:
    """The card for "output" or "input" of that name, "host API: name", or unique part of either, whatever its case; without a
    name the system's own choice. Raises DeviceError that lists what there is."""
    import sounddevice

    able = [one for one in devices() if (one.outputs if kind == "output" else one.inputs) > 0]
    listed = "; ".join(dict.fromkeys(map(str, able))) or "none at all"
    if not name:
        try:
            index = sounddevice.query_devices(kind=kind)["index"]
        except (ValueError, sounddevice.PortAudioError) as error:
            raise DeviceError(f"there is no sound card for {kind}; there are: {listed}") from error
        return next(one for one in able if one.index == index)
    for fits in (
        [one for one in able if name in (one.name, str(one))],
        [one for one in able if name.lower() in str(one).lower()],
    ):
        if len(fits) == 1 or (fits and len({str(one) for one in fits}) == 1):
            return fits[0]
        if fits:
            raise DeviceError(f"{name!r} may mean {'; '.join(map(str, fits))}; give more of the name")
    raise DeviceError(f"there is no sound card {name!r} for {kind}; there are: {listed}")


def refresh() -> None:
    """Lets PortAudio look again at what cards there are: its list is frozen at its start. No stream may be open. Raises
    DeviceError while a stream that was told to close still hangs: to end PortAudio under it would hang, or crash, as well."""
    import sounddevice

    if any(thread.name == ENDS for thread in threading.enumerate()):
        raise DeviceError("a sound card that was closed does not let go yet; wait, or pull it out")
    library: Any = sounddevice
    library._terminate()
    library._initialize()


class SoundDevice:
    """An open card. One thread calls `play` and `listen`; the counters may be read by any.

    Sound is written straight into the card's own buffer as soon as there is room for a block, so that no callback of ours has a
    deadline. A second thread watches how much is left of it: where the engine is late, it writes a fade before the sound breaks
    off, and silence until there is sound again."""

    def __init__(
        self,
        output: str | None,
        input: str | None = None,
        *,
        listens: bool = False,
        sample_rate: int,
        block: int,
        latency: float | None = None,
    ) -> None:
        """Opens and starts. `latency` is the buffer in seconds asked of the card (None: LATENCY). Raises DeviceError."""
        import sounddevice

        found = find(output, "output")
        self.name, self.sample_rate, self.block = str(found), sample_rate, block
        self._width = min(2, found.outputs)
        self.rate = _rate_of(found, self._width, sample_rate)
        self._resample = Resampler(sample_rate, self.rate, self._width)
        self._fall = _falling(max(round(STARVED * self.rate), 2))
        self._tail = np.zeros((len(self._fall) + 1, self._width), np.float32)
        silence, rise = round(SILENCE * self.rate), round(RISE * self.rate)
        self._start = np.concatenate([np.zeros(silence, np.float32), 1.0 - _falling(rise)])[:, None]
        self._written = 0
        self._ends = math.inf
        self._hungry = True
        self._offered = False
        self._writing = threading.Lock()
        self._ahead = Ahead(self.rate, self._width)
        self._closing, self._stopping = threading.Event(), False
        self.underflows = self.starved = self.overflows = self.input_starved = 0
        self._flagged = False
        self._hearing: Hearing | None = None
        self._ears: Any = None
        self._stream: Any = None
        self._watch: threading.Thread | None = None
        self._failures = (sounddevice.PortAudioError,)
        wish = max(LATENCY, 2.5 * block / sample_rate) if latency is None else latency
        try:
            self._stream = sounddevice.OutputStream(
                device=found.index, channels=self._width, samplerate=self.rate, blocksize=0, dtype="float32", latency=wish
            )
            self._stream.start()
            self._room = self._stream.write_available
            self._delay, self._was_full = self._room / self.rate, False
            if listens:
                self._hear_from(sounddevice, found, input, wish)
        except (sounddevice.PortAudioError, ValueError) as error:
            self.close()
            raise DeviceError(f"{self.name} cannot be opened at {self.rate} Hz ({in_words(error)}); choose another") from error
        except DeviceError:  # no such input: the output must not play on
            self.close()
            raise
        # As early as the buffer allows: sound servers take their sound in pieces of 20 to 40 ms.
        self._early = STARVED + min(0.045, max(0.5 * self._room / self.rate - 0.015, 0.0))
        # A block must find room before the watch begins to write, or it waits for ever for what the watch takes.
        if self._room < -(-block * self.rate // sample_rate) + self._early * self.rate:
            self.close()
            raise DeviceError(f"a buffer of {wish:g} s is too small for blocks of {block} frames; use a longer latency")
        self._opened = time.monotonic()
        self._watch = threading.Thread(target=self._fill, name="glasspatch device", daemon=True)
        self._watch.start()

    def _hear_from(self, sounddevice: Any, found: DeviceInfo, input: str | None, wish: float) -> None:
        heard = find(input, "input") if input else found if found.inputs else find(None, "input")
        channels = min(heard.inputs, 2)
        rate = _rate_of(heard, channels, self.sample_rate, output=False)
        self._hearing = Hearing(channels, rate, self.sample_rate, self.block)
        self._ears = sounddevice.InputStream(
            device=heard.index,
            channels=channels,
            samplerate=rate,
            blocksize=0,
            dtype="float32",
            latency=wish,
            callback=self._hear,
        )
        self._ears.start()

    def _hear(self, heard: np.ndarray, frames: int, when: Any, status: Any) -> None:
        assert self._hearing is not None
        # Not every host API tells when the first frame was heard; then the delay that PortAudio expects must do.
        known = when.inputBufferAdcTime > 0.0
        ago = when.currentTime - when.inputBufferAdcTime - frames / self._ears.samplerate if known else self._ears.latency
        self.overflows += bool(status.input_overflow) or not self._hearing.put(heard, max(ago, 0.0))

    # The engine's thread

    def play(self, sound: np.ndarray) -> None:
        """Hands [2, block] over, once the card has room for it. Raises DeviceLost when the card has gone."""
        frames = np.ascontiguousarray(self._resample(folded(sound, self._width)).T)
        if self._written < len(self._start):
            part = self._start[self._written : self._written + len(frames)]
            frames[: len(part)] *= part
        self._offered = True
        called, count = time.monotonic(), len(frames)
        if self._ahead.wanted:
            room = self._room_now()
            frames = self._ahead.add(frames, room)
        else:
            room = self._wait_for_room(count)
            self._reckon(time.monotonic() - called, room)
        with self._writing:
            self._offered = False
            if self._hungry and len(frames):  # silence was written in between
                rise = min(len(frames), len(self._fall))
                frames[:rise] *= 1.0 - self._fall[:rise, None]
                self._hungry = False
            kept = len(self._tail)
            self._tail[:] = frames[-kept:] if len(frames) >= kept else np.concatenate([self._tail, frames])[-kept:]
            if len(frames):
                self._write(frames, room)
        self._written += count

    def play_ahead(self, seconds: float) -> None:
        """Another thread's: returns when the sound of so many seconds is on its way, whatever Python does then; changes are heard
        that much later, once. Returns at once where the card is listened to: what it hears cannot be played ahead."""
        if self._hearing is None and not self._stopping:
            self._ahead.ask(seconds)

    def _reckon(self, waited: float, room: int) -> None:
        """Reckons how late the sound is that waited so many seconds for this room. While the card first fills it says nothing."""
        self._was_full = self._was_full or waited > 0.25 * self.block / self.sample_rate
        if self._was_full:
            self._delay = CALM * self._delay + (1.0 - CALM) * (waited + (self._room - room) / self.rate)

    def prime(self) -> None:
        """Waits in silence until the card moves: some sound servers take a second with a new stream. Raises DeviceLost."""
        silence = np.zeros((-(-self.block * self.rate // self.sample_rate), self._width), np.float32)
        room = self._wait_for_room(len(silence))
        with self._writing:
            self._write(silence, room)
        until = time.monotonic() + STARTING
        least = self._stream.write_available
        while time.monotonic() < until:
            now = self._stream.write_available
            if now > least:
                return
            least = min(least, now)
            time.sleep(0.002)

    def _wait_for_room(self, frames: int) -> int:
        """Frames of room, once there are enough."""
        before, since = -1, time.monotonic()
        while True:
            room = self._room_now()
            if room >= frames:
                return room
            now = time.monotonic()
            if room != before:
                before, since = room, now
            elif now - since > (LOST if now - self._opened > STARTING else STARTING):
                raise DeviceLost(f"{self.name} takes no sound any more")
            time.sleep(min(max((frames - room) / self.rate, 0.0005), 0.004))

    def _room_now(self) -> int:
        try:
            return int(self._stream.write_available)
        except self._failures as error:
            raise DeviceLost(f"{self.name} has gone") from error

    def _write(self, frames: np.ndarray, room: int) -> None:
        self._room = max(self._room, room)
        self._ends = time.monotonic() + (self._room - room + len(frames)) / self.rate
        try:
            flagged = bool(self._stream.write(frames))
        except self._failures as error:
            raise DeviceLost(f"{self.name} has gone") from error
        # The flag comes twice for one event; a stream that begins or ends runs dry, and nobody misses anything then.
        if flagged and not self._flagged and not self._stopping and self._written >= len(self._start):
            self.underflows += 1
        self._flagged = flagged

    def _fill(self) -> None:
        """Never lets the card run dry: a broken sound clicks, and some cards take long to begin again."""
        silence = np.zeros((len(self._fall), self._width), np.float32)
        while not self._closing.is_set():
            # Once silent, half a buffer of silence: some cards take a quarter of it at once.
            early = max(self._early, self._room / self.rate / 2) if self._hungry else self._early
            wait = self._ends - early - time.monotonic()
            if wait > 0:
                self._closing.wait(min(wait, 0.25))
                continue
            if self._offered:  # there is sound, it only waits for room: silence would take that away
                self._closing.wait(0.001)
                continue
            with self._writing:
                if self._offered or self._ends - early > time.monotonic():
                    continue
                try:
                    room = self._stream.write_available
                    if room >= len(silence):
                        if not self._hungry:
                            self.starved += not self._stopping
                            tail = self._tail
                            self._write((2.0 * tail[-1] - tail[-2::-1][: len(self._fall)]) * self._fall[:, None], room)
                            self._hungry = True
                        else:
                            self._write(silence, room)
                        continue
                except (DeviceLost, *self._failures):
                    return  # the engine's thread sees it as well
            self._closing.wait(0.002)

    def listen(self) -> np.ndarray | None:
        """The newest block of the card's input, [channels, block], silence where it had none yet; None where nobody listens."""
        if self._hearing is None:
            return None
        block = self._hearing.take()
        if block is None:
            self.input_starved += self._written > 0
            return np.zeros((self._hearing.channels, self.block), np.float32)
        return block

    @property
    def output_latency(self) -> float:
        """Seconds from `play` to the loudspeaker, as measured lately: until there is room, what waits in the card's buffer before
        it, and the resampler."""
        return float(self._delay + self._resample.delay)

    @property
    def input_latency(self) -> float:
        """Seconds from the microphone to `listen`, as measured lately: the card, and what waits for the engine."""
        return self._hearing.delay if self._hearing is not None else 0.0

    def stop(self) -> None:
        """Lets the card play what it holds, with a fade if the sound goes on, and silence after it; then closes it. Takes no
        longer than a few seconds, whatever the card does."""
        self._stopping = True
        until = time.monotonic() + min(2.0 * self._room / self.rate + 0.1, HANGS)
        while time.monotonic() < until and self._watch and self._watch.is_alive():  # the watch fades, and goes on with silence
            time.sleep(0.01)
        self.close()

    def close(self) -> None:
        """Closes at once. Where PortAudio hangs, it is left to itself after HANGS seconds; `refresh` refuses until it is done."""
        self._closing.set()
        streams = [stream for stream in (self._stream, self._ears) if stream is not None]

        def end() -> None:
            if self._watch is not None:
                self._watch.join()
            with self._writing:  # nobody writes into a stream that closes
                for stream in streams:
                    with contextlib.suppress(Exception):
                        stream.abort()
                    with contextlib.suppress(Exception):
                        stream.close()

        thread = threading.Thread(target=end, name=ENDS, daemon=True)
        thread.start()
        thread.join(HANGS)

    def counters(self) -> dict[str, int]:
        """What has gone wrong so far: underflows (the driver's), starved (the engine was late), overflows, input_starved."""
        return {
            "underflows": self.underflows,
            "starved": self.starved,
            "overflows": self.overflows,
            "input_starved": self.input_starved,
        }


def _falling(frames: int) -> np.ndarray:
    curve: np.ndarray = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, frames + 1) / frames)
    return curve.astype(np.float32)


def _rate_of(found: DeviceInfo, channels: int, sample_rate: int, *, output: bool = True) -> int:
    """The patch's own rate where the card takes it, else the card's."""
    import sounddevice

    check = sounddevice.check_output_settings if output else sounddevice.check_input_settings
    try:
        check(found.index, channels=channels, samplerate=sample_rate, dtype="float32")
        return sample_rate
    except (sounddevice.PortAudioError, ValueError):
        return round(found.rate)
