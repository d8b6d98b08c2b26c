from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import window


@pytest.fixture(scope="module")
def display(request: pytest.FixtureRequest) -> Iterator[str]:
    """A screen that nobody sees, of the SIZE that the module of tests names."""
    with window.screen(getattr(request.module, "SIZE", window.SIZE)) as name:
        yield name
