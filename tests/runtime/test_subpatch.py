"""Subpatches: their text, the flat patch that runs, and what comes back from it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.engine import Engine
from runtime.errors import PatchError
from runtime.patch import SUBPATCH, Inside, Link, Node, Patch, dumps, load, loads, save
from runtime.plan import compile_patch
from runtime.spec import LONGEST, PortType, is_node_name
from runtime.subpatch import flattened, folded_back, names_in, nodes_in, patch_at, place_of, spec_of, with_patch_at
from tests.fakes import registry

FILE = Path(__file__).parents[1] / "patches" / "subpatch_1.json"
KNOWN = registry()


def patch_of(nodes, *links, **parts):
    """{"name": "type", Node or Inside} and links "a.audio -> b.audio"."""
    made = {}
    for name, what in nodes.items():
        node = Node(SUBPATCH, inside=what) if isinstance(what, Inside) else what
        made[name] = Node(f"fake.{node}") if isinstance(node, str) else node
    wires = tuple(sorted(Link(*(end.strip() for end in link.split("->"))) for link in links))
    return Patch({"sample_rate": 8000, "block": 64}, made, wires, **parts)


def inside(nodes, *links, inputs=None, outputs=None):
    return Inside(replace(patch_of(nodes, *links), settings={}), inputs or {}, outputs or {})


def scale(factor, **parts):
    return Node("fake.scale", 2, {"factor": factor}, **parts)


def halving(**parts):
    """A subpatch that halves, with another one in it that halves once more."""
    room = inside({"level": scale(0.5)}, inputs={"dry": "level.audio"}, outputs={"wet": "level.audio"})
    voices = inside(
        {"level": scale(0.5), "room": room}, "level.audio -> room.dry", inputs={"in": "level.audio"}, outputs={"out": "room.wet"}
    )
    return patch_of(
        {"source": "source", "voices": Node(SUBPATCH, inside=voices, **parts), "speaker": "speaker"},
        "source.audio -> voices.in",
        "voices.out -> speaker.audio",
    )


def problems(patch):
    return [str(problem) for problem in compile_patch(patch, KNOWN).problems]


def heard(patch, blocks=12):
    """The last sample, after the limiter's delay."""
    plan = compile_patch(patch, KNOWN)
    assert not [problem for problem in plan.problems if problem.stops]
    engine = Engine(plan.settings)
    assert engine.load(plan) == []
    sound = [engine.render().copy() for _ in range(blocks)][-1]
    engine.close()
    return float(sound[0, -1])


# The text


def test_the_file_with_subpatches_is_written_back_unchanged(tmp_path):
    save(tmp_path / "again.json", load(FILE))
    assert (tmp_path / "again.json").read_bytes() == FILE.read_bytes()


def test_the_file_with_subpatches_is_read_whole():
    patch = load(FILE)
    voices = patch.nodes["voices"]
    assert (voices.mode, voices.seed, patch.nodes["speaker"].mode) == ("bypass", "old_voices", "mute")
    assert patch.nodes["source"].view == {"colour": "#ff8800", "title": "A tone"}
    assert patch.view == {"pins": ["voices__level.factor"]}
    assert voices.inside.inputs == {"dry": "level.audio"} and voices.inside.outputs == {"wet": "room.wet"}
    assert voices.inside.patch.view == {"frames": []}
    assert voices.inside.patch.nodes["room"].inside.patch.extra == {"tempo": 90}
    assert [step.node for step in compile_patch(patch, KNOWN).streams] == [
        "source", "speaker", "voices__level", "voices__room__echo",
    ]  # fmt: skip


def test_what_the_editor_keeps_in_a_view_is_no_problem():
    patch = patch_of({"source": Node("fake.source", view={"title": "a"})}, view={"frames": [1]})
    assert loads(dumps(patch)) == patch
    assert problems(patch) == []


