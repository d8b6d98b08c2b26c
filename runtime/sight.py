"""What the senses' cameras and trackers see beyond their values: marks over pictures, and the pictures of a take with video."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.messages import Told
from runtime.node import StreamNode
from runtime.spec import PortType
from runtime.takes.film import Film


class Sight:
    """Belongs to the senses' loop, whose thread calls everything. It sends ("marks", node, marks or None, size of the picture, or
    None where they were only asked for), and from a thread of each video's own ("filmed", file, stamp, pictures left out)."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._folder: Path | None = None
        self._began, self._video = 0.0, False
        self._sent: dict[str, Any] = {}
        self._films: dict[str, Film] = {}
        self._filmed: dict[str, Any] = {}

    def ask(self, engine: Any, node: str) -> None:
        """Sends the newest marks of a node; while a take is recorded they are sent anyway."""
        if self._folder is None:
            self._send("marks", node, getattr(engine.instance(node), "marks", None), None)

    def record(self, folder: str, began: float, video: bool) -> None:
        """From now on all marks are sent as they change, and with `video` what cameras show is written into that folder. `began`:
        when the take did, in seconds of time.perf_counter."""
        self._folder, self._began, self._video = Path(folder), began, video
        self._sent.clear()

    def end(self) -> threading.Thread:
        """Ends that; the thread given ends when the videos are whole, and ("recorded",) has been sent."""
        films, self._films, self._folder, self._filmed = list(self._films.values()), {}, None, {}

        def finish() -> None:
            for film in films:
                film.close()
            self._send("recorded")

        thread = threading.Thread(target=finish, name="glasspatch films")
        thread.start()
        return thread

    def look(self, engine: Any) -> None:
        """Called after each block of the senses' engine."""
        if self._folder is None:
            return
        for name, node in engine.instances().items():
            marks = node.marks
            if marks is not self._sent.get(name):
                self._sent[name] = marks
                self._send("marks", name, marks, self._size(engine, name, node))
            # A camera without a time of its picture shows nothing.
            if self._video and node.spec.outside and node.stamp is not None:
                self._film(engine, self._folder, name, node)

    def _film(self, engine: Any, folder: Path, name: str, node: Any) -> None:
        for port in node.spec.outputs:
            picture = engine.value(name, port.name) if port.type is PortType.IMAGE else None
            if picture is None or picture is self._filmed.get(name):
                continue
            self._filmed[name] = picture
            if name not in self._films:
                self._films[name] = Film(
                    folder,
                    "video-" + re.sub(r"[^\w-]", "-", name),
                    self._began,
                    lambda *what: self._send("filmed", *what),
                    lambda words: self._send("told", Told(words)),
                )
            self._films[name].put(picture, node.stamp)

    def _size(self, engine: Any, name: str, node: StreamNode) -> tuple[int, int]:
        """Width and height of the picture that the node looks at, or gives."""
        for port in (*node.spec.inputs, *node.spec.outputs):
            picture = engine.value(name, port.name) if port.type is PortType.IMAGE else None
            if picture is not None:
                return int(picture.shape[1]), int(picture.shape[0])
        return 0, 0
