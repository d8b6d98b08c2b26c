"""What an artist does to the patch: each verb is a function of the editor that makes one named, undoable step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import dearpygui.dearpygui as dpg

from graph_editor import edits, layout, look, marks, perform, wires
from graph_editor.chooser import Choice
from graph_editor.theme import FRAME_COLOURS
from runtime.errors import GlasspatchError
from runtime.patch import Patch
from runtime.subpatch import names_in, spec_of

if TYPE_CHECKING:
    from graph_editor.editor import Editor

APART = 28.0
"""How far a duplicate stands from its original, in the patch's units."""


def undo(editor: Editor) -> None:
    _stepped(editor, editor.document.undo(), "undone", "there is nothing to undo")


def redo(editor: Editor) -> None:
    _stepped(editor, editor.document.redo(), "done again", "there is nothing to do again")


def _stepped(editor: Editor, what: str | None, words: str, none: str) -> None:
    if what:
        editor.restore_taught()
    editor.say(f"{words}: {what}" if what else none, wrong=not what)


def try_edit(editor: Editor, what: str, change: Callable[[Patch], Patch]) -> bool:
    """Makes a change a step, or says why it cannot be made."""
    try:
        patch = change(editor.document.patch)
    except GlasspatchError as error:
        editor.say(str(error), wrong=True)
        return False
    editor.edit(what, patch)
    return True


def chosen(editor: Editor) -> list[str]:
    """The chosen nodes, or none, which is said."""
    if not editor.canvas.selection:
        editor.say("choose a node first", wrong=True)
    return sorted(editor.canvas.selection)


# Clipboard


def copy(editor: Editor) -> None:
    if names := chosen(editor):
        dpg.set_clipboard_text(edits.copy(editor.document.patch, names))
        editor.say(f"copied: {', '.join(names)}")


def cut(editor: Editor) -> None:
    if names := chosen(editor):
        dpg.set_clipboard_text(edits.copy(editor.document.patch, names))
        editor.edit(f"cut {these(names)}", edits.remove(editor.document.patch, names))


def paste(editor: Editor) -> None:
    at = editor.canvas.to_patch(editor.mouse) if editor.canvas.is_over(editor.mouse) else editor.canvas.middle()
    try:
        patch, names = edits.paste(editor.document.patch, dpg.get_clipboard_text() or "", at, editor.registry)
    except GlasspatchError as error:
        editor.say(f"this cannot be pasted: {error}", wrong=True)
        return
    editor.edit(f"paste {these(names)}", patch)
    editor.canvas.show()
    editor.canvas.select(set(names))


def duplicate(editor: Editor) -> None:
    if names := chosen(editor):
        sizes = layout.sizes_of(editor.document.patch, editor.registry, editor.canvas.sizes())
        patch, made = edits.duplicate(editor.document.patch, names, (APART, APART), sizes)
        editor.edit(f"duplicate {these(names)}", patch)
        editor.canvas.show()
        editor.canvas.select(set(made))


def delete(editor: Editor) -> None:
    """Deletes the chosen wires and nodes."""
    patch, links, names = editor.document.patch, editor.canvas.selected_links(), sorted(editor.canvas.selection)
    for link in links:
        patch = wires.disconnect(patch, link.source, link.target)
    notes = editor.canvas.notes.chosen()
    for kind, number in sorted(notes, reverse=True):  # from the end: the numbers before it stay
        patch = marks.remove_frame(patch, number) if kind == "frame" else marks.remove_comment(patch, number)
    if names:
        patch = edits.remove(patch, names)
    if names or links or notes:
        editor.edit(f"delete {these(names)}" if names else "delete a wire" if links else f"delete a {notes[0][0]}", patch)
    else:
        editor.say("choose a node or a wire first", wrong=True)


def select_all(editor: Editor) -> None:
    editor.canvas.select(set(editor.document.patch.nodes))


# Nodes


def rename(editor: Editor) -> None:
    """Calls the chosen node otherwise; where a frame or a comment is chosen, writes in that."""
    notes = editor.canvas.notes.chosen()
    if notes and not editor.canvas.selection:
        editor.canvas.notes.write(notes[0])
        return
    names = chosen(editor)
    if len(names) != 1:
        return
    name = names[0]

    def done(new: str) -> None:
        word = "_".join(new.strip().lower().split())
        if (
            word
            and word != name
            and try_edit(editor, f"rename {name} to {word}", lambda patch: edits.rename(patch, name, word, editor.registry))
        ):
            editor.canvas.show()
            editor.canvas.select({word})

    editor.dialogs.ask_text("Rename", "A word of a-z, 0-9 and _; OSC and files call the node so", name, done)


def title(editor: Editor) -> None:
    names = chosen(editor)
    if len(names) == 1:
        now = str(editor.document.patch.nodes[names[0]].view.get("title", ""))
        editor.dialogs.ask_text(
            "Title",
            "What stands above the node; empty: its kind",
            now,
            lambda new: editor.edit(f"title of {names[0]}", edits.set_title(editor.document.patch, names, new.strip())),
        )


def colour(editor: Editor) -> None:
    """Colours what is chosen: nodes, else a frame or comment."""
    notes = editor.canvas.notes.chosen()
    names = sorted(editor.canvas.selection) if notes else chosen(editor)

    def done(new: str) -> None:
        if names:
            editor.edit(
                f"colour {these(names)}", edits.set_colour(editor.document.patch, names, new if new in FRAME_COLOURS else "")
            )
        else:
            editor.canvas.notes.colour(notes[0], new if new in FRAME_COLOURS else "grey")

    if names or notes:
        editor.dialogs.ask_choice("Colour", ["its own", *FRAME_COLOURS], done)


