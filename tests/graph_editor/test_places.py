"""A patch moves, is copied, and brings things in, with all that belongs to it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graph_editor import backups
from graph_editor.places import bring_in, missing, save_as
from runtime.artifacts import Assets
from runtime.errors import PatchError
from runtime.patch import SUBPATCH, Inside, Link, Node, Patch, load, save
from runtime.plan import compile_patch
from runtime.records import out_of_date
from runtime.registry import discover
from runtime.terminal.open import NODES
from tests.graph_editor.clients import window

REGISTRY = discover(NODES)
ARCHIVE = Patch(
    nodes={"archive": Node("corpus.folder", params={"path": "tapes"}), "slicer": Node("corpus.slicer")},
    links=(Link("archive.corpus", "slicer.corpus"),),
)


def tapes(folder: Path) -> Path:
    folder.mkdir(parents=True)
    soundfile.write(folder / "hum.wav", 0.3 * np.sin(np.arange(22050) * 0.1), 22050)
    return folder


def made(path: Path, patch: Patch) -> None:
    """Runs the patch's jobs."""
    with window(path, patch) as jobs:
        jobs.client.run(path, patch)
        jobs.until(lambda: jobs.client.jobs and not any(job.is_busy for job in jobs.client.jobs.values()))
        assert {job.phase for job in jobs.client.jobs.values()} == {"done"}


def is_made(path: Path) -> bool:
    """Whether a run would find nothing to do, with all the results whole."""
    assets = Assets(path)
    plan = compile_patch(load(path), REGISTRY, path.parent)
    for step in plan.jobs:
        assets.artifact(step.node, "corpus").verify()
    return bool(plan.jobs) and not plan.problems and not out_of_date(plan, assets)


# Bringing in


@pytest.mark.parametrize("how", ["link", "copy"])
def test_what_is_brought_in_lies_beside_the_patch(tmp_path, how):
    source, patch = tapes(tmp_path / "archive" / "tapes"), tmp_path / "work" / "p.json"
    assert bring_in(patch, source, how) == "tapes"
    assert (tmp_path / "work" / "tapes").is_symlink() == (how == "link")
    assert (tmp_path / "work" / "tapes" / "hum.wav").read_bytes() == (source / "hum.wav").read_bytes()
    assert bring_in(patch, source / "hum.wav", how) == "hum.wav"
    assert sorted(item.name for item in (tmp_path / "work").iterdir()) == ["hum.wav", "tapes"]


def test_what_lies_beside_the_patch_already_stays_there(tmp_path):
    source = tapes(tmp_path / "work" / "deep" / "tapes")
    assert bring_in(tmp_path / "work" / "p.json", source) == "deep/tapes"
    assert [item.name for item in (tmp_path / "work").iterdir()] == ["deep"]


def test_a_name_that_is_taken_gets_a_number_and_the_same_thing_is_not_brought_in_twice(tmp_path):
    patch = tmp_path / "work" / "p.json"
    one, two = tapes(tmp_path / "a" / "tapes"), tapes(tmp_path / "b" / "tapes")
    assert [bring_in(patch, source) for source in (one, two, one, two)] == ["tapes", "tapes-2", "tapes", "tapes-2"]


def test_what_cannot_be_brought_in_says_why(tmp_path):
    with pytest.raises(PatchError, match="is not there any more"):
        bring_in(tmp_path / "work" / "p.json", tmp_path / "nothing")
    with pytest.raises(PatchError, match="holds the patch itself"):
        bring_in(tmp_path / "work" / "p.json", tmp_path)


# Saving elsewhere


def test_a_patch_that_is_saved_elsewhere_has_all_that_it_made_and_needs(tmp_path):
    tapes(tmp_path / "one" / "tapes")
    old, new = tmp_path / "one" / "p.json", tmp_path / "two" / "q.json"
    save(old, ARCHIVE)
    made(old, ARCHIVE)
    assert save_as(old, new, ARCHIVE, REGISTRY) == ARCHIVE
    assert is_made(old) and is_made(new)
    assert (tmp_path / "two" / "tapes").is_symlink() and not (tmp_path / "one" / "tapes").is_symlink()
    assert Assets(new).artifact("slicer", "corpus").path == tmp_path / "two" / "q.assets" / "slicer"


