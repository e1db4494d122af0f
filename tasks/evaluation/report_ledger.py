"""What the report shows of the forgetting ledger: rounds by skills, what each challenger lost."""

from collections.abc import Sequence
from typing import Any

from tasks.evaluation.forgetting import LedgerRow
from tasks.evaluation.report_text import format_signed, metric_label


def describe_ledger(rows: Sequence[LedgerRow]) -> dict[str, Any] | None:
    """The ledger's columns, a skill each, and its rows, a round each; None where no skill was ever tested."""
    if not rows:
        return None
    last = {row.skill: row for row in rows}
    found = {(row.round, row.skill): row for row in rows}
    promoted = {row.round: row.promoted for row in rows}
    return {
        "skills": [
            {"name": skill, "note": f"{metric_label(row.metric)}, margin {row.margin:g}"} for skill, row in last.items()
        ],
        "rounds": [
            {
                "round": str(number),
                "outcome": "promoted" if promoted[number] else "not promoted",
                "cells": [_cell(skill, found.get((number, skill))) for skill in last],
            }
            for number in sorted(promoted)
        ],
    }


def _cell(skill: str, row: LedgerRow | None) -> dict[str, Any]:
    if row is None:
        return {"skill": skill, "figure": "–", "note": "not tested", "held": True}
    return {
        "skill": skill,
        "figure": format_signed(row.from_champion),
        "note": f"{format_signed(row.from_best)} from version {row.best_version}",
        "held": row.held,
    }
