"""Asks what plays for what the visible views show, and shows them the answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from graph_editor.previews import Now, View

if TYPE_CHECKING:
    from graph_editor.editor import Editor

RATE = 1.0 / 30.0
"""Seconds between two looks at what plays."""


class Watch:
    """What one window looks at."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._began = time.monotonic()
        self._next = 0.0

    def frame(self) -> None:
        """Called once a frame."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + RATE
            self._look(now - self._began)

    def _views(self) -> list[tuple[str, View]]:
        """(flat name of the node, view) of what can be seen."""
        editor = self._editor
        if editor.performing is not None:
            return editor.performing.views
        seen = [
            (editor.flat(name), view.view)
            for name, view in editor.canvas.views.items()
            if view.view is not None and editor.canvas.can_be_seen(name)
        ]
        return seen + [(editor.flat(name), view) for name, view in editor.inspector.views]

    def _look(self, seconds: float) -> None:
        editor = self._editor
        snapshot = editor.client.snapshot if editor.client.state == "playing" else None
        wanted: set[tuple[str, str]] = set()
        whole: set[tuple[str, str]] = set()
        marked: set[str] = set()
        for flat, view in self._views():
            places = {output: (flat, output) for output in view.wants}
            places |= {port: source for port in view.sources if (source := editor.source_of(flat, port)) is not None}
            wanted |= set(places.values())
            whole |= {places[key] for key in view.whole if key in places}
            values = {key: snapshot.values[place] for key, place in places.items() if snapshot and place in snapshot.values}
            marks = None
            if view.marked:
                marked.add(flat)
                marks = snapshot.marks.get(flat) if snapshot else None
            names = {key: snapshot.names[place] for key, place in places.items() if snapshot and place in snapshot.names}
            view.update(Now(values, marks, seconds, names, snapshot is not None))
        hovered = editor.canvas.hovered_output()
        if hovered is not None:
            wanted.add((editor.flat(hovered[0]), hovered[1]))
        editor.client.poll(tuple(sorted(wanted)), tuple(sorted(marked)), tuple(sorted(whole)))


def travelling(value: np.ndarray) -> str:
    """A value on a wire in words: the loudness of sound, the numbers of a control, the size of a picture."""
    if value.dtype == np.uint8:
        return f"{value.shape[1]} x {value.shape[0]} pixels"
    if value.ndim == 1:
        more = f", and {len(value) - 8} more" if len(value) > 8 else ""
        return "  ".join(f"{number:.2f}" for number in value[:8]) + more
    peak = float(np.abs(value).max()) if value.size else 0.0
    return f"{len(value)} channels, peak {20 * np.log10(peak):.0f} dBFS" if peak > 1e-4 else f"{len(value)} channels, silent"
