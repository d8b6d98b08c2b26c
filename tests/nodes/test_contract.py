"""What every node must keep to, asked of the whole registry: adding a node adds it to these tests."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from runtime.node import STEP, Block, JobNode, Stream, StreamNode
from runtime.registry import discover, help_of
from runtime.spec import FloatParam, PathParam, PortType
from tests.drive import params_of

REGISTRY = discover("nodes")
NODES = dict(sorted(REGISTRY.nodes.items()))
STREAMS = {name: node for name, node in NODES.items() if issubclass(node, StreamNode)}
JOBS = {name: node for name, node in NODES.items() if issubclass(node, JobNode)}

DRIVEN_ELSEWHERE = {
    "control.curve": "needs a table; test_control_curves.py",
    "control.midi": "tells what is played now; test_control_midi.py",
    "control.osc": "tells what is sent now; test_control_osc.py",
    "take.gesture": "needs a take; test_take.py",
    "vision.camera": "needs a camera; test_vision_camera.py",
    "audio.convolution": "needs an impulse; test_sound_convolution.py",
    "audio.feedback": "sounds different at every block length, and says so; test_sound.py",
    "audio.player": "needs a sound file; test_sound.py",
    "audio.recorder": "writes a file; test_recorder.py",
    "mapping.classifier": "must be taught first; test_mapping_classifier.py",
    "mapping.follower": "must be taught first; test_mapping_follower.py",
    "mapping.regressor": "must be taught first; test_mapping.py",
    "mapping.space": "must be taught first; test_mapping_space.py",
    "rave.crossfade": "needs models; test_rave_play.py",
    "rave.decoder": "needs a model; test_rave.py",
    "rave.encoder": "needs a model; test_rave.py",
    "rave.forward": "needs a model; test_rave_play.py",
    "rave.limit": "needs a corpus that a model has heard; test_rave_corpus.py",
    "rave.nearest": "needs a corpus that a model has heard; test_rave_corpus.py",
    "rave.prior": "needs a model with a prior; test_rave_play.py",
    "vision.body": "needs pictures of a body; test_vision_body.py",
    "vision.face": "needs pictures of a face; test_vision.py",
    "vision.hands": "needs pictures of hands; test_vision_hands.py",
    "vision.video": "needs a video; test_vision.py",
}
DRIVEN = {name: node for name, node in STREAMS.items() if name not in DRIVEN_ELSEWHERE}

RATE = 44100
FRAMES = 8192
DIMS = ("x", "y", "x")

every_node = pytest.mark.parametrize("node", NODES.values(), ids=NODES)
every_stream = pytest.mark.parametrize("node", STREAMS.values(), ids=STREAMS)
every_job = pytest.mark.parametrize("node", JOBS.values(), ids=JOBS)
every_driven = pytest.mark.parametrize("node", DRIVEN.values(), ids=DRIVEN)
however_params_move = pytest.mark.parametrize("moving", [0, FRAMES // 2, FRAMES], ids=["resting", "settling", "moving"])


# What a node declares


def test_every_module_of_nodes_can_be_imported():
    assert REGISTRY.failures == {}
    assert len(NODES) > 10


@every_node
def test_a_node_is_a_stream_node_or_a_job_and_has_a_title(node):
    assert issubclass(node, StreamNode) != issubclass(node, JobNode)
    assert re.fullmatch(r"[A-Z].*[^.]", node.spec.title)
    assert REGISTRY.get(node.spec.type) is node and all(REGISTRY.get(alias) is node for alias in node.spec.aliases)


@every_node
def test_the_class_docstring_reads_as_help(node):
    help_text = help_of(node)
    first = re.split(r"(?<=\.)\s", help_text)[0]
    assert "__doc__" in vars(node), "the docstring must be the node's own"
    assert re.fullmatch(r"[A-Z].{15,}\.", first, re.DOTALL), f"help must begin with a sentence, got {first!r}"
    assert help_text.rstrip().endswith(".")


@every_node
def test_every_port_param_and_action_says_what_it_is_for(node):
    spec = node.spec
    silent = [item.name for item in (*spec.inputs, *spec.outputs, *spec.params, *spec.actions) if not item.doc.strip()]
    assert silent == []


@every_node
def test_names_are_words(node):
    spec = node.spec
    for item in (*spec.inputs, *spec.outputs, *spec.params, *spec.actions):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", item.name)


@every_node
def test_defaults_are_legal(node):
    for param in node.spec.params:
        legal = param.coerce(param.default)
        assert legal == param.default and type(legal) is type(param.default)


@every_node
def test_a_node_can_be_described_as_json(node):
    told = node.spec.describe(help_of(node))
    assert json.loads(json.dumps(told, allow_nan=False))["type"] == node.spec.type


@every_node
def test_an_upgrade_from_the_first_version_gives_legal_params(node):
    given = {param.name: param.default for param in node.spec.params}
    upgraded = node.upgrade(dict(given), 1)
    assert set(upgraded) <= {param.name for param in node.spec.params}


# Names in the declaration are names of arguments


def arguments(method, *first):
    """The names of a method's arguments after `self` and `first`."""
    parameters = list(inspect.signature(method).parameters.values())
    assert [parameter.name for parameter in parameters[: 1 + len(first)]] == ["self", *first]
    assert all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
    return [parameter.name for parameter in parameters[1 + len(first) :]]


