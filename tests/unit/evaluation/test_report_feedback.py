"""The report's words on labels and agreement, for every state that they can be in."""

import pytest

from tasks.curation.summary import FeedbackSummary
from tasks.evaluation.report_feedback import describe_agreement, describe_feedback, kind_label
from tasks.feedback.agreement import Agreement

NOTHING = Agreement(comparisons=0, annotators=0, agreed=None, alpha=None, alpha_ci95=None)
MEASURED = Agreement(comparisons=12, annotators=3, agreed=0.75, alpha=0.61, alpha_ci95=(0.2, 0.9))


@pytest.mark.parametrize(
    ("agreement", "sentence"),
    [
        (NOTHING, "Nobody's answers can be set beside another person's yet: no comparison was answered by two."),
        (
            MEASURED,
            "3 annotators answered 12 comparisons twice or more and gave the same answer in 75 % of the pairs; "
            "Krippendorff's alpha is 0.61 (95 % interval 0.20 to 0.90; 0 is chance).",
        ),
        (
            MEASURED.model_copy(update={"comparisons": 1, "alpha": None, "alpha_ci95": None}),
            "3 annotators answered 1 comparison twice or more and gave the same answer in 75 % of the pairs; "
            "Krippendorff's alpha needs two comparisons, and answers that are not all alike.",
        ),
    ],
)
def test_agreement_is_said_with_its_interval_or_why_there_is_none(agreement: Agreement, sentence: str) -> None:
    assert describe_agreement(agreement) == sentence


def test_the_table_has_a_row_for_each_kind_people_first() -> None:
    summary = FeedbackSummary(
        segments=(),
        judgements={"human": 20, "judge:reference": 360, "oracle": 1},
        demonstrations={"reference": 300, "correction": 1200},
        preference_pairs={"judge:reference": 90, "human": 14, "correction": 10, "reference": 50},
        rated_answers={"end_user": 7},
        agreement=NOTHING,
        judges=(),
        weights={},
        min_kappa=0.4,
    )
    described = describe_feedback(summary)
    assert [tuple(row.values()) for row in described["rows"]] == [
        ("corrections", "1,200", "10", "0"),
        ("end users' thumbs", "0", "0", "7"),
        ("people's preferences", "0", "14", "0"),
        ("reference judge's preferences", "0", "90", "0"),
        ("reference answers", "300", "50", "0"),
    ]
    assert described["judges"] is None
    assert described["judgements"] == "20 by people, 360 by the reference judge, 1 by the scripted annotator"


def test_a_kind_nobody_named_is_called_by_its_name() -> None:
    assert kind_label("judge:some/model") == "some/model judge's preferences"
    assert kind_label("elsewhere") == "elsewhere"
