"""Which wires may be drawn, and why others may not."""

import random
import re
import time
from dataclasses import replace

import pytest

from graph_editor import edits
from runtime.errors import PatchError
from runtime.patch import Link, Node, Patch
from runtime.plan import compile_patch
from runtime.registry import discover
from runtime.spec import PortType
from tests.graph_editor.patches import REGISTRY, chain, nested


def fakes(*types):
    patch = Patch()
    for type_id in types:
        patch, _ = edits.add(patch, REGISTRY, f"fake.{type_id}", (0, 0))
    return patch


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("nobody.audio", "scale.audio", "there is no node nobody"),
        ("source.audio", "nobody.audio", "there is no node nobody"),
        ("source.sound", "scale.audio", "source has no output sound; it has audio"),
        ("speaker.audio", "scale.audio", "speaker has no output audio; it has none"),
        ("source.audio", "scale.gesture", "scale has no input gesture; it has audio"),
        ("scale.audio", "scale.audio", "not back into its own"),
        ("source.audio", "scale.audio", "there already"),
        ("hand.gesture", "scale.audio", "hand.gesture gives control and scale.audio takes audio; nothing makes audio of control"),
        ("writer.corpus", "singer.model", "gives corpus and singer.model takes model; lead it through Student first"),
        ("strange.audio", "scale.audio", "strange is a other.thing, which this glasspatch does not have"),
    ],
)
def test_a_wire_that_cannot_be_is_refused_in_words(source, target, words):
    patch = replace(chain(), nodes={**chain().nodes, **fakes("hand", "writer", "singer").nodes})
    patch = patch.with_node("strange", Node("other.thing"))
    assert words in edits.why_not(patch, REGISTRY, source, target)
    with pytest.raises(PatchError, match=re.escape(words)):
        edits.connect(patch, REGISTRY, source, target)


def test_a_loop_without_a_delay_is_refused_and_named():
    patch = fakes("scale", "scale", "sum")
    patch = edits.connect(edits.connect(patch, REGISTRY, "scale.audio", "scale_2.audio"), REGISTRY, "scale_2.audio", "sum.audio")
    words = "scale - scale_2 - sum - scale would be a loop without a delay"
    assert words in edits.why_not(patch, REGISTRY, "sum.audio", "scale.audio")


def test_a_loop_through_a_delayed_input_may_be():
    patch = edits.connect(fakes("echo", "scale"), REGISTRY, "echo.audio", "scale.audio")
    assert edits.why_not(patch, REGISTRY, "scale.audio", "echo.back") is None
    assert "loop" in edits.why_not(patch, REGISTRY, "scale.audio", "echo.audio")


def test_a_loop_through_a_subpatch_is_refused_only_where_the_wires_inside_lead_through_it():
    patch = nested()
    inside = patch.nodes["voice"].inside
    inner = inside.patch.with_node("apart", Node("fake.scale"))
    voice = replace(inside, patch=inner, inputs={**inside.inputs, "free": "apart.audio"}, outputs={"out": "two.audio"})
    patch = patch.with_node("voice", replace(patch.nodes["voice"], inside=voice)).without_link("source.audio", "voice.in")
    patch, _ = edits.add(patch, REGISTRY, "fake.scale", (0, 0))
    patch = edits.connect(patch, REGISTRY, "voice.out", "scale.audio")
    assert "loop" in edits.why_not(patch, REGISTRY, "scale.audio", "voice.in")
    assert edits.why_not(patch, REGISTRY, "scale.audio", "voice.free") is None
    assert edits.fitting(patch, REGISTRY, "scale.audio", True) == {"voice.free", "speaker.audio"}
    assert edits.fitting(patch, REGISTRY, "voice.in", False) == {"source.audio"}
    joined = edits.connect(patch, REGISTRY, "scale.audio", "voice.free")
    assert not [problem for problem in compile_patch(joined, REGISTRY).problems if "loop" in problem.message]


def test_an_input_that_takes_one_wire_loses_its_old_one_and_one_that_takes_many_keeps_them():
    patch = fakes("source", "source", "scale", "sum")
    for source in ("source.audio", "source_2.audio"):
        patch = edits.connect(patch, REGISTRY, source, "scale.audio")
        patch = edits.connect(patch, REGISTRY, source, "sum.audio")
    assert patch.links == (
        Link("source.audio", "sum.audio"), Link("source_2.audio", "scale.audio"), Link("source_2.audio", "sum.audio"),
    )  # fmt: skip


