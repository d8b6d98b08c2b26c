"""Folders of recordings and slicers: what is kept, what is refused and why, and cuts counted by hand."""

import json
import os
import shutil
import tempfile
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nodes.corpus import Folder
from nodes.corpus_slicer import Slicer, cut, widen
from runtime.artifacts import Artifact, hash_file
from runtime.corpus import Corpus, Slice
from runtime.errors import ArtifactError, Cancelled, NodeError
from runtime.spec import PortType
from tests import drive, media

RATE = 8000


def write(path: Path, sound: np.ndarray, rate: int = RATE, **how) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, **how)
    return path


def noise(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))


def gather(patch: Path, path: str = "archive") -> Corpus:
    outputs, _, _ = drive.job(Folder(), patch / "made", {"path": path}, patch_folder=patch)
    return Corpus.read(outputs["corpus"], patch)


def slice_up(patch: Path, source: str = "made", target: str = "sliced", **params) -> Corpus:
    corpus = Artifact(PortType.CORPUS, patch / source, "", {})
    outputs, _, _ = drive.job(Slicer(), patch / target, params, patch_folder=patch, artifacts={"corpus": corpus})
    return Corpus.read(outputs["corpus"], patch)


def spans(corpus: Corpus) -> list[tuple[int, int]]:
    return [(piece.start, piece.end) for piece in corpus.slices]


def reasons(corpus: Corpus) -> dict[str, str]:
    return {rejected.path: rejected.reason for rejected in corpus.rejected}


def test_every_recording_below_the_folder_is_one_slice_in_order(tmp_path):
    write(tmp_path / "archive/b.wav", noise(0.5))
    write(tmp_path / "archive/a/deep/x.flac", noise(0.25, channels=2, rate=22050), 22050)
    write(tmp_path / "archive/c.ogg", noise(1.0, rate=44100), 44100)
    corpus = gather(tmp_path)
    found = [(r.path, r.sample_rate, r.channels, r.frames) for r in corpus.recordings]
    assert found[:2] == [("archive/a/deep/x.flac", 22050, 2, 5512), ("archive/b.wav", RATE, 1, 4000)]
    assert found[2][:3] == ("archive/c.ogg", 44100, 1)
    assert corpus.slices[:2] == (Slice(0, 0, 5512), Slice(1, 0, 4000))
    assert corpus.rejected == ()


def test_a_recording_is_known_by_the_hash_of_its_bytes(tmp_path):
    path = write(tmp_path / "archive/b.wav", noise(0.5))
    assert gather(tmp_path).recordings[0].sha256 == hash_file(path)


def test_what_is_gathered_can_be_loaded(tmp_path):
    sound = noise(0.25, channels=2)
    write(tmp_path / "archive/b.wav", sound, subtype="FLOAT")
    corpus = gather(tmp_path)
    assert np.array_equal(corpus.load(corpus.slices[0]), sound.astype(np.float32).T)


def test_a_real_archive_is_gathered_whole(tmp_path):
    made = media.archive(tmp_path / "archive", 21.0)
    corpus = gather(tmp_path)
    assert {tmp_path / r.path for r in corpus.recordings} == set(made)
    assert corpus.seconds >= 21.0


def test_each_refused_file_says_why(tmp_path):
    folder = tmp_path / "archive"
    write(folder / "good.wav", noise(0.5))
    write(folder / "nothing.wav", np.zeros(0))
    write(folder / "nan.wav", np.array([0.0, np.nan, 0.0]), subtype="FLOAT")
    write(folder / "inf.wav", np.array([0.0, np.inf, 0.0]), subtype="FLOAT")
    (folder / "empty.flac").touch()
    (folder / "notes.txt").write_text("about the tapes")
    (folder / "phone.m4a").write_bytes(b"\0" * 64)
    corpus = gather(tmp_path)
    assert len(corpus.recordings) == 1
    found = reasons(corpus)
    assert found.pop("archive/empty.flac").startswith("cannot be read: ")
    assert found == {
        "archive/nothing.wav": "holds no sound (zero length)",
        "archive/nan.wav": "holds samples that are no numbers (NaN or infinity); export it anew",
        "archive/inf.wav": "holds samples that are no numbers (NaN or infinity); export it anew",
        "archive/notes.txt": "is not a sound file",
        "archive/phone.m4a": ".m4a files cannot be read; convert it to wav or flac",
    }


