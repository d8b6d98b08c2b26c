"""When failed nodes try again."""

import pytest

from runtime import retries
from runtime.retries import CALM, TRIES, Retries


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(retries.time, "monotonic", lambda: now[0])
    return now


def waited(tries, clock):
    """Seconds until the node is due, and whether it is made anew then."""
    began = clock[0]
    while not (found := tries.due()):
        clock[0] += 0.01
    ((name, anew),) = found
    assert name == "lamp" and tries.due() == []
    return pytest.approx(clock[0] - began, abs=0.011), anew


def test_a_node_that_fails_at_once_again_waits_ever_longer_and_is_made_anew(clock):
    tries = Retries()
    for number, seconds in enumerate(TRIES + TRIES[-1:]):
        tries.failed("lamp")
        assert waited(tries, clock) == (seconds, number > 0)


def test_a_node_that_has_played_well_is_tried_soon(clock):
    tries = Retries()
    for _ in range(3):
        tries.failed("lamp")
        assert waited(tries, clock) == (TRIES[0], False)
        clock[0] += CALM + 0.01


def test_a_node_whose_params_changed_is_tried_soon_however_often_it_has_failed(clock):
    tries = Retries()
    for _ in range(4):
        tries.failed("lamp")
        clock[0] += 0.01
    tries.forget("lamp")
    tries.failed("lamp")
    assert waited(tries, clock) == (TRIES[0], False)


def test_a_try_that_waits_is_not_forgotten(clock):
    tries = Retries()
    tries.failed("lamp")
    tries.forget("lamp")
    assert waited(tries, clock) == (TRIES[0], False)
