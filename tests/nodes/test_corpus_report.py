"""The report: what is measured, counted by hand, and what it says about it in words."""

import json

import numpy as np
import pytest
import soundfile

from nodes.corpus_describe import Describe
from nodes.corpus_findings import alike, duplicates, level_range, octaves, rows_of_slices
from nodes.corpus_hearing import kept
from nodes.corpus_report import EXPECT, PICTURE, REPORT, Report, length
from nodes.corpus_slicer import Slicer
from runtime.corpus import Corpus
from runtime.errors import NodeError
from tests import corpora, media
from tests.corpora import RATE, noise, silence, sine, write


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))


def report(folder, source=None):
    """(numbers, {title: (kind, words)}, where it lies)."""
    outputs, _ = corpora.run(Report, folder, source or corpora.gather(folder), "report")
    told = json.loads((outputs["corpus"] / REPORT).read_text())
    return told["numbers"], {one["title"]: (one["kind"], one["words"]) for one in told["findings"]}, outputs["corpus"]


def talk(seconds, seed=0, rate=RATE):
    """Sound that moves as speech does, so that it is like nothing but itself."""
    steps = np.arange(0.0, seconds + 0.2, 0.1)
    heights = np.random.default_rng(seed).uniform(0.0, 1.0, len(steps))
    level = np.interp(np.arange(round(seconds * rate)) / rate, steps, heights)
    return (level**2 * (noise(seconds, 0.1, seed, rate) + sine(150.0 + 10 * seed, seconds, 0.2, rate))).astype(np.float32)


def test_silent_and_clipped_moments_are_taken_off_what_can_be_used(tmp_path):
    loud = np.clip(sine(300.0, 1.0, 3.0), -1.0, 1.0)
    write(tmp_path / "archive/a.wav", np.concatenate([noise(6.0), silence(3.0), loud]))
    numbers, said, _ = report(tmp_path)
    assert numbers["seconds"] == pytest.approx(10.0)
    assert numbers["silent"] == pytest.approx(3.0, abs=0.05)
    assert numbers["spoilt"] == pytest.approx(1.0, abs=0.05)
    assert numbers["usable"] == pytest.approx(6.0, abs=0.1)
    assert said["6.0 s of 10 s can be used"][0] == "warn"
    assert said["30 % is silence"][0] == "warn"
    assert said["Clipping"] == (
        "warn",
        "1.0 s in 1 recording (a.wav) are cut off at full scale. The model will learn the distortion as part of the sound: keep "
        "it if you want it.",
    )


def test_a_copy_in_another_format_at_another_level_is_found_and_other_takes_are_not(tmp_path):
    for number in range(4):
        write(tmp_path / f"archive/{number}.wav", talk(5.0, number))
    soundfile.write(tmp_path / "archive/copy.mp3", 0.5 * talk(5.0, 2), RATE)
    numbers, said, place = report(tmp_path)
    corpus = Corpus.read(place, tmp_path)
    names = [corpus.recordings[piece.recording].path for piece in corpus.slices]
    pairs = [[names[pair["slice"]], names[pair["of"]]] for pair in numbers["duplicates"]]
    assert pairs == [["archive/copy.mp3", "archive/2.wav"]]
    assert numbers["repeated"] == pytest.approx(5.0, abs=0.1)
    assert numbers["usable"] < 20.1
    assert "most in copy.mp3, which repeats 2.wav" in said["Near-duplicates"][1]


def test_files_that_are_the_same_byte_for_byte_are_told(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"archive/{name}.wav", talk(3.0))
    _, said, _ = report(tmp_path)
    assert "1 file lies there twice, byte for byte" in said["Near-duplicates"][1]


def test_pieces_of_one_long_noise_are_no_duplicates(tmp_path):
    write(tmp_path / "archive/rain.wav", noise(20.0))
    sliced, _ = corpora.run(Slicer, tmp_path, corpora.gather(tmp_path), "sliced", method="fixed", length=1.0)
    numbers, _, _ = report(tmp_path, sliced["corpus"])
    assert numbers["duplicates"] == []


def test_the_notes_of_instruments_are_no_duplicates_of_each_other(tmp_path):
    media.archive(tmp_path / "archive", 60.0)
    sliced, _ = corpora.run(Slicer, tmp_path, corpora.gather(tmp_path), "sliced")
    numbers, _, _ = report(tmp_path, sliced["corpus"])
    # A struck bell of the synthesis is the same bell each time; nothing else is.
    assert numbers["repeated"] < 0.03 * numbers["seconds"]


@pytest.mark.parametrize("mains", [50, 60])
def test_hum_of_the_mains_is_told_with_its_frequency_and_its_files(tmp_path, mains):
    hum = sum(sine(k * mains, 6.0, 0.02 / k) for k in (1, 2, 3))
    write(tmp_path / "archive/old tape.wav", talk(6.0) + hum + noise(6.0, 0.002))
    write(tmp_path / "archive/clean.wav", talk(6.0, 1) + noise(6.0, 0.002))
    numbers, said, _ = report(tmp_path)
    assert {one["path"]: one["hum"] for one in numbers["recordings"]} == {
        "archive/old tape.wav": mains,
        "archive/clean.wav": None,
    }
    assert said[f"Hum of the mains ({mains} Hz)"] == (
        "warn",
        f"6.0 s (old tape.wav) hum at {mains} Hz and its harmonics. A model keeps what is always there: it will hum as well.",
    )


