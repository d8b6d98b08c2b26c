"""The show check: is everything there that the patch needs, and does it hold for as long as it must?"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runtime.errors import GlasspatchError, in_words
from runtime.worker import Order

if TYPE_CHECKING:
    from runtime.terminal.status import Status

SPACE = 2e9
"""Bytes that should be free: an hour of takes."""
LOAD = 0.7
"""Share of a block's time above which a show is at risk: what else runs on the machine takes from the rest."""


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
        try:
            from runtime.device import find

            say(True, "sound card", str(find(order.device, "output")))
        except (GlasspatchError, OSError) as error:
            say(False, "sound card", in_words(error))
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


def play(order: Order, seconds: float, status: Status, stopped: Callable[[], bool]) -> tuple[list[str], list[str]]:
    """The soak: (lines, what was wrong)."""
    from runtime.live import Live
    from runtime.terminal.status import status_line, watch

    with Live(replace(order, seconds=seconds)) as live:
        fault = watch(live, status, stopped)
    now = status.snapshot
    told = [line for line in status.lines if line.startswith("!!")]
    if now is None:
        return [], [fault or "nothing was heard", *told[:1]]
    lines = [f"    {status_line(now)}"]
    gaps = {name: count for name, count in now.counters.items() if count and name not in ("over_budget", "malformed")}
    wrong = [fault] if fault else []
    wrong += [f"{sum(gaps.values())} gaps ({', '.join(f'{count} {name}' for name, count in gaps.items())})"] if gaps else []
    if now.load > LOAD:
        wrong.append(f"the load is {100 * now.load:.0f} %; use a longer block, or a smaller model")
    wrong += [f"{node} has failed ({why})" for node, why in now.failed.items()]
    wrong += [line.removeprefix("!! ") for line in told]
    return lines, list(dict.fromkeys(wrong))
