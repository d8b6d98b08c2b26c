"""Patching in the real window, by mouse and by keyboard alone: wires, frames, subpatches, params, the view, the clipboard."""

import json

import pytest

from graph_editor.layout import ZOOMS
from graph_editor.theme import icon
from tests.window import window

pytestmark = pytest.mark.stage
SIZE = (1280, 760)
"""Of the screen: as small as the tests allow, for it is painted without a graphics card."""


@pytest.fixture(scope="module")
def opened(display, tmp_path_factory):
    with window(display=display, home=tmp_path_factory.mktemp("home"), size=SIZE) as found:
        yield found


@pytest.fixture
def w(opened):
    """The window with a new patch."""
    opened.fresh()
    return opened


def patch(w):
    return json.loads(w.model())


def links(w):
    return patch(w)["links"]


def undo(w):
    """The name of the step that would be undone."""
    return next(iter(w.state()["undo"]), None)


def said(w):
    return next(iter(w.state()["said"][-1:]), "")


def two_ways(w):
    """An oscillator into a gain, and a second gain and a smoothing beside."""
    w.add("oscillator", (210, 90))
    w.add("gain", (480, 90))
    w.add("gain", (480, 330))
    w.add("smoothing", (740, 330))
    w.wire("oscillator.audio", "gain.audio")


# Wires


def pull_off(w, source, target, to):
    """Takes a wire off its target by Ctrl and drag, and drops it."""
    x, y = w.ask("along", source=source, target=target, share=0.8)
    w.move(x, y)
    w.x("keydown", "ctrl")
    w.frames(2)
    w.down()
    for number in range(1, 7):
        w.move(x + (to[0] - x) * number / 6, y + (to[1] - y) * number / 6)
    w.up()
    w.x("keyup", "ctrl")
    w.frames(3)


def test_a_wire_is_pulled_off_and_led_elsewhere_each_in_one_step(w):
    two_ways(w)
    pull_off(w, "oscillator.audio", "gain.audio", w.pin("gain_2.audio", False))
    assert links(w) == [["oscillator.audio", "gain_2.audio"]]
    assert undo(w) == "lead the wire of oscillator.audio to gain_2.audio"
    pull_off(w, "oscillator.audio", "gain_2.audio", (320, 650))
    assert links(w) == []
    assert undo(w) == "pull off a wire"
    assert w.state()["palette"] is None, "a wire that is thrown away asks for nothing"
    w.key("ctrl+z")
    w.key("ctrl+z")
    assert links(w) == [["oscillator.audio", "gain.audio"]]
    assert w.ask("shown")["links"] == [["oscillator.audio", "gain.audio"]]


def test_a_wire_that_is_led_where_it_does_not_fit_or_back_to_its_port_stays(w):
    two_ways(w)
    pull_off(w, "oscillator.audio", "gain.audio", w.pin("smooth.control", False))
    assert "gives audio and smooth.control takes control" in said(w)
    before = undo(w)
    pull_off(w, "oscillator.audio", "gain.audio", w.pin("gain.audio", False))
    assert undo(w) == before
    assert links(w) == [["oscillator.audio", "gain.audio"]]
    assert w.ask("hidden") == [], "it is seen again"


def test_while_a_wire_is_drawn_only_ports_that_fit_are_lit(w):
    two_ways(w)
    everything = sorted(w.ask("lit"))
    w.move(*w.pin("gain.audio", True))
    w.down()
    w.move(400, 660)
    assert sorted(w.ask("lit")) == [">gain_2.audio", "gain.audio>"]
    w.up()
    w.key("Escape")
    assert sorted(w.ask("lit")) == everything


def test_two_inputs_and_a_loop_are_refused_in_words(w):
    two_ways(w)
    w.wire("gain.audio", "gain_2.audio")
    w.drag(w.pin("gain_2.audio", True), w.pin("gain.audio", False))
    assert "would be a loop without a delay" in said(w)
    w.drag(w.pin("gain.audio", False), w.pin("gain_2.audio", False))
    assert said(w) == "a wire leads from an output to an input"
    assert links(w) == [["gain.audio", "gain_2.audio"], ["oscillator.audio", "gain.audio"]]


def test_what_is_told_of_a_wire_goes_at_once_when_the_mouse_comes_to_it(w):
    two_ways(w)
    told = "oscillator.audio \u2192 gain.audio"
    for share in (0.5, 0.6, 0.7):
        w.move(*w.ask("along", source="oscillator.audio", target="gain.audio", share=share))
        w.frames(12)
        (words,) = w.ask("item", label=told)
        w.move((words[0] + words[2]) / 2, (words[1] + words[3]) / 2)
        assert not w.ask("item", label=told)


