"""What nodes show of what they do. A family brings its own views here, so that nodes never know the editor."""

from __future__ import annotations

from graph_editor.previews import Make
from graph_editor.views.bars import Gesture
from graph_editor.views.corpus import CorpusInShort
from graph_editor.views.corpus_details import CorpusAtLength
from graph_editor.views.explained import Explained, ExplainedAtLength
from graph_editor.views.hands_on import NamedSliders, Pad, Points
from graph_editor.views.learning import LearntAtLength, LearntInShort
from graph_editor.views.mapping import Anchors, Strip
from graph_editor.views.model import ModelAtLength, ModelInShort
from graph_editor.views.nearest import Nearest, NearestAtLength
from graph_editor.views.rave import Latents, Sliders
from graph_editor.views.signals import Curves, Meter
from graph_editor.views.sound import Sound
from graph_editor.views.tracked import Body, Face, Hands, large_body, large_face, large_hands
from graph_editor.views.training import TrainingAtLength, TrainingInShort
from graph_editor.views.vision import Picture
from runtime.spec import PortType

BY_NODE: dict[str, Make] = {
    "audio.analyser": Sound,
    "audio.output": Meter,
    "control.pad": Pad,
    "control.sequencer": Points,
    "control.sliders": NamedSliders,
    "mapping.classifier": LearntInShort,
    "mapping.follower": LearntInShort,
    "mapping.regressor": Strip,
    "mapping.space": LearntInShort,
    "rave.decoder": Latents,
    "rave.file": ModelInShort,
    "rave.matrix": Explained,
    "rave.nearest": Nearest,
    "rave.sweep": Explained,
    "rave.trainer": TrainingInShort,
    "vision.body": Body,
    "vision.face": Face,
    "vision.hands": Hands,
}
"""The view of a kind of node."""
BY_OUTPUT: dict[PortType, Make] = {
    PortType.AUDIO: Meter,
    PortType.CONTROL: Curves,
    PortType.IMAGE: Picture,
    PortType.CORPUS: CorpusInShort,
}
"""The preview of what a node gives, where its kind has no view of its own; by the type of its first output that has one."""
DETAILS: dict[str, Make] = {
    "mapping.classifier": LearntAtLength,
    "mapping.follower": LearntAtLength,
    "mapping.regressor": Anchors,
    "mapping.space": LearntAtLength,
    "rave.decoder": Sliders,
    "rave.file": ModelAtLength,
    "rave.matrix": ExplainedAtLength,
    "rave.nearest": NearestAtLength,
    "rave.sweep": ExplainedAtLength,
    "rave.trainer": TrainingAtLength,
    "vision.body": large_body,
    "vision.face": large_face,
    "vision.hands": large_hands,
}
"""A larger view in the inspector."""
DETAILS_BY_TYPE: dict[PortType, Make] = {
    PortType.AUDIO: Sound,
    PortType.CONTROL: Gesture,
    PortType.IMAGE: Picture,
    PortType.CORPUS: CorpusAtLength,
}
"""The larger view of what a node gives, or takes where it gives nothing, where its kind has none of its own."""
