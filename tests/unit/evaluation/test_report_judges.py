"""What is said of judges: every figure beside its interval, nothing where nothing is known, and why not in full."""

import pytest
from example_judges import NEW, NO_ROWS, POOR, RIGHT, audited_judgements, calibrated_judges

from tasks.curation.summary import FeedbackSummary, summarise_feedback
from tasks.evaluation.report_judges import COLUMNS, chart_judges, describe_judges, judge_cells, stand_in_note
from tasks.judging.trust import judge_weights
from tasks.settings.judging import JudgeTrustSettings

TRUST = JudgeTrustSettings()


def summary(people: str = "human") -> FeedbackSummary:
    feedback, _ = audited_judgements(people)
    return summarise_feedback([], {}, feedback, NO_ROWS, 0, calibrated_judges(people), TRUST)


def test_figures_have_their_intervals_beside_them_and_unknown_ones_are_empty() -> None:
    poor, new, right = calibrated_judges()
    assert dict(zip(COLUMNS, judge_cells(right), strict=True)) == {
        "Kappa": ("0.80", "0.54 to 0.92"),
        "Accuracy": ("90 %", "77 % to 96 %"),
        "Position bias": ("", ""),
        "Order changes it": ("", ""),
        "Length bias": ("+0.10", "−0.01 to +0.20"),
        "Self-preference": ("", ""),
    }
    assert judge_cells(new) == [("", "")] * 6
    assert judge_cells(poor)[2:4] == [("+0.75", "+0.57 to +0.86"), ("75 %", "60 % to 86 %")]


def test_every_judge_has_its_row_and_those_not_counted_in_full_their_reason() -> None:
    described = describe_judges(summary())
    assert described is not None
    assert [(row["judge"], row["version"], row["labels"], row["weight"]) for row in described["rows"]] == [
        ("local", "0123456789ab", "40", "0"),
        ("other", "ba9876543210", "0", "0.25"),
        ("reference", "", "40", "1"),
    ]
    assert [cell["figure"] for cell in described["rows"][1]["cells"]] == ["–"] * 6
    assert [sentence.split()[0] for sentence in described["doubts"]] == [POOR, NEW]
    assert described["stand_in"] is None


def test_without_judges_there_is_nothing_to_say() -> None:
    assert describe_judges(summarise_feedback([], {}, [], NO_ROWS, 0)) is None


@pytest.mark.parametrize(
    ("people", "note"),
    [
        ("human", None),
        (
            "oracle",
            "No person has judged these comparisons: the scripted annotator (`oracle`) answered in people's place.",
        ),
        (
            "both",
            "Some of these comparisons were judged by the scripted annotator (`oracle`), in people's place.",
        ),
    ],
)
def test_a_table_made_from_the_oracle_says_so(people: str, note: str | None) -> None:
    calibrations = calibrated_judges("human" if people == "both" else people)
    if people == "both":
        calibrations = tuple(each.model_copy(update={"people": "both"}) for each in calibrations)
    assert stand_in_note(calibrations) == note


def test_the_chart_shows_kappas_that_are_known_and_the_line_that_is_asked_for() -> None:
    calibrations = calibrated_judges()
    chart = chart_judges(calibrations, judge_weights(calibrations, TRUST), 0.4)
    assert chart is not None
    assert [trace["marker"]["symbol"] for trace in chart.figure["data"]] == ["circle-open", "circle"]
    assert [trace["x"][0] for trace in chart.figure["data"]] == [
        each.kappa.value for each in calibrations if each.kappa is not None
    ]
    [line] = chart.figure["layout"]["shapes"]
    assert (line["x0"], line["x1"]) == (0.4, 0.4)
    assert "reference 0.80. 0.40 is needed to count in full." in chart.description


def test_the_line_is_in_the_picture_where_all_kappas_are_below_it() -> None:
    calibrations = calibrated_judges()[:1]
    chart = chart_judges(calibrations, judge_weights(calibrations, TRUST), 0.9)
    assert chart is not None and chart.figure["layout"]["xaxis"]["range"][1] > 0.9


def test_there_is_no_chart_where_no_kappa_is_known() -> None:
    calibrations = calibrated_judges()[1:2]
    assert chart_judges(calibrations, judge_weights(calibrations, TRUST), 0.4) is None


def test_a_judges_name_is_text_for_plotly() -> None:
    calibrations = tuple(
        each.model_copy(update={"judge": "judge:<b>x</b>"}) for each in calibrated_judges() if each.judge == RIGHT
    )
    chart = chart_judges(calibrations, judge_weights(calibrations, TRUST), 0.4)
    assert chart is not None
    assert chart.figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;x&lt;/b&gt;"]
