"""What an artist does with frames and comments: puts them there, writes in them, takes nodes in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph_editor import marks
from graph_editor.chooser import Choice
from graph_editor.look import comments_of, frames_of
from graph_editor.verbs import chosen, these, try_edit

if TYPE_CHECKING:
    from graph_editor.editor import Editor
    from graph_editor.notes_view import Key


def frame(editor: Editor) -> None:
    if names := chosen(editor):
        editor.dialogs.ask_text(
            "Frame", "Its title", "", lambda words: editor.edit("frame", marks.add_frame(editor.document.patch, names, words))
        )


def comment(editor: Editor) -> None:
    at = editor.canvas.to_patch(editor.mouse) if editor.canvas.is_over(editor.mouse) else editor.canvas.middle()
    editor.dialogs.ask_text(
        "Comment",
        "What you want to remember here",
        "",
        lambda words: editor.edit("comment", marks.add_comment(editor.document.patch, words, at)) if words.strip() else None,
        lines=4,
    )


def write(editor: Editor) -> None:
    """Asks which frame or comment to write in."""
    found = _notes(editor)
    if found:
        editor.dialogs.ask_choice(
            "Write in a frame or comment", list(_choices(found)), lambda words: editor.canvas.notes.write(found[words]), 420
        )
    else:
        editor.say("there is no frame and no comment yet", wrong=True)


def _choices(found: dict[str, Key]) -> list[Choice]:
    return [Choice(words, kind) for words, (kind, _) in found.items()]


def _notes(editor: Editor) -> dict[str, Key]:
    patch = editor.document.patch
    found: dict[str, Key] = {}
    for number, frame in enumerate(frames_of(patch)):
        found[f"{number + 1}  {frame.title or 'a frame'}"] = "frame", number
    for number, comment in enumerate(comments_of(patch)):
        found[f"{len(frames_of(patch)) + number + 1}  {' '.join(comment.text.split())[:40]}"] = "comment", number
    return found


def join(editor: Editor) -> None:
    """Takes the chosen nodes into a frame."""
    names = chosen(editor)
    frames = {words: key[1] for words, key in _notes(editor).items() if key[0] == "frame"}
    if not names:
        return
    if not frames:
        editor.say("there is no frame yet: Ctrl+G puts one around the chosen nodes", wrong=True)
        return

    def done(words: str) -> None:
        try_edit(editor, f"take {these(names)} into a frame", lambda patch: marks.join_frame(patch, frames[words], names))

    editor.dialogs.ask_choice("Take into a frame", list(frames), done)


def leave(editor: Editor) -> None:
    """Takes the chosen nodes out of their frames."""
    if names := chosen(editor):
        patch = marks.leave_frames(editor.document.patch, names)
        if patch == editor.document.patch:
            editor.say("none of them is in a frame", wrong=True)
        else:
            editor.edit(f"take {these(names)} out of the frame", patch)
