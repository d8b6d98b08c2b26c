"""Makes the demo's sounds, video, model and taught gestures again: `python -m tests.make_demo`. Takes about an hour on one core.

The recordings and the video are the same at every call. The training stops and goes on like any other; the anchors' targets
are where the trained model itself hears four of the recordings.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from runtime.cli import main as glasspatch
from runtime.terminal.open import open_patch
from tests import media

PATCH = Path(__file__).resolve().parent.parent / "patches" / "demo.json"
SECONDS, SEED = 80.0, 7
SCHEDULE = (("neutral", 2.0), ("open", 2.0), ("brows", 2.0), ("turned", 2.0), ("wide", 2.0))
VIDEO = 16.0


def main() -> int:
    folder = PATCH.parent / "demo"
    media.archive(folder / "recordings", SECONDS, seed=SEED)
    media.face_video(folder / "face.mp4", VIDEO, schedule=SCHEDULE)
    return glasspatch(["run", str(PATCH)]) or teach()


def teach() -> int:
    """Each pose of the face means the sound of another recording; the turned head is left untaught, to be seen in the support."""
    opened = open_patch(PATCH)
    files = sorted((PATCH.parent / "demo" / "recordings").rglob("*.*"))
    found = {file.stem.split("_")[0]: latents_of(opened, file) for file in files}
    meant = {"neutral": "blow", "open": "speech", "brows": "brush", "wide": "pluck"}
    for pose, begin, end in media.spans(VIDEO, SCHEDULE)[: len(SCHEDULE)]:
        if pose not in meant:
            continue
        target = ",".join(f"z{number}={value:.3f}" for number, value in enumerate(found[meant[pose]]))
        code = glasspatch(
            ["teach", str(PATCH), "regressor", pose, f"--target={target}", "--from", str(begin + 0.3), "--to", str(end)]
        )
        if code:
            return code
    return 0


def latents_of(opened, file: Path) -> np.ndarray:
    """The point of interest of a recording: of all latent frames that the model hears in its loudest seconds the one that sounds
    loudest when it is held. (The mean of a plucked string's latents is the silence after it.)"""
    import soundfile
    import soxr
    import torch

    sound, rate = soundfile.read(file, dtype="float32", always_2d=True)
    mono = soxr.resample(sound.mean(axis=1), rate, 44100)
    length = 40 * 2048
    starts = range(0, max(len(mono) - length, 1), 11025)
    loudest = max(starts, key=lambda start: float(np.square(mono[start : start + length]).sum()))
    artifact = opened.assets.artifact("trainer", "model")
    model = torch.jit.load(str(artifact.path)).eval()
    with torch.inference_mode():
        torch.manual_seed(0)
        heard = model.encode(torch.from_numpy(mono[loudest : loudest + length].copy())[None, None])
        # The first frames fill the model's caches, which still hold sound from its export.
        points = [heard[:, :, number : number + 1] for number in range(5, heard.shape[2])]
        held = [model.decode(point.repeat(1, 1, 12))[..., 6 * 2048 :].square().mean().item() for point in points]
    return points[int(np.argmax(held))][0, :, 0].numpy()


if __name__ == "__main__":
    sys.exit(main())
