"""Small fake nodes whose numbers can be told by hand, for the tests of plans, engines and runners."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.node import JobNode, StreamNode
from runtime.registry import Registry
from runtime.spec import (
    BoolParam,
    ChoiceParam,
    FloatParam,
    IntParam,
    NodeSpec,
    PathParam,
    Port,
    PortType,
    TextParam,
)

AUDIO_IN = Port("audio", PortType.AUDIO, "a sound")
AUDIO_OUT = Port("audio", PortType.AUDIO, "a sound")


class Source(StreamNode):
    """The same number in every frame: `level`, or a ramp while it moves."""

    spec = NodeSpec(
        type="fake.source",
        title="Source",
        outputs=(AUDIO_OUT,),
        params=(
            FloatParam(name="level", default=0.5, low=-1.0, high=1.0, smooth=True),
            IntParam(name="channels", default=1, low=1, high=8, live=False),
        ),
    )

    def prepare(self, stream, channels):
        self._channels = channels

    def process(self, block, level):
        return {"audio": np.full((self._channels, block.frames), 1.0, np.float32) * level}


class Clock(StreamNode):
    """The number of each frame since the engine began, divided by 65536."""

    spec = NodeSpec(type="fake.clock", title="Clock", outputs=(AUDIO_OUT,))

    def process(self, block):
        return {"audio": np.arange(block.start, block.start + block.frames, dtype=np.float32)[None] / 65536}


class Scale(StreamNode):
    """A sound times a factor. The old `amount` of version 1 was in per cent."""

    spec = NodeSpec(
        type="fake.scale",
        title="Scale",
        version=2,
        aliases=("fake.multiply",),
        inputs=(AUDIO_IN,),
        outputs=(AUDIO_OUT,),
        params=(FloatParam(name="factor", default=1.0, low=-10.0, high=10.0, smooth=True),),
    )

    def process(self, block, audio, factor):
        return {"audio": audio * factor}

    @staticmethod
    def upgrade(params: dict[str, Any], version: int) -> dict[str, Any]:
        if version < 2 and "amount" in params:
            params["factor"] = params.pop("amount") / 100
        return params


class Sum(StreamNode):
    """Adds any number of mono sounds."""

    spec = NodeSpec(
        type="fake.sum",
        title="Sum",
        inputs=(Port("audio", PortType.AUDIO, "sounds", many=True),),
        outputs=(AUDIO_OUT,),
    )

    def process(self, block, audio):
        return {"audio": sum(audio, np.zeros((1, block.frames), np.float32))}


class Echo(StreamNode):
    """A sound plus half of what came back in the previous block: the legal way to close a loop."""

    spec = NodeSpec(
        type="fake.echo",
        title="Echo",
        inputs=(Port("audio", PortType.AUDIO, "a sound", optional=True), Port("back", PortType.AUDIO, "the echo", delayed=True)),
        outputs=(AUDIO_OUT,),
    )

    def process(self, block, audio, back):
        dry = np.zeros((1, block.frames), np.float32) if audio is None else audio
        return {"audio": dry + np.float32(0.5) * (0 if back is None else back)}


class Speaker(StreamNode):
    """Plays a sound."""

    spec = NodeSpec(type="fake.speaker", title="Speaker", inputs=(AUDIO_IN,))

    def process(self, block, audio):
        block.play(audio)
        return {}


class Hand(StreamNode):
    """A gesture that stays at `value`, one dimension for each of the `names`."""

    spec = NodeSpec(
        type="fake.hand",
        title="Hand",
        outputs=(Port("gesture", PortType.CONTROL, "the gesture"),),
        params=(FloatParam(name="value", default=0.0), TextParam(name="names", default="x y", live=False)),
    )

    def prepare(self, stream, names):
        self._dims = len(names.split())
        stream.name("gesture", names.split())

    def process(self, block, value):
        return {"gesture": np.full((self._dims, block.steps), value, np.float32)}


class Relay(StreamNode):
    """A gesture as it is, under the same names."""

    spec = NodeSpec(
        type="fake.relay",
        title="Relay",
        inputs=(Port("gesture", PortType.CONTROL, "a gesture"),),
        outputs=(Port("gesture", PortType.CONTROL, "the same"),),
    )

    def prepare(self, stream):
        stream.name("gesture", stream.names["gesture"])

    def process(self, block, gesture):
        return {"gesture": gesture.copy()}


class Eye(StreamNode):
    """A black picture."""

    spec = NodeSpec(type="fake.eye", title="Eye", outputs=(Port("image", PortType.IMAGE, "a picture"),))

    def process(self, block):
        return {"image": np.zeros((4, 6, 3), np.uint8)}


class Faulty(StreamNode):
    """Passes a sound on until block number `at`, where it goes wrong in the chosen way."""

    spec = NodeSpec(
        type="fake.faulty",
        title="Faulty",
        inputs=(Port("audio", PortType.AUDIO, "a sound", optional=True),),
        outputs=(AUDIO_OUT,),
        params=(
            ChoiceParam(name="way", default="raise", choices=("raise", "nan", "infinity", "loud", "short", "double", "nothing")),
            IntParam(name="at", default=0, low=0),
        ),
    )

    def process(self, block, audio, way, at):
        sound = np.full((1, block.frames), 0.25, np.float32) if audio is None else audio.copy()
        if block.start < at * block.frames:
            return {"audio": sound}
        if way == "raise":
            raise RuntimeError("broken on purpose")
        if way == "short":
            return {"audio": sound[:, 1:]}
        if way == "double":
            return {"audio": sound.astype(np.float64)}
        if way == "nothing":
            return {}
        sound[0, -1] = {"nan": np.nan, "infinity": np.inf, "loud": 1e30}[way]
        return {"audio": sound}


class Singer(StreamNode):
    """The number written in the model, in every frame."""

    spec = NodeSpec(
        type="fake.singer", title="Singer", inputs=(Port("model", PortType.MODEL, "what to sing"),), outputs=(AUDIO_OUT,)
    )

    def prepare(self, stream, model):
        self._value = np.float32((model.path / "model.txt").read_text())

    def process(self, block):
        return {"audio": np.full((1, block.frames), self._value, np.float32)}


class Writer(JobNode):
    """Writes a text into a corpus; with a file, its content too."""

    spec = NodeSpec(
        type="fake.writer",
        title="Writer",
        outputs=(Port("corpus", PortType.CORPUS, "a text"),),
        params=(
            TextParam(name="text", default="1", live=False),
            PathParam(name="file", required=False),
            PathParam(name="folder", required=False, what="folder"),
            PathParam(name="report", required=False, what="output"),
        ),
    )

    def run(self, job, text, file, folder, report):
        (job.folder / "text.txt").write_text(text + (file.read_text() if file else ""))
        return {"corpus": job.folder}


class Student(JobNode):
    """The text of a corpus times a factor, as a model."""

    spec = NodeSpec(
        type="fake.student",
        title="Student",
        inputs=(Port("corpus", PortType.CORPUS, "what to learn"),),
        outputs=(Port("model", PortType.MODEL, "what was learnt"),),
        params=(FloatParam(name="factor", default=1.0, live=False),),
    )

    def run(self, job, corpus, factor):
        (job.folder / "model.txt").write_text(str(float((corpus.path / "text.txt").read_text()) * factor))
        return {"model": job.folder}


class Needy(JobNode):
    """Must be given a file and a folder."""

    spec = NodeSpec(
        type="fake.needy",
        title="Needy",
        outputs=(Port("corpus", PortType.CORPUS, "nothing much"),),
        params=(
            PathParam(name="file"),
            PathParam(name="folder", what="folder"),
            PathParam(name="out", default="o", what="output"),
        ),
    )

    def run(self, job, file, folder, out):
        return {"corpus": job.folder}


class Everything(StreamNode):
    """A param of each kind, and an input of each stream."""

    spec = NodeSpec(
        type="fake.everything",
        title="Everything",
        inputs=(
            Port("sound", PortType.AUDIO, optional=True),
            Port("gesture", PortType.CONTROL, optional=True),
            Port("image", PortType.IMAGE, optional=True),
        ),
        params=(
            FloatParam(name="number", default=0.0, low=-1.0, high=1.0),
            IntParam(name="count", default=3, low=1, high=9),
            ChoiceParam(name="choice", default="one", choices=("one", "two")),
            BoolParam(name="switch", default=False),
            TextParam(name="text", default=""),
            PathParam(name="path", required=False),
        ),
    )

    def prepare(self, stream, path):
        self._path = path

    def process(self, block, sound, gesture, image, number, count, choice, switch, text):
        return {}


NODES = (Source, Clock, Scale, Sum, Echo, Speaker, Hand, Relay, Eye, Faulty, Singer, Writer, Student, Needy, Everything)


def registry() -> Registry:
    """All fake nodes."""
    found = Registry()
    for node in NODES:
        found.add(node)
    return found
