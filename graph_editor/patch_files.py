"""The patch and its files, as the window's artist sees them: new, open, save, recover, and what a param names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_editor import file_dialog, missing, nesting, places, taught, verbs
from graph_editor.autosave import Left
from graph_editor.files import Files, examples
from runtime.artifacts import Assets
from runtime.errors import GlasspatchError, in_words
from runtime.patch import Patch, load, loads
from runtime.trust import trust

if TYPE_CHECKING:
    from graph_editor.editor import Editor

AUTOSAVE = 1.0
"""Seconds after a change until the work is kept."""
LOOK = 1.0
"""Seconds between two looks whether another program changed the file."""


class PatchFiles:
    """What the files of one window's patch are asked for. `Files` does the work; here it is asked and told."""

    def __init__(self, editor: Editor, files: Files) -> None:
        self._editor, self._files = editor, files
        self._kept_version = 0
        self._changed_at = 0.0
        self._next_look = 0.0
        self._discarded = False

    # Beginning and ending

    def begin(self, path: Path | None) -> None:
        """Opens the patch that the window was started with, and offers what a window that died has left."""
        if path is not None:
            self.open(path)
        if self._editor.document.path is None:
            self._show(Patch(), self._files.untitled())
        left = self._files.found()
        if left:
            self._offer(left[0])
        others = self._editor.client.others()
        if others:
            names = ", ".join(Path(patch).name for _, patch in others)
            self._editor.dialogs.ask(
                "Something plays already",
                f"{names} is being played by another window or terminal, or by one that died.",
                [("Let it play", "primary", lambda: None), ("Fade it out", "plain", self._editor.client.stop_others)],
            )

    def frame(self) -> None:
        """Called once a frame: keeps unsaved work, and sees what others do to the file."""
        editor, now = self._editor, time.monotonic()
        document = editor.document
        if document.version != self._kept_version:
            self._kept_version, self._changed_at = document.version, now
        if self._changed_at and now - self._changed_at >= AUTOSAVE and document.path is not None:
            self._changed_at = 0.0
            self.keep()
        if now >= self._next_look:
            self._next_look = now + LOOK
            self._see_others()

    def keep(self) -> None:
        """Keeps unsaved work at once, beside the user's files, never in them."""
        document = self._editor.document
        if document.path is None or self._discarded:
            return
        if document.is_changed:
            self._files.autosave(document.path, document.whole)
        else:
            self._files.settled()

    def end(self) -> None:
        """The window closes: what is unsaved stays for the next one, which offers it."""
        self.keep()
        self._files.close(keep=self._editor.document.is_changed and not self._discarded)

    def quit(self) -> None:
        """Ends the window, after asking what shall become of unsaved work."""
        self._unless_unsaved(self._leave)

    def _leave(self) -> None:
        self._editor.is_quitting = True

    def autosaved_in_words(self) -> str:
        """When unsaved work was kept last."""
        if self._files.trouble:
            return "not possible"
        if not self._editor.document.is_changed:
            return "saved"
        when = self._files.autosaved
        return f"{max(time.time() - when, 0):.0f} s ago" if when else "not yet"

    # Opening

    def new(self) -> None:
        self._unless_unsaved(lambda: self._show(Patch(), self._files.untitled()))

    def open_asked(self) -> None:
        start = self._editor.document.path
        folder = start.parent if start and not self._files.is_untitled(start) else Path.cwd()
        self._unless_unsaved(
            lambda: file_dialog.ask(self._editor, "Open a patch", file_dialog.OPEN, folder, (".json",), self.open)
        )

    def open(self, path: Path) -> bool:
        """Shows a patch; one that cannot be read leaves what is shown as it is."""
        path = path.resolve()
        try:
            patch = load(path)
        except GlasspatchError as error:
            self._editor.say(in_words(error), wrong=True)
            return False
        self._show(patch, path)
        missing.look(self._editor)
        if Assets(path).folder.is_dir():
            missing.remember(self._editor)
        return True

    def look_for_missing(self) -> None:
        """Looks for files that the patch names and that are not there."""
        missing.look(self._editor, asked=True)

    def recent(self) -> list[Path]:
        """Patches opened or saved lately, the newest first."""
        return self._files.recent()

    def _show(self, patch: Patch, path: Path) -> None:
        editor = self._editor
        editor.client.stop()
        self._discarded = False
        editor.show_document(patch, path)
        self._files.opened(path)
        for node in editor.document.whole.nodes:
            spec = editor.whole_spec(node)
            if spec is not None and spec.actions:
                self.attempt(lambda node=node: editor.document.knows(node, taught.read(path, node)))
        verbs.fit(editor)

    def recent_asked(self) -> None:
        self._one_of("Recent patches", self._files.recent(), "no patch was opened yet")

    def examples_asked(self) -> None:
        """Opens an example as a patch of the user's own: what came with the program is not written to."""
        found = examples()

        def chosen(path: Path) -> None:
            place = self._files.untitled()
            patch = places.save_as(path, place, load(path), self._editor.registry)
            for model in path.with_suffix(".assets").glob("*/*.ts"):
                trust(model)  # it came with the program
            self._show(patch, place)
            self._editor.say(f"a copy of the example {path.stem}: save it where you like")

        self._one_of("Examples", found, "there are no examples", chosen)

    def backups_asked(self) -> None:
        path = self._editor.document.path
        found = self._files.backups(path) if path else []
        names = {time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when)): file for when, file in found}
        if not names:
            self._editor.say("there is no older version of this patch yet")
            return

        def chosen(name: str) -> None:
            self._editor.edit_whole(f"the version of {name}", load(names[name]))

        self._editor.dialogs.ask_choice("Older versions", list(names), chosen)

    def _one_of(self, title: str, found: list[Path], none: str, chosen: Any = None) -> None:
        if not found:
            self._editor.say(none)
            return
        names = {f"{path.stem}   {path.parent}" if chosen is None else path.stem: path for path in found}

        def pick(name: str) -> None:
            self._unless_unsaved(lambda: self.attempt(lambda: (chosen or self.open)(names[name])))

        self._editor.dialogs.ask_choice(title, list(names), pick)

    # Saving

    def save(self) -> bool:
        """Writes the patch where it lies; a new one is asked for its place."""
        document = self._editor.document
        if document.path is None or self._files.is_untitled(document.path):
            self.save_as()
            return False
        if self.attempt(lambda: self._files.save(document.path or Path(), document.whole)):
            document.mark_saved()
            missing.remember(self._editor)
            self._editor.say(f"saved: {document.path.name}")
            return True
        return False

    def save_as(self) -> None:
        document = self._editor.document
        old = document.path
        untitled = self._files.is_untitled(old)
        start = Path.cwd() / "patch.json" if untitled or old is None else old
        file_dialog.ask(self._editor, "Save the patch as", file_dialog.SAVE, start, (".json",), self._save_to)

    def _save_to(self, path: Path) -> None:
        editor = self._editor
        document = editor.document
        path = path if path.suffix == ".json" else path.with_name(path.name + ".json")
        old = document.path

        def write() -> None:
            if old is None or old == path:
                self._files.save(path, document.whole)
                return
            was_untitled = self._files.is_untitled(old)
            patch = places.save_as(old, path, document.whole, editor.registry, move=was_untitled)
            document.apply_whole("save as", patch)
            if was_untitled:
                self._files.forget(old)

        if path.exists() and path != old:
            editor.dialogs.ask(
                "Replace it?",
                f"{path.name} is there already. Replace it? Its older version is kept.",
                [("Replace", "danger", lambda: self._wrote(path, write)), ("Cancel", "plain", lambda: None)],
            )
        else:
            self._wrote(path, write)

    def _wrote(self, path: Path, write: Any) -> None:
        if self.attempt(write):
            self._editor.document.mark_saved(path)
            self._files.opened(path)
            missing.remember(self._editor)
            self._editor.say(f"saved: {path}")

    def is_untitled(self, path: Path) -> bool:
        """Whether the patch was never saved by the artist."""
        return self._files.is_untitled(path)

    def untitled(self) -> Path:
        """A place for a new patch."""
        return self._files.untitled()

    def _unless_unsaved(self, run: Any) -> None:
        """Does something that leaves the present patch, after asking where that would lose work."""
        editor = self._editor
        if not editor.document.is_changed:
            run()
            return

        def save_first() -> None:
            if self.save():
                run()

        def discard() -> None:
            self._files.settled()
            self._discarded = True
            run()

        editor.dialogs.ask(
            "Unsaved changes",
            f"{editor.title()} has changes that are not saved.",
            [("Save", "primary", save_first), ("Do not save", "danger", discard), ("Cancel", "plain", lambda: None)],
        )

    def _offer(self, left: Left) -> None:
        editor = self._editor

        def recover() -> None:
            try:
                patch = loads(left.text)
            except GlasspatchError as error:
                editor.say(f"what was kept cannot be read: {error}", wrong=True)
                return
            saved = Patch()
            if left.path.exists():
                try:
                    saved = load(left.path)
                except GlasspatchError:
                    saved = Patch()
            self._show(saved, left.path)
            editor.document.apply_whole("recover", patch)
            self._files.adopt(left)
            verbs.fit(editor)

        when = time.strftime("%H:%M on %Y-%m-%d", time.localtime(left.when))
        name = "a new patch" if self._files.is_untitled(left.path) else left.path.name
        editor.dialogs.ask(
            "Recover?",
            f"A window ended without saving {name}. Its work was kept at {when}.",
            [
                ("Recover", "primary", recover),
                ("Later", "plain", lambda: None),
                ("Discard", "danger", lambda: self._files.discard(left)),
            ],
        )

    def _see_others(self) -> None:
        """Another program may have changed the file: the artist decides which version stays."""
        what = self._files.changed_by_others()
        path = self._editor.document.path
        if not what or path is None or self._editor.dialogs.is_open:
            return
        self._files.seen()
        if what == "gone":
            self._editor.say(f"{path.name} is not there any more; saving writes it again", wrong=True)
            return
        self._editor.dialogs.ask(
            "Changed on disk",
            f"Another program has changed {path.name}.",
            [
                ("Keep mine", "primary", lambda: None),
                (
                    "Take theirs",
                    "plain",
                    lambda: self.attempt(lambda: self._editor.edit_whole("the file's own version", load(path))),
                ),
            ],
        )

    # What goes along with nodes

    def follow(self, before: Patch, after: Patch) -> None:
        """Nodes are called otherwise now (renamed, put into a subpatch): what they made and were taught goes along."""
        path = self._editor.document.path
        if path is None or before is after:
            return
        assets = Assets(path)
        for old, new in nesting.moved(before, after).items():
            for ending in ("", ".partial", ".previous", ".stopped"):
                here, there = assets.node(old), assets.node(new)
                here, there = here.with_name(here.name + ending), there.with_name(there.name + ending)
                if here.is_dir() and not there.exists():
                    self.attempt(lambda here=here, there=there: here.rename(there))

    # What nodes were taught

    def read_taught(self, node: str) -> None:
        """A node (flat name) was taught: a step that can be undone."""
        document = self._editor.document
        path = document.path
        if path is not None:
            self.attempt(lambda: document.taught(node, taught.read(path, node)))

    def write_taught(self) -> list[str]:
        """Brings the files of what nodes were taught to the document's state; gives the nodes whose files changed."""
        document = self._editor.document
        if document.path is None:
            return []
        changed: list[str] = []
        for node, wanted in document.state.taught.items():

            def put(path: Path = document.path, node: str = node, wanted: Any = wanted) -> None:
                if taught.read(path, node) != dict(wanted):
                    taught.write(path, node, wanted)
                    changed.append(node)

            self.attempt(put)
        return changed

    def attempt(self, run: Any) -> bool:
        """Does something with files; what goes wrong is told in words."""
        try:
            run()
        except (GlasspatchError, OSError) as error:
            self._editor.say(in_words(error), wrong=True)
            return False
        return True
