"""The document of one window: the patch, what its nodes were taught, and every step to go back to. No dearpygui.

Patches are immutable and share what did not change, so undo has no limit. One thread uses a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from graph_editor import nesting
from graph_editor.changes import merged
from runtime.patch import Patch, dumps
from runtime.subpatch import names_in, place_of

Files = Mapping[str, bytes]
"""Small files by name, as they lie in a node's folder of the assets: examples.json, examples.npz."""


@dataclass(frozen=True)
class State:
    """What a document is at one moment. `taught`: per node, by its flat name, the files that it was taught with."""

    patch: Patch = field(default_factory=Patch)
    taught: Mapping[str, Files] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A named edit, with the state at its other side."""

    what: str
    state: State


class Document:
    """A patch that is being edited. `path` is None until it was saved. `version` grows with every change of what is shown or
    kept, so that a view can tell whether it is up to date. `where` are the subpatches we look into, outermost first."""

    def __init__(self, patch: Patch | None = None, path: Path | None = None, taught: Mapping[str, Files] | None = None) -> None:
        self.path = path
        self.version = 0
        self._state = State(patch or Patch(), dict(taught or {}))
        self._saved = self._state.patch
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._key: str | None = None
        self._where: tuple[str, ...] = ()
        self._part: Patch | None = None
        self._changed: tuple[Patch, bool] = (self._saved, False)

    @property
    def state(self) -> State:
        """All of it at this moment."""
        return self._state

    @property
    def whole(self) -> Patch:
        """The whole patch."""
        return self._state.patch

    @property
    def patch(self) -> Patch:
        """The patch at `where`, the same object until something changes. A subpatch shows with the settings, scenes, bindings
        and pins of the whole; these call its nodes by their own names, and others with a "^" before their flat name."""
        if self._part is None:
            self._part = nesting.part(self.whole, self._where)
        return self._part

    @property
    def where(self) -> tuple[str, ...]:
        """The subpatches we look into, outermost first."""
        return self._where

    @property
    def is_changed(self) -> bool:
        """Whether saving would write another text than was saved last."""
        whole = self.whole
        if self._changed[0] is not whole:
            # Equal patches may differ in text (1 and 1.0), so that equality decides only where it denies.
            same = whole is self._saved or (whole == self._saved and dumps(whole) == dumps(self._saved))
            self._changed = whole, not same
        return self._changed[1]

    def mark_saved(self, path: Path | None = None) -> None:
        """The patch was written as it is now; `path` where it lies from now on."""
        self.path = path or self.path
        self.settle()
        self._saved = self.whole
        self._changed = self._saved, False
        self.version += 1

    # Steps

    def apply(self, what: str, patch: Patch, key: str | None = None) -> None:
        """Makes another patch at `where` a named step. Steps with the `key` of the one before go into that one (a slider that is
        dragged) until `settle`. A patch that equals the present one makes no step."""
        if patch is self.patch or patch == self.patch:
            return
        self.apply_whole(what, nesting.put_back(self.whole, self._where, patch), key)

    def apply_whole(self, what: str, patch: Patch, key: str | None = None) -> None:
        """As `apply`, for the whole patch, wherever we look. What nodes were taught follows those that are called otherwise."""
        if patch is self.whole or patch == self.whole:
            return
        names = nesting.moved(self.whole, patch)
        taught = self._state.taught
        if any(node in names for node in taught):
            taught = {names.get(node, node): files for node, files in taught.items()}
        self._step(what, State(patch, taught), key)

    def taught(self, node: str, files: Files) -> None:
        """A node (by its flat name) was taught, and these are its files now, none where it forgot all: a step, where they differ
        from those that are known."""
        if node not in self._state.taught:
            self.knows(node, {})
        if dict(self._state.taught[node]) != dict(files):
            self._step(f"teach {node}", replace(self._state, taught={**self._state.taught, node: dict(files)}))

    def knows(self, node: str, files: Files) -> None:
        """What a node has been taught before, as it was found on disk: no step, and no step goes back behind it."""
        self._state = replace(self._state, taught={**self._state.taught, node: dict(files)})
        for steps in (self._undo, self._redo):
            steps[:] = [
                step
                if node in step.state.taught
                else replace(step, state=replace(step.state, taught={**step.state.taught, node: dict(files)}))
                for step in steps
            ]

    def took(self, what: str, before: str, after: str) -> None:
        """The performance changed its document, from one patch text to another: the difference becomes a step of ours. A knob
        that moves on is one step until `settle`. Raises PatchError where a text is no patch."""
        self.apply_whole(what, merged(self.whole, before, after), f"played {what}")

    def settle(self) -> None:
        """The next step is one of its own, whatever its key."""
        self._key = None

    def undo(self) -> str | None:
        """Goes back one step and gives its name; None where there is none."""
        return self._go(self._undo, self._redo)

    def redo(self) -> str | None:
        """Goes forth one step and gives its name; None where there is none."""
        return self._go(self._redo, self._undo)

    @property
    def depth(self) -> int:
        """How many steps can be undone."""
        return len(self._undo)

    def undo_names(self) -> list[str]:
        """The names of the steps that can be undone, the next one first."""
        return [step.what for step in reversed(self._undo)]

    def redo_names(self) -> list[str]:
        """The names of the steps that can be done again, the next one first."""
        return [step.what for step in reversed(self._redo)]

    def _step(self, what: str, state: State, key: str | None = None) -> None:
        if key is None or key != self._key:
            self._undo.append(Step(what, self._state))
        self._redo.clear()
        self._key = key
        self._become(state)

    def _go(self, out: list[Step], into: list[Step]) -> str | None:
        self.settle()
        if not out:
            return None
        step = out.pop()
        into.append(Step(step.what, self._state))
        self._become(step.state)
        return step.what

    def _become(self, state: State) -> None:
        self._where = self._followed(state.patch)
        self._state = state
        self._part = None
        self.version += 1

    # Subpatches

    def enter(self, name: str) -> None:
        """Looks into a subpatch of the patch that is shown. Raises PatchError where it is none."""
        self.look_into((*self._where, name))

    def leave(self) -> None:
        """Looks at what is around the subpatch; nothing happens in the whole patch."""
        self.look_into(self._where[:-1])

    def look_into(self, where: tuple[str, ...]) -> None:
        """Looks into a subpatch by the way from the whole patch to it. Raises PatchError where there is none."""
        where = tuple(where)
        self._part = nesting.part(self.whole, where)
        self._where = where
        self.settle()
        self.version += 1

    def _followed(self, patch: Patch) -> tuple[str, ...]:
        """Where we look in another patch: into the same subpatch, also if it is called otherwise, or as near to it as can be."""
        if not self._where:
            return ()
        every, names = names_in(self.whole), nesting.moved(self.whole, patch)
        way: tuple[str, ...] = ()
        for depth in range(1, len(self._where) + 1):
            flat = every[self._where[:depth]]
            place = place_of(patch, names.get(flat, flat))
            if place is None:
                break
            way = (*place[0], place[1])
        return nesting.reachable(patch, way)
