import time

import numpy as np
import pytest

from runtime.hearing import Hearing

RATE, BLOCK = 44100, 512


def piece(start, frames):
    """Numbered frames [frames, 2], as a sound card gives them."""
    return np.repeat(np.arange(start, start + frames, dtype=np.float32)[:, None], 2, axis=1)


def test_pieces_of_any_length_become_blocks_and_no_frame_is_lost():
    hearing, at, got = Hearing(2, RATE, RATE, BLOCK), 0, []
    for frames in (100, 900, 7, 1500, 512, 600):
        assert hearing.put(piece(at, frames), 0.0)
        at += frames
        while (block := hearing.take()) is not None:
            got.append(block)
    np.testing.assert_array_equal(np.concatenate(got, axis=1)[0], np.arange(len(got) * BLOCK))
    assert len(got) == at // BLOCK and got[0].shape == (2, BLOCK)


def test_the_delay_tells_how_old_the_last_frame_is_and_what_waits_behind_it():
    hearing = Hearing(2, RATE, RATE, BLOCK)
    hearing.put(piece(0, 4 * BLOCK), 0.05)
    hearing.take()
    assert hearing.delay == pytest.approx(0.05 + 3 * BLOCK / RATE, abs=0.01)


def test_the_delay_follows_when_less_waits():
    hearing = Hearing(2, RATE, RATE, BLOCK)
    hearing.put(piece(0, 4 * BLOCK), 0.0)
    for _ in range(4):
        hearing.take()
    for number in range(60):
        hearing.put(piece(number * BLOCK, BLOCK), 0.02)
        hearing.take()
    assert hearing.delay == pytest.approx(0.02, abs=0.01)


def test_time_that_passes_before_a_block_is_taken_counts():
    hearing = Hearing(2, RATE, RATE, BLOCK)
    hearing.put(piece(0, BLOCK), 0.0)
    time.sleep(0.1)
    hearing.take()
    assert 0.1 <= hearing.delay < 0.2


def test_what_is_older_than_four_blocks_is_left_out():
    hearing = Hearing(2, RATE, RATE, BLOCK)
    hearing.put(piece(0, 10 * BLOCK), 0.0)
    assert hearing.take()[0, 0] == 6 * BLOCK


def test_a_piece_for_which_there_is_no_room_is_refused():
    hearing = Hearing(2, RATE, RATE, BLOCK)
    assert hearing.put(piece(0, 2 * RATE), 0.0)
    assert not hearing.put(piece(0, 1), 0.0)


def test_another_rate_of_the_card_is_resampled():
    hearing, got = Hearing(1, 48000, RATE, BLOCK), []
    sine = np.sin(2 * np.pi * 440.0 * np.arange(48000) / 48000).astype(np.float32)[:, None]
    for start in range(0, 48000, 480):
        hearing.put(sine[start : start + 480], 0.0)
        while (block := hearing.take()) is not None:
            got.append(block)
    sound = np.concatenate(got, axis=1)[0]
    assert np.count_nonzero((sound[:-1] < 0) & (sound[1:] >= 0)) == pytest.approx(440 * len(sound) / RATE, abs=2)
