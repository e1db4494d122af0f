"""The records that pass between stages: frozen, small, naming files by content hash.

    collect   Domain, ModelVersion              -> FeedbackBatch
    curate    FeedbackBatch + earlier ones      -> Snapshot
    train     Snapshot, ModelVersion            -> Adapter
    evaluate  Adapter, Domain (frozen test set) -> ArmReport
    promote   ArmReport                         -> PromotionDecision

Texts, weights and answers stay in files below RATCHET_HOME; a record holds their sha256.
"""

from tasks.records.answers import ArmAbstention, ArmGroundedness, BenchmarkAnswer, Claim, Evidence, Refrained
from tasks.records.base import (
    ARMS,
    STAGES,
    Count,
    FileRef,
    Preference,
    Rating,
    Record,
    Seconds,
    Sha256,
    Share,
    Split,
    Stage,
)
from tasks.records.benchmark import (
    ADAPTER_ARMS,
    BENCHMARK_ARMS,
    RETRIEVAL_ARMS,
    Ablation,
    BenchmarkReport,
    PairedTest,
    RetrievalReport,
    RetrievalStage,
    Suggestion,
)
from tasks.records.contexts import ContextKind, ContextPlan, RowContext, TrainedContexts
from tasks.records.datasets import Demonstration, Message, PreferencePair, RatedAnswer, Snapshot
from tasks.records.decisions import Certificate, Check, GateEvidence, PromotionDecision, SuperiorityTest
from tasks.records.domain import Document, Domain, Question
from tasks.records.evaluation import (
    AnswerRow,
    ArmReport,
    ArmResult,
    HeadToHead,
    Latency,
    MetricSummary,
    PairedDifference,
    TokenCounts,
)
from tasks.records.feedback import Candidate, Comparison, Feedback, FeedbackBatch, LabelDataset
from tasks.records.models import Adapter, BaseModelRef, LossPoint, ModelVersion
from tasks.records.retrieval import Chunk, IndexRef, Passage
from tasks.records.roi import (
    ArmCosts,
    ArmUsage,
    Basis,
    BreakEven,
    CheapestRange,
    CostSplit,
    Recommendation,
    RetrainingEffect,
    RoiReport,
    Spread,
    UsageSummary,
)
from tasks.records.win_rates import ArmWinRates, JudgedWinRate, WinRate

__all__ = [
    "ADAPTER_ARMS",
    "ARMS",
    "BENCHMARK_ARMS",
    "RETRIEVAL_ARMS",
    "STAGES",
    "Ablation",
    "Adapter",
    "AnswerRow",
    "ArmAbstention",
    "ArmCosts",
    "ArmGroundedness",
    "ArmReport",
    "ArmResult",
    "ArmUsage",
    "ArmWinRates",
    "BaseModelRef",
    "Basis",
    "BenchmarkAnswer",
    "BenchmarkReport",
    "BreakEven",
    "Candidate",
    "Certificate",
    "CheapestRange",
    "Check",
    "Chunk",
    "Claim",
    "Comparison",
    "ContextKind",
    "ContextPlan",
    "CostSplit",
    "Count",
    "Demonstration",
    "Document",
    "Domain",
    "Evidence",
    "Feedback",
    "FeedbackBatch",
    "FileRef",
    "GateEvidence",
    "HeadToHead",
    "IndexRef",
    "JudgedWinRate",
    "LabelDataset",
    "Latency",
    "LossPoint",
    "Message",
    "MetricSummary",
    "ModelVersion",
    "PairedDifference",
    "PairedTest",
    "Passage",
    "Preference",
    "PreferencePair",
    "PromotionDecision",
    "Question",
    "RatedAnswer",
    "Rating",
    "Recommendation",
    "Record",
    "Refrained",
    "RetrainingEffect",
    "RetrievalReport",
    "RetrievalStage",
    "RoiReport",
    "RowContext",
    "Seconds",
    "Sha256",
    "Share",
    "Snapshot",
    "Split",
    "Spread",
    "Stage",
    "Suggestion",
    "SuperiorityTest",
    "TokenCounts",
    "TrainedContexts",
    "UsageSummary",
    "WinRate",
]
