"""Maps and groups of described slices: like beside like, the same with the same seed, and what cannot be known has no place."""

import json

import numpy as np
import pytest

from nodes.corpus_describe import DESCRIPTORS
from nodes.corpus_layout import CLUSTERS, Cluster, Layout, features, groups, in_words, umap
from runtime.corpus import Corpus, Recording, Slice, Table
from runtime.errors import NodeError
from tests import corpora

NAMES = tuple(DESCRIPTORS)


def table(count, seed=0):
    """Two kinds of sounds in turns: soft dark tones, loud bright noises."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, len(NAMES))).astype(np.float32)
    kind = np.arange(count) % 2
    for name, tone, hiss in (
        ("loudness", -40, -15), ("centroid", 500, 5000), ("flatness", -40, -4), ("f0", 200, np.nan), ("voicing", 0.9, 0.1),
    ):  # fmt: skip
        values[:, NAMES.index(name)] = np.where(kind == 0, tone, hiss) * random.uniform(0.9, 1.1, count)
    return Table(NAMES, values)


def saved(folder, found):
    count = len(found.values)
    recording = Recording("a.wav", "a" * 64, 100, 1, 100 * max(count, 1))
    slices = tuple(Slice(0, 100 * number, 100 * number + 100) for number in range(count))
    Corpus(folder, (recording,), slices, (), {}, found).write(folder / "made" / "source")
    return folder / "made" / "source"


def points(corpus):
    return np.column_stack([corpus.table.column("x"), corpus.table.column("y")])


@pytest.mark.parametrize("method", ["pca", pytest.param("umap", marks=pytest.mark.slow)])
def test_like_sounds_lie_together_brighter_ones_right_of_darker_ones(tmp_path, method):
    corpus = corpora.made(Layout, tmp_path, saved(tmp_path, table(60)), "laid", method=method)
    places = points(corpus)
    assert places.min() >= 0.0 and places.max() <= 1.0
    dark, bright = places[::2], places[1::2]
    assert np.median(dark[:, 0]) < np.median(bright[:, 0])
    nearest = np.linalg.norm(places[:, None] - places[None], axis=2) + 9.0 * np.eye(60)
    assert (nearest.argmin(axis=1) % 2 == np.arange(60) % 2).mean() > 0.95


@pytest.mark.slow
def test_umap_draws_the_same_map_with_the_same_seed_and_another_with_another():
    values = features(table(40))
    one = umap(values, 15, 0.1, 3)
    np.testing.assert_array_equal(umap(values, 15, 0.1, 3), one)
    assert np.abs(umap(values, 15, 0.1, 4) - one).max() > 0.1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_a_few_slices_are_laid_out_too_and_it_is_said_that_umap_needs_more(tmp_path, count):
    source = saved(tmp_path, table(count))
    outputs, warnings = corpora.run(Layout, tmp_path, source, "laid", method="umap")
    assert np.isfinite(points(Corpus.read(outputs["corpus"], tmp_path))).all()
    assert warnings == [f"umap needs at least 10 slices, and {count} are described; pca draws this map"]


def test_what_could_not_be_described_has_no_place_and_no_group(tmp_path):
    found = table(20)
    found.values[4] = np.nan
    source = saved(tmp_path, found)
    laid = points(corpora.made(Layout, tmp_path, source, "laid"))
    group = corpora.made(Cluster, tmp_path, source, "grouped", count=2).table.column("cluster")
    for part in (laid[:, 0], group):
        np.testing.assert_array_equal(np.flatnonzero(~np.isfinite(part)), [4])


def test_a_sound_without_a_pitch_is_known_all_the_same():
    assert np.isfinite(features(table(10))).all()


@pytest.mark.parametrize("node", [Layout, Cluster])
def test_descriptors_are_asked_for_where_there_are_none(tmp_path, node):
    with pytest.raises(NodeError, match="the slices are not described yet; put a Describe before this"):
        corpora.run(node, tmp_path, saved(tmp_path, Table(("x",), np.zeros((3, 1), np.float32))), "made")


def test_groups_are_found_the_largest_first_and_told_in_words(tmp_path):
    found = table(61)
    outputs, _ = corpora.run(Cluster, tmp_path, saved(tmp_path, found), "grouped", count=2)
    corpus = Corpus.read(outputs["corpus"], tmp_path)
    np.testing.assert_array_equal(corpus.table.column("cluster"), np.arange(61) % 2 + 1)
    told = json.loads((outputs["corpus"] / CLUSTERS).read_text())
    assert [one["slices"] for one in told] == [31, 30]
    assert set(told[0]["words"].split(", ")) < {"soft", "dark", "tonal", "pitched"}
    assert set(told[1]["words"].split(", ")) < {"loud", "bright", "noisy", "unpitched"}


def test_more_groups_than_sounds_are_told(tmp_path):
    found = Table(NAMES, np.tile(table(1).values, (5, 1)))
    outputs, warnings = corpora.run(Cluster, tmp_path, saved(tmp_path, found), "grouped", count=3)
    assert warnings == ["there are only 1 different sounds, so there are 1 groups"]
    np.testing.assert_array_equal(Corpus.read(outputs["corpus"], tmp_path).table.column("cluster"), 1.0)


def test_the_same_seed_gives_the_same_groups():
    values = np.random.default_rng(1).normal(size=(200, 8))
    np.testing.assert_array_equal(groups(values, 5, 7), groups(values, 5, 7))


def test_what_differs_in_nothing_is_like_the_others():
    same = Table(("loudness",), np.zeros((6, 1), np.float32))
    assert in_words(same, np.array([True] * 3 + [False] * 3)) == "like the others"
