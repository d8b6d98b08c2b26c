"""Which model files the user trusts. A `.ts` model is code: it is opened only if its hash stands here.

Kept per user, never in a patch, so that a shared patch cannot vouch for the code it brings along.
"""

from __future__ import annotations

import json
import os
from errno import ENOENT
from pathlib import Path

from runtime.artifacts import hash_file, write_atomically
from runtime.errors import NodeError


def config_folder() -> Path:
    """Where the program keeps what belongs to the user and to no patch: GLASSPATCH_CONFIG, else the XDG folder. Raises OSError
    for a user without a home, as in a container."""
    if chosen := os.environ.get("GLASSPATCH_CONFIG"):
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "glasspatch"
    except RuntimeError:
        raise FileNotFoundError(ENOENT, "this user has no home folder; set GLASSPATCH_CONFIG to a folder of yours") from None


def trusted() -> dict[str, str]:
    """Hash of each trusted model -> where it was seen first. A damaged list counts as empty: the user is asked again."""
    try:
        known = json.loads((config_folder() / "trusted_models.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def trust(path: Path) -> str:
    """Remembers that the user trusts this very file; gives its hash."""
    digest = hash_file(path)
    known = json.dumps({**trusted(), digest: path.name}, indent=1, sort_keys=True)
    write_atomically(config_folder() / "trusted_models.json", known.encode(), through_links=True)
    return digest


def require_trust(path: Path) -> None:
    """Raises NodeError unless the user has trusted this very file. Call it before any model is opened."""
    if hash_file(path) not in trusted():
        raise NodeError(
            f"{path.name} is a model made elsewhere, and a model is code that can do anything on this machine; if you trust "
            f"where it comes from, run: glasspatch trust {path}"
        )
