"""Reads a video file ahead on a thread of its own; the part of `nodes.vision` that touches files."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import NodeError, in_words

AHEAD = 12  # pictures decoded ahead: .4 s at 30 a second, 11 MB at 640x480
PATIENCE = 30.0  # seconds after which a reader that gives nothing counts as broken


def quiet_cv2() -> Any:
    """OpenCV, told to keep to itself what its libraries say about broken files and lost cameras: our words are in the errors."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")  # seconds that a camera's driver may give nothing; else 10
    # macOS asks the user by itself at the first picture; OpenCV would ask before, which it can do in the main thread only.
    os.environ.setdefault("OPENCV_AVFOUNDATION_SKIP_AUTH", "1")
    import cv2

    return cv2


def open_video(path: Path | None) -> tuple[Any, float, np.ndarray]:
    """Opens a video: (cv2.VideoCapture behind its first picture, pictures per second, the first picture [h, w, 3] RGB).

    Raises NodeError, in words, where there is no such file, or nothing in it that can be shown."""
    cv2 = quiet_cv2()
    if path is None:
        raise NodeError("no video file is chosen; choose one beside the patch")
    if not path.is_file():
        raise NodeError(f"{path.name} was not found; put the video there or choose another")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise NodeError(f"{path.name} is not a video that can be read, or it is cut short; choose another, such as an .mp4")
    picture = read_picture(capture)
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    if picture is None or not 0.0 < rate <= 1000.0:
        capture.release()
        what = (
            "holds no picture that can be shown" if picture is None else f"states an impossible rate of {rate} pictures a second"
        )
        raise NodeError(f"{path.name} {what}; choose another video")
    return capture, rate, picture


def read_picture(capture: Any) -> np.ndarray | None:
    """The next picture, read-only uint8 [h, w, 3] RGB, or None where it cannot be decoded."""
    import cv2

    good, raw = capture.read()
    if not good or raw is None:
        return None
    picture = cv2.cvtColor(raw, cv2.COLOR_BGR2RGB)
    picture.flags.writeable = False
    return picture


class VideoReader:
    """Decodes a video ahead on a thread of its own, so that nobody else ever waits for a disk.

    `at` may be called by one thread, `close` by any. Neither side takes a lock: a deque's ends are safe by themselves."""

    def __init__(self, path: Path | None, loop: bool) -> None:
        """Raises NodeError as `open_video` does."""
        import cv2

        self._path, self._loop = path, loop
        self._capture, self.rate, self._picture = open_video(path)
        # The header's count keeps the clock right where a picture in the middle is broken. It may be missing or too small.
        self._count = min(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 10_000_000)
        self._ahead: deque[np.ndarray | None] = deque()
        self._reached = 0  # the number of self._picture
        self._stop = threading.Event()
        self._ended = False
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._read, name="glasspatch video", daemon=True)
        self._thread.start()

    def at(self, number: int, wait: bool) -> np.ndarray:
        """Picture `number`, counted on through the loops. The same object comes again until the picture changes. Without
        `wait`: the newest of those due that is ready. After the end, or where a picture is broken: the last one."""
        limit = time.monotonic() + PATIENCE
        while True:
            ended = self._ended  # asked first, so that nothing decoded just before the end is missed
            while self._reached < number and self._ahead:
                picture = self._ahead.popleft()
                self._picture = self._picture if picture is None else picture
                self._reached += 1
            if self._reached >= number or ended or not wait:
                return self._picture
            if time.monotonic() > limit:
                raise NodeError(f"the video has given no picture for {PATIENCE:.0f} s; is its disk still there?")
            time.sleep(0.001)

    def close(self) -> None:
        """Stops the thread. May be called again."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _read(self) -> None:
        position = 1  # picture 0 was read when opening
        try:
            while not self._stop.is_set():
                if len(self._ahead) >= AHEAD:
                    self._stop.wait(0.004)
                    continue
                picture = read_picture(self._capture)
                if picture is None and position >= self._count:
                    if not self._loop:
                        return
                    # Opening anew is sure in every format; winding back is not.
                    self._capture.release()
                    self._capture, _, picture = open_video(self._path)
                    position = 0
                self._ahead.append(picture)
                position += 1
        except Exception as error:  # the file has gone while it was looped, or cannot be decoded: the last picture stays
            self.failure = in_words(error)
        finally:
            self._capture.release()
            self._ended = True
