"""The real window when the world around it breaks: its display goes, it is killed while it plays, its file changes."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.sound_server import CARD, sound_server
from tests.window import SIZE, screen, window

pytestmark = pytest.mark.stage


def tone(path):
    """A patch that sounds."""
    nodes = {
        "oscillator": {"type": "audio.oscillator", "position": [40, 40]},
        "output": {"type": "audio.output", "position": [400, 40]},
    }
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": [["oscillator.audio", "output.audio"]]}))
    return path


def is_there(pid):
    """Whether a process runs still; one that ended and was not asked for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def processes_of(home):
    """The window with that home and all that it started."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"GLASSPATCH_CONFIG={home}".encode() in (one / "environ").read_bytes().split(b"\0"):
                found.append(int(one.name))
    return found


@pytest.fixture
def home(tmp_path):
    """The user's folders; what still plays for them when a test has failed is ended."""
    yield tmp_path / "home"
    for pid in processes_of(tmp_path / "home"):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def test_losing_the_display_ends_the_window_with_the_work_kept_and_the_sound_stopped(tmp_path, home):
    path = tone(tmp_path / "tone.json")
    before = path.read_text()
    with screen() as display, window(path, display=display, home=home) as w:
        w.key("ctrl+l")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.click(*w.title_of("oscillator"))
        w.key("m")
        engines = [pid for pid in processes_of(home) if pid != w.process.pid]
        assert engines
        number = display[1:]
        os.kill(int(Path(f"/tmp/.X{number}-lock").read_text()), 9)
        w.process.wait(30)
        end = time.monotonic() + 10
        while any(map(is_there, engines)) and time.monotonic() < end:
            time.sleep(0.1)
        assert not [pid for pid in engines if is_there(pid)]
        assert path.read_text() == before
    with screen() as display, window(path, display=display, home=home) as w:
        w.press("Recover")
        w.frames(10)
        assert json.loads(w.model())["nodes"]["oscillator"]["mode"] == "mute"


def test_a_file_that_another_program_changed_is_noticed_and_can_be_taken(tmp_path):
    path = tone(tmp_path / "tone.json")
    with screen() as display, window(path, display=display, home=tmp_path / "home") as w:
        data = json.loads(path.read_text())
        data["nodes"]["gain"] = {"type": "audio.gain", "position": [200, 300]}
        path.write_text(json.dumps(data))
        w.until(lambda state: state["dialogs"], 20, "the question")
        w.press("Take theirs")
        w.frames(6)
        assert sorted(json.loads(w.model())["nodes"]) == ["gain", "oscillator", "output"]


def test_a_patch_of_two_thousand_nodes_opens(tmp_path):
    nodes = {f"gain_{n}": {"type": "audio.gain", "position": [n % 50 * 300, n // 50 * 260]} for n in range(2000)}
    path = tmp_path / "large.json"
    links = [[f"gain_{n}.audio", f"gain_{n + 1}.audio"] for n in range(1999)]
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": links}))
    with screen() as display, window(path, display=display, home=tmp_path / "home") as w:
        shown = w.ask("shown")
        assert len(shown["nodes"]) == 2000
        assert len(shown["links"]) == 1999


def test_a_window_killed_while_it_plays_leaves_the_sound_and_the_next_one_offers_to_fade_it_out(tmp_path, home):
    path = tone(tmp_path / "tone.json")
    home.mkdir()
    (home / "preferences.json").write_text(json.dumps({"width": SIZE[0], "height": SIZE[1], "device": CARD, "osc": 0}))
    with sound_server() as server, server.recording() as heard, screen() as display:
        with window(path, display=display, home=home, env=server.env | {"DISPLAY": display}) as w:
            w.key("ctrl+l")
            w.until(lambda state: state["client"] == "playing", 60, "the sound")
            heard.wait_for(lambda sound: len(sound) and np.abs(sound[-4410:]).max() > 0.05)
            w.kill()
        heard.taken()
        time.sleep(2.0)
        assert np.abs(heard.taken()[-44100:]).max() > 0.05
        with window(path, display=display, home=home, env=server.env | {"DISPLAY": display}) as w:
            w.until(lambda state: state["dialogs"], 20, "the question")
            w.press("Fade it out")
            heard.wait_for(lambda sound: len(sound) > 22050 and not np.abs(sound[-22050:]).any())
