"""Edits of nodes and the clipboard."""

from dataclasses import replace

import pytest

from graph_editor import edits, layout, marks
from graph_editor.look import frames_of, pins_of
from graph_editor.names import free_name
from runtime.errors import ParamError, PatchError
from runtime.patch import Node, Patch, dumps
from tests.graph_editor.patches import REGISTRY, chain, nested


def test_a_new_node_is_named_after_the_last_word_of_its_type_and_numbered_where_that_is_taken():
    patch, first = edits.add(Patch(), REGISTRY, "fake.scale", (1, 2))
    patch, second = edits.add(patch, REGISTRY, "fake.scale", (3, 4), {"factor": 2.0})
    assert (first, second) == ("scale", "scale_2")
    assert patch.nodes["scale_2"] == Node("fake.scale", 2, {"factor": 2.0}, (3.0, 4.0))


def test_a_node_that_this_program_does_not_have_cannot_be_added():
    with pytest.raises(PatchError, match=r"there is no node fake\.nothing"):
        edits.add(Patch(), REGISTRY, "fake.nothing", (0, 0))


def test_a_node_added_over_another_comes_beside_it():
    patch, _ = edits.add(Patch(), REGISTRY, "fake.scale", (0, 0), sizes={})
    patch, _ = edits.add(patch, REGISTRY, "fake.scale", (10, 10), sizes={})
    assert not overlapping(patch)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("gain", "gain_2"), ("Gain", "gain_2"), ("3d", "node_3d"), ("", "node"), ("ä ö", "node"), ("a__b", "a_b"), ("free", "free")],
)
def test_any_text_gives_a_free_word(wanted, name):
    assert free_name({"gain"}, wanted) == name


def test_a_long_name_keeps_its_number_within_the_letters_of_a_word():
    long = "a" * 64
    assert free_name({long}, long) == "a" * 62 + "_2"


def test_removing_a_node_takes_its_wires_scene_values_knobs_frames_and_pins():
    patch = marks.toggle_pins(marks.add_frame(nested(), ["voice", "source"], "all"), ["voice", "source.level"])
    left = edits.remove(patch, ["voice", "unknown"])
    assert set(left.nodes) == {"source", "speaker"} and left.links == ()
    assert left.scenes == {"calm": {"params": {"source.level": 0.1}, "links": {}}}
    assert [binding["source"] for binding in left.bindings] == ["osc:/b"]
    assert frames_of(left)[0].nodes == ("source",) and pins_of(left) == ("source.level",)


def test_removing_nothing_changes_nothing():
    patch = nested()
    assert edits.remove(patch, ["unknown"]) is patch


def test_renaming_takes_wires_scenes_knobs_commands_frames_and_pins_along():
    patch = marks.toggle_pins(marks.add_frame(nested(), ["voice"], "all"), ["voice.out"])
    new = edits.rename(patch, "voice", "choir")
    assert "choir.in" in {link.target for link in new.links} and "choir.out" in {link.source for link in new.links}
    assert new.scenes["calm"]["params"] == {"source.level": 0.1, "choir__one.factor": 3.0}
    assert new.bindings[0]["node"] == "choir__one" and new.bindings[2]["command"] == "/param/choir__one/factor 1.5"
    assert frames_of(new)[0].nodes == ("choir",) and pins_of(new) == ("choir.out",)
    assert edits.rename(new, "choir", "voice") == patch


def test_what_a_renamed_node_has_made_stays_valid_because_it_draws_the_same_random_numbers():
    patch = edits.add(chain(), REGISTRY, "fake.student", (0, 0))[0]
    new = edits.rename(edits.rename(patch, "student", "pupil", REGISTRY), "scale", "s", REGISTRY)
    assert new.nodes["pupil"].seed == "student" and new.nodes["s"].seed is None
    assert edits.rename(edits.rename(new, "pupil", "student", REGISTRY), "s", "scale", REGISTRY) == patch


