"""The sound card, on a real sound server. What plays is a process of its own: sounddevice looks for the server when it starts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from runtime.speaker import Clock
from tests.command import ROOT
from tests.sound_server import RATE, SoundServer, sound_server

LONG = 60.0
"""Seconds after which something that should have happened has not: far longer than any of it takes."""
pytestmark = pytest.mark.stage
STEADY = 0.4
"""Seconds of buffer with which no other work on the machine makes a gap."""
PRELUDE = """
import faulthandler, json, sys, threading, time
faulthandler.dump_traceback_later(150, exit=True)  # never outlives a test that waits for it
import numpy as np
from runtime.device import HANGS, DeviceError, DeviceLost, SoundDevice, devices, find, refresh
from runtime.speaker import measure_latency, open_speaker
def say(what): print(json.dumps(what), flush=True)
def sine(start, frames, rate=44100, pitch=440.0):
    return np.tile(0.5 * np.sin(2 * np.pi * pitch / rate * np.arange(start, start + frames)), (2, 1)).astype(np.float32)
"""


class Player:
    """A process that plays to the server; each line it says is JSON."""

    def __init__(self, server: SoundServer, code: str) -> None:
        command = [sys.executable, "-c", PRELUDE + code]
        self.process = subprocess.Popen(
            command, env=server.env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def says(self) -> object:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the player ended before it said anything more"
        return json.loads(line)

    def ends(self, seconds: float = LONG) -> None:
        """Raises TimeoutExpired when it does not."""
        try:
            assert self.process.wait(seconds) == 0
        finally:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def shared() -> Iterator[SoundServer]:
    with sound_server() as server:
        yield server


@pytest.fixture
def own() -> Iterator[SoundServer]:
    """For tests that break it."""
    with sound_server() as server:
        yield server


def said(server: SoundServer, code: str) -> object:
    player = Player(server, code)
    try:
        answer = player.says()
        player.ends()
        return answer
    finally:
        player.kill()


def played(server: SoundServer, code: str) -> tuple[object, np.ndarray]:
    """What the player said, and what was heard of it on the left, from the first sound on."""
    with server.recording() as recording:
        answer = said(server, code)
        heard = -1
        until = time.monotonic() + LONG
        while len(recording.sound) == heard or not _quiet(recording.sound):  # the rest is still on its way
            assert time.monotonic() < until, "the sound never ended"
            heard = len(recording.sound)
            time.sleep(0.1)
    left = recording.sound[:, 0]
    sounding = np.flatnonzero(left)
    assert len(sounding), "nothing was heard"
    return answer, left[sounding[0] : sounding[-1] + 1]


def _quiet(sound: np.ndarray) -> bool:
    return len(sound) > 4410 and bool(sound.any()) and not sound[-4410:].any()


def pitch_of(sound: np.ndarray) -> float:
    """Hertz, from the upward crossings of zero, each between two frames."""
    at = np.flatnonzero((sound[:-1] < 0) & (sound[1:] >= 0))
    exact = at - sound[at] / (sound[at + 1] - sound[at])
    return float((len(exact) - 1) * RATE / (exact[-1] - exact[0]))


# Names


def test_a_card_is_found_by_its_name_with_or_without_its_host_and_by_a_part_of_it_in_any_case(shared):
    names = said(shared, "say([str(find(name, 'output')) for name in ('pulse', 'ALSA: pulse', 'PUL')])")
    assert names == ["ALSA: pulse"] * 3


def test_without_a_name_the_system_chooses(shared):
    assert said(shared, "say([str(find(name, 'output')) for name in (None, '')])") == ["ALSA: default"] * 2


def test_an_unknown_card_is_refused_with_a_list_of_what_there_is(shared):
    message = said(shared, "try: find('violin', 'output')\nexcept DeviceError as error: say(str(error))")
    assert message == "there is no sound card 'violin' for output; there are: ALSA: pulse; ALSA: default"


def test_a_part_that_fits_two_cards_is_refused_with_both(shared):
    message = said(shared, "try: find('alsa', 'input')\nexcept DeviceError as error: say(str(error))")
    assert message == "'alsa' may mean ALSA: pulse; ALSA: default; give more of the name"


def test_the_doctor_lists_every_card_by_the_name_that_play_takes(shared):
    found = said(shared, "from runtime.terminal.doctor import _sound\nsay([one.found for one in _sound()])")
    assert "ALSA: pulse, 32 out and 32 in, 44100 Hz" in found


# Sound


@pytest.mark.slow
@pytest.mark.parametrize("block", [512, 2048])
def test_every_frame_is_heard_once_and_bit_exact(shared, block):
    code = f"""
