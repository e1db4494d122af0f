"""Falling thumbs: is the share of thumbs up lower now than before, over all versions or for one of them? Pure.

A version that answered in both periods is compared with itself, so that a change of the questions is told from a change
of the model; the smallest p-value counts, times the number of comparisons (Bonferroni).
"""

from collections import Counter
from collections.abc import Sequence

from tasks.monitoring.answers import ProductionAnswer
from tasks.monitoring.shares import Rise, compare_shares, describe_p, percent, points
from tasks.records.monitoring import Measured, Verdict
from tasks.settings.monitoring import MonitorSettings

Thumbs = dict[str | None, tuple[int, int]]  # thumbs down and thumbs in all, by version; None: of all versions


def examine_thumbs(
    now: Sequence[ProductionAnswer], before: Sequence[ProductionAnswer], settings: MonitorSettings, level: float
) -> Verdict:
    """The verdict on the thumbs of both periods."""
    current, reference = count_thumbs(now), count_thumbs(before)
    few = min(current[None][1], reference[None][1])
    if few < settings.min_ratings:
        sentence = (
            f"Thumbs: {current[None][1]} now and {reference[None][1]} before are too few for a verdict; "
            f"{settings.min_ratings} are needed in each period."
        )
        return Verdict(kind="thumbs", sentence=sentence)
    overall = (current[None], reference[None])
    versions = [
        version
        for version in sorted({*current, *reference} - {None}, key=str)
        if min(_of(current, version)[1], _of(reference, version)[1]) >= settings.min_ratings
        and (_of(current, version), _of(reference, version)) != overall  # one that answered alone
    ]
    rises = {version: compare_shares(_of(current, version), _of(reference, version)) for version in (None, *versions)}
    worst = min(rises, key=lambda version: (rises[version].p_value, version is not None))
    rise = rises[worst]
    p_value = min(1.0, rise.p_value * len(rises))
    of = "" if worst is None else f" of version {worst}"
    sentence = (
        f"Thumbs up{of}: {percent(1 - rise.now.value)} of {rise.now.count} now, {percent(1 - rise.before.value)} of "
        f"{rise.before.count} before, {points(rise, -1)}; {describe_p(p_value)}."
    )
    return Verdict(
        kind="thumbs",
        sentence=sentence,
        now=_up(rise.now),
        before=_up(rise.before),
        p_value=p_value,
        level=level,
        notable=is_notable(rise, settings.thumbs_drop),
        questions=tuple(each.question for each in now if each.rating == "down" and each.question is not None),
    )


def count_thumbs(answers: Sequence[ProductionAnswer]) -> Thumbs:
    """Thumbs down, and thumbs in all, of all versions together and of each that is known."""
    down: Counter[str | None] = Counter()
    given: Counter[str | None] = Counter()
    for answer in answers:
        if answer.rating is not None:
            for version in {None, answer.version}:
                given[version] += 1
                down[version] += answer.rating == "down"
    return {version: (down[version], given[version]) for version in {None, *given}}


def _of(thumbs: Thumbs, version: str | None) -> tuple[int, int]:
    return thumbs.get(version, (0, 0))


def is_notable(rise: Rise, smallest: float) -> bool:
    """Whether the share rose by at least this much, and at all."""
    return rise.difference > 0 and rise.difference >= smallest


def _up(down: Measured) -> Measured:
    return Measured(value=1 - down.value, ci95=(1 - down.ci95[1], 1 - down.ci95[0]), count=down.count)
