"""A judge at a scripted endpoint, and comparisons whose right answer says RIGHT."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from example_records import comparison, question
from scripted_endpoint import KEY, ScriptedEndpoint

from tasks.judging.llm_judge import LlmJudge
from tasks.llm.api_key import ApiKey
from tasks.records import Comparison
from tasks.settings.judging import JudgeSettings


@pytest.fixture
def make_judge(tmp_path: Path) -> Callable[..., LlmJudge]:
    """Makes a judge that waits little between tries; settings by keyword."""

    def make(endpoint: ScriptedEndpoint, **settings: Any) -> LlmJudge:
        impatient = {"timeout_s": 20.0, "retries": 2, "concurrency": 4, **settings}
        return LlmJudge(
            JudgeSettings.model_validate({"name": "scripted", "url": endpoint.url, "model": "m", **impatient}),
            endpoint.url,
            ApiKey(KEY, "the variable OPENAI_API_KEY"),
            tmp_path / "judgements",
            first_wait_s=0.01,
        )

    return make


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """The note of what the round has spent."""
    return tmp_path / "round" / "spent"


@pytest.fixture
def comparisons() -> list[Comparison]:
    """Six comparisons; a is right in the even ones, b in the odd ones."""
    made = []
    for number in range(6):
        right, wrong = f"RIGHT {number}", f"wrong {number}"
        texts = (right, wrong) if number % 2 == 0 else (wrong, right)
        made.append(comparison(*texts, question(f"q{number}")))
    return made
