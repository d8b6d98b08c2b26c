"""The show check: is everything there that the patch needs, and does it hold for as long as it must?"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runtime.errors import GlasspatchError, in_words
from runtime.messages import RecallScene, Snapshot
from runtime.worker import Order

if TYPE_CHECKING:
    from runtime.terminal.status import Status

SPACE = 2e9
"""Bytes that should be free: an hour of takes."""
LOAD = 0.7
"""Share of a block's time above which a show is at risk: what else runs on the machine takes from the rest."""


NO_GAPS = ("over_budget", "malformed")
"""Counters of what was not heard."""


@dataclass(frozen=True)
class Report:
    """Every line of the check, whether the show may go on, and that in one line."""

    lines: tuple[str, ...]
    good: bool
    verdict: str


def rehearse(order: Order, seconds: float, status: Status, stopped: Callable[[], bool]) -> Report:
    """Looks at what the patch needs, then plays it for so many seconds and counts."""
    lines, wrong = look(order)
    lines += (soak := play(order, seconds, status, stopped))[0]
    wrong += soak[1]
    verdict = "GREEN: the show may go on" if not wrong else f"RED: {'; '.join(wrong)}"
    return Report(tuple(lines), not wrong, verdict)


def look(order: Order) -> tuple[list[str], list[str]]:
    """What the patch needs before it sounds: (lines, what is wrong)."""
    from runtime.speaker import NONE
    from runtime.terminal.open import open_patch

    lines: list[str] = []
    wrong: list[str] = []

    def say(good: bool, what: str, found: str) -> None:
        lines.append(f"{'ok' if good else '!!'}  {what:16} {found}")
        if not good:
            wrong.append(f"{what}: {found}")

    if order.device == NONE:
        say(False, "sound card", "none was chosen; nothing can be heard")
    else:
        cards = [("sound card", order.device, "output"), *([("microphone", order.input, "input")] if order.input else [])]
        for what, name, kind in cards:
            try:
                from runtime.device import find

                say(True, what, str(find(name, kind)))
            except (GlasspatchError, OSError) as error:
                say(False, what, in_words(error))
    opened = open_patch(order.path)
    for problem in opened.plan.problems:
        say(not problem.stops, problem.node or "patch", problem.message)
    for step in opened.plan.streams:
        for port in step.spec.inputs:
            for source, output in () if port.type.is_stream else step.inputs[port.name]:
                artifact = opened.assets.artifact(source, output)
                if artifact is None:
                    say(False, f"{source}.{output}", "has not been made; run the patch first (glasspatch run)")
                    continue
                try:
                    artifact.verify()
                    say(True, f"{source}.{output}", f"{artifact.path.name}, {artifact.fingerprint[:12]}")
                except GlasspatchError as error:
                    say(False, f"{source}.{output}", in_words(error))
    free = shutil.disk_usage(opened.assets.patch_folder).free
    say(free > SPACE, "disk", f"{free / 1e9:.1f} GB free" + ("" if free > SPACE else "; takes need at least 2"))
    return lines, wrong


class Tour:
    """Goes to every scene of a patch in the course of a soak: while two of them crossfade, the models of both play at once."""

    def __init__(self, scenes: Collection[str], seconds: float) -> None:
        self._left = deque(scenes)
        self._pace = seconds / (len(scenes) + 1)
        self._next = self._pace
        self._now: str | None = None
        self._before = 0
        self.cost: dict[str, int] = {}
        """The gaps from each scene to the next one."""

    def go(self, now: Snapshot | None) -> Sequence[RecallScene]:
        """What is to be asked for at that moment."""
        if now is None:
            return ()
        count = sum(gaps(now).values())
        if self._now is not None:
            self.cost[self._now] = count - self._before
        if not self._left or now.seconds < self._next:
            return ()
        self._now, self._before, self._next = self._left.popleft(), count, self._next + self._pace
        return (RecallScene(self._now),)


def gaps(now: Snapshot) -> dict[str, int]:
    """What has been counted that could be heard."""
    return {name: count for name, count in now.counters.items() if count and name not in NO_GAPS}


def play(order: Order, seconds: float, status: Status, stopped: Callable[[], bool]) -> tuple[list[str], list[str]]:
    """The soak, through all scenes: (lines, what was wrong)."""
    from runtime.live import Live
    from runtime.patch import loads
    from runtime.terminal.status import status_line, watch

    tour = Tour(loads(order.text).scenes, seconds)
    with Live(replace(order, seconds=seconds)) as live:
        fault = watch(live, status, stopped, lambda: tour.go(status.snapshot))
    now = status.snapshot
    told = [line for line in status.lines if line.startswith("!!")]
    if now is None:
        return [], [fault or "nothing was heard", *told[:1]]
    tour.go(now)
    lines = [f"{'!!' if count else 'ok'}  {f'scene {name}':16} {count or 'no'} gaps" for name, count in tour.cost.items()]
    lines.append(f"    {status_line(now)}")
    found, wrong = gaps(now), [fault] if fault else []
    wrong += [f"{sum(found.values())} gaps ({', '.join(f'{count} {name}' for name, count in found.items())})"] if found else []
    wrong += [f"{count} of them at scene {name}" for name, count in tour.cost.items() if count]
    if now.load > LOAD:
        wrong.append(f"the load is {100 * now.load:.0f} %; use a longer block, or a smaller model")
    wrong += [f"{node} has failed ({why})" for node, why in now.failed.items()]
    wrong += [line.removeprefix("!! ") for line in told]
    return lines, list(dict.fromkeys(wrong))
