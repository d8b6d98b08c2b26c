from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from runtime import cli
from tests.command import ROOT, call, start, write_patch

TONE = {
    "low": ("audio.oscillator", {"frequency": 220.0, "level": 0.3}),
    "high": ("audio.oscillator", {"frequency": 3000.0, "level": 0.3, "shape": "saw"}),
    "gain": ("audio.gain", {"gain": -6.0}),
    "mix": ("audio.mix", {}),
    "out": ("audio.output", {}),
}
WIRES = ("low.audio -> gain.audio", "gain.audio -> mix.audio", "high.audio -> mix.audio", "mix.audio -> out.audio")


def test_help_imports_nothing_heavy():
    code = "import sys, runtime.cli; runtime.cli.parser().format_help(); print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & {"numpy", "torch", "networkx", "librosa", "cv2", "mediapipe", "sklearn", "rave", "tqdm", "matplotlib"}


def test_no_command_is_wrong_usage(tmp_path):
    code, _, err = call(folder=tmp_path)
    assert code == 2 and "COMMAND" in err


def test_check_of_a_sound_patch_says_so_and_gives_0(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    assert call("check", "p.json", folder=tmp_path) == (0, "5 nodes, nothing wrong\n", "")


def test_check_tells_each_problem_with_its_node_and_gives_1(tmp_path):
    nodes = {
        **TONE,
        "gain": ("audio.gain", {"gain": "loud"}),
        "odd": ("future.node", {}),
        "file": ("audio.player", {"path": "/etc/passwd"}),
    }
    write_patch(tmp_path, nodes, *WIRES)
    code, _, err = call("check", "p.json", folder=tmp_path)
    assert code == 1
    assert "gain: gain must be a number, got 'loud'" in err
    assert "odd: future.node is not a node that this glasspatch has" in err
    assert "file: path must be a path inside the patch's folder, got '/etc/passwd'" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "this is not a patch: it is not JSON (line 1"),
        ('{"format": 99}', "this patch has format 99 and this glasspatch reads formats up to 1; open it with a newer glasspatch"),
        ("[1, 2]", 'this is not a patch: it has no "format"'),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("run",), ("render", "-o", "out.wav", "--seconds", "1")])
def test_every_command_refuses_what_is_not_a_patch(tmp_path, command, text, words):
    (tmp_path / "p.json").write_text(text)
    code, _, err = call(command[0], "p.json", *command[1:], folder=tmp_path)
    assert code == 1 and words in err and "Traceback" not in err


def test_a_patch_that_is_not_there_is_said(tmp_path):
    assert call("check", "no.json", folder=tmp_path) == (1, "", "glasspatch: no.json: there is no such file\n")


def test_nodes_lists_every_node_with_its_help(tmp_path):
    code, out, _ = call("nodes", folder=tmp_path)
    assert code == 0 and "audio.gain " in out and "rave.trainer " in out


def test_nodes_json_is_a_list_of_whole_descriptions(tmp_path):
    code, out, _ = call("nodes", "--json", folder=tmp_path)
    nodes = json.loads(out)
    assert code == 0 and {"type", "title", "help", "inputs", "outputs", "params", "actions"} <= set(nodes[0])
    gain = next(node for node in nodes if node["type"] == "audio.gain")
    assert gain["params"][0]["unit"] == "dB" and gain["inputs"][0]["type"] == "audio"


def test_nodes_of_one_type_tells_ranges_and_units(tmp_path):
    code, out, _ = call("nodes", "audio.gain", folder=tmp_path)
    assert code == 0 and "-60.0 to 24.0, dB" in out


def test_an_unknown_node_type_is_wrong_usage(tmp_path):
    code, _, err = call("nodes", "audio.nothing", folder=tmp_path)
    assert code == 2 and "there is no node audio.nothing" in err


