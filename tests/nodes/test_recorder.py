"""The recorder: what it writes, what it never destroys, and a full disk."""

import json
import subprocess
import sys
import textwrap
import time
import wave

import numpy as np
import pytest
import soundfile

from nodes.recorder import Recorder
from nodes.recorder_notes import read_comment
from runtime.artifacts import Assets
from runtime.engine import Engine
from runtime.errors import NodeError
from runtime.node import Block, Stream
from runtime.patch import Link, Node, Patch, dumps
from runtime.plan import compile_patch
from runtime.registry import discover
from runtime.terminal.open import open_patch
from runtime.trust import trust
from tests.command import ROOT
from tests.drive import params_of, stream


def noise(channels=2, frames=8192, loudest=0.9):
    return np.random.default_rng(1).uniform(-loudest, loudest, (channels, frames)).astype(np.float32)


def test_a_recording_holds_what_was_heard_to_24_bits(tmp_path):
    sound = noise()
    recorder = Recorder()
    made = stream(recorder, {"audio": sound}, frames=8192, folder=tmp_path, sample_rate=48000)
    written, rate = soundfile.read(tmp_path / "takes/take.wav", dtype="float32", always_2d=True)
    assert rate == 48000 and soundfile.info(tmp_path / "takes/take.wav").subtype == "PCM_24"
    np.testing.assert_allclose(written.T, sound, atol=2**-23)
    np.testing.assert_array_equal(made["audio"], sound)
    assert recorder.failure is None and recorder.written == tmp_path / "takes/take.wav"


def test_flac_holds_the_same(tmp_path):
    sound = noise(1)
    stream(Recorder(), {"audio": sound}, {"path": "a.flac"}, frames=8192, folder=tmp_path)
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.flac", dtype="float32")[0], sound[0], atol=2**-23)


def test_a_float_recording_keeps_what_is_louder_than_1(tmp_path):
    sound = noise(1, loudest=4.0)
    stream(Recorder(), {"audio": sound}, {"path": "a.wav", "encoding": "float"}, frames=8192, folder=tmp_path)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0], sound[0])


def test_a_24_bit_recording_cuts_off_what_is_louder_than_1_and_does_not_wrap(tmp_path):
    stream(Recorder(), {"audio": np.full((1, 512), 1.5, np.float32)}, {"path": "a.wav"}, frames=512, folder=tmp_path)
    assert soundfile.read(tmp_path / "a.wav")[0].min() > 0.999


