"""The document: steps, undo and redo, what is saved, what the performance changed, and looking into subpatches."""

from dataclasses import replace
from pathlib import Path

import pytest

from graph_editor import edits
from graph_editor.document import Document
from runtime.errors import PatchError
from runtime.patch import Node, Patch, dumps, loads
from runtime.subpatch import flattened
from tests.graph_editor.patches import REGISTRY, chain, nested


def turned(patch, value, name="source", param="level"):
    return edits.set_param(patch, name, param, value, REGISTRY)


def test_every_step_can_be_undone_and_done_again_by_name():
    document = Document(chain())
    document.apply("turn", turned(document.patch, 0.1))
    document.apply("delete scale", edits.remove(document.patch, ["scale"]))
    last = document.whole
    assert document.undo_names() == ["delete scale", "turn"] and document.redo_names() == []
    assert [document.undo(), document.undo(), document.undo()] == ["delete scale", "turn", None]
    assert document.whole == chain() and document.redo_names() == ["turn", "delete scale"]
    assert [document.redo(), document.redo(), document.redo()] == ["turn", "delete scale", None]
    assert document.whole is last


def test_a_new_step_forgets_what_was_undone():
    document = Document(chain())
    document.apply("turn", turned(document.patch, 0.1))
    document.undo()
    document.apply("turn otherwise", turned(document.patch, 0.2))
    assert document.redo() is None and document.undo_names() == ["turn otherwise"]


def test_a_slider_that_is_dragged_is_one_step_until_it_is_let_go():
    document = Document(chain())
    for value in (0.1, 0.2, 0.3):
        document.apply("level", turned(document.patch, value), "source.level")
    document.settle()
    document.apply("level", turned(document.patch, 0.4), "source.level")
    assert document.undo_names() == ["level", "level"]
    document.undo()
    assert document.whole.nodes["source"].params == {"level": 0.3}
    document.undo()
    assert document.whole == chain()


def test_two_sliders_are_two_steps():
    document = Document(chain())
    document.apply("a", turned(document.patch, 0.1), "source.level")
    document.apply("b", turned(document.patch, 2.0, "scale", "factor"), "scale.factor")
    document.apply("a", turned(document.patch, 0.2), "source.level")
    assert document.undo_names() == ["a", "b", "a"]


def test_what_changes_nothing_is_no_step():
    document = Document(chain())
    version = document.version
    document.apply("nothing", loads(dumps(document.patch)))
    document.apply_whole("nothing", document.whole)
    assert document.undo_names() == [] and document.version == version


def test_undo_has_no_limit():
    document = Document(chain())
    for number in range(3000):
        document.apply(str(number), turned(document.patch, number / 3000 - 0.9))
    while document.undo():
        pass
    assert document.whole == chain()


def test_the_version_grows_with_every_change_and_the_patch_is_the_same_object_in_between():
    document, seen = Document(nested()), []
    for change in (
        lambda: document.apply("turn", turned(document.patch, 0.1)),
        lambda: document.enter("voice"),
        lambda: document.apply("turn", turned(document.patch, 5.0, "two", "factor")),
        document.leave,
        document.undo,
        document.mark_saved,
    ):
        before = document.version
        change()
        assert document.version > before and document.patch is document.patch
        seen.append(document.patch)


def test_a_document_is_changed_until_it_is_saved_or_goes_back_to_what_was_saved(tmp_path):
    document = Document(chain())
    assert not document.is_changed and document.path is None
    document.apply("turn", turned(document.patch, 0.1))
    assert document.is_changed
    document.undo()
    assert not document.is_changed
    document.redo()
    document.mark_saved(tmp_path / "a.json")
    assert not document.is_changed and document.path == tmp_path / "a.json"
    document.undo()
    assert document.is_changed
    document.mark_saved()
    assert document.path == Path(tmp_path / "a.json")


def test_a_change_of_the_text_alone_counts_as_a_change():
    document = Document(chain().with_param("source", "level", 1))
    document.apply_whole("the same number", document.whole.with_param("source", "level", 1.0))
    assert not document.undo_names()  # equal: nothing to undo
    document.apply_whole("other", document.whole.with_param("source", "level", 0.5))
    document.apply_whole("and back", document.whole.with_param("source", "level", 1.0))
    assert document.is_changed


def test_a_drag_that_goes_on_after_saving_is_a_step_of_its_own():
    document = Document(chain())
    document.apply("a", turned(document.patch, 0.1), "k")
    document.mark_saved()
    document.apply("a", turned(document.patch, 0.2), "k")
    document.undo()
    assert document.whole.nodes["source"].params == {"level": 0.1} and not document.is_changed


# What nodes were taught

ONE, TWO = {"examples.json": b"1", "examples.npz": b"x"}, {"examples.json": b"2"}


