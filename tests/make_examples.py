"""Makes the examples in which hands, voice and gaze take the place of the face: `python -m tests.make_examples`. Takes a minute.

They play the demo's model. The videos are drawn, the voice is one of the demo's recordings; what each gesture means are the
targets that the demo's own face was taught."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nodes.sound_files import read_sound
from nodes.sound_listen import Descriptors
from runtime.cli import main as glasspatch
from runtime.patch import Link, Node, Patch, save
from tests import drive, media
from tests.hands import hands_video

PATCHES = Path(__file__).resolve().parent.parent / "patches"
SPOKEN = "demo/recordings/voices/speech_000.wav"
LOOKS = {"straight": 0.0, "left": -1.0, "right": 1.0}
HANDS = (
    "drawn hands play the demo's model. Put a Camera in place of the video for your own: spread, pinch, raise and bring them "
    "near.\n\n"
    "Select takes the numbers that count. Teach your own gestures as you would teach a face."
)
VOICE = (
    "your voice plays the demo's model; when it is rendered, a recording speaks for you.\n\n"
    "Descriptors hears loudness, brightness, noisiness and pitch. Teach it your own sounds, or plug an instrument in."
)
GAZE = (
    "the eyes in the video play the demo's model. Put a Camera in its place, and look left and right.\n\n"
    "A head that turns is told apart from eyes that do: both are taught."
)
RATE = 44100
Place = tuple[float, float]


def patch_of(sources: Mapping[str, tuple[Node, Place]], tracker: str, output: str, names: str, words: str) -> Patch:
    """A patch in which what `tracker` gives, as far as `names` say, plays the demo's model."""
    nodes = {name: Node(node.type, params=node.params, position=place) for name, (node, place) in sources.items()}
    rest: dict[str, tuple[str, dict[str, Any], Place]] = {
        "choice": ("control.select", {"names": names}, (521.0, 300.0)),
        "calm": ("control.one_euro", {"rest": 8.0} if tracker == "heard" else {}, (761.0, 300.0)),  # a voice does not tremble
        "model": ("rave.file", {"path": "demo.assets/trainer/model.ts"}, (1055.0, 60.0)),
        "regressor": ("mapping.regressor", {}, (1055.0, 300.0)),
        "decoder": ("rave.decoder", {}, (1295.0, 300.0)),
        "limiter": ("audio.limiter", {}, (1535.0, 300.0)),
        "output": ("audio.output", {}, (1775.0, 300.0)),
    }
    nodes |= {name: Node(kind, params=params, position=place) for name, (kind, params, place) in rest.items()}
    ways = [
        (f"{tracker}.{output}", "choice.control"), ("choice.control", "calm.control"), ("calm.control", "regressor.gesture"),
        ("regressor.prediction", "decoder.latent"), ("model.model", "decoder.model"), ("decoder.audio", "limiter.audio"),
        ("limiter.audio", "output.audio"),
    ]  # fmt: skip
    first = next(iter(sources))
    kind = "audio" if first == "voice" else "image"
    links = [Link(f"{first}.{kind}", f"{tracker}.{kind}"), *(Link(*way) for way in ways)]
    frames = [
        {"colour": "blue", "nodes": [*sources, "choice", "calm"], "title": "1   The performance space"},
        {"colour": "violet", "nodes": ["model", "regressor", "decoder", "limiter", "output"], "title": "2   What it plays"},
    ]
    comments = [{"colour": "grey", "position": [40, 60], "text": f"Press Run once, then Live: {words}", "width": 420}]
    view = {"comments": comments, "frames": frames}
    return Patch({"block": 512, "sample_rate": RATE, "seed": 0}, nodes, tuple(links), view=view)


def targets() -> list[str]:
    """What the demo's face was taught, as the command line writes it."""
    told = json.loads((PATCHES / "demo.assets" / "regressor" / "examples.json").read_text())
    return [",".join(f"{dim}={value:.3f}" for dim, value in anchor["target"].items()) for anchor in told["anchors"]]


def taught(path: Path, spans: list[tuple[str, float, float]]) -> None:
    """Teaches the patch a target for each span of its own performance."""
    for (name, begin, end), target in zip(spans, targets(), strict=False):
        arguments = ["teach", str(path), "regressor", name, "--target", target, "--from", f"{begin:.2f}", "--to", f"{end:.2f}"]
        assert glasspatch(arguments) == 0, name


def hands() -> None:
    spans = hands_video(PATCHES / "demo" / "hands.mp4")
    sources = {
        "video": (Node("vision.video", params={"path": "demo/hands.mp4"}), (40.0, 300.0)),
        "hands": (Node("vision.hands"), (275.0, 300.0)),
    }
    path = PATCHES / "hands.json"
    save(path, patch_of(sources, "hands", "gesture", "*_y *_size *_spread *_pinch", HANDS))
    taught(path, [(name, begin + 0.2, end) for name, begin, end in spans])


def gaze() -> None:
    import cv2

    path, fps, hold, size = PATCHES / "demo" / "gaze.mp4", 15.0, 2.0, (320, 320)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
    spans = []
    for number, (name, look) in enumerate(LOOKS.items()):
        spans.append((name, number * hold + 0.5, (number + 1) * hold))
        for frame in range(round(hold * fps)):
            sway = 0.02 * np.sin(2 * np.pi * 0.31 * (number * hold + frame / fps))
            writer.write(np.ascontiguousarray(media.face_picture({"look": look, "roll": sway}, size)[:, :, ::-1]))
    writer.release()
    sources = {
        "video": (Node("vision.video", params={"path": "demo/gaze.mp4"}), (40.0, 300.0)),
        "face": (Node("vision.face", params={"gaze": True}), (275.0, 300.0)),
    }
    path = PATCHES / "gaze.json"
    save(path, patch_of(sources, "face", "gesture", "gaze_x gaze_y yaw pitch", GAZE))
    taught(path, spans)


def voice() -> None:
    sources = {
        "voice": (Node("audio.input", params={"file": SPOKEN}), (40.0, 300.0)),
        "heard": (Node("audio.descriptors"), (275.0, 300.0)),
    }
    path = PATCHES / "voice.json"
    save(path, patch_of(sources, "heard", "descriptors", "loudness centroid flatness pitch", VOICE))
    taught(path, moments(read_sound(PATCHES / SPOKEN, RATE)))


def moments(sound: np.ndarray, length: float = 0.2) -> list[tuple[str, float, float]]:
    """When the voice is softest, loudest, brightest and lowest, for so many seconds each."""
    frames = sound.shape[1] // 512 * 512
    made = drive.stream(Descriptors(), {"audio": sound[:, :frames]}, frames=frames, sample_rate=RATE)["descriptors"]
    width = round(length * RATE / 64)
    means = np.stack([np.convolve(row, np.ones(width) / width, "valid") for row in made])[:, RATE // 64 // 4 :]
    loud = means[0] > np.percentile(means[0], 70)
    places = {
        "soft": np.argmin(means[0]),
        "loud": np.argmax(means[0]),
        "bright": np.argmax(np.where(loud, means[1], -np.inf)),
        "low": np.argmin(np.where(loud & (means[4] > 0.7), means[3], np.inf)),
    }
    begin = 64 / RATE
    return [(name, 0.25 + float(place) * begin, 0.25 + float(place) * begin + length) for name, place in places.items()]


def main() -> int:
    from runtime.trust import trust

    trust(PATCHES / "demo.assets" / "trainer" / "model.ts")
    hands()
    gaze()
    voice()
    return 0


if __name__ == "__main__":
    sys.exit(main())
