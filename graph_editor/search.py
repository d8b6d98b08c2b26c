"""Finds nodes by a word: the title first, then what else they are called, then their help; near words where nothing else fits."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.registry import Registry, help_of
from runtime.spec import NodeSpec

FAMILIES = ("corpus", "rave", "mapping", "vision", "control", "audio", "take")
"""In the order of the practice; families that are not here follow by name."""
CALLED = {
    "audio.analyser": ("scope", "oscilloscope", "spectrum", "meter"),
    "audio.compressor": ("dynamics", "sidechain", "ducking"),
    "audio.convolution": ("impulse", "ir", "room"),
    "audio.crossfade": ("fader", "vca", "mix", "morph"),
    "audio.delay": ("echo", "tape"),
    "audio.descriptors": ("features", "voice", "pitch", "f0", "onset", "centroid", "mfcc", "flucoma"),
    "audio.envelope": ("follower", "amplitude", "loudness", "peak"),
    "audio.feedback": ("loop", "delay"),
    "audio.filter": ("svf", "lowpass", "highpass", "bandpass", "notch", "cutoff", "vcf"),
    "audio.gain": ("volume", "level", "amplifier", "vca", "fader"),
    "audio.input": ("microphone", "mic", "adc", "line in"),
    "audio.limiter": ("dynamics", "brickwall", "maximizer"),
    "audio.mix": ("sum", "mixer", "plus"),
    "audio.noise": ("white", "pink", "brown", "random"),
    "audio.oscillator": ("sine", "tone", "vco", "synth"),
    "audio.output": ("loudspeaker", "speaker", "dac", "headphones"),
    "audio.pan": ("stereo", "balance"),
    "audio.player": ("sample", "wav", "play"),
    "audio.recorder": ("wav", "write", "save", "rf64"),
    "audio.reverb": ("room", "hall", "fdn", "echo"),
    "control.calibrate": ("normalise", "range", "minmax", "learn"),
    "control.curve": ("csv", "table", "automation", "breakpoints"),
    "control.gate": ("threshold", "schmitt", "trigger", "bang"),
    "control.hold": ("latch", "freeze", "snapshot"),
    "control.lfo": ("lfo", "wave", "modulation"),
    "control.maths": ("math", "expr", "add", "multiply", "subtract", "divide"),
    "control.midi": ("knob", "controller", "keyboard"),
    "control.noise": ("random", "chance"),
    "control.one_euro": ("filter", "jitter", "casiez"),
    "control.osc": ("network", "phone"),
    "control.pad": ("xy", "joystick", "slider", "pictslider"),
    "control.rename": ("name", "route"),
    "control.scale": ("map", "range", "normalise", "zmap"),
    "control.select": ("route", "unpack", "pick", "name"),
    "control.sequencer": ("steps", "points", "trigger"),
    "control.sliders": ("fader", "knob", "multislider"),
    "control.smooth": ("slew", "lag", "filter", "ease"),
    "control.speed": ("velocity", "derivative", "slope", "energy"),
    "control.summary": ("mean", "sum", "norm", "length"),
    "control.walk": ("random", "drunk", "brownian"),
    "corpus.folder": ("archive", "recordings", "samples", "dataset"),
    "corpus.slicer": ("cut", "segment", "onsets"),
    "mapping.classifier": ("class", "recognise", "knn", "logistic", "gesture", "scene"),
    "mapping.follower": ("dtw", "time warping", "gesture", "gvf"),
    "mapping.space": ("pca", "autoencoder", "unsupervised", "reduce"),
    "mapping.regressor": ("wekinator", "learn", "mlp", "knn", "gesture"),
    "rave.crossfade": ("morph", "blend", "two models"),
    "rave.forward": ("timbre transfer", "nn~", "style transfer"),
    "rave.latents": ("names", "bias", "scale"),
    "rave.loop": ("looper", "record", "latent"),
    "rave.encode": ("latents", "analyse"),
    "rave.limit": ("clip", "clamp", "region", "safe"),
    "rave.matrix": ("explain", "descriptors", "correlation", "names"),
    "rave.sweep": ("explain", "traversal", "listen"),
    "rave.nearest": ("where from", "explain", "concatenative", "lineage"),
    "rave.prior": ("generate", "msprior"),
    "rave.decoder": ("synthesis", "decode"),
    "rave.encoder": ("analysis", "encode", "timbre transfer"),
    "rave.file": ("pretrained", "checkpoint", "ts"),
    "rave.trainer": ("train", "learn", "model"),
    "vision.body": ("pose", "skeleton", "mediapipe", "dance", "joints"),
    "vision.camera": ("webcam",),
    "vision.face": ("landmarks", "mediapipe", "mouth", "eyes", "gaze"),
    "vision.hands": ("fingers", "pinch", "mediapipe", "joints"),
    "vision.video": ("movie", "film", "mp4"),
}
"""What artists call a node who come from other programs."""
NEAR = 0.72
"""Likeness (difflib's ratio) of a mistyped word; "decodr", "osscillator" and "slcer" are nearer, other words are not."""


@dataclass(frozen=True)
class Entry:
    """A kind of node that can be placed. `aliases`: what else it is called; `help`: the player's text."""

    type: str
    title: str
    family: str
    help: str
    aliases: tuple[str, ...]
    spec: NodeSpec


def entries(registry: Registry) -> list[Entry]:
    """Every kind of node, family by family, by title in each."""
    found = []
    for type_id, cls in registry.nodes.items():
        older = (alias.partition(".")[2].replace("_", " ") for alias in cls.spec.aliases)
        called = (*CALLED.get(type_id, ()), *older)
        found.append(Entry(type_id, cls.spec.title, type_id.partition(".")[0], help_of(cls), called, cls.spec))
    return sorted(found, key=_order)


def find(every: Sequence[Entry], words: str) -> list[Entry]:
    """The entries in which every word is found, the best first; all of them, in their order, where there is no word."""
    wanted = _words(words)
    if not wanted:
        return list(every)
    ranked: list[tuple[tuple[float, int], Entry]] = []
    for entry in every:
        ranks = [_rank(entry, word) for word in wanted]
        whole = -1 if entry.title.lower().startswith(" ".join(wanted)) else 0
        if None not in ranks:
            ranked.append(((whole, sum(rank for rank in ranks if rank is not None)), entry))
    if not ranked:
        for entry in every:
            near = [_likeness(entry, word) for word in wanted]
            if min(near) >= NEAR:
                ranked.append(((-sum(near), len(entry.title)), entry))
    # Sorting is stable: what ranks alike stays in its order.
    return [entry for _, entry in sorted(ranked, key=lambda item: item[0])]


def _order(entry: Entry) -> tuple[int, str, str]:
    place = FAMILIES.index(entry.family) if entry.family in FAMILIES else len(FAMILIES)
    return place, entry.family, entry.title.lower()


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _names(entry: Entry) -> tuple[list[str], list[str]]:
    """The words of its title and of its type, and those of what else it is called."""
    return _words(f"{entry.title} {entry.type.partition('.')[2]}"), _words(" ".join(entry.aliases))


def _rank(entry: Entry, word: str) -> int | None:
    title, called = _names(entry)
    steps = (
        entry.title.lower().startswith(word),
        any(one.startswith(word) for one in title),
        any(one.startswith(word) for one in called),
        entry.family.startswith(word),
        any(word in one for one in title),
        any(one.startswith(word) for one in _words(entry.help)),
    )
    return next((rank for rank, fits in enumerate(steps) if fits), None)


def _likeness(entry: Entry, word: str) -> float:
    title, called = _names(entry)
    return max((difflib.SequenceMatcher(None, word, one).ratio() for one in title + called if len(word) > 2), default=0.0)
