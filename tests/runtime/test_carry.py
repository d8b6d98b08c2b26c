"""Jobs that are sent to another machine and come home: what is in the bundle, what goes on where, and what is refused."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from runtime import bundle
from runtime import messages as say
from runtime.artifacts import Assets
from runtime.bundle import read_note
from runtime.carry import Brought, export_job, import_bundle, open_bundle
from runtime.corpus import Corpus, Recording, Slice
from runtime.errors import BundleError, NodeError
from runtime.excerpts import copy_slices
from runtime.offline import Runner
from runtime.patch import Link, Node, Patch
from runtime.plan import Plan, compile_patch
from tests.carry_nodes import registry


class Home:
    """A patch folder with two tapes, whose corpus is made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "practice.json"
        self.assets = Assets(self.path)

    def record_tapes(self) -> None:
        (self.folder / "tapes").mkdir(parents=True)
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 2))
        soundfile.write(self.folder / "tapes/a.wav", noise[:, 0], 8000, subtype="PCM_24")
        soundfile.write(self.folder / "tapes/b.wav", noise[:4000], 8000, subtype="FLOAT")
        self.run("gather")

    def plan(self, *, name: str = "learn", until: int = 3000, **params: Any) -> Plan:
        nodes = {"gather": Node("carry.gather", params={"until": until}), name: Node("carry.learn", params=params, seed="learn")}
        return compile_patch(Patch({"seed": 7}, nodes, (Link("gather.corpus", f"{name}.corpus"),)), registry(), self.folder)

    def run(self, only: str | None = None, **params: Any) -> list[Any]:
        events: list[Any] = []
        Runner(self.plan(**params), self.assets, events.append, only=only).run()
        return [(type(event), event.node) for event in events if isinstance(event, say.JobDone | say.JobSkipped | say.JobStarted)]

    def export(self, out: Path, **params: Any) -> Path:
        export_job(self.path, self.plan(**params), self.assets, "learn", out, lambda words: None)
        return out

    def bring(self, file: Path, **params: Any) -> Brought:
        return import_bundle(file, self.plan(**params), self.assets)

    def made(self, node: str = "learn") -> dict[str, Any]:
        return json.loads((self.assets.node(node) / "model.ts").read_text())


def run_until(make: Callable[[Callable[[Any], None]], Runner], step: int | None, *, kill: bool = False) -> list[Any]:
    """Runs the runner that `make` gives; asks it to stop, or kills it, after that many steps. Gives the events."""
    events: list[Any] = []

    def listen(event: Any) -> None:
        events.append(event)
        if isinstance(event, say.JobProgress) and event.text == f"step {step}":
            (runner.hurry if kill else runner.stop).set()

    runner = make(listen)
    runner.run()
    return events


