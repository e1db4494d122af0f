"""The real argilla-server in this process, on a new database and search index. Run inside Argilla's environment:

python -m pytest tests/argilla_server
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

HOME = tempfile.TemporaryDirectory(prefix="ratchet-argilla-test.")

# argilla-server reads its settings when it is imported.
os.environ.update(
    ARGILLA_HOME_PATH=HOME.name,
    ARGILLA_SEARCH_ENGINE="sqlite",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    RATCHET_SEARCH_INDEX=str(Path(HOME.name) / "search.sqlite"),
)
sys.path.insert(0, str(Path(__file__).parents[2] / "tasks" / "embedded_argilla" / "server"))

import httpx  # noqa: E402
import sqlite_search.engine  # noqa: E402, F401  (registers the search engine "sqlite")
from argilla_server.constants import API_KEY_HEADER_NAME  # noqa: E402
from argilla_server.database import AsyncSessionLocal, async_engine  # noqa: E402
from argilla_server.enums import UserRole  # noqa: E402
from argilla_server.models import User, Workspace, WorkspaceUser  # noqa: E402
from argilla_server.models.base import DatabaseModel  # noqa: E402

Result = TypeVar("Result")


@dataclass(frozen=True)
class Account:
    """A user of the server."""

    id: str
    api_key: str


class Server:
    """The server's HTTP API, called as the owner unless a test names another account."""

    def __init__(self, loop: asyncio.AbstractEventLoop, accounts: dict[str, Account], workspace_id: str) -> None:
        from argilla_server import app

        self._loop = loop
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://argilla", timeout=60
        )
        self.accounts = accounts
        self.workspace_id = workspace_id

    def run(self, work: Awaitable[Result]) -> Result:
        """Runs a coroutine on the server's event loop."""
        return self._loop.run_until_complete(work)

    async def send(self, method: str, path: str, account: str = "owner", **request: Any) -> httpx.Response:
        """The response to one request."""
        headers = {API_KEY_HEADER_NAME: self.accounts[account].api_key}
        return await self._client.request(method, f"/api/v1{path}", headers=headers, **request)

    def call(self, method: str, path: str, body: Any = None, account: str = "owner", **query: Any) -> Any:
        """What a request that succeeds answers."""
        response = self.run(self.send(method, path, account, json=body, params=query))
        assert response.status_code < 300, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def refused(self, method: str, path: str, body: Any = None, account: str = "owner") -> tuple[int, str]:
        """The status and text of a request that fails."""
        response = self.run(self.send(method, path, account, json=body))
        assert response.status_code >= 400, response.text
        return response.status_code, response.text


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    loop = asyncio.new_event_loop()
    yield Server(loop, *loop.run_until_complete(_populate()))
    loop.run_until_complete(async_engine.dispose())
    loop.close()
    HOME.cleanup()


async def _populate() -> tuple[dict[str, Account], str]:
    async with async_engine.begin() as connection:
        await connection.run_sync(DatabaseModel.metadata.create_all)
    async with AsyncSessionLocal() as db:
        workspace = await Workspace.create(db, name="test")
        accounts = {}
        for name, role in (("owner", UserRole.owner), ("ann", UserRole.annotator), ("bob", UserRole.annotator)):
            user = await User.create(
                db, first_name=name, username=name, role=role, password_hash="none", api_key=f"key of {name}"
            )
            await WorkspaceUser.create(db, workspace_id=workspace.id, user_id=user.id)
            accounts[name] = Account(str(user.id), user.api_key)
        return accounts, str(workspace.id)


@dataclass(frozen=True)
class Dataset:
    """A published dataset with one of everything."""

    server: Server
    id: str
    questions: dict[str, str]
    metadata: dict[str, str]
    vectors: str

    def add(self, *records: dict[str, Any]) -> list[str]:
        """The ids of the records added."""
        made = self.server.call("POST", f"/datasets/{self.id}/records/bulk", {"items": records})
        return [item["id"] for item in made["items"]]

    def page(self, body: dict[str, Any] | None = None, account: str | None = None, **query: Any) -> dict[str, Any]:
        """The answer to a search; for an account, as the user interface asks it for an annotator."""
        path = f"/datasets/{self.id}/records/search"
        if account:
            path = f"/me{path}"
        found: dict[str, Any] = self.server.call("POST", path, body or {}, account or "owner", **query)
        return found

    def found(self, body: dict[str, Any] | None = None, account: str | None = None, **query: Any) -> list[str]:
        """The external ids that a search finds, in order."""
        page = self.page(body, account, **query)
        return [item["record"]["external_id"] for item in page["items"]]

    def filtered(self, *filters: dict[str, Any], account: str | None = None) -> list[str]:
        """The external ids of the records that pass all filters, in alphabetical order."""
        return sorted(self.found({"filters": {"and": filters}}, account))


LABELS = [{"value": value, "text": value} for value in ("A", "B", "C")]
RATINGS = [{"value": value} for value in range(1, 6)]


