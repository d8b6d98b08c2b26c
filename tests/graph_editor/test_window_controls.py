"""Pads, sliders, points, analyser and hands in the real window: what the mouse pulls is heard, and what is heard is seen."""

import json

import numpy as np
import pytest
from PIL import Image

from graph_editor.theme import TYPE_COLOURS
from runtime.patch import Link, Node, Patch, save
from runtime.spec import PortType
from tests.hands import hands_video
from tests.window import screen, window

pytestmark = pytest.mark.stage
GREEN = TYPE_COLOURS[PortType.CONTROL]


@pytest.fixture(scope="module")
def playing(tmp_path_factory):
    """The window on a patch of controls that plays."""
    place = tmp_path_factory.mktemp("controls")
    hands_video(place / "hands.mp4", ("rest", "spread"), hold=0.5)
    nodes = {
        "pad": Node("control.pad", params={"names": "dark gravel"}, position=(20.0, 20.0)),
        "faders": Node("control.sliders", params={"names": "jaw brow tide"}, position=(20.0, 460.0)),
        "steps": Node("control.sequencer", params={"points": "0 0; 1 1; 1 0", "rate": 0.0}, position=(340.0, 20.0)),
        "join": Node("control.join", position=(340.0, 560.0)),
        "noise": Node("audio.noise", params={"colour": "pink"}, position=(660.0, 20.0)),
        "look": Node("audio.analyser", position=(660.0, 260.0)),
        "out": Node("audio.output", position=(660.0, 620.0)),
        "video": Node("vision.video", params={"path": "hands.mp4"}, position=(980.0, 20.0)),
        "hands": Node("vision.hands", position=(980.0, 330.0)),
    }
    links = (
        Link("pad.control", "join.control"), Link("faders.control", "join.control"), Link("steps.control", "join.control"),
        Link("noise.audio", "look.audio"), Link("look.audio", "out.audio"), Link("video.image", "hands.image"),
    )  # fmt: skip
    path = place / "controls.json"
    save(path, Patch({}, nodes, links))
    size = (1900, 1000)
    with screen(size) as display, window(path, display=display, home=place / "home", size=size) as w:
        w.press("Live")
        w.until(lambda state: state["client"] == "playing", 60, "the sound")
        w.frames(20)
        yield w


def box_of(w, label):
    return w.ask("item", label=label)[-1]


def params(w, node):
    return json.loads(w.model())["nodes"][node].get("params", {})


def at(box, across, up):
    return box[0] + across * (box[2] - box[0]), box[3] - up * (box[3] - box[1])


def pixels(w, box):
    with Image.open(w.picture(w.folder / "seen.png")) as whole:
        seen = np.asarray(whole.convert("RGB"), int)
    x0, y0, x1, y1 = (round(edge) for edge in box)
    return seen[y0:y1, x0:x1]


def like(seen, colour, within=40):
    return np.abs(seen - np.array(colour[:3])).max(axis=2) <= within


def test_a_pad_is_pulled_across_and_up_in_one_step_and_the_node_stays_where_it_is(playing):
    where, steps = playing.node("pad"), len(playing.state()["undo"])
    box = box_of(playing, "pull: across and up")
    playing.drag(at(box, 0.5, 0.5), at(box, 0.9, 0.2))
    playing.until(lambda _: abs(params(playing, "pad").get("x", 0.5) - 0.9) < 0.03, 10, "the pad's x")
    assert params(playing, "pad")["y"] == pytest.approx(0.2, abs=0.03)
    assert playing.ask("texts", label="across: dark 0.9")
    assert playing.node("pad") == where and len(playing.state()["undo"]) == steps + 1
    playing.key("ctrl+z")
    playing.until(lambda _: "x" not in params(playing, "pad") or params(playing, "pad")["x"] == 0.5, 10, "the undone pull")


def test_a_slider_is_pulled_by_its_name_and_only_that_one_wherever_the_mouse_goes(playing):
    box = box_of(playing, "pull: sliders")
    playing.drag(at(box, 0.5, 0.5), at(box, 0.25, 0.95))
    playing.until(lambda _: abs(params(playing, "faders").get("s2", 0.5) - 0.25) < 0.03, 10, "the second slider")
    assert not {"s1", "s3"} & set(params(playing, "faders"))


def test_a_point_of_a_sequence_is_moved_by_the_mouse(playing):
    box = box_of(playing, "pull: points")
    edge = 8 / (box[2] - box[0])
    playing.drag(at(box, 1 - edge, 1 - edge), at(box, 0.5, 0.75))
    playing.until(lambda _: params(playing, "steps")["points"] != "0 0; 1 1; 1 0", 10, "the moved point")
    first, second, third = (tuple(map(float, point.split())) for point in params(playing, "steps")["points"].split(";"))
    assert first == (0.0, 0.0) and third == (1.0, 0.0)
    assert second == pytest.approx((0.5, 0.77), abs=0.05)


def test_an_analyser_shows_wave_and_spectrum_in_its_node(playing):
    box = playing.node("look")
    assert playing.ask("texts", label="peak -")
    seen = pixels(playing, box)
    assert like(seen, TYPE_COLOURS[PortType.AUDIO]).any(axis=1).sum() > 30


def test_hands_have_their_lines_in_the_picture_and_their_features_by_name(playing):
    playing.until(lambda _: playing.ask("texts", label="both hands are seen"), 30, "both hands")
    box = playing.node("hands")
    assert like(pixels(playing, box), GREEN, 60).sum() > 150
