"""A round that trains on retrieved passages, through the real command line: what it learned from can be read."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tasks.files import read_rows
from tasks.records import Candidate, FileRef, RowContext


@pytest.fixture(scope="module")
def ratchet(make_ratchet: Callable[..., Any]) -> Any:
    """A domain whose questions name their sources, after its first round."""
    contexts = {"closed_book_share": 0.4, "oracle_share": 0.7, "citations": True}
    made = make_ratchet(
        retrieval={"dense": False}, collect={"arms": ["closed_book", "rag"]}, train={"contexts": contexts}
    )
    path = made.config.parent / "questions.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["sources"] = [f"documents/{row['family']}.md"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    made.go()
    return made


def test_the_adapter_names_the_passages_of_every_row(ratchet: Any) -> None:
    adapter = ratchet.record("train")
    contexts = adapter["contexts"]

    rows = read_rows(ratchet.home / "objects", FileRef.model_validate(contexts["rows"]), RowContext)

    assert (ratchet.home / "indexes" / contexts["index_sha256"] / "manifest.json").is_file()
    assert len(rows) == adapter["demonstrations"] + adapter["preference_pairs"]
    for kind in ("oracle", "distractors", "closed_book"):
        assert contexts[kind] == sum(row.kind == kind for row in rows) > 0
    assert all(row.passages for row in rows if row.kind != "closed_book")
    assert all(bool(row.cited) == (row.kind == "oracle") for row in rows)


def test_candidates_come_from_both_arms(ratchet: Any) -> None:
    batch = ratchet.record("collect")

    candidates = read_rows(ratchet.home / "objects", FileRef.model_validate(batch["candidates"]), Candidate)

    assert [candidate.arm for candidate in candidates] == ["base", "rag", "base"] * 8
    assert all(bool(candidate.contexts) == (candidate.arm == "rag") for candidate in candidates)


def test_mlflow_and_why_say_what_was_trained_on(ratchet: Any) -> None:
    contexts = ratchet.record("train")["contexts"]

    logged = dict(ratchet.query("select key, value from params where key like 'contexts.%' or key like 'retrieval.%'"))
    why = ratchet.done("why", "2", "--config", str(ratchet.config)).stdout

    assert logged["contexts.index_sha256"] == contexts["index_sha256"]
    assert logged["contexts.rows_sha256"] == contexts["rows"]["sha256"]
    assert logged["contexts.oracle"] == str(contexts["oracle"])
    assert logged["retrieval.passages"] == "2"
    assert f"Rows {contexts['oracle']} with a passage of a source, " in why


def test_a_change_of_retrieval_makes_another_round_due(ratchet: Any) -> None:
    text = ratchet.config.read_text(encoding="utf-8")
    before = ratchet.json("status", "--config", str(ratchet.config))

    ratchet.config.write_text(text.replace('"dense": false', '"dense": false, "passages": 1'), encoding="utf-8")
    after = ratchet.json("status", "--config", str(ratchet.config))

    assert (before["due"], after["due"]) == (False, True)