def exactly(names, expected):
    assert len(names) == len(set(names)) and set(names) == set(expected)


@every_stream
def test_process_takes_the_stream_inputs_and_the_live_params(node):
    spec = node.spec
    expected = [port.name for port in spec.inputs if port.type.is_stream] + [param.name for param in spec.params if param.live]
    exactly(arguments(node.process, "block"), expected)


@every_stream
def test_prepare_takes_the_artifacts_and_the_fixed_params(node):
    spec = node.spec
    expected = [port.name for port in spec.inputs if not port.type.is_stream]
    expected += [param.name for param in spec.params if not param.live]
    if node.prepare is StreamNode.prepare:
        assert expected == [], "prepare must take what it is given"
    else:
        exactly(arguments(node.prepare, "stream"), expected)


@every_job
def test_run_takes_the_inputs_and_the_params(node):
    spec = node.spec
    exactly(arguments(node.run, "job"), [port.name for port in spec.inputs] + [param.name for param in spec.params])


@every_stream
def test_a_stream_node_gives_streams(node):
    assert all(port.type.is_stream for port in node.spec.outputs)
    assert not [param.name for param in node.spec.params if isinstance(param, PathParam) and param.live]


@every_stream
def test_every_action_is_a_method(node):
    for action in node.spec.actions:
        assert callable(getattr(node, action.name, None))


@every_job
def test_a_job_gives_and_takes_artifacts_only(node):
    assert node.spec.outputs
    assert not [port.name for port in (*node.spec.inputs, *node.spec.outputs) if port.type.is_stream or port.delayed]


@every_node
def test_no_state_is_kept_in_the_class(node):
    kept = {name: value for name, value in vars(node).items() if not name.startswith("__")}
    assert not [name for name, value in kept.items() if isinstance(value, list | dict | set | np.ndarray)]


# How a stream node plays


def test_every_node_is_driven_here_or_elsewhere():
    assert set(DRIVEN_ELSEWHERE) <= set(STREAMS)
    assert all(node.spec.exact for node in DRIVEN.values())
    for reason in DRIVEN_ELSEWHERE.values():
        assert (Path(__file__).parent / reason.rpartition(" ")[2]).is_file(), reason


