"""Which model files the user trusts. A `.ts` model is code: it is opened only if its hash stands here.

Kept per user, never in a patch, so that a shared patch cannot vouch for the code it brings along.
"""

from __future__ import annotations

import json
from pathlib import Path

from runtime.artifacts import hash_file, write_atomically
from runtime.errors import NodeError
from runtime.folders import config_folder

ELSEWHERE = "is a model made elsewhere"
"""What every problem says that trust would cure; the window offers it there."""


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


def trusts(path: Path) -> bool:
    """Whether the user has trusted this very file."""
    return hash_file(path) in trusted()


def require_trust(path: Path) -> None:
    """Raises NodeError unless the user has trusted this very file. Call it before any model is opened."""
    if not trusts(path):
        raise NodeError(
            f"{path.name} {ELSEWHERE}, and a model is code that can do anything on this machine; if you trust "
            f"where it comes from, run: glasspatch trust {path}"
        )
