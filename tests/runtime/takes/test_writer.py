"""Recording takes: what is written, what a killed process leaves, full and slow disks, and an engine that never waits."""

import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import soundfile

from runtime.artifacts import versions
from runtime.errors import ArtifactError
from runtime.takes.folder import line_of, shortest
from runtime.takes.sound import BIGGEST, WavFile, interleaved
from runtime.takes.take import heard, read_take, sound_blocks
from runtime.takes.writer import MOST_FRAMES, Journal
from tests.takes import BLOCK, LOAD, RATE, begin, face, noise, record


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "spool")
    yield made
    made.close()


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


def hash_of(sound):
    return hashlib.sha256(np.ascontiguousarray(sound.T, "<f4").tobytes()).hexdigest()


# What is written


def test_a_take_holds_a_header_the_events_and_an_end(tmp_path):
    folder, sound = record(tmp_path / "one.take", 8, artifacts={"trainer.model": "ab12"}, settings={"seed": 7})
    lines = [json.loads(line) for line in (folder / "take.jsonl").read_text().splitlines()]
    header = lines[0]
    assert header["take"] == 1 and header["patch"] == "demo.json" and header["versions"] == versions()
    assert header["artifacts"] == {"trainer.model": "ab12"} and "T" in header["started"]
    assert (header["sample_rate"], header["block"], header["channels"]) == (RATE, BLOCK, 2)
    assert header["settings"] == {"seed": 7, "sample_rate": RATE, "block": BLOCK}
    assert [line[:2] for line in lines[1:]] == [
        [0, "load"],
        [0, "feed"],
        [0, "sound"],
        [1, "feed"],
        [4, "feed"],
        [8, "end"],
    ]
    assert lines[3][2] == {"file": "sound.wav"} and lines[4][2] == ["pad", {"control": [0.1]}]
    assert lines[-1][2] == {"frames": 8 * BLOCK, "first": 0, "sha256": hash_of(sound), "blocks": 8}
    assert sorted(path.name for path in folder.iterdir()) == ["sound.wav", "take.jsonl"]


def test_the_hash_is_that_of_the_sound_in_the_file(tmp_path):
    folder, sound = record(tmp_path / "one.take", 37)
    take = read_take(folder)
    written = np.concatenate(list(sound_blocks(take)), axis=1)
    assert written.tobytes() == sound.tobytes()
    assert take.end["sha256"] == hash_of(written)
    assert soundfile.info(folder / "sound.wav").subtype == "FLOAT"


def test_flac_holds_the_sound_to_24_bits_and_the_hash_of_every_bit(tmp_path):
    folder, sound = record(tmp_path / "one.take", 37, encoding="flac")
    info = soundfile.info(folder / "sound.flac")
    assert (info.subtype, info.samplerate, info.frames) == ("PCM_24", RATE, 37 * BLOCK)
    np.testing.assert_allclose(soundfile.read(folder / "sound.flac")[0].T, sound, atol=2**-23)
    assert read_take(folder).end["sha256"] == hash_of(sound)


def test_a_take_that_begins_midway_holds_the_journal_from_block_0_on(tmp_path):
    folder, sound = record(tmp_path / "one.take", 20, before=30)
    take = read_take(folder)
    assert take.events[0].kind == "load" and take.events[0].block == 0
    assert [event.block for event in take.events if event.kind == "feed" and event.data[0] == "face"] == list(range(0, 50, 4))
    assert take.first == 30 and take.end["blocks"] == 20 and take.end["sha256"] == hash_of(sound)


def test_two_takes_of_one_performance_are_both_whole(tmp_path, journal):
    journal.write(0, "load", LOAD)
    made = []
    for start in (0, 50):
        folder = begin(journal, tmp_path / "x.take", first_block=start)
        for block in range(start, start + 20):
            journal.write(block, "set", ["gain", "gain", -6.0, None])
            journal.sound(block, noise(seed=block))
        assert journal.end_take() == folder
        for block in range(start + 20, start + 50):
            journal.sound(block, noise(seed=block))
        made.append(read_take(folder))
    assert [len([event for event in take.events if event.kind == "set"]) for take in made] == [20, 40]
    assert [take.first for take in made] == [0, 50] and [take.blocks for take in made] == [20, 20]


def test_a_take_never_goes_over_another(tmp_path):
    names = [record(tmp_path / name, 1)[0].name for name in ("x.take", "x.take", "x")]
    (tmp_path / "x-4.take").touch()
    names.append(record(tmp_path / "x.take", 1)[0].name)
    assert names == ["x.take", "x-2.take", "x-3.take", "x-5.take"]


