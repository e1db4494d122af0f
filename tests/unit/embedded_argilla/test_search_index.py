"""Documents in, record ids out: filters, sort orders, text queries, pages and counts."""

from dataclasses import replace

import pytest
from example_search import LANGUAGE, MARGIN, RECORDS, ROUND, Index, record, status

from tasks.embedded_argilla.server.sqlite_search import searching, writing
from tasks.embedded_argilla.server.sqlite_search.errors import QueryError
from tasks.embedded_argilla.server.sqlite_search.filters import (
    AndFilter,
    Filter,
    MetadataScope,
    RangeFilter,
    RecordScope,
    ResponseScope,
    Scope,
    SuggestionScope,
    TermsFilter,
)
from tasks.embedded_argilla.server.sqlite_search.searching import Selection, TextQuery
from tasks.embedded_argilla.server.sqlite_search.sorting import Order


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        (TermsFilter(LANGUAGE, ("en", "ja")), ["a", "c"]),
        (TermsFilter(LANGUAGE, ("fr",)), ["b"]),
        (TermsFilter(LANGUAGE, ("EN",)), []),
        (RangeFilter(LANGUAGE, "e", "f"), ["a"]),
        (TermsFilter(ROUND, ("10", "2.0", "1.5")), ["b", "c"]),
        (RangeFilter(ROUND, 2, 10), ["b", "c"]),
        (RangeFilter(ROUND, 1.5), ["b", "c"]),
        (RangeFilter(ROUND, le=1), ["a"]),
        (RangeFilter(ROUND, "2", "9"), ["b"]),
        (RangeFilter(MARGIN, -2, 0.5), ["a", "b"]),
        (TermsFilter(MARGIN, ("0.5",)), ["a"]),
        (TermsFilter(MetadataScope("unknown"), ("1",)), []),
        (TermsFilter(RecordScope("status"), ("completed",)), ["b"]),
        (TermsFilter(RecordScope("id"), ("a", "d")), ["a", "d"]),
        (TermsFilter(RecordScope("external_id"), ("x1", "x10")), ["a", "c"]),
        (RangeFilter(RecordScope("external_id"), "x1", "x10"), ["a", "c"]),
        (RangeFilter(RecordScope("inserted_at"), "2024-05-02"), ["b", "c", "d"]),
        (RangeFilter(RecordScope("inserted_at"), le="2024-05-02"), ["a", "b"]),
        (RangeFilter(RecordScope("updated_at"), "2024-05-02T00:00:00", "2024-05-03T00:00:00"), ["b", "c"]),
        (RangeFilter(RecordScope("updated_at"), "2024-05-02T00:00:01"), ["c", "d"]),
        (TermsFilter(RecordScope("inserted_at"), ("2024-05-02", "2024-05-04")), ["b", "d"]),
        (TermsFilter(SuggestionScope("label", "value"), ("A", "B")), ["a", "b"]),
        (TermsFilter(SuggestionScope("topics", "value"), ("z",)), ["a"]),
        (RangeFilter(SuggestionScope("label", "score"), 0.5), ["a"]),
        (RangeFilter(SuggestionScope("topics", "score"), 0.7, 0.9), ["a"]),
        (RangeFilter(SuggestionScope("comment", "score"), 0, 1), ["a"]),
        (TermsFilter(SuggestionScope("label", "agent"), ("judge",)), ["a", "b"]),
        (TermsFilter(SuggestionScope("topics", "type"), ("human",)), ["a"]),
        (TermsFilter(SuggestionScope("rating", "value"), ("3",)), ["b"]),
        (TermsFilter(SuggestionScope("comment", "value"), ("text",)), []),
        (TermsFilter(SuggestionScope("label", "None"), ("A",)), []),
        (TermsFilter(SuggestionScope("absent", "value"), ("A",)), []),
        (status("submitted"), ["a", "b"]),
        (status("submitted", user="ann"), ["a"]),
        (status("draft", "discarded"), ["b", "c"]),
        (status("pending"), ["d"]),
        (status("pending", user="ann"), ["c", "d"]),
        (status("pending", user="bob"), ["a", "d"]),
        (status("pending", user="new"), ["a", "b", "c", "d"]),
        (status("pending", "submitted", user="bob"), ["a", "b", "d"]),
        (status("pending", "discarded"), ["c", "d"]),
        (TermsFilter(ResponseScope("label"), ("A",)), ["a", "b"]),
        (TermsFilter(ResponseScope("label", None, "ann"), ("A",)), ["a"]),
        (TermsFilter(ResponseScope("topics"), ("z", "y")), ["a", "b"]),
        (TermsFilter(ResponseScope("topics", None, "ann"), ("z",)), []),
        (RangeFilter(ResponseScope("rating"), 5), ["b"]),
        (RangeFilter(ResponseScope("rating", None, "ann"), 1, 3), ["b"]),
        (TermsFilter(ResponseScope("comment"), ("fine",)), []),
        (AndFilter((status("submitted"), TermsFilter(LANGUAGE, ("en", "ja")))), ["a"]),
        (AndFilter((AndFilter((status("pending", user="ann"),)), RangeFilter(ROUND, 3))), ["c"]),
        (AndFilter(()), ["a", "b", "c", "d"]),
    ],
)
def test_what_a_filter_lets_pass(index: Index, filter: Filter, ids: list[str]) -> None:
    assert index.ids(filter) == ids


