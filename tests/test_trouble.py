"""A hundred faults on stage: no crash, no hang, and the sound back within a second."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from runtime import messages as say
from runtime.live import Live
from tests.command import write_patch
from tests.test_play import order, server, until  # noqa: F401

pytestmark = pytest.mark.stage
KINDS = ("raise", "nan", "inf", "stall")
BACK = 1.0
"""Seconds after a fault in which the sound must be back."""


@pytest.fixture
def stage(server, tmp_path):  # noqa: F811
    path = write_patch(
        tmp_path,
        {"tone": ("audio.oscillator", {"level": 0.2}), "trouble": ("trouble.maker", {}), "out": ("audio.output", {})},
        *("tone.audio -> trouble.audio", "trouble.audio -> out.audio"),
    )
    with server.recording() as heard, Live(order(path, packages=("nodes", "tests.stage_nodes"), latency=0.1)) as live:
        until(live, say.Playing)
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max(initial=0.0) > 0.15)
        yield live, heard


def longest_silence(sound):
    """Frames of the longest stretch in which next to nothing is heard."""
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.05)
    return int(np.diff(loud).max(initial=0))


def test_faults_of_a_node_cost_less_than_a_second_of_sound_each(stage):
    live, heard = stage
    begin = len(heard.sound)
    for number in range(88):
        live.send(say.SetParam("trouble", "kind", KINDS[number % len(KINDS)]))
        time.sleep(0.6)
        for _ in live.events():
            pass
    live.send(say.SetParam("trouble", "kind", "none"))
    time.sleep(1.0)
    assert live.is_alive
    sound = heard.sound[begin:]
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 1.0
    assert longest_silence(sound) < BACK * 44100
    assert np.abs(sound[-4410:]).max() > 0.15


def test_a_worker_that_is_killed_is_replaced_and_the_sound_is_back(server, stage):  # noqa: F811
    live, heard = stage
    for _ in range(3):
        os.kill(live.pid, signal.SIGKILL)
        until(live, say.Stopped)
        live = Live(live.order)
        until(live, say.Playing)
        begin = len(heard.sound)
        heard.wait_for(lambda sound, begin=begin: np.abs(sound[begin:]).max(initial=0.0) > 0.15)
    live.close()


def test_a_sink_that_is_unloaded_and_loaded_again_three_times_is_found_again_each_time(server, stage):  # noqa: F811
    live, _ = stage
    for _ in range(3):
        server.unload()
        until(live, lambda event: isinstance(event, say.Told) and "is looked for" in event.words)
        server.reload()
        until(live, lambda event: isinstance(event, say.Told) and event.words.endswith("is back"))
    with server.recording() as heard:
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max(initial=0.0) > 0.15)
