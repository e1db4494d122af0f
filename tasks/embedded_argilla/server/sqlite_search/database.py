"""The index file: its connections, and transactions that several processes can run at once.

The file is in WAL mode: readers never wait, writers queue. A commit survives a killed process; a power cut may
lose the last ones, never the file (`synchronous=NORMAL`), and the index can always be rebuilt from Argilla's
database.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from .errors import REBUILD, SearchIndexError

VERSION = 1
BUSY_S = 30.0
IDLE_CONNECTIONS = 4
CACHE_KIB = 8192  # of pages, for each connection
PAGE_BYTES = 8192  # a block of vectors spans fewer pages than with the default 4096


class Database:
    """One index file, as one process sees it. Connections are kept and lent; each is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the index until the block ends."""
        with self._borrow() as connection, _transaction(connection, "BEGIN"):
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept when the block ends, and undone when it raises."""
        # Threads wait here rather than in SQLite, which would poll.
        with self._writing, self._borrow() as connection, _transaction(connection, "BEGIN IMMEDIATE"):
            yield connection

    def close(self) -> None:
        """Closes the idle connections; the next use opens new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _borrow(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = _open(self.path)
        usable = True
        try:
            yield connection
        except sqlite3.Error:
            usable = False
            raise
        finally:
            with self._lock:
                keep = usable and len(self._idle) < IDLE_CONNECTIONS
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()


def open_database(path: Path) -> Database:
    """This process's `Database` for the path: always the same one, and a new one after a fork."""
    return _database_of_process(path, os.getpid())


@cache
def _database_of_process(path: Path, process_id: int) -> Database:
    return Database(path)


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # The index holds the records' text: for its owner's eyes, like the database beside it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        if "not a database" in str(error) or "malformed" in str(error):
            raise SearchIndexError(
                f"{path} is no search index, or is damaged ({error}): delete it, or rebuild it with {REBUILD}."
            ) from error
        raise
    except SearchIndexError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
    # In one statement: another process may be making the tables, which it does together with the version.
    version, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if version == 0 and tables:
        raise SearchIndexError(f"{path} is another program's database: name another file for the search index.")
    if version == 0:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _switch_to_wal(connection)
        with _transaction(connection, "BEGIN IMMEDIATE"):
            connection.execute(
                "CREATE TABLE IF NOT EXISTS datasets "
                "(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, schema TEXT NOT NULL)"
            )
            connection.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION:
        raise SearchIndexError(
            f"{path} is a search index of version {version}, this program reads version {VERSION}: rebuild it with "
            f"{REBUILD}."
        )
    connection.execute("PRAGMA synchronous = NORMAL")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # Two processes that create the file together: SQLite refuses one of them at once, without waiting.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
