"""From a corpus to the examples that RAVE trains on: an LMDB that `rave.dataset` reads, and the order of the steps.

The package's own `rave preprocess` keeps only whole chunks of each file, so short files vanish; here every second is kept.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.corpus import Corpus, Slice
from runtime.errors import NodeError
from runtime.node import Job

FADE_SECONDS = 0.005
"""Fade at both ends of each stretch of sound, so that two stretches that never belonged together join without a click."""

READ_SECONDS = 20
"""Sound is read and resampled in pieces of this length, so that a two-hour recording needs no more memory than a short one."""

SILENCE = 1e-4
"""-80 dBFS. RAVE's distance divides by the level of the example: what is quieter trains the model on numbers without bounds."""


@dataclass(frozen=True)
class Split:
    """How a corpus is cut. An example is 2 x `crop` frames long; each step hears a random `crop` out of each of its examples."""

    crop: int
    examples: int
    validation: int

    @property
    def training(self) -> int:
        return self.examples - self.validation

    @property
    def chunk(self) -> int:
        """Frames of one example."""
        return 2 * self.crop


def split_corpus(frames: int, rate: int, ratio: int, latent_size: int, crops: tuple[int, ...]) -> Split:
    """Cuts `frames` of sound at `rate` into examples, with the longest of `crops` that the sound is long enough for.

    RAVE finds the axes of its latent space in the sound held out for validation, so this must have at least `latent_size`
    latent frames (of `ratio` frames each): it has 2 % of the examples, and up to 10 % until there are 8 x `latent_size`.
    Raises NodeError where even the shortest crop leaves less than half of the sound to train on.
    """
    for crop in crops:
        examples = math.ceil(frames / (2 * crop))
        per_example = crop // ratio
        needed = math.ceil(latent_size / per_example)
        wished = min(math.ceil(8 * latent_size / per_example), examples // 10)
        validation = max(math.ceil(0.02 * examples), needed, wished)
        if validation <= examples // 2:
            return Split(crop, examples, validation)
    most = max(math.ceil(frames / (2 * crop)) // 2 * (crop // ratio) for crop in crops)
    needed = min((2 * math.ceil(latent_size * ratio / crop) - 1) * 2 * crop for crop in crops)
    advice = f", or set latent_size to at most {most}" if most >= 4 else ""
    raise NodeError(
        f"the corpus holds {frames / rate:.1f} s; a latent_size of {latent_size} needs more than {needed / rate:.1f} s of sound: "
        f"add sound{advice}"
    )


def stretches(corpus: Corpus) -> list[Slice]:
    """The slices in the order of recordings and time, with touching and overlapping ones merged."""
    merged: list[Slice] = []
    for piece in sorted(corpus.slices, key=lambda s: (s.recording, s.start)):
        last = merged[-1] if merged else None
        if last and last.recording == piece.recording and piece.start <= last.end:
            merged[-1] = Slice(last.recording, last.start, max(last.end, piece.end))
        elif piece.end > piece.start:
            merged.append(piece)
    return merged


def read_mono(corpus: Corpus, stretch: Slice, rate: int) -> Iterator[np.ndarray]:
    """One stretch as mono float32 pieces at `rate`, faded at its ends."""
    import soxr

    source = corpus.recordings[stretch.recording].sample_rate
    resample = soxr.ResampleStream(source, rate, 1, dtype="float32") if source != rate else None
    length = stretch.end - stretch.start
    fade = min(int(FADE_SECONDS * source), length // 2)
    ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    for start in range(0, length, READ_SECONDS * source):
        end = min(start + READ_SECONDS * source, length)
        audio = corpus.load(Slice(stretch.recording, stretch.start + start, stretch.start + end)).mean(axis=0)
        if not np.isfinite(audio).all():
            path = corpus.recordings[stretch.recording].path
            raise NodeError(f"{path} holds samples that are no numbers; run the patch again to leave it out")
        places = np.arange(start, end)
        head, tail = places < fade, places >= length - fade
        audio[head] *= ramp[places[head]]
        audio[tail] *= ramp[length - 1 - places[tail]]
        yield resample.resample_chunk(audio, last=end == length) if resample else audio


def chunks(pieces: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Cuts a stream of sound into chunks of `length`. The last one is filled up with the sound before it, not with silence:
    RAVE's distance divides by the level of the example."""
    rest, last = np.zeros(0, np.float32), np.zeros(0, np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece])
        while len(rest) >= length:
            last, rest = rest[:length], rest[length:]
            yield last
    if len(rest):
        sound = np.concatenate([last, rest])
        yield np.tile(sound, math.ceil(length / len(sound)))[-length:]


def write_examples(job: Job, corpus: Corpus, folder: Path, key: str, rate: int, split: Split, done: float) -> dict[str, Any]:
    """Writes the LMDB and its `metadata.yaml` into `folder`, unless those of the same `key` are there already.

    Gives {"examples", "seconds_in", "seconds_silent", ...}; progress runs from 0 to `done`. Raises NodeError where the disk
    refuses."""
    import lmdb
    from udls.generated import AudioExample

    note = folder / "glasspatch.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["key"] == key:
            return known
    except (OSError, ValueError, KeyError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    total = corpus.seconds
    frames = silent = count = 0

    def sound() -> Iterator[np.ndarray]:
        nonlocal frames
        for stretch in stretches(corpus):
            for piece in read_mono(corpus, stretch, rate):
                frames += len(piece)
                job.progress(done * min(frames / rate / total, 1.0), "reading the corpus")
                yield piece

    size = int(total * rate * 2 * 1.2) + 4 * split.chunk + 2**26
    try:
        # Flushed to the disk once, at the end: after each example that took half of the time. The note comes after it.
        with lmdb.open(str(folder), map_size=size, sync=False) as env:
            for chunk in chunks(sound(), split.chunk):
                silent += sum(split.crop for half in np.split(chunk, 2) if np.abs(half).max() < SILENCE)
                data = np.clip(np.rint(chunk * 32767), -32767, 32767).astype(np.int16).tobytes()
                buffer = AudioExample.AudioBuffer(
                    shape=(1, split.chunk), sampling_rate=rate, data=data, precision=AudioExample.Precision.INT16
                )
                with env.begin(write=True) as transaction:
                    transaction.put(f"{count:08d}".encode(), AudioExample(buffers={"waveform": buffer}).SerializeToString())
                count += 1
            env.sync(True)
    except lmdb.Error as error:
        raise NodeError(f"the examples for the training cannot be written ({error}); is the disk full?") from error
    seconds = count * split.chunk / rate
    # The metadata is JSON, which is YAML as well.
    metadata = {"channels": 1, "lazy": False, "n_seconds": seconds, "sr": rate}
    (folder / "metadata.yaml").write_text(json.dumps(metadata) + "\n", encoding="utf-8")
    found = {"key": key, "examples": count, "seconds_in": frames / rate, "seconds_silent": silent / rate, **asdict(split)}
    note.write_text(json.dumps(found), encoding="utf-8")
    return found


def mix(seed: int, *numbers: int) -> int:
    """A 32-bit seed that follows from a seed and numbers, the same on every machine."""
    return int(np.random.SeedSequence([seed & (2**63 - 1), *numbers]).generate_state(1)[0])


def order_of(examples: int, seed: int) -> np.ndarray:
    """The examples in the order in which the first are held out for the validation and the rest is learned from."""
    return np.random.default_rng(mix(seed, 5)).permutation(examples)


def read_examples(folder: Path, numbers: Sequence[int]) -> np.ndarray:
    """The sound of those examples of an LMDB that `write_examples` wrote, one after the other, float32 [frames]."""
    import lmdb
    from udls.generated import AudioExample

    with lmdb.open(str(folder), readonly=True, lock=False) as env, env.begin() as transaction:
        found = [AudioExample.FromString(transaction.get(f"{number:08d}".encode())) for number in numbers]
    return np.concatenate([np.frombuffer(one.buffers["waveform"].data, np.int16) for one in found]).astype(np.float32) / 32767


class Steps:
    """The batches of a whole training as one epoch: a batch sampler whose step n is the same whether the training began at
    step 0 or goes on at step n. All examples are heard once before one is heard again; none is dropped."""

    def __init__(
        self, examples: np.ndarray, batch: int, steps: int, seed: int, first: int = 0, part: tuple[int, int] = (0, 1)
    ) -> None:
        """`part`: which of so many equal parts of each batch is given here."""
        self.examples, self.batch, self.steps, self.seed, self.first, self.part = examples, batch, steps, seed, first, part

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        round_of_order, order = -1, self.examples
        for step in range(self.first, self.steps):
            batch = []
            for place in range(step * self.batch, (step + 1) * self.batch):
                turn, index = divmod(place, len(self.examples))
                if turn != round_of_order:
                    order = np.random.default_rng(mix(self.seed, 1, turn)).permutation(self.examples)
                    round_of_order = turn
                batch.append((place, int(order[index])))
            yield batch[self.part[0] :: self.part[1]]


class Seeded:
    """A data set whose items are asked for as (place, index): the place in the whole training seeds the random crop and the
    augmentation of the example, so that a resumed training hears what an uninterrupted one would have heard."""

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, item: tuple[int, int]) -> np.ndarray:
        import random

        place, index = item
        number = mix(self.seed, 2, place)
        random.seed(number)
        np.random.seed(number)
        return self.dataset[index]

    def __len__(self) -> int:
        return len(self.dataset)
