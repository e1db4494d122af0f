"""What a verdict may hold."""

import pytest
from pydantic import ValidationError

from tasks.judging.judges import Verdict


@pytest.mark.parametrize(
    "fields",
    [
        {"preference": "c", "confidence": 0.5},
        {"preference": "a", "confidence": 1.01},
        {"preference": "a", "confidence": -0.01},
        {"preference": "a", "confidence": float("nan")},
        {"preference": "a", "confidence": 0.5, "reason": "two\nlines"},
        {"preference": "a", "confidence": 0.5, "reason": "a line and its end\n"},
        {"preference": "a", "confidence": 0.5, "reason": ""},
        {"preference": "a", "confidence": 0.5, "score": 1},
    ],
)
def test_a_malformed_verdict_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Verdict.model_validate(fields)


@pytest.mark.parametrize("reason", [None, "b names the argument — a does not"])
def test_a_reason_is_one_line_or_none(reason: str | None) -> None:
    assert Verdict(preference="both_bad", confidence=1, reason=reason).reason == reason