device = SoundDevice("pulse", sample_rate=44100, block={block}, latency={STEADY})
for start in range(10000, 10000 + 5 * 44100, {block}):
    device.play(np.tile(np.arange(start, start + {block}) / 2**24, (2, 1)).astype(np.float32))
say(device.counters())
device.stop()
"""
    counters, heard = played(shared, code)
    last = int(np.argmax(heard))
    numbers = heard[2000 : last + 1].astype(np.float64) * 2**24  # behind the ramp
    assert len(numbers) > 4.5 * RATE
    np.testing.assert_array_equal(np.diff(numbers), 1.0)
    assert counters == {"underflows": 0, "starved": 0, "overflows": 0, "input_starved": 0}


@pytest.mark.slow
def test_a_patch_at_48_khz_keeps_its_pitch_on_a_card_at_44100(shared):
    code = f"""
device = SoundDevice("pulse", sample_rate=48000, block=512, latency={STEADY})
for start in range(0, 96000, 512):
    device.play(sine(start, 512, 48000))
say(device.rate)
device.stop()
"""
    _, heard = played(shared, code)
    assert pitch_of(heard[4410 : RATE + 4410]) == pytest.approx(440.0, abs=0.05)


@pytest.mark.slow
def test_a_rate_that_the_card_refuses_is_resampled_to_the_card_s_own(shared):
    # PulseAudio takes every rate up to 384 kHz and resamples by itself; only beyond it is the work ours.
    code = f"""
device = SoundDevice("pulse", sample_rate=400000, block=4096, latency={STEADY})
for start in range(0, 800000, 4096):
    device.play(sine(start, 4096, 400000))
say(device.rate)
device.stop()
"""
    rate, heard = played(shared, code)
    assert rate == RATE
    assert pitch_of(heard[4410 : RATE + 4410]) == pytest.approx(440.0, abs=0.05)


@pytest.mark.slow
def test_a_late_engine_makes_a_silence_without_a_click_that_is_counted(shared):
    code = f"""
device = SoundDevice("pulse", sample_rate=44100, block=512, latency={STEADY})
for start in range(0, 88200, 512):
    if start == 512 * 86:
        time.sleep(1.5)
    device.play(sine(start, 512))
say(device.counters())
device.stop()
"""
    counters, heard = played(shared, code)
    assert counters["starved"] == 1
    silent = np.diff(np.flatnonzero(heard)).max()
    assert silent > 0.3 * RATE
    # The sine itself steps by 0.031 at most, the fades add 0.011; a sound cut off would step by up to 0.5.
    assert np.abs(np.diff(heard)).max() < 0.06


@pytest.mark.slow
def test_the_card_itself_never_runs_dry_while_the_engine_is_late(shared):
    code = f"""
device = SoundDevice("pulse", sample_rate=44100, block=512, latency={STEADY})
for number in range(172):
    if number == 86:
        time.sleep(1.5)
    device.play(np.zeros((2, 512), np.float32))
say(device.counters())
device.stop()
"""
    assert said(shared, code)["underflows"] == 0


BUSY = """
import ctypes
def busy(prepare):
    time.sleep(1.0)
    prepare()
    ctypes.PyDLL(None).usleep(600_000)  # keeps Python for itself, as opening a model does
device = SoundDevice("pulse", sample_rate=44100, block=512, latency=0.1)
other = threading.Thread(target=busy, args=({prepare},))
other.start()
for start in range(10000, 10000 + 5 * 44100, 512):
    device.play(np.tile(np.arange(start, start + 512) / 2**24, (2, 1)).astype(np.float32))
