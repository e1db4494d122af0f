"""How a challenger does on each skill, beside the champion and the best champion so far."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.records.base import Count, FileRef, Record, Share

WITH_RETRIEVAL = "with_retrieval"  # the skill of answering the frozen test set with passages
REFUSES = "refuses"  # the metric of skills of refusing: 1 where an answer refuses, else 0
KEEPS = "constraints_kept"  # the metric of skills of following instructions: share of a question's constraints kept

SkillKind = Literal["answer", "instruction", "refusal"]


class SkillAnswers(Record):
    """What champion and challenger said to the questions of a skill."""

    skill: str
    kind: SkillKind
    with_retrieval: bool
    questions: Count
    answers: FileRef = Field(description="rows of AnswerRow, arms champion and challenger")


class SkillTest(Record):
    """Whether the challenger is proven not to be worse on a skill by the margin or more.

    The reference is the champion or, where that was better, the best champion of an earlier round on the same
    questions: against the champion alone, losses that each stay within the margin would add up.
    """

    skill: str
    metric: str
    questions: Count
    enough: Annotated[int, Field(ge=1)] = Field(
        description="questions with which equal answers would prove it; with fewer they cannot"
    )
    margin: Annotated[float, Field(gt=0.0)] = Field(description="the loss that would matter")
    p_value: Share = Field(description="of a loss of the margin or more")
    level: Share = Field(description="the p-value up to which the finding holds")
    challenger: float = Field(description="mean of the metric")
    champion: float = Field(description="mean of the metric")
    reference: float = Field(description="mean of the metric")
    reference_version: Annotated[int, Field(ge=1)] = Field(description="the champion that is the reference")

    @property
    def held(self) -> bool:
        """Whether the challenger is proven not to be worse."""
        return self.p_value <= self.level

    @property
    def loss(self) -> float:
        """What the challenger falls behind the reference, in margins; 0 where it does not."""
        return max(0.0, self.reference - self.challenger) / self.margin


class Replay(Record):
    """Rows that a training sees more often than once, so that what was lost is learned again."""

    share: Share = Field(description="of the rows of SFT, those that are repeats")
    skill: str | None = Field(description="the skill that the last challenger lost most on; None: it lost on none")
    loss: Annotated[float, Field(ge=0.0)] = Field(description="how much, in margins")
    drawn_from: Literal["skill", "earlier_rounds", "nothing"] = Field(
        description="skill: rows whose questions belong to it; earlier_rounds: rows that the last round had, too"
    )
    repeats: Count = Field(description="rows that were added")

    def describe(self) -> str:
        """The share and why, as a part of a sentence."""
        why = f"the last challenger lost {self.loss:.2g} margins on {self.skill}" if self.skill else "nothing was lost"
        where = {
            "skill": "drawn from that skill's rows",
            "earlier_rounds": "drawn from the last round's rows",
            "nothing": "and there are no rows to draw from",
        }[self.drawn_from]
        return f"{self.repeats} repeats, a share of {self.share:.2f}: {why}; {where}"
