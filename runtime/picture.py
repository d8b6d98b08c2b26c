"""One picture of a performance: what sounded, and the gestures and latents that made it sound so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import write_atomically
from runtime.engine import Engine

POINTS = 2000
"""Points per curve: about one per pixel of the picture."""
INK, PAPER, GRID, QUIET = "#d7dce5", "#15181e", "#2a2f39", "#8a93a3"
LINES = ("#5fd38d", "#4fa9f0", "#e8a94a", "#b48cf2", "#f07a7a", "#6fd6d6", "#d9d36a", "#e08ac4")


class Curves:
    """Remembers every CONTROL output of an engine while it renders, at most one value per block."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names = engine.control_outputs()
        self.values: dict[tuple[str, str], list[np.ndarray]] = {port: [] for port in self.names}
        self.sound: list[np.ndarray] = []

    def take(self, sound: np.ndarray) -> None:
        """Call after each block, with what it gave."""
        self.sound.append(sound.mean(axis=0))
        for (node, output), found in self.values.items():
            found.append(self.engine.value(node, output)[:, -1].copy())


def draw(path: Path, curves: Curves, title: str) -> None:
    """Waveform, spectrogram and each CONTROL output with its names, over one time axis, as a PNG written atomically."""
    write_atomically(path, drawn(curves, title), through_links=True)


def drawn(curves: Curves, title: str = "") -> bytes:
    """The same picture as the bytes of a PNG."""
    rate = curves.engine.sample_rate
    sound = np.concatenate(curves.sound) if curves.sound else np.zeros(1, np.float32)
    seconds = max(len(sound) / rate, 1e-3)
    panels = {key: np.array(found).T for key, found in curves.values.items() if found}
    heights = [1.0, 2.0] + [0.7 if len(rows) == 1 else 1.6 for rows in panels.values()]
    with paper() as pyplot:
        size = (12, 1.1 * sum(heights) + 0.8)
        figure, axes = pyplot.subplots(len(heights), 1, figsize=size, height_ratios=heights, sharex=True, constrained_layout=True)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=12)
        _waveform(axes[0], sound, seconds)
        _spectrogram(axes[1], sound, rate, seconds)
        for axis, ((node, output), rows) in zip(axes[2:], panels.items(), strict=True):
            _lines(axis, rows, curves.names[node, output], seconds)
            axis.set_ylabel(f"{node}\n{output}")
        axes[-1].set_xlabel("seconds")
        axes[-1].set_xlim(0, seconds)
        return as_png(figure)


@contextmanager
def paper() -> Iterator[Any]:
    """matplotlib's pyplot, drawing on our paper with our inks; what it draws goes to no screen."""
    import warnings

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style: Mapping[str, object] = {
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "axes.edgecolor": GRID,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "font.size": 9,
        "font.family": "DejaVu Sans",
        "text.parse_math": False,  # a $ in the artist's names is a $
    }
    with warnings.catch_warnings(), pyplot.rc_context(dict(style)):
        warnings.simplefilter("ignore")  # about letters that the font lacks, and names too long for the page
        yield pyplot


def as_png(figure: Any, grid: bool = True) -> bytes:
    """A figure of `paper` as the bytes of a PNG, its axes in our manner; the figure is closed."""
    import io

    from matplotlib import pyplot

    for axis in figure.axes:
        axis.grid(grid, **({"color": GRID, "linewidth": 0.5} if grid else {}))
        axis.spines[:].set_visible(False)
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return made.getvalue()


def _waveform(axis: Any, sound: np.ndarray, seconds: float) -> None:
    columns = min(POINTS, len(sound))
    parts = np.array_split(sound, columns)
    times = np.linspace(0, seconds, columns)
    axis.fill_between(times, [part.min() for part in parts], [part.max() for part in parts], color=LINES[1], linewidth=0)
    loudest = max(float(np.abs(sound).max()), 1e-3)
    axis.set_ylim(-1.05 * loudest, 1.05 * loudest)
    axis.set_ylabel("sound")


def _spectrogram(axis: Any, sound: np.ndarray, rate: int, seconds: float) -> None:
    frame, hop = 2048, max(len(sound) // POINTS, 256)
    padded = np.pad(sound, (0, frame))
    starts = range(0, len(sound), hop)
    window = np.hanning(frame)
    power = np.array([np.abs(np.fft.rfft(padded[start : start + frame] * window)) ** 2 for start in starts]).T
    decibels = 10 * np.log10(power / max(power.max(), 1e-12) + 1e-9)
    edges = np.linspace(0, seconds, power.shape[1] + 1), np.linspace(0, rate / 2000, power.shape[0] + 1)
    axis.pcolormesh(*edges, decibels, cmap="magma", vmin=-80, vmax=0, rasterized=True)
    axis.set_yscale("symlog", linthresh=1.0)
    axis.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axis.set_ylim(0, rate / 2000)
    axis.set_ylabel("kHz")


def _lines(axis: Any, rows: np.ndarray, names: tuple[str, ...], seconds: float) -> None:
    keep = slice(None, None, max(rows.shape[1] // POINTS, 1))
    times = np.linspace(0, seconds, rows.shape[1])[keep]
    for number, row in enumerate(rows):
        label = names[number] if number < len(names) else str(number)
        style = "-" if number < len(LINES) else "--"
        axis.plot(times, row[keep], style, color=LINES[number % len(LINES)], linewidth=1, label=label)
    low, high = float(rows.min()), float(rows.max())
    room = max(0.05 * (high - low), 0.05)  # a curve that rests shall look as if it rests
    axis.set_ylim(low - room, high + room)
    if names == ("support",):
        axis.axhline(1.0, color=QUIET, linewidth=0.8, linestyle=":")
        axis.text(0.0, 1.0, " above: nobody taught this", color=QUIET, fontsize=7, va="bottom")
        axis.set_ylim(0, max(high + room, 1.6))
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False, ncol=1 + len(rows) // 9)
