"""A camera that is none: a process of its own that sends the test face, or numbered pictures, as MJPEG over HTTP, and obeys.

`python -m tests.camera` starts one by hand; then type `flip`, `show nobody`, `stall`, `go` or `sent`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from tests import media

ROOT = Path(__file__).parents[1]
NUMBERS = 256  # then the numbers begin again
BOUNDARY = "next"


class SyntheticCamera:
    """The camera as a test holds it: a context that starts the process and ends it. `kind` is face (it shows shut, open or
    nobody: a mouth shut or wide open, or nobody there) or numbers. All times are seconds of time.perf_counter, which the
    processes of a machine share on Linux and macOS."""

    def __init__(self, kind: str = "face", size: tuple[int, int] = (640, 480), rate: float = 30.0) -> None:
        self.kind, self.size, self.rate = kind, size, rate
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> SyntheticCamera:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    def start(self) -> None:
        """Starts it, after a `kill` on the same port as before, and waits until it answers."""
        command = [sys.executable, "-m", "tests.camera", "--kind", self.kind, "--port", str(self.port), "--rate", str(self.rate)]
        command += ["--size", "x".join(map(str, self.size))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.port = self._answer()["port"]

    def kill(self) -> None:
        """Ends it without a farewell, as a phone does whose battery is empty."""
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
            self._process = None

    def show(self, what: str, at: float | None = None) -> float:
        """Shows something else, now or from the first picture after `at` on: when the first such picture was sent. Needs
        somebody who looks."""
        return float(self._ask(f"show {what} {at or 0.0!r}")["sent"])

    def flip(self, at: float | None = None) -> float:
        """From a shut mouth to an open one and back: when the first such picture was sent."""
        return float(self._ask(f"flip {at or 0.0!r}")["sent"])

    def stall(self) -> float:
        """Stops sending in the middle of a picture: since when."""
        return float(self._ask("stall")["sent"])

    def go(self) -> None:
        """Goes on after a `stall`."""
        self._ask("go")

    def sent(self) -> list[float]:
        """When each picture was sent first, by its number; 0 for one that was left out."""
        return list(self._ask("sent")["sent"])

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process and self._process.stdin, "the camera is not running"
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process and self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the camera has ended"
        answer = json.loads(line)
        assert "wrong" not in answer, answer["wrong"]
        return dict(answer)


def number_of(picture: np.ndarray) -> int:
    """The number that a picture of the kind numbers shows: eight blocks, black or white, the lowest bit at the top left."""
    height, width = picture.shape[:2]
    cells = [
        picture[round((row + 0.5) * height / 2), round((column + 0.5) * width / 4)].mean()
        for row in range(2)
        for column in range(4)
    ]
    return sum(1 << bit for bit, value in enumerate(cells) if value > 128)


def age_of(picture: np.ndarray, sent: list[float], at: float) -> tuple[int, float]:
    """How old a numbered picture is at a time: in pictures that were sent since, and in seconds since it was sent itself."""
    latest = max(number for number, when in enumerate(sent) if 0.0 < when <= at)
    behind = (latest - number_of(picture)) % NUMBERS
    return behind, at - sent[latest - behind]


# What runs in the camera's own process


def numbered(number: int, size: tuple[int, int]) -> np.ndarray:
    bits = np.array([number >> bit & 1 for bit in range(8)], np.uint8).reshape(2, 4)
    width, height = size
    grey = 30 + 195 * np.kron(bits, np.ones((height // 2, width // 4), np.uint8))
    return np.repeat(grey[:, :, None], 3, axis=2)


def encoded(kind: str, size: tuple[int, int]) -> dict[str, list[bytes]]:
    """All that the camera can show, as JPEGs, so that sending costs next to nothing: a list of pictures that are repeated."""
    import cv2

    if kind == "numbers":
        shown = {"numbers": [numbered(number, size) for number in range(NUMBERS)]}
    else:
        sway = 0.002 * np.sin(2 * np.pi * np.arange(10) / 10)  # nobody keeps quite still
        shown = {
            name: [media.face_picture({"mouth": mouth, "x": float(x)}, size) for x in sway]
            for name, mouth in (("shut", 0.0), ("open", 1.0))
        }
        # The face is gone, the light is the same.
        shown["nobody"] = [cv2.GaussianBlur(picture, (0, 0), size[1] / 8) for picture in shown["shut"]]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80]
    return {
        name: [cv2.imencode(".jpg", picture[:, :, ::-1], quality)[1].tobytes() for picture in pictures]
        for name, pictures in shown.items()
    }


def padded(jpeg: bytes, length: int = 100_000) -> bytes:
    """The same picture, made as long as a phone's by comments that nobody reads: numbers alone would all fit into one packet."""
    lack = max(length - len(jpeg), 0)
    comments = [min(lack - at, 60_000) for at in range(0, lack, 60_000)]
    return jpeg[:2] + b"".join(b"\xff\xfe" + (size + 2).to_bytes(2, "big") + bytes(size) for size in comments) + jpeg[2:]


