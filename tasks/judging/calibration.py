"""How far a judge can be believed: its agreement with people, and its leanings.

Each version of a judge (model and prompt) is a feedback source of its own and is measured by itself. What it says is
set beside people's word on the audit slice alone: the other comparisons were chosen for the judges' doubts, and
people saw a suggestion there. People's word on a pair is the answer that most of them gave; where none has most, the
pair is left out and counted.

Candidates are told apart by their ids, not by the side on which somebody saw them, so swapping a and b anywhere
changes no figure but the position bias, which is about just that.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

from pydantic import Field

from tasks.config import Config
from tasks.feedback.pairing import comparable_text
from tasks.feedback.votes import Pair, majority, pair_of, preference_on_pair, recency, turned, votes_by_pair
from tasks.judging.estimates import (
    OUTCOMES,
    Confusion,
    Estimate,
    difference_estimate,
    kappa_estimate,
    share_estimate,
)
from tasks.records import Candidate, Count, Feedback, FeedbackBatch, Preference, Record

People = Literal["human", "oracle", "both"]

# Asked in both orders; more would narrow the interval of position bias below plus or minus 0.04, to no use.
POSITION_PAIRS = 2000

_CATEGORIES: tuple[Preference, ...] = get_args(Preference)


class JudgeCalibration(Record):
    """What is known of one version of a judge; figures that cannot be had are None."""

    judge: str = Field(description="its feedback source, such as `judge:reference` or `judge:local@0123456789ab`")
    people: People | None = Field(
        description="who it was compared with: people, the oracle in their place, or both; None: nobody"
    )
    comparisons: Count = Field(description="audit comparisons that it judged and on which people are decided")
    undecided: Count = Field(description="audit comparisons that it judged and on which no answer has most votes")
    confusion: Confusion = Field(
        description="of those comparisons: people's answer, then the judge's; a is the candidate with the smaller id"
    )
    kappa: Estimate | None = Field(
        description="Cohen's kappa with people over a, b, tie and both_bad, -1 to 1, 0 is chance (Cohen 1960)"
    )
    accuracy: Estimate | None = Field(
        description="share of those comparisons on which it says what people say, 0 to 1; Wilson interval"
    )
    position_bias: Estimate | None = Field(
        description="of the pairs it was asked in both orders, the share where it preferred the first shown both times "
        "minus the share where it preferred the second both times, -1 to 1 (after Zheng et al. 2023, "
        "'Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena')"
    )
    swap_inconsistent: Estimate | None = Field(
        description="share of those pairs on which it changed its mind with the order, 0 to 1; Wilson interval"
    )
    length_bias: Estimate | None = Field(
        description="how much more often than people it prefers the longer answer on the same pairs, a tie counting "
        "half, -1 to 1 (verbosity bias of Zheng et al. 2023); pairs of equal length, in characters, are left out"
    )
    self_preference: Estimate | None = Field(
        description="how much more often than people it prefers an answer of its own family over another's on the "
        "same pairs, a tie counting half, -1 to 1 (self-enhancement bias of Zheng et al. 2023)"
    )


# A pair of candidates with people's word and the judge's on it.
_Compared = tuple[Pair, Preference, Preference]


def measure_judges(
    config: Config, batches: Iterable[FeedbackBatch], candidates: Iterable[Candidate], feedback: Sequence[Feedback]
) -> tuple[JudgeCalibration, ...]:
    """`calibrate` on a domain's feedback: families as the config names them, models as the batches do."""
    return calibrate(
        feedback,
        {candidate.id: candidate for candidate in candidates},
        families={judge.name: judge.family for judge in config.judges if judge.family},
        models={batch.model_version.weights_sha256: batch.model_version.base.id for batch in batches},
    )


def calibrate(
    feedback: Sequence[Feedback],
    candidates: Mapping[str, Candidate],
    *,
    families: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
) -> tuple[JudgeCalibration, ...]:
    """One calibration for each judge in the feedback, by name; judges nobody can be set beside are among them.

    Position is a matter of the judge alone, so its figures rest on pairs of all kinds that were asked in both orders,
    on `POSITION_PAIRS` of them where there are more.

    Args:
        feedback: one row for each id, as the feedback log gives them, in any order.
        candidates: by id; pairs with an unknown one are left out where texts or models matter.
        families: by the judge's name, a word in the names of models of its family, in any case.
        models: by weights_sha256, the name of the model that wrote with these weights.
    """
    votes = votes_by_pair(row for row in feedback if row.audit and _is_comparison(row))
    by_judge: dict[str, list[Feedback]] = defaultdict(list)
    for row in feedback:
        if row.source.startswith("judge:") and _is_comparison(row) and not row.retracted:
            by_judge[row.source].append(row)
    names = {sha256: name.casefold() for sha256, name in (models or {}).items()}
    found = []
    for judge, rows in sorted(by_judge.items()):
        family = (families or {}).get(judge.removeprefix("judge:").partition("@")[0])
        own = {sha256: family.casefold() in name for sha256, name in names.items()} if family else {}
        found.append(_calibrate_one(judge, rows, votes, candidates, own))
    return tuple(found)


