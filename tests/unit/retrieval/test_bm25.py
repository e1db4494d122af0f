"""BM25: the scores of bm25s' own index and of the formula, over layers some chunks of which no longer count."""

import math
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.retrieval import bm25
from tasks.retrieval.bm25 import K1, B, best_matches, count_terms, read_scores, score_terms, write_scores
from tasks.retrieval.terms import search_terms

words = st.sampled_from(["cat", "dog", "fish", "bird", "the", "a", "of中文", "नमस्ते"])
corpora = st.lists(st.lists(words, max_size=12).map(" ".join), min_size=1, max_size=12)


@given(corpora, st.lists(words, min_size=1, max_size=4).map(" ".join))
def test_scores_are_those_of_bm25s(texts: list[str], question: str) -> None:
    tokens = [search_terms(text) for text in texts]
    if not any(tokens):
        return
    theirs = bm25s.BM25(method="lucene", k1=K1, b=B)
    theirs.index(tokens, show_progress=False)
    known = [term for term in search_terms(question) if term in theirs.vocab_dict]
    expected = theirs.get_scores(known) if known else np.zeros(len(texts))

    found = dict(best_matches(score_terms([(count_terms(texts), np.ones(len(texts), bool))]), [question], 100)[0])

    assert [found.get(position, 0.0) for position in range(len(texts))] == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_score_by_hand() -> None:
    scores = score_terms([(count_terms(["cat cat dog", "dog"]), np.ones(2, dtype=bool))])
    (hits,) = best_matches(scores, ["cat"], 5)
    rarity = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert [hit.position for hit in hits] == [0]
    assert hits[0].score == pytest.approx(rarity * 2 / (2 + K1 * (1 - B + B * 3 / 2)), rel=1e-6)


@given(corpora, corpora, st.data(), st.lists(words, min_size=1, max_size=3).map(" ".join))
def test_layers_and_dead_chunks_score_as_one_corpus_of_the_live_ones(
    first: list[str], second: list[str], data: st.DataObject, question: str
) -> None:
    live = [np.array(data.draw(st.lists(st.booleans(), min_size=len(t), max_size=len(t)))) for t in (first, second)]
    layered = score_terms([(count_terms(texts), rows) for texts, rows in zip((first, second), live, strict=True)])
    alive = np.concatenate(live)
    left = [text for text, counts in zip(first + second, alive, strict=True) if counts]
    positions = np.flatnonzero(alive)

    (found,) = best_matches(layered, [question], 100)
    (expected,) = best_matches(score_terms([(count_terms(left), np.ones(len(left), bool))]), [question], 100)

    assert [hit.position for hit in found] == [positions[hit.position] for hit in expected]
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], rel=1e-5)


@given(corpora, st.data(), st.lists(words, min_size=1, max_size=3).map(" ".join), st.integers(1, 5))
def test_chunks_that_do_not_count_leave_the_ranking_of_the_others(
    texts: list[str], data: st.DataObject, question: str, limit: int
) -> None:
    scores = score_terms([(count_terms(texts), np.ones(len(texts), bool))])
    live = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))))
    (everything,) = best_matches(scores, [question], len(texts))
    assert best_matches(scores, [question], limit, live) == [[hit for hit in everything if live[hit.position]][:limit]]


@pytest.mark.parametrize("limit", [1, 10])
def test_common_terms_that_are_not_added_everywhere_change_nothing(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    rng = np.random.default_rng(0)
    common = np.arange(4)
    texts = [" ".join(f"w{word}" for word in [*rng.zipf(1.3, 30), *common[rng.random(4) < 0.8]]) for _ in range(2000)]
    rare = [[word for word in text.split() if word not in {"w0", "w1", "w2", "w3"}] for text in texts]
    questions = [" ".join(["w0 w1 w2 w3", *rng.choice(words, 4)]) for words in rare[:60]]
    live = rng.random(2000) < 0.9
    scores = score_terms([(count_terms(texts), np.ones(2000, bool))])
    looked_up = []
    look_up = bm25._look_up

    def count(*given: Any) -> None:
        looked_up.append(len(given[2]))
        look_up(*given)

    monkeypatch.setattr(bm25, "_look_up", count)
    found = [best_matches(scores, questions, limit, mask) for mask in (None, live)]
    assert len(looked_up) > 20
    monkeypatch.setattr(bm25, "_FEW", 10**9)  # never few enough
    assert found == [best_matches(scores, questions, limit, mask) for mask in (None, live)]


def test_of_equal_chunks_the_first_are_found_and_others_not_at_all() -> None:
    scores = score_terms([(count_terms(["cat"] * 9 + ["dog"]), np.ones(10, dtype=bool))])
    assert [hit.position for hit in best_matches(scores, ["cat"], 3)[0]] == [0, 1, 2]
    assert [hit.position for hit in best_matches(scores, ["dog"], 3)[0]] == [9]
    assert best_matches(scores, ["horse", "", "?!"], 3) == [[], [], []]


def test_nothing_is_found_among_nothing(tmp_path: Path) -> None:
    for scores in (score_terms([]), score_terms([(count_terms([]), np.ones(0, bool))])):
        write_scores(tmp_path, scores)
        assert best_matches(read_scores(tmp_path, list(scores.vocabulary), 0), ["cat"], 3) == [[]]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Read os.path", ["read", "os", "path"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("東京都 に", ["東", "京", "都", "に", "東京", "京都", "都に"]),
        ("A中文b", ["a", "中", "文", "b", "中文"]),
        ("", []),
    ],
)
def test_terms_of_scripts(text: str, terms: list[str]) -> None:
    assert search_terms(text) == terms


def test_neighbouring_letters_tell_words_of_unspaced_scripts_apart() -> None:
    texts = ["京都は古い町です", "東京は大きい都です", "都の東に京がある"]
    scores = score_terms([(count_terms(texts), np.ones(3, dtype=bool))])
    assert best_matches(scores, ["京都"], 3)[0][0].position == 0
    assert best_matches(scores, ["東京"], 3)[0][0].position == 1
