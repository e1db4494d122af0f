"""Claims counted over an arm's answers, citations held against the sources, and arms compared where both claim."""

from collections.abc import Sequence

import pytest

from tasks.evaluation.benchmark.groundedness import (
    GROUNDEDNESS,
    add_claims,
    compare_groundedness,
    documents_behind,
    measure_groundedness,
)
from tasks.evaluation.benchmark.retrieved import QuestionContext
from tasks.records import BenchmarkAnswer, Passage

TEXTS = {"a.md": "Chain joins iterables.", "b.md": "Tee copies iterators."}


def row(answer: str, *, abstained: bool = False, cited: tuple[int, ...] = ()) -> BenchmarkAnswer:
    return BenchmarkAnswer(
        question_id="q", arm="rag", question="?", reference="", answer=answer, abstained=abstained, cited=cited
    )


def context(*documents: str, sources: tuple[str, ...] = ()) -> QuestionContext:
    passages = [
        Passage(chunk_id=f"{name}:0", document_id=name, start=0, end=len(TEXTS[name]), text=TEXTS[name], score=1.0)
        for name in documents
    ]
    return QuestionContext(passages=tuple(passages), found=len(passages), sources=sources, latency_s=0.0)


def claimed(rows: Sequence[BenchmarkAnswer], contexts: Sequence[QuestionContext]) -> list[BenchmarkAnswer]:
    return add_claims(rows, contexts, lambda term: 1.0, 0.7)


def test_claims_are_counted_over_the_answers_that_make_some() -> None:
    contexts = [context("a.md", "b.md")] * 4
    rows = claimed(
        [
            row("Chain joins iterables. Tee copies iterators."),
            row("Chain joins iterables. Cats bake bread."),
            row("I don't know.", abstained=True),
            row(""),
        ],
        contexts,
    )

    found = measure_groundedness(rows, contexts, 1000, 0)

    assert (found.claims, found.supported, found.answers_with_claims) == (4, 3, 2)
    assert found.share is not None and found.share.mean == pytest.approx((1 + 1 / 2) / 2)
    assert found.several_documents == 1
    assert [GROUNDEDNESS in each.metrics for each in rows] == [True, True, False, False]
    assert documents_behind(rows[0].claims) == ["a.md", "b.md"]
    assert documents_behind(rows[1].claims) == ["a.md"]


def test_own_citations_are_right_when_they_point_to_a_source() -> None:
    contexts = [context("a.md", "b.md", sources=("b.md",)), context("a.md", sources=("a.md",)), context("a.md")]
    rows = [row("x", cited=(1, 2)), row("x", cited=(1, 7)), row("x", cited=(1,))]

    found = measure_groundedness(rows, contexts, 1000, 0)

    # Of the third question no source is known; there is no passage 7.
    assert (found.answers_citing, found.own_citations, found.own_citations_right) == (3, 4, 2)


def test_an_arm_that_claims_nothing_has_no_groundedness() -> None:
    found = measure_groundedness([row("")], [context("a.md")], 1000, 0)

    assert found.share is None and found.claims == 0


def test_arms_are_compared_on_the_questions_to_which_both_claim_something() -> None:
    contexts = [context("a.md")] * 3
    rag = claimed([row("Chain joins iterables."), row("Cats bake bread."), row("", abstained=True)], contexts)
    rag_ft = claimed([row("Chain joins iterables."), row("Chain joins iterables."), row("Cats bake.")], contexts)

    [test] = compare_groundedness({"base": [row("Cats.")] * 3, "rag": rag, "rag_ft": rag_ft}, 1000, 0)

    assert (test.arm, test.against, test.metric) == ("rag_ft", "rag", GROUNDEDNESS)
    assert (test.wins, test.ties, test.losses) == (1, 1, 0)
    assert compare_groundedness({"rag": rag}, 1000, 0) == ()
    assert compare_groundedness({}, 1000, 0) == ()
