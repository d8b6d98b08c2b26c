"""Reading takes: whole, cut at any byte, damaged, newer; what is told of them and exported."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from runtime.artifacts import Assets
from runtime.errors import ArtifactError, NodeError
from runtime.spec import PortType
from runtime.takes.folder import line_of
from runtime.takes.pages import describe, export
from runtime.takes.take import Take, heard, iterate_events, patch_of, read_take, sound_blocks
from tests.takes import BLOCK, LOAD, RATE, face, record


def rewrite(folder, change):
    """Changes the lines of a take's journal."""
    path = folder / "take.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))
    return folder


def append(*lines):
    return lambda old: [*old[:-1], *lines]


# Reading


def test_a_take_reads_back_as_it_was_journaled(tmp_path):
    folder, _ = record(tmp_path / "x.take", 10)
    take = read_take(folder)
    assert isinstance(take, Take) and not take.cut and take.name == "x.take"
    assert (take.sample_rate, take.block, take.first, take.blocks, take.frames) == (RATE, BLOCK, 0, 10, 10 * BLOCK)
    assert take.seconds == 10 * BLOCK / RATE and take.sound == folder / "sound.wav" and take.input is None
    assert take.events[0] == (0, "load", LOAD)
    feed = take.events[1]
    assert (feed.block, feed.kind, feed.data[0]) == (0, "feed", "face")
    for output, values in face(0).items():
        assert feed.data[1][output].dtype == np.float32 and feed.data[1][output].tobytes() == values.tobytes()
    assert next(heard(take)) is None
    with pytest.raises(AttributeError):
        take.path = tmp_path


def test_a_take_may_be_named_by_its_journal(tmp_path):
    folder, _ = record(tmp_path / "x.take", 2)
    assert read_take(folder / "take.jsonl").path == folder


def test_gestures_are_joined_by_node_and_output(tmp_path):
    take = read_take(record(tmp_path / "x.take", 10)[0])
    assert list(take.gestures) == [("face", "gesture"), ("face", "confidence"), ("pad", "control")]
    gesture = take.gestures["face", "gesture"]
    assert gesture.names == ("smile", "brow") and gesture.blocks.tolist() == [0, 4, 8]
    np.testing.assert_array_equal(gesture.values, [face(block)["gesture"] for block in (0, 4, 8)])


def test_a_gesture_whose_dimensions_an_edit_changed_has_them_all(tmp_path):
    def also(journal, block):
        if block == 2:
            journal.write(2, "load", {**LOAD, "fed": {"pad": {"control": ["y", "x"]}}})
            journal.write(2, "feed", ["pad", {"control": np.array([5.0, 6.0], np.float32)}])
        if block == 3:
            journal.write(3, "load", {**LOAD, "fed": {"pad": {"control": ["y"]}}})
            journal.write(3, "feed", ["pad", {"control": np.array([7.0], np.float32)}])

    gesture = read_take(record(tmp_path / "x.take", 5, also=also)[0]).gestures["pad", "control"]
    assert gesture.names == ("x", "y") and gesture.blocks.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(gesture.values, np.array([[0.1, 0], [6, 5], [6, 7]], np.float32))


def test_a_take_cut_at_any_byte_is_readable_up_to_there_or_refused_in_words(tmp_path):
    folder, _ = record(tmp_path / "x.take", 6)
    data = (folder / "take.jsonl").read_bytes()
    whole = list(iterate_events(folder))
    ends = [number for number, byte in enumerate(data) if byte == ord("\n")]
    for cut in range(len(data)):
        (folder / "take.jsonl").write_bytes(data[:cut])
        if cut < ends[0]:
            with pytest.raises(ArtifactError, match=r"x\.take holds no take that can be read: .* cut off before its first line"):
                read_take(folder)
            continue
        take = read_take(folder)
        complete = sum(end <= cut for end in ends) - 1
        assert take.cut == (complete < len(whole))
        assert [(event.block, event.kind) for event in take.events] == [
            (e.block, e.kind) for e in whole[:complete] if e[1] != "end"
        ]
        assert take.frames == 6 * BLOCK and describe(take)


def test_zeros_that_a_power_cut_left_at_the_end_are_a_cut(tmp_path):
    folder, _ = record(tmp_path / "x.take", 6)
    rewrite(folder, append(b'[7,"se' + bytes(500)))
    assert read_take(folder).cut


