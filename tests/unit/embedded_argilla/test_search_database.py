"""The index file outlives its processes, is shared by several, and is never half written."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.embedded_argilla.server.sqlite_search import searching, writing
from tasks.embedded_argilla.server.sqlite_search.database import Database, open_database
from tasks.embedded_argilla.server.sqlite_search.documents import (
    DatasetDefinition,
    FieldDefinition,
    MetadataDefinition,
    RecordDocument,
)
from tasks.embedded_argilla.server.sqlite_search.errors import SearchIndexError
from tasks.embedded_argilla.server.sqlite_search.schema import create_index, load_schema
from tasks.embedded_argilla.server.sqlite_search.searching import Selection, TextQuery

DATASET = DatasetDefinition("d", (FieldDefinition("t", "text"),), (), (MetadataDefinition("n", "integer"),))
NOW = datetime(2024, 5, 1, tzinfo=UTC)


def documents(prefix: str, count: int) -> list[RecordDocument]:
    """Records whose text and metadata agree with their id."""
    return [
        RecordDocument(f"{prefix}{n}", "pending", NOW, NOW, fields={"t": f"word {prefix}{n}"}, metadata={"n": n})
        for n in range(count)
    ]


def create(path: Path) -> Database:
    """A new index with one dataset."""
    database = Database(path)
    with database.write() as connection:
        create_index(connection, DATASET)
    return database


def count(database: Database, text: str = "*") -> int:
    """How many records a text query finds."""
    with database.read() as connection:
        return searching.search(connection, load_schema(connection, "d"), Selection(TextQuery(text))).total


def write_many(path: Path, prefix: str) -> None:
    """Indexes 300 records a few at a time."""
    database = Database(path)
    for start in range(0, 300, 10):
        writing.index_records(database, "d", documents(prefix, 300)[start : start + 10])


def test_what_was_indexed_is_there_after_a_restart(tmp_path: Path) -> None:
    database = create(tmp_path / "i.sqlite")
    writing.index_records(database, "d", documents("a", 10))
    database.close()
    assert count(Database(tmp_path / "i.sqlite"), "word a3") == 1


def test_the_file_is_for_its_owner_alone_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "i.sqlite"
    writing.index_records(create(path), "d", documents("a", 1))
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file


WRITE_MANY = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("here", sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
here.write_many(Path(sys.argv[2]), sys.argv[3])
"""


def test_processes_that_start_together_share_one_index(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    create(path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)}
    line = [sys.executable, "-c", WRITE_MANY, __file__, str(path)]
    workers = [subprocess.Popen([*line, prefix], env=environment) for prefix in "ab"]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert count(Database(path)) == 600
    assert count(Database(path), "word") == 600


def test_threads_that_make_the_file_together_make_one(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / f"{attempt}.sqlite"
        failures: list[BaseException] = []

        def open_it(path: Path = path, failures: list[BaseException] = failures) -> None:
            try:
                with Database(path).read() as connection:
                    connection.execute("SELECT count(*) FROM datasets").fetchone()
            except BaseException as error:  # noqa: BLE001 - handed to the test's thread
                failures.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []


def test_a_reader_sees_one_state_while_another_writes(tmp_path: Path) -> None:
    database = create(tmp_path / "i.sqlite")
    writing.index_records(database, "d", documents("a", 5))
    with database.read() as connection:
        schema = load_schema(connection, "d")
        assert searching.search(connection, schema, Selection()).total == 5
        writing.index_records(database, "d", documents("b", 5))
        assert searching.search(connection, schema, Selection(TextQuery("word"))).total == 5
    assert count(database) == 10


def test_a_failed_change_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    database = create(tmp_path / "i.sqlite")
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute("DELETE FROM datasets")
        raise ZeroDivisionError
    with pytest.raises(sqlite3.OperationalError), database.write() as connection:
        connection.execute("DELETE FROM datasets")
        connection.execute("SELECT nonsense")
    writing.index_records(database, "d", documents("a", 3))
    assert count(database) == 3


def test_killed_while_writing_the_index_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    create(path).close()
    script = (
        "import sys; from pathlib import Path; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "import test_search_database as t\n"
        "while True: t.write_many(Path(sys.argv[3]), 'a'); t.write_many(Path(sys.argv[3]), 'b')\n"
    )
    folders = (str(Path(__file__).parent), str(Path(__file__).parents[3]))
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script, *folders, str(path)])
        before, deadline = path.stat().st_mtime_ns, time.monotonic() + 60
        wal = path.with_name("i.sqlite-wal")
        while (not wal.exists() or wal.stat().st_mtime_ns == before) and time.monotonic() < deadline:
            time.sleep(0.01)
        before = wal.stat().st_mtime_ns
        while wal.stat().st_mtime_ns == before and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        database = Database(path)
        with database.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with database.write() as connection:
            connection.execute("INSERT INTO text_1 (text_1) VALUES ('integrity-check')")
        assert count(database) == count(database, "word") > 0
        database.close()


def test_a_file_that_is_no_index_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    path.write_bytes(b"a text of some length, but no database" * 100)
    with pytest.raises(
        SearchIndexError, match=r"i\.sqlite is no search index, or is damaged .*: delete it, or rebuild it with"
    ):
        count(Database(path))
    assert path.read_bytes().startswith(b"a text")


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "argilla.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE datasets (id TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SearchIndexError, match=r"argilla\.db is another program's database: name another file"):
        count(Database(path))
    assert path.read_bytes() == before


def test_an_index_of_another_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    create(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SearchIndexError, match="of version 99, this program reads version 1: rebuild it with"):
        count(Database(path))


def test_a_process_has_one_database_per_path_and_a_fork_its_own(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    database = open_database(path)
    assert open_database(path) is database
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"other" if open_database(path) is not database else b"same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"other"
    os.close(reader)
    os.close(writer)
