"""What a Markdown file says about itself before its text: YAML between two lines of ---."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from tasks.files import canonical_json

_FENCED = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_MAX_CHARACTERS = 16_384
_MAX_DEPTH = 10


def split_front_matter(text: str) -> tuple[dict[str, Any], str, str | None]:
    """What the front matter says, the text after it, and what is wrong with it.

    Without front matter, or with one that cannot be used, the text is all there is and nothing is taken from it. Dates
    become ISO 8601. What is wrong continues "<id>: its front matter ".
    """
    found = _FENCED.match(text, 0, _MAX_CHARACTERS)
    if found is None:
        return {}, text, None
    try:
        said = _read(found[1])
    except ValueError as error:
        return {}, text, f"{error}, so it was left as text; correct it, or remove it."
    return said, text[found.end() :].lstrip("\n"), None


def _read(block: str) -> dict[str, Any]:
    said = _parse(block)
    if not isinstance(said, dict):
        raise ValueError(f"holds {'nothing' if said is None else type(said).__name__}, not keys and values")
    plain = {str(key): _plain(value) for key, value in said.items() if value is not None}
    try:
        canonical_json(plain).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ValueError("holds values that are not text, numbers, dates or lists of them") from error
    return plain


def _parse(block: str) -> object:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        problem = _describe_danger(yaml.scan(block))
        said: object = None if problem else yaml.load(block)
    except (YAMLError, ValueError) as error:  # ValueError: 2026-99-99 looks like a date and is none
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"is not YAML (line {mark.line + 2})" if mark else "is not YAML") from error
    if problem:
        raise ValueError(problem)
    return said


def _describe_danger(tokens: Iterator[object]) -> str | None:
    """What would make a few lines into a document of any size, or take the parser any time."""
    depth = -1  # the stream itself begins and ends
    for token in tokens:
        name = type(token).__name__  # such as FlowSequenceStartToken and BlockEndToken
        if name == "AliasToken":
            return "has an alias (*name), which is not read"
        depth += name.endswith("StartToken") - name.endswith("EndToken")
        if depth > _MAX_DEPTH:
            return f"is nested more than {_MAX_DEPTH} deep"
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