def test_render_writes_so_many_seconds_of_stereo(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    code, out, _ = call("render", "p.json", "-o", "sub/out.wav", "--seconds", 0.7, folder=tmp_path)
    sound, rate = soundfile.read(tmp_path / "sub/out.wav")
    assert (
        code == 0 and out == "sub/out.wav\n" and rate == 44100 and sound.shape == (30870, 2) and 0.2 < np.abs(sound).max() < 0.9
    )


def test_twice_the_same_render_gives_the_same_bytes(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    for name in ("a.wav", "b.wav"):
        call("render", "p.json", "-o", name, "--seconds", 0.5, folder=tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_the_same_patch_sounds_the_same_at_every_block_length(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    sounds = []
    for block in (64, 512, 2048):
        call("render", "p.json", "-o", f"{block}.wav", "--seconds", 0.5, "--block", block, folder=tmp_path)
        sounds.append(soundfile.read(tmp_path / f"{block}.wav")[0])
    for sound in sounds[1:]:
        np.testing.assert_allclose(sound, sounds[0], atol=1e-5)


def test_render_draws_a_picture(tmp_path):
    nodes = {**TONE, "wave": ("control.lfo", {})}
    write_patch(tmp_path, nodes, *WIRES)
    code, out, _ = call("render", "p.json", "-o", "a.wav", "--seconds", 0.5, "--picture", "a.png", "--load", folder=tmp_path)
    assert code == 0 and (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and "microseconds per block  wave" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seconds", "-1"), "must be seconds, 0 or more"),
        (("--seconds", "0"), "must be more than 0 seconds"),
        (("--seconds", "1", "--block", "100"), "must be one of 64, 128"),
        (("--seconds", "soon"), "must be seconds, 0 or more, got soon"),
    ],
)
def test_render_refuses_wrong_numbers_as_wrong_usage(tmp_path, arguments, words):
    write_patch(tmp_path, TONE, *WIRES)
    code, _, err = call("render", "p.json", "-o", "a.wav", *arguments, folder=tmp_path)
    assert code == 2 and words in err


def test_render_refuses_a_format_that_it_cannot_write(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    code, _, err = call("render", "p.json", "-o", "a.xyz", "--seconds", 1, folder=tmp_path)
    assert code == 1 and "a.xyz must end in .wav or .flac" in err


def test_what_waits_for_a_broken_node_is_named_when_nothing_can_be_heard(tmp_path):
    nodes = {"low": ("audio.oscillator", {"frequency": "high"}), "gain": TONE["gain"], "out": TONE["out"]}
    write_patch(tmp_path, nodes, "low.audio -> gain.audio", "gain.audio -> out.audio")
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 1, folder=tmp_path)
    assert code == 1 and "gain: waits for low, which cannot run" in err and "nothing can be heard" in err


def test_render_never_writes_over_a_file_that_the_patch_uses(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 44100)
    write_patch(tmp_path, {**TONE, "file": ("audio.player", {"path": "a.wav"})}, *WIRES)
    code, _, err = call("render", "p.json", "-o", "./a.wav", "--seconds", 1, folder=tmp_path)
    assert code == 1 and "a.wav is used by file" in err and soundfile.info(tmp_path / "a.wav").frames == 100


def test_render_into_a_folder_is_refused(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    code, _, err = call("render", "p.json", "-o", ".", "--seconds", 1, folder=tmp_path)
    assert code == 1 and "is a folder; name a file in it" in err


def test_output_that_nobody_reads_to_its_end_is_no_error(tmp_path):
    process = start("nodes", "--json", folder=tmp_path)
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait(60) == 0


def test_a_patch_in_which_nothing_is_played_is_not_rendered(tmp_path):
    write_patch(tmp_path, {"low": TONE["low"]})
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 1, folder=tmp_path)
    assert code == 1 and "nothing can be heard" in err and not (tmp_path / "a.wav").exists()


def test_what_cannot_run_is_told_and_the_rest_is_rendered(tmp_path):
    (tmp_path / "noise.wav").write_text("this is no sound")
    nodes = {**TONE, "file": ("audio.player", {"path": "noise.wav"})}
    write_patch(tmp_path, nodes, *WIRES, "file.audio -> mix.audio")
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.2, folder=tmp_path)
    assert code == 1 and "file: " in err and "noise.wav" in err and np.abs(soundfile.read(tmp_path / "a.wav")[0]).max() > 0.2


def test_a_disk_that_fills_during_a_render_leaves_the_older_file_whole(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    call("render", "p.json", "-o", "a.wav", "--seconds", 0.2, folder=tmp_path)
    before = (tmp_path / "a.wav").read_bytes()
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
from runtime.cli import main
sys.exit(main(["render", "p.json", "-o", "a.wav", "--seconds", "60"]))
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "a.wav was not written" in done.stderr and "disk full" in done.stderr
    assert (tmp_path / "a.wav").read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob("*a.wav*")) == ["a.wav"]


def test_a_stopped_render_keeps_what_it_has(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    process = start("render", "p.json", "-o", "a.wav", "--seconds", 16000, folder=tmp_path)
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".a.wav.*")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "what was rendered is kept" in err
    assert 0 < soundfile.info(tmp_path / "a.wav").frames < 16000 * 44100


def test_run_slices_a_folder_and_tells_what_it_does(tmp_path):
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds/a.wav", np.random.default_rng(0).normal(0, 0.1, 44100), 22050)
    nodes = {"folder": ("corpus.folder", {"path": "sounds"}), "slicer": ("corpus.slicer", {"method": "fixed", "length": 0.5})}
    write_patch(tmp_path, nodes, "folder.corpus -> slicer.corpus")
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0 and "folder: done in" in err and "slicer: done in" in err
    assert len(json.loads((tmp_path / "p.assets/slicer/corpus.json").read_text())["slices"]) == 4
    code, _, err = call("run", "p.json", "--jobs", 2, folder=tmp_path)
    assert code == 0 and "folder: already made" in err and "slicer: already made" in err
    code, out, _ = call("lineage", "p.json", "slicer", folder=tmp_path)
    assert code == 0 and "slicer (corpus.slicer version" in out and "from folder.corpus" in out and 'path="sounds"' in out


@pytest.mark.parametrize("record", ['{"outputs": {}}', '{"outputs": {"corpus": 5}, "node": 1, "type": 2, "params": 3}'])
def test_lineage_of_a_damaged_record_says_so(tmp_path, record):
    write_patch(tmp_path, {"folder": ("corpus.folder", {"path": "sounds"})})
    (tmp_path / "p.assets/folder").mkdir(parents=True)
    (tmp_path / "p.assets/folder/record.json").write_text(record)
    code, _, err = call("lineage", "p.json", "folder", folder=tmp_path)
    assert (code, err) == (1, "glasspatch: a record behind folder is damaged; run the patch again to make it anew\n")


def test_a_fault_of_ours_is_one_line_and_its_traceback_lies_in_the_users_folder(tmp_path, monkeypatch, capsys):
    def fail(_):
        raise KeyError("colour")

    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path))
    monkeypatch.setattr(cli, "doctor", fail)
    assert cli.main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("glasspatch: a fault of glasspatch itself (KeyError: 'colour'); please send") and said.count("\n") == 1
    assert "in fail" in (tmp_path / "fault.txt").read_text()


