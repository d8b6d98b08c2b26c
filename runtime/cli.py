"""The command line. Exit codes: 0 fine, 1 the patch (or the work) has problems, 2 wrong usage, 130 stopped by Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.render import Rendered
    from runtime.terminal.open import Opened

from runtime.terminal.shared import UsageError, as_engine, block_length, count, length, on_interrupt, open_told, seconds, target

STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. Each command imports only what it needs: help must come at once."""
    given = parser().parse_args(arguments)
    from runtime.errors import GlasspatchError, in_words

    command: Callable[[argparse.Namespace], int] = given.command
    try:
        code = command(given)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"glasspatch: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # who read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except (GlasspatchError, OSError) as error:
        print(f"glasspatch: {in_words(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return STOPPED
    except Exception as error:  # ours, not the user's: a traceback would help only us, so it lies where we can be sent it
        print(f"glasspatch: a fault of glasspatch itself ({in_words(error)}){_reported()}", file=sys.stderr)
        return 1


def _reported() -> str:
    """Writes the traceback of the present exception into the user's folder; gives words that say where."""
    from runtime.folders import config_folder

    try:
        config_folder().mkdir(parents=True, exist_ok=True)
        (config_folder() / "fault.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
    except OSError:
        return "; please tell its makers"
    return f"; please send {config_folder() / 'fault.txt'} to its makers"


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="glasspatch", description="Curate recordings, train RAVE models, teach gestures, perform.")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str, *, patch: bool = True) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(command=command)
        if patch:
            found.add_argument("patch", type=Path, metavar="PATCH", help="a patch file (.json)")
        return found

    add("check", check, "Say what is wrong with a patch, node by node.")

    one = add("edit", edit, "Open the window: patch, listen, teach and perform.", patch=False)
    one.add_argument("patch", nargs="?", type=Path, metavar="PATCH", help="a patch file (.json); left out: a new one")
    one.add_argument("--perform", action="store_true", help="begin with the perform view, playing")

    one = add("run", run, "Make everything that the patch's jobs make: slices, models. What is made already is skipped.")
    one.add_argument("--only", metavar="NODE", help="make this node, and what it needs")
    one.add_argument("--jobs", type=count, default=1, metavar="N", help="how many jobs side by side (default 1)")
    one.add_argument("--force", action="append", default=[], metavar="NODE", help="make this node again, though it is made")

    one = add("render", render, "Play the patch into a sound file, as fast as this machine can.")
    one.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.wav", help="the sound file to write (.wav or .flac)")
    one.add_argument("--seconds", type=length, required=True, metavar="S", help="how long")
    one.add_argument("--block", type=block_length, metavar="N", help="frames per block, 64 to 4096; the patch's own if left out")
    one.add_argument("--picture", type=Path, metavar="OUT.png", help="also draw waveform, spectrogram, gestures and latents")
    one.add_argument("--load", action="store_true", help="also print how long each node took")

    one = add("teach", teach, "Teach a regressor from the patch's own gestures: from this second to that one means this target.")
    one.add_argument("node", metavar="NODE", help="the regressor")
    one.add_argument("anchor", nargs="?", metavar="ANCHOR", help="the name of the example; left out: list what is taught")
    one.add_argument("--target", type=target, metavar="z0=1.5,z1=-0.5", help="the values that the gesture shall mean")
    one.add_argument("--from", dest="start", type=seconds, metavar="S", help="the gesture begins here")
    one.add_argument("--to", dest="end", type=seconds, metavar="S", help="the gesture ends here")
    one.add_argument("--remove", action="store_true", help="forget this anchor")
    one.add_argument("--remove-all", action="store_true", help="forget all anchors")

    one = add("lineage", lineage, "Tell what a node's result was made from: recordings, params, seeds, versions.")
    one.add_argument("node", metavar="NODE")

    one = add("nodes", nodes, "List the nodes, or tell all about one.", patch=False)
    one.add_argument("type", nargs="?", metavar="TYPE", help="such as audio.gain")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON data")
    form.add_argument("--markdown", action="store_true", help="as the table of the README")

    one = add(
        "trust", trust, "Trust a model file (.ts) made elsewhere: it is code, so do it only if you trust its maker.", patch=False
    )
    one.add_argument("files", type=Path, nargs="+", metavar="FILE.ts")

    one = add("inspect", inspect, "Try a model file (.ts): what it is, how fast it is here, how soon it answers.", patch=False)
    one.add_argument("file", type=Path, metavar="FILE.ts")
    one.add_argument("--json", action="store_true", help="as JSON data")

    from runtime.terminal import job, report, shelf, stage

    shelf.add_commands(add)
    stage.add_commands(add)
    report.add_command(add)
    job.add_commands(add)

    add(
        "doctor", doctor, "Look at versions, libraries, GPU, sound devices and cameras: what is wrong, and the cure.", patch=False
    )

    one = add("demo", demo, "Copy the demo patch to a folder, run it, and render a performance with a picture.", patch=False)
    one.add_argument("-o", "--out", type=Path, default=Path("glasspatch-demo"), metavar="DIR", help="default: ./glasspatch-demo")
    one.add_argument("--seconds", type=length, default=16.0, metavar="S", help="default: 16")
    return top


