"""A domain as a round sees it: questions and documents."""

from typing import Any

from pydantic import Field

from tasks.records.base import Count, FileRef, Record, Split


class Question(Record):
    """One question of a domain, with everything the user said about it."""

    id: str = Field(min_length=1, description="unique in the domain; the user's own, or derived from the text")
    question: str = Field(min_length=1, description="the text put to the model")
    answer: str | None = Field(default=None, description="the reference answer, when there is one")
    family: str = Field(min_length=1, description="questions that ask the same thing share it; the unit of splitting")
    split: Split = Field(description="train: may be learned from; test: only ever evaluated on")
    sources: tuple[str, ...] = Field(default=(), description="ids of the documents that hold the answer")
    metadata: dict[str, Any] = Field(default_factory=dict, description="the user's own keys, `synthetic` among them")
    answerable: bool = Field(
        default=True, description="False: the documents do not hold the answer, and an arm should say so"
    )


class Document(Record):
    """One text of a domain."""

    id: str = Field(min_length=1, description="path relative to the config's folder, with forward slashes")
    text: str = Field(description="the plain text, decoded from UTF-8")
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="`format`, `folder`, `title` where there is one, and what a Markdown file's front matter says",
    )


class Domain(Record):
    """A domain as it was when the round began."""

    name: str = Field(description="the config's `name`")
    questions: FileRef = Field(description="all questions, in file order")
    documents: FileRef = Field(description="all documents, sorted by id")
    train_questions: Count = Field(description="questions with split train")
    test_questions: Count = Field(description="questions with split test and an answer: the frozen test set")
    shared_families: Count = Field(description="families in both splits, possible only by explicit `split`s")
    synthetic_train_questions: Count = Field(default=0, description="train questions that a program wrote")
    synthetic_test_questions: Count = Field(
        default=0, description="questions of the frozen test set that a program wrote, each by an explicit `split`"
    )
    skills: dict[str, FileRef] = Field(default_factory=dict, description="questions of each skill of the config's")
