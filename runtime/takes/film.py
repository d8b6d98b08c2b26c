"""Writes what a camera shows into a video file on a thread of its own: Motion JPEG in Matroska, readable wherever it is cut.

OpenCV's own writer neither says that a disk is full nor knows at what time a picture was taken.
"""

from __future__ import annotations

import os
import queue
import shutil
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from runtime.errors import in_words
from runtime.takes.sound import write_all

WAITING = 8
"""Pictures that may wait for the thread: a quarter of a second."""
QUALITY = 90
ROOM = 2**28
"""Bytes of the disk that are left to the sound: some twenty minutes of it."""
PATIENCE = 2.0
"""Seconds that the last pictures may take."""
SEGMENT = bytes.fromhex("18538067 01FFFFFFFFFFFFFF")
"""The element that holds all others, of a length that is not known beforehand (RFC 9559)."""


class Matroska:
    """A file of pictures that grows by whole ones; times in milliseconds. Each is a cluster of its own."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        """Raises OSError, also where the file is there already."""
        head = element("1A45DFA3", element("4282", b"matroska") + number("4287", 4) + number("4285", 2)) + SEGMENT
        made = element("4D80", b"glasspatch") + element("5741", b"glasspatch")
        info = number("2AD7B1", 1_000_000) + made + element("4489", bytes(8))
        size = element("E0", number("B0", width) + number("BA", height))
        track = number("D7", 1) + number("73C5", 1) + number("83", 1) + number("9C", 0) + element("86", b"V_MJPEG") + size
        head += element("1549A966", info)
        self._duration = len(head) - 8
        head += element("1654AE6B", element("AE", track))
        self.shape = (height, width)
        self._time, self._size = -1, len(head)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        write_all(self._handle, head)

    def add(self, jpeg: bytes, time: int) -> None:
        """Raises OSError; then the file ends with the picture before."""
        self._time = max(time, self._time + 1)
        cluster = element("1F43B675", number("E7", self._time) + element("A3", b"\x81\x00\x00\x80" + jpeg))
        try:
            write_all(self._handle, cluster)
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(cluster)
        os.pwrite(self._handle, struct.pack(">d", self._time), self._duration)

    def close(self) -> None:
        """Raises OSError."""
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)


def element(name: str, content: bytes) -> bytes:
    """An element of EBML (RFC 8794), with a length of eight bytes."""
    return bytes.fromhex(name) + (1 << 56 | len(content)).to_bytes(8) + content


def number(name: str, value: int) -> bytes:
    return element(name, value.to_bytes(8))


class Film:
    """The video of one camera. `put` never waits: what the thread cannot keep up with is left out, and counted."""

    def __init__(
        self,
        folder: Path,
        name: str,
        began: float,
        written: Callable[[str, float, int], None],
        tell: Callable[[str], None],
    ) -> None:
        """The first free of `name`.mkv, `name`-2.mkv ... in `folder`, begun with the first picture, and anew where their size
        changes. `began`: time 0, at which its first picture stands, in seconds of time.perf_counter. The film's thread calls
        `written(file, stamp, left out so far)` after each picture, and `tell(words)` where the video had to end."""
        self._folder, self._name, self._began = folder, name, began
        self._written, self._tell = written, tell
        self._waiting: queue.Queue[tuple[np.ndarray, float] | None] = queue.Queue(WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._work, name=f"glasspatch film {name}", daemon=True)
        self._thread.start()

    def put(self, picture: np.ndarray, stamp: float) -> None:
        """A picture, uint8 [h, w, 3] RGB, that nobody changes any more, and when it arrived. For one thread."""
        try:
            self._waiting.put_nowait((picture, stamp))
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Ends the video after the pictures that wait."""
        with suppress(queue.Full):  # a thread that has ended, or a disk that does not answer
            self._waiting.put(None, timeout=PATIENCE if self._thread.is_alive() else 0.0)
            self._thread.join(PATIENCE)

    def _work(self) -> None:
        file: Matroska | None = None
        try:
            while (found := self._waiting.get()) is not None:
                picture, stamp = found
                if shutil.disk_usage(self._folder).free < ROOM:
                    raise OSError(f"the last {ROOM // 10**6} MB of the disk are for the sound")
                if file is None or file.shape != picture.shape[:2]:
                    if file is not None:
                        file.close()
                    path = self._free()
                    file = Matroska(path, picture.shape[1], picture.shape[0])
                    if stamp > self._began:  # programs that join sound and video cut off what is empty at the beginning
                        file.add(jpeg_of(picture), 0)
                file.add(jpeg_of(picture), round(1000 * (stamp - self._began)))
                self._written(path.name, stamp, self._left_out)
        except Exception as error:  # the sound and the take must go on, whatever it is
            self._tell(f"the video of {self._name} has ended: {in_words(error)}; what was recorded until then can be seen")
        finally:
            if file is not None:
                with suppress(OSError):
                    file.close()

    def _free(self) -> Path:
        path, count = self._folder / f"{self._name}.mkv", 1
        while path.exists():
            count += 1
            path = self._folder / f"{self._name}-{count}.mkv"
        return path


def jpeg_of(picture: np.ndarray) -> bytes:
    """Raises ValueError."""
    import cv2

    good, data = cv2.imencode(".jpg", cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not good:
        raise ValueError("a picture could not be encoded")
    return bytes(data)
