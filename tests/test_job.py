"""A real training that is sent to another machine and comes home, by the command line, as its users call it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.trust import trusts
from tests.command import call, write_patch
from tests.nodes.test_rave_training import TINY, record

NODES = {
    "archive": ("corpus.folder", {"path": "recordings"}),
    "trainer": ("rave.trainer", {**TINY, "threads": 0}),
}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a patch whose corpus is made, and a bundle of its trainer that another user has run elsewhere."""
    folder = tmp_path_factory.mktemp("practice")
    (folder / "recordings").mkdir()
    record(folder / "recordings", "glide.wav", 14)
    write_patch(folder, NODES, "archive.corpus -> trainer.corpus")
    assert call("run", "p.json", "--only", "archive", folder=folder)[0] == 0
    return folder


def elsewhere(folder: Path, *arguments: object) -> tuple[int, str, str]:
    """The command line of another user, in another folder."""
    mine = os.environ["GLASSPATCH_CONFIG"]
    os.environ["GLASSPATCH_CONFIG"] = str(folder / "config")
    try:
        return call(*arguments, folder=folder)
    finally:
        os.environ["GLASSPATCH_CONFIG"] = mine


@pytest.mark.slow
def test_a_training_is_run_elsewhere_and_run_here_finds_it_made(practice: Path, tmp_path: Path) -> None:
    code, out, err = call("job", "export", "p.json", "trainer", "-o", "voices.job", folder=practice)
    assert code == 0 and "voices.job: trainer, " in out and "sound 1 of 1: recordings/glide.wav" in err
    shutil.move(practice / "voices.job", tmp_path / "voices.job")
    code, out, err = elsewhere(tmp_path, "job", "run", "voices.job", "--threads", 1, "--device", "cpu", "--precision", "32")
    assert code == 0, err
    assert "voices.job: made, " in out and "VAE phase" not in out
    assert sorted(item.name for item in tmp_path.iterdir()) == ["config", "voices.job"]

    code, out, err = call("job", "import", tmp_path / "voices.job", "p.json", folder=practice)
    assert code == 0, err
    assert "trainer: made; glasspatch run p.json finds it made" in out
    assert "not trusted yet, so nothing of it plays; if you ran the job yourself, call: glasspatch trust " in out
    assert call("check", "p.json", folder=practice) == (0, "2 nodes, nothing wrong\n", "")
    code, _, err = call("run", "p.json", folder=practice)
    assert code == 0 and "trainer: already made" in err
    code, out, _ = call("lineage", "p.json", "trainer", folder=practice)
    assert code == 0 and "recordings/glide.wav" in out and "holds    4 latents" in out
    assert json.loads((practice / "p.assets/trainer/model.json").read_text())["seconds"]["corpus"] == pytest.approx(14)

    # The question is asked once, of who sits at a terminal.
    master, slave = pty.openpty()
    command = [sys.executable, "-P", "-m", "runtime.cli", "job", "import", str(tmp_path / "voices.job"), "p.json"]
    with subprocess.Popen(command, cwd=practice, stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True) as process:
        os.write(master, b"y\n")
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "not trusted" not in out
    assert trusts(practice / "p.assets/trainer/model.ts")


def test_wrong_calls_say_what_to_call(practice: Path, tmp_path: Path) -> None:
    code, _, err = call("job", "export", "p.json", "nobody", "-o", tmp_path / "x.job", folder=practice)
    assert code == 2 and "nobody is no job of p.json that can run; its jobs are: archive, trainer" in err
    code, _, err = call("job", "export", "p.json", "archive", "-o", tmp_path / "x.job", folder=practice)
    assert code == 1 and "archive reads the whole folder recordings" in err
    code, _, err = call("job", "run", "p.json", folder=practice)
    assert code == 1 and "p.json is cut short, damaged or no bundle" in err
    code, _, err = call("job", folder=practice)
    assert code == 2 and "ACTION" in err
