"""What an artist does with subpatches: make, enter, dissolve, keep in the library and take out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graph_editor import anything, library, nesting, subpatches
from graph_editor.chooser import Choice
from graph_editor.verbs import chosen, these, try_edit
from runtime.errors import GlasspatchError, in_words
from runtime.patch import Node

if TYPE_CHECKING:
    from graph_editor.editor import Editor


def ask_library(editor: Editor) -> None:
    """Puts a subpatch of the library into the patch."""

    def take(entry: library.Entry) -> None:
        at = editor.canvas.to_patch(editor.mouse) if editor.canvas.is_over(editor.mouse) else editor.canvas.middle()
        try:
            patch, name = library.add(editor.document.patch, entry, at, editor.registry, editor.canvas.sizes())
        except GlasspatchError as error:
            editor.say(in_words(error), wrong=True)
            return
        editor.edit(f"add {name}", patch)
        editor.canvas.show()
        editor.canvas.select({name})

    _one_of_library(editor, "Library", take)


def ask_discard(editor: Editor) -> None:
    """Takes a subpatch out of the library."""

    def discard(entry: library.Entry) -> None:
        try:
            library.discard(entry)
        except GlasspatchError as error:
            editor.say(in_words(error), wrong=True)

    _one_of_library(editor, "Forget a subpatch of the library", discard)


def _one_of_library(editor: Editor, title: str, done: Callable[[library.Entry], None]) -> None:
    found = {entry.title: entry for entry in library.entries()}
    if found:
        editor.dialogs.ask_choice(title, list(found), lambda one: done(found[one]))
    else:
        editor.say("the library is empty: choose a subpatch, then Keep subpatch in the library")


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
        editor.say(f"kept in the library: {title.strip()}")
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
    """Looks into the chosen subpatch; of any other node, a param is typed."""
    names = sorted(editor.canvas.selection)
    if len(names) == 1 and editor.document.patch.nodes[names[0]].inside is not None:
        editor.document.enter(names[0])
        editor.looked_elsewhere()
    elif len(names) == 1:
        anything.param(editor)


# Ports


def ask_expose(editor: Editor) -> None:
    """Gives the subpatch that we look into a port for one of the ports in it."""
    where = editor.document.where
    if not where:
        editor.say("look into a subpatch first: there its ports are chosen", wrong=True)
        return
    patch, chosen = editor.document.patch, editor.canvas.selection
    found = {}
    for name in sorted(chosen or patch.nodes):
        spec = editor.spec(name)
        for side, ports in (("input", spec.inputs), ("output", spec.outputs)) if spec else ():
            found.update({f"{name}.{port.name}": (side, port.type.value) for port in ports})
    choices = [Choice(end, f"{kind} {side}") for end, (side, kind) in found.items()]
    if not choices:
        editor.say("there is no node in it", wrong=True)
        return
    editor.dialogs.ask_choice("Give the subpatch a port for", choices, lambda end: expose(editor, end, found[end][0]), 420)


def expose(editor: Editor, end: str, side: str) -> None:
    """Gives the subpatch that we look into a port for an inner "node.port"."""
    *around, name = editor.document.where
    outside = nesting.part(editor.document.whole, tuple(around))
    try:
        patch = subpatches.add_port(outside, name, end, side)
    except GlasspatchError as error:
        editor.say(str(error), wrong=True)
        return
    if patch == outside:
        editor.say(f"{name} has a port for {end} already")
    else:
        editor.edit_whole(f"a port for {end}", nesting.put_back(editor.document.whole, tuple(around), patch))


def ask_port(editor: Editor, name: str, port: str, side: str) -> None:
    """Calls a port of a subpatch otherwise, or takes it away."""

    def done(words: str) -> None:
        new = "_".join(words.strip().lower().split())
        if not new:
            try_edit(editor, f"take {name}.{port} away", lambda patch: subpatches.remove_port(patch, name, port, side))
        elif new != port:
            try_edit(editor, f"call {name}.{port} {new}", lambda patch: subpatches.rename_port(patch, name, port, new, side))

    editor.dialogs.ask_text("Port", "Its name, a word of a-z, 0-9 and _; empty: it goes", port, done)


def ask_ports(editor: Editor) -> None:
    """The ports of the chosen subpatch, to be called otherwise or taken away."""
    names = sorted(editor.canvas.selection)
    node = editor.document.patch.nodes.get(names[0]) if len(names) == 1 else None
    if node is None or node.inside is None:
        editor.say("choose one subpatch first", wrong=True)
        return
    ports = [(port, "input", end) for port, end in node.inside.inputs.items()]
    ports += [(port, "output", end) for port, end in node.inside.outputs.items()]
    found = {f"{side} {port}": (port, side) for port, side, _ in ports}
    if not found:
        editor.say(f"{names[0]} has no ports: look into it and give it some", wrong=True)
        return
    choices = [Choice(f"{side} {port}", end) for port, side, end in ports]
    editor.dialogs.ask_choice(f"Ports of {names[0]}", choices, lambda one: ask_port(editor, names[0], *found[one]), 420)
