"""The real window, used by mouse and keyboard: patching, undo, saving, playing, recovering."""

import json
import shutil
from pathlib import Path

import pytest

from tests.window import window

pytestmark = pytest.mark.stage
PATCHES = Path(__file__).resolve().parents[2] / "patches"
SIZE = (1280, 760)
"""Of the screen: as small as the tests allow, for it is painted without a graphics card."""


@pytest.fixture(scope="module")
def opened(display, tmp_path_factory):
    with window(display=display, home=tmp_path_factory.mktemp("home"), size=SIZE) as found:
        yield found


@pytest.fixture
def empty(opened):
    """The window with a new patch."""
    opened.fresh()
    return opened


def chain(w):
    """An oscillator, a gain and an output, wired."""
    w.add("oscillator", (210, 150))
    w.add("gain", (480, 150))
    w.add("output", (740, 150))
    w.wire("oscillator.audio", "gain.audio")
    w.wire("gain.audio", "output.audio")


def test_the_palette_places_nodes_and_the_mouse_wires_them(empty):
    chain(empty)
    patch = json.loads(empty.model())
    assert {name: node["type"] for name, node in patch["nodes"].items()} == {
        "oscillator": "audio.oscillator",
        "gain": "audio.gain",
        "output": "audio.output",
    }
    assert patch["links"] == [["gain.audio", "output.audio"], ["oscillator.audio", "gain.audio"]]


def test_what_is_shown_is_what_the_model_holds_after_all_undone_and_done_again(empty):
    chain(empty)
    after = empty.model()
    steps = len(empty.state()["undo"])
    for _ in range(steps):
        empty.key("ctrl+z")
    assert json.loads(empty.model())["nodes"] == {}
    assert empty.ask("shown")["nodes"] == []
    for _ in range(steps):
        empty.key("ctrl+shift+z")
    assert empty.model() == after
    shown = empty.ask("shown")
    assert shown["nodes"] == ["gain", "oscillator", "output"]
    assert shown["links"] == [["gain.audio", "output.audio"], ["oscillator.audio", "gain.audio"]]


def test_a_wire_that_does_not_fit_is_refused_in_words(empty):
    empty.add("oscillator", (210, 150))
    empty.add("smoothing", (480, 150))
    empty.wire("oscillator.audio", "smooth.control")
    assert json.loads(empty.model())["links"] == []
    assert "oscillator.audio gives audio and smooth.control takes control" in empty.state()["said"][-1]


def test_a_wire_dropped_on_empty_ground_offers_what_fits_and_leads_there(empty):
    empty.add("oscillator", (210, 150))
    empty.drag(empty.pin("oscillator.audio", True), (600, 500))
    offered = empty.state()["palette"]
    assert "audio.gain" in offered
    assert "vision.face" not in offered
    empty.type("gain")
    empty.key("Return")
    assert json.loads(empty.model())["links"] == [["oscillator.audio", "gain.audio"]]


def test_a_node_dropped_on_a_wire_is_put_into_it(empty):
    empty.add("oscillator", (210, 100))
    empty.add("output", (740, 100))
    empty.wire("oscillator.audio", "output.audio")
    empty.add("gain", (480, 500))
    start, end = empty.pin("oscillator.audio", True), empty.pin("output.audio", False)
    box = empty.node("gain")
    grab = empty.title_of("gain")
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    empty.drag(grab, (grab[0] + middle[0] - (box[0] + box[2]) / 2, grab[1] + middle[1] - (box[1] + box[3]) / 2))
    assert json.loads(empty.model())["links"] == [["gain.audio", "output.audio"], ["oscillator.audio", "gain.audio"]]


def test_nodes_move_by_mouse_in_one_step_alone_and_together(empty):
    chain(empty)
    before = {name: node["position"] for name, node in json.loads(empty.model())["nodes"].items()}
    empty.key("ctrl+a")
    grab = empty.title_of("gain")
    empty.drag(grab, (grab[0] + 40, grab[1] + 60))
    after = {name: node["position"] for name, node in json.loads(empty.model())["nodes"].items()}
    moved = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in before}
    assert len(set(moved.values())) == 1
    assert abs(moved["gain"][0] - 40) <= 3
    assert abs(moved["gain"][1] - 60) <= 3
    assert empty.state()["undo"][0] == "move 3 nodes"


def test_copy_paste_and_delete_by_keys(empty):
    chain(empty)
    empty.click(*empty.title_of("gain"))
    empty.key("ctrl+c")
    empty.move(480, 500)
    empty.key("ctrl+v")
    assert sorted(json.loads(empty.model())["nodes"]) == ["gain", "gain_2", "oscillator", "output"]
    assert empty.state()["selection"] == ["gain_2"]
    empty.key("Delete")
    assert sorted(json.loads(empty.model())["nodes"]) == ["gain", "oscillator", "output"]


