"""The label budget: which comparisons people see, when they cannot see all.

A random slice comes first, then what a judge is least to be trusted on, then what is unlike the rest:

audit                  drawn from all eligible comparisons, answered by two people without a suggestion
swap-inconsistent      a judge changed its mind when the candidates were swapped
disagrees-with-people  a judge says otherwise than a person did on the same two texts
unsure                 the judges' certainty is lowest; without a verdict it is 0
diverse                the question is the farthest from all chosen before (tasks/feedback/diversity.py)
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from tasks.feedback.diversity import Embeddings, farthest_first
from tasks.feedback.drawing import place_in_draw, request_id
from tasks.feedback.label_requests import make_request
from tasks.feedback.labels import LabelRequest, RoutedWhy
from tasks.feedback.pairing import comparable_text
from tasks.feedback.votes import majority, pair_of, person_of, preference_seen_from, recency, turned
from tasks.records import Comparison, Feedback, Preference

# What a person said, with the texts of its candidates a and b.
PastLabel = tuple[Feedback, str, str]

# Two answer an audit record, and agreement needs both.
LABELS_PER_AUDIT_RECORD = 2

# Of what is left after the strong reasons. Judges are often unsure of one kind of question; half of the labels go
# where they are unsure, and half across all kinds, so that no judge decides alone what people never see.
DIVERSE_SHARE = 0.5

_TextPair = tuple[str, str, str]  # question id, the smaller comparable text, the greater one


@dataclass(frozen=True)
class _Option:
    """A comparison that may be asked.

    Attributes:
        id: of the request that it would become.
        draw: its place in a random order of all options.
        verdicts: what judges said of it.
        certainty: of the judges, 0 to 1.
        contradicted: a judge says otherwise than a person did.
    """

    id: str
    draw: str
    comparison: Comparison
    verdicts: tuple[Feedback, ...]
    certainty: float
    contradicted: bool

    @property
    def question_id(self) -> str:
        return self.comparison.question.id


def route(  # noqa: PLR0913  plain values, all of them the round's
    comparisons: Sequence[Comparison],
    judgements: Sequence[Feedback],
    past: Sequence[PastLabel],
    embeddings: Embeddings,
    *,
    budget: int,
    audit_share: float,
    domain: str,
    round_number: int,
    seed: int,
) -> tuple[list[LabelRequest], dict[str, int]]:
    """The requests, the audit slice first and each dataset by priority, and how many there are for each reason.

    The budget counts labels, so an audit record, which two people answer, takes two. `audit_share` is a share of the
    records: with share s and budget b there are b / (1 + s) records, and s of them are audited.
    Where there are labels for all comparisons, all are asked.

    The audit slice is drawn before anything else is looked at: drawn from what the other reasons leave, it would
    hold the easy comparisons, and agreement between people, and between people and judges, would look better than
    it is. It may meet a question twice. Otherwise no question is asked a second time before all were asked once.

    What people answered already, in the same two texts, is asked again only where a judge says otherwise, and no
    more once two people are of one mind: a third would not change the judge's.

    The same comparisons, judgements and labels in any order give the same requests. Left out are comparisons on test
    questions, with a blank answer, or with the same text on both sides.

    Args:
        judgements: the judges' feedback on these comparisons; what people said in it is left aside.
        past: what people said in earlier rounds.
        embeddings: of each question, by id, all of one length.
        budget: human labels, at least 0.
        audit_share: of the records, 0 to 1.

    Raises:
        ValueError: when a question has no embedding.
    """
    options = _list_options(comparisons, judgements, past, domain, round_number, seed)
    unknown = sorted({option.question_id for option in options} - embeddings.keys())
    if unknown:
        raise ValueError(f"{len(unknown)} questions have no embedding, {unknown[0]!r} the first")
    audited = options[: min(round(audit_share * budget / (1 + audit_share)), budget // LABELS_PER_AUDIT_RECORD)]
    chosen = _choose(
        options[len(audited) :],
        Counter(option.question_id for option in audited),
        embeddings,
        budget - LABELS_PER_AUDIT_RECORD * len(audited),
    )
    # Two datasets in Argilla, so each has priorities of its own.
    requests = [
        *(_request(option, "audit", place, round_number, seed) for place, option in enumerate(audited, start=1)),
        *(_request(option, why, place, round_number, seed) for place, (option, why) in enumerate(chosen, start=1)),
    ]
    return requests, explain(requests)


def explain(requests: Iterable[LabelRequest]) -> dict[str, int]:
    """How many requests there are for each of the router's reasons, the strongest first."""
    counts = Counter[str](request.why for request in requests)
    return {why: counts[why] for why in get_args(RoutedWhy)}


def _list_options(
    comparisons: Sequence[Comparison],
    judgements: Sequence[Feedback],
    past: Sequence[PastLabel],
    domain: str,
    round_number: int,
    seed: int,
) -> list[_Option]:
    """The comparisons that may be asked, each two texts once, in a random order that the input's does not change."""
    verdicts = defaultdict(list)
    for row in sorted(judgements, key=lambda row: (row.source, row.id)):
        if row.source.startswith("judge:") and not row.retracted:
            verdicts[pair_of(row)].append(row)
    labels = _labels_by_text(past)
    seen: set[_TextPair] = set()
    options = []
    for comparison in sorted(comparisons, key=lambda each: (each.question.id, sorted((each.a.id, each.b.id)))):
        pair = _text_pair(comparison.question.id, comparison.a.text, comparison.b.text)
        if comparison.question.split == "test" or not pair[1] or pair[1] == pair[2] or pair in seen:
            continue
        seen.add(pair)
        candidates = sorted((comparison.a.id, comparison.b.id))
        own = verdicts.get((comparison.question.id, candidates[0], candidates[1]), [])
        contradicted = _contradicts(own, comparison, labels.get(pair, []))
        if pair in labels and not contradicted:
            continue
        option_id = request_id(comparison, domain=domain, round_number=round_number)
        options.append(
            _Option(
                id=option_id,
                draw=place_in_draw(option_id, seed),
                comparison=comparison,
                verdicts=tuple(own),
                certainty=_certainty(own, comparison),
                contradicted=contradicted,
            )
        )
    return sorted(options, key=lambda option: option.draw)


