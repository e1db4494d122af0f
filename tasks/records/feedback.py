"""What is said about candidates, by whom, and where they were asked."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from tasks.records.base import Count, FileRef, Preference, Rating, Record, Seconds, Sha256, Share
from tasks.records.domain import Question
from tasks.records.models import ModelVersion


class Candidate(Record):
    """One sampled answer."""

    id: Sha256 = Field(description="hash of question id, text, weights, sampling settings and passages")
    question_id: str
    text: str = Field(description="the answer, special tokens removed, stripped")
    arm: str = Field(description="the way it was answered: base, rag, ft or rag_ft")
    weights_sha256: Sha256 = Field(description="adapter or base that wrote it")
    temperature: Annotated[float, Field(ge=0.0)]
    seed: int
    prompt_tokens: Count
    completion_tokens: Count
    latency_s: Seconds = Field(description="wall-clock seconds of the batch that held it")
    contexts: tuple[str, ...] = Field(default=(), description="passages in its prompt, in their order")


class Comparison(Record):
    """Two candidates for one question, put to a judge or a person."""

    question: Question
    a: Candidate
    b: Candidate


class Feedback(Record):
    """One judgement on two candidates; on a single one, which both sides then name, a rating or a correction."""

    id: Sha256 = Field(
        description="hash of source, annotator, question, candidates and request, so that a judgement counts once"
    )
    question_id: str
    candidate_a: Sha256
    candidate_b: Sha256
    preference: Preference = Field(
        description="a, b, tie (as good as each other) or both_bad; tie on a single candidate"
    )
    rating: Rating | None = Field(default=None, description="an end user's thumb on a single candidate")
    source: str = Field(
        description="who judged: `human`, `oracle` (a script in a person's place), `judge:reference`, "
        "`judge:<name>@<version>` (an LLM judge), `end_user`"
    )
    annotator: str | None = Field(default=None, description="opaque id of the person, None for judges")
    confidence: Share = Field(default=1.0, description="how sure the source was, 0 to 1")
    correction: str | None = Field(default=None, description="a better answer, written by the source")
    reason: str | None = Field(default=None, description="the source's explanation")
    round: Annotated[int, Field(ge=1)] = Field(description="the round that asked")
    audit: bool = Field(default=False, description="asked on the audit slice: chosen at random, no suggestion shown")
    swap_inconsistent: bool = Field(
        default=False, description="a judge that changed its mind when a and b were swapped"
    )
    both_orders: tuple[Preference, Preference] | None = Field(
        default=None,
        description="what a judge said with a shown first, and with b shown first, both of these a and b; "
        "None for people, and for judges to whom position is nothing",
    )
    given_at: datetime | None = Field(
        default=None, description="when it was last edited, by the clock of the server that holds it; None for judges"
    )
    retracted: bool = Field(
        default=False, description="taken back by its author: counts no more, whatever else it says"
    )


class LabelDataset(Record):
    """A round's requests in Argilla; the audit slice has a dataset of its own, because two people answer it."""

    id: str = Field(min_length=1, description="Argilla's uuid of the dataset; names can repeat across workspaces")
    name: str
    workspace: str
    url: str = Field(description="the labelling page")
    audit: bool
    requests: FileRef = Field(description="rows of LabelRequest")


class FeedbackBatch(Record):
    """What one round collected."""

    round: Annotated[int, Field(ge=1)]
    model_version: ModelVersion = Field(description="the champion that was sampled")
    candidates: FileRef = Field(description="rows of Candidate")
    feedback: FileRef = Field(description="rows of Feedback: this batch's segment of the log")
    questions: Count = Field(description="train questions sampled")
    preferences: dict[str, Count] = Field(description="judgements by outcome: a, b, tie, both_bad")
    label_datasets: tuple[LabelDataset, ...] = Field(default=(), description="where people were asked, if they were")
