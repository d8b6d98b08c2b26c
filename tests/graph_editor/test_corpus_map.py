"""The corpus map without a window: sounds of which the numbers are known by hand, places, lines around points, pictures."""

import time

import numpy as np
import pytest
import soundfile

from graph_editor import corpus_map
from runtime.corpus import Corpus, Recording, Slice
from runtime.errors import ArtifactError

RATE = 22050
FINGERPRINT = "0123456789abcdef" * 4


def sine(frequency, level=0.5, rate=RATE, seconds=1.0):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(level=0.1, seed=1, frames=RATE):
    return (level * np.random.default_rng(seed).standard_normal(frames)).astype(np.float32)


def corpus(folder, **sounds):
    """A corpus of files, each one slice."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="FLOAT")
    recordings = tuple(Recording(f"{name}.wav", name.ljust(64, "0"), RATE, 1, len(sound)) for name, sound in sounds.items())
    return Corpus(folder, recordings, tuple(Slice(number, 0, one.frames) for number, one in enumerate(recordings)))


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_a_sine_of_half_the_full_scale_is_9_03_db_below_it_and_as_bright_as_its_frequency(rate):
    level, bright, flat, *_ = corpus_map.describe(sine(1000.0, rate=rate), rate)
    assert level == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert bright == pytest.approx(np.log2(1000.0), abs=0.1)
    assert flat < -40.0


def test_white_noise_is_as_flat_as_a_periodogram_of_noise_is():
    # The mean of the logarithm of an exponential variable is Euler's constant below the logarithm of its mean.
    assert corpus_map.describe(noise(), RATE)[2] == pytest.approx(-10 * np.log10(np.e) * 0.5772, abs=0.15)


@pytest.mark.parametrize("sound", [np.zeros(RATE, np.float32), np.zeros(1, np.float32), sine(440.0)[:30]])
def test_silence_and_the_shortest_sound_have_finite_descriptors(sound):
    assert np.isfinite(corpus_map.describe(sound, RATE)).all()


def test_of_a_long_slice_eight_tastes_are_heard_from_its_start_to_its_end(tmp_path):
    ramp = np.linspace(0.0, 0.9, 10 * RATE, dtype=np.float32)
    whole = corpus(tmp_path, ramp=ramp)
    heard = corpus_map.listen(whole, whole.slices[0])
    assert len(heard) == 8 * round(0.5 * RATE)
    assert heard[0] == ramp[0]
    assert heard[-1] == ramp[-1]


def test_a_line_encloses_by_the_even_odd_rule():
    points = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [np.nan, np.nan]])
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    np.testing.assert_array_equal(corpus_map.enclosed(points, square), [True, False, False, False])
    horseshoe = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (1.6, 2.0), (1.6, 0.2), (0.2, 0.2), (0.2, 2.0), (0.0, 2.0)]
    np.testing.assert_array_equal(corpus_map.enclosed(points, horseshoe), [False, False, False, False])


def test_the_nearest_point_is_found_within_reach_only():
    points = np.array([[10.0, 10.0], [20.0, 10.0], [np.nan, np.nan]])
    assert corpus_map.nearest(points, (17.0, 10.0), 9.0) == 1
    assert corpus_map.nearest(points, (50.0, 10.0), 9.0) is None
    assert corpus_map.nearest(np.zeros((0, 2)), (0.0, 0.0), 9.0) is None


def test_a_point_is_drawn_where_it_lies_in_its_colour_with_a_ring_if_it_is_tagged():
    pixels = np.array([[10.5, 5.5], [25.5, 5.5], [np.nan, np.nan]])
    colours = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    drawn = corpus_map.picture(pixels, colours, np.array([False, True, False]), np.ones(3), (40, 12), 2.0)
    assert drawn.shape == (12, 40, 4)
    np.testing.assert_allclose(drawn[5, 10, :3], [1.0, 0.0, 0.0], atol=1e-6)
    assert drawn[5, 10, 3] == pytest.approx(1.0 - np.exp(-2.2 * 0.85), abs=1e-6)
    np.testing.assert_allclose(drawn[5, 28, :3], 1.0, atol=0.02)  # the ring is 2.6 to 3.9 pixels away
    assert not drawn[:, :7].any()
    assert not drawn[5, 14:21].any()


def test_a_point_at_the_edge_of_the_picture_is_cut_and_not_wrapped_around():
    drawn = corpus_map.picture(np.array([[39.9, 6.0]]), np.ones((1, 3)), np.zeros(1, bool), np.ones(3), (40, 12), 3.0)
    assert drawn[6, 39, 3] > 0.5
    assert not drawn[:, :20].any()


def charted(folder, whole, fingerprint, seconds=60.0):
    """Asks until the map is there; gives it, with the fractions that were told."""
    told, until, found = [], time.monotonic() + seconds, None
    while time.monotonic() < until:
        found = corpus_map.chart(folder, whole.folder, fingerprint, found)
        told.append(found.fraction)
        if found.points is not None:
            return found, told
        time.sleep(0.05)
    raise AssertionError("no map")


def test_a_process_makes_the_map_once_and_it_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))
    sounds = {f"dull{n}": sine(200.0 + n, 0.05) for n in range(5)} | {f"noise{n}": noise(seed=n) for n in range(5)}
    whole = corpus(tmp_path / "tapes", **sounds)
    (tmp_path / "tapes" / "dull3.wav").unlink()  # gone since the run
    (tmp_path / "made").mkdir()
    whole.write(tmp_path / "made")
    found, told = charted(tmp_path / "made", whole, FINGERPRINT)
    assert told == sorted(told)
    points = found.points
    assert np.isnan(points[3]).all()
    dull, bright = points[[0, 1, 2, 4]], points[5:]
    assert dull[:, 0].max() < bright[:, 0].min()
    again = corpus_map.chart(tmp_path / "made", whole.folder, FINGERPRINT, None)
    np.testing.assert_array_equal(again.points, points)


def test_a_corpus_that_has_gone_gives_no_map_but_words(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))
    with pytest.raises(ArtifactError, match="run the patch again"):
        charted(tmp_path / "gone", corpus(tmp_path / "tapes"), FINGERPRINT)


def test_maps_are_kept_under_fingerprints_only_and_a_damaged_one_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path))
    corpus_map.keep("../../elsewhere", np.zeros((3, 2)))
    assert not list(tmp_path.rglob("*"))
    corpus_map.keep(FINGERPRINT, np.zeros((3, 2)))
    assert corpus_map.kept(FINGERPRINT).shape == (3, 2)
    file = next(tmp_path.rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:90])
    assert corpus_map.kept(FINGERPRINT) is None
    assert corpus_map.kept("nothing") is None
