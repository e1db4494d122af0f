"""Values are stored and compared as Elasticsearch does it; what cannot be is left out, or refused in a sentence."""

import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tasks.embedded_argilla.server.sqlite_search.documents import ValueType
from tasks.embedded_argilla.server.sqlite_search.errors import QueryError
from tasks.embedded_argilla.server.sqlite_search.values import (
    bound_of,
    date_bounds,
    microseconds_of,
    stored_values,
    terms_of,
)


@pytest.mark.parametrize(
    ("value", "value_type", "stored"),
    [
        ("a", "keyword", ["a"]),
        (["a", "b", "a", None, ["c"]], "keyword", ["a", "b", "c"]),
        (True, "keyword", ["true"]),
        (1.5, "keyword", ["1.5"]),
        ("\ud83d half", "keyword", ["? half"]),
        (None, "keyword", []),
        ([], "keyword", []),
        (7, "integer", [7]),
        ("7", "integer", [7]),
        (7.9, "integer", [7]),
        (2**63 - 1, "integer", [2**63 - 1]),
        (7, "float", [7.0]),
        ("1e3", "float", [1000.0]),
        ([0.5, 0.25], "float", [0.5, 0.25]),
    ],
)
def test_what_is_stored(value: Any, value_type: ValueType, stored: list[Any]) -> None:
    assert stored_values(value, value_type, "here") == stored


@pytest.mark.parametrize(
    ("value", "value_type"),
    [
        ({"a": 1}, "keyword"),
        ("seven", "integer"),
        (2**63, "integer"),
        (10**400, "float"),
        (float("inf"), "float"),
        (float("nan"), "float"),
        (float("inf"), "integer"),
        ("1_000", "integer"),
    ],
)
def test_what_cannot_be_stored_is_left_out_with_a_warning(
    value: Any, value_type: ValueType, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert stored_values([value], value_type, "Record 1, metadata x") == []
    assert f"cannot be indexed as {value_type}" in caplog.text
    assert "Record 1, metadata x" in caplog.text


@pytest.mark.parametrize(
    ("values", "value_type", "terms"),
    [
        (["a", "1"], "keyword", ["a", "1"]),
        (["5", "5.0", "5.5", " 6 "], "integer", [5, 5, 6]),
        (["9007199254740993"], "integer", [9007199254740993]),
        (["1e400", str(2**64)], "integer", []),
        (["0.5", "1"], "float", [0.5, 1.0]),
    ],
)
def test_the_terms_of_a_filter(values: list[str], value_type: ValueType, terms: list[Any]) -> None:
    assert terms_of(values, value_type) == terms


@pytest.mark.parametrize(
    ("value", "value_type", "bound"),
    [
        (1.5, "integer", 1.5),
        ("2", "integer", 2),
        (1e300, "integer", 1e300),
        ("b", "keyword", "b"),
        (3.0, "keyword", "3.0"),
        (0.25, "float", 0.25),
    ],
)
def test_the_bound_of_a_range(value: Any, value_type: ValueType, bound: Any) -> None:
    assert bound_of(value, value_type) == bound


@pytest.mark.parametrize("value", ["many", "", "0x10", "1_000", "nan", "inf"])
def test_a_filter_that_is_no_number_is_refused_in_a_sentence(value: str) -> None:
    sentence = f"{value!r} is not a number, and the property is numeric: filter by a number."
    with pytest.raises(QueryError) as refused:
        bound_of(value, "float")
    assert str(refused.value) == sentence
    with pytest.raises(QueryError) as refused:
        terms_of([value], "integer")
    assert str(refused.value) == sentence


def at(*parts: int) -> int:
    """Microseconds since 1970 of a time in UTC."""
    return microseconds_of(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", at(2024, 1, 1), at(2025, 1, 1)),
        ("2024-02", at(2024, 2, 1), at(2024, 3, 1)),
        ("2024-12", at(2024, 12, 1), at(2025, 1, 1)),
        ("2024-02-29", at(2024, 2, 29), at(2024, 3, 1)),
        ("2024-05-01T10", at(2024, 5, 1, 10), at(2024, 5, 1, 11)),
        ("2024-05-01T10:30", at(2024, 5, 1, 10, 30), at(2024, 5, 1, 10, 31)),
        ("2024-05-01 10:30:15", at(2024, 5, 1, 10, 30, 15), at(2024, 5, 1, 10, 30, 16)),
        ("2024-05-01T10:30:15.5Z", at(2024, 5, 1, 10, 30, 15, 500_000), at(2024, 5, 1, 10, 30, 15, 600_000)),
        ("2024-05-01T10:30:15.123456", at(2024, 5, 1, 10, 30, 15, 123_456), at(2024, 5, 1, 10, 30, 15, 123_457)),
        ("2024-05-01T10:30:15.123456789", at(2024, 5, 1, 10, 30, 15, 123_456), at(2024, 5, 1, 10, 30, 15, 123_457)),
        ("2024-05-01T12:00:00+02:00", at(2024, 5, 1, 10), at(2024, 5, 1, 10, 0, 1)),
        ("2024-05-01T12:00:00-0530", at(2024, 5, 1, 17, 30), at(2024, 5, 1, 17, 30, 1)),
        ("1714557600000", at(2024, 5, 1, 10), at(2024, 5, 1, 10, 0, 0, 1)),
    ],
)
def test_a_date_spans_what_its_last_part_spans(text: str, first: int, after: int) -> None:
    assert date_bounds(text) == (first, after - 1)


def test_a_number_is_a_date_in_milliseconds() -> None:
    assert date_bounds(1714557600000.0) == (at(2024, 5, 1, 10), at(2024, 5, 1, 10))


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2024-13-01", "2024-02-30", "2024-05-01T25", "2024-05-01T10:61", "", "now-1d", "0000", "1e999"],
)
def test_what_is_no_date_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(QueryError) as refused:
        date_bounds(text)
    assert str(refused.value) == f"{text!r} is not a date: write it like 2024-05-31 or 2024-05-31T12:00:00Z."


def test_a_time_without_zone_is_utc() -> None:
    naive = datetime(2024, 5, 1, 12)
    assert microseconds_of(naive) == microseconds_of(naive.replace(tzinfo=UTC))
    assert microseconds_of(naive.replace(tzinfo=timezone(timedelta(hours=2)))) == at(2024, 5, 1, 10)
