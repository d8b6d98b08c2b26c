"""Tags set by hand: kept by a Tag node as its param, beside what plays, and undone as one step; and by what a map is coloured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graph_editor import colouring, tags
from graph_editor.document import Document
from graph_editor.made import MadeCorpus, groups
from runtime.corpus import Corpus, Recording, Slice, Table, Tag, members, parts
from runtime.patch import Link, Node, Patch, dumps, loads
from runtime.plan import compile_patch
from runtime.registry import discover

REGISTRY = discover("nodes")
PATCH = Patch(
    nodes={
        "archive": Node("corpus.folder", params={"path": "tapes"}),
        "slicer": Node("corpus.slicer", position=(300.0, 0.0)),
        "trainer": Node("rave.trainer", position=(600.0, 0.0)),
    },
    links=(Link("archive.corpus", "slicer.corpus"), Link("slicer.corpus", "trainer.corpus")),
)
A, B = ("a" * 16, 0, 100), ("b" * 16, 0, 300)


def tag(patch, name, word, more, reason=""):
    return tags.tag(patch, REGISTRY, name, word, more, reason)


def test_the_first_tag_brings_a_tag_node_that_is_fed_and_feeds_nothing():
    patch = tag(PATCH, "slicer", "bells", [A], "they ring")
    assert set(patch.links) == {*PATCH.links, Link("slicer.corpus", "tag.corpus")}  # the training is as it was
    assert patch.nodes["tag"].params["tags"] == {"bells": {"reason": "they ring", "slices": [["a" * 16, 0, 100]]}}
    assert {name: node for name, node in patch.nodes.items() if name != "tag"} == PATCH.nodes
    assert "tag" not in [problem.node for problem in compile_patch(patch, REGISTRY, Path()).problems]


def test_tags_grow_keep_their_reason_and_go_again():
    once = tag(PATCH, "slicer", "bells", [A], "they ring")
    twice = tag(once, "slicer", "bells", [A, B])
    assert len(twice.nodes) == len(once.nodes)
    assert tags.hand_set(twice, "slicer") == {"bells": Tag((A, B), "they ring")}
    assert tags.hand_set(twice, "tag") == tags.hand_set(twice, "slicer")
    assert tags.hand_set(tags.untag(twice, REGISTRY, "slicer", "bells"), "slicer") == {}
    assert tags.hand_set(tag(twice, "tag", "other", [B]), "slicer")["other"] == Tag((B,), "")


def test_a_tag_and_its_node_are_one_step_back():
    document = Document(PATCH, None)
    document.apply("tag", tag(PATCH, "slicer", "bells", [A]))
    document.undo()
    assert document.patch == PATCH


def test_tags_are_plain_text_in_the_patch_s_file_and_read_again():
    patch = tag(PATCH, "slicer", "bells", [A], "they ring")
    assert loads(dumps(patch)).nodes["tag"].params == patch.nodes["tag"].params
    assert '["aaaaaaaaaaaaaaaa", 0, 100]' in dumps(patch)


def test_what_an_earlier_version_kept_in_the_view_is_shown_and_moves_to_the_tag_node():
    old = {"tags": {"worn": {"reason": "tape", "slices": [list(A)]}}, "colour": "rose"}
    patch = PATCH.with_node("slicer", replace(PATCH.nodes["slicer"], view=old))
    assert tags.hand_set(patch, "slicer") == {"worn": Tag((A,), "tape")}
    moved = tag(patch, "slicer", "bells", [B])
    assert moved.nodes["slicer"].view == {"colour": "rose"}
    assert set(moved.nodes["tag"].params["tags"]) == {"worn", "bells"}
    assert tags.untag(patch, REGISTRY, "slicer", "worn").nodes["tag"].params["tags"] == {}


@pytest.mark.parametrize(
    "garbage", [5, {"t": 3}, {"t": {"slices": [["a", 1], ["a", "b", 3], [1, 2, 3], ["a", 5, 2]]}}, {"t": {"slices": "abc"}}]
)
def test_what_is_no_tag_is_passed_over(garbage):
    patch = PATCH.with_node("slicer", Node("corpus.slicer", view={"tags": garbage}))
    assert all(one.parts == () for one in tags.hand_set(patch, "slicer").values())


def sliced(*slices, **more):
    recordings = (Recording("x/a.wav", "a" * 64, 8000, 1, 900), Recording("y/b.wav", "b" * 64, 8000, 1, 900))
    return Corpus(Path(), recordings, tuple(Slice(*one) for one in slices), **more)


def test_a_tag_is_found_again_after_the_corpus_was_cut_otherwise():
    before = sliced((0, 0, 300), (0, 300, 900), (1, 0, 900))
    after = sliced((1, 0, 300), (0, 0, 200), (0, 200, 390), (0, 390, 900), (0, 250, 370))
    found = members(after, Tag(parts(before, [0])))
    np.testing.assert_array_equal(found, [False, True, True, False, False])


# Colours

TINTS, GREY = np.eye(3), [0.5, 0.5, 0.5]


def shown(table=None, notes=None):
    corpus = sliced((0, 0, 100), (0, 100, 200), (1, 0, 300), (1, 300, 900), table=table)
    names, group_of = groups(corpus)
    return MadeCorpus(corpus=corpus, groups=names, group_of=group_of, notes=notes or {})


def test_a_map_can_be_coloured_by_what_is_known():
    table = Table(("loudness", "x", "y", "cluster"), np.zeros((4, 4), np.float32))
    assert colouring.schemes(shown(), {}) == ["folder"]
    assert colouring.schemes(shown(table), {"t": Tag()}) == ["folder", "tag", "cluster", "loudness"]


def test_folders_and_tags_have_colours_of_their_own():
    every, legend = colouring.colours(shown(), "folder", {}, TINTS, GREY)
    np.testing.assert_array_equal(every, TINTS[[0, 0, 1, 1]])
    assert [words for words, _ in legend] == ["x", "y"]
    every, legend = colouring.colours(shown(), "tag", {"t": Tag((A,)), "u": Tag((A, B))}, TINTS, GREY)
    np.testing.assert_array_equal(every, [TINTS[0], GREY, TINTS[1], GREY])
    assert [words for words, _ in legend] == ["t", "u", "no tag"]


def test_clusters_are_told_in_their_words():
    table = Table(("cluster",), np.array([[1], [2], [2], [np.nan]], np.float32))
    notes = {"clusters": [{"number": 1, "words": "dark"}, {"number": 2, "words": "bright, loud"}]}
    every, legend = colouring.colours(shown(table, notes), "cluster", {}, TINTS, GREY)
    np.testing.assert_array_equal(every, [TINTS[0], TINTS[1], TINTS[1], GREY])
    assert [words for words, _ in legend] == ["1 dark", "2 bright, loud"]


def test_a_descriptor_goes_from_cold_to_warm_and_frequencies_in_octaves():
    table = Table(("f0",), np.array([[100], [200], [400], [np.nan]], np.float32))
    every, legend = colouring.colours(shown(table), "f0", {}, TINTS, GREY)
    np.testing.assert_allclose(every[[0, 2, 3]], [colouring.RAMP[0], colouring.RAMP[-1], GREY])
    np.testing.assert_allclose(every[1], (colouring.RAMP[1] + colouring.RAMP[2]) / 2, atol=1e-6)
    assert [words for words, _ in legend] == ["103 Hz", "389 Hz", "unknown"]


def test_where_nothing_is_known_folders_tell_sounds_apart():
    table = Table(("f0",), np.full((4, 1), np.nan, np.float32))
    every, _ = colouring.colours(shown(table), "f0", {}, TINTS, GREY)
    np.testing.assert_array_equal(every, TINTS[[0, 0, 1, 1]])
