"""The lists that lie over the window: all problems, the jobs, the menu, help with all shortcuts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import theme
from graph_editor.chooser import Choice, Keys
from runtime.plan import WAITS

if TYPE_CHECKING:
    from graph_editor.commands import Command
    from graph_editor.editor import Editor

PROBLEM = 61
"""About the height of a problem in the list in pixels at scale 1."""
HELP = 1320
"""Width of the help in pixels at scale 1."""


def problems(editor: Editor) -> None:
    """Everything that is wrong, in words, each with "show me"."""
    every = sorted(editor.all_problems(), key=lambda one: one[1].startswith(WAITS))
    waiting = sum(words.startswith(WAITS) for _, words in every)
    title = f"{_count(len(every) - waiting, 'problem')}" + (f", and {_count(waiting, 'node')} waiting" if waiting else "")
    room = dpg.get_viewport_client_height() / editor.look.scale - 160
    tall = min(66 + PROBLEM * len(every), room)
    shown = editor.dialogs.window(title if every else "No problems", 640, height=round(tall) if len(every) > 3 else None)
    if not every:
        editor.dialogs.text(shown, "Everything can run.", "good")
    buttons = []
    for node, words in every:
        with dpg.group(parent=shown, horizontal=True):
            if node:
                show = partial(_show_me, editor, shown, node)
                item = dpg.add_button(label="Show me", callback=lambda *_, show=show: show())
                dpg.bind_item_font(item, editor.look.font("small"))
                buttons.append((item, "plain", show))
            with dpg.group():
                title = dpg.add_text(node.replace("__", " \u203a ") or "the patch")
                dpg.bind_item_font(title, editor.look.font("small", "medium"))
                text = dpg.add_text(words, wrap=editor.look.px(520))
                dpg.bind_item_theme(text, editor.look.words("muted" if words.startswith(WAITS) else "warn"))
                dpg.bind_item_font(text, editor.look.font("small"))
    if buttons:
        editor.dialogs.take_keys(shown, Keys(editor.look, buttons))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _show_me(editor: Editor, shown: Any, flat: str) -> None:
    editor.dialogs.close(shown)
    editor.go_to(flat)


def jobs(editor: Editor) -> None:
    """The jobs with their progress, each with cancel."""
    shown = editor.dialogs.window("Jobs", 560, height=320)
    rows: dict[str, tuple[Any, Any, Any]] = {}

    def update() -> bool:
        if not dpg.does_item_exist(shown):
            return False
        for node, job in editor.client.jobs.items():
            if node not in rows:
                with dpg.group(parent=shown):
                    with dpg.group(horizontal=True):
                        name = dpg.add_text(node)
                        stop = dpg.add_button(label="Stop", callback=lambda *_, node=node: editor.client.stop_job(node))
                        dpg.bind_item_theme(stop, editor.look.button("small"))
                        dpg.bind_item_font(name, editor.look.font("text", "medium"))
                    bar = dpg.add_progress_bar(width=-1, height=editor.look.px(10))
                    dpg.bind_item_theme(bar, editor.look.bar(editor.look.colour("accent")))
                    words = dpg.add_text("", wrap=editor.look.px(520))
                    dpg.bind_item_theme(words, editor.look.words("muted"))
                rows[node] = bar, words, stop
            bar, words, stop = rows[node]
            dpg.set_value(bar, job.fraction or (1.0 if job.phase == "done" else 0.0))
            left = f", {job.left:.0f} s left" if job.left is not None and job.phase == "running" else ""
            dpg.set_value(words, f"{job.phase}{left}  {job.text}")
            dpg.configure_item(stop, show=job.phase in ("running", "waiting"))
        return True

    editor.each_frame(update)


def stop_one(editor: Editor) -> None:
    """Asks which job to stop at its next checkpoint."""
    busy = [node for node, job in editor.client.jobs.items() if job.is_busy]
    if busy:
        editor.dialogs.ask_choice("Stop a job", busy, editor.client.stop_job)
    else:
        editor.say("no job is at work")


MENU: tuple[str, ...] = ("new", "open", "recent", "examples", "save", "save_as", "backups", "missing", "library")
MENU += ("keep_in_library", "discard_from_library", "arrange", "steps", "anything", "preferences", "help", "quit")
"""Commands in the menu."""


def menu(editor: Editor) -> None:
    """Files, the library, and what has no button of its own."""
    named = {command.name: command for command in editor.commands}
    found = {named[name].words: named[name] for name in MENU}
    editor.dialogs.ask_choice(
        "Glasspatch",
        [Choice(words, shortcut(editor, one)) for words, one in found.items()],
        lambda words: found[words].run(editor),
        width=340,
        at=(theme.LEFT / 2, theme.TOP),
    )


def shortcut(editor: Editor, command: Command) -> str:
    """The keys that a command has for this user, the first of several of its own; empty where it has none."""
    return editor.preferences.shortcuts.get(command.name, " ".join(command.keys[:1])).replace(" ", ", ")


def help_overlay(editor: Editor) -> None:
    """What can be done, and by which keys."""
    shown = editor.dialogs.window("Help", HELP, height=830)
    text = editor.dialogs.text
    text(
        shown,
        "Tab: a node. Pull a wire from port to port; colours fit colours. Drop a wire on the empty canvas to see what fits. "
        "Ctrl and drag on a wire takes it off. Drop a node on a wire to put it in, in a frame to take it in. The wheel zooms, "
        "the middle button pans, drag on the empty canvas selects. The right button on a node or a number tells what can be "
        "done with it. Alt makes a drag fine, a double click on a number lets you type it (1.5 kHz, 250 ms). "
        "Ctrl+K: anything by its name.",
        "muted",
        "small",
        wrap=min(HELP, round(dpg.get_viewport_client_width() / editor.look.scale) - 20) - 40,
    )
    groups: dict[str, list[tuple[str, str]]] = {}
    for command in editor.commands:
        if keys := shortcut(editor, command):
            groups.setdefault(command.group, []).append((keys, command.words))
    room = (dpg.get_item_width(shown) or 0) // len(COLUMNS)
    with dpg.table(parent=shown, header_row=False, policy=dpg.mvTable_SizingStretchSame):
        for _ in COLUMNS:
            dpg.add_table_column()
        with dpg.table_row():
            for column in COLUMNS:
                with dpg.group():
                    for group in column:
                        head = dpg.add_text(group.upper())
                        dpg.bind_item_theme(head, editor.look.words("faint"))
                        dpg.bind_item_font(head, editor.look.font("tiny"))
                        for keys, words in groups[group]:
                            _help_row(editor, keys, words, room)


COLUMNS = (("Patch", "Edit"), ("Nodes",), ("View",), ("Play",))
"""Groups of commands in the help, column by column."""


def _help_row(editor: Editor, keys: str, words: str, room: int) -> None:
    """A line of the help: the keys, and what they do, in a column of `room` pixels."""
    look = editor.look
    with dpg.group(horizontal=True, horizontal_spacing=0):
        key = dpg.add_text(keys)
        dpg.bind_item_font(key, look.font("small", "medium"))
        dpg.bind_item_theme(key, look.words("accent"))
        dpg.add_spacer(width=max(look.px(96) - look.width(keys, "small", "medium"), look.px(6)))
        text = dpg.add_text(words, wrap=room - look.px(116))
        dpg.bind_item_font(text, look.font("small"))
