"""Where the program keeps what belongs to the user and to no patch."""

from __future__ import annotations

import os
from errno import ENOENT
from pathlib import Path

CHOSEN = "GLASSPATCH_CONFIG"
"""The environment variable that puts everything into one folder of the user's choice."""


def config_folder() -> Path:
    """Settings and trust. Raises OSError for a user without a home, as in a container."""
    chosen = os.environ.get(CHOSEN)
    return Path(chosen) if chosen else _usual("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """What is kept between two sessions and may grow: autosaves, backups, patches that were never saved. Raises OSError for a
    user without a home."""
    chosen = os.environ.get(CHOSEN)
    return Path(chosen, "state") if chosen else _usual("XDG_STATE_HOME", ".local/state")


def _usual(variable: str, place: str) -> Path:
    try:
        return Path(os.environ.get(variable) or Path.home() / place) / "glasspatch"
    except RuntimeError:
        raise FileNotFoundError(ENOENT, f"this user has no home folder; set {CHOSEN} to a folder of yours") from None
