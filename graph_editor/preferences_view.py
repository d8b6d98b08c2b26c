"""The window of preferences: theme, scale, devices, remote control, shortcuts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor.prefs import save

if TYPE_CHECKING:
    from graph_editor.editor import Editor

SCALES = (0.8, 1.0, 1.25, 1.5, 2.0)


def show(editor: Editor) -> None:
    """Opens it; what is chosen holds at once and is kept."""
    shown = editor.dialogs.window("Preferences", 460)

    def change(**values: Any) -> None:
        editor.preferences = replace(editor.preferences, **values)
        save(editor.preferences)

    def rebuild(**values: Any) -> None:
        change(**values)
        editor.dialogs.close(shown)
        editor.later(editor.rebuild)

    def row(words: str, make: Any) -> None:
        with dpg.group(parent=shown, horizontal=True):
            label = dpg.add_text(words)
            dpg.bind_item_theme(label, editor.look.words("muted"))
            dpg.add_spacer(width=max(1, editor.look.px(130) - editor.look.width(words)))
            make()

    now = editor.preferences
    wide = editor.look.px(240)
    row(
        "theme",
        lambda: dpg.add_combo(
            ["dark", "light", "contrast"], default_value=now.theme, width=wide, callback=lambda _, new: rebuild(theme=new)
        ),
    )
    row(
        "scale",
        lambda: dpg.add_combo(
            [f"{scale:g}" for scale in SCALES],
            default_value=f"{now.scale:g}",
            width=wide,
            callback=lambda _, new: rebuild(scale=float(new)),
        ),
    )

    def text(name: str, hint: str) -> Any:
        return dpg.add_input_text(
            default_value=str(getattr(now, name) or ""),
            hint=hint,
            width=wide,
            callback=lambda _, new: change(**{name: new.strip() or None}),
        )

    row("sound device", lambda: text("device", "a name or a part of it; none: its clock only"))
    row("input", lambda: text("input", "a name or a part of it"))
    row("MIDI port", lambda: text("midi", "a name or a part of it"))
    row(
        "latency",
        lambda: dpg.add_input_float(
            default_value=now.latency or 0.0,
            step=0,
            format="%.3f s",
            width=wide,
            callback=lambda _, new: change(latency=float(new) or None),
        ),
    )
    row(
        "OSC port",
        lambda: dpg.add_input_int(default_value=now.osc, step=0, width=wide, callback=lambda _, new: change(osc=int(new))),
    )
    editor.dialogs.text(
        shown, "Devices and ports are used from the next Live on. Latency 0: as the device likes.", "faint", "small"
    )
    editor.dialogs.buttons(shown, [("Close", "plain", lambda: editor.dialogs.close(shown))])
