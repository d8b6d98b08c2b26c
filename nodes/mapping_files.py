"""What a node was taught, on disk: examples to be read and edited, gestures and weights as plain arrays, never pickled."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import numpy as np

from nodes.regression import Anchor, Examples, Space, digest_of
from runtime.artifacts import write_atomically
from runtime.errors import NodeError

EXAMPLES, FRAMES, WEIGHTS = "examples.json", "examples.npz", "mapping.npz"


def remove(folder: Path) -> None:
    """Removes the files where they are."""
    for name in (EXAMPLES, FRAMES, WEIGHTS):
        (folder / name).unlink(missing_ok=True)


def write_examples(folder: Path, examples: Examples) -> None:
    """Writes examples.json (names and targets, to be read and edited) and examples.npz (the gestures)."""
    frames = {f"frames_{digest_of(anchor.frames)}": anchor.frames for anchor in examples.anchors}
    listed = [
        {
            "name": anchor.name,
            # The shortest text that reads as the same float32: 0.1, not 0.10000000149011612.
            "target": {name: float(str(value)) for name, value in zip(examples.targets, anchor.target, strict=True)},
            "frames": f"frames_{digest_of(anchor.frames)}",
        }
        for anchor in examples.anchors
    ]
    document: dict[str, Any] = {"format": 1, "gesture": list(examples.gesture), "targets": list(examples.targets)}
    document["anchors"] = listed
    if examples.space is not None:
        document["model"] = asdict(examples.space)
    # Frames are called by their content, and the old ones stay until the list is written: so the two files fit together even
    # when the power goes between them.
    old: dict[str, np.ndarray] = {}
    with suppress(OSError, ValueError, NodeError):
        old = unpacked(folder / FRAMES)
    write_atomically(folder / FRAMES, packed({**old, **frames}))
    write_atomically(folder / EXAMPLES, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")
    if old.keys() - frames.keys():
        write_atomically(folder / FRAMES, packed(frames))


def read_examples(folder: Path) -> Examples:
    """Reads what `write_examples` wrote; no examples where the folder holds none. Raises NodeError where they are damaged."""
    path = folder / EXAMPLES
    if not path.exists() and not (folder / FRAMES).exists():
        return Examples()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != 1:
            raise NodeError(f"{path} was written by a newer version of this program (format {document['format']}); update it")
        frames = unpacked(folder / FRAMES)
        gesture, targets = tuple(map(str, document["gesture"])), tuple(map(str, document["targets"]))
        anchors = tuple(
            Anchor(
                name=str(entry["name"]),
                target=np.array([float(entry["target"][name]) for name in targets], np.float32),
                frames=frames[entry["frames"]].astype(np.float32),
            )
            for entry in document["anchors"]
        )
        for anchor in anchors:
            if anchor.frames.ndim != 2 or anchor.frames.shape[1] != len(gesture) or not len(anchor.frames):
                raise ValueError(f"the gestures of anchor {anchor.name!r} have the shape {anchor.frames.shape}")
            if not (np.isfinite(anchor.target).all() and np.isfinite(anchor.frames).all()):
                raise ValueError(f"anchor {anchor.name!r} holds values that are no numbers")
        if len({anchor.name for anchor in anchors}) < len(anchors):
            raise ValueError("two anchors have the same name")
        space = document.get("model")
        space = Space(int(space["latents"]), str(space["axes"]), str(space["file"])) if space is not None else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise NodeError(
            f"the examples in {folder} cannot be read ({what}); put back {EXAMPLES} and "
            f"{FRAMES} from a copy, or move them away and teach anew"
        ) from error
    return Examples(gesture, targets, anchors, space)


def write_mapping(folder: Path, mapping: Any) -> None:
    """Writes what was learnt, a dataclass of numbers, words, arrays and tuples of arrays, as plain arrays."""
    arrays: dict[str, np.ndarray] = {}
    for field in fields(mapping):
        value = getattr(mapping, field.name)
        parts = {f"{field.name}_{number}": part for number, part in enumerate(value)} if isinstance(value, tuple) else {}
        arrays |= parts if isinstance(value, tuple) else {field.name: np.asarray(value)}
    write_atomically(folder / WEIGHTS, packed(arrays))


def read_mapping(folder: Path, kind: type[Any]) -> Any:
    """What was learnt, of that `kind`; None where there is none or it is damaged, for it can be made anew from the examples.

    A `kind` has a method `is_sound`, which tries it and says whether it answers with numbers."""
    try:
        arrays = unpacked(folder / WEIGHTS)
        if "weights_0" in arrays or "neighbours" in arrays:  # all there was when no method was written
            arrays.setdefault("method", np.asarray("mlp" if "weights_0" in arrays else "knn"))
        mapping = kind(**{name: _value(name, hint, arrays) for name, hint in get_type_hints(kind).items()})
        return mapping if mapping.is_sound() else None
    except (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError):
        return None


def _value(name: str, kind: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if get_origin(kind) is tuple:
        names = [part for number in range(len(arrays)) if (part := f"{name}_{number}") in arrays]
        return tuple(arrays[part] for part in names)
    return arrays[name] if kind is np.ndarray else kind(arrays[name][()])


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of an npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def unpacked(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file. Nothing in it is ever run: pickles are refused. Raises OSError or ValueError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError):
        raise
    except Exception as error:  # whatever zip, its four ways of packing, and numpy raise for bytes that are not theirs
        raise ValueError(f"{path.name} is damaged: {error}") from error
