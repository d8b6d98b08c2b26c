"""Reads a camera, of this machine or in the network, on a thread of its own: the newest picture, and again when it was lost."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from nodes.vision_http import FIRST, LOST, HttpCamera, VideoInstead, without_password
from nodes.vision_reader import quiet_cv2
from runtime.errors import NodeError, in_words

AGAIN = 1.0  # seconds between two tries
STUCK = (
    6.0  # seconds after which a camera that gives neither pictures nor an error is talked about: its driver does not come back
)
SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "udp", "tcp")
LOW_DELAY = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|analyzeduration;500000|probesize;500000|reorder_queue_size;0"
"""Options of ffmpeg, in OpenCV's spelling: nothing is held back to be put in order, and the look ahead at the start is short."""
OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_OPENING = threading.Lock()  # the options are an environment variable: one camera is opened at a time


class Picture(np.ndarray):
    """A picture that knows when it arrived: `stamp`, in seconds of time.perf_counter; None for one that came from no camera.
    Views, cuts and copies of it know it too."""

    stamp: float | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.stamp = getattr(source, "stamp", None)


def stamped(picture: np.ndarray, stamp: float | None) -> Picture:
    """The same pixels, read-only, with their time of arrival."""
    made = picture.view(Picture)
    made.stamp = stamp
    made.flags.writeable = False
    return made


def cameras(folder: Path = Path("/sys/class/video4linux")) -> list[str]:
    """The cameras of this machine in words, such as "/dev/video0: Integrated Camera". Only Linux can be asked without starting
    them; elsewhere the list is empty."""

    def read(path: Path) -> str:
        return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""

    # A camera's further devices (index 1 and up) give its settings, not pictures.
    found = [path for path in folder.glob("video*") if read(path / "index") in ("", "0")]
    return [
        f"/dev/{path.name}: {read(path / 'name') or 'a camera'}"
        for path in sorted(found, key=lambda path: (len(path.name), path.name))
    ]


def where(camera: str) -> int | str:
    """Which camera a text means: a number or device of this machine, or an address. Raises NodeError where it is none of them."""
    text = camera.strip()
    if re.fullmatch(r"[0-9]{0,3}", text):
        return int(text or "0")
    try:
        place = urlsplit(text)
        if text.startswith("/dev/") or (place.scheme in SCHEMES and place.hostname and place.port != 0):
            return text
    except ValueError:
        pass
    raise NodeError(
        "camera must be empty, a number, a device such as /dev/video0, or an address that begins with http:// or rtsp://, "
        f"got {without_password(text)!r}"
    )


class CaptureCamera:
    """A camera read by OpenCV: a device, or a video in the network. For one thread; a read cannot be interrupted."""

    def __init__(self, camera: int | str, width: int, height: int, rate: float) -> None:
        """Opens it. Raises NodeError in words."""
        self._cv2 = quiet_cv2()
        if isinstance(camera, str) and not camera.startswith("/"):
            self.name = without_password(camera)
            self._trouble = f"{self.name} gives no video; check the address, and that the camera is in the same network"
            self._capture = self._open_address(camera)
        else:
            self.name = (
                f"camera {camera}" if sys.platform == "darwin" else f"/dev/video{camera}" if camera in range(1000) else camera
            )
            self._trouble = f"{self.name} gives no pictures; another program may be using it, or it is no camera"
            if sys.platform == "darwin":
                self._trouble += ", or the terminal may not use cameras (System Settings, Privacy & Security, Camera)"
            self._capture = self._open_device(camera, width, height, rate)
        if not self._capture.isOpened():
            self._capture.release()
            raise NodeError(self._trouble)
        self._seen = False

    def read(self) -> tuple[float, np.ndarray]:
        """Waits for the next picture: (when it arrived in seconds of time.perf_counter, uint8 [h, w, 3] RGB). Raises NodeError
        where none comes."""
        good = self._capture.grab()
        arrived = time.perf_counter()
        raw = self._capture.retrieve()[1] if good else None
        if raw is None:
            raise NodeError(
                f"{self.name} has stopped giving pictures; is it still plugged in and switched on?"
                if self._seen
                else self._trouble
            )
        self._seen = True
        return arrived, self._cv2.cvtColor(raw, self._cv2.COLOR_BGR2RGB)

    def interrupt(self) -> None:
        """Does nothing: OpenCV knows no safe way. Its reads end by themselves after a second or so."""

    def close(self) -> None:
        """Gives the camera free; for the thread that reads."""
        self._capture.release()

    def _open_device(self, camera: int | str, width: int, height: int, rate: float) -> Any:
        cv2, path = self._cv2, Path(self.name)
        if sys.platform.startswith("linux"):
            if not path.exists():
                raise NodeError(f"there is no camera {path}; plug it in, or choose another")
            if not os.access(path, os.R_OK | os.W_OK):
                raise NodeError(
                    f"you may not use {path}; add yourself to its group (sudo usermod -aG video $USER) and log in again"
                )
            capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
        else:
            api = cv2.CAP_AVFOUNDATION if sys.platform == "darwin" else cv2.CAP_ANY
            capture = cv2.VideoCapture(camera, api)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if width * height > 640 * 480:
            # Uncompressed, USB carries large pictures only a few times a second.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
        for key, value in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height), (cv2.CAP_PROP_FPS, rate)):
            if value:
                capture.set(key, value)
        return capture

    def _open_address(self, camera: str) -> Any:
        cv2 = self._cv2
        limits = {cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: 1000 * FIRST, cv2.CAP_PROP_READ_TIMEOUT_MSEC: 1000 * LOST}
        limits[cv2.CAP_PROP_N_THREADS] = 1  # each further thread of the decoder would hold one picture back
        with _OPENING:
            before = os.environ.get(OPTIONS)
            os.environ.setdefault(OPTIONS, LOW_DELAY)
            try:
                return cv2.VideoCapture(camera, cv2.CAP_FFMPEG, [int(part) for pair in limits.items() for part in pair])
            finally:
                if before is None:
                    del os.environ[OPTIONS]


