"""What a round learned from is counted by kind, and can be read back."""

from pathlib import Path

import pytest
from example_records import judgement

from tasks.curation.summary import FeedbackSummary, read_summary, source_kind, summarise_feedback
from tasks.errors import IntegrityError
from tasks.files import canonical_json
from tasks.judging.calibration import calibrate
from tasks.settings.judging import JudgeTrustSettings
from tasks.snapshots import Kind

SHA = "a" * 64


def summary() -> FeedbackSummary:
    feedback = [judgement(by="human", annotator="ann"), judgement(by="judge:reference"), judgement(name="p")]
    sources: dict[Kind, list[str]] = {
        "demonstrations": ["reference", "reference", f"correction:{SHA}"],
        "preference_pairs": [f"{kind}:{SHA}" for kind in ("human", "judge:reference", "judge:reference", "reference")],
        "rated_answers": [f"end_user:{SHA}"],
    }
    people = [row for row in feedback if row.source == "human"]
    trust = JudgeTrustSettings(min_kappa=0.5, min_labels=7, reduced_weight=0.1)
    segments = ["c" * 64, "b" * 64]
    return summarise_feedback(
        segments, {"judge:reference": 1, "human": 2}, people, sources, 0, calibrate(feedback, {}), trust
    )


def test_rows_and_judgements_are_counted_by_kind() -> None:
    found = summary()
    assert found.segments == ("b" * 64, "c" * 64)
    assert found.judgements == {"human": 2, "judge:reference": 1}
    assert found.demonstrations == {"correction": 1, "reference": 2}
    assert found.preference_pairs == {"human": 1, "judge:reference": 2, "reference": 1}
    assert found.rated_answers == {"end_user": 1}


def test_judges_are_kept_with_the_weight_that_their_calibration_gives_them() -> None:
    found = summary()
    assert [each.judge for each in found.judges] == ["judge:reference"]
    assert {judge: weight.weight for judge, weight in found.weights.items()} == {"judge:reference": 0.1}
    assert found.min_kappa == 0.5


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("reference", "reference"),
        (f"reference:{SHA}", "reference"),
        (f"correction:{SHA}", "correction"),
        (f"human:{SHA}", "human"),
        (f"judge:some/model:{SHA}", "judge:some/model"),
    ],
)
def test_a_source_tells_its_kind(source: str, kind: str) -> None:
    assert source_kind(source) == kind


def test_a_summary_is_read_back_as_it_was_and_none_where_there_is_none(tmp_path: Path) -> None:
    assert read_summary(tmp_path) is None
    (tmp_path / "feedback.json").write_text(canonical_json(summary()), encoding="utf-8")
    assert read_summary(tmp_path) == summary()


def test_a_damaged_summary_is_named(tmp_path: Path) -> None:
    (tmp_path / "feedback.json").write_text('{"segments": [', encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"feedback\.json is damaged: delete it and curate\.json beside it"):
        read_summary(tmp_path)
