"""The gate: whether a challenger may become the champion, as named checks with their figures. Pure.

A challenger passes when the test set is large enough for a verdict and the whole 95 % interval of its paired
difference to the champion lies above zero. "Not lower on one number" is not a reason.
"""

import math

from tasks.errors import RatchetError
from tasks.records import ArmReport, Certificate, Check, PairedDifference
from tasks.settings.evaluation import PromoteSettings

CHALLENGER = "challenger"
CHAMPION = "champion"
MAX_LOGIT_DIFFERENCE = 1e-3


def decide(report: ArmReport, settings: PromoteSettings) -> Certificate:
    """The certificate of the report's challenger; it may be promoted when every check passed.

    Raises:
        RatchetError: when the report does not compare challenger and champion on the primary metric.
    """
    metric = settings.primary_metric
    comparison = report.comparison(metric)
    if comparison is None:
        compared = [c.metric for c in report.comparisons if (c.arm, c.against) == (CHALLENGER, CHAMPION)]
        raise RatchetError(
            f"The report of round {report.round} does not compare {CHALLENGER} and {CHAMPION} on {metric!r} (it has "
            f"{', '.join(sorted(compared)) or 'nothing'}): run the evaluate stage again, or set promote.primary_metric "
            "to one it has."
        )
    return Certificate(
        checks=(
            enough_test_questions(report.questions, settings.min_test_questions),
            better_than_champion(comparison, report.questions),
        )
    )


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


def better_than_champion(comparison: PairedDifference, questions: int) -> Check:
    """Passes when the whole 95 % interval of challenger minus champion lies above zero.

    An interval that touches zero, is upside down or holds a NaN does not pass.
    """
    low, high = comparison.ci95
    finite = all(map(math.isfinite, (comparison.difference, low, high)))
    passed = finite and 0.0 < low <= high
    figures = (
        f"{comparison.difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}; {comparison.wins} wins, "
        f"{comparison.ties} ties, {comparison.losses} losses on {questions} test questions)"
    )
    if passed:
        verdict = "is better than champion"
    elif not finite:
        verdict = "cannot be compared with champion, because a figure is not a finite number,"
    elif low <= high < 0.0:
        verdict = "is worse than champion"
    else:
        verdict = "is not proven better than champion, because the interval does not lie above zero,"
    return Check(
        name="better_than_champion",
        passed=passed,
        sentence=f"The challenger {verdict} on {comparison.metric}: {figures}.",
        evidence={
            "metric": comparison.metric,
            "difference": _number(comparison.difference),
            "ci95": [_number(low), _number(high)],
            "wins": comparison.wins,
            "ties": comparison.ties,
            "losses": comparison.losses,
        },
    )


def same_model(max_difference: float) -> Check:
    """Passes when the reloaded model's logits are within 1e-3 of those of the evaluated one.

    Args:
        max_difference: the largest absolute gap between two logits.
    """
    passed = 0.0 <= max_difference <= MAX_LOGIT_DIFFERENCE
    found = "is the model that was evaluated" if passed else "is not the model that was evaluated"
    return Check(
        name="same_model",
        passed=passed,
        sentence=(
            f"The registered model {found}: loaded back, its logits differ by at most {max_difference:.2g} "
            f"({MAX_LOGIT_DIFFERENCE:g} allowed)."
        ),
        evidence={"max_difference": _number(max_difference), "allowed": MAX_LOGIT_DIFFERENCE},
    )


def _number(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON cannot hold."""
    return value if math.isfinite(value) else None
