"""Which candidates are put side by side before a judge or a person."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tasks.records import Candidate, Comparison, Question


def comparable_text(text: str) -> str:
    """The text as it counts in "the same text?": composed (NFC), each run of whitespace one space, ends cut.

    Case, punctuation and compatibility forms stay: `random.Random` and `random.random`, x² and x2 differ.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def propose_comparisons(
    questions: Sequence[Question], candidates: Sequence[Candidate], *, per_question_limit: int | None = None
) -> tuple[list[Comparison], dict[str, int]]:
    """All unordered pairs of distinct candidates, question by question, and what was left out, by reason.

    Questions keep their order; the order of `candidates` changes nothing. A limit keeps, for each question,
    pairs that bring in as many different candidates as it allows.

    Skipped and counted: test questions, which must never be asked about; questions with fewer than two distinct
    candidates; candidates that are blank, repeat another's text, or belong to none of the questions; pairs over
    the limit.
    """
    skipped = dict.fromkeys(
        (
            "test_questions",
            "questions_with_fewer_than_two_candidates",
            "candidates_of_unknown_questions",
            "candidates_blank",
            "candidates_duplicate",
            "comparisons_over_limit",
        ),
        0,
    )
    by_question: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_question[candidate.question_id].append(candidate)
    comparisons: list[Comparison] = []
    for question in questions:
        own = by_question.pop(question.id, [])
        if question.split == "test":
            skipped["test_questions"] += 1
            continue
        spoken = [candidate for candidate in own if candidate.text.strip()]
        distinct = _distinct(spoken)
        skipped["candidates_blank"] += len(own) - len(spoken)
        skipped["candidates_duplicate"] += len(spoken) - len(distinct)
        if len(distinct) < 2:
            skipped["questions_with_fewer_than_two_candidates"] += 1
            continue
        pairs = [Comparison(question=question, a=distinct[i], b=distinct[j]) for i, j in _spread(len(distinct))]
        kept = pairs[:per_question_limit]
        skipped["comparisons_over_limit"] += len(pairs) - len(kept)
        comparisons.extend(kept)
    skipped["candidates_of_unknown_questions"] = sum(len(left) for left in by_question.values())
    return comparisons, skipped


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate for each text, the one with the smallest id, sorted by id."""
    first: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.id):
        first.setdefault(comparable_text(candidate.text), candidate)
    return list(first.values())


def _spread(count: int) -> Iterator[tuple[int, int]]:
    """All unordered pairs of 0..count-1, neighbours on a circle first, every other neighbour before the rest.

    So the first pairs have no candidate in common, and each candidate comes about as often first as second,
    which evens out the liking of some judges for a position.
    """
    for distance in range(1, count // 2 + 1):
        # Across the circle, each pair would be met from both of its ends.
        starts = range(count // 2 if 2 * distance == count else count)
        for start in (*starts[::2], *starts[1::2]):
            yield start, (start + distance) % count