def open_camera(camera: int | str, width: int, height: int, rate: float) -> HttpCamera | CaptureCamera:
    """Opens a camera as `where` names it. `width`, `height` and `rate` (0: as it likes) are wishes to a camera of this machine.
    Raises NodeError in words."""
    if isinstance(camera, str) and camera.startswith("http"):
        try:
            return HttpCamera(camera)
        except VideoInstead:
            pass  # OpenCV can decode it
    return CaptureCamera(camera, width, height, rate)


class CameraReader:
    """Keeps the newest picture of a camera. While the camera is not there, busy or lost, it is tried again every second.

    `newest` may be called by one thread, `close` by any. `arrived` is called on the reader's thread for each picture."""

    def __init__(self, camera: str, width: int, height: int, rate: float, arrived: Callable[[], None]) -> None:
        """Begins to read; waits for nothing. Raises NodeError where `camera` names no camera."""
        self._camera = where(camera)
        self._wishes = (width, height, rate)
        self._arrived = arrived
        quiet_cv2()  # imported here: two threads importing at once would wait for each other
        # The newest picture and what is wrong, replaced together by the reader's thread: whoever looks sees both of one moment.
        self._state: tuple[Picture | None, str | None] = (None, None)
        self._since = time.perf_counter()
        self._source: HttpCamera | CaptureCamera | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="glasspatch camera", daemon=True)
        self._thread.start()

    def newest(self) -> tuple[Picture | None, str | None]:
        """(the newest picture, read-only uint8 [h, w, 3] RGB with its `stamp`, or None where it is older than a second; what is
        wrong in words, or None). The same object comes again until the next picture."""
        picture, trouble = self._state
        silent = time.perf_counter() - (self._since if picture is None else picture.stamp)
        if trouble is None and silent > STUCK:
            trouble = f"{without_password(str(self._camera))} gives no picture; it is waited for"
        return (picture if silent <= LOST else None), trouble

    def close(self) -> None:
        """Stops within two seconds; a read that does not come back is left to itself. May be called again."""
        self._stop.set()
        source = self._source
        if source:
            source.interrupt()
        self._thread.join(timeout=1.8)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._source = open_camera(self._camera, *self._wishes)
                self._read(self._source)
            except Exception as error:  # whatever it is: the camera may be there again in a second
                self._state = (self._state[0], f"{in_words(error)} (it is tried again every second)")
            finally:
                if self._source:
                    self._source.close()
                self._source = None
            self._stop.wait(AGAIN)

    def _read(self, source: HttpCamera | CaptureCamera) -> None:
        while not self._stop.is_set():
            stamp, picture = source.read()
            self._state = (stamped(picture, stamp), None)
            self._arrived()
