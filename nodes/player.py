"""Play a sound file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, FloatParam, NodeSpec, PathParam, Port, PortType


class Player(StreamNode):
    """Plays a sound file from its beginning, once or over and over. Files of another sample rate are resampled. The whole file is
    held in memory: ten minutes of stereo take about 210 MB."""

    spec = NodeSpec(
        type="audio.player",
        title="File player",
        outputs=(Port("audio", PortType.AUDIO, "the file's sound, with the channels that it has; silence after its end"),),
        params=(
            PathParam(name="path", doc="a sound file: wav, flac, ogg, mp3, aiff"),
            BoolParam(name="loop", default=False, doc="start again at the end"),
            FloatParam(name="level", default=0.0, low=-60.0, high=24.0, unit="dB", smooth=True, doc="0 leaves it as recorded"),
        ),
    )

    def prepare(self, stream: Stream, path: Path | None) -> None:
        self._sound = read_sound(path, stream.sample_rate)

    def process(self, block: Block, loop: bool, level: float | np.ndarray) -> dict[str, np.ndarray]:
        length = self._sound.shape[1]
        start, end = block.start, block.start + block.frames
        if loop:
            piece = np.take(self._sound, np.arange(start, end) % length, axis=1)
        elif end <= length:
            piece = self._sound[:, start:end]
        else:
            piece = np.zeros((len(self._sound), block.frames), np.float32)
            rest = max(length - start, 0)
            piece[:, :rest] = self._sound[:, start : start + rest]
        return {"audio": piece * 10.0 ** (level / 20.0)}


def read_sound(path: Path | None, sample_rate: int) -> np.ndarray:
    """A whole sound file, float32 [channels, frames >= 1], resampled to `sample_rate`. Raises NodeError."""
    import soundfile
    import soxr

    if path is None:
        raise NodeError("choose a sound file to play (path is empty)")
    if not path.is_file():
        raise NodeError(f"there is no file {path}; put it there or choose another")
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise NodeError(f"{path} cannot be read as a sound file ({error}); choose a wav, flac, ogg, mp3 or aiff file") from error
    if not len(sound):
        raise NodeError(f"{path} is empty: it holds no sound; choose another file")
    if not np.isfinite(sound).all():
        raise NodeError(f"{path} holds values that are no numbers; export it again from where it was made")
    if rate != sample_rate:
        sound = soxr.resample(sound, rate, sample_rate)
    return np.ascontiguousarray(sound.T, dtype=np.float32)
