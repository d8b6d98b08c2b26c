"""What an artist does on stage: edits, knobs, scenes, undo. It owns the document that plays; `runtime.teaching` does the anchors.

One thread at a time calls `do` and `tick`; whatever takes its time (a model, a training) takes it there, never on the audio path.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime import messages as ask
from runtime.artifacts import Assets
from runtime.engine import Engine
from runtime.errors import GlasspatchError, ParamError, PatchError, in_words
from runtime.feed import feedable, inside
from runtime.gestures import Gestures
from runtime.patch import Patch, dumps, loads, save
from runtime.patch import load as load_patch
from runtime.plan import Plan, compile_patch, nearest
from runtime.registry import Registry
from runtime.remote.bindings import problems as knob_problems
from runtime.remote.bindings import resolve
from runtime.retries import Retries
from runtime.scenes import recalled, scene_of
from runtime.senses import Senses
from runtime.shelf import POINTERS
from runtime.subpatch import flattened
from runtime.teaching import Teaching

SHELF_LOOK = 1.0
"""Seconds between two looks at whether another model is to be played."""


@dataclass(frozen=True)
class Was:
    """What `Undo` goes back to: the document, and copies of what nodes had been taught."""

    what: str
    patch: Patch
    taught: Mapping[str, Path]


class Performance:
    """The document (flat: `runtime.subpatch`), the engine and the senses that play it, and what may be asked of them."""

    def __init__(
        self,
        path: Path,
        patch: Patch,
        registry: Registry,
        engine: Engine,
        senses: Senses,
        folder: Path,
        tell: Callable[[Any], None],
        *,
        owns_file: bool,
    ) -> None:
        """`folder` is where copies of what was taught lie, with those of a take. With `owns_file`, scenes and knobs that are kept
        go into the patch file; otherwise whoever owns the document hears of it (`Changed`)."""
        self.path, self.patch, self.engine, self.senses = path, flattened(patch, registry), engine, senses
        self.assets = Assets(path)
        self.take: Callable[[Any], None] = lambda command: None
        self._registry, self._tell, self._owns_file = registry, tell, owns_file
        self._plan: Plan | None = None
        self.played: Plan | None = None
        """What of the plan the engine renders."""
        self._undo: deque[Was] = deque(maxlen=200)
        self._redo: list[Was] = []
        self._is_known = False
        self._shelved: dict[tuple[str, str], str] = {}
        """The model at which each output that leads into the patch points on a shelf."""
        self._looked = 0.0
        self._retries, self._gestures = Retries(), Gestures(engine)
        self.teaching = Teaching(
            self.assets,
            engine,
            folder,
            tell,
            renew=lambda name: self._load(self.patch, renew=(name,)),
            remember=lambda what, before: self._remember(what, self.patch, before),
        )

    # Loading

    def begin(self) -> None:
        """Loads the patch for the first time."""
        self._load(self.patch)

    def _compile(self, patch: Patch) -> Plan:
        return compile_patch(patch, self._registry, self.assets.patch_folder)

    def _load(self, patch: Patch, fade: float | None = None, renew: tuple[str, ...] = ()) -> None:
        """Lets a patch play. The document that was plays on where it cannot be compiled at all."""
        text, plan = dumps(patch), self._compile(patch)
        for key in ("sample_rate", "block"):
            if plan.settings[key] != getattr(self.engine, key):
                raise PatchError(f"{key} cannot change while the sound runs; stop and start again")
        self.teaching.loading(plan)
        feeds, problems = self.senses.load(text, plan)
        for node, feed in feeds.items():
            feed.journal = self._journal_of(node)
        note = {
            "text": text,
            "fade": fade,
            "renew": list(renew),
            "fed": {node: {output: list(names) for output, names in feed.names.items()} for node, feed in feeds.items()},
            "taught": dict(self.teaching.copies),
        }
        self.played = inside(plan, feeds)
        problems += self.engine.load(self.played, fade=fade, renew=renew, note=note)
        self.patch, self._plan = patch, plan
        self._shelved = self._on_shelves()
        self._listen(patch)
        self._tell(ask.Problems((*plan.problems, *knob_problems(patch, self._registry), *problems, *plan.waiting())))
        self.teaching.loaded()

    def _journal_of(self, node: str) -> Callable[[int, Any], None]:
        def write(block: int, values: Any) -> None:
            if self.engine.journal is not None:
                self.engine.journal(block, "feed", [node, values])

        return write

    @property
    def settings(self) -> Mapping[str, Any]:
        """The patch's, as compiled."""
        return self._plan.settings if self._plan else {}

    def artifacts(self) -> dict[str, str]:
        """The fingerprint of each made thing that plays, by "node.output"."""
        found = {}
        for step in self._plan.streams if self._plan else ():
            for port in step.spec.inputs:
                for place in () if port.type.is_stream else step.inputs[port.name]:
                    artifact = self.assets.artifact(*place)
                    if artifact is not None:
                        found[".".join(place)] = artifact.fingerprint
        return found

    # Commands

    def do(self, command: Any, *, by_owner: bool = False) -> None:
        """Does what was asked; what cannot be done is told in words, and changes nothing. `by_owner`: by who owns the
        document, and knows what it becomes by an edit or a param."""
        self._is_known = by_owner and not self._owns_file and isinstance(command, ask.Edit | ask.SetParam)
        try:
            name = f"do_{type(command).__name__.lower()}"
            found = getattr(self, f"_{name}", None) or getattr(self.teaching, name, None)
            if found is None:
                self.take(command)
            else:
                found(command)
        except (GlasspatchError, OSError, KeyError, ValueError, TypeError) as error:
            self._tell(ask.Told(in_words(error)))
        finally:
            self._is_known = False

    def _do_edit(self, edit: ask.Edit) -> None:
        before = self.patch
        self._load(flattened(loads(edit.text), self._registry), edit.fade)
        self._remember("edit", before)

    def _do_setparam(self, asked: ask.SetParam) -> None:
        node = self.patch.nodes.get(asked.node)
        if node is None:
            raise ParamError(f"there is no node {asked.node}{nearest(asked.node, self.patch.nodes)}")
        cls = self._registry.get(node.type)
        param = cls.spec.param(asked.param) if cls else None
        if param is None:
            raise ParamError(f"{asked.node} has no param {asked.param}")
        before, legal = self.patch, param.coerce(param.heard(asked.value))
        self._retries.forget(asked.node)
        if not param.live:
            self._load(before.with_param(asked.node, asked.param, legal), asked.seconds)
        elif self._plan is not None and asked.node in feedable(self._plan):
            self.senses.set(asked.node, asked.param, legal)
        elif self.engine.instance(asked.node) is not None:
            self.engine.set_param(asked.node, asked.param, legal, asked.seconds)
        self.patch = before.with_param(asked.node, asked.param, legal)
        self._remember(f"{asked.node}.{asked.param}", before)

    def _do_revive(self, asked: ask.Revive) -> None:
        self.engine.revive(asked.node)

    # Scenes and knobs

    def _do_recallscene(self, asked: ask.RecallScene) -> None:
        scene = self.patch.scenes.get(asked.scene)
        if scene is None:
            raise PatchError(f"there is no scene {asked.scene!r}; there are: {', '.join(self.patch.scenes) or 'none'}")
        seconds = asked.seconds if asked.seconds is not None else float(scene.get("seconds", 0.0))
        before = self.patch
        wanted = recalled(before, scene)
        # Live params glide for themselves; the rest (models, links, fixed params) is loaded beside and crossfaded.
        gliding = {
            (name, param.name): wanted.nodes[name].params[param.name]
            for name, node in wanted.nodes.items()
            if (cls := self._registry.get(node.type)) is not None
            for param in cls.spec.params
            if param.live and param.name in node.params and node.params[param.name] != before.nodes[name].params.get(param.name)
        }
        other = wanted
        for name, param in gliding:
            node = other.nodes[name]
            was = {key: value for key, value in node.params.items() if key != param}
            if param in before.nodes[name].params:
                was[param] = before.nodes[name].params[param]
            other = other.with_node(name, replace(node, params=was))
        if other != before:
            self._load(other, seconds)
        for (name, param), value in gliding.items():
            if self._plan is not None and name in feedable(self._plan):
                self.senses.set(name, param, value)
            elif self.engine.instance(name) is not None:
                self.engine.set_param(name, param, value, seconds)
        self.patch = wanted
        self._remember(f"scene {asked.scene}", before)

    def _do_keepscene(self, asked: ask.KeepScene) -> None:
        before = self.patch
        kept = scene_of(before, self._registry)
        kept |= {"seconds": before.scenes[asked.scene]["seconds"]} if "seconds" in before.scenes.get(asked.scene, {}) else {}
        self.patch = replace(before, scenes={**before.scenes, asked.scene: kept})
        self._remember(f"keep scene {asked.scene}", before)
        self._write(scenes=self.patch.scenes)
        self._tell(ask.Told(f"scene {asked.scene} is kept", wrong=False))

    def _do_learn(self, asked: ask.Learn) -> None:
        self.senses.learn(asked.node, asked.param)
        self._tell(ask.Told(f"move the knob that shall move {asked.node}.{asked.param} now", wrong=False))

    def _do_forget(self, asked: ask.Forget) -> None:
        others = [b for b in self.patch.bindings if (b.get("node"), b.get("param")) != (asked.node, asked.param)]
        self._bind(others, "forget a knob")

    def learned(self, binding: Mapping[str, Any]) -> None:
        """The senses have heard which knob it shall be."""
        others = [b for b in self.patch.bindings if (b.get("node"), b.get("param")) != (binding["node"], binding["param"])]
        self._bind([*others, dict(binding)], "learn a knob")
        self._tell(ask.Told(f"{binding['source']} moves {binding['node']}.{binding['param']}", wrong=False))

    def _bind(self, bindings: list[Mapping[str, Any]], what: str) -> None:
        before = self.patch
        self.patch = replace(before, bindings=tuple(bindings))
        self._listen(self.patch)
        self._remember(what, before)
        self._write(bindings=self.patch.bindings)

    def _listen(self, patch: Patch) -> None:
        """The bindings with the range and kind of their params go to who hears their sources."""
        self.senses.bind(self._gestures.bind(resolve(patch, self._registry) if patch.bindings else ()))

    def _write(self, **changes: Any) -> None:
        """Puts what was asked to be kept into the patch file, and nothing else of what was done on stage."""
        if self._owns_file:
            save(self.path, replace(load_patch(self.path), **changes))

    # Undo

    def _remember(self, what: str, patch: Patch, taught: Mapping[str, Path] | None = None) -> None:
        last = self._undo[-1] if self._undo else None
        # A knob that turns is one step back, not a hundred.
        if not (last and "." in what and last.what == what):
            self._undo.append(Was(what, patch, taught or {}))
        self._redo.clear()
        if self.patch != patch and not self._is_known:
            self._tell(ask.Changed(dumps(self.patch), what, dumps(patch)))

    def _do_undo(self, asked: ask.Undo) -> None:
        if not self._owns_file:
            self._tell(ask.Asked(asked))
            return
        if not self._undo:
            raise PatchError("there is nothing to undo")
        was = self._undo.pop()
        self._redo.append(self._go_back(was))
        self._tell(ask.Told(f"undone: {was.what}", wrong=False))

    def _do_redo(self, asked: ask.Redo) -> None:
        if not self._owns_file:
            self._tell(ask.Asked(asked))
            return
        if not self._redo:
            raise PatchError("there is nothing to redo")
        was = self._redo.pop()
        self._undo.append(self._go_back(was))
        self._tell(ask.Told(f"done again: {was.what}", wrong=False))

    def _go_back(self, was: Was) -> Was:
        now = Was(was.what, self.patch, {name: self.teaching.copy_of(name) for name in was.taught})
        renew = [name for name, copy in was.taught.items() if self.teaching.restore(name, copy)]
        self._load(was.patch, renew=tuple(renew))
        self.teaching.restored(was.taught)
        if (was.patch.scenes, was.patch.bindings) != (now.patch.scenes, now.patch.bindings):
            self._write(scenes=was.patch.scenes, bindings=was.patch.bindings)
        self._tell(ask.Changed(dumps(self.patch), f"undo {was.what}", dumps(now.patch)))
        return now

    # What happens by itself

    def tick(self) -> None:
        """Called some sixty times a second: records gestures, does what a recognised one asks for, lets failed nodes try again,
        closes what has left."""
        self.teaching.tick(time.monotonic())
        for command in self._gestures.won():
            self.do(command)
        for name, anew in self._retries.due():
            if name in self.engine.failed:
                self._load(self.patch, renew=(name,)) if anew else self.engine.revive(name)
        if self._shelved_anew():
            self._load(self.patch)
        self.engine.tidy()

    def _shelved_anew(self) -> bool:
        """Whether a training has put a model on its shelf, or somebody starred one, that plays here from now on."""
        now = time.monotonic()
        if now - self._looked < SHELF_LOOK:
            return False
        self._looked = now
        return self._on_shelves() != self._shelved

    def _on_shelves(self) -> dict[tuple[str, str], str]:
        places = {
            place
            for step in (self._plan.streams if self._plan else ())
            for port, sources in step.inputs.items()
            for place in sources
            if place[1] in POINTERS and port in {one.name for one in step.spec.inputs if not one.type.is_stream}
        }
        return {place: found.fingerprint for place in places if (found := self.assets.artifact(*place)) is not None}

    def failed(self, event: ask.NodeFailed) -> None:
        """A node has failed: it shall try again."""
        self._retries.failed(event.node)
