"""The home of each test."""

from pathlib import Path

import pytest

from tasks.home import Home


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    """An empty one, whose folder is not there yet."""
    return Home(ratchet_home)
