"""Cleaning: which moments are taken out and why, counted by hand; nothing gets louder or softer."""

import json

import numpy as np
import pytest

from nodes.corpus_clean import AUDIT, Clean, after_clicks, label
from nodes.corpus_slicer import Slicer
from runtime.corpus import Corpus, members
from runtime.errors import NodeError
from tests import corpora
from tests.corpora import RATE, noise, silence, write


def clean(folder, source=None, target="cleaned", **params):
    """(what is kept, what was removed, the audit)."""
    outputs, _ = corpora.run(Clean, folder, source or corpora.gather(folder), target, **params)
    audit = json.loads((outputs["corpus"] / AUDIT).read_text())
    return Corpus.read(outputs["corpus"], folder), Corpus.read(outputs["removed"], folder), audit


def seconds(corpus):
    return [(round(one.start / RATE, 2), round(one.end / RATE, 2)) for one in corpus.slices]


def why(corpus):
    """The tag of each removed slice."""
    found = {name: members(corpus, tag) for name, tag in corpus.tags.items()}
    return [next(name for name, of in found.items() if of[number]) for number in range(len(corpus.slices))]


def test_silence_goes_at_both_ends_and_inside_with_a_breath_left_around_sounds(tmp_path):
    sound = np.concatenate([silence(1.0), noise(1.0), silence(3.0), noise(1.0), silence(0.5), noise(0.5), silence(2.0)])
    write(tmp_path / "archive/a.wav", sound)
    kept, removed, audit = clean(tmp_path, margin=0.1)
    assert seconds(kept) == [(0.9, 2.1), (4.9, 7.1)]  # half a second of silence is a pause
    assert seconds(removed) == [(0.0, 0.9), (2.1, 4.9), (7.1, 9.0)]
    assert why(removed) == ["silence at the beginning", "silence", "silence at the end"]
    assert audit["files"][0]["removed"] == {
        "silence at the beginning": 0.9,
        "silence": 2.8,
        "silence at the end": 1.9,
    }
    assert audit["total"] == {**audit["total"], "seconds": 9.0, "kept": 3.4}
    assert kept.rejected[0].reason == "0.90 s (0.00 to 0.90 s): silence at the beginning"
    assert (kept.rejected[1].start, kept.rejected[1].end) == (removed.slices[1].start, removed.slices[1].end)


def test_kept_and_removed_are_the_whole_recording_and_can_be_heard(tmp_path):
    sound = np.concatenate([silence(0.33), noise(1.0), silence(1.77), noise(0.41), silence(0.1)])
    write(tmp_path / "archive/a.wav", sound)
    kept, removed, _ = clean(tmp_path)
    parts = sorted([*kept.slices, *removed.slices], key=lambda one: one.start)
    np.testing.assert_array_equal(np.concatenate([kept.load(one)[0] for one in parts]), sound)
    assert not any(removed.load(one).any() for one in removed.slices)


def test_silences_inside_can_be_left_alone(tmp_path):
    write(tmp_path / "archive/a.wav", np.concatenate([noise(1.0), silence(5.0), noise(1.0)]))
    kept, removed, _ = clean(tmp_path, inside=False)
    assert seconds(kept) == [(0.0, 7.0)]
    assert removed.slices == ()


def test_soft_sound_stays_as_soft_as_it_is(tmp_path):
    sound = np.concatenate([noise(2.0, 0.3), noise(2.0, 0.002)])
    write(tmp_path / "archive/a.wav", sound)
    kept, _, audit = clean(tmp_path, gate=-60.0)
    np.testing.assert_array_equal(kept.load(kept.slices[0])[0], sound)
    assert audit["files"][0]["before"] == audit["files"][0]["after"]
    _, removed, audit = clean(tmp_path, target="harder", gate=-36.0)  # -54 dBFS is below, and is taken out as it is
    assert seconds(removed) == [(2.1, 4.0)]
    assert audit["files"][0]["after"]["floor"] > audit["files"][0]["before"]["floor"] + 30.0


def click(sound, at, lasts=0.004, level=0.5):
    """The sound with a click laid over."""
    found = sound.copy()
    start = round(at * RATE)
    found[start : start + round(lasts * RATE)] += noise(lasts, level, seed=9)
    return found


def test_the_clicks_of_the_recorder_s_keys_are_cut_off_at_both_ends(tmp_path):
    hiss = noise(8.0, 0.0005)
    hiss[2 * RATE : 6 * RATE] += noise(4.0, 0.05, seed=1)
    write(tmp_path / "archive/a.wav", click(click(hiss, 0.3), 7.8))
    kept, removed, audit = clean(tmp_path, gate=-90.0)
    assert why(removed) == ["recorder click", "recorder click"]
    (start, end) = seconds(kept)[0]
    assert start == pytest.approx(0.31, abs=0.03) and start > 0.304
    assert end == pytest.approx(7.79, abs=0.03) and end < 7.8
    assert set(audit["files"][0]["removed"]) == {"recorder click"}
    kept, _, _ = clean(tmp_path, target="with", gate=-90.0, clicks=0.0)
    assert seconds(kept) == [(0.0, 8.0)]


