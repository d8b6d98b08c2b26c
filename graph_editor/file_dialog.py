"""Asks for a file or folder: with the system's own dialog where there is one, else with the library's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

if TYPE_CHECKING:
    from graph_editor.editor import Editor

OPEN, SAVE, FOLDER = "open", "save", "folder"
NATIVE = "GLASSPATCH_DIALOGS"
"""Set to "own" to have the library's dialogs everywhere."""


def ask(editor: Editor, title: str, mode: str, start: Path, endings: Sequence[str], done: Callable[[Path], object]) -> None:
    """Calls `done` with what was chosen, once it is; never where the artist thinks better of it. `start` is a folder, or the file
    that is proposed; `endings` such as ".json", none for all."""
    command = _native(title, mode, start, endings) if os.environ.get(NATIVE) != "own" else None
    if command is None:
        _own(editor, title, mode, start, endings, done)
        return
    answer = editor.client.aside(lambda: subprocess.run(command, capture_output=True, text=True, check=False))

    def look() -> bool:
        if not answer.done():
            return True
        found = answer.result()
        if found.returncode == 0 and found.stdout.strip():
            done(Path(found.stdout.strip().splitlines()[0]))
        return False

    editor.each_frame(look)


def _native(title: str, mode: str, start: Path, endings: Sequence[str]) -> list[str] | None:
    if sys.platform == "darwin":
        place = f'default location POSIX file "{start if start.is_dir() else start.parent}"'
        kind = {OPEN: "choose file", FOLDER: "choose folder", SAVE: f'choose file name default name "{start.name}"'}[mode]
        return ["osascript", "-e", f'POSIX path of ({kind} with prompt "{title}" {place})']
    if shutil.which("zenity"):
        command = ["zenity", "--file-selection", f"--title={title}", f"--filename={start}{'/' if start.is_dir() else ''}"]
        command += {OPEN: [], SAVE: ["--save"], FOLDER: ["--directory"]}[mode]
        return command + ([f"--file-filter={' '.join('*' + ending for ending in endings)}"] if endings and mode != FOLDER else [])
    if shutil.which("kdialog"):
        kind = {OPEN: "--getopenfilename", SAVE: "--getsavefilename", FOLDER: "--getexistingdirectory"}[mode]
        return [
            "kdialog",
            "--title",
            title,
            kind,
            str(start),
            *([" ".join("*" + e for e in endings)] if endings and mode != FOLDER else []),
        ]
    return None


def _own(editor: Editor, title: str, mode: str, start: Path, endings: Sequence[str], done: Callable[[Path], object]) -> None:
    """A field for the path, and the library's browser beside it."""
    shown = editor.dialogs.window(title, 560)
    field = dpg.add_input_text(parent=shown, default_value=str(start), width=-1)

    def accept() -> None:
        path = Path(dpg.get_value(field)).expanduser()
        wrong = _wrong(path, mode)
        if wrong:
            editor.say(wrong, wrong=True)
            return
        editor.dialogs.close(shown)
        done(path)

    def browse() -> None:
        def chosen(_: Any, found: dict[str, Any]) -> None:
            dpg.set_value(field, found["file_path_name"])

        folder = start if start.is_dir() else start.parent
        with dpg.file_dialog(
            label=title,
            default_path=str(folder),
            default_filename=start.stem if mode == SAVE else "",
            directory_selector=mode == FOLDER,
            callback=chosen,
            width=editor.look.px(760),
            height=editor.look.px(480),
            modal=False,
        ):
            for ending in endings if mode != FOLDER else ():
                dpg.add_file_extension(ending)
            if mode != FOLDER:
                dpg.add_file_extension(".*")

    words = {OPEN: "Open", SAVE: "Save", FOLDER: "Choose"}[mode]
    editor.dialogs.buttons(
        shown,
        [(words, "primary", accept), ("Browse...", "plain", browse), ("Cancel", "plain", lambda: editor.dialogs.close(shown))],
    )
    editor.dialogs.accept_with_enter(shown, accept)
    dpg.focus_item(field)


def _wrong(path: Path, mode: str) -> str:
    if mode == FOLDER and not path.is_dir():
        return f"{path} is no folder"
    if mode == OPEN and not path.is_file():
        return f"{path}: there is no such file"
    if mode == SAVE and not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return ""
