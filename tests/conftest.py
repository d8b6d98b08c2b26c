from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's list of trusted models is never touched by a test, nor by a process that a test starts."""
    folder = tmp_path_factory.mktemp("config")
    os.environ["GLASSPATCH_CONFIG"] = str(folder)
    return folder
