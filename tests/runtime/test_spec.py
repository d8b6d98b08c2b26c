"""Params, ports and node declarations."""

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import ParamError
from runtime.spec import (
    Action,
    BoolParam,
    ChoiceParam,
    FloatParam,
    IntParam,
    NodeSpec,
    Param,
    PathParam,
    Port,
    PortType,
    TextParam,
)

GAIN = FloatParam(name="gain", default=0.0, low=-60.0, high=12.0, unit="dB")
COUNT = IntParam(name="count", default=3, low=1, high=9)
SHAPE = ChoiceParam(name="shape", default="sine", choices=("sine", "saw"))
BLOCK = ChoiceParam(name="block", default=512, choices=(256, 512))
LOOP = BoolParam(name="loop", default=False)
NAME = TextParam(name="name", default="lfo")
FILE = PathParam(name="path")
FOLDER = PathParam(name="path", what="folder")
PARAMS = (GAIN, COUNT, SHAPE, BLOCK, LOOP, NAME, FILE)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("abCsine./\\~: é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("param", "value", "legal"),
    [
        (GAIN, 3, 3.0),
        (GAIN, -3.5, -3.5),
        (GAIN, 100, 12.0),
        (GAIN, -1e300, -60.0),
        (FloatParam(name="free", default=0.0), 1e30, 1e30),
        (COUNT, 4, 4),
        (COUNT, 4.0, 4),
        (COUNT, 0, 1),
        (COUNT, 10**30, 9),
        (IntParam(name="free", default=0), -(10**12), -(10**12)),
        (SHAPE, "saw", "saw"),
        (BLOCK, 256, 256),
        (BLOCK, 256.0, 256),
        (LOOP, True, True),
        (NAME, "", ""),
        (NAME, "grüße", "grüße"),
        (FILE, "", ""),
        (FILE, "a.wav", "a.wav"),
        (FILE, "./a//b/./c.wav", "a/b/c.wav"),
        (FILE, "a\\b.wav", "a/b.wav"),
        (FILE, "a..b/..c", "a..b/..c"),
    ],
)
def test_a_legal_value_is_taken_and_one_out_of_range_is_clamped(param, value, legal):
    coerced = param.coerce(value)
    assert coerced == legal and type(coerced) is type(legal)


@pytest.mark.parametrize(
    ("param", "value", "message"),
    [
        (GAIN, "loud", "gain must be a number, got 'loud'"),
        (GAIN, None, "gain must be a number, got None"),
        (GAIN, True, "gain must be a number, got True"),
        (GAIN, [1.0], "gain must be a number, got [1.0]"),
        (GAIN, math.nan, "gain must be a number, got nan"),
        (GAIN, -math.inf, "gain must be a number, got -inf"),
        (COUNT, 1.5, "count must be a whole number, got 1.5"),
        (COUNT, math.inf, "count must be a whole number, got inf"),
        (COUNT, math.nan, "count must be a whole number, got nan"),
        (COUNT, False, "count must be a whole number, got False"),
        (COUNT, "3", "count must be a whole number, got '3'"),
        (SHAPE, "noise", "shape must be one of sine, saw, got 'noise'"),
        (SHAPE, {}, "shape must be one of sine, saw, got {}"),
        (BLOCK, 300, "block must be one of 256, 512, got 300"),
        (BLOCK, True, "block must be one of 256, 512, got True"),
        (LOOP, 1, "loop must be true or false, got 1"),
        (LOOP, "yes", "loop must be true or false, got 'yes'"),
        (NAME, 5, "name must be a text, got 5"),
        (FILE, None, "path must be a path inside the patch's folder, as text, got None"),
        (FILE, "a\0b", "path must be a path inside the patch's folder, as text, got 'a\\x00b'"),
    ],
)
def test_an_illegal_value_is_refused_with_parameter_rule_and_value(param, value, message):
    with pytest.raises(ParamError) as refused:
        param.coerce(value)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "value", ["/etc/passwd", "../a.wav", "a/../../b", "..", "~/a.wav", "~other", "C:/a.wav", "c:\\a", "\\\\host\\a"]
)
def test_a_path_outside_the_patchs_folder_is_refused_with_what_to_do(value):
    with pytest.raises(ParamError) as refused:
        FILE.coerce(value)
    rule = f"path must be a path inside the patch's folder, got {value!r}"
    assert str(refused.value) == f"{rule}; copy the file beside the patch, or make a link to it there"


@pytest.mark.parametrize("value", ["./C:/a.wav", "./~/a.wav", ".//c:a"])
def test_a_dot_before_a_drive_or_a_home_does_not_hide_it(value):
    # The cleaned path would be C:/a.wav, and joined to a folder on Windows that leads out of it.
    with pytest.raises(ParamError, match="must be a path inside the patch's folder"):
        FILE.coerce(value)