other.join()
say(device.counters())
device.stop()
"""


@pytest.mark.slow
def test_a_sound_that_is_played_ahead_goes_on_while_python_is_busy_longer_than_the_buffer(shared):
    counters, heard = played(shared, BUSY.format(prepare="lambda: device.play_ahead(0.7)"))
    numbers = heard[4000 : int(np.argmax(heard)) + 1].astype(np.float64) * 2**24  # behind the ramp
    assert len(numbers) > 4.5 * RATE
    np.testing.assert_array_equal(np.diff(numbers), 1.0)
    assert counters["starved"] == counters["underflows"] == 0


@pytest.mark.slow
def test_a_sound_that_is_not_played_ahead_breaks_off_while_python_is_busy(shared):
    counters, _ = played(shared, BUSY.format(prepare="lambda: None"))
    assert counters["starved"] + counters["underflows"] > 0


@pytest.mark.slow
def test_a_sound_begins_and_stops_without_a_click(shared):
    code = f"""
device = SoundDevice("pulse", sample_rate=44100, block=512, latency={STEADY})
for start in range(0, 44100, 512):
    device.play(sine(start, 512) + np.float32(0.25))
say(device.counters())
device.stop()
"""
    counters, heard = played(shared, code)
    assert counters["starved"] == 0
    edges = np.concatenate([[0.0], heard, [0.0]])
    assert np.abs(np.diff(edges)).max() < 0.06


@pytest.mark.slow
def test_the_input_gives_blocks_of_what_the_card_hears(shared):
    code = f"""
device = SoundDevice("pulse", "pulse", listens=True, sample_rate=44100, block=512, latency={STEADY})
start, heard, until = 0, np.zeros((2, 512)), time.monotonic() + {LONG / 2}
while abs(heard).max() < 0.4 and time.monotonic() < until:
    heard = device.listen()
    device.play(sine(start, 512))
    start += 512
say([list(heard.shape), str(heard.dtype), float(abs(heard).max())])
device.stop()
"""
    (shape, kind, loudest), _ = played(shared, code)
    assert shape == [2, 512] and kind == "float32"
    assert loudest > 0.4


def test_a_buffer_shorter_than_a_block_is_refused(shared):
    code = """
try: SoundDevice("pulse", sample_rate=44100, block=2048, latency=0.01)
except DeviceError as error: say(str(error))
"""
    message = said(shared, code)
    assert message == "a buffer of 0.01 s is too small for blocks of 2048 frames; use a longer latency"


@pytest.mark.slow
@pytest.mark.parametrize(("block", "latency"), [(512, 0.01), (2048, 0.045)])
def test_a_buffer_just_longer_than_a_block_is_refused_or_holds(shared, block, latency):
    code = f"""
gaps = []
def go():
    try:
        device = SoundDevice("pulse", sample_rate=44100, block={block}, latency={latency})
    except DeviceError:
        gaps.append(0)
        return
    for _ in range(20):
        device.play(np.zeros((2, {block}), np.float32))
    gaps.append(device.starved)
thread = threading.Thread(target=go, daemon=True)
thread.start()
thread.join(20.0)
say(gaps)
"""
    player = Player(shared, code)
    try:
        assert player.says() == [0]  # an empty list: play never came back
    finally:
        player.kill()


def test_an_unknown_input_leaves_no_output_open(shared):
    code = """
try: SoundDevice("pulse", "violin", listens=True, sample_rate=44100, block=512)
except DeviceError as error: say(str(error))
time.sleep(60)
"""
    player = Player(shared, code)
    try:
        assert "there is no sound card 'violin' for input" in str(player.says())
        assert shared.pactl("list", "short", "sink-inputs") == ""
    finally:
        player.kill()


# Loss


PLAYS_UNTIL_LOST = """
device = SoundDevice("pulse", sample_rate=44100, block=512)
try:
    for number in range(100000):
        if number == 80: say("playing")
        device.play(np.zeros((2, 512), np.float32))
except DeviceLost as error:
    device.close()
    say(str(error))
"""


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["the card is pulled out", "the sound server dies"])
def test_a_card_that_goes_is_told_and_closes(own, loss):
    player = Player(own, PLAYS_UNTIL_LOST)
    try:
        assert player.says() == "playing"
        if loss == "the card is pulled out":
            own.unload()
        else:
            own._server.kill()
        assert str(player.says()).startswith("ALSA: pulse ")
        player.ends()
    finally:
        player.kill()


@pytest.mark.slow
def test_a_speaker_goes_on_without_its_card_and_is_heard_again_when_the_card_is_back(own):
    code = f"""
