import numpy as np
import pytest

from tests.stage import BEGIN, COUNTER, RAMP, WRAP, judged


def counter(frames):
    return ((BEGIN + np.arange(frames) % WRAP) / COUNTER).astype(np.float32)


def test_a_whole_counter_has_nothing_wrong_even_where_it_begins_again():
    assert judged(counter(WRAP + 20_000)) == {
        "frames": WRAP + 20_000 - RAMP,
        "lost": 0,
        "repeated": 0,
        "silent": 0,
        "wrong": 0,
    }


@pytest.mark.parametrize(
    ("damaged", "what", "count"),
    [
        (lambda whole: np.delete(whole, slice(9000, 9010)), "lost", 10),
        (lambda whole: np.insert(whole, 9000, whole[8999]), "repeated", 1),
        (lambda whole: np.insert(whole, 9000, np.zeros(7, np.float32)), "silent", 7),
        (lambda whole: np.where(np.arange(len(whole)) == 9000, whole * np.float32(0.90001), whole), "wrong", 1),
    ],
)
def test_what_is_wrong_is_found(damaged, what, count):
    assert judged(damaged(counter(20_000)))[what] == count
