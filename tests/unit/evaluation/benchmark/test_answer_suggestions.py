"""What claims, citations, abstentions and switched stages call for, and when there is nothing to say."""

from typing import Any

import pytest
from example_benchmark import paired_test, retrieval_report

from tasks.evaluation.benchmark.abstention import measure_abstention
from tasks.evaluation.benchmark.answer_suggestions import suggest_from_answers
from tasks.records import Ablation, ArmAbstention, ArmGroundedness

NOTHING_TO_SAY = measure_abstention([True] * 5, [False] * 20)


def grounded(**changes: Any) -> ArmGroundedness:
    fields = {"claims": 20, "supported": 20, "share": None, "answers_with_claims": 20, "several_documents": 0}
    own = {"answers_citing": 0, "own_citations": 0, "own_citations_right": 0}
    return ArmGroundedness.model_validate({**fields, **own, **changes})


@pytest.mark.parametrize(
    ("grounds", "abstention", "name", "words"),
    [
        (grounded(supported=15), NOTHING_TO_SAY, "ungrounded_claims", "5 of 20 claims of RAG stand in no passage"),
        (
            grounded(own_citations=12, own_citations_right=6),
            NOTHING_TO_SAY,
            "wrong_citations",
            "6 of 12 citations that RAG gives point to no source",
        ),
        (
            grounded(),
            measure_abstention([True, False, False, False, False, False], [False] * 20),
            "answers_the_unanswerable",
            "RAG answers 5 of 6 questions that the documents do not answer: set `retrieval.min_similarity`",
        ),
        (
            grounded(),
            measure_abstention([True] * 5, [True] * 3 + [False] * 17),
            "abstains_too_often",
            "RAG abstains on 3 of 20 questions that have an answer: lower `retrieval.min_similarity`",
        ),
        (grounded(), measure_abstention([], [False] * 20), "unanswerable_questions", "`answerable: false`"),
    ],
)
def test_each_finding_has_its_remedy(
    grounds: ArmGroundedness, abstention: ArmAbstention, name: str, words: str
) -> None:
    [suggestion] = suggest_from_answers({"rag": grounds}, {"rag": abstention}, None)

    assert suggestion.name == name
    assert words in suggestion.sentence


@pytest.mark.parametrize(
    "grounds", [grounded(), grounded(supported=16), grounded(claims=9, supported=0), grounded(own_citations=9)]
)
def test_few_or_good_figures_call_for_nothing(grounds: ArmGroundedness) -> None:
    assert suggest_from_answers({"rag": grounds}, {"rag": NOTHING_TO_SAY}, retrieval_report()) == ()


def test_it_is_about_the_best_arm_that_retrieves_and_else_about_none() -> None:
    found = suggest_from_answers(
        {"rag": grounded(), "rag_ft": grounded(supported=2)}, dict.fromkeys(("rag", "rag_ft"), NOTHING_TO_SAY), None
    )
    assert [each.evidence["arm"] for each in found] == ["rag_ft"]
    assert suggest_from_answers({}, {"base": measure_abstention([], [True])}, None) == ()


@pytest.mark.parametrize(
    ("difference", "p", "names"), [(0.1, 0.01, ["better_stage"]), (0.1, 0.2, []), (-0.1, 0.01, []), (0.0, 1.0, [])]
)
def test_a_switch_that_surely_helps_is_named(difference: float, p: float, names: list[str]) -> None:
    test = paired_test("with_diversity", "full", difference, p, metric="mrr_at_3")
    ablations = (Ablation(change="with_diversity", metrics={}, against_full={"mrr_at_3": test}),)
    retrieval = retrieval_report(ablations=ablations)

    found = suggest_from_answers({"rag": grounded()}, {"rag": NOTHING_TO_SAY}, retrieval)

    assert [each.name for each in found] == names
    assert all("finds sources better with diversity (MMR), by 0.100" in each.sentence for each in found)