def run_away(file: Path, *, stop_after: int | None = None, **given: Any) -> list[Any]:
    """Runs a bundle and packs it again; gives the events."""
    bundled = open_bundle(file, registry())
    events = run_until(lambda listen: bundled.runner(listen, given), stop_after)
    bundled.keep()
    return events


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with its corpus made, a bundle of it that is new and one that is made."""
    folder = tmp_path_factory.mktemp("places")
    home = Home(folder / "home")
    home.record_tapes()
    shutil.copy(home.export(folder / "new.job", pause=0.0), folder / "made.job")
    run_away(folder / "made.job", device="quick")
    return folder


@pytest.fixture
def home(places: Path, tmp_path: Path) -> Home:
    shutil.copytree(places / "home", tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def away(tmp_path: Path) -> Path:
    (tmp_path / "away").mkdir()
    return tmp_path / "away"


@pytest.fixture
def new(places: Path, away: Path) -> Path:
    """A bundle that nobody has run yet; its job does not pause."""
    return shutil.copy(places / "new.job", away / "it.job")


@pytest.fixture
def made(places: Path, away: Path) -> Path:
    """The same, made on a machine with a quick device."""
    return shutil.copy(places / "made.job", away / "it.job")


# There and back


def test_what_a_bundle_has_made_elsewhere_is_what_would_have_been_made_here_and_run_skips_it(home, away):
    home.export(away / "it.job", pause=0.0)
    shutil.move(home.folder / "tapes", home.folder / "hidden")  # nothing but the bundle goes along
    run_away(away / "it.job")
    brought = home.bring(away / "it.job", pause=0.0)
    assert (brought.node, brought.is_made) == ("learn", True)
    carried = home.made()
    assert home.run(pause=0.0) == [(say.JobSkipped, "gather"), (say.JobSkipped, "learn")]
    shutil.move(home.folder / "hidden", home.folder / "tapes")
    shutil.rmtree(home.assets.node("learn"))
    home.run(pause=0.0)
    assert home.made() == carried


def test_a_training_begun_here_goes_on_there_at_its_step_and_its_working_data_stay_at_home(home, away):
    run_until(lambda listen: Runner(home.plan(), home.assets, listen), 3)
    done = json.loads((home.assets.working("learn") / "state.json").read_text())["done"]
    assert 0 < done < 20
    home.export(away / "it.job")
    assert not [name for name in zipfile.ZipFile(away / "it.job").namelist() if "examples" in name]
    run_away(away / "it.job")
    home.bring(away / "it.job")
    assert json.loads((home.assets.node("learn") / "state.json").read_text())["began"] == [0, done]


def test_a_run_that_was_stopped_elsewhere_is_kept_in_the_bundle_and_goes_on_there_or_at_home(home, away):
    home.export(away / "it.job")
    run_away(away / "it.job", stop_after=5)
    assert [item.name for item in away.iterdir()] == ["it.job"] and read_note(away / "it.job").state == "begun"
    shutil.copy(away / "it.job", away / "third.job")
    run_away(away / "it.job")
    assert read_note(away / "it.job").state == "made"
    assert home.bring(away / "third.job") == Brought("learn", False, ())
    assert home.run("learn") == [(say.JobSkipped, "gather"), (say.JobStarted, "learn"), (say.JobDone, "learn")]
    assert json.loads((home.assets.node("learn") / "state.json").read_text())["began"][1] >= 5


def test_a_run_that_was_killed_elsewhere_goes_on_in_the_folder_beside_the_bundle(home, away):
    home.export(away / "it.job")
    bundled = open_bundle(away / "it.job", registry())
    run_until(lambda listen: bundled.runner(listen, {}), 3, kill=True)
    left = json.loads((away / "it.job.work/practice.assets/learn.partial/state.json").read_text())["done"]
    assert 3 <= left < 20
    run_away(away / "it.job")
    home.bring(away / "it.job")
    assert json.loads((home.assets.node("learn") / "state.json").read_text())["began"] == [0, left]
    assert not (away / "it.job.work").exists()


def test_another_device_there_makes_nothing_anew_here(home, away):
    home.export(away / "it.job")
    run_away(away / "it.job", device="quick")
    home.bring(away / "it.job")
    assert home.made()["device"] == "quick"
    assert home.run()[-1] == (say.JobSkipped, "learn")


def test_a_param_that_changes_what_is_made_cannot_be_chosen_there(away, new):
    with pytest.raises(BundleError, match=r"carry.learn has no pause to choose"):
        open_bundle(new, registry()).runner(lambda event: None, {"pause": 0.0})


def test_a_node_that_was_renamed_meanwhile_gets_its_result(home, made):
    assert home.bring(made, name="voices", pause=0.0).node == "voices"
    assert home.assets.record("voices")["node"] == "voices"
    assert home.run(name="voices", pause=0.0)[-1] == (say.JobSkipped, "voices")


def test_more_steps_go_on_elsewhere_from_what_was_made_here(home, away):
    home.run(pause=0.0)
    home.export(away / "it.job", pause=0.0, steps=25)
    run_away(away / "it.job")
    assert home.bring(away / "it.job", pause=0.0, steps=25).is_made
    assert json.loads((home.assets.node("learn") / "state.json").read_text())["began"] == [0, 20]


def test_a_result_that_was_there_is_kept_as_the_previous_one(home, away):
    home.export(away / "it.job", pause=0.0)
    run_away(away / "it.job", device="quick")
    home.run(pause=0.0)
    home.bring(away / "it.job", pause=0.0)
    previous = json.loads((home.assets.folder / "learn.previous/model.ts").read_text())
    assert (previous["device"], home.made()["device"]) == ("slow", "quick")


def test_the_models_that_came_along_are_told_so_that_they_can_be_asked_about(home, made):
    names = [model.relative_to(home.assets.node("learn")).as_posix() for model in home.bring(made, pause=0.0).models]
    assert names == ["model.ts", "shelf/step_10.ts"]


def test_a_made_bundle_leaves_the_sound_behind_and_still_runs_as_made(places, made):
    assert "tapes/a.wav" in zipfile.ZipFile(places / "new.job").namelist()
    assert not [name for name in zipfile.ZipFile(made).namelist() if name.startswith("tapes")]
    assert [type(event) for event in run_away(made)] == [say.JobSkipped]


def test_a_file_that_a_param_names_goes_along(home, away):
    (home.folder / "words.txt").write_text("from home")
    home.export(away / "it.job", pause=0.0, path="words.txt")
    (home.folder / "words.txt").rename(home.folder / "hidden.txt")
    run_away(away / "it.job")
    run_away(away / "it.job")
    (home.folder / "hidden.txt").rename(home.folder / "words.txt")
    home.bring(away / "it.job", pause=0.0, path="words.txt")
    assert home.made()["words"] == "from home"
    assert home.run(pause=0.0, path="words.txt")[-1] == (say.JobSkipped, "learn")


# Only the sound of the slices


@pytest.mark.parametrize(
    ("subtype", "form", "channels"),
    [("PCM_U8", "WAV", 1), ("PCM_16", "WAV", 2), ("PCM_24", "AIFF", 6), ("PCM_32", "WAV", 1), ("FLOAT", "WAV", 2),
     ("PCM_16", "WAV", 12), ("DOUBLE", "WAV", 1), ("PCM_16", "FLAC", 1), ("VORBIS", "OGG", 1)],
)  # fmt: skip
def test_a_copy_holds_the_very_samples_of_the_slices(tmp_path, subtype, form, channels):
    sound = np.random.default_rng(1).uniform(-1, 1, (30_000, channels))
    soundfile.write(tmp_path / "a.wav", sound, 44100, subtype=subtype, format=form)
    slices = (Slice(0, 20_000, 25_000), Slice(0, 100, 5000), Slice(0, 4000, 6000))
    corpus = Corpus(tmp_path, (Recording("a.wav", "", 44100, channels, 30_000),), slices)
    (tmp_path / "copy").mkdir()
    copy_slices(corpus, 0, tmp_path / "copy/a.wav")
    other = Corpus(tmp_path / "copy", corpus.recordings, slices)
    for piece in slices:
        assert corpus.load(piece).tobytes() == other.load(piece).tobytes()
    silent = other.load(Slice(0, 6000, 20_000)) if subtype != "VORBIS" else np.zeros(1)
    assert not silent.any() and soundfile.info(tmp_path / "copy/a.wav").frames == 30_000


def test_a_bundle_of_a_few_seconds_of_a_long_recording_is_small(home, away):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 60 * 8000)
    soundfile.write(home.folder / "tapes/a.wav", noise, 8000, subtype="PCM_24")
    home.export(away / "it.job")
    assert zipfile.ZipFile(away / "it.job").getinfo("tapes/a.wav").file_size < 10_000


def test_a_recording_that_has_gone_is_named(home, away):
    (home.folder / "tapes/b.wav").unlink()
    with pytest.raises(NodeError, match=r"tapes/b.wav cannot be copied .*put it back, or run the patch again"):
        home.export(away / "it.job")
    assert list(away.iterdir()) == []


# What is refused


def test_a_job_whose_corpus_is_not_made_or_out_of_date_is_refused_with_what_to_run(home, away):
    with pytest.raises(BundleError, match=r"corpus comes from gather, which would be made anew: until is 2000, was 3000; call"):
        home.export(away / "it.job", until=2000)


def test_a_job_that_is_made_already_is_not_sent(home, away):
    home.run(pause=0.0)
    with pytest.raises(BundleError, match=r"learn is made already, .* there is nothing to send"):
        home.export(away / "it.job", pause=0.0)


def test_a_job_that_reads_a_folder_of_this_machine_is_not_sent(home, away):
    with pytest.raises(BundleError, match=r"learn reads the whole folder tapes, which is not put into bundles; run it here"):
        home.export(away / "it.job", folder="tapes")


def test_a_bundle_that_was_not_run_yet_brings_nothing(home, new):
    with pytest.raises(BundleError, match=r"nothing has been made of it.job yet; run it first: glasspatch job run it.job"):
        home.bring(new)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda home: home.plan(pause=0.5), "of learn there, pause is 0.5, was 0.0"),
        (lambda home: home.plan(name="other", pause=0.5), "of other there, pause is 0.5, was 0.0"),
        (lambda home: compile_patch(Patch(), registry()), "it has no learn that can run"),
    ],
)
def test_a_bundle_of_other_params_is_refused_with_the_difference(home, made, change: Callable[[Home], Plan], words):
    with pytest.raises(BundleError, match=f"does not belong to this patch: {words}; nothing was changed"):
        import_bundle(made, change(home), home.assets)
    assert not home.assets.node("learn").exists() and not home.assets.working("learn").exists()


def test_a_bundle_of_another_corpus_is_refused(home, made):
    home.run("gather", until=2500)
    with pytest.raises(BundleError, match="of learn there, its corpus has changed"):
        home.bring(made, until=2500, pause=0.0)


def test_what_has_only_begun_does_not_replace_what_is_made(home, away):
    home.export(away / "it.job")
    run_away(away / "it.job", stop_after=3)
    home.run()
    with pytest.raises(BundleError, match=r"is made here already, and it.job has only begun it"):
        home.bring(away / "it.job")


def test_work_of_another_bundle_in_the_folder_beside_is_left_alone(home, away):
    home.export(away / "it.job")
    open_bundle(away / "it.job", registry())
    home.export(away / "it.job")
    with pytest.raises(BundleError, match=r"it.job.work holds other work than it.job; move one of them away"):
        open_bundle(away / "it.job", registry())
    assert (away / "it.job.work/tapes/a.wav").exists()


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The bundle with other things in it."""
    with zipfile.ZipFile(file) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    change(held)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return file


