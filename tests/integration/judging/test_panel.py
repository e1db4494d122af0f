"""A panel of judges: each is asked on its own endpoint, within its own budget, and speaks for itself."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scripted_endpoint import KEY, ScriptedEndpoint, always_first, serve

from tasks.config import Config
from tasks.errors import JudgeError
from tasks.home import Home
from tasks.judging.panel import judge_by_panel
from tasks.records import Comparison


@pytest.fixture(autouse=True)
def api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def make_config(*judges: dict[str, Any]) -> Config:
    return Config.model_validate({"name": "d", "questions": "q.jsonl", "root": Path("/domain"), "judges": judges})


def test_each_judge_has_its_own_voice_budget_and_endpoint(
    comparisons: list[Comparison], ratchet_home: Path, tmp_path: Path
) -> None:
    home = Home(ratchet_home)
    twice = [*comparisons, *comparisons]
    with serve(ScriptedEndpoint()) as wise, serve(ScriptedEndpoint(always_first)) as biased:
        config = make_config(
            {"name": "wise", "url": wise.url, "model": "m"},
            {"name": "biased", "url": biased.url, "model": "other", "budget": {"comparisons": 2}},
        )
        rows = judge_by_panel(config, home, twice, tmp_path / "round", 4)
        again = judge_by_panel(config, home, twice, tmp_path / "round", 4)
        assert (len(wise.asked), len(biased.asked)) == (12, 4)
    assert again == rows
    assert len({row.id for row in rows}) == len(rows) == 8
    voices = Counter(row.source.split("@")[0] for row in rows)
    assert voices == {"judge:wise": 6, "judge:biased": 2}
    assert [row.preference for row in rows[:6]] == ["a", "b", "a", "b", "a", "b"]
    # The most wanted come first, and that is where a small budget goes.
    assert [row.question_id for row in rows[6:]] == ["q0", "q1"]
    assert all(row.swap_inconsistent for row in rows[6:])
    assert {row.round for row in rows} == {4}


def test_without_judges_nobody_is_asked(comparisons: list[Comparison], ratchet_home: Path, tmp_path: Path) -> None:
    assert judge_by_panel(make_config(), Home(ratchet_home), comparisons, tmp_path / "round", 1) == []


def test_a_judge_that_refuses_stops_the_round_and_what_the_others_said_is_paid_for_once(
    comparisons: list[Comparison], ratchet_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(ratchet_home)
    with serve(ScriptedEndpoint()) as wise, serve(ScriptedEndpoint()) as strict:
        config = make_config(
            {"name": "wise", "url": wise.url, "model": "m", "api_key_variable": "OPENAI_API_KEY"},
            {"name": "strict", "url": strict.url, "model": "other", "api_key_variable": "OTHER_KEY"},
        )
        strict.faults = [lambda handler: handler.send_error(401)] * 99
        monkeypatch.setenv("OTHER_KEY", "sk-wrong")
        with pytest.raises(JudgeError, match="refuses the API key"):
            judge_by_panel(config, home, comparisons, tmp_path / "round", 1)
        strict.faults = []
        rows = judge_by_panel(config, home, comparisons, tmp_path / "round", 1)
        assert len(wise.asked) == 12
    assert len(rows) == 12
