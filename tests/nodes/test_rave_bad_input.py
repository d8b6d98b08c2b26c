"""What an archive may hold, on its way from the folder to the examples of a training: odd files, broken ones, too little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nodes.corpus import Folder
from nodes.rave_data import split_corpus, write_examples
from nodes.rave_training import RaveTrainer
from runtime.artifacts import Artifact, fingerprint
from runtime.corpus import Corpus
from runtime.errors import NodeError
from runtime.spec import PortType
from tests.drive import job
from tests.nodes.test_rave_training import TINY, no_job

RATE, CROP = 44100, 32768
ODD = {
    "eight_bits.wav": (300.0, 11025, 1, "PCM_U8"),
    "six_channels.wav": (500.0, 48000, 6, "PCM_24"),
    "high_rate.wav": (700.0, 192_000, 2, "FLOAT"),
    "low_rate.flac": (900.0, 8000, 1, "PCM_16"),
    "double.aiff": (1100.0, 96_000, 1, "DOUBLE"),
}
SECONDS = 3.0


def tone(frequency: float, rate: int, channels: int, seconds: float = SECONDS) -> np.ndarray:
    """float64 [frames, channels]."""
    return 0.4 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)[:, None] * np.ones(channels)


def odd(folder: Path) -> None:
    for name, (frequency, rate, channels, subtype) in ODD.items():
        soundfile.write(folder / name, tone(frequency, rate, channels), rate, subtype=subtype)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 3]


def gathered(folder: Path) -> Corpus:
    """The corpus that the folder's node makes of `recordings`."""
    outputs, _, _ = job(Folder(), folder / "made", {"path": "recordings"}, patch_folder=folder)
    return Corpus.read(outputs["corpus"], folder)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path


def written(folder: Path, corpus: Corpus) -> tuple[dict[str, Any], np.ndarray]:
    """What `write_examples` tells, and the sound of all examples."""
    import lmdb
    from udls.generated import AudioExample

    split = split_corpus(int(corpus.seconds * RATE), RATE, 2048, 16, (CROP,))
    found = write_examples(no_job(folder), corpus, folder / "lmdb", "key", RATE, split, 0.1)
    with lmdb.open(str(folder / "lmdb"), lock=False) as env, env.begin() as transaction:
        stored = [AudioExample.FromString(value).buffers["waveform"].data for _, value in transaction.cursor()]
    return found, np.concatenate([np.frombuffer(data, np.int16) for data in stored]) / 32767


def test_sound_of_any_rate_width_and_number_of_channels_arrives_whole_and_in_tune(archive: Path) -> None:
    odd(archive / "recordings")
    corpus = gathered(archive)
    assert corpus.rejected == () and corpus.seconds == pytest.approx(SECONDS * len(ODD))
    found, sound = written(archive, corpus)
    assert found["seconds_in"] == pytest.approx(SECONDS * len(ODD), abs=0.001)
    for number, recording in enumerate(corpus.recordings):
        middle = sound[int((number + 0.25) * SECONDS * RATE) :][:RATE]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(RATE)))  # one second: one bin is one Hz
        assert np.argmax(spectrum) == pytest.approx(ODD[Path(recording.path).name][0], abs=1)
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.03)


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "unreadable.wav": (lambda data: b"\x13\x37" * 5000, "cannot be read"),
    "truncated.wav": (cut, "is cut short: only 1.00 of 3.00 s can be read; copy it again"),
    "empty.wav": (lambda data: b"", "cannot be read"),
    "header_only.wav": (lambda data: data[:20], "cannot be read"),
    "notes.txt": (lambda data: b"take 3 is the good one", "is not a sound file"),
}


