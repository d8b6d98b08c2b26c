"""Between blocks of any length and frames of another: nothing is lost, doubled or late."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.reblock import Collect, Deliver

LENGTHS = st.lists(st.integers(0, 50), max_size=12)
few = settings(database=None, deadline=None, max_examples=100)


def counted(frames, channels=1):
    """Each channel counts its frames, the second from 1000."""
    return (np.arange(frames) + 1000 * np.arange(channels)[:, None]).astype(np.float32)


def test_a_frame_is_complete_when_its_last_sample_has_come():
    collect = Collect(4)
    assert collect.latency == 4
    assert collect.feed(counted(3)) == []
    ((used, frame),) = collect.feed(counted(6)[:, 3:])
    assert used == 1
    np.testing.assert_array_equal(frame, [[0, 1, 2, 3]])


def test_one_block_may_complete_several_frames():
    done = Collect(2).feed(counted(5))
    assert [used for used, _ in done] == [2, 4]
    np.testing.assert_array_equal(np.concatenate([frame for _, frame in done], axis=1), counted(4))


@few
@given(st.integers(1, 40), st.integers(1, 3), LENGTHS)
def test_frames_are_the_same_at_all_block_lengths_and_tell_when_they_were_complete(size, channels, lengths):
    sound, collect = counted(sum(lengths), channels), Collect(size, channels)
    frames, start = [], 0
    for length in lengths:
        for used, frame in collect.feed(sound[:, start : start + length]):
            frames.append(frame)
            assert start + used == size * len(frames)
            assert frame.dtype == np.float32 and frame.shape == (channels, size)
        start += length
    assert len(frames) == sum(lengths) // size
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame, sound[:, number * size : (number + 1) * size])


def test_collected_frames_belong_to_the_caller():
    collect = Collect(2)
    ((_, first),) = collect.feed(counted(2))
    first[:] = -1
    ((_, second),) = collect.feed(counted(2))
    np.testing.assert_array_equal(first, [[-1, -1]])
    np.testing.assert_array_equal(second, [[0, 1]])


def test_collect_does_not_change_what_it_is_fed():
    sound = counted(7)
    sound.flags.writeable = False
    Collect(3).feed(sound)


@few
@given(st.integers(1, 3), LENGTHS, st.randoms(use_true_random=False))
def test_what_was_put_is_taken_in_order_in_pieces_of_any_length(channels, lengths, chance):
    sound, deliver = counted(sum(lengths), channels), Deliver()
    taken, put = [sound[:, :0]], 0
    for length in lengths:
        deliver.put(sound[:, put : put + length])
        put += length
        if deliver.ready:
            count = chance.randint(1, deliver.ready)
            taken.append(deliver.take(count))
            assert taken[-1].shape == (channels, count) and taken[-1].dtype == np.float32
        assert deliver.ready == put - sum(piece.shape[1] for piece in taken)
    if deliver.ready:
        taken.append(deliver.take(deliver.ready))
    np.testing.assert_array_equal(np.concatenate(taken, axis=1), sound)


def test_a_block_within_one_piece_is_handed_out_without_a_copy():
    deliver, piece = Deliver(), counted(8)
    deliver.put(piece)
    assert all(np.shares_memory(deliver.take(4), piece) for _ in range(2))


def test_what_was_taken_belongs_to_the_caller():
    deliver = Deliver()
    deliver.put(counted(4))
    first = deliver.take(2)
    deliver.take(2)
    deliver.put(np.full((1, 4), 9, np.float32))
    np.testing.assert_array_equal(first, [[0, 1]])
