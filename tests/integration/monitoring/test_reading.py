"""Production's answers, read from a real MLflow and from files; what cannot be used is counted, and nothing is lost."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from example_traces import Served, write_traces

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.home import Home
from tasks.monitoring.answers import Answers, read_answers
from tasks.monitoring.looking import periods


@pytest.fixture
def read(config: Config, home: Home) -> Callable[..., list[Answers]]:
    def now_and_before(**monitor: Any) -> list[Answers]:
        settings = config.monitor.model_copy(update=monitor)
        at = datetime.now(UTC) + timedelta(seconds=1)
        changed = config.model_copy(update={"monitor": settings})
        return read_answers(changed, home, periods(changed, at, None))

    return now_and_before


def damage(home: Home, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(home.mlflow_database)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def test_what_serve_traces_is_read_with_all_that_it_says_each_in_its_period(
    config: Config, home: Home, read: Callable[..., list[Answers]]
) -> None:
    write_traces(
        config,
        home,
        [
            Served("What is a list?", "A row.", days_ago=1, latency_s=2.5, version="4", thumb="down"),
            Served("What is a set?", "I do not know.", days_ago=10, version="3", thumb="up", abstained=True),
            Served("What is a dict?", days_ago=60),
        ],
    )

    now, before = read()

    (first,), (second,) = now.rows, before.rows
    assert (first.question, first.answer, first.latency_s, first.version) == ("What is a list?", "A row.", 2.5, "4")
    assert (first.rating, first.abstained) == ("down", False)
    assert (second.rating, second.abstained, second.version) == ("up", True, "3")
    assert (now.remarks, +_counted(now), +_counted(before)) == ((), {}, {})


def _counted(answers: Answers) -> Any:
    from collections import Counter

    return Counter(answers.skipped)


def test_traces_that_cannot_be_used_are_counted_and_the_others_are_read(
    config: Config, home: Home, read: Callable[..., list[Answers]]
) -> None:
    served = [
        Served("What is a list?"),
        Served("no spans"),
        Served("broken span"),
        Served("of another", domain="shop"),
        Served("of this one", domain="d"),
        Served("failed", state="ERROR"),
        Served("\u200b\u200d"),
        Served("", thumb="up"),
        Served(None, None, thumb="down"),
        Served("a" * 300_000),
    ]
    ids = write_traces(config, home, served)
    damage(home, "delete from spans where trace_id = ?", ids[1])
    damage(home, "update spans set content = '{\"name\": oops' where trace_id = ?", ids[2])

    now, before = read()

    texts = sorted(len(answer.question or "") for answer in now.rows)
    assert texts == [0, 0, 0, len("of this one"), len("What is a list?"), 2000]
    assert sorted(answer.rating for answer in now.rows if answer.rating) == ["down", "up"]
    assert sum(now.skipped.values()) == 4
    assert now.skipped["traces_of_other_domains"] == now.skipped["traces_unfinished_or_failed"] == 1
    assert now.skipped["traces_unreadable"] + now.skipped.get("traces_without_a_single_root", 0) == 2
    assert before.rows == ()


def test_of_many_traces_the_newest_are_read_and_that_is_said(
    config: Config, home: Home, read: Callable[..., list[Answers]]
) -> None:
    write_traces(config, home, [Served(f"What is {day}?", days_ago=day) for day in (1, 2, 3, 4)])

    now, _ = read(max_answers=2)

    assert [answer.question for answer in now.rows] == ["What is 1?", "What is 2?"]
    assert len(now.remarks) == 1
    assert now.remarks[0].endswith("the newest 2 traces were read.")


def test_without_traces_there_are_no_answers(read: Callable[..., list[Answers]]) -> None:
    assert [answers.rows for answers in read()] == [(), ()]


def test_an_experiment_that_the_config_names_and_mlflow_does_not_have_is_refused(config: Config, home: Home) -> None:
    users = config.end_users.model_copy(update={"mlflow_experiment": "shop"})
    changed = config.model_copy(update={"end_users": users})

    with pytest.raises(ConfigError, match=r"end_users\.mlflow_experiment: MLflow has no experiment 'shop'; correct"):
        read_answers(changed, home, periods(changed, datetime.now(UTC), None))


def test_files_count_too_and_one_that_is_damaged_is_left_out_and_named(
    config: Config, home: Home, folder: Path
) -> None:
    at = datetime.now(UTC) - timedelta(days=1)
    line = {"question": "What is a list?", "answer": "A row.", "rating": "down", "at": at.isoformat(), "id": "1"}
    lines = [line, {**line, "id": "2", "at": (at - timedelta(days=10)).isoformat()}, {**line, "id": "3", "at": None}]
    (folder / "good.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")
    (folder / "bad.jsonl").write_text("oops\n", encoding="utf-8")
    users = config.end_users.model_copy(update={"files": ("good.jsonl", "bad.jsonl", "none*.jsonl")})
    changed = config.model_copy(update={"end_users": users})

    now, before = read_answers(changed, home, periods(changed, datetime.now(UTC), None))

    assert [(answer.id, answer.rating) for answer in now.rows] == [("good.jsonl/1", "down")]
    assert [answer.id for answer in before.rows] == ["good.jsonl/2"]
    assert now.skipped == {"files_unusable": 1, "lines_without_a_time": 1}
    assert now.remarks[0] == f"No file matches 'none*.jsonl' in {folder}."
    assert "bad.jsonl line 1 is not valid JSON" in now.remarks[1]
