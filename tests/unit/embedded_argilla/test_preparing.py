"""When the search index has to be built anew."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tasks.embedded_argilla import preparing
from tasks.embedded_argilla.credentials import make_credentials
from tasks.embedded_argilla.layout import Layout
from tasks.embedded_argilla.preparing import index_problem, purpose


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A database, and a sound index of it."""
    layout = Layout(tmp_path / "argilla")
    layout.data.mkdir(parents=True)
    layout.database.touch()
    with closing(sqlite3.connect(layout.search_index)) as connection:
        connection.execute("create table documents (text)")
        connection.executemany("insert into documents values (?)", [("x" * 1000,)] * 100)
        connection.commit()
    return layout


def test_a_sound_index_is_left_alone(layout: Layout) -> None:
    assert index_problem(layout) == ""


def test_without_a_database_there_is_nothing_to_index(layout: Layout) -> None:
    layout.database.unlink()
    layout.search_index.unlink()
    assert index_problem(layout) == ""


def test_what_is_wrong_is_said(layout: Layout) -> None:
    layout.rebuilding.touch()
    assert index_problem(layout) == "was left half built"
    layout.rebuilding.unlink()

    whole = layout.search_index.read_bytes()
    layout.search_index.write_bytes(whole[: len(whole) // 2])
    assert index_problem(layout).startswith("was damaged (")
    layout.search_index.write_bytes(b"no database" * 500)
    assert index_problem(layout) == "was damaged (file is not a database)"

    layout.search_index.unlink()
    assert index_problem(layout) == "was missing"
    assert not layout.search_index.exists()  # looking creates none


def test_another_owner_or_another_search_engine_means_to_prepare_again(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_credentials(layout)
    other = make_credentials(Layout(tmp_path / "other"))
    changed = tmp_path / "sqlite_search"
    shutil.copytree(preparing.SEARCH_ENGINE, changed, ignore=shutil.ignore_patterns("__pycache__"))
    first = purpose(mine)

    assert purpose(mine) == first != purpose(other)
    monkeypatch.setattr(preparing, "SEARCH_ENGINE", changed)
    assert purpose(mine) == first
    (changed / "engine.py").write_text("# another one\n")
    assert purpose(mine) != first
