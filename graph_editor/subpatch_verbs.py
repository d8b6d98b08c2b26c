"""What an artist does with subpatches: make, enter, dissolve, keep in the library and take out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph_editor import library, subpatches
from graph_editor.verbs import chosen, these, try_edit
from runtime.errors import GlasspatchError, in_words
from runtime.patch import Node

if TYPE_CHECKING:
    from graph_editor.editor import Editor


def ask_library(editor: Editor) -> None:
    """Puts a subpatch of the library into the patch."""
    found = {entry.title: entry for entry in library.entries()}
    if not found:
        editor.say("the library is empty: choose a subpatch, then Keep subpatch in the library")
        return

    def chosen(title: str) -> None:
        try_edit(editor, f"add {title}", lambda patch: library.add(patch, found[title], editor.canvas.middle())[0])

    editor.dialogs.ask_choice("Library", list(found), chosen)


def keep_in_library(editor: Editor) -> None:
    """Keeps the chosen subpatch for other patches."""
    names = sorted(editor.canvas.selection)
    node = editor.document.patch.nodes.get(names[0]) if len(names) == 1 else None
    if node is None or node.inside is None:
        editor.say("choose one subpatch first", wrong=True)
        return
    editor.dialogs.ask_text(
        "Library",
        "Its name",
        str(node.view.get("title", names[0])),
        lambda name: _keep(editor, name, node),
    )


def _keep(editor: Editor, title: str, node: Node) -> None:
    try:
        library.save(title.strip(), node)
    except (GlasspatchError, OSError) as error:
        editor.say(in_words(error), wrong=True)


def group(editor: Editor) -> None:
    if names := chosen(editor):
        try:
            patch, name = subpatches.group(editor.document.patch, editor.registry, names, "Subpatch")
        except GlasspatchError as error:
            editor.say(str(error), wrong=True)
            return
        editor.edit(f"make a subpatch of {these(names)}", patch)
        editor.canvas.show()
        editor.canvas.select({name})


def dissolve(editor: Editor) -> None:
    names = chosen(editor)
    if len(names) == 1:
        try_edit(editor, f"dissolve {names[0]}", lambda patch: subpatches.dissolve(patch, names[0], editor.registry))


def enter(editor: Editor) -> None:
    """Looks into the chosen subpatch."""
    names = sorted(editor.canvas.selection)
    if len(names) == 1 and editor.document.patch.nodes[names[0]].inside is not None:
        editor.document.enter(names[0])
        editor.looked_elsewhere()
