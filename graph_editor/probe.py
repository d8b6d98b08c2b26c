"""Lets a test look at the window from outside: over a socket, between two frames, only where the environment asks for it.

It can look, wait and take pictures; whatever changes something is done by mouse and keyboard, as an artist does it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dearpygui.dearpygui as dpg

from graph_editor.geometry import curve
from runtime.patch import Link, dumps

if TYPE_CHECKING:
    from graph_editor.editor import Editor

VARIABLE = "GLASSPATCH_PROBE"
"""Holds the path of the socket to answer on."""


def serve(editor: Editor) -> Probe | None:
    """A probe where the environment asks for one."""
    path = os.environ.get(VARIABLE)
    return Probe(editor, path) if path else None


class Probe:
    """One line of JSON in, one line out: {"ask": what, ...}. `frame` is called once a frame."""

    def __init__(self, editor: Editor, path: str) -> None:
        self._editor = editor
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(1)
        self._server.setblocking(False)
        self._peer: socket.socket | None = None
        self._heard = b""
        self._waiting = 0
        self._costs: list[float] = []
        self._gaps: list[tuple[float, float]] = []
        self._last: tuple[float, float] | None = None
        self._keys = 0
        with dpg.handler_registry():
            dpg.add_key_press_handler(callback=self._pressed)

    def _pressed(self, *_: Any) -> None:
        self._keys += 1

    def frame(self) -> None:
        """Answers what was asked since the last frame."""
        self._costs = [*self._costs[-599:], self._editor.frame_cost]
        now = time.monotonic(), time.process_time()
        if self._last is not None:
            self._gaps = [*self._gaps[-5999:], (now[0] - self._last[0], now[1] - self._last[1])]
        self._last = now
        if self._waiting:
            self._waiting -= 1
            if not self._waiting:
                self._answer({"ok": True})
            return
        if self._peer is None:
            with suppress(BlockingIOError):
                self._peer = self._server.accept()[0]
                self._peer.setblocking(False)
            return
        try:
            data = self._peer.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._peer.close()
            self._peer, self._heard = None, b""
            return
        self._heard += data
        while b"\n" in self._heard:
            line, self._heard = self._heard.split(b"\n", 1)
            asked = json.loads(line)
            if asked["ask"] == "frames":
                self._waiting = max(int(asked["count"]), 1)
                return
            try:
                self._answer(getattr(self, f"_{asked.pop('ask')}")(**asked))
            except Exception as error:
                self._answer({"error": repr(error)})

    def _answer(self, found: Any) -> None:
        if self._peer is not None:
            with suppress(OSError):
                self._peer.setblocking(True)
                self._peer.sendall(json.dumps(found, default=str).encode() + b"\n")
                self._peer.setblocking(False)

    # What may be asked

    def _input(self) -> Any:
        """What has come of the mouse and the keyboard: how many keys were pressed, where the mouse is, which buttons are down."""
        down = [button for button in range(3) if dpg.is_mouse_button_down(button)]
        return {"keys": self._keys, "mouse": self._editor.mouse, "down": down}

    def _nodes(self) -> Any:
        return {name: self._editor.canvas.box(name) for name in self._editor.canvas.views}

    def _grounds(self) -> Any:
        """The rectangles of the frames under the nodes."""
        return self._editor.canvas.underlay.boxes()

    def _pin(self, node: str, port: str, output: bool) -> Any:
        return self._editor.canvas.pin_place(node, port, output)

    def _along(self, source: str, target: str, share: float) -> Any:
        """The point of a wire at a share of its way."""
        canvas = self._editor.canvas
        link = Link(source, target)
        one, output, two, port = link.ends()
        start, end = canvas.pin_place(one, output, True), canvas.pin_place(two, port, False)
        return curve(start, end, 100)[round(100 * share)] if link in canvas.links and start and end else None

    def _hidden(self) -> Any:
        """The wires that are not seen."""
        return [[link.source, link.target] for link, item in self._editor.canvas.links.items() if not dpg.is_item_shown(item)]

    def _lit(self) -> Any:
        """The ports that are lit: "node.output>" and ">node.input"."""
        canvas, look = self._editor.canvas, self._editor.look
        pins = [(name, *key, pin) for name, view in canvas.views.items() for key, pin in view.pins.items()]
        lit = [one for one in pins if dpg.get_item_theme(one[3]) == look.pin(canvas.port_type(*one[:3]), True)]
        return [f"{name}.{port}>" if out else f">{name}.{port}" for name, port, out, _ in lit]

    def _map(self) -> Any:
        """Whether the small map is there."""
        return dpg.get_item_configuration(self._editor.canvas.tag)["minimap"]

    def _model(self) -> Any:
        return {"text": dumps(self._editor.document.whole)}

    def _shown(self) -> Any:
        """What the node editor shows, to be compared with the model."""
        canvas = self._editor.canvas
        return {
            "nodes": sorted(canvas.views),
            "links": sorted([link.source, link.target] for link in canvas.links),
            "titles": {name: dpg.get_item_label(view.tag) for name, view in canvas.views.items()},
            "states": {name: view.state for name, view in canvas.views.items()},
            "items": len(dpg.get_all_items()),
        }

    def _state(self) -> Any:
        editor = self._editor
        return {
            "title": editor.title(),
            "changed": editor.document.is_changed,
            "undo": editor.document.undo_names(),
            "redo": editor.document.redo_names(),
            "selection": sorted(editor.canvas.selection),
            "said": [words for _, words, _ in editor.told],
            "problems": editor.all_problems(),
            "client": editor.client.state,
            "counters": dict(editor.client.snapshot.counters) if editor.client.snapshot else {},
            "peak": editor.client.snapshot.peak if editor.client.snapshot else 0.0,
            "jobs": {name: [job.phase, job.fraction, job.text] for name, job in editor.client.jobs.items()},
            "taught": {node: [anchor[0] for anchor in one.anchors] for node, one in editor.taught.items()},
            "auditioned": {node: one.auditioned for node, one in editor.taught.items()},
            "heard": editor.client.listening.now[0].path.name if editor.client.listening.now else None,
            "recording": editor.lesson.recording.anchor if editor.lesson.recording and editor.lesson.recording.begun else None,
            "listening": _heard(editor),
            "palette": editor.palette.offered() if editor.palette.is_open else None,
            "dialogs": editor.dialogs.is_open,
            "toasts": editor.dialogs.toasts(),
            "zoom": editor.canvas.zoom,
            "first_frame": editor.first_frame,
            "first_frame_at": editor.first_frame_at,
            "perform": editor.performing is not None,
        }

    def _item(self, label: str) -> Any:
        """Rectangles of what is seen with these words in its label or text."""
        found = []
        for item in dpg.get_all_items():
            words = dpg.get_item_label(item) or ""
            if dpg.get_item_type(item).endswith("mvText"):
                words = str(dpg.get_value(item))
            if label in words and dpg.is_item_shown(item) and _is_seen(item):
                x, y = dpg.get_item_rect_min(item)
                width, height = dpg.get_item_rect_size(item)
                if width:
                    found.append((dpg.get_item_type(item).endswith("Button"), [x, y, x + width, y + height]))
        # What can be pressed comes last: words that speak of a button are not the button.
        return [box for _, box in sorted(found, key=lambda one: one[0])]

    def _window(self, label: str) -> Any:
        """How many buttons a window of that title has; None where there is none."""
        shown = next((one for one in dpg.get_windows() if dpg.get_item_label(one) == label), None)
        if shown is None:
            return None
        found, waiting = 0, [shown]
        while waiting:
            item = waiting.pop()
            waiting += dpg.get_item_children(item, 1)
            found += dpg.get_item_type(item).endswith("mvButton")
        return {"buttons": found}

    def _texts(self, label: str) -> Any:
        """All texts that are seen with these words in them."""
        texts = [item for item in dpg.get_all_items() if dpg.get_item_type(item).endswith("mvText") and dpg.is_item_visible(item)]
        return [words for item in texts if label in (words := str(dpg.get_value(item)))]

    def _item_node(self, label: str) -> Any:
        """The rectangle of a frame's title or a comment."""
        for item in dpg.get_all_items():
            if dpg.get_item_type(item).endswith("mvNode") and label in (dpg.get_item_label(item) or ""):
                x, y = dpg.get_item_rect_min(item)
                width, height = dpg.get_item_rect_size(item)
                return [x - 8, y - 6, x - 8 + width, y - 6 + height]
        return None

    def _parts(self, node: str) -> Any:
        """All that a node is made of: kind, words and rectangle of each item, and how wide its words are."""
        view, look = self._editor.canvas.views[node], self._editor.look
        found, waiting = [], [view.tag]
        while waiting:
            item = waiting.pop()
            if not dpg.is_item_shown(item):
                continue
            waiting += dpg.get_item_children(item, 1)
            kind = dpg.get_item_type(item).rpartition("::")[2]
            if item == view.tag or "rect_min" not in dpg.get_item_state(item):
                continue
            (x, y), (width, height) = dpg.get_item_rect_min(item), dpg.get_item_rect_size(item)
            words = str(dpg.get_value(item)) if kind == "mvText" else str(dpg.get_item_label(item) or "")
            lines, font = words.split("\n"), dpg.get_item_font(item)
            wide = max(look.width_in(line, font) or look.width(line, "small", zoom=view.face.zoom) for line in lines)
            found.append([kind, words, [x, y, x + width, y + height], wide])
        return found

    def _bars(self) -> Any:
        """The rectangles of the toolbar's groups, and of the cells of the line below."""
        panes = self._editor.panes
        return [
            {name: _rectangle(item) for name, item in bar.items()} for bar in (panes.toolbar.parts(), panes.statusbar.parts())
        ]

    def _combos(self) -> Any:
        """The rectangles of the boxes to choose from that are seen outside the canvas, from above."""
        found = [
            item for item in dpg.get_all_items() if dpg.get_item_type(item).endswith("mvCombo") and dpg.is_item_visible(item)
        ]
        top = dpg.get_active_window()
        return sorted((_rectangle(item) for item in found if _window_of(item) == top), key=lambda box: box[1])

    def _kill_engine(self) -> Any:
        """As if the engine had died of a fault."""
        pid = self._editor.client.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return {"pid": pid}

    def _field(self, node: str, param: str) -> Any:
        """The rectangle of a param's widget in its node."""
        return _rectangle(self._editor.canvas.views[node].fields[param].item)

    def _pinned(self, node: str, param: str) -> Any:
        """The rectangle of a param's widget in the perform view."""
        performing = self._editor.performing
        return _rectangle(performing.field(node, param).item) if performing is not None else None

    def _canvas(self) -> Any:
        x, y = self._editor.canvas.corner
        width, height = self._editor.canvas.size
        return [x, y, x + width, y + height]

    def _slow(self) -> Any:
        """The longest times from frame to frame, in seconds, the longest first: by the clock, and what all threads of this
        process have worked meanwhile, which is the same on a busy machine."""
        return [sorted((gap[which] for gap in self._gaps), reverse=True)[:20] for which in (0, 1)]

    def _cost(self) -> Any:
        """Main-thread CPU seconds of the last frames, without the wait between them."""
        return list(self._costs)

    def _built(self) -> Any:
        """Makes all nodes and wires anew, as where another patch is opened: CPU seconds of the main thread."""
        self._editor.canvas.clear()
        began = time.thread_time()
        self._editor.canvas.show()
        return time.thread_time() - began

    def _picture(self, path: str) -> Any:
        dpg.output_frame_buffer(path)
        return {"ok": True}


def _heard(editor: Editor) -> Any:
    """What the window itself plays at this moment: [path, first frame, the one behind the last]."""
    now = editor.client.listening.now
    return [str(now[0].path), now[0].start, now[0].end] if now is not None else None


def _rectangle(item: Any) -> list[float]:
    (x, y), (width, height) = dpg.get_item_rect_min(item), dpg.get_item_rect_size(item)
    return [x, y, x + width, y + height]


def _window_of(item: Any) -> Any:
    while item and not dpg.get_item_type(item).endswith("mvWindowAppItem"):
        item = dpg.get_item_parent(item)
    return item


def _is_seen(item: Any) -> bool:
    state = dpg.get_item_state(item)
    return bool(state.get("visible")) and "rect_min" in state
