"""Pulling thumbs and edits from files: exactly once, however often, at once with others, or killed."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from example_production import kept_candidates, kept_questions
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config import Config, load_config
from tasks.curation.curate import curate
from tasks.errors import DomainError, IntegrityError
from tasks.feedback import log
from tasks.feedback.end_user_pulling import EndUserPull, pull_end_user_feedback
from tasks.feedback.production_store import read_production
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import Feedback, Question
from tasks.snapshots import read_rated_answers

REPOSITORY = Path(__file__).parents[3]
QUESTIONS = [
    {"question": "What is a deque?", "answer": "A double-ended queue.", "id": "deque", "split": "train"},
    {"question": "What is a heap?", "answer": "A tree.", "id": "heap", "split": "test"},
]
PULL = """
import os, signal, sys
from pathlib import Path
from tasks.config import load_config
from tasks.feedback import end_user_pulling, log
from tasks.home import find_home
if sys.argv[2] == "kill":
    log.append = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
end_user_pulling.pull_end_user_feedback(load_config(Path(sys.argv[1])), find_home())
"""


def line(number: int, **more: Any) -> dict[str, Any]:
    return {
        "question": f"Question {number % 7}?",
        "answer": f"Answer {number % 3}.",
        "rating": "up" if number % 2 else "down",
        "user": f"user-{number % 5}",
        "at": f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z",
        **more,
    }


def make_config(folder: Path) -> Config:
    (folder / "drops").mkdir(parents=True, exist_ok=True)
    (folder / "questions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in QUESTIONS))
    path = folder / "d.yaml"
    path.write_text("name: d\nquestions: questions.jsonl\nend_users: {files: [drops/*.jsonl]}\n")
    return load_config(path)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path / "domain")


def drop(config: Config, lines: Sequence[dict[str, Any]], name: str = "a.jsonl") -> None:
    with (config.root / "drops" / name).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in lines)


def start(config: Config, home: Home, how: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PULL, str(config.root / "d.yaml"), how],
        env={**os.environ, "RATCHET_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)},
    )


def assert_all_are_kept(home: Home, rows: Sequence[Feedback]) -> None:
    """Every judgement's question and candidate can be found."""
    candidates = {row.id: row for row in kept_candidates(home)}
    questions = {row.id for row in kept_questions(home)} | {"deque"}
    assert {row.candidate_a for row in rows} <= candidates.keys()
    assert {candidates[row.candidate_a].question_id for row in rows} <= questions
    assert {row.question_id for row in rows} <= questions


def test_a_domain_without_end_users_reads_nothing(config: Config, home: Home) -> None:
    nobody = config.model_copy(update={"end_users": config.end_users.model_copy(update={"files": ()})})
    assert pull_end_user_feedback(nobody, home) == EndUserPull(new=0, skipped={})
    assert not home.root.exists()


