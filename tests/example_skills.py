"""The test of a skill as it could have come out: a challenger that has kept it, unless a test says otherwise."""

from typing import Any

from tasks.records import SkillTest

FIELDS: dict[str, Any] = {
    "skill": "unit=metres",
    "metric": "rouge_l",
    "questions": 60,
    "enough": 43,
    "margin": 0.1,
    "p_value": 0.01,
    "level": 0.05,
    "challenger": 0.52,
    "champion": 0.5,
    "reference": 0.5,
    "reference_version": 1,
}


def skill_test(**changes: Any) -> SkillTest:
    """The test, with other fields where they are given."""
    return SkillTest(**FIELDS | changes)
