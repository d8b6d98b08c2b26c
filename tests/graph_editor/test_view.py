"""The items of the node editor after any edits are those of the model, and of a view that is built anew. Needs no screen."""

from __future__ import annotations

import math

import dearpygui.dearpygui as dpg
import pytest

from graph_editor import node_view
from graph_editor.editor import Editor
from graph_editor.look import comments_of, frames_of
from graph_editor.node_view import legal
from graph_editor.prefs import Preferences
from runtime.spec import FloatParam, PathParam
from runtime.subpatch import spec_of
from tests.graph_editor.artist import Artist
from tests.graph_editor.patches import REGISTRY


@pytest.fixture(scope="module")
def context():
    """The library without a window."""
    dpg.create_context()
    dpg.create_viewport(width=1600, height=900)
    dpg.setup_dearpygui()
    yield
    dpg.destroy_context()


def wanted(patch, canvas):
    """What shall be seen of a patch."""
    nodes, links = {}, set()
    for name, node in patch.nodes.items():
        spec = spec_of(node, REGISTRY)
        if spec is not None:
            pins = {(port.name, False) for port in spec.inputs} | {(port.name, True) for port in spec.outputs}
        else:
            pins = {(link.ends()[1], True) for link in patch.links if link.ends()[0] == name}
            pins |= {(link.ends()[3], False) for link in patch.links if link.ends()[2] == name}
        title = str(node.view.get("title") or (spec.title if spec else node.type))
        mode = {"mute": "  (muted)", "bypass": "  (bypassed)"}.get(node.mode, "")
        fields = {}
        if spec is not None and not node.view.get("folded"):
            fields = {param.name: legal(param, node.params.get(param.name)) for param in spec.params[:4]}
        nodes[name] = title + mode, pins, canvas.place(node.position), fields
    for link in patch.links:
        source, output, target, port = link.ends()
        if (output, True) in nodes[source][1] and (port, False) in nodes[target][1]:
            links.add((source, output, target, port))
    notes = [frame.title or "frame" for frame in frames_of(patch)] + [one.text for one in comments_of(patch)]
    return nodes, links, sorted(notes)


def shown(canvas):
    """What is seen, read from the library's items, wherever one looks: bodies are made when they come into sight."""
    for view in canvas.views.values():
        for body in view.bodies:
            node_view.put_away(body, False)
    nodes, pins, notes = {}, {}, []
    known = {view.tag: (name, view) for name, view in canvas.views.items()}
    for item in dpg.get_item_children(canvas.tag, 1):
        label, parts = dpg.get_item_label(item), dpg.get_item_children(item, 1)
        if item in known:
            name, view = known[item]
            assert set(view.pins.values()) <= set(parts)
            pins |= {pin: (name, key[0]) for key, pin in view.pins.items()}
            fields = {param: field_value(view, param) for param in view.fields}
            nodes[name] = label.partition("  ")[2], set(view.pins), tuple(dpg.get_item_pos(item)), fields
        elif label:
            texts = [one for body in parts for one in dpg.get_item_children(body, 1)]
            words = [dpg.get_value(one) for one in texts if dpg.get_item_type(one).endswith("mvText")]
            notes.append(words[0] if words else label)
    ends = [dpg.get_item_configuration(item) for item in dpg.get_item_children(canvas.tag, 0)]
    return nodes, {(*pins[end["attr_1"]], *pins[end["attr_2"]]) for end in ends}, sorted(notes)


def field_value(view, name):
    """The value that a field shows, as the model knows it."""
    param, item = view.face.spec.param(name), view.fields[name].item
    value = dpg.get_value(item)
    if isinstance(param, PathParam):
        words = dpg.get_item_label(item).partition("  ")[2]
        return "" if words.startswith("choose a") else words
    if isinstance(param, FloatParam):
        return round(math.exp(value) if param.log else value, 4)
    return type(param.default)(value)


def rounded(seen):
    nodes, links, notes = seen
    floats = {
        name: (*rest, {key: round(one, 4) if isinstance(one, float) else one for key, one in fields.items()})
        for name, (*rest, fields) in nodes.items()
    }
    return floats, links, notes


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_through_a_thousand_random_edits_the_view_is_that_of_the_model_and_one_that_is_built_anew(context, seed):
    artist = Artist(seed)
    editor = Editor(artist.document, REGISTRY, Preferences())
    canvas = editor.canvas
    while artist.done < 1000:
        artist.act()
        canvas.show()
        if artist.done % 5:
            continue
        seen = shown(canvas)
        assert rounded(seen) == rounded(wanted(artist.document.patch, canvas))
        if artist.done % 25 == 0:
            canvas.clear()
            assert shown(canvas) == ({}, set(), [])
            canvas.show()
            assert shown(canvas) == seen
    editor.close()
