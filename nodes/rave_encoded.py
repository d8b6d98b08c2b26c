"""A corpus as a model hears it: the latents of every slice, which slice a latent is nearest to, which region they cover.

`latents.npz` lies beside `corpus.json`. Nothing here knows of nodes, models or torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.errors import NodeError

FILE = "latents.npz"
MOST_POINTS = 200_000
"""Latent frames among which the nearest is looked for: of each slice evenly as many as fit, at least one."""
LOOKED_INTO = 8
"""Cells that are looked into, nearest first. Measured with 50,000 slices and 8 or 16 latents: 0.05 to 0.1 ms; near a slice the
very nearest is found 99 times of 100, far from all 8 to 9 times of 10, else one up to 15 % farther away. A tree takes 0.04 to
0.6 ms near a slice, but 50 to 600 ms far from all, for which no sound card waits."""
COVERED = 0.99
"""Part of the corpus's latent frames that lies within the region it covers."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a model hears in a corpus.

    `frames` [n, latents] are the means of all latent frames, those of slice s from `first`[s] to `first`[s + 1]. `points` are the
    frames that are looked through, cell by cell from `cells`[c] to `cells`[c + 1] around `centres`[c], of the slices `slices`.
    The region is an ellipsoid: |(z - mean) @ axes| <= edge."""

    model: str
    frames: np.ndarray
    first: np.ndarray
    points: np.ndarray
    slices: np.ndarray
    centres: np.ndarray
    cells: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    edge: float

    @property
    def latents(self) -> int:
        return int(self.frames.shape[1])


def encoded(model: str, found: list[np.ndarray], seed: int) -> Encoded:
    """From the latent frames of each slice, [frames >= 1, latents], heard by the model of that fingerprint."""
    counts = np.array([len(one) for one in found])
    frames = np.concatenate(found).astype(np.float32)
    first = np.concatenate([[0], np.cumsum(counts)])
    share = max(MOST_POINTS // len(counts), 1)
    chosen = np.concatenate(
        [
            start + np.linspace(0, count - 1, min(count, share)).round().astype(int)
            for start, count in zip(first, counts, strict=False)
        ]
    )
    slices = np.repeat(np.arange(len(counts)), np.minimum(counts, share))
    centres, of_cell = _cells(frames[chosen], seed)
    order = np.argsort(of_cell, kind="stable")
    cells = np.searchsorted(of_cell[order], np.arange(len(centres) + 1))
    mean, axes, edge = _region(frames)
    return Encoded(model, frames, first, frames[chosen][order], slices[order].astype(np.int32), centres, cells, mean, axes, edge)


def _cells(points: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """About as many centres as a cell has points, and the cell of each point."""
    from sklearn.cluster import MiniBatchKMeans

    count = max(round(len(points) ** 0.5), 1)
    if len(np.unique(points[: 2 * count + 1], axis=0)) < 2 or count == 1:
        return points[:1].copy(), np.zeros(len(points), int)
    some = points[:: -(-len(points) // (40 * count))]
    model = MiniBatchKMeans(count, random_state=seed % 2**32, n_init=1, batch_size=4096, max_iter=10).fit(some)
    used, of_cell = np.unique(model.predict(points), return_inverse=True)
    return model.cluster_centers_[used].astype(np.float32), of_cell


def _region(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The ellipsoid around the frames: their mean, axes that make their spread 1 in every direction, and the distance within
    which COVERED of them lie."""
    wide = frames.astype(np.float64)
    mean = wide.mean(0)
    spread = np.atleast_2d(np.cov(wide.T, bias=True)) if len(wide) > 1 else np.zeros((wide.shape[1],) * 2)
    values, vectors = np.linalg.eigh(spread)
    # A direction in which the corpus never moves is as wide as a hundredth of the widest: 0 would forbid it altogether.
    least = max(float(values.max()) * 1e-4, 1e-6)
    axes = vectors / np.sqrt(np.maximum(values, least))
    edge = float(np.quantile(np.linalg.norm((wide - mean) @ axes, axis=1), COVERED))
    return mean, axes, max(edge, 1e-3)


