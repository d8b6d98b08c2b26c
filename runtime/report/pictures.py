"""The pictures of a report, each as the bytes of a PNG: recordings, what a model's latents explain, how the sound follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from runtime.picture import INK, LINES, PAPER, QUIET, as_png, paper
from runtime.report.played import Space

MOST_BARS = 40
"""Recordings that a picture shows, the longest; a picture of 120 names would be read by nobody."""
WIDTH = 9.0


def recordings(seconds: Mapping[str, float]) -> bytes:
    """Seconds of each recording in a corpus, by path, the longest first."""
    shown = sorted(seconds.items(), key=lambda item: -item[1])[:MOST_BARS]
    with paper() as pyplot:
        figure, axis = pyplot.subplots(figsize=(WIDTH, 0.7 + 0.22 * len(shown)), constrained_layout=True)
        places = np.arange(len(shown))[::-1]
        axis.set_axisbelow(True)
        axis.barh(places, [length for _, length in shown], color=LINES[2], height=0.7)
        axis.set_yticks(places, [short(path) for path, _ in shown])
        axis.set_xlabel("seconds in the corpus")
        axis.tick_params(axis="y", length=0)
        return as_png(figure)


def short(path: str, letters: int = 38) -> str:
    """A path that fits beside a bar: its last parts, cut in front."""
    name = PurePosixPath(path).as_posix()
    return name if len(name) <= letters else f"...{name[-letters + 3 :]}"


def fidelity(told: Sequence[float], kept: int) -> bytes:
    """The variance of the corpus that the first latents explain; those that the model has are lit."""
    with paper() as pyplot:
        figure, axis = pyplot.subplots(figsize=(WIDTH, 2.4), constrained_layout=True)
        numbers = np.arange(1, len(told) + 1)
        colours = [LINES[3] if number <= kept else QUIET for number in numbers]
        axis.set_axisbelow(True)
        axis.bar(numbers, 100.0 * np.asarray(told), color=colours, width=0.7)
        axis.axhline(95.0, color=INK, linewidth=0.8, linestyle=":")
        axis.set_ylim(0, 105)
        axis.set_xlim(0.4, len(told) + 0.6)
        axis.set_xlabel("latents")
        axis.set_ylabel("% of the variance")
        return as_png(figure)


def lags(spaces: Sequence[Space]) -> bytes:
    """R2 of the sound from the gesture, by how long the sound lags behind; the band is what chance gives."""
    with paper() as pyplot:
        figure, axis = pyplot.subplots(figsize=(WIDTH, 2.8), constrained_layout=True)
        for number, space in enumerate(spaces):
            if space.lag is None:
                continue
            colour = LINES[number % len(LINES)]
            milliseconds = 1000.0 * np.asarray(space.lag.lags)
            axis.plot(milliseconds, space.lag.scores, color=colour, label=f"{space.node}.{space.output}")
            axis.axhspan(min(space.lag.chance, space.lag.bound), space.lag.bound, color=colour, alpha=0.15, linewidth=0)
            axis.plot([1000.0 * space.lag.best], [space.lag.score], "o", color=colour, markersize=5)
        axis.set_xlabel("milliseconds from gesture to sound")
        axis.set_ylabel("R2 (band: chance)")
        axis.legend(frameon=False, fontsize=8)
        return as_png(figure)


def matrix(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], chance: float) -> bytes:
    """Numbers of -1 to 1, [rows, columns], NaN where nothing can be said; what is no more than chance stays dark."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("paper", [LINES[2], PAPER, LINES[3]])
    with paper() as pyplot:
        figure, axis = pyplot.subplots(figsize=(WIDTH, 0.6 + 0.34 * len(rows)), constrained_layout=True)
        axis.imshow(np.nan_to_num(values), cmap=colours, vmin=-1, vmax=1, aspect="auto")
        axis.set_xticks(range(len(columns)), columns)
        axis.set_yticks(range(len(rows)), rows)
        axis.tick_params(length=0)
        for row, column in np.ndindex(values.shape):
            value = values[row, column]
            weak = not abs(value) > chance
            words = "-" if not np.isfinite(value) else f"{value + 0.0:.2f}"
            strong = abs(np.nan_to_num(value)) > 0.6
            colour = QUIET if weak else PAPER if strong else INK
            axis.text(column, row, words, ha="center", va="center", fontsize=8, color=colour)
        return as_png(figure, grid=False)
