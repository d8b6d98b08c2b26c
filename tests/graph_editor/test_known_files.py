"""Files that were moved are found again by what is in them."""

import json
import os

import pytest

from graph_editor import known_files
from graph_editor.known_files import TASTE, known, remember, search, taste


@pytest.fixture
def patch_path(tmp_path):
    """A patch with a folder of two sounds and a film beside it, which it knows."""
    place = tmp_path / "piece"
    (place / "tapes/night").mkdir(parents=True)
    (place / "tapes/bell.wav").write_bytes(b"bell")
    (place / "tapes/night/owl.wav").write_bytes(b"owl")
    (place / "face.mp4").write_bytes(b"a film")
    path = place / "piece.json"
    remember(path, ["tapes", "face.mp4", "never there.wav"])
    return path


def test_a_file_and_a_folder_that_were_moved_and_called_otherwise_are_found(patch_path, tmp_path):
    elsewhere = tmp_path / "archive" / "old"
    elsewhere.mkdir(parents=True)
    (patch_path.parent / "tapes").rename(elsewhere / "recordings")
    (patch_path.parent / "face.mp4").rename(elsewhere / "me.mp4")
    (elsewhere / "same length.mp4").write_bytes(b"A FILM")
    assert search(known(patch_path), [tmp_path]) == {"tapes": elsewhere / "recordings", "face.mp4": elsewhere / "me.mp4"}


def test_what_has_changed_or_is_hidden_is_not_found(patch_path, tmp_path):
    (patch_path.parent / "face.mp4").write_bytes(b"b film")
    (patch_path.parent / "tapes").rename(tmp_path / ".trash")
    assert search(known(patch_path), [tmp_path]) == {}


def test_of_a_missing_file_what_was_known_stays_known(patch_path):
    before = known(patch_path)["face.mp4"]
    (patch_path.parent / "face.mp4").unlink()
    remember(patch_path, ["face.mp4"])
    assert known(patch_path) == {"face.mp4": before}


def test_nothing_is_written_where_nothing_is_new(patch_path):
    file = patch_path.parent / "piece.assets" / "files.json"
    when = file.stat().st_mtime_ns
    os.utime(file, ns=(when, when - 10**9))
    remember(patch_path, ["tapes", "face.mp4"])
    assert file.stat().st_mtime_ns == when - 10**9


def test_a_long_file_is_known_by_its_length_and_both_ends(tmp_path):
    def film(first, middle, last):
        file = tmp_path / "film"
        with open(file, "wb") as out:
            out.write(first)
            out.seek(TASTE + 1000)
            out.write(middle)
            out.seek(3 * TASTE)
            out.write(last)
        return taste(file)

    one = film(b"a", b"b", b"c")
    assert one[0] == 3 * TASTE + 1
    assert film(b"A", b"b", b"c") != one != film(b"a", b"b", b"C")
    assert film(b"a", b"B", b"c") == one, "what lies between is not read"


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({"a": 1}), json.dumps({"a": {"size": "x"}})])
def test_a_damaged_list_is_as_good_as_none(text, tmp_path):
    path = tmp_path / "piece.json"
    (tmp_path / "piece.assets").mkdir()
    (tmp_path / "piece.assets" / "files.json").write_text(text)
    assert search(known(path), [tmp_path]) == {}


def test_a_search_ends(patch_path, tmp_path, monkeypatch):
    (patch_path.parent / "face.mp4").rename(tmp_path / "me.mp4")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert search(known(patch_path), [tmp_path / "loop", tmp_path])["face.mp4"].name == "me.mp4"
    monkeypatch.setattr(known_files, "SEARCHED", 1)
    assert search(known(patch_path), [tmp_path]) == {}