def noted(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(held: dict[str, bytes]) -> None:
        note = json.loads(held["bundle.json"])
        record = values.pop("record", {})
        held["bundle.json"] = json.dumps({**note, "record": {**note["record"], **record}, **values}).encode()

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: held.update({"../evil": b""}), "'../evil', which leads out of the bundle"),
        (lambda held: held.update({"/etc/evil": b""}), "'/etc/evil', which leads out of the bundle"),
        (lambda held: held.update({"a/./b": b""}), "leads out of the bundle"),
        (lambda held: held.update({"a\\..\\b": b""}), "is no name of a file"),
        (lambda held: held.update({"a\nb": b""}), "is no name of a file"),
        (lambda held: held.pop("bundle.json"), "is a zip file, but no bundle"),
        (lambda held: held.update({"bundle.json": b"[]"}), "note in it.job cannot be understood"),
        (noted(format=2), "has format 2 and this glasspatch reads up to 1; use a newer glasspatch"),
        (noted(state="odd"), "cannot be understood"),
        (noted(stem="../x"), "cannot be understood"),
        (noted(record={"node": "../x"}), "cannot be understood"),
        (noted(record={"inputs": {"corpus": {"node": "..", "output": "corpus"}}}), "cannot be understood"),
        (noted(record={"version": 2}), "needs carry.learn version 2, and this glasspatch has version 1"),
        (noted(record={"type": "future.node"}), "needs future.node version 1, and this glasspatch has none"),
        (noted(others={}), "cannot be understood"),
        (noted(record={"params": {"path": "tapes/a.wav"}}), "is not one that glasspatch has exported"),
        (noted(seed=8), "is not one that glasspatch has exported"),
    ],
)  # fmt: skip
def test_what_glasspatch_has_not_written_is_not_run(away, new, change, words):
    file = rewritten(new, change)
    with pytest.raises(BundleError, match=words):
        open_bundle(file, registry())
    assert not (away.parent / "evil").exists()


