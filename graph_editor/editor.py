"""The editor of one window: the document, what plays and runs, the panes, and the few ways in which they change."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import edits, wires
from graph_editor.canvas import Canvas
from graph_editor.client import Client
from graph_editor.commands import COMMANDS
from graph_editor.dialogs import Dialogs
from graph_editor.document import Document
from graph_editor.geometry import Point
from graph_editor.inspector import Inspector
from graph_editor.lesson import Lesson
from graph_editor.nesting import part
from graph_editor.paint import Look
from graph_editor.palette import Palette
from graph_editor.panes import Panes
from graph_editor.prefs import Preferences
from graph_editor.watching import Watch
from runtime import messages as say
from runtime.errors import GlasspatchError, ParamError, in_words
from runtime.node import JobNode
from runtime.patch import Node, Patch
from runtime.registry import Registry
from runtime.spec import NodeSpec, PortType
from runtime.subpatch import flattened, place_of, spec_of

if TYPE_CHECKING:
    from graph_editor.patch_files import PatchFiles
    from graph_editor.perform import Perform


class Editor:
    """Everything that one window holds. Used by the window's thread only; whatever waits is asked of the client."""

    def __init__(self, document: Document, registry: Registry, preferences: Preferences) -> None:
        self.document, self.registry, self.preferences = document, registry, preferences
        self.client = Client()
        self.commands = COMMANDS
        self.look = Look(preferences.theme, preferences.scale)
        self.is_silent = False
        """Whether panic has faded the sound out."""
        self.frames_per_second = 0.0
        self.told: deque[tuple[float, str, bool]] = deque(maxlen=200)
        """What was said lately: when, the words, whether something is wrong."""
        self.taught: dict[str, say.Taught] = {}
        """What each regressor was taught, by its flat name."""
        self.lesson = Lesson()
        self.files: PatchFiles
        self.performing: Perform | None = None
        self.mouse: Point = (0.0, 0.0)
        self.is_quitting = False
        self.first_frame: float | None = None
        """Seconds from the window's beginning to its first frame, and when that was (time.monotonic)."""
        self.first_frame_at = 0.0
        self.frame_cost = 0.0
        """CPU seconds of the last frame."""
        self.last_bookmark = -1
        self._each_frame: list[Callable[[], bool]] = []
        self._problems: dict[str, tuple[str, ...]] = {}
        self._specs: dict[str, tuple[Any, NodeSpec | None]] = {}
        self._compiled: Any = None
        self._watch = Watch(self)
        self._whole = document.whole
        self._sources: tuple[Patch | None, dict[str, tuple[str, str]]] = (None, {})
        self.panes = Panes(self)

    # The window's parts

    @property
    def canvas(self) -> Canvas:
        return self.panes.canvas

    @property
    def inspector(self) -> Inspector:
        return self.panes.inspector

    @property
    def palette(self) -> Palette:
        return self.panes.palette

    @property
    def dialogs(self) -> Dialogs:
        return self.panes.dialogs

    def rebuild(self) -> None:
        """Builds the window's parts anew: another theme or scale."""
        origin, zoom, selection = self.canvas.middle(), self.canvas.zoom, set(self.canvas.selection)
        self.panes.close()
        self.look = Look(self.preferences.theme, self.preferences.scale)
        self.panes = Panes(self)
        self.canvas.zoom = zoom
        self.canvas.show()
        self.canvas.look_at(origin)
        self.canvas.select(selection)

    # What is known of nodes

    def spec(self, name: str | None) -> NodeSpec | None:
        """What a node of the shown patch declares; None for one that this version does not know."""
        node = self.document.patch.nodes.get(name or "")
        if node is None or name is None:
            return None
        known = self._specs.get(name)
        key = (node.type, node.inside)
        if known is None or known[0] != key:
            known = self._specs[name] = (key, spec_of(node, self.registry))
        return known[1]

    def node_at(self, flat: str) -> Node | None:
        """A node of the whole patch by the name that the runtime knows it by."""
        place = place_of(self.document.whole, flat)
        return part(self.document.whole, place[0]).nodes[place[1]] if place is not None else None

    def whole_spec(self, flat: str) -> NodeSpec | None:
        """What a node of the whole patch declares, by its flat name."""
        node = self.node_at(flat)
        return spec_of(node, self.registry) if node is not None else None

    def source_of(self, flat: str, port: str) -> tuple[str, str] | None:
        """(flat name, output) of what leads to an input, through the borders of subpatches."""
        if self._sources[0] is not self.document.whole:
            links = flattened(self.document.whole, self.registry).links
            self._sources = self.document.whole, {link.target: link.ends()[:2] for link in links}
        return self._sources[1].get(f"{flat}.{port}")

    def flat(self, name: str) -> str:
        """The name by which the runtime knows a node of the shown patch."""
        return "__".join((*self.document.where, name))

    def troubles(self, name: str) -> tuple[str, ...]:
        """What is wrong with a node, in words; for a subpatch, of all nodes in it."""
        flat = self.flat(name)
        found = self._problems.get(flat, ())
        node = self.document.patch.nodes.get(name)
        if node is not None and node.inside is not None:
            for other, words in self._problems.items():
                if other.startswith(flat + "__"):
                    found += tuple(f"{other[len(flat) + 2 :]}: {one}" for one in words)
        return found

    def failure(self, name: str) -> str:
        """Why a playing node is silent, or why a job failed; empty where it did not."""
        flat, snapshot = self.flat(name), self.client.snapshot
        if self.client.state == "playing" and snapshot is not None and flat in snapshot.failed:
            return snapshot.failed[flat]
        job = self.client.jobs.get(flat)
        return job.text if job is not None and job.phase == "failed" else ""

    def all_problems(self) -> list[tuple[str, str]]:
        """(node, words) of everything that is wrong, "" for the patch itself."""
        found = [(node, words) for node, every in self._problems.items() for words in every]
        failed = self.client.snapshot.failed if self.client.snapshot and self.client.state == "playing" else {}
        jobs = [(job.node, job.text) for job in self.client.jobs.values() if job.phase == "failed"]
        return [*failed.items(), *jobs, *found]

    def value(self, node: str, output: str) -> Any:
        """The newest value of an output of the shown patch while it plays, else None."""
        snapshot = self.client.snapshot
        return snapshot.values.get((self.flat(node), output)) if snapshot and self.client.state == "playing" else None

    # Changes

    def edit(self, what: str, patch: Patch, key: str | None = None) -> None:
        """Makes an edit of the shown patch a step that can be undone; what plays hears of it at once."""
        self.document.apply(what, patch, key)

    def set_param(self, name: str, param: str, value: Any) -> None:
        """Sets a param; a live one glides in what plays."""
        self.set_params(name, {param: value})

    def set_params(self, name: str, values: Mapping[str, Any]) -> None:
        """Sets several params in one step, which goes on while the mouse is held: those of a pad are moved together."""
        patch, what = self.document.patch, f"{name}.{'+'.join(values)}"
        try:
            for param, value in values.items():
                patch = edits.set_param(patch, name, param, value, self.registry)
        except (ParamError, GlasspatchError) as error:
            self.say(in_words(error), wrong=True)
            return
        self.document.apply(what, patch, what)

    def set_whole_params(self, flat: str, values: Mapping[str, Any]) -> None:
        """Sets params of a node of the whole patch, wherever we look: for views, and for the perform view."""
        place = place_of(self.document.whole, flat)
        if place is None:
            return
        where = self.document.where
        if place[0] != where:
            self.document.look_into(place[0])
        self.set_params(place[1], values)
        if place[0] != where:
            self.document.look_into(where)

    def reset_param(self, name: str, param: str) -> None:
        """Brings a param back to its default."""
        self.edit(f"reset {name}.{param}", edits.reset_param(self.document.patch, name, param))

    def set_setting(self, key: str, value: Any) -> None:
        """Sets one of the patch's own settings; what plays must be started anew for it."""
        self.document.apply_whole(f"setting {key}", self.document.whole.with_setting(key, value), f"setting {key}")
        if self.client.state == "playing":
            self.say(f"{key} is heard when you press Stop and Live again")

    def edit_whole(self, what: str, patch: Patch) -> None:
        """Makes an edit of the whole patch a step, wherever we look."""
        self.document.apply_whole(what, patch)

    def connect(self, source: str, target: str) -> None:
        """Draws a wire; one that cannot be is refused in words."""
        why = wires.why_not(self.document.patch, self.registry, source, target)
        if why:
            self.say(why, wrong=True)
        else:
            self.edit("connect", wires.connect(self.document.patch, self.registry, source, target))

    def add_node(self, kind: str, at: Point | None, wire: tuple[str, str, bool] | None = None, port: str | None = None) -> str:
        """Puts a node at a free place near a point of the screen (the middle of the view, if None), leads the open wire
        to it, and gives its name."""
        canvas = self.canvas
        position = canvas.to_patch(at) if at is not None else canvas.middle()
        patch, name = edits.add(self.document.patch, self.registry, kind, position, sizes=canvas.sizes())
        if wire is not None and port is not None:
            here, there = f"{wire[0]}.{wire[1]}", f"{name}.{port}"
            source, target = (here, there) if wire[2] else (there, here)
            patch = wires.connect(patch, self.registry, source, target)
        self.edit(f"add {name}", patch)
        canvas.show()
        canvas.select({name})
        return name

    def fitting_types(self, kind: PortType, *, as_source: bool) -> dict[str, str]:
        """Node types that an open wire of that type may lead to, with the port it would take."""
        found: dict[str, str] = {}
        for type_id, port in wires.fits(self.registry, kind, as_source):
            found.setdefault(type_id, port)
        return found

    def restore_taught(self) -> None:
        """After a step back or forth: what nodes were taught then lies in their folders again, and plays."""
        for node in self.files.write_taught():
            self.client.send(say.Retaught(node))

    def show_document(self, patch: Patch, path: Path) -> None:
        """Shows another document in place of the present one."""
        self.document = Document(patch, path)
        self._compiled, self._problems, self.taught, self.lesson = None, {}, {}, Lesson()
        self.looked_elsewhere()

    def looked_elsewhere(self) -> None:
        """Another part of the patch is shown: inside a subpatch, or outside it."""
        self.canvas.clear()
        self._specs.clear()
        self.canvas.select(set())
        self.canvas.show()
        self.inspector.rebuild()

    def go_to(self, flat: str) -> None:
        """Shows a node by the name that the runtime knows it by, wherever it is."""
        place = place_of(self.document.whole, flat)
        if place is None:
            return
        where, name = place
        if where != self.document.where:
            self.document.look_into(where)
            self.looked_elsewhere()
        self.canvas.select({name})
        x, y = self.document.patch.nodes[name].position
        self.canvas.look_at((x + 110.0, y + 60.0))

    def later(self, run: Callable[[], None]) -> None:
        """Calls `run` at the next frame, outside of any callback."""

        def once() -> bool:
            run()
            return False

        self._each_frame.append(once)

    def each_frame(self, run: Callable[[], bool]) -> None:
        """Calls `run` once a frame, until it says False."""
        self._each_frame.append(run)

    def open_palette(self, at: Point | None, wire: tuple[str, str, bool] | None = None) -> None:
        """Opens the palette at a point of the screen; at the mouse, if None."""
        at = at or (self.mouse if self.canvas.is_over(self.mouse) else self.canvas.center())
        self.palette.open(at, wire)

    def place(self) -> Path:
        """Where the patch lies, so that what is made can lie beside it; a new one gets a place."""
        if self.document.path is None:
            self.document.path = self.files.untitled()
        return self.document.path

    # What the bars show

    def is_running(self) -> bool:
        """Whether a job is at work or waits."""
        return any(job.phase in ("running", "waiting") for job in self.client.jobs.values())

    def learned(self, name: str) -> dict[str, str]:
        """The knob that moves each param of a node of the shown patch."""
        flat = self.flat(name)
        return {str(b.get("param")): str(b.get("source")) for b in self.document.whole.bindings if b.get("node") == flat}

    def is_job(self, name: str) -> bool:
        """Whether a node runs once rather than plays."""
        cls = self.registry.get(self.document.patch.nodes[name].type)
        return cls is not None and issubclass(cls, JobNode)

    # Words

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Tells the artist something for some seconds."""
        self.told.append((time.monotonic(), words, wrong))
        self.dialogs.toast(words, wrong=wrong)

    def explain(self, item: Any, words: str) -> None:
        """Help that appears when the mouse rests on an item."""
        if not words.strip():
            return
        with dpg.tooltip(item, delay=0.5):
            text = dpg.add_text(words, wrap=self.look.px(340))
            dpg.bind_item_font(text, self.look.font("small"))

    def title(self) -> str:
        """The patch's name, and where in it we look."""
        path = self.document.path
        return " \u203a ".join((path.name if path else "untitled", *self.document.where))

    # Each frame

    def frame(self, mouse: Point, pressed: bool, released: bool, down: bool) -> None:
        """Called once a frame: hears what was told, brings the window to it, and what plays to the document."""
        for event in self.client.tick():
            self._hear(event)
        if released:
            self.document.settle()
        self._send()
        self.canvas.frame(mouse, pressed, released, down)
        self._each_frame = [run for run in self._each_frame if run()]
        if self.performing is not None:
            self.performing.show()
        self.panes.show()
        self.files.frame()
        self._watch.frame()

    def _send(self) -> None:
        """What plays, and the search for problems, follow the document."""
        if self._compiled != self.document.version:
            self._compiled = self.document.version
            self.files.follow(self._whole, self.document.whole)
            self._whole = self.document.whole
            self.client.compile(self.document.whole, self.document.path)
            self.client.edit(self.document.whole)

    def _hear(self, event: Any) -> None:
        if isinstance(event, say.Problems):
            found: dict[str, list[str]] = defaultdict(list)
            for problem in event.problems:
                found[problem.node].append(problem.message)
            self._problems = {node: tuple(words) for node, words in found.items()}
            self.canvas.show()
        elif isinstance(event, say.Told):
            self.say(event.words, wrong=event.wrong)
        elif isinstance(event, say.Changed):
            self.document.took(event.what, event.before, event.text)
        elif isinstance(event, say.Asked):
            from graph_editor import verbs

            (verbs.undo if isinstance(event.command, say.Undo) else verbs.redo)(self)
        elif isinstance(event, say.Taught):
            self.taught[event.node] = event
            self.files.read_taught(event.node)
        elif isinstance(event, say.NodeFailed | say.JobFailed | say.JobDone | say.JobStopped | say.JobStarted):
            if isinstance(event, say.NodeFailed | say.JobFailed):
                self.say(f"{event.node}: {event.message}", wrong=True)
            self.canvas.show()
        elif isinstance(event, say.Stopped) and event.fault:
            dead = self.client.state == "dead"
            self.say(f"{event.fault}{'; press Restart to play on' if dead else ''}", wrong=True)

    def close(self) -> None:
        """Ends what plays and runs."""
        self.client.close()
