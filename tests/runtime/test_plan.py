"""Compiling a patch: what runs, in which order, and what is told about the rest."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.messages import Problem
from runtime.node import StreamNode
from runtime.patch import Link, Node, Patch
from runtime.plan import compile_patch
from runtime.registry import Registry
from runtime.spec import NodeSpec, PathParam, Port, PortType
from tests.fakes import NODES, registry

KNOWN = registry()


def patch_of(nodes, *links, **parts):
    """A patch from {name: type or Node} and links written "a.b -> c.d"."""
    drawn = {name: node if isinstance(node, Node) else Node(f"fake.{node}") for name, node in nodes.items()}
    return Patch(nodes=drawn, links=tuple(Link(*link.split(" -> ")) for link in links), **parts)


def compiled(nodes, *links, folder=None, **parts):
    return compile_patch(patch_of(nodes, *links, **parts), KNOWN, folder)


def running(plan):
    return [step.node for step in plan.streams]


def told(plan):
    return [str(problem) for problem in plan.problems]


# What runs


def test_nodes_run_after_what_they_need():
    plan = compiled(
        {"a_speaker": "speaker", "b_scale": "scale", "z_source": "source"},
        "z_source.audio -> b_scale.audio",
        "b_scale.audio -> a_speaker.audio",
    )
    assert running(plan) == ["z_source", "b_scale", "a_speaker"]
    assert plan.problems == () and plan.blocked == {} and plan.jobs == ()
    assert plan.steps["b_scale"].inputs == {"audio": (("z_source", "audio"),)}
    assert plan.steps["z_source"].params == {"level": 0.5, "channels": 1}


def test_the_plan_does_not_depend_on_the_order_in_which_things_were_drawn():
    nodes = {"s": "source", "t": "source", "mix": "sum", "out": "speaker", "w": "writer", "v": "student", "other": "clock"}
    links = ["s.audio -> mix.audio", "t.audio -> mix.audio", "mix.audio -> out.audio", "w.corpus -> v.corpus"]
    expected = compiled(nodes, *links)
    for seed in range(5):
        chance = random.Random(seed)
        items, mixed = list(nodes.items()), list(links)
        chance.shuffle(items)
        chance.shuffle(mixed)
        assert compiled(dict(items), *mixed) == expected


def test_many_links_arrive_in_the_order_of_their_text():
    nodes = {"c": "source", "a": "source", "b": "clock", "mix": "sum"}
    plan = compiled(nodes, "c.audio -> mix.audio", "a.audio -> mix.audio", "b.audio -> mix.audio")
    assert plan.steps["mix"].inputs == {"audio": (("a", "audio"), ("b", "audio"), ("c", "audio"))}


def test_jobs_and_streams_are_apart_and_artifacts_join_them():
    nodes = {"w": "writer", "learn": "student", "sing": "singer", "out": "speaker"}
    plan = compiled(nodes, "w.corpus -> learn.corpus", "learn.model -> sing.model", "sing.audio -> out.audio")
    assert [step.node for step in plan.jobs] == ["w", "learn"]
    assert running(plan) == ["sing", "out"]
    assert plan.steps["sing"].inputs == {"model": (("learn", "model"),)}


def test_an_empty_patch_is_an_empty_plan():
    plan = compile_patch(Patch(), KNOWN)
    assert plan.settings == {"sample_rate": 44100, "block": 512, "seed": 0}
    assert (plan.jobs, plan.streams, plan.blocked, plan.problems) == ((), (), {}, ())


def test_params_are_coerced():
    plan = compiled({"s": Node("fake.source", 1, {"level": 7, "channels": 2.0})})
    assert plan.steps["s"].params == {"level": 1.0, "channels": 2}


def test_an_older_node_is_found_by_its_alias_and_its_params_are_upgraded():
    plan = compiled({"a": Node("fake.multiply", 1, {"amount": 50})})
    assert plan.problems == (Problem("a", "nothing is connected to audio; lead audio to it"),)
    plan = compiled({"s": "source", "a": Node("fake.multiply", 1, {"amount": 50})}, "s.audio -> a.audio")
    assert plan.steps["a"].params == {"factor": 0.5} and plan.problems == ()


def test_behind_is_the_part_that_a_node_depends_on():
    nodes = {
        "w": "writer",
        "learn": "student",
        "sing": "singer",
        "out": "speaker",
        "s": "source",
        "other": "speaker",
        "w2": "writer",
    }
    plan = compiled(
        nodes,
        *("w.corpus -> learn.corpus", "learn.model -> sing.model", "sing.audio -> out.audio", "s.audio -> other.audio"),
    )
    part = plan.behind("sing")
    assert [step.node for step in part.jobs] == ["w", "learn"] and running(part) == ["sing"]
    assert set(part.steps) == {"w", "learn", "sing"}
    assert running(plan.behind("nobody")) == [] and len(plan.steps) == 7


def test_behind_follows_a_loop_through_a_delay():
    plan = compiled({"echo": "echo", "quiet": "scale", "s": "source"}, "echo.audio -> quiet.audio", "quiet.audio -> echo.back")
    assert running(plan.behind("quiet")) == ["echo", "quiet"]


# Loops


def test_a_loop_through_a_delayed_input_runs():
    plan = compiled(
        {"a": "source", "echo": "echo", "quiet": "scale", "out": "speaker"},
        *("a.audio -> echo.audio", "echo.audio -> quiet.audio", "quiet.audio -> echo.back", "quiet.audio -> out.audio"),
    )
    assert running(plan) == ["a", "echo", "quiet", "out"]
    assert plan.problems == ()
    assert plan.steps["echo"].inputs["back"] == (("quiet", "audio"),)


def test_a_loop_without_a_delay_is_told_and_the_rest_runs():
    plan = compiled(
        {"a": "scale", "b": "scale", "c": "speaker", "s": "source", "out": "speaker"},
        *("a.audio -> b.audio", "b.audio -> a.audio", "b.audio -> c.audio", "s.audio -> out.audio"),
    )
    assert told(plan) == [
        "a: a - b form a loop without a delay; lead the way back through a Feedback node, or remove a link",
        "b: is part of the loop of a",
    ]
    assert running(plan) == ["s", "out"]
    assert plan.blocked == {"c": "b"}


def test_a_node_that_feeds_itself_is_a_loop_of_one():
    plan = compiled({"a": "scale"}, "a.audio -> a.audio")
    assert told(plan) == ["a: a form a loop without a delay; lead the way back through a Feedback node, or remove a link"]
    assert running(compiled({"a": "echo"}, "a.audio -> a.back")) == ["a"]


def test_two_loops_are_told_apart():
    nodes = dict.fromkeys("abcd", "scale")
    plan = compiled(nodes, "a.audio -> b.audio", "b.audio -> a.audio", "c.audio -> d.audio", "d.audio -> c.audio")
    assert {problem.node for problem in plan.problems} == set("abcd")
    assert sum("form a loop" in line for line in told(plan)) == 2


# What cannot run


def test_an_unknown_type_is_told_and_what_needs_it_is_blocked():
    plan = compiled({"ghost": Node("no.such"), "out": "speaker", "s": "source"}, "ghost.audio -> out.audio")
    reason = (
        "no.such is not a node that this glasspatch has; install what brings it, or remove the node; the node is kept as it is"
    )
    assert plan.problems == (Problem("ghost", reason),)
    assert plan.blocked == {"out": "ghost"} and running(plan) == ["s"]


def test_a_node_whose_module_could_not_be_imported_is_told_with_the_reason():
    found = registry()
    found.failures["nodes.vision"] = "ModuleNotFoundError: No module named 'cv2'"
    plan = compile_patch(patch_of({"face": Node("vision.face")}), found)
    assert told(plan) == [
        "face: vision.face is not a node that this glasspatch has (ModuleNotFoundError: No module named 'cv2'); "
        "the node is kept as it is"
    ]


def test_what_may_be_in_a_module_of_another_name_that_could_not_be_imported_is_told_so():
    found = registry()
    found.failures["nodes.sound"] = "ModuleNotFoundError: No module named 'soxr'"
    plan = compile_patch(patch_of({"gain": Node("audio.gain")}), found)
    assert told(plan) == [
        "gain: audio.gain is not a node that this glasspatch has; it may be in what cannot be opened "
        "(nodes.sound: ModuleNotFoundError: No module named 'soxr'); the node is kept as it is"
    ]


def test_a_param_or_key_that_is_not_known_is_told_and_the_node_runs():
    plan = compiled(
        {"s": Node("fake.source", 1, {"volume": 1}, (0, 0), {"color": "red"})}, settings={"tempo": 90}, extra={"zoom": 2}
    )
    assert sorted(told(plan)) == [
        "patch: settings.tempo is not known to this version; it is kept as it is",
        "patch: zoom is not known to this version; it is kept as it is",
        "s: color is not known to this version; it is kept as it is",
        "s: volume is not a param of Source, which has level, channels; it is kept as it is",
    ]
    assert not any(problem.stops for problem in plan.problems) and running(plan) == ["s"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"number": "loud"}, "number must be a number, got 'loud'"),
        ({"count": 1.5}, "count must be a whole number, got 1.5"),
        ({"choice": "three"}, "choice must be one of one, two, got 'three'"),
        ({"switch": 1}, "switch must be true or false, got 1"),
        ({"text": None}, "text must be a text, got None"),
        ({"path": {"a": 1}}, "path must be a path inside the patch's folder, as text, got {'a': 1}"),
    ],
)
def test_a_param_of_the_wrong_kind_stops_its_node(params, message):
    plan = compiled({"e": Node("fake.everything", 1, params), "s": "source"})
    assert plan.problems == (Problem("e", message),)
    assert running(plan) == ["s"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.wav", "a/../../b.wav", "~/a.wav", "C:\\a.wav"])
def test_a_path_outside_the_patchs_folder_stops_its_node(path, tmp_path):
    plan = compiled({"e": Node("fake.everything", 1, {"path": path})}, folder=tmp_path)
    advice = "copy the file beside the patch, or make a link to it there"
    assert told(plan) == [f"e: path must be a path inside the patch's folder, got {path!r}; {advice}"]
    assert running(plan) == []


def test_a_path_that_is_required_must_be_set():
    plan = compiled({"n": "needy"})
    assert told(plan) == ["n: file must be set: choose a file", "n: folder must be set: choose a folder"]
    assert plan.jobs == ()


def test_files_and_folders_must_be_there_and_of_the_right_kind(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "one.wav").touch()

    def needy(file, folder, out="made/later.wav"):
        return compiled({"n": Node("fake.needy", 1, {"file": file, "folder": folder, "out": out})}, folder=tmp_path)

    assert needy("one.wav", "sounds").problems == ()
    assert needy("sounds/../one.wav", "sounds").problems != ()
    assert told(needy("two.wav", "other")) == [
        "n: the file two.wav is not there; put it beside the patch, or choose another",
        "n: the folder other is not there; put it beside the patch, or choose another",
    ]
    assert told(needy("sounds", "one.wav")) == ["n: sounds must be a file", "n: one.wav must be a folder"]
    assert told(needy("sounds", "one.wav", "")) == [
        *("n: sounds must be a file", "n: one.wav must be a folder", "n: out must be set: choose a file")
    ]


def test_without_a_folder_no_file_is_looked_for():
    assert compiled({"n": Node("fake.needy", 1, {"file": "a", "folder": "b"})}).problems == ()


@pytest.mark.parametrize("path", ["x" * 300, "/".join(["d"] * 3000), "\ud800", "a\nb"], ids=["long", "deep", "surrogate", "line"])
def test_a_path_that_no_disk_can_hold_is_not_there(path, tmp_path):
    plan = compiled({"e": Node("fake.everything", 1, {"path": path})}, folder=tmp_path)
    assert [problem.node for problem in plan.problems] == ["e"]
    assert running(plan) == []


def test_a_link_from_or_to_nothing_is_told_at_the_node_that_is_there():
    plan = compiled({"out": "speaker"}, "gone.audio -> out.audio")
    assert told(plan)[0] == "out: a link leads from gone.audio, but there is no node gone; remove the link"
    assert running(plan) == []
    plan = compiled({"s": "source"}, "s.audio -> gone.audio")
    assert told(plan) == ["s: a link leads to gone.audio, but there is no node gone; remove the link"]
    plan = compiled({"s": "source"}, "one.audio -> two.audio")
    assert told(plan) == ["patch: a link leads from one.audio, but there is no node one; remove the link"]
    assert running(plan) == ["s"]


def test_a_link_that_leads_to_nothing_does_not_keep_its_source_from_playing():
    plan = compiled({"s": "source", "out": "speaker"}, "s.audio -> gone.audio", "s.audio -> out.audio")
    assert running(plan) == ["s", "out"]


def test_a_link_at_a_port_that_is_not_there_is_told():
    plan = compiled({"s": "source", "out": "speaker"}, "s.video -> out.audio", "s.audio -> out.left")
    assert told(plan)[:2] == [
        "out: a link leads to out.left, but out has no input left; it has audio",
        "out: a link leads from s.video, but s has no output video; it has audio",
    ]
    assert running(plan) == ["s"]


def test_links_join_equal_types_only():
    plan = compiled({"hand": "hand", "out": "speaker"}, "hand.gesture -> out.audio")
    reason = "hand.gesture gives control and out.audio takes audio; put a node between them that converts"
    assert plan.problems[0] == Problem("out", reason)
    assert running(plan) == ["hand"]


def test_two_links_into_one_input_are_told_with_both_sources():
    plan = compiled({"a": "source", "b": "source", "out": "speaker"}, "b.audio -> out.audio", "a.audio -> out.audio")
    reason = "audio has two links, from a.audio and b.audio; remove one, or mix them first"
    assert plan.problems == (Problem("out", reason),)
    assert running(plan) == ["a", "b"]


def test_a_link_drawn_twice_is_told_and_counts_once():
    plan = compiled({"s": "source", "mix": "sum"}, *["s.audio -> mix.audio"] * 3)
    assert plan.problems == (Problem("mix", "the link from s.audio to mix.audio stands 3 times", stops=False),)
    assert plan.steps["mix"].inputs == {"audio": (("s", "audio"),)}


def test_an_input_that_needs_a_link_must_have_one():
    plan = compiled({"out": "speaker", "learn": "student", "mix": "sum", "echo": "echo"})
    assert told(plan) == [
        "echo: nothing is connected to back; lead audio to it",
        "learn: nothing is connected to corpus; lead corpus to it",
        "out: nothing is connected to audio; lead audio to it",
    ]
    assert running(plan) == ["mix"]


def test_a_node_of_a_newer_version_is_told():
    plan = compiled({"s": Node("fake.source", 2)})
    assert told(plan) == ["s: was saved by a newer Source (version 2); open it with a newer glasspatch"]
    assert running(plan) == []


def test_an_illegal_setting_is_told_and_its_default_used():
    plan = compiled({"s": "source"}, settings={"block": 500, "sample_rate": "high", "seed": 5})
    assert plan.settings == {"sample_rate": 44100, "block": 512, "seed": 5}
    assert told(plan) == [
        "patch: settings: sample_rate must be a whole number, got 'high'; 44100 is used",
        "patch: settings: block must be one of 64, 128, 256, 512, 1024, 2048, 4096, got 500; 512 is used",
    ]
    assert running(plan) == ["s"]


def test_params_that_cannot_be_upgraded_are_a_problem_of_their_node():
    plan = compiled({"a": Node("fake.multiply", 1, {"amount": "half"}), "s": "source"}, "s.audio -> a.audio")
    assert [problem.node for problem in plan.problems] == ["a"]
    assert running(plan) == ["s"]


# What is blocked


def test_what_waits_for_a_stopped_node_is_blocked_along_the_way():
    nodes = {"bad": Node("fake.source", 1, {"level": "x"}), "a": "scale", "b": "speaker", "s": "source"}
    plan = compiled(nodes, "bad.audio -> a.audio", "a.audio -> b.audio")
    assert plan.blocked == {"a": "bad", "b": "a"}
    assert running(plan) == ["s"]
    assert [problem.node for problem in plan.problems] == ["bad"]


def test_an_optional_a_delayed_and_one_of_many_links_block_nobody():
    nodes = {"bad": Node("no.such"), "echo": "echo", "mix": "sum", "s": "source", "e": "everything"}
    plan = compiled(
        nodes, "bad.x -> echo.audio", "bad.x -> echo.back", "bad.x -> mix.audio", "s.audio -> mix.audio", "bad.x -> e.sound"
    )
    assert plan.blocked == {}
    assert set(running(plan)) == {"echo", "mix", "s", "e"}
    assert plan.steps["echo"].inputs == {"audio": (), "back": ()}
    assert plan.steps["mix"].inputs == {"audio": (("s", "audio"),)}


def test_a_stream_may_take_what_a_stopped_job_made_before_but_a_job_waits():
    nodes = {"w": Node("fake.writer", 1, {"text": 5}), "learn": "student", "sing": "singer"}
    plan = compiled(nodes, "w.corpus -> learn.corpus", "learn.model -> sing.model")
    assert plan.blocked == {"learn": "w"}
    assert plan.jobs == ()
    assert running(plan) == ["sing"]
    assert plan.steps["sing"].inputs == {"model": (("learn", "model"),)}


def test_a_stream_that_needs_an_unknown_nodes_artifact_is_blocked():
    plan = compiled({"ghost": Node("no.such"), "sing": "singer"}, "ghost.model -> sing.model")
    assert plan.blocked == {"sing": "ghost"}


# Anything that can be drawn

WORDS = [*"abcdef"]
TYPES = [cls.spec.type for cls in NODES] + ["fake.multiply", "no.such", "", "fake", "...", "fake.\ud800"]
PORTS = ["audio", "gesture", "image", "model", "corpus", "back", "sound", "nothing"]
PARAMS = ["level", "channels", "factor", "amount", "names", "value", "file", "folder", "out", "path", "text", "count", "choice"]
TEXTS = st.sampled_from(["", ".", "a", "a/b", "../x", "/", "~", "C:x", "\0", "one", "\ud800", "x" * 300, "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, -(10**400)]) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
DRAWN = st.builds(
    Node,
    st.sampled_from(TYPES),
    st.integers(-1, 3),
    st.dictionaries(st.sampled_from(PARAMS), VALUES, max_size=3),
    st.just((0.0, 0.0)),
    st.dictionaries(TEXTS, VALUES, max_size=1),
)
ENDS = st.builds("{}.{}".format, st.sampled_from([*WORDS, "nobody"]), st.sampled_from(PORTS))
ANYTHING = st.builds(
    Patch,
    st.dictionaries(st.sampled_from(["block", "sample_rate", "seed", "tempo"]), VALUES, max_size=2),
    st.dictionaries(st.sampled_from(WORDS), DRAWN, max_size=6),
    st.lists(st.builds(Link, ENDS, ENDS), max_size=12).map(tuple),
    st.dictionaries(TEXTS, VALUES, max_size=1),
)


def check(plan, patch):
    """What holds for every plan."""
    steps = [step.node for step in (*plan.jobs, *plan.streams)]
    stopped = {problem.node for problem in plan.problems if problem.stops}
    assert len(set(steps)) == len(steps)
    assert {problem.node for problem in plan.problems} <= {*patch.nodes, ""}, "a problem of a node that is not there"
    # Each node runs, or there is a reason why not.
    assert set(steps) | set(plan.blocked) | stopped >= set(patch.nodes)
    assert not set(steps) & (set(plan.blocked) | stopped)
    for name, waited_for in plan.blocked.items():
        assert name in patch.nodes and (waited_for in stopped or waited_for in plan.blocked)
    done = set()
    for step in (*plan.jobs, *plan.streams):
        assert set(step.params) == {param.name for param in step.spec.params}
        assert all(param.coerce(step.params[param.name]) == step.params[param.name] for param in step.spec.params)
        assert set(step.inputs) == {port.name for port in step.spec.inputs}
        for port in step.spec.inputs:
            sources = step.inputs[port.name]
            assert len(sources) <= 1 or port.many
            if port.type.is_stream and not port.delayed:
                assert {source for source, _ in sources} <= done
                assert sources or port.optional or port.many
        done.add(step.node)
    for node in steps:
        assert node in plan.behind(node).steps


@settings(database=None, deadline=None, max_examples=250)
@given(ANYTHING)
def test_compiling_never_raises_for_anything_drawn(tmp_path_factory, patch):
    folder = tmp_path_factory.getbasetemp()
    check(compile_patch(patch, KNOWN), patch)
    check(compile_patch(patch, KNOWN, folder), patch)


@settings(database=None, deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS), st.booleans()), max_size=20))
def test_any_tangle_of_sums_and_echoes_compiles_to_a_playable_order(wires):
    nodes = {name: Node("fake.echo" if number % 2 else "fake.sum") for number, name in enumerate(WORDS)}
    links = tuple(
        Link(f"{one}.audio", f"{two}.{'back' if delayed and nodes[two].type == 'fake.echo' else 'audio'}")
        for one, two, delayed in wires
    )
    patch = Patch(nodes=nodes, links=links)
    check(compile_patch(patch, KNOWN), patch)


def test_a_duplicated_link_to_a_node_that_is_not_there_is_a_problem_of_one_that_is():
    patch = patch_of({"s": "source"}, *["s.audio -> gone.audio"] * 2)
    assert {problem.node for problem in compile_patch(patch, KNOWN).problems} <= {"s", ""}


def test_five_hundred_nodes_compile():
    nodes = {f"n{number}": "scale" for number in range(500)} | {"s": "source", "mix": "sum"}
    links = [f"n{number}.audio -> n{number + 1}.audio" for number in range(499)] + ["s.audio -> n0.audio"]
    links += [f"n{number}.audio -> mix.audio" for number in range(500)]
    plan = compiled(nodes, *links)
    assert plan.problems == ()
    assert running(plan) == ["s", *(f"n{number}" for number in range(500)), "mix"]
    assert len(plan.behind("mix").streams) == 502


def test_a_loop_of_five_hundred_nodes_is_told():
    nodes = {f"n{number}": "scale" for number in range(500)}
    plan = compiled(nodes, *(f"n{number}.audio -> n{(number + 1) % 500}.audio" for number in range(500)))
    assert len(plan.problems) == 500 and plan.streams == ()


def test_every_problem_is_one_line_of_words():
    nodes = {"ghost": Node("no.such"), "out": "speaker", "e": Node("fake.everything", 1, {"number": [1, {"a": "b" * 500}]})}
    plan = compiled(nodes, "ghost.x -> out.audio", "a.b -> c.d")
    assert all("\n" not in line and len(line) < 300 for line in told(plan))


def test_a_registry_of_its_own_is_enough():
    class Only(StreamNode):
        """The only node."""

        spec = NodeSpec(
            type="test.only", title="Only", outputs=(Port("take", PortType.TAKE),), params=(PathParam(name="p", required=False),)
        )

        def prepare(self, stream, p):
            pass

        def process(self, block):
            return {}

    found = Registry()
    found.add(Only)
    plan = compile_patch(Patch(nodes={"o": Node("test.only")}), found)
    assert running(plan) == ["o"] and json.dumps(plan.steps["o"].params) == '{"p": ""}'
