"""A model card says what is known, nothing else, and fits into MLflow's description."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from example_decisions import gate_evidence, promotion_decision
from example_models import adapter, paired_difference

from tasks.config import Config
from tasks.gate.improvement import require_comparison
from tasks.records import (
    Approval,
    ArmReport,
    ArmResult,
    BaseModelRef,
    FileRef,
    Latency,
    MetricSummary,
    ModelVersion,
    PromotionDecision,
    Snapshot,
    TokenCounts,
    TrainedContexts,
)
from tasks.registry.mlflow_registry import MAX_DESCRIPTION
from tasks.registry.model_card import model_card

URI = "http://mlflow:5000"
CONFIG = Config(name="stdlib", questions="q.jsonl", root=Path("/"))
BASE = BaseModelRef(id="smollm2-135m-instruct", path="/home/models/smollm2", sha256="b" * 64)
ADAPTER = adapter(
    base=BASE,
    dpo_reference=f"sft:{'9' * 64}",
    demonstrations=240,
    preference_pairs=60,
    train_tokens=31_234,
    train_s=150.4,
    mlflow_run_id="0123456789abcdef",
)
FIRST = ModelVersion(name="stdlib", version=1, base=BASE)
SECOND = ModelVersion(name="stdlib", version=2, base=BASE, adapter=ADAPTER)
SNAPSHOT = Snapshot(
    sha256="c" * 64,
    demonstrations=FileRef(sha256="1" * 64, rows=240),
    preference_pairs=FileRef(sha256="2" * 64, rows=60),
    rated_answers=FileRef(sha256="e" * 64, rows=0),
    parents=tuple(f"{number:064x}" for number in range(8)),
    dropped={"tie": 4, "too_long": 0},
)
METRICS = ("rouge_l", "rouge_l_recall", "semantic_similarity", "token_overlap_recall")


def arm(mean: float) -> ArmResult:
    return ArmResult(
        weights_sha256="a" * 64,
        version=1,
        metrics={name: MetricSummary(mean=mean, ci95=(mean - 0.02, mean + 0.02)) for name in METRICS},
        tokens=TokenCounts(prompt=100, completion=50),
        latency_s=Latency(p50=0.1, p95=0.2),
    )


REPORT = ArmReport(
    domain="stdlib",
    round=1,
    questions=40,
    test_set_sha256="d" * 64,
    arms={"base": arm(0.13), "champion": arm(0.13), "challenger": arm(0.29)},
    comparisons=tuple(
        paired_difference(against=against, metric=metric, difference=0.16, ci95=(0.11, 0.21), wins=30, ties=6, losses=4)
        for metric in METRICS
        for against in ("champion", "base")
    ),
    challenger=ADAPTER,
    champion=FIRST,
    answers=FileRef(sha256="e" * 64, rows=120),
)


def decision(report: ArmReport = REPORT) -> PromotionDecision:
    comparison = require_comparison(report, "rouge_l")
    evidence = gate_evidence(questions=report.questions, comparison=comparison)
    return promotion_decision(SECOND, FIRST, evidence=evidence, settings=CONFIG.promote)


def whole_card() -> str:
    return model_card(
        SECOND,
        CONFIG,
        tracking_uri=URI,
        base_licence="Apache-2.0",
        snapshot=SNAPSHOT,
        report=REPORT,
        decision=decision(),
    )


def test_a_whole_card_tells_data_training_evaluation_decision_use_and_limits():
    card = whole_card()
    for part in (
        "# stdlib, version 2\n",
        "trained in round 1",
        "`smollm2-135m-instruct`",
        "Licence: Apache-2.0.",
        f"Snapshot `{'c' * 64}`",
        "240 demonstrations, 60 preference pairs",
        "left out: 4 tie\n",
        "built from 8 files",
        "and 3 more",
        "| SFT | 240 demonstrations, 2 epochs, learning rate 0.0005 |",
        "| rouge_l | 0.130 (0.110 to 0.150) | 0.130 (0.110 to 0.150) | 0.290 (0.270 to 0.310) |",
        "| rouge_l | champion | +0.160 (+0.110 to +0.210) | 30 / 6 / 4 |",
        "Promoted: champion in place of version 1.",
        "- passed `better_than_champion`: The challenger is better than champion on rouge_l: +0.1600",
        "mlflow.set_tracking_uri('http://mlflow:5000')",
        "mlflow.pyfunc.load_model('models:/stdlib/2')",
        "Tested on 40 questions of the domain `stdlib` and on nothing else",
    ):
        assert part in card


def test_a_whole_card_fits_into_mlflows_description():
    assert len(whole_card()) <= MAX_DESCRIPTION


def test_a_refused_challenger_says_what_failed():
    few = REPORT.model_copy(update={"questions": 12})
    card = model_card(SECOND, CONFIG, tracking_uri=URI, report=few, decision=decision(few))
    assert "Not promoted: version 1 stays the champion." in card
    assert "- FAILED `enough_test_questions`: 12 test questions are too few for a verdict" in card


def test_the_base_models_card_claims_no_training_and_no_test():
    card = model_card(FIRST, CONFIG, tracking_uri=URI)
    assert "The base model as it is" in card
    assert "Licence: not recorded" in card
    assert "Not tested by Ratchet as a challenger" in card
    for absent in ("## Training", "## Evaluation", "## Decision"):
        assert absent not in card


def test_a_password_in_the_uri_stays_out_of_the_card():
    assert "secret" not in model_card(FIRST, CONFIG, tracking_uri="http://user:secret@mlflow:5000")


def test_the_code_in_the_card_is_python():
    code = whole_card().split("```python\n")[1].split("```")[0]
    compile(code, "card", "exec")


def test_dpo_that_was_left_out_is_said_to_be():
    without = SECOND.model_copy(update={"adapter": ADAPTER.model_copy(update={"preference_pairs": 0})})
    assert "| DPO | left out |" in model_card(without, CONFIG, tracking_uri=URI)


def test_kto_is_told_in_place_of_dpo():
    adapter = ADAPTER.model_copy(update={"preference_pairs": 0, "rated_answers": 90})
    card = model_card(SECOND.model_copy(update={"adapter": adapter}), CONFIG, tracking_uri=URI)
    assert "| KTO | 90 single answers, 1 epochs, learning rate 2e-05, beta 0.1 |" in card
    assert f"| KTO reference | sft:{'9' * 64} |" in card
    assert "DPO" not in card


def test_kto_that_was_left_out_is_said_to_be():
    config = CONFIG.model_copy(update={"train": CONFIG.train.model_copy(update={"preference": "kto"})})
    without = SECOND.model_copy(update={"adapter": ADAPTER.model_copy(update={"preference_pairs": 0})})
    assert "| KTO | left out |" in model_card(without, config, tracking_uri=URI)


@pytest.mark.parametrize(
    ("parent", "champion", "told"),
    [
        (None, FIRST, "the base model"),
        ("8" * 64, FIRST, "8" * 64),
        ("8" * 64, FIRST.model_copy(update={"adapter": ADAPTER.model_copy(update={"sha256": "8" * 64})}), "8" * 64),
        (None, SECOND, "the base model, not from the champion, which had learned from feedback that was withdrawn"),
        ("8" * 64, SECOND, f"{'8' * 64}, not from the champion, which had learned from feedback that was withdrawn"),
    ],
)
def test_a_start_from_another_version_than_the_champion_is_told(
    parent: str | None, champion: ModelVersion, told: str
) -> None:
    version = SECOND.model_copy(update={"adapter": ADAPTER.model_copy(update={"parent_sha256": parent})})
    report = REPORT.model_copy(update={"champion": champion})
    card = model_card(version, CONFIG, tracking_uri=URI, report=report)
    end = ", or may have |" if "withdrawn" in told else " |"
    assert f"| started from | {told}{end}" in card


def test_the_card_says_what_the_rows_had_in_their_prompts() -> None:
    contexts = TrainedContexts(
        index_sha256="f" * 64,
        rows=FileRef(sha256="0" * 64, rows=300),
        oracle=150,
        distractors=30,
        closed_book=120,
        unknown_sources=0,
        nothing_found=0,
        cut=0,
    )
    trained = SECOND.model_copy(update={"adapter": ADAPTER.model_copy(update={"contexts": contexts})})

    with_passages, without = (model_card(each, CONFIG, tracking_uri=URI) for each in (trained, SECOND))

    assert f"| passages in the prompts | rows {contexts.describe()} |" in with_passages
    assert "| passages in the prompts | none |" in without


def test_the_card_says_who_approved_and_how_the_decision_is_replayed() -> None:
    asking = CONFIG.promote.model_copy(update={"approval": "approve"})
    approval = Approval(approved=False, by="ann", at=datetime(2026, 11, 23, 7, tzinfo=UTC), through="form")
    waiting = promotion_decision(SECOND, FIRST, settings=asking)
    rejected = waiting.model_copy(update={"approval": approval})

    cards = [model_card(SECOND, CONFIG, tracking_uri=URI, decision=each) for each in (waiting, rejected)]

    assert "Waiting for approval: version 1 is the champion until a person approves." in cards[0]
    assert "stays the champion. Rejected by ann in Prefect's form on 2026-11-23 at 07:00 UTC" in cards[1]
    assert all("`ratchet why 2` decides again from the stored answers of round 1" in card for card in cards)
