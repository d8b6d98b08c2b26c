"""What the keyboard reaches without a key of its own: any command by its words, wires, params, steps, the next node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from graph_editor import edits, marks, param_files, playing, wires
from graph_editor.chooser import Choice
from graph_editor.geometry import Point, towards
from graph_editor.lists import shortcut
from graph_editor.look import pins_of
from graph_editor.node_view import legal
from graph_editor.typed import value_of
from graph_editor.verbs import chosen, these
from graph_editor.widgets import in_words
from runtime.errors import ParamError
from runtime.patch import SETTINGS
from runtime.spec import PathParam

if TYPE_CHECKING:
    from graph_editor.editor import Editor

NUDGE = 20.0
"""How far an arrow key moves what is chosen, in the patch's units."""
Choices = Sequence[tuple[Choice, Callable[[], object]]]
OF_NODES = ("cut", "copy", "duplicate", "delete", "run_selected", "fit_selection", "anchor", "hands_free")
NOT_OF_NODES = ("palette", "library", "comment", "write", "discard_from_library", "expose")
"""Commands of other groups that have to do with what is chosen, and those of the nodes' that have not."""


def ask(editor: Editor, title: str, choices: Choices, none: str, width: int = 440) -> None:
    """Asks for one of some things to do; `none` is said where there are none."""
    if not choices:
        editor.say(none, wrong=True)
        return
    found = {one.words: run for one, run in choices}
    editor.dialogs.ask_choice(title, [one for one, _ in choices], lambda words: found[words](), width)


def anything(editor: Editor) -> None:
    """All commands by their words."""
    _commands(editor, "What to do", [one for one in editor.commands if one.name != "anything"])


def for_node(editor: Editor) -> None:
    """What can be done with what is chosen."""
    names = chosen(editor)
    if names:
        found = [one for one in editor.commands if one.group == "Nodes" and one.name not in NOT_OF_NODES]
        found += [one for one in editor.commands if one.name in OF_NODES]
        _commands(editor, these(names), found)


def _commands(editor: Editor, title: str, commands: list[Any]) -> None:
    choices = [(Choice(one.words, shortcut(editor, one)), partial(one.run, editor)) for one in commands]
    ask(editor, title, choices, "there is nothing to do")


def steps(editor: Editor) -> None:
    """All steps by name: goes back or forth to how it was after one."""
    document = editor.document
    names = ["as it was opened", *reversed(document.undo_names()), *document.redo_names()]
    here = len(document.undo_names())

    def go(place: int) -> None:
        for _ in range(abs(place - here)):
            document.redo() if place > here else document.undo()
        editor.restore_taught()
        editor.say(f"the patch is now: {names[place]}")

    choices: Choices = [
        (
            Choice(f"{place}  {names[place]}", "now" if place == here else "to be done again" if place > here else ""),
            partial(go, place),
        )
        for place in reversed(range(len(names)))
    ]
    ask(editor, "Steps, the newest first", choices, "there are no steps yet")


# Wires


def wire(editor: Editor) -> None:
    """Leads a wire from or to the chosen node."""
    names = chosen(editor)
    if len(names) != 1:
        return
    patch, name, spec = editor.document.patch, names[0], editor.spec(names[0])
    found = []
    for port in spec.outputs if spec else ():
        here = f"{name}.{port.name}"
        found += [(here, there, port.type) for there in sorted(wires.fitting(patch, editor.registry, here, True))]
    for port in spec.inputs if spec else ():
        here = f"{name}.{port.name}"
        found += [(there, here, port.type) for there in sorted(wires.fitting(patch, editor.registry, here, False))]
    choices = [
        (Choice(f"{source}  \u2192  {target}", kind.value), partial(editor.connect, source, target))
        for source, target, kind in found
    ]
    ask(editor, f"Lead a wire from or to {name}", choices, f"no port of this patch fits one of {name}", 520)


def unwire(editor: Editor) -> None:
    """Takes off a wire of the chosen nodes; of any node, where none is chosen."""
    patch, names = editor.document.patch, editor.canvas.selection
    links = [link for link in patch.links if not names or link.ends()[0] in names or link.ends()[2] in names]

    def off(source: str, target: str) -> None:
        editor.edit("pull off a wire", wires.disconnect(editor.document.patch, source, target))

    choices = [(Choice(f"{one.source}  \u2192  {one.target}"), partial(off, one.source, one.target)) for one in links]
    ask(editor, "Take off a wire", choices, "there is no wire", 520)


# Params


