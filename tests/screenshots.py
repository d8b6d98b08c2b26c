"""Pictures of every example patch in the real window, playing: `python -m tests.screenshots [FOLDER [THEME] [SCALE]]`.

Without a folder the pictures beside the patches are made again. With one, the other themes, the inspector, the lists and the
perform view are pictured there; a theme or a scale behind it picks some of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from graph_editor.theme import icon
from runtime.trust import trust
from tests.command import ROOT
from tests.window import Window, screen, window

PATCHES = ROOT / "patches"
PICTURES = PATCHES / "pictures"
SCALES = {1.0: (1920, 1080), 1.5: (2880, 1620)}
"""Scale of the window -> size of the screen it is shown on."""
COLOURS = 256
"""Of a kept picture: more are hardly seen, and would weigh."""
STAGE = {"device": "none", "osc": 0}
SILENT = 15.0
"""Seconds after which a patch that plays gives no sound."""
PLAYED = 6.0
"""Seconds of sound before a picture is taken: by then the face was found and the meters move."""


def main(arguments: list[str]) -> int:
    """Makes the pictures; gives the exit code."""
    with tempfile.TemporaryDirectory(prefix="glasspatch-pictures-") as place:
        if arguments:
            look_at_all(Path(place), Path(arguments[0]), arguments[1:])
        else:
            examples(Path(place), PICTURES)
    return 0


def examples(place: Path, to: Path, theme: str = "dark") -> None:
    """Every example patch at every scale."""
    to.mkdir(parents=True, exist_ok=True)
    for scale, size in SCALES.items():
        for path in copies(place / f"{theme}-{scale:g}"):
            with shown(path, place, scale, size, theme) as w:
                play(w)
                keep(w, to / f"{path.stem}-{scale:g}.png")


def look_at_all(place: Path, to: Path, wanted: Sequence[str] = ()) -> None:
    """What a designer wants to have seen: the examples, each node in the inspector, the map, lists, the perform view, in every
    theme and at every scale. `wanted` are themes and scales to be looked at alone: "light", "1.5"."""
    to.mkdir(parents=True, exist_ok=True)
    for scale, size in {**SCALES, 0.8: (1100, 700)}.items():
        for theme in ("dark", "light", "contrast"):
            if not wanted or {theme, f"{scale:g}"} <= {*wanted, *(() if _has_scale(wanted) else (f"{scale:g}",))}:
                _look(place, to, scale, size, theme)


def _has_scale(wanted: Sequence[str]) -> bool:
    return any(word[0].isdigit() for word in wanted)


def _look(place: Path, to: Path, scale: float, size: tuple[int, int], theme: str) -> None:
    ending = f"{theme}-{scale:g}"
    examples = {path.stem: path for path in copies(place / ending)}
    with shown(examples["archive_to_performance"], place, scale, size, theme) as w:
        w.frames(30)
        w.key("Escape")
        keep(w, to / f"archive-{ending}.png")
        w.key("F8")
        w.frames(10)
        keep(w, to / f"problems-{ending}.png")
    with shown(examples["demo"], place, scale, size, theme) as w:
        play(w)
        keep(w, to / f"demo-{ending}.png")
        names = list(w.ask("nodes"))
        for first in range(0, len(names), 5):
            inspectors(w, names[first : first + 5], to / f"inspectors-{first}-{ending}.png")
        for name, key in (("palette", "Tab"), ("help", "F1"), ("menu", ""), ("preferences", "")):
            if key:
                w.key(key)
            else:
                w.press(icon({"menu": "menu", "preferences": "settings"}[name]))
            w.frames(10)
            keep(w, to / f"{name}-{ending}.png")
            w.key("Escape")
        pin(w, ("face", "smoothing", "regressor", "decoder", "level", "output"))
        w.key("F11")
        w.frames(60)
        keep(w, to / f"perform-{ending}.png")


def inspectors(w: Window, names: Sequence[str], path: Path) -> None:
    """The pane at the right with each of these nodes chosen, side by side; what does not fit below it is scrolled to."""
    pieces = []
    left = w.ask("canvas")[2]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            w.click(*w.title_of(name))
            w.frames(40)
            for turns in (0, 30):
                if turns:
                    w.move(left + 100, 500)
                    w.x("click", "--repeat", turns, "--delay", "10", "5")
                    w.frames(6)
                    w.move(2, 2)
                with Image.open(w.picture(Path(folder) / "whole.png")) as whole:
                    pieces.append(whole.convert("RGB").crop((round(left), 0, whole.width, whole.height)))
    sheet = Image.new("RGB", (sum(piece.width + 4 for piece in pieces), pieces[0].height))
    x = 0
    for piece in pieces:
        sheet.paste(piece, (x, 0))
        x += piece.width + 4
    sheet.save(path)


def copies(folder: Path) -> list[Path]:
    """The example patches with all that lies beside them, where playing them may write."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PATCHES, folder, ignore=shutil.ignore_patterns(PICTURES.name))
    return sorted(folder.glob("*.json"))