def edit(given: argparse.Namespace) -> int:
    from importlib import import_module

    from runtime.terminal.open import EDITOR

    # By its name: the runtime knows no window, and works where there is none.
    code: int = import_module(EDITOR).main(given.patch, performing=given.perform)
    return code


def check(given: argparse.Namespace) -> int:
    from runtime.records import out_of_date

    opened = open_told(given.patch)
    for node, why in out_of_date(opened.plan, opened.assets).items():
        print(f"{node}: {why}; call: glasspatch run {given.patch}")
    if not opened.plan.problems:
        print(f"{len(opened.patch.nodes)} nodes, nothing wrong")
    return 1 if opened.plan.problems else 0


def run(given: argparse.Namespace) -> int:
    opened = open_told(given.patch)
    jobs = ", ".join(step.node for step in opened.plan.jobs) or "none"
    for name in [*([given.only] if given.only else []), *given.force]:
        if name not in opened.patch.nodes:
            raise UsageError(f"there is no node {name} in {given.patch}; its jobs are: {jobs}")
        if name in {step.node for step in opened.plan.streams}:
            raise UsageError(f"{name} plays and makes nothing; the jobs of {given.patch} are: {jobs}")
    return run_jobs(opened, only=given.only, jobs=given.jobs, force=given.force)


def run_jobs(opened: Opened, *, only: str | None = None, jobs: int = 1, force: Sequence[str] = ()) -> int:
    """Runs the jobs with bars and Ctrl-C; gives the exit code."""
    from runtime.offline import Runner
    from runtime.terminal.progress import Bars

    bars = Bars()
    runner = Runner(opened.plan, opened.assets, bars, only=only, jobs=jobs, force=force)
    if not runner.waiting:
        bars.line("nothing to make: there is no job that can run")
        return 1 if opened.plan.problems else 0

    def stop() -> None:  # it may break into any other line of this thread, so it only sets flags
        (runner.hurry if runner.stop.is_set() else runner.stop).set()

    with opened.assets.lock("run"), on_interrupt(stop):
        made = runner.run()
    if runner.stop.is_set():
        return STOPPED
    return 0 if made and not opened.plan.problems else 1


def render(given: argparse.Namespace) -> int:
    as_engine()
    rendered = render_file(open_told(given.patch, given.block), given.out, given.seconds, given.picture)
    if given.load:
        for node, spent in sorted(rendered.load.items(), key=lambda item: -item[1]):
            print(f"{1e6 * spent:10.1f} microseconds per block  {node}")
    if rendered.frames < round(given.seconds * rendered.sample_rate):
        print(f"stopped; what was rendered is kept ({rendered.frames / rendered.sample_rate:.1f} s)", file=sys.stderr)
        return STOPPED
    return 1 if rendered.problems or rendered.failures else 0


def render_file(opened: Opened, out: Path, seconds: float, picture: Path | None) -> Rendered:
    """Renders with a bar and Ctrl-C, tells what went wrong, and prints where the files are."""
    from tqdm import tqdm

    from runtime.records import out_of_date
    from runtime.render import render as render_patch

    for node, why in out_of_date(opened.plan, opened.assets).items():
        if "anew" in why:  # what has never been made is told by the node that needs it
            print(f"{node}: {why}; the old result plays until you call: glasspatch run {opened.path}", file=sys.stderr)

    stopped: list[bool] = []
    with (
        opened.assets.lock("render", shared=True),
        tqdm(
            total=1.0, desc="render", bar_format="{desc} {percentage:3.0f}% |{bar:24}| {elapsed}<{remaining}", disable=None
        ) as bar,
        on_interrupt(lambda: stopped.append(True)),
    ):
        rendered = render_patch(
            opened,
            out,
            seconds,
            picture=picture,
            progress=lambda fraction: bar.update(fraction - bar.n),
            stopped=lambda: bool(stopped),
        )
    for problem in rendered.problems:
        print(problem, file=sys.stderr)
    for failure in rendered.failures:
        at = failure.frame / rendered.sample_rate
        print(f"{failure} (at {at:.3f} s; the node is mute from there on)", file=sys.stderr)
    print(out)
    if picture:
        print(picture)
    return rendered


