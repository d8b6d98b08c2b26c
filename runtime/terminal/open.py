"""Opens a patch file for the command line: document, nodes, plan and assets in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.artifacts import Assets
from runtime.patch import Patch, load
from runtime.plan import Plan, compile_patch
from runtime.registry import Registry, discover
from runtime.subpatch import flattened

NODES = "nodes"
"""The package whose nodes a patch may use: named here, so that the runtime imports none of them itself."""

INSPECTOR = "nodes.rave_inspect"
"""The module whose `try_model` tells what a model file is and does."""

EDITOR = "graph_editor.app"
"""The module whose `main` opens the window."""


@dataclass(frozen=True)
class Opened:
    path: Path
    patch: Patch
    registry: Registry
    plan: Plan
    assets: Assets


def open_patch(path: Path, block: int | None = None) -> Opened:
    """Reads and compiles a patch, at another block length if given; `patch` is flat, without subpatches. Raises PatchError where
    the file is no patch."""
    patch = load(path)
    if block is not None:
        patch = patch.with_setting("block", block)
    registry, assets = discover(NODES), Assets(path)
    return Opened(path, flattened(patch, registry), registry, compile_patch(patch, registry, assets.patch_folder), assets)
