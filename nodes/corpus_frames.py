"""What is heard in a recording fifty times a second: the numbers behind descriptors and reports, worked out once for a file.

Everything but loudness, level and clipping is heard in mono at 22050 Hz (librosa's rate), so that recordings of different
rates can be compared: what lies above 11 kHz counts in the loudness only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from nodes.corpus_loudness import weighted

SECOND = 50
"""Rows for each second of sound."""
RATE = 22050
HOP = RATE // SECOND
SIZE = 2048
"""Frames of a spectrum: 93 ms, as in librosa."""
MELS, MFCC = 40, 12
LOWEST, HIGHEST = 55.0, 2200.0
"""Hz between which a pitch is looked for: from a low A to the top of a soprano and beyond."""
TROUGH = 0.15
"""YIN takes the first period whose difference is below this (de Cheveigne and Kawahara 2002, step 4, give 0.1; librosa 0.1)."""
HUM = 16384
"""Frames of the spectrum in which hum is looked for: 1.3 Hz between its lines."""
MAINS = (50.0, 60.0)
FLOOR = 1e-10
"""Power of what cannot be heard: -100 dBFS."""
FULL = 0.999
"""From this on, for three samples on end, a sound is clipped."""
COLUMNS = (
    "k_power", "power", "peak", "clipped", "centroid", "flatness", "f0", "voicing", "onset", "hum_50", "hum_60",
    *(f"mfcc_{number}" for number in range(1, MFCC + 1)),
)  # fmt: skip
"""K-weighted power of all channels; mean power of the channels, without an offset; highest sample; clipped samples; spectral
centroid in Hz; flatness in dB (0 is white); pitch in Hz and how sure it is (0 to 1); 1 where a sound begins (`hear` gives how
many dB the mel spectrum has risen since the row before); how far the mains' harmonics stand out in dB; the timbre."""
BLOCK = 10
"""Seconds heard at once."""
LEAD = 1
"""Seconds of the neighbourhood that a block needs on both sides: filters settle, and the slow spectra overlap."""


def at(name: str) -> int:
    """The number of a column."""
    return COLUMNS.index(name)