def test_an_older_recording_is_never_replaced(tmp_path):
    for _ in range(3):
        stream(Recorder(), {"audio": noise()}, {"path": "take.wav"}, frames=8192, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["take-2.wav", "take-3.wav", "take.wav"]


def test_two_recorders_with_one_name_make_two_files(tmp_path):
    recorders = [Recorder(), Recorder()]
    for number, recorder in enumerate(recorders):
        values = params_of(Recorder, {"path": "take.wav"}, tmp_path)
        recorder.prepare(Stream(44100, 512, 0, False, tmp_path), **values)
        recorder.process(Block(512), np.full((1, 512), 0.25 * (number + 1), np.float32))
    for recorder in recorders:
        recorder.close()
    assert [soundfile.read(recorder.written)[0][0] for recorder in recorders] == [0.25, 0.5]


def test_the_file_has_its_name_only_when_it_is_complete(tmp_path):
    recorder = Recorder()
    recorder.prepare(Stream(44100, 512, 0, False, tmp_path), **params_of(Recorder, {"path": "take.wav"}, tmp_path))
    recorder.process(Block(512), noise(1, 512))
    time.sleep(0.1)
    assert not (tmp_path / "take.wav").exists()
    recorder.close()
    recorder.close()
    assert [path.name for path in tmp_path.iterdir()] == ["take.wav"]


def test_a_recorder_that_heard_nothing_leaves_no_file(tmp_path):
    recorder = Recorder()
    recorder.prepare(Stream(44100, 512, 0, False, tmp_path), **params_of(Recorder, {"path": "take.wav"}, tmp_path))
    recorder.close()
    assert list(tmp_path.iterdir()) == [] and recorder.written is None and recorder.failure is None


def test_a_change_of_channels_does_not_end_the_recording(tmp_path):
    recorder = Recorder()
    recorder.prepare(Stream(44100, 512, 0, False, tmp_path), **params_of(Recorder, {"path": "take.wav"}, tmp_path))
    for channels in (2, 1, 3):
        recorder.process(Block(512), np.full((channels, 512), 0.5, np.float32))
    recorder.close()
    written = soundfile.read(tmp_path / "take.wav")[0]
    assert written[[0, 512, 1024]].tolist() == [[0.5, 0.5], [0.5, 0.0], [0.5, 0.5]]


def test_on_a_full_disk_the_sound_goes_on_and_what_was_written_can_be_read(tmp_path):
    # A limit of the file size stands for the full disk: the same error of the system, without a disk to fill.
    script = """
        import resource, sys, time
        from pathlib import Path
        import numpy as np
        from nodes.recorder import Recorder
        from runtime.node import Block, Stream
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        recorder, sound = Recorder(), np.full((1, 512), 0.5, np.float32)
        folder = Path(sys.argv[1])
        recorder.prepare(Stream(44100, 512, 0, False, folder), path=folder / "take.wav", encoding="24-bit", origin=True)
        for number in range(400):
            assert recorder.process(Block(512), sound)["audio"] is sound
            time.sleep(0.0005)
        recorder.close()
        print(recorder.failure)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("recording take.wav has stopped (the disk is full") and "is kept" in run.stdout
    written = soundfile.read(tmp_path / "take.wav")[0]
    assert len(written) > 30_000 and (written == 0.5).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"path": ""}, "choose a file to record into"),
        ({"path": "take.mp3"}, "path must end in .wav or .flac, got 'take.mp3'"),
        ({"path": "take.flac", "encoding": "float"}, "flac files hold no float sound"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_words(tmp_path, params, message):
    with pytest.raises(NodeError, match=message):
        stream(Recorder(), {"audio": noise()}, params, folder=tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "takes").write_text("a file, not a folder")
    with pytest.raises(NodeError, match=r"cannot record into .*takes"):
        stream(Recorder(), {"audio": noise()}, folder=tmp_path)


def test_a_file_that_grows_too_large_for_a_wav_file_is_an_rf64_file(tmp_path, monkeypatch):
    sound = noise()
    stream(Recorder(), {"audio": sound}, {"path": "small.wav"}, frames=8192, folder=tmp_path)
    monkeypatch.setattr("nodes.recorder_notes.SMALL", 2000)
    stream(Recorder(), {"audio": sound}, {"path": "large.wav"}, frames=8192, folder=tmp_path)
    assert [soundfile.info(tmp_path / name).format for name in ("small.wav", "large.wav")] == ["WAV", "RF64"]
    for name in ("small.wav", "large.wav"):
        np.testing.assert_allclose(soundfile.read(tmp_path / name, dtype="float32")[0].T, sound, atol=2**-23)


def test_a_plain_wav_file_is_read_by_others_too(tmp_path):
    stream(Recorder(), {"audio": noise()}, {"path": "a.wav"}, frames=8192, folder=tmp_path)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnframes(), file.getnchannels(), file.getsampwidth(), file.getframerate()) == (8192, 2, 3, 44100)


def recorded_with(tmp_path, name, **params):
    """A recording whose node is told a patch too large for the library's own comments."""
    recorder, told = Recorder(), {"patch": {"nodes": {f"node{n}": {"type": "a.b"} for n in range(2000)}}, "made": {"ü": 1}}
    context = Stream(44100, 512, 0, False, tmp_path, origin=lambda: told)
    recorder.prepare(context, **params_of(Recorder, {"path": name, **params}, tmp_path))
    recorder.process(Block(512), noise(1, 512))
    recorder.close()
    assert recorder.failure is None
    return told


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_recording_tells_its_patch_and_what_its_models_were_made_from(tmp_path, name):
    told = recorded_with(tmp_path, name)
    assert json.loads(read_comment(tmp_path / name)) == told
    assert soundfile.info(tmp_path / name).frames == 512


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_recording_tells_nothing_where_it_shall_not(tmp_path, name):
    recorded_with(tmp_path, name, origin=False)
    assert read_comment(tmp_path / name) is None
    assert b"node1999" not in (tmp_path / name).read_bytes()


def test_the_engine_tells_a_recorder_the_patch_and_the_records_behind_its_models(tmp_path):
    nodes = {"tone": Node("audio.oscillator"), "recorder": Node("audio.recorder", params={"path": "a.wav"})}
    patch = Patch({}, nodes, (Link("tone.audio", "recorder.audio"),))
    plan = compile_patch(patch, discover("nodes"))
    engine = Engine(plan.settings, Assets(tmp_path / "a.json"))
    assert engine.load(plan) == []
    engine.render()
    engine.close()
    assert json.loads(read_comment(tmp_path / "a.wav")) == {"patch": json.loads(dumps(patch)), "made": {}}


def test_a_recorder_is_told_the_records_behind_a_model():
    opened = open_patch(ROOT / "patches" / "demo.json")
    model = opened.assets.artifact("trainer", "model")
    assert model is not None
    trust(model.path)
    whole = opened.patch
    nodes = {name: whole.nodes[name] for name in ("archive", "slicer", "trainer", "decoder")} | {"wave": Node("control.lfo")}
    links = [link for link in whole.links if {end.partition(".")[0] for end in (link.source, link.target)} <= set(nodes)]
    patch = Patch(whole.settings, nodes, (*links, Link("wave.control", "decoder.latent")))
    plan = compile_patch(patch, opened.registry, opened.assets.patch_folder)
    engine = Engine(plan.settings, opened.assets)
    assert engine.load(plan) == []
    told = engine._latest.instances["decoder"].stream.origin()
    engine.close()
    assert set(told["made"]) == {"trainer", "slicer", "archive"}
    assert told["patch"]["nodes"]["decoder"]["type"] == "rave.decoder"
