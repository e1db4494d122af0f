"""How `ratchet monitor` looks at production: which answers are compared, and from when on somebody is told."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tasks.settings.endpoint import PositiveAmount
from tasks.settings.section import Fraction, Positive, Section

Block = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]


class MonitorSettings(Section):
    """Production's questions, thumbs, abstention and latency, now and before."""

    days: Positive = Field(default=7, description="days up to now whose answers are looked at")
    reference_days: Positive = Field(default=28, description="days before those that they are compared with")
    questions_against: Literal["production", "train"] = Field(
        default="production", description="production: questions of the reference days; train: the train questions"
    )
    false_alarms_per_year: PositiveAmount = Field(
        default=1.0, description="expected findings a year, of all four checks together, when nothing has changed"
    )
    min_answers: Annotated[int, Field(ge=10)] = Field(default=50, description="answers of each period for a verdict")
    min_ratings: Annotated[int, Field(ge=5)] = Field(default=20, description="thumbs of each period for a verdict")
    drift_auc: Annotated[float, Field(ge=0.5, lt=1.0)] = Field(
        default=0.55, description="how well questions now are told from those before, for drift; 0.5: not at all"
    )
    thumbs_drop: Fraction = Field(default=0.05, description="fall of the share of thumbs up that is worth telling")
    abstention_rise: Fraction = Field(default=0.05, description="rise of the share of abstentions worth telling")
    latency_ratio: Annotated[float, Field(ge=1.0)] = Field(
        default=1.25, description="95th percentile of latency, now to before, that is worth telling"
    )
    topic_questions: Annotated[int, Field(ge=2)] = Field(default=5, description="unanswered questions of a topic")
    topic_similarity: Fraction = Field(default=0.5, description="mean cosine from which questions are of one topic")
    unknown_below: Fraction = Field(
        default=0.35, description="a question is unknown whose cosine to every train question and document is lower"
    )
    proposals: Annotated[int, Field(ge=0)] = Field(
        default=20, description="questions that each finding proposes for the next collect"
    )
    max_answers: Positive = Field(default=10_000, description="answers read of each period, the newest")
    max_compared: Annotated[int, Field(ge=50)] = Field(
        default=1000, description="questions of each period that are embedded, drawn by hash"
    )
    notify: tuple[Block, ...] = Field(
        default=(), description="Prefect notification blocks, such as slack-webhook/on-call"
    )
    notify_timeout_s: PositiveAmount = Field(default=10.0, description="seconds that each of them may take")
