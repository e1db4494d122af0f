"""Pieces of documents: as an index holds them, and as a question gets them."""

from pydantic import Field

from tasks.records.base import Count, Record, Sha256


class Chunk(Record):
    """A piece of a document that is matched against questions, and the window around it that is returned.

    Places are counted in characters: `document.text[start:end] == text`.
    """

    id: str = Field(min_length=1, description="`<document id>:<start>-<end>`")
    document_id: str = Field(min_length=1, description="the document it was cut from")
    start: Count = Field(description="place of its first character in the document's text")
    end: Count = Field(description="place after its last character")
    text: str = Field(description="what is matched; it neither begins nor ends with a space")
    window_start: Count = Field(description="place of the first character that is returned, `start` or before it")
    window_end: Count = Field(description="place after the last character that is returned, `end` or after it")
    heading: tuple[str, ...] = Field(default=(), description="titles of the sections it lies in, outermost first")


class Passage(Record):
    """What a question gets of a document: the window of a chunk that matched."""

    chunk_id: str = Field(min_length=1, description="the chunk that matched")
    document_id: str = Field(min_length=1, description="the document it was cut from")
    start: Count = Field(description="place of its first character in the document's text")
    end: Count = Field(description="place after its last character")
    text: str = Field(description="`document.text[start:end]`")
    score: float = Field(description="of the last stage that scored it: fusion or reranker; higher is better")


class IndexRef(Record):
    """An index of a domain's documents, named by its content; its files are below `indexes/<sha256>`."""

    sha256: Sha256 = Field(description="hash of the manifest, which names every file by its hash")
    documents: Count = Field(description="documents it holds, each text once")
    chunks: Count = Field(description="pieces they were cut into")
    duplicate_documents: Count = Field(description="documents left out, having the text of one that it holds")
    empty_documents: Count = Field(description="documents left out, having no text")
    embedding_model: str | None = Field(
        description="what the config called the model of its vectors; None: it has none"
    )
    questions_by: str | None = Field(
        default=None, description="who wrote its hypothetical questions, by which instructions; None: it has none"
    )
