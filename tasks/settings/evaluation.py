"""The frozen test set and the gate."""

from typing import Annotated

from pydantic import Field

from tasks.settings.section import Metric, Positive, Section


class EvaluateSettings(Section):
    """The frozen test set and its intervals."""

    max_questions: Positive = Field(default=200, description="test questions used, in the order of their hash")
    bootstrap_resamples: Annotated[int, Field(ge=1000)] = 10_000


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