def test_only_one_take_at_a_time_is_recorded(tmp_path, journal):
    begin(journal, tmp_path / "x.take")
    with pytest.raises(ArtifactError, match=r"x\.take is being recorded; end it before"):
        begin(journal, tmp_path / "y.take")
    assert not (tmp_path / "y.take").exists()


def test_no_take_is_on_before_the_start_and_after_the_end(tmp_path, journal):
    assert journal.taking is None and journal.end_take() is None
    folder = begin(journal, tmp_path / "x.take")
    assert journal.taking == folder == tmp_path / "x.take"
    assert journal.end_take() == folder
    assert journal.taking is None and journal.end_take() is None


def test_a_take_without_sound_is_whole(tmp_path, journal):
    journal.write(0, "load", LOAD)
    folder = begin(journal, tmp_path / "x.take", first_block=12)
    journal.end_take()
    assert read_take(folder).end == {"frames": 0, "first": 12, "sha256": hashlib.sha256().hexdigest(), "blocks": 0}


def test_a_journal_that_is_closed_ends_its_take(tmp_path):
    journal = Journal(tmp_path / "spool")
    folder = begin(journal, tmp_path / "x.take")
    journal.sound(0, noise())
    journal.close()
    assert read_take(folder).end["blocks"] == 1


def test_the_buffer_of_the_engine_may_be_used_again_at_once(tmp_path, journal):
    folder = begin(journal, tmp_path / "x.take", encoding="wav")
    buffer = np.empty((2, BLOCK), np.float32)
    for block in range(10):
        buffer[:] = block
        journal.sound(block, buffer)
        journal.input(block, buffer)
    journal.end_take()
    take = read_take(folder)
    expected = np.repeat(np.arange(10, dtype=np.float32), BLOCK)
    np.testing.assert_array_equal(np.concatenate(list(sound_blocks(take)), axis=1)[0], expected)
    inputs = heard(take)
    np.testing.assert_array_equal(np.concatenate([next(inputs) for _ in range(10)], axis=1)[1], expected)


def test_a_folder_where_no_take_can_be_made_is_told_in_words(tmp_path, journal):
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match=r"no take can be recorded in .*file"):
        begin(journal, tmp_path / "file" / "x.take")
    with pytest.raises(ArtifactError, match="must be flac or wav, got 'mp3'"):
        begin(journal, tmp_path / "x.take", encoding="mp3")
    with pytest.raises(ArtifactError, match=r"flac cannot hold 9 channels at 48000 Hz; record the take as wav"):
        begin(journal, tmp_path / "x.take", channels=9)
    assert not (tmp_path / "x.take").exists() and journal.taking is None
    begin(journal, tmp_path / "x.take", channels=9, encoding="wav")


# Numbers


def test_every_float32_comes_back_bit_by_bit(tmp_path):
    bits = np.random.default_rng(0).integers(0, 2**32, 20000, dtype=np.uint32).view(np.float32)
    edges = np.array([0.0, -0.0, 0.1, 1 / 3, 1e-45, 3.4028235e38, 16777217.0, np.inf, -np.inf], np.float32)
    values = np.concatenate([bits[~np.isnan(bits)], edges])

    def also(journal, block):
        if block == 0:
            journal.write(0, "feed", ["all", {"values": values}])

    folder, _ = record(tmp_path / "x.take", 1, also=also)
    found = next(event.data[1]["values"] for event in read_take(folder).events if event.kind == "feed" and event.data[0] == "all")
    assert found.tobytes() == values.tobytes()


def test_numbers_are_written_in_few_digits():
    assert line_of(3, "feed", ["pad", {"x": np.array([0.1, 1.0, -2.5e-8], np.float32)}]) == (
        b'[3,"feed",["pad",{"x":[0.1,1.0,-2.5e-08]}]]\n'
    )
    assert shortest(np.arange(4).reshape(2, 2)) == [[0, 1], [2, 3]]


def test_what_json_cannot_say_is_told_and_the_sound_goes_on(tmp_path):
    told = []
    journal = Journal(tmp_path / "spool", told.append)
    folder = begin(journal, tmp_path / "x.take")
    journal.write(0, "set", ["gain", "gain", object(), None])
    for block in range(20):
        journal.sound(block, noise())
    assert journal.end_take() == folder and read_take(folder).blocks == 20
    assert len(told) == 1 and "no longer kept" in told[0] and "object cannot be kept in a take" in told[0]
    with pytest.raises(ArtifactError, match="no take can be recorded any more"):
        begin(journal, tmp_path / "y.take")
    journal.close()


