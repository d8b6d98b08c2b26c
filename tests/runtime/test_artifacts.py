"""Made things on disk: whole or not at all, known by their content, and one process at a time."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.artifacts import (
    RECORD,
    Artifact,
    Assets,
    fingerprint,
    hash_file,
    signature,
    versions,
    write_atomically,
)
from runtime.errors import ArtifactError, LockedError
from runtime.spec import PortType

ROOT = Path(__file__).parents[2]


@pytest.fixture
def assets(tmp_path):
    return Assets(tmp_path / "song.json")


def make(assets, name, text="made", **record):
    """What a runner does for a job with one output, its whole folder."""
    working = assets.working(name)
    working.mkdir(parents=True, exist_ok=True)
    (working / "text.txt").write_text(text)
    return assets.finish(name, record, {"corpus": (PortType.CORPUS, working)})


def write_record(assets, node, data):
    assets.node(node).mkdir(parents=True, exist_ok=True)
    text = data if isinstance(data, str) else json.dumps(data)
    (assets.node(node) / RECORD).write_text(text)


def names(folder):
    return sorted(item.name for item in folder.iterdir())


# Writing and fingerprints


def test_a_file_is_written_with_its_folder_and_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new" / "file.bin"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["file.bin"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_atomically(tmp_path / "file.bin", b"one")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "file.bin", "a text")
    assert (tmp_path / "file.bin").read_bytes() == b"one"
    assert names(tmp_path) == ["file.bin"]


def test_hash_file_is_the_sha256_of_its_bytes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-4.
    assert hash_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint(tmp_path / "abc") == hash_file(tmp_path / "abc")


def test_a_fingerprint_changes_with_content_name_and_place_and_with_nothing_else(tmp_path):
    def filled(name, files):
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        return fingerprint(tmp_path / name)

    first = filled("first", {"a.txt": "1", "sub/b.txt": "2"})
    assert filled("again", {"sub/b.txt": "2", "a.txt": "1"}) == first
    others = [
        filled("content", {"a.txt": "1", "sub/b.txt": "3"}),
        filled("name", {"c.txt": "1", "sub/b.txt": "2"}),
        filled("place", {"a.txt": "1", "b.txt": "2"}),
        filled("swapped", {"a.txt": "2", "sub/b.txt": "1"}),
        filled("more", {"a.txt": "1", "sub/b.txt": "2", "c.txt": ""}),
        filled("less", {"a.txt": "1"}),
    ]
    assert len({first, *others}) == 7
    os.utime(tmp_path / "first" / "a.txt", (1, 1))
    assert fingerprint(tmp_path / "first") == first


def test_a_fingerprint_ignores_the_folders_own_record_and_log(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("1")
    before = fingerprint(tmp_path)
    (tmp_path / RECORD).write_text("{}")
    (tmp_path / "log.txt").write_text("hello")
    assert fingerprint(tmp_path) == before
    (tmp_path / "sub" / RECORD).write_text("{}")
    assert fingerprint(tmp_path) != before


def test_a_file_is_known_by_its_content_whatever_its_time(tmp_path):
    file = tmp_path / "a.ckpt"
    file.write_text("1")
    first = signature(file)
    os.utime(file, ns=(10**18, 10**18))
    assert signature(file) == signature(shutil.copy(file, tmp_path / "b.ckpt")) == first == hash_file(file)
    file.write_text("2")
    os.utime(file, ns=(10**18, 10**18))
    assert signature(file) != first


def test_a_folder_is_known_by_names_sizes_and_times_of_what_it_holds(tmp_path):
    file = tmp_path / "a.wav"
    file.write_text("1")
    os.utime(file, ns=(10**18, 10**18))
    first = signature(tmp_path)
    file.write_text("2")
    os.utime(file, ns=(10**18, 10**18))
    assert signature(tmp_path) == first
    os.utime(file, ns=(10**18, 10**18 + 1000))
    assert signature(tmp_path) != first
    os.utime(file, ns=(10**18, 10**18))
    (tmp_path / "b.wav").touch()
    assert signature(tmp_path) != first


def test_what_is_not_there_has_no_signature(tmp_path):
    (tmp_path / "empty").mkdir()
    assert signature(tmp_path / "nothing") == signature(tmp_path / "empty") == ""


def test_versions_tell_python_and_the_libraries_that_are_there():
    assert versions()["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "numpy" in versions() and all(isinstance(version, str) for version in versions().values())


# Finishing


def test_what_a_job_made_lies_in_the_nodes_folder_with_its_record(assets, tmp_path):
    record = make(assets, "slicer", key="k", inputs={})
    assert names(assets.folder) == ["slicer"]
    assert assets.folder == tmp_path / "song.assets"
    made = assets.artifact("slicer", "corpus")
    assert made == Artifact(PortType.CORPUS, assets.node("slicer"), fingerprint(assets.node("slicer")), record)
    assert record["key"] == "k" and record["outputs"]["corpus"]["path"] == "song.assets/slicer"
    made.verify()


def test_a_file_in_the_working_folder_and_one_of_the_users_are_found_again(assets, tmp_path):
    assets.working("model").mkdir(parents=True)
    (assets.working("model") / "model.ts").write_bytes(b"m")
    (tmp_path / "mine.ts").write_bytes(b"u")
    outputs = {"model": (PortType.MODEL, assets.working("model") / "model.ts"), "other": (PortType.MODEL, tmp_path / "mine.ts")}
    assets.finish("model", {}, outputs)
    assert assets.artifact("model", "model").path.read_bytes() == b"m"
    assert assets.artifact("model", "other").path == tmp_path / "mine.ts"


def test_a_new_result_replaces_the_old_one(assets):
    make(assets, "n", "one")
    (assets.node("n") / "left.txt").touch()
    make(assets, "n", "two")
    assert (assets.node("n") / "text.txt").read_text() == "two"
    assert names(assets.node("n")) == [RECORD, "text.txt"]
    assert names(assets.folder) == ["n", "n.previous"]
    assert (assets.folder / "n.previous" / "text.txt").read_text() == "one"


def test_a_job_that_did_not_write_what_it_promised_leaves_the_old_result(assets):
    make(assets, "n", "one")
    assets.working("n").mkdir()
    with pytest.raises(ArtifactError, match="model was not written; this is a fault of the node"):
        assets.finish("n", {}, {"model": (PortType.MODEL, assets.working("n") / "model.ts")})
    assert (assets.node("n") / "text.txt").read_text() == "one"
    assets.artifact("n", "corpus").verify()


def test_a_patch_and_its_assets_can_be_moved_together(assets, tmp_path):
    make(assets, "n")
    moved = tmp_path.parent / f"{tmp_path.name}_moved"
    tmp_path.rename(moved)
    Assets(moved / "song.json").artifact("n", "corpus").verify()


# Killed by the system at each rename and removal, as a computer that is switched off.
FINISH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from runtime.artifacts import Assets
from runtime.spec import PortType
assets = Assets(Path(sys.argv[1]))
working = assets.working("n")
working.mkdir()
(working / "text.txt").write_text("two")
left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree"):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
sys.addaudithook(count)
assets.finish("n", {}, {"corpus": (PortType.CORPUS, working)})
print("finished")
"""