def test_pulling_twice_adds_nothing_and_a_grown_file_what_is_new(
    config: Config, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(config, [line(1), line(2), line(3, question="What is a heap?"), line(4, question="What is a deque?")])
    assert pull_end_user_feedback(config, home) == EndUserPull(new=3, skipped={"answers_to_test_questions": 1})
    assert "end users: 3 new (1 answers to test questions skipped)" in capsys.readouterr().err
    before = log.segments(home, "d")
    assert pull_end_user_feedback(config, home) == EndUserPull(new=0, skipped={})
    assert capsys.readouterr().err == ""
    drop(config, [line(1), line(2, rating="up", at="2026-01-02T00:00:00Z"), line(5)])
    assert pull_end_user_feedback(config, home).new == 2
    assert set(before) < set(log.segments(home, "d"))
    rows = log.read(home, "d")
    assert len(rows) == 4 and {row.source for row in rows} == {"end_user"}
    assert_all_are_kept(home, rows)


def test_each_question_and_candidate_is_kept_in_one_file_however_often_it_is_spoken_of(
    config: Config, home: Home
) -> None:
    for user in range(3):
        drop(config, [line(1, user=f"new-{user}"), line(1, user=f"new-{user}", answer=f"Another {user}.")])
        assert pull_end_user_feedback(config, home).new == 2
    question_files, candidate_files = read_production(home, "d")
    assert sum(file.rows for file in question_files) == 1
    assert sum(file.rows for file in candidate_files) == 4


def test_notes_that_are_lost_or_damaged_cost_a_pull_and_nothing_else(config: Config, home: Home) -> None:
    drop(config, [line(number) for number in range(20)])
    pull_end_user_feedback(config, home)
    before = log.segments(home, "d")
    note = home.feedback_log("d") / "pulled" / "end_user_files.json"
    note.write_text('{"files": {"a')
    assert pull_end_user_feedback(config, home).new == 0
    note.unlink()
    assert pull_end_user_feedback(config, home).new == 0
    assert log.segments(home, "d") == before


@settings(max_examples=15)
@given(numbers=st.lists(st.integers(0, 59), min_size=1, max_size=20), shuffler=st.randoms(use_true_random=False))
def test_any_order_split_over_any_files_and_pulls_leaves_the_same_log(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], shuffler: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("any")
    lines = [line(number, edit=None if number % 4 else "An edit.") for number in numbers]
    once, often = make_config(folder / "once"), make_config(folder / "often")
    one, other = Home(folder / "1"), Home(folder / "2")
    for home in (one, other):  # with one salt, so that the users have the same opaque ids
        home.root.mkdir()
        (home.root / "annotator_salt").write_text("5" * 64)
    drop(once, lines)
    pull_end_user_feedback(once, one)
    for each in shuffler.sample(lines, len(lines)):
        drop(often, [each], shuffler.choice(["a.jsonl", "b.jsonl"]))
        if shuffler.random() < 0.3:
            pull_end_user_feedback(often, other)
    pull_end_user_feedback(often, other)
    assert log.read(other, "d") == log.read(one, "d") != []


def test_a_pull_killed_between_the_candidates_and_the_log_loses_nothing(config: Config, home: Home) -> None:
    drop(config, [line(number) for number in range(10)])
    assert start(config, home, "kill").wait(timeout=120) == -signal.SIGKILL
    assert len(read_production(home, "d")[1]) == 1 and log.segments(home, "d") == []
    drop(config, [line(number) for number in range(10, 15)])
    assert pull_end_user_feedback(config, home).new == 15
    assert pull_end_user_feedback(config, home).new == 0
    rows = log.read(home, "d")
    assert len(rows) == 15
    assert_all_are_kept(home, rows)
    assert len({each.id for each in kept_candidates(home)}) == len({row.candidate_a for row in rows})


def test_processes_that_pull_at_once_leave_each_judgement_once(config: Config, home: Home) -> None:
    drop(config, [line(number) for number in range(40)])
    processes = [start(config, home, "whole") for _ in range(3)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    written = sum(segment.read_text().count("\n") for segment in home.feedback_log("d").glob("*.jsonl"))
    assert written == len(log.read(home, "d")) == len({(n % 7, n % 3, n % 5) for n in range(40)})


def test_a_bad_file_is_refused_whole_and_the_others_are_taken(config: Config, home: Home) -> None:
    drop(config, [line(1), {**line(2), "rating": "meh"}, {"answer": "a"}], "bad.jsonl")
    drop(config, [line(3)], "good.jsonl")
    for _ in range(2):
        with pytest.raises(DomainError) as raised:
            pull_end_user_feedback(config, home)
        assert [problem.split("bad.jsonl ")[1][:13] for problem in raised.value.problems] == [
            "line 2 has th",
            "line 3 has no",
            "line 3 has ne",
        ]
        assert len(log.read(home, "d")) == 1
    (config.root / "drops" / "bad.jsonl").write_text(json.dumps(line(1)) + "\n")
    assert pull_end_user_feedback(config, home).new == 1


def test_an_unfinished_line_is_counted_and_taken_once_it_is_whole(config: Config, home: Home) -> None:
    path = config.root / "drops" / "a.jsonl"
    whole = json.dumps(line(1)) + "\n"
    path.write_text(whole + json.dumps(line(2))[:-5])
    assert pull_end_user_feedback(config, home) == EndUserPull(new=1, skipped={"unfinished_lines": 1})
    path.write_text(whole + json.dumps(line(2)) + "\n")
    assert pull_end_user_feedback(config, home) == EndUserPull(new=1, skipped={})


def test_a_glob_without_a_file_is_said(config: Config, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert pull_end_user_feedback(config, home).new == 0
    assert "end users: no file matches 'drops/*.jsonl' in " in capsys.readouterr().err


def test_no_name_of_a_user_is_kept(config: Config, home: Home) -> None:
    drop(config, [line(1, user="ann@example.org")])
    pull_end_user_feedback(config, home)
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert files and not [path for path in files if b"ann@example.org" in path.read_bytes()]


def test_a_production_question_that_became_a_test_question_teaches_nothing(config: Config, home: Home) -> None:
    drop(config, [line(1), line(2), line(3, question="What is a deque?")])
    pull_end_user_feedback(config, home)
    deque = Question(id="deque", question="What is a deque?", answer="A queue.", family="deque", split="train")
    held_out = Question(id="new", question="Question 1?", family="f", split="test")
    questions, candidates = read_production(home, "d")
    asked = [write_rows(home.objects, [deque, held_out]), *questions]
    settings = config.curate.model_copy(update={"weights": {}})
    snapshot = curate(home, "d", asked, candidates, config.model_copy(update={"curate": settings}))
    rated = read_rated_answers(home.snapshots, snapshot)
    assert {row.prompt[-1].content for row in rated} == {"Question 2?", "What is a deque?"}
    assert snapshot.dropped["rows_with_test_question"] == 1


def test_a_damaged_list_of_production_files_is_named(config: Config, home: Home) -> None:
    drop(config, [line(1)])
    pull_end_user_feedback(config, home)
    (note,) = (home.feedback_log("d") / "production").glob("*.json")
    note.write_text('{"questions"')
    with pytest.raises(IntegrityError, match=r"production/[0-9a-f]{64}\.json is damaged"):
        read_production(home, "d")
