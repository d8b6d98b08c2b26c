"""What working on an archive costs: `python -m tests.bench_corpus [MINUTES]` prints it; an hour by default.

Each job runs in a process of its own, as it does for an artist, which tells its longest resident memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from tests import media

DESCRIBED, MEMORY, REPORTED = 20.0, 2**30, 60.0
"""Times real time on two cores, bytes for any length, seconds for an hour of sound."""
HOURS = 6


def one(kind: str, folder: Path, source: str, target: str) -> tuple[float, float, float]:
    """Runs a job of the corpus family on what another has made: (seconds, seconds of CPU, bytes of its largest resident memory).
    On a busy machine only the CPU's seconds tell what it costs."""
    code = (
        "import sys; from pathlib import Path; from tests import drive; from runtime.registry import discover;"
        "from runtime.artifacts import Artifact; from runtime.spec import PortType;"
        "kind, folder, source, target = sys.argv[1:];"
        "folder = Path(folder); cls = discover('nodes').nodes[kind];"
        "given = {'corpus': Artifact(PortType.CORPUS, folder / source, '', {})} if source else {};"
        "params = {} if source else {'path': 'archive'};"
        "drive.job(cls(), folder / target, params, patch_folder=folder, artifacts=given)"
    )
    before = time.perf_counter()
    threads = str(os.cpu_count() or 1)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code, kind, str(folder), source, target], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"{kind} failed"
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return time.perf_counter() - before, usage.ru_utime + usage.ru_stime, memory


def told(what: str, found: str, wanted: str = "-") -> None:
    print(f"{what:52}  {found:34}  wanted {wanted}", flush=True)


def archive(folder: Path, minutes: float) -> float:
    """An archive of at least so many minutes: eight minutes of different sounds, over again with other noise, so that each file
    is listened to. Gives its seconds."""
    made = media.archive(folder / "first", min(minutes, 8.0) * 60)
    total = sum(soundfile.info(path).duration for path in made)
    random = np.random.default_rng(0)
    turn = 0
    while total < 60 * minutes:
        turn += 1
        for path in made:
            sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
            sound = sound * 0.9 + random.normal(scale=1e-3, size=sound.shape).astype(np.float32)
            copy = folder / f"turn{turn}" / path.parent.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(copy, sound[:: -1 if turn % 2 else 1], rate)
            total += len(sound) / rate
            if total >= 60 * minutes:
                break
    return total


def long_one(folder: Path) -> None:
    """One recording of HOURS: 44.1 kHz, 16 bits, mono, a second of noise at its beginning and its end; what is silent between
    lies nowhere on the disk."""
    folder.mkdir(parents=True)
    second = np.random.default_rng(0).normal(scale=0.05, size=44100).astype(np.float32)
    with soundfile.SoundFile(folder / "long.w64", "w+", 44100, 1, "PCM_16") as file:
        file.write(second)
        file.seek((HOURS * 3600 - 1) * 44100)
        file.write(second)


def onsets_against_librosa(folder: Path) -> tuple[int, int, int]:
    """Cuts of the slicer against `librosa.onset.onset_detect` on the whole sounds: (ours, librosa's, those within 2 hops)."""
    import librosa

    from nodes.corpus_slicer import HOP, onset_cuts
    from runtime.corpus import Corpus

    corpus = Corpus.read(folder / "made", folder)
    ours = theirs = same = 0
    for piece in corpus.slices[:14]:
        rate = corpus.recordings[piece.recording].sample_rate
        cuts = np.array(onset_cuts(corpus, piece, 0.07))
        sound = corpus.load(piece).mean(axis=0)
        found = librosa.onset.onset_detect(y=sound, sr=rate, hop_length=HOP, backtrack=True, units="samples")
        near = np.abs(cuts[:, None] - found[None]).min(axis=0) <= 2 * HOP if len(cuts) and len(found) else np.zeros(0, bool)
        ours, theirs, same = ours + len(cuts), theirs + len(found), same + int(near.sum())
    return ours, theirs, same


def main(minutes: float = 60.0, long: bool = True) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["GLASSPATCH_CONFIG"] = f"{place}/config"
        folder = Path(place)
        seconds = archive(folder / "archive", minutes)
        told("the archive", f"{seconds / 60:.0f} min")

        def job(kind: str, source: str, target: str, wanted: str = "-") -> None:
            took, cpu, memory = one(f"corpus.{kind}", folder, source, target)
            speed = f"{seconds / took:.0f} x real time, " if kind in ("describe", "report") else ""
            told(target, f"{speed}{took:.1f} s ({cpu:.1f} of CPU), {memory / 2**20:.0f} MiB", wanted)

        job("folder", "", "made")
        job("clean", "made", "cleaned")
        job("slicer", "made", "sliced")
        job("report", "sliced", "reported", f"< {REPORTED:.0f} s for an hour")
        for file in (folder / "config").rglob("*.npy"):
            file.unlink()
        job("describe", "sliced", "described", f">= {DESCRIBED:.0f} x, <= {MEMORY / 2**20:.0f} MiB")
        job("describe", "sliced", "described_again")
        job("layout", "described", "laid_out")
        job("cluster", "described", "grouped")
        ours, theirs, same = onsets_against_librosa(folder)
        told("onset cuts; librosa's own of whole sounds; in both", f"{ours}; {theirs}; {same}", "the same")
        if long:
            (folder / "archive").rename(folder / "before")
            long_one(folder / "archive")
            seconds = HOURS * 3600.0
            job("folder", "", "long")
            job("describe", "long", "long_described", f"<= {MEMORY / 2**20:.0f} MiB")


if __name__ == "__main__":
    numbers = [float(word) for word in sys.argv[1:] if word[0].isdigit()]
    main(*numbers, long="--short" not in sys.argv)