def test_a_finish_that_is_killed_anywhere_leaves_the_old_result_or_the_new_one_whole(tmp_path):
    seen = []
    for steps in range(20):
        assets = Assets(tmp_path / str(steps) / "song.json")
        make(assets, "n", "one")
        done = subprocess.run(
            [sys.executable, "-c", FINISH_AND_DIE, tmp_path / str(steps) / "song.json", str(steps)],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        assets.recover("n")
        made = assets.artifact("n", "corpus")
        made.verify()
        seen.append((made.path / "text.txt").read_text())
        make(assets, "n", "three")
        assert names(assets.folder) in (["n"], ["n", "n.previous"])
        if done.returncode == 0:
            break
    assert seen[0] == "one" and seen[-1] == "two" and seen == sorted(seen)
    assert 4 <= len(seen) < 20


def test_recover_does_nothing_where_nothing_was_cut(assets):
    assets.recover("n")
    make(assets, "n", "one")
    assets.recover("n")
    assert names(assets.folder) == ["n"]


# Reading what may have come from anywhere


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.txt", "song.assets/../../secret.txt", "..", "a/../../b"])
def test_a_record_that_leads_out_of_the_patchs_folder_is_not_followed(assets, path):
    write_record(assets, "n", {"outputs": {"corpus": {"type": "corpus", "path": path, "fingerprint": "0"}}})
    assert assets.artifact("n", "corpus") is None


def test_an_output_that_was_not_made_is_none(assets):
    assert assets.artifact("n", "corpus") is None
    assert assets.record("n") is None
    make(assets, "n")
    assert assets.artifact("n", "model") is None


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{",
        "[]",
        "1",
        {},
        {"outputs": []},
        {"outputs": {"corpus": None}},
        {"outputs": {"corpus": {}}},
        {"outputs": {"corpus": []}},
        {"outputs": {"corpus": "song.assets/n"}},
        {"outputs": {"corpus": 0}},
        {"outputs": {"corpus": {"type": "corpus"}}},
        {"outputs": {"corpus": {"type": "nonsense", "path": "a", "fingerprint": "0"}}},
        {"outputs": {"corpus": {"type": ["corpus"], "path": "a", "fingerprint": "0"}}},
        {"outputs": {"corpus": {"type": "corpus", "path": 5, "fingerprint": "0"}}},
    ],
    ids=repr,
)
def test_a_damaged_record_is_as_good_as_none(assets, data):
    write_record(assets, "n", data)
    assert assets.artifact("n", "corpus") is None