def rows_of(frames: int, rate: int) -> int:
    """How many rows a recording has; the last may be of a part of its time only."""
    return -(-frames * SECOND // rate)


def hear(sound: np.ndarray, rate: int, lead: int, rows: int) -> np.ndarray:
    """A block of sound, float32 [channels, frames], of which the first `lead` seconds are what was before it: float32
    [rows, COLUMNS]. What is beyond the end counts as silence."""
    need = lead * rate + -(-rows * rate // SECOND)
    if sound.shape[1] < need:
        sound = np.pad(sound, ((0, 0), (0, need - sound.shape[1])))
    found = np.zeros((rows, len(COLUMNS)), np.float32)
    levels(sound, rate, lead, found)
    mono = sound.mean(axis=0)
    if rate != RATE:
        import soxr

        mono = soxr.resample(mono, rate, RATE)
    # A row is described by the spectrum around its middle; the row before the first is needed for the onset strength.
    begin = lead * RATE + HOP // 2 - SIZE // 2 - HOP
    end = begin + rows * HOP + SIZE
    around = np.pad(mono[max(begin, 0) : end], (max(-begin, 0), max(end - len(mono), 0)))
    windows = np.lib.stride_tricks.sliding_window_view(around, SIZE)[::HOP]
    spectra(windows, found)
    pitches(windows[1:], found)
    hum(mono, lead * RATE, found)
    return found


def levels(sound: np.ndarray, rate: int, lead: int, found: np.ndarray) -> None:
    """Loudness, level, peak and clipped samples of each row, at the recording's own rate."""
    first = lead * rate
    edges = first + np.arange(len(found) + 1) * rate // SECOND
    widths = np.diff(edges)
    k_power = weighted(sound, rate)
    whole = sound[:, edges[0] : edges[-1]]
    starts = edges[:-1] - first
    found[:, at("k_power")] = np.add.reduceat(k_power[edges[0] : edges[-1]], starts) / widths
    # A recorder's offset (DC) is no sound: each row's power is that around its own mean.
    mean = np.add.reduceat(whole.astype(np.float64), starts, axis=1) / widths
    square = np.add.reduceat(np.square(whole, dtype=np.float64), starts, axis=1) / widths
    found[:, at("power")] = np.maximum(square - mean**2, 0.0).mean(axis=0)
    size = np.abs(whole)
    found[:, at("peak")] = np.maximum.reduceat(size.max(axis=0), starts)
    if size.max(initial=0.0) >= FULL:
        over = size >= FULL
        run = over[:, :-2] & over[:, 1:-1] & over[:, 2:]
        clipped = np.zeros(over.shape, bool)
        for step in range(3):
            clipped[:, step : clipped.shape[1] - 2 + step] |= run
        found[:, at("clipped")] = np.add.reduceat(clipped.sum(axis=0), starts)


@cache
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Hann window, frequencies of the lines but the first, mel filters), float32."""
    from librosa.filters import mel

    window = np.hanning(SIZE + 1)[:-1].astype(np.float32)
    frequencies = np.fft.rfftfreq(SIZE, 1 / RATE)[1:].astype(np.float32)
    return window, frequencies, mel(sr=RATE, n_fft=SIZE, n_mels=MELS).astype(np.float32)


def spectra(windows: np.ndarray, found: np.ndarray) -> None:
    """Centroid, flatness, timbre and onset strength of each row; `windows` [1 + rows, SIZE] begin with the row before."""
    from scipy.fft import dct, rfft

    window, frequencies, mel = _tables()
    lines = rfft(windows * window, axis=1)
    power = np.square(lines.real) + np.square(lines.imag)
    # A sine of full scale has a line of power 1/2, whatever the window's length.
    power *= 2.0 / float(window.sum()) ** 2
    part = power[1:, 1:] + np.float32(FLOOR)
    magnitude = np.sqrt(part)
    found[:, at("centroid")] = magnitude @ frequencies / magnitude.sum(axis=1)
    found[:, at("flatness")] = 10.0 * (np.log10(part).mean(axis=1) - np.log10(part.mean(axis=1)))
    bands = 10.0 * np.log10(power @ mel.T + np.float32(FLOOR))
    found[:, at("onset")] = np.maximum(np.diff(bands, axis=0), 0.0).mean(axis=1)
    found[:, at("mfcc_1") :] = dct(bands[1:], type=2, norm="ortho", axis=1)[:, 1 : MFCC + 1]


def pitches(windows: np.ndarray, found: np.ndarray) -> None:
    """Pitch of each row by YIN (de Cheveigne and Kawahara 2002) and how sure it is: 1 less the difference at its period."""
    from scipy.fft import irfft, rfft

    longest, shortest = int(RATE / LOWEST) + 1, int(RATE / HIGHEST)
    width = SIZE - longest
    sound = windows.astype(np.float32)
    # d(tau) = r(0) + r_tau(0) - 2 r(tau), with r by Fourier transform and the energies by sums (equation 7).
    size = 2 * SIZE
    correlated = irfft(rfft(sound, size, axis=1) * np.conj(rfft(sound[:, :width], size, axis=1)), size, axis=1)[:, : longest + 1]
    energy = np.cumsum(np.square(sound, dtype=np.float64), axis=1)
    energy = np.pad(energy, ((0, 0), (1, 0)))
    moved = energy[:, width : width + longest + 1] - energy[:, : longest + 1]
    difference = np.maximum(moved[:, :1] + moved - 2.0 * correlated, 0.0)
    sums = np.cumsum(difference[:, 1:], axis=1)
    taus = np.arange(1, longest + 1)
    normal = difference[:, 1:] * taus / np.maximum(sums, 1e-12)  # equation 8; column 0 is tau = 1
    search = normal[:, shortest - 1 : longest - 1]
    before, after = normal[:, shortest - 2 : longest - 2], normal[:, shortest:longest]
    trough = (search <= before) & (search < after)
    first = trough & (search < TROUGH)
    place = np.where(first.any(axis=1), first.argmax(axis=1), np.where(trough, search, np.inf).argmin(axis=1))
    every = np.arange(len(search))
    low, here, high = before[every, place], search[every, place], after[every, place]
    bend = low + high - 2.0 * here
    shift = np.where(bend > 1e-12, 0.5 * (low - high) / np.maximum(bend, 1e-12), 0.0)
    loud = energy[:, -1] / SIZE > 10.0 * FLOOR
    found[:, at("f0")] = RATE / (shortest + place + np.clip(shift, -0.5, 0.5))
    found[:, at("voicing")] = np.where(loud & trough.any(axis=1), np.clip(1.0 - here, 0.0, 1.0), 0.0)


def hum(mono: np.ndarray, lead: int, found: np.ndarray) -> None:
    """How far the mains' first four harmonics stand out of their neighbourhood, in dB: the mean of the two clearest. One spectrum
    serves the rows that lie in it."""
    from scipy.fft import rfft

    spacing = RATE / HUM
    window = np.hanning(HUM).astype(np.float32)
    total = len(found) * HOP
    for start in range(0, total, HUM):
        part = mono[lead + start : lead + start + HUM]
        part = np.pad(part, (0, HUM - len(part))) * window
        power = np.square(np.abs(rfft(part))) * (2.0 / float(window.sum()) ** 2) + FLOOR * 1e-4
        rows = slice(-(-start // HOP), -(-min(start + HUM, total) // HOP))
        for frequency in MAINS:
            out = []
            for harmonic in range(1, 5):
                middle = harmonic * frequency / spacing
                peak = power[round(middle) - 1 : round(middle) + 2].max()
                around = np.r_[round(middle) - 14 : round(middle) - 4, round(middle) + 5 : round(middle) + 15]
                out.append(10.0 * np.log10(peak / np.median(power[around])))
            found[rows, at(f"hum_{frequency:.0f}")] = np.mean(sorted(out)[-2:])


def blocks(path: Path, frames: int, rate: int) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """A recording, read once from its beginning: (first row, rows, seconds of lead, float32 [channels, frames]), BLOCK seconds
    at a time with LEAD seconds of neighbourhood. Raises OSError or RuntimeError where it cannot be read."""
    import soundfile

    total = rows_of(frames, rate)
    with soundfile.SoundFile(path) as file:
        held = np.zeros((0, file.channels), np.float32)
        before = 0  # seconds at the front of `held` that were heard already
        for row in range(0, total, BLOCK * SECOND):
            wanted = (before + BLOCK + LEAD) * rate
            held = np.concatenate([held, file.read(max(wanted - len(held), 0), dtype="float32", always_2d=True)])
            rows = min(BLOCK * SECOND, total - row)
            yield row, rows, before, np.nan_to_num(held[:wanted].T)
            held = held[(before + BLOCK - LEAD) * rate :]
            before = LEAD


def onsets(flux: np.ndarray, rise: float = 1.5) -> np.ndarray:
    """Where sounds begin, bool [rows]: the onset strength is the highest within 60 ms, and `rise` dB above its mean over 0.2 s
    (the rule of Boeck, Krebs and Schedl 2012, section 2.2, as in librosa; there the strength is scaled for each file, here it is
    in dB, so that the hiss of a silent file has no onsets)."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    if not len(flux):
        return np.zeros(0, bool)
    highest = flux == maximum_filter1d(flux, 7, mode="constant")
    found: np.ndarray = highest & (flux >= uniform_filter1d(flux, 11, mode="constant") + rise)
    return found
