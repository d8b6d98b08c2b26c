"""Lays out the demo patch in a folder of the user's, ready to run."""

from __future__ import annotations

import shutil
from pathlib import Path

from runtime.errors import PatchError
from runtime.trust import trust

PATCHES = Path(__file__).resolve().parents[2] / "patches"


def lay_out(folder: Path) -> Path:
    """Copies the demo patch, its sounds, video, model and taught gestures to `folder`; gives the patch's path.

    What is there already stays as it is, so that a second demo goes on with what the user changed. The model is trusted: it
    comes with the program itself. Raises PatchError where the program came without its patches.
    """
    source = PATCHES / "demo.json"
    if not (source.exists() and (PATCHES / "demo").is_dir() and (PATCHES / "demo.assets").is_dir()):
        raise PatchError(f"the example patches are not installed ({PATCHES}); use a checkout of glasspatch")
    if not (folder / "demo.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("demo", "demo.assets"):
            shutil.copytree(
                PATCHES / name, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.partial", ".lock")
            )
        shutil.copyfile(source, folder / "demo.json")
    for model in sorted(PATCHES.glob("demo.assets/*/*.ts")):
        trust(model)
    return folder / "demo.json"