def _calibrate_one(
    judge: str,
    rows: Sequence[Feedback],
    votes: Mapping[Pair, Sequence[Feedback]],
    candidates: Mapping[str, Candidate],
    own: Mapping[str, bool],
) -> JudgeCalibration:
    """Its figures; `own` tells of weights whether a model of the judge's family has them."""
    audited = sorted((row for row in rows if pair_of(row) in votes), key=recency)
    verdicts = {pair_of(row): preference_on_pair(row) for row in audited}
    compared: list[_Compared] = [
        (pair, word, verdict)
        for pair, verdict in sorted(verdicts.items())
        if (word := majority(preference_on_pair(vote) for vote in votes[pair])) is not None
    ]
    confusion = _count(compared)
    return JudgeCalibration(
        judge=judge,
        people=_who({vote.source for pair, _, _ in compared for vote in votes[pair]}),
        comparisons=len(compared),
        undecided=len(verdicts) - len(compared),
        confusion=confusion,
        kappa=kappa_estimate(confusion),
        accuracy=share_estimate(sum(word == verdict for _, word, verdict in compared), len(compared)),
        **_position_figures(rows),
        length_bias=_excess(compared, lambda pair: _longer(pair, candidates)),
        self_preference=_excess(compared, lambda pair: _own(pair, candidates, own)),
    )


def _is_comparison(row: Feedback) -> bool:
    """Whether the judgement is on two candidates, not on a single one."""
    return row.candidate_a != row.candidate_b


def _who(sources: set[str]) -> People | None:
    if sources == {"oracle"}:
        return "oracle"
    return ("both" if "oracle" in sources else "human") if sources else None


def _count(compared: Sequence[_Compared]) -> Confusion:
    confusion: Confusion = {word: dict.fromkeys(_CATEGORIES, 0) for word in _CATEGORIES}
    for _, word, verdict in compared:
        confusion[word][verdict] += 1
    return confusion


def _position_figures(rows: Sequence[Feedback]) -> dict[str, Estimate | None]:
    # Ids are hashes, so the smallest are a draw at random that is the same every time.
    asked = heapq.nsmallest(POSITION_PAIRS, (row for row in rows if row.both_orders is not None), lambda row: row.id)
    # Both are told of a and b, as in the verdict; what was shown first was a the first time, and b the second.
    leaning = {("a", "b"): 1.0, ("b", "a"): -1.0}
    return {
        "position_bias": difference_estimate([leaning.get(row.both_orders or ("tie", "tie"), 0.0) for row in asked]),
        "swap_inconsistent": share_estimate(sum(row.swap_inconsistent for row in asked), len(asked)),
    }


def _excess(compared: Sequence[_Compared], favourite_of: Callable[[Pair], str | None]) -> Estimate | None:
    """How much more often the judge prefers the favourite than people do; pairs without a favourite are left out."""
    differences = []
    for pair, word, verdict in compared:
        favourite = favourite_of(pair)
        if favourite is not None:
            seen = [each if favourite == pair[1] else turned(each) for each in (verdict, word)]
            differences.append(OUTCOMES[seen[0]] - OUTCOMES[seen[1]])
    return difference_estimate(differences)


def _longer(pair: Pair, candidates: Mapping[str, Candidate]) -> str | None:
    """The candidate whose text is the longer; None where they are as long, or one is unknown."""
    if not all(side in candidates for side in pair[1:]):
        return None
    one, other = (len(comparable_text(candidates[side].text)) for side in pair[1:])
    return None if one == other else pair[1 if one > other else 2]


def _own(pair: Pair, candidates: Mapping[str, Candidate], own: Mapping[str, bool]) -> str | None:
    """The candidate of the judge's family where the other is not; None otherwise, or where a model is unknown."""
    known = [own.get(candidates[side].weights_sha256) if side in candidates else None for side in pair[1:]]
    return pair[1 + known.index(True)] if set(known) == {True, False} else None
