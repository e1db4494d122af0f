"""Which passages a row has: the shares that were asked for, by draws of its own, in the form that answering has."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.files import sha256_of
from tasks.models.prompting import build_messages
from tasks.records import (
    ContextKind,
    Demonstration,
    FileRef,
    Passage,
    PreferencePair,
    RatedAnswer,
    TrainedContexts,
)
from tasks.settings.training import ContextSettings
from tasks.training.contexts import choose_passages, draw_kind, numbers_of_sources, question_in, with_contexts

ROWS = [sha256_of(number) for number in range(4000)]


def passage(document: str) -> Passage:
    """The passage named by the document, a first letter, and a number."""
    return Passage(chunk_id=f"{document}:0-1", document_id=document[0], start=0, end=1, text=document, score=1.0)


def passages(*documents: str) -> list[Passage]:
    return [passage(document) for document in documents]


def row_fields(prompt: Any) -> dict[str, Any]:
    return {"id": "a" * 64, "question_id": "q", "family": "f", "prompt": prompt, "source": "reference"}


def first_two(ranking: Sequence[Passage]) -> list[Passage]:
    return list(ranking[:2])


@pytest.mark.parametrize(("closed", "oracle"), [(0.5, 0.8), (0.25, 0.5), (0.0, 1.0), (0.0, 0.0), (1.0, 0.8)])
def test_the_shares_are_those_of_the_settings(closed: float, oracle: float) -> None:
    settings = ContextSettings(closed_book_share=closed, oracle_share=oracle)

    drawn = Counter(draw_kind(row, True, settings, 0) for row in ROWS)

    assert drawn["closed_book"] / len(ROWS) == pytest.approx(closed, abs=0.03)
    assert drawn["oracle"] / len(ROWS) == pytest.approx((1 - closed) * oracle, abs=0.03)
    assert drawn["distractors"] / len(ROWS) == pytest.approx((1 - closed) * (1 - oracle), abs=0.03)
    assert drawn["unknown_sources"] == 0


def test_a_row_is_drawn_by_its_own_id_and_the_seed() -> None:
    settings = ContextSettings()

    drawn = [draw_kind(row, True, settings, 0) for row in ROWS]

    assert [draw_kind(row, True, settings, 0) for row in reversed(ROWS)] == drawn[::-1]
    assert [draw_kind(row, True, settings, 1) for row in ROWS] != drawn


def test_more_closed_book_rows_take_from_the_others_and_change_none_of_them() -> None:
    few, many = (ContextSettings(closed_book_share=share) for share in (0.2, 0.6))

    for row in ROWS:
        before, after = draw_kind(row, True, few, 0), draw_kind(row, True, many, 0)
        assert after in {before, "closed_book"}


def test_without_a_known_source_nothing_is_made_of_the_ranking() -> None:
    settings = ContextSettings(closed_book_share=0.5, oracle_share=0.0)

    drawn = Counter(draw_kind(row, False, settings, 0) for row in ROWS)

    assert set(drawn) == {"closed_book", "unknown_sources"}


@pytest.mark.parametrize(
    ("kind", "ranking", "expected"),
    [
        ("closed_book", passages("s1", "a1"), []),
        ("oracle", passages("s1", "a1", "b1"), ["s1", "a1"]),
        ("oracle", passages("a1", "s1", "b1"), ["a1", "s1"]),
        ("oracle", passages("a1", "b1", "s1"), ["a1", "s1"]),
        ("oracle", passages("a1"), ["s1"]),
        ("oracle", [], []),
        ("distractors", passages("s1", "a1", "s2", "b1", "c1"), ["a1", "b1"]),
        ("distractors", passages("s1", "s2"), []),
        ("unknown_sources", passages("a1", "b1", "c1"), ["a1", "b1"]),
    ],
)
def test_the_passages_of_each_kind(kind: ContextKind, ranking: list[Passage], expected: list[str]) -> None:
    chosen = choose_passages(kind, ranking, passage("s1"), {"s"}, first_two)

    assert [each.text for each in chosen] == expected


def test_a_source_that_does_not_fit_beside_others_takes_their_places() -> None:
    def within_six_letters(ranking: Sequence[Passage]) -> list[Passage]:
        kept: list[Passage] = []
        for each in ranking[:3]:
            if kept and sum(len(other.text) for other in (*kept, each)) > 6:
                break
            kept.append(each)
        return kept

    chosen = choose_passages("oracle", passages("a1", "b1", "c1"), passage("source"), {"s"}, within_six_letters)

    assert [each.text for each in chosen] == ["source"]


@given(
    kind=st.sampled_from(["oracle", "distractors", "unknown_sources"]),
    documents=st.lists(st.sampled_from(["s1", "s2", "a1", "b1", "c1"]), unique=True, min_size=1),
)
def test_a_row_never_has_more_than_answering_gives_and_its_kind_is_kept(
    kind: ContextKind, documents: list[str]
) -> None:
    ranking = passages(*documents)
    oracle = next((each for each in ranking if each.document_id == "s"), passage("s1"))

    chosen = choose_passages(kind, ranking, oracle, {"s"}, first_two)

    assert len(chosen) <= 2
    assert len({each.chunk_id for each in chosen}) == len(chosen)
    has_source = bool(numbers_of_sources(chosen, {"s"}))
    assert {"oracle": has_source, "distractors": not has_source}.get(kind, True)


@pytest.mark.parametrize("system_prompt", ["Be brief.", ""])
def test_the_prompt_is_that_of_every_arm(system_prompt: str) -> None:
    plain = build_messages(system_prompt, "What is it?")
    row = Demonstration(**row_fields(plain), completion="It is.")

    assert question_in(plain) == "What is it?"
    assert with_contexts(row, ["one", "two"], None).prompt == build_messages(
        system_prompt, "What is it?", ["one", "two"]
    )
    assert with_contexts(row, [], None) == row


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"oracle": 3, "closed_book": 4}, "3 with a passage of a source, 4 without passages"),
        (
            {"distractors": 1, "unknown_sources": 2, "nothing_found": 5, "cut": 1},
            "1 with passages of other documents only, 2 with what retrieval found, no source being known, 5 for which "
            "nothing was found; 1 lost passages for want of room",
        ),
    ],
)
def test_what_the_rows_had_is_told_in_words(counts: dict[str, int], expected: str) -> None:
    none = dict.fromkeys([*get_args(ContextKind), "cut"], 0)
    file = FileRef(sha256="a" * 64, rows=8)

    contexts = TrainedContexts.model_validate({**none, **counts, "index_sha256": "b" * 64, "rows": file})

    assert contexts.describe() == expected


def test_completions_end_with_what_they_cite_and_with_nothing_else() -> None:
    prompt = build_messages("", "What is it?")
    shown = Demonstration(**row_fields(prompt), completion="It is. [7]")
    pair = PreferencePair(**row_fields(prompt), chosen="Good.", rejected="Bad.")
    rated = RatedAnswer(**row_fields(prompt), completion="Good.", desirable=True)

    assert with_contexts(shown, ["one"], [1]).completion == "It is. [1]"
    assert with_contexts(shown, [], []).completion == "It is."
    assert with_contexts(shown, ["one"], None).completion == "It is. [7]"
    assert with_contexts(rated, ["one", "two"], [1, 2]).completion == "Good. [1] [2]"
    cited = with_contexts(pair, ["one"], [1])
    assert (cited.chosen, cited.rejected) == ("Good. [1]", "Bad. [1]")
