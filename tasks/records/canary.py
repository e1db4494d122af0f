"""What users' thumbs say of a challenger that answers a share of the requests, beside the champion."""

from typing import Annotated

from pydantic import Field

from tasks.records.base import Count, Record, Share
from tasks.records.evaluation import MetricSummary, PairedDifference


class VersionThumbs(Record):
    """What users said of one version."""

    version: Annotated[int, Field(ge=1)]
    up: Count
    down: Count
    rate: MetricSummary | None = Field(description="share of thumbs up with its 95 % interval; None: there are none")


class CanaryComparison(Record):
    """Challenger and champion by their users' thumbs."""

    champion: VersionThumbs
    challenger: VersionThumbs
    difference: MetricSummary | None = Field(
        description="challenger's rate minus champion's with its 95 % interval; None: one has no thumbs"
    )
    paired: PairedDifference | None = Field(description="the same over pairs of thumbs; None: there are none")
    pairs: Count = Field(description="of a thumb on each version, given one after the other")
    same_question: Count = Field(description="of those pairs, how many are on one question")


class CanaryEvidence(CanaryComparison):
    """Whether users find the challenger not worse than the champion."""

    needed: Annotated[int, Field(ge=1)] = Field(description="pairs below which there is no verdict")
    margin: Share = Field(description="loss of the share of thumbs up that would matter")
    p_value: Share = Field(description="of a loss of the margin or more, over the pairs")
    level: Share = Field(description="the p-value up to which such a loss is ruled out, whenever somebody looks")

    @property
    def enough(self) -> bool:
        """Whether there are as many pairs as are needed."""
        return self.pairs >= self.needed

    @property
    def held(self) -> bool:
        """Whether a loss of the margin is ruled out, on enough pairs."""
        return self.enough and self.p_value <= self.level
