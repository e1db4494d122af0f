"""What a model learns from: demonstrations, preference pairs and rated answers in a snapshot."""

from typing import Literal

from pydantic import Field

from tasks.records.base import Count, FileRef, Record, Sha256, Share


class Message(Record):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Demonstration(Record):
    """A prompt with a good completion, for SFT."""

    id: Sha256
    question_id: str
    family: str
    prompt: tuple[Message, ...]
    completion: str
    source: str = Field(description="`reference` or `correction:<feedback id>`")
    feedback: tuple[Sha256, ...] = Field(default=(), description="ids of the judgements it comes from, sorted")


class PreferencePair(Record):
    """A prompt with a chosen and a rejected completion, for DPO."""

    id: Sha256
    question_id: str
    family: str
    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    source: str = Field(
        description="`<feedback source>:<feedback id>`, `correction:<feedback id>` or `reference:<candidate id>`"
    )
    confidence: Share = Field(default=1.0, description="the judgement's confidence, 0 to 1")
    feedback: tuple[Sha256, ...] = Field(default=(), description="ids of the judgements it comes from, sorted")


class RatedAnswer(Record):
    """A prompt with one completion that was found good or bad, for KTO."""

    id: Sha256
    question_id: str
    family: str
    prompt: tuple[Message, ...]
    completion: str
    desirable: bool = Field(description="thumbs up; False: thumbs down")
    source: str = Field(description="`<feedback source>:<feedback id>`")
    feedback: tuple[Sha256, ...] = Field(default=(), description="ids of the judgements it comes from, sorted")


class Snapshot(Record):
    """An immutable dataset named by its content."""

    sha256: Sha256 = Field(description="hash over its files; the folder's name")
    demonstrations: FileRef
    preference_pairs: FileRef
    rated_answers: FileRef
    parents: tuple[Sha256, ...] = Field(description="hashes of the questions and feedback it was built from, sorted")
    dropped: dict[str, Count] = Field(description="rows left out, by reason")
