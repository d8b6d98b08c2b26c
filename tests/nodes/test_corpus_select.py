"""Three corpora out of one archive: rules, tags, choices, splits and merges, with what is said where nothing fits."""

import numpy as np
import pytest

from nodes.corpus_describe import Describe
from nodes.corpus_rules import fitting, in_folder, named, within
from nodes.corpus_select import Merge, Select, Split, Tagger
from nodes.corpus_slicer import Slicer
from runtime.corpus import Corpus, Recording, Slice, Table, Tag, members
from runtime.errors import NodeError, ParamError
from runtime.spec import TagsParam
from tests import corpora
from tests.corpora import noise, sine, write


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))


PATHS = ("tapes/voices/Rain in May.wav", "tapes/voices/choir.wav", "tapes/metal/bell.flac", "tapes/rain.wav")


def corpus(folder, **more):
    """Four recordings of one second, each cut into two slices, with a table of loudness and clusters."""
    recordings = tuple(Recording(path, f"{number:064d}"[::-1], 100, 1, 100) for number, path in enumerate(PATHS))
    slices = tuple(Slice(number // 2, 50 * (number % 2), 50 * (number % 2) + 50) for number in range(8))
    values = np.column_stack([np.arange(8) * -10.0, [1, 1, 2, 2, 2, 3, 3, np.nan]]).astype(np.float32)
    found = Corpus(folder, recordings, slices, (), {}, Table(("loudness", "cluster"), values))
    return Corpus(**{**found.__dict__, **more})


def saved(folder, **more):
    place = folder / "made" / "source"
    corpus(folder, **more).write(place)
    return place


def chosen(folder, source=None, **params):
    """The numbers (from 0 to 7) of the slices that Select chooses."""
    found = corpora.made(Select, folder, source or saved(folder), "selected", **params)
    return [2 * one.recording + (one.start > 0) for one in found.slices]


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"what": "voices"}, [0, 1, 2, 3]),
        ({"what": "Voices, METAL"}, [0, 1, 2, 3, 4, 5]),
        ({"what": "tapes/m*"}, [4, 5]),
        ({"by": "name", "what": "rain"}, [0, 1, 6, 7]),
        ({"by": "name", "what": "*.flac"}, [4, 5]),
        ({"by": "descriptor", "what": "-30..-10"}, [1, 2, 3]),
        ({"by": "descriptor", "what": "> -15, < -65"}, [0, 1, 7]),
        ({"by": "cluster", "what": "1, 3"}, [0, 1, 5, 6]),
        ({"by": "cluster", "what": "1, 3", "invert": True}, [2, 3, 4, 7]),
    ],
)
def test_slices_are_chosen_by_folder_name_descriptor_or_cluster(tmp_path, params, wanted):
    assert chosen(tmp_path, **params) == wanted


def test_the_table_goes_with_the_chosen_slices(tmp_path):
    found = corpora.made(Select, tmp_path, saved(tmp_path), "selected", by="name", what="bell")
    np.testing.assert_array_equal(found.table.column("loudness"), [-40.0, -50.0])


def test_a_tag_chooses_what_carries_it(tmp_path):
    tag = Tag((("1" + "0" * 15, 0, 50), ("2" + "0" * 15, 40, 100)), "they ring")
    assert chosen(tmp_path, saved(tmp_path, tags={"bells": tag}), by="tag", what="Bells") == [2, 5]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"what": " , "}, "it is not said which folder to take; the folders are voices, metal, tapes"),
        ({"what": "attic"}, "no slice fits 'attic'; the folders are voices, metal, tapes"),
        ({"by": "name", "what": "xyz"}, "no slice fits 'xyz'; the files are Rain in May.wav, choir.wav, bell.flac, rain.wav"),
        ({"by": "tag", "what": "bells"}, "no slice is tagged 'bells'; no slice has a tag; draw around some on a map"),
        ({"by": "descriptor", "what": "> 0"}, "no slice fits '> 0'; loudness goes from -70 to 0 LUFS"),
        ({"by": "descriptor", "what": "loud"}, "a range must be written as -40..-20, 500.., > 500 or < 2, got 'loud'"),
        ({"by": "descriptor", "descriptor": "f0", "what": "> 0"}, "the slices have no f0 yet; put a Describe before this"),
        ({"by": "cluster", "what": "4"}, r"no slice fits '4'; the clusters are 1 \(2\), 2 \(3\), 3 \(2\)"),
        ({"by": "cluster", "what": "two"}, "a cluster must be a number, got 'two'"),
        ({"what": "tapes", "invert": True}, "no slice is left beside 'tapes'"),
    ],
)
def test_what_fits_nothing_is_told_with_what_there_is(tmp_path, params, words):
    with pytest.raises(NodeError, match=words):
        chosen(tmp_path, **params)