def test_a_recording_cut_short_is_refused(tmp_path):
    write(tmp_path / "archive/good.wav", noise(0.5))
    whole = write(tmp_path / "archive/cut.flac", noise(20.0))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    corpus = gather(tmp_path)
    assert [r.path for r in corpus.recordings] == ["archive/good.wav"]
    assert "cut short" in reasons(corpus)["archive/cut.flac"] or "cannot be read" in reasons(corpus)["archive/cut.flac"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    for name in ("good.wav", ".hidden.wav", "._good.wav", ".git/x.wav"):
        write(tmp_path / "archive" / name, noise(0.1), format="WAV")
    corpus = gather(tmp_path)
    assert [r.path for r in corpus.recordings] == ["archive/good.wav"]
    assert corpus.rejected == ()


def test_links_to_folders_are_followed_and_circles_end(tmp_path):
    write(tmp_path / "elsewhere/x.wav", noise(0.1))
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "elsewhere")
    assert [r.path for r in gather(tmp_path).recordings] == ["archive/link/x.wav"]


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff", "ogg", "mp3", "au", "caf", "w64", "rf64"])
def test_recordings_of_every_usual_format_are_taken_with_their_length(tmp_path, ending):
    soundfile.write(tmp_path / f"a.{ending}", noise(1.0, rate=44100), 44100, format=ending.upper())
    (tmp_path / "archive").mkdir()
    (tmp_path / f"a.{ending}").rename(tmp_path / f"archive/a.{ending}")
    corpus = gather(tmp_path)
    assert corpus.rejected == ()
    assert corpus.recordings[0].seconds == pytest.approx(1.0, abs=0.03)
    assert corpus.load(corpus.slices[0]).shape == (1, corpus.recordings[0].frames)


