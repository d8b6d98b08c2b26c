"""Small patches of fake nodes for the tests of the editor's model."""

from __future__ import annotations

from dataclasses import replace

from runtime.patch import SUBPATCH, Inside, Node, Patch
from tests import fakes

REGISTRY = fakes.registry()


def chain() -> Patch:
    """source -> scale -> speaker."""
    patch = Patch()
    for number, name in enumerate(("source", "scale", "speaker")):
        patch = patch.with_node(name, Node(f"fake.{name}", params={}, position=(300.0 * number, 0.0)))
    return patch.with_link("source.audio", "scale.audio").with_link("scale.audio", "speaker.audio")


def nested() -> Patch:
    """source -> voice (a subpatch that holds `one` -> `two`, both scales) -> speaker, with a scene and knobs for both levels."""
    inner = Patch().with_node("one", Node("fake.scale", params={"factor": 2.0}))
    inner = inner.with_node("two", Node("fake.scale", params={}, position=(300.0, 0.0))).with_link("one.audio", "two.audio")
    voice = Node(SUBPATCH, params={}, inside=Inside(inner, {"in": "one.audio"}, {"out": "two.audio"}))
    patch = Patch().with_node("source", Node("fake.source", params={})).with_node("voice", voice)
    patch = patch.with_node("speaker", Node("fake.speaker", params={}))
    patch = patch.with_link("source.audio", "voice.in").with_link("voice.out", "speaker.audio")
    return replace(
        patch,
        scenes={"calm": {"params": {"source.level": 0.1, "voice__one.factor": 3.0}, "links": {}}},
        bindings=(
            {"source": "osc:/a", "node": "voice__one", "param": "factor"},
            {"source": "osc:/b", "node": "source", "param": "level"},
            {"source": "osc:/c", "command": "/param/voice__one/factor 1.5"},
        ),
    )