@pytest.fixture(scope="session")
def make_dataset(server: Server) -> Callable[[], Dataset]:
    def make(*, publish: bool = True) -> Dataset:
        body = {"name": f"test-{uuid4()}", "workspace_id": server.workspace_id, "allow_extra_metadata": True}
        dataset = server.call(
            "POST", "/datasets", {**body, "distribution": {"strategy": "overlap", "min_submitted": 1}}
        )
        path = f"/datasets/{dataset['id']}"
        for name, settings in (
            ("chat", {"type": "chat", "use_markdown": True}),
            ("answer", {"type": "text", "use_markdown": False}),
            ("custom", {"type": "custom", "template": "<p></p>", "advanced_mode": False}),
            ("image", {"type": "image"}),
        ):
            server.call("POST", f"{path}/fields", {"name": name, "title": name, "settings": settings})
        questions = {
            name: server.call(
                "POST",
                f"{path}/questions",
                {"name": name, "title": name, "required": name == "label", "settings": settings},
            )["id"]
            for name, settings in (
                ("label", {"type": "label_selection", "options": LABELS}),
                ("topics", {"type": "multi_label_selection", "options": LABELS}),
                ("rating", {"type": "rating", "options": RATINGS}),
                ("comment", {"type": "text", "use_markdown": False}),
                ("ranking", {"type": "ranking", "options": LABELS}),
                ("span", {"type": "span", "field": "answer", "options": LABELS}),
            )
        }
        metadata = {
            name: server.call(
                "POST",
                f"{path}/metadata-properties",
                {"name": name, "title": name, "settings": {"type": type}, "visible_for_annotators": True},
            )["id"]
            for name, type in (("language", "terms"), ("round", "integer"), ("margin", "float"))
        }
        settings = {"name": "v", "title": "v", "dimensions": 2}
        vectors = server.call("POST", f"{path}/vectors-settings", settings)["id"]
        if publish:
            server.call("PUT", f"{path}/publish")
        return Dataset(server, dataset["id"], questions, metadata, vectors)

    return make


@pytest.fixture(scope="session")
def unchanged_dataset(make_dataset: Callable[[], Dataset], server: Server) -> Dataset:
    """A published dataset of four records, x1 to x4, for tests that only ask."""
    made = make_dataset()
    made.add(*records(made, server.accounts))
    return made


@pytest.fixture
def dataset(make_dataset: Callable[[], Dataset], server: Server) -> Dataset:
    """The same dataset for one test, which may change it."""
    made = make_dataset()
    made.add(*records(made, server.accounts))
    return made


def records(dataset: Dataset, accounts: dict[str, Account]) -> list[dict[str, Any]]:
    """x1 has everything, x2 nearly, x3 a discarded response, x4 next to nothing."""
    ann, bob = accounts["ann"].id, accounts["bob"].id

    def values(**answers: Any) -> dict[str, Any]:
        return {name: {"value": answer} for name, answer in answers.items()}

    def suggestion(question: str, value: Any, **parts: Any) -> dict[str, Any]:
        return {"question_id": dataset.questions[question], "value": value, **parts}

    return [
        {
            "external_id": "x1",
            "fields": {
                "chat": [{"role": "user", "content": "red apple"}, {"role": "assistant", "content": "東京です"}],
                "answer": "sweet fruit",
                "custom": {"key": "mango"},
                "image": "http://example.org/kiwi.png",
            },
            "metadata": {"language": "en", "round": 1, "margin": 0.5, "extra": "ignored"},
            "responses": [
                {
                    "user_id": ann,
                    "status": "submitted",
                    "values": values(
                        label="A",
                        topics=["A", "B"],
                        rating=4,
                        comment="fine",
                        ranking=[{"value": value, "rank": 1} for value in "ABC"],
                        span=[{"label": "A", "start": 0, "end": 5}],
                    ),
                }
            ],
            "suggestions": [
                suggestion("label", "A", score=0.9, agent="judge", type="model"),
                suggestion("topics", ["B", "C"], score=[0.3, 0.8], agent="bob", type="human"),
                suggestion("comment", "a text", score=0.1),
            ],
            "vectors": {"v": [1.0, 0.0]},
        },
        {
            "external_id": "x2",
            "fields": {"chat": [{"role": "user", "content": "green apple"}], "answer": "sour fruit"},
            "metadata": {"language": ["de", "fr"], "round": 2, "margin": -1.5},
            "responses": [
                {"user_id": ann, "status": "draft", "values": values(label="B", rating=1)},
                {"user_id": bob, "status": "submitted", "values": values(label="A", topics=["C"], rating=5)},
            ],
            "suggestions": [suggestion("rating", 3, score=0.2, agent="judge")],
            "vectors": {"v": [1.0, 1.0]},
        },
        {
            "external_id": "x3",
            "fields": {"answer": "हिन्दी में 👍🏽 מים"},
            "metadata": {"language": "ja", "round": 10},
            "responses": [{"user_id": bob, "status": "discarded"}],
            "vectors": {"v": [0.0, 1.0]},
        },
        {"external_id": "x4", "fields": {"answer": "user"}},
    ]