@pytest.fixture
def broken(archive: Path) -> Path:
    """Odd and broken files side by side."""
    folder = archive / "recordings"
    odd(folder)
    soundfile.write(folder / "whole.wav", tone(440, RATE, 1), RATE)
    data = (folder / "whole.wav").read_bytes()
    (folder / "whole.wav").unlink()
    for name, (change, _) in BROKEN.items():
        (folder / name).write_bytes(change(data))
    soundfile.write(folder / "tape.aiff", tone(440, RATE, 1), RATE)
    (folder / "tape.aiff").write_bytes(cut((folder / "tape.aiff").read_bytes()))
    soundfile.write(folder / "nothing.wav", np.zeros((0, 1)), RATE)
    bad = tone(440, RATE, 1)
    bad[1000] = np.nan
    soundfile.write(folder / "not_a_number.wav", bad, RATE, subtype="FLOAT")
    bad[1000] = np.inf
    soundfile.write(folder / "infinite.wav", bad, RATE, subtype="FLOAT")
    return archive


def test_each_broken_file_is_refused_with_its_reason_and_the_rest_is_trained_on(broken: Path) -> None:
    corpus = gathered(broken)
    reasons = {Path(one.path).name: one.reason for one in corpus.rejected}
    for name, (_, words) in BROKEN.items():
        assert words in reasons.pop(name), name
    assert reasons.pop("nothing.wav") == "holds no sound (zero length)"
    assert "holds samples that are no numbers (NaN or infinity)" in reasons.pop("not_a_number.wav")
    assert "holds samples that are no numbers (NaN or infinity)" in reasons.pop("infinite.wav")
    assert "is cut short: only 1.00 of 3.00 s can be read" in reasons.pop("tape.aiff")
    assert reasons == {}
    assert written(broken, corpus)[0]["seconds_in"] == pytest.approx(SECONDS * len(ODD), abs=0.001)


def test_a_recording_without_a_length_is_read_to_its_end(archive: Path) -> None:
    path = archive / "recordings" / "recorder_died.wav"
    soundfile.write(path, tone(440, RATE, 1), RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[4:8] = data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert gathered(archive).seconds == pytest.approx(SECONDS)


def test_a_folder_of_nothing_but_broken_files_says_so_with_one_of_the_reasons(archive: Path) -> None:
    (archive / "recordings" / "unreadable.wav").write_bytes(b"\x13\x37" * 5000)
    with pytest.raises(
        NodeError, match=r"holds no sound that can be read \(1 files were refused; recordings/unreadable.wav cannot be"
    ):
        gathered(archive)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), r"a.wav cannot be read any more"),
        (lambda path: path.write_bytes(b"words"), r"a.wav cannot be read any more"),
        (lambda path: soundfile.write(path, tone(440, RATE, 1, 1.0), RATE), r"a.wav has become shorter than the corpus says"),
        (
            lambda path: soundfile.write(path, np.full((int(SECONDS * RATE), 1), np.nan), RATE, subtype="FLOAT"),
            r"a.wav holds samples that are no numbers; run the patch again to leave it out",
        ),
    ],
)
def test_a_recording_that_changed_since_the_corpus_was_made_is_named(
    archive: Path, change: Callable[[Path], Any], words: str
) -> None:
    soundfile.write(archive / "recordings" / "a.wav", tone(440, RATE, 1), RATE)
    corpus = gathered(archive)
    change(archive / "recordings" / "a.wav")
    with pytest.raises(NodeError, match=words):
        written(archive, corpus)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (
            tone(440, RATE, 1),
            r"the corpus holds 3.0 s; a latent_size of 64 needs more than \d+\.\d s of sound: add sound, or set latent",
        ),
        (np.zeros((30 * RATE, 1)), "the corpus is digital silence; let its node keep recordings in which something sounds"),
    ],
)
def test_a_corpus_of_three_seconds_or_of_silence_is_refused_before_the_first_step(
    archive: Path, sound: np.ndarray, words: str
) -> None:
    soundfile.write(archive / "recordings" / "a.wav", sound, RATE)
    gathered(archive)
    artifact = Artifact(PortType.CORPUS, archive / "made", fingerprint(archive / "made"), {})
    with pytest.raises(NodeError, match=words):
        job(RaveTrainer(), archive / "job", {**TINY, "latent_size": 64}, patch_folder=archive, artifacts={"corpus": artifact})
    assert not list((archive / "job").rglob("*.ckpt"))