def test_what_is_not_set_is_not_written():
    assert dumps(patch_of({"source": "source"})).count("\n") == dumps(Patch({}, {"source": Node("fake.source")})).count("\n") + 3
    assert not {"view", "mode", "seed", "inside"} & json.loads(dumps(patch_of({"a": "source"})))["nodes"]["a"].keys()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"mode": "loud"}, 'node a: "mode" must be one of mute, bypass, got loud'),
        ({"mode": ["mute"]}, "node a: \"mode\" must be one of mute, bypass, got ['mute']"),
        ({"view": 1}, 'node a: "view" must be an object'),
        ({"seed": 5}, "node a: \"seed\" must be a name, got '5'"),
        ({"inside": []}, 'node a: "inside" must be an object with "nodes", "links", "inputs" and "outputs"'),
        ({"inside": {"nodes": []}}, 'node a: "settings" and "nodes" must be objects and "links" a list'),
        ({"inside": {"view": []}}, 'node a: "view" must be an object'),
        ({"inside": {"nodes": {"b": {}}}}, 'node a: node b: "type" must be a text such as "audio.gain"'),
        ({"inside": {"inputs": []}}, 'node a: "inputs" must lead from words to "node.port", got []'),
        ({"inside": {"inputs": {"A": "b.c"}}}, 'node a: "inputs" must lead from words to "node.port", got {"A": "b.c"}'),
        ({"inside": {"outputs": {"a": "b"}}}, 'node a: "outputs" must lead from words to "node.port", got {"a": "b"}'),
        ({"inside": {"outputs": {"a": 5}}}, 'node a: "outputs" must lead from words to "node.port", got {"a": 5}'),
    ],
    ids=str,
)
def test_what_is_no_subpatch_is_refused_in_words(node, message):
    with pytest.raises(PatchError) as refused:
        loads(json.dumps({"format": 1, "nodes": {"a": {"type": SUBPATCH, **node}}}))
    assert str(refused.value) == message


def test_a_patchs_view_must_be_an_object():
    with pytest.raises(PatchError, match='"view" must be an object'):
        loads('{"format": 1, "view": []}')


def test_inside_of_another_node_is_kept_as_it_is():
    text = json.dumps({"format": 1, "nodes": {"a": {"type": "no.such", "inside": [1]}}})
    assert loads(text).nodes["a"].extra == {"inside": [1]}


def test_subpatches_nested_too_deeply_are_refused():
    inner = {}
    for _ in range(60):
        inner = {"nodes": {"a": {"type": SUBPATCH, "inside": inner}}}
    with pytest.raises(PatchError, match="nested too deeply"):
        loads(json.dumps({"format": 1, **inner}))


# Names


def test_inner_nodes_are_named_with_the_subpatches_around_them():
    assert set(flattened(halving()).nodes) == {"source", "voices__level", "voices__room__level", "speaker"}


def test_a_flat_name_leads_back_to_where_the_node_is_drawn():
    patch = halving()
    assert place_of(patch, "voices__room__level") == (("voices", "room"), "level")
    assert place_of(patch, "voices__room") == (("voices",), "room")
    assert place_of(patch, "source") == ((), "source")
    assert place_of(patch, "voices__ghost") is None


def test_a_node_that_would_be_called_like_another_gets_a_number_and_is_told_of():
    patch = patch_of({"a": inside({"b": "source"}), "a__b": "source"})
    assert set(flattened(patch).nodes) == {"a__b", "a__b_2"}
    assert place_of(patch, "a__b_2") == (("a",), "b")
    assert problems(patch) == ["a: its node b would be called like another one, a__b; rename one of the two"]


def test_names_stay_short_enough_for_folders():
    deep = inside({"x" * 64: "source"})
    for letter in "abcde":
        deep = inside({letter * 64: deep})
    patch = patch_of({"outer": deep, "other": deep})
    flat = flattened(patch)
    assert len(flat.nodes) == 2
    assert all(is_node_name(name) and len(name) <= LONGEST for name in flat.nodes)
    assert loads(dumps(flat)) == flat
    assert {place_of(patch, name)[0][0] for name in flat.nodes} == {"outer", "other"}


@pytest.mark.parametrize("name", ["a__b", "a" * 64 + "__" + "b" * 64, "a___b"])
def test_flat_names_are_names(name):
    assert is_node_name(name)
    assert Patch().with_node(name, Node("fake.source")).nodes


@pytest.mark.parametrize("name", ["__a", "A__b", "a" * 65, "a__" + "b" * 65, "__".join(["a" * 60] * 4), "a__b\n", "a.b", "", "1"])
def test_what_is_no_flat_name(name):
    assert not is_node_name(name)


# The flat patch


def test_a_patch_without_subpatches_is_its_own_flat_patch():
    patch = patch_of({"source": "source"})
    assert flattened(patch) is patch