def test_the_noise_floor_is_that_of_the_softest_moments_without_digital_silence(tmp_path):
    hiss = noise(10.0, 10 ** (-45 / 20))
    hiss[: 5 * RATE] += noise(5.0, 0.1, 1)
    write(tmp_path / "archive/a.wav", np.concatenate([hiss, silence(5.0)]))
    numbers, said, _ = report(tmp_path)
    assert numbers["floor"] == pytest.approx(-45.0, abs=1.0)
    assert said["Noise floor -45 dBFS"][0] == "note"


def test_the_level_range_leaves_out_what_is_far_below_the_mean():
    loud = np.concatenate([np.full(50, -30.0), np.full(50, -20.0), np.full(100, -55.0), np.full(9, -100.0)])
    found = level_range(loud)
    assert (found["low"], found["high"]) == (-30.0, -20.0)
    assert level_range(np.full(5, -90.0)) is None


def test_wide_and_very_soft_levels_are_told(tmp_path):
    write(tmp_path / "archive/a.wav", noise(10.0, 0.001))
    _, said, _ = report(tmp_path)
    assert said["Very soft"][0] == "warn"


def test_variety_counts_sounds_that_are_clearly_different(tmp_path):
    sounds = [sine(220.0 * 2.0**octave, 1.0) for octave in range(3)] * 12
    write(tmp_path / "archive/a.wav", np.concatenate(sounds))
    sliced, _ = corpora.run(Slicer, tmp_path, corpora.gather(tmp_path), "sliced", method="fixed", length=1.0)
    numbers, said, _ = report(tmp_path, sliced["corpus"])
    assert 3 <= numbers["different"] <= 5  # the first of each kind begins out of silence or another tone
    assert numbers["pitched"] == 1.0
    assert said["Little variety"][0] == "note"


def test_mixed_sample_rates_are_told(tmp_path):
    for rate in (11025, 48000):
        write(tmp_path / f"archive/{rate}.wav", talk(3.0, rate % 7, rate), rate)
    _, said, _ = report(tmp_path)
    assert said["Mixed sample rates"][1].startswith("Recordings have 11.025 and 48 kHz.")


def test_all_silence_is_a_report_too(tmp_path):
    write(tmp_path / "archive/a.wav", silence(3.0))
    numbers, said, _ = report(tmp_path)
    assert numbers["usable"] == 0.0
    assert "Nothing can be heard" in said
    assert numbers["floor"] is None


def test_one_sample_is_a_report_too(tmp_path):
    write(tmp_path / "archive/a.wav", np.full(1, 0.5, np.float32))
    numbers, _, place = report(tmp_path)
    assert numbers["slices"] == 1
    assert (place / PICTURE).stat().st_size > 5000


def test_an_empty_corpus_is_told(tmp_path):
    Corpus(tmp_path, (), ()).write(tmp_path / "nothing")
    with pytest.raises(NodeError, match="the corpus is empty; there is nothing to report on"):
        report(tmp_path, tmp_path / "nothing")


def test_what_to_expect_follows_the_usable_minutes():
    assert [minutes for minutes, _, _ in EXPECT] == sorted(minutes for minutes, _, _ in EXPECT)
    assert [length(seconds) for seconds in (3.21, 59.0, 90.0, 3000.0, 36000.0)] == [
        "3.2 s",
        "59 s",
        "1.5 min",
        "50 min",
        "10.0 h",
    ]


def test_the_report_of_what_is_described_already_keeps_its_table_and_the_same_corpus_gives_the_same_bytes(tmp_path):
    write(tmp_path / "archive/a.wav", talk(3.0))
    described, _ = corpora.run(Describe, tmp_path, corpora.gather(tmp_path), "described")
    _, _, place = report(tmp_path, described["corpus"])
    np.testing.assert_array_equal(
        Corpus.read(place, tmp_path).table.values, Corpus.read(described["corpus"], tmp_path).table.values
    )
    before = {file.name: file.read_bytes() for file in place.iterdir()}
    report(tmp_path, described["corpus"])
    assert {file.name: file.read_bytes() for file in place.iterdir()} == before


def test_courses_must_run_together_to_be_alike(tmp_path):
    write(tmp_path / "archive/a.wav", talk(3.0))
    write(tmp_path / "archive/b.wav", talk(3.0, 1))
    write(tmp_path / "archive/late.wav", np.concatenate([silence(0.04), 0.3 * talk(3.0)]))
    folder = corpora.gather(tmp_path)
    described, _ = corpora.run(Describe, tmp_path, folder, "described")
    corpus = Corpus.read(described["corpus"], tmp_path)
    rows = rows_of_slices(corpus, kept)
    a, b, late = (np.array(rows(piece)) for piece in corpus.slices)
    assert alike(a, late)
    assert not alike(a, b)
    assert not alike(a, a[:100])
    assert duplicates(corpus, rows, 0) == [{"slice": 2, "of": 0, "seconds": len(late) / 50}]


def test_octaves_of_nothing_are_none():
    assert octaves(np.full(3, np.nan)) is None
    assert octaves(np.array([100.0] * 10 + [800.0] * 10))["octaves"] == 3.0
