"""Values as they are stored and compared: exact text, 64-bit integers, floats, and times in microseconds.

Elasticsearch's rules: an indexed number may be written as text, an integer's decimals are cut; a filter's value
must be of the property's type. What cannot be stored leaves the record without this value, with a warning, where
Elasticsearch would leave out the whole record.
"""

import json
import logging
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from .documents import ValueType
from .errors import QueryError

Stored = str | int | float

_LOGGER = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGERS = range(-(2**63), 2**63)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_DATE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)([T ](?P<hour>\d\d)(:(?P<minute>\d\d)"
    r"(:(?P<second>\d\d)([.,](?P<fraction>\d{1,9}))?)?)?)?)?)?(?P<zone>Z|[+-]\d\d(:?\d\d)?)?",
    re.ASCII,
)


def stored_values(value: Any, value_type: ValueType, where: str) -> list[Stored]:
    """The distinct values to store for what a document holds: none for None, several for a list.

    `where` names the place in the warning about a value that cannot be stored.
    """
    found: dict[Stored, None] = {}
    for item in _flattened(value):
        stored = _stored(item, value_type)
        if stored is None:
            _LOGGER.warning("%s: %.80r cannot be indexed as %s; filters will not find it", where, item, value_type)
        else:
            found[stored] = None
    return list(found)


def terms_of(values: Iterable[str], value_type: ValueType) -> list[Stored]:
    """The values of a terms filter, as they are stored.

    Raises:
        QueryError: when one is no number, and the property is numeric.
    """
    if value_type == "keyword":
        return [_text(value) for value in values]
    numbers = [_number(value) for value in values]
    if value_type == "integer":
        return [int(number) for number in numbers if float(number).is_integer() and int(number) in _INTEGERS]
    return [float(number) for number in numbers]


def bound_of(value: float | str, value_type: ValueType) -> Stored:
    """One end of a range filter, to compare stored values with.

    Raises:
        QueryError: when it is no number, and the property is numeric.
    """
    if value_type == "keyword":
        return _text(value) if isinstance(value, str) else json.dumps(value)
    number = _number(value)
    return number if isinstance(number, float) or number in _INTEGERS else float(number)


def microseconds_of(time: datetime) -> int:
    """Microseconds since 1970; a time without zone is taken for UTC."""
    return (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)


def date_bounds(value: float | str) -> tuple[int, int]:
    """The first and the last microsecond of a date: of the day for `2024-05-01`, of the second for one with seconds.

    Numbers are milliseconds since 1970.

    Raises:
        QueryError: when it is no date.
    """
    if not isinstance(value, str) or (_NUMBER.fullmatch(value) and not re.fullmatch(r"\d{4}", value)):
        number = _number(value)
        if not math.isfinite(number):
            raise _no_date(value)
        return int(number * 1000), int(number * 1000)
    match = _DATE.fullmatch(value.strip())
    if match is None:
        raise _no_date(value)
    try:
        return _bounds_of(match)
    except (ValueError, OverflowError) as error:
        raise _no_date(value) from error


def _bounds_of(match: re.Match[str]) -> tuple[int, int]:
    parts = match.groupdict()
    year, month, day = int(parts["year"]), int(parts["month"] or 1), int(parts["day"] or 1)
    zone = parts["zone"] or "Z"
    start = datetime.fromisoformat(f"{year:04}-{month:02}-{day:02}T00:00:00+00:00")
    start += timedelta(
        hours=_below(24, parts["hour"]), minutes=_below(60, parts["minute"]), seconds=_below(60, parts["second"])
    )
    if zone != "Z":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=_below(24, digits[:2]), minutes=_below(60, digits[2:]))
        start -= offset if zone[0] == "+" else -offset
    first = microseconds_of(start)
    if parts["fraction"]:
        first += int(parts["fraction"][:6].ljust(6, "0"))
        # Digits that are not written may be any, so that a millisecond holds its thousand microseconds.
        return first, first + 10 ** (6 - min(6, len(parts["fraction"]))) - 1
    return first, first + _length(parts, year, month) - 1


def _length(parts: dict[str, str | None], year: int, month: int) -> int:
    """How many microseconds the last part that is written spans."""
    for name, seconds in (("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400)):
        if parts[name]:
            return seconds * 1_000_000
    first = datetime(year, month, 1)
    end = datetime(year + month // 12, month % 12 + 1, 1) if parts["month"] else datetime(year + 1, 1, 1)
    return (end - first) // timedelta(microseconds=1)


def _below(limit: int, digits: str | None) -> int:
    number = int(digits or 0)
    if number >= limit:
        raise ValueError(f"{number} is not below {limit}")
    return number


def _no_date(value: float | str) -> QueryError:
    return QueryError(f"{value!r} is not a date: write it like 2024-05-31 or 2024-05-31T12:00:00Z.")


def _number(value: float | str) -> int | float:
    if isinstance(value, int | float):
        return value
    if not _NUMBER.fullmatch(value):
        raise QueryError(f"{value!r} is not a number, and the property is numeric: filter by a number.")
    return int(value) if re.fullmatch(r"\s*[+-]?\d{1,25}\s*", value, re.ASCII) else float(value)


def _flattened(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple | set):
        for item in value:
            yield from _flattened(item)
    elif value is not None:
        yield value


def _stored(value: Any, value_type: ValueType) -> Stored | None:
    if value_type == "keyword":
        if isinstance(value, str):
            return _text(value)
        return json.dumps(value) if isinstance(value, bool | int | float) else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = _number(value)
    if not isinstance(value, int | float) or not abs(value) < 2**1023:
        return None
    if value_type == "integer":
        return int(value) if int(value) in _INTEGERS else None
    return float(value)


def _text(value: str) -> str:
    """The text without what UTF-8 cannot hold: JSON can escape half a character, SQLite cannot store one."""
    return str(value).encode("utf-8", "replace").decode("utf-8")