def test_a_patch_that_gets_another_name_in_its_folder_keeps_what_it_made(tmp_path):
    tapes(tmp_path / "tapes")
    save(tmp_path / "p.json", ARCHIVE)
    made(tmp_path / "p.json", ARCHIVE)
    save_as(tmp_path / "p.json", tmp_path / "q.json", ARCHIVE, REGISTRY)
    assert is_made(tmp_path / "p.json") and is_made(tmp_path / "q.json")


def test_a_patch_that_was_never_saved_moves_with_everything(tmp_path):
    source = tapes(tmp_path / "archive" / "tapes")
    old, new = tmp_path / "state" / "untitled.json", tmp_path / "work" / "mine.json"
    assert bring_in(old, source) == "tapes"
    made(old, ARCHIVE)
    save_as(old, new, ARCHIVE, REGISTRY, move=True)
    assert is_made(new) and not list((tmp_path / "state").iterdir())
    assert (tmp_path / "work" / "tapes").samefile(source)


def test_what_was_copied_beside_an_unsaved_patch_moves_too(tmp_path):
    source = tapes(tmp_path / "archive" / "tapes")
    old, new = tmp_path / "state" / "untitled.json", tmp_path / "work" / "mine.json"
    bring_in(old, source, "copy")
    save_as(old, new, ARCHIVE, REGISTRY, move=True)
    assert (tmp_path / "work" / "tapes" / "hum.wav").is_file() and not (tmp_path / "work" / "tapes").is_symlink()
    assert not (tmp_path / "state" / "tapes").exists()


def test_what_stands_at_the_new_place_is_not_lost(tmp_path):
    tapes(tmp_path / "one" / "tapes")
    (tapes(tmp_path / "two" / "tapes") / "hum.wav").write_bytes(b"another")
    (tmp_path / "two" / "p.assets").mkdir()
    (tmp_path / "two" / "p.assets" / "days_of_work").write_text("")
    old, new = tmp_path / "one" / "p.json", tmp_path / "two" / "p.json"
    save(new, Patch())
    made(old, ARCHIVE)
    written = save_as(old, new, ARCHIVE, REGISTRY)
    assert written.nodes["archive"].params["path"] == "tapes-2" and load(new) == written
    assert (tmp_path / "two" / "tapes" / "hum.wav").read_bytes() == b"another"
    assert (tmp_path / "two" / "p.replaced.assets" / "days_of_work").exists()
    assert [load(file) for _, file in backups.kept(new)] == [Patch()]
    assert not compile_patch(written, REGISTRY, new.parent).problems


def test_files_of_subpatches_and_files_in_made_things_are_found_at_the_new_place(tmp_path):
    old, new = tmp_path / "one" / "p.json", tmp_path / "two" / "q.json"
    (tmp_path / "one" / "p.assets" / "trainer").mkdir(parents=True)
    (tmp_path / "one" / "p.assets" / "trainer" / "model.ts").write_text("a model")
    (tmp_path / "one" / "sounds").mkdir()
    (tmp_path / "one" / "sounds" / "a.wav").write_text("a sound")
    inner = Patch(nodes={"player": Node("audio.player", params={"path": "sounds/a.wav"})})
    patch = Patch(
        nodes={
            "voices": Node(SUBPATCH, inside=Inside(inner)),
            "model": Node("rave.file", params={"path": "p.assets/trainer/model.ts"}),
            "take": Node("audio.recorder", params={"path": "takes/new.wav"}),
        }
    )
    written = save_as(old, new, patch, REGISTRY)
    assert written.nodes["model"].params["path"] == "q.assets/trainer/model.ts"
    assert replace(written, nodes={**written.nodes, "model": patch.nodes["model"]}) == patch
    assert (tmp_path / "two" / "sounds" / "a.wav").read_text() == "a sound"
    assert not (tmp_path / "two" / "takes").exists() and missing(written, REGISTRY, new.parent) == []


def test_files_that_are_missing_are_named_with_their_nodes(tmp_path):
    inner = Patch(nodes={"player": Node("audio.player", params={"path": "sounds/a.wav"})})
    patch = Patch(nodes={**ARCHIVE.nodes, "voices": Node(SUBPATCH, inside=Inside(inner))})
    assert missing(patch, REGISTRY, tmp_path) == [("archive", "path", "tapes"), ("voices__player", "path", "sounds/a.wav")]
    tapes(tmp_path / "tapes")
    assert [node for node, _, _ in missing(patch, REGISTRY, tmp_path)] == ["voices__player"]
