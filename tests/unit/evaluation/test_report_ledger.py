"""The ledger's table has a column for each skill and a row for each round, and a hole where nothing was tested."""

from typing import Any

from tasks.evaluation.forgetting import LedgerRow
from tasks.evaluation.report_ledger import describe_ledger


def row(round: int, skill: str, **changes: Any) -> LedgerRow:
    fields: dict[str, Any] = {
        "promoted": True,
        "metric": "rouge_l",
        "challenger": 0.5,
        "from_champion": 0.02,
        "from_best": -0.03,
        "best_version": 2,
        "margin": 0.1,
        "held": True,
    }
    return LedgerRow(round=round, skill=skill, **fields | changes)


def test_without_a_skill_there_is_no_table():
    assert describe_ledger([]) is None


def test_rounds_are_rows_and_skills_columns():
    shown = describe_ledger(
        [
            row(1, "unit=m"),
            row(3, "unit=m", promoted=False, held=False),
            row(3, "harm", promoted=False, metric="refuses", margin=0.2),
        ]
    )
    assert shown is not None
    assert shown["skills"] == [
        {"name": "unit=m", "note": "ROUGE-L, margin 0.1"},
        {"name": "harm", "note": "Refuses, margin 0.2"},
    ]
    assert [(each["round"], each["outcome"]) for each in shown["rounds"]] == [("1", "promoted"), ("3", "not promoted")]
    first, third = (each["cells"] for each in shown["rounds"])
    assert first == [
        {"skill": "unit=m", "figure": "+0.020", "note": "−0.030 from version 2", "held": True},
        {"skill": "harm", "figure": "–", "note": "not tested", "held": True},
    ]
    assert [cell["held"] for cell in third] == [False, True]
