"""Is the challenger worse than the champion to those who use them? From thumbs, given one after the other. Pure.

Requests go to a version by a hash of their random id, so users, questions and hours are alike for both but for chance.
Each thumb pairs with the latest one on the other version that has no partner yet, and a pair is never undone: later
thumbs add pairs and change none. What a pair is worth is the challenger's thumb minus the champion's, -1, 0 or 1. Its
mean is the difference of the shares of thumbs up whatever the pairs before it came to, since neither the versions nor
the choice of a partner depend on what the thumbs say. So the bet on the pairs (`tasks.evaluation.superiority`) is a
product of one factor a pair, and the chance that its p-value is ever at or below a level, however often and whenever
somebody looks, is that level at most (Ville 1939). This holds for any mix of questions and any share of the requests.

A partner is not chosen by its question. To prefer one on the same question looks better and is not: the questions
that are left over then differ between the versions. Where the challenger gets a tenth of the requests, and half of
these are a few hard questions that everybody asks, that rule lets a challenger that is worse by the margin pass in a
fifth of sequences, at a level of one in twenty (simulated in tests/unit/evaluation/test_canary.py).

One user's first thumb on a question counts, so that nobody pairs twice over the same question, and a changed mind
does not change a pair; thumbs of users who are not known all count. What is promised is about the thumbs that are
given, as far as they do not hang together: who gives none is not heard, and who gives most of them is heard too loud.

Each version's share of thumbs up has a Wilson interval, and their difference the interval made of both (Newcombe 1998,
"Interval estimation for the difference between independent proportions", method 10).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.evaluation.intervals import paired_difference, wilson_interval
from tasks.evaluation.superiority import non_inferiority_p_value
from tasks.records import CanaryComparison, CanaryEvidence, MetricSummary, PairedDifference, VersionThumbs

METRIC = "thumbs_up"


@dataclass(frozen=True, slots=True)
class Thumb:
    """A user's first word on one answer.

    Attributes:
        answer: what the answer is called; of thumbs given in the same millisecond, the lower comes first.
        version: that answered.
        question: the same for the same question.
        user: the same for the same user; None: not known.
        given_at: UTC.
    """

    answer: str
    version: int
    question: str
    user: str | None
    up: bool
    given_at: datetime


@dataclass(frozen=True)
class Pair:
    """A thumb on each version."""

    challenger: Thumb
    champion: Thumb

    @property
    def same_question(self) -> bool:
        """Whether both answered the same question."""
        return self.challenger.question == self.champion.question


def pair_thumbs(thumbs: Iterable[Thumb], champion: int, challenger: int) -> list[Pair]:
    """The pairs, in the order in which they were completed; thumbs on other versions are passed over.

    Thumbs that are given later only add pairs at the end.

    Args:
        champion, challenger: version numbers.
    """
    waiting: dict[int, list[Thumb]] = {champion: [], challenger: []}
    heard: set[tuple[str, str]] = set()
    pairs = []
    for thumb in sorted(_of(thumbs, champion, challenger), key=lambda each: (each.given_at, each.answer)):
        if thumb.user is not None:
            if (thumb.user, thumb.question) in heard:
                continue
            heard.add((thumb.user, thumb.question))
        if thumb.version == challenger and waiting[champion]:
            pairs.append(Pair(challenger=thumb, champion=waiting[champion].pop()))
        elif thumb.version == champion and waiting[challenger]:
            pairs.append(Pair(challenger=waiting[challenger].pop(), champion=thumb))
        else:
            waiting[thumb.version].append(thumb)
    return pairs


def compare_thumbs(
    thumbs: Iterable[Thumb], champion: int, challenger: int, *, resamples: int, seed: int
) -> CanaryComparison:
    """The comparison of two versions; thumbs on others are passed over.

    Args:
        champion, challenger: version numbers.
        resamples: of the bootstrap over pairs.
    """
    given = list(_of(thumbs, champion, challenger))
    pairs = pair_thumbs(given, champion, challenger)
    before, after = _summarise(champion, given), _summarise(challenger, given)
    return CanaryComparison(
        champion=before,
        challenger=after,
        difference=_difference(before.rate, after.rate),
        paired=_paired(pairs, resamples, seed),
        pairs=len(pairs),
        same_question=sum(pair.same_question for pair in pairs),
    )


def prove_not_worse(compared: CanaryComparison, *, needed: int, margin: float, level: float) -> CanaryEvidence:
    """The comparison, and whether it rules out that users find the challenger worse by the margin.

    Args:
        needed: pairs below which there is no verdict.
        margin: loss of the share of thumbs up, in (0, 1).
        level: chance, in (0, 1), that such a loss is overlooked, whenever and however often this is asked.
    """
    paired = compared.paired
    # The bet does not depend on the order of the pairs.
    found = [1.0] * paired.wins + [0.0] * paired.ties + [-1.0] * paired.losses if paired else []
    p_value = non_inferiority_p_value(found, margin)
    return CanaryEvidence(**dict(compared), needed=needed, margin=margin, p_value=p_value, level=level)


def _of(thumbs: Iterable[Thumb], *versions: int) -> Iterable[Thumb]:
    return (thumb for thumb in thumbs if thumb.version in versions)


def _paired(pairs: Sequence[Pair], resamples: int, seed: int) -> PairedDifference | None:
    if not pairs:
        return None
    return paired_difference(
        [float(pair.challenger.up) for pair in pairs],
        [float(pair.champion.up) for pair in pairs],
        arm="challenger",
        against="champion",
        metric=METRIC,
        resamples=resamples,
        seed=seed,
    )


def _summarise(version: int, thumbs: Iterable[Thumb]) -> VersionThumbs:
    given = Counter(thumb.up for thumb in _of(thumbs, version))
    count = given.total()
    rate = None
    if count:
        share = given[True] / count
        rate = MetricSummary(mean=share, ci95=wilson_interval(share, count))
    return VersionThumbs(version=version, up=given[True], down=given[False], rate=rate)


def _difference(before: MetricSummary | None, after: MetricSummary | None) -> MetricSummary | None:
    if before is None or after is None:
        return None
    mean = after.mean - before.mean
    down = math.hypot(after.mean - after.ci95[0], before.ci95[1] - before.mean)
    up = math.hypot(after.ci95[1] - after.mean, before.mean - before.ci95[0])
    return MetricSummary(mean=mean, ci95=(mean - down, mean + up))
