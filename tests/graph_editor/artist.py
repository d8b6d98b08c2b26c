"""An artist who does one random thing after the other to a document, as far as it may be done."""

from __future__ import annotations

import random
from dataclasses import replace

from graph_editor import edits, layout, marks, subpatches
from graph_editor.document import Document
from graph_editor.look import bookmarks_of, comments_of, frames_of, pins_of
from runtime.errors import GlasspatchError
from runtime.patch import Node, Patch, dumps
from runtime.scenes import recalled, scene_of
from runtime.subpatch import flattened, names_in
from tests.graph_editor.patches import REGISTRY, nested

MOST = 40
"""Nodes in all; above it, more is deleted than added."""
COLOURS = ("teal", "amber", "")
VALUES = (0, 1, -3.5, 1e9, True, "two", "", "corpus/a.wav", "loud", None, [1])


class Artist:
    """Does one random thing after the other to a document. `done` counts what was not refused."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.document = Document(nested().with_node("strange", Node("other.thing", 3, {"a": [1, 2]}, extra={"new": True})))
        self.clipboard = ""
        self.done = 0

    def act(self) -> None:
        """One thing: an edit, a step back or forth, or a look into a subpatch."""
        what = self.rng.choices(list(DEEDS), list(DEEDS.values()))[0]
        if len(names_in(self.document.whole)) > MOST and what in GROWING:
            what = "delete"
        patch = self.document.patch
        try:
            found = getattr(self, f"_{what}")(patch)
        except GlasspatchError as error:
            assert str(error)
            return
        self.done += 1
        if isinstance(found, Patch):
            key = "slider" if what == "turn" and self.rng.random() < 0.5 else None
            self.document.apply(what, found, key)

    def some(self, things, most=4):
        """Some of them, at least one where there are any."""
        every = sorted(things)
        return self.rng.sample(every, min(len(every), self.rng.randint(1, most)))

    def one(self, things):
        return self.rng.choice(sorted(things) or ["nobody"])

    def place(self):
        return self.rng.uniform(-500, 2500), self.rng.uniform(-500, 1500)

    def port(self, patch, is_output):
        name = self.one(patch.nodes)
        spec = subpatches.spec_of(patch.nodes[name], REGISTRY) if name in patch.nodes else None
        ports = [port.name for port in (spec.outputs if is_output else spec.inputs)] if spec else []
        return f"{name}.{self.one(ports)}"

    # Edits

    def _add(self, patch):
        sizes = {} if self.rng.random() < 0.5 else None
        return edits.add(patch, REGISTRY, self.one(REGISTRY.nodes), self.place(), sizes=sizes)[0]

    def _delete(self, patch):
        return edits.remove(patch, self.some(patch.nodes, 3))

    def _rename(self, patch):
        new = self.rng.choice(["voice", "gain", "a", f"n{self.rng.randrange(50)}", "a__b", "Gain", ""])
        return edits.rename(patch, self.one(patch.nodes), new, REGISTRY if self.rng.random() < 0.5 else None)

    def _connect(self, patch):
        source = self.port(patch, True)
        fitting = edits.fitting(patch, REGISTRY, source, True)
        return edits.connect(patch, REGISTRY, source, self.one(fitting))

    def _connect_anything(self, patch):
        return edits.connect(patch, REGISTRY, self.port(patch, True), self.port(patch, False))

    def _disconnect(self, patch):
        link = self.rng.choice(patch.links) if patch.links else None
        return edits.disconnect(patch, link.source, link.target) if link else patch

    def _insert(self, patch):
        return edits.insert(patch, REGISTRY, self.one(patch.nodes), self.rng.choice(patch.links)) if patch.links else patch

    def _move(self, patch):
        return edits.move(patch, {name: self.place() for name in self.some(patch.nodes)})

    def _align(self, patch):
        return edits.align(patch, self.some(patch.nodes), self.rng.choice(edits.ALIGNMENTS), {})

    def _arrange(self, patch):
        return edits.move(patch, layout.arrange(patch, REGISTRY, {}))

    def _copy(self, patch):
        self.clipboard = edits.copy(patch, self.some(patch.nodes, 6))

    def _paste(self, patch):
        return edits.paste(patch, self.clipboard, self.place(), REGISTRY)[0]

    def _duplicate(self, patch):
        return edits.duplicate(patch, self.some(patch.nodes), (28, 28), self.rng.choice([None, {}]))[0]

    def _turn(self, patch):
        name = self.one(patch.nodes)
        spec = subpatches.spec_of(patch.nodes[name], REGISTRY) if name in patch.nodes else None
        param = self.one([param.name for param in spec.params] if spec else [])
        return edits.set_param(patch, name, param, self.rng.choice(VALUES), REGISTRY)

    def _reset(self, patch):
        name = self.one(patch.nodes)
        return edits.reset_param(patch, name, self.one(patch.nodes[name].params if name in patch.nodes else []))

    def _setting(self, patch):
        return edits.set_setting(patch, "seed", self.rng.randrange(9))

    def _mode(self, patch):
        return edits.set_mode(patch, self.some(patch.nodes), self.rng.choice(["mute", "bypass", None]))

    def _look(self, patch):
        names, rng = self.some(patch.nodes), self.rng
        patch = edits.set_title(patch, names, rng.choice(["", "Hülle", "two\nlines"]))
        return edits.set_folded(edits.set_colour(patch, names, rng.choice(COLOURS)), names, rng.random() < 0.5)

    def _frame(self, patch):
        number, rng = self.rng.randrange(len(frames_of(patch)) + 1), self.rng
        change = rng.choice([marks.remove_frame, marks.set_frame, marks.move_frame, marks.join_frame, marks.frame_nodes, None])
        if change is None or number == len(frames_of(patch)):
            return marks.add_frame(patch, self.some(patch.nodes), "Frame", rng.choice(COLOURS) or "grey")
        if change is marks.set_frame:
            return change(patch, number, title=str(rng.random()))
        if change is marks.remove_frame:
            return change(patch, number)
        return change(patch, number, self.place() if change is marks.move_frame else self.some(patch.nodes))

    def _note(self, patch):
        count = len(comments_of(patch))
        if count > 3:
            return marks.remove_comment(patch, self.rng.randrange(count))
        if count and self.rng.random() < 0.5:
            return marks.set_comment(patch, self.rng.randrange(count), text=self.rng.choice(["", "other"]), position=self.place())
        return marks.add_comment(patch, "a\nword", self.place())

    def _bookmark(self, patch):
        if len(bookmarks_of(patch)) > 2:
            return marks.remove_bookmark(patch, bookmarks_of(patch)[0].name)
        return marks.add_bookmark(patch, self.rng.choice("abc"), self.place(), self.rng.randrange(5))

    def _pin(self, patch):
        if pins_of(patch) and self.rng.random() < 0.3:
            return marks.move_pin(patch, self.rng.choice(pins_of(patch)), 0)
        return marks.toggle_pins(patch, self.some(patch.nodes, 2))

    def _group(self, patch):
        return subpatches.group(patch, REGISTRY, self.some(patch.nodes, 5), self.rng.choice(["Voice", "", "Ä"]))[0]

    def _dissolve(self, patch):
        return subpatches.dissolve(patch, self.one(name for name, node in patch.nodes.items() if node.inside), REGISTRY)

    # What is no edit of the patch that is shown

    def _scene(self, patch):
        whole, name = self.document.whole, self.rng.choice("xyz")
        if name in whole.scenes:
            flat = flattened(whole)
            self.document.took(f"scene {name}", dumps(flat), dumps(recalled(flat, whole.scenes[name])))
        else:
            scene = scene_of(flattened(whole), REGISTRY)
            self.document.apply_whole("keep a scene", replace(whole, scenes={**whole.scenes, name: scene}))

    def _learn(self, patch):
        whole, node = self.document.whole, self.one(flattened(self.document.whole).nodes)
        knob = {"source": f"osc:/{self.rng.randrange(9)}", "node": node, "param": "level"}
        button = {"source": "osc:/b", "command": f"/param/{node}/level 0.5"}
        self.document.apply_whole("learn", replace(whole, bindings=(*whole.bindings[-6:], knob, button)))

    def _teach(self, patch):
        files = {"examples.json": self.rng.randbytes(4)} if self.rng.random() < 0.8 else {}
        self.document.taught(self.one(names_in(self.document.whole).values()), files)

    def _enter(self, patch):
        self.document.enter(self.one(name for name, node in patch.nodes.items() if node.inside))

    def _leave(self, patch):
        self.document.leave()

    def _settle(self, patch):
        self.document.settle()

    def _undo(self, patch):
        for _ in range(self.rng.randint(1, 6)):
            self.document.undo()

    def _redo(self, patch):
        for _ in range(self.rng.randint(1, 6)):
            self.document.redo()


DEEDS = {
    "add": 10, "delete": 4, "rename": 4, "connect": 14, "connect_anything": 4, "disconnect": 3, "insert": 3, "move": 4,
    "align": 2, "arrange": 1, "copy": 2, "paste": 2, "duplicate": 2, "turn": 8, "reset": 2, "setting": 1, "mode": 2,
    "look": 2, "frame": 3, "note": 2, "bookmark": 1, "pin": 2, "group": 2, "dissolve": 2, "scene": 2, "learn": 2, "teach": 3,
    "enter": 3, "leave": 2, "settle": 1, "undo": 3, "redo": 2,
}  # fmt: skip
GROWING = ("add", "paste", "duplicate", "group")
