"""The window's figures: `python -m tests.bench_window [first] [frames] [gaps]` prints them as a table.

CPU times are of the window's main thread alone, so that other work on the machine does not count. The library draws with the
processor here, which a graphics card would do elsewhere: a frame's time is told with and without that."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from graph_editor.layout import ZOOMS
from runtime import messages as say
from runtime.jobs import limit_threads
from runtime.live import Live
from runtime.worker import Order
from tests.screenshots import copies, trust_models
from tests.sound_server import CARD, SoundServer, sound_server
from tests.stage import Judge, set_stage
from tests.window import SIZE, Window, screen, window

NOT_DRAWN = {"GALLIUM_NOOP": "1"}
"""Lets Mesa take all that is to be drawn and throw it away."""
WATCHED = 40
"""Frames over which what a frame costs is looked at."""
PLAYED = 20.0
"""Seconds of sound that are judged with the window, and without it."""
LATENCY = 0.1
"""Seconds that the device buffers."""


@dataclass(frozen=True)
class Heard:
    """What was wrong with a sound: frames lost, silent or faded where there should be sound, and what the engine counted."""

    judged: dict[str, int]
    counted: dict[str, int]

    @property
    def gaps(self) -> int:
        return sum(count for what, count in self.judged.items() if what != "frames") + sum(self.counted.values())


def first_frame(place: Path, display: str, number: int) -> float:
    """Seconds from the command until the demo is drawn for the first time."""
    (path,) = (path for path in copies(place / f"first-{number}") if path.stem == "demo")
    home = place / f"home-{number}"
    home.mkdir()
    trust_models(path, home)
    began = time.monotonic()
    with window(path, display=display, home=home) as w:
        return float(w.state()["first_frame_at"]) - began


def large(path: Path, count: int) -> Path:
    """A patch of so many nodes, in equal parts oscillators, gains, slow waves and smoothers, that plays."""
    nodes: dict[str, object] = {
        "mix": {"type": "audio.mix", "position": [0, -300]},
        "output": {"type": "audio.output", "position": [300, -300]},
    }
    links = [["mix.audio", "output.audio"]]
    for number in range(-(-(count - 2) // 4)):
        x, y = number % 10 * 860, number // 10 * 460
        nodes |= {
            f"sine{number}": {
                "type": "audio.oscillator",
                "params": {"frequency": 80.0 + number, "level": 0.01},
                "position": [x, y],
            },
            f"gain{number}": {"type": "audio.gain", "position": [x + 230, y]},
            f"wave{number}": {"type": "control.lfo", "params": {"rate": 0.5 + number / 100}, "position": [x + 430, y]},
            f"calm{number}": {"type": "control.smooth", "position": [x + 660, y]},
        }
        links += [
            [f"sine{number}.audio", f"gain{number}.audio"],
            [f"gain{number}.audio", "mix.audio"],
            [f"wave{number}.control", f"calm{number}.control"],
        ]
    path.write_text(json.dumps({"format": 1, "nodes": nodes, "links": links}))
    return path


def opened(path: Path, w: Window, count: int) -> None:
    """Waits until so many nodes are shown and play."""
    w.until(lambda _: len(w.ask("shown")["nodes"]) >= count, 30, f"{count} nodes of {path}")
    w.key("ctrl+l")
    w.until(lambda state: state["client"] == "playing" and state["peak"] > 0.0, 120, "the sound")


def frame_costs(w: Window) -> dict[float, tuple[float, float]]:
    """Zoom -> (median, 95th percentile) of the main thread's CPU seconds per frame, with the view's middle where it is."""
    x0, y0, x1, y1 = w.ask("canvas")
    w.move((x0 + x1) / 2, (y0 + y1) / 2)
    for _ in ZOOMS:
        w.x("click", "5")
        w.frames(3)
    found = {}
    for step in range(len(ZOOMS)):
        w.frames(15)  # what a new zoom builds is no cost of a frame
        w.frames(WATCHED)
        costs = sorted(w.ask("cost")[-WATCHED:])
        found[ZOOMS[w.state()["zoom"]]] = statistics.median(costs), costs[int(0.95 * len(costs))]
        if step < len(ZOOMS) - 1:
            w.x("click", "4")
            w.frames(3)
    return found


def build_time(w: Window) -> float:
    """CPU seconds in which all nodes and wires of the shown patch are made, bodies and all; the best of some."""
    return min(float(w.ask("built")) for _ in range(5))


def alone(server: SoundServer, folder: Path, seconds: float = PLAYED) -> Heard:
    """The demo's chain, played without a window."""
    path = set_stage(folder, seconds)
    judge, counted = Judge(), {}
    with server.recording() as heard, Live(Order(path, path.read_text(), device=CARD, latency=LATENCY)) as live:
        while not live.has_played:
            assert live.is_alive, "the engine ended before it played"
            for _ in live.events(0.1):
                pass
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            live.send(say.Poll(()))
            for event in live.events(0.25):
                if isinstance(event, say.Snapshot):
                    counted = _counted(event.counters)
            judge.hear(heard.taken()[:, 1])
    return Heard(judge.found, counted)


