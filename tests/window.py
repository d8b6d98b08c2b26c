"""Opens the real window on a screen that nobody sees, and uses its mouse and keyboard: `with window(path) as w: w.click(...)`.

Everything is done by xdotool, as an artist's hand would; the probe of the window only tells what is where, and waits for frames.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = (1600, 900)
BUTTONS = {1: 0, 2: 2, 3: 1}
"""xdotool's number of a mouse button -> the library's."""
_displays = itertools.count(90 + os.getpid() % 500)


class Window:
    """A running editor, its screen and its probe."""

    def __init__(self, display, process, sock, folder, size=SIZE):
        self.display, self.process, self.folder, self.size = display, process, folder, size
        self._socket, self._heard = sock, b""

    # Asking

    def ask(self, what, **details):
        self._socket.sendall(json.dumps({"ask": what, **details}).encode() + b"\n")
        while b"\n" not in self._heard:
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the window is gone")
            self._heard += data
        line, self._heard = self._heard.split(b"\n", 1)
        found = json.loads(line)
        if isinstance(found, dict) and "error" in found:
            raise AssertionError(f"{what} {details}: {found['error']}")
        return found

    def frames(self, count=3):
        self.ask("frames", count=count)

    def state(self):
        return self.ask("state")

    def model(self):
        return self.ask("model")["text"]

    def until(self, condition, seconds=20.0, what=""):
        """Waits until the condition of the state holds, and gives the state."""
        end = time.monotonic() + seconds
        while True:
            state = self.state()
            if condition(state):
                return state
            assert time.monotonic() < end, f"{what or condition} never came: {state}"
            self.frames(3)

    def picture(self, path):
        """A picture of the whole window."""
        path = Path(path)
        path.unlink(missing_ok=True)
        self.frames(2)
        self.ask("picture", path=str(path))
        for _ in range(100):
            self.frames(1)
            if path.exists() and path.stat().st_size:
                return path
        raise AssertionError("the window gave no picture")

    # Mouse and keyboard

    def x(self, *words):
        subprocess.run(
            ["xdotool", *map(str, words)], env={**os.environ, "DISPLAY": self.display}, check=True, capture_output=True
        )

    # What was sent has come when the window says so: a busy machine only makes it slower.

    def came(self, what):
        """Waits until the window has got what was sent to it."""
        end = time.monotonic() + 20.0
        while not what(self.ask("input")):
            assert time.monotonic() < end, f"it never came: {self.ask('input')}"
            self.frames(1)

    def move(self, x, y):
        wanted = [round(x), round(y)]
        at_the_edge = [min(max(place, 0), room - 1) for place, room in zip(wanted, self.size, strict=True)]
        self.x("mousemove", *wanted)
        self.came(lambda now: now["mouse"] in (wanted, at_the_edge))
        self.frames(1)

    def down(self, button=1):
        self.x("mousedown", button)
        self.came(lambda now: BUTTONS[button] in now["down"])
        self.frames(1)

    def up(self, button=1):
        self.x("mouseup", button)
        self.came(lambda now: BUTTONS[button] not in now["down"])
        self.frames(2)

    def click(self, x, y, button=1):
        self.move(x, y)
        self.down(button)
        self.up(button)

    def double_click(self, x, y):
        self.move(x, y)
        self.x("click", "--repeat", "2", "--delay", "60", "1")
        self.frames(4)

    def drag(self, start, end, steps=4):
        self.move(*start)
        self.down()
        for number in range(1, steps + 1):
            self.move(*(one + (two - one) * number / steps for one, two in zip(start, end, strict=True)))
        self.up()

    def press_keys(self, *command, count=1):
        """Lets xdotool press keys, and waits until so many have come."""
        before = self.ask("input")["keys"]
        self.x(*command)
        self.came(lambda now: now["keys"] >= before + count)

    def key(self, keys):
        """A combination as xdotool spells it: ctrl+z, Tab, F8."""
        *modifiers, last = keys.split("+") if keys != "+" else [keys]
        for modifier in modifiers:
            self.press_keys("keydown", modifier)
            self.frames(1)
        self.press_keys("key", last)
        for modifier in reversed(modifiers):
            self.x("keyup", modifier)
        self.frames(2)

    def type(self, words):
        self.press_keys("type", "--delay", "10", "--", words, count=len(words))
        self.frames(3)

    # Parts of the window

    def node(self, name):
        return self.ask("nodes")[name]

    def title_of(self, name):
        """Where a node can be grabbed."""
        box = self.node(name)
        return box[0] + 60, box[1] + 12

    def pin(self, place, output):
        node, port = place.split(".")
        return self.ask("pin", node=node, port=port, output=output)

    def wire(self, source, target):
        self.drag(self.pin(source, True), self.pin(target, False))

    def press(self, label):
        """Clicks what shows these words; there must be such a thing."""
        for _ in range(10):  # what has just opened has no size in its first frames
            found = self.ask("item", label=label)
            if found:
                break
            self.frames(1)
        assert found, f"nothing shows {label!r}"
        box = found[-1]
        self.click((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def add(self, words, at):
        """Puts a node at a point of the screen, by the palette."""
        self.click(*at, button=3)
        self.type(words)
        self.key("Return")
        self.frames(4)

    def find(self, name):
        """Chooses a node by its name."""
        self.key("ctrl+f")
        self.type(name)
        self.key("Return")
        self.frames(4)

    def do(self, words):
        """Does anything by its words."""
        self.key("ctrl+k")
        self.type(words)
        self.key("Return")
        self.frames(4)

    def fresh(self):
        """A new patch, whatever is open."""
        for _ in range(4):
            self.key("Escape")
        self.key("ctrl+n")
        if self.state()["dialogs"]:
            self.press("Do not save")
        self.frames(4)
        assert json.loads(self.model()).get("nodes", {}) == {}

    def focus(self):
        """Gives this window the keyboard again."""
        with suppress(subprocess.CalledProcessError):
            self.x("search", "--all", "--pid", self.process.pid, "--name", "Glasspatch", "windowraise", "windowfocus")
        self.frames(2)

    # Ends

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(25)


@contextmanager
def screen(size=SIZE):
    """A screen that nobody sees; gives its name."""
    while True:
        number = next(_displays)
        if not Path(f"/tmp/.X{number}-lock").exists():
            break
    process = subprocess.Popen(
        ["Xvfb", f":{number}", "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            if Path(f"/tmp/.X11-unix/X{number}").exists():
                break
            time.sleep(0.05)
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def window(*arguments, display, home, env=None, size=SIZE):
    """The editor on that screen, with the user's folders in `home`; ended with the block."""
    home = Path(home)
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="gp-"))
    path = folder / "probe"
    preferences = home / "preferences.json"
    if not preferences.exists():
        preferences.write_text(json.dumps({"width": size[0], "height": size[1], "device": "none", "osc": 0}))
    log = open(home / "window.log", "a")  # noqa: SIM115 - it lives as long as the process
    ours = {"DISPLAY": display, "GLASSPATCH_PROBE": str(path), "GLASSPATCH_CONFIG": str(home), "LIBGL_ALWAYS_SOFTWARE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime.cli", "edit", *map(str, arguments)],
        env={**os.environ, **ours, **(env or {})},
        stdout=log, stderr=log,
    )  # fmt: skip
    sock = socket.socket(socket.AF_UNIX)
    try:
        for _ in range(600):
            try:
                sock.connect(str(path))
                break
            except OSError:
                assert process.poll() is None, (home / "window.log").read_text()[-3000:]
                time.sleep(0.05)
        sock.settimeout(60)
        found = Window(display, process, sock, folder, size)
        found.frames(6)
        found.focus()
        yield found
    finally:
        sock.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
