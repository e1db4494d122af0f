"""The seam between the loop and whoever judges: people, end users or judges."""

from collections.abc import Sequence
from typing import Protocol

from tasks.files import sha256_of
from tasks.judging.judges import Judge, Verdict
from tasks.records import Comparison, Feedback


class FeedbackSource(Protocol):
    """Anyone who can be shown comparisons and answers some of them, sooner or later."""

    @property
    def name(self) -> str:
        """What `Feedback.source` says, for example `human` or `judge:reference`."""
        ...

    def ask(self, comparisons: Sequence[Comparison], round_: int) -> None:
        """Puts the comparisons before the source; returns without waiting for people."""
        ...

    def answers(self) -> list[Feedback]:
        """All judgements given so far; asking again gives the same ids."""
        ...


class JudgeFeedback:
    """A judge as a feedback source: it answers when asked, and each comparison once, whichever way round."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._given: dict[str, Feedback] = {}

    @property
    def name(self) -> str:
        return f"judge:{self._judge.name}"

    def ask(self, comparisons: Sequence[Comparison], round_: int) -> None:
        """Judges the comparisons that are new to this source.

        Raises:
            RatchetError: when the judge cannot judge one of them; then none is kept.
        """
        new: dict[str, Comparison] = {}
        for comparison in comparisons:
            judgement_id = feedback_id(self.name, None, comparison.question.id, comparison.a.id, comparison.b.id)
            if judgement_id not in self._given:
                new.setdefault(judgement_id, comparison)
        verdicts = self._judge.compare(list(new.values()))
        for (judgement_id, comparison), verdict in zip(new.items(), verdicts, strict=True):
            self._given[judgement_id] = self._record(judgement_id, comparison, verdict, round_)

    def answers(self) -> list[Feedback]:
        """All judgements given so far, in the order they were asked for."""
        return list(self._given.values())

    def _record(self, judgement_id: str, comparison: Comparison, verdict: Verdict, round_: int) -> Feedback:
        return Feedback(
            id=judgement_id,
            question_id=comparison.question.id,
            candidate_a=comparison.a.id,
            candidate_b=comparison.b.id,
            preference=verdict.preference,
            source=self.name,
            confidence=verdict.confidence,
            reason=verdict.reason,
            round=round_,
        )


def feedback_id(source: str, annotator: str | None, question_id: str, candidate_a: str, candidate_b: str) -> str:
    """The id of a judgement (64 hex digits): who judged what, whichever way round the candidates were shown."""
    return sha256_of(
        {
            "source": source,
            "annotator": annotator,
            "question_id": question_id,
            "candidates": sorted((candidate_a, candidate_b)),
        }
    )
