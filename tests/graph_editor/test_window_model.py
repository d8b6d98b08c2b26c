"""A model file in the real window: it is tried when its node is run, and the inspector tells what was found."""

import shutil
from pathlib import Path

import pytest

from runtime.patch import Link, Node, Patch, save
from runtime.trust import trust
from tests.window import window

pytestmark = pytest.mark.stage
PATCHES = Path(__file__).resolve().parents[2] / "patches"


def test_a_model_file_tells_what_it_is_once_it_was_tried(display, tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "home"))
    shutil.copy(PATCHES / "demo.assets/trainer/model.ts", tmp_path / "voices.ts")
    trust(tmp_path / "voices.ts")
    nodes = {
        "voices": Node("rave.file", params={"path": "voices.ts"}, position=(0.0, 0.0)),
        "wave": Node("control.lfo", position=(0.0, 260.0)),
        "decoder": Node("rave.decoder", position=(320.0, 0.0)),
    }
    links = (Link("voices.model", "decoder.model"), Link("wave.control", "decoder.latent"))
    save(tmp_path / "p.json", Patch(nodes=nodes, links=links))
    with window(tmp_path / "p.json", display=display, home=tmp_path / "home") as w:
        w.frames(40)
        w.click(*w.title_of("voices"))
        w.until(lambda _: len(w.ask("item", label="not tried yet; run it to see")) == 1, 20, "what is not known yet")
        w.press("Run to here")
        w.until(lambda _: len(w.ask("item", label="sample rate")) > 0, 120, "what the node found")
        w.move(1450, 700)
        w.x("click", "--repeat", "25", "--delay", "20", "5")  # to the foot of the pane at the right
        w.frames(10)
        w.picture(tmp_path / "model.png")
        assert w.ask("item", label="8 of 16, 99 % of the variance")
        assert w.ask("item", label="44100 Hz") and w.ask("item", label="2048 frames, 46.4 ms")
        assert w.ask("item", label="the same sound")
