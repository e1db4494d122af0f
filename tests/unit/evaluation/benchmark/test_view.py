"""The words of the page: what has to be known first, which arm is best, and whether that is more than chance."""

import pytest
from example_benchmark import SCORES, benchmark_report, benchmark_rows, paired_test, retrieval_report

from tasks.evaluation.benchmark.examples import example_groups
from tasks.evaluation.benchmark.view import build_view, leading_warnings, state_verdict
from tasks.evaluation.benchmark.view_figures import format_p
from tasks.evaluation.benchmark.view_retrieval import describe_retrieval, metric_title


def test_shared_families_are_the_first_thing_said() -> None:
    report = benchmark_report(shared_families=2)

    [warning] = leading_warnings(report)
    assert warning.startswith("2 families are in both train and test by explicit splits: ")
    assert build_view(report, benchmark_rows(), {})["warnings"] == [warning]
    assert leading_warnings(benchmark_report(shared_families=1))[0].startswith("1 family is in both")
    assert leading_warnings(benchmark_report()) == []


def test_an_adapter_that_is_not_the_champions_is_said() -> None:
    [warning] = leading_warnings(benchmark_report(is_champion=False))

    assert warning == "Fine-tuned arms use version 2, which is not the champion that consumers get."
    assert leading_warnings(benchmark_report(("base", "rag"), is_champion=False)) == []


@pytest.mark.parametrize(
    ("difference", "p", "title", "ending"),
    [
        (0.3, 0.001, "RAG + fine-tuned answers best", "on 4 unseen questions (p = 0.001 after Holm's correction)."),
        (0.3, 0.0001, "RAG + fine-tuned answers best", "on 4 unseen questions (p < 0.001 after Holm's correction)."),
        (0.3, 0.05, "No clear winner", "on 4 unseen questions, which chance alone could explain (p = 0.050)."),
        (0.0, 1.0, "No difference", "The two best arms score the same on 4 unseen questions."),
    ],
)
def test_an_arm_is_called_best_only_when_the_test_is_sure(difference: float, p: float, title: str, ending: str) -> None:
    report = benchmark_report(comparisons=(paired_test("rag_ft", "ft", difference, p),))

    verdict = state_verdict(report)
    assert verdict.title == title
    assert verdict.sentence.endswith(ending)
    assert verdict.reasons == (report.roi.recommendation.sentence,)


def test_one_arm_alone_has_no_verdict() -> None:
    assert state_verdict(benchmark_report(("rag",))).title == "RAG alone"


@pytest.mark.parametrize(("p", "text"), [(0.0004, "<0.001"), (0.001, "0.001"), (0.0496, "0.050"), (1.0, "1.000")])
def test_p_values_as_they_are_written(p: float, text: str) -> None:
    assert format_p(p) == text


@pytest.mark.parametrize(
    ("name", "title"), [("hit_at_3", "Hit at 3"), ("mrr_at_10", "MRR at 10"), ("ndcg_at_10", "nDCG at 10")]
)
def test_titles_of_retrieval_metrics(name: str, title: str) -> None:
    assert metric_title(name) == title


def test_what_reached_the_prompts_is_told() -> None:
    cut = retrieval_report(passages_found=8, passages_used=5, prompts_cut=2, without_passages=1)
    assert describe_retrieval(cut) == [
        "7 chunks of 3 documents were searched; 5 of 8 retrieved passages stood in the prompts.",
        "2 prompts had no room for all passages: the last ranked are not in them.",
        "Nothing was retrieved for 1 question.",
        "4 questions name their sources; for 50 % of them one stood in the prompt.",
    ]
    unknown = retrieval_report(questions_with_sources=0, sources_in_prompts=None)
    assert describe_retrieval(unknown)[-1].startswith("No question names a source among the documents")


def test_the_examples_are_gains_losses_and_what_no_arm_can_answer() -> None:
    groups = example_groups(benchmark_rows(), list(SCORES), "rouge_l", 0.5)

    shown = {title: [question.question_id for question in questions] for title, questions in groups}
    assert shown == {
        "RAG + fine-tuned against Base: biggest gains": ["q0", "q1", "q2"],
        "No arm answers correctly": ["q3"],
    }
    assert list(groups[0][1][0].answers) == list(SCORES)


def test_losses_are_shown_and_one_arm_shows_its_best() -> None:
    backwards = list(reversed(SCORES))
    assert [title for title, _ in example_groups(benchmark_rows(backwards), backwards, "rouge_l", 0.5)] == [
        "Base against RAG + fine-tuned: biggest losses",
        "No arm answers correctly",
    ]
    alone = example_groups(benchmark_rows(["rag"]), ["rag"], "rouge_l", 0.5)
    assert alone[0][0] == "RAG: best answers"
    assert [question.question_id for question in alone[0][1]] == ["q0", "q2", "q3"]


def test_the_labels_of_charts_have_the_room_they_need() -> None:
    charts = build_view(benchmark_report(), benchmark_rows(), {})

    for chart, longest in ((charts["scores"], "RAG + fine-tuned"), (charts["differences"], "RAG + fine-tuned vs Base")):
        assert chart.figure["layout"]["margin"]["l"] >= 7 * len(longest)
