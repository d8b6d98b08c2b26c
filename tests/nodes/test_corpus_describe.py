"""Descriptors: loudness as the standards define it, the rest against librosa and by hand, in blocks and from what was kept."""

import os

import numpy as np
import pytest

from nodes import corpus_frames as frames
from nodes.corpus_describe import DESCRIPTORS, Describe, loudest, summary
from nodes.corpus_frames import COLUMNS, HOP, SIZE, at, blocks, hear, onsets
from nodes.corpus_hearing import forget, kept, place
from nodes.corpus_loudness import k_weighting, lufs, weighted
from nodes.corpus_slicer import Slicer
from runtime.corpus import Corpus
from runtime.errors import ArtifactError, Cancelled, NodeError
from tests import corpora, drive
from tests.corpora import RATE, noise, silence, sine, write


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))


# Loudness


def test_the_filters_at_48_khz_are_those_of_the_standard():
    shelf, high = k_weighting(48000)
    np.testing.assert_allclose(
        shelf, [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585], atol=1e-6
    )
    np.testing.assert_allclose(high, [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-6)


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_a_full_sine_of_997_hz_in_one_channel_has_3_01_lufs_below_0(rate):
    sound = sine(997.0, 3.0, 1.0, rate)[None]
    assert float(lufs(weighted(sound, rate)[rate // 2 :].mean())) == pytest.approx(-3.01, abs=0.03)


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_stereo_sine_of_1_khz_is_as_loud_as_its_level_says(level):
    # EBU Tech 3341, cases 1 and 2: 1 kHz in both channels, tolerance 0.1 LU.
    sound = np.stack([sine(1000.0, 4.0, 10 ** (level / 20), 48000)] * 2)
    assert float(lufs(weighted(sound, 48000)[24000:].mean())) == pytest.approx(level, abs=0.1)


def test_the_surround_channels_count_more_and_the_low_effects_not_at_all():
    tone = sine(997.0, 1.0, 0.1, 48000)
    silent = np.zeros_like(tone)

    def level(channel):
        return float(lufs(weighted(np.stack([tone if n == channel else silent for n in range(6)]), 48000).mean()))

    assert level(4) - level(0) == pytest.approx(10 * np.log10(1.41), abs=0.01)
    assert level(3) == -100.0


def test_the_loudest_three_seconds_count_and_a_shorter_slice_as_a_whole():
    power = np.full(1000, 0.01)
    power[400:550] = 0.5  # 3 s at 50 rows a second
    assert loudest(power) == pytest.approx(0.5)
    assert loudest(np.array([0.1, 0.3])) == pytest.approx(0.2)


# The rest of what is heard


def heard(sound, rate=RATE):
    """A mono sound, all of it: [rows, COLUMNS]."""
    return hear(np.asarray(sound, np.float32)[None], rate, 0, frames.rows_of(len(sound), rate))


def test_spectra_are_librosa_s_own():
    import librosa

    sound = noise(2.0) + sine(700.0, 2.0)
    found = heard(sound)
    # librosa's frames lie around multiples of the hop, ours around the middles of the rows.
    padded = np.pad(sound, (SIZE // 2 - HOP // 2, SIZE))
    power = np.abs(librosa.stft(padded, n_fft=SIZE, hop_length=HOP, center=False)) ** 2
    power = power[:, : len(found)] * 2.0 / np.hanning(SIZE + 1)[:-1].sum() ** 2
    rows = slice(3, -3)
    centroid = librosa.feature.spectral_centroid(S=np.sqrt(power), sr=RATE)[0]
    np.testing.assert_allclose(found[rows, at("centroid")], centroid[rows], rtol=0.005)
    flatness = 10 * np.log10(librosa.feature.spectral_flatness(S=power[1:], power=1.0, amin=1e-10)[0])
    np.testing.assert_allclose(found[rows, at("flatness")], flatness[rows], atol=0.05)
    mel = librosa.feature.melspectrogram(S=power, sr=RATE, n_mels=frames.MELS)
    mfcc = librosa.feature.mfcc(S=10 * np.log10(mel + 1e-10), n_mfcc=frames.MFCC + 1)[1:]
    np.testing.assert_allclose(found[rows, at("mfcc_1") :], mfcc.T[rows], atol=0.1)


@pytest.mark.parametrize("frequency", [82.4, 220.0, 440.0, 1046.5, 1975.5])
def test_the_pitch_of_a_tone_with_partials_is_found_within_an_eighth_of_a_semitone(frequency):
    tone = sum(sine(k * frequency, 1.0, 0.3 / k) for k in range(1, 5))
    found = heard(tone)[5:-5]
    assert np.abs(1200 * np.log2(found[:, at("f0")] / frequency)).max() < 12.5
    assert found[:, at("voicing")].min() > 0.9


def test_pitches_are_those_of_librosa_s_yin():
    import librosa

    glide = np.sin(2 * np.pi * np.cumsum(np.linspace(150.0, 900.0, 2 * RATE)) / RATE).astype(np.float32)
    ours = heard(glide)[5:-5, at("f0")]
    theirs = librosa.yin(glide, fmin=55.0, fmax=2200.0, sr=RATE, frame_length=SIZE, hop_length=HOP)
    theirs = (theirs[:-1] + theirs[1:]) / 2  # our rows lie between its frames
    assert np.median(np.abs(1200 * np.log2(ours / theirs[5 : 5 + len(ours)]))) < 15.0


def test_noise_and_silence_have_no_pitch():
    assert np.median(heard(noise(1.0))[:, at("voicing")]) < 0.3
    assert not heard(silence(1.0))[:, at("voicing")].any()


def test_a_recorder_s_offset_is_no_power():
    found = heard(noise(1.0, 0.01) + 0.2)
    assert 10 * np.log10(found[5:-5, at("power")].mean()) == pytest.approx(-40.0, abs=0.3)
    assert lufs(found[15:, at("k_power")].mean()) < -35.0


def test_clipped_samples_are_counted_where_three_follow_one_another():
    sound = np.zeros(RATE, np.float32)
    sound[100:105] = 1.0
    sound[5000:5002] = -1.0  # two are a peak
    found = heard(sound)
    assert found[:, at("clipped")].sum() == 5.0
    assert found[0, at("clipped")] == 5.0


@pytest.mark.parametrize(("frequency", "column"), [(50.0, "hum_50"), (60.0, "hum_60")])
def test_hum_stands_out_of_noise_at_its_own_mains_only(frequency, column):
    sound = noise(3.0, 0.01) + sum(sine(k * frequency, 3.0, 0.02 / k) for k in (1, 2, 3))
    found = heard(sound)
    other = "hum_60" if column == "hum_50" else "hum_50"
    assert np.median(found[:, at(column)]) > 15.0
    assert np.median(found[:, at(other)]) < 10.0


def test_onsets_are_counted_where_bursts_begin():
    sound = silence(5.0)
    for start in (0.5, 1.2, 2.0, 3.3):
        sound[round(start * RATE) :][: RATE // 20] = noise(0.05, 0.3)
    rows = np.flatnonzero(onsets(heard(sound)[:, at("onset")]))
    assert rows / 50 == pytest.approx([0.5, 1.2, 2.0, 3.3], abs=0.06)


def test_steady_hiss_has_hardly_any_onsets():
    assert onsets(heard(noise(10.0, 0.001))[:, at("onset")]).sum() <= 5


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 11025])
def test_a_long_recording_heard_in_blocks_is_the_same_as_heard_at_once(tmp_path, rate):
    sound = noise(23.0, rate=rate) + sine(300.0, 23.0, rate=rate) * np.linspace(0, 1, 23 * rate, dtype=np.float32)
    write(tmp_path / "a.wav", sound, rate)
    whole = heard(sound, rate)
    parts = [hear(part, rate, lead, rows) for _, rows, lead, part in blocks(tmp_path / "a.wav", len(sound), rate)]
    assert [len(part) for part in parts] == [500, 500, 150]
    joined = np.concatenate(parts)
    quick = [number for number, name in enumerate(COLUMNS) if not name.startswith("hum")]
    np.testing.assert_allclose(joined[:, quick], whole[:, quick], rtol=0.02, atol=0.05)


# The node


def test_slices_are_described_by_their_own_sound(tmp_path):
    write(tmp_path / "archive/a.wav", np.concatenate([sine(440.0, 1.0, 0.5), noise(1.0, 0.01), silence(1.0)]))
    sliced, _ = corpora.run(Slicer, tmp_path, corpora.gather(tmp_path), "sliced", method="fixed", length=1.0)
    corpus = corpora.made(Describe, tmp_path, sliced["corpus"], "described")
    assert corpus.table.names == tuple(DESCRIPTORS)
    tone, hiss, nothing = corpus.table.values
    row = dict(zip(DESCRIPTORS, tone, strict=True))
    assert row["seconds"] == pytest.approx(1.0)
    assert row["loudness"] == pytest.approx(-9.7, abs=0.2)  # -3.01 - 6.02, and K-weighting takes .6 dB at 440 Hz
    assert row["centroid"] == pytest.approx(440.0, rel=0.25)
    assert row["f0"] == pytest.approx(440.0, rel=0.01)
    assert row["voicing"] > 0.95
    row = dict(zip(DESCRIPTORS, hiss, strict=True))
    assert row["flatness"] > -6.0
    assert np.isnan(row["f0"])
    row = dict(zip(DESCRIPTORS, nothing, strict=True))
    assert row["loudness"] < -90.0
    assert np.isnan(row["f0"])
    assert np.isfinite([value for name, value in row.items() if name != "f0"]).all()


def test_a_file_is_listened_to_once_whatever_becomes_of_its_slices(tmp_path, monkeypatch):
    write(tmp_path / "archive/a.wav", noise(2.0))
    folder = corpora.gather(tmp_path)
    once = corpora.made(Describe, tmp_path, folder, "once")

    def nobody(*_):
        raise AssertionError("it was listened to again")

    monkeypatch.setattr("nodes.corpus_hearing.hear", nobody)
    again = corpora.made(Describe, tmp_path, folder, "again")
    np.testing.assert_array_equal(again.table.values, once.table.values)
    sliced, _ = corpora.run(Slicer, tmp_path, folder, "sliced", method="fixed", length=0.5)
    assert len(corpora.made(Describe, tmp_path, sliced["corpus"], "short").table.values) == 4


def test_the_shortest_and_the_emptiest_slice_are_described(tmp_path):
    write(tmp_path / "archive/a.wav", noise(0.001))
    write(tmp_path / "archive/b.wav", np.full(1, 0.5, np.float32))
    table = corpora.made(Describe, tmp_path, corpora.gather(tmp_path), "described").table
    known = [number for number, name in enumerate(table.names) if name != "f0"]
    assert np.isfinite(table.values[:, known]).all()


def test_mixed_rates_and_channels_are_described_alike(tmp_path):
    for rate in (22050, 44100, 48000):
        tone = sine(1000.0, 2.0, 0.25, rate)
        write(tmp_path / f"archive/{rate}.wav", np.stack([tone, tone], axis=1), rate)
    table = corpora.made(Describe, tmp_path, corpora.gather(tmp_path), "described").table
    assert np.ptp(table.column("loudness")) < 0.1
    assert np.ptp(table.column("f0")) < 1.0
    assert np.ptp(table.column("mfcc_1")) < 3.0


def test_a_recording_that_changed_is_left_undescribed_and_told_and_the_others_go_on(tmp_path):
    write(tmp_path / "archive/a.wav", noise(1.0))
    write(tmp_path / "archive/b.wav", noise(1.0, seed=1))
    folder = corpora.gather(tmp_path)
    write(tmp_path / "archive/a.wav", noise(1.0, seed=2))
    outputs, warnings = corpora.run(Describe, tmp_path, folder, "described")
    table = Corpus.read(outputs["corpus"], tmp_path).table
    assert np.isnan(table.values[0]).all()
    assert np.isfinite(table.column("loudness")[1])
    assert warnings == ["archive/a.wav has changed since the corpus was made; run the patch again; its slices are not described"]


def test_where_nothing_can_be_heard_it_is_said(tmp_path):
    path = write(tmp_path / "archive/a.wav", noise(1.0))
    folder = corpora.gather(tmp_path)
    path.unlink()
    with pytest.raises(NodeError, match=r"no recording can be heard: archive/a\.wav cannot be read any more"):
        corpora.run(Describe, tmp_path, folder, "described")


def test_listening_tells_how_far_it_is_and_can_be_stopped_and_keeps_what_was_heard(tmp_path):
    for number in range(4):
        write(tmp_path / f"archive/{number}.wav", noise(11.0, seed=number))
    corpus = Corpus.read(corpora.gather(tmp_path), tmp_path)
    artifact = {"corpus": corpora.Artifact(corpora.PortType.CORPUS, tmp_path / "made/folder", "", {})}
    with pytest.raises(Cancelled):
        drive.job(Describe(), tmp_path / "stopped", {}, patch_folder=tmp_path, artifacts=artifact, cancel_after=4)
    assert 0 < sum(kept(one) is not None for one in corpus.recordings) < 4
    _, reports, _ = drive.job(Describe(), tmp_path / "whole", {}, patch_folder=tmp_path, artifacts=artifact)
    fractions = [fraction for fraction, _ in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_what_was_not_used_for_longest_goes_first_and_what_is_damaged_counts_for_nothing(tmp_path):
    for number in range(3):
        write(tmp_path / f"archive/{number}.wav", noise(1.0, seed=number))
    folder = corpora.gather(tmp_path)
    corpora.made(Describe, tmp_path, folder, "described")
    one, two, three = (place(recording.sha256) for recording in Corpus.read(folder, tmp_path).recordings)
    for age, file in enumerate((two, one, three)):
        os.utime(file, (1e9 - age, 1e9 - age))
    forget(2 * one.stat().st_size)
    assert (one.exists(), two.exists(), three.exists()) == (True, True, False)
    one.write_bytes(one.read_bytes()[:100])
    assert kept(Corpus.read(folder, tmp_path).recordings[0]) is None


def test_a_table_that_belongs_to_other_slices_is_refused(tmp_path):
    write(tmp_path / "archive/a.wav", noise(1.0))
    outputs, _ = corpora.run(Describe, tmp_path, corpora.gather(tmp_path), "described")
    np.savez(outputs["corpus"] / "descriptors.npz", names=np.array(["loudness"]), values=np.zeros((3, 1), np.float32))
    with pytest.raises(ArtifactError, match="its descriptors are of other slices"):
        Corpus.read(outputs["corpus"], tmp_path)


def test_the_summary_of_a_day_is_the_summary_of_its_moments():
    row = np.zeros(len(COLUMNS), np.float32)
    row[[at("power"), at("k_power"), at("centroid"), at("voicing"), at("f0")]] = 0.1, 0.1, 800.0, 0.9, 200.0
    day = np.tile(row, (100_000, 1))
    found = dict(zip(DESCRIPTORS, summary(day, 2000.0), strict=True))
    assert found["centroid"] == pytest.approx(800.0)
    assert found["f0"] == pytest.approx(200.0)
    assert found["loudness"] == pytest.approx(-0.691 - 10.0, abs=1e-3)