def test_clusters_are_asked_for_where_there_are_none(tmp_path):
    with pytest.raises(NodeError, match="the slices have no clusters yet; put a Cluster before this"):
        chosen(tmp_path, saved(tmp_path, table=None), by="cluster", what="1")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("1..2", [1, 2]),
        ("2..", [2, 3]),
        ("..1.5", [-1, 0, 1]),
        ("-1 to 0", [-1, 0]),
        (">2", [3]),
        (">= 2", [2, 3]),
        ("< 0", [-1]),
        ("<=-1", [-1]),
    ],
)
def test_ranges_are_read_as_they_are_written_and_nan_lies_in_none(words, wanted):
    values = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, np.nan])
    assert values[within(values, words)].tolist() == wanted


@pytest.mark.parametrize("words", ["..", "5", "3..1", "a..b", "> ", "1...2", ""])
def test_what_is_no_range_is_refused(words):
    with pytest.raises(NodeError, match="a range must be written as"):
        within(np.zeros(3), words)


def test_folders_and_names_match_without_regard_to_case():
    assert in_folder("Archive/Old Tapes/x.wav", "old tapes")
    assert in_folder("Archive/Old/x.wav", "archive/old")
    assert not in_folder("Archive/Old/x.wav", "x.wav")
    assert not in_folder("x.wav", "*")
    assert named("a/Rain_01.WAV", "rain")
    assert not named("rain/other.wav", "rain")


def test_one_archive_is_split_into_three_corpora_and_a_rest(tmp_path):
    outputs, _ = corpora.run(Split, tmp_path, saved(tmp_path), "split", by="name", first="rain in", second="rain, bell")
    found = {name: {PATHS[one.recording] for one in Corpus.read(path, tmp_path).slices} for name, path in outputs.items()}
    # The first that fits takes it.
    assert found == {"first": {PATHS[0]}, "second": {PATHS[2], PATHS[3]}, "third": set(), "rest": {PATHS[1]}}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "it is not said what goes where; the folders are voices, metal, tapes"),
        ({"first": "tapes", "third": "metal"}, "nothing goes to the third: no slice that is left fits 'metal'; the folders are"),
    ],
)
def test_a_split_that_leaves_one_empty_is_told(tmp_path, params, words):
    with pytest.raises(NodeError, match=words):
        corpora.run(Split, tmp_path, saved(tmp_path), "split", **params)


def test_merging_takes_each_slice_once_and_keeps_tags_and_descriptors(tmp_path):
    whole = corpus(tmp_path)
    one, two = whole.with_slices(np.arange(4)), whole.with_slices(np.arange(2, 7))
    one = Corpus(**{**one.__dict__, "tags": {"t": Tag((("0" * 16, 0, 50),), "first")}})
    reverse = Corpus(
        tmp_path,
        whole.recordings[::-1],
        tuple(Slice(3 - piece.recording, piece.start, piece.end) for piece in two.slices),
        tags={"t": Tag((("1" + "0" * 15, 0, 50),), ""), "u": Tag()},
        table=two.table,
    )
    paths = {"one": tmp_path / "one", "two": tmp_path / "two", "three": None, "four": None}
    one.write(tmp_path / "one")
    reverse.write(tmp_path / "two")
    outputs, _ = corpora.run(Merge, tmp_path, paths, "merged")
    found = Corpus.read(outputs["corpus"], tmp_path)
    assert found.slices == whole.slices[:7]
    np.testing.assert_array_equal(found.table.values, whole.table.values[:7])
    assert found.tags["t"] == Tag((("0" * 16, 0, 50), ("1" + "0" * 15, 0, 50)), "first")
    Corpus(**{**reverse.__dict__, "table": None}).write(tmp_path / "two")
    (tmp_path / "two/descriptors.npz").unlink()
    outputs, _ = corpora.run(Merge, tmp_path, paths, "again")
    assert Corpus.read(outputs["corpus"], tmp_path).table is None


