"""Files in the real window: a patch from nothing, opened again; unsaved work; missing files; bad patches."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from graph_editor.layout import ZOOMS
from tests.window import window

pytestmark = pytest.mark.stage
ROOT = Path(__file__).resolve().parents[2]
PATCHES = ROOT / "patches"
SIZE = (1280, 760)
"""Of the screen: as small as the tests allow, for it is painted without a graphics card."""
OWN = {"GLASSPATCH_DIALOGS": "own"}


def patch(w):
    return json.loads(w.model())


def said(w):
    return next(iter(w.state()["said"][-1:]), "")


def answer(w, path):
    """Types a path into the dialog for files."""
    w.key("ctrl+a")
    w.type(str(path))
    w.key("Return")
    w.frames(5)


def test_a_patch_from_nothing_is_wired_refused_undone_done_again_saved_and_opened_as_the_same_bytes(display, tmp_path):
    shutil.copytree(PATCHES / "demo" / "recordings", tmp_path / "tapes")
    path = tmp_path / "mine.json"
    with window(display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.add("folder", (200, 70))
        w.add("slicer", (460, 70))
        w.add("trainer", (730, 70))
        w.add("decoder", (460, 400))
        w.add("output", (730, 480))
        wires = ["folder.corpus slicer.corpus", "slicer.corpus trainer.corpus", "trainer.model decoder.model"]
        for wire in (*wires, "decoder.audio output.audio"):
            w.wire(*wire.split())
        w.wire("slicer.corpus", "decoder.latent")
        assert "slicer.corpus gives corpus and decoder.latent takes control" in said(w)
        x0, y0, x1, y1 = w.ask("field", node="folder", param="path")
        w.click((x0 + x1) / 2, (y0 + y1) / 2)
        answer(w, tmp_path / "tapes")
        w.press("Link")
        w.frames(4)
        made = patch(w)
        assert made["nodes"]["folder"]["params"] == {"path": "tapes"}
        assert made["links"] == [
            ["decoder.audio", "output.audio"],
            ["folder.corpus", "slicer.corpus"],
            ["slicer.corpus", "trainer.corpus"],
            ["trainer.model", "decoder.model"],
        ]
        text, steps = w.model(), len(w.state()["undo"])
        assert steps == 10  # five nodes, four wires, the folder
        for _ in range(steps):
            w.key("ctrl+z")
        assert patch(w)["nodes"] == {} and w.ask("shown")["nodes"] == []
        for _ in range(steps):
            w.key("ctrl+shift+z")
        assert w.model() == text
        shown = w.ask("shown")
        assert shown["nodes"] == sorted(made["nodes"]) and shown["links"] == made["links"]
        w.key("ctrl+s")
        answer(w, path)
        state = w.until(lambda state: not state["changed"], what="saved")
        assert state["title"] == "mine.json"
        text = w.model()
    assert path.read_text() == text
    assert (tmp_path / "tapes").is_dir(), "the recordings lie where they lay"
    with window(path, display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        assert w.model() == text
        assert w.ask("shown")["links"] == made["links"]
        assert not w.state()["dialogs"], "nothing is missing"


def test_unsaved_work_is_asked_about_and_each_answer_does_what_it_says(display, tmp_path):
    with window(display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.add("gain", (500, 300))
        w.key("ctrl+n")
        w.press("Cancel")
        assert list(patch(w)["nodes"]) == ["gain"]
        w.key("ctrl+n")
        w.press("Save")
        answer(w, tmp_path / "kept.json")
        w.until(lambda state: not state["changed"], what="saved")
        w.key("ctrl+n")
        w.frames(4)
        assert patch(w)["nodes"] == {}, "nothing is unsaved, so nothing is asked"
        w.add("mix", (500, 300))
        w.key("ctrl+shift+o")  # the recent ones
        w.key("Return")
        w.press("Do not save")
        w.frames(5)
        assert list(patch(w)["nodes"]) == ["gain"]
        w.key("Delete")
        w.key("ctrl+a")
        w.key("Delete")
        w.key("ctrl+q")
        w.key("Right")  # do not save
        w.x("key", "Return")
        w.process.wait(20)
    assert list(json.loads((tmp_path / "kept.json").read_text())["nodes"]) == ["gain"]


def test_what_was_saved_over_is_an_older_version_that_comes_back_in_one_step(display, tmp_path):
    path = tmp_path / "piece.json"
    path.write_text(json.dumps({"format": 1, "nodes": {"gain": {"type": "audio.gain", "position": [100, 100]}}, "links": []}))
    with window(path, display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.find("gain")
        w.key("Delete")
        w.key("ctrl+s")
        w.until(lambda state: not state["changed"], what="saved")
        assert json.loads(path.read_text())["nodes"] == {}
        w.do("older versions")
        w.key("Return")
        w.frames(4)
        assert list(patch(w)["nodes"]) == ["gain"]
        assert w.state()["undo"][0].startswith("the version of ")


def test_an_example_is_opened_as_a_patch_of_one_s_own(display, tmp_path):
    with window(display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.do("examples")
        w.type("demo")
        w.key("Return")
        w.until(lambda _: "decoder" in w.ask("shown")["nodes"], 30, "the example")
        assert not w.state()["dialogs"], "no file is missing, no model asks for trust"
        w.find("slicer")
        w.key("Delete")
        w.key("ctrl+s")
        answer(w, tmp_path / "mine" / "demo.json")
        assert "there is no folder" in said(w)
        w.key("Escape")
        assert json.loads((PATCHES / "demo.json").read_text())["nodes"]["slicer"], "what came with the program stays"


def test_where_the_system_has_a_dialog_of_its_own_that_is_asked(display, tmp_path):
    """Through a program of its name that answers as zenity does."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "zenity"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\necho {tmp_path}/chosen.json\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    with window(display=display, home=tmp_path / "home", size=SIZE, env=path) as w:
        w.add("gain", (500, 300))
        w.key("ctrl+s")
        w.until(lambda state: not state["changed"], what="saved")
        assert w.state()["title"] == "chosen.json"
        assert "--file-selection" in (tmp_path / "asked").read_text() and "--save" in (tmp_path / "asked").read_text()
    assert list(json.loads((tmp_path / "chosen.json").read_text())["nodes"]) == ["gain"]


