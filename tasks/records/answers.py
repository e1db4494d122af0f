"""What the benchmark says of answers: which of their claims stand in the passages, and which abstain."""

from typing import Annotated

from pydantic import Field

from tasks.records.base import Count, Record, Share
from tasks.records.evaluation import AnswerRow, MetricSummary


class Evidence(Record):
    """A sentence of a document that stood in the prompt, cited for a claim."""

    document_id: str
    start: Count = Field(description="place of its first character in the document's text")
    end: Count = Field(description="place after its last character")
    text: str = Field(description="`document.text[start:end]`")
    passage: Annotated[int, Field(ge=1)] = Field(description="the number of its passage in the prompt")


class Claim(Record):
    """One sentence of an answer, and what of the passages supports it."""

    text: str
    support: Share = Field(description="share of its words that the evidence holds, weighted by how rare they are")
    supported: bool
    evidence: tuple[Evidence, ...] = Field(description="sentences that hold its words, the one with most first")


class BenchmarkAnswer(AnswerRow):
    """One line of a benchmark's answers.jsonl; the answer is without the citations at its end."""

    answerable: bool = Field(default=True, description="False: of a question that the documents do not answer")
    abstained: bool = Field(default=False, description="the answer says that it does not know")
    claims: tuple[Claim, ...] = Field(default=(), description="of arms that retrieve; none where it abstained")
    cited: tuple[int, ...] = Field(default=(), description="numbers of passages that the answer cited at its end")


class ArmGroundedness(Record):
    """How much of what an arm claims stands in the passages it was given."""

    claims: Count = Field(description="sentences of its answers that are no abstention")
    supported: Count
    share: MetricSummary | None = Field(
        description="supported claims of all claims, with a bootstrap interval over answers; None: it claims nothing"
    )
    answers_with_claims: Count
    several_documents: Count = Field(description="answers whose supported claims rest on more than one document")
    answers_citing: Count = Field(description="answers that end with citations of their own")
    own_citations: Count = Field(description="those citations, of questions whose sources are known")
    own_citations_right: Count = Field(description="those of them that point to a passage of a source")


class Refrained(Record):
    """How many of some questions an arm abstained on."""

    questions: Count
    abstained: Count
    share: MetricSummary | None = Field(description="with its Wilson interval; None: there are no such questions")


class ArmAbstention(Record):
    """How often an arm says that it does not know: where it should, and where it should not."""

    unanswerable: Refrained = Field(description="test questions that the documents do not answer: more is better")
    answerable: Refrained = Field(description="the test questions with an answer: fewer is better")
