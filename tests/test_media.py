"""The test material is what its makers promise."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import media


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    media.archive(folder, 30.0)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_archive_has_at_least_the_seconds_asked_for(archive):
    assert 30.0 <= sum(soundfile.info(path).duration for path in files(archive)) < 45.0


def test_an_archive_mixes_formats_rates_channels_and_folders(archive):
    found = [soundfile.info(path) for path in files(archive)]
    assert {one.format for one in found} == {"WAV", "FLAC"}
    assert {one.samplerate for one in found} == {22050, 44100, 48000}
    assert {one.channels for one in found} == {1, 2}
    assert {path.parent.name for path in files(archive)} == {"voices", "strings", "winds", "metal"}


def test_every_recording_has_a_musical_level(archive):
    for path in files(archive):
        sound, _ = soundfile.read(path)
        assert 0.3 < np.abs(sound).max() < 0.9, path.name
        assert -45.0 < 20 * np.log10(np.sqrt(np.mean(sound**2))) < -10.0, path.name


def test_an_archive_is_the_same_each_time(archive, tmp_path):
    media.archive(tmp_path, 30.0)
    assert [path.read_bytes() for path in files(tmp_path)] == [path.read_bytes() for path in files(archive)]


def test_another_seed_gives_another_archive(archive, tmp_path):
    media.archive(tmp_path, 7.0, seed=1)
    assert (tmp_path / "strings/pluck_001.wav").read_bytes() != (archive / "strings/pluck_001.wav").read_bytes()


def test_a_plucked_string_sounds_at_its_pitch():
    sound = media.pluck(220.0, 1.0, 44100, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert abs(np.argmax(spectrum[150:300]) + 150 - 220.0) <= 1.0


def test_speech_in_a_voice_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="espeak-ng could not speak"):
        media.speech("hello", tmp_path / "x.wav", voice="nobody")


def test_every_pose_is_held_for_a_second_at_least():
    spans = media.spans(20.0)
    assert {name for name, _, _ in spans} == set(media.POSES)
    assert all(end - start >= 1.0 for _, start, end in spans)


def test_a_held_pose_has_its_values_and_moves_smoothly_to_the_next():
    moves = media.face_schedule(10.0)
    for name, start, end in media.spans(10.0):
        held = (moves["time"] >= start) & (moves["time"] < end)
        assert np.allclose(moves["mouth"][held], media.POSES[name].get("mouth", 0.0))
    assert np.abs(np.diff(moves["mouth"])).max() < 0.12


def test_a_schedule_may_be_chosen():
    assert media.spans(4.0, (("wide", 1.0), ("neutral", 3.0))) == [("wide", 0.0, 1.0), ("neutral", 1.5, 4.0)]


def test_an_open_mouth_is_dark_inside_and_leaves_the_rest_of_the_face():
    shut, wide = media.face_picture({}).astype(int), media.face_picture({"mouth": 1.0}).astype(int)
    assert wide[215, 160].sum() < 150 < shut[215, 160].sum()
    assert np.array_equal(shut[:160], wide[:160])


def test_a_face_video_is_small_and_has_the_pictures_and_size_asked_for(tmp_path):
    import cv2

    moves = media.face_video(tmp_path / "face.mp4", seconds=1.0, fps=25.0, size=(240, 256))
    capture = cv2.VideoCapture(str(tmp_path / "face.mp4"))
    pictures = []
    while (read := capture.read())[0]:
        pictures.append(read[1])
    assert len(pictures) == len(moves["time"]) == 25
    assert pictures[0].shape == (256, 240, 3)
    assert capture.get(cv2.CAP_PROP_FPS) == 25.0
    assert (tmp_path / "face.mp4").stat().st_size < 60_000


def test_a_video_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "face.mp4").mkdir()
    with pytest.raises(OSError, match="cannot be written"):
        media.face_video(tmp_path / "face.mp4", seconds=0.1)