def test_a_record_that_is_nested_too_deeply_or_no_text_is_as_good_as_none(assets):
    write_record(assets, "n", "[" * 100_000)
    assert assets.record("n") is None
    (assets.node("n") / RECORD).write_bytes(b'{"outputs": {"\xff": 1}}')
    assert assets.record("n") is None


def test_verify_finds_a_file_that_is_cut_short_replaced_or_gone(assets):
    make(assets, "n", "a long text")
    made = assets.artifact("n", "corpus")
    file = made.path / "text.txt"
    for damage in (lambda: os.truncate(file, 3), lambda: file.write_text("another one"), file.unlink):
        damage()
        with pytest.raises(ArtifactError, match="is missing or has changed since it was made; run the patch again"):
            made.verify()
        file.write_text("a long text")
        made.verify()
    file.unlink()
    (made.path / RECORD).unlink()
    made.path.rmdir()
    with pytest.raises(ArtifactError):
        made.verify()


# Lineage


def comes_from(*nodes):
    return {f"input{number}": {"node": node, "output": "corpus", "fingerprint": "0"} for number, node in enumerate(nodes)}


def test_lineage_is_the_chain_of_records_nearest_first_each_once(assets):
    make(assets, "folder", node="folder", inputs={})
    make(assets, "slicer", node="slicer", inputs=comes_from("folder"))
    make(assets, "other", node="other", inputs=comes_from("folder", "gone"))
    make(assets, "trainer", node="trainer", inputs=comes_from("slicer", "other"))
    assert [record["node"] for record in assets.lineage("trainer")] == ["trainer", "slicer", "other", "folder"]
    assert [record["node"] for record in assets.lineage("folder")] == ["folder"]
    assert assets.lineage("nobody") == []


def test_lineage_of_records_that_name_each_other_ends(assets):
    make(assets, "a", node="a", inputs=comes_from("b"))
    make(assets, "b", node="b", inputs=comes_from("a"))
    assert [record["node"] for record in assets.lineage("a")] == ["a", "b"]


@pytest.mark.parametrize("inputs", [None, [], "x", {"corpus": None}, {"corpus": {}}, {"corpus": {"node": 5}}], ids=repr)
def test_lineage_of_a_damaged_record_ends_there(assets, inputs):
    write_record(assets, "n", {"node": "n", "inputs": inputs, "outputs": {}})
    assert [record["node"] for record in assets.lineage("n")] == ["n"]


def test_lineage_reads_nothing_outside_the_assets_folder(assets, tmp_path):
    outside = tmp_path / "private"
    outside.mkdir()
    (outside / RECORD).write_text(json.dumps({"node": "private", "outputs": {}}))
    for way in ("../private", str(outside)):
        write_record(assets, "n", {"node": "n", "inputs": comes_from(way), "outputs": {}})
        assert [record["node"] for record in assets.lineage("n")] == ["n"]


# The lock

