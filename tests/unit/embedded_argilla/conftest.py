"""A search index in a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from example_search import DATASET, RECORDS, Index

from tasks.embedded_argilla.server.sqlite_search import schema as schemas
from tasks.embedded_argilla.server.sqlite_search.database import Database


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    database = Database(tmp_path / "search.sqlite")
    with database.write() as connection:
        schemas.create_index(connection, DATASET)
    filled = Index(database)
    filled.add(*RECORDS)
    yield filled
    database.close()
