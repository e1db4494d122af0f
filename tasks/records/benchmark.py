"""What the four arms came to on the same questions: base, rag, ft and rag_ft."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from tasks.records.answers import ArmAbstention, ArmGroundedness
from tasks.records.base import Count, FileRef, Record, Sha256, Share
from tasks.records.evaluation import ArmResult, Latency, MetricSummary, PairedDifference
from tasks.records.models import BaseModelRef, ModelVersion
from tasks.records.roi import ArmUsage, RoiReport
from tasks.records.win_rates import ArmWinRates

BENCHMARK_ARMS = ("base", "rag", "ft", "rag_ft")
RETRIEVAL_ARMS = ("rag", "rag_ft")
ADAPTER_ARMS = ("ft", "rag_ft")


class PairedTest(PairedDifference):
    """A paired difference with its test: could the two be the same?"""

    p_value: Share = Field(description="two-sided paired randomisation test")
    p_value_holm: Share = Field(description="the same, corrected by Holm for all pairs on that metric")


class RetrievalStage(Record):
    """How well one way of retrieving finds the documents that hold the answers."""

    metrics: dict[str, MetricSummary] = Field(description="hit_at_<k>, mrr_at_<depth>, ndcg_at_<depth>; each in [0, 1]")
    latency_s: Latency = Field(description="seconds a question, asked one at a time")


class Ablation(Record):
    """The config's retrieval with one stage switched, on the same questions."""

    change: str = Field(description="what is switched: `without_<stage>`, `with_<stage>` or `chunks_<kind>`")
    metrics: dict[str, MetricSummary] = Field(description="as in RetrievalStage")
    against_full: dict[str, PairedTest] = Field(
        description="by metric: this less the full pipeline; corrected by Holm for all ablations on that metric"
    )


class RetrievalReport(Record):
    """What the index finds of the sources that the questions name, and what of it reached the prompts."""

    index_sha256: Sha256
    documents: Count = Field(description="documents in the index")
    chunks: Count
    depth: Annotated[int, Field(ge=1)] = Field(description="documents looked through for a source")
    questions_with_sources: Count = Field(
        description="questions that name a document of the index; the others cannot be scored"
    )
    stages: dict[str, RetrievalStage] = Field(description="bm25, dense, hybrid, full; without sources latencies only")
    comparisons: tuple[PairedTest, ...] = Field(description="stages compared on the same questions")
    ablations: tuple[Ablation, ...] = Field(default=(), description="each stage switched; empty without sources")
    timed_questions: Count = Field(
        default=0, description="questions behind the latencies of bm25, dense and hybrid; full has all"
    )
    passages_found: Count = Field(description="passages retrieved for all questions together")
    passages_used: Count = Field(description="those of them that stood in the prompts")
    prompts_cut: Count = Field(description="prompts that had room for some of their passages only")
    without_passages: Count = Field(description="questions for which nothing was retrieved")
    sources_in_prompts: Share | None = Field(
        description="share of questions with a source in the prompt; None: unknown"
    )


class Suggestion(Record):
    """One thing to try next, and the figures that speak for it."""

    name: str
    sentence: str
    evidence: dict[str, Any]


class BenchmarkReport(Record):
    """All arms on the frozen test set."""

    domain: str
    questions: Count = Field(description="test questions answered by every arm")
    test_set_sha256: Sha256 = Field(description="hash of the test questions' ids, texts and answers")
    synthetic_questions: Count = Field(default=0, description="of these, questions that a program wrote")
    shared_families: Count = Field(description="families in both train and test, by explicit splits")
    primary_metric: str
    correct_from: Share = Field(description="score in the primary metric from which an answer counts as correct")
    base: BaseModelRef
    version: ModelVersion | None = Field(description="whose adapter ft and rag_ft use; None where neither is an arm")
    is_champion: bool = Field(description="whether that version is what consumers get")
    arms: dict[str, ArmResult] = Field(description="in the order base, rag, ft, rag_ft")
    correct_share: dict[str, MetricSummary] = Field(description="share of correct answers by arm")
    comparisons: tuple[PairedTest, ...] = Field(description="each arm against each before it, on each metric of both")
    retrieval: RetrievalReport | None = Field(description="None where no arm retrieves")
    win_rates: dict[str, ArmWinRates] = Field(default_factory=dict, description="each arm but the first, against it")
    groundedness: dict[str, ArmGroundedness] = Field(default_factory=dict, description="of the arms that retrieve")
    abstention: dict[str, ArmAbstention] = Field(default_factory=dict, description="of every arm")
    usages: tuple[ArmUsage, ...] = Field(
        description="what each arm used for each question; the report's costs rest on it"
    )
    roi: RoiReport
    suggestions: tuple[Suggestion, ...] = Field(description="what to try next, most worth first")
    answers: FileRef = Field(description="rows of BenchmarkAnswer: what every arm said")

    @field_validator("arms", "correct_share", "win_rates", "groundedness", "abstention")
    @classmethod
    def _in_order(cls, arms: dict[str, Any]) -> dict[str, Any]:
        # Canonical JSON sorts its keys, and tables should still begin with the base.
        return {name: arms[name] for name in sorted(arms, key=BENCHMARK_ARMS.index)}
