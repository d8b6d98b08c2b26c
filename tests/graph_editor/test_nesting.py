"""A subpatch that is edited: the whole patch follows."""

from dataclasses import replace

import pytest

from graph_editor import edits, marks, nesting, subpatches
from graph_editor.look import pins_of
from runtime.errors import PatchError
from runtime.patch import SUBPATCH, Inside, Link, Node, Patch
from tests.graph_editor.patches import REGISTRY, nested

WHERE = ("voice",)


def edited(change, whole=None, where=WHERE):
    whole = whole or nested()
    return nesting.put_back(whole, where, change(nesting.part(whole, where)))


def deeper():
    """The nested patch in a further subpatch, `outer`."""
    outer = Node(SUBPATCH, params={}, inside=Inside(replace(nested(), scenes={}, bindings=()), {}, {"out": "voice.out"}))
    patch = Patch().with_node("outer", outer).with_node("speaker", Node("fake.speaker", params={}))
    scenes = {
        "calm": {"params": {"outer__voice__one.factor": 3.0}, "links": {"outer__voice__two.audio": "outer__voice__one.audio"}}
    }
    return replace(patch.with_link("outer.out", "speaker.audio"), scenes=scenes)


@pytest.mark.parametrize(
    ("whole", "where"), [(nested(), ()), (nested(), WHERE), (deeper(), ("outer",)), (deeper(), ("outer", "voice"))]
)
def test_what_is_put_back_as_it_was_changes_nothing(whole, where):
    assert nesting.put_back(whole, where, nesting.part(whole, where)) == whole


def test_a_part_speaks_of_its_nodes_by_their_own_names():
    part = nesting.part(nested(), WHERE)
    assert part.scenes["calm"]["params"] == {"^source.level": 0.1, "one.factor": 3.0}
    assert [binding.get("node") for binding in part.bindings] == ["one", "^source", None]
    assert part.bindings[2]["command"] == "/param/one/factor 1.5"


def test_ports_scenes_knobs_and_commands_follow_a_node_that_is_renamed_inside():
    whole = edited(lambda part: edits.rename(part, "one", "first"))
    assert whole.nodes["voice"].inside.inputs == {"in": "first.audio"} and whole.links == nested().links
    assert whole.scenes["calm"]["params"] == {"source.level": 0.1, "voice__first.factor": 3.0}
    assert [binding.get("node") for binding in whole.bindings] == ["voice__first", "source", None]
    assert whole.bindings[2]["command"] == "/param/voice__first/factor 1.5"


def test_what_is_pinned_inside_is_pinned_in_the_whole_and_follows():
    whole = marks.toggle_pins(nested(), ["source"])
    whole = edited(lambda part: marks.toggle_pins(part, ["one.factor"]), whole)
    assert pins_of(whole) == ("source", "voice__one.factor") and whole.nodes["voice"] == nested().nodes["voice"]
    assert pins_of(nesting.part(whole, WHERE)) == ("^source", "one.factor")
    assert pins_of(edited(lambda part: edits.rename(part, "one", "first"), whole)) == ("source", "voice__first.factor")
    assert pins_of(edits.rename(whole, "voice", "choir")) == ("source", "choir__one.factor")
    assert pins_of(edits.remove(whole, ["voice"])) == ("source",)
    assert pins_of(subpatches.dissolve(marks.toggle_pins(whole, ["voice", "voice.out"]), "voice")) == (
        "source",
        "one.factor",
        "two.audio",
    )


def test_a_port_whose_node_is_deleted_goes_with_the_wires_to_it():
    whole = edited(lambda part: edits.remove(part, ["one"]))
    assert whole.nodes["voice"].inside.inputs == {} and whole.links == (Link("voice.out", "speaker.audio"),)
    assert whole.scenes["calm"]["params"] == {"source.level": 0.1}
    assert [binding["source"] for binding in whole.bindings] == ["osc:/b"]


def test_a_port_that_goes_takes_the_ports_around_it_along():
    whole = edited(lambda part: edits.remove(part, ["two"]), deeper(), ("outer", "voice"))
    outer = whole.nodes["outer"].inside
    assert outer.outputs == {} and outer.patch.nodes["voice"].inside.outputs == {}
    assert whole.links == () and [link.target for link in outer.patch.links] == ["voice.in"]


def grouped(part):
    """`one` put into a subpatch by hand, with a port for each wire and port that it had."""
    inner = Inside(Patch(nodes={"one": part.nodes["one"]}), {"a": "one.audio"}, {"b": "one.audio"})
    left = part.without_node("one").with_node("sub", Node(SUBPATCH, params={}, inside=inner))
    return left.with_link("sub.b", "two.audio")


def test_a_port_follows_a_node_that_is_put_into_a_subpatch_and_taken_out_again():
    whole = edited(grouped)
    assert whole.nodes["voice"].inside.inputs == {"in": "sub.a"} and whole.links == nested().links

    def dissolved(part):
        return (
            part.without_node("sub")
            .with_node("one", part.nodes["sub"].inside.patch.nodes["one"])
            .with_link("one.audio", "two.audio")
        )

    assert edited(dissolved, whole).nodes["voice"].inside == nested().nodes["voice"].inside


def test_settings_that_are_changed_inside_are_the_wholes():
    whole = edited(lambda part: edits.set_setting(part, "block", 1024))
    assert whole.settings == {"block": 1024} and whole.nodes["voice"].inside.patch.settings == {}


def test_it_is_told_who_is_called_otherwise():
    before = deeper()
    after = edits.rename(before, "outer", "all")
    assert nesting.moved(before, after) == {
        "outer": "all", "outer__source": "all__source", "outer__voice": "all__voice", "outer__voice__one": "all__voice__one",
        "outer__voice__two": "all__voice__two", "outer__speaker": "all__speaker",
    }  # fmt: skip
    assert nesting.moved(before, edits.move(before, {"speaker": (1, 1)})) == {}


def test_a_copy_is_not_the_node_that_was_copied():
    before = nested()
    after, _ = edits.paste(edits.remove(before, ["voice"]), edits.copy(before, ["voice"]), (0, 0), REGISTRY)
    after = edits.rename(after, "voice", "other")
    assert nesting.moved(before, after) == {}


def test_there_is_no_part_where_there_is_no_subpatch():
    with pytest.raises(PatchError, match="there is no subpatch nobody"):
        nesting.part(nested(), ("nobody",))
    assert nesting.reachable(nested(), ("voice", "deeper", "still")) == ("voice",)
    assert nesting.reachable(nested(), ("nobody",)) == ()
