"""A training's shelf in the real window, to be heard and starred."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graph_editor.theme import icon
from runtime.shelf import place, read_shelf
from tests.window import window

pytestmark = pytest.mark.stage
PATCHES = Path(__file__).resolve().parents[2] / "patches"
RATE = 44100


def put(folder, step, distance):
    item = place(folder, step)
    item.mkdir(parents=True)
    tone = 0.1 * np.sin(np.arange(2 * RATE) * 0.03)
    for name in ("phrase", "walk"):
        soundfile.write(item / f"{name}.flac", tone, RATE)
    soundfile.write(folder / "shelf" / "original.flac", tone, RATE)
    (item / "model.ts").write_bytes(b"a model")
    card = {"step": step, "phase": "VAE", "fingerprint": "ab", "measures": {"distance": distance, "bright": -6.2}}
    (item / "card.json").write_text(json.dumps(card))


def chosen(w, name, words, turns=40):
    """Chooses a node and scrolls the pane at the right until these words are seen; gives where."""
    w.click(*w.title_of(name))
    w.frames(30)
    w.move(1450, 600)
    for _ in range(turns):
        found = [box for box in w.ask("item", label=words) if box[1] > 100 and box[3] < 860]
        if found:
            return found
        w.x("click", "--repeat", "3", "--delay", "20", "5")
        w.frames(6)
    raise AssertionError(f"{words!r} is nowhere in the pane")


@pytest.fixture(scope="module")
def shelved(display, tmp_path_factory):
    """The window on a copy of the demo whose training has put two steps on its shelf."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(PATCHES / "demo.json", folder)
    for name in ("demo", "demo.assets"):
        shutil.copytree(PATCHES / name, folder / name)
    trainer = folder / "demo.assets" / "trainer"
    put(trainer, 2500, 11.25)
    put(trainer, 5000, 9.5)
    with window(folder / "demo.json", display=display, home=folder / "home") as w:
        w.trainer = trainer
        w.frames(40)
        yield w


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def beside(w, label, row):
    """The button with this icon in the row of some words."""
    return next(box for box in w.ask("item", label=icon(label)) if box[1] < middle(row)[1] < box[3] and box[2] <= row[0])


def test_each_step_on_the_shelf_is_heard_by_its_phrase_and_its_walk(shelved):
    (row,) = chosen(shelved, "trainer", "step 5 000")
    assert shelved.ask("texts", label="distance 9.50")[0].startswith("VAE  \u00b7  distance 9.50  \u00b7  6 dB duller")
    for label, file in (("play", "phrase.flac"), ("waves", "walk.flac")):
        shelved.click(*middle(beside(shelved, label, row)))
        state = shelved.until(lambda state, file=file: file in str(state["listening"]), 10, f"the sound of {file}")
        assert "000005000" in str(state["listening"])


def test_a_star_stands_on_the_disk_and_can_be_taken_away(shelved):
    (row,) = chosen(shelved, "trainer", "step 2 500")
    for wanted in (True, False):
        shelved.click(*middle(beside(shelved, "star", row)))
        until = time.monotonic() + 10
        while {one.step: one.is_starred for one in read_shelf(shelved.trainer)} != {5000: False, 2500: wanted}:
            assert time.monotonic() < until, "the star did not come"
            shelved.frames(5)
        shelved.frames(60)  # the pane looks at the disk once a second
        (row,) = chosen(shelved, "trainer", "step 2 500")


def test_a_training_tells_its_plan_its_phase_and_its_losses_puts_a_step_on_its_shelf_and_is_stopped(display, tmp_path):
    shutil.copytree(PATCHES / "demo" / "recordings", tmp_path / "recordings")
    params = {"config": "raspberry", "steps": 3000, "gan_after": 2800, "crop": 32768, "batch": 2, "shelf_every": 20}
    nodes = {
        "folder": {"type": "corpus.folder", "params": {"path": "recordings"}, "position": [0, 0]},
        "slicer": {"type": "corpus.slicer", "position": [300, 0]},
        "trainer": {"type": "rave.trainer", "params": params, "position": [600, 0]},
    }
    links = [["folder.corpus", "slicer.corpus"], ["slicer.corpus", "trainer.corpus"]]
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": links}))
    folder = tmp_path / "train.assets" / "trainer.partial"

    def step_told():
        told = [words for words in w.ask("texts", label="step ") if " of 3 000" in words]
        return int(told[0].split("step ")[1].split(" of")[0].replace(" ", "")) if told else None

    with window(path, display=display, home=tmp_path / "home") as w:
        w.find("trainer")
        w.key("ctrl+r")
        w.until(lambda state: state["jobs"].get("trainer", [""])[0] == "running", 120, "the training")
        w.until(lambda _: step_told() is not None, 240, "a step")
        assert chosen(w, "trainer", "GAN phase", turns=80) and w.ask("texts", label="200 steps")
        for words in ("VAE learns what the sounds are", "distance ", " left", " GB"):
            assert w.ask("texts", label=words), words
        w.until(lambda _: read_shelf(folder), 240, "a step on the shelf")
        w.do("stop one job")
        w.key("Return")
        w.until(lambda state: state["jobs"]["trainer"][0] == "stopped", 180, "the end at a checkpoint")
