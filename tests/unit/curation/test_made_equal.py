"""Rows that scrubbing made the same are one row in the snapshot, with or without a look for near-duplicates."""

import json
import tempfile
from pathlib import Path

import pytest
from example_domain import World, curate_records, worlds
from example_records import candidate, judgement, question
from example_rows import assert_lawful, demonstration, keys, pair, rated, rows_frame, shuffled
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config import Config
from tasks.curation.filters.made_equal import READS, drop_made_equal, twins
from tasks.errors import DomainError
from tasks.home import Home
from tasks.snapshots import read_demonstrations, read_preference_pairs, read_rated_answers

TAGGED = "Who is at [email]?"
ROWS_OF_A_QUESTION = [
    demonstration("Ann.", TAGGED),
    pair("Ann.", "Bob.", TAGGED, origin="judge:j", confidence=1.0),
    pair("Ann.", "Bob.", TAGGED, confidence=0.7),
    pair("Ann.", "Bob.", TAGGED, confidence=0.9),
    pair("Bob.", "Ann.", TAGGED),
    rated("Ann.", True, TAGGED),
    rated("Ann.", False, TAGGED),
    rated("Ann.", True, TAGGED),
]


def test_of_rows_that_teach_the_same_peoples_stay_then_the_surer_then_the_first() -> None:
    rows = rows_frame(ROWS_OF_A_QUESTION)
    screened = drop_made_equal(rows.with_columns(twins(rows)))
    assert keys(screened.kept) == ["000", "003", "004", "005", "006"]
    assert set(screened.removed["reason"]) == {"rows_made_equal"}


def test_rows_whose_question_has_no_tag_have_no_twin() -> None:
    rows = rows_frame(
        [demonstration("[email]", "What is it?"), demonstration("x", "[phone]"), demonstration("x", "[x]")]
    )
    assert [twin is None for twin in twins(rows)] == [True, False, True]


@given(rows=st.lists(st.sampled_from(ROWS_OF_A_QUESTION), max_size=8), seed=st.integers(0, 99))
def test_it_is_a_filter(rows: list[dict[str, object]], seed: int) -> None:
    frame = rows_frame(rows)
    known = frame.with_columns(twins(frame))
    assert_lawful(drop_made_equal, known, READS, shuffled(known, seed))


@pytest.mark.parametrize("near_duplicates", [None, 0.9])
def test_questions_made_equal_give_each_row_once(tmp_path: Path, near_duplicates: float | None) -> None:
    home = Home(tmp_path)
    curation = {"near_duplicates": near_duplicates, "reference_pairs": False}
    config = Config.model_validate({"name": "d", "questions": "q.jsonl", "root": tmp_path, "curate": curation})
    names = {"p": "Who is ann@firm.com?", "q": "Who is bob@firm.com?", "r": "Who is [email]?", "s": "Who is she?"}
    snapshot = curate_records(
        home,
        [question(name, "Somebody.", text=text) for name, text in names.items()],
        [candidate(text, name) for name in names for text in ("Nobody.", "Anybody.")],
        [judgement("Nobody.", "Anybody.", "a", name=name, annotator="ann") for name in names],
        config,
    )
    demonstrations = read_demonstrations(home.snapshots, snapshot)
    pairs = read_preference_pairs(home.snapshots, snapshot)
    for rows in (demonstrations, pairs):
        assert sorted(row.prompt[-1].content for row in rows) == ["Who is [email]?", "Who is she?"]
        assert len({row.id for row in rows}) == len(rows) == 2
    assert snapshot.dropped["rows_made_equal"] == 4
    card = json.loads((home.snapshots / snapshot.sha256 / "manifest.json").read_text())["card"]
    (shown,) = (each for each in card["filters"] if each["name"] == "made equal")
    assert shown["removed"] == {"rows_made_equal": {"demonstration": 2, "pair": 2}}
    assert len(shown["examples"]) == 3


@settings(max_examples=40)
@given(worlds(ratings=True))
def test_no_two_rows_of_a_snapshot_are_the_same(world: World) -> None:
    curation: dict[str, object] = {"near_duplicates": None, "weights": {}}
    config = Config.model_validate({"name": "d", "questions": "q.jsonl", "root": "/", "curate": curation})
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        try:
            snapshot = curate_records(home, *world, config)
        except DomainError:
            return
        for read in (read_demonstrations, read_preference_pairs, read_rated_answers):
            ids = [row.id for row in read(home.snapshots, snapshot)]
            assert len(set(ids)) == len(ids)