def beside(server: SoundServer, folder: Path, display: str, seconds: float = PLAYED) -> Heard:
    """The same in the window, with all nodes in view, the mouse on the move."""
    path, home = set_stage(folder, seconds), folder / "home"
    home.mkdir()
    stage = {"device": CARD, "latency": LATENCY, "osc": 0, "width": SIZE[0], "height": SIZE[1]}
    (home / "preferences.json").write_text(json.dumps(stage))
    trust_models(path, home)
    judge = Judge()
    env = server.env | {"DISPLAY": display}
    with server.recording() as heard, window(path, display=display, home=home, env=env) as w:
        w.key("ctrl+l")
        w.until(lambda state: state["client"] == "playing", 120, "the sound")
        began, number = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            number += 1
            w.move(400 + number * 37 % 700, 200 + number * 23 % 500)
            judge.hear(heard.taken()[:, 1])
        counted = _counted(w.state()["counters"])
    return Heard(judge.found, counted)


def _counted(counters: dict[str, int]) -> dict[str, int]:
    return {what: int(counters.get(what, 0)) for what in ("underflows", "starved")}


def tell(what: str, found: str, wanted: str) -> None:
    print(f"{what:42}  {found}{f'  wanted {wanted}' if wanted else ''}", flush=True)


def tell_first_frame(place: Path, display: str) -> None:
    firsts = [first_frame(place, display, number) for number in range(3)]
    tell("from the command to the first frame", f"{min(firsts):.2f} s (of {len(firsts)}: {max(firsts):.2f})", "<= 2 s")


def tell_frames(place: Path, display: str) -> None:
    for count, wanted in ((200, 10), (500, 20)):
        for what, env in (("", {}), (", drawn by none", NOT_DRAWN)):
            path = large(place / f"large-{count}.json", count)
            home = place / f"home-large-{count}-{len(env)}"
            with window(path, display=display, home=home, env=env) as w:
                opened(path, w, count)
                whole = build_time(w)
                costs = frame_costs(w)
                near = build_time(w)
            worst = max(median for median, _ in costs.values())
            by_zoom = ", ".join(f"{zoom:g}: {1000 * median:.1f} ({1000 * most:.1f})" for zoom, (median, most) in costs.items())
            built = f"{1000 * whole:.0f} ms as the patch opens, all in sight; {1000 * near:.0f} ms where a few are seen large"
            tell(f"{count} nodes built", built, "<= 50 ms" if count == 200 else "")
            tell(f"a frame with {count} live nodes{what}", f"{1000 * worst:.1f} ms at the worst zoom", f"<= {wanted} ms")
            tell("  by zoom: median (95 of 100), ms", by_zoom, "")


def tell_gaps(place: Path, display: str) -> None:
    os.environ["GLASSPATCH_CONFIG"] = str(place)
    with sound_server() as server:
        os.environ.update(server.env)
        for name, play in (("without", alone), ("with", lambda server, folder: beside(server, folder, display))):
            folder = place / name
            folder.mkdir()
            found = play(server, folder)
            tell(f"gaps {name} the window, {PLAYED:g} s", f"{found.gaps} ({found.judged}, {found.counted})", "the same")


PARTS = {"first": tell_first_frame, "frames": tell_frames, "gaps": tell_gaps}


def main(wanted: list[str]) -> None:
    limit_threads(1)  # as `glasspatch play` does: the engine inherits it
    with tempfile.TemporaryDirectory(prefix="glasspatch-bench-") as folder, screen() as display:
        for part in wanted or PARTS:
            PARTS[part](Path(folder), display)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])
