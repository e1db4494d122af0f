"""The gate: whether a challenger may become the champion, as named checks with their figures. Pure.

A challenger passes when the test set is large enough for a verdict and it is proven better than the champion, with
error control over all rounds of the domain (`tasks.evaluation.superiority`). "Not lower on one number" is not a
reason.
"""

import math

from tasks.errors import RatchetError
from tasks.records import ArmReport, Certificate, Check, PairedDifference, SuperiorityTest
from tasks.settings.evaluation import PromoteSettings

MAX_LOGIT_DIFFERENCE = 1e-3


def decide(report: ArmReport, superiority: SuperiorityTest, settings: PromoteSettings) -> Certificate:
    """The certificate of the report's challenger; it may be promoted when every check passed.

    Raises:
        RatchetError: when the report does not compare challenger and champion on the test's metric.
    """
    return Certificate(
        checks=(
            enough_test_questions(report.questions, settings.min_test_questions),
            better_than_champion(superiority, require_comparison(report, superiority.metric)),
        )
    )


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


def _p_value(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-6 else "below 0.000001"


def _number(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON cannot hold."""
    return value if math.isfinite(value) else None