def param(editor: Editor) -> None:
    """One of the chosen node's params, to be typed."""
    names = chosen(editor)
    if len(names) != 1:
        return
    name, spec = names[0], editor.spec(names[0])
    node = editor.document.patch.nodes[name]
    choices = [
        (
            Choice(one.name.replace("_", " "), in_words(one, legal(one, node.params.get(one.name)))),
            partial(write, editor, name, one),
        )
        for one in (spec.params if spec else ())
    ]
    ask(editor, f"A param of {name}", choices, f"{name} has no params", 400)


def setting(editor: Editor) -> None:
    """One of the patch's own settings, to be typed."""
    now = editor.document.whole.settings
    choices = [
        (Choice(one.name.replace("_", " "), in_words(one, legal(one, now.get(one.name)))), partial(write, editor, "", one))
        for one in SETTINGS
    ]
    ask(editor, "A setting of the patch", choices, "", 400)


def write(editor: Editor, name: str, param: Any) -> None:
    """Asks for a param's value, or that of a setting of the patch (no name): typed, with its unit, or chosen where there are a
    few."""
    given = editor.document.patch.nodes[name].params if name else editor.document.whole.settings
    title = f"{name}.{param.name}" if name else param.name

    def done(words: str) -> None:
        try:
            new = value_of(param, words)
        except ParamError as error:
            editor.say(str(error), wrong=True)
            return
        if name:
            editor.set_param(name, param.name, new)
        else:
            editor.set_setting(param.name, new)
        editor.document.settle()

    if isinstance(param, PathParam):
        param_files.choose(editor, name, param)
    elif choices := getattr(param, "choices", ()):
        editor.dialogs.ask_choice(title, [str(one) for one in choices], done)
    else:
        editor.dialogs.ask_text(title, param.doc, in_words(param, legal(param, given.get(param.name))), done)


def pointed_at(editor: Editor) -> tuple[str, Any] | None:
    """(node, param) of the field under the mouse, on the canvas or in the inspector; no name for the patch's own settings."""
    fields = [(name, key, field) for name, view in editor.canvas.views.items() for key, field in view.fields.items()]
    for name, key, field in (*fields, *editor.inspector.fields()):
        if field.is_hovered():
            spec = editor.spec(name)
            found = spec.param(key) if spec else next((one for one in SETTINGS if one.name == key), None)
            return (name, found) if found is not None else None
    return None


def for_param(editor: Editor, name: str, param: Any) -> None:
    """What can be done with one param of a node; a setting of the patch (no name) can be typed only."""
    if not name:
        write(editor, name, param)
        return
    knob = editor.learned(name).get(param.name)
    choices: list[tuple[Choice, Callable[[], object]]] = [
        (Choice("Type its value", "or a double click on it"), lambda: write(editor, name, param)),
        (
            Choice("Back to its default", in_words(param, param.default)),
            lambda: editor.reset_param(name, param.name),
        ),
    ]
    if param.live:
        choices.append((Choice("Learn a MIDI or OSC knob", knob or ""), lambda: playing.learn(editor, name, param.name)))
    if knob:
        choices.append((Choice("Forget its knob", knob), lambda: playing.forget_knob(editor, name, param.name)))
    pin = f"{name}.{param.name}"
    choices.append(
        (
            Choice("Pin to the perform view", "pinned" if pin in pins_of(editor.document.patch) else ""),
            lambda: editor.edit(f"pin {pin}", marks.toggle_pins(editor.document.patch, [pin])),
        )
    )
    ask(editor, f"{name}.{param.name}", choices, "")


# Going from node to node


def walk(editor: Editor, way: Point) -> None:
    """Chooses the nearest node in a direction from the chosen one, or the one in the middle of the view."""
    canvas = editor.canvas
    boxes = {name: box for name in canvas.views if (box := canvas.box(name)) is not None}
    here = next((name for name in sorted(canvas.selection) if name in boxes), None)
    found = towards(boxes, here, way) if here else towards(boxes, None, way, canvas.center())
    if found is None:
        return
    canvas.select({found})
    if not canvas.can_be_seen(found) or not canvas.is_whole(found):
        x0, y0, x1, y1 = boxes[found]
        canvas.look_at(canvas.to_patch(((x0 + x1) / 2, (y0 + y1) / 2)))


def nudge(editor: Editor, way: Point) -> None:
    """Moves the chosen nodes a little."""
    if names := chosen(editor):
        nodes = editor.document.patch.nodes
        places = {name: (nodes[name].position[0] + NUDGE * way[0], nodes[name].position[1] + NUDGE * way[1]) for name in names}
        what = f"move {these(names)}"
        editor.edit(what, edits.move(editor.document.patch, places), what)