# What nodes were taught, and what the sound card hears


def test_what_nodes_were_taught_comes_along(tmp_path, journal):
    def teach(name, text):
        (tmp_path / "spool/taught" / name).mkdir(parents=True)
        (tmp_path / "spool/taught" / name / "examples.json").write_text(text)

    teach("regressor-1", "one")
    journal.write(0, "load", {**LOAD, "taught": {"regressor": "regressor-1"}})
    folder = begin(journal, tmp_path / "x.take")
    teach("regressor-2", "two")
    journal.write(4, "taught", ["regressor", "regressor-2"])
    teach("regressor-3", "of nobody")
    journal.end_take()
    assert sorted(path.name for path in (folder / "taught").iterdir()) == ["regressor-1", "regressor-2"]
    assert (folder / "taught/regressor-2/examples.json").read_text() == "two"


@pytest.mark.parametrize("late", [0, 25], ids=["from the beginning", "midway"])
def test_what_the_sound_card_hears_is_kept_from_block_0_on_at_its_blocks(tmp_path, journal, late):
    listening = [block for block in range(60) if not 20 <= block < 33 and block > 2]
    for block in range(60):
        if block == late:
            folder = begin(journal, tmp_path / "x.take", first_block=late)
        if block in listening:
            journal.input(block, noise(channels=1, seed=1000 + block))
        journal.sound(block, noise())
    journal.end_take()
    take = read_take(folder)
    blocks = heard(take)
    for block in range(70):
        found = next(blocks)
        assert (found is not None) == (block in listening), block
        if found is not None:
            assert found.tobytes() == noise(channels=1, seed=1000 + block).tobytes()
    assert soundfile.info(take.input).samplerate == RATE


def test_a_sound_card_that_has_fewer_channels_from_some_block_on_does_not_end_the_take(tmp_path, journal):
    folder = begin(journal, tmp_path / "x.take")
    for block, channels in enumerate((2, 1, 2)):
        journal.input(block, noise(channels=channels, seed=block))
    assert journal.end_take() == folder
    blocks = heard(read_take(folder))
    for block, channels in enumerate((2, 1, 2)):
        assert next(blocks).tobytes() == noise(channels=channels, seed=block).tobytes()


# Killed


KILLED = """
    import sys, time
    from pathlib import Path
    from runtime.takes.writer import Journal
    from tests.takes import LOAD, begin, face, noise
    path, encoding = Path(sys.argv[1]), sys.argv[2]
    journal = Journal(path / "spool")
    (path / "spool/taught/regressor-1").mkdir(parents=True)
    journal.write(0, "load", {**LOAD, "taught": {"regressor": "regressor-1"}})
    begin(journal, path / "x.take", encoding=encoding)
    for block in range(1_000_000):
        if block % 4 == 0:
            journal.write(block, "feed", ["face", face(block)])
        journal.input(block, noise(channels=1, seed=block))
        journal.sound(block, noise(seed=block))
        time.sleep(0.001)
"""


@pytest.mark.parametrize("encoding", ["flac", "wav"])
def test_a_killed_process_leaves_a_take_that_can_be_read_up_to_the_last_second(tmp_path, encoding):
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), encoding]
    child = subprocess.Popen(script)
    sound = tmp_path / f"x.take/sound.{encoding}"

    def readable():
        try:
            return soundfile.info(sound).frames
        except (OSError, RuntimeError, ValueError):
            return 0

    try:
        wait_for(lambda: 100 * BLOCK < readable() < 2**40)
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    take = read_take(tmp_path / "x.take")
    assert take.cut and take.end is None and take.first == 0 and take.frames >= 100 * BLOCK
    written = np.concatenate(list(sound_blocks(take)), axis=1)
    expected = np.concatenate([noise(seed=block) for block in range(take.blocks + 8)], axis=1)[:, : take.frames]
    np.testing.assert_allclose(written, expected, atol=0 if encoding == "wav" else 2**-23)
    np.testing.assert_allclose(soundfile.read(sound, dtype="float32")[0].T, written, atol=0)
    gesture = take.gestures["face", "gesture"]
    assert gesture.blocks[-1] >= take.blocks - 4  # the journal is on disk before the sound
    for block, row in zip(gesture.blocks, gesture.values, strict=True):
        assert row.tobytes() == face(block)["gesture"].tobytes()
    blocks = heard(take)
    for block in range(100):
        assert next(blocks).tobytes() == noise(channels=1, seed=block).tobytes()
    assert (take.path / "taught/regressor-1").is_dir()