def test_a_subpatch_sounds_like_its_nodes_drawn_outside():
    flat = patch_of(
        {"source": "source", "one": scale(0.5), "two": scale(0.5), "speaker": "speaker"},
        "source.audio -> one.audio",
        "one.audio -> two.audio",
        "two.audio -> speaker.audio",
    )
    assert heard(halving()) == heard(flat) == 0.125


def test_what_is_flat_is_not_flattened_again():
    flat = flattened(halving(), KNOWN)
    assert flattened(flat, KNOWN) is flat


def test_an_input_that_takes_many_takes_many_through_a_port():
    quiet = Node("fake.source", params={"level": 0.25})
    mixing = inside({"sum": "sum"}, inputs={"sounds": "sum.audio"}, outputs={"audio": "sum.audio"})
    patch = patch_of(
        {"a": quiet, "b": quiet, "mix": mixing, "speaker": "speaker"},
        "a.audio -> mix.sounds",
        "b.audio -> mix.sounds",
        "mix.audio -> speaker.audio",
    )
    assert problems(patch) == []
    assert heard(patch) == 0.5


def test_a_loop_through_a_subpatch_needs_a_delay_in_it():
    echoing = inside({"echo": "echo"}, inputs={"back": "echo.back"}, outputs={"audio": "echo.audio"})
    assert problems(patch_of({"room": echoing}, "room.audio -> room.back")) == []
    scaling = inside({"level": scale(0.5)}, inputs={"audio": "level.audio"}, outputs={"audio": "level.audio"})
    assert (
        "voices__level form a loop without a delay" in problems(patch_of({"voices": scaling}, "voices.audio -> voices.audio"))[0]
    )


def test_jobs_in_a_subpatch_are_jobs():
    making = inside(
        {"writer": "writer", "student": "student"}, "writer.corpus -> student.corpus", outputs={"model": "student.model"}
    )
    plan = compile_patch(patch_of({"make": making, "singer": "singer"}, "make.model -> singer.model"), KNOWN)
    assert [step.node for step in plan.jobs] == ["make__writer", "make__student"]
    assert plan.steps["singer"].inputs == {"model": (("make__student", "model"),)}


# What is wrong


def test_problems_of_inner_nodes_name_the_subpatches_around_them():
    patch = patch_of({"a": inside({"b": inside({"level": scale("loud")})})})
    assert problems(patch)[0].startswith("a__b__level: factor must be a number")


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (patch_of({"a": inside({})}), "a: holds nothing; remove it, or put nodes into it"),
        (patch_of({"a": Node(SUBPATCH)}), "a: holds nothing; remove it, or put nodes into it"),
        (
            patch_of({"a": inside({"b": "source"}), "speaker": "speaker"}, "a.audio -> speaker.audio"),
            "a: a link leads from a.audio, but a has no output audio; it has none",
        ),
        (
            patch_of({"s": "source", "a": inside({"b": scale(1.0)}, inputs={"dry": "b.audio"})}, "s.audio -> a.wet"),
            "a: a link leads to a.wet, but a has no input wet; it has dry",
        ),
        (
            patch_of({"a": inside({"b": "source"}, outputs={"audio": "ghost.audio"})}),
            "a: its output audio leads to ghost.audio, but there is no node ghost in it",
        ),
        (
            patch_of({"s": "source", "a": inside({"b": scale(1.0)}, inputs={"dry": "b.sound"})}, "s.audio -> a.dry"),
            "a__b: a link leads to a__b.sound, but a__b has no input sound; it has audio",
        ),
        (
            patch_of({"a": Node(SUBPATCH, 2, inside=inside({"b": "source"}))}),
            "a: was saved by a newer Subpatch (version 2); open it with a newer glasspatch",
        ),
        (
            patch_of({"a": Node(SUBPATCH, 1, {"x": 1}, extra={"later": 2}, inside=inside({"b": "source"}))}),
            "a: params.x is not known to this version; it is kept as it is",
        ),
    ],
    ids=range(8),
)
def test_what_is_wrong_with_a_subpatch_is_told(patch, said):
    assert said in problems(patch)


def test_unknown_keys_in_a_subpatch_are_told_of_and_kept():
    patch = loads(FILE.read_text())
    assert "voices__room: tempo is not known to this version; it is kept as it is" in problems(patch)