HOLD = """
import sys
import threading
import time
from pathlib import Path
from runtime.artifacts import Assets
with Assets(Path(sys.argv[1])).lock(sys.argv[2], shared=len(sys.argv) > 3):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(patch, doing, *shared):
    """Another process that holds the patch."""
    command = [sys.executable, "-c", HOLD, patch, doing, *shared]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def test_a_locked_patch_says_who_works_on_it(assets, tmp_path):
    with holder(tmp_path / "song.json", "run") as child:
        said = f"glasspatch run (process {child.pid}) is working on this patch; wait until it is done or stop it"
        for shared in (False, True):
            with pytest.raises(LockedError) as locked, assets.lock("render", shared=shared):
                pass
            assert str(locked.value) == said


def test_the_lock_is_free_when_its_holder_ends_or_is_killed(assets, tmp_path):
    with holder(tmp_path / "song.json", "run") as child:
        child.kill()
        child.wait()
        with assets.lock("run"):
            pass
    with holder(tmp_path / "song.json", "run") as child:
        child.communicate("")
        with assets.lock("run"):
            assert (assets.folder / ".lock").read_text() == f"glasspatch run (process {os.getpid()})"
    with assets.lock("run"):
        pass


def test_the_lock_is_free_after_an_error_inside(assets):
    with pytest.raises(RuntimeError), assets.lock("run"):
        raise RuntimeError
    with assets.lock("run"):
        pass


def test_those_who_only_read_share_the_lock_and_keep_a_writer_out(assets, tmp_path):
    with (
        holder(tmp_path / "song.json", "render", "shared"),
        assets.lock("play", shared=True),
        pytest.raises(LockedError, match="is working on this patch"),
        assets.lock("run"),
    ):
        pass
    with assets.lock("run"):
        pass


def test_patches_beside_each_other_do_not_lock_each_other(assets, tmp_path):
    with holder(tmp_path / "other.json", "run"), assets.lock("run"):
        pass


# Assets that came with somebody else's patch, and odd places


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_left_alone(assets, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    assets.folder.mkdir()
    (assets.folder / ".lock").symlink_to(tmp_path / "diary.txt")
    for shared in (False, True):
        with pytest.raises(LockedError, match="is a link to another file"), assets.lock("run", shared=shared):
            pass
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_lock_that_holds_no_text_still_locks(assets, tmp_path):
    with holder(tmp_path / "song.json", "run"):
        (assets.folder / ".lock").write_bytes(b"\xff\xfe")
        with pytest.raises(LockedError, match="is working on this patch"), assets.lock("run"):
            pass


def test_who_only_reads_needs_no_lock_where_nobody_may_write(assets, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with assets.lock("render", shared=True):
        pass
    with pytest.raises(OSError, match="Read-only"), assets.lock("run"):
        pass


def test_a_link_is_written_through_only_where_that_is_asked_for(tmp_path):
    (tmp_path / "far.txt").write_text("mine")
    (tmp_path / "link.txt").symlink_to("far.txt")
    write_atomically(tmp_path / "link.txt", b"two", through_links=True)
    assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "far.txt").read_text() == "two"
    write_atomically(tmp_path / "link.txt", b"three")
    assert not (tmp_path / "link.txt").is_symlink() and (tmp_path / "far.txt").read_text() == "two"


def test_names_that_are_not_utf_8_have_signatures_and_fingerprints(tmp_path):
    folder = tmp_path / "sounds"
    folder.mkdir()
    before = signature(folder), fingerprint(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.wav")).write_bytes(b"1")
    assert signature(folder) != before[0] and fingerprint(folder) != before[1]


def test_the_signature_of_a_folder_changes_behind_links_to_folders_and_not_for_hidden_files(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "link").symlink_to("../far")
    before = signature(tmp_path / "sounds")
    (tmp_path / "sounds" / ".DS_Store").write_text("1")
    assert signature(tmp_path / "sounds") == before
    (tmp_path / "far" / "new.wav").write_text("1")
    assert signature(tmp_path / "sounds") != before


def test_a_record_is_read_only_for_a_nodes_name(assets):
    make(assets, "n")
    assert assets.record("n") is not None
    assert assets.record("../song.assets/n") is None


def test_what_a_killed_process_had_half_written_goes_with_the_next_lock(tmp_path):
    assets = Assets(tmp_path / "p.json")
    left = assets.node("one") / ".glasspatch-abc.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    os.utime(left, (0, 0))
    now = left.with_name(".glasspatch-def.tmp")
    now.write_text("somebody teaches this node just now")
    with assets.lock("render", shared=True):
        assert left.exists()
    with assets.lock("run"):
        assert not left.exists() and now.exists()


def test_a_node_can_be_taught_while_the_patch_is_locked_and_by_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("runtime.artifacts.PATIENCE", 0.1)
    assets = Assets(tmp_path / "p.json")
    with (
        assets.lock("run"),
        assets.lock_taught("one", "play"),
        assets.lock_taught("two", "play"),
        pytest.raises(LockedError, match=r"^glasspatch play \(process \d+\) is working on one; wait"),
        assets.lock_taught("one", "teach"),
    ):
        pass
    with assets.lock_taught("one", "teach"):
        pass


def test_who_teaches_waits_for_another_who_does(tmp_path):
    assets, done = Assets(tmp_path / "p.json"), []

    def teach() -> None:
        with assets.lock_taught("one", "teach"):
            done.append("second")

    with assets.lock_taught("one", "play"):
        thread = threading.Thread(target=teach)
        thread.start()
        time.sleep(0.2)
        done.append("first")
    thread.join(10.0)
    assert done == ["first", "second"]
