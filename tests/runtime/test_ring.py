from __future__ import annotations

import threading

import numpy as np

from runtime.ring import Ring


def numbers(start: int, count: int) -> np.ndarray:
    return np.stack([np.arange(start, start + count), -np.arange(start, start + count)]).astype(np.float32)


def test_what_is_put_comes_out_in_order_across_the_end_of_the_memory():
    ring, got = Ring(2, 10), []
    for start in range(0, 70, 7):
        ring.put(numbers(start, 7))
        part = np.empty((2, 7), np.float32)
        ring.take(part)
        got.append(part)
    np.testing.assert_array_equal(np.concatenate(got, axis=1), numbers(0, 70))


def test_a_ring_tells_what_is_ready_and_what_is_free():
    ring = Ring(2, 10)
    ring.put(numbers(0, 6))
    assert (ring.ready, ring.free) == (6, 4)
    part = np.empty((2, 4), np.float32)
    ring.take(part)
    np.testing.assert_array_equal(part, numbers(0, 4))
    assert (ring.ready, ring.free) == (2, 8)


def test_one_thread_puts_while_another_takes_and_nothing_is_lost():
    ring, total, stopped = Ring(2, 64), 20_000, threading.Event()

    def put() -> None:
        at = 0
        while at < total and not stopped.is_set():
            count = min(ring.free, 13, total - at)
            ring.put(numbers(at, count))
            at += count

    thread = threading.Thread(target=put)
    thread.start()
    at = 0
    try:
        while at < total:
            part = np.empty((2, min(ring.ready, 17)), np.float32)
            ring.take(part)
            np.testing.assert_array_equal(part, numbers(at, part.shape[1]))
            at += part.shape[1]
    finally:
        stopped.set()
        thread.join()
