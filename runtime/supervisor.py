"""A performance that survives its engine: one that dies is reported, and a spare that stood by plays on within a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any

from runtime import messages as ask
from runtime.live import Live
from runtime.worker import Order

RESTARTS, RESTARTS_IN = 5, 60.0
"""How often, in so many seconds, an engine that died is replaced before the performance is given up."""
SPARE_AFTER = 5.0
"""Seconds of sound after which a spare is started: what is slow at the beginning is over then."""
FOLLOW_AFTER = 2.0
"""Seconds without news after which the spare gets ready for what has changed: a knob that turns gives it nothing to do."""
GRACE = 2.0
"""Seconds that an engine which told of its own fault may take to let the sound card and the ports go."""
SPARES = 2
"""Spares in a row that may die while they get ready before no more are started."""


class Supervisor:
    """Used like `Live`. Whatever happens to the engine is seen to while `events` is asked, so ask often; and `Poll` now and then:
    what a next engine must know of the senses comes with the snapshots, and there is no spare before. One thread calls it; `send`
    and `document` may be another's.

    An engine that dies is told in words, and the next plays the newest document (`Changed`, `document`), silent if `Stop` was
    asked for, with the last gesture until the senses are back; a take that was recorded goes on in a new folder. Lost is
    what could be undone, and what was sound only: an echo, the place in a recording. The next engine tells `Playing` again.
    `Stopped` comes when the end was asked for, when the sound has never begun, and when engines die too often."""

    def __init__(self, order: Order, *, spare_after: float | None = SPARE_AFTER, on_request: bool = False) -> None:
        """Starts the engine. `spare_after`: None keeps no spare. `on_request`: `Stopped` tells of an engine that died, and the
        next plays when `go_on` is called."""
        self._order, self._text = order, order.text
        self.has_played = False
        self._live = Live(order)
        self._spare: Live | None = None
        self._spare_after, self._on_request = spare_after, on_request
        self._lost_spares = 0
        self._playing_since: float | None = None
        self._until: float | None = None
        self._news: float | None = None
        self._deaths: list[float] = []
        self._is_ending = False

    def document(self, text: str) -> None:
        """What a next engine shall play: for who owns the document (`Order.owns_file` is False), whose own edits and params no
        `Changed` tells."""
        self._text, self._news = text, time.monotonic()

    def send(self, command: ask.Command) -> None:
        """Asks for something. What an engine had not done when it died is not asked again: it may be what it died of."""
        self._is_ending = self._is_ending or isinstance(command, ask.Quit)
        self._live.send(command)

    def events(self, wait: float = 0.0) -> Iterator[Any]:
        """What was told since the last time, waiting so many seconds for the first. The last one ever is `Stopped`."""
        self._keep_spare()
        for event in self._live.events(wait):
            if isinstance(event, ask.Stopped):
                if event.fault and self.can_go_on and self._on_request:
                    yield event
                    return
                if event.fault and self._may_go_on():
                    self._replace()
                    yield ask.Told(f"{event.fault}; it is started again")
                    return
                self._drop_spare()
            self._learn(event)
            yield event

    @property
    def is_alive(self) -> bool:
        return self._live.is_alive

    @property
    def pid(self) -> int | None:
        """The process of the engine that plays now."""
        return self._live.pid

    @property
    def has_spare(self) -> bool:
        """Whether a spare is ready to play at once."""
        return self._spare is not None and self._spare.is_prepared

    def close(self) -> None:
        """Fades out and ends the engine and the spare."""
        self._is_ending = True
        self._drop_spare()
        self._live.close()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _learn(self, event: Any) -> None:
        now, order = time.monotonic(), self._order
        match event:
            case ask.Playing():
                if not self.has_played:
                    self._until = None if order.seconds is None else now + order.seconds
                self.has_played, self._playing_since = True, now
                # What was measured in silence holds; nobody waits for that again.
                self._order = replace(order, latency=event.latency, measure=False)
            case ask.Changed():
                self._text, self._news = event.text, now
            case ask.Taught():
                self._news = now
            case ask.Snapshot():
                self._order = replace(order, muted=event.muted, held=event.held, take=event.take)

    @property
    def can_go_on(self) -> bool:
        """Whether another engine would play, should this one die: it has played, and nobody has asked for the end."""
        return self.has_played and not self._is_ending

    def go_on(self) -> None:
        """Lets the next engine play, after one that died. For the thread that hears."""
        self._replace()

    def _may_go_on(self) -> bool:
        self._deaths = [moment for moment in self._deaths if time.monotonic() - moment < RESTARTS_IN]
        return self.can_go_on and len(self._deaths) < RESTARTS

    @property
    def order(self) -> Order:
        """What a next engine would play: the newest document, as it was asked for and has become since."""
        rest = None if self._until is None else max(self._until - time.monotonic(), 0.1)
        return replace(self._order, text=self._text, seconds=rest)

    def _replace(self) -> None:
        self._deaths.append(time.monotonic())
        self._live.end(GRACE)
        order = self.order
        if self.has_spare and self._spare is not None:
            self._live, self._spare = self._spare, None
            self._live.go(order)
        else:  # one that is not ready yet works at the lowest priority, and might never be
            self._drop_spare()
            self._live = Live(order)
        self._playing_since = self._news = None

    def _keep_spare(self) -> None:
        """Starts a spare when the sound has played for a while, and lets it get ready for what has changed since."""
        now = time.monotonic()
        if self._spare is None:
            if self._spare_after is None or self._playing_since is None or self._order.held is None or self._is_ending:
                return
            if now - self._playing_since >= self._spare_after and self._lost_spares < SPARES:
                self._spare, self._news = Live(self.order, spare=True), None
        elif not self._spare.is_alive:
            self._spare.end()
            self._lost_spares += 1
            self._spare, self._playing_since = None, now
        elif self.has_spare:
            self._lost_spares = 0
            if self._news is not None and now - self._news >= FOLLOW_AFTER:
                self._spare.follow(self.order)
                self._news = None

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.end()
            self._spare = None