@pytest.mark.parametrize(
    ("scope", "ascending", "descending"),
    [
        (RecordScope("id"), "abcd", "dcba"),
        (RecordScope("external_id"), "acbd", "bcad"),
        (RecordScope("status"), "bacd", "acdb"),
        (RecordScope("inserted_at"), "abcd", "dcba"),
        (LANGUAGE, "bacd", "cbad"),  # of de and fr the least counts, then the greatest
        (ROUND, "abcd", "cbad"),
        (MARGIN, "bacd", "abcd"),
        (SuggestionScope("label", "score"), "bacd", "abcd"),
        (SuggestionScope("topics", "score"), "abcd", "abcd"),
        (SuggestionScope("rating", "value"), "bacd", "bacd"),
        (SuggestionScope("label", "value"), "abcd", "bacd"),
        (ResponseScope("rating"), "bacd", "abcd"),  # the mean of 1 and 5 is less than 4
        (ResponseScope("rating", None, "bob"), "bacd", "bacd"),
        (ResponseScope("label", None, "ann"), "abcd", "bacd"),
        (ResponseScope("topics"), "abcd", "bacd"),
        (ResponseScope(None, "status", "ann"), "bacd", "abcd"),
    ],
)
def test_sorted_in_both_directions_with_the_valueless_last(
    index: Index, scope: Scope, ascending: str, descending: str
) -> None:
    assert index.ids(sort=(Order(scope),)) == list(ascending)
    assert index.ids(sort=(Order(scope, descending=True),)) == list(descending)


def test_a_second_sort_order_decides_between_equals_and_scores_are_left_out(index: Index) -> None:
    orders = (Order(RecordScope("status"), descending=True), Order(RecordScope("inserted_at"), descending=True))
    assert index.search(sort=orders).items == [("d", None), ("c", None), ("a", None), ("b", None)]
    both = (Order(ResponseScope("rating", None, "bob")), Order(ResponseScope("rating", None, "ann"), descending=True))
    assert index.ids(sort=both) == ["b", "a", "c", "d"]


@pytest.mark.parametrize("scope", [ResponseScope("comment"), ResponseScope(), SuggestionScope("comment", "value")])
def test_what_cannot_be_sorted_by_is_refused_in_a_sentence(index: Index, scope: Scope) -> None:
    with pytest.raises(QueryError, match=r"cannot be sorted by .*: sort by a property of the record"):
        index.search(sort=(Order(scope),))


