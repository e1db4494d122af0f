"""The test of a round as it could have come out: a challenger that is proven better, unless a test says otherwise."""

from typing import Any

from tasks.records import SuperiorityTest

FIELDS: dict[str, Any] = {
    "metric": "rouge_l",
    "questions": 40,
    "minimum_effect": 0.0,
    "p_value": 0.0004,
    "level": 0.019,
    "error_rate": 0.05,
    "earlier": (),
    "exposures": 0,
    "proven_gain": 0.02,
}


def superiority(**changes: Any) -> SuperiorityTest:
    """The test, with other fields where they are given."""
    return SuperiorityTest(**FIELDS | changes)


def not_proven(**changes: Any) -> SuperiorityTest:
    """A test whose challenger is not proven better."""
    return superiority(**{"p_value": 0.2, "proven_gain": None} | changes)