def test_a_process_killed_as_the_sound_becomes_readable_leaves_all_that_led_to_it(tmp_path):
    killed_there = """
    import os
    import soundfile
    from runtime.takes.sound import TakeSound
    settle = TakeSound.settle
    def settle_and_end(sound):
        settle(sound)
        if soundfile.info(sound.path).frames:
            os.kill(os.getpid(), 9)
    TakeSound.settle = settle_and_end
    """
    script = textwrap.dedent(killed_there) + textwrap.dedent(KILLED)
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path), "wav"], timeout=60)
    assert ended.returncode == -signal.SIGKILL
    take = read_take(tmp_path / "x.take")
    assert take.blocks > 0
    assert take.gestures["face", "gesture"].blocks[-1] >= take.blocks - 4
    blocks = heard(take)
    for block in range(take.blocks):
        assert next(blocks).tobytes() == noise(channels=1, seed=block).tobytes()


def test_a_process_killed_at_any_moment_leaves_a_take_or_one_that_says_what_it_lacks(tmp_path):
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), "flac"]
    child = subprocess.Popen(script)
    try:
        wait_for(lambda: (tmp_path / "x.take").exists())
    finally:
        child.kill()
        child.wait()
    try:
        take = read_take(tmp_path / "x.take")
    except ArtifactError as error:
        assert "x.take" in str(error)
    else:
        assert take.cut and take.seconds >= 0


# Disks that are full, or slow


FULL = """
    import resource, sys, time
    from pathlib import Path
    from runtime.takes.writer import Journal
    from tests.takes import LOAD, begin, face, noise
    path, encoding, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    journal = Journal(path.parent / "spool", lambda words: print(words, flush=True))
    journal.write(0, "load", LOAD)
    begin(journal, path, encoding=encoding)
    block, until = 0, time.monotonic() + 120
    while journal.taking is not None or journal.failure is None:
        assert time.monotonic() < until
        journal.write(block, "feed", ["face", face(block)])
        journal.sound(block, noise(seed=block))
        block += 1
        time.sleep(0.0005)
    for more in range(100):
        journal.sound(block + more, noise(seed=block))
    assert journal.end_take() is None
    journal.close()
"""


def fill(path, encoding, limit=0):
    script = [sys.executable, "-c", textwrap.dedent(FULL), str(path), encoding, str(limit)]
    return subprocess.run(script, capture_output=True, text=True, timeout=180)


def assert_readable_up_to_its_end(path):
    take = read_take(path)
    assert not take.cut and "the disk is full" in take.end["failure"]
    written = np.concatenate(list(sound_blocks(take)), axis=1)
    expected = np.concatenate([noise(seed=block) for block in range(take.blocks)], axis=1)
    np.testing.assert_allclose(written, expected, atol=2**-23)
    assert take.end["sha256"] == hash_of(expected) and take.frames == take.blocks * BLOCK > 50 * BLOCK
    soundfile.read(take.sound)
    return take


@pytest.mark.parametrize("encoding", ["flac", "wav"])
def test_where_a_file_can_grow_no_more_the_sound_goes_on_and_the_take_is_whole_up_to_there(tmp_path, encoding):
    ran = fill(tmp_path / "x.take", encoding, 1_500_000)
    assert ran.returncode == 0, ran.stderr
    assert "recording x.take has ended: the disk is full" in ran.stdout and "can be read" in ran.stdout
    assert_readable_up_to_its_end(tmp_path / "x.take")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("encoding", ["flac", "wav"])
def test_on_a_full_disk_the_sound_goes_on_and_the_take_is_whole_up_to_there(tmp_path, small_disk, encoding):
    (small_disk / "takes").mkdir()
    (tmp_path / "spool").mkdir()
    (small_disk / "takes/spool").symlink_to(tmp_path / "spool")
    ran = fill(small_disk / "takes/x.take", encoding)
    assert ran.returncode == 0, ran.stderr
    assert "recording x.take has ended: the disk is full" in ran.stdout
    take = assert_readable_up_to_its_end(small_disk / "takes/x.take")
    assert not (take.path / ".room").exists()


