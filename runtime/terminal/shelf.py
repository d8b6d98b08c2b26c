"""The command `shelf`: what a training has put on its shelf, and stars for what sounds best."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from runtime.terminal.shared import UsageError, count, open_told


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    one = add("shelf", show, "List the models that a training has kept on its way, with how they sound, and star the best.")
    one.add_argument("node", metavar="NODE", help="the trainer")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--star", type=count, metavar="STEP", help="star this step: it stays, and the output best points at it")
    which.add_argument("--unstar", type=count, metavar="STEP", help="take its star away")


def show(given: argparse.Namespace) -> int:
    from runtime.errors import ArtifactError
    from runtime.shelf import read_shelf, star

    opened = open_told(given.patch, tell=False)
    if given.node not in opened.patch.nodes:
        raise UsageError(f"{given.node} is not a node of {given.patch}")
    shelves = {folder: kept for folder in opened.assets.tries(given.node) if (kept := read_shelf(folder))}
    if not shelves:
        raise UsageError(f"{given.node} has put nothing on its shelf yet; train for a while")
    wanted = given.star or given.unstar
    if wanted:
        folder = next((folder for folder, kept in shelves.items() if wanted in {one.step for one in kept}), None)
        if folder is None:
            steps = sorted({one.step for kept in shelves.values() for one in kept})
            raise ArtifactError(f"there is no step {wanted} on the shelf; there are: {', '.join(map(str, steps))}")
        star(folder, wanted, given.star is not None)
        shelves[folder] = read_shelf(folder)
    for folder, kept in shelves.items():
        print(f"{folder.name}/shelf  (the sounds of each step: phrase.flac, walk.flac; the phrase itself: original.flac)")
        for one in kept:
            print(line_of(one.folder, one.step, one.phase, one.card.get("measures"), one.is_starred, one.model is not None))
    return 0


def line_of(folder: Path, step: int, phase: str, measures: object, is_starred: bool, is_whole: bool) -> str:
    """One step in a line: * where it is starred, its measures, and whether its model is still there."""
    found = measures if isinstance(measures, dict) else {}
    told = [f"distance {found['distance']:.2f}"] if isinstance(found.get("distance"), float) else []
    told += [f"{found['bright']:+.1f} dB above 4 kHz"] if isinstance(found.get("bright"), float) else []
    told += [] if is_whole else ["sounds only"]
    return f"{'*' if is_starred else ' '} step {step:>9}  {phase:3}  {', '.join(told)}"
