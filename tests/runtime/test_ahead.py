from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from runtime import ahead
from runtime.ahead import Ahead


def block(first):
    return np.arange(first, first + 4, dtype=np.float32)[:, None]


@contextmanager
def asked(one, seconds):
    """Another thread asks, and has come back at the end."""
    asking = threading.Thread(target=one.ask, args=(seconds,))
    asking.start()
    while not one.wanted:
        time.sleep(0.001)
    yield asking
    asking.join(5.0)
    assert not asking.is_alive()


def test_what_there_is_room_for_goes_on_at_once_and_the_rest_in_one_piece_when_it_is_enough():
    one = Ahead(rate=100, channels=1)
    with asked(one, 0.08) as asking:
        given = [one.add(block(0), room=2), one.add(block(4), room=0)]
        assert asking.is_alive() and one.wanted == 8
        given.append(one.add(block(8), room=1))
    assert [list(part[:, 0]) for part in given] == [[0, 1], [], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    assert one.wanted == 0


def test_where_there_is_never_enough_what_there_is_goes_on(monkeypatch):
    monkeypatch.setattr(ahead, "CATCHING_UP", 1.0)  # far longer than the first block takes
    one = Ahead(rate=100, channels=1)
    with asked(one, 1000.0) as asking:
        first = one.add(block(0), room=1)
        asking.join(5.0)
        rest = one.add(block(4), room=0)
    assert list(first[:, 0]) == [0] and list(rest[:, 0]) == [1, 2, 3, 4, 5, 6, 7]
    assert one.wanted == 0


@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_it_can_be_asked_again(seconds):
    one = Ahead(rate=100, channels=1)
    for _ in range(2):
        heard = []
        with asked(one, seconds):
            while one.wanted:
                heard.append(one.add(block(4 * len(heard)), room=0))
        np.testing.assert_array_equal(np.concatenate(heard)[:, 0], np.arange(4 * len(heard)))
