"""What a look at production found, and what is remembered of it until the next."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from tasks.records.base import Count, Record

CheckKind = Literal["drift", "thumbs", "abstention", "latency"]
FindingKind = Literal["drift", "thumbs", "abstention", "latency", "topic"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Period(Record):
    """A stretch of time, its end not in it."""

    start: AwareDatetime
    end: AwareDatetime


class Measured(Record):
    """A figure of one period."""

    value: float
    ci95: tuple[float, float] = Field(description="lower and upper end; they contain the value")
    count: Count = Field(description="answers, thumbs or questions it is of")


class Verdict(Record):
    """What one check says of production now, beside production before."""

    kind: CheckKind
    sentence: str
    now: Measured | None = Field(default=None, description="None: too few answers for a verdict")
    before: Measured | None = Field(default=None, description="None: too few, or drift, which is one figure of both")
    p_value: Probability | None = Field(default=None, description="of nothing having changed for the worse")
    level: Probability | None = Field(default=None, description="the p-value from which on a finding is raised")
    notable: bool = Field(default=False, description="the change is as large as the config asks")
    questions: tuple[str, ...] = Field(default=(), description="that show it best, scrubbed; for the next collect")


class Topic(Record):
    """Questions about one thing that production does not answer well."""

    name: str = Field(description="its most telling words")
    questions: Count = Field(description="unanswered questions")
    asked: Count = Field(description="all questions like them")
    abstained: Count
    thumbs_down: Count
    unknown: Count = Field(description="far from every train question and document")
    examples: tuple[str, ...] = Field(description="questions, scrubbed, the most typical first")
    centre: tuple[float, ...] = Field(description="mean of the questions' embeddings, of length 1")

    @property
    def sentence(self) -> str:
        """The topic in one sentence."""
        reasons = {"abstained": self.abstained, "thumbs down": self.thumbs_down, "unknown": self.unknown}
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.items() if count)
        return f"{self.questions} of {self.asked} questions about {self.name} are not answered well ({why})."


class Finding(Record):
    """Something that is not as it was, from the moment it is raised until it is over."""

    kind: FindingKind
    sentence: str
    since: AwareDatetime
    told: bool = Field(default=False, description="whether Prefect has the event")
    name: str = Field(default="", description="of a topic")
    centre: tuple[float, ...] = Field(default=(), description="of a topic")


class Watched(Record):
    """What is remembered from one look to the next.

    Attributes:
        tested: when each check last had enough for a verdict.
        findings: those that are not over.
    """

    tested: dict[CheckKind, AwareDatetime] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


class MonitorReport(Record):
    """One look at production."""

    domain: str
    at: AwareDatetime
    now: Period
    before: Period
    answers: Count = Field(description="in the period now")
    answers_before: Count
    skipped: dict[str, Count] = Field(default_factory=dict, description="traces that could not be used, by reason")
    remarks: tuple[str, ...] = Field(default=(), description="what else to know, one sentence each")
    verdicts: tuple[Verdict, ...] = ()
    topics: tuple[Topic, ...] = ()
    raised: tuple[Finding, ...] = ()
    lasting: tuple[Finding, ...] = ()
    over: tuple[Finding, ...] = ()
    proposed: Count = Field(default=0, description="questions proposed for the next collect")
    not_proposed: dict[str, Count] = Field(default_factory=dict, description="questions left out, by reason")
