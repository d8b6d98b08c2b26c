"""Puts slices on a map and into groups, by their descriptors: like sounds near each other."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from nodes.corpus_describe import DESCRIPTORS
from runtime.artifacts import Artifact
from runtime.compiled import import_compiled
from runtime.corpus import Corpus, Table
from runtime.corpus_places import arranged, place, standard
from runtime.errors import NodeError
from runtime.node import Job, JobNode
from runtime.spec import ChoiceParam, FloatParam, IntParam, NodeSpec, Port, PortType

X, Y, CLUSTER = "x", "y", "cluster"
FEW = 10
"""Fewer slices have no neighbourhoods that UMAP could learn."""
WORDS = {
    "loudness": ("soft", "loud"),
    "centroid": ("dark", "bright"),
    "flatness": ("tonal", "noisy"),
    "voicing": ("unpitched", "pitched"),
    "onset_rate": ("still", "busy"),
}
"""What a descriptor below and above that of the others is called."""
CLUSTERS = "clusters.json"


def features(table: Table | None) -> np.ndarray:
    """What likeness is judged by, float32 [slices, n]: loudness and brightness first, then noisiness, pitch, sureness of the
    pitch, onsets and timbre; frequencies as octaves. NaN rows are slices that could not be described; a sound without a pitch has
    the middle one, its sureness tells it apart. Raises NodeError where there are no descriptors."""
    names = [name for name in DESCRIPTORS if name != "seconds"]
    if table is None or not all(name in table.names for name in names):
        raise NodeError("the slices are not described yet; put a Describe before this")
    values = table.columns(names).copy()
    for name in ("centroid", "f0"):
        column = values[:, names.index(name)]
        column[:] = np.log2(np.maximum(column, 1.0))
    described = np.isfinite(values[:, names.index("loudness")])
    pitch = values[:, names.index("f0")]
    tones = pitch[np.isfinite(pitch)]
    pitch[described & ~np.isfinite(pitch)] = np.median(tones) if len(tones) else 0.0
    return values


def umap(values: np.ndarray, neighbours: int, distance: float, seed: int) -> np.ndarray:
    """Two axes in which neighbours stay neighbours, float64 [slices, 2] (McInnes, Healy and Melville 2018)."""
    with warnings.catch_warnings():
        # It tells of missing parts that nobody needs here, and that a seed leaves it one thread, as wanted.
        warnings.simplefilter("ignore")
        make = import_compiled("umap").UMAP
        learner = make(n_neighbors=min(neighbours, len(values) - 1), min_dist=distance, random_state=seed % 2**32, n_jobs=1)
        found: np.ndarray = learner.fit_transform(standard(values)[0].astype(np.float32)).astype(np.float64)
    return found


def groups(values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The number of each sound's group, from 1, the largest group first: float32 [slices], NaN for what is not described."""
    from sklearn.cluster import KMeans

    found = np.full(len(values), np.nan, np.float32)
    known = np.isfinite(values).all(axis=1)
    scaled = standard(values[known])[0]
    count = min(count, len(np.unique(scaled, axis=0)))
    if count < 1:
        return found
    labels = KMeans(count, n_init=10, random_state=seed % 2**32).fit_predict(scaled)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    found[known] = np.argsort(order)[labels] + 1
    return found


def in_words(table: Table, chosen: np.ndarray) -> str:
    """What some slices (bool [slices]) have beside the others: "bright, noisy"; at most three words, the clearest first."""
    found = []
    for name, (low, high) in WORDS.items():
        column = table.column(name)
        if column is None:
            continue
        known = np.isfinite(column)
        mine, others = column[known & chosen], column[known & ~chosen]
        if len(mine) and len(others):
            apart = (np.median(mine) - np.median(others)) / max(float(column[known].std()), 1e-9)
            found.append((abs(float(apart)), high if apart > 0 else low))
    clear = sorted((one for one in found if one[0] > 0.5), reverse=True)[:3]
    return ", ".join(word for _, word in clear) or "like the others"


class Layout(JobNode):
    """Put slices on a map: like sounds lie near each other, brighter ones rather to the right, louder ones rather above. PCA is
    quick and keeps the large picture; UMAP takes longer and shows which sounds belong together."""

    spec = NodeSpec(
        type="corpus.layout",
        title="Layout",
        inputs=(Port("corpus", PortType.CORPUS, "slices that are described"),),
        outputs=(Port("corpus", PortType.CORPUS, "the same slices with their places"),),
        params=(
            ChoiceParam(name="method", default="pca", choices=("pca", "umap"), doc="how the map is drawn", live=False),
            IntParam(
                name="neighbours",
                default=15,
                low=2,
                high=200,
                doc="umap: few show small groups, many the large picture",
                live=False,
            ),
            FloatParam(name="distance", default=0.1, low=0.0, high=0.99, doc="umap: how far like sounds keep apart", live=False),
        ),
    )

    def run(self, job: Job, corpus: Artifact, method: str, neighbours: int, distance: float) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        values = features(whole.table)
        known = np.isfinite(values).all(axis=1)
        job.progress(None, "laying out")
        if method == "umap" and known.sum() < FEW:
            job.warn(f"umap needs at least {FEW} slices, and {known.sum()} are described; pca draws this map")
            method = "pca"
        if method == "pca":
            points = place(values)
        else:
            points = np.full((len(values), 2), np.nan, np.float32)
            scaled = standard(values[known])[0]
            points[known] = arranged(umap(values[known], neighbours, distance, job.seed), scaled[:, 1], scaled[:, 0])
        assert whole.table is not None
        table = whole.table.having({X: points[:, 0], Y: points[:, 1]})
        replace(whole, table=table).write(job.folder)
        return {"corpus": job.folder}


class Cluster(JobNode):
    """Find groups of like sounds by themselves: you say how many, it says what each has beside the others. Select or Split can
    then take them by their number."""

    spec = NodeSpec(
        type="corpus.cluster",
        title="Cluster",
        inputs=(Port("corpus", PortType.CORPUS, "slices that are described"),),
        outputs=(Port("corpus", PortType.CORPUS, "the same slices, each with the number of its group"),),
        params=(IntParam(name="count", default=3, low=1, high=64, doc="how many groups", live=False),),
    )

    def run(self, job: Job, corpus: Artifact, count: int) -> dict[str, Path]:
        whole = Corpus.read(corpus.path, job.patch_folder)
        job.progress(None, "finding groups")
        number = groups(features(whole.table), count, job.seed)
        assert whole.table is not None
        found = len(np.unique(number[np.isfinite(number)]))
        if found < count:
            job.warn(f"there are only {found} different sounds, so there are {found} groups")
        words = [
            {"number": one, "slices": int((number == one).sum()), "words": in_words(whole.table, number == one)}
            for one in range(1, found + 1)
        ]
        replace(whole, table=whole.table.having({CLUSTER: number})).write(job.folder)
        (job.folder / CLUSTERS).write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")
        return {"corpus": job.folder}
