"""Engines that die: a real spare in a process of its own plays on, with nothing of the patch lost."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nodes.vision_face import FEATURES
from runtime import messages as say
from runtime.patch import dumps, loads
from runtime.plan import compile_patch
from runtime.playing import playing
from runtime.registry import discover
from runtime.senses import Senses
from runtime.sensing import Ports, Ready
from runtime.spare import Preparation, quiet
from runtime.supervisor import RESTARTS, Supervisor
from runtime.trust import trust
from runtime.worker import Order
from tests.command import ROOT, write_patch
from tests.osc import free_port, osc_packet
from tests.processes import seconds_of_work

TONE = ({"tone": ("audio.oscillator", {"level": 0.2}), "out": ("audio.output", {})}, "tone.audio -> out.audio")
SOON = 0.2
slow = pytest.mark.slow


def order(path, **more):
    return Order(path=path.resolve(), text=path.read_text(), device="none", **more)


def until(live, wanted, seconds=60.0, ask=()):
    """The first event that is wanted, asking for snapshots meanwhile."""
    end, asked, told = time.monotonic() + seconds, 0.0, []
    while time.monotonic() < end:
        if time.monotonic() - asked > 0.1:
            live.send(say.Poll(ask))
            asked = time.monotonic()
        for event in live.events(0.05):
            if isinstance(event, wanted) if isinstance(wanted, type) else wanted(event):
                return event
            if not isinstance(event, say.Snapshot):
                told.append(event)
    raise AssertionError(f"was not told within {seconds} s; instead: {told}")


def with_spare(live):
    """Waits for a spare that is ready."""
    until(live, lambda event: live.has_spare)
    return live


def kill(live):
    """Kills the engine; gives what was told of it, and the seconds until the next one played."""
    os.kill(live.pid, signal.SIGKILL)
    began = time.monotonic()
    told = until(live, say.Told)
    until(live, say.Playing)
    return told, time.monotonic() - began


@pytest.fixture
def demo(tmp_path):
    for name in ("demo", "demo.assets"):
        shutil.copytree(ROOT / "patches" / name, tmp_path / name)
    shutil.copy(ROOT / "patches" / "demo.json", tmp_path)
    trust(tmp_path / "demo.assets" / "trainer" / "model.ts")
    return tmp_path / "demo.json"


def held(path, names):
    values = {node: {name: np.ones(len(dims), np.float32) for name, dims in found.items()} for node, found in names.items()}
    return replace(order(path), held=Ready(names, values, ()))


def test_what_plays_sends_or_writes_is_not_prepared_beside_the_engine(tmp_path):
    nodes = {
        "tone": ("audio.oscillator", {}),
        "kept": ("audio.recorder", {"path": "kept.wav"}),
        "hand": ("control.lfo", {}),
        "away": ("control.osc_out", {"port": 9123}),
        "out": ("audio.output", {}),
    }
    path = write_patch(tmp_path, nodes, "tone.audio -> kept.audio", "kept.audio -> out.audio", "hand.control -> away.control")
    plan = compile_patch(loads(path.read_text()), discover("nodes"), tmp_path)
    assert {step.node for step in quiet(plan).streams} == {"tone", "hand"}


@slow
def test_a_changed_knob_leaves_what_is_prepared_and_what_was_taught_since_is_not_handed_over(demo):
    names = {"face": {"gesture": FEATURES, "confidence": ("confidence",)}}
    wanted = held(demo, names)
    preparation = Preparation()
    preparation.follow(wanted)
    first = preparation.current()
    assert {"decoder", "smoothing", "level"} <= first.keys()
    patch = loads(wanted.text).with_param("level", "gain", -3.0)
    preparation.follow(replace(wanted, text=dumps(patch)))
    second = preparation.current()
    assert second["decoder"].node is first["decoder"].node
    examples = demo.parent / "demo.assets" / "regressor" / "examples.json"
    examples.write_text(examples.read_text() + "\n")
    assert "regressor" not in preparation.current()


def test_senses_that_hold_values_give_feeds_without_a_process_until_they_are_opened(tmp_path):
    path = write_patch(
        tmp_path,
        {"hand": ("control.osc", {"port": 9124, "addresses": "x=/x"}), "calm": ("control.smooth", {})},
        "hand.control -> calm.control",
    )
    plan = compile_patch(loads(path.read_text()), discover("nodes"), tmp_path)
    senses = Senses(path, Ports(), lambda command, stamp: None, lambda event: None, lambda binding: None)
    senses.held = Ready({"hand": {"control": ("x",)}}, {"hand": {"control": np.array([0.7], np.float32)}}, ())
    ready = []
    senses.on_ready = lambda: ready.append(True)
    feeds, problems = senses.load(path.read_text(), plan)
    assert problems == [] and not senses.is_open
    assert feeds["hand"].names == {"control": ("x",)} and feeds["hand"].newest[0]["control"][0] == np.float32(0.7)
    assert senses.now().values["hand"]["control"][0] == np.float32(0.7)
    senses.open()
    end = time.monotonic() + 30.0
    while not ready and time.monotonic() < end:
        time.sleep(0.02)
    again, _ = senses.load(path.read_text(), plan)
    senses.close()
    assert ready == [True] and again["hand"] is feeds["hand"]


@slow
def test_a_killed_engine_is_told_and_the_spare_plays_within_a_second_with_the_newest_knob(tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Supervisor(order(path), spare_after=SOON) as live:
        with_spare(live)
        live.send(say.SetParam("tone", "level", 0.05))
        until(live, say.Changed)
        first = live.pid
        told, seconds = kill(live)
        assert told.wrong and "ended unasked" in told.words and "it is started again" in told.words
        assert seconds < 1.0 and live.pid != first
        sound = until(live, lambda event: isinstance(event, say.Snapshot) and event.seconds > 0.3, ask=(("tone", "audio"),))
        assert 0.04 < np.abs(sound.values["tone", "audio"]).max() < 0.06


@slow
def test_what_was_silent_on_request_stays_silent_and_a_take_goes_on_in_a_new_folder(tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Supervisor(order(path, take=str(tmp_path / "evening.take")), spare_after=SOON) as live:
        with_spare(live)
        live.send(say.Stop())
        until(live, lambda event: isinstance(event, say.Snapshot) and event.muted and event.take)
        kill(live)
        now = until(live, lambda event: isinstance(event, say.Snapshot) and event.seconds > 0.3)
        assert now.muted and Path(now.take).name == "evening-2.take"
        live.send(say.EndTake())
        until(live, lambda event: isinstance(event, say.Snapshot) and event.take is None)
        with_spare(live)
        kill(live)
        assert until(live, say.Snapshot).take is None


@slow
def test_the_gesture_is_held_until_the_senses_are_back_and_nobody_waits_for_them(demo):
    with Supervisor(order(demo), spare_after=SOON) as live:
        with_spare(live)
        place = ("face", "gesture")
        before = until(live, lambda event: isinstance(event, say.Snapshot) and place in event.values, ask=(place,))
        _, seconds = kill(live)
        after = until(live, lambda event: isinstance(event, say.Snapshot) and place in event.values, ask=(place,))
        assert seconds < 1.0 and np.abs(after.values[place] - before.values[place]).max() < 0.5
        assert after.values[place].any()
        until(
            live,
            lambda event: isinstance(event, say.Snapshot) and (event.values[place] != after.values[place]).any(),
            ask=(place,),
        )
        assert "face" in until(live, lambda event: isinstance(event, say.Snapshot) and event.latencies).latencies


def ports_of(pid):
    """The numbers of the UDP ports that a process holds."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(file.readlink()))
    lines = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return {int(line[1].split(":")[1], 16) for line in lines if f"socket:[{line[9]}]" in sockets}


