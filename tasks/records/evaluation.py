"""How the arms did, and what was decided."""

from typing import Annotated

from pydantic import Field, field_validator

from tasks.records.base import ARMS, Count, FileRef, Record, Seconds, Sha256
from tasks.records.feedback import LabelDataset
from tasks.records.models import Adapter, ModelVersion
from tasks.records.skills import SkillAnswers


class MetricSummary(Record):
    """A mean over the test questions."""

    mean: float
    ci95: tuple[float, float] = Field(description="95 % bootstrap interval of the mean")


class TokenCounts(Record):
    prompt: Count
    completion: Count


class Latency(Record):
    p50: Seconds
    p95: Seconds


class ArmResult(Record):
    """How one arm did on the test set."""

    weights_sha256: Sha256
    version: int | None = Field(description="registry version when it had one")
    metrics: dict[str, MetricSummary] = Field(description="by metric name, each in [-1, 1] or [0, 1]")
    tokens: TokenCounts = Field(description="totals over the test set")
    latency_s: Latency = Field(description="seconds per answer, batched")


class PairedDifference(Record):
    """One arm minus another on the same questions."""

    arm: str
    against: str
    metric: str
    difference: float = Field(description="mean of the per-question differences")
    ci95: tuple[float, float] = Field(description="95 % paired bootstrap interval of that mean")
    wins: Count
    ties: Count
    losses: Count


class HeadToHead(Record):
    """Challenger and champion side by side on the test questions: what judges said, and where people were asked."""

    comparisons: FileRef = Field(
        description="rows of Comparison, a the champion's answer and b the challenger's, in the random order in which "
        "they were judged and put before people"
    )
    equal: Count = Field(description="test questions with the same answer from both: ties that nobody was asked about")
    verdicts: FileRef = Field(description="rows of Feedback: what each judge said of the comparisons")
    label_datasets: tuple[LabelDataset, ...] = Field(default=(), description="where people were asked, if they were")


class ArmReport(Record):
    """All arms on the frozen test set."""

    domain: str
    round: Annotated[int, Field(ge=1)]
    questions: Count = Field(description="test questions answered by every arm")
    test_set_sha256: Sha256 = Field(description="hash of the test questions' ids, texts and answers")
    arms: dict[str, ArmResult] = Field(description="base, champion and challenger, in this order")

    @field_validator("arms")
    @classmethod
    def _in_order(cls, arms: dict[str, ArmResult]) -> dict[str, ArmResult]:
        # Canonical JSON sorts its keys, and tables should still begin with the base.
        return {name: arms[name] for name in sorted(arms, key=lambda name: (*ARMS, name).index(name))}

    comparisons: tuple[PairedDifference, ...]
    challenger: Adapter
    champion: ModelVersion
    answers: FileRef = Field(description="rows of AnswerRow: what every arm said")
    head_to_head: HeadToHead | None = Field(
        default=None, description="challenger against champion; None: they are the same weights"
    )
    skills: tuple[SkillAnswers, ...] = Field(
        default=(), description="skills with questions or prompts of their own, in the config's order"
    )

    @property
    def label_datasets(self) -> tuple[LabelDataset, ...]:
        """Where people were asked about the test answers, if they were."""
        return self.head_to_head.label_datasets if self.head_to_head else ()

    def comparison(self, metric: str, against: str = "champion") -> PairedDifference | None:
        """The challenger compared with another arm on one metric, where the report has it."""
        pairs = (c for c in self.comparisons if (c.arm, c.against, c.metric) == ("challenger", against, metric))
        return next(pairs, None)


class AnswerRow(Record):
    """One line of answers.jsonl."""

    question_id: str
    arm: str
    question: str
    reference: str
    answer: str
    contexts: tuple[str, ...] = ()
    metrics: dict[str, float] = Field(default_factory=dict)
