"""How the window looks, as data: every colour, size, font and icon. No dearpygui."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from runtime.spec import PortType

Colour = tuple[int, ...]
FONTS = Path(__file__).parent / "fonts"
SIZES = {"tiny": 12, "small": 13, "text": 15, "title": 18, "large": 28, "huge": 130}
"""Heights of the letters in pixels at scale 1."""


@dataclass(frozen=True)
class Palette:
    """The colours of one theme. `ink` is what lies on coloured ground; `shade` what is drawn over others to lift or sink it."""

    back: Colour
    canvas: Colour
    panel: Colour
    raised: Colour
    node: Colour
    field: Colour
    line: Colour
    text: Colour
    muted: Colour
    faint: Colour
    accent: Colour
    good: Colour
    warn: Colour
    bad: Colour
    shade: Colour
    button: Colour
    primary: Colour
    live: Colour
    danger: Colour
    ink: Colour
    title_mix: float
    """How much of its family's colour a node's title takes."""


DARK = Palette(
    back=(15, 17, 21),
    canvas=(19, 21, 26),
    panel=(23, 26, 32),
    raised=(29, 33, 41),
    node=(30, 34, 42),
    field=(38, 43, 53),
    line=(44, 50, 61),
    text=(222, 227, 236),
    muted=(151, 161, 178),
    faint=(114, 124, 141),
    accent=(92, 156, 255),
    good=(109, 211, 139),
    warn=(242, 184, 75),
    bad=(255, 107, 117),
    shade=(255, 255, 255),
    button=(42, 48, 59),
    primary=(46, 98, 190),
    live=(35, 104, 66),
    danger=(124, 42, 50),
    ink=(240, 245, 255),
    title_mix=0.22,
)
LIGHT = Palette(
    back=(226, 229, 234),
    canvas=(238, 240, 243),
    panel=(247, 248, 250),
    raised=(255, 255, 255),
    node=(255, 255, 255),
    field=(229, 232, 238),
    line=(200, 205, 214),
    text=(28, 33, 42),
    muted=(84, 93, 108),
    faint=(112, 121, 136),
    accent=(28, 100, 224),
    good=(20, 130, 62),
    warn=(160, 98, 0),
    bad=(196, 32, 46),
    shade=(0, 0, 0),
    button=(222, 226, 233),
    primary=(38, 104, 216),
    live=(24, 128, 68),
    danger=(190, 48, 58),
    ink=(255, 255, 255),
    title_mix=0.26,
)
CONTRAST = replace(
    DARK,
    back=(0, 0, 0),
    canvas=(0, 0, 0),
    panel=(0, 0, 0),
    raised=(14, 14, 14),
    node=(0, 0, 0),
    field=(34, 34, 34),
    line=(150, 150, 150),
    text=(255, 255, 255),
    muted=(226, 226, 226),
    faint=(196, 196, 196),
    accent=(255, 221, 51),
    good=(80, 255, 130),
    warn=(255, 200, 60),
    bad=(255, 120, 120),
    button=(44, 44, 44),
    title_mix=0.38,
)
PALETTES = {"dark": DARK, "light": LIGHT, "contrast": CONTRAST}

TYPE_COLOURS: dict[PortType, Colour] = {
    PortType.AUDIO: (79, 195, 247),
    PortType.CONTROL: (125, 219, 143),
    PortType.IMAGE: (255, 128, 150),
    PortType.CORPUS: (242, 184, 75),
    PortType.MODEL: (192, 138, 240),
    PortType.MAPPING: (96, 214, 206),
    PortType.TAKE: (224, 160, 120),
}
TYPE_ICONS = {
    PortType.AUDIO: "audio-waveform",
    PortType.CONTROL: "activity",
    PortType.IMAGE: "image",
    PortType.CORPUS: "database",
    PortType.MODEL: "box",
    PortType.MAPPING: "map",
    PortType.TAKE: "film",
}
FAMILIES: dict[str, tuple[str, Colour, str]] = {
    "corpus": ("Corpus", (242, 184, 75), "database"),
    "rave": ("Neural sound", (192, 138, 240), "brain"),
    "mapping": ("Learning", (96, 214, 206), "target"),
    "vision": ("Vision", (255, 128, 150), "webcam"),
    "control": ("Control", (125, 219, 143), "sliders-horizontal"),
    "audio": ("Sound", (79, 195, 247), "audio-waveform"),
    "take": ("Takes", (224, 160, 120), "film"),
    "patch": ("Subpatches", (150, 160, 180), "boxes"),
}
"""Family of a node's type -> the words, colour and icon it is shown with, in the palette's order."""
OTHER_FAMILY = ("Others", (150, 160, 180), "box")
NODE_ICONS = {
    "audio.analyser": "activity",
    "audio.compressor": "gauge",
    "audio.convolution": "layers",
    "audio.crossfade": "sliders-horizontal",
    "audio.delay": "history",
    "audio.descriptors": "list",
    "audio.envelope": "chart-line",
    "audio.feedback": "repeat",
    "audio.filter": "sliders-vertical",
    "audio.gain": "sliders-vertical",
    "audio.input": "mic",
    "audio.limiter": "shield",
    "audio.mix": "plus",
    "audio.noise": "sparkles",
    "audio.oscillator": "waves",
    "audio.output": "volume-2",
    "audio.pan": "move",
    "audio.player": "file-audio",
    "audio.recorder": "disc",
    "audio.reverb": "house",
    "control.calibrate": "crosshair",
    "control.curve": "chart-line",
    "control.gate": "power",
    "control.hold": "pause",
    "control.join": "git-branch",
    "control.lfo": "activity",
    "control.maths": "cpu",
    "control.midi": "piano",
    "control.midi_out": "piano",
    "control.noise": "sparkles",
    "control.one_euro": "chart-line",
    "control.osc": "share-2",
    "control.osc_out": "share-2",
    "control.pad": "move",
    "control.rename": "pencil",
    "control.scale": "maximize",
    "control.select": "list",
    "control.sequencer": "layout-grid",
    "control.sliders": "sliders-horizontal",
    "control.smooth": "chart-line",
    "control.speed": "gauge",
    "control.summary": "align-left",
    "control.walk": "workflow",
    "corpus.clean": "sparkles",
    "corpus.cluster": "boxes",
    "corpus.describe": "ear",
    "corpus.folder": "folder",
    "corpus.layout": "chart-scatter",
    "corpus.merge": "layers",
    "corpus.report": "align-left",
    "corpus.select": "list",
    "corpus.slicer": "scissors",
    "corpus.split": "workflow",
    "corpus.tag": "tag",
    "mapping.classifier": "tag",
    "mapping.follower": "arrow-right",
    "mapping.space": "chart-scatter",
    "rave.crossfade": "layers",
    "rave.decoder": "waves",
    "rave.encoder": "ear",
    "rave.file": "file",
    "rave.forward": "refresh-cw",
    "rave.latents": "sliders-vertical",
    "rave.loop": "repeat",
    "rave.prior": "sparkles",
    "rave.trainer": "brain",
    "take.gesture": "hand",
    "vision.camera": "camera",
    "vision.face": "scan-face",
    "vision.video": "video",
    "patch.sub": "boxes",
}
FRAME_COLOURS = {
    "amber": (242, 184, 75),
    "blue": (79, 195, 247),
    "green": (125, 219, 143),
    "violet": (192, 138, 240),
    "rose": (255, 128, 150),
    "teal": (96, 214, 206),
    "grey": (150, 160, 180),
}
"""What artists may colour nodes and frames with."""

NODE_WIDTH, NARROW_WIDTH = 184, 152
"""Width of a node's inside in pixels at scale and zoom 1, and of one that has little to show."""
NODE_PADDING = (12, 9)
SHRINK = 0.8
"""Letters on the canvas shrink by the zoom to this power, less than all else, so that they can be read for longer."""
TOP, LEFT, RIGHT, BOTTOM = 54, 184, 290, 32
"""Sizes of the panes around the canvas in pixels at scale 1."""
PIN = {
    PortType.AUDIO: "CircleFilled",
    PortType.IMAGE: "CircleFilled",
    PortType.CONTROL: "TriangleFilled",
    PortType.CORPUS: "QuadFilled",
    PortType.MODEL: "QuadFilled",
    PortType.MAPPING: "QuadFilled",
    PortType.TAKE: "QuadFilled",
}


