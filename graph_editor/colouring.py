"""By what the points of a corpus map are coloured: folders, tags, clusters, descriptors. Without dearpygui."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graph_editor.made import MadeCorpus
from runtime.corpus import Tag, members

FOLDERS, TAGS, CLUSTERS = "folder", "tag", "cluster"
HIDDEN = ("x", "y", "cluster")
UNITS = {"seconds": "s", "loudness": "LUFS", "centroid": "Hz", "flatness": "dB", "f0": "Hz", "onset_rate": "a second"}
OCTAVES = ("seconds", "centroid", "f0")
"""Descriptors that are heard in ratios: their colours follow the logarithm."""
RAMP = np.array([(72, 96, 200), (86, 178, 190), (238, 196, 88), (244, 110, 86)], np.float64) / 255.0
"""From the lowest to the highest value; they grow brighter and warmer together."""


def schemes(found: MadeCorpus, tags: Mapping[str, Tag]) -> list[str]:
    """By what the map can be coloured."""
    table = found.corpus.table if found.corpus is not None else None
    names = table.names if table is not None else ()
    chosen = [FOLDERS] + ([TAGS] if tags else []) + ([CLUSTERS] if "cluster" in names else [])
    return chosen + [name for name in names if name not in HIDDEN]


def colours(
    found: MadeCorpus, scheme: str, tags: Mapping[str, Tag], tints: np.ndarray, grey: Sequence[float]
) -> tuple[np.ndarray, list[tuple[str, Sequence[float]]]]:
    """The colour of each slice, float64 [slices, 3] with 0 to 1, and the legend: words with their colour. `tints` [n, 3] are the
    colours of groups, over again where there are more; what has no value is grey."""
    corpus = found.corpus
    assert corpus is not None
    if scheme == TAGS:
        every, names = np.tile(np.asarray(grey, np.float64), (len(corpus.slices), 1)), list(tags)
        for number, name in reversed(list(enumerate(names))):  # of several tags the first is seen
            every[members(corpus, tags[name])] = tints[number % len(tints)]
        return every, [*((name, tints[number % len(tints)]) for number, name in enumerate(names)), ("no tag", grey)]
    column = corpus.table.column(scheme) if corpus.table is not None else None
    if scheme == CLUSTERS and column is not None:
        return _clusters(found, column, tints, grey)
    if column is not None and np.isfinite(column).any():
        return _ramp(scheme, column, grey)
    return tints[found.group_of % len(tints)], [(name, tints[number % len(tints)]) for number, name in enumerate(found.groups)]


def _clusters(
    found: MadeCorpus, column: np.ndarray, tints: np.ndarray, grey: Sequence[float]
) -> tuple[np.ndarray, list[tuple[str, Sequence[float]]]]:
    known = np.isfinite(column)
    numbers = np.where(known, column, 1.0).astype(int) - 1
    every = np.where(known[:, None], tints[numbers % len(tints)], np.asarray(grey, np.float64))
    told = found.notes.get("clusters")
    words = {one["number"]: one["words"] for one in told if isinstance(one, dict)} if isinstance(told, list) else {}
    legend = [
        (f"{one + 1} {words.get(one + 1, '')}".strip(), tints[one % len(tints)]) for one in np.unique(numbers[known]).tolist()
    ]
    return every, legend


def _ramp(scheme: str, column: np.ndarray, grey: Sequence[float]) -> tuple[np.ndarray, list[tuple[str, Sequence[float]]]]:
    known = np.isfinite(column)
    values = np.log(np.maximum(column, 1e-6)) if scheme in OCTAVES else column
    low, high = np.percentile(values[known], (2, 98))
    share = np.clip((values - low) / max(float(high - low), 1e-9), 0.0, 1.0)
    place = np.where(known, share, 0.0) * (len(RAMP) - 1)
    lower = np.minimum(place.astype(int), len(RAMP) - 2)
    part = (place - lower)[:, None]
    every = np.where(known[:, None], RAMP[lower] * (1.0 - part) + RAMP[lower + 1] * part, np.asarray(grey, np.float64))
    ends = np.exp([low, high]) if scheme in OCTAVES else (low, high)
    unit = UNITS.get(scheme, "")
    legend: list[tuple[str, Sequence[float]]] = [
        (f"{ends[0]:.3g} {unit}".strip(), RAMP[0]),
        (f"{ends[1]:.3g} {unit}".strip(), RAMP[-1]),
    ]
    return every, legend + ([] if known.all() else [("unknown", grey)])
