"""Long files that are read while they play, and a file in place of the microphone."""

import threading
import time

import numpy as np
import pytest
import soundfile

from nodes import sound_player
from nodes.sound import Input
from nodes.sound_files import AHEAD, PIECE, SoundStream
from nodes.sound_player import Player
from runtime.errors import NodeError
from runtime.node import Block, Stream
from tests.drive import stream

RATE = 44100


def write(path, frames, rate=RATE, channels=2):
    sound = np.random.default_rng(frames).uniform(-0.5, 0.5, (channels, frames)).astype(np.float32)
    soundfile.write(path, sound.T, rate, subtype="FLOAT")
    return sound


@pytest.fixture
def long_files(monkeypatch):
    """Every file counts as too long for memory."""
    monkeypatch.setattr(sound_player, "LARGEST", 0)


@pytest.mark.parametrize("frames", [1000, PIECE, 2 * PIECE + 5])
def test_a_file_that_is_read_while_it_plays_sounds_as_one_in_memory(tmp_path, long_files, frames):
    sound = write(tmp_path / "a.wav", frames)
    length = (frames // 512 + 3) * 512
    made = stream(Player(), params={"path": "a.wav"}, folder=tmp_path, frames=length)["audio"]
    np.testing.assert_array_equal(made[:, :frames], sound)
    assert not made[:, frames:].any()
    made = stream(Player(), params={"path": "a.wav", "loop": True}, folder=tmp_path, frames=length)["audio"]
    np.testing.assert_array_equal(made, np.tile(sound, length // frames + 1)[:, :length])


def test_a_long_file_of_another_rate_is_resampled_as_a_whole_one(tmp_path, monkeypatch):
    write(tmp_path / "a.wav", 3 * PIECE, rate=48000, channels=1)
    made = []
    for largest in (1 << 40, 0):
        monkeypatch.setattr(sound_player, "LARGEST", largest)
        made.append(stream(Player(), params={"path": "a.wav"}, folder=tmp_path, frames=100_352)["audio"])
    np.testing.assert_allclose(made[0], made[1], atol=2e-3)


def test_a_long_file_takes_a_few_seconds_of_memory_only(tmp_path):
    write(tmp_path / "a.wav", 20 * RATE)
    sound = SoundStream(tmp_path / "a.wav", RATE, wait=False)
    time.sleep(0.3)
    held = sum(piece.shape[1] for piece, _ in sound._pieces)
    assert PIECE <= held <= AHEAD * RATE
    sound.close()


def test_closing_ends_the_thread_and_may_be_done_again(tmp_path, long_files):
    write(tmp_path / "a.wav", 10 * PIECE)
    before = threading.active_count()
    node = Player()
    node.prepare(Stream(RATE, 512, 0, True, tmp_path), path=tmp_path / "a.wav")
    assert threading.active_count() == before + 1
    node.close()
    node.close()
    Player().close()
    assert threading.active_count() == before


def test_live_a_disk_that_is_too_slow_gives_silence_and_is_told(tmp_path, long_files):
    write(tmp_path / "a.wav", 4 * PIECE)
    node = Player()
    node.prepare(Stream(RATE, 512, 0, False, tmp_path), path=tmp_path / "a.wav")
    node._sound.close()  # nothing more comes from the disk
    made = [node.process(Block(4096), True, 0.0)["audio"] for _ in range(60)]
    assert made[0].any() and not made[-1].any() and made[-1].shape == (2, 4096)
    assert node.failure == "a.wav is read too slowly from its disk, and falls silent"


@pytest.mark.parametrize("loop", [False, True])
def test_a_loop_that_is_switched_on_later_begins_again(tmp_path, loop):
    sound = write(tmp_path / "a.wav", 700)
    node = Player()
    node.prepare(Stream(RATE, 512, 0, True, tmp_path), path=tmp_path / "a.wav")
    block = Block(512)
    for _ in range(3):
        node.process(block, False, 0.0)
    made = node.process(block, loop, 0.0)["audio"]
    np.testing.assert_array_equal(made, sound[:, :512] if loop else np.zeros((2, 512), np.float32))


def test_a_player_that_joins_a_playing_patch_begins_at_its_beginning(tmp_path):
    sound = write(tmp_path / "a.wav", 5000)
    node, block = Player(), Block(512)
    node.prepare(Stream(RATE, 512, 0, True, tmp_path), path=tmp_path / "a.wav")
    block.start = 100 * RATE
    np.testing.assert_array_equal(node.process(block, False, 0.0)["audio"], sound[:, :512])


def test_when_a_patch_is_rendered_a_file_takes_the_place_of_the_microphone(tmp_path):
    sound = write(tmp_path / "voice.wav", 1000, channels=1)
    made = stream(Input(), params={"file": "voice.wav", "level": -20.0}, folder=tmp_path, frames=2048)["audio"]
    np.testing.assert_allclose(made[0], np.tile(sound[0], 3)[:2048] * 0.1, atol=1e-7)


def test_live_the_microphone_is_heard_whatever_the_file(tmp_path):
    node, block = Input(), Block(512)
    node.prepare(Stream(RATE, 512, 0, False, tmp_path), file=tmp_path / "gone.wav")
    assert not node.process(block, 0.0)["audio"].any()
    block.device_input = np.full((2, 512), 0.5, np.float32)
    assert (node.process(block, 0.0)["audio"] == 0.5).all()


def test_a_file_that_is_not_there_is_told_when_rendered(tmp_path):
    with pytest.raises(NodeError, match=r"there is no file .*gone.wav"):
        stream(Input(), params={"file": "gone.wav"}, folder=tmp_path)
