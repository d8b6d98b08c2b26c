"""How the real window looks: nothing lies over another, no words are cut, whatever the zoom, the theme, the width."""

import itertools
import json

import numpy as np
import pytest

from graph_editor.geometry import curve, inside
from graph_editor.layout import ZOOMS
from graph_editor.theme import icon
from tests.screenshots import PATCHES, copies, play, shown
from tests.window import screen, window

pytestmark = pytest.mark.stage
EXAMPLES = [path.stem for path in sorted(PATCHES.glob("*.json"))]
HOLDERS = ("mvNodeAttribute", "mvGroup", "mvTable", "mvTableRow", "mvSpacer", "mvTooltip")
"""Items that only hold or keep apart others."""
SEAM = 1.0
"""Pixels by which rounding may move an edge."""


@pytest.fixture
def empty(display, tmp_path):
    with window(display=display, home=tmp_path / "home", env={"GLASSPATCH_DIALOGS": "own"}) as found:
        yield found


@pytest.fixture(params=EXAMPLES, scope="module")
def example(request, tmp_path_factory):
    """The window on an example, for several tests: none changes the patch."""
    place = tmp_path_factory.mktemp(request.param)
    (path,) = (path for path in copies(place / "patches") if path.stem == request.param)
    with shown(path, place, 1.0, (1600, 900)) as found:
        found.frames(20)
        yield found


def at_every_zoom(w):
    """Goes through the zoom steps from the farthest to the nearest."""
    x0, y0, x1, _ = w.ask("canvas")
    w.move((x0 + x1) / 2, y0 + 20)
    for button in ("5", "4"):
        for _ in range(len(ZOOMS) - 1):
            w.x("click", button)
            w.frames(4)
            if button == "4":
                yield w.state()["zoom"]


def overlapping(boxes):
    """The pairs of boxes that lie over each other."""
    pairs = itertools.combinations([(name, box) for name, box in boxes.items() if box], 2)
    return [
        (one, two)
        for (one, a), (two, b) in pairs
        if min(a[2], b[2]) - max(a[0], b[0]) > SEAM and min(a[3], b[3]) - max(a[1], b[1]) > SEAM
    ]


def test_no_two_nodes_of_an_example_overlap_at_any_zoom_also_while_it_plays(example):
    seen = []
    for zoom in at_every_zoom(example):
        seen.append(zoom)
        assert overlapping(example.ask("nodes")) == [], f"at zoom step {zoom}"
    assert seen == list(range(1, len(ZOOMS)))
    play(example)
    assert overlapping(example.ask("nodes")) == []


def test_no_two_frames_of_an_example_overlap(example):
    example.key("f")
    example.frames(6)
    assert overlapping(example.ask("grounds")) == []


def test_all_that_a_node_of_an_example_shows_lies_in_it_uncut_at_any_zoom(example):
    for zoom in at_every_zoom(example):
        for name, box in example.ask("nodes").items():
            for kind, words, (x0, y0, x1, y1), wide in example.ask("parts", node=name):
                if x1 - x0 <= 0:
                    continue  # it was not drawn: the node lies outside the view
                inside = box[0] - SEAM <= x0 and x1 <= box[2] + SEAM and box[1] - SEAM <= y0 and y1 <= box[3] + SEAM
                assert inside, f"{kind} {words!r} of {name} leaves its node at zoom step {zoom}"
                if kind == "mvButton":
                    assert wide <= x1 - x0, f"{words!r} of {name} is cut at zoom step {zoom}"


def test_nothing_in_a_node_of_an_example_lies_over_anything_else_in_it_at_any_zoom(example):
    for zoom in at_every_zoom(example):
        for name in example.ask("nodes"):
            parts = [part for part in example.ask("parts", node=name) if part[0] not in HOLDERS and part[2][2] > part[2][0]]
            boxes = {(number, *part[:2]): part[2] for number, part in enumerate(parts)}
            assert overlapping(boxes) == [], f"in {name} at zoom step {zoom}"


def test_every_wire_of_an_example_leads_to_the_right_and_behind_no_node(example):
    example.key("f")
    example.frames(6)
    boxes = example.ask("nodes")
    for source, target in json.loads(example.model())["links"]:
        start, end = example.pin(source, True), example.pin(target, False)
        assert start[0] < end[0], f"{source} lies right of {target}"
        ends = {source.partition(".")[0], target.partition(".")[0]}
        crossed = {
            name for name, box in boxes.items() if name not in ends and any(inside(point, box) for point in curve(start, end, 40))
        }
        assert not crossed, f"{source} to {target} passes behind {crossed}"


