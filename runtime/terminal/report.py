"""The report command: examines patches and writes a page that tells why they sound as they do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

from runtime.terminal.shared import as_engine, length, open_told

BLOCK = 512
"""Frames between two values of every curve: 12 ms, fine enough for a lag."""
SECONDS = 30.0
PAGE = "index.html"


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    one = add("report", report, "Examine patches: one page that tells why they sound as they do, with ten checks.", patch=False)
    one.add_argument("patch", nargs="+", type=Path, metavar="PATCH", help="patch files (.json); several are compared")
    one.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="the folder to write into")
    one.add_argument("--seconds", type=length, default=SECONDS, metavar="S", help="how long to play each (default 30)")


def report(given: argparse.Namespace) -> int:
    as_engine()
    from contextlib import ExitStack

    from tqdm import tqdm

    from runtime.artifacts import versions, write_atomically
    from runtime.errors import NodeError
    from runtime.report.examined import examine
    from runtime.report.page import page

    if given.out.exists() and not given.out.is_dir():
        raise NodeError(f"{given.out} is a file; name a folder")
    given.out.mkdir(parents=True, exist_ok=True)
    names = [path.stem for path in given.patch]
    if len(set(names)) < len(names):
        raise NodeError("two of the patches have the same name; rename one, or write two reports")
    found = []
    with ExitStack() as stack:
        form = "{desc} {percentage:3.0f}% |{bar:24}| {elapsed}<{remaining}"
        bar = stack.enter_context(tqdm(total=float(len(given.patch)), bar_format=form, disable=None))
        for number, path in enumerate(given.patch):
            opened = open_told(path, BLOCK)
            with opened.assets.lock("report", shared=True):

                def told(done: float, text: str, number: int = number, name: str = path.stem) -> None:
                    bar.set_description_str(f"{name}: {text}", refresh=False)
                    bar.update(number + done - bar.n)

                found.append(examine(opened, given.out, given.seconds, told))
        bar.update(len(given.patch) - bar.n)
    programs = ", ".join(f"{name} {number}" for name, number in sorted(versions().items()))
    write_atomically(given.out / PAGE, page(found, f"made with {programs}").encode())
    print(given.out / PAGE)
    return 1 if any(one.problems for one in found) else 0
