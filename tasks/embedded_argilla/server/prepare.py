"""Makes Argilla's database and search index ready; the owner comes as a JSON object on standard input.

Creates or migrates the tables, creates the owner, and builds the search index from the database.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from without_app import register_package

register_package()

import sqlite_search.engine  # noqa: E402, F401  (registers the search engine "sqlite")
from alembic import command  # noqa: E402
from alembic.config import Config  # noqa: E402
from argilla_server.cli.search_engine.reindex import _reindex  # noqa: E402
from argilla_server.contexts import accounts  # noqa: E402
from argilla_server.database import ALEMBIC_CONFIG_FILE, AsyncSessionLocal, sync_engine  # noqa: E402
from argilla_server.enums import UserRole  # noqa: E402
from argilla_server.models import User  # noqa: E402
from argilla_server.search_engine import get_search_engine  # noqa: E402


def migrate() -> None:
    """Brings the tables to this version; with a write-ahead log the server reads while the worker writes."""
    # Not by the file alembic.ini: it is read with the folder's path put in, which fails when that has a percent sign.
    config = Config()
    config.set_main_option("script_location", str(Path(ALEMBIC_CONFIG_FILE).with_name("alembic")).replace("%", "%%"))
    command.upgrade(config, "head")
    with sync_engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


async def create_owner(owner: dict[str, Any]) -> None:
    """Creates the owner unless there is one of this name."""
    async with AsyncSessionLocal() as session:
        if await accounts.get_user_by_username(session, owner["username"]) is None:
            await User.create(
                session,
                first_name=owner["username"],
                username=owner["username"],
                role=UserRole.owner,
                password_hash=accounts.hash_password(owner["password"]),
                api_key=owner["api_key"],
                workspaces=[],
            )


async def build_index() -> None:
    """Builds the search index anew; one that this leaves half built is known by the file beside it."""
    index, rebuilding = (Path(os.environ[name]) for name in ("RATCHET_SEARCH_INDEX", "RATCHET_SEARCH_REBUILDING"))
    rebuilding.touch()
    for ending in ("", "-wal", "-shm", "-journal"):
        index.with_name(index.name + ending).unlink(missing_ok=True)
    await _reindex()
    async for engine in get_search_engine():  # without a dataset nothing has been opened yet
        if not await engine.ping():
            raise RuntimeError(f"the search index {index} does not answer")
    rebuilding.unlink()


async def main() -> None:
    await create_owner(json.load(sys.stdin))
    await build_index()


if __name__ == "__main__":
    migrate()  # before the event loop: it runs one of its own
    asyncio.run(main())
