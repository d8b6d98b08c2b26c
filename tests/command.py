"""Calls the command line as its users do: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def start(*arguments: object, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Starts `glasspatch ARGUMENTS` in a folder."""
    command = [sys.executable, "-m", "runtime.cli", *map(str, arguments)]
    # The package is installed; -P keeps the folder the command runs in from hiding a module of ours.
    command.insert(1, "-P")
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def call(*arguments: object, folder: Path, timeout: float = 600) -> tuple[int, str, str]:
    """Exit code, output and error output of `glasspatch ARGUMENTS`."""
    process = start(*arguments, folder=folder)
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def write_patch(
    folder: Path, nodes: dict[str, tuple[str, dict[str, Any]]], *links: str, name: str = "p.json", **settings: Any
) -> Path:
    """A patch file from {"name": (type, params)} and links "a.audio -> b.audio"."""
    data = {
        "format": 1,
        "settings": settings,
        "nodes": {node: {"type": kind, "params": params} for node, (kind, params) in nodes.items()},
        "links": [link.split(" -> ") for link in links],
    }
    (folder / name).write_text(json.dumps(data))
    return folder / name
