"""Production answers in tests, as they are read from traces and files."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tasks.monitoring.answers import ProductionAnswer

AT = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_numbers = count()


def answered(number: int = 1, **fields: Any) -> list[ProductionAnswer]:
    """So many answers alike, each with an id of its own, an hour before `AT`."""
    known: dict[str, Any] = {"asked_at": AT - timedelta(hours=1), **fields}
    return [ProductionAnswer(id=f"tr-{next(_numbers)}", **known) for _ in range(number)]


def rated(up: int, down: int, **fields: Any) -> list[ProductionAnswer]:
    """Answers with thumbs."""
    return [*answered(up, rating="up", **fields), *answered(down, rating="down", **fields)]
