"""Teaching in the real window: sliders ask for a sound, anchors are recorded, heard, forgotten, and come back."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pythonosc.udp_client import SimpleUDPClient

from graph_editor import theme
from tests.screenshots import copies, trust_models
from tests.window import window

pytestmark = pytest.mark.stage
ROOT = Path(__file__).resolve().parents[2]
SIZE = (1600, 1200)
RECORD = f"{theme.icon('circle-dot')}  Record"


@pytest.fixture
def demo(tmp_path):
    """A copy of the demo with its trusted model and a regressor that was taught nothing."""
    shutil.copytree(ROOT / "patches", tmp_path / "patches")
    path = tmp_path / "patches" / "demo.json"
    shutil.rmtree(path.with_suffix(".assets") / "regressor")
    model = path.with_suffix(".assets") / "trainer" / "model.ts"
    home = tmp_path / "home"
    home.mkdir()
    env = {**os.environ, "GLASSPATCH_CONFIG": str(home)}
    subprocess.run([sys.executable, "-m", "runtime.cli", "trust", str(model)], env=env, cwd=ROOT, check=True, capture_output=True)
    return path


def targets(path):
    """What the regressor was taught, as its file beside the patch says: anchor -> target."""
    file = path.with_suffix(".assets") / "regressor" / "examples.json"
    return {one["name"]: one["target"] for one in json.loads(file.read_text())["anchors"]} if file.exists() else {}


def gestures(path):
    """Which gesture was recorded for each anchor, by its digest."""
    file = path.with_suffix(".assets") / "regressor" / "examples.json"
    return {one["name"]: one["frames"] for one in json.loads(file.read_text())["anchors"]}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def pull(w, latent, share):
    """Pulls the slider of a latent to a place between its lower (0) and upper end (1)."""
    box = w.ask("item", label=f"##latent {latent}")[-1]
    x, y = (box[0] + box[2]) / 2, box[3] - (box[3] - box[1]) * share
    w.drag((x, (box[1] + box[3]) / 2), (x, y))
    w.move(x, box[1] - 60)


def shown(w, latent):
    """The value that the window tells of a latent while the mouse rests on it."""
    box = w.ask("item", label=f"##latent {latent}")[-1]
    w.move((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    w.frames(12)
    (found,) = w.ask("texts", label=f"{latent}  ")
    return float(found.split()[1])


def record(w, count, seconds=1.0):
    """Records the gesture of the next anchor by the button, and keeps it."""
    w.press(RECORD)
    w.until(lambda state: state["recording"] is not None, 10, "the recording")
    time.sleep(seconds)  # a gesture takes its time
    w.key("r")
    return w.until(lambda state: len(state["taught"].get("regressor", ())) == count, 30, f"anchor {count}")


def test_three_anchors_are_recorded_scored_heard_and_one_is_forgotten_and_comes_back(display, demo, tmp_path):
    with window(demo, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.press("Live")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.click(*w.title_of("decoder"))
        w.frames(10)
        for number, (latent, share) in enumerate((("z0", 0.9), ("z1", 0.85), ("z0", 0.1)), 1):
            pull(w, latent, share)
            record(w, number)
        taught = targets(demo)
        assert list(taught) == ["pose 1", "pose 2", "pose 3"]
        assert taught["pose 1"]["z0"] > 2.0 > -2.0 > taught["pose 3"]["z0"]
        assert taught["pose 2"]["z1"] > 2.0

        w.click(*w.title_of("regressor"))
        w.frames(10)
        for name in taught:
            assert w.ask("item", label=name), f"{name} is not in the strip"
        w.until(lambda _: w.ask("texts", label="anchors are missed by"), 30, "the score in words")
        assert w.ask("texts", label="3 anchors from")

        w.press("##play pose 3")
        w.until(lambda state: state["auditioned"]["regressor"] == "pose 3", 10, "the audition")
        w.click(*w.title_of("decoder"))
        w.frames(30)
        assert shown(w, "z0") == pytest.approx(taught["pose 3"]["z0"], abs=0.02)
        w.click(*w.title_of("regressor"))
        w.frames(10)
        w.press("##play pose 3")
        w.until(lambda state: state["auditioned"]["regressor"] is None, 10, "the mapping")

        w.press("##forget pose 2")
        w.until(lambda state: state["taught"]["regressor"] == ["pose 1", "pose 3"], 20, "the anchor to be gone")
        assert list(targets(demo)) == ["pose 1", "pose 3"]
        assert not w.ask("item", label="##play pose 2")
        w.key("ctrl+z")
        w.until(lambda state: state["taught"]["regressor"] == ["pose 1", "pose 2", "pose 3"], 20, "the anchor again")
        assert targets(demo) == taught


def test_without_hands_an_anchor_counts_down_records_and_keeps_itself(display, demo, tmp_path):
    with window(demo, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.press("Live")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.click(*w.title_of("decoder"))
        w.frames(10)
        pull(w, "z2", 0.8)
        w.key("shift+r")
        assert w.ask("texts", label="get ready for pose 1")
        assert w.state()["recording"] is None
        w.until(lambda state: state["recording"] == "pose 1", 10, "the recording after the countdown")
        w.until(lambda state: state["taught"].get("regressor") == ["pose 1"], 30, "the anchor")
        assert targets(demo)["pose 1"]["z2"] > 1.0


def test_a_latent_is_called_by_a_word_and_the_word_is_undone(display, demo, tmp_path):
    with window(demo, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.click(*w.title_of("decoder"))
        w.frames(10)
        box = w.ask("item", label="##word z1")[-1]
        w.click((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        w.type("gravel")
        w.key("Return")
        w.frames(5)
        assert json.loads(w.model())["nodes"]["decoder"]["view"] == {"latents": ["", "gravel"]}
        w.click(*w.title_of("video"))
        w.key("ctrl+z")
        assert "view" not in json.loads(w.model())["nodes"]["decoder"]


def test_an_anchor_is_recorded_anew_by_its_button_and_a_new_one_by_osc(display, tmp_path):
    (demo,) = (path for path in copies(tmp_path / "patches") if path.stem == "demo")
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    trust_models(demo, home)
    (home / "preferences.json").write_text(json.dumps({"width": SIZE[0], "height": SIZE[1], "device": "none", "osc": port}))
    before, gesture = targets(demo), gestures(demo)["open"]
    with window(demo, display=display, home=home, size=SIZE) as w:
        w.press("Live")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.click(*w.title_of("regressor"))
        w.frames(10)
        w.press("##again open")
        w.until(lambda state: state["recording"] == "open", 10, "the recording")
        time.sleep(1.0)
        w.key("r")
        w.until(lambda _: gestures(demo)["open"] != gesture, 30, "another gesture")
        assert targets(demo) == before

        hand = SimpleUDPClient("127.0.0.1", port)
        hand.send_message("/glasspatch/anchor/record", ["regressor", "from afar"])
        time.sleep(1.0)
        hand.send_message("/glasspatch/anchor/end", [])
        w.until(lambda state: "from afar" in state["taught"]["regressor"], 30, "the anchor")
        w.until(lambda _: w.ask("item", label="##play from afar"), 10, "its place in the strip")
        assert set(targets(demo)) == {*before, "from afar"}
