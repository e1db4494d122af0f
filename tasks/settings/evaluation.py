"""The frozen test set and the gate."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.settings.section import Fraction, Metric, Positive, Section
from tasks.settings.skills import Margin

Form = Literal["merged", "adapter", "gguf"]


class EvaluateSettings(Section):
    """The frozen test set and its intervals."""

    max_questions: Positive = Field(default=200, description="test questions used, in the order of their hash")
    bootstrap_resamples: Annotated[int, Field(ge=1000)] = 10_000


class ServingBudget(Section):
    """What serving the challenger may take at most."""

    max_latency_s: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None, description="seconds per answer, 95th percentile, in the batches of evaluation; None: any"
    )
    max_memory_bytes: Positive | None = Field(
        default=None,
        description="memory, GPU memory where there is one, of a process that loads it and answers a batch; None: any",
    )


class PromoteSettings(Section):
    """The gate."""

    primary_metric: Metric = "rouge_l"
    min_test_questions: Positive = Field(default=30, description="below this there is no verdict and no promotion")
    error_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.05, description="chance that, of all rounds together, one promotes a challenger that is no better"
    )
    minimum_effect: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.0, description="gain in `primary_metric` that has to be exceeded to be worth a promotion"
    )
    slices: tuple[str, ...] = Field(
        default=(), description="keys of the test questions' metadata; the questions with each value are a skill"
    )
    with_retrieval: bool = Field(default=False, description="answering with retrieved passages is a skill, too")
    margin: Margin = Field(default=0.1, description="loss on a skill that would matter, where it names none itself")
    regression_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.05, description="chance that a loss of the margin on a skill, or to users, is overlooked, by round"
    )
    judged: bool = Field(default=False, description="judges, corrected by people's labels, must prefer the challenger")
    judged_margin: Fraction = Field(
        default=0.0, description="how far below one half the interval of the corrected win rate may begin"
    )
    serving: ServingBudget = ServingBudget()
    require_licences: bool = Field(default=False, description="licences of base and data must be stated")
    approval: Literal["auto", "approve"] = Field(
        default="auto", description="auto: who passed every check is promoted; approve: when a person says so, too"
    )
    canary_pairs: Positive | None = Field(
        default=None,
        description="pairs of users' thumbs on challenger and champion that an approval needs; None: it needs none",
    )
    canary_margin: Margin = Field(default=0.1, description="loss of the share of thumbs up that would matter")
    export: tuple[Form, ...] = Field(
        default=(), description="forms the challenger is exported to, each of which must answer as it does"
    )

    @model_validator(mode="after")
    def _users_are_asked_of_what_waits(self) -> "PromoteSettings":
        if self.canary_pairs is not None and self.approval != "approve":
            raise ValueError(
                f"promote: `canary_pairs` is {self.canary_pairs}, but with `approval: {self.approval}` no challenger "
                "waits while users meet it; set `approval: approve`, or `canary_pairs: null`"
            )
        return self