def _text_pair(question_id: str, text_a: str, text_b: str) -> _TextPair:
    smaller, greater = sorted((comparable_text(text_a), comparable_text(text_b)))
    return question_id, smaller, greater


def _labels_by_text(past: Sequence[PastLabel]) -> dict[_TextPair, list[Preference]]:
    """What people prefer, one vote a person, where a is the smaller of the two texts."""
    votes: dict[_TextPair, dict[tuple[str, str], Preference]] = defaultdict(dict)
    for row, text_a, text_b in sorted(past, key=lambda label: recency(label[0])):
        if not row.retracted:
            smaller_first = comparable_text(text_a) <= comparable_text(text_b)
            preference = row.preference if smaller_first else turned(row.preference)
            votes[_text_pair(row.question_id, text_a, text_b)][person_of(row)] = preference
    return {pair: list(by_person.values()) for pair, by_person in votes.items()}


def _contradicts(verdicts: Sequence[Feedback], comparison: Comparison, labels: Sequence[Preference]) -> bool:
    """Whether a judge says otherwise than a person, and people have not settled the matter by two votes."""
    settled = majority(labels)
    if settled is not None and labels.count(settled) >= 2:
        return False
    smaller_first = comparable_text(comparison.a.text) <= comparable_text(comparison.b.text)
    said = (preference_seen_from(row, comparison.a.id) for row in verdicts)
    said_in_order = {each if smaller_first else turned(each) for each in said}
    return any(each != label for each in said_in_order for label in labels)


def _certainty(verdicts: Sequence[Feedback], comparison: Comparison) -> float:
    """The confidence behind the leading verdict, over the number of judges; 0 without a judge.

    One judge: its confidence. Several that agree: the mean of theirs. Those that disagree with the leading verdict
    add nothing, so disagreement lowers it.
    """
    behind: dict[Preference, float] = defaultdict(float)
    for row in verdicts:
        behind[preference_seen_from(row, comparison.a.id)] += row.confidence
    return round(max(behind.values()) / len(verdicts), 6) if verdicts else 0.0


def _choose(
    options: Sequence[_Option],
    asked: Counter[str],
    embeddings: Embeddings,
    budget: int,
) -> list[tuple[_Option, RoutedWhy]]:
    """As many options as the budget allows, in the order of choice; `asked` counts what each question has had."""
    chosen: list[tuple[_Option, RoutedWhy]] = []
    left, asked = list(options), asked.copy()
    while left and len(chosen) < budget:
        fewest = min(asked[option.question_id] for option in left)
        due = [option for option in left if asked[option.question_id] == fewest]
        picks = _choose_one_each(due, [*asked], embeddings, budget - len(chosen))
        chosen += picks
        asked.update(option.question_id for option, _ in picks)
        taken = {option.id for option, _ in picks}
        left = [option for option in left if option.id not in taken]
    return chosen


def _choose_one_each(
    options: Sequence[_Option],
    asked: Sequence[str],
    embeddings: Embeddings,
    budget: int,
) -> list[tuple[_Option, RoutedWhy]]:
    """At most one option of each question, at most `budget`; fewer only when every question has one."""
    picks: dict[str, tuple[_Option, RoutedWhy]] = {}

    def take(ranked: Iterable[_Option], why: RoutedWhy, limit: int) -> None:
        for option in ranked:
            if len(picks) >= limit:
                return
            picks.setdefault(option.question_id, (option, why))

    by_certainty = sorted(options, key=lambda option: (option.certainty, option.draw))
    inconsistent = (option for option in by_certainty if any(row.swap_inconsistent for row in option.verdicts))
    take(inconsistent, "swap-inconsistent", budget)
    take((option for option in by_certainty if option.contradicted), "disagrees-with-people", budget)
    remainder = budget - len(picks)
    unsure = (option for option in by_certainty if option.certainty < 1)
    take(unsure, "unsure", len(picks) + int(remainder * (1 - DIVERSE_SHARE)))
    least_certain: dict[str, _Option] = {}
    for option in by_certainty:
        if option.question_id not in picks:
            least_certain.setdefault(option.question_id, option)
    open_questions = sorted(least_certain, key=lambda question_id: least_certain[question_id].draw)
    farthest = farthest_first(open_questions, [*asked, *picks], embeddings, budget - len(picks))
    take((least_certain[question_id] for question_id in farthest), "diverse", budget)
    return list(picks.values())


def _request(option: _Option, why: RoutedWhy, priority: int, round_number: int, seed: int) -> LabelRequest:
    # A verdict that holds either way round goes before one that does not, however sure that was.
    best = max(option.verdicts, key=lambda row: (not row.swap_inconsistent, row.confidence), default=None)
    return make_request(
        option.comparison, option.id, why=why, priority=priority, round_number=round_number, seed=seed, verdict=best
    )