def test_tags_set_by_hand_and_by_a_rule_reach_the_next_node(tmp_path):
    by_hand = {"too soft": {"reason": "the tape is worn", "slices": [["1" + "0" * 15, 0, 50]]}}
    outputs, warnings = corpora.run(
        Tagger, tmp_path, saved(tmp_path), "tagged", tags=by_hand, name="rainy", reason="it falls", by="name", what="rain"
    )
    assert warnings == []
    assert chosen(tmp_path, outputs["corpus"], by="tag", what="too soft") == [2]
    assert chosen(tmp_path, outputs["corpus"], by="tag", what="rainy") == [0, 1, 6, 7]
    found = Corpus.read(outputs["corpus"], tmp_path)
    assert {name: tag.reason for name, tag in found.tags.items()} == {"too soft": "the tape is worn", "rainy": "it falls"}


def test_a_rule_that_tags_nothing_is_told_and_goes_on(tmp_path):
    outputs, warnings = corpora.run(Tagger, tmp_path, saved(tmp_path), "tagged", name="snow", by="name", what="snow")
    assert warnings == ["no slice fits 'snow'; the files are Rain in May.wav, choir.wav, bell.flac, rain.wav"]
    assert Corpus.read(outputs["corpus"], tmp_path).tags["snow"] == Tag()


def test_tags_stay_with_their_sound_when_it_is_cut_otherwise(tmp_path):
    write(tmp_path / "archive/a.wav", noise(4.0))
    folder = corpora.gather(tmp_path)
    sha = Corpus.read(folder, tmp_path).recordings[0].sha256[:16]
    tags = {"t": {"reason": "", "slices": [[sha, 0, 22050]]}}
    outputs, _ = corpora.run(Tagger, tmp_path, folder, "tagged", tags=tags)
    found = corpora.made(Slicer, tmp_path, outputs["corpus"], "sliced", method="fixed", length=0.5)
    np.testing.assert_array_equal(members(found, found.tags["t"]), [True, True] + [False] * 6)


def test_a_file_that_lies_there_twice_is_tagged_twice(tmp_path):
    whole = corpus(tmp_path)
    twin = Recording("tapes/copy.wav", whole.recordings[0].sha256, 100, 1, 100)
    both = Corpus(tmp_path, (*whole.recordings, twin), (*whole.slices, Slice(4, 0, 50)))
    np.testing.assert_array_equal(np.flatnonzero(members(both, Tag((("0" * 16, 0, 50),)))), [0, 8])


@pytest.mark.parametrize(
    "garbage",
    [
        5,
        [],
        {"t": 3},
        {"t": {"slices": []}},
        {"t": {"reason": "", "slices": [["a", 1]]}},
        {"t": {"reason": "", "slices": [[1, 2, 3]]}},
    ],
)
def test_a_tags_param_refuses_what_is_no_tag(garbage):
    with pytest.raises(ParamError, match="tags must be tags, each with its reason and its slices"):
        TagsParam(name="tags").coerce(garbage)


def test_a_hundred_thousand_slices_are_chosen_in_a_moment(tmp_path):
    recordings = tuple(Recording(f"tapes/{n:03d}.wav", f"{n:064d}"[::-1], 100, 1, 10**6) for n in range(100))
    slices = tuple(Slice(n % 100, n, n + 1) for n in range(100_000))
    values = np.random.default_rng(0).uniform(-60, 0, (100_000, 1)).astype(np.float32)
    many = Corpus(tmp_path, recordings, slices, (), {}, Table(("loudness",), values))
    assert fitting(many, "descriptor", "loudness", "-30..").sum() == (values >= -30).sum()
    assert fitting(many, "name", "loudness", "01?.wav").sum() == 10_000


def test_described_sounds_are_split_by_what_they_are(tmp_path):
    for number in range(3):
        write(tmp_path / f"archive/{number}.wav", np.concatenate([sine(200.0 + number, 1.0), noise(1.0, 0.05)]))
    sliced, _ = corpora.run(Slicer, tmp_path, corpora.gather(tmp_path), "sliced", method="fixed", length=1.0)
    described, _ = corpora.run(Describe, tmp_path, sliced["corpus"], "described")
    outputs, _ = corpora.run(
        Split, tmp_path, described["corpus"], "split", by="descriptor", descriptor="flatness", first="< -20", second="> -10"
    )
    tones, hiss = (Corpus.read(outputs[name], tmp_path) for name in ("first", "second"))
    assert [one.start for one in tones.slices] == [0, 0, 0]
    assert [one.start for one in hiss.slices] == [22050, 22050, 22050]
