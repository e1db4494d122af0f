"""Rising abstention: does the model say more often than before that it does not know? Pure."""

from collections.abc import Sequence
from dataclasses import replace

from tasks.evaluation.benchmark.abstention import find_abstentions
from tasks.monitoring.answers import ProductionAnswer
from tasks.monitoring.shares import compare_shares, describe_p, percent, points
from tasks.monitoring.thumbs import is_notable
from tasks.records.monitoring import Verdict
from tasks.settings.monitoring import MonitorSettings


def with_abstentions(answers: Sequence[ProductionAnswer], abstain: str | None) -> list[ProductionAnswer]:
    """The answers, each with whether it abstained: as its trace says, or else as its words do; None: neither says.

    Args:
        abstain: the text of `retrieval.abstain`.
    """
    open_ones = [answer for answer in answers if answer.abstained is None and answer.answer is not None]
    found = find_abstentions([answer.answer or "" for answer in open_ones], abstain)
    by_words = {id(answer): each for answer, each in zip(open_ones, found, strict=True)}
    return [replace(answer, abstained=by_words.get(id(answer), answer.abstained)) for answer in answers]


def examine_abstention(
    now: Sequence[ProductionAnswer], before: Sequence[ProductionAnswer], settings: MonitorSettings, level: float
) -> Verdict:
    """The verdict on the share of answers that abstain."""
    counts, counts_before = _count(now), _count(before)
    if min(counts[1], counts_before[1]) < settings.min_answers:
        sentence = (
            f"Abstention: {counts[1]} answers now and {counts_before[1]} before are too few for a verdict; "
            f"{settings.min_answers} are needed in each period."
        )
        return Verdict(kind="abstention", sentence=sentence)
    rise = compare_shares(counts, counts_before)
    sentence = (
        f"Abstentions: {percent(rise.now.value)} of {rise.now.count} answers now, {percent(rise.before.value)} of "
        f"{rise.before.count} before, {points(rise)}; {describe_p(rise.p_value)}."
    )
    return Verdict(
        kind="abstention",
        sentence=sentence,
        now=rise.now,
        before=rise.before,
        p_value=rise.p_value,
        level=level,
        notable=is_notable(rise, settings.abstention_rise),
        questions=tuple(each.question for each in now if each.abstained and each.question is not None),
    )


def _count(answers: Sequence[ProductionAnswer]) -> tuple[int, int]:
    known = [answer.abstained for answer in answers if answer.abstained is not None]
    return sum(known), len(known)
