"""A home where MLflow has been set up already, which takes seconds."""

import shutil
from pathlib import Path

import pytest

from tasks.home import Home


@pytest.fixture
def home(ratchet_home: Path, empty_database: Path) -> Home:
    """With an empty MLflow database."""
    ratchet_home.mkdir()
    shutil.copyfile(empty_database, ratchet_home / "mlflow.db")
    return Home(ratchet_home)