speaker = open_speaker("pulse", listens=False, sample_rate=44100, block=512, latency=None, tell=lambda words, wrong: say(words))
until, number = time.monotonic() + {LONG}, 0
while time.monotonic() < until:
    if number == 80: say("playing")
    speaker.play(np.full((2, 512), 0.1, np.float32))
    speaker.listen()
    number += 1
"""
    player = Player(own, code)
    try:
        assert player.says() == "playing"
        own.unload()
        assert str(player.says()).endswith("everything goes on without it, and it is looked for")
        own.reload()
        assert player.says() == "ALSA: pulse is back"
        with own.recording() as recording:
            recording.wait_for(lambda sound: np.count_nonzero(sound > 0.09) > RATE, LONG)
    finally:
        player.kill()


@pytest.mark.slow
def test_a_card_that_hangs_while_it_closes_holds_up_nobody_and_is_let_alone_until_it_is_done(own):
    code = f"""
device = SoundDevice("pulse", sample_rate=44100, block=512)
for number in range(80):
    device.play(np.zeros((2, 512), np.float32))
say("playing")
time.sleep(1.0)  # the sound server is stopped meanwhile
began = time.monotonic()
device.close()
say(time.monotonic() - began < HANGS + 1.0)
try: refresh()
except DeviceError as error: say(str(error))
until = time.monotonic() + {LONG}
while time.monotonic() < until:
    try: refresh()
    except DeviceError: time.sleep(0.1)
    else: break
say([str(one) for one in devices()])
"""
    player = Player(own, code)
    try:
        assert player.says() == "playing"
        own._server.send_signal(signal.SIGSTOP)
        assert player.says() is True
        assert player.says() == "a sound card that was closed does not let go yet; wait, or pull it out"
        own._server.send_signal(signal.SIGCONT)
        assert "ALSA: pulse" in player.says()
        player.ends()
    finally:
        own._server.send_signal(signal.SIGCONT)
        player.kill()


@pytest.mark.slow
def test_a_closed_device_leaves_no_thread_that_could_write(shared):
    code = """
for _ in range(5):
    device = SoundDevice("pulse", sample_rate=44100, block=512)
    for number in range(20):
        device.play(np.zeros((2, 512), np.float32))
    device.close()
refresh()
say([thread.name for thread in threading.enumerate()])
"""
    assert said(shared, code) == ["MainThread"]


# Latency


@pytest.mark.slow
def test_the_smallest_buffer_that_holds_is_found_and_what_was_tried_is_told(shared):
    code = """
silence = np.zeros((2, 256), np.float32)
say(measure_latency("pulse", lambda: silence, sample_rate=44100, block=256, seconds=0.5))
"""
    chosen, tried = said(shared, code)
    assert tried and chosen >= tried[-1][0]


@pytest.mark.slow
def test_a_buffer_that_the_card_refuses_is_passed_over_and_if_it_refuses_all_that_is_told(shared):
    code = """
def measured(*latencies):
    silence = np.zeros((2, 256), np.float32)
    return measure_latency("pulse", lambda: silence, sample_rate=44100, block=256, seconds=0.3, latencies=latencies)
say(measured(1e300, 0.3, 0.4))  # more than the card can say
try: measured(1e300)
except DeviceError as error: say(str(error))
"""
    player = Player(shared, code)
    try:
        chosen, tried = player.says()
        assert chosen == 0.4 and [seconds for seconds, _ in tried][:1] == [0.3]
        assert str(player.says()).startswith("a buffer of 1e+300 s is too small")
    finally:
        player.kill()


# The clock


def test_a_clock_takes_at_least_the_time_of_the_blocks():
    clock, began = Clock(44100, 512), time.perf_counter()
    for _ in range(20):
        clock.play(np.zeros((2, 512), np.float32))
    assert time.perf_counter() - began >= 20 * 512 / 44100 * 0.999


def test_a_clock_does_not_hurry_after_the_machine_has_slept():
    clock = Clock(44100, 512)
    clock._due -= 60.0
    began = time.perf_counter()
    for _ in range(20):
        clock.play(np.zeros((2, 512), np.float32))
    assert time.perf_counter() - began >= 20 * 512 / 44100 * 0.999