def test_a_pluck_at_the_beginning_is_no_click(tmp_path):
    time = np.arange(3 * RATE) / RATE
    pluck = (0.5 * np.exp(-6.0 * time) * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    write(tmp_path / "archive/a.wav", np.concatenate([silence(0.2), pluck]))
    _, removed, _ = clean(tmp_path)
    assert "recorder click" not in removed.tags


def test_a_click_is_short_stands_out_and_stands_alone():
    quiet = np.full(400, -60.0)

    def with_burst(first, last, level=-20.0, around=None):
        found = quiet.copy() if around is None else around.copy()
        found[first:last] = level
        return found

    assert after_clicks(with_burst(10, 12), 200) == 12
    assert after_clicks(with_burst(0, 3), 200) == 3
    assert after_clicks(with_burst(10, 30), 200) == 0  # 100 ms are a sound
    assert after_clicks(with_burst(10, 12, level=-45.0), 200) == 0  # 15 dB do not stand out
    assert after_clicks(with_burst(300, 302), 200) == 0  # too far from the end
    assert after_clicks(with_burst(10, 12, around=with_burst(40, 90)), 200) == 0  # a consonant before its word
    assert after_clicks(with_burst(60, 62, around=with_burst(10, 12)), 200) == 62
    assert after_clicks(np.zeros(0), 200) == 0


def test_a_recorder_s_offset_is_told_and_taken_off_when_the_sound_is_loaded(tmp_path):
    sound = np.stack([noise(2.0, 0.05) + 0.1, noise(2.0, 0.05, seed=1)], axis=1)
    write(tmp_path / "archive/a.wav", sound)
    kept, _, audit = clean(tmp_path)
    left, right = kept.recordings[0].offset
    assert left == pytest.approx(0.1, abs=0.002) and abs(right) < 0.002
    assert audit["files"][0]["offset"] == [left, right]
    loaded = kept.load(kept.slices[0])
    assert np.abs(loaded.mean(axis=1)).max() < 0.002
    np.testing.assert_allclose(loaded[0], sound[:, 0] - left, atol=1e-6)
    whole, _, _ = clean(tmp_path, target="whole", offset=False)
    assert whole.recordings[0].offset == ()


def test_an_offset_does_not_hide_silence_from_the_gate(tmp_path):
    write(tmp_path / "archive/a.wav", np.concatenate([silence(2.0), noise(0.5, 0.1), silence(3.0)]) + 0.01)
    kept, _, _ = clean(tmp_path)
    assert seconds(kept) == [(1.9, 2.6)]


def test_cleaning_what_is_clean_takes_nothing(tmp_path):
    write(tmp_path / "archive/a.wav", np.concatenate([silence(1.0), noise(1.0), silence(3.0), noise(1.0)]) + 0.01)
    once, _, _ = clean(tmp_path)
    again, removed, _ = clean(tmp_path, tmp_path / "made/cleaned/kept", "again")
    assert again.slices == once.slices
    assert again.recordings == once.recordings
    assert removed.slices == ()


def test_a_recording_that_is_all_silence_goes_as_a_whole_and_the_others_stay(tmp_path):
    write(tmp_path / "archive/a.wav", silence(2.0))
    write(tmp_path / "archive/b.wav", noise(1.0))
    kept, removed, audit = clean(tmp_path)
    assert [one.recording for one in kept.slices] == [1]
    assert seconds(removed) == [(0.0, 2.0)]
    assert [file["kept"] for file in audit["files"]] == [0.0, 1.0]
    assert audit["files"][0]["after"] == {}


def test_where_everything_is_silence_it_is_said_what_to_do(tmp_path):
    write(tmp_path / "archive/a.wav", silence(2.0))
    with pytest.raises(NodeError, match="everything in the corpus is softer than the gate of -60 dBFS; lower the gate"):
        clean(tmp_path)


def test_one_sample_and_a_moment_are_cleaned_too(tmp_path):
    write(tmp_path / "archive/a.wav", np.full(1, 0.5, np.float32))
    write(tmp_path / "archive/b.wav", noise(0.03))
    kept, _, _ = clean(tmp_path)
    assert [(one.start, one.end) for one in kept.slices] == [(0, 1), (0, round(0.03 * RATE))]


def test_slices_are_cleaned_one_by_one(tmp_path):
    write(tmp_path / "archive/a.wav", np.concatenate([noise(1.0), silence(1.0), noise(1.0), silence(1.0)]))
    sliced, _ = corpora.run(Slicer, tmp_path, corpora.gather(tmp_path), "sliced", method="fixed", length=2.0)
    kept, _, audit = clean(tmp_path, sliced["corpus"], margin=0.0)
    assert seconds(kept) == [(0.0, 1.0), (2.0, 3.0)]
    assert audit["files"][0]["removed"] == {"silence at the end": 2.0}


def test_labels_of_windows_by_hand():
    level = np.array([-90, -90, -20, -90, -90, -90, -90, -90, -20, -90], float)
    assert label(level, (0, 0), -60.0, 4, 1, True).tolist() == [2, 0, 0, 0, 4, 4, 4, 0, 0, 0]
    assert label(level, (3, 0), -60.0, 4, 1, True).tolist() == [1, 1, 1, 2, 2, 2, 2, 0, 0, 0]
    assert label(level, (0, 0), -60.0, 6, 1, True).tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]
