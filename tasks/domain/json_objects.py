"""One JSON object from one line, refusing what JSON parsers usually let pass without a word."""

import json
from typing import Any, NoReturn

from tasks.errors import DomainError
from tasks.files import canonical_json

MAX_DEPTH = 50
_SHOWN_CHARACTERS = 60
_BAD_NUMBER = (
    "holds a number that JSON has no form for (NaN, Infinity or too many digits); write a smaller one, or a string."
)


def parse_object(line: str) -> dict[str, Any]:
    """The object in a line of JSON; `canonical_json` can write it again and pydantic can read that.

    Raises:
        DomainError: with one problem that continues a sentence beginning "<file> line <n> ".
    """
    try:
        value = json.loads(line, object_pairs_hook=_refuse_repeated_keys, parse_constant=_refuse_constant)
        canonical_json(value).encode("utf-8")
        too_deep = _depth(value) > MAX_DEPTH
    except json.JSONDecodeError as error:
        rest = line[error.pos :].strip()
        near = f"near {_cut(_printable(rest), 20)}" if rest else "where it ends"
        raise DomainError(f"is not valid JSON ({error.msg}, column {error.colno}, {near}); correct it.") from error
    except UnicodeEncodeError as error:
        half = _printable(error.object[error.start])
        raise DomainError(f"holds half a character ({half} without its partner); write the whole one.") from error
    except ValueError as error:
        raise DomainError(_BAD_NUMBER) from error
    except RecursionError:
        too_deep = True
    if too_deep:
        raise DomainError(f"is nested more than {MAX_DEPTH} levels deep; flatten it.")
    if not isinstance(value, dict):
        raise DomainError(f'is {kind_of(value)}, not an object (value {shown(value)}); write {{"question": "…"}}.')
    return value


def kind_of(value: Any) -> str:
    """What JSON calls the value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):  # before int: Python counts a bool as one
        return "a boolean"
    kinds = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds[type(value)]


def shown(value: Any) -> str:
    """The value as JSON, cut to 60 characters and safe to print, for a message."""
    return _cut(_printable(canonical_json(value)), _SHOWN_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _printable(text: str) -> str:
    # A message must reach any terminal: half characters cannot be encoded, control characters can move the cursor.
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            values = f"{shown(fields[key])} and {shown(value)}"
            raise DomainError(f"has the key {shown(key)} twice (values {values}); keep one.")
        fields[key] = value
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise DomainError(_BAD_NUMBER)
