"""A benchmark as it could have been, small: arms that answer more and more of the questions."""

from collections.abc import Sequence

from tasks.evaluation.benchmark.abstention import measure_abstention
from tasks.evaluation.benchmark.outcomes import QuestionOutcome
from tasks.evaluation.benchmark.paired_tests import compare_all
from tasks.evaluation.intervals import bootstrap_mean
from tasks.records import (
    Ablation,
    AnswerRow,
    ArmGroundedness,
    ArmResult,
    ArmUsage,
    ArmWinRates,
    BaseModelRef,
    BenchmarkAnswer,
    BenchmarkReport,
    Claim,
    Evidence,
    FileRef,
    JudgedWinRate,
    Latency,
    MetricSummary,
    ModelVersion,
    PairedTest,
    RetrievalReport,
    RetrievalStage,
    Suggestion,
    TokenCounts,
)
from tasks.roi.analyse import analyse
from tasks.settings.prices import PriceSettings

RESAMPLES = 1000
BASE = BaseModelRef(id="tiny", path="/models/tiny", sha256="b" * 64)
# Scores of each arm on four questions.
SCORES = {
    "base": (0.0, 0.1, 0.2, 0.1),
    "rag": (0.6, 0.1, 0.3, 0.2),
    "ft": (0.3, 0.6, 0.3, 0.2),
    "rag_ft": (0.9, 0.8, 0.7, 0.2),
}
PRICES = PriceSettings.model_validate({"without_adapter": {"usd_per_1k_prompt_tokens": 0.5}})


def paired_test(
    arm: str, against: str, difference: float, p: float = 0.01, metric: str = "rouge_l", wins: int = 3
) -> PairedTest:
    """A comparison whose corrected p-value is the plain one."""
    return PairedTest(
        arm=arm,
        against=against,
        metric=metric,
        difference=difference,
        ci95=(difference - 0.1, difference + 0.1),
        wins=wins,
        ties=0,
        losses=0,
        p_value=p,
        p_value_holm=p,
    )


def outcome(name: str, found: bool | None = None, family: str | None = None, **correct: bool) -> QuestionOutcome:
    """One question's outcome, by arm; its family is its own, unless another is given."""
    return QuestionOutcome(question_id=name, family=family or name, correct=correct, source_found=found)


def retrieval_report(**changes: object) -> RetrievalReport:
    """What retrieval came to: the first of three documents is the source in half of the questions."""
    stage = RetrievalStage(
        metrics={
            name: MetricSummary(mean=mean, ci95=(0.0, 1.0))
            for name, mean in (("hit_at_1", 0.5), ("hit_at_3", 0.9), ("mrr_at_3", 0.7), ("ndcg_at_3", 0.7))
        },
        latency_s=Latency(p50=0.012, p95=0.031),
    )
    return RetrievalReport.model_validate(
        {
            "index_sha256": "1" * 64,
            "documents": 3,
            "chunks": 7,
            "depth": 3,
            "questions_with_sources": 4,
            "stages": {"bm25": stage, "full": stage},
            "comparisons": (),
            "ablations": (
                Ablation(change="full", metrics=stage.metrics, against_full={}),
                Ablation(
                    change="without_bm25",
                    metrics=stage.metrics,
                    against_full={"mrr_at_3": paired_test("without_bm25", "full", -0.2, metric="mrr_at_3")},
                ),
            ),
            "timed_questions": 4,
            "passages_found": 8,
            "passages_used": 8,
            "prompts_cut": 0,
            "without_passages": 0,
            "sources_in_prompts": 0.5,
            **changes,
        }
    )


def benchmark_rows(arms: Sequence[str] = tuple(SCORES), evil: str = "") -> list[AnswerRow]:
    """What the arms said; `evil` is in every text."""
    return [
        BenchmarkAnswer(
            question_id=f"q{place}",
            arm=arm,
            question=f"What is {place}?{evil}",
            reference=f"It is {place}.{evil}",
            answer=f"{arm} says {place}.{evil}",
            contexts=(f"Passage on {place}.{evil}",) if arm.startswith("rag") else (),
            metrics={"rouge_l": score},
            claims=(_claim(place, evil), _claim(place + 1, evil)) if arm.startswith("rag") else (),
            cited=(1,) if arm == "rag_ft" else (),
        )
        for arm in arms
        for place, score in enumerate(SCORES[arm])
    ]


