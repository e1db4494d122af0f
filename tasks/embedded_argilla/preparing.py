"""Makes the database and the search index ready before the server starts."""

import sqlite3
import subprocess
from contextlib import closing

from tasks.embedded_argilla.credentials import Credentials
from tasks.embedded_argilla.installing import pins
from tasks.embedded_argilla.layout import SCRIPTS, Layout
from tasks.embedded_argilla.services import service_environment
from tasks.errors import RatchetError
from tasks.files import canonical_json, sha256_of, sha256_of_directory
from tasks.progress import say
from tasks.services.processes import last_words, size_after_rotation

SEARCH_ENGINE = SCRIPTS / "sqlite_search"


def purpose(credentials: Credentials) -> str:
    """The sha256 of what database and index are made ready for: the server's version, our search engine, the owner."""
    sources = sorted(str(path.relative_to(SEARCH_ENGINE)) for path in SEARCH_ENGINE.rglob("*.py"))
    engine = sha256_of_directory(SEARCH_ENGINE, sources)
    return sha256_of({"pins": pins(), "search engine": engine, "owner": credentials.username})


def index_problem(layout: Layout) -> str:
    """Why the search index cannot be used, as a clause; empty when it can, or when there is nothing to index yet."""
    if not layout.database.exists():
        return ""
    if layout.rebuilding.exists():
        return "was left half built"
    if not layout.search_index.exists():
        return "was missing"
    try:
        with closing(sqlite3.connect(layout.search_index)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    return "" if found == "ok" else f"was damaged ({found})"


def prepare(layout: Layout, credentials: Credentials) -> None:
    """Migrates the database, creates the owner, builds the index. Server and worker must not run meanwhile.

    Raises:
        RatchetError: when that fails, quoting why.
    """
    say("Argilla: preparing its database and search index")
    log = layout.log("prepare")
    size = size_after_rotation(log)
    layout.temporary.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        done = subprocess.run(
            [str(layout.python), str(SCRIPTS / "prepare.py")],
            cwd=layout.data,
            env=service_environment(layout, credentials),
            input=canonical_json(credentials).encode("utf-8"),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise RatchetError(
            f"Argilla's database {layout.database} could not be made ready ({last_words(log, size)}): see {log}, "
            "mend that and run `ratchet argilla up` again."
        )