def wrapped(words: str, width: float, height: float, lines: int = 4) -> str:
    """Words broken into lines of at most so many pixels in a font so high; what does not fit into the lines ends in "..."."""
    found = [""]
    for word in words.split():
        longer = f"{found[-1]} {word}".strip()
        if text_width(longer, height) <= width or not found[-1]:
            found[-1] = longer
        else:
            found.append(word)
    if len(found) > lines:
        found = [*found[: lines - 1], found[lines - 1].rsplit(" ", 1)[0] + " ..."]
    return "\n".join(found)


@cache
def _icons() -> dict[str, str]:
    return {name: chr(code) for name, code in json.loads((FONTS / "icons.json").read_text(encoding="utf-8")).items()}


@cache
def _widths() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads((FONTS / "widths.json").read_text(encoding="utf-8"))
    return found


def height_of(size: str, scale: float, zoom: float = 1.0) -> int:
    """How many pixels high the letters of one of the SIZES are at a scale of the screen and a zoom of the canvas."""
    return max(6, round(SIZES[size] * scale * math.pow(zoom, SHRINK)))


def text_width(words: str, height: float, weight: str = "regular") -> float:
    """How wide a line is in a font so many pixels high: the library cannot tell it before the font was drawn once."""
    letters = _widths()[weight]
    return height * sum(letters.get(letter, 0.5) for letter in words)


def icon(name: str) -> str:
    """The letter that shows an icon in any of our fonts."""
    return _icons()[name]


def family_of(type_id: str) -> tuple[str, Colour, str]:
    """(words, colour, icon) of the family of a node's type."""
    return FAMILIES.get(type_id.partition(".")[0], OTHER_FAMILY)


def icon_of(type_id: str) -> str:
    """The letter that shows a node's icon."""
    return icon(NODE_ICONS.get(type_id, family_of(type_id)[2]))


def mix(one: Colour, two: Colour, share: float) -> Colour:
    """A colour between two: all of `one` at 0, all of `two` at 1."""
    return tuple(int(a * (1 - share) + b * share) for a, b in zip(one[:3], two[:3], strict=True))
