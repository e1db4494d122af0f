"""Of rows that say almost the same the best stays, whatever their order; rows that differ in what they say all stay."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from example_rows import assert_lawful, demonstration, pair, rated, rows_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tasks.curation.filters import near_duplicates
from tasks.curation.filters.near_duplicates import READS, drop_near_duplicates, row_text, similarity
from tasks.curation.filters.screening import Screened
from tasks.domain.stdlib_docstrings import find_entries

THRESHOLD = 0.9
ANSWER = (
    "It opens the file in the given mode, reads all of its lines, strips the white space at their ends and returns "
    "them as a list; the file is closed afterwards, also when reading it fails."
)
ALIKE = [
    ANSWER.rstrip("."),
    ANSWER.upper(),
    ANSWER.replace(" ", "\n"),
    f"  {ANSWER}",
    ANSWER.replace("fails", "failed"),
]
UNLIKE = [
    ANSWER.replace("opens the file in the given mode", "connects to the server that is named"),
    ANSWER[: len(ANSWER) // 2],
    "It closes the file.",
]


def going(rows: list[dict[str, Any]], threshold: float = THRESHOLD) -> list[str]:
    return drop_near_duplicates(rows_frame(rows), threshold).removed["key"].to_list()


@pytest.mark.parametrize("text", ALIKE)
def test_of_two_almost_equal_rows_one_goes(text: str) -> None:
    assert going([demonstration(ANSWER), demonstration(text)]) == ["001"]


@pytest.mark.parametrize("text", UNLIKE)
def test_rows_that_say_something_else_stay(text: str) -> None:
    assert going([demonstration(ANSWER), demonstration(text)]) == []


def test_the_detail_is_the_question_and_answer_of_the_row_that_stays() -> None:
    rows = [demonstration("It closes the file."), demonstration("it closes the file")]
    removed = drop_near_duplicates(rows_frame(rows), THRESHOLD).removed
    assert removed.select("reason", "detail").rows() == [("rows_near_duplicate", "What is it? It closes the file.")]


def test_people_go_before_judges_then_the_confident_then_the_first_by_key() -> None:
    rows = [
        pair(ANSWER, "no", key="a", origin="judge:reference", confidence=1.0),
        pair(ANSWER, "no", key="b", origin="human", confidence=0.6),
        pair(ANSWER, "no", key="d", origin="human", confidence=0.9),
        pair(ANSWER, "no", key="c", origin="human", confidence=0.9),
        pair(ANSWER, "no", key="e", origin="end_user", confidence=1.0),
    ]
    assert drop_near_duplicates(rows_frame(rows), THRESHOLD).kept["key"].to_list() == ["c"]


@pytest.mark.parametrize("origin", ["human", "oracle", "reference"])
def test_what_people_wrote_goes_before_what_judges_say(origin: str) -> None:
    rows = [pair(ANSWER, "no", origin="judge:a@1"), pair(ANSWER, "no", origin=origin, confidence=0.1)]
    assert going(rows) == ["000"]


def test_rows_of_different_kinds_are_not_compared() -> None:
    assert going([demonstration(ANSWER), pair(ANSWER, "no"), rated(ANSWER, True)]) == []


def test_a_pair_and_its_reverse_both_stay() -> None:
    other = UNLIKE[0].replace("lines", "messages")
    assert going([pair(ANSWER, other), pair(other, ANSWER)]) == []
    assert going([pair(ANSWER, other), pair(ALIKE[0], other)]) == ["001"]


def test_a_long_question_that_all_share_makes_no_different_answers_equal() -> None:
    rows = [demonstration(text, question=ANSWER * 5) for text in ("It opens a file.", "It closes the socket.")]
    assert going(rows) == []


def test_a_long_answer_that_all_share_makes_no_different_questions_equal() -> None:
    rows = [demonstration(ANSWER * 5, question=text) for text in ("What is `open`?", "What does a reader do?")]
    assert going(rows) == []


def test_where_too_many_rows_meet_only_the_best_are_compared_and_equal_ones_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [demonstration(ANSWER), demonstration(ALIKE[-1]), demonstration(ALIKE[-1])]
    assert going(rows) == ["001", "002"]
    monkeypatch.setattr(near_duplicates, "MOST_COMPARED", 0)
    assert going(rows) == ["002"]


def test_a_thumb_up_and_a_thumb_down_on_one_answer_both_stay() -> None:
    assert going([rated(ANSWER, True), rated(ANSWER, False), rated(ALIKE[0], False)]) == ["002"]


def test_a_row_like_one_that_went_stays_unless_it_is_like_one_that_stayed() -> None:
    words = [f"w{number:03d}" for number in range(100)]

    def changed(count: int) -> dict[str, Any]:
        return demonstration(" ".join([*(f"x{n:03d}" for n in range(count)), *words[count:]]), question="q")

    rows = [changed(0), changed(6), changed(12)]
    texts = rows_frame(rows).select(text=row_text())["text"].to_list()
    assert similarity(texts[0], texts[1]) >= 0.85
    assert similarity(texts[1], texts[2]) >= 0.85
    assert similarity(texts[0], texts[2]) < 0.85
    assert going(rows, 0.85) == ["001"]


def test_a_threshold_of_one_removes_only_rows_that_are_equal_but_for_case_space_and_full_stop() -> None:
    assert going([demonstration(ANSWER), *map(demonstration, ALIKE)], 1.0) == ["001", "002", "003", "004"]


def test_blank_and_very_short_fields_are_compared_as_well() -> None:
    assert going([demonstration("a"), demonstration("b"), demonstration("A "), demonstration("")]) == ["002"]


def test_no_question_of_the_standard_library_goes_though_all_are_alike() -> None:
    entries = find_entries()
    rows = [demonstration(entry.summary, f"What does `{entry.name}` do in Python?") for entry in entries]
    assert len(rows) > 1500
    assert going(rows) == []


def test_kept_signatures_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "signatures.parquet"
    rows = rows_frame([demonstration(text) for text in [ANSWER, *ALIKE, *UNLIKE]])
    for count in (3, len(rows), 2):
        plain, kept = (drop_near_duplicates(rows.head(count), THRESHOLD, at) for at in (None, path))
        assert_frame_equal(plain.kept, kept.kept)
        assert_frame_equal(plain.removed, kept.removed)


texts = st.sampled_from([ANSWER, *ALIKE, *UNLIKE, "", "a"])
origins = st.sampled_from(["human", "judge:reference", "end_user"])
columns = st.fixed_dictionaries({"origin": origins, "confidence": st.sampled_from([0.5, 1.0])})
drawn = st.one_of(
    st.builds(lambda text, more: demonstration(text, **more), texts, columns),
    st.builds(lambda text, other, more: pair(text, other, **more), texts, texts, columns),
    st.builds(lambda text, up, more: rated(text, up, **more), texts, st.booleans(), columns),
)


@settings(max_examples=50)
@given(st.lists(drawn, min_size=1, max_size=10), st.data())
def test_the_filter_is_lawful(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    def apply(frame: pl.DataFrame) -> Screened:
        return drop_near_duplicates(frame, THRESHOLD)

    assert_lawful(apply, rows_frame(rows), READS, data.draw(st.permutations(range(len(rows)))))


@settings(max_examples=50)
@given(st.lists(drawn, min_size=1, max_size=8), st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_all_pairs_that_stay_are_less_similar_and_each_that_goes_has_its_like(
    rows: list[dict[str, Any]], threshold: float
) -> None:
    screened = drop_near_duplicates(rows_frame(rows), threshold)

    def like(a: dict[str, Any], b: dict[str, Any]) -> bool:
        same_group = (a["kind"], a["desirable"]) == (b["kind"], b["desirable"])
        return same_group and similarity(a["text"], b["text"]) >= threshold

    stay = screened.kept.with_columns(text=row_text()).to_dicts()
    go = screened.removed.with_columns(text=row_text()).to_dicts()
    assert not any(like(a, b) for at, a in enumerate(stay) for b in stay[:at])
    assert all(any(like(a, b) and a["detail"].startswith(b["question"]) for b in stay) for a in go)


def test_no_rows_give_no_rows() -> None:
    assert drop_near_duplicates(rows_frame([]), THRESHOLD).removed.is_empty()
