"""Renders streams as fast as possible: into a sound file, and into a picture of what happened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.engine import Engine
from runtime.errors import NodeError
from runtime.messages import NodeFailed, Problem
from runtime.picture import Curves, draw
from runtime.plan import Step
from runtime.spec import PortType
from runtime.terminal.open import Opened

FORMATS = {".wav": "WAV", ".flac": "FLAC"}
CHANNELS = 2
MOST_BYTES = 2**32 - 2**12
"""Bytes of sound in a WAV file: it counts them with 32 bits."""


@dataclass(frozen=True)
class Rendered:
    """What a render made: frames written, what could not run, what failed on the way, mean seconds per block of each node."""

    frames: int
    sample_rate: int
    problems: tuple[Problem, ...]
    failures: tuple[NodeFailed, ...]
    load: dict[str, float]


def render(
    opened: Opened,
    out: Path,
    seconds: float,
    *,
    picture: Path | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Rendered:
    """Plays the patch for so many seconds into `out` (.wav or .flac, 24 bits, stereo).

    When `stopped` becomes true the file ends there, whole and readable. Raises NodeError where nothing can be heard or the
    file cannot be written; an older file then stays as it was.
    """
    fits = MOST_BYTES / (3 * CHANNELS * opened.plan.settings["sample_rate"])
    if out.suffix.lower() == ".wav" and seconds > fits:
        raise NodeError(f"a wav file holds no more than 4 GB, {fits:.0f} seconds of this patch; render less, or into a .flac")
    _refuse_to_overwrite(opened, out)
    engine = Engine(opened.plan.settings, opened.assets)
    try:
        problems = engine.load(opened.plan)
        if not any(engine.instance(step.node) for step in opened.plan.streams if plays(step)):
            nothing = "nothing can be heard: no sound reaches an Output node that can run"
            raise NodeError("\n".join([*map(str, problems), *map(str, opened.plan.waiting()), nothing]))
        curves = Curves(engine) if picture else None
        frames = write_sound(out, _blocks(engine, seconds, curves, progress, stopped), engine.sample_rate, CHANNELS)
    except BaseException:
        engine.close()
        raise
    load = engine.load_per_node()
    problems += engine.close()
    if picture and curves:
        draw(picture, curves, f"{opened.path.stem} - {frames / engine.sample_rate:.1f} s")
    return Rendered(frames, engine.sample_rate, tuple(problems), tuple(engine.events), load)


def write_sound(path: Path, blocks: Iterator[np.ndarray], sample_rate: int, channels: int) -> int:
    """Writes blocks [channels, frames] into a WAV or FLAC of 24 bits, whole or not at all; gives the number of frames.

    24 bits and not float: a float WAV holds the time of its writing, so that equal sounds would not be equal files. Raises
    NodeError; an older file then stays as it was.
    """
    import soundfile

    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise NodeError(f"{path.name} must end in .wav or .flac")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    frames = 0
    try:
        with soundfile.SoundFile(beside, "w", sample_rate, channels, subtype="PCM_24", format=kind) as file:
            for block in blocks:
                file.write(block.T)
                frames += block.shape[1]
        beside.replace(path)
    except soundfile.LibsndfileError as error:
        older = "; the older file is still there" if path.exists() else ""
        raise NodeError(f"{path} was not written ({error}); is the disk full?{older}") from error
    finally:
        beside.unlink(missing_ok=True)
    return frames


def _blocks(
    engine: Engine, seconds: float, curves: Curves | None, progress: Callable[[float], None], stopped: Callable[[], bool]
) -> Iterator[np.ndarray]:
    """The engine's blocks, the last one cut to the very frame."""
    total = round(seconds * engine.sample_rate)
    while engine.frame < total and not stopped():
        left = total - engine.frame
        sound = engine.render()[:, :left]
        if curves is not None:
            curves.take(sound)
        yield sound
        progress(min(engine.frame / total, 1.0))


def _refuse_to_overwrite(opened: Opened, out: Path) -> None:
    """Raises NodeError where `out` is a folder, or a file that the patch itself uses."""
    if out.is_dir():
        raise NodeError(f"{out} is a folder; name a file in it, such as {out / 'performance.wav'}")
    for step in opened.plan.steps.values():
        used = [value for value in step.values(opened.assets.patch_folder).values() if isinstance(value, Path)]
        if any(out.resolve() == path.resolve() for path in used):
            raise NodeError(f"{out} is used by {step.node}; choose another name, or the patch would eat its own source")


def plays(step: Step) -> bool:
    """Whether a node sends sound out of the patch: it takes AUDIO and gives nothing on."""
    return not step.spec.outputs and any(port.type is PortType.AUDIO for port in step.spec.inputs)
