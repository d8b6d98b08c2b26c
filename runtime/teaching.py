"""What an artist teaches on stage: anchors recorded, renamed, forgotten and auditioned, and copies of all that was taught."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime import messages as ask
from runtime.artifacts import Assets
from runtime.engine import Engine
from runtime.errors import GlasspatchError, NodeError
from runtime.plan import Plan, Step, nearest
from runtime.spec import NodeSpec

GESTURES = 30.0
"""Gestures recorded for an anchor in a second: as many as a camera gives."""
GESTURE, PREDICTION = "gesture", "prediction"


def has_targets(spec: NodeSpec) -> bool:
    """Whether each of their anchors stands for a target, which can be heard, and not for the gesture alone."""
    return spec.output(PREDICTION) is not None


def can_be_taught(spec: NodeSpec) -> bool:
    """Whether nodes of that kind learn from anchors."""
    return {"add", "remove", "rename", "train", "clear"} <= {action.name for action in spec.actions}


def change(step: Step, folder: Path, changed: Callable[[Any], Mapping[str, Any]]) -> Any:
    """A new node with what lies in `folder`, `changed` by one of its actions and saved there again. Whoever calls it holds
    `Assets.lock_taught`: nothing that others teach at the same time is lost."""
    node = step.cls()
    node.load(folder)
    for key, value in changed(node).items():
        setattr(node, key, value)
    folder.mkdir(parents=True, exist_ok=True)
    node.save(folder)
    return node


@dataclass
class Recording:
    """An anchor whose gesture is being recorded."""

    node: str
    anchor: str
    target: Mapping[str, float]
    source: tuple[str, str]
    names: tuple[str, ...]
    frames: list[np.ndarray]


class Teaching:
    """What the nodes of a performance are taught. One thread at a time calls it; its `do_...` are commands."""

    def __init__(
        self,
        assets: Assets,
        engine: Engine,
        folder: Path,
        tell: Callable[[Any], None],
        renew: Callable[[str], None],
        remember: Callable[[str, Mapping[str, Path]], None],
    ) -> None:
        """Copies of what was taught go into `folder`. `renew` lets the patch play with one node made anew, `remember` keeps a
        step of undo: what was done, and the copies of what was taught before."""
        self._assets, self._engine, self._folder, self._tell = assets, engine, folder, tell
        self._renew, self._remember = renew, remember
        self.copies: dict[str, str] = {}
        """The name of the newest copy of what each node was taught: it never changes, and a take finds it by that name."""
        self._copied = 0
        self._steps: dict[str, Step] = {}
        self._told: dict[str, ask.Taught] = {}
        self._auditioned: dict[str, str | Mapping[str, float]] = {}
        self._recording: Recording | None = None
        self._next_gesture = 0.0
        self._unscored: dict[str, Any] = {}
        self._scored: deque[tuple[str, Any, Mapping[str, Any]]] = deque()
        self._scorer: threading.Thread | None = None

    # What the performance calls when it loads a patch or goes back

    def loading(self, plan: Plan) -> None:
        """A plan is about to be loaded: copies what its new nodes were taught."""
        self._steps = {step.node: step for step in plan.streams if can_be_taught(step.spec)}
        for known in (self.copies, self._told, self._auditioned, self._unscored):
            for gone in known.keys() - self._steps.keys():
                del known[gone]
        for name in self._steps.keys() - self.copies.keys():
            self.copy_of(name)

    def loaded(self) -> None:
        """The plan plays: tells what its new nodes were taught."""
        for name in self._steps.keys() - self._told.keys():
            with suppress(GlasspatchError):  # a Problem has told already that what was taught cannot be read
                self._tell_taught(name, whole=False)

    def folder_of(self, name: str) -> Path:
        """Where what a node was taught lies and does not change any more."""
        return self._folder / self.copies[name] if name in self.copies else self._assets.node(name)

    def copy_of(self, name: str) -> Path:
        """A new copy of what a node was taught, made while nobody else teaches it. Raises LockedError after a while."""
        if not self._assets.node(name).is_dir():
            return self._copy(name)
        with self._assets.lock_taught(name, "play", shared=True):
            return self._copy(name)

    def restore(self, name: str, copy: Path) -> bool:
        """Puts a copy in place of what a node was taught; gives whether it must be made anew to play that. With nothing taught
        it need not: what it plays goes on, so that nothing falls silent."""
        if name not in self._steps:
            return False
        with self._assets.lock_taught(name, "play"):
            node = self._steps[name].cls()
            node.load(copy)
            node.save(self._assets.node(name))
            self._copy(name)
        return bool(node.anchors())

    def restored(self, names: Iterable[str]) -> None:
        """What was put in place plays: tells what it is."""
        for name in names:
            if name in self._steps:
                self._tell_taught(name)

    def tick(self, now: float) -> None:
        """Records gestures, and tells scores that have become known. `now`: seconds of any steady clock."""
        recording = self._recording
        if recording is not None and now >= self._next_gesture:
            self._next_gesture = now + 1.0 / GESTURES
            value = self._engine.value(*recording.source)
            if value is not None and len(value) == len(recording.names):
                recording.frames.append(value[:, -1].copy())
        while self._scored:
            self._tell_scores(*self._scored.popleft())
        if self._unscored and not (self._scorer and self._scorer.is_alive()):
            # Leaving each anchor out takes a training for each: nobody waits for that, neither the sound nor the next command.
            name, node = self._unscored.popitem()
            self._scorer = threading.Thread(target=self._score, args=(name, node), name="glasspatch scores", daemon=True)
            self._scorer.start()

    # Commands

    def do_recordanchor(self, asked: ask.RecordAnchor) -> None:
        sources = self._step(asked.node).inputs.get(GESTURE, ())
        if not sources or self._engine.value(*sources[0]) is None:
            raise NodeError(f"{asked.node}: no gesture reaches it; lead a control signal to its gesture input")
        if not asked.anchor.strip():
            raise NodeError("an anchor needs a name")
        target = asked.target if has_targets(self._step(asked.node).spec) else {}
        if target is None:
            now = self._engine.value(asked.node, PREDICTION)
            if now is None:
                raise NodeError(f"{asked.node} plays nothing yet: name the target of its first anchors")
            target = dict(zip(self._engine.names(asked.node, PREDICTION), map(float, now[:, -1]), strict=True))
        names = self._engine.names(*sources[0])
        self._recording = Recording(asked.node, asked.anchor, dict(target), sources[0], names, [])
        self._tell(ask.Told(f"recording anchor {asked.anchor}: hold the gesture", wrong=False))

    def do_endanchor(self, asked: ask.EndAnchor) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            raise NodeError("no anchor is being recorded")
        frames = np.array(recording.frames, np.float32).reshape(len(recording.frames), -1)
        fresh = np.r_[True, (frames[1:] != frames[:-1]).any(axis=1)] if len(frames) else np.zeros(0, bool)
        self._teach(
            recording.node,
            f"anchor {recording.anchor}",
            lambda node: node.add(recording.anchor, recording.target, frames[fresh], recording.names),
        )

    def do_removeanchor(self, asked: ask.RemoveAnchor) -> None:
        self._teach(asked.node, f"forget anchor {asked.anchor}", lambda node: node.remove(asked.anchor))

    def do_clearanchors(self, asked: ask.ClearAnchors) -> None:
        self._teach(asked.node, "forget all anchors", lambda node: node.clear())

    def do_renameanchor(self, asked: ask.RenameAnchor) -> None:
        def renamed(node: Any) -> Any:
            attributes = node.rename(asked.anchor, asked.name)
            if self._auditioned.get(asked.node) == asked.anchor:
                self._auditioned[asked.node] = asked.name
            return attributes

        self._teach(asked.node, f"anchor {asked.anchor} is {asked.name}", renamed)

    def do_train(self, asked: ask.Train) -> None:
        # What stands in its way now, a model that was replaced, is known to the node that plays.
        playing: Any = self._engine.instance(asked.node)
        self._teach(asked.node, f"train {asked.node}", lambda node: node.settle() if playing is not None and playing.mark else {})

    def do_retaught(self, asked: ask.Retaught) -> None:
        node = self._step(asked.node).cls()
        node.load(self.copy_of(asked.node))
        if node.anchors():
            self._renew(asked.node)
        self._tell_taught(asked.node)

    def do_audition(self, asked: ask.Audition) -> None:
        if not has_targets(self._step(asked.node).spec):
            raise NodeError(f"{asked.node} learns gestures without targets: there is nothing to hear of one")
        known = [name for name, *_ in self._told[asked.node].anchors] if asked.node in self._told else []
        if asked.anchor is not None and asked.anchor not in known:
            raise NodeError(f"there is no anchor {asked.anchor!r}; there are: {', '.join(known) or 'none'}")
        wanted = asked.anchor if asked.anchor is not None else asked.target
        if wanted is not None and self._engine.instance(asked.node) is None:
            raise NodeError(f"{asked.node} does not play, so its anchors cannot be heard; see what is wrong with it")
        if asked.target is not None and set(asked.target) != set(self._engine.names(asked.node, PREDICTION)):
            names = ", ".join(self._engine.names(asked.node, PREDICTION))
            raise NodeError(f"{asked.node} plays {names}, so a target of it needs a value for each of them and for nothing else")
        was = self._auditioned.pop(asked.node, None)
        if wanted is not None:
            self._auditioned[asked.node] = wanted
        if was is not None or wanted is not None:
            self._hold(asked.node)
            if isinstance(was, str) or isinstance(wanted, str):
                self._tell_now(asked.node)

    def _step(self, name: str) -> Step:
        if name not in self._steps:
            raise NodeError(f"{name} cannot be taught; name a Regressor that the patch has{nearest(name, self._steps)}")
        return self._steps[name]

    def _teach(self, name: str, what: str, changed: Callable[[Any], Mapping[str, Any]]) -> None:
        step, folder = self._step(name), self._assets.node(name)
        with self._assets.lock_taught(name, "play"):
            before = self._copy(name)
            node = change(step, folder, changed)
            self._copy(name)
            if node.anchors():
                # Preparing the node anew beside the one that plays trains it, and crossfades to what it has learnt.
                self._renew(name)
                playing: Any = self._engine.instance(name)
                if playing is not None:
                    playing.save(folder)
        self._remember(what, {name: before})
        self._tell_taught(name)
        self._tell(ask.Told(f"{what}: {self._told[name].words}", wrong=False))

    # Copies

    def _copy(self, name: str) -> Path:
        """A copy that nobody changes any more."""
        self._copied += 1
        copy = self._folder / f"{name}-{self._copied}"
        if self._assets.node(name).is_dir():
            shutil.copytree(self._assets.node(name), copy)
        else:
            copy.mkdir(parents=True)
        self.copies[name] = copy.name
        return copy

    # Auditions

    def _hold(self, name: str) -> None:
        """Plays the target of the auditioned anchor; ends that where there is no such anchor any more."""
        targets = {anchor: target for anchor, target, _ in self._told[name].anchors}
        wanted = self._auditioned.get(name, "")
        target = targets.get(wanted, {}) if isinstance(wanted, str) else wanted
        names = self._engine.names(name, PREDICTION) if self._engine.instance(name) is not None else ()
        if not target or not names or not set(names) <= set(target):
            self._auditioned.pop(name, None)
            self._engine.hold(name, PREDICTION, None)
        else:
            self._engine.hold(name, PREDICTION, np.array([target[dim] for dim in names], np.float32))

    # Telling

    def _tell_taught(self, name: str, whole: bool = True) -> None:
        """Tells what a node is taught now; with `whole`, the scores that take their time follow. Raises NodeError where what was
        taught cannot be read."""
        node: Any = self._steps[name].cls()
        node.load(self.folder_of(name))
        anchors = node.anchors()
        playing: Any = self._engine.instance(name)
        if anchors and playing is not None:
            node, anchors = playing, playing.anchors()  # its anchors are fitted to the model that is connected
        scores = node.scores(whole=False)
        words = node.describe(scores)
        if not anchors and playing is not None:
            words = "nothing is taught any more; what it plays goes on until it is taught again"
        self._told[name] = _taught(name, anchors, words, scores)
        if name in self._auditioned:
            self._hold(name)
        self._tell_now(name)
        if whole and node is playing:
            self._unscored[name] = node

    def _tell_now(self, name: str) -> None:
        wanted = self._auditioned.get(name)
        self._told[name] = replace(self._told[name], auditioned=wanted if isinstance(wanted, str) else None)
        self._tell(self._told[name])

    def _score(self, name: str, node: Any) -> None:
        self._scored.append((name, node, node.scores()))

    def _tell_scores(self, name: str, node: Any, scores: Mapping[str, Any]) -> None:
        playing: Any = self._engine.instance(name)
        if playing is not node or name not in self._told:
            return  # it was taught something else meanwhile
        known, words = self._told[name].words.splitlines(), node.describe(scores)
        self._told[name] = _taught(name, self._told[name].anchors, words, scores)
        self._tell_now(name)
        if more := [line for line in words.splitlines() if line not in known]:
            self._tell(ask.Told(f"{name}: {'; '.join(more)}", wrong=False))


def _taught(name: str, anchors: tuple[Any, ...], words: str, scores: Mapping[str, Any]) -> ask.Taught:
    numbers = {key: float(value) for key, value in scores.items() if isinstance(value, int | float)}
    return ask.Taught(name, anchors, words, numbers, dict(scores.get("anchor_hits", {})), tuple(scores["warnings"]))
