"""What to try next follows from the figures: misses of retrieval against those of the model, and what no arm solves."""

import pytest
from example_benchmark import outcome, paired_test, retrieval_report

from tasks.evaluation.benchmark.outcomes import QuestionOutcome
from tasks.evaluation.benchmark.suggestions import retrieval_gain, suggest
from tasks.records import PairedTest, RetrievalReport


def names(
    outcomes: list[QuestionOutcome],
    comparisons: tuple[PairedTest, ...] = (),
    retrieval: RetrievalReport | None = None,
    shared: int = 0,
) -> list[str]:
    return [suggestion.name for suggestion in suggest(outcomes, comparisons, retrieval, "rouge_l", shared)]


def answered(found: int, right: int, missing: int, right_without: int = 0) -> list[QuestionOutcome]:
    """Questions with a source in the prompt, `right` of them answered correctly, and questions without one."""
    with_source = [outcome(f"f{n}", True, base=False, rag=n < right) for n in range(found)]
    return with_source + [outcome(f"m{n}", False, base=False, rag=n < right_without) for n in range(missing)]


def test_where_all_is_answered_there_is_nothing_to_try() -> None:
    assert names([outcome("a", True, base=True, rag=True)], retrieval=retrieval_report()) == []
    assert names([]) == []


def test_misses_of_retrieval_come_first_where_they_cost_more() -> None:
    # 8 of 20 without a source, none of them right; of the 12 others 11 are: 8 * 11/12 against 1.
    found = suggest(answered(12, 11, 8), (), retrieval_report(), "rouge_l")

    assert [each.name for each in found][:2] == ["better_retrieval", "better_generation"]
    assert found[0].evidence["gain_at_most"] == pytest.approx(8 / 20 * 11 / 12)
    assert found[0].sentence.startswith(
        "Better retrieval could bring up to 37 more correct answers in 100 to RAG: for 8 of 20 questions no source "
        "stood in the prompt."
    )


def test_misses_of_the_model_come_first_where_they_cost_more() -> None:
    found = suggest(answered(12, 6, 2), (), retrieval_report(), "rouge_l")

    assert [each.name for each in found][:2] == ["better_generation", "better_retrieval"]
    assert found[0].evidence["wrong_with_source"] == 6
    assert "6 of the 12 answers with a source in their prompt are wrong" in found[0].sentence
    assert "an adapter, trained with `ratchet round`" in found[0].sentence


def test_with_an_adapter_the_remedy_is_labels_and_training_with_passages() -> None:
    rows = [outcome(f"q{n}", True, rag=False, rag_ft=n > 3) for n in range(8)]
    [better, *_] = suggest(rows, (), retrieval_report(), "rouge_l")

    assert better.evidence["arm"] == "rag_ft"
    assert "more labels, and training with passages in the prompt" in better.sentence


def test_sources_just_below_the_passages_of_the_prompt_say_how_to_get_them() -> None:
    stages = retrieval_report().stages  # 0.9 of the questions have a source among the first three documents
    [first, *_] = suggest(answered(5, 5, 5), (), retrieval_report(stages=stages, depth=3), "rouge_l")

    assert "For 4 of them the source is among the first 3 documents: raise `retrieval.passages`" in first.sentence


@pytest.mark.parametrize(
    ("with_source", "without", "gain"),
    [
        ([True] * 8, [], 0.0),
        ([True] * 8, [False] * 2, 0.2),
        ([True, False] * 5, [False] * 10, 0.25),
        ([False] * 8, [True] * 2, 0.0),  # answers without a source are the better ones: no gain to promise
        ([True], [False], 0.5),  # one answer is no share: the miss is taken to be mendable
        ([], [False] * 3, 1.0),
    ],
)
def test_what_better_retrieval_could_bring(with_source: list[bool], without: list[bool], gain: float) -> None:
    assert retrieval_gain(with_source, without) == pytest.approx(gain)


