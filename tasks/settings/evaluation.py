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