@pytest.fixture
def nobody():
    """A folder under which we are a user who may not do everything, as a test that runs as root could."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(was)
    for place in folder.rglob("*"):
        if place.is_dir():
            place.chmod(0o700)
    shutil.rmtree(folder)


def test_a_file_and_a_folder_without_permission_are_refused_and_the_rest_is_gathered(nobody):
    for name in ("good.wav", "mine.wav", "shut/x.wav"):
        write(nobody / "archive" / name, noise(0.1))
    (nobody / "archive/mine.wav").chmod(0)
    (nobody / "archive/shut").chmod(0)
    corpus = gather(nobody)
    assert [one.path for one in corpus.recordings] == ["archive/good.wav"]
    assert reasons(corpus) == {
        "archive/mine.wav": "may not be read; give yourself the permission to read it",
        "archive/shut": "is a folder that may not be read",
    }
    (nobody / "archive").chmod(0)
    with pytest.raises(NodeError, match="the folder 'archive' may not be read; give yourself the permission to read it"):
        gather(nobody)


def test_a_huge_file_is_read_in_pieces(tmp_path):
    # 20 minutes of silence at 96 kHz, 460 MB, none of which lies on the disk.
    path = write(tmp_path / "archive/huge.wav", noise(0.1, channels=2, rate=96000), 96000, subtype="PCM_16")
    frames = 20 * 60 * 96000
    size = 44 + 4 * frames
    with open(path, "r+b") as file:
        file.truncate(size)
        for place, value in ((4, size - 8), (40, size - 44)):
            file.seek(place)
            file.write(value.to_bytes(4, "little"))
    tracemalloc.start()
    corpus = gather(tmp_path)
    assert corpus.seconds == pytest.approx(1200.0)
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "no folder is chosen"),
        ("nowhere", "there is no folder 'nowhere' beside the patch; put it there or choose another"),
        ("hollow", "the folder 'hollow' holds no sound that can be read; put wav or flac files into it"),
        ("texts", r"no sound that can be read \(1 files were refused; texts/a.txt is not a sound file\)"),
    ],
)
def test_a_folder_without_sound_is_refused_with_what_to_do(tmp_path, path, words):
    (tmp_path / "hollow").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("a")
    with pytest.raises(NodeError, match=words):
        gather(tmp_path, path)


def test_gathering_tells_how_far_it_is_and_can_be_stopped(tmp_path):
    for number in range(4):
        write(tmp_path / f"archive/{number}.wav", noise(0.1))
    _, reports, _ = drive.job(Folder(), tmp_path / "made", {"path": "archive"}, patch_folder=tmp_path)
    assert [fraction for fraction, _ in reports] == [0.0, 0.25, 0.5, 0.75, 1.0]
    with pytest.raises(Cancelled):
        drive.job(Folder(), tmp_path / "again", {"path": "archive"}, patch_folder=tmp_path, cancel_after=2)


def test_cuts_too_near_to_each_other_or_to_the_ends_are_left_out():
    piece = Slice(3, 1000, 2000)
    # Shortest 200: 100 is too near to the start, 500 too near to 400, 900 too near to the end.
    assert cut(piece, [100, 400, 500, 700, 900], 200) == [Slice(3, 1000, 1400), Slice(3, 1400, 1700), Slice(3, 1700, 2000)]


def test_a_piece_without_cuts_or_shorter_than_the_minimum_stays_whole():
    assert cut(Slice(0, 5, 50), [], 10) == [Slice(0, 5, 50)]
    assert cut(Slice(0, 5, 50), [20, 30], 1000) == [Slice(0, 5, 50)]
    assert cut(Slice(0, 5, 50), [0, 45], 0) == [Slice(0, 5, 50)]


@pytest.mark.parametrize(
    ("parts", "wide"),
    [
        ([(400, 420)], [(360, 460)]),
        ([(0, 20)], [(0, 100)]),
        ([(980, 1000)], [(900, 1000)]),
        ([(300, 500)], [(300, 500)]),
        ([(0, 20), (120, 140)], [(0, 100), (100, 200)]),
    ],
)
def test_a_short_sound_takes_silence_from_both_sides_where_there_is_room(parts, wide):
    assert widen(parts, 100, Slice(0, 0, 1000)) == wide


def test_fixed_slices_have_the_length_and_the_last_takes_a_short_rest(tmp_path):
    write(tmp_path / "archive/a.wav", noise(2.6))
    write(tmp_path / "archive/b.wav", noise(2.1))
    gather(tmp_path)
    corpus = slice_up(tmp_path, method="fixed", length=1.0, minimum=0.5)
    # .6 s is long enough for a slice of its own, .1 s is not.
    assert spans(corpus) == [(0, 8000), (8000, 16000), (16000, 20800), (0, 8000), (8000, 16800)]
    assert [piece.recording for piece in corpus.slices] == [0, 0, 0, 1, 1]


def test_fixed_lengths_do_not_drift(tmp_path):
    write(tmp_path / "archive/a.wav", noise(10.0, rate=11025), 11025)
    gather(tmp_path)
    corpus = slice_up(tmp_path, method="fixed", length=0.1, minimum=0.0)
    assert spans(corpus)[99] == (round(9.9 * 11025), 110250)


def bursts(at: list[float], seconds: float, lasts: float = 0.1) -> np.ndarray:
    """Silence with bursts of noise that begin at these seconds."""
    sound = np.zeros(round(seconds * RATE))
    for start in at:
        sound[round(start * RATE) :][: round(lasts * RATE)] = noise(lasts)[:, 0]
    return sound


def test_silence_leaves_out_what_is_below_the_gate_and_lists_it(tmp_path):
    write(tmp_path / "archive/a.wav", bursts([1.0, 2.0], 3.0, lasts=0.4))
    gather(tmp_path)
    corpus = slice_up(tmp_path, method="silence", minimum=0.2)
    assert spans(corpus) == [(8000, 11200), (16000, 19200)]
    assert [rejected.reason for rejected in corpus.rejected] == [
        "1.00 s (0.00 to 1.00 s) are softer than the gate of -60 dBFS",
        "0.60 s (1.40 to 2.00 s) are softer than the gate of -60 dBFS",
        "0.60 s (2.40 to 3.00 s) are softer than the gate of -60 dBFS",
    ]


def test_the_gate_is_in_decibels_below_full_scale(tmp_path):
    # A sine of amplitude .01 has an RMS of -43.0 dBFS.
    write(tmp_path / "archive/a.wav", 0.01 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE), subtype="FLOAT")
    gather(tmp_path)
    assert spans(slice_up(tmp_path, method="silence", gate=-44.0)) == [(0, RATE)]
    with pytest.raises(NodeError, match="everything in the corpus is softer than the gate of -42 dBFS; lower the gate"):
        slice_up(tmp_path, method="silence", gate=-42.0)


def test_a_silence_shorter_than_the_minimum_does_not_part_two_sounds(tmp_path):
    write(tmp_path / "archive/a.wav", bursts([1.0, 1.2], 3.0))
    gather(tmp_path)
    assert spans(slice_up(tmp_path, method="silence", minimum=0.2)) == [(8000, 10400)]


def test_a_sound_shorter_than_the_minimum_is_kept_with_silence_around_it(tmp_path):
    write(tmp_path / "archive/a.wav", bursts([1.0], 3.0))
    gather(tmp_path)
    # .1 s of sound and .2 s on each side.
    assert spans(slice_up(tmp_path, method="silence", minimum=0.5)) == [(6400, 10400)]


def test_kept_and_left_out_are_the_whole_recording(tmp_path):
    write(tmp_path / "archive/a.wav", bursts([0.3, 0.9, 2.0], 3.01))
    whole = gather(tmp_path)
    corpus = slice_up(tmp_path, method="silence", minimum=0.05)
    left = sum(float(rejected.reason.split(" s ")[0]) for rejected in corpus.rejected)
    assert corpus.seconds + left == pytest.approx(whole.seconds, abs=0.02)


def test_onsets_cut_where_clicks_begin_and_keep_every_frame(tmp_path):
    clicks = [0.5, 1.0, 1.75, 2.5]
    write(tmp_path / "archive/a.wav", bursts(clicks, 3.0, lasts=0.02))
    gather(tmp_path)
    corpus = slice_up(tmp_path, method="onsets", minimum=0.1)
    found = spans(corpus)
    assert [start / RATE for start, _ in found[1:]] == pytest.approx(clicks, abs=0.13)  # two hops of 512 frames at 8 kHz
    assert all(start / RATE <= click for (start, _), click in zip(found[1:], clicks, strict=True))
    assert found[0][0] == 0 and found[-1][1] == 3 * RATE
    assert all(one[1] == other[0] for one, other in pairwise(found))


def test_a_higher_threshold_cuts_at_fewer_onsets(tmp_path):
    sound = bursts([0.5, 1.5, 2.5], 3.5, lasts=0.05)
    sound[round(1.4 * RATE) : round(1.6 * RATE)] *= 0.001
    write(tmp_path / "archive/a.wav", sound, subtype="FLOAT")
    gather(tmp_path)
    assert len(slice_up(tmp_path, method="onsets", threshold=0.02).slices) > len(
        slice_up(tmp_path, method="onsets", threshold=0.5).slices
    )


@pytest.mark.parametrize("sound", [np.zeros(RATE), noise(0.05)[:, 0]])
def test_onsets_of_silence_or_of_a_moment_leave_the_slice_whole(tmp_path, sound):
    write(tmp_path / "archive/a.wav", sound)
    gather(tmp_path)
    assert spans(slice_up(tmp_path, method="onsets")) == [(0, len(sound))]


def test_onsets_of_a_long_recording_are_the_same_in_chunks(tmp_path, monkeypatch):
    write(tmp_path / "archive/a.wav", bursts([0.5 + 0.7 * k for k in range(12)], 10.0))
    gather(tmp_path)
    whole = spans(slice_up(tmp_path, method="onsets"))
    monkeypatch.setattr("nodes.corpus_slicer.CHUNK", 2**13)
    assert spans(slice_up(tmp_path, method="onsets")) == whole
    assert len(whole) == 13


def test_slicers_follow_one_another(tmp_path):
    write(tmp_path / "archive/a.wav", bursts([1.0, 4.0], 6.0, lasts=1.0))
    gather(tmp_path)
    slice_up(tmp_path, target="loud", method="silence")
    corpus = slice_up(tmp_path, source="loud", target="both", method="fixed", length=0.5)
    assert spans(corpus) == [(8000, 12000), (12000, 16000), (32000, 36000), (36000, 40000)]
    # What the first one left out is still told by the second.
    assert len(corpus.rejected) == 3


def test_slices_of_both_channels_are_found_in_the_mix(tmp_path):
    left, right = bursts([0.5], 2.0), bursts([1.5], 2.0)
    write(tmp_path / "archive/a.wav", np.stack([left, right], axis=1))
    gather(tmp_path)
    assert spans(slice_up(tmp_path, method="silence", minimum=0.1)) == [(4000, 4800), (12000, 12800)]


def test_a_recording_that_has_gone_is_told(tmp_path):
    path = write(tmp_path / "archive/a.wav", noise(1.0))
    gather(tmp_path)
    path.unlink()
    with pytest.raises(NodeError, match=r"archive/a\.wav cannot be read any more"):
        slice_up(tmp_path, method="silence")


def test_a_corpus_that_is_cut_short_is_told(tmp_path):
    write(tmp_path / "archive/a.wav", noise(1.0))
    gather(tmp_path)
    (tmp_path / "made/corpus.json").write_text("{")
    with pytest.raises(ArtifactError, match="run the patch again"):
        slice_up(tmp_path)


def test_a_file_whose_name_is_not_utf_8_is_refused_and_the_rest_is_gathered(tmp_path):
    write(tmp_path / "archive/good.wav", noise(0.1))
    odd = Path(os.fsdecode(os.fsencode(tmp_path / "archive") + b"/caf\xe9.wav"))
    odd.write_bytes((tmp_path / "archive/good.wav").read_bytes())
    corpus = gather(tmp_path)
    assert len(corpus.recordings) == 1
    assert reasons(corpus) == {"archive/caf\\udce9.wav": "has a name that is not written in UTF-8; rename it"}


def test_a_pipe_among_the_recordings_is_refused_and_not_waited_for(tmp_path):
    write(tmp_path / "archive/good.wav", noise(0.1))
    os.mkfifo(tmp_path / "archive/pipe.wav")
    assert reasons(gather(tmp_path)) == {"archive/pipe.wav": "is not a file"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("recordings", [{"path": "../far.wav", "sha256": "", "sample_rate": 8000, "channels": 1, "frames": 9}]),
        ("recordings", [{"path": "/far.wav", "sha256": "", "sample_rate": 8000, "channels": 1, "frames": 9}]),
        ("recordings", [{"path": "a.wav", "sha256": "", "sample_rate": 0, "channels": 1, "frames": 9}]),
        ("slices", [[5, 0, 1]]),
        ("slices", [[0, 2, 1]]),
        ("slices", [[0, 0.5, 1]]),
        ("slices", [["0", 0, 1]]),
    ],
)
def test_a_corpus_that_nobody_of_ours_wrote_is_refused(tmp_path, key, value):
    good = {"path": "a.wav", "sha256": "", "sample_rate": 8000, "channels": 1, "frames": 9}
    data = {"recordings": [good], "slices": [[0, 0, 9]], "rejected": []}
    (tmp_path / "corpus.json").write_text(json.dumps(data))
    assert len(Corpus.read(tmp_path, tmp_path).slices) == 1
    (tmp_path / "corpus.json").write_text(json.dumps({**data, key: value}))
    with pytest.raises(ArtifactError, match="cannot be read"):
        Corpus.read(tmp_path, tmp_path)


def phrases(tmp_path, **params):
    """Three phrases of four notes, half a second of pause between them, and less between the notes."""
    note, gap = noise(0.3)[:, 0], 0.2 * noise(0.1)[:, 0]
    phrase = np.concatenate([part for _ in range(4) for part in (note, gap)])
    pause = np.zeros(round(0.5 * RATE), np.float32)
    write(tmp_path / "archive/a.wav", np.concatenate([phrase, pause, phrase, pause, phrase]))
    gather(tmp_path)
    return spans(slice_up(tmp_path, method="phrase", **params))


def test_phrases_are_cut_in_the_pauses_and_keep_every_moment(tmp_path):
    found = phrases(tmp_path)
    assert len(found) == 3
    assert [start / RATE for start, _ in found[1:]] == pytest.approx([1.85, 3.95], abs=0.15)
    assert found[0][0] == 0 and found[-1][1] == round(5.8 * RATE)
    assert all(one[1] == other[0] for one, other in pairwise(found))


def test_a_smaller_depth_cuts_between_notes_too(tmp_path):
    assert len(phrases(tmp_path, depth=1.0, minimum=0.1)) > 8


@pytest.mark.parametrize("sound", [np.zeros(RATE), noise(0.01)[:, 0], noise(3.0)[:, 0]])
def test_silence_a_moment_and_a_steady_sound_are_one_phrase(tmp_path, sound):
    write(tmp_path / "archive/a.wav", sound)
    gather(tmp_path)
    assert spans(slice_up(tmp_path, method="phrase")) == [(0, len(sound))]
