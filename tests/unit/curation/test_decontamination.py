"""Rows too near to the test set go, and the detail names the test question and what is shared."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from example_rows import assert_lawful, demonstration, pair, rated, rows_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation.filters import decontamination
from tasks.curation.filters.decontamination import READS, drop_contaminated
from tasks.curation.filters.screening import Screened
from tasks.words import split_words

NGRAM = 13
LONG = (
    "It opens the file in the given mode, reads all of its lines, strips white space at their ends and returns them "
    "as a list."
)
EIGHT = "Return true if every item is an integer."
SEVEN = "Return true if any item is even."
TESTS = [
    {"id": "t1", "question": "What does `readlines` do?", "answer": LONG},
    {"id": "t2", "question": "How does one tell whether all of them are whole?", "answer": EIGHT},
    {"id": "t3", "question": "Which items are even?", "answer": SEVEN},
    {"id": "t4", "question": "Why?", "answer": None},
]


def held_out(tests: Sequence[dict[str, Any]] = TESTS) -> pl.DataFrame:
    return pl.DataFrame(tests, schema={"id": pl.String, "question": pl.String, "answer": pl.String})


def found(row: dict[str, Any], ngram: int = NGRAM, tests: Sequence[dict[str, Any]] = TESTS) -> list[tuple[str, str]]:
    screened = drop_contaminated(rows_frame([row]), held_out(tests), ngram=ngram)
    return screened.removed.select("reason", "detail").rows()


@pytest.mark.parametrize("question", ["Why?", " Why?\n", "Why?\u2003"])
def test_a_test_question_goes_and_both_texts_are_named(question: str) -> None:
    assert found(demonstration("So.", question)) == [("rows_with_test_question", "t4: Why?")]


@pytest.mark.parametrize("question", ["Why", "why?", "Why? Why?"])
def test_a_question_with_other_signs_is_another_question(question: str) -> None:
    assert found(demonstration("So.", question)) == []


THIRTEEN = "all of its lines strips white space at their ends and returns them"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (f"Well: {THIRTEEN} to you.", f"t1: {THIRTEEN}"),
        (THIRTEEN.upper().replace(" ", ", "), f"t1: {THIRTEEN}"),
        (f"{EIGHT} Else false.", "t2: return true if every item is an integer"),
        (
            "Tell me: how does one tell whether all of them are whole?",
            f"t2: {' '.join(split_words(TESTS[1]['question']))}",
        ),
    ],
)
def test_a_run_of_test_words_goes_in_an_answer_as_in_a_question(text: str, detail: str) -> None:
    assert found(demonstration(text)) == [("rows_with_test_ngram", detail)]
    assert found(demonstration("yes", question=text)) == [("rows_with_test_ngram", detail)]
    assert found(pair(text, "no")) == [("rows_with_test_ngram", detail)]
    assert found(rated(text, False)) == [("rows_with_test_ngram", detail)]
    assert found(pair("yes", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        THIRTEEN.removesuffix(" them"),  # 12 words of a long answer
        f"{SEVEN} Else false.",  # a whole answer, of 7 words
        EIGHT.replace("an integer", "integer"),
        "Return true if every item is. An int eger.",
        "yes",
        "",
    ],
)
def test_less_than_that_stays(text: str) -> None:
    assert found(demonstration(text)) == []


def test_a_run_across_two_texts_is_none() -> None:
    words = THIRTEEN.split()
    assert found(demonstration(" ".join(words[6:]), question=" ".join(words[:6]))) == []


def test_shorter_runs_may_be_asked_for() -> None:
    assert found(demonstration("see: any item is even"), ngram=3) == [("rows_with_test_ngram", "t3: any item is")]
    assert found(demonstration("see: item any is even"), ngram=3) == []


def test_of_several_test_questions_with_a_run_the_first_by_id_is_named() -> None:
    tests = [{"id": name, "question": f"{name}?", "answer": LONG} for name in ("t9", "t2", "t5")]
    assert found(demonstration(LONG), tests=tests) == [
        ("rows_with_test_ngram", f"t2: {' '.join(split_words(LONG)[:13])}")
    ]


def test_a_collision_of_hashes_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decontamination, "_PRIME", 0)  # then a run's hash is that of its last word
    assert found(demonstration("is it said that in the end they returns them")) == []
    assert found(demonstration("And the last of the words that are counted here is an integer")) == []
    assert found(demonstration(LONG))[0][0] == "rows_with_test_ngram"


DIRECTIONS = {"Which items are even?": [1.0, 0.0], "Which ones are even?": [0.99, 0.1], "Who is it?": [0.0, 2.0]}


class Embedder:
    """Vectors of the directions above, another for other texts; and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.extend(texts)
        return [DIRECTIONS.get(text, [-1.0, -1.0]) for text in texts]


