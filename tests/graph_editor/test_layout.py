"""Where nodes lie."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_editor import edits, layout
from graph_editor.layers import layered
from runtime.patch import Patch, load
from runtime.registry import discover
from tests.graph_editor.patches import REGISTRY, chain
from tests.graph_editor.test_edits import overlapping
from tests.graph_editor.test_wires import any_patch

ROOT = Path(__file__).parents[2]
NODES = discover("nodes")


def test_the_extent_is_around_frames_with_their_titles_and_comments_too():
    frame = {"title": "all of it", "nodes": ["source", "scale", "gone"]}
    comment = {"text": "look", "position": [600, 400], "width": 300}
    sizes = dict.fromkeys(chain().nodes, (100.0, 50.0))
    framed = replace(chain(), view={"frames": [frame]})
    assert layout.extent(framed, sizes) == (-18.0, -42.0, 700.0, 68.0)
    assert layout.extent(replace(framed, view={"frames": [frame], "comments": [comment]}), sizes) == (-18.0, -42.0, 900.0, 500.0)
    assert layout.extent(Patch(), {}) is None


def test_the_bounds_are_around_all_nodes_or_some_or_none():
    sizes = dict.fromkeys(chain().nodes, (100.0, 50.0))
    assert layout.bounds(chain(), sizes) == (0.0, 0.0, 700.0, 50.0)
    assert layout.bounds(chain(), sizes, ["scale"]) == (300.0, 0.0, 400.0, 50.0)
    assert layout.bounds(chain(), sizes, ["nobody"]) is None and layout.bounds(Patch(), {}) is None


@pytest.mark.parametrize(
    ("view", "zoom"), [((10000, 10000), 1.25), ((780, 580), 1.0), ((779, 580), 0.9), ((780, 300), 0.4), ((1, 1), 0.4)]
)
def test_the_largest_zoom_is_taken_at_which_all_is_seen(view, zoom):
    assert layout.ZOOMS[layout.fitting_zoom((0.0, 0.0, 700.0, 500.0), view)] == zoom


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-600, 600), st.integers(-600, 600)), max_size=30),
    st.tuples(st.integers(-700, 700), st.integers(-700, 700)),
)
def test_a_free_place_is_free_and_no_nearer_one_to_the_side_is(places, wanted):
    sizes = [(200.0, 100.0)] * len(places)
    taken = [layout.box(place, size) for place, size in zip(places, sizes, strict=True)]
    dx, dy = layout.free_shift(taken, [layout.box(wanted, (150.0, 80.0))])
    left, top = wanted[0] + dx, wanted[1] + dy

    def is_free(x, y):
        return all(
            x - 24 >= b[2] - 1e-3 or x + 174 <= b[0] + 1e-3 or y - 24 >= b[3] - 1e-3 or y + 104 <= b[1] + 1e-3 for b in taken
        )

    assert is_free(left, top)
    assert not is_free(*wanted) or (dx, dy) == (0.0, 0.0)
    for share in (0.0, 0.25, 0.5, 0.75):
        if not dx or not dy:  # straight to one side: whatever lies on the way is taken
            assert (dx, dy) == (0.0, 0.0) or not is_free(wanted[0] + dx * share, wanted[1] + dy * share)


def test_nothing_to_move_stays_where_it_is():
    assert layout.free_shift([(0.0, 0.0, 1.0, 1.0)], []) == (0.0, 0.0)


def test_a_free_place_for_a_node_of_2000_is_found_while_nobody_notices():
    boxes = [layout.box((260.0 * (n % 40), 200.0 * (n // 40)), (232.0, 180.0)) for n in range(2000)]
    dx, dy = layout.free_shift(boxes, [layout.box((5000.0, 5000.0), (232.0, 180.0))])
    assert (dx, dy) != (0.0, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_arranged_nodes_lie_from_left_to_right_and_never_over_each_other(seed):
    patch = any_patch(REGISTRY, seed, 30)
    rng = random.Random(seed)
    patch = edits.move(patch, {name: (rng.uniform(0, 900), rng.uniform(0, 900)) for name in patch.nodes})
    before = layout.bounds(patch, layout.sizes_of(patch, REGISTRY))
    places = layout.arrange(patch, REGISTRY, {})
    arranged = edits.move(patch, places)
    assert set(places) == set(patch.nodes) and not overlapping(arranged)
    for link in patch.links:
        source, _, target, port = link.ends()
        if not REGISTRY.get(patch.nodes[target].type).spec.input(port).delayed:
            assert places[source][0] < places[target][0]
    after = layout.bounds(arranged, layout.sizes_of(arranged, REGISTRY))
    assert after[:2] == pytest.approx(before[:2])


def test_nothing_is_arranged_in_an_empty_patch():
    assert layout.arrange(Patch(), REGISTRY, {}) == {}


def test_a_chain_is_arranged_in_one_straight_line():
    sizes = dict.fromkeys("abcd", (100.0, 60.0))
    places = layered(sizes, [("a", "b"), ("b", "c"), ("c", "d")], dict.fromkeys("abcd", 0.0))
    assert places == {"a": (0, 0), "b": (190, 0), "c": (380, 0), "d": (570, 0)}


def test_wires_that_need_not_cross_do_not():
    sizes = dict.fromkeys(("a", "b", "c", "x", "y", "z"), (100.0, 60.0))
    heights = {"a": 0.0, "b": 1.0, "c": 2.0, "x": 2.0, "y": 1.0, "z": 0.0}
    places = layered(sizes, [("a", "x"), ("b", "y"), ("c", "z"), ("a", "y"), ("b", "z")], heights)
    assert places["x"][1] < places["y"][1] < places["z"][1]


def test_what_feeds_a_late_node_stands_directly_before_it():
    sizes = dict.fromkeys("abcm", (100.0, 60.0))
    places = layered(sizes, [("a", "b"), ("b", "c"), ("m", "c")], dict.fromkeys("abcm", 0.0))
    assert places["m"][0] == places["b"][0]


def test_loops_and_nodes_without_wires_are_arranged_too():
    sizes = dict.fromkeys("abcde", (100.0, 60.0))
    places = layered(sizes, [("a", "b"), ("b", "c"), ("c", "a"), ("d", "d")], dict.fromkeys("abcde", 0.0))
    assert set(places) == set("abcde") and places["a"][0] < places["b"][0] < places["c"][0]


@pytest.mark.parametrize("name", ["demo.json", "archive_to_performance.json"])
def test_the_example_patches_can_be_arranged(name):
    patch = load(ROOT / "patches" / name)
    arranged = edits.move(patch, layout.arrange(patch, NODES, {}))
    assert not overlapping(arranged, NODES)


@pytest.mark.parametrize("path", sorted((ROOT / "patches").glob("*.json")), ids=lambda path: path.stem)
def test_in_every_example_the_wires_lead_to_the_right_and_no_node_lies_over_another(path):
    patch = load(path)
    boxes = layout.boxes_of(patch, layout.sizes_of(patch, NODES))
    assert [link for link in patch.links if boxes[link.ends()[0]][2] >= boxes[link.ends()[2]][0]] == []
    assert overlapping(patch, NODES) == []
