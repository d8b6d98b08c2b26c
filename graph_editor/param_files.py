"""Files and folders that params name: choosing them, and bringing them beside the patch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_editor import file_dialog, places
from runtime.spec import PathParam

if TYPE_CHECKING:
    from graph_editor.editor import Editor


def choose(editor: Editor, name: str, param: PathParam) -> None:
    """Asks for the file or folder of a param; what lies elsewhere is linked or copied beside the patch."""
    path = editor.place()
    now = str(editor.document.patch.nodes[name].params.get(param.name, ""))
    folder = path.parent
    if param.what == "output":
        editor.dialogs.ask_text(
            param.name, "A file beside the patch", now, lambda words: editor.set_param(name, param.name, words.strip())
        )
        return
    start = (folder / now) if now and (folder / now).exists() else folder if not editor.files.is_untitled(path) else Path.home()
    mode = file_dialog.FOLDER if param.what == "folder" else file_dialog.OPEN

    def bring(source: Path, how: str) -> None:
        found: list[str] = []
        if editor.files.attempt(lambda: found.append(places.bring_in(path, source, how))):
            editor.set_param(name, param.name, found[0])

    def chosen(source: Path) -> None:
        source = source.resolve()
        if source.is_relative_to(folder.resolve()):
            editor.set_param(name, param.name, source.relative_to(folder.resolve()).as_posix())
            return
        editor.dialogs.ask(
            "Beside the patch",
            f"{source.name} does not lie beside the patch. A link needs no room; a copy travels with the patch.",
            [("Link", "primary", lambda: bring(source, "link")), ("Copy", "plain", lambda: bring(source, "copy"))],
        )

    file_dialog.ask(editor, f"Choose a {param.noun}", mode, start, (), chosen)
