"""A home with an empty MLflow, and a domain that learns from the application's users."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.feedback.production.application import EXPERIMENT, Production

from tasks.config import Config
from tasks.feedback import log
from tasks.feedback.end_user_pulling import EndUserPull, pull_end_user_feedback
from tasks.home import Home
from tasks.records import Feedback
from tasks.settings.feedback import EndUserSettings

QUESTIONS = (
    '{"question": "What is a deque?", "answer": "A queue with two ends.", "id": "deque", "split": "train"}\n'
    '{"question": "What is a heap?", "answer": "A tree.", "id": "heap", "split": "test"}\n'
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "questions.jsonl").write_text(QUESTIONS, encoding="utf-8")
    users = EndUserSettings(mlflow_experiment=EXPERIMENT)
    return Config(name="d", questions="questions.jsonl", end_users=users, root=tmp_path)


@pytest.fixture
def production(config: Config, home: Home) -> Iterator[Production]:
    production = Production(config, home)
    yield production
    production.mlflow.flush_trace_async_logging()
    production.mlflow.set_tracking_uri(None)


@pytest.fixture
def pull(config: Config, home: Home) -> Callable[..., EndUserPull]:
    def look(**settings: int) -> EndUserPull:
        end_users = config.end_users.model_copy(update=settings)
        return pull_end_user_feedback(config.model_copy(update={"end_users": end_users}), home)

    return look


@pytest.fixture
def rows(home: Home) -> Callable[[], list[Feedback]]:
    return lambda: log.read(home, "d")