def write(folder: Path, made: Encoded) -> None:
    """Writes it beside the corpus."""
    np.savez(folder / FILE, **{name: np.asarray(value) for name, value in vars(made).items()})


def read(folder: Path) -> Encoded:
    """Reads what `write` wrote. Raises NodeError where there is none, or where it is damaged."""
    path = folder / FILE
    if not path.exists():
        raise NodeError("this corpus was not heard by a model yet; lead it through Encode corpus first")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in Encoded.__dataclass_fields__}
        made = Encoded(**{**arrays, "model": str(arrays["model"][()]), "edge": float(arrays["edge"][()])})
        Nearest(made).find(made.mean)
    except Exception as error:  # whatever zip, numpy and broken numbers raise
        raise NodeError(f"the latents of the corpus are damaged ({error}); run the patch again to make them anew") from error
    return made


class Nearest:
    """Finds which slice a latent is nearest to, in some tens of microseconds whatever the latent."""

    def __init__(self, made: Encoded) -> None:
        self.slices, self.cells = made.slices, made.cells
        # |z - p|^2 is |z|^2 - 2 z p + |p|^2: one product with the latent and a 1 below it gives the last two.
        self._centres, self._points = _folded(made.centres), _folded(made.points)
        self._given = np.ones(made.latents + 1, np.float32)
        self._exact = made.points

    def find(self, latent: np.ndarray) -> tuple[int, float]:
        """The number of the slice, and the distance to its nearest latent frame."""
        given, cells = self._given, self.cells
        given[:-1] = latent
        away = self._centres.dot(given)
        count = min(LOOKED_INTO, len(away))
        near = np.argpartition(away, count - 1)[:count] if count < len(away) else range(count)
        best, least = 0, np.inf
        for cell in near:
            start = cells[cell]
            found = self._points[start : cells[cell + 1]].dot(given)
            place = int(found.argmin())
            if found[place] < least:
                least, best = float(found[place]), int(start) + place
        difference = self._exact[best] - given[:-1]
        return int(self.slices[best]), float(np.sqrt(difference.dot(difference)))


def _folded(points: np.ndarray) -> np.ndarray:
    wide = points.astype(np.float64)
    return np.concatenate([-2.0 * wide, (wide**2).sum(1, keepdims=True)], axis=1).astype(np.float32)


def spacing(made: Encoded) -> float:
    """How far slices lie from each other: the median, over 1000 slices at most, of the distance from the mean latent of one to
    that of the nearest other; 1 where there is one slice only."""
    from scipy.spatial.distance import cdist

    sums = np.add.reduceat(made.frames.astype(np.float64), made.first[:-1])
    means = (sums / np.diff(made.first)[:, None])[:: -(-(len(made.first) - 1) // 1000)]
    apart = cdist(means, means)
    np.fill_diagonal(apart, np.inf)
    found = float(np.median(apart.min(1)))
    return found if np.isfinite(found) and found > 1e-6 else 1.0


def limited(made: Encoded, latent: np.ndarray, knee: float) -> tuple[np.ndarray, np.ndarray]:
    """`latent` [latents, steps] brought softly into the region, and how far out each was, [steps]: 1 is its edge.

    Up to `knee` (0 to 1, in parts of the way to the edge) nothing changes; beyond, the way is bent so that it never passes the
    edge, however far the latent goes. The direction stays."""
    apart = latent.T - made.mean
    out = np.linalg.norm(apart @ made.axes, axis=1) / made.edge
    room = 1.0 - knee
    beyond = np.maximum(out - knee, 0.0)
    bent = knee + (room * np.tanh(beyond / room) if room > 0 else 0.0)
    share = np.where(out > knee, bent / np.maximum(out, 1e-9), 1.0)
    return (made.mean + apart * share[:, None]).T, out
