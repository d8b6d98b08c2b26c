"""Which model anchors were recorded for: whether its latents still mean the same, and what to do where they do not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from nodes.regression import Anchor, Examples, Space
from runtime.artifacts import Artifact
from runtime.errors import NodeError
from runtime.trust import require_trust

ANY = Space(0, "", "")
"""Of anchors that the artist has accepted for whatever model comes next."""


@dataclass(frozen=True)
class Place:
    """Anchors as they are played with a model: the examples, how many of the targets are given, and what is wrong in words."""

    examples: Examples
    given: int
    mark: str = ""


def space_of(model: Artifact, known: Space | None) -> Space | None:
    """The latent space of a model; None where it cannot be opened, of which the decoder tells. Only a file that is not the
    `known` one is opened, for that takes part of a second.

    RAVE finds the axes of its latent space in the first phase of a training and freezes them in the second: two models of one
    training have equal axes, and a mapping holds for both."""
    file = model.fingerprint[:16]
    if known is not None and known.file == file:
        return known
    try:
        require_trust(model.path)
    except (NodeError, OSError):
        return None
    import torch

    try:
        opened = torch.jit.load(str(model.path), map_location="cpu")
        latents = int(opened.decode_params[0])
        buffers = [getattr(opened, name).numpy() for name in ("latent_pca", "latent_mean") if hasattr(opened, name)]
    except Exception:  # torch raises many things for what is no model; the decoder says so in words
        return None
    axes = hashlib.sha256(b"".join(np.ascontiguousarray(one, "<f4").tobytes() for one in buffers)).hexdigest()[:16]
    return Space(latents, axes if buffers else file, file)


def placed(examples: Examples, now: Space) -> Place:
    """How anchors are played with the model whose latent space is `now`. What was recorded for another is kept as it is, played
    as far as the model reaches, and marked."""
    count, before = len(examples.targets), examples.space
    if before is not None and before.axes and (before.axes, before.latents) == (now.axes, now.latents):
        return Place(replace(examples, space=now), min(count, now.latents))
    if before == ANY:
        return Place(replace(fitted(examples, now.latents), space=now), now.latents)
    if before is None and count <= now.latents:
        return Place(replace(examples, space=now), count)
    advice = (
        "The mapping is kept; hear the anchors, then record them anew, or press Train to take them as they are for this model "
        "(undo brings the old ones back)"
    )
    had = before.latents if before is not None else count
    if had != now.latents:
        lost = f", so that {', '.join(examples.targets[now.latents :])} lead nowhere" if count > now.latents else ""
        words = f"the anchors were recorded for a model of {had} latents, and this one has {now.latents}{lost}"
    else:
        words = "the model was replaced by one with other latents: the same values mean other sounds now"
    return Place(examples, min(count, now.latents), f"{words}. {advice}")


def fitted(examples: Examples, latents: int) -> Examples:
    """The anchors with targets for so many latents: those too many are dropped, further ones are 0, the middle of the model."""
    kept = examples.targets[:latents]
    further = [name for number in range(latents) if (name := f"z{number}") not in kept][: latents - len(kept)]
    anchors = tuple(
        Anchor(one.name, np.pad(one.target[: len(kept)], (0, len(further))).astype(np.float32), one.frames)
        for one in examples.anchors
    )
    return replace(examples, targets=(*kept, *further), anchors=anchors)