def test_a_missing_subpatch_port_leaves_the_rest_alone():
    patch = halving()
    plan = compile_patch(patch.with_link("source.audio", "voices.ghost"), KNOWN)
    assert {step.node for step in plan.streams} == {"source", "voices__level", "voices__room__level", "speaker"}


NAMES = st.sampled_from(["a", "b", "a__b", "b_2"])
TYPES = st.sampled_from(["fake.source", "fake.scale", "fake.sum", "fake.echo", "fake.speaker", "no.such", SUBPATCH])
ENDS = st.builds("{}.{}".format, NAMES, st.sampled_from(["audio", "back", "x"]))
PORTS = st.dictionaries(st.sampled_from(["audio", "x"]), ENDS, max_size=2)
MODES = st.sampled_from([None, "mute", "bypass"])


def drawn(depth):
    within = st.none() if not depth else st.none() | st.builds(Inside, drawn(depth - 1), PORTS, PORTS)
    nodes = st.builds(
        lambda kind, mode, inside: Node(kind, mode=mode, inside=inside if kind == SUBPATCH else None), TYPES, MODES, within
    )
    links = st.lists(st.builds(Link, ENDS, ENDS), max_size=4).map(lambda found: tuple(sorted(found)))
    return st.builds(lambda nodes, links: Patch(nodes=nodes, links=links), st.dictionaries(NAMES, nodes, max_size=3), links)


@settings(database=None, deadline=None, max_examples=300)
@given(drawn(3))
def test_whatever_is_drawn_is_read_again_flattened_and_compiled(patch):
    assert loads(dumps(patch)) == patch
    flat = flattened(patch, KNOWN)
    assert not any(node.type == SUBPATCH for node in flat.nodes.values())
    assert len(flat.nodes) == sum(node.type != SUBPATCH for _, node in nodes_in(patch))
    assert loads(dumps(flat)) == flat
    compile_patch(patch, KNOWN)
    assert folded_back(patch, flattened(patch)) == patch


# Modes


def test_a_muted_subpatch_is_silent():
    assert heard(halving(mode="mute")) == 0.0


def test_a_bypassed_subpatch_lets_pass_what_comes_in():
    assert heard(halving(mode="bypass")) == 0.5


def test_a_bypassed_subpatch_without_an_input_of_that_type_is_silent():
    sounding = inside({"source": "source"}, outputs={"audio": "source.audio"})
    assert (
        heard(patch_of({"a": Node(SUBPATCH, inside=sounding, mode="bypass"), "speaker": "speaker"}, "a.audio -> speaker.audio"))
        == 0.0
    )


def test_bypassed_subpatches_in_a_row_let_pass_what_comes_into_the_first():
    one = Node(
        SUBPATCH,
        inside=inside({"level": scale(0.5)}, inputs={"in": "level.audio"}, outputs={"out": "level.audio"}),
        mode="bypass",
    )
    patch = patch_of(
        {"source": "source", "one": one, "two": one, "speaker": "speaker"},
        "source.audio -> one.in", "one.out -> two.in", "two.out -> speaker.audio",
    )  # fmt: skip
    assert heard(patch) == 0.5


def test_jobs_in_a_muted_subpatch_are_made_all_the_same():
    making = Node(SUBPATCH, inside=inside({"writer": "writer"}, outputs={"corpus": "writer.corpus"}), mode="mute")
    plan = compile_patch(patch_of({"make": making}), KNOWN)
    assert [(step.node, step.mode) for step in plan.jobs] == [("make__writer", None)]


def test_nodes_fail_as_the_subpatch_around_them_says_unless_they_say_otherwise():
    within = inside({"one": scale(1.0), "two": scale(1.0, fault="mute")})
    flat = flattened(patch_of({"a": Node(SUBPATCH, fault="hold", inside=within)}))
    assert (flat.nodes["a__one"].fault, flat.nodes["a__two"].fault) == ("hold", "mute")


# Specs


def test_a_subpatchs_spec_is_made_of_its_inner_ports():
    echo = inside({"echo": "echo"}, inputs={"wet": "echo.back", "dry": "echo.audio"}, outputs={"out": "echo.audio"})
    spec = spec_of(
        Node(SUBPATCH, inside=inside({"room": echo}, inputs={"b": "room.wet", "a": "room.dry"}, outputs={"c": "room.out"})), KNOWN
    )
    assert [(port.name, port.type, port.optional, port.delayed) for port in spec.inputs] == [
        ("a", PortType.AUDIO, True, False), ("b", PortType.AUDIO, False, True),
    ]  # fmt: skip
    assert [(port.name, port.doc) for port in spec.outputs] == [("c", "a sound")]


