"""The commands of the stage: play, stop, take, rehearse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.terminal.shared import UsageError, block_length, length, on_interrupt, open_told, seconds, target

if TYPE_CHECKING:
    from runtime.worker import Order

OSC_PORT = 9000


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the commands; `add(name, command, text, patch=True)` gives each its parser."""
    one = add("play", play, "Play the patch live: sound card, camera, MIDI, OSC. Ctrl-C fades out.")
    _stage_options(one)
    one.add_argument("--take", type=Path, metavar="OUT", help="record a take into this folder from the beginning")
    one.add_argument("--video", action="store_true", help="takes hold what the cameras show too, not only landmarks")
    one.add_argument("--for", dest="seconds", type=length, metavar="S", help="stop after so many seconds")

    one = add("rehearse", rehearse, "The show check: devices, models, disk, and a soak that counts every gap.")
    _stage_options(one)
    one.add_argument("--for", dest="seconds", type=length, default=60.0, metavar="S", help="how long the soak is (default 60)")

    one = add("stop", stop, "Stop performances whose terminal or window is gone: fade out and end.", patch=False)
    one.add_argument("patch", nargs="?", type=Path, metavar="PATCH", help="only those of this patch")

    one = add("take", take, "Recorded performances: what is in them, play them again, teach from them.", patch=False)
    actions = one.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        found = actions.add_parser(name, help=text, description=text)
        found.set_defaults(command=command)
        found.add_argument("take", type=Path, metavar="TAKE", help="the folder of a take (.take)")
        return found

    action("info", take_info, "Tell what a take holds.")
    two = action("export", take_export, "Write a take's gestures (.csv), landmarks (.npz) or sound (.wav, .flac).")
    two.add_argument("-o", "--out", type=Path, required=True, metavar="OUT")
    two = action("replay", take_replay, "Play a take again, as fast as the machine can; says whether every sample is the same.")
    two.add_argument("-o", "--out", type=Path, metavar="OUT.wav", help="also write the sound (.wav or .flac)")
    two.add_argument("--patch", type=Path, metavar="PATCH", help="with another patch than the one that was played")
    two.add_argument(
        "--set", action="append", default=[], metavar="NODE.PARAM=VALUE", help="with another value, such as another quality"
    )
    two.add_argument(
        "--model", action="append", default=[], metavar="NODE=FILE.ts", help="with another model for this decoder or encoder"
    )
    two.add_argument("--speed", type=length, default=1.0, metavar="X", help="gestures so many times as fast (default 1)")
    two = action("correct", take_correct, "Teach from a moment of a take: this gesture should have meant that target.")
    two.add_argument("node", metavar="NODE", help="the regressor")
    two.add_argument("anchor", metavar="ANCHOR", help="the name of the new example")
    two.add_argument("--at", type=seconds, required=True, metavar="S", help="the moment, in seconds of the take")
    two.add_argument("--around", type=length, default=0.25, metavar="S", help="how much before and after it counts (default .25)")
    two.add_argument("--target", type=target, required=True, metavar="z0=1.5,z1=-0.5", help="what the gesture should mean")


def _stage_options(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--device", metavar="NAME", help="sound device, by name or a part of it; none: no sound card, only its clock"
    )
    one.add_argument("--input", metavar="NAME", help="sound device to listen to")
    one.add_argument("--block", type=block_length, metavar="N", help="frames per block, 256 to 4096; the patch's own if left out")
    one.add_argument("--latency", type=_latency, metavar="auto|S", help="seconds of buffer; auto finds the smallest that holds")
    one.add_argument("--osc", type=_port, default=OSC_PORT, metavar="PORT", help=f"remote control; 0: none (default {OSC_PORT})")
    one.add_argument("--osc-host", default="127.0.0.1", metavar="HOST", help="default 127.0.0.1: this machine only")
    one.add_argument("--midi", metavar="PORT", help="MIDI port for knobs that move params, by name or a part of it")