def test_the_refusal_of_a_folder_speaks_of_a_folder():
    with pytest.raises(ParamError, match="copy the folder beside the patch"):
        FOLDER.coerce("/sounds")


def test_a_long_illegal_value_is_shown_cut_short():
    with pytest.raises(ParamError) as refused:
        GAIN.coerce("x" * 1000)
    assert str(refused.value) == "gain must be a number, got '" + "x" * 76 + "..."


@pytest.mark.parametrize("param", [GAIN, COUNT, FloatParam(name="free", default=0.0)], ids=["gain", "count", "free"])
@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["large", "small"])
def test_a_whole_number_that_no_float_can_hold_is_clamped_or_refused(param, value):
    # JSON knows no limit, so a patch may hold such a number.
    try:
        assert abs(param.coerce(value)) <= 10**400
    except ParamError as refused:
        assert "must be" in str(refused)


@settings(database=None, deadline=None, max_examples=150)
@given(st.sampled_from(PARAMS), ANY_JSON)
def test_coerce_gives_a_legal_value_or_raises_param_error_and_nothing_else(param, value):
    try:
        legal = param.coerce(value)
    except ParamError:
        return
    assert param.coerce(legal) == legal
    json.dumps(legal, allow_nan=False)


def test_param_itself_is_abstract():
    with pytest.raises(TypeError, match="Param is abstract"):
        Param(name="x").coerce(1)


def test_declarations_are_frozen():
    for thing in (*PARAMS, Port("audio", PortType.AUDIO), Action("train", "learn"), NodeSpec(type="a.b", title="B")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            thing.name = "other"


def test_audio_control_and_image_are_streams_and_the_rest_are_artifacts():
    streams = {kind.value for kind in PortType if kind.is_stream}
    assert streams == {"audio", "control", "image"}
    assert {kind.value for kind in PortType} - streams == {"corpus", "model", "mapping", "take"}


@pytest.mark.parametrize(
    "name", ["gain", "Audio.gain", "audio.Gain", "audio.", ".gain", "audio.gain.more", "audio.1", "a b.c", "", "a.é"]
)
def test_a_type_must_be_family_dot_name(name):
    with pytest.raises(ValueError, match=r"type must be family\.name in lower-case words, got "):
        NodeSpec(type=name, title="T")


@pytest.mark.parametrize(
    "parts",
    [
        {"inputs": (Port("a", PortType.AUDIO), Port("a", PortType.CONTROL))},
        {"inputs": (Port("gain", PortType.AUDIO),), "params": (GAIN,)},
        {"params": (GAIN, GAIN)},
        {"outputs": (Port("a", PortType.AUDIO), Port("a", PortType.AUDIO))},
    ],
)
def test_names_of_inputs_and_params_and_names_of_outputs_must_differ(parts):
    with pytest.raises(ValueError, match=r"audio\.x: names of inputs and params, and names of outputs, must differ"):
        NodeSpec(type="audio.x", title="X", **parts)


def test_an_output_may_be_called_like_an_input():
    port = Port("audio", PortType.AUDIO)
    spec = NodeSpec(type="audio.x", title="X", inputs=(port,), outputs=(port,), params=(GAIN,))
    assert spec.input("audio") is port and spec.output("audio") is port and spec.param("gain") is GAIN
    assert spec.input("gain") is None and spec.output("gain") is None and spec.param("audio") is None


def test_describe_gives_everything_as_json_data():
    spec = NodeSpec(
        type="audio.x",
        title="X",
        version=2,
        inputs=(Port("audio", PortType.AUDIO, "a sound", many=True), Port("back", PortType.CONTROL, delayed=True, optional=True)),
        outputs=(Port("model", PortType.MODEL, "made"),),
        params=(*PARAMS[:-1], FloatParam(name="free", default=1.0)),
        actions=(Action("train", "learn"),),
    )
    told = spec.describe("Help.")
    assert json.loads(json.dumps(told, allow_nan=False)) == json.loads(json.dumps(told))
    assert {"type", "title", "help", "inputs", "outputs", "params", "actions"} <= set(told)
    assert (told["type"], told["title"], told["help"], told["version"]) == ("audio.x", "X", "Help.", 2)
    assert told["inputs"] == [
        {"name": "audio", "type": "audio", "doc": "a sound", "many": True},
        {"name": "back", "type": "control", "doc": "", "delayed": True, "optional": True},
    ]
    assert told["outputs"] == [{"name": "model", "type": "model", "doc": "made"}]
    assert told["actions"] == [{"name": "train", "doc": "learn"}]
    kinds = [param["kind"] for param in told["params"]]
    assert kinds == ["float", "int", "choice", "choice", "bool", "text", "float"]
    gain, free = told["params"][0], told["params"][-1]
    assert (gain["low"], gain["high"], gain["unit"], gain["live"]) == (-60.0, 12.0, "dB", True)
    assert "low" not in free and "high" not in free
