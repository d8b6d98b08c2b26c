"""The commands of a job that is sent to another machine: export, run, import."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from runtime.terminal.shared import UsageError, on_interrupt, open_told

STOPPED = 130
CHOSEN = ("device", "threads", "gpus", "precision")
"""Params of a training that may be others on the machine on which it runs."""


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the commands; `add(name, command, text, patch=True)` gives each its parser."""
    one = add("job", job, "Send a job to a machine that is quicker, and bring home what it has made.", patch=False)
    actions = one.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        found = actions.add_parser(name, help=text, description=text)
        found.set_defaults(command=command)
        return found

    two = action("export", export, "Write one file with a job and all that it needs: sound, params, seed, a training begun.")
    two.add_argument("patch", type=Path, metavar="PATCH", help="a patch file (.json)")
    two.add_argument("node", metavar="NODE", help="the job, such as a trainer")
    two.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the bundle to write, such as voices.job")

    two = action("run", run, "Run the job in a bundle on this machine. Ctrl-C keeps every step, run again to go on.")
    two.add_argument("bundle", type=Path, metavar="FILE")
    two.add_argument("--device", metavar="DEVICE", help="where to work, such as cuda; left out: as in the patch")
    two.add_argument("--threads", type=int, metavar="N", help="how many CPU cores to work on; left out: as in the patch")
    two.add_argument("--gpus", type=int, metavar="N", help="how many GPUs to work on; left out: as in the patch")
    two.add_argument("--precision", metavar="BITS", help="32 or, on newer GPUs, bf16; left out: as in the patch")

    two = action("import", bring, "Bring what was made of a bundle into the patch that it came from.")
    two.add_argument("bundle", type=Path, metavar="FILE")
    two.add_argument("patch", type=Path, metavar="PATCH", help="a patch file (.json)")
    two.add_argument("--trust", action="store_true", help="trust the models in it without asking: you ran the job yourself")


def job(given: argparse.Namespace) -> int:  # pragma: no cover - argparse asks for an action before it comes to this
    raise UsageError("name an action: export, run or import")


def export(given: argparse.Namespace) -> int:
    from runtime.carry import export_job

    opened = open_told(given.patch)
    jobs = [step.node for step in opened.plan.jobs]
    if given.node not in jobs:
        raise UsageError(f"{given.node} is no job of {given.patch} that can run; its jobs are: {', '.join(jobs) or 'none'}")
    with opened.assets.lock("job export"):
        note = export_job(
            given.patch, opened.plan, opened.assets, given.node, given.out, lambda words: print(words, file=sys.stderr)
        )
    begun = ", as far as it was begun" if note.state == "begun" else ""
    print(f"{given.out}: {given.node}{begun}, {_size(given.out)}; take it to the other machine and call: glasspatch job run FILE")
    return 0


def run(given: argparse.Namespace) -> int:
    from runtime.carry import open_bundle
    from runtime.registry import discover
    from runtime.terminal.open import NODES
    from runtime.terminal.progress import Bars

    chosen = {name: value for name in CHOSEN if (value := getattr(given, name)) is not None}
    bundled, bars = open_bundle(given.bundle, discover(NODES)), Bars()
    runner = bundled.runner(bars, chosen)

    def stop() -> None:  # it may break into any other line of this thread, so it only sets flags
        (runner.hurry if runner.stop.is_set() else runner.stop).set()

    with bundled.assets.lock("job run"):
        with on_interrupt(stop):
            made = runner.run()
        if not made and not runner.stop.is_set():
            return 1  # what it had lies in the folder beside, and the next run goes on there
        bars.line(f"writing {given.bundle}")
        note = bundled.keep()
    if note.state == "made":
        print(f"{given.bundle}: made, {_size(given.bundle)}; take it home and call: glasspatch job import FILE PATCH")
        return 0
    print(f"{given.bundle}: holds what was begun, {_size(given.bundle)}; run it again to go on, here or elsewhere")
    return STOPPED


def bring(given: argparse.Namespace) -> int:
    from runtime.carry import import_bundle
    from runtime.trust import trust, trusts

    opened = open_told(given.patch)
    with opened.assets.lock("job import"):
        brought = import_bundle(given.bundle, opened.plan, opened.assets)
    print(
        f"{brought.node}: {'made' if brought.is_made else 'begun'}; glasspatch run {given.patch} "
        f"{'finds it made' if brought.is_made else 'goes on with it'}"
    )
    strange = [model for model in brought.models if not trusts(model)]
    if strange and (given.trust or _asked(brought.node, len(strange))):
        for model in strange:
            trust(model)
    elif strange:
        names = " ".join(shlex.quote(str(model)) for model in strange)
        print(f"not trusted yet, so nothing of it plays; if you ran the job yourself, call: glasspatch trust {names}")
    return 0


def _asked(node: str, count: int) -> bool:
    """Whether the user trusts what came; nobody is asked who cannot answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    what = "a model, and a model is" if count == 1 else f"{count} models, and models are"
    print(f"The bundle holds {what} code that can do anything on this machine.", file=sys.stderr)
    print(f"Did you run the job of {node} yourself, or do you trust who did? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