@pytest.mark.parametrize(
    ("filter", "sentence"),
    [
        (TermsFilter(ROUND, ("many",)), "'many' is not a number"),
        (RangeFilter(RecordScope("inserted_at"), "soon"), "'soon' is not a date"),
        (RangeFilter(ResponseScope(None, "status"), 1), "cannot be filtered by 'status' with this filter"),
        (TermsFilter(ResponseScope(), ("a",)), "cannot be filtered by None with this filter"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_in_a_sentence(index: Index, filter: Filter, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        index.search(filter)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (TextQuery("apple"), ["a", "b"]),
        (TextQuery("apple sour"), ["b"]),
        (TextQuery("user"), ["a", "b", "c"]),  # a role is searched too
        (TextQuery("user", "answer"), ["c"]),
        (TextQuery("user", "chat"), ["a", "b", "c"]),
        (TextQuery('"user red"', "chat"), []),
        (TextQuery("東京"), ["c"]),
        (TextQuery("京東"), []),
        (TextQuery("png"), []),
        (TextQuery("apple", "image"), []),
        (TextQuery("-apple"), ["c", "d"]),
        (TextQuery("*"), ["a", "b", "c", "d"]),
        (TextQuery(""), []),
    ],
)
def test_what_a_text_query_finds(index: Index, query: TextQuery, ids: list[str]) -> None:
    assert sorted(index.ids(query=query)) == ids
    assert sorted(index.ids(query=query, seed="ann")) == ids
    assert index.ids(query=query, sort=(Order(RecordScope("id")),)) == ids
    assert index.ids(AndFilter((status("pending", user="ann"),)), query) == [id for id in ids if id in "cd"]


def test_a_field_that_is_not_there_is_refused_in_a_sentence(index: Index) -> None:
    with pytest.raises(
        QueryError, match=r"Field 'title' is not in the dataset: search in one of chat, answer, image\."
    ):
        index.search(query=TextQuery("apple", "title"))


def test_the_better_a_text_fits_the_earlier_it_comes(index: Index) -> None:
    index.add(*(record(f"n{number}", 4, fields={"answer": "plain words only"}) for number in range(20)))
    index.add(record("twice", 5, fields={"answer": "pie pie"}))
    page = index.search(query=TextQuery("pie"))
    assert [item[0] for item in page.items] == ["twice", "c"]
    assert page.items[0][1] > page.items[1][1] > 0  # type: ignore[operator]


def test_a_rare_word_leads_even_where_a_common_one_finds_too_many_to_score(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(*(record(f"n{number}", 4, fields={"answer": "common words"}) for number in range(20)))
    index.add(record("rare", 5, fields={"answer": "common needle"}))
    monkeypatch.setattr(searching, "SCORED", 10)
    page = index.search(query=TextQuery("common | needle"))
    assert page.total == 21
    assert [item[0] for item in page.items[:2]] == ["rare", "n0"]
    assert page.items[0][1] > page.items[1][1] == searching.FAINT  # type: ignore[operator]
    assert index.search(query=TextQuery("common")).total == 21


def test_without_query_and_order_records_come_as_they_were_added_with_score_1(index: Index) -> None:
    assert index.search().items == [("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0)]


def test_a_user_has_an_order_of_their_own_that_stays(index: Index) -> None:
    index.add(*(record(f"n{number}", number) for number in range(200)))
    orders = {user: index.ids(seed=user, limit=300) for user in ("ann", "bob", "eve")}
    assert len({tuple(order) for order in orders.values()}) == 3
    assert all(sorted(order) == sorted(orders["ann"]) for order in orders.values())
    index.add(replace(RECORDS[0], metadata={"language": "xx"}))
    assert index.ids(seed="ann", limit=300) == orders["ann"]
    scores = [item[1] for item in index.search(seed="ann", limit=300).items]
    assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
    assert all(score is not None and 0 <= score < 1 for score in scores)
    common = len(set(orders["ann"][:50]) & set(orders["bob"][:50]))
    assert common < 30  # a quarter of 50 is expected of independent orders


def test_pages_join_to_the_whole_and_each_has_the_total(index: Index) -> None:
    index.add(*(record(f"n{number}", number, metadata={"round": number % 3}) for number in range(50)))
    for how in ({}, {"seed": "ann"}, {"sort": (Order(ROUND),)}, {"filter": RangeFilter(ROUND, 0, 2)}):
        whole = index.ids(limit=1000, **how)
        pages = [index.search(offset=offset, limit=7, **how) for offset in range(0, 70, 7)]
        assert [item[0] for page in pages for item in page.items] == whole
        assert {page.total for page in pages} == {len(whole)}


def test_similar_records(index: Index) -> None:
    assert [item[0] for item in index.similar([1.0, 0.0], 10).items] == ["a", "b", "c"]
    assert [item[0] for item in index.similar([1.0, 0.0], 2).items] == ["a", "b"]
    assert index.similar([1.0, 0.0], 2).total == 2
    assert [item[0] for item in index.similar([1.0, 0.0], 10, excluded_id="a").items] == ["b", "c"]
    page = index.similar([1.0, 0.0], 10, threshold=0.6)
    assert [item[0] for item in page.items] == ["a", "b"]
    assert page.total == 3
    chosen = Selection(TextQuery("apple"), TermsFilter(LANGUAGE, ("fr", "ja")))
    assert [item[0] for item in index.similar([0.0, 1.0], 10, selection=chosen).items] == ["b"]


def test_progress(index: Index) -> None:
    assert index.ask(searching.count_statuses) == {"pending": 3, "completed": 1}
    assert index.ask(searching.count_user_statuses, "ann") == {"submitted": 1, "draft": 1}
    assert index.ask(searching.count_user_statuses, "bob") == {"submitted": 1, "discarded": 1}
    assert index.ask(searching.count_user_statuses, "new") == {}


def test_metrics(index: Index) -> None:
    index.add(record("e", 4, metadata={"language": ["ja", "ja"]}))
    terms = index.ask(searching.count_terms, "language")
    assert (terms.total, terms.counts) == (5, [("ja", 2), ("de", 1), ("en", 1), ("fr", 1)])
    assert index.ask(searching.least_and_greatest, "round") == (1, 10)
    assert index.ask(searching.least_and_greatest, "margin") == (-1.5, 0.5)
    writing.delete_records(index.database, "d", [document.id for document in RECORDS])
    assert index.ask(searching.least_and_greatest, "round") == (None, None)
    with pytest.raises(QueryError, match="Metadata property 'unknown' is not in the dataset's search index"):
        index.ask(searching.count_terms, "unknown")
