"""What users' thumbs say of challenger and champion: rates, their difference, and the same on equal questions.

Each version's share of thumbs up has a Wilson interval, and their difference the interval made of both (Newcombe 1998,
"Interval estimation for the difference between independent proportions", method 10). Requests are given to a version by
a hash of their id, so users and questions are alike for both but for chance. Where both were asked the same question,
the difference is also taken question by question, which leaves out how hard the questions were. Pure.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from tasks.evaluation.intervals import paired_difference, wilson_interval
from tasks.records import Count, MetricSummary, PairedDifference, Record
from tasks.serve.versions import Role

METRIC = "thumbs_up"


class Thumb(Record):
    """A user's last word on one answer."""

    version: Annotated[int, Field(ge=1)] = Field(description="that answered")
    question: str = Field(description="the same for the same question")
    up: bool


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
    paired: PairedDifference | None = Field(description="on questions that both were rated on; None: there are none")
    paired_questions: Count


def turn_of(request_id: str, challenger_share: float) -> Role:
    """Whose turn a request is: the same for the same id, and the challenger's for this share of all ids."""
    place = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8], "big") / 2**64
    return "challenger" if place < challenger_share else "champion"


def compare_thumbs(
    thumbs: Iterable[Thumb], champion: int, challenger: int, *, resamples: int, seed: int
) -> CanaryComparison:
    """The comparison of two versions; thumbs on others are passed over.

    Args:
        champion, challenger: version numbers.
        resamples: of the bootstrap over questions.
    """
    by_version: dict[int, list[Thumb]] = {champion: [], challenger: []}
    for thumb in thumbs:
        if thumb.version in by_version:
            by_version[thumb.version].append(thumb)
    before, after = _summarise(champion, by_version[champion]), _summarise(challenger, by_version[challenger])
    shares_before, shares_after = _by_question(by_version[champion]), _by_question(by_version[challenger])
    both = sorted(shares_before.keys() & shares_after.keys())
    paired = None
    if both:
        paired = paired_difference(
            [shares_after[question] for question in both],
            [shares_before[question] for question in both],
            arm="challenger",
            against="champion",
            metric=METRIC,
            resamples=resamples,
            seed=seed,
        )
    return CanaryComparison(
        champion=before,
        challenger=after,
        difference=_difference(before.rate, after.rate),
        paired=paired,
        paired_questions=len(both),
    )


def _summarise(version: int, thumbs: Sequence[Thumb]) -> VersionThumbs:
    up = sum(thumb.up for thumb in thumbs)
    rate = None
    if thumbs:
        rate = MetricSummary(mean=up / len(thumbs), ci95=wilson_interval(up / len(thumbs), len(thumbs)))
    return VersionThumbs(version=version, up=up, down=len(thumbs) - up, rate=rate)


def _by_question(thumbs: Sequence[Thumb]) -> dict[str, float]:
    """By question the share of thumbs up."""
    given: defaultdict[str, list[bool]] = defaultdict(list)
    for thumb in thumbs:
        given[thumb.question].append(thumb.up)
    return {question: sum(ups) / len(ups) for question, ups in given.items()}


def _difference(before: MetricSummary | None, after: MetricSummary | None) -> MetricSummary | None:
    if before is None or after is None:
        return None
    mean = after.mean - before.mean
    down = math.hypot(after.mean - after.ci95[0], before.ci95[1] - before.mean)
    up = math.hypot(after.ci95[1] - after.mean, before.mean - before.ci95[0])
    return MetricSummary(mean=mean, ci95=(mean - down, mean + up))
