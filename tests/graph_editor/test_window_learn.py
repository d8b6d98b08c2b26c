"""Learning and explaining in the real window: classes, the nearest recording to be heard, latents called by what they do."""

import json
import time

import numpy as np
import pytest

from graph_editor import theme
from tests.command import call, write_patch
from tests.nodes.test_rave_corpus import corpus_of
from tests.nodes.tiny_model import tiny_model
from tests.window import window

pytestmark = pytest.mark.stage
SIZE = (1600, 1200)
RECORD = f"{theme.icon('circle-dot')}  Record"


def placed(folder, nodes, *links):
    """A patch whose nodes lie side by side."""
    path = write_patch(folder, nodes, *links)
    data = json.loads(path.read_text())
    for number, node in enumerate(data["nodes"].values()):
        node["position"] = [40 + 290 * (number % 3), 40 + 330 * (number // 3)]
    path.write_text(json.dumps(data))
    return path


def test_classes_are_recorded_by_name_shown_as_bars_and_one_is_forgotten(display, tmp_path):
    path = placed(
        tmp_path,
        {
            "hand": ("control.lfo", {"name": "height", "rate": 0.2}),
            "tone": ("audio.oscillator", {"level": 0.0}),
            "out": ("audio.output", {}),
            "classes": ("mapping.classifier", {}),
        },
        *("hand.control -> classes.gesture", "tone.audio -> out.audio"),
    )
    with window(path, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.press("Live")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.click(*w.title_of("classes"))
        w.frames(10)
        for count in (1, 2):
            w.press(RECORD)
            w.until(lambda state: state["recording"] is not None, 10, "the recording")
            time.sleep(0.6)  # a gesture takes its time
            w.key("r")
            w.until(lambda state, count=count: len(state["taught"].get("classes", ())) == count, 30, f"gesture {count}")
        w.click(*w.title_of("classes"))
        w.until(lambda _: w.ask("item", label="##forget pose 1"), 30, "the classes in the inspector")
        assert w.ask("texts", label="2 classes from")
        assert not w.ask("item", label="##play pose 1")  # there is nothing to hear of a class
        kept = json.loads((tmp_path / "p.assets/classes/examples.json").read_text())
        assert [one["name"] for one in kept["anchors"]] == ["pose 1", "pose 2"] and kept["targets"] == []
        w.picture(tmp_path / "classes.png")
        w.press("##forget pose 1")
        w.until(lambda state: state["taught"]["classes"] == ["pose 2"], 20, "the class to be gone")
        w.key("ctrl+z")
        w.until(lambda state: state["taught"]["classes"] == ["pose 1", "pose 2"], 20, "the class again")


@pytest.fixture(scope="module")
def explained(display, tmp_path_factory):
    """The window on a patch whose model was explained, and has heard its corpus."""
    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(folder / "home"))
        tiny_model(folder, latents=4)
        corpus_of(folder)
        nodes = {
            "file": ("rave.file", {"path": "tiny.ts"}),
            "archive": ("corpus.folder", {"path": "archive"}),
            "heard": ("rave.encode", {}),
            "matrix": ("rave.matrix", {"sounds": 50, "length": 0.1}),
            "sweep": ("rave.sweep", {"places": 2, "length": 0.1}),
            "wave": ("control.lfo", {"low": -1.5, "high": 0.5, "rate": 0.05}),
            "nearest": ("rave.nearest", {}),
            "decoder": ("rave.decoder", {}),
            "out": ("audio.output", {"level": -30.0}),
        }
        path = placed(
            folder,
            nodes,
            *("file.model -> heard.model", "archive.corpus -> heard.corpus", "file.model -> matrix.model"),
            *("file.model -> sweep.model", "heard.corpus -> nearest.corpus", "wave.control -> nearest.latent"),
            *("wave.control -> decoder.latent", "matrix.model -> decoder.model", "decoder.audio -> out.audio"),
        )
        code, _, err = call("run", path.name, folder=folder)
        assert code == 0, err
        with window(path, display=display, home=folder / "home", size=SIZE) as w:
            w.folder = folder
            yield w


def test_the_matrix_tells_what_the_latents_do_and_the_decoder_takes_their_names(explained):
    w = explained
    w.click(*w.title_of("matrix"))
    w.until(lambda _: w.ask("texts", label="How each latent goes"), 20, "the matrix")
    assert w.ask("texts", label="z0: louder")
    w.picture(w.folder / "matrix.png")
    w.press("Call them so")
    w.frames(5)
    words = json.loads(w.model())["nodes"]["decoder"]["view"]["latents"]
    told = json.loads((w.folder / "p.assets/matrix/explained.json").read_text())
    assert words[0] == "louder" and words == told["names"][: len(words)]
    w.key("ctrl+z")
    w.frames(5)
    assert "view" not in json.loads(w.model())["nodes"]["decoder"]


def test_a_sweep_can_be_heard(explained):
    w = explained
    w.click(*w.title_of("sweep"))
    w.until(lambda _: w.ask("texts", label="Whether a latent does the same"), 20, "the sweep")
    w.press("z1##sweep")
    w.until(lambda state: state["heard"] == "z1.wav", 10, "the sweep to be heard")
    w.picture(w.folder / "sweep.png")


def test_the_nearest_recording_is_named_and_can_be_heard(explained):
    w = explained
    w.press("Live")
    w.until(lambda state: state["client"] == "playing", 60, "the sound")
    w.click(*w.title_of("nearest"))
    w.until(lambda _: w.ask("texts", label=".wav") and w.ask("texts", label=" away, "), 20, "the recording")
    names = {text.split()[0] for text in w.ask("texts", label=".wav")}
    assert names <= {"low.wav", "high.wav", "soft.wav", "short.wav"}
    w.picture(w.folder / "nearest.png")
    w.press("##hear nearest")
    heard = w.until(lambda state: state["heard"] in names, 10, "the slice to be heard")
    assert np.isfinite(heard["peak"])
