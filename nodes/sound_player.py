"""Play a sound file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodes.sound_files import SoundStream, WholeSound, opened, read_sound
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, FloatParam, NodeSpec, PathParam, Port, PortType

LARGEST = 64_000_000
"""Bytes of a sound that is held in memory: three minutes of stereo at 44.1 kHz. Longer files are read while they are played."""


class Player(StreamNode):
    """Plays a sound file from its beginning, once or over and over. Files of another sample rate are resampled. Long files are
    read from the disk while they play, so that a file of hours can be played."""

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
    _sound: WholeSound | SoundStream | None = None

    def prepare(self, stream: Stream, path: Path | None) -> None:
        self._sound = sound_of(path, stream)

    def process(self, block: Block, loop: bool, level: float | np.ndarray) -> dict[str, np.ndarray]:
        made = played(self._sound, block.frames, loop)
        self.failure = self._sound.failure
        return {"audio": (made * 10.0 ** (np.asarray(level) / 20.0)).astype(np.float32)}

    def close(self) -> None:
        if self._sound:
            self._sound.close()


def sound_of(path: Path | None, stream: Stream) -> WholeSound | SoundStream:
    """A sound file, in memory if it is short. Raises NodeError."""
    with opened(path) as file:
        large = 4 * file.channels * file.frames * stream.sample_rate / file.samplerate > LARGEST
    if large:
        return SoundStream(path, stream.sample_rate, wait=stream.offline)
    return WholeSound(read_sound(path, stream.sample_rate))


def played(sound: WholeSound | SoundStream, frames: int, loop: bool) -> np.ndarray:
    """The next frames of a sound, float32 [channels, frames]; silence after its end, unless it is to begin again."""
    made = np.zeros((sound.channels, frames), np.float32)
    done = 0
    while done < frames and (loop or not sound.at_end):
        piece = sound.take(frames - done)
        if not piece.shape[1]:
            break
        made[:, done : done + piece.shape[1]] = piece
        done += piece.shape[1]
    return made