def test_what_is_wrong_with_a_node_comes_and_goes_below_pins_and_params_that_stay(w):
    w.add("oscillator", (210, 90))
    w.add("gain", (480, 90))
    wrong = "nothing is connected to audio"
    w.until(lambda state: any(wrong in words for _, words in state["problems"]), what="the problem")
    w.frames(4)
    assert w.ask("item", label=wrong)
    before = w.pin("gain.audio", True)
    w.wire("oscillator.audio", "gain.audio")
    w.until(lambda state: not state["problems"], what="no problem")
    w.frames(4)
    assert not w.ask("item", label=wrong) and w.pin("gain.audio", True) == before
    w.key("ctrl+z")
    w.until(lambda state: state["problems"], what="the problem again")
    w.frames(4)
    assert w.ask("item", label=wrong) and w.pin("gain.audio", True) == before


# Choosing and looking around


def test_a_box_chooses_what_it_touches(w):
    two_ways(w)
    box = w.node("gain_2")
    w.drag((box[0] - 40, box[3] + 40), (w.node("smooth")[2] + 20, box[1] - 20))
    assert w.state()["selection"] == ["gain_2", "smooth"]


def test_the_wheel_zooms_about_the_mouse_and_the_middle_button_pans(w):
    w.add("gain", (700, 400))
    at, before = w.title_of("gain"), w.state()["zoom"]
    w.move(*at)
    w.x("click", 5)
    w.frames(4)
    assert w.state()["zoom"] == before - 1
    box = w.node("gain")
    assert abs(box[0] - (at[0] - 60 * ZOOMS[before - 1] / ZOOMS[before])) <= 2, "what lies under the mouse stays there"
    w.x("click", 4)
    w.frames(4)
    box = w.node("gain")
    w.move(400, 660)
    w.down(2)
    w.move(480, 600)
    w.up(2)
    after = w.node("gain")
    assert (after[0] - box[0], after[1] - box[1]) == pytest.approx((80, -60), abs=2)
    w.key("f")
    x0, _, x1, _ = w.ask("canvas")
    box = w.node("gain")
    assert (box[0] + box[2]) / 2 == pytest.approx((x0 + x1) / 2, abs=30)
    assert patch(w)["nodes"]["gain"]["position"] is not None


def test_a_map_appears_where_something_lies_outside_and_leads_there(w):
    w.add("gain", (700, 400))
    w.frames(5)
    assert not w.ask("map")
    w.key("ctrl+d")
    w.x("keydown", "ctrl")
    for _ in range(60):
        w.x("key", "--delay", "0", "Right")
        w.frames(1)
    w.x("keyup", "ctrl")
    w.frames(5)
    assert w.ask("map")
    far = w.node("gain_2")
    assert far[0] > w.ask("canvas")[2]
    *_, x1, y1 = w.ask("canvas")
    w.click(x1 - 22, y1 - 18)
    w.frames(5)
    assert w.node("gain_2")[0] < far[0] - 100, "a click on the map pans"


def test_find_bookmarks_and_fit_selection(w):
    two_ways(w)
    w.key("ctrl+f")
    w.type("smoothing")
    w.key("Return")
    w.frames(4)
    assert w.state()["selection"] == ["smooth"]
    w.key("shift+f")
    here = w.node("smooth")
    w.key("ctrl+b")
    w.type("voices")
    w.key("Return")
    w.key("f")
    w.frames(4)
    assert w.node("smooth") != here
    w.key("shift+b")
    w.frames(4)
    assert w.node("smooth") == pytest.approx(here, abs=1)
    assert patch(w)["view"]["bookmarks"][0]["name"] == "voices"
    w.do("forget a bookmark")
    w.key("Return")
    assert "view" not in patch(w)


def test_a_press_on_the_ground_lets_go_of_what_was_chosen_and_a_click_chooses_one_of_many(w):
    two_ways(w)
    w.key("ctrl+a")
    w.click(*w.title_of("gain"))
    assert w.state()["selection"] == ["gain"]
    w.key("ctrl+a")
    w.click(320, 650)
    assert w.state()["selection"] == []


# Nodes by keyboard alone


def test_a_patch_is_made_by_the_keyboard_alone(w):
    for word in ("oscillator", "gain", "output"):
        w.key("Tab")
        w.type(word)
        w.key("Return")
        w.frames(4)
    w.key("shift+a")
    w.frames(4)
    w.find("oscillator")
    w.key("w")
    w.type("gain")
    w.key("Return")
    w.find("gain")
    w.key("w")
    w.type("output")
    w.key("Return")
    w.key("e")
    w.key("Return")
    w.type("-6 dB")
    w.key("Return")
    assert links(w) == [["gain.audio", "output.audio"], ["oscillator.audio", "gain.audio"]]
    assert patch(w)["nodes"]["gain"]["params"] == {"gain": -6.0}
    w.key("shift+a")
    w.frames(4)
    w.find("oscillator")
    w.key("Right")
    assert w.state()["selection"] == ["gain"]
    w.key("Right")
    assert w.state()["selection"] == ["output"]
    w.key("Left")
    before = patch(w)["nodes"]["gain"]["position"]
    w.key("ctrl+Down")
    w.key("ctrl+Down")
    assert patch(w)["nodes"]["gain"]["position"] == [before[0], before[1] + 40]
    w.key("shift+w")
    w.key("Return")
    assert len(links(w)) == 1
    w.key("ctrl+h")
    w.type("as it was opened")
    w.key("Return")
    assert patch(w)["nodes"] == {}