def test_a_take_of_a_newer_version_is_refused(tmp_path):
    folder, _ = record(tmp_path / "x.take", 2)
    rewrite(folder, lambda lines: [lines[0].replace(b'"take": 1', b'"take": 2'), *lines[1:]])
    with pytest.raises(ArtifactError, match=r"recorded by a newer glasspatch \(format 2, this one reads 1\); update it"):
        read_take(folder)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[4,\n", "Expecting value"),
        (b"\xff\xfe\n", "utf-8"),
        (b"{}\n", "not enough values"),
        (b"17\n", "cannot unpack"),
        (b'[-1,"set",[]]\n', "must be .block, kind, data."),
        (b'[true,"set",[]]\n', "must be .block, kind, data."),
        (b'[1,"feed",["face",{"gesture":[1,"a"]}]]\n', "could not convert"),
        (b'[1,"feed",["face",{"gesture":[[1],[2]]}]]\n', "list of numbers"),
        (b'[1,"feed",["face"]]\n', "not enough values"),
        (b'[1,"load",{}]\n', "text"),
        (b'[1,"load",7]\n', "not subscriptable"),
        (b'[1,"end",{"frames":1}]\n', "first"),
        (b'[1,"end",{"frames":-1,"first":0,"blocks":0,"sha256":""}]\n', "must tell"),
        (b"[" * 20000 + b"\n", "recursion"),
    ],
)
def test_a_damaged_line_is_named_by_its_number(tmp_path, line, why):
    folder, _ = record(tmp_path / "x.take", 2)
    rewrite(folder, lambda lines: [*lines[:2], line, *lines[2:]])
    with pytest.raises(ArtifactError, match=rf"take\.jsonl: line 3 is damaged \(.*{why}.*\); put the file back") as caught:
        read_take(folder)
    assert len(str(caught.value)) < 400 + len(str(folder))


def test_nothing_follows_the_end(tmp_path):
    folder, _ = record(tmp_path / "x.take", 2)
    rewrite(folder, lambda lines: [*lines, line_of(3, "set", ["a", "b", 1, None])])
    with pytest.raises(ArtifactError, match=r"line 7 is damaged \(something follows the end\)"):
        read_take(folder)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "cut off before its first line was written"),
        (b"{}\n", "does not begin with a take's header"),
        (b"[]\n", "does not begin with a take's header"),
        (b'{"take": "1"}\n', "does not begin with a take's header"),
        (b'{"take": 0}\n', "does not begin with a take's header"),
        (b'{"take": 1}\n', "line 1 is damaged: sample_rate must be a whole number, got None"),
        (b'{"take": 1, "sample_rate": 48000, "block": 0, "channels": 2}\n', "block must be a whole number, got 0"),
    ],
)
def test_a_folder_that_holds_no_take_is_refused_in_words(tmp_path, header, message):
    (tmp_path / "take.jsonl").write_bytes(header)
    with pytest.raises(ArtifactError, match=message):
        read_take(tmp_path)


def test_what_is_no_take_at_all_is_refused_in_words(tmp_path):
    with pytest.raises(ArtifactError, match=r"gone\.take is not there; a take is a folder whose name ends in \.take"):
        read_take(tmp_path / "gone.take")
    with pytest.raises(ArtifactError, match=r"is no take: it holds no take\.jsonl"):
        read_take(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="file is no folder"):
        read_take(tmp_path / "file")


def test_an_hour_of_gestures_is_read_in_one_piece(tmp_path):
    folder, _ = record(tmp_path / "x.take", 1)
    values = {name: array.tolist() for name, array in face(3).items()}
    feeds = [b'[%d,"feed",["face",%s]]\n' % (block, json.dumps(values).encode()) for block in range(2, 120_002)]
    rewrite(folder, append(*feeds))
    take = read_take(folder)
    assert take.cut and len(take.gestures["face", "gesture"].blocks) == 120_001
    assert sum(1 for _ in iterate_events(folder)) == len(take.events)


def test_a_take_without_its_sound_is_readable_and_says_what_is_missing(tmp_path):
    folder, _ = record(tmp_path / "x.take", 4)
    (folder / "sound.wav").unlink()
    take = read_take(folder)
    assert take.sound is None and take.blocks == 4
    assert "sound     not there" in describe(take)
    with pytest.raises(ArtifactError, match=r"x\.take holds no sound; put sound\.flac or sound\.wav back"):
        list(sound_blocks(take))
    (folder / "sound.wav").write_bytes(b"no sound at all")
    with pytest.raises(ArtifactError, match=r"sound\.wav cannot be read"):
        list(sound_blocks(read_take(folder)))


def test_an_input_that_cannot_be_read_is_told(tmp_path):
    def also(journal, block):
        journal.input(block, np.ones((1, BLOCK), np.float32))

    folder, _ = record(tmp_path / "x.take", 4, also=also)
    (folder / "input.wav").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"input\.wav cannot be read .*; put it back from a copy"):
        next(heard(read_take(folder)))


# In words


def made_model(tmp_path, text="a model"):
    """A patch demo.json whose trainer has made a model; gives its fingerprint."""
    (tmp_path / "demo.json").write_text("{}")
    assets = Assets(tmp_path / "demo.json")
    working = assets.working("trainer")
    working.mkdir(parents=True)
    (working / "model.ts").write_text(text)
    record_ = assets.finish("trainer", {"node": "trainer"}, {"model": (PortType.MODEL, working / "model.ts")})
    return record_["outputs"]["model"]["fingerprint"]


