"""Every change that Argilla makes to its records is in what is found afterwards."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from example_search import DATASET, LANGUAGE, RECORDS, ROUND, Index, record, response, status

from tasks.embedded_argilla.server.sqlite_search import schema as schemas
from tasks.embedded_argilla.server.sqlite_search import searching, writing
from tasks.embedded_argilla.server.sqlite_search.database import Database
from tasks.embedded_argilla.server.sqlite_search.documents import (
    MetadataDefinition,
    SuggestionDocument,
    VectorDefinition,
)
from tasks.embedded_argilla.server.sqlite_search.errors import IndexMissingError, SearchIndexError
from tasks.embedded_argilla.server.sqlite_search.filters import (
    MetadataScope,
    RangeFilter,
    RecordScope,
    ResponseScope,
    SuggestionScope,
    TermsFilter,
)
from tasks.embedded_argilla.server.sqlite_search.searching import Selection, Similarity, TextQuery


def test_a_record_that_is_indexed_again_is_replaced_as_a_whole_and_keeps_its_place(index: Index) -> None:
    index.add(record("a", 0, fields={"answer": "new words"}, metadata={"round": 7}))
    assert index.ids() == ["a", "b", "c", "d"]
    assert index.ids(query=TextQuery("new")) == ["a"]
    assert index.ids(query=TextQuery("red")) == []
    assert index.ids(RangeFilter(ROUND, 7, 7)) == ["a"]
    for scope in (
        LANGUAGE,
        SuggestionScope("label", "value"),
        ResponseScope("label"),
        SuggestionScope("topics", "value"),
    ):
        assert "a" not in index.ids(TermsFilter(scope, ("en", "A", "x", "z")))
    assert index.ids(status("pending", user="ann")) == ["a", "c", "d"]
    assert "a" not in [item[0] for item in index.similar([1.0, 0.0], 10).items]


def test_a_deleted_record_leaves_nothing_behind(index: Index) -> None:
    writing.delete_records(index.database, "d", ["d", "a", "never there"])
    assert index.ids() == ["b", "c"]
    assert index.ids(query=TextQuery("red | nothing")) == []
    assert index.ask(searching.count_user_statuses, "ann") == {"draft": 1}
    index.add(record("new", 9))
    assert index.ids(TermsFilter(LANGUAGE, ("en",))) == []
    assert index.ids(TermsFilter(SuggestionScope("topics", "value"), ("x",))) == []
    writing.delete_records(index.database, "d", ["b", "c", "new"])
    with index.database.read() as connection:
        for table in ("records", "record_values", "responses", "response_values", "text"):
            assert connection.execute(f"SELECT count(*) FROM {table}_1").fetchone() == (0,)
    assert index.similar([1.0, 0.0], 10).items == []


def test_responses_come_change_and_go(index: Index) -> None:
    writing.put_response(index.database, "d", "d", response("new", "ann", "draft", label="A", topics=["x", "y"]))
    assert index.ids(status("draft", user="ann")) == ["b", "d"]
    writing.put_response(index.database, "d", "d", response("new", "ann", "submitted", label="B", topics=["y"]))
    assert index.ids(status("draft", user="ann")) == ["b"]
    assert index.ids(TermsFilter(ResponseScope("topics"), ("x",))) == ["a"]
    assert index.ids(TermsFilter(ResponseScope("topics"), ("y",))) == ["a", "d"]
    for _ in range(2):
        writing.remove_response(index.database, "d", "new")
        assert index.ids(status("pending", user="ann")) == ["c", "d"]
    assert index.ids(TermsFilter(ResponseScope("topics"), ("y",))) == ["a"]


def test_suggestions_come_change_and_go(index: Index) -> None:
    writing.put_suggestion(index.database, "d", "d", SuggestionDocument("q3", ["x", "y"], [0.1, 0.2], "gpt", "model"))
    assert index.ids(TermsFilter(SuggestionScope("topics", "value"), ("x",))) == ["a", "d"]
    writing.put_suggestion(index.database, "d", "d", SuggestionDocument("q3", ["z"], 0.5))
    assert index.ids(TermsFilter(SuggestionScope("topics", "value"), ("x",))) == ["a"]
    assert index.ids(TermsFilter(SuggestionScope("topics", "value"), ("z",))) == ["a", "d"]
    assert index.ids(TermsFilter(SuggestionScope("topics", "agent"), ("gpt",))) == []
    assert index.ids(TermsFilter(SuggestionScope("label", "value"), ("A",))) == ["a"]
    for _ in range(2):
        writing.remove_suggestion(index.database, "d", "d", "q3")
        assert index.ids(RangeFilter(SuggestionScope("topics", "score"), 0)) == ["a"]
    writing.remove_suggestion(index.database, "d", "never there", "q3")


def test_a_status_changes(index: Index) -> None:
    writing.set_status(index.database, "d", "a", "completed")
    assert index.ids(TermsFilter(RecordScope("status"), ("completed",))) == ["a", "b"]
    assert index.ask(searching.count_statuses) == {"pending": 2, "completed": 2}


@pytest.mark.parametrize(
    "change",
    [
        lambda database: writing.set_status(database, "d", "z", "completed"),
        lambda database: writing.put_response(database, "d", "z", response("r", "ann")),
        lambda database: writing.put_suggestion(database, "d", "z", SuggestionDocument("q1", "A")),
    ],
)
def test_a_change_of_a_record_that_is_not_there_is_refused_with_the_remedy(
    index: Index, change: Callable[[Database], None]
) -> None:
    with pytest.raises(IndexMissingError, match=r"Record z is not in the search index of dataset d: .* --reindex`"):
        change(index.database)


def test_metadata_configured_later_is_filled_by_records_that_come_after(index: Index) -> None:
    definition = MetadataDefinition("unknown", "integer")
    with index.database.write() as connection:
        schemas.configure_metadata(connection, "d", definition)
        schemas.configure_metadata(connection, "d", definition)
    assert index.ids(RangeFilter(MetadataScope("unknown"), 0)) == []
    index.add(RECORDS[3])
    assert index.ids(RangeFilter(MetadataScope("unknown"), 0)) == ["d"]
    with index.database.write() as connection:
        schemas.configure_metadata(connection, "d", MetadataDefinition("unknown", "keyword"))
    assert index.ids(TermsFilter(MetadataScope("unknown"), ("1",))) == []
    index.add(RECORDS[3])
    assert index.ids(TermsFilter(MetadataScope("unknown"), ("1",))) == ["d"]


def test_vectors_configured_later_are_kept(index: Index) -> None:
    with index.database.write() as connection:
        schemas.configure_vectors(connection, "d", VectorDefinition("w", 3))
        schemas.configure_vectors(connection, "d", VectorDefinition("w", 3))
    index.add(replace(RECORDS[3], vectors={"w": [1, 2, 3]}))
    near = Similarity("w", [1.0, 2.0, 3.0], 10)
    assert [item[0] for item in index.ask(searching.search_similar, Selection(), near).items] == ["d"]
    assert [item[0] for item in index.similar([1.0, 0.0], 10).items] == ["a", "b", "c"]


def test_two_datasets_know_nothing_of_each_other_and_one_can_go(index: Index) -> None:
    with index.database.write() as connection:
        schemas.create_index(connection, replace(DATASET, id="other"))
    writing.index_records(index.database, "other", RECORDS[:1])
    assert index.ids(query=TextQuery("apple")) == ["a", "b"]
    with index.database.write() as connection:
        schemas.delete_index(connection, "d")
        schemas.delete_index(connection, "d")
    with pytest.raises(
        IndexMissingError, match="Dataset d has no search index: publish the dataset, or rebuild the index with"
    ):
        index.search()
    with index.database.read() as connection:
        other = schemas.load_schema(connection, "other")
        assert searching.search(connection, other, Selection()).total == 1


def test_an_index_is_not_created_over_another(index: Index) -> None:
    with (
        pytest.raises(SearchIndexError, match="Dataset d has a search index already"),
        index.database.write() as connection,
    ):
        schemas.create_index(connection, DATASET)
    assert index.search().total == 4
