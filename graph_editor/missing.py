"""Files that the patch names and that are not there: found by their content, or asked for once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_editor import file_dialog, known_files, places

if TYPE_CHECKING:
    from graph_editor.editor import Editor

Gone = list[tuple[str, str, str]]
"""(node by its flat name, param, path)."""


def remember(editor: Editor) -> None:
    """Keeps by which content the patch's files are known, beside what it made; beside a thread of the window's."""
    path, patch, registry = editor.document.path, editor.document.whole, editor.registry
    if path is not None:
        editor.client.aside(lambda: known_files.remember(path, places.named(patch, registry)))


def look(editor: Editor, *, asked: bool = False) -> None:
    """Looks for what is missing near the patch and near those that were opened lately; what is not found is asked for. `asked`:
    the artist wants to know, also where nothing is missing."""
    path = editor.document.path
    gone = places.missing(editor.document.whole, editor.registry, path.parent) if path is not None else []
    if path is None or not gone:
        if asked:
            editor.say("no file is missing")
        return
    near = [path.parent, path.parent.parent, *(one.parent for one in editor.files.recent())]
    _search(editor, gone, [place for place in near if place != Path(place.anchor)])  # not the whole machine


def _search(editor: Editor, gone: Gone, near: list[Path]) -> None:
    """Searches on a thread; then brings in what was found, and asks for the rest."""
    path = editor.document.path
    if path is None:
        return
    known = known_files.known(path)
    wanted = {one: known[one] for _, _, one in gone if one in known}
    answer = editor.client.aside(lambda: known_files.search(wanted, near))

    def wait() -> bool:
        if not answer.done():
            return True
        if editor.document.path == path:
            found = answer.result() if answer.exception() is None else {}
            _bring(editor, path, found)
            _ask(editor, places.missing(editor.document.whole, editor.registry, path.parent))
        return False

    editor.each_frame(wait)


def _bring(editor: Editor, path: Path, found: dict[str, Path]) -> None:
    """Links what was found beside the patch and lets the params name it: one step."""
    new: dict[str, str] = {}
    for old, source in found.items():
        editor.files.attempt(lambda old=old, source=source: new.update({old: places.bring_in(path, source)}))
    if new:
        patch = places.with_paths(editor.document.whole, editor.registry, lambda one: new.get(one, one))
        editor.edit_whole("find missing files", patch)
        editor.say("\n".join(f"{old} was found: {found[old]}" for old in new))


def _ask(editor: Editor, gone: Gone) -> None:
    if not gone:
        return
    words = "\n".join(f"{node}: {path}" for node, _, path in gone[:8]) + ("\n..." if len(gone) > 8 else "")

    def elsewhere() -> None:
        file_dialog.ask(
            editor,
            "Look for them in a folder",
            file_dialog.FOLDER,
            Path.home(),
            (),
            lambda folder: _search(editor, gone, [folder]),
        )

    editor.dialogs.ask(
        "Files are missing",
        f"{words}\n\nPut them beside the patch, choose others at their nodes, or let a folder be searched for them.",
        [
            ("Show me", "primary", lambda: editor.go_to(gone[0][0])),
            ("Search a folder...", "plain", elsewhere),
            ("Later", "plain", lambda: None),
        ],
    )
