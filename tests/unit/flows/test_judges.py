"""`ratchet judges`: the table, a sentence on each judge, and what to do where there are no labels yet."""

import json
from pathlib import Path

import pytest
from example_judges import NEW, POOR, RIGHT, audited_judgements

from flows.judges import show_judges
from tasks.config import Config
from tasks.feedback import log
from tasks.feedback.event_frames import to_records, whole_frame
from tasks.feedback.withdrawals import NOTHING
from tasks.files import write_rows
from tasks.home import Home
from tasks.judging.audit_rows import rows_to_measure
from tasks.judging.calibration import calibrate
from tasks.records import (
    BaseModelRef,
    Candidate,
    Domain,
    Feedback,
    FeedbackBatch,
    FileRef,
    LabelDataset,
    ModelVersion,
)
from tasks.rounds import begin_round, write_stage

CHAMPION = ModelVersion(name="tiny", version=1, base=BaseModelRef(id="tiny", path="/tiny", sha256="b" * 64))
AUDIT = LabelDataset(
    id="1",
    name="tiny-round-1-audit",
    workspace="w",
    url="http://labels",
    audit=True,
    requests=FileRef(sha256="d" * 64, rows=9),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.model_validate({"name": "tiny", "questions": "questions.jsonl", "root": tmp_path})


def keep_round(
    home: Home, feedback: list[Feedback], candidates: list[Candidate], asked: tuple[LabelDataset, ...] = ()
) -> None:
    """A round as `collect` leaves it."""
    rows = FileRef(sha256="a" * 64, rows=0)
    domain = Domain(name="tiny", questions=rows, documents=rows, train_questions=1, test_questions=1, shared_families=0)
    begin_round(home, 1, domain, CHAMPION)
    batch = FeedbackBatch(
        round=1,
        model_version=CHAMPION,
        candidates=write_rows(home.objects, candidates),
        feedback=log.append(home, "tiny", feedback),
        questions=1,
        preferences={},
        label_datasets=asked,
    )
    write_stage(home.round("tiny", 1), "collect", "key", batch)


def test_every_judge_has_a_column_and_a_sentence(home: Home, config: Config) -> None:
    feedback, candidates = audited_judgements()
    keep_round(home, feedback, candidates)
    result, lines = show_judges(config)
    assert lines[0] == "Judges of tiny, beside 40 audit labels; with 95 % intervals"
    header, kappa, *_ = lines[1:]
    assert header.split() == ["local@0123456789ab", "other@ba9876543210", "reference"]
    assert "0.80 (0.54 to 0.92)" in kappa and " - " in kappa
    assert lines[-3].startswith(
        f"{POOR} is left out of training and decides no promotion: its kappa with people is at most"
    )
    assert lines[-2].startswith(f"{NEW} counts at weight 0.25 in training and decides no promotion: it has not been")
    assert lines[-1].startswith(f"{RIGHT} counts in full: its kappa with people is 0.80 on 40 audit comparisons")
    assert max(map(len, lines[1:10])) <= 120
    assert json.loads(json.dumps(result)) == result
    assert (result["audit_labels"], result["min_kappa"], result["min_labels"]) == (40, 0.4, 30)
    assert [(each["judge"], each["weight"], each["trusted"]) for each in result["judges"]] == [
        (POOR, 0.0, False),
        (NEW, 0.25, False),
        (RIGHT, 1.0, True),
    ]


def test_the_figures_are_those_that_curation_has(home: Home, config: Config) -> None:
    feedback, candidates = audited_judgements()
    keep_round(home, feedback, candidates)
    result, _ = show_judges(config)
    keep = rows_to_measure(whole_frame(feedback).lazy(), NOTHING)
    expected = calibrate(to_records(keep), {each.id: each for each in candidates})
    assert [{name: each[name] for name in type(expected[0]).model_fields} for each in result["judges"]] == [
        each.model_dump(mode="json") for each in expected
    ]


def test_a_table_made_from_the_oracle_says_so(home: Home, config: Config) -> None:
    keep_round(home, *audited_judgements("oracle"))
    result, lines = show_judges(config)
    assert lines[-1].startswith("No person has judged these comparisons: the scripted annotator")
    assert {each["people"] for each in result["judges"]} == {"oracle", None}


@pytest.mark.parametrize(
    ("argilla", "asked", "todo"),
    [
        (None, (), "set `human_feedback.argilla` in the config, run a round, and answer its audit records."),
        ("embedded", (), "set `human_feedback.audit_share` in the config, run a round, and answer its audit records."),
        ("embedded", (AUDIT,), "answer tiny-round-1-audit at http://labels, then run `ratchet labels`."),
    ],
)
def test_without_audit_labels_it_says_what_to_do(
    home: Home, config: Config, argilla: str | None, asked: tuple[LabelDataset, ...], todo: str
) -> None:
    feedback, candidates = audited_judgements()
    keep_round(home, [row for row in feedback if row.source != "human"], candidates, asked)
    people = config.human_feedback.model_copy(update={"argilla": argilla})
    result, lines = show_judges(config.model_copy(update={"human_feedback": people}))
    assert result["audit_labels"] == 0
    assert lines[0] == "Judges of tiny, beside 0 audit labels; with 95 % intervals"
    assert lines[-1].startswith("There are no audit labels") and lines[-1].endswith(todo)
    assert "+0.75 (+0.57 to +0.86)" in "".join(lines)  # position needs no people


def test_before_the_first_round_there_are_no_judges(config: Config) -> None:
    result, lines = show_judges(config)
    assert result["judges"] == []
    assert lines == ["No judge has judged anything of tiny yet: run a round."]
