"""Takes in words, and what is exported of them: gestures as a table, landmarks as arrays, sound as a file."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runtime.artifacts import Assets, fingerprint, write_atomically
from runtime.errors import ArtifactError, in_words
from runtime.takes.seen import read_seen
from runtime.takes.take import INPUT, Take, patch_of, sound_blocks

TOLD = 10
"""Lines of what was told on stage that `describe` shows."""


def describe(take: Take) -> str:
    """What a take holds, for people."""
    loads = [event for event in take.events if event.kind == "load"]
    kinds = Counter(event.kind for event in take.events)
    fed = Counter(event.data[0] for event in take.events if event.kind == "feed")
    lines = [
        f"take      {take.name}, {_state(take)}",
        f"recorded  {take.header.get('started', 'nobody knows when')}, glasspatch "
        f"{_mapping(take.header, 'versions').get('glasspatch', 'of an unknown version')}",
        f"patch     {take.header.get('patch', 'unknown')}",
        f"length    {_clock(take.seconds)}, {take.blocks} blocks of {take.block} frames at {take.sample_rate} Hz",
    ]
    if take.first:
        lines.append(f"begins    {_clock(take.first * take.block / take.sample_rate)} into the performance, which it holds too")
    sound = f"{take.sound.name}, {take.frames} frames of {take.header['channels']} channels" if take.sound else "not there"
    lines += [f"sound     {sound}{', sha256 ' + take.end['sha256'] if take.end else ''}"]
    lines += [f"input     {INPUT}, what the sound card heard"] if take.input else []
    for (node, output), gesture in take.gestures.items():
        lines.append(f"fed       {node}.{output}, {fed[node]} times: {', '.join(gesture.names)}")
    lines += _seen(take)
    counts = {
        "edits": max(len(loads) - 1, 0),
        "params set": kinds["set"],
        "feeds": kinds["feed"],
        "taught": kinds["taught"],
        "failures": kinds["mute"],
    }
    lines.append("events    " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    lines += _artifacts(take)
    told = [event for event in take.events if event.kind == "tell"]
    for event in told[:TOLD]:
        text = event.data if isinstance(event.data, str) else json.dumps(event.data)
        lines.append(f"told      at {take.seconds_of(event.block):.1f} s: {text}")
    lines += [f"told      and {len(told) - TOLD} times more"] if len(told) > TOLD else []
    return "\n".join(lines)


def _state(take: Take) -> str:
    if take.end is None:
        return "cut short: it holds what was written until then"
    return f"whole up to where it had to end: {take.end['failure']}" if take.end.get("failure") else "whole"


def _seen(take: Take) -> list[str]:
    landmarks, videos = read_seen(take.path)
    lines = [f"landmarks {found.node}, {found.seen} pictures, {found.most} points" for found in landmarks]
    for video in videos:
        seconds = float(np.ptp(video.blocks)) * take.block / take.sample_rate
        left_out = f" ({video.left_out} left out: the machine was too slow)" if video.left_out else ""
        lines.append(f"video     {video.path.name}, {_clock(seconds)}, {len(video.blocks)} pictures{left_out}")
    return lines


def _artifacts(take: Take) -> list[str]:
    patch = patch_of(take)
    lines = []
    for place, then in sorted(_mapping(take.header, "artifacts").items()):
        node, _, output = place.partition(".")
        found = Assets(patch).artifact(node, output) if patch else None
        if patch is None:
            now = "the patch is in no folder above the take, so nobody knows whether it is still the same"
        elif found is None or not found.path.exists():
            now = "is not there any more"
        else:
            now = "still the same" if fingerprint(found.path) == then else "is another one now"
        lines.append(f"made      {place}, {str(then)[:12]}: {now}")
    return lines


def _mapping(header: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = header.get(key)
    return found if isinstance(found, dict) else {}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60.0)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}:{rest:04.1f}"


def export(take: Take, out: Path) -> None:
    """Writes a take's gestures (.csv: seconds of the sound, then a column for each dimension), landmarks (.npz, see `_npz`) or
    sound (.wav, .flac: 24 bits), whole or not at all; an older file is replaced. Raises ArtifactError."""
    from runtime.render import FORMATS, write_sound

    suffix = out.suffix.lower()
    if out.is_dir() or out.resolve().is_relative_to(take.path.resolve()):
        raise ArtifactError(f"{out} must be a file outside the take's own folder")
    if suffix not in (".csv", ".npz") and suffix not in FORMATS:
        raise ArtifactError(f"{out.name} must end in .csv (gestures), .npz (landmarks), .wav or .flac (sound)")
    try:
        if suffix == ".npz":
            write_atomically(out, _npz(take), through_links=True)
            return
        if suffix == ".csv":
            write_atomically(out, _csv(take).encode(), through_links=True)
        else:
            write_sound(out, sound_blocks(take), take.sample_rate, int(take.header["channels"]))
    except OSError as error:
        raise ArtifactError(f"{out} was not written: {in_words(error)}") from error


def _npz(take: Take) -> bytes:
    """For each node NODE that found points: `NODE.seconds` float64 [pictures] of the sound; `NODE.points` float32 [pictures,
    points, 2 or 3], in parts of the picture (z: of its width), NaN where nothing was seen; `NODE.sizes` int64 [pictures, 2],
    width and height in pixels."""
    arrays: dict[str, np.ndarray] = {}
    for found in read_seen(take.path)[0]:
        arrays[f"{found.node}.seconds"] = (found.blocks - take.first) * (take.block / take.sample_rate)
        arrays[f"{found.node}.points"], arrays[f"{found.node}.sizes"] = found.points(), found.sizes
    if not arrays:
        raise ArtifactError(f"{take.name} holds no landmarks")
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _csv(take: Take) -> str:
    """A line for the beginning of the sound and for each block with news; a value holds until its next, and is empty before."""
    gestures = take.gestures
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(
        ["seconds", *(f"{node}.{output}.{name}" for (node, output), gesture in gestures.items() for name in gesture.names)]
    )
    blocks = np.unique(np.concatenate([np.array([take.first]), *(gesture.blocks for gesture in gestures.values())]))
    blocks = blocks[blocks >= take.first]
    columns: list[list[str]] = []
    for gesture in gestures.values():
        rows = np.searchsorted(gesture.blocks, blocks, side="right") - 1
        for dim in range(len(gesture.names)):
            texts = [str(value) for value in gesture.values[:, dim]]
            columns.append([texts[row] if row >= 0 else "" for row in rows])
    for number, block in enumerate(blocks):
        writer.writerow([f"{take.seconds_of(int(block)):.6f}", *(column[number] for column in columns)])
    return file.getvalue()
