"""Copies of recordings that hold the slices of a corpus and silence elsewhere: the sound that a job needs, and no more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.corpus import Corpus
from runtime.errors import NodeError

INTEGERS = {
    "PCM_S8": ("int16", "PCM_16"),
    "PCM_U8": ("int16", "PCM_16"),
    "PCM_16": ("int16", "PCM_16"),
    "PCM_24": ("int32", "PCM_24"),
}
"""Encodings that FLAC keeps bit by bit, each with what carries it there."""
FLOATS = ("FLOAT", "DOUBLE", "PCM_32")
"""Encodings that are kept as float32, which is how a corpus reads them."""
MOST_CHANNELS, HIGHEST_RATE = 8, 655_350
"""What FLAC can hold."""
CHUNK = 2**18


def used(corpus: Corpus) -> list[int]:
    """Numbers of the recordings of which there are slices."""
    return sorted({piece.recording for piece in corpus.slices if piece.end > piece.start})


def copy_slices(corpus: Corpus, number: int, out: Path) -> None:
    """Writes recording `number` anew: as long as it is, with its slices where they are, so that the corpus holds of the copy too
    and `Corpus.load` gives the same samples.

    What is whole numbers becomes FLAC, floats a WAV (of zeros mostly, which packs well); what is coded with losses (mp3, ogg) is
    copied as it is. Raises NodeError where the recording cannot be read, OSError where the copy cannot be written."""
    import soundfile

    recording = corpus.recordings[number]
    source = corpus.folder / recording.path
    try:
        with soundfile.SoundFile(source) as file:
            fits = recording.channels <= MOST_CHANNELS and recording.sample_rate <= HIGHEST_RATE
            if file.subtype in INTEGERS and fits:
                kind, form, subtype = INTEGERS[file.subtype][0], "FLAC", INTEGERS[file.subtype][1]
            elif file.subtype in INTEGERS or file.subtype in FLOATS:
                kind, form, subtype = "float32", "RF64", "FLOAT"
            else:
                shutil.copyfile(source, out)
                return
            with soundfile.SoundFile(out, "w", recording.sample_rate, recording.channels, subtype=subtype, format=form) as copy:
                for piece in _pieces(corpus, number, file, kind):
                    copy.write(piece)
    except soundfile.LibsndfileError as error:
        raise NodeError(f"{recording.path} cannot be copied ({error}); put it back, or run the patch again") from error


def _pieces(corpus: Corpus, number: int, file: Any, kind: str) -> Iterator[Any]:
    """The recording from its beginning to its end in arrays [frames, channels]: sound in the slices, zeros between."""
    import numpy as np

    recording = corpus.recordings[number]
    at = 0
    for start, end, sounds in _spans(corpus, number):
        file.seek(start)
        while at < end:
            count = min(end - at, CHUNK)
            if sounds:
                found = file.read(count, dtype=kind, always_2d=True)
                if len(found) != count:
                    raise NodeError(f"{recording.path} has become shorter than the corpus says; run the patch again")
                yield found
            else:
                yield np.zeros((count, recording.channels), kind)
            at += count


def _spans(corpus: Corpus, number: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is of a slice) from the recording's first frame to its last, without a gap."""
    at = 0
    for piece in sorted((one for one in corpus.slices if one.recording == number), key=lambda one: one.start):
        if piece.start > at:
            yield at, piece.start, False
            at = piece.start
        if piece.end > at:
            yield at, piece.end, True
            at = piece.end
    if at < corpus.recordings[number].frames:
        yield at, corpus.recordings[number].frames, False
