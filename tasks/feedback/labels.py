"""The records of labelling: what a person is asked, where it was put, and what came back.

LabelRequest   one comparison as a person sees it, in the order they see it
LabelDataset   the Argilla dataset that holds a round's requests (tasks/records/feedback.py)
LabelResponse  one person's response as Argilla has it
Feedback       what the response says about the candidates (tasks/records/feedback.py)
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tasks.records import Message, Preference, Record, Sha256, Share

# Why the router chose a comparison, the strongest reason first.
RoutedWhy = Literal["audit", "swap-inconsistent", "disagrees-with-people", "unsure", "diverse"]
# Or `test`: an answer of the challenger beside one of the champion, to a test question; it measures and never trains.
Why = RoutedWhy | Literal["test"]


class Suggestion(Record):
    """A judge's verdict, shown to the person as a suggestion."""

    agent: str = Field(min_length=1, description="who suggests it: a feedback source such as `judge:reference`")
    preference: Preference = Field(description="a and b are the answers as they are shown")
    score: Share = Field(description="the judge's confidence")


class LabelRequest(Record):
    """One comparison put to people: everything the labelling page shows, and the way back to the candidates.

    `a` and `b` are the answers in the order in which they are shown, drawn for each record by itself.
    """

    id: Sha256 = Field(description="hash of domain, round, question and candidates; Argilla's external id")
    round: Annotated[int, Field(ge=1)]
    question_id: str
    prompt: tuple[Message, ...] = Field(min_length=1, description="the conversation, shown as a chat")
    contexts: tuple[str, ...] = Field(default=(), description="retrieved passages that the answers were given with")
    candidate_a: Sha256
    candidate_b: Sha256
    answer_a: str = Field(min_length=1)
    answer_b: str = Field(min_length=1)
    arms: tuple[str, str] = Field(description="arms of a and b; never shown to annotators")
    why: Why = Field(description="why this comparison was chosen")
    priority: Annotated[int, Field(ge=1)] = Field(description="1 is asked first")
    suggestion: Suggestion | None = Field(default=None, description="None where no judge spoke, and on the audit slice")
    judge_confidence: Share | None = Field(default=None, description="of the judge; never shown to annotators")


class LabelResponse(Record):
    """One person's response to one record, as Argilla has it now."""

    dataset_id: str
    request_id: str = Field(description="the record's external id; not always one of ours")
    user_id: str = Field(description="Argilla's uuid of the user")
    username: str | None = Field(description="None: the user was deleted")
    status: Literal["submitted", "discarded", "draft"]
    values: dict[str, object] = Field(description="by question name, as Argilla has them; nothing is checked yet")
    updated_at: datetime = Field(description="by the server's clock, in UTC")