def test_what_a_node_shows_is_made_when_it_comes_into_sight_and_not_drawn_while_it_is_out_of_it(display, tmp_path):
    nodes = {name: {"type": "audio.gain", "position": [x, 0]} for name, x in (("near", 0), ("far", 6000))}
    path = tmp_path / "wide.json"
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": []}))

    def shown_of(name):
        box = w.ask("nodes")[name]
        return {kind for kind, *_ in w.ask("parts", node=name)}, np.array([box[2] - box[0], box[3] - box[1]])

    with window(path, display=display, home=tmp_path / "home") as w:
        for _ in ZOOMS:
            w.key("plus")
        w.find("near")
        w.frames(20)
        (near, size), (far, far_size) = shown_of("near"), shown_of("far")
        assert "mvDrawlist" in near and "mvDrawlist" not in far and "mvText" in far
        assert abs(far_size[0] - size[0]) <= 2 * SEAM
        assert 0.8 < far_size[1] / size[1] < 1.3  # what was never made has about the room that it will take
        w.find("far")
        w.frames(20)
        (again, again_size), (away, away_size) = shown_of("far"), shown_of("near")
        assert (again, away) == (near, far)
        assert (again_size == size).all()
        assert np.abs(away_size - size).max() <= 2 * SEAM  # what was seen has just as much


def test_nodes_put_at_one_place_find_free_places_each(empty):
    for word in ("oscillator", "gain", "face", "regressor", "slicer", "trainer", "decoder", "camera"):
        empty.move(760, 480)
        empty.key("Tab")
        empty.type(word)
        empty.key("Return")
        empty.frames(6)
    nodes = empty.ask("nodes")
    assert len(nodes) == 8
    empty.key("f")
    assert overlapping(empty.ask("nodes")) == []
    empty.key("shift+a")
    empty.frames(6)
    assert overlapping(empty.ask("nodes")) == []


def test_tab_opens_the_palette_and_leaves_the_view_where_it_is(empty):
    empty.add("oscillator", (1180, 250))  # its fields lie beyond the edge: the library would scroll to them
    assert empty.ask("field", node="oscillator", param="frequency")[2] > empty.ask("canvas")[2]
    empty.click(*empty.title_of("oscillator"))
    before = empty.ask("nodes")
    empty.key("Tab")
    empty.frames(5)
    assert empty.state()["palette"]
    assert empty.ask("nodes") == before


def test_plus_zooms_in_whether_it_needs_shift_or_not(empty):
    empty.add("gain", (700, 400))
    before = empty.state()["zoom"]
    empty.key("minus")
    assert empty.state()["zoom"] == before - 1
    empty.key("shift+equal")
    assert empty.state()["zoom"] == before
    empty.key("equal")
    assert empty.state()["zoom"] == before + 1


def test_a_comment_is_kept_by_ctrl_and_enter(empty):
    empty.move(700, 400)
    empty.key("c")
    empty.type("one")
    empty.key("Return")
    empty.type("two")
    empty.key("ctrl+Return")
    assert not empty.state()["dialogs"]
    assert [one["text"] for one in json.loads(empty.model())["view"]["comments"]] == ["one\ntwo"]


@pytest.mark.parametrize("width", [1000, 1100, 1280, 1600])
def test_the_bars_parts_neither_overlap_nor_leave_the_window(width, tmp_path):
    with screen((width, 700)) as name, window(display=name, home=tmp_path / "home", size=(width, 700)) as w:
        w.frames(10)
        for bar in w.ask("bars"):
            assert all(box[2] <= width + SEAM for box in bar.values()), bar
            assert overlapping(bar) == []


@pytest.mark.parametrize(("row", "choice", "kept"), [(0, 1, ("theme", "light")), (1, 3, ("scale", 1.5))])
def test_another_theme_or_scale_holds_at_once_while_it_plays(row, choice, kept, tmp_path):
    (path,) = (path for path in copies(tmp_path / "patches") if path.stem == "demo")
    with shown(path, tmp_path, 1.0, (1600, 900)) as w:
        play(w)
        before = json.loads(w.model())
        w.press(icon("settings"))
        w.frames(5)
        combos = w.ask("combos")
        x0, y0, x1, y1 = combos[row]
        w.click((x0 + x1) / 2, (y0 + y1) / 2)
        w.frames(5)
        w.click((x0 + x1) / 2, y1 + 12 + 21 * choice)
        w.frames(20)
        assert json.loads((tmp_path / "home-dark-1-demo" / "preferences.json").read_text())[kept[0]] == kept[1]
        assert w.state()["client"] == "playing"
        assert json.loads(w.model()) == before
        assert set(w.ask("nodes")) == set(before["nodes"])
        assert overlapping(w.ask("nodes")) == []


def test_the_command_may_begin_with_the_perform_view(display, tmp_path):
    (path,) = (path for path in copies(tmp_path / "patches") if path.stem == "demo")
    with window(path, "--perform", display=display, home=tmp_path / "home") as w:
        assert w.state()["perform"]
        assert w.ask("item", label="Back to the patch")


def test_escape_leaves_the_perform_view_though_words_are_shown(empty):
    empty.key("F11")
    empty.frames(5)
    empty.key("ctrl+r")
    empty.key("Escape")
    assert not empty.state()["perform"]


def test_help_of_what_is_hidden_does_not_appear(empty):
    empty.add("gain", (700, 400))
    empty.frames(8)
    (x0, y0, x1, y1) = empty.ask("item", label=icon("piano"))[-1]
    empty.move((x0 + x1) / 2, (y0 + y1) / 2)
    empty.frames(50)
    assert empty.ask("texts", label="move a MIDI or OSC knob")
    assert empty.ask("texts", label="Back to its default") == []
