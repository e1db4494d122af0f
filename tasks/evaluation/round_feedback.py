"""What a report has to say of people and judges in its round."""

from pydantic import Field

from tasks.curation.summary import FeedbackSummary
from tasks.evaluation.round_win_rates import RoundWinRates
from tasks.judging.work import JudgeWork
from tasks.records import Record


class RoundFeedback(Record):
    """What people and judges said in a round; what is None or empty is left out of the report."""

    summary: FeedbackSummary | None = Field(default=None, description="what the challenger learned from")
    win_rates: RoundWinRates | None = Field(default=None, description="of challenger against champion")
    work: tuple[JudgeWork, ...] = Field(default=(), description="what LLM judges were asked")


NOTHING_SAID = RoundFeedback()
