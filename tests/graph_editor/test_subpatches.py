"""A selection becomes a subpatch and is dissolved again, with all that speaks of its nodes; ports; and the library."""

import random
from dataclasses import replace

import pytest

from graph_editor import library, nesting
from graph_editor.document import Document
from graph_editor.look import Comment, Frame, comments_of, frames_of, pins_of, with_comments, with_frames, with_pins
from graph_editor.subpatches import add_port, dissolve, group, remove_port, rename_port
from runtime.errors import PatchError
from runtime.patch import SUBPATCH, Inside, Node, Patch, dumps, loads, save
from runtime.plan import compile_patch
from runtime.subpatch import flattened, spec_of
from tests.graph_editor.patches import REGISTRY, chain, nested


def links(patch):
    return [f"{link.source} -> {link.target}" for link in patch.links]


def drawn(nodes, *wires):
    patch = Patch(nodes={name: Node(f"fake.{kind}", params={}) for name, kind in nodes.items()})
    for wire in wires:
        patch = patch.with_link(*wire.split(" -> "))
    return patch


def plays(patch):
    """What runs, without names: of each node its type and params, and what is linked to what."""
    plan = compile_patch(patch, REGISTRY)
    kinds = {name: (step.spec.type, tuple(sorted(step.params.items()))) for name, step in plan.steps.items()}
    wires = sorted(
        (kinds[source], output, kinds[name], port)
        for name, step in plan.steps.items()
        for port, sources in step.inputs.items()
        for source, output in sources
    )
    return sorted(kinds.values()), wires, len(plan.problems)


# Grouping


def test_a_selection_becomes_one_node_with_a_port_for_each_wire_across_its_border():
    patch, name = group(chain(), REGISTRY, ["scale"], "My Voice")
    assert name == "my_voice"
    assert links(patch) == ["my_voice.audio -> speaker.audio", "source.audio -> my_voice.audio"]
    node = patch.nodes[name]
    assert node.inside == Inside(
        Patch(nodes={"scale": chain().nodes["scale"]}), {"audio": "scale.audio"}, {"audio": "scale.audio"}
    )
    assert node.view == {"title": "My Voice"} and node.position == (300.0, 0.0)
    assert plays(patch) == plays(chain())


def test_wires_among_the_chosen_nodes_go_into_the_subpatch():
    patch, name = group(chain(), REGISTRY, ["source", "scale"])
    assert links(patch) == ["subpatch.audio -> speaker.audio"]
    assert links(patch.nodes[name].inside.patch) == ["source.audio -> scale.audio"]
    assert patch.nodes[name].inside.inputs == {}


def test_an_output_that_leads_to_many_has_one_port():
    patch = drawn(
        {"source": "source", "one": "speaker", "two": "speaker"}, "source.audio -> one.audio", "source.audio -> two.audio"
    )
    grouped, _ = group(patch, REGISTRY, ["source"])
    assert links(grouped) == ["subpatch.audio -> one.audio", "subpatch.audio -> two.audio"]


def test_an_input_that_takes_many_has_one_port():
    patch = drawn({"a": "source", "b": "source", "mix": "sum"}, "a.audio -> mix.audio", "b.audio -> mix.audio")
    grouped, _ = group(patch, REGISTRY, ["mix"])
    assert links(grouped) == ["a.audio -> subpatch.audio", "b.audio -> subpatch.audio"]
    assert plays(grouped) == plays(patch)


def test_ports_that_would_be_called_alike_have_the_nodes_names():
    patch = drawn({"s": "source", "one": "scale", "two": "scale"}, "s.audio -> one.audio", "s.audio -> two.audio")
    inside = group(patch, REGISTRY, ["one", "two"])[0].nodes["subpatch"].inside
    assert inside.inputs == {"one_audio": "one.audio", "two_audio": "two.audio"}


def test_what_is_open_gets_ports_too():
    patch = drawn({"one": "scale", "two": "scale", "eye": "eye"}, "one.audio -> two.audio")
    inside = group(patch, REGISTRY, ["one", "two", "eye"])[0].nodes["subpatch"].inside
    assert inside.inputs == {"audio": "one.audio"}
    assert inside.outputs == {"audio": "two.audio", "image": "eye.image"}


def test_a_subpatch_can_be_put_into_another():
    once, name = group(chain(), REGISTRY, ["scale"])
    twice, _ = group(once, REGISTRY, ["source", name], "Outer")
    assert plays(twice) == plays(chain())
    assert links(twice) == ["outer.audio -> speaker.audio"]


