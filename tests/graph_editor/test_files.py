"""Recent files, autosaves, recovery after a crash, backups, and what others do to an open file."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graph_editor import backups, prefs
from graph_editor.files import FORGOTTEN, Files, examples
from graph_editor.prefs import Preferences, Stage
from runtime.errors import PatchError
from runtime.folders import config_folder, state_folder
from runtime.patch import Patch, dumps, load, loads, save
from tests.command import ROOT
from tests.graph_editor.clients import tone


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The folders of another user."""
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def files():
    found = Files()
    yield found
    found.close()


def kept(files):
    """Waits until the autosave under way is kept."""
    end = time.monotonic() + 10.0
    while files.autosaved is None:
        assert time.monotonic() < end and not files.trouble, files.trouble
        time.sleep(0.005)


DYING = """
import sys, time
from pathlib import Path
from graph_editor.files import Files
from runtime.patch import loads
files = Files()
path = Path(sys.argv[1]) if len(sys.argv) > 1 else files.untitled()
files.opened(path)
files.autosave(path, loads(sys.stdin.read()))
while files.autosaved is None:
    time.sleep(0.005)
print(path, flush=True)
time.sleep(60)
"""


def die(patch, *path):
    """A window that keeps unsaved work and is killed; gives where its patch was."""
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, *map(str, path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdin.write(dumps(patch))
    process.stdin.close()
    where = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    return Path(where)


# Recovery


def test_what_a_killed_window_had_not_saved_is_found_with_its_place(files, tmp_path):
    path = tmp_path / "mine.json"
    save(path, Patch())
    die(tone(), path)
    (left,) = files.found()
    assert left.path == path and loads(left.text) == tone() and abs(left.when - time.time()) < 30.0
    assert load(path) == Patch()  # the artist's own file was not touched


def test_a_new_patch_that_was_never_saved_is_found_too(files):
    where = die(tone())
    (left,) = files.found()
    assert left.path == where and files.is_untitled(left.path) and loads(left.text) == tone()
    files.discard(left)
    assert not files.found() and not where.parent.exists()


def test_work_that_was_adopted_belongs_to_one_window(tmp_path):
    die(tone(), tmp_path / "mine.json")
    one, two = Files(), Files()
    (left,), (same,) = one.found(), two.found()
    assert one.adopt(left) and not two.adopt(same)
    assert one.autosaved == left.when and not two.found() and not one.found()
    one.close(keep=True)
    (again,) = two.found()
    assert again.text == left.text
    two.close()


def test_a_window_that_lives_is_not_recovered(files, tmp_path):
    other = Files()
    other.autosave(tmp_path / "other.json", tone())
    kept(other)
    assert not files.found()
    other.close()
    assert not files.found()


def test_what_was_saved_all_the_same_is_not_offered(files, tmp_path):
    path = tmp_path / "mine.json"
    die(tone(), path)
    save(path, tone())
    assert not files.found()
    assert not list((state_folder() / "autosave").glob("*.json"))


def test_a_damaged_autosave_is_left_out(files, tmp_path):
    die(tone(), tmp_path / "mine.json")
    (state_folder() / "autosave" / "1-x.json").write_text('{"path": 3')
    assert [left.path.name for left in files.found()] == ["mine.json"]


def test_nothing_is_left_where_the_work_was_saved_or_the_window_was_closed(tmp_path):
    files = Files()
    files.autosave(tmp_path / "mine.json", tone())
    kept(files)
    files.save(tmp_path / "mine.json", tone())
    assert files.autosaved is None
    files.autosave(tmp_path / "mine.json", Patch())
    files.close()
    assert not list((state_folder() / "autosave").glob("*.json")) and not list((state_folder() / "autosave").glob("*.lock"))


def test_a_window_that_loses_its_display_leaves_its_newest_work(files, tmp_path):
    dying = Files()
    for gain in range(20):
        dying.autosave(tmp_path / "mine.json", tone(float(gain)))
    dying.close(keep=True)
    (left,) = files.found()
    assert loads(left.text) == tone(19.0)


def test_a_state_folder_that_cannot_be_written_costs_only_the_safety_net(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "file"))
    files = Files()
    assert files.trouble.startswith("unsaved work cannot be kept: ")
    files.opened(tmp_path / "mine.json")
    files.autosave(tmp_path / "mine.json", tone())
    files.save(tmp_path / "mine.json", tone())
    files.save(tmp_path / "mine.json", Patch())
    assert load(tmp_path / "mine.json") == Patch()
    assert files.found() == [] and files.recent() == [] and files.backups(tmp_path / "mine.json") == []
    files.close()


# New and recent patches


def test_new_patches_have_places_of_their_own_and_are_not_recent(files, tmp_path):
    one, two = files.untitled(), files.untitled()
    assert one != two and one.parent.is_dir() and not one.exists()
    assert files.is_untitled(one) and files.is_untitled(None) and not files.is_untitled(tmp_path / "untitled.json")
    files.opened(one)
    files.forget(one)
    assert files.recent() == [] and not one.parent.exists() and two.parent.exists()
    files.forget(tmp_path / "mine.json")
    assert tmp_path.exists()


