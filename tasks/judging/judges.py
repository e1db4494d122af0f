"""What every judge has in common: comparisons in, verdicts out, in the same order."""

from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import Field, StringConstraints

from tasks.records import Comparison, Preference, Record, Share

OneLine = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\r\n]*$")]


class Verdict(Record):
    """One judge's opinion on one comparison."""

    preference: Preference = Field(description="a, b, tie (as good as each other) or both_bad")
    confidence: Share = Field(description="how sure the judge is, 0 to 1")
    reason: OneLine | None = Field(default=None, description="the judge's explanation, in one line")


class Judge(Protocol):
    """Anything that can say which of two candidates answers a question better."""

    @property
    def name(self) -> str:
        """A short name, unique among judges, for example `reference`."""
        ...

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """One verdict for each comparison, in the same order."""
        ...