def test_nodes_are_duplicated_coloured_titled_bypassed_folded_and_aligned(w):
    w.add("gain", (520, 300))
    w.key("ctrl+d")
    assert w.state()["selection"] == ["gain_2"]
    w.key("k")
    w.type("rose")
    w.key("Return")
    w.key("shift+F2")
    w.type("Left hand")
    w.key("Return")
    w.key("b")
    w.key("h")
    found = patch(w)["nodes"]["gain_2"]
    assert found["view"] == {"colour": "rose", "title": "Left hand", "folded": True}
    assert found["mode"] == "bypass"
    assert w.ask("shown")["titles"]["gain_2"].endswith("Left hand  (bypassed)")
    w.key("ctrl+a")
    w.key("shift+l")
    nodes = patch(w)["nodes"]
    assert nodes["gain"]["position"][0] == nodes["gain_2"]["position"][0]
    w.key("ctrl+x")
    assert patch(w)["nodes"] == {}
    w.key("ctrl+v")
    assert sorted(patch(w)["nodes"]) == ["gain", "gain_2"]


def test_the_right_button_on_a_node_tells_what_can_be_done_with_it(w):
    w.add("gain", (700, 400))
    w.click(300, 680)
    w.click(*w.title_of("gain"), button=3)
    assert w.state()["palette"] is None
    w.type("mute")
    w.key("Return")
    assert patch(w)["nodes"]["gain"]["mode"] == "mute"


def test_under_a_question_nothing_is_done(w):
    w.add("gain", (700, 400))
    w.key("ctrl+q")
    w.key("Delete")
    w.key("m")
    w.key("Right")
    w.key("Right")
    w.key("Return")  # the third answer: cancel
    assert w.state()["dialogs"] is False
    assert patch(w)["nodes"]["gain"].get("mode") is None


def test_nodes_travel_between_windows_as_patch_text(w, display, tmp_path):
    two_ways(w)
    w.key("ctrl+a")
    w.key("ctrl+c")
    with window(display=display, home=tmp_path / "other", size=SIZE) as other:
        other.move(400, 300)
        other.key("ctrl+v")
        other.frames(4)
        assert sorted(patch(other)["nodes"]) == ["gain", "gain_2", "oscillator", "smooth"]
        assert links(other) == links(w)
        assert undo(other) == "paste 4 nodes"
        other.key("ctrl+q")
        other.key("Right")
        other.x("key", "Return")
        other.process.wait(20)
    w.focus()


def test_what_is_no_patch_is_not_pasted_and_says_why(w):
    w.add("gain", (700, 400))
    w.key("F2")
    w.key("ctrl+c")  # the name of the node, as text
    w.key("Escape")
    w.key("ctrl+v")
    assert said(w).startswith("this cannot be pasted: ")
    assert list(patch(w)["nodes"]) == ["gain"]


# Frames and comments


def framed(w):
    w.add("gain", (520, 300))
    w.key("ctrl+g")
    w.type("voices")
    w.key("Return")
    w.frames(8)


def test_a_double_click_writes_in_a_frame_and_in_a_comment(w):
    framed(w)
    box = w.ask("item_node", label="voices")
    w.double_click(box[0] + 20, box[1] + 10)
    w.type("hands")
    w.key("Return")
    assert patch(w)["view"]["frames"] == [{"title": "hands", "nodes": ["gain"], "colour": "grey"}]
    w.move(800, 600)
    w.key("c")
    w.type("why")
    w.key("ctrl+Return")
    w.frames(6)
    box = w.ask("item_node", label=icon("message-square"))
    w.double_click(box[0] + 20, box[1] + 10)
    w.key("ctrl+a")
    w.type("because")
    w.key("ctrl+Return")
    assert [one["text"] for one in patch(w)["view"]["comments"]] == ["because"]
    w.click(box[0] + 20, box[1] + 10)
    w.key("Delete")
    assert "comments" not in patch(w)["view"]
    w.key("ctrl+z")
    w.frames(4)
    assert w.ask("item_node", label=icon("message-square"))


