"""How the report writes numbers and names."""

import pytest
from example_models import paired_difference

from tasks.evaluation.report_text import (
    arm_label,
    count_of,
    describe_difference,
    flatten,
    format_number,
    format_seconds,
    format_signed,
    metric_label,
)


@pytest.mark.parametrize(
    ("value", "digits", "plain", "signed"),
    [
        (0.1234, 3, "0.123", "+0.123"),
        (-0.1234, 3, "−0.123", "−0.123"),
        (0.0, 2, "0.00", "0.00"),
        (-0.0004, 3, "0.000", "0.000"),
        (0.0004, 3, "0.000", "0.000"),
        (-1.0, 1, "−1.0", "−1.0"),
    ],
)
def test_numbers_have_a_real_minus_and_zero_has_no_sign(value: float, digits: int, plain: str, signed: str) -> None:
    assert format_number(value, digits) == plain
    assert format_signed(value, digits) == signed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (0.449, "0.45 s"),
        (12.34, "12.3 s"),
        (99.94, "99.9 s"),
        (99.96, "1 min 40 s"),
        (264.2, "4 min 24 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_seconds_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("difference", "ci95", "text"),
    [
        (0.1612, (0.1191, 0.2003), "+0.16 ROUGE-L (95 % interval +0.12 to +0.20)"),
        (0.031, (0.004, 0.058), "+0.031 ROUGE-L (95 % interval +0.004 to +0.058)"),
        (0.0312, (0.0004, 0.062), "+0.0312 ROUGE-L (95 % interval +0.0004 to +0.0620)"),
        (-0.02, (-0.05, 0.01), "−0.02 ROUGE-L (95 % interval −0.05 to +0.01)"),
        (0.0, (0.0, 0.0), "0.00 ROUGE-L (95 % interval 0.00 to 0.00)"),
    ],
)
def test_an_interval_that_leaves_out_zero_is_not_rounded_onto_it(
    difference: float, ci95: tuple[float, float], text: str
) -> None:
    comparison = paired_difference(difference=difference, ci95=ci95)
    assert describe_difference(comparison) == text


def test_unknown_metrics_and_arms_are_spelled_out() -> None:
    assert (metric_label("rouge_l"), metric_label("exact_match")) == ("ROUGE-L", "Exact match")
    assert (arm_label("rag_ft"), arm_label("rag_large")) == ("RAG + fine-tuned", "Rag large")


@pytest.mark.parametrize(("number", "text"), [(0, "0 pairs"), (1, "1 pair"), (1234, "1,234 pairs")])
def test_counts_take_the_plural(number: int, text: str) -> None:
    assert count_of(number, "pair") == text


def test_provenance_is_flattened_in_order_and_only_what_is_absent_is_left_out() -> None:
    values = {"seed": 0, "versions": {"python": "3.11", "gpu": None}, "arms": ["base", "ft"], "gpus": [], "none": {}}
    assert flatten(values) == [("seed", "0"), ("versions.python", "3.11"), ("arms", "base, ft")]