def test_a_question_like_a_test_question_goes_with_its_cosine() -> None:
    rows = rows_frame([demonstration("2", "Which ones are even?"), demonstration("I", "Who is it?")])
    removed = drop_contaminated(rows, held_out(TESTS[:3]), ngram=NGRAM, similarity=0.97, embed=Embedder()).removed
    assert removed.select("key", "reason", "detail").rows() == [("000", "rows_like_test_question", "t3: cosine 0.9949")]


def test_each_different_question_is_embedded_once() -> None:
    embed = Embedder()
    rows = rows_frame([demonstration(str(number), f"question {number % 3}") for number in range(9)])
    drop_contaminated(rows, held_out(), ngram=NGRAM, similarity=0.97, embed=embed)
    assert sorted(embed.asked) == sorted([test["question"] for test in TESTS] + [f"question {n}" for n in range(3)])


@pytest.mark.parametrize("similarity", [0.97, None])
@pytest.mark.parametrize("has_embedder", [True, False])
def test_questions_are_compared_only_with_both_a_similarity_and_an_embedder(
    similarity: float | None, has_embedder: bool
) -> None:
    embed = Embedder()
    rows = rows_frame([demonstration("2", "Which ones are even?")])
    removed = drop_contaminated(
        rows, held_out(), ngram=NGRAM, similarity=similarity, embed=embed if has_embedder else None
    ).removed
    assert len(removed) == (similarity is not None and has_embedder)
    assert bool(embed.asked) == (similarity is not None and has_embedder)


def test_no_vector_is_like_another() -> None:
    def embed(texts: Sequence[str]) -> np.typing.NDArray[np.float32]:
        return np.zeros((len(texts), 3), dtype=np.float32)

    rows = rows_frame([demonstration("2", "What?")])
    assert drop_contaminated(rows, held_out(), ngram=NGRAM, similarity=0.5, embed=embed).removed.is_empty()


def test_the_exact_reason_goes_before_the_run_and_the_run_before_the_cosine() -> None:
    tests = held_out([{"id": "t", "question": EIGHT, "answer": None}])

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0] for _ in texts]

    rows = rows_frame([demonstration("a", EIGHT), demonstration("b", f"So: {EIGHT}"), demonstration("c", "What?")])
    removed = drop_contaminated(rows, tests, ngram=NGRAM, similarity=0.9, embed=embed).removed
    assert removed["reason"].to_list() == [
        "rows_with_test_question",
        "rows_with_test_ngram",
        "rows_like_test_question",
    ]


def test_without_a_test_set_everything_stays() -> None:
    embed = Embedder()
    rows = rows_frame([demonstration(LONG)])
    screened = drop_contaminated(rows, held_out([]), ngram=NGRAM, similarity=0.9, embed=embed)
    assert screened.removed.is_empty()
    assert drop_contaminated(rows.clear(), held_out(), ngram=NGRAM).removed.is_empty()


few_words = st.lists(st.sampled_from(["a", "b", "c", "é"]), max_size=14).map(" ".join)


@settings(max_examples=100)
@given(st.lists(few_words, min_size=1, max_size=4), st.lists(few_words, max_size=3), st.integers(1, 10))
def test_what_goes_is_what_a_plain_search_finds(texts: list[str], answers: list[str], ngram: int) -> None:
    tests = [{"id": f"t{number}", "question": f"{number}?", "answer": answer} for number, answer in enumerate(answers)]
    runs = []
    for answer in answers:
        words = answer.split()
        size = min(len(words), ngram)
        if size >= min(8, ngram):
            runs += [words[start : start + size] for start in range(len(words) - size + 1)]

    def is_near(text: str) -> bool:
        words = text.split()
        return any(words[at : at + len(run)] == run for run in runs for at in range(len(words)))

    rows = rows_frame([demonstration(text, "question") for text in texts])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decontamination, "_CHUNK_TEXTS", 2)
        screened = drop_contaminated(rows, held_out(tests), ngram=ngram)
    # The tests' own questions are a number, which no row has.
    assert screened.kept["completion"].to_list() == [text for text in texts if not is_near(text)]


texts = st.sampled_from([LONG, EIGHT, SEVEN, THIRTEEN, "Why?", "Which ones are even?", "Who is it?", "", "返回列表"])


@settings(max_examples=50)
@given(st.lists(st.builds(demonstration, texts, texts), min_size=1, max_size=8), st.data())
def test_the_filter_is_lawful(given_rows: list[dict[str, Any]], data: st.DataObject) -> None:
    def apply(rows: pl.DataFrame) -> Screened:
        return drop_contaminated(rows, held_out(), ngram=NGRAM, similarity=0.97, embed=Embedder())

    rows = rows_frame(given_rows)
    assert_lawful(apply, rows, READS, data.draw(st.permutations(range(len(rows)))))