def test_letters_typed_into_a_question_are_no_shortcuts(empty):
    chain(empty)
    empty.click(*empty.title_of("gain"))
    empty.key("F2")
    empty.type("b_m_h")
    empty.key("Return")
    patch = json.loads(empty.model())
    assert "mode" not in patch["nodes"]["b_m_h"]
    assert ["b_m_h.audio", "output.audio"] in patch["links"]


def test_a_frame_moves_its_nodes(empty):
    chain(empty)
    empty.key("ctrl+a")
    empty.key("ctrl+g")
    empty.type("voices")
    empty.key("Return")
    empty.frames(8)
    before = json.loads(empty.model())["nodes"]["gain"]["position"]
    box = empty.ask("item_node", label="voices")
    empty.drag((box[0] + 20, box[1] + 10), (box[0] + 70, box[1] + 50))
    after = json.loads(empty.model())["nodes"]["gain"]["position"]
    assert abs(after[0] - before[0] - 50) <= 3
    assert abs(after[1] - before[1] - 40) <= 3
    assert empty.state()["undo"][0] == "move a frame"


def test_a_subpatch_is_made_entered_left_and_dissolved(empty):
    chain(empty)
    before = json.loads(empty.model())
    empty.click(*empty.title_of("gain"))
    empty.key("ctrl+shift+g")
    (name,) = empty.state()["selection"]
    assert json.loads(empty.model())["nodes"][name]["type"] == "patch.sub"
    empty.key("Return")
    assert list(empty.ask("nodes")) == ["gain"]
    empty.key("Escape")
    assert set(empty.ask("nodes")) == {"oscillator", "output", name}
    empty.click(*empty.title_of(name))
    empty.key("ctrl+shift+u")
    assert json.loads(empty.model())["links"] == before["links"]


def test_the_work_of_a_killed_window_is_offered_to_the_next(display, tmp_path):
    home = tmp_path / "home"
    with window(display=display, home=home, size=SIZE) as w:
        chain(w)
        text = json.loads(w.model())
        w.frames(150)  # the autosave waits for a second
        w.kill()
    with window(display=display, home=home, size=SIZE) as w:
        w.until(lambda state: state["dialogs"], what="the offer")
        w.press("Recover")
        w.frames(5)
        assert json.loads(w.model()) == text


def test_a_node_that_nobody_knows_is_a_placeholder_that_is_saved_as_it_was(display, tmp_path):
    strange = {"type": "other.thing", "version": 3, "params": {"x": [1, 2]}, "position": [100, 100], "more": {"y": 1}}
    path = tmp_path / "strange.json"
    text = {"format": 1, "nodes": {"thing": strange, "gain": {"type": "audio.gain", "position": [500, 100]}}}
    path.write_text(json.dumps({**text, "links": [["thing.out", "gain.audio"]]}))
    with window(path, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.until(lambda state: any("other.thing is not a node" in words for _, words in state["problems"]), what="the reason")
        assert w.ask("shown")["links"] == [["thing.out", "gain.audio"]]
        assert json.loads(w.model())["nodes"]["thing"] == strange


def test_live_plays_follows_edits_and_comes_back_after_its_engine_was_killed(display, tmp_path):
    shutil.copytree(PATCHES, tmp_path / "patches")
    path = tmp_path / "patches" / "tone.json"
    nodes = {
        "oscillator": {"type": "audio.oscillator", "position": [40, 40]},
        "output": {"type": "audio.output", "position": [400, 40]},
    }
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": [["oscillator.audio", "output.audio"]]}))
    with window(path, display=display, home=tmp_path / "home", size=SIZE) as w:
        w.key("ctrl+l")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.until(lambda state: state["peak"] > 0.1, 20, "a loud tone")
        w.click(*w.title_of("oscillator"))
        w.key("m")
        w.until(lambda state: state["peak"] < 0.01, 20, "silence of a muted node")
        w.key("ctrl+z")
        w.until(lambda state: state["peak"] > 0.1, 20, "the tone again")
        w.ask("kill_engine")
        w.until(lambda state: state["client"] == "dead", 20, "the death")
        w.press("Restart")
        w.until(lambda state: state["client"] == "playing" and state["peak"] > 0.1, 60, "the sound again")
        w.key("ctrl+period")
        w.until(lambda state: state["client"] == "off", 30, "the end")


def test_the_perform_view_shows_what_is_pinned_and_nothing_else(empty):
    chain(empty)
    empty.click(*empty.title_of("gain"))
    empty.key("p")
    empty.key("F11")
    empty.frames(10)
    assert empty.state()["perform"]
    assert empty.ask("item", label="Back to the patch")
    before = empty.model()
    empty.key("Delete")  # edits wait until the patch is seen again
    assert empty.model() == before
    empty.key("F11")
    assert not empty.state()["perform"]
