"""The stages of retrieval side by side: what is switched off in each, and what their table says."""

import pytest

from tasks.config import Config
from tasks.evaluation.benchmark.retrieval_stages import report_retrieval, stage_settings
from tasks.evaluation.benchmark.retrieved import QuestionContext
from tasks.records import IndexRef, Passage, Question
from tasks.retrieval.searching import known_sources
from tasks.settings.retrieval import RetrievalSettings

INDEX = IndexRef(sha256="1" * 64, documents=3, chunks=3, duplicate_documents=0, empty_documents=0, embedding_model=None)


def passage(document: str) -> Passage:
    return Passage(chunk_id=f"{document}:0-1", document_id=document, start=0, end=1, text="x", score=1.0)


def given(*documents: str) -> list[Passage]:
    return [passage(document) for document in documents]


def context(*documents: str, sources: tuple[str, ...] = (), found: int | None = None) -> QuestionContext:
    return QuestionContext(
        passages=tuple(map(passage, documents)),
        found=len(documents) if found is None else found,
        sources=sources,
        latency_s=0.01,
    )


@pytest.mark.parametrize(
    ("settings", "searches"),
    [
        ({}, {"bm25": (True, False), "dense": (False, True), "hybrid": (True, True), "full": (True, True)}),
        ({"dense": False}, {"bm25": (True, False), "full": (True, False)}),
        ({"bm25": False}, {"dense": (False, True), "full": (False, True)}),
    ],
)
def test_each_search_alone_both_fused_and_all_stages(
    settings: dict[str, object], searches: dict[str, tuple[bool, bool]]
) -> None:
    stages = stage_settings(RetrievalSettings.model_validate(settings))

    assert {name: (stage.bm25, stage.dense) for name, stage in stages.items()} == searches


def test_stages_are_looked_at_to_the_same_depth_and_only_the_full_one_has_what_comes_after() -> None:
    settings = RetrievalSettings(
        passages=2, candidates=30, max_words=100, order="edges", min_similarity=0.2, relevance_weight=0.5, reranker="r"
    )
    stages = stage_settings(settings)

    assert {(stage.passages, stage.max_words, stage.order) for stage in stages.values()} == {(30, None, "relevance")}
    for name in ("bm25", "dense", "hybrid"):
        stage = stages[name]
        assert (stage.reranker, stage.near_duplicates, stage.relevance_weight, stage.min_similarity) == (None,) * 4
        assert not stage.written_queries and stage.graph is None
        RetrievalSettings.model_validate(stage.model_dump())  # what the config would refuse is never asked for
    full = stages["full"]
    assert (full.reranker, full.relevance_weight, full.min_similarity) == ("r", 0.5, 0.2)


def test_sources_are_looked_up_in_the_index_and_each_counts_once() -> None:
    question = Question(
        id="q", question="?", family="f", split="test", sources=("copy.md", "a.md", "gone.md", "a.md", "b.md")
    )

    assert known_sources(question, {"a.md", "b.md"}, {"copy.md": "a.md"}) == ["a.md", "b.md"]


def test_only_questions_with_sources_are_scored_and_all_are_timed() -> None:
    config = Config.model_validate(
        {"name": "x", "questions": "q", "root": "/", "evaluate": {"bootstrap_resamples": 1000}}
    )
    contexts = [context("a", "b", sources=("b",)), context("a", sources=("c",), found=2), context(found=0)]
    rankings = {
        "bm25": [given("a", "b"), given("c"), given("a")],
        "full": [given("b"), given("a", "b"), given()],
    }
    latencies_s = {"bm25": [0.01, 0.03], "full": [0.01, 0.01, 0.09]}
    switched = {"full": rankings["full"], "without_dense": rankings["bm25"]}

    report = report_retrieval(config, INDEX, contexts, rankings, latencies_s, switched)

    assert report.questions_with_sources == 2
    assert report.stages["bm25"].metrics["mrr_at_10"].mean == (1 / 2 + 1) / 2
    assert report.stages["full"].metrics["hit_at_1"].mean == 1 / 2
    assert report.stages["bm25"].latency_s.p50 == 0.02 and report.timed_questions == 2
    assert report.stages["full"].latency_s.p95 > 0.08
    assert (report.passages_found, report.passages_used, report.prompts_cut, report.without_passages) == (4, 3, 1, 1)
    assert report.sources_in_prompts == 1 / 2
    assert {(test.arm, test.against) for test in report.comparisons} == {("full", "bm25")}
    full, without = report.ablations
    assert (full.change, full.against_full) == ("full", {})
    assert without.against_full["mrr_at_10"].difference == pytest.approx(3 / 4 - 1 / 2)


def test_without_any_source_there_are_latencies_and_no_metrics() -> None:
    config = Config.model_validate({"name": "x", "questions": "q", "root": "/"})

    ways = {"full": [given("a")]}
    report = report_retrieval(config, INDEX, [context("a")], ways, {"full": [0.01]}, ways)

    assert report.stages["full"].metrics == {} and report.comparisons == () and report.ablations == ()
    assert report.sources_in_prompts is None
    assert report.stages["full"].latency_s.p50 == 0.01


@pytest.mark.parametrize(
    ("documents", "sources", "found"),
    [(["a"], ("a", "b"), True), (["c"], ("a",), False), ([], ("a",), False), (["a"], (), None)],
)
def test_whether_a_source_stood_in_the_prompt(
    documents: list[str], sources: tuple[str, ...], found: bool | None
) -> None:
    assert context(*documents, sources=sources).source_found is found
