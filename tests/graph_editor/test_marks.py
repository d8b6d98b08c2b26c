"""Frames, comments, bookmarks and pins, and what they are in a patch file."""

import pytest

from graph_editor import marks
from graph_editor.look import Bookmark, Comment, Frame, bookmarks_of, comments_of, frames_of, pins_of
from runtime.errors import PatchError
from runtime.patch import Patch, dumps, loads
from tests.graph_editor.patches import chain


def full():
    patch = marks.add_frame(chain(), ["source", "scale"], "Voice", "teal")
    patch = marks.add_comment(patch, "louder\nthan it was", (10.5, -20))
    patch = marks.add_bookmark(patch, "stage", (1, 2), 3)
    return marks.toggle_pins(patch, ["source.level", "scale"])


def test_what_lies_around_the_nodes_is_saved_with_the_patch():
    patch = loads(dumps(full()))
    assert patch == full()
    assert frames_of(patch) == (Frame("Voice", ("source", "scale"), "teal"),)
    assert comments_of(patch) == (Comment("louder\nthan it was", (10.5, -20.0)),)
    assert bookmarks_of(patch) == (Bookmark("stage", (1.0, 2.0), 3),)
    assert pins_of(patch) == ("source.level", "scale")


def test_a_patch_from_which_all_was_taken_away_is_as_if_nothing_had_been():
    patch = marks.remove_bookmark(marks.remove_comment(marks.remove_frame(full(), 0), 0), "stage")
    assert dumps(marks.toggle_pins(patch, ["scale", "source.level"])) == dumps(chain())


GARBAGE = [None, 3, "x", [], {}, {"title": 3}, {"text": 1, "position": [0, 0]}, {"name": "a", "position": [1], "zoom": 1}]
GARBAGE += [
    {"name": "a", "position": [0, 0], "zoom": True},
    {"text": "a", "position": [10**400, 0]},
    {"title": "a", "nodes": [1]},
]


@pytest.mark.parametrize("key", ["frames", "comments", "bookmarks", "pins"])
@pytest.mark.parametrize("found", [None, 7, "text", {"a": 1}, GARBAGE])
def test_what_is_not_understood_is_left_out_and_written_back(key, found):
    patch = Patch(nodes=chain().nodes, view={key: found})
    assert [*frames_of(patch), *comments_of(patch), *bookmarks_of(patch)] == []
    changed = marks.add_frame(marks.add_comment(marks.add_bookmark(patch, "b", (0, 0), 0), "c", (0, 0)), ["scale"], "f")
    changed = marks.toggle_pins(changed, ["scale"])
    assert [len(frames_of(changed)), len(comments_of(changed)), len(bookmarks_of(changed))] == [1, 1, 1]
    if isinstance(found, list):
        assert [one for one in found if one != "x"] == [one for one in changed.view[key] if one in found and one != "x"]


def test_what_a_newer_version_adds_to_a_frame_is_kept():
    patch = Patch(nodes=chain().nodes, view={"frames": [{"title": "a", "nodes": ["scale"], "colour": "grey", "locked": True}]})
    assert marks.set_frame(patch, 0, title="b").view["frames"][0]["locked"] is True


def test_moving_a_frame_moves_its_nodes():
    patch = marks.move_frame(full(), 0, (5, -5))
    assert [patch.nodes[name].position for name in ("source", "scale", "speaker")] == [(5, -5), (305, -5), (600, 0)]


def test_nodes_join_and_leave_frames_and_an_empty_one_goes():
    patch = marks.add_frame(full(), ["speaker"], "Out")
    patch = marks.join_frame(patch, 0, ["speaker"])
    assert [frame.nodes for frame in frames_of(patch)] == [("source", "scale", "speaker")]
    patch = marks.leave_frames(patch, ["source"])
    assert frames_of(patch)[0].nodes == ("scale", "speaker")
    assert frames_of(marks.frame_nodes(patch, 0, ["source"]))[0].nodes == ("source",)


def test_frames_and_comments_are_changed_one_by_one():
    patch = marks.set_comment(marks.set_frame(full(), 0, title="", colour="rose"), 0, position=(0, 0), width=100)
    assert frames_of(patch)[0] == Frame("", ("source", "scale"), "rose")
    assert comments_of(patch)[0] == Comment("louder\nthan it was", (0.0, 0.0), 100.0)
    assert comments_of(marks.set_comment(patch, 0, text="")) == ()


def test_what_is_not_there_cannot_be_changed():
    with pytest.raises(PatchError, match="choose some first"):
        marks.add_frame(chain(), ["nobody"], "a")
    for change in (marks.remove_frame, marks.set_frame, lambda patch, number: marks.move_frame(patch, number, (0, 0))):
        with pytest.raises(PatchError, match="not there any more"):
            change(chain(), 0)
    with pytest.raises(PatchError, match="not there any more"):
        marks.set_comment(chain(), 0, text="a")


def test_a_bookmark_of_the_same_name_is_replaced_in_its_place():
    patch = marks.add_bookmark(marks.add_bookmark(full(), "b", (0, 0), 1), "stage", (9, 9), 0)
    assert [(one.name, one.zoom) for one in bookmarks_of(patch)] == [("stage", 0), ("b", 1)]


def test_pins_come_go_and_change_places():
    patch = marks.toggle_pins(full(), ["speaker", "scale"])
    assert pins_of(patch) == ("source.level", "scale", "speaker")
    assert pins_of(marks.move_pin(patch, "speaker", 0)) == ("speaker", "source.level", "scale")
    assert pins_of(marks.toggle_pins(patch, ["speaker", "scale"])) == ("source.level",)
    assert marks.move_pin(patch, "nobody", 0) is patch
