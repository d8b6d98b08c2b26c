import numpy as np
import pytest

from tests.stage import BEGIN, COUNTER, FADE, RAMP, STEADY, WRAP, Judge, judged

NOTHING_WRONG = {"lost": 0, "repeated": 0, "silent": 0, "faded": 0, "wrong": 0}


def counter(frames, begin=BEGIN):
    return ((BEGIN + (begin - BEGIN + np.arange(frames)) % WRAP) / COUNTER).astype(np.float32)


def starved(sound, at, silence):
    """The sound with a gap before frame `at`, as the device makes it: it goes on mirrored in its last frame and fades, is silent,
    and fades in."""
    fall = (0.5 + 0.5 * np.cos(np.pi * np.arange(1, FADE + 1) / FADE)).astype(np.float32)
    tail = (2.0 * sound[at - 1] - sound[at - 2 : at - 2 - FADE : -1]) * fall
    after = sound[at:].copy()
    after[:FADE] *= 1.0 - fall
    return np.concatenate([sound[:at], tail, np.zeros(silence, np.float32), after])


def faults(sound):
    return {what: count for what, count in judged(sound).items() if what != "frames"}


def test_a_whole_counter_has_nothing_wrong_even_where_it_begins_again():
    assert judged(counter(WRAP + 20_000)) == {"frames": WRAP + 20_000 - RAMP, **NOTHING_WRONG}


@pytest.mark.parametrize(
    ("damaged", "found"),
    [
        (lambda whole: np.delete(whole, slice(9000, 9010)), {"lost": 10}),
        (lambda whole: np.insert(whole, 9000, whole[8999]), {"repeated": 1}),
        (lambda whole: np.insert(whole, 9000, whole[8488:9000]), {"repeated": 512}),
        (lambda whole: np.insert(whole, 9000, np.zeros(7, np.float32)), {"silent": 7}),
        (lambda whole: np.where(np.arange(len(whole)) // 7 == 1300, 0.0, whole), {"silent": 7, "lost": 7}),
        (lambda whole: np.where(np.arange(len(whole)) == 9000, whole * np.float32(0.90001), whole), {"wrong": 1}),
        (lambda whole: np.insert(whole, 9000, np.float32(0.3)), {"wrong": 1}),
    ],
)
def test_what_is_wrong_is_found_and_nothing_else(damaged, found):
    assert faults(damaged(counter(20_000)).astype(np.float32)) == NOTHING_WRONG | found


@pytest.mark.parametrize("begin", [BEGIN, BEGIN + 777_777, BEGIN + WRAP - 15_000])
@pytest.mark.parametrize("silence", [0, 1000])
def test_a_starved_device_has_faded_and_been_silent_and_lost_nothing(begin, silence):
    found = faults(starved(counter(20_000, begin), 9000, silence))
    # Both fades touch 0 or 1 in one frame each: that one is silent, this one counts.
    assert found == NOTHING_WRONG | {"silent": silence + 1, "faded": 2 * (FADE - 1)}


def test_frames_lost_or_said_again_behind_a_fade_are_found():
    whole = counter(20_000, BEGIN + 500_000)
    assert faults(starved(np.delete(whole, slice(9000, 9100)), 9000, 50))["lost"] == 100
    assert faults(starved(np.insert(whole, 9000, whole[8900:9000]), 9000, 50))["repeated"] == 100


def test_a_sound_that_breaks_off_without_a_fade_or_fades_too_slowly_is_not_called_faded():
    whole = counter(20_000)
    slow = np.interp(np.arange(20_000), [9000, 9000 + 2 * FADE, 9000 + 2 * FADE + 1], [1.0, 0.0, 1.0]).astype(np.float32)
    assert faults(whole * slow)["faded"] == 0 and faults(whole * slow)["wrong"] > FADE
    trembling = starved(whole, 9000, 50)
    trembling[9010] *= np.float32(1.01)
    assert faults(trembling)["faded"] == FADE - 1 and faults(trembling)["wrong"] == FADE - 1


def test_a_piece_at_a_time_is_judged_as_the_whole():
    sound = starved(np.delete(counter(60_000, BEGIN + WRAP - 30_000), slice(20_000, 20_005)), 40_000, 3000)
    sound = np.concatenate([np.zeros(5000, np.float32), sound, np.zeros(5000, np.float32)])
    cuts = [*np.random.default_rng(0).integers(0, len(sound), 200), 45_100, 45_101, 45_102]  # some inside a fade
    judge = Judge()
    for piece in np.split(sound, sorted(cuts)):
        judge.hear(piece)
    assert judge.found == judged(sound)
    assert judge.found["lost"] == 5 and judge.found["faded"] == 2 * (FADE - 1)


def test_a_fade_whose_frames_are_whole_by_chance_is_still_a_fade():
    sound = starved(counter(20_000, BEGIN + WRAP - 20_000), 9000, 100)
    numbers = sound[9000 : 9000 + FADE].astype(np.float64) * COUNTER
    assert (np.abs(numbers - np.round(numbers)) < 1e-3).sum() > STEADY
    assert faults(sound)["faded"] == 2 * (FADE - 1)