def set_mode(editor: Editor, mode: str) -> None:
    """Bypasses or mutes the chosen nodes; where all are so already, lets them work again."""
    if names := chosen(editor):
        nodes = editor.document.patch.nodes
        wanted = None if all(nodes[name].mode == mode for name in names) else mode
        editor.edit(f"{wanted or 'let work'} {these(names)}", edits.set_mode(editor.document.patch, names, wanted))


def bypass(editor: Editor) -> None:
    set_mode(editor, "bypass")


def mute(editor: Editor) -> None:
    set_mode(editor, "mute")


def fold(editor: Editor) -> None:
    if names := chosen(editor):
        nodes = editor.document.patch.nodes
        wanted = not all(nodes[name].view.get("folded") for name in names)
        editor.edit(f"{'fold' if wanted else 'unfold'} {these(names)}", edits.set_folded(editor.document.patch, names, wanted))


def align(editor: Editor, how: str) -> None:
    if names := chosen(editor):
        editor.edit(f"align {these(names)}", edits.align(editor.document.patch, names, how, editor.canvas.sizes()))


def arrange(editor: Editor) -> None:
    """Lays the patch out anew, from left to right."""
    places = layout.arrange(editor.document.patch, editor.registry, editor.canvas.sizes())
    editor.edit("arrange", edits.move(editor.document.patch, places))
    fit(editor)


def escape(editor: Editor) -> None:
    """Closes what lies on top, else leaves the subpatch."""
    if editor.palette.is_open:
        editor.palette.close()
    elif editor.dialogs.close_top():
        return
    elif editor.performing is not None:
        perform.end(editor)
    elif editor.document.where:
        editor.document.leave()
        editor.looked_elsewhere()


def pin(editor: Editor) -> None:
    """Pins the chosen nodes to the perform view, or takes them off it."""
    if names := chosen(editor):
        editor.edit(f"pin {these(names)}", marks.toggle_pins(editor.document.patch, names))


# Views


def fit(editor: Editor, names: set[str] | None = None) -> None:
    """Shows all nodes, or these, as large as they fit."""
    canvas = editor.canvas
    patch = editor.document.patch
    sizes = layout.sizes_of(patch, editor.registry, canvas.sizes())
    found = layout.bounds(patch, sizes, names) if names else layout.extent(patch, sizes)
    if found is None:
        return
    width, height = canvas.size
    canvas.zoom = layout.fitting_zoom(found, (width / editor.look.scale, height / editor.look.scale))
    canvas.look_at(((found[0] + found[2]) / 2, (found[1] + found[3]) / 2))


def fit_selection(editor: Editor) -> None:
    fit(editor, set(editor.canvas.selection))


def find(editor: Editor) -> None:
    """Goes to a node, wherever in the patch it is."""
    whole, registry = editor.document.whole, editor.registry
    choices, names = [], {}
    for path, flat in names_in(whole).items():
        node = editor.node_at(flat)
        spec = spec_of(node, registry) if node is not None else None
        title = str(node.view.get("title") or (spec.title if spec else node.type)) if node is not None else ""
        words = " \u203a ".join(path)
        names[words] = flat
        choices.append(Choice(words, title))
    if choices:
        editor.dialogs.ask_choice("Find a node", choices, lambda words: editor.go_to(names[words]), 420)
    else:
        editor.say("there is no node yet", wrong=True)


def bookmark(editor: Editor) -> None:
    """Keeps the place that is seen under a name."""
    place, zoom = editor.canvas.middle(), editor.canvas.zoom
    editor.dialogs.ask_text(
        "Bookmark",
        "The name of this view",
        "",
        lambda name: (
            editor.edit("bookmark", marks.add_bookmark(editor.document.patch, name, place, zoom)) if name.strip() else None
        ),
    )


def next_bookmark(editor: Editor) -> None:
    found = look.bookmarks_of(editor.document.patch)
    if not found:
        editor.say("there is no bookmark in this patch; make one with Ctrl+B", wrong=True)
        return
    editor.last_bookmark = (editor.last_bookmark + 1) % len(found)
    _go_to_bookmark(editor, found[editor.last_bookmark])


def ask_bookmark(editor: Editor) -> None:
    """Goes to a bookmark by its name."""
    found = {one.name: one for one in look.bookmarks_of(editor.document.patch)}
    if found:
        editor.dialogs.ask_choice("Go to a bookmark", list(found), lambda name: _go_to_bookmark(editor, found[name]))
    else:
        editor.say("there is no bookmark in this patch; make one with Ctrl+B", wrong=True)


def forget_bookmark(editor: Editor) -> None:
    names = [one.name for one in look.bookmarks_of(editor.document.patch)]
    if names:
        editor.dialogs.ask_choice(
            "Forget a bookmark",
            names,
            lambda name: editor.edit(f"forget the bookmark {name}", marks.remove_bookmark(editor.document.patch, name)),
        )
    else:
        editor.say("there is no bookmark in this patch", wrong=True)


def _go_to_bookmark(editor: Editor, one: look.Bookmark) -> None:
    editor.canvas.zoom = min(max(one.zoom, 0), len(layout.ZOOMS) - 1)
    editor.canvas.look_at(one.position)
    editor.say(one.name)


def these(names: list[str]) -> str:
    """Nodes in the name of a step."""
    return names[0] if len(names) == 1 else f"{len(names)} nodes"
