"""Tags that an artist gives to slices: kept in the node's view as plain data, found again in a corpus that was cut anew.

`Node.view["tags"]` is {tag: {"reason": words, "slices": [[recording, start, end], ...]}}, where a recording is named by the first
letters of its fingerprint, so that it may be moved and renamed, and start and end are its frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runtime.corpus import Corpus
from runtime.patch import Node

KEY = "tags"
LETTERS = 16
Part = tuple[str, int, int]


@dataclass(frozen=True)
class Tag:
    """Parts of recordings, and why they belong together."""

    parts: tuple[Part, ...] = ()
    reason: str = ""


def tags_of(node: Node) -> dict[str, Tag]:
    """The tags of a node by name; what is not understood is left out."""
    found = node.view.get(KEY)
    if not isinstance(found, Mapping):
        return {}
    tags = {}
    for name, data in found.items():
        if isinstance(data, Mapping) and isinstance(data.get("slices"), list | tuple):
            parts = tuple(part for item in data["slices"] if (part := _part(item)) is not None)
            tags[str(name)] = Tag(parts, str(data.get("reason", "")))
    return tags


def _part(item: Any) -> Part | None:
    if isinstance(item, list | tuple) and len(item) == 3 and isinstance(item[0], str):
        source, start, end = item
        if type(start) is int and type(end) is int and 0 <= start <= end:
            return source, start, end
    return None


def parts(corpus: Corpus, numbers: Iterable[int]) -> tuple[Part, ...]:
    """Slices of a corpus, by their numbers, as they are kept in a tag."""
    chosen = (corpus.slices[number] for number in numbers)
    return tuple((corpus.recordings[one.recording].sha256[:LETTERS], one.start, one.end) for one in chosen)


def tagged(node: Node, name: str, more: Iterable[Part], reason: str = "") -> Node:
    """The node with more slices under a tag; an empty reason leaves what was said."""
    old = tags_of(node).get(name, Tag())
    every = tuple(dict.fromkeys((*old.parts, *more)))
    data = {"reason": reason or old.reason, "slices": [list(part) for part in every]}
    return _with(node, {**_data(node), name: data})


def untagged(node: Node, name: str) -> Node:
    """The node without a tag."""
    return _with(node, {key: data for key, data in _data(node).items() if key != name})


def members(corpus: Corpus, tag: Tag) -> np.ndarray:
    """Which slices carry a tag: those whose middle lies in one of its parts. bool [slices]."""
    found = np.zeros(len(corpus.slices), bool)
    if not tag.parts or not corpus.slices:
        return found
    sources = {one.sha256[:LETTERS]: number for number, one in enumerate(corpus.recordings)}
    ranges: dict[int, list[tuple[int, int]]] = {}
    for source, start, end in tag.parts:
        if source in sources:
            ranges.setdefault(sources[source], []).append((start, end))
    slices = np.array([(one.recording, one.start, one.end) for one in corpus.slices])
    middle = (slices[:, 1] + slices[:, 2]) // 2
    for recording, every in ranges.items():
        mine = np.flatnonzero(slices[:, 0] == recording)
        places = np.sort(middle[mine])
        order = mine[np.argsort(middle[mine], kind="stable")]
        for start, end in every:
            found[order[np.searchsorted(places, start) : np.searchsorted(places, end)]] = True
    return found


def _data(node: Node) -> dict[str, Any]:
    found = node.view.get(KEY)
    return dict(found) if isinstance(found, Mapping) else {}


def _with(node: Node, data: dict[str, Any]) -> Node:
    view = {key: value for key, value in node.view.items() if key != KEY}
    return replace(node, view={**view, KEY: data} if data else view)