def test_a_journal_without_disk_is_told_and_its_take_goes_on(tmp_path, small_disk):
    told = []
    journal = Journal(small_disk / "spool", told.append)
    journal.write(0, "load", LOAD)
    folder = begin(journal, tmp_path / "x.take")
    (small_disk / "big").write_bytes(bytes(1_990_000))
    block = 0
    while not told:
        journal.write(block, "feed", ["face", face(block)])
        journal.sound(block, noise(seed=block))
        block += 1
        time.sleep(0.0005)
    assert "no longer kept: the disk is full" in told[0]
    assert journal.end_take() == folder
    take = read_take(folder)
    assert take.blocks == block and len(take.gestures["face", "gesture"].blocks) == block
    with pytest.raises(ArtifactError, match="no take can be recorded any more: the disk is full"):
        begin(journal, tmp_path / "y.take")
    journal.close()


def test_a_take_that_does_not_fit_on_the_disk_is_refused_and_leaves_nothing(tmp_path, small_disk, journal):
    (small_disk / "big").write_bytes(bytes(2_050_000))
    with pytest.raises(ArtifactError, match=r"x\.take cannot be recorded: the disk is full"):
        begin(journal, small_disk / "x.take")
    assert [path.name for path in small_disk.iterdir()] == ["big"]


def test_a_disk_that_is_too_slow_ends_the_take_rather_than_eating_memory(tmp_path):
    told = []
    journal = Journal(tmp_path / "spool", told.append)
    folder = begin(journal, tmp_path / "x.take")
    block, sound = 0, noise(4096)
    while journal.taking is not None:  # an engine far faster than any disk
        journal.sound(block, sound)
        block += 8
        waiting = sum(entry[2].shape[1] for entry in list(journal._waiting) if entry[0] == "sound") if block % 800 == 0 else 0
        assert waiting <= MOST_FRAMES + 2 * 4096 and block < 8_000_000
    wait_for(lambda: told)
    assert told[0].startswith("recording x.take has ended: the disk is too slow") and journal.failure == told[0]
    take = read_take(folder)
    assert take.end["failure"].startswith("the disk is too slow") and take.frames > MOST_FRAMES // 2
    assert begin(journal, tmp_path / "x.take").name == "x-2.take"
    journal.close()


# The engine's thread


def test_the_engines_thread_only_appends(tmp_path, journal):
    begin(journal, tmp_path / "x.take")
    sound, values = noise(), face(1)
    called = set()

    def profile(frame, event, function):
        if event == "c_call":
            called.add(function.__name__)
        elif event == "call":
            called.add(frame.f_code.co_name)

    def engine():
        sys.setprofile(profile)
        for block in range(200):
            journal.write(block, "feed", ["face", values])
            journal.sound(block, sound)
            journal.input(block, sound)
        sys.setprofile(None)

    thread = threading.Thread(target=engine)
    gc.disable()  # as the engine's process does: what others hang onto a collection is not the writer's doing
    try:
        thread.start()
        thread.join()
    finally:
        gc.enable()
    assert called <= {"engine", "write", "sound", "input", "append", "copy", "len", "setprofile"}


def test_every_thread_may_write(tmp_path, journal):
    def tell(name):
        for number in range(500):
            journal.write(number, "tell", [name, number])

    threads = [threading.Thread(target=tell, args=[name]) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = begin(journal, tmp_path / "x.take")
    journal.end_take()
    found = [event.data for event in read_take(folder).events]
    assert [[number for who, number in found if who == name] for name in range(4)] == [list(range(500))] * 4


# The files


def test_a_wav_is_readable_at_every_moment_and_becomes_rf64_past_4_gb(tmp_path):
    sound = noise(1000)
    file = WavFile(tmp_path / "a.wav", RATE, 2)
    for frames in (300, 700):
        file.write(interleaved(sound)[:frames] if frames == 300 else interleaved(sound)[300:])
        file.settle()
        np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0].T, sound[:, : file.frames])
    assert soundfile.info(tmp_path / "a.wav").format == "WAV"
    file.frames = BIGGEST // 8 + 1
    os.ftruncate(file._handle, 80 + 8 * file.frames)  # a hole: no disk is filled
    file.settle()
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.format, info.frames) == ("RF64", BIGGEST // 8 + 1)
    file.close()
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav", frames=1000, dtype="float32")[0].T, sound)
