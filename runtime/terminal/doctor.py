"""The examination: versions, libraries, GPU, sound devices, cameras, disk; what is wrong, and the cure."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from runtime.errors import GlasspatchError, in_words
from runtime.terminal.open import NODES

APT = "sudo apt-get install -y"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and for what is `wrong` the cure. What is only missing on this machine (a
    GPU, a camera) is not wrong."""

    what: str
    found: str
    wrong: bool = False
    cure: str = ""


def examine(tell: Callable[[str], None]) -> int:
    """Looks at everything and tells it line by line; the exit code is 1 where something is wrong."""
    wrong = 0
    for finding in findings():
        wrong += finding.wrong
        tell(f"{'!!' if finding.wrong else 'ok'}  {finding.what:22} {finding.found}{'; ' + finding.cure if finding.cure else ''}")
    tell("all is well" if not wrong else f"{wrong} of these {'needs' if wrong == 1 else 'need'} a cure")
    return 1 if wrong else 0


def findings() -> Iterator[Finding]:
    """Every finding, in the order in which a user would mend them."""
    good = sys.version_info[:2] == (3, 11)
    yield Finding("python", platform.python_version(), not good, "" if good else "acids-rave needs Python 3.11: install it")
    yield Finding("system", platform.platform())
    yield from _packages()
    for name in ("torch", "rave", "mediapipe", "cv2", "dearpygui.dearpygui", "soundfile", "sounddevice"):
        yield _imports(name)
    yield from _node_modules()
    yield _gpu()
    yield from _sound()
    yield _cameras()
    yield _midi()
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Finding("disk", f"{free:.1f} GB free here", free < 2, "training needs some: free at least 2 GB" if free < 2 else "")


def _packages() -> Iterator[Finding]:
    try:
        wanted = metadata.requires("glasspatch") or []
    except metadata.PackageNotFoundError:
        yield Finding("glasspatch", "is not installed", True, "run: make setup")
        return
    yield Finding("glasspatch", metadata.version("glasspatch"))
    for line in wanted:
        match = re.match(r"([A-Za-z0-9._-]+)\s*([=<>!~]=?[^;]*)", line.split(";")[0])
        if match is None or "extra ==" in line:
            continue
        name, rule = match[1], match[2].strip()
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(name, f"is missing (wanted {rule})", True, "run: make setup")
            continue
        fits = not rule.startswith("==") or found.split("+")[0] == rule[2:]
        yield Finding(name, found, not fits, "" if fits else f"tested with {rule[2:]}: run make setup")
    doubles = [name for name in ("opencv-python", "opencv-python-headless") if _installed(name)]
    if doubles:
        yield Finding(
            "opencv", f"{' and '.join(doubles)} overwrite opencv-contrib-python", True, f"pip uninstall {' '.join(doubles)}"
        )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _imports(name: str) -> Finding:
    # In a process of its own: a broken library may crash, and a whole one need not stay in memory. RAVE is imported as its
    # nodes do it, with their cure for a torchaudio that was built for another torch.
    code = f"from {NODES}.rave_package import import_rave; import_rave()" if name == "rave" else f"import {name}"
    try:
        tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return Finding(
            f"import {name}", "took more than two minutes", True, "the disk or the installation is damaged: run make setup"
        )
    if tried.returncode == 0:
        return Finding(f"import {name}", "works")
    words = (tried.stderr.strip().splitlines() or [f"ended with code {tried.returncode}"])[-1]
    return Finding(f"import {name}", words, True, _cure_for(words))


def _cure_for(words: str) -> str:
    if "PortAudio" in words:
        return f"install PortAudio: {APT} libportaudio2 (macOS: brew install portaudio)"
    for library, package in (
        ("libGL.", "libgl1"),
        ("libEGL", "libegl1"),
        ("libGLES", "libgles2"),
        ("libgthread", "libglib2.0-0"),
    ):
        if library in words:
            return f"install it: {APT} {package}"
    return "run: make setup"


def _node_modules() -> Iterator[Finding]:
    from runtime.registry import discover

    registry = discover(NODES)
    yield Finding("nodes", f"{len(registry.nodes)} kinds")
    for module, reason in registry.failures.items():
        yield Finding(module, reason, True, "run: make setup")


def _gpu() -> Finding:
    try:
        import torch
    except Exception as error:
        return Finding("GPU", f"cannot be asked ({in_words(error)})")
    if torch.cuda.is_available():
        return Finding("GPU", f"{torch.cuda.get_device_name(0)} (device cuda)")
    if torch.backends.mps.is_available():
        return Finding("GPU", "Apple GPU (device mps)")
    return Finding("GPU", "none: training runs on the processor, which takes days instead of hours for a full model")


def _sound() -> Iterator[Finding]:
    from runtime.device import devices

    try:
        found = devices()
    except Exception:
        return  # said where sounddevice was imported
    if not any(one.outputs for one in found):
        yield Finding("sound devices", "none: offline work and rendering are fine, playing live needs one")
    for one in found:
        ways = [f"{count} {way}" for count, way in ((one.outputs, "out"), (one.inputs, "in")) if count]
        yield Finding("sound device", f"{one}, {' and '.join(ways)}, {one.rate:.0f} Hz")


def _midi() -> Finding:
    from runtime.remote.midi import ports

    try:
        inputs, outputs = ports()
    except GlasspatchError as error:
        return Finding("MIDI", f"none ({in_words(error)})")
    found = [*(f"{name} (in)" for name in inputs), *(f"{name} (out)" for name in outputs)]
    return Finding("MIDI", ", ".join(found) if found else "no ports: plug a controller in before you start")


def _cameras() -> Finding:
    if sys.platform.startswith("linux"):
        found = []
        for path in sorted(Path("/sys/class/video4linux").glob("video*"), key=lambda path: (len(path.name), path.name)):
            index, name = path / "index", path / "name"
            # A camera may have several devices; those behind the first give settings, not pictures.
            if not index.is_file() or index.read_text().strip() == "0":
                called = name.read_text(errors="replace").strip() if name.is_file() else "a camera"
                found.append(f"/dev/{path.name}: {called}")
        none = "none: video files and phones (http://...) can be tracked all the same"
        return Finding("cameras", ", ".join(found) if found else none)
    return Finding("cameras", "not asked here: the system asks for permission when a camera is first used")
