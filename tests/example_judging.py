"""Judging outside a round: the judge has all of its budget at once."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.judging.budget import limits_of
from tasks.judging.llm_judge import Judged, JudgedComparisons, LlmJudge, judge_comparisons
from tasks.records import Comparison


def judge_all(
    judge: LlmJudge,
    comparisons: Sequence[Comparison],
    spend_note: Path,
    on_judged: Callable[[Judged], None] | None = None,
) -> JudgedComparisons:
    """What `judge_comparisons` returns when no part of the budget is kept for another stage."""
    undivided = judge.settings.budget.model_copy(update={"test_share": 0.0})
    return judge_comparisons(judge, comparisons, spend_note, limits_of(undivided, "collect"), on_judged)
