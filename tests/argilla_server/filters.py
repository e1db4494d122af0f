"""Filters and what they are about, as Argilla's HTTP API takes them."""

from typing import Any


def terms(scope: dict[str, Any], *values: str) -> dict[str, Any]:
    """A terms filter."""
    return {"type": "terms", "scope": scope, "values": list(values)}


def between(scope: dict[str, Any], ge: Any = None, le: Any = None) -> dict[str, Any]:
    """A range filter."""
    return {"type": "range", "scope": scope, "ge": ge, "le": le}


def metadata(name: str) -> dict[str, Any]:
    return {"entity": "metadata", "metadata_property": name}


def response(question: str | None = None, property: str | None = None) -> dict[str, Any]:
    return {"entity": "response", "question": question, "property": property}


def suggestion(question: str, property: str = "value") -> dict[str, Any]:
    return {"entity": "suggestion", "question": question, "property": property}


def record(property: str) -> dict[str, Any]:
    return {"entity": "record", "property": property}


STATUS = response(property="status")
