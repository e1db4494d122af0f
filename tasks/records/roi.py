"""What each arm costs and is worth: from measured usage to costs, break-even points and a recommendation."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tasks.records.base import Count, Record, Seconds, Share
from tasks.records.evaluation import Latency, MetricSummary

Usd = Annotated[float, Field(ge=0.0)]
Basis = Literal["answer", "correct_answer"]

_ORDER = ("base", "rag", "ft", "rag_ft")


class ArmUsage(Record):
    """What one arm used for each test question; every arm has the same questions in the same order."""

    arm: str
    retrieval: bool = Field(description="whether it searches an index")
    adapter: bool = Field(description="whether it was trained; decides which serving prices hold")
    prompt_tokens: tuple[Count, ...] = Field(min_length=1, description="tokens of the whole prompt, contexts included")
    completion_tokens: tuple[Count, ...] = Field(min_length=1)
    latency_s: tuple[Seconds, ...] = Field(min_length=1, description="what the caller waited, retrieval included")
    server_s: tuple[Seconds, ...] = Field(
        min_length=1, description="the machine's own time: a batch's seconds shared among its answers, and retrieval"
    )
    correct: tuple[Share, ...] = Field(min_length=1, description="1 for a correct answer, 0 for a wrong one")
    training_s: Seconds = Field(default=0.0, description="wall-clock seconds of one training; 0 without an adapter")
    train_tokens: Count = Field(default=0, description="tokens of one training, padding left out")
    storage_bytes: Count = Field(default=0, description="adapter and index on disk")
    training_energy_j: float | None = Field(default=None, ge=0.0, description="joules of one training; None: not read")
    server_energy_j_per_query: float | None = Field(default=None, ge=0.0, description="None: not read")

    @model_validator(mode="after")
    def _one_figure_a_question(self) -> "ArmUsage":
        columns = {name: len(getattr(self, name)) for name in _PER_QUESTION}
        if len(set(columns.values())) > 1:
            raise ValueError(f"{self.arm} has columns of different lengths: {columns}")
        return self

    @property
    def questions(self) -> int:
        """The number of test questions."""
        return len(self.correct)


_PER_QUESTION = ("prompt_tokens", "completion_tokens", "latency_s", "server_s", "correct")


class UsageSummary(Record):
    """What one arm used, as means over the test questions with their 95 % bootstrap intervals."""

    prompt_tokens_per_query: MetricSummary
    completion_tokens_per_query: MetricSummary
    server_s_per_query: MetricSummary
    correct_share: MetricSummary
    latency_s: Latency = Field(description="seconds a caller waited")
    training_s: Seconds
    train_tokens: Count
    storage_bytes: Count
    training_energy_j: float | None
    server_energy_j_per_query: float | None


class Spread(Record):
    """A figure and the 95 % interval that the measured spread gives it."""

    value: float | None = Field(
        description="None: there is none, such as the cost of a correct answer of an arm that gave no correct answer"
    )
    ci95: tuple[float | None, float | None] = Field(description="None: beyond all bounds, or never")


class CostSplit(Record):
    """US dollars spent up to the end of a month, by what they were spent on."""

    hosting_usd: Usd
    tokens_usd: Usd
    training_usd: Usd
    labels_usd: Usd
    index_usd: Usd
    storage_usd: Usd
    energy_usd: Usd

    @property
    def total_usd(self) -> float:
        """The sum of all parts."""
        return (
            self.hosting_usd
            + self.tokens_usd
            + self.training_usd
            + self.labels_usd
            + self.index_usd
            + self.storage_usd
            + self.energy_usd
        )


class ArmCosts(Record):
    """What one arm costs over the whole time, at the price sheet's queries a day."""

    usage: UsageSummary
    usd_per_query: Spread = Field(description="all costs over the whole time for each query")
    usd_per_correct_answer: Spread = Field(description="all costs over the whole time for each correct answer")
    total_usd: Spread
    split: CostSplit = Field(description="the total by what it is spent on")
    cumulative: tuple[CostSplit, ...] = Field(description="month 0 (before the first query) to the last month's end")
    trainings: Count = Field(description="trainings paid for, the first included")
    servers: float = Field(description="servers paid for, on average; 0 where hosting has no price", ge=0.0)
    queries_per_day_per_server: float | None = Field(description="what one server answers; None: no time was measured")


class BreakEven(Record):
    """When one of two arms becomes the cheaper one, in months and in queries a day."""

    arms: tuple[str, str]
    basis: Basis = Field(description="what is compared: the cost of all answers, or of each correct one")
    cheaper_later: str | None = Field(description="the arm that costs no more in the long run; None: always the same")
    month: Spread = Field(
        description="the month's end from which `cheaper_later` has cost no more in all, for good; 0: from the start; "
        "an end of the interval that is None: not within ten years"
    )
    within_months_share: Share = Field(
        description="share of the bootstrap draws in which that month comes within the price sheet's months"
    )
    cheaper_above: str | None = Field(description="the arm that costs no more at many queries; None: always the same")
    queries_per_day: Spread = Field(
        description="from which `cheaper_above` costs no more over the whole time, for good; 0: at any number; "
        "an end of the interval that is None: at no number looked at, up to a thousand million"
    )


class CheapestRange(Record):
    """The arm that costs least between two numbers of queries a day."""

    arm: str
    from_queries_per_day: float
    to_queries_per_day: float | None = Field(description="None: no upper end")


class RetrainingEffect(Record):
    """Costs over the whole time if the adapters were trained anew at another interval."""

    interval_months: int | None = Field(description="None: trained once")
    trainings: Count
    total_usd: dict[str, Usd] = Field(description="by arm")
    usd_per_correct_answer: dict[str, float | None] = Field(description="by arm; None: no correct answer")


class Recommendation(Record):
    """Which arm to use, and when that holds."""

    arm: str | None = Field(description="None: the figures do not tell")
    sentence: str
    conditions: tuple[str, ...]
    draws_share: dict[str, Share] = Field(description="share of the bootstrap draws in which each arm came first")


class RoiReport(Record):
    """What every arm costs and is worth at a price sheet."""

    prices: dict[str, Any] = Field(description="the price sheet, as in the config")
    questions: Count = Field(description="test questions behind the measured figures")
    arms: dict[str, ArmCosts] = Field(description="base, rag, ft and rag_ft, in this order, then any other")

    @field_validator("arms")
    @classmethod
    def _in_order(cls, arms: dict[str, ArmCosts]) -> dict[str, ArmCosts]:
        # Canonical JSON sorts its keys, and tables should still begin with the base.
        return {name: arms[name] for name in sorted(arms, key=lambda name: (*_ORDER, name).index(name))}

    break_evens: tuple[BreakEven, ...] = Field(description="every pair of arms, by both bases")
    cheapest: dict[Basis, tuple[CheapestRange, ...]] = Field(description="the cheapest arm by queries a day")
    retraining: tuple[RetrainingEffect, ...]
    recommendation: Recommendation
    assumptions: tuple[str, ...] = Field(description="what the figures rest on and leave out, a sentence each")
