"""Which judgements are heard on a pair of candidates: people before judges, and of people the majority."""

from collections import defaultdict
from collections.abc import Sequence

from tasks.feedback.sources import is_person
from tasks.feedback.votes import Pair, majority, pair_of, preference_on_pair, votes_by_pair
from tasks.records import Feedback


def resolve_judgements(feedback: Sequence[Feedback]) -> tuple[list[Feedback], dict[str, int]]:
    """One voice for each pair that people judged, sorted by id, and what was left out, by rule; order changes nothing.

    A pair is a question and two candidates, whichever way round they were shown.

    judgements_outranked_by_people  Where people judged a pair, judges (and end users) are not heard on it, not even
                                    where people are undecided.
    judgements_superseded           A person has one vote on a pair: their latest answer.
    judgements_outvoted             The preference with strictly most votes wins, and its share of the votes is the
                                    confidence of the one judgement that stays.
    judgements_repeated             Votes for the winner besides that one.
    judgements_undecided            Votes on pairs where no preference wins; `pairs_people_undecided` counts the pairs.

    A correction outlives its author's vote: a row with one stays in any case, and where it is not the pair's voice, it
    says `tie`, so that it is counted for nothing but its correction. Such rows are not among those left out.
    Judgements on pairs that no person judged stay as they are, however many judges there are.

    Args:
        feedback: one row for each id, retracted ones left out, as the feedback log gives it.
    """
    dropped = dict.fromkeys(
        (
            "judgements_outranked_by_people",
            "judgements_superseded",
            "judgements_outvoted",
            "judgements_repeated",
            "judgements_undecided",
            "pairs_people_undecided",
        ),
        0,
    )
    votes = votes_by_pair(feedback)
    rows_by_pair: dict[Pair, list[Feedback]] = defaultdict(list)
    for row in sorted(feedback, key=lambda row: row.id):
        rows_by_pair[pair_of(row)].append(row)
    kept: list[Feedback] = []
    for pair, rows in rows_by_pair.items():
        if pair in votes:
            kept += _resolve_pair(rows, votes[pair], dropped)
        else:
            kept += rows
    return sorted(kept, key=lambda row: row.id), dropped


def _resolve_pair(rows: Sequence[Feedback], votes: Sequence[Feedback], dropped: dict[str, int]) -> list[Feedback]:
    """The pair's voice, if it has one, and all other rows with a correction; counts the rest."""
    winner = majority(preference_on_pair(row) for row in votes)
    for_winner = [row for row in votes if preference_on_pair(row) == winner]
    # Of equal voices one with a correction, so that a lone judgement stays the row that it is.
    voice = min(for_winner, key=lambda row: (row.correction is None, row.id), default=None)
    dropped["pairs_people_undecided"] += winner is None
    voters = {row.id for row in votes}
    kept = []
    for row in rows:
        if voice is not None and row.id == voice.id:
            kept.append(row.model_copy(update={"confidence": len(for_winner) / len(votes)}))
        elif row.correction is not None:
            kept.append(row.model_copy(update={"preference": "tie"}))
        else:
            dropped[_why_dropped(row, row.id in voters, winner)] += 1
    return kept


def _why_dropped(row: Feedback, voted: bool, winner: str | None) -> str:
    if not is_person(row):
        return "judgements_outranked_by_people"
    if not voted:
        return "judgements_superseded"
    if winner is None:
        return "judgements_undecided"
    return "judgements_repeated" if preference_on_pair(row) == winner else "judgements_outvoted"
