"""The bar above, with what starts and stops, and the line below, with what is going on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor import lists, perform, playing, preferences_view, theme
from graph_editor.commands import by_name

if TYPE_CHECKING:
    from graph_editor.editor import Editor


class Toolbar:
    """Name of the patch, files, undo; run, live, stop, take, panic; problems, perform view, preferences."""

    def __init__(self, editor: Editor, parent: Any) -> None:
        self._editor, look = editor, editor.look
        self._shown: Any = None
        px = look.px
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=px(8)):
            mark = dpg.add_text(theme.icon("audio-lines"))
            dpg.bind_item_theme(mark, look.words("accent"))
            dpg.bind_item_font(mark, look.font("title"))
            name = dpg.add_text("Glasspatch")
            dpg.bind_item_font(name, look.font("title", "semibold"))
            dpg.add_spacer(width=px(4))
            self._menu = self._button(
                "menu", "", "ghost", lambda: lists.menu(editor), "Files, examples, the library, preferences"
            )
            self._title = dpg.add_text("")
            dpg.bind_item_theme(self._title, look.words("muted"))
            self._dot = dpg.add_text("\u25cf")
            dpg.bind_item_theme(self._dot, look.words("warn"))
            editor.explain(self._dot, "There are changes that are not saved")
            for command, icon in (("save", "save"), ("undo", "undo-2"), ("redo", "redo-2")):
                self._command(icon, command)
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=px(8)) as self._middle:
            self._run = self._button(
                "zap", "Run", "primary", lambda: playing.run(editor), "Make everything offline: slices, models (Ctrl+R)"
            )
            self._live = self._button("radio", "Live", "live", lambda: playing.live(editor), "Play (Ctrl+L)")
            self._stop = self._button(
                "square", "Stop", "plain", lambda: playing.stop(editor), "Stop what plays and what runs (Ctrl+.)"
            )
            self._take = self._button("circle-dot", "Take", "plain", lambda: playing.take(editor), "Record a take (Ctrl+T)")
            self._panic = self._button(
                "volume-x",
                "Panic",
                "plain",
                lambda: playing.panic(editor),
                "Fade to silence at once; again: let the sound in (F12)",
            )
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=px(6)) as self._right:
            self._problems = self._button("triangle-alert", "", "ghost", lambda: lists.problems(editor), "All problems (F8)")
            self._button(
                "maximize", "Perform", "ghost", lambda: perform.toggle(editor), "Only the controls that you pinned (F11)"
            )
            self._button("circle-help", "", "ghost", lambda: lists.help_overlay(editor), "Help and shortcuts (F1)")
            self._button("settings", "", "ghost", lambda: preferences_view.show(editor), "Preferences")
        self._parent = parent

    def place(self, width: int) -> None:
        """Centres what starts and stops, and moves the rest to the right."""
        px = self._editor.look.px
        middle, right = (dpg.get_item_rect_size(group)[0] for group in (self._middle, self._right))
        left = max((width - middle) // 2, px(430))
        dpg.set_item_pos(self._middle, [left, px(10)])
        dpg.set_item_pos(self._right, [max(width - right - px(12), left + middle + px(8)), px(10)])

    def show(self) -> None:
        """Brings words and lights to the state of things."""
        editor, look = self._editor, self._editor.look
        client = editor.client
        taking = client.snapshot.take if client.snapshot and client.state == "playing" else None
        number = len(editor.all_problems())
        now = (
            editor.title(),
            editor.document.is_changed,
            client.state,
            bool(taking),
            editor.is_silent,
            number,
            editor.is_running(),
        )
        if now == self._shown:
            return
        self._shown = now
        title = editor.title()
        dpg.set_value(self._title, title if len(title) <= 28 else title[:25] + "...")
        dpg.configure_item(self._dot, show=editor.document.is_changed)
        words = {"off": "Live", "starting": "Starting", "playing": "Live", "stopping": "Stopping", "dead": "Restart"}[
            client.state
        ]
        dpg.configure_item(self._live, label=f"{theme.icon('radio')}  {words}")
        dpg.bind_item_theme(
            self._live,
            look.button("danger" if client.state == "dead" else "live" if client.state in ("off", "playing") else "plain"),
        )
        dpg.bind_item_theme(self._take, look.button("danger" if taking else "plain"))
        dpg.configure_item(self._take, label=f"{theme.icon('circle-dot')}  {'End take' if taking else 'Take'}")
        dpg.bind_item_theme(self._panic, look.button("danger" if editor.is_silent else "plain"))
        dpg.configure_item(self._problems, label=f"{theme.icon('triangle-alert')}  {number}" if number else theme.icon("check"))

    def _button(self, icon: str, words: str, kind: str, run: Any, help_text: str) -> Any:
        look = self._editor.look
        label = f"{theme.icon(icon)}  {words}" if words else theme.icon(icon)
        item = dpg.add_button(label=label, callback=lambda *_: run())
        dpg.bind_item_theme(item, look.button(kind))
        dpg.bind_item_font(item, look.font("text", "medium"))
        self._editor.explain(item, help_text)
        return item

    def _command(self, icon: str, name: str) -> None:
        command = by_name(name)
        self._button(icon, "", "ghost", lambda: command.run(self._editor), f"{command.words} ({command.keys[0]})")


class Statusbar:
    """Load, gaps, latency, device, autosave, jobs, and how the window itself is doing."""

    CELLS = ("state", "load", "gaps", "latency", "device", "jobs", "saved", "size", "fps")

    def __init__(self, editor: Editor, parent: Any) -> None:
        self._editor, look = editor, editor.look
        self._cells: dict[str, tuple[Any, Any]] = {}
        self._next = 0.0
        with dpg.group(parent=parent, horizontal=True, horizontal_spacing=look.px(7)):
            for name, icon, words in (
                ("state", "circle-dot", ""),
                ("load", "cpu", "Load"),
                ("gaps", "triangle-alert", "Gaps"),
                ("latency", "timer", "Latency"),
                ("device", "volume-2", ""),
                ("jobs", "layers", "Jobs"),
                ("saved", "hard-drive", "Autosaved"),
                ("size", "workflow", ""),
                ("fps", "gauge", ""),
            ):
                mark = dpg.add_text(theme.icon(icon))
                dpg.bind_item_theme(mark, look.words("faint"))
                if words:
                    dpg.bind_item_theme(dpg.add_text(words), look.words("faint"))
                self._cells[name] = mark, dpg.add_text("-")
                dpg.add_spacer(width=look.px(8))
            more = dpg.add_button(label="Jobs...", show=False, callback=lambda *_: lists.jobs(editor))
            dpg.bind_item_theme(more, look.button("small"))
            self._more = more
        for item in (parent,):
            dpg.bind_item_font(item, look.font("small"))

    def show(self) -> None:
        """Brings the cells to what is known, four times a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.25
        editor = self._editor
        snapshot, playing = editor.client.snapshot, editor.client.state == "playing"
        state = {
            "off": "not playing",
            "starting": "starting",
            "playing": "LIVE",
            "stopping": "stopping",
            "dead": "the engine died",
        }
        self._cell("state", state[editor.client.state], {"playing": "good", "dead": "bad"}.get(editor.client.state, "muted"))
        if snapshot is not None and playing:
            gaps = sum(snapshot.counters.get(key, 0) for key in ("underflows", "starved"))
            self._cell(
                "load",
                f"{100 * snapshot.load:.0f} %",
                "bad" if snapshot.load > 0.9 else "warn" if snapshot.load > 0.7 else "text",
            )
            self._cell("gaps", str(gaps), "warn" if gaps else "good")
            slowest = max(snapshot.latencies.values(), default=None)
            self._cell("latency", f"{1000 * slowest:.0f} ms" if slowest is not None else "-")
            self._cell("device", snapshot.device)
        else:
            for name in ("load", "gaps", "latency"):
                self._cell(name, "-", "faint")
            self._cell("device", editor.preferences.device or "the system's own", "faint")
        self._cell("jobs", jobs_in_words(editor), "text" if editor.is_running() else "faint")
        self._cell("saved", editor.files.autosaved_in_words(), "muted")
        patch = editor.document.patch
        self._cell("size", f"{len(patch.nodes)} nodes, {len(patch.links)} wires", "faint")
        self._cell("fps", f"{editor.frames_per_second:.0f} fps", "faint")
        dpg.configure_item(self._more, show=editor.is_running())

    def _cell(self, name: str, words: str, colour: str = "text") -> None:
        item = self._cells[name][1]
        if dpg.get_value(item) != words:
            dpg.set_value(item, words)
        dpg.bind_item_theme(item, self._editor.look.words(colour))


def jobs_in_words(editor: Editor) -> str:
    """What the jobs are at, in a few words."""
    jobs = editor.client.jobs.values()
    running = next((job for job in jobs if job.phase == "running"), None)
    if running is None:
        failed = sum(job.phase == "failed" for job in jobs)
        return f"{failed} failed" if failed else "none"
    percent = f" {100 * running.fraction:.0f} %" if running.fraction is not None else ""
    return f"{running.node}{percent}"
