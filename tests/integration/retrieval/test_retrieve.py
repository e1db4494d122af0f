"""From questions to passages: each stage on a case where it makes the difference, and off where it must not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_documents import ANIMALS, WordModel, document, make_config
from numpy.typing import NDArray

from tasks.domain.stdlib_docstrings import find_entries
from tasks.errors import ConfigError
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.records import Document, Passage
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.reranking import Rerank
from tasks.retrieval.retrieve import retrieve
from tasks.retrieval.vectors import Embed


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def ask(
    home: Home, question: str, documents: Sequence[Document] = ANIMALS, rerank: Rerank | None = None, **settings: Any
) -> list[Passage]:
    config = make_config(**{"passages": 4, **settings})
    model = WordModel() if config.retrieval.dense else None
    index = open_index(config, home, build_index(config, home, documents, model), model)
    (passages,) = retrieve(config, index, [question], model, rerank)
    return passages


def names(passages: list[Passage]) -> list[str]:
    return [passage.document_id for passage in passages]


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
@pytest.mark.parametrize("methods", [(True, True), (True, False), (False, True)])
def test_each_method_and_both_find_the_document(home: Home, fusion: str, methods: tuple[bool, bool]) -> None:
    bm25, dense = methods
    passages = ask(home, "Which animal guards the old house?", fusion=fusion, bm25=bm25, dense=dense)
    assert names(passages)[0] == "dog.md"
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)


def test_there_are_no_more_passages_than_wanted(home: Home) -> None:
    assert len(ask(home, "the", passages=3)) == 3
    assert len(ask(home, "the", passages=40)) == 4


def test_many_questions_get_what_each_gets_alone(home: Home) -> None:
    config, model = make_config(passages=2), WordModel()
    index = open_index(config, home, build_index(config, home, ANIMALS, model), model)
    questions = ["cat mat", "dog house", "", "🙂", "fish pond", "xyzzy"] * 15
    together = retrieve(config, index, questions, model)
    alone = [retrieve(config, index, [question], model)[0] for question in questions]
    assert [names(passages) for passages in together] == [names(passages) for passages in alone]
    assert retrieve(config, index, [], model) == []


def test_a_question_without_a_known_word_finds_nothing_by_words(home: Home) -> None:
    assert ask(home, "xyzzy", dense=False) == []
    assert ask(home, "", dense=False) == []


def test_too_thin_evidence_gives_no_passages(home: Home) -> None:
    question = "Quarterly revenue of the shipping division"
    assert ask(home, question, min_similarity=0.5) == []
    assert ask(home, question) != []
    assert names(ask(home, "The fish swims in the deep pond.", min_similarity=0.5))[0] == "fish.md"


def test_near_duplicates_leave_room_for_others(home: Home) -> None:
    dog = ANIMALS[1]
    documents = [*ANIMALS, *(document(f"dog{n}.md", dog.text + f"\n{n}\n") for n in range(3))]
    question = "the dog guards the old house, it barks"
    assert {name[:3] for name in names(ask(home, question, documents, near_duplicates=0.9, passages=2))} != {"dog"}
    assert {name[:3] for name in names(ask(home, question, documents, near_duplicates=None, passages=2))} == {"dog"}


def test_windows_that_overlap_are_one_passage(home: Home) -> None:
    text = "Cats purr. Cats sleep. Cats hunt. Cats climb. Cats play."
    passages = ask(home, "cats", [document("a.txt", text)], chunks={"kind": "sentence_window", "window_sentences": 2})
    assert all(
        a.end <= b.start + (b.end - b.start) / 2 or b.end <= a.start + (a.end - a.start) / 2
        for at, a in enumerate(passages)
        for b in passages[:at]
    )
    assert len(passages) < 5


def test_mmr_takes_what_is_new_before_what_is_alike(home: Home) -> None:
    documents = [
        document("a.txt", "tea pot kettle boil water steam cup"),
        document("b.txt", "tea pot kettle boil water steam mug"),
        document("c.txt", "tea grows on hills in rain"),
    ]
    question = "tea pot kettle boil water"
    assert set(names(ask(home, question, documents, passages=2))) == {"a.txt", "b.txt"}
    assert "c.txt" in names(ask(home, question, documents, passages=2, relevance_weight=0.3))


def test_passages_fit_the_budget_of_words(home: Home) -> None:
    passages = ask(home, "the cat sleeps on the warm mat", max_words=9)
    assert sum(len(passage.text.split()) for passage in passages) <= 10  # "#" is no word
    assert names(passages) == ["cat.md"]
    assert ANIMALS[0].text[passages[0].start : passages[0].end] == passages[0].text


def test_the_best_are_at_the_edges_when_that_is_wanted(home: Home) -> None:
    best_first = names(ask(home, "the cat in the tree"))
    first, second, third, fourth = best_first
    assert names(ask(home, "the cat in the tree", order="edges")) == [first, third, fourth, second]


def test_a_reranker_has_the_last_word_on_what_was_proposed(home: Home) -> None:
    read: list[tuple[str, list[str]]] = []

    def by_length(question: str, passages: Sequence[str]) -> list[float]:
        read.append((question, list(passages)))
        return [float(len(passage)) for passage in passages]

    passages = ask(home, "the cat", rerank=by_length, reranker="any")
    assert [passage.score for passage in passages] == sorted((float(len(p.text)) for p in passages), reverse=True)
    assert read[0][0] == "the cat"
    assert len(read[0][1]) == 4
    # Without its name in the config it is not used.
    assert ask(home, "the cat", rerank=by_length) == ask(home, "the cat")


def test_a_stage_whose_model_is_not_given_is_refused(home: Home) -> None:
    with pytest.raises(
        ConfigError, match=r"retrieval\.reranker: its model was not given; load it, or set it to null\."
    ):
        ask(home, "the cat", reranker="some/model")
    config, model = make_config(), WordModel()
    index = open_index(config, home, build_index(config, home, ANIMALS, model), model)
    with pytest.raises(ConfigError, match=r"retrieval\.dense: it needs an embedding model"):
        retrieve(config, index, ["cat"], None)


def remembering(embed: Embed) -> Embed:
    known: dict[tuple[str, ...], NDArray[np.float32]] = {}

    def embed_once(texts: Sequence[str]) -> NDArray[np.float32]:
        if tuple(texts) not in known:
            known[tuple(texts)] = embed(texts)
        return known[tuple(texts)]

    return embed_once


def test_hybrid_finds_documents_sooner_than_words_alone_and_meanings_alone(home: Home) -> None:
    """The real embedding model on real text: the first 240 of the demo's docstrings, and what they are asked about."""
    embed = remembering(load_embedder("all-minilm-l6-v2", home, "cpu"))
    entries = find_entries()[:240]
    documents = [document(entry.document_id, f"{entry.name}\n\n{entry.docstring}\n") for entry in entries]
    questions = [f"What does `{entry.name}` do in Python?" for entry in entries]
    ref = build_index(make_config(), home, documents, embed)

    def mean_reciprocal_rank(**settings: Any) -> float:
        config = make_config(passages=10, near_duplicates=None, **settings)
        index = open_index(config, home, ref, embed)  # one index serves all three
        found = [names(passages) for passages in retrieve(config, index, questions, embed)]
        ranks = [
            1 / (place.index(entry.document_id) + 1) if entry.document_id in place else 0.0
            for place, entry in zip(found, entries, strict=True)
        ]
        return sum(ranks) / len(ranks)

    hybrid, words, meanings = (
        mean_reciprocal_rank(),
        mean_reciprocal_rank(dense=False),
        mean_reciprocal_rank(bm25=False),
    )
    assert hybrid > max(words, meanings) + 0.02, (hybrid, words, meanings)


def test_scores_are_numbers_that_json_can_hold(home: Home) -> None:
    assert all(np.isfinite(passage.score) for passage in ask(home, "the cat"))