def signals(node, seed):
    """A whole signal for each input: noise for sounds, a walk for gestures; two links for an input that takes many."""
    random = np.random.default_rng(seed)

    def one(kind, width):
        if kind is PortType.AUDIO:
            return random.uniform(-1, 1, (width, FRAMES)).astype(np.float32)
        assert kind is PortType.CONTROL, "pictures are tested elsewhere"
        return random.standard_normal((len(DIMS), FRAMES // STEP)).cumsum(axis=1).astype(np.float32)

    return {
        port.name: (one(port.type, 1), one(port.type, 2)) if port.many else one(port.type, 2)
        for port in node.spec.inputs
        if port.type.is_stream
    }


def silence(given):
    return {
        name: tuple(map(np.zeros_like, part)) if isinstance(part, tuple) else np.zeros_like(part) for name, part in given.items()
    }


def part_of(signal, number, block):
    width = signal.shape[1] * block // FRAMES
    part = signal[:, number * width : (number + 1) * width].copy()
    part.flags.writeable = False
    return part


class Playing:
    """A node that is prepared, and played block by block with read-only inputs. Smooth params move during the first `moving`
    frames, as the engine moves them: a ramp in each block, and then a float again."""

    def __init__(self, node, given, *, block=512, seed=0, moving=0):
        self.node, self.given, self.moving = node(), given, moving
        self.values = params_of(node, {}, Path())
        self.params = {param.name: param for param in node.spec.params}
        names = {port.name: DIMS * (2 if port.many else 1) for port in node.spec.inputs if port.type is PortType.CONTROL}
        self.stream = Stream(RATE, block, seed, True, Path(), names)
        fixed = {name: self.values[name] for name, param in self.params.items() if not param.live}
        self.node.prepare(self.stream, **fixed)
        self.order = list(inspect.signature(self.node.process).parameters)[1:]
        self.block = Block(block)
        self.number = 0

    def step(self):
        """The outputs of the next block, and what it played as "master"."""
        block = self.block
        block.start, block.master = self.number * block.frames, []
        made = dict(self.node.process(block, *map(self.argument, self.order)))
        self.number += 1
        assert set(made) == {port.name for port in self.node.spec.outputs}
        if block.master:
            made["master"] = np.concatenate(block.master)
        return made

    def argument(self, name):
        if name in self.given:
            signal = self.given[name]
            if isinstance(signal, tuple):
                return tuple(part_of(part, self.number, self.block.frames) for part in signal)
            return part_of(signal, self.number, self.block.frames)
        param, value = self.params[name], self.values[name]
        if not (self.moving and isinstance(param, FloatParam) and param.smooth):
            return value
        ramp = np.linspace(max(param.low, value - 10), min(param.high, value + 10), self.moving, dtype=np.float32)
        if self.block.start >= self.moving:
            return float(ramp[-1])
        return part_of(np.pad(ramp, (0, FRAMES - self.moving))[None], self.number, self.block.frames)[0]

    def all(self):
        """All outputs, joined in time."""
        made = [self.step() for _ in range(FRAMES // self.block.frames)]
        self.node.close()
        return {name: np.concatenate([part[name] for part in made], axis=1) for name in made[0]}


def assert_same_bytes(one, two):
    assert set(one) == set(two)
    for name in one:
        assert one[name].tobytes() == two[name].tobytes(), f"{name} differs"


@every_driven
@however_params_move
@pytest.mark.parametrize("silent", [True, False], ids=["silence", "sound"])
def test_silence_or_sound_in_gives_finite_float32_of_the_right_shape_out(node, silent, moving):
    given = signals(node, 0)
    playing = Playing(node, silence(given) if silent else given, moving=moving)
    for _ in range(4):
        made = playing.step()
        for port in node.spec.outputs:
            value = made[port.name]
            width = 512 if port.type is PortType.AUDIO else 512 // STEP
            assert isinstance(value, np.ndarray) and value.dtype == np.float32
            assert value.ndim == 2 and len(value) > 0 and value.shape[1] == width
            assert np.isfinite(value).all()


@every_driven
def test_the_dimensions_of_every_gesture_are_named(node):
    playing = Playing(node, signals(node, 0))
    made = playing.step()
    gestures = {port.name for port in node.spec.outputs if port.type is PortType.CONTROL}
    assert set(playing.stream.output_names) == gestures
    for name in gestures:
        names = playing.stream.output_names[name]
        assert len(names) == len(made[name])
        assert all(isinstance(word, str) and word for word in names)


@every_driven
@however_params_move
def test_the_sound_is_the_same_at_every_block_length(node, moving):
    given = signals(node, 0)
    expected = Playing(node, given, block=512, moving=moving).all()
    for block in (64, 2048):
        made = Playing(node, given, block=block, moving=moving).all()
        for name in expected:
            np.testing.assert_allclose(made[name], expected[name], rtol=1e-5, atol=1e-5, err_msg=f"{name} at {block}")


@every_driven
def test_the_same_seed_gives_the_same_bytes(node):
    given = signals(node, 0)
    assert_same_bytes(Playing(node, given, seed=5).all(), Playing(node, given, seed=5).all())


@every_driven
def test_two_instances_share_no_state(node):
    one, two = signals(node, 1), signals(node, 2)
    alone = [Playing(node, one, seed=1).all(), Playing(node, two, seed=2, moving=FRAMES).all()]
    playing = [Playing(node, one, seed=1), Playing(node, two, seed=2, moving=FRAMES)]
    made = [[], []]
    for _ in range(FRAMES // 512):
        for number in (0, 1):
            made[number].append(playing[number].step())
    for number in (0, 1):
        joined = {name: np.concatenate([part[name] for part in made[number]], axis=1) for name in alone[number]}
        assert_same_bytes(joined, alone[number])


@every_driven
@however_params_move
def test_outputs_are_new_arrays_that_no_later_block_changes(node, moving):
    playing = Playing(node, signals(node, 0), moving=moving)
    handed = []
    inner = playing.argument
    playing.argument = lambda name: handed.append(inner(name)) or handed[-1]
    made = [playing.step() for _ in range(12)]
    copies = [{name: value.copy() for name, value in block.items()} for block in made]
    inputs = [
        part for value in handed for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, np.ndarray)
    ]
    for block in made:
        assert not [name for name, value in block.items() for part in inputs if np.shares_memory(value, part)]
    for _ in range(4):
        playing.step()
    for block, copy in zip(made, copies, strict=True):
        assert_same_bytes(block, copy)


@pytest.mark.parametrize("node", [node for node in DRIVEN.values() if node.spec.pure], ids=lambda node: node.spec.type)
def test_nothing_of_a_nan_stays_in_a_pure_node(node):
    given = signals(node, 1)
    sick = {
        name: tuple(part + np.float32(np.nan) for part in value) if isinstance(value, tuple) else value + np.float32(np.nan)
        for name, value in given.items()
    }
    after, fresh = Playing(node, sick), Playing(node, given)
    assert any(not np.isfinite(value).all() for value in after.step().values())
    after.given = given
    fresh.step()
    for name, value in after.step().items():
        np.testing.assert_array_equal(value, fresh.step()[name])
