"""A home, and the model that tests can count on."""

from pathlib import Path

import pytest
from example_documents import WordModel

from tasks.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def model() -> WordModel:
    return WordModel()
