"""How late the sound answers what comes in by OSC and MIDI, on a real sound server: as late as is told."""

from __future__ import annotations

import time

import numpy as np
import pytest

from runtime import messages as say
from runtime.live import Live
from runtime.sensing import Ports
from tests.command import write_patch
from tests.jack import Knobs, running
from tests.osc import free_port, send_osc
from tests.sound_server import RATE
from tests.test_play import order, server, until  # noqa: F401

pytestmark = pytest.mark.stage
TIMES = 10
NEAR = 0.04
"""Seconds by which the sound server and the recorder may blur what is measured: they take their sound in pieces."""
MOST = 0.4
"""Seconds after which nothing more can come of a message."""
CAME = 0.1


def way(server, path, send, source, ports):  # noqa: F811
    """Median seconds from `send(0 or 1)` to the first frame that is heard of it, and the median of what was told meanwhile."""
    dice, sent, told = np.random.default_rng(0), [], []
    with (
        server.recording() as heard,
        Live(order(path, packages=("nodes", "tests.stage_nodes"), latency=0.1, ports=ports)) as live,
    ):
        until(live, say.Playing)
        heard.wait_for(lambda sound: send(1) or np.abs(sound[-4410:]).max(initial=0.0) > CAME)
        for number in range(TIMES):
            time.sleep(MOST + float(dice.uniform(0.0, 0.1)))
            sent.append((number % 2, time.perf_counter()))
            send(number % 2)
            live.send(say.Poll())
            told += [event.latencies[source] for event in live.events(MOST) if isinstance(event, say.Snapshot)]
        time.sleep(MOST)
        begin = min(when - frames / RATE for frames, when in heard.times)
        sound = np.abs(heard.sound[:, 0])
    ways = []
    for on, moment in sent:
        place = round((moment - begin) * RATE)
        loud = np.flatnonzero(sound[place : place + round(MOST * RATE)] > 0.01)
        ways.append((loud[0] if on else loud[-1]) / RATE)
    median, p95 = 1000 * np.percentile(ways, (50, 95))
    print(f"{source}: {median:.0f} ms median, {p95:.0f} ms p95; told {1000 * np.median(told):.0f}")
    return float(np.median(ways)), float(np.median(told))


NODES = {
    "tone": ("audio.oscillator", {"level": 0.2}),
    "level": ("stage.level", {}),
    "out": ("audio.output", {}),
}
LINKS = ("tone.audio -> level.audio", "hand.control -> level.control", "level.audio -> out.audio")


def test_a_value_by_osc_is_heard_as_late_as_is_told(server, tmp_path):  # noqa: F811
    port = free_port()
    path = write_patch(tmp_path, {**NODES, "hand": ("control.osc", {"port": port, "addresses": "x=/x"})}, *LINKS)
    measured, told = way(server, path, lambda value: send_osc(port, "/x", float(value)), "hand", Ports())
    assert abs(measured - told) < NEAR


def test_a_param_by_the_remote_control_is_heard_as_late_as_is_told(server, tmp_path):  # noqa: F811
    port = free_port()
    path = write_patch(tmp_path, {"tone": NODES["tone"], "out": NODES["out"]}, "tone.audio -> out.audio")
    measured, told = way(
        server, path, lambda value: send_osc(port, "/glasspatch/param/tone/level", 0.2 * value), say.REMOTE, Ports(port)
    )
    assert abs(measured - told) < NEAR


def test_a_knob_by_midi_is_heard_as_late_as_is_told(server, tmp_path):  # noqa: F811
    with running(), Knobs() as knobs:
        path = write_patch(tmp_path, {**NODES, "hand": ("control.midi", {"port": "Knobs", "controls": "x=cc74"})}, *LINKS)
        measured, told = way(server, path, lambda value: knobs.send(0xB0, 74, 127 * value), "hand", Ports())
    assert abs(measured - told) < NEAR
