"""The records that pass between stages: frozen, small, naming files by content hash.

    collect   Domain, ModelVersion              -> FeedbackBatch
    curate    FeedbackBatch + earlier ones      -> Snapshot
    train     Snapshot, ModelVersion            -> Adapter
    evaluate  Adapter, Domain (frozen test set) -> ArmReport
    promote   ArmReport                         -> PromotionDecision

Texts, weights and answers stay in files below RATCHET_HOME; a record holds their sha256.
"""

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
from tasks.records.datasets import Demonstration, Message, PreferencePair, RatedAnswer, Snapshot
from tasks.records.domain import Document, Domain, Question
from tasks.records.evaluation import (
    AnswerRow,
    ArmReport,
    ArmResult,
    Certificate,
    Check,
    HeadToHead,
    Latency,
    MetricSummary,
    PairedDifference,
    PromotionDecision,
    TokenCounts,
)
from tasks.records.feedback import Candidate, Comparison, Feedback, FeedbackBatch, LabelDataset
from tasks.records.models import Adapter, BaseModelRef, LossPoint, ModelVersion

__all__ = [
    "ARMS",
    "STAGES",
    "Adapter",
    "AnswerRow",
    "ArmReport",
    "ArmResult",
    "BaseModelRef",
    "Candidate",
    "Certificate",
    "Check",
    "Comparison",
    "Count",
    "Demonstration",
    "Document",
    "Domain",
    "Feedback",
    "FeedbackBatch",
    "FileRef",
    "HeadToHead",
    "LabelDataset",
    "Latency",
    "LossPoint",
    "Message",
    "MetricSummary",
    "ModelVersion",
    "PairedDifference",
    "Preference",
    "PreferencePair",
    "PromotionDecision",
    "Question",
    "RatedAnswer",
    "Rating",
    "Record",
    "Seconds",
    "Sha256",
    "Share",
    "Snapshot",
    "Split",
    "Stage",
    "TokenCounts",
]
