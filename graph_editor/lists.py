"""The lists that lie over the window: all problems, the jobs, the menu, help with all shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import preferences_view, subpatch_verbs, theme, verbs
from runtime.plan import WAITS

if TYPE_CHECKING:
    from graph_editor.editor import Editor

PROBLEM = 61
"""About the height of a problem in the list in pixels at scale 1."""


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
    for node, words in every:
        with dpg.group(parent=shown, horizontal=True):
            if node:
                item = dpg.add_button(label="Show me", callback=lambda *_, node=node: _show_me(editor, shown, node))
                dpg.bind_item_theme(item, editor.look.button("small"))
                dpg.bind_item_font(item, editor.look.font("small"))
            with dpg.group():
                title = dpg.add_text(node.replace("__", " \u203a ") or "the patch")
                dpg.bind_item_font(title, editor.look.font("small", "medium"))
                text = dpg.add_text(words, wrap=editor.look.px(520))
                dpg.bind_item_theme(text, editor.look.words("muted" if words.startswith(WAITS) else "warn"))
                dpg.bind_item_font(text, editor.look.font("small"))


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


def menu(editor: Editor) -> None:
    """Files, the library, and what has no button of its own."""
    shown = editor.dialogs.window("Glasspatch", 340, at=(theme.LEFT / 2, theme.TOP))

    def chosen(run: Any) -> None:
        editor.dialogs.close(shown)
        run()

    def row(words: str, run: Any, keys: str = "") -> None:
        with dpg.group(parent=shown, horizontal=True):
            item = dpg.add_button(label=words, width=editor.look.px(220), callback=lambda *_: chosen(run))
            dpg.bind_item_theme(item, editor.look.button("row"))
            hint = dpg.add_text(keys)
            dpg.bind_item_theme(hint, editor.look.words("faint"))

    for command in editor.commands:
        if command.name in ("new", "open", "save", "save_as"):
            row(command.words, lambda command=command: command.run(editor), command.keys[0])
    row("Recent patches", lambda: editor.files.recent_asked())
    row("Examples", lambda: editor.files.examples_asked())
    row("Older versions", lambda: editor.files.backups_asked())
    row("Library of subpatches", lambda: subpatch_verbs.ask_library(editor))
    row("Keep subpatch in the library", lambda: subpatch_verbs.keep_in_library(editor))
    row("Arrange", lambda: verbs.arrange(editor), "Shift+A")
    row("Preferences", lambda: preferences_view.show(editor))
    row("Quit", lambda: editor.files.quit(), "Ctrl+Q")


def help_overlay(editor: Editor) -> None:
    """What can be done, and by which keys."""
    shown = editor.dialogs.window("Help", 1000, height=730)
    text = editor.dialogs.text
    text(
        shown,
        "Tab: a node. Pull a wire from port to port; colours fit colours. Drop a wire on the empty canvas to see what fits. "
        "Ctrl and drag takes a wire off. Drop a node on a wire to put it in. The wheel zooms, the middle button pans, drag on "
        "the empty canvas selects. "
        "Alt makes a drag fine, a double click on a number lets you type it. What goes wrong stands on the node, in words.",
        "muted",
        "small",
        wrap=960,
    )
    groups: dict[str, list[Any]] = {}
    for command in editor.commands:
        groups.setdefault(command.group, []).append(command)
    changed = editor.preferences.shortcuts
    with dpg.table(parent=shown, header_row=False, policy=dpg.mvTable_SizingStretchSame):
        for _ in range(3):
            dpg.add_table_column()
        with dpg.table_row():
            for column in (("Patch", "Edit"), ("Nodes",), ("View", "Play")):
                with dpg.group():
                    for group in column:
                        head = dpg.add_text(group.upper())
                        dpg.bind_item_theme(head, editor.look.words("faint"))
                        dpg.bind_item_font(head, editor.look.font("tiny"))
                        for command in groups[group]:
                            keys = changed.get(command.name, " ".join(command.keys[:1]))
                            with dpg.group(horizontal=True, horizontal_spacing=0):
                                shown_keys = keys.replace(" ", ", ")
                                key = dpg.add_text(shown_keys)
                                dpg.bind_item_font(key, editor.look.font("small", "medium"))
                                dpg.bind_item_theme(key, editor.look.words("accent"))
                                gap = editor.look.px(92) - editor.look.width(shown_keys, "small", "medium")
                                dpg.add_spacer(width=max(gap, editor.look.px(6)))
                                words = dpg.add_text(command.words, wrap=editor.look.px(214))
                                dpg.bind_item_font(words, editor.look.font("small"))
