"""The reference judge: the candidate more like the reference answer is the better one.

It is deterministic and symmetric: it has no notion of position, so swapping a and b swaps its verdict. It
knows nothing but likeness to one answer, so a right answer in other words can lose; it is the judge of last
resort where no person or LLM is at hand, and needs a question with an `answer`.

A candidate's score, 0 to 1, is the mean of ROUGE-L F1 (Lin 2004: the longest common subsequence of words)
and semantic similarity (the cosine of sentence embeddings, negative values taken as 0).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.errors import DomainError, raise_collected
from tasks.judging.judges import Verdict
from tasks.records import Candidate, Comparison, Preference, Question
from tasks.settings.judging import ReferenceJudgeSettings

# (answers, references) -> one dict of metrics for each answer, by metric name.
ScoreAnswers = Callable[[Sequence[str], Sequence[str]], list[dict[str, float]]]

# The sixth decimal of a cosine changes with the batch its embedding was computed in; a verdict must not.
_SCORE_DECIMALS = 4


@dataclass(frozen=True)
class ReferenceJudge:
    """The reference judge.

    Attributes:
        score_answers: metrics of answers against references; `rouge_l` and `semantic_similarity` are used.
        settings: the margin of a tie, and the score below which an answer is bad.
    """

    score_answers: ScoreAnswers
    settings: ReferenceJudgeSettings

    @property
    def name(self) -> str:
        return "reference"

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """One verdict for each comparison, in the same order; equal texts for one reference are scored once.

        Raises:
            DomainError: when a question has no reference answer. Pairing leaves such questions out.
        """
        if not comparisons:
            return []
        raise_collected(DomainError, _describe_unanswered(comparisons))
        # Sorted, so that the scorer sees the same batches whatever the order of comparisons and sides.
        texts = sorted({_text_pair(c.question, side) for c in comparisons for side in (c.a, c.b)})
        metrics = self.score_answers([answer for answer, _ in texts], [reference for _, reference in texts])
        scores = {pair: likeness(row) for pair, row in zip(texts, metrics, strict=True)}
        return [
            decide(scores[_text_pair(c.question, c.a)], scores[_text_pair(c.question, c.b)], self.settings)
            for c in comparisons
        ]


def likeness(metrics: dict[str, float]) -> float:
    """The mean of ROUGE-L F1 and semantic similarity clipped to [0, 1], rounded to four decimals."""
    cosine = min(max(metrics["semantic_similarity"], 0.0), 1.0)
    return round((metrics["rouge_l"] + cosine) / 2, _SCORE_DECIMALS)


def decide(score_a: float, score_b: float, settings: ReferenceJudgeSettings) -> Verdict:
    """The verdict on two scores in [0, 1].

    both_bad when both are below `both_bad_below`; else a tie when they are equal or closer than `margin`;
    else the higher one.

    Confidence is 0.5 where the verdict is about to change and rises linearly to 1:
    for a or b      0.5 + 0.5 * (gap - margin) / (1 - margin)
    for tie         0.5 + 0.5 * (margin - gap) / margin
    for both_bad    0.5 + 0.5 * (both_bad_below - higher score) / both_bad_below
    """
    # Rounded again: 0.3 - 0.25 is a little below 0.05, and must not become a tie by that.
    gap, higher = round(abs(score_a - score_b), _SCORE_DECIMALS), max(score_a, score_b)
    margin, floor = settings.margin, settings.both_bad_below
    reason = f"a scores {score_a:.4f} and b {score_b:.4f} against the reference answer"
    if higher < floor:
        return Verdict(preference="both_bad", confidence=_confidence(floor - higher, floor), reason=reason)
    if gap < margin or gap == 0:
        return Verdict(preference="tie", confidence=_confidence(margin - gap, margin), reason=reason)
    preferred: Preference = "a" if score_a > score_b else "b"
    return Verdict(preference=preferred, confidence=_confidence(gap - margin, 1 - margin), reason=reason)


def _confidence(distance: float, greatest: float) -> float:
    """0.5 on the threshold, 1 at the greatest distance from it; 1 when no distance is possible at all."""
    share = distance / greatest if greatest > 0 else 1.0
    return round(0.5 + 0.5 * share, _SCORE_DECIMALS)


def _text_pair(question: Question, candidate: Candidate) -> tuple[str, str]:
    return candidate.text, question.answer or ""


def _describe_unanswered(comparisons: Sequence[Comparison]) -> list[str]:
    unanswered = sorted({c.question.id for c in comparisons if not (c.question.answer or "").strip()})
    return [
        f"Question {question_id} has no reference answer to judge by: add its `answer`, or use another judge."
        for question_id in unanswered
    ]
