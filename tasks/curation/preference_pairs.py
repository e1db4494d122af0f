"""Preference pairs: prompts with a chosen and a rejected completion, for DPO.

A judgement for a or b gives one pair. A correction gives one for each candidate it corrects. A reference
answer gives one over the worst-judged candidate of its question: it teaches where all candidates are poor.

What people say goes before what judges say, however sure those are: a confidence that a judge gives itself and a
share of people's votes are not on one scale. Corrections and reference answers are people's words, too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.feedback.pairing import comparable_text
from tasks.feedback.sources import PEOPLE, is_person
from tasks.files import sha256_of
from tasks.models.prompting import build_messages
from tasks.records import Candidate, Feedback, Message, PreferencePair, Question
from tasks.settings.curation import CurateSettings

_REFERENCE_SOURCE = "reference:"
_SAID_BY_PEOPLE = tuple(f"{source}:" for source in (*PEOPLE, "correction", "reference"))

Prompt = tuple[Message, ...]
Key = tuple[Prompt, str, str]  # prompt, better text, worse text


@dataclass(frozen=True)
class _Judgement:
    """A feedback row with the question and candidates it speaks of."""

    feedback: Feedback
    question: Question
    a: Candidate
    b: Candidate


def build_preference_pairs(
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    feedback: Sequence[Feedback],
    *,
    system_prompt: str,
    settings: CurateSettings,
) -> tuple[list[PreferencePair], dict[str, int]]:
    """The pairs, sorted by id, and what was left out, by reason; input order changes nothing.

    Of pairs that say the same, the first by rank stays: people's before judges', and the more confident before the
    less. Of pairs that say the opposite, too; neither, when they are of one rank. Then at most `pairs_per_question`
    stay for a question, the first by rank. Its one reference pair comes on top of those: its confidence is always
    1, so within the limit it would push out what people and judges said about the candidates.

    A judgement without a preference counts as left out (`judgements_tie`, `judgements_both_bad`) unless it has a
    correction, which gives pairs of its own, named `correction:<feedback id>`.

    Args:
        feedback: one voice for each pair that people judged, as `resolve_judgements` gives it.
    """
    judgements, dropped = _resolve(questions, candidates, feedback)
    outcomes = Counter(each.feedback.preference for each in judgements if each.feedback.correction is None)
    proposals = [pair for judgement in judgements for pair in _pairs_of(judgement, system_prompt)]
    if settings.reference_pairs:
        proposals.extend(_reference_pairs(judgements, system_prompt))

    written = [pair for pair in proposals if pair.chosen.strip() and pair.rejected.strip()]
    different = [pair for pair in written if comparable_text(pair.chosen) != comparable_text(pair.rejected)]
    distinct = _without_duplicates(different)
    consistent = _without_contradictions(distinct)
    kept = _first_of_each_question(consistent, settings.pairs_per_question)
    dropped |= {
        "judgements_tie": outcomes["tie"],
        "judgements_both_bad": outcomes["both_bad"],
        "pairs_blank": len(proposals) - len(written),
        "pairs_identical": len(written) - len(different),
        "pairs_duplicate": len(different) - len(distinct),
        "pairs_contradictory": len(distinct) - len(consistent),
        "pairs_over_limit": len(consistent) - len(kept),
    }
    return sorted(kept, key=lambda pair: pair.id), dropped


def _resolve(
    questions: Sequence[Question], candidates: Sequence[Candidate], feedback: Sequence[Feedback]
) -> tuple[list[_Judgement], dict[str, int]]:
    """The judgements on train questions and known candidates, and how many were neither."""
    question_by_id = {question.id: question for question in questions}
    candidate_by_id = {candidate.id: candidate for candidate in candidates}
    dropped = dict.fromkeys(
        ("judgements_on_unknown_questions", "judgements_on_test_questions", "judgements_on_unknown_candidates"), 0
    )
    judgements = []
    for row in feedback:
        question = question_by_id.get(row.question_id)
        a, b = candidate_by_id.get(row.candidate_a), candidate_by_id.get(row.candidate_b)
        if question is None:
            dropped["judgements_on_unknown_questions"] += 1
        elif question.split == "test":
            dropped["judgements_on_test_questions"] += 1
        elif a is None or b is None or {a.question_id, b.question_id} != {question.id}:
            dropped["judgements_on_unknown_candidates"] += 1
        else:
            judgements.append(_Judgement(feedback=row, question=question, a=a, b=b))
    return judgements, dropped


def _pairs_of(judgement: _Judgement, system_prompt: str) -> Iterator[PreferencePair]:
    """The pairs of one judgement: none for a tie or both_bad without a correction."""
    feedback, question, a, b = judgement.feedback, judgement.question, judgement.a, judgement.b
    prompt = build_messages(system_prompt, question.question)
    if feedback.preference in ("a", "b"):
        texts = (a.text, b.text) if feedback.preference == "a" else (b.text, a.text)
        yield _pair(question, prompt, texts, f"{feedback.source}:{feedback.id}", feedback.confidence)
    if feedback.correction is not None:
        # No vote weighs what a person wrote themselves.
        confidence = 1.0 if is_person(feedback) else feedback.confidence
        # A correction of a single candidate names it on both sides.
        for text in dict.fromkeys((a.text, b.text)):
            yield _pair(question, prompt, (feedback.correction, text), f"correction:{feedback.id}", confidence)


def _reference_pairs(judgements: Sequence[_Judgement], system_prompt: str) -> Iterator[PreferencePair]:
    """One pair for each judged question with a reference answer: that answer over the worst candidate."""
    by_question: dict[str, list[_Judgement]] = defaultdict(list)
    for judgement in judgements:
        by_question[judgement.question.id].append(judgement)
    for group in by_question.values():
        question, worst = group[0].question, _worst_candidate(group)
        if question.answer is not None:
            prompt, source = build_messages(system_prompt, question.question), f"{_REFERENCE_SOURCE}{worst.id}"
            yield _pair(question, prompt, (question.answer, worst.text), source, confidence=1.0)


def _worst_candidate(judgements: Sequence[_Judgement]) -> Candidate:
    """The candidate with most losses (both_bad is one for each), then fewest wins, then the smallest id."""
    losses: Counter[str] = Counter()
    wins: Counter[str] = Counter()
    seen: dict[str, Candidate] = {}
    for judgement in judgements:
        a, b, preference = judgement.a.id, judgement.b.id, judgement.feedback.preference
        seen |= {a: judgement.a, b: judgement.b}
        losses.update({"a": [b], "b": [a], "both_bad": [a, b], "tie": []}[preference])
        wins.update({"a": [a], "b": [b]}.get(preference, []))
    return seen[min(seen, key=lambda candidate_id: (-losses[candidate_id], wins[candidate_id], candidate_id))]


def _pair(question: Question, prompt: Prompt, texts: tuple[str, str], source: str, confidence: float) -> PreferencePair:
    """The row; its id covers what a model learns from, so equal rows have equal ids on any machine."""
    chosen, rejected = (text.strip() for text in texts)
    content = {"prompt": [message.model_dump() for message in prompt], "chosen": chosen, "rejected": rejected}
    return PreferencePair(
        id=sha256_of(content),
        question_id=question.id,
        family=question.family,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        source=source,
        confidence=confidence,
    )


def _weight(pair: PreferencePair) -> tuple[bool, float]:
    """What a pair's word counts against another's, the greater the more: people before judges, then confidence."""
    return pair.source.startswith(_SAID_BY_PEOPLE), pair.confidence


def _by_rank(pair: PreferencePair) -> tuple[bool, float, str, str, str]:
    """The order in which pairs are kept: the weightiest first, ties settled by content alone."""
    by_people, confidence = _weight(pair)
    return (not by_people, -confidence, pair.id, pair.source, pair.question_id)


def _key(pair: PreferencePair) -> Key:
    return pair.prompt, comparable_text(pair.chosen), comparable_text(pair.rejected)


def _without_duplicates(pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
    kept: dict[Key, PreferencePair] = {}
    for pair in sorted(pairs, key=_by_rank):
        kept.setdefault(_key(pair), pair)
    return list(kept.values())


def _without_contradictions(pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
    """Pairs whose opposite is absent or weighs less."""
    weight = {_key(pair): _weight(pair) for pair in pairs}
    kept = []
    for pair in pairs:
        prompt, chosen, rejected = _key(pair)
        if _weight(pair) > weight.get((prompt, rejected, chosen), (False, -1.0)):
            kept.append(pair)
    return kept


def _first_of_each_question(pairs: Sequence[PreferencePair], per_question: int) -> list[PreferencePair]:
    """All reference pairs, and at most `per_question` others for each question."""
    taken: Counter[str] = Counter()
    kept = []
    for pair in sorted(pairs, key=_by_rank):
        if pair.source.startswith(_REFERENCE_SOURCE):
            kept.append(pair)
        elif taken[pair.question_id] < per_question:
            taken[pair.question_id] += 1
            kept.append(pair)
    return kept