def test_a_file_that_was_moved_is_found_by_its_content_and_one_that_is_nowhere_is_asked_for_once(display, tmp_path):
    place = tmp_path / "work" / "piece"
    place.mkdir(parents=True)
    shutil.copytree(PATCHES / "demo" / "recordings" / "metal", place / "tapes")
    shutil.copy(PATCHES / "demo" / "face.mp4", place / "face.mp4")
    path = place / "piece.json"
    nodes = {
        "folder": {"type": "corpus.folder", "params": {"path": "tapes"}, "position": [0, 0]},
        "video": {"type": "vision.video", "params": {"path": "face.mp4"}, "position": [300, 0]},
    }
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": []}))
    with window(path, display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.find("folder")
        w.key("ctrl+Right")
        w.key("ctrl+s")
        for _ in range(100):
            if (place / "piece.assets" / "files.json").exists():
                break
            w.frames(5)
    (place / "tapes").rename(tmp_path / "work" / "old recordings")
    (place / "face.mp4").unlink()
    with window(path, display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.until(lambda state: state["dialogs"], 30, "the question")
        assert w.ask("texts", label="video: face.mp4")
        assert not w.ask("texts", label="folder: tapes")
        w.press("Later")
        assert patch(w)["nodes"]["folder"]["params"] == {"path": "old recordings"}
        assert w.state()["undo"][0] == "find missing files"
        assert (place / "old recordings").resolve() == (tmp_path / "work" / "old recordings").resolve()
        w.until(lambda state: "folder" not in [node for node, _ in state["problems"]], 20, "the folder to be fine")
        w.frames(60)
        assert not w.state()["dialogs"], "it is asked once"


# Bad input


def test_a_patch_with_twenty_problems_opens_and_shows_each_on_its_node_and_all_in_a_list(display, tmp_path):
    one = {"type": "audio.gain", "params": {"gain": "loud"}}
    nodes = {f"gain_{n}": {**one, "position": [n % 5 * 280, n // 5 * 200]} for n in range(20)}
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": []}))
    with window(path, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.until(lambda state: {node for node, _ in state["problems"]} >= set(nodes), what="the problems")
        while ZOOMS[w.state()["zoom"]] < 1.0:
            w.key("ctrl+equal")
        w.frames(6)
        for name in nodes:
            words = [words for kind, words, *_ in w.ask("parts", node=name) if kind == "mvText"]
            assert any("must be a number" in one.replace("\n", " ") for one in words), f"{name} shows {words}"
        count = len(w.state()["problems"])
        w.key("F8")
        w.frames(5)
        assert w.ask("window", label=f"{count} problems")["buttons"] == count
        w.key("Down")
        w.key("Return")
        assert w.state()["selection"] == [w.state()["problems"][1][0]], "show me, by keyboard"


def test_nodes_whose_module_cannot_be_imported_are_placeholders_with_the_reason(display, tmp_path):
    """With a copy of the nodes of which one module wants what is not there."""
    shutil.copytree(ROOT / "nodes", tmp_path / "lib" / "nodes", ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "lib" / "nodes" / "sound.py"
    module.write_text(module.read_text().replace("import numpy as np", "import a_library_nobody_has\nimport numpy as np", 1))
    path = tmp_path / "old.json"
    gain = {"type": "audio.gain", "params": {"gain": -3.0}, "position": [100, 100], "version": 1}
    nodes = {"gain": gain, "folder": {"type": "corpus.folder", "params": {}, "position": [500, 100], "version": 1}}
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": []}))
    env = {"PYTHONPATH": f"{tmp_path / 'lib'}:{ROOT}", "PYTHONSAFEPATH": "1"}
    with window(path, display=display, home=tmp_path / "home", size=SIZE, env=env) as w:
        state = w.until(lambda state: any(node == "gain" for node, _ in state["problems"]), what="the reason")
        (words,) = [words for node, words in state["problems"] if node == "gain"]
        assert "audio.gain is not a node that this glasspatch has" in words
        assert "a_library_nobody_has" in words
        w.frames(6)
        assert w.ask("shown")["titles"]["gain"].endswith("audio.gain")
        assert patch(w)["nodes"]["gain"] == gain
        w.key("Tab")
        w.type("folder")
        assert "corpus.folder" in w.state()["palette"], "all else is there"
        w.key("Escape")


def test_a_file_that_is_no_patch_is_refused_in_words_and_what_was_open_stays(display, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"format": 1, "nodes": ')
    with window(display=display, home=tmp_path / "home", size=SIZE, env=OWN) as w:
        w.add("gain", (500, 300))
        w.key("ctrl+o")
        w.press("Do not save")
        answer(w, bad)
        assert "bad.json" in said(w)
        assert list(patch(w)["nodes"]) == ["gain"]