def test_a_take_is_described_in_words(tmp_path):
    def also(journal, block):
        if block == 20:
            journal.write(block, "load", LOAD)
            journal.write(block, "set", ["gain", "gain", -6.0, None])
            journal.write(block, "mute", ["face", "too slow"])
            journal.write(block, "tell", "the sound card is gone")

    made = made_model(tmp_path)
    folder, _ = record(tmp_path / "takes/x.take", 1875, before=10, encoding="flac", also=also, artifacts={"trainer.model": made})
    take = read_take(folder)
    text = describe(take)
    assert patch_of(take) == tmp_path / "demo.json"
    lines = dict(line.split(maxsplit=1) for line in text.splitlines() if not line.startswith("fed"))
    assert lines["take"] == "x.take, whole"
    assert lines["recorded"].startswith(take.header["started"]) and "glasspatch 0." in lines["recorded"]
    assert lines["patch"] == "demo.json"
    assert lines["length"] == "0:00:20.0, 1875 blocks of 512 frames at 48000 Hz"
    assert lines["begins"].startswith("0:00:00.1 into the performance")
    assert lines["sound"] == f"sound.flac, {1875 * BLOCK} frames of 2 channels, sha256 {take.end['sha256']}"
    assert lines["events"] == "edits 1, params set 1, feeds 473, taught 0, failures 1"
    assert lines["told"] == "at 0.1 s: the sound card is gone"
    assert "fed       face.gesture, 472 times: smile, brow" in text and "fed       pad.control, 1 times: x" in text
    assert lines["made"] == f"trainer.model, {made[:12]}: still the same"


def test_a_description_says_which_models_are_others_now(tmp_path):
    made = made_model(tmp_path)
    folder, _ = record(tmp_path / "x.take", 2, artifacts={"trainer.model": made})
    (tmp_path / "demo.assets/trainer/model.ts").write_text("another")
    assert f"trainer.model, {made[:12]}: is another one now" in describe(read_take(folder))
    shutil.rmtree(tmp_path / "demo.assets")
    assert "is not there any more" in describe(read_take(folder))
    (tmp_path / "demo.json").unlink()
    assert "in no folder above the take" in describe(read_take(folder)) and patch_of(read_take(folder)) is None


def test_a_description_says_that_a_take_was_cut(tmp_path):
    folder, _ = record(tmp_path / "x.take", 20)
    rewrite(folder, lambda lines: lines[:-1])
    assert describe(read_take(folder)).startswith("take      x.take, cut short: it holds what was written until then")
    assert "20 blocks" in describe(read_take(folder))


# Exports


def test_gestures_are_exported_as_a_table(tmp_path):
    folder, _ = record(tmp_path / "x.take", 8, before=6)
    export(read_take(folder), tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["seconds", "face.gesture.smile", "face.gesture.brow", "face.confidence.sure", "pad.control.x"]
    assert [row[0] for row in rows[1:]] == ["0.000000", f"{2 * BLOCK / RATE:.6f}", f"{6 * BLOCK / RATE:.6f}"]
    for row, block in zip(rows[1:], (4, 8, 12), strict=True):
        assert np.array(row[1:3], np.float32).tobytes() == face(block)["gesture"].tobytes()
        assert row[4] == "0.1"


def test_what_has_not_come_yet_is_an_empty_cell(tmp_path):
    folder, _ = record(tmp_path / "x.take", 8)
    export(read_take(folder), tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[4] for row in rows[1:]] == ["", "0.1", "0.1"]


@pytest.mark.parametrize("encoding", ["flac", "wav"])
@pytest.mark.parametrize("name", ["out.wav", "out.flac"])
def test_the_sound_is_exported_by_suffix(tmp_path, encoding, name):
    folder, sound = record(tmp_path / "x.take", 100, encoding=encoding)
    export(read_take(folder), tmp_path / name)
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.subtype, info.samplerate) == (name[4:].upper(), "PCM_24", RATE)
    np.testing.assert_allclose(soundfile.read(tmp_path / name)[0].T, sound, atol=2**-23)


def test_a_cut_take_is_exported_up_to_the_cut(tmp_path):
    folder, sound = record(tmp_path / "x.take", 100)
    rewrite(folder, lambda lines: [*lines[:-2], lines[-2][:5]])
    data = (folder / "sound.wav").read_bytes()
    (folder / "sound.wav").write_bytes(data[:-4001])
    export(read_take(folder), tmp_path / "out.flac")
    written = soundfile.read(tmp_path / "out.flac")[0].T
    assert 99 * BLOCK <= written.shape[1] < 100 * BLOCK
    np.testing.assert_allclose(written, sound[:, : written.shape[1]], atol=2**-23)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.mp3", r"out\.mp3 must end in \.csv \(gestures\), \.npz \(landmarks\), \.wav or \.flac \(sound\)"),
        ("x.take/out.csv", "must be a file outside the take's own folder"),
        ("x.take", "must be a file outside the take's own folder"),
        ("file/out.csv", "was not written"),
    ],
)
def test_what_cannot_be_exported_is_told(tmp_path, name, message):
    folder, _ = record(tmp_path / "x.take", 2)
    (tmp_path / "file").touch()
    with pytest.raises((ArtifactError, NodeError), match=message):
        export(read_take(folder), tmp_path / name)
    assert not (tmp_path / name).is_file()


def test_reading_a_take_imports_nothing_heavy(tmp_path):
    code = "import sys, runtime.takes.take, runtime.takes.writer; print(sorted({'torch', 'soundfile', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
