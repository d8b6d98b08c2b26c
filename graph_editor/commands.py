"""Everything that a key, a button or a menu may ask for, in one list: its name, its words, its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from graph_editor import anything, lists, note_verbs, perform, playing, preferences_view, subpatch_verbs, teaching, verbs

if TYPE_CHECKING:
    from graph_editor.editor import Editor


@dataclass(frozen=True)
class Command:
    """`keys` as shown: "Ctrl+Shift+Z". `writing`: also while a text is being typed."""

    name: str
    words: str
    keys: tuple[str, ...]
    run: Callable[[Editor], object]
    group: str
    writing: bool = False


def _c(group: str, name: str, words: str, keys: str, run: Callable[[Editor], object], *, writing: bool = False) -> Command:
    return Command(name, words, tuple(keys.split()), run, group, writing)


ARROWS = (
    ("Left", "to the left", (-1.0, 0.0)),
    ("Right", "to the right", (1.0, 0.0)),
    ("Up", "up", (0.0, -1.0)),
    ("Down", "down", (0.0, 1.0)),
)

COMMANDS: tuple[Command, ...] = (
    _c("Patch", "new", "New patch", "Ctrl+N", lambda e: e.files.new(), writing=True),
    _c("Patch", "open", "Open a patch", "Ctrl+O", lambda e: e.files.open_asked(), writing=True),
    _c("Patch", "save", "Save", "Ctrl+S", lambda e: e.files.save(), writing=True),
    _c("Patch", "save_as", "Save as", "Ctrl+Shift+S", lambda e: e.files.save_as(), writing=True),
    _c("Patch", "recent", "Recent patches", "Ctrl+Shift+O", lambda e: e.files.recent_asked(), writing=True),
    _c("Patch", "examples", "Examples", "", lambda e: e.files.examples_asked()),
    _c("Patch", "backups", "Older versions", "", lambda e: e.files.backups_asked()),
    _c("Patch", "missing", "Look for missing files", "", lambda e: e.files.look_for_missing()),
    _c("Patch", "setting", "Sample rate, block, seed", "", anything.setting),
    _c("Patch", "menu", "Menu", "F10", lists.menu, writing=True),
    _c("Patch", "preferences", "Preferences", "Ctrl+,", preferences_view.show, writing=True),
    _c("Patch", "quit", "Quit", "Ctrl+Q", lambda e: e.files.quit(), writing=True),
    _c("Edit", "undo", "Undo", "Ctrl+Z", verbs.undo),
    _c("Edit", "redo", "Redo", "Ctrl+Shift+Z Ctrl+Y", verbs.redo),
    _c("Edit", "steps", "All steps", "Ctrl+H", anything.steps),
    _c("Edit", "cut", "Cut", "Ctrl+X", verbs.cut),
    _c("Edit", "copy", "Copy", "Ctrl+C", verbs.copy),
    _c("Edit", "paste", "Paste", "Ctrl+V", verbs.paste),
    _c("Edit", "duplicate", "Duplicate", "Ctrl+D", verbs.duplicate),
    _c("Edit", "delete", "Delete", "Delete Backspace", verbs.delete),
    _c("Edit", "select_all", "Select all", "Ctrl+A", verbs.select_all),
    _c("Nodes", "palette", "Find and add a node", "Tab", lambda e: e.open_palette(None)),
    _c("Nodes", "param", "Type a param", "E", anything.param),
    _c("Nodes", "wire", "Lead a wire", "W", anything.wire),
    _c("Nodes", "unwire", "Take off a wire", "Shift+W", anything.unwire),
    _c("Nodes", "rename", "Rename", "F2", verbs.rename),
    _c("Nodes", "title", "Write a title", "Shift+F2", verbs.title),
    _c("Nodes", "colour", "Colour", "K", verbs.colour),
    _c("Nodes", "bypass", "Bypass", "B", verbs.bypass),
    _c("Nodes", "mute", "Mute", "M", verbs.mute),
    _c("Nodes", "fold", "Fold", "H", verbs.fold),
    _c("Nodes", "frame", "Frame around the selection", "Ctrl+G", note_verbs.frame),
    _c("Nodes", "join_frame", "Take into a frame", "", note_verbs.join),
    _c("Nodes", "leave_frame", "Take out of the frame", "", note_verbs.leave),
    _c("Nodes", "comment", "Write a comment", "C", note_verbs.comment),
    _c("Nodes", "write", "Write in a frame or comment", "", note_verbs.write),
    _c("Nodes", "subpatch", "Make a subpatch of the selection", "Ctrl+Shift+G", subpatch_verbs.group),
    _c("Nodes", "dissolve", "Dissolve a subpatch", "Ctrl+Shift+U", subpatch_verbs.dissolve),
    _c("Nodes", "enter", "Enter a subpatch", "Return", subpatch_verbs.enter),
    _c("Nodes", "ports", "Ports of a subpatch", "", subpatch_verbs.ask_ports),
    _c("Nodes", "expose", "Give the subpatch around a port", "", subpatch_verbs.ask_expose),
    _c("Nodes", "library", "Take a subpatch from the library", "Shift+Tab", subpatch_verbs.ask_library),
    _c("Nodes", "keep_in_library", "Keep a subpatch in the library", "", subpatch_verbs.keep_in_library),
    _c("Nodes", "discard_from_library", "Forget a subpatch of the library", "", subpatch_verbs.ask_discard),
    _c("Nodes", "align_left", "Align to the left", "Shift+L", lambda e: verbs.align(e, "left")),
    _c("Nodes", "align_top", "Align to the top", "Shift+T", lambda e: verbs.align(e, "top")),
    _c("Nodes", "align_right", "Align to the right", "", lambda e: verbs.align(e, "right")),
    _c("Nodes", "align_bottom", "Align to the bottom", "", lambda e: verbs.align(e, "bottom")),
    _c("Nodes", "row", "Put in a row", "", lambda e: verbs.align(e, "row")),
    _c("Nodes", "column", "Put in a column", "", lambda e: verbs.align(e, "column")),
    _c("Nodes", "arrange", "Arrange", "Shift+A", verbs.arrange),
    _c("Nodes", "pin", "Pin to the perform view", "P", verbs.pin),
    *(
        _c("Nodes", f"move_{key.lower()}", f"Move {words}", f"Ctrl+{key}", partial(anything.nudge, way=way))
        for key, words, way in ARROWS
    ),
    *(
        _c("View", f"go_{key.lower()}", f"Choose the next node {words}", key, partial(anything.walk, way=way))
        for key, words, way in ARROWS
    ),
    _c("View", "anything", "Anything, by its name", "Ctrl+K", anything.anything),
    _c("View", "leave", "Leave a subpatch, close what lies on top", "Escape", verbs.escape, writing=True),
    _c("View", "zoom_in", "Zoom in", "Ctrl++ + Shift++ Ctrl+Shift++", lambda e: e.canvas.zoom_by(1)),
    _c("View", "zoom_out", "Zoom out", "Ctrl+- -", lambda e: e.canvas.zoom_by(-1)),
    _c("View", "fit", "Show all", "F Home", verbs.fit),
    _c("View", "fit_selection", "Show the selection", "Shift+F", verbs.fit_selection),
    _c("View", "find", "Find a node of this patch", "Ctrl+F", verbs.find),
    _c("View", "bookmark", "Bookmark this view", "Ctrl+B", verbs.bookmark),
    _c("View", "next_bookmark", "Next bookmark", "Shift+B", verbs.next_bookmark),
    _c("View", "to_bookmark", "Go to a bookmark", "Ctrl+Shift+B", verbs.ask_bookmark),
    _c("View", "forget_bookmark", "Forget a bookmark", "", verbs.forget_bookmark),
    _c("View", "problems", "All problems", "F8", lists.problems),
    _c("View", "jobs", "Jobs", "F9", lists.jobs),
    _c("View", "help", "This help", "F1", lists.help_overlay, writing=True),
    _c("View", "perform", "Perform view", "F11", perform.toggle, writing=True),
    _c("Play", "run", "Run offline: make everything", "Ctrl+R", playing.run, writing=True),
    _c("Play", "run_selected", "Run up to the selected node", "Ctrl+Shift+R", playing.run_selected, writing=True),
    _c("Play", "live", "Live", "Ctrl+L", playing.live, writing=True),
    _c("Play", "stop", "Stop", "Ctrl+.", playing.stop, writing=True),
    _c("Play", "stop_job", "Stop one job", "", lists.stop_one),
    _c("Play", "revive", "Let a failed node try again", "", playing.revive_chosen),
    _c("Play", "trust", "Trust the model of the chosen node", "", playing.trust_chosen),
    _c("Play", "panic", "Panic: fade to silence, again: let the sound in", "F12", playing.panic, writing=True),
    _c("Play", "take", "Record a take, again: end it", "Ctrl+T", playing.take, writing=True),
    _c("Play", "scene", "Go to a scene", "S", playing.ask_recall),
    _c("Play", "keep_scene", "Keep as a scene", "Shift+S", playing.ask_scene),
    _c("Play", "forget_scene", "Forget a scene", "", playing.ask_forget_scene),
    _c("Play", "anchor", "Record an anchor of the selected regressor, again: keep it", "R", teaching.key),
    _c("Play", "hands_free", "Record an anchor without hands, after a countdown", "Shift+R", teaching.hands_free_key),
)

NAMED = {
    "Return": "Return",
    "Escape": "Escape",
    "Delete": "Delete",
    "Backspace": "Back",
    "Tab": "Tab",
    "Home": "Home",
    "+": "Plus",
    "-": "Minus",
    ".": "Period",
    ",": "Comma",
}
"""How the library calls keys that are no letter."""


def bindings(overrides: dict[str, str] | None = None) -> dict[str, Command]:
    """The command of each key combination; `overrides` gives commands other keys, by name ("save": "Ctrl+W")."""
    found = {}
    for command in COMMANDS:
        keys = tuple((overrides or {})[command.name].split()) if command.name in (overrides or {}) else command.keys
        found.update(dict.fromkeys(keys, command))
    return found


def by_name(name: str) -> Command:
    """The command of that name. Raises KeyError."""
    return {command.name: command for command in COMMANDS}[name]