def test_names_are_free_and_words():
    patch = drawn({"subpatch": "source", "a": "source", "voice__x": "source"})
    assert group(patch, REGISTRY, ["a"])[1] == "subpatch_2"
    assert group(patch, REGISTRY, ["a"], "Voice")[1] == "voice_2"
    assert group(patch, REGISTRY, ["a"], "Ünder & 12")[1] == "nder_12"
    assert group(patch, REGISTRY, ["a"], "")[0].nodes["node"].view == {}


def test_nothing_chosen_is_refused():
    with pytest.raises(PatchError, match="a subpatch needs nodes: choose some first"):
        group(chain(), REGISTRY, ["ghost"])


def test_subpatches_are_not_put_into_each_other_for_ever():
    patch, name = chain(), "scale"
    with pytest.raises(PatchError, match="subpatches can lie in each other 20 deep"):
        for _ in range(30):
            patch, name = group(patch, REGISTRY, [name])
    assert loads(dumps(patch)) == patch


def test_what_makes_or_learns_something_goes_on_drawing_the_same_random_numbers():
    patch = drawn({"writer": "writer", "student": "student", "source": "source"}, "writer.corpus -> student.corpus")
    seeds = {step.node: step.seed for step in compile_patch(patch, REGISTRY).jobs}
    grouped, name = group(patch, REGISTRY, ["writer", "student", "source"])
    again, _ = group(grouped, REGISTRY, [name], "Outer")
    steps = compile_patch(again, REGISTRY).steps
    assert seeds == {"writer": None, "student": None}
    assert steps["outer__subpatch__student"].seed == "student" and steps["outer__subpatch__source"].seed is None
    assert dissolve(dissolve(again, "outer", REGISTRY), name, REGISTRY) == patch


def test_scenes_bindings_frames_and_pins_follow():
    patch = with_frames(nested(), [Frame("all", ("source", "voice")), Frame("voices", ("voice",)), Frame("out", ("speaker",))])
    patch = with_pins(patch, ["voice__one.factor", "source.level", "speaker"])
    grouped, _ = group(patch, REGISTRY, ["voice"], "Outer")
    assert grouped.scenes["calm"]["params"] == {"source.level": 0.1, "outer__voice__one.factor": 3.0}
    assert [binding.get("node") for binding in grouped.bindings] == ["outer__voice__one", "source", None]
    assert grouped.bindings[2]["command"] == "/param/outer__voice__one/factor 1.5"
    assert frames_of(grouped) == (Frame("all", ("source", "outer")), Frame("out", ("speaker",)))
    assert frames_of(grouped.nodes["outer"].inside.patch) == (Frame("voices", ("voice",)),)
    assert pins_of(grouped) == ("outer__voice__one.factor", "source.level", "speaker")


# Dissolving


@pytest.mark.parametrize("names", [["scale"], ["source", "scale"], ["source", "scale", "speaker"]])
def test_a_group_that_is_dissolved_is_what_was_before(names):
    patch, name = group(chain(), REGISTRY, names)
    assert dissolve(patch, name) == chain()


def test_scenes_bindings_frames_comments_and_pins_come_out_with_their_nodes():
    patch = with_pins(with_frames(nested(), [Frame("all", ("source", "voice"))]), ["voice__two.factor"])
    grouped, name = group(patch, REGISTRY, ["source", "voice"])
    assert dissolve(grouped, name) == patch
    voice = patch.nodes["voice"]
    inner = with_comments(with_frames(voice.inside.patch, [Frame("one", ("one",))]), [Comment("louder", (10.0, 20.0))])
    patch = patch.with_node("voice", replace(voice, position=(100.0, 50.0), inside=replace(voice.inside, patch=inner)))
    dissolved = dissolve(patch, "voice")
    assert dissolved.scenes["calm"]["params"] == {"source.level": 0.1, "one.factor": 3.0}
    assert [binding.get("node") for binding in dissolved.bindings] == ["one", "source", None]
    assert frames_of(dissolved) == (Frame("all", ("source", "one", "two")), Frame("one", ("one",)))
    assert comments_of(dissolved) == (Comment("louder", (110.0, 70.0)),)
    assert pins_of(dissolved) == ("two.factor",)
    assert dissolved.nodes["two"].position == (400.0, 50.0)