def test_what_no_wav_file_can_hold_is_refused_before_it_is_rendered(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 20000, folder=tmp_path)
    assert code == 1 and "a wav file holds no more than 4 GB, 16232 seconds of this patch" in err


def test_a_dollar_in_a_name_is_drawn_as_it_is(tmp_path):
    nodes = {**TONE, "wave": ("control.lfo", {"name": "$x^$ \N{GRINNING FACE}"})}
    write_patch(tmp_path, nodes, *WIRES, name="a$b^$c.json")
    code, _, err = call("render", "a$b^$c.json", "-o", "a.wav", "--seconds", 0.1, "--picture", "a.png", folder=tmp_path)
    assert (code, err) == (0, "") and (tmp_path / "a.png").stat().st_size > 1000


def test_check_and_render_tell_what_is_out_of_date_and_run_keeps_what_it_replaces(tmp_path):
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds/a.wav", np.random.default_rng(0).normal(0, 0.1, 44100), 22050)
    nodes = {
        "folder": ("corpus.folder", {"path": "sounds"}),
        "slicer": ("corpus.slicer", {"method": "fixed", "length": 0.5}),
        **TONE,
    }
    write_patch(tmp_path, nodes, "folder.corpus -> slicer.corpus", *WIRES)
    assert "slicer: has not been made yet" in call("check", "p.json", folder=tmp_path)[1]
    call("run", "p.json", folder=tmp_path)
    assert call("check", "p.json", folder=tmp_path)[1] == "7 nodes, nothing wrong\n"
    nodes["slicer"][1]["length"] = 0.25
    write_patch(tmp_path, nodes, "folder.corpus -> slicer.corpus", *WIRES)
    assert "slicer: would be made anew: length is 0.25, was 0.5" in call("check", "p.json", folder=tmp_path)[1]
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.1, folder=tmp_path)
    assert code == 0 and "length is 0.25, was 0.5; the old result plays until" in err
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0 and "slicer: is made anew: length is 0.25, was 0.5; the old result will be kept in slicer.previous" in err
    assert len(json.loads((tmp_path / "p.assets/slicer.previous/corpus.json").read_text())["slices"]) == 4
    assert len(json.loads((tmp_path / "p.assets/slicer/corpus.json").read_text())["slices"]) == 8