def test_a_port_that_leads_nowhere_is_left_out_of_the_spec():
    assert (
        spec_of(Node(SUBPATCH, inside=inside({"b": "source"}, outputs={"x": "b.ghost", "y": "ghost.audio"})), KNOWN).outputs == ()
    )
    assert spec_of(Node(SUBPATCH), KNOWN).inputs == ()


def test_an_inner_input_that_is_connected_inside_need_not_be_connected_outside():
    within = inside({"s": "source", "level": scale(1.0)}, "s.audio -> level.audio", inputs={"audio": "level.audio"})
    assert spec_of(Node(SUBPATCH, inside=within), KNOWN).input("audio").optional


def test_the_spec_of_another_node_is_its_class():
    assert spec_of(Node("fake.source"), KNOWN).title == "Source"
    assert spec_of(Node("no.such"), KNOWN) is None


# Back


def test_params_scenes_and_bindings_come_back():
    patch = halving()
    flat = flattened(patch).with_param("voices__room__level", "factor", 0.25)
    flat = replace(flat, scenes={"a": {"params": {"voices__level.factor": 1.0}}}, bindings=({"node": "voices__level"},))
    back = folded_back(patch, flat)
    assert patch_at(back, ("voices", "room")).nodes["level"].params == {"factor": 0.25}
    assert (back.scenes, back.bindings) == (flat.scenes, flat.bindings)
    assert flattened(back) == flat


def test_what_did_not_change_comes_back_as_the_very_same_objects():
    patch = halving()
    back = folded_back(patch, flattened(patch).with_param("voices__level", "factor", 0.25))
    assert back.nodes["voices"].inside.patch.nodes["room"] is patch.nodes["voices"].inside.patch.nodes["room"]
    assert back.nodes["source"] is patch.nodes["source"]


def models():
    """Two models, one of them in a subpatch, and a singer in another one."""
    making = inside({"writer": "writer", "student": "student"}, "writer.corpus -> student.corpus")
    singing = inside({"singer": "singer"}, inputs={"model": "singer.model"}, outputs={"audio": "singer.audio"})
    return patch_of(
        {"make": making, "writer": "writer", "student": "student", "sing": singing, "speaker": "speaker"},
        "writer.corpus -> student.corpus", "student.model -> sing.model", "sing.audio -> speaker.audio",
    )  # fmt: skip


def test_a_model_that_a_scene_has_swapped_comes_back_with_the_ports_it_needs():
    patch = models()
    flat = (
        flattened(patch)
        .without_link("student.model", "sing__singer.model")
        .with_link("make__student.model", "sing__singer.model")
    )
    back = folded_back(patch, flat)
    assert back.links == (
        Link("make.model", "sing.model"), Link("sing.audio", "speaker.audio"), Link("writer.corpus", "student.corpus"),
    )  # fmt: skip
    assert back.nodes["make"].inside.outputs == {"model": "student.model"}
    assert flattened(back) == flat


def test_a_bypassed_subpatch_comes_back_with_its_wires():
    patch = halving(mode="bypass")
    back = folded_back(patch, flattened(patch, KNOWN).with_param("source", "level", 0.25))
    assert back == patch.with_param("source", "level", 0.25)


def test_another_patch_in_a_subpatch():
    patch = halving()
    changed = with_patch_at(patch, ("voices", "room"), patch_of({"source": "source"}))
    assert set(names_in(changed).values()) == {
        "source", "voices", "speaker", "voices__level", "voices__room", "voices__room__source",
    }  # fmt: skip
    with pytest.raises(PatchError, match="there is no subpatch level"):
        patch_at(patch, ("voices", "level"))


def test_a_patch_of_many_subpatches_is_flattened_at_once():
    nodes = {f"s{number}": halving().nodes["voices"] for number in range(500)}
    flat = flattened(Patch(nodes=nodes))
    assert len(flat.nodes) == 1000 and len(flat.links) == 500
    np.testing.assert_equal({node.params["factor"] for node in flat.nodes.values()}, {0.5})