def policies(pid):
    """How the threads of a process are scheduled."""
    return {os.sched_getscheduler(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()}


@slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_spare_is_idle_has_no_port_and_counts_as_no_performance_until_it_plays(tmp_path):
    path = write_patch(tmp_path, *TONE)
    port = free_port()
    with Supervisor(order(path, ports=Ports(port)), spare_after=SOON) as live:
        until(live, lambda event: live._spare is not None)
        spare = live._spare.pid
        until(live, lambda event: os.SCHED_IDLE in policies(spare))  # it prepares when nobody else wants to
        with_spare(live)
        assert [pid for pid, _ in playing()] == [live.pid]
        assert ports_of(spare) == set() and not Path(f"/proc/{spare}/task/{spare}/children").read_text()
        worked = seconds_of_work(spare)
        time.sleep(2.0)
        assert seconds_of_work(spare) - worked < 0.02
        kill(live)
        assert live.pid == spare and [pid for pid, _ in playing()] == [spare]
        assert policies(spare) == {os.SCHED_OTHER}
        end = time.monotonic() + 20.0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as remote:
            while '"level": 0.1' not in live.order.text and time.monotonic() < end:
                remote.sendto(osc_packet("/glasspatch/param/tone/level", 0.1), ("127.0.0.1", port))
                for _ in live.events(0.1):
                    pass
        assert json.loads(live.order.text)["nodes"]["tone"]["params"]["level"] == pytest.approx(0.1)


@slow
def test_a_spare_that_dies_is_replaced(tmp_path):
    with Supervisor(order(write_patch(tmp_path, *TONE)), spare_after=SOON) as live:
        with_spare(live)
        spare = live._spare.pid
        os.kill(spare, signal.SIGKILL)
        until(live, lambda event: not live.has_spare)
        with_spare(live)
        assert live._spare.pid != spare and live.is_alive


@slow
def test_the_spare_ends_with_the_parent_and_the_sound_goes_on(tmp_path):
    path = write_patch(tmp_path, *TONE)
    code = (
        "import sys\nfrom tests.runtime.test_spare import *\nif __name__ == '__main__':\n"
        "    live = with_spare(Supervisor(order(Path(sys.argv[1])), spare_after=SOON))\n"
        "    print(live.pid, live._spare.pid, flush=True)\n    time.sleep(60)\n"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    engine, spare = map(int, parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    time.sleep(1.0)
    try:
        assert not is_running(spare) and is_running(engine)
    finally:
        os.kill(engine, signal.SIGTERM)
    end = time.monotonic() + 10.0
    while is_running(engine) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_running(engine)


def is_running(pid):
    """Whether a process runs; one that has ended and that nobody asks after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@slow
def test_closing_ends_the_spare_too(tmp_path):
    with Supervisor(order(write_patch(tmp_path, *TONE)), spare_after=SOON) as live:
        with_spare(live)
        pids = [live.pid, live._spare.pid]
    assert not any(map(is_running, pids))


@slow
def test_what_the_owner_of_the_document_says_is_what_a_next_engine_plays(tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Supervisor(order(path, owns_file=False), spare_after=SOON) as live:
        with_spare(live)
        newest = path.read_text().replace("0.2", "0.05")
        live.send(say.Edit(newest))
        live.document(newest)
        kill(live)
        sound = until(live, lambda event: isinstance(event, say.Snapshot) and event.seconds > 0.3, ask=(("tone", "audio"),))
        assert 0.04 < np.abs(sound.values["tone", "audio"]).max() < 0.06


@slow
def test_a_performance_lasts_as_long_as_it_was_asked_to_whatever_dies(tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Supervisor(order(path, seconds=12.0), spare_after=SOON) as live:
        until(live, say.Playing)
        began = time.monotonic()
        with_spare(live)
        kill(live)
        assert until(live, say.Stopped).fault == "" and 11.0 < time.monotonic() - began < 15.0


@slow
def test_engines_that_die_again_and_again_are_given_up_with_the_reason(tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Supervisor(order(path), spare_after=None) as live:
        for _ in range(RESTARTS):
            until(live, say.Playing)
            kill_only(live)
            assert "it is started again" in until(live, say.Told).words
        until(live, say.Playing)
        kill_only(live)
        assert "ended unasked" in until(live, say.Stopped).fault


def kill_only(live):
    os.kill(live.pid, signal.SIGKILL)


def test_an_engine_that_never_played_is_not_started_again(tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Supervisor(replace(order(path), device="no such card"), spare_after=SOON) as live:
        assert "no sound card" in until(live, say.Stopped).fault