@contextmanager
def shown(path: Path, place: Path, scale: float, size: tuple[int, int], theme: str = "dark") -> Iterator[Window]:
    """The window on a patch, with the models that came with it trusted as where it is opened from the list of examples."""
    home = place / f"home-{theme}-{scale:g}-{path.stem}"
    home.mkdir(parents=True)
    preferences = {**STAGE, "theme": theme, "scale": scale, "width": size[0], "height": size[1]}
    (home / "preferences.json").write_text(json.dumps(preferences))
    trust_models(path, home)
    try_models(path, home)
    with screen(size) as display, window(path, display=display, home=home, size=size) as w:
        yield w


def trust_models(path: Path, home: Path) -> None:
    """The models made by the patches in its folder open without a question for the user with this folder."""
    before = os.environ.get("GLASSPATCH_CONFIG")
    os.environ["GLASSPATCH_CONFIG"] = str(home)
    try:
        for model in path.parent.glob("*.assets/*/*.ts"):
            trust(model)
    finally:
        if before is None:
            del os.environ["GLASSPATCH_CONFIG"]
        else:
            os.environ["GLASSPATCH_CONFIG"] = before


def try_models(path: Path, home: Path) -> None:
    """Runs a patch that plays a ready model, as its comment asks for; one with a trainer would take days."""
    text = path.read_text()
    if '"rave.file"' in text and '"rave.trainer"' not in text:
        command = [sys.executable, "-m", "runtime.cli", "run", str(path)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "GLASSPATCH_CONFIG": str(home)}, check=True, capture_output=True)


def play(w: Window) -> bool:
    """Live, until something is heard and seen; says whether the patch can play at all."""
    w.key("ctrl+l")
    state = w.until(lambda state: state["client"] in ("playing", "off", "dead"), 60, "the sound")
    if state["client"] == "playing" and not state["problems"]:
        began = time.monotonic()  # without a model of the artist's own there is no sound to wait for
        w.until(lambda state: state["peak"] > 0.0 or time.monotonic() - began > SILENT, 2 * SILENT, "a sound")
        began = time.monotonic()
        while time.monotonic() - began < PLAYED:
            w.frames(5)
    if state["dialogs"]:  # files of the artist's own are asked for
        w.key("Escape")
    w.move(2, 2)
    w.until(lambda state: not state.get("toasts"), 12, "the end of what was said")
    return bool(state["client"] == "playing")


def pin(w: Window, names: tuple[str, ...]) -> None:
    """Puts nodes into the perform view."""
    for name in names:
        w.click(*w.title_of(name))
        w.key("p")


def keep(w: Window, path: Path) -> None:
    """A picture, few colours, small."""
    with tempfile.TemporaryDirectory() as folder:
        with Image.open(w.picture(Path(folder) / "whole.png")) as whole:
            small = whole.convert("RGB").quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
