"""Whether the challenger is proven better than the champion, on enough test questions. Pure.

"Not lower on one number" is not a reason: the test is `tasks.evaluation.superiority`'s, with error control over all
rounds of the domain.
"""

from tasks.errors import RatchetError
from tasks.gate.figures import finite
from tasks.records import ArmReport, Check, PairedDifference, SuperiorityTest


def require_comparison(report: ArmReport, metric: str) -> PairedDifference:
    """Challenger minus champion on the metric.

    Raises:
        RatchetError: when the report does not have it.
    """
    comparison = report.comparison(metric)
    if comparison is None:
        compared = [c.metric for c in report.comparisons if (c.arm, c.against) == ("challenger", "champion")]
        raise RatchetError(
            f"The report of round {report.round} does not compare challenger and champion on {metric!r} (it has "
            f"{', '.join(sorted(compared)) or 'nothing'}): run the evaluate stage again, or set promote.primary_metric "
            "to one it has."
        )
    return comparison


def enough_test_questions(questions: int, needed: int) -> Check:
    """Passes when the test set has at least `needed` questions."""
    passed = questions >= needed
    noun = "question is" if questions == 1 else "questions are"
    if passed:
        sentence = f"{questions} test {noun} enough for a verdict (at least {needed} needed)."
    else:
        sentence = (
            f"{questions} test {noun} too few for a verdict (at least {needed} needed): add test questions or "
            "lower promote.min_test_questions."
        )
    return Check(
        name="enough_test_questions",
        passed=passed,
        sentence=sentence,
        evidence={"questions": questions, "needed": needed},
    )


def better_than_champion(test: SuperiorityTest, comparison: PairedDifference) -> Check:
    """Passes when the p-value is not above this round's level.

    Args:
        comparison: challenger minus champion on the test's metric, shown beside the verdict.
    """
    low, high = comparison.ci95
    if test.held:
        verdict = "is better than champion"
    elif low <= high < 0.0:
        verdict = "is worse than champion"
    else:
        verdict = "is not proven better than champion"
    wanted = f" by more than {test.minimum_effect:g}" if test.minimum_effect else ""
    return Check(
        name="better_than_champion",
        passed=test.held,
        sentence=(
            f"The challenger {verdict}{wanted} on {test.metric}: {comparison.difference:+.4f} (95 % interval "
            f"{low:+.4f} to {high:+.4f}; {comparison.wins} wins, {comparison.ties} ties, {comparison.losses} losses on "
            f"{test.questions} test questions), p {_p_value(test.p_value)}, where test {len(test.earlier) + 1} of this "
            f"domain allows {test.level:.2g} ({test.error_rate:g} for all tests together)."
        ),
        evidence={
            **test.model_dump(mode="json"),
            "difference": finite(comparison.difference),
            "ci95": [finite(low), finite(high)],
            "wins": comparison.wins,
            "ties": comparison.ties,
            "losses": comparison.losses,
        },
    )


def _p_value(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-6 else "below 0.000001"