def test_a_place_that_nobody_used_for_a_month_goes_unless_its_work_waits(files):
    old, wanted = files.untitled(), die(tone())
    for place in (old.parent, wanted.parent):
        os.utime(place, (time.time() - FORGOTTEN - 60,) * 2)
    fresh = files.untitled()
    Files().close()
    assert [place.parent.exists() for place in (old, wanted, fresh)] == [False, True, True]


def test_recent_patches_are_listed_newest_first_those_that_are_there(files, tmp_path):
    for number in range(15):
        save(tmp_path / f"{number}.json", Patch())
        files.opened(tmp_path / f"{number}.json")
    files.opened(tmp_path / "7.json")
    (tmp_path / "14.json").unlink()
    assert [path.stem for path in files.recent()] == ["7", "13", "12", "11", "10", "9", "8", "6", "5", "4", "3"]
    (state_folder() / "recent.json").write_text("[3, ")
    assert files.recent() == []


def test_the_examples_are_patches():
    assert {"demo.json", "archive_to_performance.json"} <= {path.name for path in examples()}
    assert all(load(path).nodes for path in examples())


# Others


def test_what_another_program_does_to_the_open_file_is_noticed_once(files, tmp_path):
    path = tmp_path / "mine.json"
    files.save(path, tone())
    assert files.changed_by_others() == ""
    path.write_text(dumps(Patch()))
    assert files.changed_by_others() == files.changed_by_others() == "changed"
    files.seen()
    assert files.changed_by_others() == ""
    path.unlink()
    assert files.changed_by_others() == "gone"
    files.save(path, tone())
    assert files.changed_by_others() == ""


def test_a_file_that_was_only_touched_or_written_anew_is_not_changed(files, tmp_path):
    path = tmp_path / "mine.json"
    files.save(path, tone())
    os.utime(path, (0, 0))
    assert files.changed_by_others() == ""
    shutil.copy(path, tmp_path / "copy")
    (tmp_path / "copy").replace(path)
    assert files.changed_by_others() == ""


# Backups


def test_each_version_that_is_saved_over_is_kept(files, tmp_path):
    path = tmp_path / "mine.json"
    for gain in (1.0, 2.0, 2.0, 3.0):
        files.save(path, tone(gain))
        time.sleep(0.005)
    assert [load(file).nodes["soft"].params["gain"] for _, file in files.backups(path)] == [2.0, 1.0]
    assert files.backups(tmp_path / "other" / "mine.json") == []


def test_backups_are_the_last_ten_and_one_a_day_for_a_month(tmp_path, monkeypatch):
    path, now = tmp_path / "mine.json", time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))
    monkeypatch.setattr(time, "time", lambda: now)
    for hours in range(24 * 40, 0, -6):  # forty days, four versions a day
        path.write_text(str(hours))
        os.utime(path, (now - 3600 * hours,) * 2)
        backups.keep(path, b"next")
    ages = [(now - when) / 86400 for when, _ in backups.kept(path)]
    assert ages[:10] == [0.25 * number for number in range(1, 11)]
    days = [time.strftime("%d", time.localtime(now - 86400 * age)) for age in ages[10:]]
    assert len(days) == len(set(days)) and 27 <= len(days) <= 30 and ages[-1] <= 30


def test_a_patch_that_cannot_be_saved_says_why_and_stays(files, tmp_path):
    (tmp_path / "mine.json").mkdir()
    with pytest.raises(PatchError, match="was not saved"):
        files.save(tmp_path / "mine.json", tone())


# Preferences


def test_preferences_are_kept_and_read_again():
    assert prefs.load() == Preferences()
    wanted = Preferences("light", 1.5, "pulse", None, 512, 0.05, 0, "0.0.0.0", "nano", {"save": "Ctrl+W"}, 1200, 800)
    prefs.save(wanted)
    assert prefs.load() == wanted
    assert wanted.stage() == Stage("pulse", None, 512, 0.05, False, 0, "0.0.0.0", "nano")


@pytest.mark.parametrize("text", ["", "[1, 2]", "null", '{"scale": ', "\0", "[" * 100_000])
def test_preferences_that_are_none_count_as_missing(text):
    config_folder().mkdir(parents=True)
    (config_folder() / prefs.FILE).write_text(text)
    assert prefs.load() == Preferences()


def test_a_preference_that_makes_no_sense_costs_only_itself():
    wrong = {"theme": "pink", "scale": float("nan"), "device": 3, "block": 100, "latency": -1.0, "osc": 70000, "osc_host": ""}
    wrong |= {"shortcuts": [1], "width": True, "height": 900.5, "midi": "nano", "colour": "red"}
    config_folder().mkdir(parents=True)
    (config_folder() / prefs.FILE).write_text(json.dumps(wrong))
    assert prefs.load() == Preferences(midi="nano")
