"""Plays for real: a sound server, the engine in its own process, a decoder, a regressor and a tracked video."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import islice

import numpy as np
import pytest
import soundfile

from runtime import messages as say
from runtime.live import Live
from runtime.patch import dumps, load, loads, save
from runtime.playing import playing
from runtime.takes.take import heard as listened
from runtime.takes.take import read_take
from runtime.worker import Order
from tests import media
from tests.command import ROOT, call, start, write_patch
from tests.processes import children, seconds_of_work
from tests.sound_server import sound_server
from tests.stage import judged, set_stage

pytestmark = pytest.mark.stage
DEVICE = "ALSA: pulse"
NOTHING_WRONG = {"lost": 0, "repeated": 0, "silent": 0, "faded": 0, "wrong": 0}
TONE = ({"tone": ("audio.oscillator", {"level": 0.2}), "out": ("audio.output", {})}, "tone.audio -> out.audio")


@pytest.fixture(scope="module")
def server():
    with sound_server() as server:
        before = dict(os.environ)
        os.environ.update(server.env)  # for the processes that the tests start
        yield server
        os.environ.clear()
        os.environ.update(before)


def order(path, **more):
    return Order(path=path.resolve(), text=path.read_text(), device=DEVICE, **more)


def until(live, wanted, seconds=60.0):
    """The first event that is wanted; what was told before it is lost."""
    end = time.monotonic() + seconds
    told = []
    while time.monotonic() < end:
        for event in live.events(0.1):
            told.append(event)
            if isinstance(event, wanted) if isinstance(wanted, type) else wanted(event):
                return event
    raise AssertionError(f"was not told within {seconds} s; instead: {told[-10:]}")


def whole(heard, seconds):
    """The judged counter of a recording, with all its frames."""
    found = judged(heard.sound[:, 1])
    assert found.pop("frames") > (seconds - 4.0) * 44100
    return found


@pytest.mark.parametrize("block", [512, 2048])
def test_a_minute_of_the_whole_chain_has_no_lost_repeated_or_silent_frame(server, tmp_path, block):
    path = set_stage(tmp_path, 70.0, block=block)
    with server.recording() as heard:
        code, _, err = call("play", path, "--device", DEVICE, "--latency", 0.2, "--for", 60, "--osc", 0, folder=tmp_path)
        time.sleep(0.5)
    assert code == 0, err
    assert whole(heard, 60) == NOTHING_WRONG
    assert np.sqrt((heard.sound[:, 0] ** 2).mean()) > 0.005  # the decoder was heard as well


@contextmanager
def training(folder):
    """Trains a RAVE there on the cores that a training takes by itself, and gives its process."""
    media.archive(folder / "recordings", 20)
    patch = load(ROOT / "patches" / "archive_to_performance.json")
    for name, value in {"config": "raspberry", "steps": 100_000, "gan_after": 90_000, "latent_size": 8, "batch": 2}.items():
        patch = patch.with_param("trainer", name, value)
    save(folder / "training.json", patch)
    running = start("run", "training.json", "--only", "trainer", folder=folder, start_new_session=True)
    try:
        log, end = folder / "training.assets" / "trainer.partial" / "log.txt", time.monotonic() + 120.0
        while not log.exists() or "Compression ratio" not in log.read_text():
            assert running.poll() is None and time.monotonic() < end, running.communicate()
            time.sleep(0.1)
        trainers = [pid for pid in children(running.pid) if seconds_of_work(pid) > 1.0]
        yield max(trainers, key=seconds_of_work)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def test_no_frame_is_lost_while_the_patch_is_edited_watched_and_a_model_trains_on_another_core(server, tmp_path):
    path = set_stage(tmp_path, 60.0)
    text = path.read_text()
    more = loads(text).with_param("smoothing", "time", 80.0)
    other = json.loads(text)
    other["nodes"]["tone"] = {"type": "audio.oscillator", "params": {"level": 0.01}}
    other["nodes"]["tone_left"] = {"type": "audio.pan", "params": {"place": -1.0}}
    other["links"] += [["tone.audio", "tone_left.audio"], ["tone_left.audio", "mix.audio"]]
    texts = [dumps(more), json.dumps(other), text]
    with training(tmp_path) as trainer:
        with server.recording() as heard, Live(order(path, latency=0.2)) as live:
            until(live, say.Playing)
            snapshots, edits, seen, began, trained = 0, 0, {}, time.monotonic(), seconds_of_work(trainer)
            while time.monotonic() - began < 30.0:
                live.send(say.Poll((("face", "gesture"), ("video", "image"), ("decoder", "audio"))))
                if time.monotonic() - began > 0.5 * (edits + 1):
                    live.send(say.Edit(texts[edits % 3]))
                    edits += 1
                for event in live.events(1 / 30):
                    if isinstance(event, say.Snapshot):
                        snapshots += 1
                        seen |= event.values
                time.sleep(1 / 60)
            assert seconds_of_work(trainer) - trained > 10.0
        time.sleep(0.5)
    assert edits >= 55 and snapshots > 300
    assert seen["face", "gesture"].shape == (13,) and max(seen["video", "image"].shape) <= 320  # thinned pictures
    assert whole(heard, 30) == NOTHING_WRONG


def test_no_frame_is_lost_while_models_and_libraries_are_opened_and_let_go_beside_the_sound(server, tmp_path):
    path = set_stage(tmp_path, 60.0)
    everything = path.read_text()
    data = json.loads(everything)
    kept = {"counter", "right", "mix", "output"}
    data["nodes"] = {name: node for name, node in data["nodes"].items() if name in kept}
    data["links"] = [link for link in data["links"] if {end.partition(".")[0] for end in link} <= kept]
    path.write_text(json.dumps(data))
    with server.recording() as heard, Live(order(path, latency=0.1)) as live:
        until(live, say.Playing)
        time.sleep(2.0)
        for text in (everything, path.read_text(), everything):
            live.send(say.Edit(text))
            assert until(live, say.Problems).problems == ()
            time.sleep(2.0)
        time.sleep(5.0)
    assert np.abs(heard.sound[-2 * 44100 :, 0]).max() > 0.005  # the decoder is heard by now
    assert whole(heard, 15) == NOTHING_WRONG


def test_the_sound_goes_on_when_the_parent_is_killed_and_ends_when_it_is_told_to(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    with server.recording() as heard:
        parent = start("play", path, "--device", DEVICE, "--osc", 0, folder=tmp_path)
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max(initial=0.0) > 0.15)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        time.sleep(1.5)
        assert np.abs(heard.sound[-4410:]).max() > 0.15
        code, out, _ = call("stop", path, folder=tmp_path)
        assert code == 0 and f"stopped: {path}" in out
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max() == 0.0)
    assert call("stop", folder=tmp_path)[1].strip() == "nothing is playing"


def test_an_engine_that_is_killed_is_told_and_a_new_one_plays_the_same_patch(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    with server.recording() as heard:
        live = Live(order(path))
        until(live, say.Playing)
        os.kill(live.pid, signal.SIGKILL)
        stopped = until(live, say.Stopped)
        assert "ended unasked" in stopped.fault and "nothing of the patch is lost" in stopped.fault
        with Live(live.order) as again:
            until(again, say.Playing)
            before = len(heard.sound)
            heard.wait_for(lambda sound: np.abs(sound[before:]).max(initial=0.0) > 0.15)


def test_play_starts_an_engine_that_died_again(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    with server.recording() as heard:
        process = start("play", path, "--device", DEVICE, "--osc", 0, folder=tmp_path)
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max(initial=0.0) > 0.15)
        ((pid, _),) = playing()
        os.kill(pid, signal.SIGKILL)
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max() == 0.0)
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max() > 0.15)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "it is started again" in err


def test_a_parent_that_hangs_does_not_hold_up_the_sound(server, tmp_path):
    path = set_stage(tmp_path, 30.0)
    with server.recording() as heard, Live(order(path, latency=0.2)) as live:
        until(live, say.Playing)
        for _ in range(3000):  # nobody reads the answers
            live.send(say.Poll())
        time.sleep(8.0)
        live.close()
        time.sleep(0.5)
    assert whole(heard, 8) == NOTHING_WRONG


def test_a_card_that_is_pulled_out_is_told_and_played_again_when_it_is_back(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    with Live(order(path)) as live:
        until(live, say.Playing)
        time.sleep(1.0)
        server.unload()
        lost = until(live, lambda event: isinstance(event, say.Told) and event.wrong)
        assert "is looked for" in lost.words
        server.reload()
        until(live, lambda event: isinstance(event, say.Told) and event.words.endswith("is back"))
        with server.recording() as heard:
            heard.wait_for(lambda sound: np.abs(sound[-4410:]).max(initial=0.0) > 0.15)


def test_an_unknown_card_is_refused_with_those_that_are_there(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    code, _, err = call("play", path, "--device", "Focusrite", "--for", 1, "--osc", 0, folder=tmp_path)
    assert code == 1 and "there is no sound card 'Focusrite'" in err and "ALSA: pulse" in err


def test_without_any_sound_card_the_patch_plays_to_the_clock_alone_and_says_so(tmp_path):
    path = write_patch(tmp_path, *TONE)
    env = {**os.environ, "PULSE_SERVER": f"unix:{tmp_path}/nowhere"}
    found = subprocess.run([sys.executable, "-c", "from runtime.device import devices; print(devices())"], env=env, stdout=-1)
    if found.stdout.strip() != b"[]":
        pytest.skip("this machine has a sound card")
    process = start("play", path, "--for", 1, "--osc", 0, "--take", "a.take", folder=tmp_path, env=env)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "there is no sound card for output" in err and "nothing can be heard" in err
    take = read_take(tmp_path / "a.take")
    assert take.first == 0 and 0.8 < take.seconds < 2.0


def test_stop_fades_to_silence_and_start_lets_the_sound_in_again(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    with server.recording() as heard, Live(order(path)) as live:
        until(live, say.Playing)
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max(initial=0.0) > 0.15)
        live.send(say.Stop())
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max() == 0.0)
        live.send(say.Start())
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max() > 0.15)
        live.close()
        heard.wait_for(lambda sound: np.abs(sound[-4410:]).max() == 0.0)
    assert np.abs(np.diff(heard.sound[:, 0], 2)).max() < 0.2 * (2 * np.pi * 440 / 44100) ** 2 * 3


def test_a_rehearsal_goes_to_every_scene_and_is_green_where_all_is_there_and_holds(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    data = json.loads(path.read_text())
    data["scenes"] = {"storm": {"params": {"tone.level": 0.3}, "seconds": 0.5}, "calm": {"params": {"tone.level": 0.01}}}
    path.write_text(json.dumps(data))
    code, out, err = call("rehearse", path, "--device", DEVICE, "--for", 6, "--osc", 0, folder=tmp_path)
    assert (code, out.splitlines()[-1]) == (0, "GREEN: the show may go on"), out + err
    assert "scene storm      no gaps" in out and "scene calm       no gaps" in out
    assert re.search(r"load +\d+ % \(worst \d+ %\) \| no gaps \| sound \d+ ms", out) and json.loads(path.read_text()) == data


def test_a_rehearsal_is_red_and_says_why(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    code, out, _ = call("rehearse", path, "--device", "none", "--for", 1, "--osc", 0, folder=tmp_path)
    assert code == 1 and out.splitlines()[-1] == "RED: sound card: none was chosen; nothing can be heard"


def test_the_smallest_buffer_that_holds_is_found(server, tmp_path):
    path = write_patch(tmp_path, *TONE)
    code, _, err = call("play", path, "--device", DEVICE, "--latency", "auto", "--for", 2, "--osc", 0, folder=tmp_path)
    assert code == 0 and "holds" in err and "are used, to be on the safe side" in err


def test_the_way_from_the_microphone_to_the_loudspeaker_takes_as_long_as_is_told(server, tmp_path):
    """The sink's monitor is the microphone: what is played comes back, and the take holds both."""
    clicks = np.zeros(44100 * 20, np.float32)
    clicks[22050::44100] = 0.5
    soundfile.write(tmp_path / "clicks.wav", clicks, 44100, subtype="FLOAT")
    nodes = {
        "clicks": ("audio.player", {"path": "clicks.wav"}),
        "ear": ("audio.input", {}),
        "quiet": ("audio.gain", {"gain": -60.0}),
        "mix": ("audio.mix", {}),
        "out": ("audio.output", {}),
    }
    links = ["clicks.audio -> mix.audio", "ear.audio -> quiet.audio", "quiet.audio -> mix.audio", "mix.audio -> out.audio"]
    path = write_patch(tmp_path, nodes, *links)
    told = []
    with Live(order(path, take=str(tmp_path / "loop.take"))) as live:
        until(live, say.Playing)
        began = time.monotonic()
        while time.monotonic() - began < 9.0:
            live.send(say.Poll())
            told += [event.latencies["ear"] for event in live.events(0.2) if isinstance(event, say.Snapshot)]
            time.sleep(0.2)
    take = read_take(tmp_path / "loop.take")
    heard = np.concatenate([np.zeros((1, 512), np.float32) if b is None else b[:1] for b in islice(listened(take), 600)], axis=1)[
        0
    ]
    played = [place for place in range(22050, 600 * 512, 44100) if place > 2 * 44100]
    ways = [(np.argmax(np.abs(heard[place : place + 40_000]))) / 44100 for place in played[:4]]
    way, promised = float(np.median(ways)), float(np.median(told))
    print(f"loop through the card: {1000 * way:.0f} ms, told {1000 * promised:.0f} ms")
    assert 0.0 < way < promised + 0.06 and way > promised - 0.06