def play(given: argparse.Namespace) -> int:
    from dataclasses import replace

    from runtime.patch import loads
    from runtime.supervisor import Supervisor
    from runtime.terminal.keys import HELP, Keys, pressed
    from runtime.terminal.status import Status, watch

    order = replace(_order(given, take=given.take, duration=given.seconds), video=given.video)
    status, asked = Status(), list[bool]()
    keys = Keys(loads(order.text).scenes)
    with on_interrupt(lambda: asked.append(True)), pressed() as read:
        if sys.stdin.isatty():
            status.line(HELP)
        with Supervisor(order) as live:
            fault = watch(live, status, lambda: bool(asked), lambda: [found for key in read() if (found := keys.command(key))])
    if fault:
        print(f"glasspatch: {fault}", file=sys.stderr)
        return 1
    return 130 if asked else 0


def rehearse(given: argparse.Namespace) -> int:
    from runtime.terminal.rehearse import rehearse as check
    from runtime.terminal.status import Status

    order = _order(given, take=None, duration=None)
    stopped: list[bool] = []
    with on_interrupt(lambda: stopped.append(True)):
        report = check(order, given.seconds, Status(), lambda: bool(stopped))
    for line in report.lines:
        print(line)
    print(report.verdict)
    return 130 if stopped else 0 if report.good else 1


def stop(given: argparse.Namespace) -> int:
    from runtime.playing import stop_all

    ended = stop_all(given.patch)
    print("\n".join(f"stopped: {path} (process {pid})" for pid, path in ended) or "nothing is playing")
    return 0


def take(given: argparse.Namespace) -> int:  # pragma: no cover - argparse asks for an action before it comes to this
    raise UsageError("name an action: info, export, replay or correct")


def take_info(given: argparse.Namespace) -> int:
    from runtime.takes.pages import describe
    from runtime.takes.take import read_take

    print(describe(read_take(given.take)))
    return 0


def take_export(given: argparse.Namespace) -> int:
    from runtime.takes.pages import export
    from runtime.takes.take import read_take

    export(read_take(given.take), given.out)
    print(given.out)
    return 0


def take_replay(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from runtime.takes.replay import Changes, replay
    from runtime.takes.take import read_take
    from runtime.terminal.shared import as_engine

    as_engine()
    changes = Changes(
        given.patch, _pairs(given.set), {node: Path(file) for node, file in _pairs(given.model).items()}, given.speed
    )
    stopped: list[bool] = []
    with (
        tqdm(
            total=1.0, desc="replay", bar_format="{desc} {percentage:3.0f}% |{bar:24}| {elapsed}<{remaining}", disable=None
        ) as bar,
        on_interrupt(lambda: stopped.append(True)),
    ):
        replayed = replay(
            read_take(given.take),
            given.out,
            changes,
            progress=lambda fraction: bar.update(fraction - bar.n),
            stopped=lambda: bool(stopped),
        )
    for problem in replayed.problems:
        print(problem, file=sys.stderr)
    if given.out:
        print(given.out)
    print(replayed.verdict)
    return 130 if stopped else 0 if replayed.same is not False else 1


def take_correct(given: argparse.Namespace) -> int:
    from runtime.takes.replay import correct
    from runtime.takes.take import read_take
    from runtime.terminal.shared import as_engine

    as_engine()
    print(correct(read_take(given.take), given.node, given.anchor, given.target, given.at, given.around))
    return 0


def _order(given: argparse.Namespace, *, take: Path | None, duration: float | None) -> Order:
    from runtime.errors import NodeError
    from runtime.patch import dumps
    from runtime.sensing import Ports
    from runtime.worker import Order

    opened = open_told(given.patch, given.block)
    if not opened.plan.streams:
        raise NodeError("nothing of this patch can play; see what is wrong with: glasspatch check")
    if opened.plan.settings["block"] < 256:
        raise NodeError(f"block must be 256 or more to play live, the patch has {opened.plan.settings['block']}; use --block 512")
    return Order(
        path=given.patch.resolve(),
        text=dumps(opened.patch),
        device=given.device,
        input=given.input,
        latency=None if given.latency == "auto" else given.latency,
        measure=given.latency == "auto",
        ports=Ports(given.osc, given.osc_host, given.midi),
        take=str(take.resolve()) if take else None,
        seconds=duration,
    )


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UsageError(f"must look like NAME=VALUE, got {text!r}")
    return dict(text.split("=", 1) for text in texts)


def _latency(text: str) -> Any:
    if text == "auto":
        return text
    value = seconds(text)
    if not 0.0 < value <= 2.0:
        raise argparse.ArgumentTypeError(f"must be auto, or seconds up to 2, got {text}")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a port, 0 to 65535, got {text}")
    return int(text)
