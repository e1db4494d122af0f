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
    swap_inconsistent: bool = Field(default=False, description="it changed its mind when a and b were swapped")
    both_orders: tuple[Preference, Preference] | None = Field(
        default=None,
        description="what it said with a shown first, and with b shown first, both of these a and b; None where it "
        "saw no order",
    )


class Judge(Protocol):
    """Anything that can say of every comparison which of the two candidates answers the question better.

    An LLM judge is not one: its budget can end, and its model can fail to answer. It has a verdict on some
    comparisons and a reason for the others; see `judge_comparisons` in llm_judge.
    """

    @property
    def name(self) -> str:
        """A short name, unique among judges, for example `reference`."""
        ...

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """One verdict for each comparison, in the same order."""
        ...