def test_a_link_in_a_bundle_is_refused(away, new):
    entry = zipfile.ZipInfo("tapes/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(new, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(BundleError, match="is a link or a device"):
        open_bundle(new, registry())


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_a_bundle_that_was_cut_short_says_so_and_leaves_nothing_behind(away, new, part):
    data = new.read_bytes()
    new.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BundleError, match=r"is cut short, damaged or no bundle .*copy it again"):
        open_bundle(new, registry())
    assert [item.name for item in away.iterdir()] == ["it.job"]


def test_a_bundle_with_a_flipped_byte_is_found_out_and_nothing_is_left_behind(away, new):
    data = bytearray(new.read_bytes())
    place = zipfile.ZipFile(new).getinfo("tapes/b.wav").header_offset + 200
    data[place] ^= 0xFF
    new.write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        open_bundle(new, registry())
    assert [item.name for item in away.iterdir()] == ["it.job"]


def test_a_file_that_is_not_there_is_said(away):
    with pytest.raises(BundleError, match=r"no.job is not there"):
        read_note(away / "no.job")


def test_a_bundle_that_unpacks_to_more_than_the_disk_holds_is_not_unpacked(away, new, monkeypatch):
    monkeypatch.setattr(bundle, "SPARE", shutil.disk_usage(away).total)
    with pytest.raises(BundleError, match=r"unpacks to 0.00 GB and the disk has .* left; free some space"):
        open_bundle(new, registry())