def test_a_number_out_of_range_is_told_with_what_is_used(tmp_path):
    write_patch(tmp_path, {**TONE, "low": ("audio.oscillator", {"level": -20})}, *WIRES)
    code, _, err = call("check", "p.json", folder=tmp_path)
    assert code == 1 and "low: level must be 0.0 to 1.0, got -20; 0.0 is used" in err


def test_a_word_that_was_nearly_right_gets_a_hint(tmp_path):
    write_patch(tmp_path, {**TONE, "gain": ("audio.gian", {})}, "loww.audio -> mix.audio", "low.sound -> mix.audio")
    err = call("check", "p.json", folder=tmp_path)[2]
    assert "did you mean audio.gain?" in err and "there is no node loww; did you mean low?" in err and "it has audio" in err


def test_an_empty_folder_is_said_and_nothing_depends_on_it(tmp_path):
    (tmp_path / "sounds").mkdir()
    nodes = {"folder": ("corpus.folder", {"path": "sounds"}), "slicer": ("corpus.slicer", {})}
    write_patch(tmp_path, nodes, "folder.corpus -> slicer.corpus")
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 1 and "folder: " in err and "slicer: needs folder, which could not be made" in err


def test_only_and_force_refuse_nodes_that_are_not_there(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    for option in ("--only", "--force"):
        code, _, err = call("run", "p.json", option, "nobody", folder=tmp_path)
        assert code == 2 and "there is no node nobody" in err


def test_a_node_that_plays_cannot_be_made(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    code, _, err = call("run", "p.json", "--force", "low", folder=tmp_path)
    assert code == 2 and "low plays and makes nothing" in err


def test_a_patch_without_jobs_has_nothing_to_make(tmp_path):
    write_patch(tmp_path, TONE, *WIRES)
    code, _, err = call("run", "p.json", folder=tmp_path)
    assert code == 0 and "nothing to make" in err


def test_a_decoder_whose_model_is_not_made_yet_says_what_to_do(tmp_path):
    (tmp_path / "sounds").mkdir()
    nodes = {
        "folder": ("corpus.folder", {"path": "sounds"}),
        "trainer": ("rave.trainer", {}),
        "wave": ("control.lfo", {}),
        "decoder": ("rave.decoder", {}),
        "out": ("audio.output", {}),
    }
    wires = ("folder.corpus -> trainer.corpus", "trainer.model -> decoder.model", "wave.control -> decoder.latent")
    write_patch(tmp_path, nodes, *wires, "decoder.audio -> out.audio")
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 1, folder=tmp_path)
    assert code == 1 and "decoder: the model of trainer has not been made yet; run the patch first" in err


def test_what_is_no_model_and_what_is_no_video_is_said(tmp_path):
    (tmp_path / "m.ts").write_text("this is no model")
    (tmp_path / "v.mp4").write_text("this is no video")
    nodes = {
        **TONE,
        "model": ("rave.file", {"path": "m.ts"}),
        "video": ("vision.video", {"path": "v.mp4"}),
    }
    write_patch(tmp_path, nodes, *WIRES)
    code, _, err = call("run", "p.json", folder=tmp_path)
    # Nobody is asked to trust what could not be opened anyway.
    assert code == 1 and "model: m.ts is not a model, or is cut short" in err and "trust" not in err
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.1, folder=tmp_path)
    assert code == 1 and "video: " in err and "v.mp4" in err and (tmp_path / "a.wav").exists()


def test_trust_of_a_missing_file_is_wrong_usage(tmp_path):
    code, _, err = call("trust", "no.ts", folder=tmp_path)
    assert code == 2 and "there is no file no.ts" in err