class Film:
    """What is shown, and when it was sent. The handlers of all clients share it."""

    def __init__(self, kind: str, size: tuple[int, int], rate: float) -> None:
        self.pictures = {name: [padded(jpeg) for jpeg in jpegs] for name, jpegs in encoded(kind, size).items()}
        self.rate = rate
        self.shown = next(iter(self.pictures))
        self.began = time.perf_counter()
        self.sent: list[float] = []
        self.changed = threading.Condition()
        self.running = True
        self._coming: tuple[float, str] | None = None
        self._seen: tuple[str, float] = ("", 0.0)

    def due(self, number: int) -> float:
        return self.began + number / self.rate

    def take(self, number: int) -> bytes:
        """The picture of that number, which is now being sent."""
        now = time.perf_counter()
        with self.changed:
            if self._coming and now >= self._coming[0]:
                self.shown, self._coming = self._coming[1], None
                self._seen = (self.shown, now)
            self.sent += [0.0] * (number + 1 - len(self.sent))
            self.sent[number] = self.sent[number] or now
            self.changed.notify_all()
            pictures = self.pictures[self.shown]
        return pictures[number % len(pictures)]

    def show(self, what: str, at: float) -> float:
        """Waits until it is shown to somebody."""
        if what not in self.pictures:
            raise ValueError(f"this camera shows {', '.join(self.pictures)}, not {what!r}")
        with self.changed:
            self._coming, self._seen = (at, what), ("", 0.0)
            if not self.changed.wait_for(lambda: self._seen[0] == what, timeout=max(at - time.perf_counter(), 0.0) + 10.0):
                raise ValueError("nobody looks at this camera")
            return self._seen[1]

    def stall(self, stalled: bool) -> float:
        with self.changed:
            self.running = not stalled
            self.changed.notify_all()
        return time.perf_counter()

    def obey(self, command: str) -> Any:
        word, *rest = command.split()
        if word == "show":
            return self.show(rest[0], float(rest[1]) if rest[1:] else 0.0)
        if word == "flip":
            return self.show("shut" if self.shown == "open" else "open", float(rest[0]) if rest else 0.0)
        if word in ("stall", "go"):
            return self.stall(word == "stall")
        if word == "sent":
            return self.sent
        raise ValueError(f"no such command: {command!r}")


def handler(film: Film) -> type[BaseHTTPRequestHandler]:
    """Answers in the ways in which cameras differ: /video, /bare (no lengths), /chunked, and what is no video at all."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/moved":
                self._head(302, "text/plain", Location="/video")
            elif path == "/page":
                self._head(200, "text/html")
            elif path == "/still":
                self._head(200, "image/jpeg")
            elif path == "/locked" and self.headers.get("Authorization") != "Basic bWU6c2VjcmV0":  # me:secret
                self._head(401, "text/plain")
            elif path in ("/video", "/bare", "/chunked", "/locked"):
                more = {"Transfer-Encoding": "chunked"} if path == "/chunked" else {}
                self._head(200, f"multipart/x-mixed-replace; boundary={BOUNDARY}", **more)
                with suppress(OSError):  # who looked has gone
                    self._film(path)
            else:
                self._head(404, "text/plain")

        def _head(self, status: int, kind: str, **more: str) -> None:
            self.close_connection = True
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Connection": "close", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def _film(self, path: str) -> None:
            number = int((time.perf_counter() - film.began) * film.rate) + 1
            while True:
                time.sleep(max(film.due(number) - time.perf_counter(), 0.0))
                picture = film.take(number)
                length = "" if path == "/bare" else f"Content-Length: {len(picture)}\r\n"
                part = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + picture + b"\r\n"
                if path == "/chunked":
                    part = f"{len(part):x}\r\n".encode() + part + b"\r\n"
                if not film.running:
                    self.wfile.write(part[: len(part) // 2])
                    part = part[len(part) // 2 :]
                    with film.changed:
                        film.changed.wait_for(lambda: film.running)
                self.wfile.write(part)
                number = max(number + 1, int((time.perf_counter() - film.began) * film.rate))

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler


def main() -> None:
    """Serves until its input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("face", "numbers"), default="face")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=30.0, help="pictures a second")
    parser.add_argument("--size", default="640x480", help="widthxheight")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    film = Film(given.kind, (width, height), given.rate)
    server = ThreadingHTTPServer(("127.0.0.1", given.port), handler(film))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    print(json.dumps({"port": port, "address": f"http://127.0.0.1:{port}/video"}), flush=True)
    for line in sys.stdin:
        if line.strip():
            try:
                answer = {"sent": film.obey(line)}
            except (ValueError, IndexError) as error:
                answer = {"wrong": str(error)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