def test_a_disk_that_fills_while_the_result_is_packed_loses_neither_the_bundle_nor_the_work(home, away):
    import resource

    home.export(away / "it.job", pause=0.0)
    before = (away / "it.job").read_bytes()
    bundled = open_bundle(away / "it.job", registry())
    bundled.runner(lambda event: None, {}).run()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            bundled.keep()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (away / "it.job").read_bytes() == before
    assert sorted(item.name for item in away.iterdir()) == ["it.job", "it.job.work"]
    run_away(away / "it.job")
    assert home.bring(away / "it.job", pause=0.0).is_made


def test_a_result_that_is_not_what_its_record_says_is_not_brought_in(home, made):
    rewritten(made, lambda held: held.update({"practice.assets/learn/model.ts": b"other"}))
    with pytest.raises(BundleError, match="the model in the bundle is not what its record says; nothing was changed"):
        home.bring(made, pause=0.0)
    assert not home.assets.node("learn").exists()


def test_a_record_in_a_bundle_cannot_make_us_take_a_file_from_elsewhere(home, made):
    name = "practice.assets/learn/record.json"

    def change(held: dict[str, bytes]) -> None:
        record = json.loads(held[name])
        record["outputs"]["model"]["path"] = "practice.assets/learn/../../practice.json"
        held[name] = json.dumps(record).encode()

    rewritten(made, change)
    with pytest.raises(BundleError, match="is not what its record says"):
        home.bring(made, pause=0.0)


def test_nothing_of_an_import_that_failed_stays_in_the_assets(home, made):
    rewritten(made, lambda held: held.pop("practice.assets/learn/record.json"))
    before = sorted(home.assets.folder.iterdir())
    with pytest.raises(BundleError, match="has lost the record of its work"):
        home.bring(made, pause=0.0)
    assert sorted(home.assets.folder.iterdir()) == before
