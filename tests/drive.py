"""Drives one node by hand, as the engine and the runner would, so that a node's numbers can be tested without a patch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runtime.node import Block, Job, JobNode, Stream, StreamNode
from runtime.spec import PathParam


def params_of(node: type, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """All params of a node, coerced; paths made absolute the way the engine and the runner do."""
    values = {}
    for param in node.spec.params:  # type: ignore[attr-defined]
        value = param.coerce(given.get(param.name, param.default))
        if isinstance(param, PathParam):
            value = folder / value if value else None
        values[param.name] = value
    return values


def stream(
    node: StreamNode,
    inputs: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    block: int = 512,
    frames: int = 4096,
    sample_rate: int = 44100,
    folder: Path = Path(),
    names: Mapping[str, tuple[str, ...]] | None = None,
    artifacts: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Prepares a node, renders `frames` of it block by block, closes it, and joins what it gave in time.

    `inputs` are whole signals: AUDIO [channels, frames], CONTROL [dims, frames / 64], or a list of pictures, one per block. The
    result also holds "master" where the node played something, and the node keeps the `Stream` as `node.stream_used`.
    """
    values = params_of(type(node), params or {}, folder)
    live = {param.name for param in node.spec.params if param.live}
    context = Stream(sample_rate, block, seed, True, folder, dict(names or {}))
    node.prepare(context, **{k: v for k, v in values.items() if k not in live}, **(artifacts or {}))
    node.stream_used = context  # type: ignore[attr-defined]
    order = [name for name in inspect.signature(node.process).parameters if name != "block"]
    made: dict[str, list[np.ndarray]] = {}
    now = Block(block)
    for number in range(frames // block):
        now.start, now.master = number * block, []
        arguments = []
        for name in order:
            if name in live:
                arguments.append(values[name])
                continue
            given = (inputs or {}).get(name)
            parts = given if isinstance(given, tuple) else (given,)
            cut = []
            for part in parts:
                if part is None:
                    cut.append(None)
                elif isinstance(part, list):
                    cut.append(part[number])
                else:
                    width = part.shape[1] * block // frames
                    cut.append(part[:, number * width : (number + 1) * width])
            arguments.append(tuple(cut) if isinstance(given, tuple) else cut[0])
        for output, value in node.process(now, *arguments).items():
            made.setdefault(output, []).append(np.array(value))
        for audio in now.master:
            made.setdefault("master", []).append(np.array(audio))
    node.close()
    return {output: np.concatenate(parts, axis=1) if parts[0].ndim == 2 else np.stack(parts) for output, parts in made.items()}


def job(
    node: JobNode,
    folder: Path,
    params: Mapping[str, Any] | None = None,
    *,
    patch_folder: Path,
    artifacts: Mapping[str, Any] | None = None,
    seed: int = 0,
    cancel_after: int | None = None,
) -> tuple[dict[str, Path], list[tuple[float | None, str]], list[str]]:
    """Runs a job in this process; gives its outputs, the progress it reported and its warnings."""
    reports: list[tuple[float | None, str]] = []
    warnings: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    context = Job(
        folder=folder,
        patch_folder=patch_folder,
        seed=seed,
        report=lambda fraction, text: reports.append((fraction, text)),
        is_cancelled=lambda: cancel_after is not None and len(reports) >= cancel_after,
        warn=warnings.append,
    )
    outputs = node.run(context, **params_of(type(node), params or {}, patch_folder), **(artifacts or {}))
    return outputs, reports, warnings
