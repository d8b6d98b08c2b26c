"""The practice from end to end, from the command line, on real files: recordings, training, gestures, performance."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.patch import dumps, load, save
from tests import media
from tests.command import ROOT, call, start

PATCH = ROOT / "patches" / "archive_to_performance.json"
SMALL = {"config": "raspberry", "steps": 40, "gan_after": 30, "latent_size": 8, "export_latents": 8, "batch": 2}
TARGETS = {"neutral": "z0=0,z1=0,z2=0", "open": "z0=2,z1=-1,z2=0", "brows": "z0=-2,z1=1,z2=1"}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The patch's folder with an archive and a video, everything made, and three anchors taught."""
    folder = tmp_path_factory.mktemp("practice")
    media.archive(folder / "recordings", 45)
    media.face_video(folder / "face.mp4", 8.0, schedule=(("neutral", 2.0), ("open", 2.0), ("brows", 2.0)))
    patch = load(PATCH)
    for name, value in SMALL.items():
        patch = patch.with_param("trainer", name, value)
    save(folder / "p.json", patch)
    return folder


@pytest.mark.slow
def test_the_patch_has_no_problems(practice):
    code, out, err = call("check", "p.json", folder=practice)
    assert (code, err) == (0, "") and "trainer: has not been made yet" in out and "11 nodes, nothing wrong" in out


@pytest.mark.slow
def test_ctrl_c_during_training_keeps_the_steps_and_the_next_run_goes_on(practice):
    process = start("run", "p.json", "--jobs", 2, folder=practice, start_new_session=True)
    trained = practice / "p.assets" / "trainer.partial" / "training.ckpt"
    log = practice / "p.assets" / "trainer.partial" / "log.txt"
    until = time.monotonic() + 240
    while not log.exists() or "Compression ratio" not in log.read_text():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.1)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 130 and "trainer: stopping at its next checkpoint" in err
    assert "trainer: stopped; what it had is kept" in err and trained.exists()
    code, _, err = call("run", "p.json", "--jobs", 2, folder=practice)
    assert code == 0, err
    assert "archive: already made" in err and "trainer: goes on where it stopped" in err and "trainer: done in" in err


@pytest.mark.slow
def test_a_second_run_makes_nothing_anew(practice):
    code, _, err = call("run", "p.json", folder=practice)
    assert code == 0 and err.count("already made") == 3


@pytest.mark.slow
def test_the_model_knows_the_recordings_that_made_it(practice):
    card = json.loads((practice / "p.assets" / "trainer" / "model.json").read_text())
    files = {path.relative_to(practice).as_posix() for path in (practice / "recordings").rglob("*.*")}
    assert {recording["path"] for recording in card["recordings"]} == files
    code, out, _ = call("lineage", "p.json", "trainer", folder=practice)
    assert code == 0 and out.index("trainer (") < out.index("slicer (") < out.index("archive (")


@pytest.mark.slow
def test_gestures_are_taught_from_the_video_by_name(practice):
    for name, begin, end in media.spans(8.0, (("neutral", 2.0), ("open", 2.0), ("brows", 2.0))):
        code, out, err = call(
            "teach", "p.json", "regressor", name, "--target", TARGETS[name], "--from", begin + 0.3, "--to", end, folder=practice
        )
        assert code == 0, err
    assert "3 anchors" in out
    hits = [float(line.split(" missed by ")[1].split()[0]) for line in out.splitlines() if " missed by " in line]
    assert max(hits) < 0.2


@pytest.mark.slow
def test_the_performance_is_rendered_twice_the_same_and_recorded(practice):
    for name in ("a", "b"):
        code, _, err = call("render", "p.json", "-o", f"{name}.wav", "--seconds", 8, "--picture", f"{name}.png", folder=practice)
        assert code == 0, err
    sound, rate = soundfile.read(practice / "a.wav")
    assert (practice / "a.wav").read_bytes() == (practice / "b.wav").read_bytes()
    assert sound.shape == (8 * rate, 2) and np.abs(sound).max() > 1e-4
    take, _ = soundfile.read(practice / "takes" / "performance.wav")
    np.testing.assert_allclose(take[: len(sound)], sound[:, 0], atol=1e-6)
    assert (practice / "a.png").stat().st_size > 50_000


@pytest.mark.slow
def test_the_sound_follows_the_face(practice):
    sound, rate = soundfile.read(practice / "a.wav")
    open_, neutral = sound[int(2.8 * rate) : int(3.8 * rate), 0], sound[int(1.0 * rate) : int(1.8 * rate), 0]
    spectra = [np.abs(np.fft.rfft(part[:32768] * np.hanning(32768))) for part in (open_, neutral)]
    apart = np.abs(spectra[0] - spectra[1]).sum() / (spectra[0] + spectra[1]).sum()
    assert apart > 0.2, "an open mouth and a closed one sound alike"


@pytest.mark.slow
def test_a_shared_patch_needs_the_model_to_be_trusted_once(practice, tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "another user"))
    shutil.copytree(practice, tmp_path / "shared")
    arguments = ("render", "p.json", "-o", "c.wav", "--seconds", 1)
    code, _, err = call(*arguments, folder=tmp_path / "shared")
    assert code == 1 and "glasspatch trust" in err and not (tmp_path / "shared" / "c.wav").exists()
    assert call("trust", "p.assets/trainer/model.ts", folder=tmp_path / "shared")[0] == 0
    assert call(*arguments, folder=tmp_path / "shared")[0] == 0


@pytest.mark.parametrize("path", sorted((ROOT / "patches").glob("*.json")), ids=lambda path: path.stem)
def test_every_patch_is_written_as_the_program_writes_it(path):
    assert dumps(load(path)) == path.read_text()
