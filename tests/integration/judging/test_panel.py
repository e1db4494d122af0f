"""A panel of judges: each is asked on its own endpoint, within its own budget, and speaks for itself."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scripted_endpoint import KEY, ScriptedEndpoint, always_first, serve

from tasks.config import Config
from tasks.errors import EndpointError, IntegrityError
from tasks.home import Home
from tasks.judging.panel import judge_by_panel
from tasks.judging.work import read_work
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
        rows = judge_by_panel(config, home, twice, tmp_path / "round", 4, "collect")
        again = judge_by_panel(config, home, twice, tmp_path / "round", 4, "collect")
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
    assert judge_by_panel(make_config(), Home(ratchet_home), comparisons, tmp_path / "round", 1, "collect") == []


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
        with pytest.raises(EndpointError, match="refuses the API key"):
            judge_by_panel(config, home, comparisons, tmp_path / "round", 1, "collect")
        strict.faults = []
        rows = judge_by_panel(config, home, comparisons, tmp_path / "round", 1, "collect")
        assert len(wise.asked) == 12
    assert len(rows) == 12


def test_each_stage_has_its_share_of_the_budget_and_a_note_of_its_own(
    comparisons: list[Comparison], ratchet_home: Path, tmp_path: Path
) -> None:
    home, folder = Home(ratchet_home), tmp_path / "round"
    with serve(ScriptedEndpoint()) as endpoint:
        budget = {"comparisons": 4, "test_share": 0.5}
        config = make_config({"name": "wise", "url": endpoint.url, "model": "m", "budget": budget})
        collected = judge_by_panel(config, home, comparisons[:3], folder, 1, "collect")
        assert len(endpoint.asked) == 4
        evaluated = judge_by_panel(config, home, comparisons[3:], folder, 1, "evaluate")
        assert len(endpoint.asked) == 8
    assert (len(collected), len(evaluated)) == (2, 2)
    assert sorted(path.parent.name for path in folder.rglob("wise.journal")) == ["collect", "evaluate"]
    name = collected[0].source
    assert [(each.judge, each.stage) for each in read_work(folder)] == [(name, "collect"), (name, "evaluate")]
    for each in read_work(folder):
        assert (each.counts.judged, each.counts.skipped["budget"], each.counts.spent.calls) == (2, 1, 4)


def test_without_a_share_a_judge_is_not_asked_about_test_answers_even_where_nothing_limits_it(
    comparisons: list[Comparison], ratchet_home: Path, tmp_path: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        config = make_config({"name": "wise", "url": endpoint.url, "model": "m", "budget": {"test_share": 0}})
        home = Home(ratchet_home)
        assert judge_by_panel(config, home, comparisons, tmp_path, 1, "evaluate") == []
        assert endpoint.asked == []
        assert len(judge_by_panel(config, home, comparisons, tmp_path, 1, "collect")) == 6


def test_what_a_judge_was_asked_is_kept_and_a_damaged_account_is_named(
    comparisons: list[Comparison], ratchet_home: Path, tmp_path: Path
) -> None:
    assert read_work(tmp_path) == []
    with serve(ScriptedEndpoint()) as endpoint:
        config = make_config({"name": "wise", "url": endpoint.url, "model": "m"})
        for _ in range(2):
            judge_by_panel(config, Home(ratchet_home), comparisons, tmp_path, 1, "collect")
    [work] = read_work(tmp_path)
    # The second time all was kept; what was spent is that of both.
    assert (work.counts.judged, work.counts.kept, work.counts.spent.calls) == (6, 6, 12)
    (tmp_path / "judging" / "collect" / "wise.json").write_text("[]", encoding="utf-8")
    with pytest.raises(
        IntegrityError, match=r"wise\.json is damaged: delete it; nothing but the account of it is lost"
    ):
        read_work(tmp_path)
