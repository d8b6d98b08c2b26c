"""Reads a camera that sends JPEG pictures over HTTP without end, as phones do: the newest picture, without any buffering."""

from __future__ import annotations

import base64
import re
import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import numpy as np

from nodes.vision_reader import quiet_cv2
from runtime.errors import NodeError

REACH = 1.5  # seconds in which the camera must answer
FIRST = 3.0  # seconds in which the first picture must come: some cameras start their sensor only when asked
LOST = 1.0  # seconds without a picture after which a camera counts as lost
LARGEST = 32_000_000  # bytes of one picture; what is longer is no picture
DRAIN = 0.05  # seconds for which pictures that have come already are passed over at most, before one is shown
BUSY = (409, 423, 429, 503)  # how cameras answer that have no room for one more who looks
START, SCAN, END = b"\xff\xd8\xff", 0xDA, b"\xff\xd9"


class JpegSplitter:
    """Cuts whole JPEG pictures out of a stream of bytes by their own marks. What stands between them is passed over: boundaries
    and lengths are missing or wrong in too many cameras, and by a boundary alone a picture is whole only when the next begins."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._scan = 0  # from where the end is looked for; 0 until the segments before the picture's data are all there

    def feed(self, data: bytes) -> bytes | None:
        """The newest picture that has become whole, if there is one. Raises ValueError where a picture never ends."""
        held, newest = self._held, None
        held += data
        while self._scan or self._begins():
            end = held.find(END, self._scan)
            if end < 0:
                self._scan = max(self._scan, len(held) - 1)
                break
            newest = bytes(held[: end + 2])
            del held[: end + 2]
            self._scan = 0
        if len(held) > LARGEST:
            raise ValueError("a picture that never ends")
        return newest

    def _begins(self) -> bool:
        # The segments before the data are stepped over by their lengths: one of them may hold a small picture of its own.
        held = self._held
        start = held.find(START)
        del held[: start if start >= 0 else max(len(held) - 2, 0)]
        at = 2
        while start >= 0 and at + 4 <= len(held):
            if held[at] != 0xFF or held[at + 1] == SCAN:
                self._scan = at
                return True
            at += 2 + int.from_bytes(held[at + 2 : at + 4], "big")
        return False


class Unchunker:
    """Takes the lengths out of a body that is sent in chunks (RFC 9112, section 7.1). http.client does that too, but may wait for
    the next chunk, which is the next picture, before it gives the end of this one."""

    def __init__(self) -> None:
        self._line = b""
        self._left = 0  # bytes of the chunk that are still to come

    def feed(self, data: bytes) -> bytes:
        """What of the body is in these bytes. Raises ValueError where they are no chunks."""
        body, at = b"", 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                self._left -= len(part)
                body += part
                at += len(part)
                continue
            line, end, _ = data[at:].partition(b"\n")
            at += len(line) + len(end)
            self._line += line
            if end:
                self._left = int(self._line.split(b";")[0].strip() or b"0", 16)  # an empty line ends each chunk
                self._line = b""
        return body


def without_password(address: str) -> str:
    """An address as it may be shown."""
    return re.sub(r"//[^/@]*@", "//", address)


class VideoInstead(Exception):
    """What comes is a video, no JPEGs: somebody else can decode it."""


class HttpCamera:
    """A connection to such a camera. One thread opens it and reads; any thread may call `interrupt`."""

    def __init__(self, address: str) -> None:
        """Connects. Raises NodeError in words, or VideoInstead."""
        self.name = without_password(address)
        self._stopped = threading.Event()
        self._decode = quiet_cv2()
        self._response, self._socket = self._connect(address)
        self._splitter = JpegSplitter()
        self._unchunk = Unchunker().feed if self._response.chunked else bytes
        self._limit = FIRST

    def read(self) -> tuple[float, np.ndarray]:
        """Waits for the next picture, passing over those that a newer one has overtaken: (when its last byte arrived in seconds
        of time.perf_counter, uint8 [h, w, 3] RGB). Raises NodeError where none comes in time."""
        began = time.perf_counter()
        while True:
            found = self._receive(began)
            arrived = time.perf_counter()
            while found and time.perf_counter() - arrived < DRAIN and self._waiting():
                found = self._receive(began) or found
            if not found:
                continue
            arrived = time.perf_counter()
            cv2 = self._decode
            picture = cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_COLOR_RGB)
            if picture is not None:  # else a damaged one: the next will be whole
                self._limit = LOST
                return arrived, picture

    def interrupt(self) -> None:
        """Lets `read` end at once, with a NodeError."""
        self._stopped.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection; for the thread that reads."""
        self._response.close()

    def _waiting(self) -> bool:
        return bool(select.select([self._socket], [], [], 0.0)[0])

    def _receive(self, began: float) -> bytes | None:
        left = began + self._limit - time.perf_counter()
        silent = NodeError(f"{self.name} has given no picture for {self._limit:.0f} s")
        if left <= 0.0 or self._stopped.is_set():
            raise silent
        try:
            self._socket.settimeout(left)
            data = self._response.fp.read1(1 << 18)
            if data:
                return self._splitter.feed(self._unchunk(data))
        except TimeoutError:
            raise silent from None
        except (OSError, HTTPException, ValueError):
            pass
        raise NodeError(f"{self.name} has ended its stream of pictures")

    def _connect(self, address: str) -> tuple[HTTPResponse, Any]:
        for _ in range(5):
            place = urlsplit(address)
            try:
                response, plug = self._ask(place)
            except ssl.SSLError:
                raise NodeError(f"{self.name} has no certificate that can be checked; try its address with http://") from None
            except (socket.gaierror, UnicodeError):  # a name nobody has, or nobody can have
                raise NodeError(f"{self.name} is not known in this network; check the address") from None
            except ConnectionRefusedError:
                raise NodeError(f"{self.name} does not answer; start the camera there, and check the address") from None
            except HTTPException:
                raise NodeError(f"{self.name} does not speak HTTP; check the address") from None
            except OSError:
                raise NodeError(f"{self.name} cannot be reached; is it awake, and in the same network?") from None
            moved = response.getheader("Location")
            if response.status in (301, 302, 303, 307, 308) and moved:
                response.close()
                address = urljoin(address, moved)
                continue
            try:
                self._check(response)
            except Exception:
                response.close()
                raise
            return response, plug
        raise NodeError(f"{self.name} sends us around in circles; check the address")

    def _ask(self, place: SplitResult) -> tuple[HTTPResponse, Any]:
        # Not urllib's opener: it would go through the proxy of the house, and a phone stands in the room.
        kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=REACH)
        headers = {"Accept": "multipart/x-mixed-replace, image/jpeg, */*"}
        if place.username is not None:
            words = f"{unquote(place.username)}:{unquote(place.password or '')}"
            headers["Authorization"] = "Basic " + base64.b64encode(words.encode()).decode()
        target = quote((place.path or "/") + (f"?{place.query}" if place.query else ""), safe="/?%:=&~+!$,;'@()*[]-._")
        try:
            connection.request("GET", target, headers=headers)
            plug = connection.sock
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection.getresponse(), plug
        except BaseException:
            connection.close()
            raise

    def _check(self, response: HTTPResponse) -> None:
        kind = response.headers.get_content_type()
        if response.status in (401, 403):
            raise NodeError(f"{self.name} asks for a name and a password; write the address as http://name:password@...")
        if response.status in BUSY:
            raise NodeError(f"{self.name} is busy; it may show its pictures to another program, which must end first")
        if response.status != 200:
            raise NodeError(
                f"{self.name} answers {response.status} {response.reason}; check what follows the first / of the address"
            )
        if kind == "text/html":
            raise NodeError(
                f"{self.name} shows a web page, no video; look there for the address of the video itself (/video, /stream)"
            )
        if kind == "image/jpeg":
            raise NodeError(f"{self.name} gives a single picture; look for the address of its video (/video, /stream)")
        if not kind.startswith("multipart/"):
            raise VideoInstead(kind)
