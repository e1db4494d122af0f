"""A question with its answer and the place in a document that it was written from."""

from pydantic import Field

from tasks.records import Count, Record


class Draft(Record):
    """A question that somebody or something wrote from a document; whether it is any good is not said yet.

    The evidence is the stretch of the document that holds the answer. Its places are counted in characters.
    """

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    document_id: str = Field(min_length=1, description="the document it was written from")
    start: Count = Field(description="place of the evidence's first character in the document's text")
    end: Count = Field(description="place after its last character")
    writer: str = Field(min_length=1, description="`template <name>`, or the identity of the model that wrote it")


def on_one_line(text: str) -> str:
    """The text with every run of white space as one space, and none at its ends."""
    return " ".join(text.split())
