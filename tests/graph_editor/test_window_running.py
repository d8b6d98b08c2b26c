"""Running in the real window: sound on a real sound server, takes, panic, knobs, jobs, the perform view from the command line."""

import json
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.sound_server import CARD, RATE, sound_server
from tests.window import window

pytestmark = pytest.mark.stage
SIZE = (1280, 760)
"""Of the screen: as small as the tests allow, for it is painted without a graphics card."""
PATCHES = Path(__file__).resolve().parents[2] / "patches"


def tone(path, hertz=440.0):
    """A patch that sounds."""
    nodes = {
        "oscillator": {"type": "audio.oscillator", "params": {"frequency": hertz}, "position": [40, 40]},
        "output": {"type": "audio.output", "position": [400, 40]},
    }
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": [["oscillator.audio", "output.audio"]]}))
    return path


def prefer(home, **preferences):
    home.mkdir()
    first = {"width": SIZE[0], "height": SIZE[1], "device": "none", "osc": 0}
    (home / "preferences.json").write_text(json.dumps({**first, **preferences}))


def patch(w):
    return json.loads(w.model())


def live(w):
    w.key("ctrl+l")
    w.until(lambda state: state["client"] == "playing", 60, "the sound")


def pitch(sound):
    """The loudest frequency of a second of sound."""
    mono = sound[-RATE:].mean(axis=1) if sound.ndim == 2 else sound[-RATE:]
    return float(np.abs(np.fft.rfft(mono * np.hanning(len(mono)))).argmax() * RATE / len(mono))


def test_what_is_live_is_heard_on_the_sound_server_follows_edits_falls_silent_and_comes_back(display, tmp_path):
    prefer(tmp_path / "home", device=CARD)
    path = tone(tmp_path / "tone.json")
    with (
        sound_server() as server,
        server.recording() as heard,
        window(path, display=display, home=tmp_path / "home", size=SIZE, env=server.env | {"DISPLAY": display}) as w,
    ):
        live(w)
        heard.wait_for(lambda sound: len(sound) > 2 * RATE and np.abs(sound[-RATE:]).max() > 0.05)
        assert pitch(heard.sound) == pytest.approx(440.0, abs=2.0)
        w.find("oscillator")
        w.key("e")
        w.type("frequency")
        w.key("Return")
        w.type("660")
        w.key("Return")
        heard.taken()
        heard.wait_for(lambda sound: len(sound) > 2 * RATE and abs(pitch(sound) - 660.0) < 2.0)
        w.until(lambda _: w.ask("texts", label="LIVE"), 10, "the status")
        w.until(lambda _: w.ask("texts", label=" %"), 10, "the load")
        w.key("F12")
        heard.wait_for(lambda sound: len(sound) > RATE and not np.abs(sound[-RATE // 2 :]).any())
        w.key("F12")
        heard.taken()
        heard.wait_for(lambda sound: len(sound) > RATE and np.abs(sound[-RATE // 2 :]).max() > 0.05)
        w.key("ctrl+t")
        w.until(lambda _: w.ask("item", label="End take"), 20, "the take")
        time.sleep(1.0)
        w.key("ctrl+t")
        w.until(lambda _: not w.ask("item", label="End take"), 20, "the end of the take")
        w.key("ctrl+period")
        w.until(lambda state: state["client"] == "off", 30, "the end")
    (take,) = tmp_path.rglob("*.take")
    assert list(take.rglob("*.flac"))


def test_a_knob_is_learned_moves_its_param_and_is_forgotten(display, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    prefer(tmp_path / "home", osc=port)
    path = tone(tmp_path / "tone.json")

    def turn(value):
        message = OscMessageBuilder("/fader")
        message.add_arg(value)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(message.build().dgram, ("127.0.0.1", port))

    with window(path, display=display, home=tmp_path / "home", size=SIZE) as w:
        live(w)
        x0, y0, x1, y1 = w.ask("field", node="oscillator", param="level")
        w.click((x0 + x1) / 2, (y0 + y1) / 2, button=3)
        w.type("learn")
        w.key("Return")
        end = time.monotonic() + 20
        number = 0
        while not patch(w).get("bindings") and time.monotonic() < end:
            number += 1
            turn(0.1 + 0.01 * (number % 50))
            w.frames(3)
        (binding,) = patch(w)["bindings"]
        assert (binding["node"], binding["param"]) == ("oscillator", "level")
        turn(0.0)
        w.until(lambda _: patch(w)["nodes"]["oscillator"]["params"].get("level", 1.0) < 0.01, 20, "the knob to move the param")
        w.click((x0 + x1) / 2, (y0 + y1) / 2, button=3)
        w.type("forget")
        w.key("Return")
        assert not patch(w).get("bindings")
        assert w.state()["undo"][0] == "forget the knob of oscillator.level"


def test_jobs_run_up_to_a_node_tell_their_progress_and_end_when_they_are_stopped(display, tmp_path):
    shutil.copytree(PATCHES / "demo" / "recordings", tmp_path / "recordings")
    nodes = {
        "folder": {"type": "corpus.folder", "params": {"path": "recordings"}, "position": [0, 0]},
        "slicer": {"type": "corpus.slicer", "position": [300, 0]},
        "trainer": {"type": "rave.trainer", "params": {"config": "raspberry", "steps": 100000}, "position": [600, 0]},
    }
    links = [["folder.corpus", "slicer.corpus"], ["slicer.corpus", "trainer.corpus"]]
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": links}))
    with window(path, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.find("slicer")
        w.key("ctrl+shift+r")
        w.until(lambda state: state["jobs"].get("slicer", [""])[0] == "done", 90, "the slices")
        assert "trainer" not in w.state()["jobs"]
        w.key("ctrl+r")
        w.until(lambda state: state["jobs"].get("trainer", [""])[0] == "running", 90, "the training")
        assert w.state()["jobs"]["folder"][0] == w.state()["jobs"]["slicer"][0] == "skipped"
        w.key("F9")
        w.until(lambda state: (state["jobs"]["trainer"][1] or 0.0) > 0.0, 180, "a first step")
        w.frames(5)
        assert w.ask("texts", label="running")
        w.press("Stop")
        assert w.state()["client"] == "off"
        w.key("Escape")
        if w.state()["jobs"]["trainer"][0] == "running":
            w.do("stop one job")
            w.key("Return")
        w.until(lambda state: state["jobs"]["trainer"][0] == "stopped", 120, "the end at a checkpoint")


def test_with_perform_the_window_opens_on_the_stage_and_edits_wait(display, tmp_path):
    path = tone(tmp_path / "tone.json")
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "view": {"pins": ["oscillator.level"]}}))
    with window(path, "--perform", display=display, home=tmp_path / "home", size=SIZE) as w:
        assert w.state()["perform"]
        assert w.ask("texts", label="level")
        before = w.model()
        for keys in ("ctrl+a", "Delete", "ctrl+z", "m", "Tab", "ctrl+k", "e"):
            w.key(keys)
        assert w.model() == before
        assert w.state()["palette"] is None and not w.state()["dialogs"]
        live(w)
        assert w.state()["perform"]
        w.key("F11")
        assert not w.state()["perform"]
        w.key("ctrl+period")
        w.until(lambda state: state["client"] == "off", 30, "the end")
