"""Records are frozen, refuse what they do not know, and survive their own JSON."""

import pytest
from example_decisions import promotion_decision
from pydantic import ValidationError

from tasks.files import canonical_json
from tasks.records import (
    Adapter,
    AnswerRow,
    ArmReport,
    ArmResult,
    BaseModelRef,
    Candidate,
    Certificate,
    Check,
    Comparison,
    Demonstration,
    Document,
    Domain,
    Feedback,
    FeedbackBatch,
    FileRef,
    Latency,
    LossPoint,
    Message,
    MetricSummary,
    ModelVersion,
    PairedDifference,
    PreferencePair,
    Question,
    Record,
    Snapshot,
    TokenCounts,
)

A, B, C = "a" * 64, "b" * 64, "c" * 64
FILE = FileRef(sha256=A, rows=2)
BASE = BaseModelRef(id="smollm2", path="/models/smollm2", sha256=B)
ADAPTER = Adapter(
    sha256=A,
    base=BASE,
    snapshot_sha256=B,
    dpo_reference=f"sft:{C}",
    round=1,
    demonstrations=10,
    preference_pairs=0,
    train_tokens=999,
    train_s=1.5,
    mlflow_run_id="run",
    losses=FILE,
)
CHAMPION = ModelVersion(name="d", version=1, base=BASE)
CHALLENGER = ModelVersion(name="d", version=2, base=BASE, adapter=ADAPTER)
QUESTION = Question(
    id="q", question="What?", answer="“Yes”", family="f", split="train", sources=("a.md",), metadata={"n": [1, None]}
)
CANDIDATE = Candidate(
    id=A,
    question_id="q",
    text="line\u2028separator",
    arm="base",
    weights_sha256=B,
    temperature=0.8,
    seed=-1,
    prompt_tokens=3,
    completion_tokens=0,
    latency_s=0.25,
)
FEEDBACK = Feedback(id=C, question_id="q", candidate_a=A, candidate_b=B, preference="both_bad", source="human", round=1)
DIFFERENCE = PairedDifference(
    arm="rag", against="base", metric="rouge_l", difference=-0.1, ci95=(-0.2, 0.0), wins=1, ties=2, losses=3
)
RESULT = ArmResult(
    weights_sha256=A,
    version=None,
    metrics={"rouge_l": MetricSummary(mean=0.5, ci95=(0.4, 0.6))},
    tokens=TokenCounts(prompt=5, completion=6),
    latency_s=Latency(p50=0.1, p95=0.2),
)
CERTIFICATE = Certificate(checks=(Check(name="gain", passed=True, sentence="+0.1", evidence={"gain": 0.1}),))
RECORDS: list[Record] = [
    FILE,
    QUESTION,
    Document(id="a.md", text=""),
    Domain(name="d", questions=FILE, documents=FILE, train_questions=1, test_questions=1, shared_families=0),
    CHALLENGER,
    CHAMPION,
    CANDIDATE,
    LossPoint(phase="dpo", step=1, loss=0.69),
    Comparison(question=QUESTION, a=CANDIDATE, b=CANDIDATE),
    FEEDBACK,
    FeedbackBatch(
        round=1, model_version=CHAMPION, candidates=FILE, feedback=FILE, questions=1, preferences={"both_bad": 1}
    ),
    Demonstration(
        id=A,
        question_id="q",
        family="f",
        prompt=(Message(role="user", content="What?"),),
        completion="Yes",
        source="reference",
    ),
    PreferencePair(id=A, question_id="q", family="f", prompt=(), chosen="Yes", rejected="No", source="human:1"),
    Snapshot(
        sha256=A, demonstrations=FILE, preference_pairs=FILE, rated_answers=FILE, parents=(B, C), dropped={"blank": 0}
    ),
    ArmReport(
        domain="d",
        round=1,
        questions=2,
        test_set_sha256=C,
        arms={"base": RESULT},
        comparisons=(DIFFERENCE,),
        challenger=ADAPTER,
        champion=CHAMPION,
        answers=FILE,
    ),
    AnswerRow(question_id="q", arm="rag", question="What?", reference="Yes", answer="No", contexts=("x",)),
    promotion_decision(CHALLENGER, CHAMPION, certificate=CERTIFICATE),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_survives_its_canonical_json(record: Record) -> None:
    text = canonical_json(record)
    again = type(record).model_validate_json(text)
    assert again == record
    assert canonical_json(again) == text


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_frozen_and_refuses_unknown_fields(record: Record) -> None:
    field = next(iter(type(record).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(record, field, getattr(record, field))
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(record).model_validate({**record.model_dump(), "surprise": 1})


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (FILE, {"sha256": "A" * 64}),
        (FILE, {"sha256": "a" * 63}),
        (FILE, {"sha256": "a" * 64 + "\n"}),
        (FILE, {"sha256": "g" * 64}),
        (FILE, {"rows": -1}),
        (QUESTION, {"id": ""}),
        (QUESTION, {"question": ""}),
        (QUESTION, {"family": ""}),
        (QUESTION, {"split": "validation"}),
        (CANDIDATE, {"temperature": -0.1}),
        (CANDIDATE, {"latency_s": float("nan")}),
        (FEEDBACK, {"preference": "neither"}),
        (FEEDBACK, {"confidence": 1.1}),
        (FEEDBACK, {"confidence": float("nan")}),
        (FEEDBACK, {"round": 0}),
        (CHAMPION, {"version": 0}),
        (CERTIFICATE, {"checks": ()}),
    ],
)
def test_a_value_out_of_its_range_is_refused(record: Record, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        type(record).model_validate({**record.model_dump(), **change})


@pytest.mark.parametrize(("passed", "verdict"), [((True,), True), ((True, True), True), ((True, False), False)])
def test_a_certificate_passes_when_every_check_did(passed: tuple[bool, ...], verdict: bool) -> None:
    checks = tuple(Check(name=str(n), passed=each, sentence="", evidence={}) for n, each in enumerate(passed))
    assert Certificate(checks=checks).passed is verdict


def test_a_version_behaves_as_its_adapter_or_without_one_as_its_base() -> None:
    assert CHALLENGER.weights_sha256 == ADAPTER.sha256
    assert CHAMPION.weights_sha256 == BASE.sha256