def test_a_model_that_a_scene_leads_to_a_node_follows_both_names():
    scene = {"params": {}, "links": {"scale.audio": "source.audio"}, "seconds": 2.0}
    new = edits.rename(edits.rename(replace(chain(), scenes={"a": scene}), "scale", "s"), "source", "t")
    assert new.scenes["a"] == {"params": {}, "links": {"s.audio": "t.audio"}, "seconds": 2.0}


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("scale", "there is a node scale already"),
        ("Big Name", "must be a word"),
        ("a__b", "two _ in a row"),
        ("9", "must be a word"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_words(new, words):
    with pytest.raises(PatchError, match=words):
        edits.rename(chain(), "source", new)


def test_a_param_is_set_to_what_is_legal_and_reset_by_forgetting_it():
    patch = edits.set_param(chain(), "source", "level", 7, REGISTRY)
    assert patch.nodes["source"].params == {"level": 1.0}
    assert edits.reset_param(patch, "source", "level") == chain()


def test_a_param_that_cannot_be_set_says_why():
    with pytest.raises(ParamError, match="level must be a number, got 'loud'"):
        edits.set_param(chain(), "source", "level", "loud", REGISTRY)
    with pytest.raises(PatchError, match="source has no param gain; it has level, channels"):
        edits.set_param(chain(), "source", "gain", 1.0, REGISTRY)
    with pytest.raises(PatchError, match="which this glasspatch does not have"):
        edits.set_param(Patch().with_node("a", Node("other.thing")), "a", "gain", 1.0, REGISTRY)
    with pytest.raises(PatchError, match="voice has no param gain; it has none"):
        edits.set_param(nested(), "voice", "gain", 1.0, REGISTRY)


def test_a_setting_is_set_to_what_is_legal():
    assert edits.set_setting(Patch(), "sample_rate", 1).settings == {"sample_rate": 8000}
    with pytest.raises(PatchError, match="there is no setting tempo"):
        edits.set_setting(Patch(), "tempo", 1)


def test_modes_titles_colours_and_folds_come_and_go():
    patch = edits.set_mode(chain(), ["source", "scale"], "bypass")
    patch = edits.set_folded(edits.set_colour(edits.set_title(patch, ["source"], "Voice"), ["source"], "teal"), ["source"], True)
    assert patch.nodes["scale"].mode == "bypass"
    assert patch.nodes["source"].view == {"title": "Voice", "colour": "teal", "folded": True}
    patch = edits.set_mode(patch, patch.nodes, None)
    patch = edits.set_folded(edits.set_colour(edits.set_title(patch, ["source"], ""), ["source"], ""), ["source"], False)
    assert dumps(patch) == dumps(chain())
    with pytest.raises(PatchError, match="not loud"):
        edits.set_mode(patch, ["source"], "loud")


def test_copied_nodes_are_pasted_with_their_wires_and_frames_under_free_names():
    patch = marks.add_frame(chain(), ["source", "scale"], "voice")
    text = edits.copy(patch, ["source", "scale"])
    pasted, names = edits.paste(patch, text, (0, 500), REGISTRY)
    assert set(names) == {"source_2", "scale_2"}
    assert [(link.source, link.target) for link in pasted.links if "_2" in link.source] == [("source_2.audio", "scale_2.audio")]
    assert [frame.nodes for frame in frames_of(pasted)] == [("source", "scale"), ("source_2", "scale_2")]
    assert pasted.nodes["source_2"].position == (0.0, 500.0)


def test_a_frame_of_which_a_part_is_copied_stays():
    patch = marks.add_frame(chain(), ["source", "scale"], "voice")
    pasted, _ = edits.paste(Patch(), edits.copy(patch, ["source"]), (0, 0), REGISTRY)
    assert frames_of(pasted) == ()


def test_names_that_are_pasted_never_clash_with_each_other():
    here = Patch().with_node("gain", Node("fake.scale"))
    text = dumps(Patch().with_node("gain", Node("fake.scale")).with_node("gain_2", Node("fake.scale")))
    _, names = edits.paste(here, text, (0, 0), REGISTRY)
    assert names == ["gain_3", "gain_2"]


def test_what_is_pasted_lies_over_nothing():
    patch = chain()
    for _ in range(4):
        patch, _ = edits.paste(patch, edits.copy(chain(), chain().nodes), (20, 20), REGISTRY)
    assert not overlapping(patch)


@pytest.mark.parametrize(
    ("text", "words"), [("hello", "not JSON"), ("", "not JSON"), ("{}", "format"), (dumps(Patch()), "no nodes")]
)
def test_what_is_no_patch_cannot_be_pasted(text, words):
    with pytest.raises(PatchError, match=words):
        edits.paste(chain(), text, (0, 0), REGISTRY)


def test_a_subpatch_travels_over_the_clipboard_whole():
    pasted, names = edits.paste(Patch(), edits.copy(nested(), ["voice"]), (0, 0), REGISTRY)
    assert names == ["voice"] and pasted.nodes["voice"] == nested().nodes["voice"]


def test_duplicates_have_the_wires_among_them_and_no_others():
    patch, names = edits.duplicate(chain(), ["source", "scale"], (28, 28))
    assert names == ["source_2", "scale_2"] and patch.nodes["source_2"].position == (28.0, 28.0)
    assert len(patch.links) == 3 and patch.with_link("source_2.audio", "scale_2.audio") == patch


def test_duplicates_lie_over_nothing_where_sizes_are_known():
    sizes = layout.sizes_of(chain(), REGISTRY)
    patch, _ = edits.duplicate(chain(), ["source", "scale"], (28, 28), sizes)
    assert not overlapping(patch)


SIZES = {"source": (100.0, 50.0), "scale": (200.0, 80.0), "speaker": (60.0, 200.0)}


@pytest.mark.parametrize(
    ("how", "places"),
    [
        ("left", [(0, 0), (0, 100), (0, 300)]),
        ("right", [(560, 0), (460, 100), (600, 300)]),
        ("row", [(0, 0), (124, 0), (348, 0)]),
        ("column", [(0, 0), (0, 74), (0, 178)]),
        ("top", [(0, 0), (300, 0), (600, 0)]),
        ("bottom", [(0, 450), (300, 420), (600, 300)]),
    ],
)
def test_nodes_are_aligned(how, places):
    patch = edits.move(chain(), {"scale": (300, 100), "speaker": (600, 300)})
    patch = edits.align(patch, patch.nodes, how, SIZES)
    assert [patch.nodes[name].position for name in SIZES] == places


def test_aligned_nodes_do_not_come_to_lie_over_each_other():
    patch = edits.align(chain(), chain().nodes, "left", SIZES)
    assert [patch.nodes[name].position for name in SIZES] == [(0, 0), (0, 74), (0, 178)]


def test_aligning_nothing_or_in_no_known_way():
    assert edits.align(chain(), [], "left", SIZES) == chain()
    with pytest.raises(PatchError, match="not round"):
        edits.align(chain(), ["scale"], "round", SIZES)


def overlapping(patch, registry=REGISTRY):
    """Pairs of nodes that lie over each other."""
    boxes = layout.boxes_of(patch, layout.sizes_of(patch, registry))
    return [
        (one, two)
        for one, a in boxes.items()
        for two, b in boxes.items()
        if one < two and a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
