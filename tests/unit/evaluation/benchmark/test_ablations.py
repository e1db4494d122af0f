"""Each stage on and off: what is switched, that the config would allow it, and how far it is from the full pipeline."""

from typing import Any

import pytest

from tasks.config import Config
from tasks.evaluation.benchmark.ablations import ablated, change_label, compare_ablations, other_chunks
from tasks.settings.retrieval import RetrievalSettings

EVERYTHING: dict[str, Any] = {
    "rewrite": True,
    "decompose": True,
    "step_back": True,
    "hyde": True,
    "graph": {},
    "reranker": "model",
    "relevance_weight": 0.5,
    "min_similarity": 0.2,
}


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (
            {},
            {
                "without_bm25",
                "without_dense",
                "with_rrf_fusion",
                "without_near_duplicates",
                "with_diversity",
            },
        ),
        ({"dense": False, "near_duplicates": None}, set()),  # embeddings are not cheap
        ({"bm25": False, "near_duplicates": None}, {"with_bm25", "with_diversity", "with_near_duplicates"}),
        (
            {**EVERYTHING, "fusion": "rrf"},
            {
                "without_bm25",
                "without_dense",
                "with_weighted_fusion",
                "without_rewrite",
                "without_decompose",
                "without_step_back",
                "without_hyde",
                "without_graph",
                "without_reranker",
                "without_near_duplicates",
                "without_diversity",
                "without_abstention",
            },
        ),
    ],
)
def test_what_is_on_is_switched_off_and_what_is_cheap_is_switched_on(
    settings: dict[str, Any], changes: set[str]
) -> None:
    assert set(ablated(RetrievalSettings.model_validate(settings))) == {"full", *changes}


@pytest.mark.parametrize("settings", [{}, EVERYTHING, {"bm25": False}, {"dense": False}])
def test_every_change_is_one_that_the_config_would_allow_and_is_looked_at_to_the_same_depth(
    settings: dict[str, Any],
) -> None:
    for change, switched in ablated(RetrievalSettings.model_validate({**settings, "max_words": 50})).items():
        assert RetrievalSettings.model_validate(switched.model_dump()) == switched, change
        assert (switched.passages, switched.max_words, switched.order) == (50, None, "relevance")
        assert change_label(change)


def test_one_thing_is_switched_at_a_time() -> None:
    changes = ablated(RetrievalSettings.model_validate(EVERYTHING))
    full = changes.pop("full").model_dump()

    for change, switched in changes.items():
        differing = {key for key, value in switched.model_dump().items() if value != full[key]}
        # What needs embeddings goes with them.
        expected = {"dense", "hyde", "relevance_weight", "min_similarity"} if change == "without_dense" else None
        assert differing == expected or len(differing) == 1


def test_other_chunks_are_compared_only_when_named_and_never_with_themselves() -> None:
    def config(**benchmark: Any) -> Config:
        return Config.model_validate({"name": "x", "questions": "q", "root": "/", "benchmark": benchmark})

    assert other_chunks(config()) == {}
    found = other_chunks(config(chunk_kinds=["headings", "fixed", "fixed", "sentence_window"]))
    assert {name: chunks.kind for name, chunks in found.items()} == {
        "chunks_fixed": "fixed",
        "chunks_sentence_window": "sentence_window",
    }
    assert change_label("chunks_fixed") == "With chunks of so many words"


def test_hypothetical_questions_are_tried_without() -> None:
    config = Config.model_validate(
        {
            "name": "x",
            "questions": "q",
            "root": "/",
            "writer": {"url": "local"},
            "retrieval": {"chunks": {"hypothetical_questions": 2}},
        }
    )

    assert other_chunks(config)["without_hypothetical_questions"].hypothetical_questions == 0


def test_changes_are_compared_with_the_full_pipeline_alone_and_corrected_for_each_other() -> None:
    full = [1.0] * 12
    worse, same = [0.0] * 12, [1.0] * 11 + [0.5]
    scores = {name: {"mrr_at_3": values} for name, values in (("a", worse), ("full", full), ("b", same))}

    first, *others = compare_ablations(scores, 1000, 0)

    assert first.change == "full" and first.against_full == {}
    assert [each.change for each in others] == ["a", "b"]
    tests = [each.against_full["mrr_at_3"] for each in others]
    assert [(test.arm, test.against) for test in tests] == [("a", "full"), ("b", "full")]
    assert tests[0].difference == -1
    # Two changes on one metric: the smaller of two p-values is doubled.
    assert tests[0].p_value_holm == pytest.approx(2 * tests[0].p_value)
    assert tests[1].p_value_holm == 1
