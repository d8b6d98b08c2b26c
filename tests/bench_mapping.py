"""What learning and looking up cost: `make bench` prints a table, with one thread for numpy as in the engine.

Medians of many calls, and of blocks the time that nine of ten stay below: some nodes do not look in every block."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nodes import rave_encoded, regression
from nodes.mapping import Regressor
from nodes.mapping_classifier import Classifier
from nodes.mapping_follower import Follower
from nodes.mapping_learner import Learner
from nodes.mapping_space import GestureSpace
from nodes.rave_latents import LatentLoop, Latents
from nodes.regression import Anchor, Examples, Settings
from nodes.regression_methods import METHODS
from runtime.node import Block, Stream

DIMS, LATENTS, ANCHORS, FRAMES = 8, 8, 12, 30
SLICES = 50_000


def cost_of(call: Callable[[], object], part: float = 0.5, times: int = 2000) -> float:
    """Milliseconds that this part of the calls stays below."""
    for _ in range(50):
        call()
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return 1e3 * float(np.quantile(spent, part))


def examples(targets: int) -> Examples:
    """Anchors as an artist records them: a held gesture that trembles."""
    random = np.random.default_rng(0)
    anchors = tuple(
        Anchor(
            f"a{number}",
            random.normal(size=targets).astype(np.float32),
            (random.normal(0.3, 0.1, DIMS) + random.normal(0, 0.01, (FRAMES, DIMS))).astype(np.float32),
        )
        for number in range(ANCHORS)
    )
    return Examples(tuple(f"g{n}" for n in range(DIMS)), tuple(f"z{n}" for n in range(targets)), anchors)


def predictions() -> Iterator[tuple[str, str, str]]:
    """One gesture through each method."""
    taught, gesture = examples(LATENTS), np.random.default_rng(1).normal(0.3, 0.1, (DIMS, 1))
    for method in METHODS:
        began = time.perf_counter()
        mapping = regression.fit(taught, Settings(method))
        fitted = time.perf_counter() - began
        hit = regression.anchor_errors(mapping, taught).mean()
        left_out = regression.leave_one_gesture_out(taught, Settings(method))
        cost = cost_of(lambda mapping=mapping: regression.answer(mapping, gesture))
        wanted = "< 0.05 ms" if method in ("mlp", "ridge") else ""
        yield (
            f"predict one gesture, {method}",
            f"{cost:.4f} ms (fit {fitted:.2f} s, anchors missed by {hit:.2f}, left out R2 {left_out:.2f})",
            wanted,
        )


def blocks() -> Iterator[tuple[str, str, str]]:
    """A block of 512 frames of each node, with a gesture that moves in every step."""
    moving = np.random.default_rng(2).normal(0.3, 0.1, (64, DIMS, 8)).astype(np.float32)
    names = tuple(f"g{n}" for n in range(DIMS))

    def playing(node: object, *params: object, **fixed: object) -> float:
        context = Stream(44100, 512, 0, True, Path(), {"gesture": names, "latent": names})
        node.prepare(context, **fixed)  # type: ignore[attr-defined]
        block, at = Block(512), 0

        def one() -> None:
            nonlocal at
            node.process(block, moving[at % 64], *params)  # type: ignore[attr-defined]
            at, block.start = at + 1, block.start + 512

        return cost_of(one, 0.9)

    def taught(node: Learner, targets: int = 0) -> Learner:
        node.examples = examples(targets)
        return node

    for method in METHODS:
        cost = playing(taught(Regressor(), LATENTS), True, method=method, hidden=8, neighbours=5)
        yield f"block of 512, regressor {method}", f"{cost:.3f} ms", "< 0.2 ms"
    for method in ("knn", "logistic"):
        cost = playing(taught(Classifier()), 0.6, method=method, neighbours=5)
        yield f"block of 512, classifier {method}", f"{cost:.3f} ms", "< 0.2 ms"
    yield "block of 512, gesture follower", f"{playing(taught(Follower()), 0.3, 1.0):.3f} ms", "< 0.2 ms"
    for method in ("pca", "autoencoder"):
        cost = playing(taught(GestureSpace()), 2.0, method=method, dimensions=2)
        yield f"block of 512, gesture space {method}", f"{cost:.3f} ms", "< 0.2 ms"
    yield "block of 512, latents", f"{playing(Latents(), 1.0, 0.0, names='', scales='', biases=''):.3f} ms", "< 0.2 ms"
    loop = LatentLoop()
    yield "block of 512, latent loop (recording)", f"{playing(loop, True, True, 1.0, 100.0):.3f} ms", "< 0.2 ms"


def nearest() -> Iterator[tuple[str, str, str]]:
    """The nearest of 50,000 slices, for latents near and far."""
    random = np.random.default_rng(0)
    for latents in (8, 16):
        centres = random.normal(size=(SLICES // 50, latents)) * np.linspace(1.5, 0.5, latents)
        places = centres[random.integers(0, len(centres), SLICES)] + 0.3 * random.normal(size=(SLICES, latents))
        frames = (places[:, None] + 0.2 * random.normal(size=(SLICES, 4, latents))).astype(np.float32)
        made = rave_encoded.encoded("bench", list(frames), 0)
        search = rave_encoded.Nearest(made)
        near = (frames[random.integers(0, SLICES, 500), 0] + 0.3 * random.normal(size=(500, latents))).astype(np.float32)
        for which, asked in (("near", near), ("far", (3.0 * random.normal(size=(500, latents))).astype(np.float32))):
            true = [float(np.sqrt(((made.points - one) ** 2).sum(1).min())) for one in asked[:100]]
            exact = np.mean([search.find(one)[1] <= best * 1.0001 for one, best in zip(asked, true, strict=False)])
            at = iter(range(10**9))
            cost = cost_of(lambda asked=asked, at=at, search=search: search.find(asked[next(at) % 500]))
            found = f"{cost:.3f} ms (the very nearest: {100 * exact:.0f} %)"
            yield f"nearest of {SLICES} slices, {latents} latents, {which}", found, "< 0.2 ms"
        cost = cost_of(lambda made=made: rave_encoded.limited(made, np.ones((latents, 8), np.float32), 0.7))  # noqa: B023
        yield f"block of 512, soft limit, {latents} latents", f"{cost:.3f} ms", "< 0.2 ms"


def main() -> None:
    rows = [*predictions(), *blocks(), *nearest()]
    width = max(len(row[0]) for row in rows)
    for what, found, wanted in rows:
        print(f"{what:{width}}  {found:62}  {'wanted ' + wanted if wanted else ''}")


if __name__ == "__main__":
    sys.exit(main())