def _claim(place: int, evil: str) -> Claim:
    """A claim that stands in the document of its place, where that is even."""
    text = f"Passage on {place}.{evil}"
    evidence = Evidence(document_id=f"docs/{place}{evil}.md", start=0, end=len(text), text=text, passage=1)
    return Claim(text=f"It is {place}.{evil}", support=0.9, supported=place % 2 == 0, evidence=(evidence,))


def _win_rates(against: str) -> ArmWinRates:
    rate = JudgedWinRate(
        mean=0.8,
        ci95=(0.6, 0.9),
        corrected=True,
        labelled=6,
        judged=12,
        naive=0.7,
        naive_ci95=(0.5, 0.8),
        evidence=True,
    )
    return ArmWinRates(against=against, compared=3, rates={"judge:reference": rate}, best="judge:reference")


def _grounded() -> ArmGroundedness:
    return ArmGroundedness(
        claims=8,
        supported=4,
        share=MetricSummary(mean=0.5, ci95=(0.4, 0.6)),
        answers_with_claims=4,
        several_documents=1,
        answers_citing=2,
        own_citations=2,
        own_citations_right=1,
    )


def benchmark_report(arms: Sequence[str] = tuple(SCORES), **changes: object) -> BenchmarkReport:
    """The report on those rows."""
    usages = tuple(_usage(arm) for arm in arms)
    scores = {arm: {"rouge_l": SCORES[arm]} for arm in arms}
    trained = any("ft" in arm for arm in arms)
    return BenchmarkReport.model_validate(
        {
            "domain": "tiny",
            "questions": 4,
            "test_set_sha256": "7" * 64,
            "shared_families": 0,
            "primary_metric": "rouge_l",
            "correct_from": 0.5,
            "base": BASE,
            "version": ModelVersion(name="tiny", version=2, base=BASE) if trained else None,
            "is_champion": trained,
            "arms": {arm: _result(arm) for arm in arms},
            "correct_share": {
                arm: bootstrap_mean([float(score >= 0.5) for score in SCORES[arm]], RESAMPLES, 0) for arm in arms
            },
            "comparisons": compare_all(scores, RESAMPLES, 0),
            "retrieval": retrieval_report() if any(arm.startswith("rag") for arm in arms) else None,
            "win_rates": {arm: _win_rates(arms[0]) for arm in arms[1:]},
            "groundedness": {arm: _grounded() for arm in arms if arm.startswith("rag")},
            "abstention": {arm: measure_abstention([True, False], [False] * 4) for arm in arms},
            "usages": usages,
            "roi": analyse(PRICES, usages),
            "suggestions": (Suggestion(name="name", sentence="Try something else.", evidence={}),),
            "answers": FileRef(sha256="a" * 64, rows=4 * len(arms)),
            **changes,
        }
    )


def _usage(arm: str) -> ArmUsage:
    return ArmUsage(
        arm=arm,
        retrieval=arm.startswith("rag"),
        adapter="ft" in arm,
        prompt_tokens=(100 if arm.startswith("rag") else 20,) * 4,
        completion_tokens=(8,) * 4,
        latency_s=(0.5,) * 4,
        server_s=(0.1,) * 4,
        correct=tuple(float(score >= 0.5) for score in SCORES[arm]),
    )


def _result(arm: str) -> ArmResult:
    return ArmResult(
        weights_sha256=("d" if "ft" in arm else "b") * 64,
        version=2 if "ft" in arm else None,
        metrics={"rouge_l": bootstrap_mean(SCORES[arm], RESAMPLES, 0)},
        tokens=TokenCounts(prompt=400 if arm.startswith("rag") else 80, completion=32),
        latency_s=Latency(p50=0.5, p95=0.5),
    )