def test_teach_records_trains_and_tells(tmp_path):
    nodes = {
        "wave": ("control.lfo", {"rate": 0.5, "low": 0.0, "high": 1.0}),
        "regressor": ("mapping.regressor", {}),
        "out": ("audio.output", {}),
        "low": TONE["low"],
    }
    write_patch(tmp_path, nodes, "wave.control -> regressor.gesture", "low.audio -> out.audio")
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.1, folder=tmp_path)
    assert code == 1 and "regressor: this regressor has not been taught yet" in err
    for name, target, start_, end in (("up", "z0=1,z1=0", 0.4, 0.6), ("down", "z0=-1,z1=0.5", 1.4, 1.6)):
        code, out, err = call(
            "teach", "p.json", "regressor", name, "--target", target, "--from", start_, "--to", end, folder=tmp_path
        )
        assert code == 0, err
    assert "2 anchors" in out and "down" in out
    examples = json.loads((tmp_path / "p.assets/regressor/examples.json").read_text())
    assert "up" in json.dumps(examples)
    assert call("render", "p.json", "-o", "a.wav", "--seconds", 0.1, folder=tmp_path)[0] == 0
    code, out, _ = call("teach", "p.json", "regressor", "up", "--remove", folder=tmp_path)
    assert code == 0 and "1 anchors" in out
    code, out, _ = call("teach", "p.json", "regressor", "--remove-all", folder=tmp_path)
    assert code == 0 and "nothing has been taught yet" in out
    code, _, err = call("teach", "p.json", "regressor", "up", "--remove", folder=tmp_path)
    assert code == 1 and "there is no anchor 'up'" in err


def test_teach_without_a_target_or_a_span_is_wrong_usage(tmp_path):
    nodes = {"wave": ("control.lfo", {}), "regressor": ("mapping.regressor", {})}
    write_patch(tmp_path, nodes, "wave.control -> regressor.gesture")
    code, _, err = call("teach", "p.json", "regressor", "up", folder=tmp_path)
    assert code == 2 and "--target" in err


def test_what_learns_gestures_alone_is_taught_without_a_target(tmp_path):
    nodes = {
        "wave": ("control.lfo", {"rate": 0.5, "low": 0.0, "high": 1.0}),
        "classes": ("mapping.classifier", {}),
        "low": TONE["low"],
        "out": ("audio.output", {}),
    }
    write_patch(tmp_path, nodes, "wave.control -> classes.gesture", "low.audio -> out.audio")
    for name, start_, end in (("up", 0.4, 0.6), ("down", 1.4, 1.6)):
        code, out, err = call("teach", "p.json", "classes", name, "--from", start_, "--to", end, folder=tmp_path)
        assert code == 0, err
    assert "2 classes from" in out and "down: 0 % taken for another" in out
    code, _, err = call("render", "p.json", "-o", "a.wav", "--seconds", 0.1, folder=tmp_path)
    assert code == 0, err


def test_only_a_regressor_can_be_taught(tmp_path):
    write_patch(tmp_path, {"wave": ("control.lfo", {})})
    code, _, err = call("teach", "p.json", "wave", "up", "--target", "a=1", "--from", 0, "--to", 1, folder=tmp_path)
    assert code == 1 and "a Slow oscillator cannot be taught; name a Regressor" in err


@pytest.mark.slow
def test_doctor_looks_at_versions_libraries_and_devices(tmp_path):
    code, out, _ = call("doctor", folder=tmp_path)
    for word in ("python", "torch", "acids-rave", "mediapipe", "GPU", "cameras", "import rave", "nodes"):
        assert word in out
    assert code == 0 and "!!" not in out, out


def test_doctor_names_what_is_missing_and_the_cure(monkeypatch):
    from runtime.terminal import doctor

    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["nothing-like-it==1.0", "numpy==0.1"])
    found = {finding.what: finding for finding in doctor._packages()}
    assert found["nothing-like-it"].wrong and found["nothing-like-it"].cure == "run: make setup"
    assert found["numpy"].wrong and found["numpy"].cure == "tested with 0.1: run make setup"


def test_the_installed_command_is_this_one():
    done = subprocess.run([f"{sys.prefix}/bin/glasspatch", "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Curate recordings" in done.stdout