def teach(given: argparse.Namespace) -> int:
    as_engine()
    from runtime.teach import forget, forget_all, teach_anchor, tell
    from runtime.teaching import has_targets

    opened = open_told(given.patch)
    if given.node not in opened.plan.steps:
        raise UsageError(f"{given.node} is not a node of {given.patch} that can run")
    if given.remove_all:
        with opened.assets.lock("teach"):
            print(forget_all(opened, given.node))
        return 0
    if given.anchor is None and (given.remove or given.target or given.start is not None):
        raise UsageError("teach needs the name of an anchor")
    if given.anchor is None:
        print(tell(opened, given.node))
        return 0
    with opened.assets.lock("teach"):
        if given.remove:
            print(forget(opened, given.node, given.anchor))
            return 0
        wants_target = given.target is None and has_targets(opened.plan.steps[given.node].spec)
        if wants_target or given.start is None or given.end is None or given.end <= given.start:
            raise UsageError("teach needs --target, and --from S --to S with the second after the first")
        print(teach_anchor(opened, given.node, given.anchor, given.target or {}, given.start, given.end))
    return 0


def lineage(given: argparse.Namespace) -> int:
    from runtime.errors import ArtifactError
    from runtime.terminal.pages import made_lines, record_lines

    opened = open_told(given.patch, tell=False)
    records = opened.assets.lineage(given.node)
    if not records:
        raise UsageError(f"{given.node} has made nothing yet; run the patch first")
    try:
        lines = [line for record in records for line in [*record_lines(record), *made_lines(opened.assets, record)]]
    except (AttributeError, KeyError, TypeError, ValueError):  # somebody wrote into it: nothing in it can be relied on
        raise ArtifactError(f"a record behind {given.node} is damaged; run the patch again to make it anew") from None
    print("\n".join(lines))
    return 0


def nodes(given: argparse.Namespace) -> int:
    from runtime.registry import discover, help_of
    from runtime.terminal.open import NODES
    from runtime.terminal.pages import first_sentence, node_page, node_table

    registry = discover(NODES)
    for module, reason in registry.failures.items():
        print(f"{module}: {reason}", file=sys.stderr)
    if given.type and registry.get(given.type) is None:
        raise UsageError(f"there is no node {given.type}; glasspatch nodes lists them all")
    chosen = [registry.get(given.type)] if given.type else [registry.nodes[name] for name in sorted(registry.nodes)]
    data = [cls.spec.describe(help_of(cls)) for cls in chosen if cls]
    if given.json:
        print(json.dumps(data, indent=2))
    elif given.markdown:
        print(node_table(data))
    elif given.type:
        print(node_page(data[0]))
    else:
        for node in data:
            print(f"{node['type']:20} {first_sentence(node['help'])}")
    return 1 if registry.failures else 0


def trust(given: argparse.Namespace) -> int:
    from runtime.trust import trust as remember

    for file in given.files:
        if not file.is_file():
            raise UsageError(f"there is no file {file}")
    for file in given.files:
        print(f"trusted: {file} ({remember(file)[:12]})")
    return 0


def inspect(given: argparse.Namespace) -> int:
    from importlib import import_module

    from runtime.terminal.open import INSPECTOR

    if not given.file.is_file():
        raise UsageError(f"there is no file {given.file}")
    found = import_module(INSPECTOR).try_model(given.file)
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"{what:18} {words}" for what, words in found["rows"]))
        print(
            "\n".join(
                ["", *found["refusals"], *found["warnings"]] if found["refusals"] or found["warnings"] else ["", "nothing wrong"]
            )
        )
    return 1 if found["refusals"] else 0


def doctor(given: argparse.Namespace) -> int:
    from runtime.terminal.doctor import examine

    return examine(print)


def demo(given: argparse.Namespace) -> int:
    as_engine()
    from runtime.terminal.demo import lay_out

    patch = lay_out(given.out)
    opened = open_told(patch)
    code = run_jobs(opened)
    if code:
        return code
    rendered = render_file(opened, given.out / "performance.wav", given.seconds, given.out / "performance.png")
    print(f"the patch is yours to change: {patch}")
    return 1 if rendered.problems or rendered.failures else 0


if __name__ == "__main__":
    sys.exit(main())
