"""What people say of a pair of candidates: one vote for each person, and all in one orientation."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tasks.feedback.log import edited_at
from tasks.feedback.sources import is_person
from tasks.files import canonical_json
from tasks.records import Feedback, Preference

Pair = tuple[str, str, str]  # question id, the smaller candidate id, the greater one

_TURNED: Mapping[Preference, Preference] = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}


def turned(preference: Preference) -> Preference:
    """The same opinion, with the candidates the other way round."""
    return _TURNED[preference]


def pair_of(feedback: Feedback) -> Pair:
    """The question and the two candidates of a judgement, whichever way round they were shown."""
    smaller, greater = sorted((feedback.candidate_a, feedback.candidate_b))
    return feedback.question_id, smaller, greater


def preference_seen_from(feedback: Feedback, candidate: str) -> Preference:
    """The judgement's preference, where a is the candidate of this id and b the other."""
    return feedback.preference if feedback.candidate_a == candidate else turned(feedback.preference)


def preference_on_pair(feedback: Feedback) -> Preference:
    """The judgement's preference, where a is the candidate with the smaller id."""
    return preference_seen_from(feedback, min(feedback.candidate_a, feedback.candidate_b))


def person_of(feedback: Feedback) -> tuple[str, str]:
    """Who gave the judgement; one without an annotator is somebody's of its own."""
    return feedback.source, feedback.annotator or feedback.id


def votes_by_pair(feedback: Iterable[Feedback]) -> dict[Pair, list[Feedback]]:
    """For each pair that people judged, the latest judgement of each person, sorted by id; the order changes nothing.

    Retracted judgements and those of judges are no votes. Latest is the one edited last, whichever round asked.
    """
    latest: dict[Pair, dict[tuple[str, str], Feedback]] = defaultdict(dict)
    for row in sorted(feedback, key=recency):
        if is_person(row) and not row.retracted:
            latest[pair_of(row)][person_of(row)] = row
    return {pair: sorted(votes.values(), key=lambda row: row.id) for pair, votes in latest.items()}


def recency(row: Feedback) -> tuple[float, int, str]:
    """The order in which judgements were given, the latest last."""
    return edited_at(row), row.round, canonical_json(row)


def majority(preferences: Iterable[Preference]) -> Preference | None:
    """The preference with strictly more votes than any other; None when there is no such."""
    ranked = Counter(preferences).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]
