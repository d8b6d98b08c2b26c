"""What nodes have written beside a corpus, in the inspector: a Clean's audit, a Report's words and picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import made, theme
from graph_editor.made import MadeCorpus
from graph_editor.previews import Seat
from graph_editor.views.plate import still
from runtime.errors import ArtifactError

PICTURE = "report.png"
KINDS = {"good": ("check", "good"), "note": ("align-left", "muted"), "warn": ("triangle-alert", "warn")}
"""The icon and the colour of each kind of finding."""


def audit_in_short(audit: Any) -> list[tuple[str, str]]:
    """(words, colour) of what was taken out in all, the largest first."""
    total = audit.get("total", {}) if isinstance(audit, dict) else {}
    removed = total.get("removed", {})
    if not removed:
        return [("nothing had to be taken out", "muted")]
    told = [(f"{made.length(total['seconds'] - total['kept'])} of {made.length(total['seconds'])}", "text")]
    return told + [
        (f"{made.length(seconds)}  {reason}", "muted") for reason, seconds in sorted(removed.items(), key=lambda one: -one[1])
    ]


def files_of(audit: Any) -> list[dict[str, Any]]:
    """The recordings of an audit from which something was taken, the most first."""
    files = audit.get("files", []) if isinstance(audit, dict) else []
    return sorted((one for one in files if one["removed"]), key=lambda one: one["kept"] - one["seconds"])


def levels(file: dict[str, Any]) -> str:
    """What was taken out of a recording and why, and its levels before and after, in words."""
    taken = ", ".join(f"{made.length(seconds)} {reason}" for reason, seconds in file["removed"].items())
    before, after = file["before"], file["after"]
    if not after:
        return f"{taken}; nothing is left"
    spoken = ", ".join(f"{name} {before[name]:.0f} \u2192 {after[name]:.0f}" for name in ("floor", "middle", "loud", "peak"))
    return f"{taken}; {spoken} dBFS"


def report(seat: Seat, found: MadeCorpus) -> Picture:
    """The findings in words and the picture, where the pane is being built; what must be closed with it."""
    look = seat.editor.look
    told = found.notes["report"]
    for one in told.get("findings", []) if isinstance(told, dict) else []:
        icon, colour = KINDS.get(one["kind"], KINDS["note"])
        title = dpg.add_text(f"{theme.icon(icon)}  {one['title']}", wrap=seat.width)
        dpg.bind_item_theme(title, look.words(colour))
        dpg.bind_item_font(title, look.font("small", "semibold"))
        words = dpg.add_text(one["words"], wrap=seat.width)
        dpg.bind_item_theme(words, look.words("text"))
        dpg.bind_item_font(words, look.font("small"))
        dpg.add_spacer(height=look.px(3))
    return Picture(seat, found.folder / PICTURE, found.fingerprint)


class Picture:
    """The report's picture, as wide as the pane; it comes when it is read."""

    def __init__(self, seat: Seat, file: Path, fingerprint: str) -> None:
        self._seat, self._file, self._key = seat, file, ("report", fingerprint, seat.width)
        self._texture: Any = None
        self._is_closed = False
        self._place = dpg.add_group()
        seat.editor.each_frame(self._frame)

    def close(self) -> None:
        """Gives the picture back."""
        self._is_closed = True
        for item in (self._place, self._texture):
            if item is not None and dpg.does_item_exist(item):
                dpg.delete_item(item)
        self._texture = None

    def _frame(self) -> bool:
        if self._is_closed or not dpg.does_item_exist(self._place):
            return False
        answers = self._seat.editor.client.answers
        pixels = answers.ask(self._key, partial(_read, self._file, self._seat.width))
        if pixels is None:
            return not answers.fault(self._key)
        height, width = pixels.shape[:2]
        self._texture = still(pixels)
        with dpg.drawlist(width, height, parent=self._place, label="report"):
            dpg.draw_image(self._texture, (0, 0), (width, height))
        return False


def _read(file: Path, width: int, _: Any) -> np.ndarray:
    """A picture as wide as so many pixels, float32 [height, width, 4] with 0 to 1."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            height = max(round(image.height * width / image.width), 1)
            small = image.convert("RGBA").resize((width, height), Image.Resampling.LANCZOS)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"the picture of the report cannot be read ({error}); run the patch again") from error
    return np.asarray(small, np.float32) / 255.0