def test_inner_names_that_are_taken_get_numbers():
    patch = nested().with_node("one", Node("fake.source", params={}))
    dissolved = dissolve(patch, "voice")
    assert set(dissolved.nodes) == {"source", "speaker", "one", "one_2", "two"}
    assert dissolved.scenes["calm"]["params"]["one_2.factor"] == 3.0
    assert "one_2.audio -> two.audio" in links(dissolved)


def test_wires_to_ports_that_lead_nowhere_go():
    patch = nested().with_link("source.audio", "voice.ghost")
    assert links(dissolve(patch, "voice")) == [
        "one.audio -> two.audio",
        "source.audio -> one.audio",
        "two.audio -> speaker.audio",
    ]


def test_the_mode_of_a_subpatch_becomes_that_of_its_nodes():
    patch = nested()
    patch = patch.with_node("voice", replace(patch.nodes["voice"], mode="mute"))
    assert {name: node.mode for name, node in dissolve(patch, "voice").nodes.items()} == {
        "source": None, "speaker": None, "one": "mute", "two": "mute",
    }  # fmt: skip


def test_an_empty_subpatch_is_just_removed():
    assert dissolve(chain().with_node("a", Node(SUBPATCH)), "a") == chain()


def test_what_is_no_subpatch_is_not_dissolved():
    with pytest.raises(PatchError, match="scale is not a subpatch"):
        dissolve(chain(), "scale")
    with pytest.raises(PatchError, match="there is no node ghost"):
        dissolve(chain(), "ghost")


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_grouped_plays_the_same_and_comes_back_when_it_is_dissolved(seed):
    chance = random.Random(seed)
    kinds = ["source", "scale", "sum", "echo", "speaker", "hand", "relay", "writer", "student"]
    patch = drawn({f"n{number}": chance.choice(kinds) for number in range(10)})
    for _ in range(30):
        one, two = chance.sample(sorted(patch.nodes), 2)
        sources, targets = (spec_of(patch.nodes[name], REGISTRY) for name in (one, two))
        for output in sources.outputs:
            for port in targets.inputs:
                taken = any(link.target == f"{two}.{port.name}" for link in patch.links)
                if output.type is port.type and (port.many or not taken) and one < two:
                    patch = patch.with_link(f"{one}.{output.name}", f"{two}.{port.name}")
    before, steps = plays(patch), [patch]
    for _ in range(5):
        chosen = chance.sample(sorted(patch.nodes), chance.randint(1, min(4, len(patch.nodes))))
        patch, name = group(patch, REGISTRY, chosen)
        assert plays(patch) == before
        assert loads(dumps(patch)) == patch
        steps.append(patch)
        assert dissolve(patch, name, REGISTRY) == steps[-2]
    while subs := [name for name, node in patch.nodes.items() if node.type == SUBPATCH]:
        patch = dissolve(patch, chance.choice(subs), REGISTRY)
        assert plays(patch) == before
    assert flattened(patch) is patch


# In a document


def test_grouping_is_one_step_that_what_was_taught_follows():
    document = Document(chain(), taught={"scale": {"examples.json": b"{}"}})
    document.apply("make a subpatch", group(document.patch, REGISTRY, ["scale"])[0])
    assert set(document.state.taught) == {"subpatch__scale"}
    document.apply("dissolve subpatch", dissolve(document.patch, "subpatch"))
    assert set(document.state.taught) == {"scale"}
    document.undo(), document.undo()
    assert document.whole == chain() and set(document.state.taught) == {"scale"}


def test_grouping_inside_a_subpatch_keeps_what_leads_into_it():
    document = Document(nested())
    document.enter("voice")
    document.apply("make a subpatch", group(document.patch, REGISTRY, ["one"], "Deep")[0])
    assert plays(document.whole) == plays(nested())
    assert document.whole.scenes["calm"]["params"]["voice__deep__one.factor"] == 3.0
    document.apply("dissolve", dissolve(document.patch, "deep"))
    assert document.whole == nested()


def test_grouping_inside_a_subpatch_keeps_optional_inputs_and_outputs_that_are_read_inside_too():
    inner = drawn({"echo": "echo", "scale": "scale"}, "echo.audio -> scale.audio")
    voice = Node(SUBPATCH, inside=Inside(inner, {"dry": "echo.audio"}, {"wet": "echo.audio", "quiet": "scale.audio"}))
    patch = drawn({"source": "source", "speaker": "speaker"}).with_node("voice", voice)
    patch = patch.with_link("source.audio", "voice.dry").with_link("voice.wet", "speaker.audio")
    for names in (["echo"], ["echo", "scale"]):
        grouped = nesting.put_back(patch, ("voice",), group(nesting.part(patch, ("voice",)), REGISTRY, names)[0])
        assert plays(grouped) == plays(patch)