def test_what_a_node_was_taught_is_undone_and_done_again():
    document = Document(chain())
    document.taught("scale", ONE)
    document.taught("scale", dict(ONE))
    document.taught("scale", TWO)
    assert document.undo_names() == ["teach scale", "teach scale"] and document.whole == chain()
    document.undo()
    assert document.state.taught == {"scale": ONE}
    document.undo()
    assert document.state.taught == {"scale": {}}
    assert [document.redo(), document.redo()] == ["teach scale"] * 2 and document.state.taught == {"scale": TWO}
    assert not document.is_changed


def test_what_was_taught_before_is_no_step_and_no_step_goes_behind_it():
    document = Document(chain())
    document.apply("turn", turned(document.patch, 0.1))
    document.knows("scale", ONE)
    document.taught("scale", ONE)
    assert document.undo_names() == ["turn"]
    document.undo()
    assert document.state.taught == {"scale": ONE}


def test_forgetting_all_is_a_step_and_forgetting_nothing_is_none():
    document = Document(chain(), taught={"scale": ONE})
    document.taught("other", {})
    document.taught("scale", {})
    assert document.undo_names() == ["teach scale"]


def test_what_was_taught_follows_a_node_that_is_renamed_or_put_into_a_subpatch():
    document = Document(nested(), taught={"voice__one": ONE, "source": TWO})
    document.apply("rename", edits.rename(document.patch, "source", "origin"))
    document.enter("voice")
    document.apply("rename", edits.rename(document.patch, "one", "first"))
    document.leave()
    document.apply("rename", edits.rename(document.patch, "voice", "choir"))
    assert document.state.taught == {"choir__first": ONE, "origin": TWO}
    while document.undo():
        pass
    assert document.state.taught == {"voice__one": ONE, "source": TWO}


# What the performance changed


def test_what_the_performance_changed_is_added_to_what_we_changed_meanwhile():
    before = nested()
    after = turned(before, 0.9)
    after = replace(
        after, bindings=after.bindings[1:], scenes={**after.scenes, "storm": {"params": {"source.level": 1.0}, "links": {}}}
    )
    document = Document(before)
    document.apply("ours", edits.set_title(edits.move(document.patch, {"source": (7, 7)}), ["speaker"], "Out"))
    document.took("a scene", dumps(flattened(before)), dumps(flattened(after)))
    whole = document.whole
    assert whole.nodes["source"].params == {"level": 0.9} and whole.nodes["source"].position == (7, 7)
    assert whole.nodes["speaker"].view == {"title": "Out"} and set(whole.scenes) == {"calm", "storm"}
    assert whole.bindings == before.bindings[1:] and whole.nodes["voice"] == before.nodes["voice"]
    document.undo()
    assert document.whole.bindings == before.bindings and document.undo_names() == ["ours"]


def test_a_knob_that_moves_a_param_in_a_subpatch_is_one_step():
    document = Document(nested())
    flat = flattened(nested())
    for value in (0.1, 0.2, 0.3):
        moved = flat.with_param("voice__one", "factor", value)
        document.took("voice__one.factor", dumps(flat), dumps(moved))
        flat = moved
    assert document.whole.nodes["voice"].inside.patch.nodes["one"].params == {"factor": 0.3}
    assert document.undo_names() == ["voice__one.factor"]


def test_what_the_performance_changed_of_nodes_that_we_do_not_have_any_more_is_left_out():
    document = Document(edits.remove(chain(), ["source"]))
    version = document.version
    document.took("source.level", dumps(chain()), dumps(turned(chain(), 0.9)))
    assert document.version == version


def test_models_that_a_scene_led_elsewhere_are_led_there():
    before = chain().with_node("other", Node("fake.source", params={}))
    after = before.without_link("source.audio", "scale.audio").with_link("other.audio", "scale.audio")
    document = Document(before)
    document.took("scene", dumps(before), dumps(after))
    assert document.whole.links == after.links


# Subpatches


def test_an_edit_inside_a_subpatch_changes_the_whole_patch_and_can_be_undone():
    document = Document(nested())
    document.enter("voice")
    assert document.where == ("voice",) and set(document.patch.nodes) == {"one", "two"}
    document.apply("turn", turned(document.patch, 7.0, "one", "factor"))
    assert document.whole.nodes["voice"].inside.patch.nodes["one"].params == {"factor": 7.0}
    document.undo()
    assert document.whole == nested() and document.where == ("voice",)


def test_there_is_no_way_into_what_is_no_subpatch():
    document = Document(nested())
    for where in (("source",), ("nobody",), ("voice", "one")):
        with pytest.raises(PatchError, match="there is no subpatch"):
            document.look_into(where)
    document.leave()
    assert document.where == ()


def test_a_subpatch_that_is_undone_while_we_look_into_it_is_left():
    document = Document(Patch())
    document.apply("make", nested())
    document.enter("voice")
    document.undo()
    assert document.where == () and document.patch == Patch()


def test_we_go_on_looking_into_a_subpatch_that_is_renamed():
    document = Document(nested())
    document.enter("voice")
    document.apply_whole("rename", edits.rename(document.whole, "voice", "choir"))
    assert document.where == ("choir",)
    document.undo()
    assert document.where == ("voice",)
