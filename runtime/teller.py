"""What the engine process tells its parent, sent on a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Any


class Teller:
    """Sends events on a thread of its own: a parent that hangs holds up nobody, and hears of the newest thousand later."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[Any] = deque(maxlen=1000)
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._send, name="glasspatch teller", daemon=True)
        self._thread.start()

    def tell(self, event: Any) -> None:
        self._waiting.append(event)
        self._wake.set()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        self._thread.join(1.0)

    def _send(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                try:
                    self._connection.send(self._waiting.popleft())
                except OSError:
                    return  # the parent has gone; the sound goes on
            if self._closing:
                return