def test_a_wire_is_taken_away_and_led_elsewhere():
    patch = edits.disconnect(chain(), "source.audio", "scale.audio")
    assert patch.links == (Link("scale.audio", "speaker.audio"),)
    moved = edits.reconnect(chain(), REGISTRY, Link("source.audio", "scale.audio"), "source.audio", "speaker.audio")
    assert moved.links == (Link("source.audio", "speaker.audio"),)


def test_a_node_is_put_into_a_wire():
    patch, name = edits.add(chain(), REGISTRY, "fake.scale", (0, 0))
    patch = edits.insert(patch, REGISTRY, name, Link("source.audio", "scale.audio"))
    assert patch.links == (
        Link("scale.audio", "speaker.audio"), Link("scale_2.audio", "scale.audio"), Link("source.audio", "scale_2.audio"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("type_id", "link", "words"),
    [
        ("relay", Link("source.audio", "scale.audio"), "Relay does not take audio and give audio again"),
        ("scale", Link("source.audio", "speaker.audio"), "not there any more"),
    ],
)
def test_what_cannot_be_put_into_a_wire_says_why(type_id, link, words):
    patch, name = edits.add(chain(), REGISTRY, f"fake.{type_id}", (0, 0))
    with pytest.raises(PatchError, match=words):
        edits.insert(patch, REGISTRY, name, link)


def test_an_end_of_a_wire_cannot_be_put_into_it():
    with pytest.raises(PatchError, match="an end of this wire already"):
        edits.insert(chain(), REGISTRY, "scale", Link("source.audio", "scale.audio"))


def test_what_fits_an_open_wire_is_found_by_type():
    assert ("fake.student", "corpus") in edits.fits(REGISTRY, PortType.CORPUS, as_source=True)
    assert edits.fits(REGISTRY, PortType.CORPUS, as_source=False) == [("fake.writer", "corpus"), ("fake.needy", "corpus")]


def any_patch(registry, seed, nodes):
    """Random nodes with random wires, drawn as an artist may draw them."""
    rng = random.Random(seed)
    patch = Patch()
    for number in range(nodes):
        patch, _ = edits.add(patch, registry, rng.choice(sorted(registry.nodes)), (260 * (number % 20), 300 * (number // 20)))
    every = ports(patch, registry, True), ports(patch, registry, False)
    for _ in range(nodes * 60):
        source, target = rng.choice(every[0]), rng.choice(every[1])
        if edits.why_not(patch, registry, source, target) is None:
            patch = edits.connect(patch, registry, source, target)
    return patch


def ports(patch, registry, outputs):
    specs = {name: registry.get(node.type).spec for name, node in patch.nodes.items()}
    return [f"{name}.{port.name}" for name, spec in specs.items() for port in (spec.outputs if outputs else spec.inputs)]


@pytest.mark.parametrize("seed", range(5))
def test_the_fitting_ports_are_those_that_are_not_refused_and_none_of_them_makes_a_problem(seed):
    patch = any_patch(REGISTRY, seed, 25)
    outputs, inputs = ports(patch, REGISTRY, True), ports(patch, REGISTRY, False)
    for source in outputs:
        assert edits.fitting(patch, REGISTRY, source, True) == {
            target for target in inputs if edits.why_not(patch, REGISTRY, source, target) is None
        }
    for target in inputs:
        fitting = edits.fitting(patch, REGISTRY, target, False)
        assert fitting == {source for source in outputs if edits.why_not(patch, REGISTRY, source, target) is None}
        for source in sorted(fitting)[:2]:
            problems = compile_patch(edits.connect(patch, REGISTRY, source, target), REGISTRY).problems
            assert not [problem for problem in problems if "loop" in problem.message or "link" in problem.message]


def test_a_port_of_nothing_fits_nothing():
    assert edits.fitting(chain(), REGISTRY, "nobody.audio", True) == set()
    assert edits.fitting(chain(), REGISTRY, "source.nothing", True) == set()


def test_all_fitting_ports_of_200_nodes_are_found_within_5_ms():
    registry = discover("nodes")
    patch = any_patch(registry, 1, 200)
    costs = []
    for port, is_output in [(p, True) for p in ports(patch, registry, True)] + [
        (p, False) for p in ports(patch, registry, False)
    ]:
        began = time.process_time()
        edits.fitting(patch, registry, port, is_output)
        costs.append(time.process_time() - began)
    # The median: another process, or the garbage of the tests before, may take its time in between.
    assert sorted(costs)[len(costs) // 2] < 0.005