# Ports


def test_a_port_is_added_renamed_and_removed():
    patch = add_port(nested(), "voice", "one.audio", "output")
    assert patch.nodes["voice"].inside.outputs == {"out": "two.audio", "audio": "one.audio"}
    assert add_port(patch, "voice", "two.audio", "output") == patch
    renamed = rename_port(patch, "voice", "out", "wet", "output")
    assert links(renamed) == ["source.audio -> voice.in", "voice.wet -> speaker.audio"]
    removed = remove_port(renamed, "voice", "wet", "output")
    assert removed.nodes["voice"].inside.outputs == {"audio": "one.audio"}
    assert links(removed) == ["source.audio -> voice.in"]
    assert links(remove_port(removed, "voice", "in", "input")) == []


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda: add_port(nested(), "voice", "ghost.audio", "input"), "there is no node ghost in voice"),
        (lambda: add_port(nested(), "source", "one.audio", "input"), "source is not a subpatch"),
        (lambda: rename_port(nested(), "voice", "ghost", "a", "input"), "voice has no input ghost"),
        (lambda: rename_port(nested(), "voice", "in", "A b", "input"), "a port's name must be a word"),
        (
            lambda: rename_port(add_port(nested(), "voice", "one.audio", "output"), "voice", "audio", "out", "output"),
            "voice has an output out already; choose another name",
        ),
    ],
    ids=range(5),
)
def test_a_port_that_cannot_be_is_refused(edit, message):
    with pytest.raises(PatchError, match=message):
        edit()


# The library


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config" / "subpatches"


def test_a_subpatch_that_is_kept_is_added_to_another_patch(own_folder):
    voice = replace(nested().nodes["voice"], position=(7.0, 8.0), mode="mute")
    entry = library.save("My Voice", voice)
    assert library.entries() == (entry,) and entry.path == own_folder / "my_voice.json"
    patch, name = library.add(chain(), entry, (1, 2000), REGISTRY)
    assert name == "my_voice"
    assert patch.nodes[name] == replace(voice, position=(1.0, 2000.0), mode=None, view={"title": "My Voice"})
    patch, second = library.add(patch, entry, (1, 2000), REGISTRY)
    assert second == "my_voice_2"
    assert patch.nodes[second].position != patch.nodes[name].position, "none lies over another"


def test_one_of_the_same_title_is_replaced_and_one_that_is_written_alike_is_not(own_folder):
    voice = nested().nodes["voice"]
    first = library.save("My Voice", voice)
    library.save("My Voice", replace(voice, inside=Inside(drawn({"a": "source"}))))
    second = library.save("my  voice!", voice)
    assert library.entries() == tuple(sorted([first, second], key=lambda entry: entry.title.casefold()))
    assert set(library.load(first.path).inside.patch.nodes) == {"a"}


def test_what_comes_from_the_library_draws_random_numbers_of_its_own(own_folder):
    grouped, name = group(drawn({"writer": "writer"}), REGISTRY, ["writer"])
    assert grouped.nodes[name].inside.patch.nodes["writer"].seed == "writer"
    entry = library.save("Writer", grouped.nodes[name])
    assert library.load(entry.path).inside.patch.nodes["writer"].seed is None


def test_an_entry_is_discarded(own_folder):
    entry = library.save("Voice", nested().nodes["voice"])
    library.discard(entry)
    library.discard(entry)
    assert library.entries() == ()


def test_what_is_no_subpatch_is_not_kept_and_strange_files_are_left_out(own_folder):
    assert library.entries() == ()
    with pytest.raises(PatchError, match="the library keeps subpatches; make one of the nodes first"):
        library.save("Gain", Node("audio.gain"))
    with pytest.raises(PatchError, match="a subpatch needs a title in the library"):
        library.save(" ", nested().nodes["voice"])
    own_folder.mkdir(parents=True)
    (own_folder / "a.json").write_text("no patch")
    save(own_folder / "b.json", chain())
    (own_folder / "c.json").mkdir()
    assert library.entries() == ()
    with pytest.raises(PatchError, match="is not a subpatch"):
        library.load(own_folder / "b.json")


def test_a_library_that_cannot_be_written_is_said(own_folder):
    own_folder.parent.write_text("a file in its place")
    with pytest.raises(PatchError, match="was not saved"):
        library.save("Voice", nested().nodes["voice"])
