"""One picture of a corpus: what of it can be used, how loud it is, and its sounds from soft to loud and from dark to bright."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from runtime.corpus import Corpus, Table

INK, PAPER, GRID, QUIET = "#d7dce5", "#15181e", "#2a2f39", "#8a93a3"
GOOD, DULL, BAD, TWICE = "#5fd38d", "#4a5261", "#f07a7a", "#e8a94a"
COLOURS = ("#e8a94a", "#4fa9f0", "#b48cf2", "#5fd38d", "#f07a7a", "#6fd6d6", "#d9d36a", "#8a93a3")
DOTS = 5000
"""Sounds that are drawn; of more, every so many."""


def draw(path: Path, found: Mapping[str, Any], corpus: Corpus, table: Table) -> None:
    """Writes the picture as a PNG; the same numbers give the same bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {
        "font.size": 15,
        "axes.facecolor": PAPER,
        "axes.edgecolor": GRID,
        "axes.labelcolor": QUIET,
        "axes.titlecolor": INK,
        "axes.titlelocation": "left",
        "axes.titlesize": 16,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
    }
    with rc_context(style):
        figure = Figure(figsize=(7.2, 9.6), dpi=110, facecolor=PAPER, layout="constrained")
        FigureCanvasAgg(figure)
        parts, levels, sounds = figure.subplots(3, 1, height_ratios=[1.0, 2.2, 4.2])
        _parts(parts, found)
        _levels(levels, found, table)
        _sounds(sounds, corpus, table)
        figure.savefig(path, facecolor=PAPER, metadata={"Software": None})


def _parts(axis: Any, found: Mapping[str, Any]) -> None:
    """What can be used and what cannot, as one bar."""
    units = (("seconds", 1.0, 120.0), ("minutes", 60.0, 7200.0), ("hours", 3600.0, np.inf))
    unit, size, _ = next(one for one in units if found["seconds"] < one[2])
    left = 0.0
    rest = found["seconds"] - found["usable"] - found["silent"] - found["spoilt"]
    for words, seconds, colour in (
        ("usable", found["usable"], GOOD),
        ("silent", found["silent"], DULL),
        ("clipped", found["spoilt"], BAD),
        ("repeated", max(rest, 0.0), TWICE),
    ):
        width = seconds / size
        axis.barh(0, width, left=left, color=colour, height=0.8, label=words)
        left += width
    axis.set_xlim(0, max(left, 1e-6))
    axis.set_yticks([])
    axis.set_title(f"What can be used ({unit})")
    axis.legend(ncols=4, loc="upper left", bbox_to_anchor=(-0.02, -0.35), frameon=False, handlelength=0.8, fontsize=13)
    axis.spines["left"].set_visible(False)


def _levels(axis: Any, found: Mapping[str, Any], table: Table) -> None:
    """How much sound there is at each loudness."""
    loud, seconds = (np.nan_to_num(table.columns([name])[:, 0], nan=-100.0) for name in ("loudness", "seconds"))
    heard = loud > -70.0
    axis.hist(np.clip(loud[heard], -70, 0), bins=np.arange(-70, 1, 2), weights=seconds[heard] / 60, color="#4fa9f0")
    if found["loudness"] is not None:
        axis.axvspan(found["loudness"]["low"], found["loudness"]["high"], color=INK, alpha=0.08, linewidth=0)
    axis.set_xlim(-70, 0)
    axis.set_title("How loud it is (LUFS)")
    axis.set_ylabel("minutes")


def _sounds(axis: Any, corpus: Corpus, table: Table) -> None:
    """Every slice by brightness and loudness, in the colour of its folder."""
    loud, bright = table.columns(["loudness"])[:, 0], table.columns(["centroid"])[:, 0]
    folders = [PurePosixPath(corpus.recordings[piece.recording].path).parent.name or "." for piece in corpus.slices]
    common = [name for name, _ in Counter(folders).most_common(len(COLOURS) - 1)]
    step = max(len(folders) // DOTS, 1)
    chosen = np.arange(0, len(folders), step)
    known = chosen[np.isfinite(loud[chosen]) & np.isfinite(bright[chosen])]
    group = np.array([common.index(folders[n]) if folders[n] in common else len(COLOURS) - 1 for n in known], int)
    for number in np.unique(group):
        mine = known[group == number]
        name = common[number] if number < len(common) else "others"
        axis.scatter(bright[mine], np.maximum(loud[mine], -70), s=14, alpha=0.7, linewidth=0, color=COLOURS[number], label=name)
    axis.set_xscale("log")
    axis.set_xticks([100, 200, 500, 1000, 2000, 5000, 10000], ["100", "200", "500", "1k", "2k", "5k", "10k"])
    axis.minorticks_off()
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.set_title("Dark to bright (Hz), soft to loud (LUFS)")
    if len(common) > 1:
        axis.legend(frameon=False, fontsize=13, markerscale=2, ncols=2, loc="lower left")
