"""Which slices fit what an artist says about them: by folder, by name, by tag, by cluster, by the range of a descriptor."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

import numpy as np

from nodes.corpus_describe import DESCRIPTORS
from runtime.corpus import Corpus, members
from runtime.errors import NodeError
from runtime.spec import ChoiceParam, TextParam

NUMBER = r"([+-]?\d+(?:\.\d+)?)"
BY = ChoiceParam(
    name="by",
    default="folder",
    choices=("folder", "name", "tag", "cluster", "descriptor"),
    doc="what decides: the folder a recording lies in, its file's name, a tag, a cluster, or a descriptor",
    live=False,
)
DESCRIPTOR = ChoiceParam(
    name="descriptor", default="loudness", choices=tuple(DESCRIPTORS), doc="descriptor: which of them", live=False
)


def what(name: str, doc: str) -> TextParam:
    """A param that says which slices."""
    return TextParam(
        name=name,
        doc=f"{doc}: names or numbers with commas between; * stands for anything; a range as -40..-20, > 500 or < 2",
        live=False,
    )


def fitting(corpus: Corpus, by: str, descriptor: str, words: str) -> np.ndarray:
    """Which slices fit, bool [slices]. Raises NodeError, with what there is to choose from, for words that say nothing that can
    be understood or that the corpus does not know."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    if not wanted:
        raise NodeError(f"it is not said which {by} to take; {choice(corpus, by, descriptor)}")
    if by == "descriptor":
        values = known(corpus, descriptor)
        return np.any([within(values, word) for word in wanted], axis=0)
    if by == "cluster":
        return np.isin(known(corpus, "cluster"), [whole(word) for word in wanted])
    if by == "tag":
        lower = {name.lower(): name for name in corpus.tags}
        for word in wanted:
            if word.lower() not in lower:
                raise NodeError(f"no slice is tagged {word!r}; {choice(corpus, by, descriptor)}")
        return np.any([members(corpus, corpus.tags[lower[word.lower()]]) for word in wanted], axis=0)
    fits = in_folder if by == "folder" else named
    of_recording = np.array([any(fits(one.path, word.lower()) for word in wanted) for one in corpus.recordings], bool)
    return of_recording[[piece.recording for piece in corpus.slices]]


def in_folder(path: str, pattern: str) -> bool:
    """Whether a recording lies in a folder that is called so, or below one."""
    parents = list(PurePosixPath(path.lower()).parents)[:-1]
    return any(fnmatchcase(one, pattern.strip("/")) for parent in parents for one in (parent.name, str(parent)))


def named(path: str, pattern: str) -> bool:
    """Whether a recording's file is called so; words without a star may stand anywhere in its name."""
    name = PurePosixPath(path.lower()).name
    return fnmatchcase(name, pattern) if re.search(r"[*?\[]", pattern) else pattern in name


def known(corpus: Corpus, column: str) -> np.ndarray:
    """A column of the table. Raises NodeError that says which node makes it."""
    found = corpus.table.column(column) if corpus.table is not None else None
    if found is None:
        raise NodeError(
            "the slices have no clusters yet; put a Cluster before this"
            if column == "cluster"
            else f"the slices have no {column} yet; put a Describe before this"
        )
    return found


def within(values: np.ndarray, words: str) -> np.ndarray:
    """Which values lie in a range such as `-40..-20`, `500..`, `> 500` or `<= 2`; what is not known (NaN) lies in none."""
    text = words.replace(" ", "").replace("to", "..").replace("\u2026", "..")
    if span := re.fullmatch(rf"{NUMBER}?\.\.{NUMBER}?", text):
        low, high = (float(one) if one else None for one in span.groups())
        if (low is not None or high is not None) and (low is None or high is None or low <= high):
            return (values >= (low if low is not None else -np.inf)) & (values <= (high if high is not None else np.inf))
    elif one := re.fullmatch(rf"([<>]=?){NUMBER}", text):
        limit = float(one[2])
        compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[one[1]]
        found: np.ndarray = compare(values, limit)
        return found
    raise NodeError(f"a range must be written as -40..-20, 500.., > 500 or < 2, got {words!r}")


def whole(word: str) -> int:
    """The number of a cluster."""
    if not word.isdecimal():
        raise NodeError(f"a cluster must be a number, got {word!r}")
    return int(word)


def choice(corpus: Corpus, by: str, descriptor: str) -> str:
    """What there is to choose from, in words."""
    if by == "descriptor":
        values = known(corpus, descriptor)
        values = values[np.isfinite(values)]
        unit = DESCRIPTORS[descriptor]
        return (
            f"{descriptor} goes from {values.min() + 0.0:.4g} to {values.max() + 0.0:.4g} {unit}".rstrip()
            if len(values)
            else (f"no slice has a {descriptor}")
        )
    if by == "cluster":
        numbers, counts = np.unique(known(corpus, "cluster"), return_counts=True)
        return "the clusters are " + listed(
            f"{number:.0f} ({count})" for number, count in zip(numbers, counts, strict=True) if number == number
        )
    if by == "tag":
        if not corpus.tags:
            return "no slice has a tag; draw around some on a map, or put a Tag before this"
        return "the tags are " + listed(f"{name} ({members(corpus, tag).sum()})" for name, tag in corpus.tags.items())
    names = [PurePosixPath(one.path).parent.name if by == "folder" else PurePosixPath(one.path).name for one in corpus.recordings]
    found = dict.fromkeys(names[piece.recording] for piece in corpus.slices)
    return f"the {'folders' if by == 'folder' else 'files'} are " + listed(found)


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names in a row, the first ones of very many."""
    every = list(names)
    rest = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + rest