def test_a_node_that_is_dropped_in_a_frame_belongs_to_it_until_it_is_taken_out(w):
    framed(w)
    w.add("gain", (740, 560))
    box, frame = w.node("gain_2"), w.node("gain")
    grab = w.title_of("gain_2")
    w.drag(grab, (grab[0] + frame[0] - box[0] + 10, grab[1] + frame[1] - box[1] + 20))
    assert patch(w)["view"]["frames"][0]["nodes"] == ["gain", "gain_2"]
    assert undo(w) == "move gain_2 into voices"
    w.find("gain_2")
    w.do("take out of the frame")
    assert patch(w)["view"]["frames"][0]["nodes"] == ["gain"]
    w.find("gain_2")
    w.do("take into a frame")
    w.key("Return")
    assert patch(w)["view"]["frames"][0]["nodes"] == ["gain", "gain_2"]


# Subpatches


def test_a_subpatch_gets_ports_is_kept_in_the_library_and_used_again(w):
    two_ways(w)
    w.find("gain")
    w.key("ctrl+shift+g")
    assert patch(w)["nodes"]["subpatch"]["inside"]["inputs"] == {"audio": "gain.audio"}
    w.key("Return")
    w.key("Tab")
    w.type("smoothing")
    w.key("Return")
    w.frames(4)
    w.press(icon("plus"))  # of the output, the last of the ports
    w.frames(4)
    w.key("Escape")
    assert patch(w)["nodes"]["subpatch"]["inside"]["outputs"] == {"audio": "gain.audio", "control": "smooth.control"}
    w.find("subpatch")
    w.do("ports of a subpatch")
    w.type("control")
    w.key("Return")
    w.type("hand")
    w.key("Return")
    w.frames(4)
    ports = {"inputs": {"audio": "gain.audio"}, "outputs": {"audio": "gain.audio", "hand": "smooth.control"}}
    assert patch(w)["nodes"]["subpatch"]["inside"].items() >= ports.items()
    assert w.pin("subpatch.hand", True)
    w.do("keep a subpatch in the library")
    w.type("My voice")
    w.key("Return")
    w.fresh()
    w.move(600, 400)
    w.key("shift+Tab")
    w.key("Return")
    w.key("shift+Tab")
    w.key("Return")
    w.frames(4)
    nodes = patch(w)["nodes"]
    assert sorted(nodes) == ["my_voice", "my_voice_2"]
    assert nodes["my_voice"]["inside"].items() >= ports.items()
    one, two = w.node("my_voice"), w.node("my_voice_2")
    assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1], "the second lies beside the first"


# Params


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_a_number_is_typed_with_its_unit_after_a_double_click_and_refused_in_words(w):
    w.add("oscillator", (600, 300))
    field = middle(w.ask("field", node="oscillator", param="frequency"))
    steps = len(w.state()["undo"])
    w.double_click(*field)
    w.type("1.5 kHz")
    w.key("Return")
    assert patch(w)["nodes"]["oscillator"]["params"] == {"frequency": 1500.0}
    assert len(w.state()["undo"]) == steps + 1, "the click itself moved nothing"
    w.double_click(*field)
    w.type("loud")
    w.key("Return")
    assert said(w) == "frequency must be a number, got 'loud'"
    w.click(*field, button=3)
    w.type("default")
    w.key("Return")
    assert patch(w)["nodes"]["oscillator"].get("params", {}) == {}


def test_a_slider_moves_finely_with_alt_and_a_drag_is_one_step(w):
    w.add("gain", (600, 300))
    x0, y0, x1, y1 = w.ask("field", node="gain", param="gain")
    w.drag(((x0 + x1) / 2, (y0 + y1) / 2), (x0 + 0.75 * (x1 - x0), (y0 + y1) / 2))
    wide = patch(w)["nodes"]["gain"]["params"]["gain"]
    assert undo(w) == "gain.gain"
    assert w.state()["undo"].count("gain.gain") == 1
    w.x("keydown", "alt")
    w.frames(2)
    w.drag((x0 + 0.75 * (x1 - x0), (y0 + y1) / 2), (x0 + 0.25 * (x1 - x0), (y0 + y1) / 2))
    w.x("keyup", "alt")
    fine = patch(w)["nodes"]["gain"]["params"]["gain"]
    assert 0 < wide - fine < 0.2 * (24 + 60) * 0.5
    w.press(icon("rotate-ccw"))
    w.frames(3)
    assert patch(w)["nodes"]["gain"].get("params", {}) == {}


def test_help_appears_where_the_mouse_rests_on_a_param(w):
    w.add("oscillator", (600, 300))
    x0, y0, _, y1 = w.ask("field", node="oscillator", param="frequency")
    w.move(x0 - 50, (y0 + y1) / 2)
    w.frames(50)
    assert w.ask("texts", label="frequency: ")