def test_without_known_sources_they_are_asked_for() -> None:
    assert names([outcome("a", None, base=True, rag=True)], retrieval=retrieval_report()) == ["name_sources"]
    assert names([outcome("a", None, base=True, ft=True)]) == []


def test_families_that_no_arm_solves_are_named() -> None:
    rows = [
        outcome("a", family="lost", base=False, ft=False),
        outcome("b", family="lost", base=False, ft=False),
        outcome("c", family="half", base=False, ft=False),
        outcome("d", family="half", base=False, ft=True),
    ]
    [found] = suggest(rows, (), None, "rouge_l")

    assert found.evidence == {"families": 1, "questions": 2, "examples": ["lost"]}
    assert found.sentence.startswith(
        "No arm answers 2 of 4 questions, in 1 of 2 families, correctly: read some (such as 'lost')"
    )


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (paired_test("ft", "base", -0.2), ["ft_behind_base"]),
        (paired_test("rag_ft", "rag", -0.2), ["rag_ft_behind_rag"]),
        (paired_test("rag_ft", "rag", -0.2, p=0.2), []),
        (paired_test("rag_ft", "rag", 0.2), []),
        (paired_test("rag_ft", "base", -0.2), []),
        (paired_test("ft", "base", -0.2, metric="rouge_l_recall"), []),
    ],
)
def test_an_adapter_that_makes_answers_worse_is_said(comparison: PairedTest, expected: list[str]) -> None:
    rows = [outcome("a", True, **{comparison.arm: True, comparison.against: True, "rag": True})]
    found = [name for name in names(rows, (comparison,), retrieval_report()) if name != "more_test_questions"]

    assert found == expected


def test_arms_that_the_questions_cannot_tell_apart_call_for_more_questions() -> None:
    rows = [outcome("a", base=False, rag=True, ft=True), outcome("b", base=False, rag=True, ft=False)]
    close, sure = paired_test("ft", "rag", -0.05, p=0.4), paired_test("ft", "rag", -0.05, p=0.01)

    assert names(rows, (close,)) == ["name_sources", "more_test_questions"]
    assert names(rows, (sure,)) == ["name_sources"]
    # The two best are rag and ft: that base and ft are close decides nothing.
    assert names(rows, (paired_test("ft", "base", 0.05, p=0.4),)) == ["name_sources"]


def test_cut_prompts_and_empty_retrieval_are_said() -> None:
    report = retrieval_report(prompts_cut=2, passages_found=9, passages_used=6, without_passages=1)
    found = suggest([outcome("a", True, base=True, rag=True)], (), report, "rouge_l")

    assert [each.name for each in found] == ["prompts_cut", "nothing_retrieved"]
    assert found[0].sentence.startswith("2 prompts had no room for 3 passages that were retrieved: raise")
    assert found[1].sentence.startswith("Nothing was retrieved for 1 question:")


def test_a_stage_that_is_better_alone_is_said() -> None:
    behind = paired_test("full", "bm25", -0.1, metric="mrr_at_3")
    ahead = paired_test("full", "dense", 0.1, metric="mrr_at_3")
    rows = [outcome("a", True, base=True, rag=True)]

    assert names(rows, retrieval=retrieval_report(comparisons=(behind, ahead))) == ["simpler_retrieval"]
    assert names(rows, retrieval=retrieval_report(comparisons=(ahead,))) == []
    unsure = behind.model_copy(update={"p_value_holm": 0.2})
    assert names(rows, retrieval=retrieval_report(comparisons=(unsure,))) == []


@pytest.mark.parametrize(
    ("shared", "start"),
    [(1, "Keep each family in one split: 1 family"), (3, "Keep each family in one split: 3 families")],
)
def test_shared_families_come_first_of_all(shared: int, start: str) -> None:
    [first, *_] = suggest(answered(3, 1, 3), (), retrieval_report(), "rouge_l", shared)

    assert first.sentence.startswith(start)
