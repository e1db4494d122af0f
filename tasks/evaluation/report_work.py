"""What the report and the command line say of the work of LLM judges: what they were given, and what it cost."""

from collections.abc import Sequence
from typing import Any

from tasks.evaluation.report_judges import judge_label
from tasks.judging.work import JudgeWork
from tasks.progress import listed

COLUMNS = ("stage", "judged", "of them kept", "skipped", "calls", "tokens", "US dollars")


def work_cells(work: JudgeWork) -> list[str]:
    """For each of the columns its text."""
    counts, spent = work.counts, work.counts.spent
    return [
        work.stage,
        f"{counts.judged:,}",
        f"{counts.kept:,}",
        listed(counts.skipped) or "none",
        f"{spent.calls:,}",
        f"{spent.prompt_tokens + spent.completion_tokens:,}{' (partly estimated)' if spent.estimated_calls else ''}",
        f"{spent.cost_usd:.4f}",
    ]


def describe_work(work: Sequence[JudgeWork]) -> list[dict[str, Any]]:
    """The rows of the table of what judges were asked."""
    rows = []
    for each in work:
        name, _, version = judge_label(each.judge).partition("@")
        cells = [{"column": column, "text": text} for column, text in zip(COLUMNS, work_cells(each), strict=True)]
        rows.append({"judge": name, "version": version, "cells": cells})
    return rows
