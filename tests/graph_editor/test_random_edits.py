"""Thousands of random edits: every state can be compiled, saved and opened, and undo and redo go through all of them exactly."""

from __future__ import annotations

import pytest

from graph_editor import nesting
from graph_editor.look import frames_of, pins_of
from graph_editor.names import node_of
from runtime.patch import dumps, loads
from runtime.plan import compile_patch
from runtime.subpatch import names_in, nodes_in
from tests.graph_editor.artist import Artist
from tests.graph_editor.patches import REGISTRY


def seen(document):
    """All that undo must bring back, as bytes."""
    taught = {node: dict(files) for node, files in sorted(document.state.taught.items()) if files}
    return dumps(document.whole).encode(), repr(taught)


def astray(whole):
    """What speaks of nodes or ports that are not there."""
    flat = {*names_in(whole).values(), "nobody"}
    said = [pin.partition(".")[0] for pin in pins_of(whole)]
    said += [name for binding in whole.bindings if (name := node_of(binding))]
    for scene in whole.scenes.values():
        said += [place.partition(".")[0] for place in (*scene["params"], *scene["links"], *scene["links"].values())]
    found = [name for name in said if name not in flat]
    for _, patch in [("", whole), *((path, node.inside.patch) for path, node in nodes_in(whole) if node.inside)]:
        spoken = [name for frame in frames_of(patch) for name in frame.nodes]
        spoken += [end for link in patch.links for end in (link.ends()[0], link.ends()[2])]
        for name, node in patch.nodes.items():
            if node.inside:
                ends = (*node.inside.inputs.values(), *node.inside.outputs.values())
                found += [f"{name}: {end}" for end in ends if end.partition(".")[0] not in node.inside.patch.nodes]
                ports = [f"{name}.{port}" for port in (*node.inside.inputs, *node.inside.outputs)]
                ends = [link.source for link in patch.links] + [link.target for link in patch.links]
                found += [end for end in ends if end.partition(".")[0] == name and end not in ports]
        found += [name for name in spoken if name not in patch.nodes and name != "nobody"]
    return found


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_every_state_of_a_thousand_random_edits_is_sound_and_undo_and_redo_meet_each_of_them_again(seed):
    artist = Artist(seed)
    document = artist.document
    states = {0: seen(document)}
    while artist.done < 1000:
        before, version = document.whole, document.version
        artist.act()
        here, ahead = len(document.undo_names()), len(document.redo_names())
        states = {depth: state for depth, state in states.items() if depth <= here + ahead}
        now = seen(document)
        if ahead and here in states:
            assert states[here] == now, "a step back or forth meets what was there"
        states[here] = now
        assert (document.whole is before) or document.version > version
        assert loads(now[0].decode()) == document.whole and document.patch == nesting.part(document.whole, document.where)
        if document.whole is not before:
            assert not astray(document.whole)
            plan = compile_patch(document.whole, REGISTRY)
            assert {step.node for step in (*plan.jobs, *plan.streams)} <= set(names_in(document.whole).values())
    while document.redo():
        pass
    last = len(document.undo_names())
    states[last] = seen(document)
    assert last > 300, "most of what was tried was a step"
    for depth in range(last - 1, -1, -1):
        assert document.undo()
        assert seen(document) == states[depth]
    assert document.undo() is None and not document.is_changed
    for depth in range(1, last + 1):
        assert document.redo()
        assert seen(document) == states[depth]
    assert document.redo() is None
