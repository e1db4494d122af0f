"""Every metric against values worked out by hand."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.evaluation.metrics import METRICS, score_answers

# answer, reference, rouge_l, rouge_l_recall, token_overlap_recall
BY_HAND = [
    ("the cat sat", "the cat sat", 1.0, 1.0, 1.0),
    ("The cat, sat!", "the CAT sat", 1.0, 1.0, 1.0),
    # Longest common subsequence "police the gunman": 3 of 4 and 3 of 4 (Lin 2004, section 3.1).
    ("police ended the gunman", "police killed the gunman", 0.75, 0.75, 0.75),
    # "the gunman" is in order, "police" is not: 2 of 4; as a bag of words 3 of 4.
    ("the gunman police saw", "police killed the gunman", 0.5, 0.5, 0.75),
    # A long answer that says it all: recall 1, precision 2 of 8, F1 2 * 0.25 / 1.25.
    ("well it seems that it returns iterators indeed", "returns iterators", 0.4, 1.0, 1.0),
    # Repeating a word is counted as often as the reference has it: clipped at 1 of 2.
    ("the the the the", "the cat", 1 / 3, 0.5, 0.5),
    ("cat", "the cat the cat", 0.4, 0.25, 0.25),
    ("", "the cat", 0.0, 0.0, 0.0),
    ("  \n", "the cat", 0.0, 0.0, 0.0),
    ("?!", "the cat", 0.0, 0.0, 0.0),
    ("the cat", "", 0.0, 0.0, 0.0),
    ("", "", 0.0, 0.0, 0.0),
    ("dog", "cat", 0.0, 0.0, 0.0),
    ("नमस्ते दुनिया", "नमस्ते भारत", 0.5, 0.5, 0.5),
    ("東京です", "東京だ", 2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3), 2 / 3, 2 / 3),
]


def embed_by_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """A fake: three dimensions that count cat, dog and fish; unit length, but zero for other texts."""
    rows = np.array([[text.count(word) for word in ("cat", "dog", "fish")] for text in texts], dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


@pytest.mark.parametrize(("answer", "reference", "f1", "recall", "overlap"), BY_HAND)
def test_word_metrics_equal_the_values_by_hand(
    answer: str, reference: str, f1: float, recall: float, overlap: float
) -> None:
    [scores] = score_answers([answer], [reference], embed_by_words)
    assert scores["rouge_l"] == pytest.approx(f1)
    assert scores["rouge_l_recall"] == pytest.approx(recall)
    assert scores["token_overlap_recall"] == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("answer", "reference", "cosine"),
    [
        ("cat", "cat", 1.0),
        ("cat", "dog", 0.0),
        ("cat dog", "cat", math.sqrt(0.5)),
        ("no animal", "cat", 0.0),
        ("", "cat", 0.0),
        ("cat", " ", 0.0),
    ],
)
def test_semantic_similarity_is_the_cosine_of_the_embeddings(answer: str, reference: str, cosine: float) -> None:
    [scores] = score_answers([answer], [reference], embed_by_words)
    assert scores["semantic_similarity"] == pytest.approx(cosine, abs=1e-6)


def test_opposite_embeddings_have_similarity_minus_one() -> None:
    vectors = {"yes": [0.6, 0.8], "no": [-0.6, -0.8]}
    [scores] = score_answers(["yes"], ["no"], lambda texts: np.array([vectors[text] for text in texts], np.float32))
    assert scores["semantic_similarity"] == pytest.approx(-1.0)


def test_scores_keep_the_order_of_the_answers_and_blank_ones_are_not_embedded() -> None:
    embedded: list[list[str]] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        embedded.append(list(texts))
        return embed_by_words(texts)

    scores = score_answers(["cat", "", "dog", "dog"], ["cat", "cat", "fish", "dog"], embed)
    assert [row["semantic_similarity"] for row in scores] == pytest.approx([1.0, 0.0, 0.0, 1.0])
    assert [row["rouge_l"] for row in scores] == [1.0, 0.0, 0.0, 1.0]
    assert embedded == [["cat", "dog", "dog"], ["cat", "fish", "dog"]]


def test_no_answers_give_no_scores_without_embedding() -> None:
    def refuse(texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError("nothing to embed")

    assert score_answers([], [], refuse) == []
    assert score_answers([""], ["cat"], refuse) == [dict.fromkeys(METRICS, 0.0)]


def test_answers_and_references_must_pair_up() -> None:
    with pytest.raises(ValueError, match="2 answers cannot be scored against 1 references"):
        score_answers(["a", "b"], ["a"], embed_by_words)


TEXTS = st.lists(st.sampled_from(["cat", "dog", "fish", "the", "is", "?", "", "नमस्ते"]), max_size=8).map(" ".join)


@settings(max_examples=50)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_every_metric_is_finite_in_range_and_warns_of_nothing(pairs: list[tuple[str, str]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score_answers([a for a, _ in pairs], [b for _, b in pairs], embed_by_words)
    for row in scores:
        assert tuple(row) == METRICS
        assert all(0.0 <= row[name] <= 1.0 for name in METRICS if name != "semantic_similarity")
        assert -1.0 <= row["semantic_similarity"] <= 1.0
        assert row["rouge_l_recall"] <= row["token_overlap_recall"] + 1e-12


@settings(max_examples=50)
@given(TEXTS.filter(lambda text: any(character.isalpha() for character in text)))
def test_the_reference_itself_scores_one(text: str) -> None:
    [scores] = score_answers([text], [text], embed_by_words)
    assert [scores[name] for name in METRICS[:3]] == pytest.approx([1.0, 1.0, 1.0])
