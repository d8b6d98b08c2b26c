"""What is heard in a sound, in numbers: descriptors over time for causality, log-mel statistics of passages for coverage."""

from __future__ import annotations

import numpy as np

DESCRIPTORS = ("loudness", "centroid", "flatness")
WINDOW = 2048
"""Frames of a spectrum: 46 ms at 44.1 kHz, one latent frame of the larger models."""
BANDS = 40
PASSAGE = 1.0
"""Seconds of a passage."""
SILENT = -80.0
"""dBFS below which a moment has no colour: its centroid and flatness are those of the last one that had."""
QUIET = 1e-10


def powers(sound: np.ndarray, hop: int, window: int = WINDOW) -> np.ndarray:
    """Power spectra float64 [steps, window / 2 + 1] of a mono sound [frames], Hann windows that end at each `hop` frames: a
    spectrum knows nothing of what comes after its step."""
    steps = len(sound) // hop
    padded = np.concatenate([np.zeros(window - hop), sound[: steps * hop].astype(np.float64)])
    shape = np.hanning(window)
    found = np.empty((steps, window // 2 + 1))
    for first in range(0, steps, 512):  # an hour at once would not fit into memory
        last = min(first + 512, steps)
        starts = np.arange(first, last) * hop
        found[first:last] = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(window)] * shape)) ** 2
    found /= (shape**2).sum()
    return found


def descriptors(sound: np.ndarray, rate: int, hop: int) -> np.ndarray:
    """DESCRIPTORS over time [steps, 3] of a mono sound: loudness in dBFS, the logarithm of the spectral centroid in octaves above
    1 Hz, spectral flatness in dB (geometric over arithmetic mean of the power: 0 is noise). A step is `hop` frames."""
    power = powers(sound, hop)
    energy = power.sum(1)
    # Parseval: the one-sided sum holds each frequency but the outermost once instead of twice.
    loudness = 10.0 * np.log10(np.maximum(2.0 * energy / WINDOW, QUIET))
    frequencies = np.fft.rfftfreq(WINDOW, 1.0 / rate)
    centroid = np.log2(np.maximum((power @ frequencies) / np.maximum(energy, QUIET), 1.0))
    floor = power[:, 1:] + QUIET
    flatness = 10.0 * (np.log10(floor).mean(1) - np.log10(floor.mean(1)))
    coloured = loudness > SILENT
    if not coloured.any():
        return np.column_stack([loudness, np.zeros((len(loudness), 2))])
    last = np.maximum.accumulate(np.where(coloured, np.arange(len(loudness)), -1))
    last[last < 0] = int(np.argmax(coloured))
    return np.column_stack([loudness, centroid[last], flatness[last]])


def passages(sound: np.ndarray, rate: int, seconds: float = PASSAGE) -> np.ndarray:
    """Each passage's colour, [passages, 2 * BANDS]: mean and deviation over time of its log-mel bands in dB. What is left
    after the last whole passage counts for nothing."""
    from librosa.filters import mel

    length = round(seconds * rate)
    count = len(sound) // length
    if not count:
        return np.zeros((0, 2 * BANDS))
    bank = mel(sr=rate, n_fft=WINDOW, n_mels=BANDS).T.astype(np.float64)
    found = []
    for number in range(count):
        bands = 10.0 * np.log10(powers(sound[number * length : (number + 1) * length], WINDOW // 2) @ bank + QUIET)
        found.append(np.concatenate([bands.mean(0), bands.std(0)]))
    return np.array(found)
